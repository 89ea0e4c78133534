"""What is shown and asked before anything is changed, by every command that changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from support.jobs import changes_sent, roles_of
from support.running import Done, at_terminal

from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE = "ada.0000@example.com", "grace.0001@example.com"
NOBODY = "nobody@example.com"


def test_set_role_that_changes_nothing_asks_nothing(fake: FakeSnyk, group_id: str) -> None:
    screen = at_terminal("set-role", "Group Member", GRACE, "-g", group_id)
    assert screen.code == 0
    assert "[y/N]" not in screen.text
    assert "unchanged" in screen.text
    assert changes_sent(fake) == []


def test_prompt_names_those_who_were_not_found(fake: FakeSnyk) -> None:
    screen = at_terminal(
        "set-role", "Group Viewer", ADA, NOBODY, "-g", "Engineering", type_in={"[y/N]": "n\n"}
    )
    assert screen.code == 1
    assert f"{NOBODY} is not a member of the group" in screen.plain.partition("[y/N]")[0]
    assert changes_sent(fake) == []


@pytest.mark.parametrize(
    "command",
    [
        ["set-role", "Group Viewer", ADA],
        ["remove", ADA, "--cascade"],
        ["offboard", ADA, "--cascade"],
    ],
)
def test_change_that_nobody_can_confirm_is_refused_before_anything_is_sent(
    fake: FakeSnyk, cli: Call, command: list[str]
) -> None:
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "groups-sdk: error: Cannot ask for confirmation here (no terminal). Add --yes to go on, or --dry-run "
        "to look first.\n"
    )
    assert not fake.requests


@pytest.mark.parametrize("command", [["remove", ADA], ["offboard", ADA]])
def test_removal_wants_the_organizations_to_be_thought_of(
    fake: FakeSnyk, cli: Call, command: list[str]
) -> None:
    done = cli(*command, "--yes")
    assert (done.code, done.out) == (2, "")
    assert "--cascade" in done.err
    assert "--no-cascade" in done.err
    assert not fake.requests


@pytest.mark.parametrize(
    ("command", "shown", "answer"),
    [
        (
            ["set-role", "Group Viewer", ADA, "-g", "Engineering"],
            f"{ADA}: Group Admin -> Group Viewer",
            "n\n",
        ),
        (
            ["remove", ADA, "-g", "Engineering", "--cascade"],
            f"remove {ADA} (Group Admin), and from Payments",
            "\n",
        ),
        (["remove", ADA, "-g", "Engineering", "--no-cascade"], f"remove {ADA} (Group Admin)\r\n", "\x04"),
        (
            ["offboard", ADA, "--cascade"],
            f"Engineering: {ADA} (Group Admin): would remove, organizations: Payments",
            "yes?\n",
        ),
    ],
)
def test_prompt_says_what_will_happen_and_anything_but_yes_is_no(
    fake: FakeSnyk, command: list[str], shown: str, answer: str
) -> None:
    screen = at_terminal(*command, type_in={"[y/N]": answer})
    assert screen.code == 1
    assert shown in screen.text.partition("[y/N]")[0]
    assert "not confirmed: nothing was changed" in screen.text
    assert changes_sent(fake) == []


def test_interrupt_at_the_prompt_is_no(fake: FakeSnyk) -> None:
    sent: list[int] = []

    def interrupt(text: str, process: int) -> str | None:
        if "[y/N]" in text and not sent:
            sent.append(process)
            os.kill(process, signal.SIGINT)
            return "\n"  # Python sees a signal that comes in the moment before it waits for a line after that line
        return None

    screen = at_terminal("set-role", "Group Viewer", ADA, "-g", "Engineering", at_text=interrupt)
    assert screen.code == 130
    assert screen.plain.rstrip().endswith("interrupted")
    assert changes_sent(fake) == []


def test_prompt_that_is_answered_with_yes_lets_it_happen(fake: FakeSnyk) -> None:
    screen = at_terminal("set-role", "Group Viewer", ADA, "-g", "Engineering", type_in={"[y/N]": "y\n"})
    assert screen.code == 0
    assert "Make 1 change in Engineering? [y/N]" in screen.plain
    assert "STATUS" in screen.plain
    assert "applied" in screen.plain
    assert roles_of(fake)[ADA] == "Group Viewer"


@pytest.mark.parametrize(
    "command",
    [["set-role", "Group Viewer", ADA], ["remove", ADA, "--cascade"], ["remove", ADA, "--no-cascade"]],
)
def test_dry_run_says_what_would_be_done_and_does_nothing(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str]
) -> None:
    done = cli(*command, "-g", group_id, "--dry-run")
    assert done.code == 0
    (pending,) = done.objects
    assert (pending["email"], pending["role_before"]) == (ADA, "Group Admin")
    assert done.err.endswith("dry run: nothing was changed\n")
    assert changes_sent(fake) == []
