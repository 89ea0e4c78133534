"""Connections, limits and credentials: what the copies of a client share, and how it comes to an end.

The only module that touches what is private in a dependency (`abort`, `close_if_bytes_are_left`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any, Protocol, cast

import anyio
import anyio.lowlevel

from groups_sdk._event_loop import EventLoop
from groups_sdk._http.access_tokens import AccessTokens
from groups_sdk._http.call_summary import Usage
from groups_sdk._http.library import (
    URL,
    AsyncClient,
    HttpClient,
    HttpLibrary,
    Response,
    Transport,
    library_of,
)
from groups_sdk._http.network import Network, read_urls
from groups_sdk._http.rate_limit import OnPause, RateLimit, RateLimiter
from groups_sdk._http.shared_limit import make_limiter, open_store
from groups_sdk._settings import Settings
from groups_sdk.errors import ClientClosedError, ConfigurationError

__all__ = ["ConnectionPool", "LoopResources", "OpenSockets", "close_if_bytes_are_left"]

_ELSEWHERE = "this client belongs to another event loop"
_FORKED = (
    "this client was used before the process forked, and the connections of its transport or http_client belong to the"
    " parent: make a new client"
)
_LOOP_ENDED = (
    "this client was used on an event loop that has ended, and its transport or http_client keeps connections of that"
    " loop: make a new client with a new one for each event loop"
)

_inherited: list[LoopResources] = []


class ConnectionPool:
    """Connections, limits and credentials: what the copies of a client share."""

    def __init__(
        self,
        settings: Settings,
        *,
        rate_limit: RateLimit | None,
        max_connections: int,
        transport: Transport | None,
        http_client: HttpClient | None,
        network: Network | None,
    ) -> None:
        if type(max_connections) is not int or max_connections < 1:
            raise ConfigurationError(
                f"max_connections must be a whole number above 0; got {max_connections!r}"
            )
        self.library: HttpLibrary = library_of(transport, http_client)
        self.base_url: URL = read_urls(settings)[0]
        self.settings = settings
        self.closed: bool = False
        self.deprecated: set[str] = set()  # the operations whose deprecation was warned of
        self._rate_limit = rate_limit
        self._limit_store = open_store(rate_limit, settings)
        self._max_connections = max_connections
        self._transport = transport
        self._http_client = http_client
        self._network = network  # None where a transport or http_client was handed in
        self._resources: LoopResources | None = None
        self._binding = threading.Lock()  # held for a moment only, and nothing is called within

    def detached(self) -> ConnectionPool:
        """The same with connections, limits and access token of its own."""
        return ConnectionPool(
            self.settings,
            rate_limit=self._rate_limit,
            max_connections=self._max_connections,
            transport=self._transport,
            http_client=self._http_client,
            network=self._network,
        )

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return (self._resources.tokens if self._resources else self.settings.credentials).secrets()

    @property
    def in_use(self) -> bool:
        """Whether there is anything to close."""
        return self._resources is not None and not self.closed

    def bind(self) -> LoopResources:
        """What belongs to the running event loop, made on first use, and anew after the end of another loop.

        Raises `ClientClosedError` when the client is closed, or belongs to another event loop that has not ended.
        """
        while True:
            if self.closed:
                raise ClientClosedError("this client is closed", maybe_applied=False)
            before = self._resources
            if before is not None and before.loop.running:
                before.loop.look_at_clock()
                return before
            if before is not None:
                self._check_replaceable(before)
            resources = self._new_resources(before)
            with self._binding:
                replaced = self._resources is before  # or else another thread was quicker
                if replaced:
                    self._resources = resources
            if not replaced:
                resources.drop()
            elif before is not None:
                before.drop()

    def _check_replaceable(self, resources: LoopResources) -> None:
        """Raise `ClientClosedError` when the client must stay with these."""
        if resources.loop.forked and not (self._http_client is None and self._transport is None):
            raise ClientClosedError(_FORKED, maybe_applied=False)
        if not resources.loop.ended:
            raise ClientClosedError(
                f"{_ELSEWHERE}, which has not ended: use client.detached() to get a client for this one",
                maybe_applied=False,
            )
        if self._http_client is not None or not (
            self._transport is None
            or isinstance(self._transport, self.library.transports_without_connections)
        ):  # one around another may keep connections that nobody can see
            raise ClientClosedError(_LOOP_ENDED, maybe_applied=False)

    def _new_resources(self, before: LoopResources | None) -> LoopResources:
        """Those for the running event loop. The rate that was used and the access token are carried over."""
        shift = 0.0 if before is None else before.loop.shift()
        return LoopResources(
            self._http(),
            self.library,
            AccessTokens(self.settings.credentials) if before is None else before.tokens.moved(shift),
            make_limiter(self._rate_limit, self._limit_store)
            if before is None
            else before.limiter.moved(shift),
            self._max_connections,
            self._network,
            guarded=self._http_client is None,
        )

    def _http(self) -> AsyncClient:
        if self._http_client is not None:
            return cast("AsyncClient", self._http_client)
        if self._network is not None:
            return self._network.connect(self._max_connections)
        return self.library.AsyncClient(transport=cast("Any", self._transport), timeout=None)

    async def aclose(self) -> None:
        """End the calls under way and close the connections, however often this wait is cancelled.

        An `http_client` that was handed in stays open: its owner closes it. After the end of its event loop a client
        can be closed on any other.
        """
        resources = self._resources
        if resources is None:
            self.closed = True
        elif resources.loop.running:
            if self.closed:
                await resources.closed.wait()
            else:
                self.closed = True
                await self._close(resources)
        elif not resources.loop.ended:
            raise ClientClosedError(f"{_ELSEWHERE}, which still exists: close it there", maybe_applied=False)
        elif not self.closed:
            self.closed = True
            resources.drop()
            if self._transport is not None and not resources.loop.forked:
                await self._transport.aclose()

    async def _close(self, resources: LoopResources) -> None:
        try:
            await resources.calls.end()
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await self._close_http(resources)
            finally:
                if self._limit_store is not None:
                    self._limit_store.close()
                resources.closed.set()

    async def _close_http(self, resources: LoopResources) -> None:
        if self._http_client is None:
            try:
                await resources.http.aclose()
            finally:  # asyncio's own cancellation knows no shield
                resources.drop()
        else:
            resources.sockets.forget()
            resources.drop()

    def abandon(self) -> None:
        """Close the sockets without waiting, for a client that is being collected; from any thread."""
        self.closed = True
        resources = self._resources
        if resources is None:
            return
        if self._http_client is not None:
            resources.sockets.forget()
        if not resources.loop.post(resources.drop):
            resources.drop()


class LoopResources:
    """The parts of a pool that belong to one event loop."""

    def __init__(
        self,
        http: AsyncClient,
        library: HttpLibrary,
        tokens: AccessTokens,
        limiter: RateLimiter,
        max_connections: int,
        network: Network | None,
        *,
        guarded: bool,
    ) -> None:
        self.loop: EventLoop = EventLoop()
        self.http = http
        self.library = library
        self.tokens = tokens
        self.limiter = limiter
        self.network = network
        self.calls: CallsUnderWay = CallsUnderWay()
        self.sockets: OpenSockets = OpenSockets()
        self._guard = _abort_at_the_end(self.sockets)
        if guarded:  # they are nobody else's
            _run_now(anext(self._guard))
        self.slots: anyio.Semaphore = anyio.Semaphore(max_connections, fast_acquire=True)
        self.closed: anyio.Event = anyio.Event()

    def drop(self) -> None:
        """Give up the connections without waiting: on their event loop, or after its end."""
        if self.loop.forked:
            _inherited.append(self)  # they are the parent's: not even their collection may touch them
        else:
            _run_now(self._guard.aclose())
            self.sockets.abort()

    @asynccontextmanager
    async def admission(
        self, scope: anyio.CancelScope, usage: Usage, on_pause: OnPause | None = None
    ) -> AsyncGenerator[bool]:
        """Wait for a slot, then for the rate limit; the slot is held within. False: not before the scope's deadline.

        The slot comes first: a permission to send is only good for the moment in which it is given.
        """
        if self.slots.value == 0 and self.limiter.late(scope.deadline):
            yield False  # without queueing up
            return
        with ExitStack() as slot:
            with self.limiter.waiting(scope):
                usage.begin("connection")
                await self.slots.acquire()
                slot.callback(self.slots.release)
                usage.begin("rate_limit")
                permit = await self.limiter.acquire(scope.deadline, on_pause)
                usage.begin("exchange")
            try:
                # Cancelled while the limiter waited for a thread: nothing may count as sent.
                await anyio.lowlevel.checkpoint_if_cancelled()
                yield permit is not None
            finally:
                if permit is not None:
                    await self.limiter.ended(permit)


class CallsUnderWay:
    """The calls under way. Closing the client ends them."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._idle = anyio.Event()

    @contextmanager
    def track(self) -> Generator[None]:
        """Within it a call runs, which `end` cancels."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)
                if not self._scopes:
                    self._idle.set()

    async def end(self) -> None:
        """Cancel all of them, and wait until they have ended."""
        self._idle = anyio.Event()
        for scope in self._scopes:
            scope.cancel()
        if self._scopes:
            await self._idle.wait()


class _Stream(Protocol):
    """A socket, as httpcore's trace shows it."""

    def aclose(self) -> Coroutine[Any, Any, None]: ...

    def get_extra_info(self, info: str) -> Any: ...


