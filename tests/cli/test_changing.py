"""`set-role` and `remove`: what they send, what they ask before, and what they say of it afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from support.hanging import Hanging
from support.jobs import changes_sent, role_id, roles_of
from support.loopback import served
from support.running import FAKE_NOTE, Done, interrupted

from groups_sdk.cli import _run_changes as run_changes
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE, ALAN = "ada.0000@example.com", "grace.0001@example.com", "alan.0002@example.com"
NOBODY = "nobody@example.com"


def methods(fake: FakeSnyk) -> list[str]:
    return [method for method, _ in changes_sent(fake)]


def test_set_role_changes_those_that_need_it(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("set-role", "Group Member", ADA, GRACE, "alan.0002", "-g", "Engineering", "--yes")
    assert (done.code, done.err) == (0, f"  {ADA}: Group Admin -> Group Member\n")
    assert {(o["email"], o["status"], o["role_before"], o["role"]) for o in done.objects} == {
        (ADA, "applied", "Group Admin", "Group Member"),
        (GRACE, "unchanged", "Group Member", "Group Member"),
        (ALAN, "unchanged", "Group Member", "Group Member"),
    }
    assert roles_of(fake)[ADA] == "Group Member"
    assert methods(fake) == ["PATCH"]


@pytest.mark.parametrize("by", ["email", "username", "user id", "membership id"])
@pytest.mark.parametrize("command", [["set-role", "Group Viewer"], ["remove", "--cascade"]])
def test_person_is_found_by_every_identifier(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str], by: str
) -> None:
    user = fake.add_user(email="abe.c@mail.test", username="abe@login.test", name="Abe")
    member = fake.add_membership(group_id, user.id, role_id(fake, "Group Member"))
    person = {"email": user.email, "username": user.username, "user id": user.id, "membership id": member.id}[
        by
    ]
    done = cli(*command, person.upper(), "-g", group_id, "--yes")
    assert (done.code, [o["user_id"] for o in done.objects]) == (0, [user.id])
    assert roles_of(fake).get("abe.c@mail.test") == ("Group Viewer" if command[0] == "set-role" else None)


@pytest.mark.parametrize("command", [["set-role", "Group Viewer"], ["remove", "--cascade"]])
def test_display_name_says_of_nobody_that_they_are_to_be_changed(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str]
) -> None:
    user = fake.add_user(email="eve@example.com", username="eve", name="root")
    fake.add_membership(group_id, user.id, role_id(fake, "Group Member"))
    assert cli(*command, "root", "-g", group_id, "--yes").code == 4
    assert methods(fake) == []


@pytest.mark.parametrize("command", [["set-role", "Group Viewer"], ["remove", "--cascade"]])
def test_several_accounts_under_one_address_are_refused_with_their_user_ids(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str]
) -> None:
    users = [fake.add_user(email="twin@example.com", username=name) for name in ("twin1", "twin2")]
    for user in users:
        fake.add_membership(group_id, user.id, role_id(fake, "Group Member"))
    done = cli(*command, "twin@example.com", ADA, "-g", group_id, "--yes")
    assert (done.code, done.out) == (2, "")
    assert all(user.id in done.err for user in users)
    assert done.err.count("\n") == 1
    assert methods(fake) == []


def test_set_role_refuses_a_role_that_nobody_has_with_the_choices(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    done = cli("set-role", "Emperor", ADA, "-g", group_id, "--yes")
    assert (done.code, done.out) == (2, "")
    for role in ("Group Admin", "Group Member", "Group Viewer"):
        assert role in done.err
    assert methods(fake) == []


@pytest.mark.parametrize("command", [["set-role", "Group Viewer"], ["remove", "--cascade"]])
def test_one_who_is_no_member_is_exit_code_4(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str]
) -> None:
    done = cli(*command, NOBODY, "-g", group_id, "--yes")
    assert done.code == 4
    (outcome,) = done.objects
    assert outcome["status"] == "failed"
    assert f"{NOBODY} is not a member" in outcome["error"]
    assert methods(fake) == []


@pytest.mark.parametrize(
    ("command", "dry"),
    [
        (["set-role", "Group Viewer"], False),
        (["remove", "--cascade"], False),
        (["remove", "--cascade"], True),
    ],
)
def test_one_who_is_no_member_beside_one_who_is_makes_exit_code_1(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str], dry: bool
) -> None:
    done = cli(*command, ADA, NOBODY, "-g", group_id, "--dry-run" if dry else "--yes")
    assert done.code == 1
    assert f"failed: {'remove ' if command[0] == 'remove' else ''}{NOBODY}" in done.err
    assert "1 failed, of 2 changes\n" in done.err
    assert len(methods(fake)) == (0 if dry else 1)


def test_what_somebody_else_did_while_the_prompt_waited_is_not_overwritten(
    fake: FakeSnyk, group_id: str, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace = next(m for m in fake.memberships(group_id) if m.user.email == GRACE)
    now = time.time

    def wait(*_: object, **__: object) -> None:
        with fake.client() as client:
            client.update_membership(group_id, grace.id, role_id=role_id(fake, "Group Admin"))
        monkeypatch.setattr(time, "time", lambda: now() + 60)

    monkeypatch.setattr(run_changes, "confirm", wait)
    done = cli("set-role", "Group Viewer", GRACE, "-g", group_id, "--yes")
    assert (done.code, [o["status"] for o in done.objects]) == (1, ["changed_since"])
    assert done.err.endswith("1 changed by somebody else since, of 1 change\n")
    assert roles_of(fake)[GRACE] == "Group Admin"
    assert methods(fake) == ["PATCH"]  # theirs


@pytest.mark.parametrize("dry", ["--dry-run", "--yes"])
def test_last_admin_is_kept_unless_told(fake: FakeSnyk, group_id: str, cli: Call, dry: str) -> None:
    admins = [email for email, role in roles_of(fake).items() if role == "Group Admin"]
    done = cli("remove", *admins, "-g", group_id, "--cascade", dry)
    assert (done.code, done.out) == (2, "")
    assert "--allow-last-admin" in done.err
    assert methods(fake) == []
    done = cli("remove", *admins, "-g", group_id, "--cascade", dry, "--allow-last-admin")
    assert done.code == 0
    assert methods(fake) == ([] if dry == "--dry-run" else ["DELETE"] * 3)


def test_one_is_kept_from_locking_oneself_out_unless_told(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    command = ["set-role", "Group Viewer", ADA, GRACE, "-g", group_id, "--yes", "--me", ADA.upper()]
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert "--allow-self" in done.err
    assert methods(fake) == []
    assert cli(*command, "--allow-self").code == 0
    assert methods(fake) == ["PATCH"] * 2


@pytest.mark.parametrize("option", ["--me", "--protect"])
@pytest.mark.parametrize("command", [["set-role", "Group Viewer"], ["remove", "--cascade"]])
def test_nobody_is_changed_who_is_protected(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str], option: str
) -> None:
    done = cli(*command, GRACE, ALAN, "-g", group_id, "--yes", "--protect", ADA, option, GRACE)
    assert (done.code, done.out) == (2, "")
    assert GRACE in done.err
    assert ALAN not in done.err
    assert methods(fake) == []


@pytest.mark.parametrize("option", ["--me", "--protect"])
def test_one_who_is_guarded_and_unknown_is_an_error_for_me_only(
    fake: FakeSnyk, group_id: str, cli: Call, option: str
) -> None:
    done = cli("set-role", "Group Viewer", GRACE, "-g", group_id, "--yes", option, NOBODY)
    assert done.code == (4 if option == "--me" else 0)
    if option == "--me":
        assert done.err.startswith(f"groups-sdk: error: --me '{NOBODY}' was not found among the members")
    assert methods(fake) == ([] if option == "--me" else ["PATCH"])


def test_other_roles_can_count_as_admin(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    viewers = [email for email, role in roles_of(fake).items() if role == "Group Viewer"]
    roles = ["--admin-role", "group viewer", "--admin-role", "Owner"]
    done = cli("set-role", "Group Member", *viewers, "-g", group_id, "--yes", *roles)
    assert (done.code, done.out) == (2, "")
    assert "--allow-last-admin" in done.err
    done = cli("set-role", "Group Member", *viewers[1:], "-g", group_id, "--yes", *roles)
    assert done.code == 0


def test_group_in_which_nobody_is_admin_is_said_to_be_so(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    people = [email for email, role in roles_of(fake).items() if role == "Group Member"][:4]
    options = ["--dry-run", "--allow-last-admin", "--admin-role", "Owner"]
    done = cli("set-role", "Group Viewer", *people, "-g", group_id, *options)
    assert done.code == 0
    assert done.err.startswith(f"nobody in the group {group_id} has an admin role (Owner)")
    assert "name it with --admin-role" in done.err


def test_remove_takes_people_out(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("remove", GRACE, ALAN, "-g", group_id, "--cascade", "-y", "-o", "csv")
    assert done.code == 0
    assert done.out.count("applied") == 2
    assert not {GRACE, ALAN} & roles_of(fake).keys()


def test_organizations_that_may_not_be_listed_are_said_to_be(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    fake.fail_next(status=403, path="org_memberships")
    done = cli("remove", GRACE, "-g", group_id, "--cascade", "--dry-run")
    assert f"remove {GRACE} (Group Member), and from organizations below that may not be listed\n" in done.err


def test_organizations_of_somebody_without_a_user_id_are_said_not_to_be_known(
    fake: FakeSnyk, group_id: str, cli: Call, listing: Callable[[], dict[str, Any]]
) -> None:
    document = listing()
    member = document["data"][1]
    member["relationships"]["user"]["data"]["id"] = ""
    fake.fail_next(status=200, body=document, path="/memberships", times=2)
    done = cli("remove", member["id"], "-g", group_id, "--cascade", "--dry-run")
    assert done.code == 0
    assert f"remove {GRACE} (Group Member), and from organizations below that are not known\n" in done.err


def test_some_that_fail_are_exit_code_1_and_the_others_are_done(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    fake.fail_next(status=409, method="PATCH")
    done = cli("set-role", "Group Viewer", GRACE, ALAN, "-g", group_id, "-y", "--concurrency", "1")
    assert done.code == 1
    failed, applied = done.objects
    assert (failed["status"], applied["status"]) == ("failed", "applied")
    assert failed["request_id"]
    assert failed["request_id"] in failed["error"]
    assert done.err.endswith("1 failed, of 2 changes\n")


@pytest.mark.parametrize(("status", "code"), [(403, 3), (401, 3), (404, 4), (400, 1)])
def test_all_that_fail_for_one_reason_have_its_exit_code(
    fake: FakeSnyk, group_id: str, cli: Call, status: int, code: int
) -> None:
    fake.fail_next(status=status, method="PATCH", times=2)
    done = cli("set-role", "Group Viewer", GRACE, ALAN, "-g", group_id, "-y")
    assert done.code == code
    assert done.err.endswith("2 failed, of 2 changes\n")


def test_outcome_that_nobody_knows_is_said_to_be_unknown(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    fake.fail_next(status=501, method="DELETE")
    done = cli("remove", GRACE, "-g", group_id, "--cascade", "-y")
    assert done.code == 1
    assert done.objects[0]["status"] == "unknown"
    assert done.err.endswith("1 may have been applied (check before you continue), of 1 change\n")


def test_interrupt_leaves_no_change_without_its_outcome(
    hanging: Callable[[str, int], Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hanging("PATCH", 1)
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        people = [member.user.email for member in service.app.memberships(service.app.group_id)[1:5]]
        done = interrupted(
            service, 2, "set-role", "Group Admin", *people, "-g", "Engineering", "--yes", "--concurrency", "2"
        )
    assert done.code == 130
    assert sorted(o["status"] for o in done.objects) == ["applied", "unknown", "unknown"]
    assert done.err.splitlines()[-2:] == [
        "stopped: 1 done, 2 uncertain (may have been applied), 1 not started. "
        "Run the same command again to do the rest",
        "interrupted",
    ]


def test_change_of_the_example_says_that_it_is_lost(cli: Call) -> None:
    done = cli("set-role", "Group Viewer", ADA, "--fake", "--yes")
    assert done.code == 0
    assert done.err == f"{FAKE_NOTE}  {ADA}: Group Admin -> Group Viewer\n"
    assert done.objects[0]["status"] == "applied"


@pytest.mark.parametrize("people", [[ADA], [ADA, GRACE, ALAN, "barbara.0004@example.com"]])
def test_admin_role_with_a_typing_error_is_refused(
    fake: FakeSnyk, group_id: str, cli: Call, people: list[str]
) -> None:
    command = ("set-role", "Group Viewer", *people, "-g", group_id, "--yes", "--admin-role")
    done = cli(*command, "Group Admn")
    assert (done.code, done.out) == (2, "")
    assert "no member has the admin role Group Admn: check the spelling of --admin-role" in done.err
    assert changes_sent(fake) == []
    assert cli(*command, "group admin").code == 0


def test_somebody_who_is_not_found_is_in_the_outcome_as_they_were_given(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    (outcome,) = cli("remove", NOBODY, "-g", group_id, "--cascade", "--yes").objects
    assert (outcome["email"], outcome["membership_id"]) == (NOBODY, None)
