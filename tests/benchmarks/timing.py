"""What one turn measures, whoever does the work: seconds."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

Turn = Callable[[], float]
Call = Callable[[], object]
AsyncCall = Callable[[], Coroutine[Any, Any, object]]


def listing(list_members: Callable[[], int], members: int) -> float:
    """The seconds of a listing, which has to see so many members."""
    started = perf_counter()
    count = list_members()
    taken = perf_counter() - started
    assert count == members
    return taken


def calls(call: Call, count: int) -> float:
    """The seconds of one call, the mean of so many in a row."""
    started = perf_counter()
    for _ in range(count):
        call()
    return (perf_counter() - started) / count


async def async_calls(call: AsyncCall, count: int) -> float:
    """The seconds of one call, the mean of so many in a row."""
    started = perf_counter()
    for _ in range(count):
        await call()
    return (perf_counter() - started) / count


def building(build: Call, count: int) -> float:
    """The seconds of building one, the mean of so many; what their end takes does not count."""
    started = perf_counter()
    built = [build() for _ in range(count)]
    taken = perf_counter() - started
    return taken / len(built)


def calls_on_threads(pool: ThreadPoolExecutor, threads: int, call: Call, count: int) -> float:
    """The seconds that all threads take for so many calls each."""
    started = perf_counter()
    for done in [pool.submit(calls, call, count) for _ in range(threads)]:
        done.result()
    return perf_counter() - started


async def calls_by_workers(workers: int, call: AsyncCall, count: int) -> float:
    """The seconds that so many tasks take for `count` calls between them."""
    import anyio

    waiting = iter(range(count))

    async def worker() -> None:
        for _ in waiting:
            await call()

    started = perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(workers):
            tasks.start_soon(worker)
    return perf_counter() - started
