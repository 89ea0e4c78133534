"""Rows 25 and 26: listings of a service that answers as late as a real one, and what reading ahead gains there."""

from __future__ import annotations

from benchmarks import bare, ours, peers
from benchmarks.environments import Side
from benchmarks.measuring import Bench, Outcome, in_short_turns, row, speeds, times


def against_the_pages(bench: Bench, side: Side, delay: int) -> Outcome:
    """A listing's time to that of its pages alone, one after the other."""
    pages = _pages(bench, delay)
    ideal = pages * delay / 1000
    with bench.ours.side(side, bench.server.base_url(pages, delay), pages * 100) as turn:
        return times([(turn(), ideal) for _ in range(bench.size.rounds)], "s")


def against_models(bench: Bench, side: Side, delay: int) -> Outcome:
    pages = _pages(bench, delay)
    base_url, members = bench.server.base_url(pages, delay), pages * 100
    with (
        bench.ours.side(side, base_url, members) as synchronous,
        bench.peers["pydantic"].side(peers.list_with_pydantic, base_url, members) as models,
    ):
        pairs = in_short_turns(synchronous, models, bench.size.rounds, bench.size.few_turns)
    return speeds(pairs, members, "members/s")


def reading_ahead_against_dicts(bench: Bench, delay: int) -> Outcome:
    pages = _pages(bench, delay)
    base_url, members = bench.server.base_url(pages, delay), pages * 100
    with (
        bench.ours.side(ours.list_ahead_sync, base_url, members) as ahead,
        bench.ours.side(bare.list_sync, base_url, members) as dicts,
    ):
        pairs = in_short_turns(ahead, dicts, bench.size.rounds, bench.size.few_turns)
    return speeds(pairs, members, "members/s")


def _pages(bench: Bench, delay: int) -> int:
    """How many pages to list: fewer where each takes long, for a turn of a second or so."""
    return max(bench.size.pages // 5, 1) if delay >= 100 else bench.size.pages


@row("25a", "async: a listing's time / that of its pages, each after 20 ms", at_most=1.10)
def listing_of_20_ms(bench: Bench) -> Outcome:
    return against_the_pages(bench, ours.list_async, 20)


@row("25b", "the same, pages after 100 ms", at_most=1.02)
def listing_of_100_ms(bench: Bench) -> Outcome:
    return against_the_pages(bench, ours.list_async, 100)


@row("25c", "sync: 25a", at_most=1.10)
def sync_listing_of_20_ms(bench: Bench) -> Outcome:
    return against_the_pages(bench, ours.list_sync, 20)


@row("25d", "sync: 25b", at_most=1.02)
def sync_listing_of_100_ms(bench: Bench) -> Outcome:
    return against_the_pages(bench, ours.list_sync, 100)


@row(
    "25e",
    "sync: members a second, ours / httpx.Client, orjson and pydantic, pages after 20 ms",
    at_least=0.95,
    peer="pydantic",
)
def sync_against_models_of_20_ms(bench: Bench) -> Outcome:
    return against_models(bench, ours.list_sync, 20)


@row("25f", "the same, pages after 100 ms", at_least=0.99, peer="pydantic")
def sync_against_models_of_100_ms(bench: Bench) -> Outcome:
    return against_models(bench, ours.list_sync, 100)


@row("25g", "for comparison, httpx.AsyncClient, orjson and dicts: 25a")
def dicts_of_20_ms(bench: Bench) -> Outcome:
    return against_the_pages(bench, bare.list_async, 20)


@row("25h", "for comparison, httpx.AsyncClient, orjson and dicts: 25b")
def dicts_of_100_ms(bench: Bench) -> Outcome:
    return against_the_pages(bench, bare.list_async, 100)


@row(
    "26a",
    "sync, read ahead: members a second, ours / httpx.Client, orjson and pydantic, pages after 5 ms",
    at_least=1.0,
    peer="pydantic",
)
def ahead_against_models_of_5_ms(bench: Bench) -> Outcome:
    return against_models(bench, ours.list_ahead_sync, 5)


@row("26b", "the same, pages after 20 ms", at_least=1.0, peer="pydantic")
def ahead_against_models_of_20_ms(bench: Bench) -> Outcome:
    return against_models(bench, ours.list_ahead_sync, 20)


@row(
    "26c",
    "sync, read ahead: members a second, ours / httpx.Client, orjson and dicts, pages after 5 ms",
    at_least=0.97,
)
def ahead_against_dicts_of_5_ms(bench: Bench) -> Outcome:
    return reading_ahead_against_dicts(bench, 5)


@row("26d", "the same, pages after 20 ms", at_least=0.97)
def ahead_against_dicts_of_20_ms(bench: Bench) -> Outcome:
    return reading_ahead_against_dicts(bench, 20)
