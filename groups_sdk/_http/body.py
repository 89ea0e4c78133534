"""The body of an answer: decompressed here, so that its limit holds however it was compressed.

The limit is one on the bytes that come and on what they decompress to, and both are checked as they come: neither an
answer that decompresses to a thousand times its size nor one that decompresses to nothing is read to its end. One
encoding is undone, gzip or deflate; an answer that names several was not asked for.

The head of an answer has the limit of h11: 100 KiB for all headers, as httpcore sets it.
"""

from __future__ import annotations

import zlib
from typing import cast

import anyio

from groups_sdk._http.connections import close_if_bytes_are_left
from groups_sdk._http.library import AsyncByteStream, Response

_COMPRESSED = ("gzip", "x-gzip", "deflate")
_MEMBERS = 1000  # that gzip data may consist of: each empty one costs as much work as a full one
_EITHER = 15 + 32  # the window of zlib, and the header of gzip or of zlib, whichever comes


class Body:
    """What has come of a body. `problem` is what is wrong with it, where something is."""

    def __init__(self, limit: int) -> None:
        self.content: bytearray = bytearray()
        self.problem: str | None = None
        self.received: int = 0  # bytes, as they came
        self._limit = limit
        self._members = 1
        self._inflater = zlib.decompressobj(_EITHER)

    async def read(self, response: Response) -> None:
        """Read until the end, or until something is wrong."""
        if response.is_stream_consumed or response.is_closed:  # by a hook of an http_client that is not ours
            self.received = response.num_bytes_downloaded or len(response.content)
            self._take(response.content)
            await close_if_bytes_are_left(response)
            return
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in (*_COMPRESSED, "identity"):
            self.problem = f"its content-encoding {encoding[:20]!r} was not asked for"
        take = self._inflate if encoding in _COMPRESSED else self._take
        # A stream that is left half-way is cancelled: the generators that it is made of end from within. Closing the
        # outermost would leave the others to the garbage collector, and their cleaning up to nobody.
        with anyio.CancelScope() as scope:
            # Not aiter_raw, which gives the connection back before anybody can look at it.
            async for chunk in cast("AsyncByteStream", response.stream):
                self.received += len(chunk)
                if self.problem is None:
                    take(chunk)
                if self.problem is not None:
                    scope.cancel()
            if encoding in _COMPRESSED and self.content and not self._inflater.eof:
                self.problem = "its compressed data is incomplete"
            await close_if_bytes_are_left(response)

    def _take(self, data: bytes) -> None:
        self.content += data[: self._room]
        if not self._room:
            self.problem = self._too_large
            del self.content[self._limit :]

    def _inflate(self, data: bytes) -> None:
        while data and self.problem is None:
            if self._inflater.eof:  # several may follow one another
                self._inflater = zlib.decompressobj(_EITHER)
                self._members += 1
            try:
                self._take(self._inflater.decompress(data, self._room))
            except zlib.error:
                self.problem = "it cannot be decompressed"
            data = self._inflater.unconsumed_tail or self._inflater.unused_data
            if self._members > _MEMBERS:
                self.problem = f"its compressed data is in more than {_MEMBERS} parts"
        if self.problem is None and self.received > self._limit:
            self.problem = self._too_large

    @property
    def _too_large(self) -> str:
        return f"it is larger than {self._limit} bytes (max_response_bytes)"

    @property
    def _room(self) -> int:
        return self._limit + 1 - len(self.content)
