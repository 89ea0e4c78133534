"""Row 10: a consumer that works on each page for as long as the server takes to send one."""

from __future__ import annotations

import asyncio
import time

import httpx

from benchmarks import others
from benchmarks.listing import async_client, sync_client
from benchmarks.measuring import Bench, Outcome, outcome, row
from benchmarks.server import GROUP_ID
from groups_sdk import AsyncGroupsClient, GroupsClient

DELAY = 30  # milliseconds, of the server and of the consumer


def against_ideal(pages: int, taken: list[float]) -> Outcome:
    return outcome([(seconds, pages * DELAY / 1000) for seconds in taken], "s")


def listed(bench: Bench, pages: int) -> Outcome:
    async def listing(client: AsyncGroupsClient) -> float:
        started = time.perf_counter()
        async with client.list_memberships(GROUP_ID).read_ahead() as memberships:
            async for _ in memberships.pages():
                await asyncio.sleep(DELAY / 1000)
        return time.perf_counter() - started

    with asyncio.Runner() as runner:
        client = async_client(bench.server.base_url(pages, DELAY))
        taken = [runner.run(listing(client)) for _ in range(bench.size.rounds)]
        runner.run(client.aclose())
    return against_ideal(pages, taken)


@row(
    "10a",
    "async: 50 pages after 30 ms each, 30 ms of work on each, read ahead: time / 50 x 30 ms",
    at_most=1.10,
)
def reading_ahead(bench: Bench) -> Outcome:
    return listed(bench, bench.size.read_pages)


@row("10b", "sync: the same", at_most=1.10)
def reading_ahead_synchronously(bench: Bench) -> Outcome:
    def listing(client: GroupsClient) -> float:
        started = time.perf_counter()
        with client.list_memberships(GROUP_ID).read_ahead() as memberships:
            for _ in memberships.pages():
                time.sleep(DELAY / 1000)
        return time.perf_counter() - started

    with sync_client(bench.server.base_url(bench.size.read_pages, DELAY)) as client:
        taken = [listing(client) for _ in range(bench.size.rounds)]
    return against_ideal(bench.size.read_pages, taken)


@row("10c", "for comparison: httpx.AsyncClient and orjson, and no work on the pages: time / 50 x 30 ms")
def bare_chain(bench: Bench) -> Outcome:
    base_url = bench.server.base_url(bench.size.read_pages, DELAY)

    async def listing(client: httpx.AsyncClient) -> float:
        started = time.perf_counter()
        await others.list_dicts(client, base_url)
        return time.perf_counter() - started

    with asyncio.Runner() as runner:
        bare = httpx.AsyncClient(headers=others.HEADERS)
        taken = [runner.run(listing(bare)) for _ in range(bench.size.rounds)]
        runner.run(bare.aclose())
    return against_ideal(bench.size.read_pages, taken)


@row("10d", "for comparison: 10a with 200 pages, of which the work on the last one is a smaller part")
def reading_further_ahead(bench: Bench) -> Outcome:
    return listed(bench, 4 * bench.size.read_pages)
