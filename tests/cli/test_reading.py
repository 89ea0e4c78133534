"""The commands that look: what they ask the API for, what they print, and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from support.running import COMMAND, FAKE_NOTE, NOBODY, ROOT, Done, call, program, run, start

from groups_sdk import __version__
from groups_sdk.cli._catalog import COMMANDS
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Call:
    return lambda *arguments: call(capsys, *arguments)


def query(fake: FakeSnyk, index: int = -1) -> dict[str, str]:
    asked = dict(fake.requests[index].query)
    asked.pop("version")
    return asked


def test_groups_lists_all_that_the_token_sees(fake: FakeSnyk, cli: Call) -> None:
    done = cli("groups")
    assert (done.code, done.err) == (0, "")
    assert done.objects == [{"id": group.id, "name": group.name} for group in fake.groups()]


@pytest.mark.parametrize("by", ["id", "name", "name in another case"])
def test_show_takes_a_group_by_id_or_name(fake: FakeSnyk, cli: Call, by: str) -> None:
    group = fake.groups()[1]
    given = {"id": group.id, "name": group.name, "name in another case": group.name.upper()}[by]
    done = cli("show", given)
    assert (done.code, done.err) == (0, "")
    assert done.objects[0]["slug"] == "research"
    assert len(fake.requests) == (1 if by == "id" else 2)


def test_group_that_is_left_out_is_the_only_one(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add_token("one", groups=[fake.group_id])
    monkeypatch.setenv("SNYK_TOKEN", "one")
    assert cli("show").objects[0]["id"] == fake.group_id


def test_group_that_is_left_out_has_to_be_chosen_where_there_are_several(fake: FakeSnyk, cli: Call) -> None:
    done = cli("show")
    assert (done.code, done.out) == (2, "")
    listed = ", ".join(f"{group.name} ({group.id})" for group in fake.groups())
    assert done.err == f"groups-sdk: error: choose a group with --group: {listed}\n"


def test_group_of_a_name_that_two_have_has_to_be_chosen(fake: FakeSnyk, cli: Call) -> None:
    twins = [fake.add_group("Twin"), fake.add_group("Twin")]
    done = cli("members", "Twin")
    assert done.code == 2
    assert all(group.id in done.err for group in twins)
    assert fake.group_id not in done.err


def test_group_that_nobody_knows_is_not_found(fake: FakeSnyk, cli: Call) -> None:
    done = cli("members", "Nowhere")
    assert (done.code, done.out) == (4, "")
    assert "there is no group 'Nowhere'. The groups are: Engineering (" in done.err


def test_token_without_groups_is_not_found(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add_token("none", groups=[])
    monkeypatch.setenv("SNYK_TOKEN", "none")
    done = cli("members")
    assert (done.code, done.err) == (4, "groups-sdk: error: the token can see no groups\n")


@pytest.mark.parametrize("command", ["members", "memberships"])
def test_members_are_the_memberships_of_the_api(
    fake: FakeSnyk, group_id: str, cli: Call, command: str
) -> None:
    done = cli(command, group_id)
    assert (done.code, done.err) == (0, "")
    assert [
        (o["email"], o["membership_id"], o["role"], o["role_id"], o["user_id"]) for o in done.objects
    ] == [(m.user.email, m.id, m.role.name, m.role.id, m.user.id) for m in fake.memberships(group_id)]
    assert query(fake) == {"limit": "100", "include_group_membership_count": "true"}


def test_members_pass_filters_and_order_on(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    member = fake.memberships(group_id)[0]
    filters = ["--role", "Group Admin", "--email", member.user.email, "--username", member.user.username]
    done = cli(
        *("members", group_id, *filters, "--user-id", member.user.id),
        *("--sort-by", "EMAIL", "--sort-order", "asc"),
    )
    assert [thing["membership_id"] for thing in done.objects] == [member.id]
    assert query(fake) == {
        "role_name": "Group Admin",
        "email": member.user.email,
        "username": member.user.username,
        "user_id": member.user.id,
        "sort_by": "email",
        "sort_order": "ASC",
        "limit": "100",
    }


@pytest.mark.parametrize(("limit", "pages"), [(1, 1), (100, 1), (101, 2), (250, 3), (1000, 3)])
def test_limit_is_that_many_in_all_and_no_page_too_many(
    cli: Call, monkeypatch: pytest.MonkeyPatch, fake: FakeSnyk, limit: int, pages: int
) -> None:
    group = fake.add_group("Large")
    fake.add_members(group.id, 250)
    done = cli("members", group.id, "--limit", str(limit))
    assert len(done.objects) == min(limit, 250)
    assert len(fake.requests) == pages


def test_listing_that_fails_on_the_way_prints_nothing(fake: FakeSnyk, cli: Call) -> None:
    group = fake.add_group("Large")
    fake.add_members(group.id, 150)
    fake.fail_next(status=400, path="memberships", times=1, after=False)
    fake.twist_next_page("empty")  # the first page, which leaves the error to the second
    done = cli("members", group.id)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("groups-sdk: error: GET /groups/")
    assert done.err.count("\n") == 1


def test_roles_are_counted(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("roles", group_id)
    assert {o["role"]: o["members"] for o in done.objects} == {
        "Group Member": 27,
        "Group Viewer": 6,
        "Group Admin": 3,
    }


@pytest.mark.parametrize("by", ["email", "username", "id", "membership id"])
def test_find_takes_a_person_by_every_identifier(fake: FakeSnyk, group_id: str, cli: Call, by: str) -> None:
    member = fake.memberships(group_id)[4]
    person = member.id if by == "membership id" else getattr(member.user, by)
    done = cli("find", person.upper() if by == "email" else person, "--group", group_id)
    assert (done.code, done.err) == (0, "")
    (found,) = done.objects
    assert found["membership_id"] == member.id


def test_find_takes_a_username_that_looks_like_an_address(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    user = fake.add_user(username="corp@ada", email="ada@other.example")
    fake.add_membership(group_id, user.id, fake.roles()[0].id)
    assert cli("find", "corp@ada", "-g", group_id).objects[0]["email"] == "ada@other.example"


@pytest.mark.parametrize("command", ["find", "orgs"])
def test_display_name_finds_a_person_for_reading(
    fake: FakeSnyk, group_id: str, cli: Call, command: str
) -> None:
    done = cli(command, "ada AHMED", "-g", group_id)
    assert (done.code, done.err) == (0, "")
    assert "ada.0000" in done.out or "Payments" in done.out


def test_identifier_goes_before_a_display_name(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    user = fake.add_user(username="imposter", email="eve@example.com", name="ada.0000")
    fake.add_membership(group_id, user.id, fake.roles()[0].id)
    assert cli("find", "ada.0000", "-g", group_id).objects[0]["email"] == "ada.0000@example.com"


def test_display_name_of_several_has_to_be_told_apart(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    user = fake.add_user(username="imposter", email="eve@example.com", name="Ada Ahmed")
    fake.add_membership(group_id, user.id, fake.roles()[0].id)
    done = cli("find", "Ada Ahmed", "-g", group_id)
    assert (done.code, done.out) == (2, "")
    assert user.id in done.err


@pytest.mark.parametrize("command", ["find", "orgs"])
@pytest.mark.parametrize("person", ["nobody@example.com", "nobody", NOBODY])
def test_person_who_is_no_member_is_not_found(
    fake: FakeSnyk, group_id: str, cli: Call, command: str, person: str
) -> None:
    done = cli(command, person, "-g", "Engineering")
    assert (done.code, done.out) == (4, "")
    assert done.err == f"groups-sdk: error: {person!r} is not a member of Engineering\n"


def test_person_whom_two_members_may_be_has_to_be_told_apart(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    for username in ("ada1", "ada2"):
        user = fake.add_user(username=username, email="twin@example.com")
        fake.add_membership(group_id, user.id, fake.roles()[0].id)
    done = cli("find", "twin@example.com", "-g", group_id)
    assert (done.code, done.out) == (2, "")
    assert "ada1" in done.err
    assert "ada2" in done.err


def test_orgs_are_those_of_one_person(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    member = fake.memberships(group_id)[0]
    done = cli("orgs", member.user.email, "-g", group_id)
    assert [(o["org"], o["role"]) for o in done.objects] == [
        (m.org.name, m.role.name) for m in fake.org_memberships(group_id, member.user.id)
    ]
    assert done.objects


def test_sso_lists_connections_and_their_users(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    second = fake.add_sso_connection(group_id, "Second")
    fake.add_sso_user(second.id, fake.users()[3].id)
    first = fake.sso_connections(group_id)[0]
    assert [o["name"] for o in cli("sso", group_id).objects] == [first.name, "Second"]
    users = cli("sso", group_id, "--users").objects
    assert len(users) == len(fake.sso_users(first.id)) + 1
    assert [o["email"] for o in cli("sso", group_id, "--users", "-c", "Second").objects] == [
        fake.users()[3].email
    ]
    assert [o["id"] for o in cli("sso", group_id, "-c", second.id).objects] == [second.id]


def test_sso_connection_that_there_is_not_is_not_found(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("sso", group_id, "-c", "Nope")
    assert (done.code, done.out) == (4, "")
    assert "the connections are: Example Okta (" in done.err
    done = cli("sso", "Research", "-c", "Nope")
    assert done.err.endswith("the connections are: none\n")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, 1, "400"),
        (401, 3, "`groups-sdk whoami` shows which token was used."),
        (403, 3, "This needs the permission group.membership.read. `groups-sdk whoami` shows which"),
        (404, 4, "or the token may not see it"),
        (410, 1, "410"),
    ],
)
def test_error_is_one_line_and_its_exit_code_tells_its_kind(
    fake: FakeSnyk, group_id: str, cli: Call, status: int, code: int, words: str
) -> None:
    fake.fail_next(status=status)
    done = cli("members", group_id)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("groups-sdk: error: GET /groups/")
    assert "[request id " in done.err
    assert words in done.err
    assert done.err.count("\n") == 1
    assert FakeSnyk.TOKEN not in done.err


def test_debug_logs_every_call_and_shows_where_an_error_came_from_without_the_token(
    fake: FakeSnyk, group_id: str
) -> None:
    fake.fail_next(status=404)
    done = run("members", group_id, "--debug", "--email", "ada@example.com")
    assert (done.code, done.out) == (4, "")
    log, *_ = done.err.splitlines()
    assert log.startswith("DEBUG:groups_sdk:GET /groups/{group_id}/memberships -> 404 SNYK-OPENAPI-0004, ")
    assert "Traceback (most recent call last)" in done.err
    assert done.err.splitlines()[-1].startswith("python -m groups_sdk: error: GET /groups/")
    assert FakeSnyk.TOKEN not in done.err
    assert "ada@example.com" not in done.err


def test_without_debug_retries_are_nobodys_business(fake: FakeSnyk, group_id: str) -> None:
    fake.fail_next(status=503, headers={"retry-after": "0"})
    done = run("members", group_id, "--limit", "1")
    assert (done.code, done.err) == (0, "")
    assert len(fake.requests) == 2


def test_deprecation_is_one_line(fake: FakeSnyk) -> None:
    fake.fail_next(status=200, body={"data": [], "links": {}}, headers={"sunset": "2030-01-02"})
    command = [*COMMAND[:1], *COMMAND[3:], "members", fake.group_id]  # with Python's own filters
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "python -m groups_sdk: warning: listGroupMemberships: API version (unknown) stops working on "
        "2030-01-02 00:00 UTC\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["members", "--frobnicate"], "--frobnicate"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["members", "--limit", "0"], "--limit"),
        (["members", "--limit", "many"], "--limit"),
        (["members", "--sort-by", "age"], "--sort-by"),
        (["members", "--output", "xml"], "--output"),
        (["members", NOBODY, "--timeout", "-1"], "timeout"),
        (["members", NOBODY, "--deadline", "-1"], "deadline"),
        (["members", NOBODY, "--region", "MARS"], "MARS"),
        (["members", NOBODY, "--region", "SNYK-EU-01", "--base-url", "https://x.example"], "region"),
        (["members", NOBODY, "--user-id", "x"], "user_id must be a UUID"),
        (["members", NOBODY, "--token", "x"], "--token"),
        (["find"], "PERSON"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_sends_nothing(
    fake: FakeSnyk, cli: Call, arguments: list[str], words: str
) -> None:
    done = cli(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("groups-sdk: error: ")
    assert done.err.count("\n") == 1
    assert words in done.err
    assert not fake.requests


def test_settings_reach_the_client(fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    url = os.environ["SNYK_API"]
    monkeypatch.setenv("SNYK_API", "https://elsewhere.example")
    done = cli("groups", "--base-url", url, "--timeout", "20", "--deadline", "40")
    assert (done.code, len(done.objects)) == (0, 3)
    assert fake.requests[-1].headers["user-agent"].startswith("groups_sdk-cli groups_sdk/")


def test_without_a_token_it_says_where_it_looked(cli: Call) -> None:
    done = cli("groups")
    assert (done.code, done.out) == (2, "")
    assert "SNYK_TOKEN" in done.err


def test_fake_needs_nothing_and_says_what_it_is() -> None:
    done = run("members", "--fake", "--limit", "2", "--output", "csv")
    assert (done.code, done.err) == (0, FAKE_NOTE)
    assert [row["email"] for row in csv.DictReader(io.StringIO(done.out))] == [
        "ada.0000@example.com",
        "grace.0001@example.com",
    ]


def test_fake_has_the_options_of_the_real_one(cli: Call) -> None:
    done = cli("show", "Research", "--fake", "--timeout", "5", "--output", "json")
    assert json.loads(done.out)["name"] == "Research"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example_in_memory(cli: Call, command: str) -> None:
    done = cli(command, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Usage: groups-sdk" in done.out
    assert ("--fake" in done.out) is (command not in ("demo", "fake", "completion"))


def test_alone_it_prints_help_with_the_exit_codes(cli: Call) -> None:
    done = cli()
    assert (done.code, done.err) == (0, "")
    assert "Exit codes:\n  0    done\n" in done.out
    assert "SNYK_TOKEN" in done.out


def test_version(cli: Call) -> None:
    assert cli("--version").out == f"groups_sdk {__version__}\n"


def test_demo_runs(cli: Call) -> None:
    done = cli("demo")
    assert (done.code, done.err) == (0, "")
    assert "Next: set SNYK_TOKEN" in done.out


def test_script_and_module_are_the_same() -> None:
    script = Path(COMMAND[0]).with_name("groups-sdk")
    done = subprocess.run([script, "show", "Nowhere", "--fake"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 4
    assert done.stderr.startswith(f"{FAKE_NOTE}groups-sdk: error: there is no group 'Nowhere'")
    done = program("show", "Nowhere", "--fake")
    assert done.code == 4
    assert done.err.startswith(f"{FAKE_NOTE}python -m groups_sdk: error: there is no group 'Nowhere'")


@pytest.mark.parametrize("arguments", [["members", "--fake"], ["--help"]])
def test_reader_that_goes_away_is_no_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        process = start(*arguments, stdout=gone, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.decode()) == (1, FAKE_NOTE if "--fake" in arguments else "")


def test_a_command_imports_what_it_needs_and_no_more() -> None:
    code = """
import sys
from groups_sdk.cli import main

def imported(*names):
    return [name for name in names if name in sys.modules]

assert main(["--help"]) == 0
assert not imported("httpx", "anyio", "asyncio", "attrs", "cattrs", "rich", "logging", "groups_sdk.errors")
assert main(["members", "--fake"]) == 0
assert imported("httpx", "anyio")
assert not imported("rich", "groups_sdk.access._facade", "groups_sdk._sync.access", "csv", "difflib")
import rich.console  # it can be imported all the same
"""
    subprocess.run([COMMAND[0], "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_interrupt_while_the_arguments_are_read_is_an_interrupt(
    cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Context, "invoke", interrupt)
    done = cli("groups")
    assert (done.code, done.err.strip()) == (130, "interrupted")
