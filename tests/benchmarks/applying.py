"""Rows 17e and 18: what an apply with a journal holds up, and how fast outcomes come while they are looked at."""

from __future__ import annotations

import asyncio
import gc
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter

from benchmarks import ours
from benchmarks.measuring import Bench, Outcome, row, take_turns, times
from benchmarks.reviewing import decode_a_page, longest_pause
from benchmarks.server import GROUP_ID, ROLE_ID
from benchmarks.timing import Turn
from groups_sdk.access._batches import AsyncBatches

_CHANGES = 200


@contextmanager
def pause_of_apply(base_url: str) -> Iterator[Turn]:
    """The longest pause while a plan of 200 role changes is applied, each noted in a journal before and after."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as directory:
        client = ours.async_client(base_url)

        async def some_members() -> list[str]:
            members = await client.list_memberships(GROUP_ID).collect(max_items=2 * _CHANGES)
            return [m.id for m in members if m.role.id != ROLE_ID][:_CHANGES]

        desired = dict.fromkeys(runner.run(some_members()), ROLE_ID)
        plan = runner.run(client.access.plan(GROUP_ID, desired))
        runs = iter(range(1_000_000))

        async def apply() -> None:
            journal = Path(directory, f"journal-{next(runs)}")
            outcomes = await client.access.apply(plan, journal=journal).collect()
            assert all(outcome.status == "applied" for outcome in outcomes)

        def turn() -> float:
            gc.disable()  # whose pauses are those of everything that a process keeps
            try:
                return runner.run(longest_pause(apply))
            finally:
                gc.enable()

        yield turn
        runner.run(client.aclose())


@row("17e", "longest pause of the event loop, apply of 200 changes with a journal, / decoding one page")
def apply_with_a_journal(bench: Bench) -> Outcome:
    base_url = bench.server.base_url(20)
    with bench.ours.side(pause_of_apply, base_url) as pause, bench.ours.side(decode_a_page) as decoding:
        return times(take_turns(pause, decoding, bench.size.rounds), "ms", 1e3)


class Waiting:
    """Work that waits, for 5 to 50 ms an item."""

    def __init__(self, count: int) -> None:
        dice = random.Random(1)
        self._delays = [dice.uniform(0.005, 0.05) for _ in range(count)]

    async def prepare(self) -> tuple[list[float], list[list[float]]]:
        return [], [self._delays]

    def session(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    async def check(self, stage: Sequence[float], *, paused: float, new_stage: bool) -> None:
        pass

    async def before(self, items: Sequence[float]) -> None:
        pass

    async def perform(self, item: float) -> float:
        await asyncio.sleep(item)
        return item

    def interrupted(self, item: float, error: Exception) -> float:
        return item

    def not_started(self, item: float, error: Exception) -> float:
        return item

    async def after(self, outcome: float) -> None:
        pass

    def fatal_error(self, outcome: float) -> Exception | None:
        return None


@contextmanager
def work(how: str, count: int) -> Iterator[Turn]:
    async def run() -> None:
        batches = AsyncBatches(Waiting(count))
        if how == "finish":
            await batches.finish()
        elif how == "block":
            async with batches:
                async for _ in batches:
                    pass
        else:
            async for _ in batches:
                pass
        assert len(batches.outcomes) == count

    def turn() -> float:
        started = perf_counter()
        asyncio.run(run())
        return perf_counter() - started

    yield turn


def against_collect(bench: Bench, how: str) -> Outcome:
    count = bench.size.changes
    with bench.ours.side(work, how, count) as ours_, bench.ours.side(work, "finish", count) as collected:
        return times(take_turns(ours_, collected, bench.size.rounds), "ms", 1e3)


@row("18a", "300 changes of 5 to 50 ms, iterated inside `async with` / collect()", at_most=1.15)
def iterated_in_a_block(bench: Bench) -> Outcome:
    return against_collect(bench, "block")


@row("18b", "for comparison: iterated in batches, without the block")
def iterated_in_batches(bench: Bench) -> Outcome:
    return against_collect(bench, "batches")