class OpenSockets:
    """The open sockets of a client: they can be closed without waiting, which httpx cannot do."""

    def __init__(self) -> None:
        self._streams: list[_Stream] = []

    def add(self, stream: _Stream) -> None:
        """A connection was opened."""
        self._streams = [known for known in self._streams if _is_open(known)]
        self._streams.append(stream)

    def forget(self) -> None:
        """Leave them to the owner of the httpx client that they belong to."""
        self._streams.clear()

    def abort(self) -> None:
        """Close them all, on their event loop, or after its end."""
        while self._streams:
            abort(self._streams.pop())


async def _abort_at_the_end(sockets: OpenSockets) -> AsyncGenerator[None]:
    """Closes the sockets when the event loop ends: it closes the generators then that are still open.

    Later it would be too late: asyncio and uvloop warn of connections that are open when their loop has ended.
    """
    try:
        yield
    finally:
        sockets.abort()


def _run_now(step: Awaitable[None]) -> None:
    """Run a step of a generator that waits for nothing."""
    try:
        step.__await__().send(None)
    except StopIteration:
        pass


def _is_open(stream: _Stream) -> bool:
    sock = stream.get_extra_info("socket")
    return sock is not None and sock.fileno() >= 0


def abort(stream: _Stream) -> None:
    """Close a socket without waiting. What there is to wait for comes after the closing itself."""
    closing = stream.aclose()
    try:
        closing.send(None)
    except StopIteration:  # it waits for nothing
        pass
    except RuntimeError:  # its event loop has ended, and lets nobody at the socket
        transport: Any = stream  # of asyncio, behind httpcore's stream and anyio's, and perhaps one for TLS
        for inner in ("_stream", "transport_stream", "_transport"):
            transport = getattr(transport, inner, transport)
        sock = getattr(transport, "_sock", None)
        if sock is None:
            sock = stream.get_extra_info("socket")
        else:
            transport._sock = None  # or else it would warn that it was not closed
        if hasattr(sock, "detach"):
            os.close(sock.detach())
    finally:
        closing.close()


async def close_if_bytes_are_left(response: Response) -> None:
    """Close the connection when more has come than the answer.

    httpcore keeps what is left over, and takes it for the answer to the next request: a change that was refused would
    look done. Only h11 knows of it, and the way there is private.
    """
    # httpx's stream around httpcore's, perhaps with that of a client around it.
    connection: Any = response.stream
    for inner in ("_stream", "_httpcore_stream", "_stream", "_connection"):
        connection = getattr(connection, inner, connection)
    state: Any = getattr(connection, "_h11_state", None)
    if state is not None and state.trailing_data[0]:
        state.send_failed()  # or else httpcore would have it wait for the next request after all
        await connection.aclose()
