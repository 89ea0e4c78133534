"""What is measured in a process of its own: memory, and the time of an import. Each prints one number."""

from __future__ import annotations

import gc
import os
import sys
from time import perf_counter, process_time

WARM_UP = 10_000  # members after which a process has what it needs


def resident() -> int:
    """The bytes of memory that this process has in use now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class _Growth:
    """By how much the process has grown since the warm-up; it looks every thousand members."""

    def __init__(self) -> None:
        self.most = 0
        self._before = 0
        self._count = 0

    def note(self) -> None:
        self._count += 1
        if self._count == WARM_UP:
            self._before = resident()
        elif self._count > WARM_UP and not self._count % 1_000:
            self.most = max(self.most, resident() - self._before)


def growth_streaming(kind: str, base_url: str) -> float:
    """By how many bytes the process grows, at the most, after the first members of a listing."""
    import asyncio

    from benchmarks.ours import async_client, sync_client
    from benchmarks.server import GROUP_ID

    growth = _Growth()

    async def listing() -> None:
        async with async_client(base_url) as client:
            async for _ in client.list_memberships(GROUP_ID):
                growth.note()

    if kind == "async":
        asyncio.run(listing())
    else:
        with sync_client(base_url) as client:
            for _ in client.list_memberships(GROUP_ID):
                growth.note()
    return growth.most


def commanding(*arguments: str) -> float:
    """The seconds of processor time that a command takes, with the start of Python."""
    import contextlib

    from groups_sdk.cli import main

    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        main(list(arguments))
    return process_time()


def limited(base_url: str, seconds: str, shared: str, report: str) -> float:
    """How many requests a client sends in so many seconds; the report gets the moments at which they left."""
    import json
    import time
    from pathlib import Path

    import anyio
    import httpx

    from benchmarks.limiting import WAITING
    from benchmarks.server import GROUP_ID, TOKEN
    from groups_sdk import AsyncGroupsClient, RateLimit

    sent: list[float] = []

    class Noting(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            trace = request.extensions["trace"]

            async def note(event: str, info: object) -> None:
                if event.endswith("send_request_headers.started"):
                    sent.append(time.monotonic())
                    begun.set()
                await trace(event, info)

            request.extensions["trace"] = note
            return await super().handle_async_request(request)

    async def send() -> None:
        limit = RateLimit(shared=shared or None)
        client = AsyncGroupsClient(
            TOKEN, base_url=base_url, rate_limit=limit, transport=Noting(), deadline=None
        )

        async def keep_asking() -> None:
            while True:
                await client.get_group(GROUP_ID)

        async with client, anyio.create_task_group() as tasks:
            for _ in range(WAITING):
                tasks.start_soon(keep_asking)
            await begun.wait()
            await anyio.sleep(float(seconds))
            tasks.cancel_scope.cancel()

    begun = anyio.Event()
    anyio.run(send)
    Path(report).write_text(json.dumps(sent))
    return len(sent)


def size_of(kind: str, pages: str) -> float:
    """The bytes that so many pages of members take as models, or as orjson's dicts."""
    import orjson

    from benchmarks.server import page, some_pages
    from groups_sdk import GroupMembership
    from groups_sdk._jsonapi import open_page
    from groups_sdk._responses import ApiResponse, Headers

    documents = [page(data, 0, 2) for data in some_pages()]

    def members(number: int) -> list[object]:
        content = documents[number % len(documents)]
        if kind == "dicts":
            return list(orjson.loads(content)["data"])
        return list(open_page(ApiResponse(200, Headers(), content, "list"), GroupMembership).decode().items)

    members(0)
    gc.collect()
    before = resident()
    collected = [member for number in range(int(pages)) for member in members(number)]
    gc.collect()
    taken = resident() - before
    assert len(collected) == int(pages) * 100
    return taken


def importing(*modules: str) -> float:
    """The seconds that importing the modules takes."""
    started = perf_counter()
    for module in modules:
        __import__(module)
    return perf_counter() - started


if __name__ == "__main__":
    from benchmarks.job_memory import memory_of_job

    functions = {
        "memory_of_job": memory_of_job,
        "commanding": commanding,
        "growth_streaming": growth_streaming,
        "limited": limited,
        "size_of": size_of,
        "importing": importing,
    }
    name, *arguments = sys.argv[1:]
    print(functions[name](*arguments))  # type: ignore[operator]
