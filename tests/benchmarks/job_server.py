"""A Groups API for the jobs, in a process of its own: as many different members, groups and organizations as asked for.

The base URL carries the settings: `http://127.0.0.1:PORT/LATENCY/MEMBERS/GROUPS/rest`. LATENCY is in milliseconds:
"50" for each answer the same, "x50" for exponentially distributed ones of that mean. There are MEMBERS in the group
`GROUP_ID`, and GROUPS groups; each of them but `GROUP_ID` has an admin and the same person. Nothing is kept: whatever
is changed is answered with success. The process ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import re
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import GROUP_ID, PAGE_SIZE, answer
from benchmarks.serving import serve

ROLES = ("Group Admin", "Group Member", "Group Viewer")
LEAVER = "p-0000001@example.com"

_REQUEST = re.compile(rb"(\w+) /(x?)(\d+)/(\d+)/(\d+)/rest/groups(?:/([^/ ?]+)(?:/(\w+))?)?\S* HTTP/1.1\r\n")
_CURSOR = re.compile(rb"starting_after=v1\.(\d+)")
_BODY = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class JobServer:
    port: int

    def base_url(self, members: int, *, latency: str = "0", groups: int = 1) -> str:
        return f"http://127.0.0.1:{self.port}/{latency}/{members}/{groups}/rest"


@contextmanager
def running() -> Iterator[JobServer]:
    """The server, in a process of its own, on the cores that this process leaves to others, where there are such."""
    command = [sys.executable, "-m", "benchmarks.job_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if hasattr(os, "sched_setaffinity"):
            others = set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0)
            os.sched_setaffinity(process.pid, others or os.sched_getaffinity(0))
        try:
            yield JobServer(int(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(10)


def membership_id(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-{number:012}"


def role_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def role_of(number: int) -> int:
    """Of fifty members the first is an admin and the second a member; the others are viewers."""
    return min(number % 50, 2)


def latencies(mean: float) -> Iterator[float]:
    """Exponential latencies, without end. Of each hundred the sum is the same: so is the work in every run."""
    dice = random.Random(1)
    hundred = [-mean * math.log(1 - (number + 0.5) / 100) for number in range(100)]
    scale = mean * 100 / sum(hundred)
    while True:
        dice.shuffle(hundred)
        yield from (scale * latency for latency in hundred)


def _membership(number: int, id_: str, group: str) -> str:
    """By hand: many times as fast as `json.dumps` of a dict."""
    address = f"p-{number:07}@example.com"
    role = f'"id":"{role_id(role_of(number))}","type":"group_role","attributes":{{"name":"{ROLES[role_of(number)]}"}}'
    user = (
        f'"id":"bbbbbbbb-0000-4000-8000-{number:012}","type":"user","attributes":{{"name":"Person {number:07}",'
        f'"username":"{address}","email":"{address}","login_method":"{("saml", "google")[number % 2]}"}}'
    )
    return (
        f'{{"id":"{id_}","type":"group_membership","attributes":{{"created_at":"2024-05-29T09:50:54.014Z"}},'
        f'"relationships":{{"group":{{"data":{{"id":"{group}","type":"group","attributes":{{"name":"Payments"}}}}}},'
        f'"role":{{"data":{{{role}}}}},"user":{{"data":{{{user}}}}}}}}}'
    )


def _group(number: int) -> str:
    """The first one is `GROUP_ID`."""
    return GROUP_ID if not number else f"cccccccc-0000-4000-8000-{number:012}"


def _group_document(number: int) -> str:
    return f'{{"id":"{_group(number)}","type":"group","attributes":{{"name":"Group {number}"}}}}'


_ORG_MEMBERSHIP = json.dumps(
    {
        "id": "dddddddd-0000-4000-8000-000000000001",
        "type": "org_membership",
        "attributes": {"created_at": "2024-05-29T09:50:54.014Z"},
        "relationships": {
            "org": {"data": {"id": "dddddddd-1111-4000-8000-000000000001", "type": "org"}},
            "role": {"data": {"id": role_id(1), "type": "org_role"}},
            "user": {"data": {"id": "bbbbbbbb-0000-4000-8000-000000000001", "type": "user"}},
        },
    }
)


def _listing(number: int, members: int, groups: int, group: str, below: str) -> bytes:
    """Page `number` of a listing: of the groups, where `group` is empty, or of what is below one."""
    first = number * PAGE_SIZE
    if not group:
        shown = range(first, min(first + PAGE_SIZE, groups))
        data, more = [_group_document(i) for i in shown], shown.stop < groups
        path = "/groups"
    elif below == "memberships" and group == GROUP_ID:
        shown = range(first, min(first + PAGE_SIZE, members))
        data, more = [_membership(i, membership_id(i), group) for i in shown], shown.stop < members
        path = f"/groups/{group}/memberships"
    elif below == "memberships":
        data = [_membership(0, f"f{group[1:]}", group), _membership(1, f"e{group[1:]}", group)]
        more, path = False, ""
    else:
        data, more, path = ([_ORG_MEMBERSHIP] if below == "org_memberships" else []), False, ""
    link = f"{path}?version=2025-11-05&limit=100&starting_after=v1.{number + 1}"
    links = json.dumps({"next": link} if more else {})
    return f'{{"data":[{",".join(data)}],"links":{links},"jsonapi":{{"version":"1.0"}}}}'.encode()


class _Connection(asyncio.Protocol):
    def __init__(self, varying: dict[int, Iterator[float]]) -> None:
        self._varying = varying
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        body = _BODY.search(head + b"\r\n")
        if not end or (body is not None and len(rest) < int(body[1])):
            return
        request, self._received = _REQUEST.match(head), b""
        if request is None:
            self._transport.close()
            return
        method, varying, delay, members, groups, group, below = request.groups(b"")
        if method == b"GET" and group and not below:
            reply = answer("200 OK", f'{{"data":{_group_document(0)}}}'.encode())
        elif method == b"GET":
            cursor = _CURSOR.search(head)
            number = int(cursor[1]) if cursor else 0
            content = _listing(number, int(members), int(groups), group.decode(), below.decode())
            reply = answer("200 OK", content)
        else:
            reply = answer("204 No Content")
        latency = float(delay)
        if varying:
            latency = next(self._varying.setdefault(int(delay), latencies(latency)))
        if latency:
            self._loop.call_later(latency / 1000, self._transport.write, reply)
        else:
            self._transport.write(reply)


async def _serve() -> None:
    varying: dict[int, Iterator[float]] = {}
    await serve(lambda: _Connection(varying))


if __name__ == "__main__":
    # select waits for as many microseconds as it is told to; what asyncio takes by itself rounds up to milliseconds.
    asyncio.SelectorEventLoop(selectors.SelectSelector()).run_until_complete(_serve())
