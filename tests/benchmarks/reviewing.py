"""Row 17: the longest pause of an event loop while a review goes to a file, beside what it takes to decode a page.

All times are CPU time of the process, of all its threads. While the loop waits for a thread that works, that time goes
on; while the machine has something else to do, it does not.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks import ours
from benchmarks.decoding import decode
from benchmarks.measuring import Bench, Outcome, row, take_turns, times
from benchmarks.server import GROUP_ID, some_pages
from benchmarks.timing import Turn


async def longest_pause(work: Callable[[], Coroutine[Any, Any, object]]) -> float:
    """The longest time, in seconds, that another task had to wait for its turn."""
    longest = 0.0
    running = asyncio.create_task(work())
    last = process_time()
    while not running.done():
        await asyncio.sleep(0)
        now = process_time()
        longest, last = max(longest, now - last), now
    await running
    return longest


@contextmanager
def pause_of_review(base_url: str, form: str) -> Iterator[Turn]:
    """The longest pause while a review is written; "listing" lists the members and writes nothing."""
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as directory:
        client = ours.async_client(base_url)
        path = Path(directory, "review")

        async def listing() -> None:
            async for _ in client.access.review(GROUP_ID).listing().pages():
                pass

        async def review() -> None:
            await getattr(client.access.review(GROUP_ID), f"to_{form}")(path)

        def turn() -> float:
            gc.disable()  # whose pauses are those of everything that a process keeps
            try:
                return runner.run(longest_pause(listing if form == "listing" else review))
            finally:
                gc.enable()

        yield turn
        runner.run(client.aclose())


@contextmanager
def decode_a_page() -> Iterator[Turn]:
    pages = len(some_pages())
    with decode() as decode_all:

        def turn() -> float:
            started = process_time()
            decode_all()
            return (process_time() - started) / pages

        yield turn


def against_a_page(bench: Bench, form: str) -> Outcome:
    base_url = bench.server.base_url(bench.size.reviewed // 100)
    with (
        bench.ours.side(pause_of_review, base_url, form) as pause,
        bench.ours.side(decode_a_page) as decoding,
    ):
        return times(take_turns(pause, decoding, bench.size.rounds), "ms", 1e3)


_ROW = "longest pause of the event loop, review of 20,000 members to {}, / decoding one page"


@row("17a", _ROW.format("CSV"))
def review_to_csv(bench: Bench) -> Outcome:
    return against_a_page(bench, "csv")


@row("17b", _ROW.format("JSONL"))
def review_to_jsonl(bench: Bench) -> Outcome:
    return against_a_page(bench, "jsonl")


@row("17c", _ROW.format("HTML"))
def review_to_html(bench: Bench) -> Outcome:
    return against_a_page(bench, "html")


@row("17d", "for comparison: the same without a file, the members are only listed")
def review_listed(bench: Bench) -> Outcome:
    return against_a_page(bench, "listing")
