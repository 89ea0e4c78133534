"""A few people found by the API's filters, which are hints; and nobody is missing before everybody was listed."""

from __future__ import annotations

import time
from typing import Any

import pytest
from support.jobs import BOTH, NOWHERE, Jobs, changes_sent
from support.worlds import ABE, ABE_LOGIN, ROOT, emails, group_of, member

from groups_sdk import (
    AmbiguousMatchError,
    ForbiddenError,
    IncompleteListingError,
    InvalidArgumentError,
    MemberNotFoundError,
    RoleChoiceError,
    Status,
)
from groups_sdk.access._listing import list_members
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


@BOTH
async def test_one_person_is_found_by_each_criterion(kind: str) -> None:
    fake = group_of((ABE, ABE_LOGIN), ("eve@mail.test", "eve"))
    abe = member(fake, ABE)
    async with Jobs(fake, kind) as jobs:
        for criterion in (
            {"email": ABE},
            {"email": f" {ABE.upper()} "},
            {"email": ABE_LOGIN},
            {"username": ABE_LOGIN},
            {"username": ABE},
            {"user_id": abe.user.id.upper()},
            {"person": ABE_LOGIN},
            {"person": abe.user.id},
            {"person": abe.id},
            {"person": f"Abe C <{ABE}>"},
            {"name": abe.user.name.upper()},
        ):
            found = await jobs("find_membership", fake.group_id, **criterion)
            assert found is not None, criterion
            assert (found.id, found.role.name) == (abe.id, abe.role.name)
        for criterion in (
            {"email": "nobody@mail.test"},
            {"user_id": NOWHERE},
            {"person": abe.user.name},
        ):
            assert await jobs("find_membership", fake.group_id, **criterion) is None


@pytest.mark.parametrize(
    "criteria",
    [
        {},
        {"email": "a@x", "username": "a"},
        {"email": " "},
        {"user_id": "7"},
        {"username": ""},
        {"person": "a b"},
    ],
)
async def test_bad_criteria_are_refused_before_anything_is_sent(criteria: dict[str, Any]) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError):
            await client.access.find_membership(fake.group_id, **criteria)
        with pytest.raises(InvalidArgumentError):
            await client.access.find_membership("7", "ada@mail.test")
    assert fake.requests == []


async def test_errors_of_the_api_come_through() -> None:
    fake = FakeSnyk.example()
    fake.add_token("blind", permissions=[])
    async with fake.async_client(token="blind") as client:
        with pytest.raises(ForbiddenError):
            await client.access.find_membership(fake.group_id, username="ada.0000")


async def test_a_display_name_finds_for_reading_and_never_for_a_change() -> None:
    fake = group_of((ABE, "abe"), ("eve@mail.test", "eve"))
    async with fake.async_client() as client:
        found = await client.access.find_membership(fake.group_id, name="shown-abe")
        assert found is not None
        assert await client.access.find_membership(fake.group_id, name="Nobody") is None
        (outcome,) = await client.access.delete_memberships(
            fake.group_id, ["Shown-abe"], cascade=True
        ).collect()
        assert isinstance(outcome.error, MemberNotFoundError)
    twins = group_of((ABE, "twin"), ("eve@mail.test", "Twin"))
    async with twins.async_client() as client:
        with pytest.raises(AmbiguousMatchError, match="2 accounts"):
            await client.access.find_membership(twins.group_id, name="shown-twin")


async def test_a_display_name_is_looked_for_in_the_same_listing_when_that_is_wanted() -> None:
    fake = FakeSnyk.with_members(350)
    user = fake.add_user(name="Root", username="u7", email="u7@mail.test")
    fake.add_membership(fake.group_id, user.id, fake.roles()[1].id)
    spaced = fake.add_user(name="Eve Moss", username="u8", email="u8@mail.test")
    fake.add_membership(fake.group_id, spaced.id, fake.roles()[1].id)
    async with fake.async_client() as client:
        find = client.access.find_membership
        for person, who, requests in (("root", user, 1 + 4), ("eve moss", spaced, 4), ("u7", user, 1)):
            before = len(fake.requests)
            found = await find(fake.group_id, person, display_names=True)
            assert found is not None
            assert found.user.id == who.id
            assert len(fake.requests) - before == requests
        assert await find(fake.group_id, "root") is None
        assert await find(fake.group_id, "nobody", display_names=True) is None
        for criteria in ({"email": "u7@mail.test"}, {"person": " "}, {"person": 7}):
            with pytest.raises(InvalidArgumentError):
                await find(fake.group_id, display_names=True, **criteria)  # type: ignore[arg-type]


