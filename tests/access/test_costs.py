"""What the jobs cost in requests: a table that nobody exceeds unseen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from groups_sdk import AsyncGroupsClient
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

Job = Callable[[AsyncGroupsClient, FakeSnyk, Path], Awaitable[object]]


async def find(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    return await client.access.find_membership(fake.group_id, email(fake, 1))


async def find_nobody(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    return await client.access.find_membership(fake.group_id, "nobody@mail.test")


async def set_one_role(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    changes = {email(fake, 1): "Group Admin"}
    return await client.access.update_memberships(fake.group_id, changes, me=email(fake, 0)).collect()


async def demote_one_admin(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    changes = {email(fake, 50): "Group Viewer"}
    return await client.access.update_memberships(fake.group_id, changes, me=email(fake, 1)).collect()


async def set_fifty_roles(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    changes = {email(fake, number): "Group Admin" for number in range(1, 50)} | {
        email(fake, 51): "Group Admin"
    }
    return await client.access.update_memberships(fake.group_id, changes).collect()


async def remove_fifty(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    people = [email(fake, number) for number in range(1, 51)]
    return await client.access.delete_memberships(fake.group_id, people, cascade=True).collect()


async def plan(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    return await client.access.plan(fake.group_id, {email(fake, 1): "Group Admin"})


async def plan_and_apply(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    made = await client.access.plan(fake.group_id, {email(fake, 1): "Group Admin"})
    return await client.access.apply(made, journal=path / "journal").collect()


async def offboard(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    return await client.access.offboard(email(fake, 1), cascade=True, dry_run=False).collect()


async def review(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    return await client.access.review(fake.group_id).collect()


async def export(client: AsyncGroupsClient, fake: FakeSnyk, path: Path) -> object:
    return await client.access.export(fake.group_id, path / "members.csv")


def email(fake: FakeSnyk, number: int) -> str:
    return fake.memberships(fake.group_id)[number].user.email


# Requests besides the pages of a listing, and how often all pages are listed.
COSTS: dict[str, tuple[Job, int, int]] = {
    "find one": (find, 2, 0),
    "find nobody": (find_nobody, 2, 1),
    "set the role of one": (set_one_role, 7, 0),
    "demote one of the admins": (demote_one_admin, 7, 0),
    "set the roles of fifty": (set_fifty_roles, 50, 1),
    "remove fifty": (remove_fifty, 50, 1),
    "plan": (plan, 1, 1),
    "plan and apply": (plan_and_apply, 2, 2),
    "offboard one": (offboard, 7, 2),
    "review": (review, 0, 1),
    "export": (export, 0, 1),
}


@pytest.mark.parametrize("members", [120, 2000])
@pytest.mark.parametrize("job", COSTS)
async def test_a_job_sends_no_more_requests_than_this(job: str, members: int, tmp_path: Path) -> None:
    fake = FakeSnyk.with_members(members)
    run, besides, listings = COSTS[job]
    async with fake.async_client(rate_limit=None) as client:
        await run(client, fake, tmp_path)
    pages = -(-members // 100)
    print(f"{job}, {members} members: {len(fake.requests)} requests")
    assert len(fake.requests) <= besides + listings * pages


async def test_the_same_few_requests_whatever_the_size_of_the_group() -> None:
    counts: list[Any] = []
    for members in (120, 2000):
        fake = FakeSnyk.with_members(members)
        async with fake.async_client() as client:
            await set_one_role(client, fake, Path())
        counts.append(len(fake.requests))
    assert counts[0] == counts[1]
