"""Connections, limits and credentials: what copies of a client share, and what belongs to one event loop."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import cache
from typing import Any

import anyio
import anyio.lowlevel
import httpx

from groups_sdk.auth import Authenticator, OAuthClientCredentials
from groups_sdk.errors import ClientClosedError, ConfigurationError
from groups_sdk.rate_limit import RateLimit, RateLimiter
from groups_sdk.settings import Settings

_loop_identity: anyio.lowlevel.RunVar[object] = anyio.lowlevel.RunVar("groups_sdk_loop_identity")


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: building it costs tens of milliseconds."""
    return httpx.create_ssl_context()


class Bound:
    """The parts of a pool that belong to one event loop."""

    def __init__(self, pool: Pool, loop: object) -> None:
        self.loop = loop
        self.http: httpx.AsyncClient = pool.http_client or httpx.AsyncClient(
            transport=pool.transport,
            verify=_ssl_context() if pool.transport is None else False,
            timeout=None,
            # Never contended: our own slots stand in front, since a contended httpcore pool does not survive
            # cancellation (https://github.com/encode/httpcore/issues/1093).
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=pool.max_connections),
        )
        self.slots: anyio.Semaphore = anyio.Semaphore(pool.max_connections)
        self.limiter: RateLimiter = RateLimiter(pool.rate_limit)
        self.authenticator: Authenticator = Authenticator(pool.settings.credentials, pool.fetch_grant)


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
        try:
            _ = httpx.URL(settings.base_url).host
        except (httpx.InvalidURL, ValueError) as error:  # idna's error is a ValueError
            raise ConfigurationError(f"no such host can be in a base URL: {error}") from None
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
        loop = _loop_identity.get(None)
        if loop is None:
            loop = object()
            _loop_identity.set(loop)
        if self._bound is None:
            self._bound = Bound(self, loop)
        if self._bound.loop is not loop:
            raise ClientClosedError("this client belongs to another event loop: make one for each loop")
        return self._bound

    async def aclose(self) -> None:
        """Close the connections. An `http_client` that was handed in stays open: its owner closes it."""
        if self.closed:
            return
        self.closed = True
        if self._bound is not None and self.http_client is None:
            await self._bound.http.aclose()
