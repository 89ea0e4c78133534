"""Requests as httpx wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from groups_sdk._operations import Request
from groups_sdk.errors import InvalidArgumentError

__all__ = ["build_request", "join_url"]


def join_url(base: httpx.URL, request: Request, api_version: str) -> httpx.URL:
    """The request's URL below the base URL. Raises `InvalidArgumentError` when its arguments cannot be in a URL."""
    try:
        return httpx.URL(f"{base}{request.target(api_version)}")
    except (httpx.InvalidURL, UnicodeError) as error:  # too long; half of a surrogate pair
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


class _Body(httpx.ByteStream):
    """A request's body that nobody needs to close.

    httpx's own is read through an asynchronous generator. A request that breaks off leaves that half-way, for the
    garbage collector: then asyncio starts a task to close it, and trio warns.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._content)


def build_request(
    method: str, url: httpx.URL, headers: Mapping[str, str], content: bytes, extensions: dict[str, Any]
) -> httpx.Request:
    """The request with exactly these headers, besides those that HTTP itself needs."""
    framing = {"host": url.netloc.decode()}
    if content or method in ("POST", "PUT", "PATCH"):
        framing["content-length"] = str(len(content))
    request = httpx.Request(
        method, url, headers={**framing, **headers}, stream=_Body(content), extensions=extensions
    )
    request.read()  # so that whoever looks at a request can look at its body too
    return request
