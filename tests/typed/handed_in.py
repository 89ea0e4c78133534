# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""For pyright, never run: clients and transports of httpx and httpx2 are accepted, and synchronous ones refused."""

import httpx
import httpx2

from groups_sdk import AsyncGroupsClient, GroupsClient


class Logged(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)


def with_httpx(client: httpx.AsyncClient, synchronous: httpx.Client) -> None:
    AsyncGroupsClient(http_client=client)
    GroupsClient(http_client=client)
    AsyncGroupsClient(transport=httpx.AsyncHTTPTransport(retries=1))
    AsyncGroupsClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    GroupsClient(transport=Logged(httpx.AsyncHTTPTransport()))
    AsyncGroupsClient(http_client=synchronous)  # pyright: ignore[reportArgumentType] # not an asynchronous one
    GroupsClient(http_client=synchronous)  # pyright: ignore[reportArgumentType]
    GroupsClient(transport=httpx.HTTPTransport())  # pyright: ignore[reportArgumentType]
    GroupsClient(transport=client)  # pyright: ignore[reportArgumentType]


def with_httpx2(client: httpx2.AsyncClient, synchronous: httpx2.Client) -> None:
    AsyncGroupsClient(http_client=client)
    GroupsClient(http_client=client)
    AsyncGroupsClient(transport=httpx2.AsyncHTTPTransport(retries=1))
    GroupsClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(200)))
    AsyncGroupsClient(http_client=synchronous)  # pyright: ignore[reportArgumentType]
    GroupsClient(transport=httpx2.HTTPTransport())  # pyright: ignore[reportArgumentType]
    GroupsClient(transport=client)  # pyright: ignore[reportArgumentType]
