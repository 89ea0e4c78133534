"""The HTTP library: httpx, or httpx2 where a client or transport of it is handed in. No other module imports either.

httpx2 is a fork of httpx. It has the same classes and exceptions under the same names, but they are not the same
objects: each library only accepts its own requests, and raises its own exceptions. The types here are httpx's for both.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Protocol

import httpx
from httpx import (
    URL,
    AsyncByteStream,
    AsyncClient,
    AsyncHTTPTransport,
    ByteStream,
    ConnectError,
    InvalidURL,
    Limits,
    NetworkError,
    Proxy,
    ProxyError,
    RemoteProtocolError,
    Request,
    Response,
    create_ssl_context,
)

from groups_sdk.errors import ConfigurationError

__all__ = [
    "HTTPX",
    "NO_TIMEOUTS",
    "URL",
    "AsyncByteStream",
    "AsyncClient",
    "AsyncHTTPTransport",
    "ByteStream",
    "ConnectError",
    "HttpClient",
    "HttpLibrary",
    "InvalidURL",
    "Limits",
    "NetworkError",
    "Proxy",
    "ProxyError",
    "RemoteProtocolError",
    "Request",
    "Response",
    "Transport",
    "create_ssl_context",
    "library_of",
]

NO_TIMEOUTS: dict[str, float | None] = httpx.Timeout(None).as_dict()


class Transport(Protocol):
    """An asynchronous transport: an `httpx.AsyncBaseTransport` or an `httpx2.AsyncBaseTransport`."""

    async def handle_async_request(self, request: Any, /) -> Any: ...

    async def aclose(self) -> None: ...


class HttpClient(Protocol):
    """An asynchronous client: an `httpx.AsyncClient` or an `httpx2.AsyncClient`."""

    @property
    def is_closed(self) -> bool: ...

    async def send(
        self, request: Any, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...
    ) -> Any: ...

    async def aclose(self) -> None: ...


class HttpLibrary:
    """What requests are made of and sent with, and the exceptions that may come of it."""

    def __init__(self, module: Any) -> None:
        self.AsyncBaseTransport: type[httpx.AsyncBaseTransport] = module.AsyncBaseTransport
        self.AsyncClient: type[AsyncClient] = module.AsyncClient
        self.transports_without_connections: tuple[type[httpx.AsyncBaseTransport], ...] = (
            module.MockTransport,
            module.ASGITransport,  # FakeSnyk's is one
        )
        self.ByteStream: type[ByteStream] = module.ByteStream
        self.Request: type[Request] = module.Request
        self.URL: type[URL] = module.URL

        self.InvalidURL: type[InvalidURL] = module.InvalidURL
        self.ProxyError: type[ProxyError] = module.ProxyError
        self.DecodingError: type[httpx.DecodingError] = module.DecodingError
        self.TimeoutException: type[httpx.TimeoutException] = module.TimeoutException
        self.errors: tuple[type[Exception], ...] = (module.HTTPError, module.InvalidURL, module.StreamError)
        self.errors_before_sending: tuple[type[Exception], ...] = (
            module.ConnectError,
            module.ConnectTimeout,
            module.PoolTimeout,
            module.ProxyError,
            module.UnsupportedProtocol,
        )
        self.errors_of_the_request: tuple[type[Exception], ...] = (
            module.UnsupportedProtocol,
            module.InvalidURL,
            module.LocalProtocolError,
        )


HTTPX: HttpLibrary = HttpLibrary(httpx)


def library_of(transport: object, http_client: object) -> HttpLibrary:
    """The library of the transport or client that is handed in; httpx where neither is.

    Raises `ConfigurationError` when it is nothing of the kind.
    """
    if transport is not None and http_client is not None:
        raise ConfigurationError("give transport or http_client, not both")
    if transport is None and http_client is None:
        return HTTPX
    for library in _imported():
        if isinstance(transport, library.AsyncBaseTransport) or isinstance(http_client, library.AsyncClient):
            return library
        if isinstance(transport, library.AsyncClient):
            raise ConfigurationError(f"transport: {_name(transport)} is a client; pass it as http_client=")
        if isinstance(http_client, library.AsyncBaseTransport):
            raise ConfigurationError(
                f"http_client: {_name(http_client)} is a transport; pass it as transport="
            )
    if transport is not None:
        problem = "transport must be an asynchronous transport of httpx or httpx2, such as httpx.AsyncHTTPTransport()"
    else:
        problem = "http_client must be an httpx.AsyncClient or an httpx2.AsyncClient"
    raise ConfigurationError(
        f"{problem}, for GroupsClient too; got {_name(http_client if transport is None else transport)}"
    )


def _imported() -> Iterator[HttpLibrary]:
    """httpx, and then httpx2 if it is imported: nobody can have an object of it otherwise."""
    yield HTTPX
    httpx2 = sys.modules.get("httpx2")
    if httpx2 is not None:
        yield HttpLibrary(httpx2)


def _name(value: object) -> str:
    """The name of an object's class, as it is imported. The object itself may contain secrets."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
