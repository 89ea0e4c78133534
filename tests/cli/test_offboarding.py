"""`offboard`: people, out of every group that the token sees, and what it says is left of them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.hanging import Hanging
from support.jobs import changes_sent, role_id, roles_of
from support.loopback import served
from support.running import NOBODY as NO_ID
from support.running import Done, at_terminal, interrupted, run

from groups_sdk.cli._commands import offboarding
from groups_sdk.cli._confirm import confirm
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE = "ada.0000@example.com", "grace.0001@example.com"
NOBODY = "nobody@example.com"


def groups_of(fake: FakeSnyk, email: str) -> list[str]:
    return [group.name for group in fake.groups() if email in roles_of(fake, group.id)]


def test_person_is_removed_from_every_group(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA.upper(), "--cascade", "--yes")
    assert done.code == 0
    assert {(o["group"], o["status"], o["email"]) for o in done.objects} == {
        ("Engineering", "removed", ADA),
        ("Research", "removed", ADA),
    }
    assert groups_of(fake, ADA) == []
    assert "not a member of 1 of 3 groups\n" in done.err


def test_what_is_left_is_said(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA, "--cascade", "--yes")
    assert f"remains: Engineering: {ADA}: can sign in by SSO" in done.err
    assert "; this command does not delete the account\n" in done.err
    assert done.code == 0  # an account is no access


@pytest.mark.parametrize("by", ["email", "username", "id"])
def test_person_is_found_by_every_identifier(fake: FakeSnyk, group_id: str, cli: Call, by: str) -> None:
    user = fake.add_user(email="abe.c@mail.test", username="abe@login.test")
    fake.add_membership(group_id, user.id, role_id(fake, "Group Member"))
    done = cli("offboard", getattr(user, by), "--cascade", "--yes")
    assert (done.code, groups_of(fake, user.email)) == (0, [])


def test_many_people_are_given_one_by_one_or_in_a_file(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    leavers = tmp_path / "leavers.txt"
    leavers.write_text(f"\n{GRACE}\n\n  alan.0002@example.com \n")
    done = cli("offboard", ADA, "--file", str(leavers), "--cascade", "--yes")
    assert done.code == 0
    assert {o["person"] for o in done.objects} == {ADA, GRACE, "alan.0002@example.com"}
    assert groups_of(fake, GRACE) == groups_of(fake, ADA) == []


def test_prompt_counts_people_and_memberships(fake: FakeSnyk) -> None:
    screen = at_terminal("offboard", ADA, GRACE, NOBODY, "--no-cascade", type_in={"[y/N]": "n\n"})
    before = screen.plain.partition("[y/N]")[0]
    memberships = len(groups_of(fake, ADA)) + len(groups_of(fake, GRACE))
    assert (
        f"Remove 3 people: {memberships} memberships of groups, but not from the organizations below?"
        in before
    )
    assert f"{NOBODY}: not found in any of 3 groups" in before
    assert changes_sent(fake) == []


def test_nobody_is_given(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", "--cascade", "--yes")
    assert (done.code, done.err) == (2, "groups-sdk: error: give a PERSON, or --file\n")
    assert not fake.requests


def test_dry_run_is_all_well_when_everybody_was_found(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    done = cli("offboard", ADA, "--no-cascade", "--dry-run", "--journal", str(journal))
    assert done.code == 0
    assert {(o["group"], o["status"]) for o in done.objects} == {
        ("Engineering", "would_remove"),
        ("Research", "would_remove"),
    }
    assert "dry run: nothing was changed\n" in done.err
    assert changes_sent(fake) == []
    assert not journal.exists()
    assert cli("offboard", ADA, NOBODY, "--no-cascade", "--dry-run").code == 1


@pytest.mark.parametrize("dry", ["--dry-run", "--yes"])
def test_nobody_is_found(fake: FakeSnyk, cli: Call, dry: str) -> None:
    done = cli("offboard", NOBODY, NO_ID, "--cascade", dry)
    assert (done.code, done.out) == (4, "")
    assert f"{NOBODY}: not found in any of 3 groups\n" in done.err
    assert changes_sent(fake) == []


def test_nobody_is_found_with_one_look(fake: FakeSnyk, cli: Call) -> None:
    assert cli("offboard", NOBODY, "--cascade", "--yes").code == 4
    looked = [request.path for request in fake.requests if request.path.endswith("/memberships")]
    assert sorted(looked) == sorted({*looked}), "each group once"
    assert len(looked) == 3


def test_one_who_is_not_found_keeps_it_from_being_complete(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA, NOBODY, "--cascade", "--yes")
    assert done.code == 1
    assert groups_of(fake, ADA) == []
    assert f"{NOBODY}: not found in any of 3 groups\n" in done.err


@pytest.mark.parametrize("dry", ["--dry-run", "--yes"])
@pytest.mark.parametrize("person", [ADA, NOBODY])
def test_group_that_nobody_may_read_keeps_it_from_being_complete(
    fake: FakeSnyk, cli: Call, person: str, dry: str
) -> None:
    fake.fail_next(status=403, path=f"{fake.groups()[2].id}/memberships", times=9)
    done = cli("offboard", person, "--cascade", dry)
    assert done.code == 1
    assert [o["status"] for o in done.objects if o["group"] == "Security Champions"] == ["unreadable"]


def test_access_that_is_left_keeps_it_from_being_complete(fake: FakeSnyk, cli: Call) -> None:
    fake.fail_next(status=409, method="DELETE", times=9)
    done = cli("offboard", ADA, "--no-cascade", "--yes")
    assert done.code == 1
    assert {o["status"] for o in done.objects} == {"failed"}
    assert f"remains: Engineering: {ADA}: is a member of the group, with the role Group Admin\n" in done.err


def test_last_admin_is_refused_in_that_group_and_removed_from_the_others(fake: FakeSnyk, cli: Call) -> None:
    admins = [email for email, role in roles_of(fake).items() if role == "Group Admin"]
    with fake.client() as client:
        client.access.delete_memberships(fake.group_id, admins[1:], cascade=True).collect()
    sent = len(changes_sent(fake))
    done = cli("offboard", ADA, "--cascade", "--yes")
    assert done.code == 1
    assert {(o["group"], o["status"]) for o in done.objects} == {
        ("Engineering", "refused"),
        ("Research", "removed"),
    }
    assert len(changes_sent(fake)) == sent + 1
    assert cli("offboard", ADA, "--cascade", "--yes", "--allow-last-admin").code == 0


def test_nothing_is_asked_when_all_is_refused(fake: FakeSnyk, cli: Call) -> None:
    with fake.client() as client:
        for group in fake.groups():
            others = [m.id for m in fake.memberships(group.id) if m.user.email != ADA]
            if ADA in roles_of(fake, group.id):
                admin = {ADA: fake.memberships(fake.group_id)[0].role.id}
                client.access.update_memberships(group.id, admin, allow_last_admin=True).collect()
                client.access.delete_memberships(group.id, others, cascade=True).collect()
    sent = len(changes_sent(fake))
    screen = at_terminal("offboard", ADA, "--cascade", "-o", "jsonl")
    assert screen.code == 1
    assert "[y/N]" not in screen.text
    assert len(changes_sent(fake)) == sent


@pytest.mark.parametrize("option", ["--me", "--protect"])
def test_nobody_is_removed_who_is_protected(fake: FakeSnyk, cli: Call, option: str) -> None:
    done = cli("offboard", ADA, GRACE, "--cascade", "--yes", option, GRACE)
    assert (done.code, done.out) == (2, "")
    assert changes_sent(fake) == []
    if option == "--me":
        assert "--allow-self" in done.err
        assert cli("offboard", GRACE, "--cascade", "--yes", "--me", GRACE, "--allow-self").code == 0


def test_several_accounts_are_refused_unless_all_are_wanted(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    users = [fake.add_user(email="twin@example.com", username=name) for name in ("twin1", "twin2")]
    for user in users:
        fake.add_membership(group_id, user.id, role_id(fake, "Group Member"))
    done = cli("offboard", "twin@example.com", "--cascade", "--yes")
    assert (done.code, done.out) == (2, "")
    assert all(user.id in done.err for user in users)
    done = cli("offboard", "twin@example.com", "--cascade", "--yes", "--all-accounts")
    assert (done.code, [o["status"] for o in done.objects]) == (0, ["removed"] * 2)
    assert groups_of(fake, "twin@example.com") == []


def test_nothing_is_removed_that_was_not_shown(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    champions = fake.groups()[2]
    ada = next(m.user for m in fake.memberships(fake.group_id) if m.user.email == ADA)

    def join(*_: object, **__: object) -> None:
        fake.add_membership(champions.id, ada.id, role_id(fake, "Group Member"))

    monkeypatch.setattr(offboarding, "confirm", join)
    monkeypatch.setattr(offboarding, "require_somebody", lambda **_: None)
    done = cli("offboard", ADA, "--cascade")
    assert (done.code, done.out) == (1, "")
    assert (
        f"there is more to remove than was shown: remove {ADA} (Group Member); nothing was changed"
        in done.err
    )
    assert changes_sent(fake) == []


def test_nobody_is_found_and_no_journal_is_left(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    command = ("--cascade", "--yes", "--journal", str(tmp_path / "journal"))
    assert cli("offboard", NOBODY, *command).code == 4
    assert [*tmp_path.iterdir()] == [], "it would refuse to be that of the right name"
    assert cli("offboard", ADA, *command).code == 0


def test_interrupted_offboarding_says_what_came_of_each_group(
    hanging: Callable[[str, int], Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hanging("DELETE", 1)
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        done = interrupted(service, 1, "offboard", ADA, "--cascade", "--yes", "--concurrency", "1")
    assert done.code == 130
    assert sorted(o["status"] for o in done.objects) == ["removed", "unknown"]
    assert done.err.endswith("0 not started. Run the same command again to do the rest\ninterrupted\n")


def test_interrupted_offboarding_goes_on_where_it_was(
    hanging: Callable[[str, int], Hanging], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Call
) -> None:
    service = hanging("DELETE", 1)
    command = ("offboard", ADA, "--cascade", "--yes", "--concurrency", "1", "--journal", str(tmp_path / "j"))
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        assert interrupted(service, 1, *command).code == 130
        service.left = 100
        done = cli(*command)
        again = cli(*command)
    assert done.code == 0
    assert {(o["status"], o["earlier"]) for o in done.objects} == {("removed", False), ("removed", True)}
    assert again.code == 0
    assert [(o["status"], o["earlier"]) for o in again.objects] == [("removed", True)] * 2
    assert len(changes_sent(service.app)) == 2


def test_a_full_disk_in_the_midst_does_not_say_that_nothing_was_changed(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if changes_sent(fake):
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    journal = str(tmp_path / "journal")
    done = cli("offboard", ADA, "--cascade", "--yes", "--journal", journal, "--concurrency", "1")
    assert done.code == 1
    assert [o["status"] for o in done.objects] == ["removed"]
    assert "No space left" in done.err
    assert "1 not started. Run the same command again" in done.err
    assert "nothing was changed" not in done.err


def test_error_after_the_removals_does_not_say_that_nothing_was_changed(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expire_afterwards(question: str, steps: Sequence[str], *, yes: bool) -> None:
        confirm(question, steps, yes=yes)
        fake.fail_next(status=401, path="sso_connections", times=9)

    monkeypatch.setattr(offboarding, "confirm", expire_afterwards)
    done = cli("offboard", ADA, "--cascade", "--yes")
    assert done.code == 0, "nobody has access any more; who can sign in by SSO is not known"
    assert {o["status"] for o in done.objects} == {"removed"}
    assert "401" in done.err.splitlines()[-1]


def test_interrupted_look_sends_no_change(
    hanging: Callable[[str, int], Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hanging("GET", 2)
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        done = interrupted(service, 1, "offboard", ADA, "--cascade", "--yes", "--concurrency", "1")
    assert (done.code, done.out) == (130, "")
    assert changes_sent(service.app) == []


def test_output_is_one_form_for_all_results(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA, "--cascade", "--yes", "-o", "json")
    assert {o["group"] for o in json.loads(done.out)} == {"Engineering", "Research"}


def test_journal_that_cannot_be_written_is_said_before_anything_is_sent(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA, "--cascade", "--yes", "--journal", "/nowhere/j")
    assert (done.code, done.out) == (1, "")
    assert "/nowhere/j: cannot be written" in done.err
    assert not fake.requests


def test_people_come_from_standard_input(fake: FakeSnyk) -> None:
    done = run("offboard", "--file", "-", "--cascade", "--yes", input=f"{ADA}\n")
    assert done.code == 0
    assert {o["person"] for o in done.objects} == {ADA}
