"""Rows 7 to 9 and 15: single calls, one after the other and many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import anyio
import httpx

from benchmarks import others
from benchmarks.listing import async_client, sync_client
from benchmarks.measuring import Bench, Outcome, in_short_turns, outcome, row, speeds, take_turns
from benchmarks.server import GROUP_ID, MEMBERSHIP_ID, ROLE_ID
from groups_sdk import AsyncGroupsClient, RateLimit

THREADS = 8
WORKERS = 10
CHANGED_AFTER = 30  # milliseconds


def series(call: Callable[[], object], count: int) -> float:
    started = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - started) / count


def sync_calls(bench: Bench, delay: int) -> Outcome:
    base_url = bench.server.base_url(1, delay)
    with sync_client(base_url) as client, httpx.Client(headers=others.HEADERS) as bare:

        def ours() -> float:
            return series(lambda: client.get_group(GROUP_ID), bench.size.calls // 10)

        def theirs() -> float:
            return series(lambda: others.get_group(bare, base_url), bench.size.calls // 10)

        ours(), theirs()
        return outcome(take_turns(ours, theirs, bench.size.rounds * 5), "ms a call", 1e3)


@row("7a", "sync get_group, answers after 5 ms: time / httpx.Client and orjson", at_most=1.10)
def calls_of_5_ms(bench: Bench) -> Outcome:
    return sync_calls(bench, 5)


@row("7b", "sync get_group, answers after 20 ms: time / httpx.Client and orjson", at_most=1.04)
def calls_of_20_ms(bench: Bench) -> Outcome:
    return sync_calls(bench, 20)


@row("7c", "sync get_group, answers at once: time / httpx.Client and orjson")
def calls_without_delay(bench: Bench) -> Outcome:
    return sync_calls(bench, 0)


@row(
    "8",
    "8 threads, answers after 20 ms: calls a second, one client of ours / one httpx.Client",
    at_least=0.95,
)
def threads_on_one_client(bench: Bench) -> Outcome:
    base_url, calls = bench.server.base_url(1, 20), bench.size.calls
    with (
        sync_client(base_url) as client,
        httpx.Client(headers=others.HEADERS) as bare,
        ThreadPoolExecutor(THREADS) as pool,
    ):

        def all_threads(call: Callable[[], object]) -> float:
            started = perf_counter()
            for done in [pool.submit(series, call, calls) for _ in range(THREADS)]:
                done.result()
            return perf_counter() - started

        def ours() -> float:
            return all_threads(lambda: client.get_group(GROUP_ID))

        def theirs() -> float:
            return all_threads(lambda: others.get_group(bare, base_url))

        ours(), theirs()
        return speeds(take_turns(ours, theirs, bench.size.rounds), THREADS * calls, "calls/s")


def against_ideal(bench: Bench, taken: list[float]) -> Outcome:
    ideal = bench.size.changes * CHANGED_AFTER / 1000 / WORKERS
    return outcome([(seconds, ideal) for seconds in taken], "s")


async def by_workers(change: Callable[[], Coroutine[Any, Any, object]], changes: int) -> float:
    waiting = iter(range(changes))

    async def worker() -> None:
        for _ in waiting:
            await change()

    started = perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(WORKERS):
            tasks.start_soon(worker)
    return perf_counter() - started


@row("9a", "1,000 role changes, 10 workers, answers after 30 ms: time / 3 s", at_most=1.10)
def changes_by_workers(bench: Bench) -> Outcome:
    with asyncio.Runner() as runner:
        client = async_client(bench.server.base_url(1, CHANGED_AFTER))

        async def change() -> None:
            await client.update_membership(GROUP_ID, MEMBERSHIP_ID, role_id=ROLE_ID)

        taken = [runner.run(by_workers(change, bench.size.changes)) for _ in range(bench.size.rounds)]
        runner.run(client.aclose())
    return against_ideal(bench, taken)


@row("9b", "for comparison: the same with httpx.AsyncClient alone")
def changes_with_httpx(bench: Bench) -> Outcome:
    base_url = bench.server.base_url(1, CHANGED_AFTER)
    with asyncio.Runner() as runner:
        bare = httpx.AsyncClient(headers=others.HEADERS)
        taken = [
            runner.run(by_workers(lambda: others.change_role(bare, base_url), bench.size.changes))
            for _ in range(bench.size.rounds)
        ]
        runner.run(bare.aclose())
    return against_ideal(bench, taken)


@row("15", "a call below the rate limit, answers at once: time with the limiter / without", at_most=1.02)
def rate_limiter(bench: Bench) -> Outcome:
    base_url, calls = bench.server.base_url(1), bench.size.calls
    roomy = RateLimit(per_second=1_000_000, per_minute=1_000_000)
    with asyncio.Runner() as runner:
        limited = AsyncGroupsClient(others.TOKEN, base_url=base_url, rate_limit=roomy)
        free = async_client(base_url)

        async def get(client: AsyncGroupsClient) -> float:
            started = perf_counter()
            for _ in range(calls // 10):
                await client.get_group(GROUP_ID)
            return (perf_counter() - started) / (calls // 10)

        runner.run(get(limited)), runner.run(get(free))
        pairs = in_short_turns(
            lambda: runner.run(get(limited)), lambda: runner.run(get(free)), bench.size.rounds, 40
        )
        runner.run(limited.aclose())
        runner.run(free.aclose())
    return outcome(pairs, "us a call", 1e6)
