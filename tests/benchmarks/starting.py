"""Rows 13 and 14: what comes before the first request."""

from __future__ import annotations

from benchmarks import bare, ours
from benchmarks.measuring import Bench, Outcome, row, take_turns, times

BASE_URL = "https://api.snyk.io/rest"
DEPENDENCIES = ("httpx", "cattrs", "anyio")


def importing(bench: Bench, *modules: str) -> Outcome:
    pairs = take_turns(
        lambda: bench.ours.figure("importing", *modules),
        lambda: bench.ours.figure("importing", *DEPENDENCIES),
        bench.size.rounds,
    )
    return times(pairs, "ms", 1e3)


@row("13a", "import groups_sdk / import httpx, cattrs, anyio, in a new process", at_most=1.15)
def importing_the_package(bench: Bench) -> Outcome:
    return importing(bench, "groups_sdk")


@row("13b", "import all that a client needs / import httpx, cattrs, anyio")
def importing_the_client(bench: Bench) -> Outcome:
    return importing(bench, "groups_sdk._sync.client")


@row("14", "building a second client / an httpx.AsyncClient", at_most=0.05)
def second_client(bench: Bench) -> Outcome:
    with (
        bench.ours.side(ours.build_clients, BASE_URL, bench.size.calls) as clients,
        bench.ours.side(bare.build_clients, bench.size.calls) as httpx_clients,
    ):
        return times(take_turns(clients, httpx_clients, bench.size.rounds), "us", 1e6)
