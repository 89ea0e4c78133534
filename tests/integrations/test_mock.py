"""unittest.mock: stand-ins made from the clients have their methods, and check their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from unittest.mock import AsyncMock, create_autospec, patch

import pytest

import groups_sdk
from groups_sdk import AsyncGroupsClient, Group, GroupsClient, NotFoundError
from groups_sdk.access import Access, AsyncAccess

GROUP = "11111111-1111-4111-8111-111111111111"


@pytest.mark.anyio
async def test_a_stand_in_for_the_asynchronous_client() -> None:
    client = create_autospec(AsyncGroupsClient, instance=True)
    client.get_group.return_value = Group(GROUP, "Engineering")
    client.delete_membership.side_effect = NotFoundError(status_code=404)
    assert isinstance(client, AsyncGroupsClient)
    assert isinstance(client.get_group, AsyncMock) or inspect.iscoroutinefunction(client.get_group)
    assert (await client.get_group(GROUP)).name == "Engineering"
    with pytest.raises(NotFoundError):
        await client.delete_membership(GROUP, GROUP)
    client.get_group.assert_awaited_once_with(GROUP)


@pytest.mark.anyio
async def test_it_refuses_arguments_that_the_client_does_not_have() -> None:
    client = create_autospec(AsyncGroupsClient, instance=True)
    with pytest.raises(TypeError):
        await client.get_group()
    with pytest.raises(TypeError):
        await client.update_membership(GROUP, GROUP, role="Group Admin")
    with pytest.raises(AttributeError):
        await client.remove_membership(GROUP, GROUP)


@pytest.mark.anyio
async def test_listings_of_a_stand_in() -> None:
    client = create_autospec(AsyncGroupsClient, instance=True)
    client.list_groups.return_value.__aiter__.return_value = [Group(GROUP, "Engineering")]
    assert [group.name async for group in client.list_groups(limit=10)] == ["Engineering"]
    sync = create_autospec(GroupsClient, instance=True)
    sync.list_groups.return_value = [Group(GROUP, "Engineering")]
    assert [group.name for group in sync.list_groups()] == ["Engineering"]


@pytest.mark.anyio
async def test_the_jobs_of_a_stand_in() -> None:
    client = create_autospec(AsyncGroupsClient, instance=True)
    client.access = create_autospec(AsyncAccess, instance=True)
    client.access.find_membership.return_value = None
    assert await client.access.find_membership(GROUP, "ada@example.com") is None
    sync = create_autospec(GroupsClient, instance=True)
    sync.access = create_autospec(Access, instance=True)
    sync.access.find_membership.return_value = None
    assert sync.access.find_membership(GROUP, "ada@example.com") is None


def groups_of_today() -> Iterator[str]:
    """As an application may have it: the client is made here, and is a context manager."""
    with groups_sdk.GroupsClient() as client:
        yield from (str(group.name) for group in client.list_groups())


def test_the_class_in_its_place() -> None:
    with patch("groups_sdk.GroupsClient", autospec=True) as client_class:
        client = client_class.return_value.__enter__.return_value
        client.list_groups.return_value = [Group(GROUP, "Engineering")]
        assert list(groups_of_today()) == ["Engineering"]
    client_class.assert_called_once_with()


@pytest.mark.anyio
async def test_the_asynchronous_class_in_its_place() -> None:
    with patch("groups_sdk.AsyncGroupsClient", autospec=True) as client_class:
        client = client_class.return_value.__aenter__.return_value
        client.get_group = AsyncMock(return_value=Group(GROUP, "Engineering"))
        async with groups_sdk.AsyncGroupsClient(region="SNYK-EU-01") as made:
            assert (await made.get_group(GROUP)).name == "Engineering"
    with pytest.raises(TypeError), patch("groups_sdk.AsyncGroupsClient", autospec=True):
        groups_sdk.AsyncGroupsClient(regoin="SNYK-EU-01")  # type: ignore[call-arg] # what is tested
