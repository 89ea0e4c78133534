"""Rows 7 to 9, 15 and 16: single calls, one after the other and many at once."""

from __future__ import annotations

from benchmarks import bare, ours
from benchmarks.environments import Side
from benchmarks.measuring import Bench, Outcome, in_short_turns, medians, row, speeds, take_turns, times

THREADS = 8
WORKERS = 10
CHANGED_AFTER = 30  # milliseconds


def sync_calls(bench: Bench, delay: int, rounds: int) -> Outcome:
    base_url, calls = bench.server.base_url(1, delay), bench.size.calls
    with (
        bench.ours.side(ours.get_group_sync, base_url, calls) as client,
        bench.ours.side(bare.get_group_sync, base_url, calls) as httpx_client,
    ):
        return times(take_turns(client, httpx_client, rounds), "ms a call", 1e3)


@row(
    "7a",
    "sync get_group, answers after 5 ms: time / httpx.Client and orjson",
    at_most=1.10,
    without_sniffio=True,
)
def calls_of_5_ms(bench: Bench) -> Outcome:
    return sync_calls(bench, 5, bench.size.rounds * bench.size.few_turns)


@row(
    "7b",
    "sync get_group, answers after 20 ms: time / httpx.Client and orjson",
    at_most=1.06,
    without_sniffio=True,
)
def calls_of_20_ms(bench: Bench) -> Outcome:
    return sync_calls(bench, 20, bench.size.rounds * bench.size.few_turns)


@row("7c", "sync get_group, answers at once: time / httpx.Client and orjson", without_sniffio=True)
def calls_without_delay(bench: Bench) -> Outcome:
    return sync_calls(bench, 0, bench.size.rounds * bench.size.turns)


@row(
    "8",
    "8 threads, answers after 20 ms: calls a second, one client of ours / one httpx.Client",
    at_least=0.90,
    without_sniffio=True,
)
def threads_on_one_client(bench: Bench) -> Outcome:
    base_url, calls = bench.server.base_url(1, 20), bench.size.calls * 2
    with (
        bench.ours.side(ours.get_group_on_threads, base_url, THREADS, calls) as client,
        bench.ours.side(bare.get_group_on_threads, base_url, THREADS, calls) as httpx_client,
    ):
        pairs = take_turns(client, httpx_client, bench.size.rounds)
    return speeds(pairs, THREADS * calls, "calls/s")


def role_changes(bench: Bench, side: Side) -> Outcome:
    base_url, changes = bench.server.base_url(1, CHANGED_AFTER), bench.size.changes
    ideal = changes * CHANGED_AFTER / 1000 / WORKERS
    with bench.ours.side(side, base_url, WORKERS, changes) as turn:
        return times([(turn(), ideal) for _ in range(bench.size.rounds)], "s")


@row("9a", "300 role changes, 10 workers, answers after 30 ms: time / 0.9 s", at_most=1.10)
def changes_by_workers(bench: Bench) -> Outcome:
    return role_changes(bench, ours.change_roles)


@row("9b", "for comparison: the same with httpx.AsyncClient alone")
def changes_with_httpx(bench: Bench) -> Outcome:
    return role_changes(bench, bare.change_roles)


@row("15", "a call below the rate limit, answers at once: time with the limiter / without", at_most=1.02)
def rate_limiter(bench: Bench) -> Outcome:
    base_url, calls = bench.server.base_url(1), bench.size.calls
    with (
        bench.ours.side(ours.get_group_async, base_url, calls, True) as limited,
        bench.ours.side(ours.get_group_async, base_url, calls, False) as free,
    ):
        return times(in_short_turns(limited, free, bench.size.rounds, 2 * bench.size.turns), "us a call", 1e6)


@row("16", "us that get_group takes longer from synchronous code, with an API in memory")
def crossing(bench: Bench) -> Outcome:
    with (
        bench.ours.side(ours.get_group_in_memory_sync, bench.size.calls) as synchronous,
        bench.ours.side(ours.get_group_in_memory_async, bench.size.calls) as asynchronous,
    ):
        pairs = in_short_turns(synchronous, asynchronous, bench.size.rounds, 2 * bench.size.turns)
    a, b = medians(pairs)
    return Outcome([(a - b) * 1e6 for a, b in pairs], f"{a * 1e6:,.0f} / {b * 1e6:,.0f} us a call")
