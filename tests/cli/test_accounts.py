"""`delete-sso-users`: accounts of SSO users, deleted when somebody has said how many."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.hanging import Hanging
from support.jobs import changes_sent, role_id
from support.loopback import served
from support.running import Done, at_terminal, interrupted

from groups_sdk.cli._commands import accounts
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
COMMAND = "delete-sso-users"
ADA, GRACE, ALAN = "ada.0000@example.com", "grace.0001@example.com", "alan.0002@example.com"
NOBODY = "nobody@example.com"
PROMPT = "Type the number of accounts to delete:"


def there(fake: FakeSnyk, *emails: str) -> list[str]:
    known = {user.email for user in fake.users()}
    return [email for email in emails if email in known]


def test_accounts_are_deleted_with_yes_and_their_number(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    leavers = tmp_path / "leavers.txt"
    leavers.write_text(f"{ALAN}\n")
    done = cli(COMMAND, GRACE, "--file", str(leavers), "-g", "Engineering", "--yes", "--accounts", "2")
    assert done.code == 0
    assert {(o["person"], o["status"]) for o in done.objects} == {(GRACE, "deleted"), (ALAN, "deleted")}
    assert "member of Engineering (Group Member), organizations: Web Shop, Mobile" in done.err
    assert there(fake, GRACE, ALAN) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--yes"], "--yes alone deletes no account: add --accounts N"),
        ([], "Cannot ask for the number of accounts here (no terminal). Add --yes --accounts N"),
        (["--accounts", "1"], "Cannot ask for the number of accounts here"),
    ],
)
def test_yes_alone_is_refused_before_anything_is_sent(
    fake: FakeSnyk, cli: Call, options: list[str], says: str
) -> None:
    done = cli(COMMAND, GRACE, *options)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not fake.requests


def test_nobody_is_given(fake: FakeSnyk, cli: Call) -> None:
    done = cli(COMMAND, "--yes", "--accounts", "1")
    assert (done.code, done.err) == (2, "groups-sdk: error: give a PERSON, or --file\n")


@pytest.mark.parametrize(("typed", "code"), [("yes", 1), ("1", 1), ("", 1), ("2", 0)])
def test_the_number_is_typed(fake: FakeSnyk, typed: str, code: int) -> None:
    screen = at_terminal(COMMAND, GRACE, ALAN, "-g", fake.group_id, type_in={PROMPT: f"{typed}\n"})
    before = screen.plain.partition(PROMPT)[0]
    assert f"{GRACE} (user id" in before
    assert (
        "Delete these 2 accounts from all of Snyk? Nothing brings them back, and their owners are" in before
    )
    assert screen.code == code
    assert there(fake, GRACE, ALAN) == ([] if code == 0 else [GRACE, ALAN])
    if code:
        assert "not confirmed (the number is 2): nothing was changed" in screen.plain


def test_one_account_is_one(fake: FakeSnyk) -> None:
    screen = at_terminal(COMMAND, GRACE, "-g", fake.group_id, type_in={PROMPT: "1\n"})
    assert (
        "Delete this account from all of Snyk? Nothing brings it back, and its owner is emailed."
        in screen.plain
    )
    assert screen.code == 0


def test_nobody_who_was_found_needs_no_number(fake: FakeSnyk) -> None:
    screen = at_terminal(COMMAND, NOBODY, "-g", fake.group_id)
    assert screen.code == 4
    assert PROMPT not in screen.plain
    assert changes_sent(fake) == []


def test_another_number_deletes_nothing(fake: FakeSnyk, cli: Call) -> None:
    done = cli(COMMAND, GRACE, NOBODY, "-g", "Engineering", "--yes", "--accounts", "2")
    assert (done.code, done.out) == (2, "")
    assert "--accounts is 2, but 1 account would be deleted; nothing was changed\n" in done.err
    assert f"  {NOBODY}: not found among the SSO users of Engineering\n" in done.err
    assert changes_sent(fake) == []


def test_dry_run_is_all_well_when_everybody_was_found(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    done = cli(COMMAND, GRACE, "-g", "Engineering", "--dry-run", "--journal", str(journal))
    assert (done.code, [o["status"] for o in done.objects]) == (0, ["would_delete"])
    assert "dry run: nothing was changed\n" in done.err
    assert changes_sent(fake) == []
    assert not journal.exists()
    assert cli(COMMAND, GRACE, NOBODY, "-g", "Engineering", "--dry-run").code == 1
    assert cli(COMMAND, NOBODY, "-g", "Engineering", "--dry-run").code == 4
    assert cli(COMMAND, NOBODY, "-g", "Engineering", "--yes", "--accounts", "1").code == 2


@pytest.mark.parametrize("allowed", [False, True])
def test_group_that_nobody_may_read_stops_it(fake: FakeSnyk, cli: Call, allowed: bool) -> None:
    fake.fail_next(status=403, path=f"{fake.groups()[2].id}/memberships", times=99)
    options = ["--allow-unreadable-groups"] if allowed else []
    done = cli(COMMAND, GRACE, "-g", "Engineering", "--yes", "--accounts", "1", *options)
    assert done.code == (1 if allowed else 2)
    assert there(fake, GRACE) == ([] if allowed else [GRACE])
    assert f"Security Champions: {GRACE}: cannot be checked" in done.err
    if not allowed:
        assert "(--allow-unreadable-groups permits it)" in done.err


@pytest.mark.parametrize("option", ["--me", "--protect"])
def test_nobody_is_deleted_who_is_protected(fake: FakeSnyk, cli: Call, option: str) -> None:
    done = cli(COMMAND, GRACE, "-g", "Engineering", "--yes", "--accounts", "1", option, GRACE)
    assert (done.code, done.out) == (2, "")
    assert changes_sent(fake) == []


def test_nothing_is_deleted_that_was_not_shown(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    grace = next(user for user in fake.users() if user.email == GRACE)

    def join(*_: object) -> None:
        fake.add_membership(fake.groups()[2].id, grace.id, role_id(fake, "Group Member"))

    list_steps = accounts.list_steps
    monkeypatch.setattr(accounts, "list_steps", lambda steps: (list_steps(steps), join()))
    done = cli(COMMAND, GRACE, "-g", "Engineering", "--yes", "--accounts", "1")
    assert (done.code, done.out) == (1, "")
    assert "have changed since they were shown; nothing was changed, try again" in done.err
    assert changes_sent(fake) == []


def test_account_that_is_left_keeps_it_from_being_complete(fake: FakeSnyk, cli: Call) -> None:
    fake.fail_next(status=409, method="DELETE", times=9)
    done = cli(COMMAND, GRACE, "-g", "Engineering", "--yes", "--accounts", "1")
    assert done.code == 1
    assert "remains: Engineering: grace.0001@example.com: the account " in done.err


def test_interrupted_deletion_goes_on_where_it_was(
    hanging: Callable[[str, int], Hanging], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Call
) -> None:
    service = hanging("DELETE", 1)
    journal = str(tmp_path / "j")
    command = (COMMAND, GRACE, ALAN, "-g", "Engineering", "--yes", "--accounts", "2", "--concurrency", "1")
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        stopped = interrupted(service, 1, *command, "--journal", journal)
        service.left = 100
        done = cli(*command, "--journal", journal)
        again = cli(*command, "--journal", journal)
    assert stopped.code == 130
    assert sorted(o["status"] for o in stopped.objects) == ["deleted", "unknown"]
    assert "stopped: 1 deleted, 1 uncertain (may have been deleted), 0 not started." in stopped.err
    assert done.code == 0
    assert {(o["status"], o["earlier"]) for o in done.objects} == {("deleted", False), ("deleted", True)}
    assert (again.code, {o["earlier"] for o in again.objects}) == (0, {True})
    assert len(changes_sent(service.app)) == 2


def test_what_an_earlier_run_left_is_looked_for_again(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    grace = next(user for user in fake.users() if user.email == GRACE)
    for connection in fake.sso_connections(fake.group_id):
        if grace.id in {user.user.id for user in fake.sso_users(connection.id)}:
            break
    command = (COMMAND, GRACE, "-g", "Engineering", "--yes", "--accounts", "1")
    options = ("--journal", str(tmp_path / "journal"))
    fake.fail_next(status=204, method="DELETE", body="")
    first = cli(*command, *options)
    fake._state.sso_users[connection.id].remove(grace.id)
    second = cli(*command, *options)
    assert [(o["status"], o["earlier"]) for o in second.objects] == [("deleted", True)]
    assert (first.code, second.code) == (1, 1), "they are a member still"
    assert "remains: Engineering: grace.0001@example.com" in second.err
    assert len(changes_sent(fake)) == 1


def test_a_full_disk_in_the_midst_does_not_say_that_nothing_was_changed(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if changes_sent(fake):
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    options = ("--yes", "--accounts", "2", "--journal", str(tmp_path / "journal"), "--concurrency", "1")
    done = cli(COMMAND, GRACE, ALAN, "-g", "Engineering", *options)
    assert (done.code, [o["status"] for o in done.objects]) == (1, ["deleted"])
    assert "No space left" in done.err
    assert "nothing was changed" not in done.err


def test_journal_that_cannot_be_written_is_said_before_anything_is_sent(fake: FakeSnyk, cli: Call) -> None:
    done = cli(COMMAND, GRACE, "--yes", "--accounts", "1", "--journal", "/nowhere/j")
    assert (done.code, done.out) == (1, "")
    assert not fake.requests


def test_sso_without_a_verb_still_lists(fake: FakeSnyk, cli: Call) -> None:
    done = cli("sso", "Engineering", "--users")
    assert done.code == 0
    assert GRACE in done.out
