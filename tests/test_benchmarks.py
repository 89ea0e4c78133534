"""The benchmarks still run, on sizes that say nothing about time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks import measuring, server
from benchmarks.measuring import Bench, Outcome, Row, Size


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with server.running() as running:
        yield Bench(running, Size(rounds=1, members=500, streamed=11_000, calls=20, changes=10, read_pages=1))


# What 11a and 13a do, with another argument; each takes a process of its own.
LEFT_OUT = {"11b", "13b"}
ROWS = [pytest.param(row, id=row.number) for row in measuring.rows() if row.number not in LEFT_OUT]


@pytest.mark.parametrize("row", ROWS)
def test_row_is_measured(row: Row, bench: Bench) -> None:
    outcome = measuring.measured(row, bench)
    if outcome is not None:  # else a package is missing that only the benchmarks install
        assert outcome.ratios
        assert outcome.absolute


def test_the_server_is_measured_by_a_bare_socket(bench: Bench) -> None:
    assert bench.server.pages_per_second(3) > 0


def test_what_takes_short_turns_is_the_mean_of_each_round() -> None:
    first, second = iter([1.0, 2, 3, 4, 5, 6]), iter([10.0, 20, 30, 40, 50, 60])
    pairs = measuring.in_short_turns(lambda: next(first), lambda: next(second), rounds=2, turns=3)
    assert pairs == [(2, 20), (5, 50)]


def test_the_table_says_what_is_reached_and_what_is_missing() -> None:
    def nothing(_: Bench) -> Outcome:
        raise ModuleNotFoundError(name="openai")

    fast = Row("1", "fast", 0.9, True, nothing)
    slow = Row("2", "slow", 1.5, False, nothing)
    free = Row("3", "free", None, True, nothing)
    missing = measuring.measured(fast, None)  # type: ignore[arg-type]
    lines = list(
        measuring.table(
            [
                (fast, Outcome([0.8, 0.95, 1.0], "1 s")),
                (slow, Outcome([1.6], "2 s")),
                (free, Outcome([3], "3 s")),
                (fast, missing),
            ]
        )
    )
    assert lines[2:] == [
        "| 1 | fast | 0.950 | 0.800 to 1.000 | >= 0.9 | reached | 1 s |",
        "| 2 | slow | 1.600 | 1.600 to 1.600 | <= 1.5 | MISSED | 2 s |",
        "| 3 | free | 3.000 | 3.000 to 3.000 |  | shown only | 3 s |",
        "| 1 | fast | - | - | >= 0.9 | not measured | a package is missing |",
    ]