class Filtering(FakeSnyk):
    """Whose filters compare letter by letter ("exact"), find nobody at all ("none"), or everybody ("all")."""

    how = "exact"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts = scope["query_string"].decode().split("&")
        if self.how == "exact":
            parts = ["email=no" if part.startswith("email=ADA") else part for part in parts]
        elif self.how == "none":
            parts = [f"{part}-not" if part.startswith(("email=", "username=")) else part for part in parts]
        else:
            parts = [part for part in parts if not part.startswith(("email=", "username=", "user_id="))]
        await super().__call__({**scope, "query_string": "&".join(parts).encode()}, receive, send)


@pytest.mark.parametrize("how", ["exact", "none", "all"])
async def test_a_filter_that_compares_otherwise_loses_and_invents_nobody(how: str) -> None:
    fake = Filtering.example()
    fake.how = how
    async with fake.async_client() as client:
        found = await client.access.find_membership(fake.group_id, "ADA.0012@example.com")
        assert found is not None
        assert found.user.email == "ada.0012@example.com"
        assert await client.access.find_membership(fake.group_id, "ADAM@example.com") is None


async def test_that_somebody_is_no_member_needs_the_whole_listing() -> None:
    fake = FakeSnyk.with_members(350)
    async with fake.async_client() as client:
        assert await client.access.find_membership(fake.group_id, "nobody@mail.test") is None
    assert len(fake.requests) == 2 + 4, "two filters, four pages"


async def test_of_an_incomplete_listing_nobody_is_missing() -> None:
    fake = FakeSnyk.with_members(350)
    async with fake.async_client() as client:
        fake.twist_next_page("no_links")
        # The filters answer from what the fake has: the page that is cut off is the listing's first.
        with pytest.raises(IncompleteListingError, match="250 more than the 100"):
            await client.access.find_membership(fake.group_id, name="Nobody")


async def test_a_look_alike_is_refused_by_every_job() -> None:
    fake = group_of(("\u017fteve@mail.test", "impostor"), ("eve@mail.test", "eve"))
    before = {m.id: m.role.name for m in fake.memberships(fake.group_id)}
    async with fake.async_client() as client:
        access, group_id = client.access, fake.group_id
        with pytest.raises(AmbiguousMatchError, match=r"\\u017fteve"):
            await access.find_membership(group_id, "steve@mail.test")
        with pytest.raises(AmbiguousMatchError, match=r"\\u017fteve"):
            await access.update_memberships(group_id, {"steve@mail.test": "Group Admin"}).collect()
        with pytest.raises(AmbiguousMatchError, match=r"\\u017fteve"):
            await access.delete_memberships(group_id, ["steve@mail.test"], cascade=False).collect()
        with pytest.raises(AmbiguousMatchError, match=r"\\u017fteve"):
            await access.plan(group_id, {"steve@mail.test": "Group Admin"})
        with pytest.raises(AmbiguousMatchError, match=r"\\u017fteve"):
            await access.offboard("steve@mail.test", cascade=False, dry_run=False).collect()
    assert {m.id: m.role.name for m in fake.memberships(fake.group_id)} == before
    assert changes_sent(fake) == []


@BOTH
async def test_whoever_goes_by_a_username_is_found_by_every_job(kind: str) -> None:
    fake = group_of((ABE, ABE_LOGIN), ("eve@mail.test", "eve"))
    async with Jobs(fake, kind) as jobs:
        desired = {ABE_LOGIN: "Group Member", ROOT: "Group Admin"}
        plan = await jobs("plan", fake.group_id, desired, prune=True)
        assert [str(change) for change in plan.changes] == ["remove eve@mail.test (Group Member)"]
        assert plan.not_in_snyk == ()
        changes = await jobs("update_memberships", fake.group_id, {ABE_LOGIN: "Group Admin"})
        assert [outcome.status for outcome in await jobs.run(changes.collect)] == [Status.APPLIED]
        assert member(fake, ABE).role.name == "Group Admin"
        removal = await jobs("delete_memberships", fake.group_id, [ABE_LOGIN], cascade=False)
        assert [outcome.status for outcome in await jobs.run(removal.collect)] == [Status.APPLIED]
    assert emails(fake) == {ROOT, "eve@mail.test"}


