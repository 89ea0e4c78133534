"""Rows 11 and 12: memory, of a stream and of a list, each in a process of its own."""

from __future__ import annotations

from benchmarks.measuring import Bench, Outcome, row, take_turns, times

MIB = 2**20


def growth(bench: Bench, kind: str) -> Outcome:
    base_url = bench.server.base_url(bench.size.streamed // 100)
    grown = bench.ours.figure("growth_streaming", kind, base_url) / MIB
    return Outcome([grown], f"{grown:.2f} MiB at the most")


@row("11a", "async: MiB that streaming 1,000,000 memberships adds after the first 10,000", at_most=4)
def growth_of_a_stream(bench: Bench) -> Outcome:
    return growth(bench, "async")


@row("11b", "sync: MiB that streaming 1,000,000 memberships adds after the first 10,000", at_most=4)
def growth_of_a_sync_stream(bench: Bench) -> Outcome:
    return growth(bench, "sync")


@row("12", "memory of collected memberships / as orjson's dicts", at_most=0.5)
def models_against_dicts(bench: Bench) -> Outcome:
    pairs = take_turns(
        lambda: bench.ours.figure("size_of", "models", bench.size.collected // 100),
        lambda: bench.ours.figure("size_of", "dicts", bench.size.collected // 100),
        min(bench.size.rounds, 3),
    )
    return times(pairs, "MiB", 1 / MIB)
