"""pytest-httpx sees the requests of clients that are made without any option for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.counted import CountedServer, counted_server
from support.stalling import group_id

from groups_sdk import AsyncGroupsClient, GroupsClient, RequestTimeoutError, RetryPolicy

pytest.importorskip("pytest_httpx", reason="pytest-httpx is not installed")

GROUP = group_id(1)
ANSWER = {"data": {"id": GROUP, "type": "group", "attributes": {"name": "Engineering"}}}
AT_ONCE = RetryPolicy(max_attempts=2, backoff_base=0.0)


@pytest.fixture
def server() -> Iterator[CountedServer]:
    with counted_server() as running:
        yield running


@pytest.mark.anyio
async def test_both_clients_get_its_answers(httpx_mock: Any) -> None:
    httpx_mock.add_response(
        url=f"https://api.snyk.io/rest/groups/{GROUP}?version=2025-11-05", json=ANSWER, is_reusable=True
    )
    async with AsyncGroupsClient("t0ken") as client:
        assert (await client.get_group(GROUP)).name == "Engineering"
    with GroupsClient("t0ken") as sync:
        assert sync.get_group(GROUP).name == "Engineering"
    sent = httpx_mock.get_requests()
    assert [request.headers["authorization"] for request in sent] == ["token t0ken"] * 2


@pytest.mark.anyio
async def test_a_failure_is_retried_with_the_next_answer(httpx_mock: Any) -> None:
    for _ in range(2):
        httpx_mock.add_response(status_code=503)
        httpx_mock.add_response(json=ANSWER)
    async with AsyncGroupsClient("t0ken", retries=AT_ONCE) as client:
        assert (await client.get_group(GROUP)).name == "Engineering"
    with GroupsClient("t0ken", retries=AT_ONCE) as sync:
        assert sync.get_group(GROUP).name == "Engineering"


@pytest.mark.anyio
@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
async def test_nothing_leaves_that_no_answer_is_for(httpx_mock: Any, server: CountedServer) -> None:
    async with AsyncGroupsClient("t0ken", base_url=server.url, retries=AT_ONCE) as client:
        with pytest.raises(RequestTimeoutError, match="No response can be found for GET request"):
            await client.get_group(GROUP)
    with GroupsClient("t0ken", base_url=server.url, retries=AT_ONCE) as sync:
        with pytest.raises(RequestTimeoutError, match="No response can be found for DELETE request"):
            sync.delete_membership(GROUP, GROUP)
    assert len(httpx_mock.get_requests()) == 4
    assert server.connections == 0


@pytest.mark.anyio
@pytest.mark.httpx_mock(should_mock=lambda request: request.url.host != "127.0.0.1")
async def test_what_it_is_told_to_let_through_goes_to_the_network(
    httpx_mock: Any, server: CountedServer
) -> None:
    async with AsyncGroupsClient("t0ken", base_url=server.url) as client:
        await client.get_group(GROUP)
    with GroupsClient("t0ken", base_url=server.url) as sync:
        sync.get_group(GROUP)
    assert server.requests == 2
