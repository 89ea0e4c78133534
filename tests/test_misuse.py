"""Whoever uses an object in the wrong way is told the right one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest

from groups_sdk import (
    ApiToken,
    AsyncGroupsClient,
    BearerToken,
    Credentials,
    GroupsClient,
    OAuthClientCredentials,
)
from groups_sdk.testing import FakeSnyk

SECRET = "7b6f9f2e-secret-token-5d41402abc4b"
FAKE = FakeSnyk.example()
Give = Callable[[Any], Any]
LISTINGS: dict[str, Give] = {
    "paginator": lambda client: client.list_memberships(FAKE.group_id),
    "pages": lambda client: client.list_memberships(FAKE.group_id).pages(),
    "review": lambda client: client.access.review(FAKE.group_id),
    "read_ahead": lambda client: client.list_memberships(FAKE.group_id).read_ahead(),
}
CHANGES: Give = lambda client: client.access.delete_memberships(FAKE.group_id, [], cascade=True)  # noqa: E731


async def awaited(thing: Any) -> None:
    await thing


async def iterated(thing: Any) -> None:
    async for _ in thing:
        raise AssertionError


async def entered(thing: Any) -> None:
    async with thing:
        raise AssertionError


def run(coroutine: Any) -> None:
    with pytest.raises(StopIteration):
        coroutine.send(None)


@pytest.fixture
def client() -> AsyncGroupsClient:
    return FAKE.async_client()


@pytest.mark.parametrize("name", list(LISTINGS))
def test_what_is_for_async_for_says_so_to_await_and_for(name: str, client: AsyncGroupsClient) -> None:
    thing = LISTINGS[name](client)
    with pytest.raises(TypeError, match="not awaited itself: use `async for` on it"):
        run(awaited(thing))
    for use in (iter, list):
        with pytest.raises(TypeError, match="needs `async for`"):
            use(thing)


def test_awaiting_a_listing_names_what_there_is(client: AsyncGroupsClient) -> None:
    with pytest.raises(TypeError, match=r"`async for`.*`await listing.collect\(\)`.*listing.pages\(\)"):
        run(awaited(client.list_memberships(FAKE.group_id)))


@pytest.mark.filterwarnings("ignore:.* was never run:ResourceWarning")
def test_work_says_how_it_is_done(client: AsyncGroupsClient) -> None:
    with pytest.raises(TypeError, match=r"await work.collect\(\)`, or `async for outcome in work`"):
        run(awaited(CHANGES(client)))
    with pytest.raises(TypeError, match="use `async for` and `async with`"):
        iter(CHANGES(client))
    with pytest.raises(TypeError, match="use `async for` and `async with`"):
        CHANGES(client).__enter__()


def test_each_client_names_its_own_with(client: AsyncGroupsClient) -> None:
    with pytest.raises(TypeError, match="is used with `async with`; for `with` there is GroupsClient"):
        with client:  # type: ignore[attr-defined]
            pass
    with pytest.raises(TypeError, match="is used with `async with`; `with` is for GroupsClient"):
        with client.list_groups().read_ahead():  # type: ignore[attr-defined]
            pass
    with FAKE.client() as synchronous:
        with pytest.raises(
            TypeError, match="is used with `with`; for `async with` there is AsyncGroupsClient"
        ):
            run(entered(synchronous))
        with pytest.raises(TypeError, match="use `for` and `with`"):
            run(entered(synchronous.list_groups().read_ahead()))


@pytest.mark.parametrize("name", list(LISTINGS))
def test_what_is_for_for_says_so_to_async_for(name: str) -> None:
    with FAKE.client() as client, pytest.raises(TypeError, match="use `for` and `with`; `async for`"):
        run(iterated(LISTINGS[name](client)))


# Copies and pickles


@pytest.mark.parametrize("make", [AsyncGroupsClient, GroupsClient])
@pytest.mark.parametrize("use", [copy.copy, copy.deepcopy, pickle.dumps, lambda client: client.__reduce__()])
def test_a_client_is_neither_copied_nor_pickled(make: Any, use: Callable[[Any], object]) -> None:
    client = make(SECRET)
    with pytest.raises(TypeError, match="neither pickled nor copied: make one in each process") as caught:
        use(client)
    assert SECRET not in str(caught.value)
    assert make is GroupsClient or "with_options()" in str(caught.value)


@pytest.mark.anyio
async def test_refusing_a_copy_leaves_the_client_as_it_is() -> None:
    async with FAKE.async_client() as client:
        await client.get_group(FAKE.group_id)
        with pytest.raises(TypeError):
            copy.copy(client)
        await client.get_group(FAKE.group_id)


CREDENTIALS = [
    ApiToken(SECRET),
    BearerToken(SECRET),
    OAuthClientCredentials("client-id", SECRET, token_url="https://id.example.com/token"),
]


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=lambda credentials: type(credentials).__name__)
def test_credentials_are_not_pickled_and_copies_are_themselves(credentials: Credentials) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="have each process make its own") as caught:
            pickle.dumps(credentials, protocol)
        assert SECRET not in str(caught.value)
    assert copy.copy(credentials) is credentials
    assert copy.deepcopy({"credentials": credentials})["credentials"] is credentials
    assert SECRET not in repr(credentials)
    assert SECRET not in f"{credentials} {credentials!r}"


_worker: GroupsClient


def _start_worker() -> None:
    global _worker
    _worker = FakeSnyk.example().client()


def _count_groups(_: int) -> int:
    return len(_worker.list_groups().collect())


def test_a_process_pool_makes_its_clients_in_its_initializer() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_start_worker) as pool:
        assert list(pool.map(_count_groups, range(2))) == [3, 3]
        with pytest.raises(TypeError, match="have each process make its own"):
            pool.submit(repr, ApiToken(SECRET)).result()


# What they say of themselves


def test_what_lists_says_what_it_lists_and_names_nobody() -> None:
    group, user = FAKE.group_id, FAKE.memberships(FAKE.group_id)[0].user.id
    client = FAKE.async_client()
    listing = client.list_memberships(
        group, email="ada@example.com", role_name="Group Admin", sort_by="email", starting_after="v1.secret"
    )
    said = f"memberships of group {group}, filtered by email and role_name, sorted by email, limit=100, from a cursor"
    assert repr(listing) == f"<AsyncPaginator of {said}>"
    assert repr(listing.read_ahead()) == f"<AsyncReadAhead of {said}, up to 1 page in advance>"
    assert repr(client.list_groups(limit=10)) == "<AsyncPaginator of groups, limit=10>"
    assert repr(client.list_org_memberships(group, user_id=user)) == (
        f"<AsyncPaginator of org memberships of group {group} of user {user}, limit=100>"
    )
    assert repr(client.list_sso_users(group, user)) == (
        f"<AsyncPaginator of users of group {group} of sso {user}, limit=100>"
    )
    assert repr(client.access.review(group)) == f"<AsyncReviewStream of group {group}>"
    reviewed = client.access.review(group, org_memberships=True)
    assert repr(reviewed) == f"<AsyncReviewStream of group {group}, with organizations>"
    assert repr(reviewed.listing()) == f"<AsyncPaginator of memberships of group {group}, limit=100>"
    with FAKE.client() as synchronous:
        assert repr(synchronous.list_groups()) == "<Paginator of groups, limit=100>"
        assert repr(synchronous.list_groups().read_ahead(3)) == (
            "<ReadAhead of groups, limit=100, up to 3 pages in advance>"
        )
        assert repr(synchronous.access.review(group)) == f"<ReviewStream of group {group}>"
