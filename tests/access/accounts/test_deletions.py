"""Deletions of SSO users' accounts: whose they are, what is refused, what is said of them, and what goes on later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from support import clock
from support.jobs import BOTH, ONCE, Jobs, changes_sent

from groups_sdk import (
    AmbiguousMatchError,
    DecodeError,
    ForbiddenError,
    IncompleteListingError,
    InterruptedChangeError,
    InvalidArgumentError,
    JournalError,
    MemberNotFoundError,
    Progress,
    ProtectedMemberError,
    StalePlanError,
    UnauthorizedError,
)
from groups_sdk.access import Action, Change, DeletionReport, DeletionStatus
from groups_sdk.access._accounts import deletions
from groups_sdk.access._outcomes import Outcome, Status
from groups_sdk.access._plan.journal import read_journal
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


class World:
    """Two groups of three members each, the first an admin; the first group has an SSO connection with all of them.

    A fourth SSO user is in no group.
    """

    def __init__(self) -> None:
        self.fake = FakeSnyk()
        self.roles = [self.fake.add_role(name) for name in ("Group Admin", "Group Member")]
        self.groups = [self.fake.add_group(name) for name in ("A", "B")]
        self.fake.group_id = self.groups[0].id
        self.connection = self.fake.add_sso_connection(self.groups[0].id, "Okta")
        names = ("root", "ada", "bob", "eve")
        self.users = [self.fake.add_user(email=f"{n}@mail.test", username=f"{n}@login.test") for n in names]
        for user in self.users:
            self.fake.add_sso_user(self.connection.id, user.id)
        for group in self.groups:
            for number, user in enumerate(self.users[:3]):
                self.fake.add_membership(group.id, user.id, self.roles[bool(number)].id)

    @property
    def deleted(self) -> list[str]:
        left = {user.id for user in self.fake.users()}
        return [user.email for user in self.users if user.id not in left]

    def membership(self, group: int, user: int) -> Any:
        records = self.fake.memberships(self.groups[group].id)
        return next(m for m in records if m.user.id == self.users[user].id)


ROOT, ADA, BOB, EVE = (f"{name}@mail.test" for name in ("root", "ada", "bob", "eve"))


@pytest.fixture
def world() -> World:
    return World()


def statuses(report: DeletionReport) -> dict[str, str]:
    return {str(result.user.email): result.status.value for result in report.results}


async def delete(world: World, *people: str, accounts: int = 1, **options: Any) -> DeletionReport:
    async with world.fake.async_client(retries=options.pop("retries", ONCE)) as client:
        access = client.access
        work = access.delete_sso_users(
            world.fake.group_id, people, dry_run=False, accounts=accounts, **options
        )
        return await work.collect()


# Who is found


@BOTH
async def test_a_dry_run_shows_what_each_account_has_and_a_real_one_deletes_them(
    kind: str, world: World
) -> None:
    org = world.fake.add_org(world.groups[1].id, "Shop")
    world.fake.add_org_membership(
        org.id, world.users[1].id, world.fake.add_role("Org Viewer", kind="org_role").id
    )
    told: list[Progress] = []
    async with Jobs(world.fake, kind) as jobs:
        report = await jobs.run((await jobs("delete_sso_users", jobs.group_id, [ADA.upper(), EVE])).collect)
        assert {request.method for request in world.fake.requests} == {"GET"}
        assert statuses(report) == {ADA: "would_delete", EVE: "would_delete"}
        assert (report.accounts, report.complete, report.dry_run, report.groups) == (2, False, True, 2)
        ada, eve = report.results
        assert [(m.group.name, m.role.name) for m in ada.memberships] == [
            ("A", "Group Member"),
            ("B", "Group Member"),
        ]
        assert [m.org.name for m in ada.org_memberships] == ["Shop"]
        assert (eve.memberships, eve.org_memberships) == ((), ())
        assert str(report).splitlines() == [
            "Deletion of accounts of SSO users of A (a dry run: nothing was deleted)",
            f"  {ADA} (user id {ada.user.id}): would delete, member of A (Group Member), B (Group Member), "
            "organizations: Shop",
            f"  {EVE} (user id {eve.user.id}): would delete, member of no group that can be read",
        ]
        work = await jobs(
            "delete_sso_users", jobs.group_id, [ADA, EVE], dry_run=False, accounts=2, on_progress=told.append
        )
        (change, _) = await jobs.run(work.preview)
        assert str(change) == f"delete the account of {ADA} (user id {ada.user.id})"
        assert statuses(work.report()) == {ADA: "would_delete", EVE: "would_delete"}
        report = await jobs.run(work.collect)
    assert statuses(report) == {ADA: "deleted", EVE: "deleted"}
    assert report.complete
    assert "2 of 2 done (2 deleted)" in repr(work)
    assert world.deleted == [ADA, EVE]
    assert [(p.done, p.total) for p in told] == [(0, 2), (1, 2), (2, 2)]


@pytest.mark.parametrize("by", ["email", "username", "id", "membership"])
async def test_a_person_is_found_by_everything_that_is_theirs(world: World, by: str) -> None:
    ada = world.users[1]
    given = world.membership(1, 1).id if by == "membership" else getattr(ada, by)
    report = await delete(world, f" {given.upper()} ", given)
    assert statuses(report) == {ADA: "deleted"}
    assert world.deleted == [ADA]


async def test_a_display_name_and_nobody_are_not_found_and_nothing_is_deleted(world: World) -> None:
    shown = world.fake.add_user(name="Shown", email="shown@mail.test")
    world.fake.add_sso_user(world.connection.id, shown.id)
    async with world.fake.async_client() as client:
        report = await client.access.delete_sso_users(
            world.fake.group_id, ["Shown", "nobody@mail.test"]
        ).collect()
    assert report.results == ()
    assert report.not_found == ("Shown", "nobody@mail.test")
    assert "  ! nobody@mail.test: not found among the SSO users" in str(report).splitlines()
    assert not report.complete


async def test_a_member_who_is_no_sso_user_is_said_to_be_one(world: World) -> None:
    member = world.fake.add_user(email="local@mail.test")
    world.fake.add_membership(world.groups[1].id, member.id, world.roles[1].id)
    async with world.fake.async_client() as client:
        report = await client.access.delete_sso_users(world.fake.group_id, "local@mail.test").collect()
    assert report.not_found == ("local@mail.test",)
    assert "is a member, but no SSO user of this group" in report.notes[0]


@pytest.mark.parametrize("where", ["SSO user", "member"])
async def test_several_accounts_of_one_name_are_refused_with_their_ids(world: World, where: str) -> None:
    twin = world.fake.add_user(email=ADA, username="other")
    if where == "SSO user":
        world.fake.add_sso_user(world.connection.id, twin.id)
    else:
        world.fake.add_membership(world.groups[1].id, twin.id, world.roles[1].id)
    with pytest.raises(AmbiguousMatchError) as caught:
        await delete(world, ADA)
    assert twin.id in str(caught.value)
    assert world.users[1].id in str(caught.value)
    assert changes_sent(world.fake) == []
    assert statuses(await delete(world, world.users[1].id)) == {ADA: "deleted"}


async def test_a_look_alike_is_refused(world: World) -> None:
    with pytest.raises(AmbiguousMatchError, match="only looks like"):
        await delete(world, ADA.replace("a", "а"))  # Cyrillic
    assert changes_sent(world.fake) == []


async def test_an_account_of_two_connections_is_one(world: World) -> None:
    other = world.fake.add_sso_connection(world.groups[0].id, "Entra")
    world.fake.add_sso_user(other.id, world.users[1].id)
    assert statuses(await delete(world, ADA)) == {ADA: "deleted"}
    assert len(changes_sent(world.fake)) == 1


# What is refused


@pytest.mark.parametrize(
    "bad",
    [
        {"people": []},
        {"dry_run": None},
        {"dry_run": False},
        {"dry_run": False, "accounts": 0},
        {"dry_run": False, "accounts": True},
        {"group_id": "engineering"},
        {"protect": ADA},
        {"concurrency": 0},
    ],
)
@pytest.mark.filterwarnings("ignore:.* was never run:ResourceWarning")
async def test_bad_input_is_refused_before_anything_is_sent(world: World, bad: dict[str, Any]) -> None:
    async with world.fake.async_client() as client:
        given: dict[str, Any] = {"group_id": world.fake.group_id, "people": [ADA], **bad}
        with pytest.raises(InvalidArgumentError):
            client.access.delete_sso_users(**given)
    assert not world.fake.requests


async def test_another_number_of_accounts_than_expected_deletes_none(world: World) -> None:
    for people, number in (((ADA, BOB), 1), ((ADA,), 2), (("nobody@mail.test",), 1)):
        with pytest.raises(InvalidArgumentError, match=f"accounts={number}, but .* would be deleted"):
            await delete(world, *people, accounts=number)
    assert changes_sent(world.fake) == []


async def test_one_does_not_delete_oneself_or_who_is_protected(world: World) -> None:
    with pytest.raises(ProtectedMemberError, match="your own account"):
        await delete(world, ADA, me=world.users[1].username)
    with pytest.raises(ProtectedMemberError, match="protected accounts"):
        await delete(world, ADA, EVE, accounts=2, protect=[EVE.upper()])
    with pytest.raises(MemberNotFoundError, match=r"'mistyped@mail\.test' was not found"):
        await delete(world, ADA, me="mistyped@mail.test")
    with pytest.raises(ProtectedMemberError, match="admin role"):
        await delete(world, ADA, admin_roles=["Group Amdin"])
    assert changes_sent(world.fake) == []
    report = await delete(world, ADA, me=ADA, allow_self=True, protect=["mistyped@mail.test"])
    assert statuses(report) == {ADA: "deleted"}
    assert "check the spelling" in report.notes[0]


async def test_who_goes_by_no_name_may_be_one_of_the_protected(world: World) -> None:
    eve = world.users[3]
    world.fake.alter_record(eve.id, "attributes.email")
    world.fake.alter_record(eve.id, "attributes.username")
    with pytest.raises(ProtectedMemberError, match="neither an email address nor a username"):
        await delete(world, eve.id, protect=[EVE])
    report = await delete(world, eve.id, protect=[ROOT])
    assert [result.status.value for result in report.results] == ["deleted"]


async def test_the_last_admin_of_any_group_is_refused_and_others_go(world: World) -> None:
    report = await delete(world, ROOT, ADA)
    assert statuses(report) == {ROOT: "refused", ADA: "deleted"}
    assert not report.complete
    assert world.deleted == [ADA]
    (root,) = (result for result in report.results if result.user.email == ROOT)
    assert "the group A would be left without an admin" in str(root) or "the group B would" in str(root)
    assert statuses(await delete(world, ROOT, allow_last_admin=True)) == {ROOT: "deleted"}


async def test_of_two_admins_who_go_together_none_does(world: World) -> None:
    world.fake._state.change_role(world.membership(1, 1), world.roles[0])
    with pytest.raises(InvalidArgumentError, match="accounts=2, but 0 would be deleted"):
        await delete(world, ROOT, ADA, accounts=2)
    world.fake._state.change_role(world.membership(0, 1), world.roles[0])
    assert statuses(await delete(world, ROOT)) == {ROOT: "deleted"}


async def test_a_group_without_an_admin_is_noted(world: World) -> None:
    for group in range(2):
        world.fake._state.change_role(world.membership(group, 0), world.roles[1])
    report = await delete(world, ADA)
    assert any("name it with admin_roles" in note for note in report.notes)


async def test_nothing_is_deleted_while_a_group_cannot_be_read_unless_that_is_allowed(world: World) -> None:
    path = f"{world.groups[1].id}/memberships"
    world.fake.fail_next(status=403, path=path, times=99)
    async with world.fake.async_client() as client:
        report = await client.access.delete_sso_users(world.fake.group_id, ADA).collect()
    assert statuses(report) == {ADA: "refused"}
    assert report.accounts == 0
    assert [access.group.name for access in report.unreadable] == ["B"]
    assert f"  ! B: {ADA}: cannot be checked: " in str(report)
    with pytest.raises(IncompleteListingError, match=r"groups can be read.*: B; .*allow_unreadable_groups"):
        await delete(world, ADA)
    assert changes_sent(world.fake) == []
    report = await delete(world, ADA, allow_unreadable_groups=True)
    assert statuses(report) == {ADA: "deleted"}
    assert report.results[0].org_memberships is None
    assert not report.complete, "nobody knows what is left in B"


@pytest.mark.parametrize("where", ["SSO user", "member"])
async def test_a_record_that_cannot_be_understood_may_be_about_anybody(world: World, where: str) -> None:
    world.fake.alter_record(
        world.users[3].id if where == "SSO user" else world.membership(1, 2).id, "attributes", "odd"
    )
    with pytest.raises(IncompleteListingError, match="nothing was sent") as caught:
        await delete(world, ADA, allow_unreadable_groups=True)
    assert isinstance(caught.value.__cause__, DecodeError)
    assert changes_sent(world.fake) == []


async def test_an_sso_user_without_an_id_may_be_anybody(world: World) -> None:
    world.fake.alter_record(world.users[3].id, "id", "")
    with pytest.raises(IncompleteListingError, match="is listed without an id; nothing was sent"):
        await delete(world, ADA)
    assert changes_sent(world.fake) == []


@pytest.mark.parametrize("path", ["/sso_connections", "/users"])
async def test_sso_users_that_cannot_all_be_listed_stop_it(world: World, path: str) -> None:
    world.fake.fail_next(status=403, path=path)
    with pytest.raises(ForbiddenError):
        await delete(world, ADA)
    assert changes_sent(world.fake) == []


async def test_organizations_that_cannot_be_read_are_a_note(world: World, tmp_path: Path) -> None:
    world.fake.fail_next(status=403, path="org_memberships", times=2)
    report = await delete(world, ADA, journal=tmp_path / "journal")
    assert read_journal(tmp_path / "journal").entries[0].organizations is None
    assert statuses(report) == {ADA: "deleted"}
    assert report.results[0].org_memberships is None
    assert any("memberships of organizations cannot be read" in note for note in report.notes)


# What is said of it


@pytest.mark.parametrize(("gone", "status"), [(True, "deleted"), (False, "unknown")])
async def test_after_an_unclear_answer_the_sso_users_are_listed_again(
    world: World, gone: bool, status: str
) -> None:
    world.fake.fail_next(status=503, method="DELETE", after=gone)
    report = await delete(world, ADA)
    assert statuses(report) == {ADA: status}
    assert report.complete == gone
    assert bool(report.remaining) != gone


async def test_an_unclear_answer_and_no_listing_is_unknown(world: World) -> None:
    def observe(progress: Progress) -> None:
        world.fake.fail_next(status=500, path="sso_connections", method="GET", times=2)

    world.fake.fail_next(status=503, method="DELETE", after=True)
    report = await delete(world, ADA, on_progress=observe)
    assert statuses(report) == {ADA: "unknown"}
    assert not report.complete


async def test_a_connection_that_is_not_listed_any_more_proves_nothing(world: World) -> None:
    def observe(progress: Progress) -> None:
        world.fake._state.sso_connections.remove(world.connection.id)

    world.fake.fail_next(status=503, method="DELETE")
    assert statuses(await delete(world, ADA, on_progress=observe)) == {ADA: "unknown"}


async def test_who_is_gone_already_is_not_said_to_be_deleted_by_us(world: World) -> None:
    world.fake.fail_next(status=404, method="DELETE", after=True)
    assert statuses(await delete(world, ADA)) == {ADA: "gone"}


async def test_a_404_of_a_user_who_is_listed_is_a_failure(world: World) -> None:
    world.fake.fail_next(status=404, method="DELETE")
    report = await delete(world, ADA)
    assert statuses(report) == {ADA: "failed"}
    assert "Not found" in str(report.results[0]) or "404" in str(report.results[0])


async def test_a_retry_that_finds_nobody_is_looked_into(world: World) -> None:
    world.fake.fail_next(status=503, method="DELETE", after=True)
    async with Jobs(world.fake, "async") as jobs:
        work = await jobs("delete_sso_users", jobs.group_id, ADA, dry_run=False, accounts=1)
        report = await work.collect()
    assert statuses(report) == {ADA: "deleted"}
    assert len(changes_sent(world.fake)) == 2


async def test_a_403_stops_the_rest(world: World) -> None:
    world.fake.fail_next(status=403, method="DELETE", times=9)
    report = await delete(world, ADA, BOB, accounts=2, concurrency=1)
    assert statuses(report) == {ADA: "failed", BOB: "not_started"}
    assert len(changes_sent(world.fake)) == 1


async def test_a_401_stops_everything_and_nothing_is_lost(world: World) -> None:
    world.fake.fail_next(status=401, method="DELETE", times=9)
    report = await delete(world, ADA, BOB, accounts=2, concurrency=1)
    assert statuses(report) == {ADA: "failed", BOB: "not_started"}


async def test_a_second_look_that_does_not_go_through_is_said(world: World) -> None:
    def observe(progress: Progress) -> None:
        if progress.done:
            world.fake.fail_next(status=401, method="GET", times=9)

    report = await delete(world, ADA, on_progress=observe)
    assert statuses(report) == {ADA: "deleted"}
    assert (report.looked_again, report.complete) == (False, False)
    assert "not everything could be checked" in report.notes[-1]


async def test_what_changes_meanwhile_is_respected(world: World) -> None:
    async with world.fake.async_client(retries=ONCE) as client:
        work = client.access.delete_sso_users(
            world.fake.group_id, [ADA, BOB, EVE], dry_run=False, accounts=3, concurrency=1
        )
        await work.preview()
        world.fake._state.change_role(world.membership(1, 1), world.roles[0])
        world.fake._state.sso_users[world.connection.id].remove(world.users[3].id)
        await clock.pass_by(11)
        report = await work.collect()
    assert statuses(report) == {ADA: "changed_since", BOB: "deleted", EVE: "gone"}
    (stale,) = report.of(DeletionStatus.CHANGED_SINCE)
    assert isinstance(stale.error, StalePlanError)
    assert world.deleted == [BOB]


async def test_a_pause_between_two_accounts_is_looked_over(world: World) -> None:
    async with world.fake.async_client(retries=ONCE) as client:
        work = client.access.delete_sso_users(
            world.fake.group_id, [ADA, BOB], dry_run=False, accounts=2, concurrency=1
        )
        async for _ in work:
            world.fake._state.change_role(world.membership(1, 2), world.roles[0])
            break
        await clock.pass_by(11)
        report = await work.collect()
    assert statuses(report) == {ADA: "deleted", BOB: "changed_since"}


async def test_a_look_after_a_pause_guards_anew(world: World) -> None:
    twin = world.fake.add_user(email="twin@mail.test")
    async with world.fake.async_client(retries=ONCE) as client:
        work = client.access.delete_sso_users(
            world.fake.group_id, ADA, dry_run=False, accounts=1, protect=["twin@mail.test"]
        )
        await work.preview()
        world.fake.alter_record(world.users[1].id, "attributes.email", twin.email)
        await clock.pass_by(11)
        with pytest.raises(ProtectedMemberError):
            await work.collect()
    assert changes_sent(world.fake) == []


def after_the_first(event: Callable[[], object]) -> Callable[[Progress], object]:
    def observe(progress: Progress) -> None:
        if progress.done == 1:
            event()
            clock.skip(301)

    return observe


async def test_a_long_run_looks_again(world: World) -> None:
    path = f"{world.groups[1].id}/memberships"
    report = await delete(
        world,
        ADA,
        BOB,
        accounts=2,
        concurrency=1,
        on_progress=after_the_first(lambda: world.fake.fail_next(status=403, path=path, times=99)),
    )
    assert statuses(report) == {ADA: "deleted", BOB: "refused"}


async def test_a_long_run_that_cannot_look_any_more_goes_no_further(world: World) -> None:
    report = await delete(
        world,
        ADA,
        BOB,
        EVE,
        accounts=3,
        concurrency=1,
        on_progress=after_the_first(lambda: world.fake.fail_next(status=500, path="sso_connections")),
    )
    assert statuses(report) == {ADA: "deleted", BOB: "failed", EVE: "deleted"}


async def test_the_last_admin_is_kept_when_another_one_went_meanwhile(world: World) -> None:
    for group in range(2):
        world.fake._state.change_role(world.membership(group, 1), world.roles[0])

    def event() -> None:
        for group in range(2):
            world.fake._state.remove_membership(world.membership(group, 0))

    report = await delete(world, BOB, ADA, accounts=2, concurrency=1, on_progress=after_the_first(event))
    assert statuses(report) == {BOB: "deleted", ADA: "refused"}


async def test_an_admin_of_two_groups_is_kept_whole_when_one_of_them_is_short(world: World) -> None:
    """What was noted of the first group for a deletion that is refused for the second is taken back."""
    for user in (1, 2):
        world.fake._state.change_role(world.membership(0, user), world.roles[0])
    world.fake._state.change_role(world.membership(1, 1), world.roles[0])

    def event() -> None:
        world.fake._state.remove_membership(world.membership(1, 0))

    report = await delete(world, EVE, ADA, BOB, accounts=3, concurrency=1, on_progress=after_the_first(event))
    assert statuses(report) == {EVE: "deleted", ADA: "refused", BOB: "deleted"}


async def test_ones_own_account_goes_last(world: World) -> None:
    report = await delete(world, ADA, BOB, EVE, accounts=3, me=ADA, allow_self=True, concurrency=3)
    assert report.complete
    last = [request.path for request in world.fake.requests if request.method == "DELETE"][-1]
    assert last.endswith(world.users[1].id)


@pytest.mark.parametrize(
    ("text", "who"),
    [("user_id,email\n{bob},{eve}\n", EVE), ("email,username\n{eve},bob@login.test\n", EVE)],
)
async def test_a_row_that_leads_to_two_people_deletes_neither(
    world: World, tmp_path: Path, text: str, who: str
) -> None:
    leavers = tmp_path / "leavers.csv"
    leavers.write_text(text.format(bob=world.users[2].id, eve=who))
    async with world.fake.async_client(retries=ONCE) as client:
        with pytest.raises(AmbiguousMatchError, match=r"leavers\.csv: row 1"):
            await client.access.delete_sso_users(
                world.fake.group_id, leavers, dry_run=False, accounts=1
            ).collect()
    assert changes_sent(world.fake) == []


# A connection that is not listed any more


def disconnect(world: World) -> None:
    world.fake._state.sso_connections.remove(world.connection.id)


async def test_before_it_is_deleted(world: World) -> None:
    async with world.fake.async_client(retries=ONCE) as client:
        work = client.access.delete_sso_users(world.fake.group_id, EVE, dry_run=False, accounts=1)
        await work.preview()
        disconnect(world)
        await clock.pass_by(11)
        report = await work.collect()
    assert statuses(report) == {EVE: "refused"}
    assert "it is not known whether they are gone" in str(report.results[0].error)
    assert not report.complete
    assert changes_sent(world.fake) == []


async def test_before_a_second_run(world: World, tmp_path: Path) -> None:
    world.fake.fail_next(status=403, method="DELETE")
    journal = tmp_path / "journal"
    assert statuses(await delete(world, EVE, journal=journal)) == {EVE: "failed"}
    disconnect(world)
    with pytest.raises(IncompleteListingError, match="has no SSO connection any more"):
        await delete(world, EVE, journal=journal)


async def test_before_the_second_look(world: World) -> None:
    def observe(progress: Progress) -> None:
        if progress.done:
            disconnect(world)

    report = await delete(world, EVE, on_progress=observe)
    assert statuses(report) == {EVE: "deleted"}
    assert (report.looked_again, report.complete) == (False, False)
    assert "an SSO connection that listed accounts is not listed any more" in report.notes[-1]


# Interrupted, and gone on with


@BOTH
async def test_what_an_earlier_run_deleted_counts_and_is_not_done_again(
    kind: str, world: World, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    options = {"dry_run": False, "accounts": 2, "journal": journal, "concurrency": 1}
    async with Jobs(world.fake, kind) as jobs:
        first = await jobs("delete_sso_users", jobs.group_id, [ADA, BOB], **options)
        assert len(await jobs.all(first, limit=1)) == 1
        dry = await jobs.run(
            (await jobs("delete_sso_users", jobs.group_id, [ADA, BOB], journal=journal)).collect
        )
        assert (statuses(dry), dry.accounts) == ({ADA: "deleted", BOB: "would_delete"}, 2)
        report = await jobs.run(
            (await jobs("delete_sso_users", jobs.group_id, [ADA, BOB], **options)).collect
        )
        assert {(r.user.email, r.status.value, r.earlier) for r in report.results} == {
            (ADA, "deleted", True),
            (BOB, "deleted", False),
        }
        assert f"  {ADA} (user id {world.users[1].id}): deleted by an earlier run" in str(report).splitlines()
        assert report.complete
        with pytest.raises(InvalidArgumentError, match=r"2 would be deleted \(2 of them by an earlier run"):
            await jobs.run(
                (
                    await jobs("delete_sso_users", jobs.group_id, [ADA, BOB], **{**options, "accounts": 1})
                ).collect
            )
    assert len(changes_sent(world.fake)) == 2
    record = read_journal(journal)
    assert [entry.change.action for entry in record.entries] == [Action.DELETE_ACCOUNT] * 2


async def test_the_journal_of_others_is_refused(world: World, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    await delete(world, ADA, journal=journal)
    with pytest.raises(JournalError, match="belongs to another plan"):
        await delete(world, BOB, journal=journal)
    async with world.fake.async_client() as client:
        with pytest.raises(JournalError, match="belongs to another plan"):
            await client.access.delete_sso_users(world.fake.group_id, BOB, journal=journal).collect()
        report = await client.access.delete_sso_users(
            world.fake.group_id, BOB, journal=tmp_path / "none"
        ).collect()
        assert statuses(report) == {BOB: "would_delete"}


async def test_a_journal_that_was_cut_off_before_its_first_line_says_nothing(
    world: World, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    async with world.fake.async_client() as client:
        report = await client.access.delete_sso_users(world.fake.group_id, EVE, journal=journal).collect()
    assert statuses(report) == {EVE: "would_delete"}
    with pytest.raises(JournalError, match="has no complete line yet"):
        read_journal(journal)
    assert statuses(await delete(world, EVE, journal=journal)) == {EVE: "deleted"}


@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("there", [True, False])
async def test_what_the_journal_says_and_what_the_api_shows(
    world: World, tmp_path: Path, status: Status | None, there: bool
) -> None:
    journal = tmp_path / "journal"
    async with world.fake.async_client(retries=ONCE) as client:
        work = client.access.delete_sso_users(
            world.fake.group_id, ADA, dry_run=False, accounts=1, journal=journal
        )
        (change,) = await work.preview()
        writer = work._deletions._journal
        assert writer is not None
        async with writer.session():
            await writer.begin([change])
            if status is not None:
                await writer.end(Outcome(change, status))
        if not there:
            world.fake._state.sso_users[world.connection.id].remove(world.users[1].id)
        report = await client.access.delete_sso_users(
            world.fake.group_id, ADA, dry_run=False, accounts=1, journal=journal
        ).collect()
    if there:
        expected = "changed_since" if status is Status.APPLIED else "deleted"
    else:
        expected = "deleted" if status is Status.APPLIED else "gone"
    assert statuses(report) == {ADA: expected}
    assert (report.results[0].earlier, len(changes_sent(world.fake))) == (
        (False, 1) if expected == "deleted" and there else (True, 0)
    )


async def test_an_interruption_leaves_it_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world.fake.async_client() as client:
        world.fake.hang_next(method="DELETE")
        work = client.access.delete_sso_users(world.fake.group_id, ADA, dry_run=False, accounts=1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work.collect)
            while not changes_sent(world.fake) and not work.pending and work.total is None:
                await anyio.sleep(0)
            for _ in range(50):
                await anyio.sleep(0)
            tasks.cancel_scope.cancel()
    (result,) = work.outcomes
    assert result.status.value == "unknown"
    assert isinstance(result.error, InterruptedChangeError)


async def test_before_anything_is_known_the_report_says_nothing(world: World) -> None:
    async with world.fake.async_client() as client:
        work = client.access.delete_sso_users(world.fake.group_id, ADA)
        assert (work.report().results, work.report().groups, work.report().unreadable) == ((), 0, ())
        assert work.report().group.id == world.fake.group_id
        world.fake.fail_next(status=401, times=9)
        with pytest.raises(UnauthorizedError):
            await work.collect()


async def test_no_other_job_deletes_an_account(world: World) -> None:
    """A journal or a plan cannot make a removal from a group a deletion."""
    from groups_sdk import Plan
    from groups_sdk.access._plan.plan import Group

    async with world.fake.async_client() as client:
        made = await client.access.plan(world.fake.group_id, {ADA: "Group Member"})
        change = Change(
            action=Action.DELETE_ACCOUNT,
            group_id=world.fake.group_id,
            membership_id=world.membership(0, 1).id,
            user=made.unchanged[0].user,
            before=made.unchanged[0].before,
        )
        plan = Plan(
            groups=(Group(world.fake.group_id),),
            base_url=made.base_url,
            made_at=made.made_at,
            cascade=False,
            removals=(change,),
        )
        with pytest.raises(InvalidArgumentError):
            Plan.from_json(plan.to_json())
        outcomes = await client.access.apply(plan).collect()
    assert [outcome.status.value for outcome in outcomes] == ["failed"]
    assert changes_sent(world.fake) == []


def test_times_are_those_of_other_jobs() -> None:
    from groups_sdk.access import _change_work

    assert (deletions._PAUSE, deletions._LONG_RUN) == (_change_work._PAUSE, _change_work._LONG_RUN)


async def test_a_report_in_the_midst_names_what_is_under_way_and_what_is_not_begun(world: World) -> None:
    reports: list[list[str]] = []
    people = [ADA, BOB, EVE]
    async with world.fake.async_client() as client:
        work = client.access.delete_sso_users(
            world.fake.group_id,
            people,
            dry_run=False,
            accounts=len(people),
            concurrency=2,
            on_progress=lambda _: reports.append([r.status.value for r in work.report().results]),
        )
        await work.collect()
    assert reports[0] == ["would_delete"] * 3
    assert reports[1] == ["deleted", "unknown", "would_delete"]
    assert reports[-1] == ["deleted"] * 3
