"""The screens, at a pseudo-terminal: tables, colours, progress, and where each of them stays away."""

from __future__ import annotations

import json
import os
import re
import signal

import pytest
from support.hanging import Hanging
from support.loopback import served
from support.running import COMMAND, PATIENCE, Screen, at_terminal

from groups_sdk.access import Progress
from groups_sdk.cli import _progress as progress
from groups_sdk.testing import FakeSnyk

COLOUR = "\x1b["


def lines(screen: Screen) -> list[str]:
    return [line.rstrip() for line in screen.plain.splitlines()]


def test_terminal_gets_a_table_in_colours() -> None:
    screen = at_terminal("members", "--fake", "--limit", "2", command=COMMAND)
    assert screen.code == 0
    assert COLOUR in screen.text
    table = lines(screen)[-6:]
    assert table[0].split() == ["EMAIL", "NAME", "ROLE", "LOGIN", "SINCE"]
    assert set(table[1]) <= {"─", " "}
    assert table[2].split()[:3] == ["ada.0000@example.com", "Ada", "Ahmed"]
    assert table[-1] == "2 members"


def test_no_color_is_obeyed() -> None:
    screen = at_terminal("review", "--fake", stderr=False, env={"NO_COLOR": "1"})
    assert screen.code == 0
    assert not any(f"\x1b[{colour}m" in screen.text for colour in (31, 32, 33, 34, 35, 36))
    assert "Engineering: 36 members, 3 admins, 14 not on SSO" in screen.plain


def test_force_color_is_obeyed_in_a_pipe_where_a_table_is_wanted() -> None:
    screen = at_terminal("members", "--fake", "-o", "table", stdout=False, env={"FORCE_COLOR": "1"})
    assert COLOUR in screen.piped


def test_pipe_gets_json_lines() -> None:
    screen = at_terminal("members", "--fake", "--limit", "2", stdout=False)
    assert [json.loads(line)["name"] for line in screen.piped.splitlines()] == ["Ada Ahmed", "Grace Berg"]


def test_progress_on_stderr_takes_nothing_from_stdout() -> None:
    screen = at_terminal("review", "--fake", stdout=False)
    assert screen.code == 0
    assert len(screen.piped.splitlines()) == 1 + 36 + 1
    assert "ada.0000" not in screen.text


def test_narrow_terminal_gets_everything_in_more_lines() -> None:
    screen = at_terminal("members", "--fake", "--limit", "3", stderr=False, env={"COLUMNS": "40"})
    assert max(map(len, lines(screen))) <= 40
    assert "ada.0000@example.com" in "".join(line.split("  ")[0].strip() for line in lines(screen))


def test_progress_is_a_bar_on_stderr_that_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSnyk.with_members(250)
    service = Hanging(fake, "GET", answered=2)
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    interrupted = []

    def interrupt(text: str, process: int) -> None:
        if "200/250" in text and not interrupted:
            service.arrived.get(timeout=PATIENCE)
            interrupted.append(process)
            os.kill(process, signal.SIGINT)

    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        screen = at_terminal("members", fake.group_id, stdout=False, at_text=interrupt, command=COMMAND)
    assert (screen.code, screen.piped) == (130, "")
    assert "members" in screen.plain
    assert "/s" in screen.plain
    assert screen.plain.endswith("interrupted\n")
    assert "\x1b[2K" in screen.text  # the bar's line is wiped
    assert screen.text.rindex("\x1b[?25h") > screen.text.rindex("\x1b[?25l")  # and the cursor is back


def test_progress_is_silent_where_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSnyk.with_members(250)
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        screen = at_terminal("members", fake.group_id, "-o", "table", stderr=False, env={"FORCE_COLOR": "1"})
    assert (screen.code, screen.piped) == (0, "")
    assert screen.plain.endswith("\n250 members\n")


def test_hostile_name_cannot_touch_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSnyk.example()
    user = fake.add_user(name="\x1b]0;owned\x07\x1b[2J[bold]x[/bold]\u202e", email="\x1b[31mred@example.com")
    fake.add_membership(fake.group_id, user.id, fake.roles()[0].id)
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        command = ("members", fake.group_id, "--user-id", user.id)
        screens = [
            at_terminal(*command, stderr=False, env={"COLUMNS": "200", "NO_COLOR": "1"}),
            at_terminal("set-role", "Group Member", user.id, "-g", fake.group_id, type_in={"[y/N]": "n\n"}),
        ]
    for screen in screens:
        assert "owned" in screen.text or "red@example.com" in screen.text
        for evil in ("\x1b]0;", "\x07", "\x1b[2J", "\x1b[31m", "\u202e"):
            assert evil not in screen.text
    assert r"\x1b]0;owned\x07\x1b[2J[bold]x[/bold]\u202e" in screens[0].plain


def test_job_is_told_of_where_its_bar_comes_and_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "shown", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    told = progress.ProgressReporter()
    told(Progress(5, 100, 0.5))
    with told.shown_as("changes"):
        told(Progress(10, 100, 1.0))
        told(Progress(20, 100, 2.0))
    told(Progress(30, 100, 3.0))
    err = capsys.readouterr().err
    assert "changes" in err
    assert " 20/100 " in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", err)
    assert "30/100" not in err
