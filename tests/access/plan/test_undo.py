"""The plan that puts back what an apply has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.jobs import BOTH, ONCE, Jobs, changes_sent, role_id, roles_of
from support.plans import ADMINS, ALAN, GRACE, change_role, keep_all, planned

from groups_sdk import JournalError, Outcome, Plan, PlanError, Status
from groups_sdk.access import Change
from groups_sdk.access._plan.journal import Journal
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


async def applied(fake: FakeSnyk, plan: Plan, journal: Path) -> None:
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, journal=journal, cascade=True).collect()
    assert {o.status for o in outcomes} == {"applied"}


@BOTH
async def test_what_was_changed_is_put_back(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    before = roles_of(fake)
    stranger = fake.add_user(email="stranger@example.com")
    desired = {**keep_all(fake, grace0001="Group Viewer", alan0002=""), stranger.id: "Group Viewer"}
    plan = await planned(fake, desired, prune=True)
    await applied(fake, plan, tmp_path / "journal")
    sent = len(changes_sent(fake))
    async with Jobs(fake, kind) as jobs:
        undo = await jobs("undo", tmp_path / "journal", plan)
        assert len(changes_sent(fake)) == sent, "it only makes a plan"
        assert sorted(map(str, undo.changes)) == [
            f"add {ALAN} as Group Member",
            f"{GRACE}: Group Viewer -> Group Member",
            "remove stranger@example.com (Group Viewer)",
        ]
        again = Plan.from_json(undo.to_json())
        assert again == undo
        changes = await jobs("apply", undo, journal=tmp_path / "undo.journal", cascade=True)
        assert {o.status for o in await jobs.run(changes.collect)} == {"applied"}
        assert roles_of(fake) == before
        twice = await jobs("undo", tmp_path / "journal", plan)
    assert twice.changes == ()
    assert len(twice.notes) == 3
    assert all("changed since" in note or "is a member again" in note for note in twice.notes)


async def test_organizations_that_a_removal_took_are_listed(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    grace = fake.memberships(fake.group_id)[1]
    orgs = [m.org.name for m in fake.org_memberships(fake.group_id, grace.user.id)]
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    await applied(fake, plan, tmp_path / "journal")
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", plan)
    (note,) = undo.notes
    assert "memberships of organizations are not restored" in note
    assert all(org in note for org in orgs)
    assert note in str(undo)


async def test_nobody_becomes_an_admin_by_it_unless_told(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {ADMINS[0]: "Group Viewer", GRACE: "Group Viewer"})
    await applied(fake, plan, tmp_path / "journal")
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", plan)
        assert [c.user and c.user.email for c in undo.changes] == [GRACE]
        assert len(undo.notes) == 1
        assert ADMINS[0] in undo.notes[0]
        assert "would make an admin (allow_admins permits it)" in undo.notes[0]
        whole = await client.access.undo(tmp_path / "journal", plan, allow_admins=True)
        assert len(whole.changes) == 2
        owners = await client.access.undo(tmp_path / "journal", plan, admin_roles=["Group Member"])
        assert [c.user and c.user.email for c in owners.changes] == [ADMINS[0]]


def gone(fake: FakeSnyk, member: Any) -> None:
    fake._state.remove_membership(fake.memberships(fake.group_id)[1])


def anew(fake: FakeSnyk, member: Any) -> None:
    fake._state.remove_membership(fake.memberships(fake.group_id)[1])
    fake.add_membership(fake.group_id, member.user.id, role_id(fake, "Group Viewer"))


@pytest.mark.parametrize(
    ("meanwhile", "note"),
    [
        (change_role("Group Admin"), "changed since: has the role Group Admin now"),
        (change_role("Group Member"), "changed since: has the role Group Member now"),
        (gone, "changed since: is not listed as a member now"),
        (anew, "it is a different membership now"),
    ],
)
async def test_what_somebody_has_changed_since_is_left_alone(
    meanwhile: Callable[[FakeSnyk, Any], None], note: str, tmp_path: Path
) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    await applied(fake, plan, tmp_path / "journal")
    meanwhile(fake, fake.memberships(fake.group_id)[1])
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", plan)
    assert undo.changes == ()
    assert note in undo.notes[0]


async def begun(plan: Plan, path: Path, changes: list[Change]) -> None:
    ids = [group.id for group in plan.groups]
    journal = Journal(path, plan_digest=plan.digest, base_url=plan.base_url, group_ids=ids)
    async with journal.session():
        await journal.begin(changes)


@pytest.mark.parametrize("ended", [True, False])
async def test_what_may_have_been_done_is_listed_and_left_alone(ended: bool, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    desired = keep_all(fake, grace0001="Group Viewer", alan0002="Group Viewer", edsger0003="")
    plan = await planned(fake, desired, prune=True)
    if ended:
        fake.fail_next(status=500, method="PATCH", times=9)
        fake.fail_next(status=500, method="DELETE", times=9)
        async with fake.async_client(retries=ONCE) as client:
            outcomes = await client.access.apply(plan, journal=tmp_path / "journal", cascade=True).collect()
        assert {o.status for o in outcomes} == {"unknown"}
    else:
        await begun(plan, tmp_path / "journal", [*plan.changes])
    change_role("Group Viewer")(fake, fake.memberships(fake.group_id)[1])  # by whom, nobody knows
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", plan)
    assert undo.changes == ()
    assert len(undo.notes) == 1, "what was not done needs no word"
    assert GRACE in undo.notes[0]
    assert "it is not known whether the apply made this change" in undo.notes[0]


async def test_of_an_incomplete_listing_nobody_is_added_again(tmp_path: Path) -> None:
    fake = FakeSnyk.with_members(150)
    member = fake.memberships(fake.group_id)[1]
    desired = {m.user.email: m.role.name for m in fake.memberships(fake.group_id) if m is not member}
    plan = await planned(fake, desired, prune=True)
    await applied(fake, plan, tmp_path / "journal")
    async with fake.async_client() as client:
        fake.twist_next_page("no_links")
        undo = await client.access.undo(tmp_path / "journal", plan)
    assert undo.changes == ()
    assert "it is not known whether they are a member" in undo.notes[0]


async def test_a_removal_of_somebody_without_a_user_id_cannot_be_undone(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    (removal,) = plan.removals
    assert removal.user is not None
    nameless = attrs.evolve(plan, removals=(attrs.evolve(removal, user=attrs.evolve(removal.user, id="")),))
    ids = [group.id for group in nameless.groups]
    journal = Journal(
        tmp_path / "journal", plan_digest=nameless.digest, base_url=nameless.base_url, group_ids=ids
    )
    async with journal.session():
        await journal.begin(nameless.removals)
        await journal.end(Outcome(nameless.removals[0], Status.APPLIED))
    fake._state.remove_membership(fake.memberships(fake.group_id)[1])
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", nameless)
    assert undo.changes == ()
    assert "their user id is not known" in undo.notes[0]


async def test_it_is_for_one_plan_and_one_api(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    await applied(fake, plan, tmp_path / "journal")
    async with fake.async_client() as client:
        with pytest.raises(JournalError, match="is the journal of another plan"):
            await client.access.undo(tmp_path / "journal", attrs.evolve(plan, notes=("x",)))
        with pytest.raises(PlanError, match=r"is for https://api\.eu"):
            await client.access.undo(
                tmp_path / "journal", attrs.evolve(plan, base_url="https://api.eu.snyk.io/rest")
            )
        with pytest.raises(JournalError):
            await client.access.undo(tmp_path / "nowhere", plan)


async def test_what_failed_is_not_undone(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer", ALAN: "Group Viewer"})
    fake.fail_next(status=409, method="PATCH")
    async with fake.async_client() as client:
        await client.access.apply(plan, journal=tmp_path / "journal", concurrency=1).collect()
        undo = await client.access.undo(tmp_path / "journal", plan)
    assert [c.user and c.user.email for c in undo.changes] == [ALAN]
    assert undo.notes == ()
