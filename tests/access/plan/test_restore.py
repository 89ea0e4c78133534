"""The plan that makes a group again what a review says it was."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.jobs import BOTH, ONCE, Jobs, changes_sent, role_id, roles_of
from support.plans import ADMINS, ALAN, EDSGER, GRACE, change_role, planned
from support.worlds import member

from groups_sdk import (
    Action,
    InvalidArgumentError,
    JournalError,
    Outcome,
    Plan,
    PlanError,
    Review,
    Role,
    Status,
    User,
)
from groups_sdk.access import Change
from groups_sdk.access._plan.journal import Journal
from groups_sdk.access._plan.restore import NOT_RESTORED
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

LATER = "2999-01-01T00:00:00Z"


async def reviewed(fake: FakeSnyk, *, orgs: bool = False) -> Review:
    async with fake.async_client(retries=ONCE) as client:
        return await client.access.review(fake.group_id, org_memberships=orgs).collect()


async def restored(fake: FakeSnyk, review: Any, *journals: Path, **options: Any) -> Plan:
    async with fake.async_client(retries=ONCE) as client:
        return await client.access.plan_restore(fake.group_id, review, journals, **options)


def lost(plan: Plan) -> list[str]:
    return [note.removeprefix(NOT_RESTORED) for note in plan.notes if note.startswith(NOT_RESTORED)]


def edited(review: Review, email: str, **changed: Any) -> Review:
    """The review with one of its memberships changed."""
    members = tuple(
        attrs.evolve(m, membership=attrs.evolve(m.membership, **changed))
        if m.membership.user.email == email
        else m
        for m in review.members
    )
    return attrs.evolve(review, members=members)


def remove(fake: FakeSnyk, email: str) -> Any:
    found = member(fake, email)
    fake._state.remove_membership(found)
    return found


@BOTH
@pytest.mark.parametrize("form", ["jsonl", "csv", "object"])
async def test_a_group_is_again_what_the_review_says(kind: str, form: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    before = roles_of(fake)
    review = await reviewed(fake, orgs=True)
    path = tmp_path / f"review.{form}"
    if form != "object":
        getattr(review, f"to_{form}")(path)
    plan = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        await client.access.apply(plan, journal=tmp_path / "journal").collect()
        await client.access.offboard(ALAN, cascade=True, dry_run=False, journal=tmp_path / "off").collect()
    change_role("Group Viewer")(fake, member(fake, EDSGER))
    sent = len(changes_sent(fake))
    async with Jobs(fake, kind) as jobs:
        given = review if form == "object" else path
        made = await jobs("plan_restore", jobs.group_id, given, [tmp_path / "journal", tmp_path / "off"])
        assert len(changes_sent(fake)) == sent, "it only makes a plan"
        assert sorted(map(str, made.changes)) == [
            f"add {ALAN} as Group Member",
            f"{EDSGER}: Group Viewer -> Group Member",
            f"{GRACE}: Group Viewer -> Group Member",
        ]
        assert any("somebody else" in note and EDSGER in note and GRACE not in note for note in made.notes)
        (note,) = lost(made)
        assert ALAN in note
        assert "without their memberships of organizations: " in note
        assert Plan.from_json(made.to_json()) == made
        changes = await jobs("apply", made, journal=tmp_path / "restore.journal")
        assert {o.status.value for o in await jobs.run(changes.collect)} == {"applied"}
        assert roles_of(fake) == before
        again = await jobs("plan_restore", jobs.group_id, given, tmp_path / "off")
    assert again.changes == ()


async def test_organizations_are_those_of_the_review_or_of_the_journal(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    with_orgs, without = await reviewed(fake, orgs=True), await reviewed(fake)
    orgs = [m.org.name for m in fake.org_memberships(fake.group_id, member(fake, GRACE).user.id)]
    async with fake.async_client() as client:
        await client.access.offboard(GRACE, cascade=True, dry_run=False, journal=tmp_path / "j").collect()
    for plan in (await restored(fake, with_orgs), await restored(fake, without, tmp_path / "j")):
        (note,) = lost(plan)
        assert all(org in note for org in orgs)
    (note,) = lost(await restored(fake, without))
    assert note.endswith(
        "they are added again, without their memberships of organizations: not known which, if any"
    )
    fake.add_membership(
        fake.group_id, next(u.id for u in fake.users() if u.email == GRACE), role_id(fake, "Group Member")
    )
    plan = await restored(fake, with_orgs)
    assert plan.changes == ()
    assert "were removed and added again since" in lost(plan)[0]


async def test_nobody_becomes_an_admin_again_unless_told() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    remove(fake, ADMINS[1])
    change_role("Group Viewer")(fake, member(fake, ADMINS[2]))
    plan = await restored(fake, review)
    assert plan.changes == ()
    assert len(lost(plan)) == 2
    assert all(
        "they would be an admin again, Group Admin (allow_admins permits it)" in note for note in lost(plan)
    )
    assert any(note.endswith("; they stay Group Viewer") for note in lost(plan))
    whole = await restored(fake, review, allow_admins=True)
    assert {str(change) for change in whole.changes} == {
        f"add {ADMINS[1]} as Group Admin",
        f"{ADMINS[2]}: Group Viewer -> Group Admin",
    }
    other = await restored(fake, review, allow_admins=False, admin_roles=["Group Viewer"])
    assert len(other.changes) == 2


async def test_who_came_since_stays_unless_pruned() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    for name in ("new", "kept"):
        user = fake.add_user(email=f"{name}@mail.test")
        fake.add_membership(fake.group_id, user.id, role_id(fake, "Group Member"))
        fake.alter_record(member(fake, f"{name}@mail.test").id, "attributes.created_at", LATER)
    assert (await restored(fake, review)).changes == ()
    plan = await restored(fake, review, prune=True, cascade=True, protect=["kept@mail.test"])
    assert [str(change) for change in plan.removals] == ["remove new@mail.test (Group Member)"]
    assert (plan.prune, plan.cascade) == (True, True)
    with pytest.raises(PlanError, match="more than 0"):
        await restored(fake, review, prune=True, max_removals=0)


async def test_a_deleted_account_does_not_come_back_and_a_new_one_is_not_taken_for_it(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake, orgs=True)
    then = member(fake, GRACE).user
    async with fake.async_client() as client:
        work = client.access.delete_sso_users(
            fake.group_id, GRACE, dry_run=False, accounts=1, journal=tmp_path / "journal"
        )
        await work.collect()
    plan = await restored(fake, review, tmp_path / "journal")
    assert plan.changes == ()
    (note,) = lost(plan)
    assert note.endswith("as Group Member: the account was deleted")

    anew = fake.add_user(email=GRACE, username=then.username)
    fake.add_sso_user(fake.sso_connections(fake.group_id)[0].id, anew.id)
    plan = await restored(fake, review)
    assert (
        "the account cannot be seen any more; not the same account, and not added for it: " in lost(plan)[0]
    )
    assert anew.id in lost(plan)[0]
    fake.add_membership(fake.group_id, anew.id, role_id(fake, "Group Member"))
    plan = await restored(fake, review, tmp_path / "journal", prune=True)
    assert plan.changes == ()
    assert any("stays: protected" in note for note in plan.notes)
    assert f"the account was deleted; not the same account, and not added for it: {GRACE}" in lost(plan)[0]


async def test_an_account_that_may_have_been_deleted(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    async with fake.async_client(retries=ONCE) as client:
        work = client.access.delete_sso_users(
            fake.group_id, GRACE, dry_run=False, accounts=1, journal=tmp_path / "journal"
        )
        await work.preview()
        fake.fail_next(status=503, method="DELETE", after=True)
        fake.fail_next(status=500, path="sso_connections", method="GET", times=9)
        await work.collect()
    fake._service.faults.clear()
    plan = await restored(fake, review, tmp_path / "journal")
    assert lost(plan)[0].endswith("the account may have been deleted")


async def test_an_account_with_a_new_address_is_the_same_and_is_added_by_its_name_today() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    user = remove(fake, GRACE).user
    fake.alter_record(user.id, "attributes.email", "grace@mail.test")
    plan = await restored(fake, review)
    assert [str(change) for change in plan.creates] == ["add grace@mail.test as Group Member"]
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status.value == "applied"


async def test_somebody_of_whom_nothing_is_known_now_is_named_as_in_the_review() -> None:
    fake = FakeSnyk.example()
    user = fake.add_user(email="local@mail.test")
    fake.add_membership(fake.group_id, user.id, role_id(fake, "Group Viewer"))
    review = await reviewed(fake)
    remove(fake, "local@mail.test")
    plan = await restored(fake, review)
    assert [str(change) for change in plan.creates] == ["add local@mail.test as Group Viewer"]
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status.value == "applied"


async def test_people_without_a_user_id_and_roles_without_an_id_are_listed() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    no_id = edited(review, GRACE, user=User("", email=GRACE))
    no_id = edited(no_id, ALAN, role=Role("", "Group Editor"))
    no_id = edited(no_id, EDSGER, role=Role("", "Group Editor"))
    remove(fake, ALAN)
    plan = await restored(fake, no_id)
    assert plan.changes == ()
    assert len(lost(plan)) == 2
    assert f"{ALAN} / alan.0002" in lost(plan)[0]
    assert all("the review does not say the id of the role Group Editor" in note for note in lost(plan))
    with pytest.raises(PlanError, match="does not say who 1 of its members are: leave out prune=True"):
        await restored(fake, no_id, prune=True)
    remove(fake, GRACE)
    plan = await restored(fake, no_id)
    assert any("their user id is not known" in note for note in lost(plan))


async def test_a_role_that_nobody_has_any_more_is_given_back_by_its_id() -> None:
    fake = FakeSnyk.example()
    auditor = fake.add_role("Auditor")
    for email in (GRACE, ALAN):
        change_role("Auditor")(fake, member(fake, email))
    review = await reviewed(fake)
    for email in (GRACE, ALAN):
        change_role("Group Viewer")(fake, member(fake, email))
    plan = await restored(fake, review)
    assert {c.role.id for c in plan.role_changes if c.role} == {auditor.id}
    (note,) = plan.notes
    assert note.endswith("so its name cannot be checked: apply needs allow_unknown_roles")
    async with fake.async_client() as client:
        with pytest.raises(PlanError):
            await client.access.apply(plan).collect()
        outcomes = await client.access.apply(plan, allow_unknown_roles=True).collect()
    assert [o.status.value for o in outcomes] == ["applied"] * 2
    assert roles_of(fake)[GRACE] == "Auditor"


async def test_a_role_that_was_renamed_is_noted() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    renamed = edited(review, GRACE, role=Role(role_id(fake, "Group Viewer"), "Group Reader"))
    plan = await restored(fake, renamed)
    assert [str(change) for change in plan.changes] == [f"{GRACE}: Group Member -> Group Viewer"]
    assert any("is named 'Group Viewer' now, and was 'Group Reader'" in note for note in plan.notes)


async def test_who_may_be_a_member_all_the_same_is_not_added() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    remove(fake, GRACE)
    fake.alter_record(member(fake, ALAN).id, "relationships.user.data", None)
    plan = await restored(fake, review)
    assert plan.changes == ()
    assert (
        "it is not known whether they are a member: 1 members were listed without their user" in lost(plan)[0]
    )


async def test_records_that_the_review_could_not_read_are_listed() -> None:
    fake = FakeSnyk.example()
    fake.alter_record(member(fake, GRACE).id, "attributes", "odd")
    review = await reviewed(fake)
    fake._service.alterations.clear()
    plan = await restored(fake, review)
    assert lost(plan) == ["1 members whose record the review could not read"]
    with pytest.raises(PlanError, match="does not say who 1 of its members are"):
        await restored(fake, review, prune=True)


async def test_journals_from_before_the_review_and_of_what_failed_do_not_count(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client(retries=ONCE) as client:
        await client.access.apply(plan, journal=tmp_path / "j").collect()
        review = await client.access.review(fake.group_id).collect()
        assert review.reviewed_at is not None
        later = attrs.evolve(review, reviewed_at=review.reviewed_at + timedelta(days=1))
        change_role("Group Member")(fake, member(fake, GRACE))
        made = await client.access.plan_restore(fake.group_id, later, [tmp_path / "j"])
        assert any("somebody else" in note for note in made.notes)
        plan = await client.access.plan(fake.group_id, {ALAN: "Group Viewer"})
        fake.fail_next(status=409, method="PATCH")
        await client.access.apply(plan, journal=tmp_path / "failed").collect()
        change_role("Group Viewer")(fake, member(fake, ALAN))
        made = await client.access.plan_restore(fake.group_id, review, [tmp_path / "failed"])
    assert any("somebody else" in note and ALAN in note for note in made.notes)


async def test_what_was_so_already_when_a_journal_was_written_is_somebody_elses_change(
    tmp_path: Path,
) -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake, orgs=True)
    review = attrs.evolve(
        review, members=tuple(attrs.evolve(member, org_memberships=()) for member in review.members)
    )
    change = Change(
        action=Action.REMOVE,
        group_id=fake.group_id,
        membership_id=remove(fake, GRACE).id,
        user=review.members[1].membership.user,
    )
    options: dict[str, Any] = {"plan_digest": "0", "base_url": review.base_url, "group_ids": ()}
    journal = Journal(tmp_path / "journal", **options)
    async with journal.session():
        await journal.begin([change])
        await journal.end(Outcome(change, Status.UNCHANGED))
    plan = await restored(fake, review, tmp_path / "journal")
    assert [str(change) for change in plan.changes] == [f"add {GRACE} as Group Member"]
    assert any("somebody else" in note for note in plan.notes)
    assert lost(plan) == [], "there were no organizations"


async def test_what_cannot_be_restored_from_is_refused(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    other = attrs.evolve(review.group, id=fake.groups()[1].id)
    for error, given, options in (
        (InvalidArgumentError, attrs.evolve(review, group=other), {}),
        (InvalidArgumentError, attrs.evolve(review, members=()), {}),
        (PlanError, attrs.evolve(review, base_url="https://api.other.test/rest"), {}),
        (InvalidArgumentError, review, {"cascade": "yes"}),
        (InvalidArgumentError, review, {"protect": GRACE}),
        (InvalidArgumentError, review, {"prune": True, "max_removals": "5"}),
        (InvalidArgumentError, review, {"prune": True, "max_removals": True}),
        (InvalidArgumentError, review, {"prune": True, "max_removals": -1}),
        (InvalidArgumentError, "review.pdf", {}),
    ):
        with pytest.raises(error):
            await restored(fake, given, **options)
    with pytest.raises(JournalError):
        await restored(fake, review, tmp_path / "none")
    journal = Journal(
        tmp_path / "other", plan_digest="0", base_url="https://api.other.test/rest", group_ids=()
    )
    async with journal.session():
        pass
    with pytest.raises(JournalError, match=r"is of https://api\.other\.test/rest"):
        await restored(fake, review, tmp_path / "other")


async def test_who_was_a_member_before_the_review_is_not_removed_because_it_leaves_them_out() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    shortened = attrs.evolve(
        review, members=tuple(m for m in review.members if m.membership.user.email != GRACE)
    )
    plan = await restored(fake, shortened, prune=True, cascade=True)
    assert plan.changes == ()
    assert any(GRACE in note and "before the review, which does not list them" in note for note in plan.notes)
    undated = attrs.evolve(shortened, reviewed_at=None)
    plan = await restored(fake, undated, prune=True, cascade=True)
    assert [change.user.email for change in plan.removals if change.user] == [GRACE]


async def test_a_membership_that_is_somebody_elses_now_is_not_changed_for_it() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    gone = User("11111111-1111-4111-8111-111111111111", email="gone@mail.test")
    viewer = Role(role_id(fake, "Group Viewer"), "Group Viewer")
    plan = await restored(fake, edited(review, GRACE, user=gone, role=viewer))
    assert [str(change) for change in plan.changes] == ["add gone@mail.test as Group Viewer"]


async def test_a_person_whom_the_review_lists_with_two_roles_is_not_guessed() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    (grace,) = (m for m in review.members if m.membership.user.email == GRACE)
    viewer = Role(role_id(fake, "Group Viewer"), "Group Viewer")
    other = attrs.evolve(grace, membership=attrs.evolve(grace.membership, role=viewer))
    with pytest.raises(InvalidArgumentError, match="twice, with different roles"):
        await restored(fake, attrs.evolve(review, members=(*review.members, other)))
    again = attrs.evolve(review, members=(*review.members, grace))
    assert (await restored(fake, again)).changes == ()


async def test_a_role_without_a_name_may_be_an_admin_role() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    auditor = fake.add_role("Auditor")
    nameless = edited(review, GRACE, role=Role(auditor.id))
    plan = await restored(fake, nameless)
    assert plan.changes == ()
    assert f"the role {auditor.id} has no name, so they may be an admin again" in lost(plan)[0]
    for options in ({"allow_admins": True}, {"admin_roles": [Role(role_id(fake, "Group Admin"))]}):
        plan = await restored(fake, nameless, **options)
        assert [change.role.id for change in plan.role_changes if change.role] == [auditor.id]
    change_role("Auditor")(fake, member(fake, ALAN))
    plan = await restored(fake, nameless)
    assert GRACE in [change.user.email for change in plan.role_changes if change.user], (
        "its name is known now"
    )


async def test_a_new_account_of_theirs_stays_also_when_a_member_is_listed_without_their_user() -> None:
    fake = FakeSnyk.example()
    review = await reviewed(fake)
    then = remove(fake, GRACE).user
    anew = fake.add_user(email=GRACE, username=then.username)
    fake.add_membership(fake.group_id, anew.id, role_id(fake, "Group Member"))
    fake.alter_record(member(fake, GRACE).id, "attributes.created_at", LATER)
    fake.alter_record(member(fake, ALAN).id, "relationships.user.data", None)
    plan = await restored(fake, review, prune=True, cascade=True)
    assert anew.id not in [change.user.id for change in plan.removals if change.user]
    assert any("it is not known whether they are a member" in note for note in lost(plan))
