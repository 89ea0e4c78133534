"""The bodies of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx


class _Once(AsyncIterator[bytes]):
    def __init__(self, content: bytes) -> None:
        self._content: bytes | None = content

    async def __anext__(self) -> bytes:
        content, self._content = self._content, None
        if content is None:
            raise StopAsyncIteration
        return content


class Body(httpx.ByteStream):
    """A body that nobody needs to close.

    httpx's own is read through an asynchronous generator. A request that breaks off leaves that half-way, for the
    garbage collector: then asyncio starts a task to close it, and trio warns.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._content = content

    def __aiter__(self) -> AsyncIterator[bytes]:
        return _Once(self._content)


def with_body(
    method: str,
    url: httpx.URL,
    headers: httpx.Headers | dict[str, str],
    content: bytes,
    extensions: dict[str, Any],
) -> httpx.Request:
    """The request, with such a body. The headers are those that are sent: nothing is added to them."""
    request = httpx.Request(method, url, headers=headers, stream=Body(content), extensions=extensions)
    request.read()  # so that whoever looks at a request can look at its body too
    return request
