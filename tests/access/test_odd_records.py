"""Records that the jobs cannot understand, or of which they know too little: nothing is changed by guesswork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import clock
from support.jobs import BOTH, Jobs, changes_sent, role_id

from groups_sdk import DecodeError, IncompleteListingError, ProtectedMemberError
from groups_sdk.access import OffboardingStatus, Status
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

EMAIL = "relationships.user.data.attributes.email"
USER = "relationships.user.data.attributes"
ROLE = "relationships.role.data.attributes"
ADA, GRACE, TONY = (f"{name}@example.com" for name in ("ada.0000", "grace.0001", "tony.0009"))
STRANGER = "nobody@example.com"


def member(fake: FakeSnyk, email: str) -> Any:
    return next(m for m in fake.memberships(fake.group_id) if m.user.email == email)


def people(fake: FakeSnyk, count: int) -> list[str]:
    return [m.user.email for m in fake.memberships(fake.group_id)[1 : count + 1]]


def wanted(fake: FakeSnyk) -> dict[str, str]:
    """All members but Tony, as they are."""
    return {m.user.email: m.role.name for m in fake.memberships(fake.group_id) if m.user.email != TONY}


JOBS: dict[str, Callable[[Jobs, FakeSnyk], Any]] = {
    "find_membership": lambda jobs, fake: jobs("find_membership", fake.group_id, STRANGER),
    "find_membership by display name": lambda jobs, fake: jobs(
        "find_membership", fake.group_id, name="Nobody"
    ),
    "list_roles": lambda jobs, fake: jobs("list_roles", fake.group_id),
    "export": lambda jobs, fake: jobs("export", fake.group_id, "unused.csv"),
    "plan": lambda jobs, fake: jobs("plan", fake.group_id, wanted(fake)),
    "plan that prunes": lambda jobs, fake: jobs(
        "plan", fake.group_id, wanted(fake), prune=True, cascade=True
    ),
}
WORK: dict[str, Callable[[Jobs, FakeSnyk], Any]] = {
    "update_memberships": lambda jobs, fake: jobs(
        "update_memberships", fake.group_id, dict.fromkeys(people(fake, 5), "Group Viewer")
    ),
    "update_memberships of the one": lambda jobs, fake: jobs(
        "update_memberships", fake.group_id, {member(fake, GRACE).user.id: "Group Viewer"}
    ),
    "delete_memberships": lambda jobs, fake: jobs("delete_memberships", fake.group_id, [TONY], cascade=True),
    "delete_memberships by id of the one": lambda jobs, fake: jobs(
        "delete_memberships", fake.group_id, [member(fake, GRACE).user.id], cascade=True
    ),
    "offboard": lambda jobs, fake: jobs("offboard", TONY, cascade=True, dry_run=False),
    "offboard, a dry run": lambda jobs, fake: jobs("offboard", TONY, cascade=True, dry_run=True),
}


def check(error: IncompleteListingError, record_id: str) -> None:
    """It says which record, where, and what is wrong."""
    text = str(error)
    assert f"the record '{record_id}' on the first page cannot be understood at data[1].{EMAIL}: " in text
    assert (
        "a string is wanted, and a number is there; no change that needs all of them is made while this is so"
        in text
    )
    assert "on_decode_error" not in text, "which is an option of listings, and not of jobs"
    assert isinstance(error.__cause__, DecodeError)


@BOTH
@pytest.mark.parametrize("name", JOBS)
async def test_a_job_that_reads_does_not_read_past_a_broken_record(kind: str, name: str) -> None:
    fake = FakeSnyk.example()
    fake.alter_record(member(fake, GRACE).id, EMAIL, 5)
    async with Jobs(fake, kind) as jobs:
        with pytest.raises(IncompleteListingError) as caught:
            await JOBS[name](jobs, fake)
    check(caught.value, member(fake, GRACE).id)


@BOTH
@pytest.mark.parametrize("name", WORK)
async def test_a_job_that_changes_does_nothing_beside_a_broken_record(kind: str, name: str) -> None:
    fake = FakeSnyk.example()
    fake.alter_record(member(fake, GRACE).id, EMAIL, 5)
    async with Jobs(fake, kind) as jobs:
        work = await WORK[name](jobs, fake)
        with pytest.raises(IncompleteListingError, match=r"; nothing was sent$") as caught:
            await jobs.run(work.collect)
    assert f"the record '{member(fake, GRACE).id}' on the first page" in str(caught.value)
    assert changes_sent(fake) == []
    assert len(fake.memberships(fake.group_id)) == 36


@BOTH
async def test_a_plan_is_not_applied_beside_a_broken_record(kind: str) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        plan = await jobs("plan", fake.group_id, wanted(fake), prune=True, cascade=True)
        assert len(plan.removals) == 1
        fake.alter_record(member(fake, GRACE).id, EMAIL, 5)
        work = await jobs("apply", plan)
        with pytest.raises(IncompleteListingError, match=r"; nothing was sent$") as caught:
            await jobs.run(work.collect)
    check(caught.value, member(fake, GRACE).id)
    assert changes_sent(fake) == []


async def test_a_record_that_breaks_on_the_way_ends_the_work() -> None:
    """What was done before is kept, and nothing follows."""
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        work = client.access.delete_memberships(fake.group_id, people(fake, 3), cascade=True, concurrency=1)
        outcomes = aiter(work)
        assert (await anext(outcomes)).status is Status.APPLIED
        fake.alter_record(member(fake, ADA).id, EMAIL, 5)
        await clock.pass_by(11)
        with pytest.raises(IncompleteListingError, match=r"; nothing more was sent$"):
            await anext(outcomes)
        assert len(changes_sent(fake)) == 1
        assert [outcome.status for outcome in work.outcomes].count(Status.APPLIED) == 1


async def test_a_group_that_cannot_be_understood_ends_off_boarding() -> None:
    fake = FakeSnyk.example()
    fake.alter_record(fake.groups()[1].id, "attributes.name", [])
    async with fake.async_client() as client:
        with pytest.raises(
            IncompleteListingError, match=r"not all groups can be read: .*; nothing was sent$"
        ):
            await client.access.offboard(TONY, cascade=True, dry_run=False).collect()
    assert changes_sent(fake) == []


async def test_a_plan_by_the_names_of_groups_and_of_sso_users_is_strict_too() -> None:
    rows = [{"email": STRANGER, "role": "Group Member", "group": "Engineering"}]
    fake = FakeSnyk.example()
    (connection,) = fake.sso_connections(fake.group_id)
    fake.alter_record(fake.sso_users(connection.id)[0].user.id, "attributes.email", 5)
    async with fake.async_client() as client:
        with pytest.raises(IncompleteListingError, match="not all SSO users of the group"):
            await client.access.plan(None, rows)
        fake.alter_record(fake.groups()[1].id, "attributes.name", 5)
        with pytest.raises(IncompleteListingError, match="not all groups can be read"):
            await client.access.plan(None, rows)


async def test_a_broken_record_at_the_second_look_of_off_boarding_is_in_the_report() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        work = client.access.offboard(TONY, cascade=True, dry_run=False)
        assert [result.status async for result in work] == [OffboardingStatus.REMOVED]
        fake.alter_record(member(fake, GRACE).id, EMAIL, 5)
        report = await work.collect()
    assert member(fake, GRACE).id in f"{report} {report.notes} {report.remaining}"


async def test_a_document_that_is_broken_as_a_whole_stays_a_decode_error() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=200, body={"data": 5})
    async with fake.async_client() as client:
        with pytest.raises(DecodeError):
            await client.access.export(fake.group_id, "unused.csv")


async def test_a_membership_without_an_id_ends_the_jobs() -> None:
    fake = FakeSnyk.example()
    fake.alter_record(member(fake, GRACE).id, "id")
    async with fake.async_client() as client:
        for wait in (
            client.access.find_membership(fake.group_id, GRACE),
            client.access.export(fake.group_id, "unused.csv"),
            client.access.delete_memberships(fake.group_id, [TONY], cascade=True).collect(),
        ):
            with pytest.raises(IncompleteListingError, match=f"{GRACE} .*was listed without its id"):
                await wait
        assert len(await client.list_memberships(fake.group_id).collect()) == 36
    assert changes_sent(fake) == []


# A user of whom the API tells nothing but the id


def bare(email: str = GRACE) -> FakeSnyk:
    fake = FakeSnyk.example()
    fake.alter_record(member(fake, email).id, USER)
    return fake


@BOTH
async def test_a_bare_reference_is_found_by_its_user_id_and_by_nothing_else(kind: str) -> None:
    fake = bare()
    user = member(fake, GRACE).user
    async with Jobs(fake, kind) as jobs:
        found = await jobs("find_membership", fake.group_id, user.id)
        assert (found.user.id, found.user.email, found.user.username) == (user.id, None, None)
        for criteria in ({"email": GRACE}, {"username": user.username}, {"person": STRANGER}, {"name": "X"}):
            with pytest.raises(IncompleteListingError, match="without an email address and a username"):
                await jobs("find_membership", fake.group_id, **criteria)
        assert await jobs("find_membership", fake.group_id, "99999999-9999-4999-8999-999999999999") is None


@BOTH
async def test_a_bare_reference_is_removed_by_its_user_id_and_never_by_a_name(kind: str) -> None:
    fake = bare()
    async with Jobs(fake, kind) as jobs:
        (outcome,) = await jobs.all(await jobs("delete_memberships", fake.group_id, [GRACE], cascade=True))
        assert (outcome.status, outcome.sent) == (Status.FAILED, False)
        assert isinstance(outcome.error, IncompleteListingError)
        assert changes_sent(fake) == []
        by_id = [member(fake, GRACE).user.id]
        (outcome,) = await jobs.all(await jobs("delete_memberships", fake.group_id, by_id, cascade=True))
        assert outcome.status is Status.APPLIED
    assert len(changes_sent(fake)) == 1


@pytest.mark.parametrize("guards", [{"protect": [GRACE]}, {"me": GRACE}])
async def test_a_bare_reference_may_be_whom_the_guards_guard(guards: dict[str, Any]) -> None:
    fake = bare()
    id_ = member(fake, GRACE).user.id
    fake.add_membership(fake.groups()[1].id, id_, role_id(fake, "Group Member"))
    async with fake.async_client() as client:
        if "me" in guards:  # whom nobody goes by would not be guarded at all
            guards = {"protect": [GRACE], "me": ADA}
        work = client.access.delete_memberships(fake.group_id, [id_], cascade=True, **guards)
        with pytest.raises(ProtectedMemberError, match="neither an email address nor a username"):
            await work.collect()
        assert changes_sent(fake) == []
        protect = [member(fake, ADA).user.id]
        work = client.access.delete_memberships(fake.group_id, [id_], cascade=True, protect=protect)
        assert [outcome.status for outcome in await work.collect()] == [Status.APPLIED]


async def test_somebody_who_loses_their_name_on_the_way_may_be_guarded_too() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        work = client.access.delete_memberships(
            fake.group_id, people(fake, 2), cascade=True, concurrency=1, protect=[STRANGER]
        )
        outcomes = aiter(work)
        assert (await anext(outcomes)).status is Status.APPLIED
        for membership in fake.memberships(fake.group_id):
            fake.alter_record(membership.id, USER)
        await clock.pass_by(11)
        outcome = await anext(outcomes)
    assert (outcome.status, outcome.sent) == (Status.FAILED, False)
    assert isinstance(outcome.error, ProtectedMemberError)
    assert str(outcome.error).endswith("name these by user id; it was not sent")
    assert len(changes_sent(fake)) == 1


async def test_off_boarding_does_not_say_that_a_bare_reference_is_somebody_else() -> None:
    fake = bare(TONY)
    async with fake.async_client() as client:
        report = await client.access.offboard(TONY, cascade=True, dry_run=False).collect()
        assert [result.status for result in report.results] == [OffboardingStatus.UNREADABLE]
        assert "without an email address and a username" in str(report.results[0].error)
        assert changes_sent(fake) == []
        id_ = member(fake, TONY).user.id
        report = await client.access.offboard(id_, cascade=True, dry_run=False).collect()
        assert [result.status for result in report.results] == [OffboardingStatus.REMOVED]


async def test_a_plan_that_prunes_lists_people_without_an_email_and_keeps_who_has_no_name_at_all() -> None:
    fake = FakeSnyk.example()
    desired = wanted(fake)
    del desired[GRACE]
    fake.alter_record(member(fake, GRACE).id, EMAIL, None)
    fake.alter_record(member(fake, TONY).id, USER)
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, desired, prune=True, cascade=True)
    assert [change.user and change.user.username for change in plan.removals] == [
        member(fake, GRACE).user.username
    ]
    assert any("too little is known about them" in note for note in plan.notes)


async def test_a_plan_removes_nobody_when_one_of_its_people_may_be_a_bare_reference() -> None:
    fake = bare(ADA)
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, wanted(fake))
    assert [change.user and change.user.id for change in plan.removals] == []


# A role of which the API tells nothing but the id


async def test_the_last_admin_is_guarded_though_roles_have_no_names() -> None:
    fake = FakeSnyk.example()
    for membership in fake.memberships(fake.group_id):
        fake.alter_record(membership.id, ROLE)
    async with fake.async_client() as client:
        for work in (
            client.access.delete_memberships(fake.group_id, [ADA], cascade=True),
            client.access.update_memberships(fake.group_id, {ADA: role_id(fake, "Group Viewer")}),
        ):
            with pytest.raises(ProtectedMemberError, match="without an admin"):
                await work.collect()
        assert changes_sent(fake) == []
        allowed = client.access.delete_memberships(fake.group_id, [ADA], cascade=True, allow_last_admin=True)
        assert [outcome.status for outcome in await allowed.collect()] == [Status.APPLIED]


async def test_a_role_that_has_a_name_somewhere_has_it_everywhere() -> None:
    fake = FakeSnyk.example()
    admins = [m for m in fake.memberships(fake.group_id) if m.role.name == "Group Admin"]
    for membership in admins[1:]:
        fake.alter_record(membership.id, ROLE)
    async with fake.async_client() as client:
        roles = {count.role.name: count.members for count in await client.access.list_roles(fake.group_id)}
        assert roles["Group Admin"] == len(admins)
        work = client.access.delete_memberships(fake.group_id, [m.user.email for m in admins], cascade=True)
        with pytest.raises(ProtectedMemberError, match="without an admin"):
            await work.collect()
        two = client.access.delete_memberships(
            fake.group_id, [m.user.email for m in admins[:2]], cascade=True
        )
        assert [outcome.status for outcome in await two.collect()] == [Status.APPLIED] * 2
