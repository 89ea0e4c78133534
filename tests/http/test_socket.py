"""Both clients over a real socket: FakeSnyk behind uvicorn."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from support.loopback import served

from groups_sdk import AsyncGroupsClient, ConnectionFailedError, GroupsClient, RetryPolicy
from groups_sdk.testing import FakeSnyk


@pytest.fixture
def fake() -> FakeSnyk:
    return FakeSnyk.example()


@pytest.fixture
def base_url(fake: FakeSnyk) -> Iterator[str]:
    with served(fake) as url:
        yield url


@pytest.mark.anyio
async def test_the_asynchronous_client_over_a_socket(fake: FakeSnyk, base_url: str) -> None:
    async with AsyncGroupsClient(fake.TOKEN, base_url=base_url) as client:
        members = await client.list_memberships(fake.group_id, limit=10).collect()
        assert len(members) == 36
        await client.delete_membership(fake.group_id, members[0].id, cascade=True)
        created = await client.create_membership(
            fake.group_id, user_id=members[0].user.id, role_id=members[1].role.id
        )
        await client.update_membership(fake.group_id, created.id, role_id=members[0].role.id)
        response = await client.request("GET", f"/groups/{fake.group_id}")
        assert response.headers["content-type"] == "application/vnd.api+json"
    assert len(fake.memberships(fake.group_id)) == 36


def test_the_synchronous_client_over_a_socket(fake: FakeSnyk, base_url: str) -> None:
    with GroupsClient(fake.TOKEN, base_url=base_url) as client:
        assert len(list(client.list_memberships(fake.group_id, limit=10, sort_by="email"))) == 36
        assert client.get_group(fake.group_id).name == "Engineering"


@pytest.mark.anyio
async def test_nobody_listening_is_a_failed_connection_that_was_not_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    policy = RetryPolicy(max_attempts=2, backoff_base=0.0)
    async with AsyncGroupsClient("token", base_url=f"http://127.0.0.1:{port}", retries=policy) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await client.list_groups().first()
    assert not caught.value.maybe_applied
    assert caught.value.attempts == 2
