"""`groups-sdk review`: what it prints, what it writes, and what it says has changed."""

from __future__ import annotations

import csv
import io
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.loopback import served
from support.running import FAKE_NOTE, PATIENCE, Done, Terminal, call, run, start

from groups_sdk.access import Review
from groups_sdk.cli import main
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE = "ada.0000@example.com", "grace.0001@example.com"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Call:
    return lambda *arguments: call(capsys, *arguments)


def test_terminal_gets_totals_and_whom_to_look_at(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("review", group_id, "-o", "table", "--orgs")
    assert (done.code, done.err) == (0, "")
    first, *_ = done.out.splitlines()
    assert first == "Engineering: 36 members, 3 admins, 14 not on SSO, 6 in no organization"
    sections = [section.splitlines() for section in done.out.split("\n\n")]
    assert [section[0].split("  ")[0] for section in sections[1:]] == [
        *("ROLE", "LOGIN", "JOINED"),
        *("ADMINS", "NOT ON SSO", "IN NO ORGANIZATION"),
    ]
    assert sections[1][1].split() == ["Group", "Member", "27", "#" * 24]
    assert sections[5][-1] == "... and 4 more: --csv, --jsonl, --html and --xlsx have everybody"


def test_empty_group_and_unknown_login_methods_are_said_to_be(fake: FakeSnyk, cli: Call) -> None:
    group = fake.add_group("Empty")
    done = cli("review", group.id, "-o", "table")
    assert done.out == f"{group.id}: 0 members, 0 admins, 0 not on SSO\n"
    user = {"id": group.id, "type": "user", "attributes": {"name": "Zoë", "username": "zoe", "email": "z@x"}}
    membership = {
        "id": group.id,
        "type": "group_membership",
        "attributes": {"created_at": "2024-01-02T03:04:05Z"},
        "relationships": {"user": {"data": user}},
    }
    fake.fail_next(status=200, body={"data": [membership], "links": {}})
    done = cli("review", group.id, "-o", "table")
    assert done.out.startswith(f"{group.id}: 1 member, 0 admins, 0 not on SSO, login method unknown for 1\n")


def test_pipe_gets_the_lossless_form(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    done = cli("review", group_id, "--orgs")
    assert (done.code, done.err) == (0, "")
    (tmp_path / "review.jsonl").write_text(done.out, encoding="utf-8")
    review = Review.from_jsonl(tmp_path / "review.jsonl")
    assert len(review.members) == 36
    assert review.org_memberships


def test_csv_on_stdout_is_that_of_the_file(fake: FakeSnyk, group_id: str, tmp_path: Path) -> None:
    done = run("review", group_id, "-o", "csv")
    assert (done.code, done.err) == (0, "")
    (tmp_path / "review.csv").write_bytes(done.out.encode())
    assert len(Review.from_csv(tmp_path / "review.csv").members) == 36


def test_csv_on_a_terminal_has_lines_and_nothing_that_moves_the_cursor(
    fake: FakeSnyk, group_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = fake.add_user(name="\x1b[2J\r\u202ex", email="evil@example.com")
    fake.add_membership(group_id, user.id, fake.memberships(group_id)[0].role.id)
    monkeypatch.setattr(sys, "stdout", screen := Terminal())
    assert main(["review", group_id, "-o", "csv"]) == 0
    assert all(c.isprintable() or c == "\n" for c in screen.getvalue())
    assert len(list(csv.DictReader(io.StringIO(screen.getvalue())))) == 37


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_members_are_printed_too_beside_a_file_when_asked_for(
    fake: FakeSnyk, group_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str
) -> None:
    monkeypatch.setattr(sys, "stdout", pipe := io.StringIO())
    assert main(["review", group_id, "-o", form, "--html", str(tmp_path / "review.html")]) == 0
    (tmp_path / f"out.{form}").write_text(pipe.getvalue(), encoding="utf-8", newline="")
    assert len(Review.read(tmp_path / f"out.{form}").members) == 36
    assert (tmp_path / "review.html").exists()


def test_json_is_one_document(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    document = json.loads(cli("review", group_id, "-o", "json", "--orgs").out)
    assert document["group"] == {"id": group_id, "name": "Engineering"}
    assert document["totals"]["by_role"]["Group Admin"] == 3
    assert document["members"][0]["email"] == ADA
    assert document["members"][0]["sso"] is True
    assert document["members"][0]["organizations"] == "Payments (Org Admin)"
    assert "differences" not in document


def test_files_are_written_and_the_totals_printed(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    paths = {kind: tmp_path / f"review.{kind}" for kind in ("csv", "jsonl", "html")}
    done = cli(
        "review", group_id, *(word for kind, path in paths.items() for word in (f"--{kind}", str(path)))
    )
    assert (done.code, done.err) == (0, "".join(f"{path}: 36 members\n" for path in paths.values()))
    assert done.out.startswith("Engineering: 36 members")
    assert "ADMINS" in done.out
    assert len(Review.read(paths["csv"]).members) == len(Review.read(paths["jsonl"]).members) == 36
    assert paths["html"].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert len([r for r in fake.requests if r.path.endswith("/memberships")]) == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_one_file_is_written_without_the_review_being_kept(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groups_sdk.access.AsyncReviewStream.collect", None)
    path = tmp_path / f"review.{kind}"
    done = cli("review", group_id, f"--{kind}", str(path))
    assert (done.code, done.err) == (0, f"{path}: 36 members\n")
    assert "ADMINS" not in done.out
    assert len(Review.read(path).members) == 36


def test_file_that_cannot_be_written_is_one_line(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    done = cli("review", group_id, "--csv", str(tmp_path / "nowhere" / "review.csv"))
    assert (done.code, done.out) == (1, "")
    assert "No such file or directory" in done.err
    assert done.err.count("\n") == 1


def test_differences_since_an_earlier_review(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.jsonl"
    assert cli("review", group_id, "--jsonl", str(earlier)).code == 0
    user = fake.add_user(email="new@example.com")
    fake.add_membership(group_id, user.id, fake.memberships(group_id)[0].role.id)
    assert cli("remove", GRACE, "-g", group_id, "--cascade", "-y").code == 0
    assert cli("set-role", "Group Viewer", ADA, "-g", group_id, "-y").code == 0

    done = cli("review", group_id, "--since", str(earlier))
    assert [(o["difference"], o["email"], o["role_before"], o["role"]) for o in done.objects] == [
        ("added", "new@example.com", None, "Group Admin"),
        ("removed", GRACE, "Group Member", None),
        ("changed role", ADA, "Group Admin", "Group Viewer"),
    ]
    done = cli("review", group_id, "--since", str(earlier), "-o", "table")
    assert f"\nSince {earlier}:\n" in done.out
    assert f"\n  - {GRACE} (Group Member)\n" in done.out
    assert done.out.endswith("1 added, 1 removed, 1 changed\n")
    document = json.loads(cli("review", group_id, "--since", str(earlier), "-o", "json").out)
    assert [difference["difference"] for difference in document["differences"]] == [
        "added",
        "removed",
        "changed role",
    ]
    later = tmp_path / "later.csv"
    done = cli("review", group_id, "--since", str(earlier), "--csv", str(later), "-o", "csv")
    assert done.out.splitlines()[0].startswith("difference,email,role_before,role,")
    assert len(Review.read(later).members) == 36


def test_changed_addresses_are_shown_as_they_were_and_are(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.jsonl"
    assert cli("review", group_id, "--jsonl", str(earlier)).code == 0
    earlier.write_text(earlier.read_text().replace(ADA, "ada@old.test").replace('"ada.0000"', '"ada"'))
    (changed,) = cli("review", group_id, "--since", str(earlier)).objects
    assert changed["difference"] == "changed email and username"
    assert (changed["email_before"], changed["email"]) == ("ada@old.test", ADA)
    assert (changed["username_before"], changed["username"]) == ("ada", "ada.0000")
    assert changed["name_before"] == changed["name"]
    done = cli("review", group_id, "--since", str(earlier), "-o", "table")
    assert f"\n  ~ {ADA}: email ada@old.test -> {ADA}; username ada -> ada.0000\n" in done.out


@pytest.mark.parametrize("form", ["table", "jsonl", "csv", "json"])
def test_organizations_that_cannot_be_read_are_said_to_be_unknown(
    fake: FakeSnyk, group_id: str, cli: Call, form: str
) -> None:
    fake.fail_next(status=404, path="org_memberships")
    done = cli("review", group_id, "--orgs", "-o", form)
    assert (done.code, done.err) == (1, "the organizations of 1 member could not be read\n")
    if form == "table":
        assert done.out.splitlines()[0].endswith(", organizations unknown for 1")
        assert "\nORGANIZATIONS UNKNOWN" in done.out
    if form == "json":
        document = json.loads(done.out)
        assert document["totals"]["orgs_failed"] == 1
        (unknown,) = [member for member in document["members"] if member["org_error"]]
        assert unknown["organizations"] is None
        assert "404" in unknown["org_error"]


def test_earlier_review_that_is_none_is_wrong_usage(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    (tmp_path / "x.jsonl").write_text("{}\n")
    done = cli("review", group_id, "--since", str(tmp_path / "x.jsonl"))
    assert (done.code, done.out) == (2, "")
    assert not fake.requests


def test_example_in_memory_can_be_reviewed(cli: Call) -> None:
    done = cli("review", "--fake", "--output", "table")
    assert (done.code, done.err) == (0, FAKE_NOTE)
    assert done.out.startswith("Engineering: 36 members, 3 admins, 14 not on SSO\n")


def test_ctrl_c_ends_a_review_whose_pipe_is_full_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    many = FakeSnyk.with_members(2000)
    with served(many) as url:
        monkeypatch.setenv("SNYK_API", url)
        monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
        reading, writing = os.pipe()
        with (
            os.fdopen(reading, "rb") as read_end,
            os.fdopen(writing, "wb") as write_end,
            start(
                "review", many.group_id, "-o", "jsonl", stdout=write_end, stderr=subprocess.PIPE
            ) as process,
        ):
            assert process.stderr is not None
            for _ in range(PATIENCE * 100):
                if not select.select([], [write_end], [], 0)[1]:
                    break  # the pipe is full
                time.sleep(0.01)
            write_end.close()
            process.send_signal(signal.SIGINT)
            assert process.stderr.readline() == b"interrupted\n"
            everything = read_end.read()
    assert process.returncode == 130
    assert not everything.endswith(b'{"members": 2000}\n'), "that line is at the end of a whole review only"


# Files


def test_files_are_named_with_their_members(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    paths = {kind: tmp_path / f"r.{kind}" for kind in ("csv", "jsonl", "html", "xlsx")}
    options = [word for kind, path in paths.items() for word in (f"--{kind}", str(path))]
    done = cli("review", group_id, *options, "--sign-off", "--prepared-by", "Ada <Lovelace>", "-o", "table")
    assert done.code == 0
    assert done.err == "".join(f"{path}: 36 members\n" for path in paths.values())
    page = paths["html"].read_text()
    assert "Ada &lt;Lovelace&gt;" in page
    assert paths["xlsx"].read_bytes().startswith(b"PK")


@pytest.mark.parametrize(
    ("kind", "begins"), [("csv", "group_id,"), ("jsonl", '{"format"'), ("html", "<!doctype")]
)
def test_dash_is_standard_output(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, kind: str, begins: str
) -> None:
    done = cli("review", group_id, f"--{kind}", "-")
    assert (done.code, done.err) == (0, "")
    assert done.out.lower().startswith(begins)
    beside = cli("review", group_id, f"--{kind}", "-", "--xlsx", str(tmp_path / "r.xlsx"))
    assert beside.out.lower().startswith(begins)
    assert beside.err == f"{tmp_path}/r.xlsx: 36 members\n"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--csv", "r.csv", "--html", "./r.csv"], 2, "two reports would be written to the same file"),
        (["--csv", "-", "--html", "-"], 2, "only one of --csv and --html can go to standard output"),
        (["--sign-off"], 2, "are for --html and --xlsx"),
        (["--prepared-by", "Ada", "--csv", "-"], 2, "are for --html and --xlsx"),
        (["--exit-code"], 2, "needs --since"),
        (["--xlsx", "-"], 2, "--xlsx"),
        (["--html", "/nowhere/x.html"], 1, "/nowhere/x.html: cannot be written"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_sent(
    fake: FakeSnyk, group_id: str, cli: Call, options: list[str], code: int, words: str
) -> None:
    done = cli("review", group_id, *options)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert not fake.requests


def test_differences_have_an_exit_code_of_their_own(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file = tmp_path / "before.jsonl"
    assert cli("review", group_id, "--jsonl", str(file)).code == 0
    assert cli("review", group_id, "--since", str(file), "--exit-code").code == 0
    fake.add_members(group_id, 1)
    assert cli("review", group_id, "--since", str(file), "--exit-code").code == 5
    assert cli("review", group_id, "--since", str(file)).code == 0
    page = tmp_path / "r.html"
    assert cli("review", group_id, "--since", str(file), "--html", str(page), "--exit-code").code == 5


def test_failure_goes_before_differences(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    file = tmp_path / "before.jsonl"
    assert cli("review", group_id, "--jsonl", str(file)).code == 0
    fake.add_members(group_id, 1)
    fake.fail_next(status=404, path="org_memberships")
    assert cli("review", group_id, "--since", str(file), "--orgs", "--exit-code").code == 1


@pytest.mark.parametrize("form", ["table", "jsonl", "csv", "json"])
def test_records_that_cannot_be_read_are_counted_and_named(
    fake: FakeSnyk, group_id: str, cli: Call, form: str
) -> None:
    broken = fake.memberships(group_id)[:12] if form == "table" else fake.memberships(group_id)[:1]
    for membership in broken:
        fake.alter_record(membership.id, "relationships.user.data.attributes.email", 5)
    done = cli("review", group_id, "-o", form)
    records = "12 records" if form == "table" else "1 record"
    assert (done.code, done.err) == (
        1,
        f"{records} could not be read: the review is not complete, and says which\n",
    )
    assert broken[0].id in done.out
    if form == "table":
        assert done.out.splitlines()[0].endswith(", 12 records not readable")
        assert "\nNOT READABLE" in done.out
        assert "\n... and 2 more: --csv, --jsonl, --html and --xlsx have them all\n" in done.out
    if form == "json":
        document = json.loads(done.out)
        assert document["totals"]["unreadable"] == 1
        assert document["unreadable"][0]["id"] == broken[0].id


def test_members_and_export_are_strict_about_records(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    broken = fake.memberships(group_id)[3].id
    fake.alter_record(broken, "relationships.user.data.attributes.email", 5)
    for command in (("members", group_id), ("export", "-", group_id)):
        done = cli(*command)
        assert (done.code, done.out) == (1, "")
        assert broken in done.err
        assert "on_decode_error" not in done.err
