"""What there is without the extra: `demo`, and `memberships` as plain text. The rest says what to install."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.running import NOBODY, ROOT, Done, Terminal, call

from groups_sdk import Group, GroupMembership, Role, User, __version__
from groups_sdk._terminal import printable
from groups_sdk.cli import _demo as demo
from groups_sdk.cli import main
from groups_sdk.cli._catalog import COMMANDS
from groups_sdk.cli._text_table import MEMBERSHIP_COLUMNS, membership_row, table
from groups_sdk.testing import FakeSnyk

TOKEN = FakeSnyk.TOKEN
# The real entry point, in a Python that cannot import what the extra brings.
CODE = "import sys; sys.modules['click'] = None; from groups_sdk.cli import main; raise SystemExit(main())"
COMMAND = [sys.executable, "-W", "error", "-c", CODE]


def run(*arguments: str) -> Done:
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, cwd=ROOT)
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(autouse=True)
def no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "groups_sdk.cli._app", raising=False)
    monkeypatch.setitem(sys.modules, "click", None)


def test_demo_does_the_main_job_and_says_what_to_do_next() -> None:
    done = run("demo")
    assert done.code == 0, done.err
    assert done.err == ""
    assert max(map(len, done.out.splitlines())) <= 80
    for sign in (
        "page 2: 10 memberships",
        " -> ",
        "is out of the group",
        "org memberships now: 0",
        "NotFoundError",
    ):
        assert done.out.count(sign) >= 2, sign
    assert "[request" in done.out
    assert done.out.rpartition("\n=")[2].partition("\n")[2].startswith("Next: set SNYK_TOKEN")


def test_demo_shows_the_same_on_both_clients(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    chapters = capsys.readouterr().out.split("\n\n")
    steps = [chapter for chapter in chapters if chapter.startswith("> ")]
    half = len(steps) // 2
    assert half == 6
    assert [step.replace("await ", "") for step in steps[:half]] == steps[half:]


def test_demo_changes_what_it_says() -> None:
    fake = FakeSnyk.example()
    with fake.client() as client:
        demo._tour_again(client)
    assert [r.method for r in fake.requests if r.method != "GET"] == ["PATCH", "DELETE", "PATCH"]
    assert [r.status for r in fake.requests if r.method != "GET"] == [204, 204, 404]


def test_memberships_prints_a_table_with_the_count(fake: FakeSnyk, group_id: str) -> None:
    with fake.client() as client:
        members = client.list_memberships(group_id).collect()
    done = run("memberships", group_id)
    assert (done.code, done.err) == (0, "")
    head, *rows, empty, count = done.out.splitlines()
    assert head.split() == list(MEMBERSHIP_COLUMNS)
    assert [row.split()[0] for row in rows] == [m.user.email for m in members]
    assert (empty, count) == ("", f"{len(members)} memberships")


def test_memberships_passes_its_options_on(
    fake: FakeSnyk, group_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with fake.client() as client:
        someone = client.list_memberships(group_id, role_name="Group Admin").first()
    assert someone is not None
    email = someone.user.email
    assert email is not None
    options = ["--role-name", "Group Admin", "--email", email, "--sort-by", "email", "--sort-order", "ASC"]
    assert main(["memberships", group_id, *options, "--limit", "1"]) == 0
    assert capsys.readouterr().out.endswith("\n1 membership\n")
    query = dict(fake.requests[-1].query)
    query.pop("version")
    assert query == {
        "role_name": "Group Admin",
        "email": email,
        "sort_by": "email",
        "sort_order": "ASC",
        "limit": "100",
    }


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, 1, "400"),
        (401, 3, "`groups-sdk whoami` shows"),
        (403, 3, "group.membership.read"),
        (404, 4, "It does not exist in this region"),
        (410, 1, "410"),
    ],
)
def test_error_is_one_line_and_its_exit_code_tells_its_kind(
    fake: FakeSnyk, group_id: str, capsys: pytest.CaptureFixture[str], status: int, code: int, words: str
) -> None:
    fake.fail_next(status=status)
    assert main(["memberships", group_id]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("groups-sdk: error: GET /groups/")
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert TOKEN not in captured.err


def test_memberships_keeps_to_a_shared_limit(
    fake: FakeSnyk, group_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNYK_GROUPS_SHARED_LIMIT", str(tmp_path / "limit"))
    assert main(["memberships", group_id]) == 0
    assert (tmp_path / "limit").stat().st_size > 0


def test_unknown_group_is_not_found(fake: FakeSnyk, capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "memberships", NOBODY)
    assert (done.code, done.out) == (4, "")
    assert "request id" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["memberships"], "GROUP_ID"),
        (["memberships", "not-a-uuid"], "group_id must be a UUID"),
        (["memberships", NOBODY, "--limit", "0"], "--limit must be 1 or more"),
        (["memberships", NOBODY, "--limit", "many"], "--limit"),
        (["memberships", NOBODY, "--sort-by", "age"], "--sort-by"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    fake: FakeSnyk, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    try:
        code: object = main(arguments)
    except SystemExit as ended:  # argparse's way
        code = ended.code
    assert code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert not fake.requests


def test_without_a_token_it_says_where_it_looked(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys, "memberships", NOBODY)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "SNYK_TOKEN" in done.err


def test_alone_it_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    done = call(capsys)
    assert done.code == 0
    assert done.out.startswith("usage: groups-sdk")
    assert "exit codes" in done.out


def test_version() -> None:
    assert run("--version").out == f"groups_sdk {__version__}\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_reader_that_goes_away_is_no_traceback(unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(COMMAND, stdout=gone, stderr=subprocess.PIPE, cwd=ROOT)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process")
def test_interrupt_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("SNYK_API", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("SNYK_TOKEN", TOKEN)
        process = subprocess.Popen(
            [*COMMAND, "memberships", NOBODY],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        with connection:
            # Not while it connects: anyio before 4.16 leaves a socket to the garbage collector when cancelled there.
            assert connection.recv(3) == b"GET"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"interrupted\n")


def test_interrupted_demo_is_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupt)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_terminal_gets_lines_that_fit_and_a_pipe_gets_everything(
    fake: FakeSnyk, group_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    texts = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["memberships", group_id]) == 0
        texts.append(stream.getvalue())
    assert max(map(len, texts[0].splitlines())) <= 40
    assert "..." in texts[0]
    assert "..." not in texts[1]


def test_terminal_without_unicode_gets_escapes(
    fake: FakeSnyk, group_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    body = (
        b'{"data": [{"id": "331ede0a-de94-456f-b788-166caeca58bf", "type": "group_membership",'
        b'"attributes": {"created_at": "2024-01-02T03:04:05Z"},'
        b'"relationships": {"user": {"data": {"id": "x", "type": "user", "attributes":'
        b'{"name": "Zo\xc3\xab\\u001b[2J", "username": "z", "email": "z@example.com"}}}}}], "links": {}}'
    )
    fake.fail_next(status=200, body=body)
    assert main(["memberships", group_id]) == 0
    assert rb"Zo\xeb\x1b[2J" in raw.getvalue()


def test_names_cannot_move_the_cursor_or_turn_the_text() -> None:
    assert printable("Zoë 東京") == "Zoë 東京"
    assert printable("a\x1b[2Jb\nc\u202ed\u200b") == "a\\x1b[2Jb\\nc\\u202ed\\u200b"


def test_cells_that_the_api_left_out_are_dashes() -> None:
    since = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
    membership = GroupMembership("m", since, User(""), Role(""), Group(""))
    assert membership_row(membership) == ("-", "-", "-", "-", "2024-02-29")


def test_table_aligns_wide_and_combining_characters() -> None:
    lines = table(("NAME", "ROLE"), [("東京", "a"), ("e\u0301e", "b")])
    assert lines == ["NAME  ROLE", "東京  a", "e\u0301e    b"]


def test_table_narrows_its_widest_columns_first() -> None:
    lines = table(("EMAIL", "ROLE"), [("somebody@example.com", "Admin"), ("東京東京東京東京", "x")], width=16)
    assert lines == ["EMAIL      ROLE", "somebo...  Admin", "東京東...  x"]


def test_table_keeps_its_heads_where_nothing_fits() -> None:
    assert table(("EMAIL", "ID"), [("somebody@example.com", "123456")], width=3) == [
        "EMAIL  ID",
        "so...  1...",
    ]


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("demo", "memberships")])
def test_every_other_command_says_what_to_install(capsys: pytest.CaptureFixture[str], command: str) -> None:
    done = call(capsys, command, "whatever", "--fake")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f'groups-sdk: error: "{command}" needs the extra "cli": python -m pip install "groups-sdk[cli]"\n'
    )
