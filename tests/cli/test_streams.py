"""Standard streams that are closed, full, or called by the name of a file."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.running import COMMAND, ROOT, Done

from groups_sdk import GroupsError
from groups_sdk.cli import _runner as runner
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA = "ada.0000@example.com"


def shell(line: str) -> subprocess.CompletedProcess[str]:
    command = " ".join(COMMAND)
    return subprocess.run(
        ["sh", "-c", line.replace("groups-sdk", command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_closed_stdout_is_refused_before_anything_is_done(fake: FakeSnyk) -> None:
    done = shell(f"groups-sdk set-role 'Group Viewer' {ADA} -g Engineering --yes >&-")
    assert done.returncode == 1
    assert done.stderr == "python -m groups_sdk: error: standard output is closed; nothing was done\n"
    assert not fake.requests


@pytest.mark.usefixtures("fake")
def test_closed_stderr_and_stdin_are_nobody_s_business() -> None:
    done = shell("groups-sdk groups -o csv 2>&- <&-")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "id,name")
    done = shell("groups-sdk plan - -g Engineering <&-")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is Linux's")
def test_full_disk_is_one_line() -> None:
    done = shell("groups-sdk --help > /dev/full")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_file_of_that_name_can_be_given(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cli("export", "./-", "-g", group_id, "--format", "csv")
    assert (done.code, done.out) == (0, "")
    assert Path("-").read_text(encoding="utf-8-sig").startswith("email,")
    assert cli("plan", "./-", "--format", "csv").code == 0


def test_traceback_of_debug_cannot_touch_the_terminal(fake: FakeSnyk, cli: Call) -> None:
    fake.add_group("esc\x1b[31mred")
    done = cli("show", "Nope", "--debug")
    assert done.code == 4
    assert "Traceback" in done.err
    assert "\x1b" not in done.err


def test_traceback_of_debug_has_no_line_that_somebody_else_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "a\x1b[2J\x85\u2028\u202e\r\nerror: forged"

    def fail() -> None:
        raise ValueError(hostile)

    def work() -> int:
        try:
            fail()
        except ValueError as error:
            logging.getLogger("groups_sdk").exception("the hook failed: %s", hostile.partition("\r")[0])
            raise GroupsError(hostile) from error

    assert runner.run(work, prog="groups-sdk", needs="nothing", debug=True) == 1
    lines = capsys.readouterr().err.split("\n")
    assert not any(line.startswith("error: forged") for line in lines)
    assert all(line.isprintable() for line in lines)
    escaped = r"a\x1b[2J\x85\u2028\u202e\r\nerror: forged"
    assert lines.count(f"ValueError: {escaped}") == 2  # in the log, and as the cause
    assert f"groups_sdk.GroupsError: {escaped}" in lines
    assert "The above exception was the direct cause of the following exception:" in lines
    assert lines[-2] == f"groups-sdk: error: {escaped}"
