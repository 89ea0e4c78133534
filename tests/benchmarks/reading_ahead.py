"""Row 10: a consumer that works on each page for as long as the server takes to send one."""

from __future__ import annotations

from benchmarks import bare, ours
from benchmarks.environments import Side
from benchmarks.measuring import Bench, Outcome, row, times

DELAY = 30  # milliseconds, of the server and of the consumer


def against_ideal(bench: Bench, pages: int, side: Side, argument: object) -> Outcome:
    """A listing's time to that of the pages alone, one after the other."""
    ideal = pages * DELAY / 1000
    with bench.ours.side(side, bench.server.base_url(pages, DELAY), argument) as turn:
        return times([(turn(), ideal) for _ in range(bench.size.rounds)], "s")


@row(
    "10a",
    "async: 50 pages after 30 ms each, 30 ms of work on each, read ahead: time / 50 x 30 ms",
    at_most=1.10,
)
def reading_ahead(bench: Bench) -> Outcome:
    return against_ideal(bench, bench.size.read_pages, ours.read_ahead_async, DELAY / 1000)


@row("10b", "sync: the same", at_most=1.10)
def reading_ahead_synchronously(bench: Bench) -> Outcome:
    return against_ideal(bench, bench.size.read_pages, ours.read_ahead_sync, DELAY / 1000)


@row("10c", "for comparison: httpx.AsyncClient and orjson, and no work on the pages: time / 50 x 30 ms")
def bare_chain(bench: Bench) -> Outcome:
    pages = bench.size.read_pages
    return against_ideal(bench, pages, bare.list_async, pages * 100)


@row("10d", "for comparison: 10a with 200 pages, of which the work on the last one is a smaller part")
def reading_further_ahead(bench: Bench) -> Outcome:
    return against_ideal(bench, 4 * bench.size.read_pages, ours.read_ahead_async, DELAY / 1000)
