"""Requests as the HTTP library wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any, cast

from groups_sdk._http.library import URL, ByteStream, HttpLibrary
from groups_sdk._http.library import Request as HttpRequest
from groups_sdk._operations import Request
from groups_sdk.errors import InvalidArgumentError

__all__ = ["build_request", "join_url"]


def join_url(library: HttpLibrary, base: URL, request: Request, api_version: str) -> URL:
    """The request's URL below the base URL. Raises `InvalidArgumentError` when its arguments cannot be in a URL."""
    try:
        return library.URL(f"{base}{request.target(api_version)}")
    except (library.InvalidURL, UnicodeError) as error:  # too long; half of a surrogate pair
        problem = f"{request.operation.name}: no URL can be made from the arguments: {error}"
    raise InvalidArgumentError(problem)


class _Once(AsyncIterator[bytes]):
    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    async def __anext__(self) -> bytes:
        content, self._content = self._content, None
        if content is None:
            raise StopAsyncIteration
        return content


class _Body:
    """A request's body that nobody needs to close, whatever library it is for.

    The library's own is read through an asynchronous generator. A request that breaks off leaves that half-way, for the
    garbage collector: then asyncio starts a task to close it, and trio warns.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)  # type: ignore[call-arg] # that of the library's ByteStream
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._content)


@cache
def _body_class(byte_stream: Any) -> type[ByteStream]:
    """The class of bodies for a library, which asks for a ByteStream of its own."""
    return cast("type[ByteStream]", type("RequestBody", (_Body, byte_stream), {}))


class _Request:
    """A request that does not show its query, which may have an email address in it, in tracebacks with locals."""

    method: str
    url: URL

    def __repr__(self) -> str:
        return f"<Request({self.method!r}, '{self.url.copy_with(query=None)}')>"


@cache
def _request_class(request: Any) -> type[HttpRequest]:
    """The class of requests for a library, which asks for a Request of its own."""
    return cast("type[HttpRequest]", type("Request", (_Request, request), {}))


def build_request(
    library: HttpLibrary,
    method: str,
    url: URL,
    headers: Mapping[str, str],
    content: bytes,
    extensions: dict[str, Any],
) -> HttpRequest:
    """The request with exactly these headers, besides those that HTTP itself needs."""
    framing = {"host": url.netloc.decode()}
    if content or method in ("POST", "PUT", "PATCH"):
        framing["content-length"] = str(len(content))
    request = _request_class(cast("Any", library.Request))(
        method,
        url,
        headers={**framing, **headers},
        stream=_body_class(cast("Any", library.ByteStream))(content),
        extensions=extensions,
    )
    request.read()  # so that whoever looks at a request can look at its body too
    return request