@pytest.mark.parametrize("size", [120, 2000])
async def test_a_few_people_cost_a_handful_of_requests_in_a_group_of_any_size(size: int) -> None:
    fake = FakeSnyk.with_members(size)
    some = fake.memberships(fake.group_id)
    async with fake.async_client() as client:
        plain, admin, me = some[1].user.email, some[0].user.email, some[3].user.email
        for changes, me_given, most in (
            ({plain: "Group Member"}, None, 4),
            ({plain: "Group Admin"}, me, 7),
            ({some[2].user.id: "Group Viewer"}, None, 3),
            ({admin: "Group Member"}, None, 5),
        ):
            before = len(fake.requests)
            (outcome,) = await client.access.update_memberships(fake.group_id, changes, me=me_given).collect()
            assert outcome.status is Status.APPLIED
            assert len(fake.requests) - before <= most


@BOTH
async def test_that_nobody_at_all_is_a_member_is_asked_for_twice(kind: str) -> None:
    fake = group_of((ABE, ABE_LOGIN))
    empty = {"data": [], "links": {}, "jsonapi": {"version": "1.0"}}
    everybody = {"path": "/memberships", "status": 200, "body": empty}
    async with Jobs(fake, kind) as jobs:
        fake.fail_next(times=2, **everybody)  # the filters' answer, and the first listing
        found = await jobs("find_membership", fake.group_id, user_id=member(fake, ABE).user.id)
        assert found is not None
        assert found.user.email == ABE
        group = fake.add_group("Empty")
        fake._service.requests.clear()
        assert await jobs("find_membership", group.id, user_id=NOWHERE) is None
        assert len(fake.requests) == 3


async def test_a_role_by_its_id_needs_no_look_and_one_that_nobody_has_needs_all() -> None:
    fake = FakeSnyk.with_members(350)
    viewer = next(role.id for role in fake.roles() if role.name == "Group Viewer")
    member = fake.memberships(fake.group_id)[2].user.email
    async with fake.async_client() as client:
        (outcome,) = await client.access.update_memberships(fake.group_id, {member: viewer}).collect()
        assert outcome.status is Status.APPLIED
        assert len(fake.requests) == 3, "two filters, one change"
        with pytest.raises(RoleChoiceError, match="no member has a role named 'Owner'; in use: Group"):
            await client.access.update_memberships(fake.group_id, {member: "Owner"}).collect()
    assert len(changes_sent(fake)) == 1


async def test_an_api_that_gives_no_count_is_believed() -> None:
    fake = FakeSnyk.with_members(150)
    async with fake.async_client() as client:
        listing = client.list_memberships
        client.list_memberships = lambda group_id, **options: listing(  # type: ignore[method-assign]
            group_id, **{**options, "include_group_membership_count": None}
        )
        assert await client.access.find_membership(fake.group_id, "nobody@mail.test") is None


async def test_looks_are_timed_by_a_clock_that_all_event_loops_share() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        began = time.monotonic()
        listing = await list_members(client, fake.group_id)
        assert began <= listing.taken_at <= time.monotonic()


async def test_an_unreadable_record_of_somebody_else_keeps_nobody_from_being_found_by_filters() -> None:
    fake = group_of((ABE, ABE_LOGIN), ("eve@mail.test", "eve", "Group Viewer"), ("odd@mail.test", "odd"))
    fake.alter_record(member(fake, "odd@mail.test").id, "relationships.user.data.attributes.email", 5)
    async with fake.async_client() as client:
        found = await client.access.find_membership(fake.group_id, ABE)
        assert found is not None
        assert found.id == member(fake, ABE).id
        changes = client.access.update_memberships(fake.group_id, {ABE: "Group Viewer"})
        assert [o.status for o in await changes.collect()] == [Status.APPLIED]
        ids = [member(fake, ABE).user.id]
        removals = client.access.delete_memberships(fake.group_id, ids, cascade=True)
        assert [o.status for o in await removals.collect()] == [Status.APPLIED]
        with pytest.raises(IncompleteListingError, match="cannot be understood"):
            await client.access.find_membership(fake.group_id, "nobody@mail.test")
