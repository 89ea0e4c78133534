"""Connections, limits and credentials: what copies of a client share, and what belongs to one event loop."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from typing import Any, Protocol
from urllib.request import getproxies

import anyio
import httpx

from groups_sdk._credentials import Authenticator, OAuthClientCredentials
from groups_sdk._http.lifetime import Calls, Connections, EventLoop, current_loop
from groups_sdk._http.network import transport_on_asyncio
from groups_sdk._http.rate_limit import RateLimit, RateLimiter
from groups_sdk._settings import Settings
from groups_sdk.errors import ClientClosedError, ConfigurationError

_ELSEWHERE = "this client belongs to another event loop"


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: building it costs tens of milliseconds."""
    return httpx.create_ssl_context()


class Wire(Protocol):
    """The way of requests to the network."""

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more."""
        ...

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not yet read."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""


class _Direct:
    """Straight to an httpx transport: a client in between costs a tenth of a call, and adds nothing that is wanted."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self.is_closed: bool = False
        self._transport = transport

    async def send(self, request: httpx.Request) -> httpx.Response:
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        self.is_closed = True
        await self._transport.aclose()


class _ThroughClient:
    """Through an httpx client: somebody's own, with its hooks, or one that knows the proxies of the environment."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @property
    def is_closed(self) -> bool:
        return self._client.is_closed

    async def send(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True, auth=None, follow_redirects=False)

    async def aclose(self) -> None:
        await self._client.aclose()


def _wire(pool: Pool) -> Wire:
    if pool.http_client is not None:
        return _ThroughClient(pool.http_client)
    if pool.transport is not None:
        return _Direct(pool.transport)
    # Never contended: our own slots stand in front, since a contended httpcore pool does not survive
    # cancellation (https://github.com/encode/httpcore/issues/1093).
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=pool.max_connections)
    if not getproxies():
        on_asyncio = isinstance(current_loop(), asyncio.AbstractEventLoop)
        make = transport_on_asyncio if on_asyncio else httpx.AsyncHTTPTransport
        return _Direct(make(verify=_ssl_context(), limits=limits))
    client = httpx.AsyncClient(
        verify=_ssl_context(),
        limits=limits,
        timeout=None,
        mounts={"http://": None},  # no proxy of the environment: what is not encrypted, it would read
    )
    return _ThroughClient(client)


class Bound:
    """The parts of a pool that belong to one event loop."""

    def __init__(self, pool: Pool) -> None:
        self.loop: EventLoop = EventLoop()
        self.calls: Calls = Calls()
        self.connections: Connections = Connections()
        self.wire: Wire = _wire(pool)
        self.closed: anyio.Event = anyio.Event()
        self.slots: anyio.Semaphore = anyio.Semaphore(pool.max_connections, fast_acquire=True)
        self.limiter: RateLimiter = RateLimiter(pool.rate_limit)
        self.authenticator: Authenticator = Authenticator(pool.settings.credentials, pool.fetch_grant)

    @asynccontextmanager
    async def admission(self, scope: anyio.CancelScope) -> AsyncGenerator[bool]:
        """Wait for a slot, then for the rate limit; the slot is held within. False: not before the scope's deadline.

        The slot comes first: a permission to send is only good for the moment in which it is given.
        """
        if self.slots.value == 0 and self.limiter.late(scope.deadline):
            yield False  # without queueing up
            return
        with ExitStack() as slot:
            with self.limiter.waiting(scope):
                await self.slots.acquire()
                slot.callback(self.slots.release)
                admitted = await self.limiter.acquire(scope.deadline)
            yield admitted


class Pool:
    """Connections, limits and credentials: what copies of a client share."""

    def __init__(
        self,
        settings: Settings,
        *,
        rate_limit: RateLimit | None,
        max_connections: int,
        transport: httpx.AsyncBaseTransport | None,
        http_client: httpx.AsyncClient | None,
        fetch_grant: Callable[[OAuthClientCredentials, float], Any],
    ) -> None:
        if type(max_connections) is not int or max_connections < 1:
            raise ConfigurationError(
                f"max_connections must be a whole number above 0; got {max_connections!r}"
            )
        if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
            raise ConfigurationError(
                f"transport must be an asynchronous httpx transport; got {type(transport).__name__}"
            )
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise ConfigurationError(
                f"http_client must be an httpx.AsyncClient; got {type(http_client).__name__}"
            )
        if transport is not None and http_client is not None:
            raise ConfigurationError("give transport or http_client, not both")
        token_url = getattr(settings.credentials, "token_url", None)
        try:
            self.base: httpx.URL = httpx.URL(settings.base_url)
            for url in (self.base, httpx.URL(token_url or "")):
                _ = url.host
        except (httpx.InvalidURL, ValueError) as error:  # idna's error is a ValueError
            raise ConfigurationError(f"no such host can be in a URL: {error}") from None
        self.settings = settings
        self.rate_limit = rate_limit
        self.max_connections = max_connections
        self.transport = transport
        self.http_client = http_client
        self.fetch_grant = fetch_grant
        self.closed: bool = False
        self.deprecated: set[str] = set()  # the operations whose deprecation has been told
        self._bound: Bound | None = None

    @property
    def in_use(self) -> bool:
        """Whether there is anything to close."""
        return self._bound is not None and not self.closed

    def bind(self) -> Bound:
        """The parts for the running event loop, made on first use."""
        if self.closed:
            raise ClientClosedError("this client is closed")
        if self._bound is None:
            self._bound = Bound(self)
        elif self._bound.loop.handle is not current_loop():
            raise ClientClosedError(f"{_ELSEWHERE}: make one for each loop")
        return self._bound

    async def aclose(self) -> None:
        """End the calls under way and close the connections, however often this wait is cancelled.

        An `http_client` that was handed in stays open: its owner closes it. After the end of its event loop a client
        can be closed on any other.
        """
        bound = self._bound
        if bound is None:
            self.closed = True
        elif bound.loop.handle is current_loop():
            if self.closed:
                await bound.closed.wait()
            else:
                self.closed = True
                await self._close(bound)
        elif bound.loop.post(lambda: None):
            raise ClientClosedError(f"{_ELSEWHERE}, which is still there: close it on that one")
        elif not self.closed:
            self.closed = True
            if not bound.loop.forked:
                bound.connections.abort()
                await self._close_wire(bound)

    async def _close(self, bound: Bound) -> None:
        try:
            await bound.calls.end()
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await self._close_wire(bound)
            finally:
                bound.closed.set()

    async def _close_wire(self, bound: Bound) -> None:
        if self.http_client is None:
            try:
                await bound.wire.aclose()
            finally:  # asyncio's own cancellation knows no shield
                bound.connections.abort()

    def abandon(self) -> None:
        """Close the sockets without waiting, for a client that is being collected; from any thread."""
        self.closed = True
        bound = self._bound
        if bound is None or self.http_client is not None or bound.loop.forked:
            return
        if not bound.loop.post(bound.connections.abort):
            bound.connections.abort()
