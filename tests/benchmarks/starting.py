"""Rows 13 and 14: what comes before the first request."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import httpx

from benchmarks import others
from benchmarks.listing import async_client
from benchmarks.measuring import Bench, Outcome, outcome, row, take_turns
from benchmarks.processes import figure

BASE_URL = "https://api.snyk.io/rest"
DEPENDENCIES = ("httpx", "cattrs", "anyio")


def importing(bench: Bench, *modules: str) -> Outcome:
    pairs = take_turns(
        lambda: figure("importing", *modules),
        lambda: figure("importing", *DEPENDENCIES),
        bench.size.rounds,
    )
    return outcome(pairs, "ms", 1e3)


@row("13a", "import groups_sdk / import httpx, cattrs, anyio, in a new process", at_most=1.15)
def importing_the_package(bench: Bench) -> Outcome:
    return importing(bench, "groups_sdk")


@row("13b", "import all that a client needs / import httpx, cattrs, anyio")
def importing_the_client(bench: Bench) -> Outcome:
    return importing(bench, "groups_sdk._sync.client")


@row("14", "building a second client / an httpx.AsyncClient", at_most=0.05)
def second_client(bench: Bench) -> Outcome:
    count = max(bench.size.calls // 20, 1)

    def building(build: Callable[[], object]) -> float:
        started = perf_counter()
        built = [build() for _ in range(count)]
        taken = perf_counter() - started
        return taken / len(built)

    async_client(BASE_URL)
    pairs = take_turns(
        lambda: building(lambda: async_client(BASE_URL)),
        lambda: building(lambda: httpx.AsyncClient(headers=others.HEADERS)),
        bench.size.rounds,
    )
    return outcome(pairs, "us", 1e6)
