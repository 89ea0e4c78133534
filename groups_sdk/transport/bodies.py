"""The bodies of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator

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


def settled(request: httpx.Request) -> httpx.Request:
    """The same request, with such a body."""
    request.stream = Body(request.content)
    return request
