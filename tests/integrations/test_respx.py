"""respx, in each of its modes, sees the requests of clients that are made without any option for it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import respx
from support.counted import CountedServer, counted_server
from support.stalling import group_id

from groups_sdk import AsyncGroupsClient, GroupsClient, NotFoundError, RetryPolicy

GROUP = group_id(1)
URL = f"https://api.snyk.io/rest/groups/{GROUP}"
ANSWER = {"data": {"id": GROUP, "type": "group", "attributes": {"name": "Engineering"}}}
MODES = ["httpcore", "httpx"]


@pytest.fixture
def server() -> Iterator[CountedServer]:
    """The network that nothing is to reach: it answers every request, and counts its connections."""
    with counted_server() as running:
        yield running


async def names(router: respx.MockRouter) -> list[str]:
    """The name of a group, for each of the two clients."""
    router.get(URL).respond(json=ANSWER)
    async with AsyncGroupsClient("t0ken") as client:
        first = await client.get_group(GROUP)
    with GroupsClient("t0ken") as sync:
        return [str(first.name), str(sync.get_group(GROUP).name)]


@pytest.mark.anyio
@respx.mock
async def test_as_a_decorator(respx_mock: respx.MockRouter) -> None:
    assert await names(respx_mock) == ["Engineering"] * 2
    assert respx_mock.calls.call_count == 2


@respx.mock
def test_as_a_decorator_of_a_synchronous_test() -> None:
    respx.get(URL).respond(json=ANSWER)
    with GroupsClient("t0ken") as client:
        assert client.get_group(GROUP).name == "Engineering"


@pytest.mark.anyio
@pytest.mark.parametrize("using", MODES)
async def test_as_a_context_manager(using: str) -> None:
    with respx.mock(using=using) as router:
        assert await names(router) == ["Engineering"] * 2
    async with respx.mock(using=using) as router:
        assert await names(router) == ["Engineering"] * 2


@pytest.mark.anyio
@pytest.mark.respx(base_url="https://api.snyk.io/rest", using="httpx")
async def test_as_a_fixture(respx_mock: respx.MockRouter) -> None:
    route = respx_mock.get(f"/groups/{GROUP}").respond(json=ANSWER)
    async with AsyncGroupsClient("t0ken") as client:
        await client.get_group(GROUP)
    with GroupsClient("t0ken") as sync:
        sync.get_group(GROUP)
    assert [call.request.headers["authorization"] for call in route.calls] == ["token t0ken"] * 2


@pytest.mark.anyio
@pytest.mark.parametrize("using", MODES)
async def test_a_client_that_had_connections_before(using: str, server: CountedServer) -> None:
    async with AsyncGroupsClient("t0ken", base_url=server.url) as client:
        with GroupsClient("t0ken", base_url=server.url) as sync:
            await client.get_group(GROUP)
            sync.get_group(GROUP)
            before = server.requests
            with respx.mock(using=using, base_url=server.url) as router:
                router.get(path=f"/rest/groups/{GROUP}").respond(404)
                with pytest.raises(NotFoundError):
                    await client.get_group(GROUP)
                with pytest.raises(NotFoundError):
                    sync.get_group(GROUP)
            assert server.requests == before
            await client.get_group(GROUP)
            sync.get_group(GROUP)
            assert server.requests == before + 2


@pytest.mark.anyio
@pytest.mark.parametrize("using", MODES)
async def test_nothing_leaves_that_no_route_is_for(using: str, server: CountedServer) -> None:
    with respx.mock(using=using, assert_all_called=False) as router:
        router.get(f"{server.url}/rest/groups").respond(json={"data": []})
        async with AsyncGroupsClient("t0ken", base_url=server.url) as client:
            with pytest.raises(AssertionError, match="not mocked"):
                await client.get_group(GROUP)
        with GroupsClient("t0ken", base_url=server.url) as sync:
            with pytest.raises(AssertionError, match="not mocked"):
                sync.delete_membership(GROUP, GROUP)
    assert server.connections == 0


@pytest.mark.anyio
@pytest.mark.parametrize("using", MODES)
async def test_pass_through_goes_to_the_network(using: str, server: CountedServer) -> None:
    with respx.mock(using=using) as router:
        route = router.get(f"{server.url}/rest/groups/{GROUP}").pass_through()
        async with AsyncGroupsClient("t0ken", base_url=server.url) as client:
            await client.get_group(GROUP)
        with GroupsClient("t0ken", base_url=server.url) as sync:
            sync.get_group(GROUP)
        assert route.called
    assert server.requests == 2


def test_a_route_that_was_not_called_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="were not called"):
        with respx.mock() as router:
            router.get(URL).respond(json=ANSWER)
            router.delete(URL).respond(204)
            with GroupsClient("t0ken") as client:
                client.get_group(GROUP)


@pytest.mark.anyio
async def test_a_router_as_transport() -> None:
    router = respx.MockRouter(base_url="https://api.snyk.io/rest")
    router.get(f"/groups/{GROUP}").respond(json=ANSWER)
    transport = httpx.MockTransport(router.async_handler)
    async with AsyncGroupsClient("t0ken", transport=transport) as client:
        assert (await client.get_group(GROUP)).name == "Engineering"
    with GroupsClient("t0ken", transport=transport) as sync:
        assert sync.get_group(GROUP).name == "Engineering"
    router.assert_all_called()


@pytest.mark.anyio
async def test_failures_of_the_network_are_retried() -> None:
    at_once = RetryPolicy(max_attempts=3, backoff_base=0.0)
    with respx.mock() as router:
        route = router.get(URL)
        route.side_effect = [httpx.ConnectError, httpx.Response(503), httpx.Response(200, json=ANSWER)]
        async with AsyncGroupsClient("t0ken", retries=at_once) as client:
            assert (await client.get_group(GROUP)).name == "Engineering"
        assert route.call_count == 3
