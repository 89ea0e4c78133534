"""Groups as users write them: by argument, option, environment, with a suggestion for a slip of the pen."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest
from support.running import NOBODY, Done, at_terminal

from groups_sdk import Group
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._targets import name_of
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]


def test_group_with_a_slip_of_the_pen_gets_a_suggestion(fake: FakeSnyk, cli: Call) -> None:
    for number in range(300):
        fake.add_group(f"Team {number}")
    done = cli("members", "enginering")
    assert (done.code, done.out) == (4, "")
    assert done.err == "groups-sdk: error: there is no group 'enginering'. Did you mean 'Engineering'?\n"
    done = cli("members", "xyzzy")
    assert done.err == "groups-sdk: error: there is no group 'xyzzy'. `groups-sdk groups` lists them.\n"
    done = cli("members")
    assert done.err.endswith(" and 293 more; `groups-sdk groups` lists them\n")
    assert len(done.err) < 1000


@pytest.mark.parametrize(
    "command",
    [["members"], ["show"], ["roles"], ["sso"], ["review"], ["find", "ada.0000"], ["orgs", "ada.0000"]],
)
def test_group_is_an_argument_or_an_option(group_id: str, cli: Call, command: list[str]) -> None:
    done = cli(*command, "--group", group_id, "--output", "json")
    assert (done.code, done.err) == (0, "")
    again = cli(*command, group_id, "--output", "json")
    assert re.sub("reviewed_at.*", "", again.out) == re.sub("reviewed_at.*", "", done.out)
    assert cli(*command, group_id, "--group", group_id).code == 0
    other = cli(*command, group_id, "--group", "Research")
    assert (other.code, other.out) == (2, "")
    assert "two groups were given" in other.err


def test_group_is_that_of_the_environment_where_none_is_given(
    group_id: str, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNYK_GROUP_ID", group_id)
    assert len(cli("members").objects) == 36
    assert cli("show", "Research").objects[0]["name"] == "Research"
    monkeypatch.setenv("SNYK_GROUP_ID", "Nowhere")
    assert "no group 'Nowhere' (from SNYK_GROUP_ID)" in cli("members").err
    assert cli("members", "--fake", "--limit", "1").code == 0


@pytest.mark.parametrize("given", ["", " "])
def test_group_that_is_blank_is_none(fake: FakeSnyk, cli: Call, given: str) -> None:
    fake.add_group("")
    for command in (["members"], ["remove", "ada.0000@example.com", "--cascade", "--yes"]):
        done = cli(*command, "--group", given)
        assert (done.code, done.out) == (2, "")
        assert "the group is empty" in done.err


def test_question_names_the_group_that_was_given_by_its_id(group_id: str, cli: Call) -> None:
    screen = at_terminal(
        *("set-role", "Group Viewer", "grace.0001@example.com", "-g", group_id), type_in={"[y/N]": "n\n"}
    )
    assert f"Make 1 change in Engineering ({group_id})? [y/N]" in screen.plain
    unseen = at_terminal(
        *("set-role", "Group Viewer", "grace.0001@example.com", "-g", group_id, "--dry-run"),
    )
    assert unseen.code == 0


@pytest.mark.parametrize("listed", [[], [Group("other", "Research")], [Group("g", "")]])
def test_question_names_a_group_whose_name_is_not_listed_by_its_id(listed: list[Group]) -> None:
    connection = cast("Connection", SimpleNamespace(client=SimpleNamespace(list_groups=lambda: listed)))
    assert name_of(connection, Group("g", None)) == "g"


def test_command_with_a_slip_of_the_pen_gets_a_suggestion(cli: Call) -> None:
    assert "'members'" in cli("membrs").err
    assert "Did you mean" not in cli("xyzzy").err


def test_group_that_cannot_be_seen_is_called_by_its_id(fake: FakeSnyk, cli: Call) -> None:
    done = cli("set-role", "Group Viewer", "ada.0000@example.com", "-g", NOBODY, "--yes")
    assert (done.code, done.out) == (4, "")
