"""A failed call leaves no reference cycle, which would keep the frames of its callers until a garbage collection."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from groups_sdk import GroupsError, RetryPolicy
from groups_sdk.testing import FakeSnyk

ONCE = RetryPolicy(max_attempts=1)


class Kept:
    """What a frame of a caller holds."""


@pytest.fixture
def no_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


KINDS = ["get_group", "update_membership", "delete_membership", "first", "collect", "request"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failure", ["status", "timeout", "undecodable"])
@pytest.mark.usefixtures("no_collection")
async def test_asynchronously(fake_snyk: FakeSnyk, kind: str, failure: str) -> None:
    group, member = fake_snyk.group_id, fake_snyk.memberships(fake_snyk.group_id)[0]

    async def fail() -> weakref.ref[Kept]:
        kept = Kept()
        async with fake_snyk.async_client(
            retries=ONCE, timeout=None if failure != "timeout" else 1e-9
        ) as client:
            calls = {
                "get_group": lambda: client.get_group(group),
                "update_membership": lambda: client.update_membership(
                    group, member.id, role_id=member.role.id
                ),
                "delete_membership": lambda: client.delete_membership(group, member.id),
                "first": lambda: client.list_memberships(group).first(),
                "collect": lambda: client.list_memberships(group).collect(),
                "request": lambda: client.request("GET", f"/groups/{group}"),
            }
            arrange(fake_snyk, failure)
            try:
                await calls[kind]()
            except GroupsError:
                pass
            return weakref.ref(kept)

    assert (await fail())() is None


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("no_collection")
def test_synchronously(fake_snyk: FakeSnyk, kind: str, backend: str) -> None:
    group, member = fake_snyk.group_id, fake_snyk.memberships(fake_snyk.group_id)[0]

    def fail() -> weakref.ref[Kept]:
        kept = Kept()
        with fake_snyk.client(retries=ONCE, backend=backend) as client:
            calls = {
                "get_group": lambda: client.get_group(group),
                "update_membership": lambda: client.update_membership(
                    group, member.id, role_id=member.role.id
                ),
                "delete_membership": lambda: client.delete_membership(group, member.id),
                "first": lambda: client.list_memberships(group).first(),
                "collect": lambda: client.list_memberships(group).collect(),
                "request": lambda: client.request("GET", f"/groups/{group}"),
            }
            arrange(fake_snyk, "status")
            try:
                calls[kind]()
            except GroupsError:
                pass
            return weakref.ref(kept)

    assert fail()() is None


def arrange(fake: FakeSnyk, failure: str) -> None:
    if failure == "status":
        fake.fail_next(status=503)
    elif failure == "undecodable":
        fake.fail_next(status=200, body=b"not JSON", headers={"content-type": "text/html"})
