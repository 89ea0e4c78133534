"""A Groups API of prerendered answers, in a process of its own: fast enough never to be what is measured.

The base URL carries the settings: `http://127.0.0.1:PORT/DELAY/PAGES/rest` answers after DELAY milliseconds and lists
PAGES pages of 100 memberships. The process ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import selectors
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.serving import serve

GROUP_ID = "331ede0a-de94-456f-b788-166caeca58bf"
MEMBERSHIP_ID = "6f5d1a2c-8b90-4d58-9c3e-9a1f1b1c2d3e"
ROLE_ID = "00000000-0000-4000-8000-000000000001"
PAGE_SIZE = 100

# What a client that is not ours sends, and where to, below the base URL.
TOKEN = "11111111-2222-3333-4444-555555555555"
HEADERS = {"authorization": f"token {TOKEN}", "accept": "application/vnd.api+json"}
FIRST_PAGE = f"/groups/{GROUP_ID}/memberships?version=2025-11-05&limit={PAGE_SIZE}"
GROUP = f"/groups/{GROUP_ID}?version=2025-11-05"
MEMBERSHIP = f"/groups/{GROUP_ID}/memberships/{MEMBERSHIP_ID}?version=2025-11-05"
CHANGE_HEADERS = {"content-type": "application/vnd.api+json"}

_DISTINCT_PAGES = 20
_REQUEST = re.compile(rb"(\w+) /(\d+)/(\d+)/rest/groups/([^ ?]+)\S* HTTP/1.1\r\n")
_CURSOR = re.compile(rb"starting_after=v1\.(\d{8})")
_BODY = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


def change_of_role(membership_id: str, role_id: str) -> bytes:
    """The body of a request that gives the member that role."""
    role = {"data": {"id": role_id, "type": "group_role"}}
    data = {"id": membership_id, "type": "group_membership", "relationships": {"role": role}}
    return json.dumps({"data": data}).encode()


@dataclass(frozen=True)
class Server:
    port: int

    def base_url(self, pages: int, delay: int = 0) -> str:
        """Where `pages` pages are listed, each answer `delay` milliseconds late."""
        return f"http://127.0.0.1:{self.port}/{delay}/{pages}/rest"

    def pages_per_second(self, pages: int) -> float:
        """How fast the server is: pages read from a bare socket by a client that does nothing with them."""
        path = f"/0/{pages}/rest/groups/{GROUP_ID}/memberships"
        request = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
        buffer = bytearray(256 * 1024)
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            started = perf_counter()
            for _ in range(pages):
                connection.sendall(request)
                length = connection.recv_into(buffer)
                head = buffer.index(b"\r\n\r\n") + 4
                declared = _BODY.search(buffer[: head - 2])
                assert declared is not None
                left = head + int(declared[1]) - length
                while left:
                    left -= connection.recv_into(buffer)
            return pages / (perf_counter() - started)


@contextmanager
def running(*, core_of_its_own: bool = False) -> Iterator[Server]:
    """The server, in a process of its own; what it is to have a core for itself, this process stays away from it."""
    command = [sys.executable, "-m", "benchmarks.server"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent
    )
    with process:
        if core_of_its_own:
            *ours, its = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(process.pid, {its})
            os.sched_setaffinity(0, ours)
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(10)


def _members(dice: random.Random) -> bytes:
    """The members of one page, without the brackets of the document around them."""

    def related(kind: str, id_: str, **attributes: str) -> dict[str, object]:
        return {"data": {"id": id_, "type": kind, "attributes": attributes}}

    def uuid4() -> str:
        return str(uuid.UUID(int=dice.getrandbits(128), version=4))

    roles = [
        related("group_role", f"00000000-0000-4000-8000-00000000000{number}", name=name)
        for number, name in enumerate(("Group Admin", "Group Member", "Group Viewer"), 1)
    ]
    members = []
    for _ in range(PAGE_SIZE):
        number = dice.randrange(10**6)
        moment = f"20{dice.randrange(18, 26)}-0{dice.randrange(1, 10)}-{dice.randrange(10, 29)}"
        address = f"p-{number:06}@example.com"
        user = related(
            "user",
            uuid4(),
            name=f"Person {number:06}",
            username=address,
            email=address,
            login_method=dice.choice(("saml", "google", "github", "email")),
        )
        relationships = {
            "group": related("group", GROUP_ID, name="Payments"),
            "role": dice.choice(roles),
            "user": user,
        }
        attributes = {"created_at": f"{moment}T09:50:{dice.randrange(10, 60)}.{dice.randrange(100, 1000)}Z"}
        members.append(
            {
                "id": uuid4(),
                "type": "group_membership",
                "attributes": attributes,
                "relationships": relationships,
            }
        )
    return json.dumps(members, separators=(",", ":")).encode()


def page(data: bytes, number: int, pages: int) -> bytes:
    """The document that lists these members as page `number` of `pages`."""
    path = f"/groups/{GROUP_ID}/memberships?version=2025-11-05&limit=100"

    def link(to: int) -> str:
        return f"{path}&starting_after=v1.{to:08}{'A' * 40}" if to else path

    links = {"self": link(number), "first": path}
    if number + 1 < pages:
        links["next"] = link(number + 1)
    tail = json.dumps({"links": links, "jsonapi": {"version": "1.0"}}, separators=(",", ":")).encode()
    return b'{"data":' + data + b"," + tail[1:]


def some_pages(count: int = _DISTINCT_PAGES) -> list[bytes]:
    """The members of so many different pages, the same ones in every run."""
    dice = random.Random(1)
    return [_members(dice) for _ in range(count)]


def answer(status: str, body: bytes = b"") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: application/vnd.api+json\r\ncontent-length: {len(body)}\r\n"
        "date: Mon, 03 Nov 2025 10:00:00 GMT\r\nstrict-transport-security: max-age=31536000\r\n"
        "snyk-request-id: 5c0f0a3e-1d2c-4b7a-9e52-0d9c3a6f8b10\r\nsnyk-version-requested: 2025-11-05\r\n"
        "snyk-version-served: 2024-10-15\r\nsnyk-version-lifecycle-stage: ga\r\n\r\n"
    )
    return head.encode() + body


_DETAILS = {
    "name": "Payments",
    "created_at": "2024-05-29T09:50:54.014Z",
    "updated_at": "2024-05-29T09:50:54.014Z",
    "slug": "payments",
}
_GROUP = answer(
    "200 OK", json.dumps({"data": {"id": GROUP_ID, "type": "group", "attributes": _DETAILS}}).encode()
)
_CHANGED = answer("204 No Content")


class _Connection(asyncio.Protocol):
    def __init__(self, pages: list[bytes]) -> None:
        self._pages = pages
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        body = _BODY.search(head + b"\r\n")
        if body is not None and len(rest) < int(body[1]):
            return
        request, self._received = _REQUEST.match(head), b""
        if request is None:
            self._transport.close()
            return
        method, delay, pages, below = request.groups()
        if method != b"GET":
            reply = _CHANGED
        elif b"/" in below:
            cursor = _CURSOR.search(head)
            number = int(cursor[1]) if cursor else 0
            reply = answer("200 OK", page(self._pages[number % len(self._pages)], number, int(pages)))
        else:
            reply = _GROUP
        if delay == b"0":
            self._transport.write(reply)
        else:
            self._loop.call_later(int(delay) / 1000, self._transport.write, reply)


async def _serve() -> None:
    pages = some_pages()
    await serve(lambda: _Connection(pages))


if __name__ == "__main__":
    # select waits for as many microseconds as it is told to; what asyncio takes by itself rounds up to milliseconds.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(_serve())
