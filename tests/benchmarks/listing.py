"""Rows 1 and 3 to 6: listings, from the first request to the last member."""

from __future__ import annotations

from benchmarks import bare, ours, peers
from benchmarks.measuring import Bench, Outcome, in_short_turns, medians, row, speeds, take_turns, times


def sync_against_async(bench: Bench, pages: int, delay: int, turns: int) -> Outcome:
    base_url, members = bench.server.base_url(pages, delay), pages * 100
    with (
        bench.ours.side(ours.list_sync, base_url, members) as synchronous,
        bench.ours.side(ours.list_async, base_url, members) as asynchronous,
    ):
        pairs = in_short_turns(synchronous, asynchronous, bench.size.rounds, turns)
    outcome = speeds(pairs, members, "members/s")
    longer, shorter = medians(pairs)
    more = (longer - shorter) / pages * 1e6
    return Outcome(outcome.figures, f"{outcome.absolute}, {more:+,.0f} us a page")


@row(
    "1",
    "async: members a second, ours / httpx.AsyncClient, orjson and dicts",
    at_least=0.70,
    without_sniffio=True,
)
def async_against_dicts(bench: Bench) -> Outcome:
    base_url, members = bench.server.base_url(bench.size.pages), bench.size.members
    with (
        bench.ours.side(ours.list_async, base_url, members) as asynchronous,
        bench.ours.side(bare.list_async, base_url, members) as dicts,
    ):
        pairs = in_short_turns(asynchronous, dicts, bench.size.rounds, bench.size.turns)
    return speeds(pairs, members, "members/s")


@row("3a", "members a second, sync / async, pages at once", at_least=0.80, without_sniffio=True)
def sync_listing_at_once(bench: Bench) -> Outcome:
    return sync_against_async(bench, bench.size.pages, 0, bench.size.turns)


@row("3b", "members a second, sync / async, pages after 20 ms", at_least=0.98, without_sniffio=True)
def sync_listing_of_20_ms(bench: Bench) -> Outcome:
    return sync_against_async(bench, max(bench.size.pages // 5, 1), 20, bench.size.few_turns)


@row(
    "4",
    "sync: members a second, ours / httpx.Client, orjson and pydantic",
    at_least=1.6,
    peer="pydantic",
)
def sync_against_pydantic(bench: Bench) -> Outcome:
    base_url, members = bench.server.base_url(bench.size.pages), bench.size.members
    with (
        bench.ours.side(ours.list_sync, base_url, members) as synchronous,
        bench.peers["pydantic"].side(peers.list_with_pydantic, base_url, members) as models,
    ):
        pairs = in_short_turns(synchronous, models, bench.size.rounds, bench.size.few_turns)
    return speeds(pairs, members, "members/s")


@row("5", "sync: time of pysnyk's get_rest_pages (dicts) / ours", at_least=2.0, peer="pysnyk")
def pysnyk_against_sync(bench: Bench) -> Outcome:
    base_url, members = bench.server.base_url(bench.size.pages), bench.size.members
    with (
        bench.peers["pysnyk"].side(peers.list_with_pysnyk, base_url, members) as dicts,
        bench.ours.side(ours.list_sync, base_url, members) as synchronous,
    ):
        pairs = in_short_turns(dicts, synchronous, bench.size.rounds, bench.size.few_turns)
    return times(pairs, "s")


@row("6", "async: time of openai's client runtime (models) / ours", at_least=15.0, peer="openai")
def openai_against_async(bench: Bench) -> Outcome:
    pages = max(bench.size.pages // 5, 1)  # it takes a second for these
    base_url, members = bench.server.base_url(pages), pages * 100
    with (
        bench.peers["openai"].side(peers.list_with_openai, base_url, members) as models,
        bench.ours.side(ours.list_async, base_url, members) as asynchronous,
    ):
        pairs = take_turns(models, asynchronous, bench.size.rounds)
    return times(pairs, "s")
