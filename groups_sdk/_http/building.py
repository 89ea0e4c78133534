"""Requests as the HTTP library wants them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from copy import copy
from typing import Any

import httpx

_ORDINARY = re.compile(r"(?:/[A-Za-z0-9_-]+)+\?[A-Za-z0-9_.~=&%-]+")
_LONG = 8192


def located(base: httpx.URL, target: str) -> httpx.URL:
    """The URL of a path and query below the base URL. Raises `httpx.InvalidURL` or `UnicodeError` when there is none.

    Reading a whole URL anew takes httpx a twentieth of a call. What is short and has nothing in it that could be
    read in more than one way is put behind the base URL as it is.
    """
    if len(target) > _LONG or not _ORDINARY.fullmatch(target):
        return httpx.URL(f"{base}{target}")
    path, _, query = target.partition("?")
    url = copy(base)
    parts = base._uri_reference
    url._uri_reference = parts._replace(path=f"{parts.path}{path}", query=query)
    return url


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
