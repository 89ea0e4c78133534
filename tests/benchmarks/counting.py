"""A Groups API, in a process of its own, that counts: past 160 requests in any second or 1,620 in any minute it answers
429, as it receives them. Each answer comes 50 ms later. When its standard input ends it prints what it has received.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from benchmarks.server import GROUP_ID
from benchmarks.serving import serve

LIMITS = ((1.0, 160), (60.0, 1620))
DELAY = 0.05


def permitted(seconds: float) -> int:
    """How many requests fit into so many seconds from the first one, at the most."""
    moments: list[float] = []
    while True:
        earliest = [moments[-most] + length for length, most in LIMITS if len(moments) >= most]
        moment = max(earliest, default=0.0)
        if moment >= seconds:
            return len(moments)
        moments.append(moment)


def above(moments: Sequence[float]) -> int:
    """By how many requests the fullest window has more than the limit."""
    ordered = sorted(moments)
    worst = 0
    for length, most in LIMITS:
        first = 0
        for last, moment in enumerate(ordered):
            while ordered[first] <= moment - length:
                first += 1
            worst = max(worst, last - first + 1 - most)
    return worst


@dataclass
class Counted:
    """What the server saw, once it has ended."""

    base_url: str
    received: list[float] = field(default_factory=list)
    refused: int = 0


@contextmanager
def counting() -> Iterator[Counted]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.counting"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    with process:
        assert process.stdout is not None
        counted = Counted(f"http://127.0.0.1:{int(process.stdout.readline())}/rest")
        yield counted
        told, _ = process.communicate(timeout=60)
        counted.received, counted.refused = json.loads(told)


class _Connection(asyncio.Protocol):
    def __init__(self, received: list[float], refusals: list[float]) -> None:
        self._received, self._refusals = received, refusals
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._data.endswith(b"\r\n\r\n"):
            return
        self._data = b""
        now = monotonic()
        full = any(
            len(self._received) >= most and self._received[-most] > now - length for length, most in LIMITS
        )
        if full:
            self._refusals.append(now)
            self._transport.write(_answer("429 Too Many Requests", {}, "retry-after: 1\r\n"))
        else:
            self._received.append(now)
            asyncio.get_running_loop().call_later(DELAY, self._transport.write, _GROUP)


def _answer(status: str, document: object, headers: str = "") -> bytes:
    body = json.dumps(document)
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: application/vnd.api+json\r\n{headers}content-length: {len(body)}\r\n\r\n"
        f"{body}"
    ).encode()


_GROUP = _answer("200 OK", {"data": {"id": GROUP_ID, "type": "group", "attributes": {"name": "Payments"}}})


async def _serve() -> None:
    received, refusals = list[float](), list[float]()
    await serve(lambda: _Connection(received, refusals))
    print(json.dumps([received, len(refusals)]))


if __name__ == "__main__":
    asyncio.run(_serve())
