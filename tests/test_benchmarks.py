"""The benchmarks still run, on sizes that say nothing about time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from benchmarks import __main__ as command
from benchmarks import bare, measuring, server
from benchmarks.environments import Environment
from benchmarks.measuring import Bench, Line, Outcome, Row, Size
from support.browser import CHROMIUM

TINY = Size(
    rounds=1,
    turns=1,
    members=500,
    calls=2,
    changes=10,
    read_pages=1,
    collected=500,
    streamed=11_000,
    reviewed=500,
    latency=1,
    limited=0.2,
    sharing=1,
    answer=2**17,
)
MODULES = {
    "cli": "click",
    "pydantic": "pydantic",
    "pysnyk": "snyk",
    "openai": "openai",
    "opentelemetry": "opentelemetry.sdk",
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Everything in this Python, with the peers that happen to be installed in it."""
    here = Environment.current()
    peers = {name: here for name, module in MODULES.items() if find_spec(module)}
    with server.running() as running:
        yield Bench(running, TINY, here, peers)
    here.close()


# What their neighbours do with another argument, slower pages or on another side; each takes processes of its own.
LEFT_OUT = {
    *["2d", "11b", "13b", "25b", "25c", "25d", "25f", "25h", "26b", "26d", "27a", "27b", "31b", "31c", "31d"],
    *(f"22{letter}" for letter in "bcdefghijklmp"),
}
ROWS = [pytest.param(row, id=row.number) for row in measuring.rows() if row.number not in LEFT_OUT]


@pytest.mark.parametrize("row", ROWS)
def test_row_is_measured(row: Row, bench: Bench) -> None:
    line = measuring.measure(row, bench)
    if row.peer in bench.peers if row.peer else CHROMIUM.exists() or not row.browser:
        assert line.outcome is not None
        assert line.outcome.figures
        assert line.outcome.absolute
    else:
        assert "not measured" in str(line)
    assert str(line).startswith(f"| {row.number} | {row.what} | {bench.ours.name}")


def test_the_server_is_measured_by_a_bare_socket(bench: Bench) -> None:
    assert bench.server.pages_per_second(3) > 0


def test_what_takes_short_turns_is_the_mean_of_each_round() -> None:
    first, second = iter([1.0, 2, 3, 4, 5, 6]), iter([10.0, 20, 30, 40, 50, 60])
    pairs = measuring.in_short_turns(lambda: next(first), lambda: next(second), rounds=2, turns=3)
    assert pairs == [(2, 20), (5, 50)]


def test_a_side_runs_in_a_process_of_its_environment(bench: Bench) -> None:
    with bench.ours.side(bare.build_clients, 1) as first, bench.ours.side(bare.build_clients, 1) as second:
        assert first() > 0
        assert second() > 0
    assert "httpx" in bench.ours.description


def test_a_side_that_fails_ends_the_measuring(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    elsewhere = Environment.of(sys.executable)
    with pytest.raises(RuntimeError, match="ended before its time"):
        with elsewhere.side(bare.list_async, bench.server.base_url(2), 500):  # of which there are 200
            pass
    elsewhere.close()
    assert "AssertionError" in capfd.readouterr().err


def test_an_environment_has_to_be_what_it_is_called(bench: Bench) -> None:
    wrong = "without-sniffio" if bench.ours.name == "with sniffio" else "with-sniffio"
    with pytest.raises(SystemExit, match=f"the environment {wrong} is one {bench.ours.name}: .*httpx"):
        command.main(["2a", "--environment", f"{wrong}={sys.executable}"])


def test_the_command_prints_the_table_and_its_environments(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["6", "2a", "--rounds", "1", "--members", "100", "--share-cores"])
    printed = capsys.readouterr().out
    assert "| 6 | async: time of openai's client runtime (models) / ours |" in printed
    assert "| not measured | needs an environment for openai |" in printed
    assert "| 2a | decode one page to models / orjson.loads of it | with" in printed
    assert f"CPython {sys.version.split()[0]}, groups-sdk " in printed


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["99"], "there is no row 99"),
        (["--environment", "trio=python"], "not NAME=PYTHON"),
        (["--environment", "openai"], "not NAME=PYTHON"),
    ],
)
def test_the_command_refuses_what_it_does_not_know(
    wrong: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        command.main(wrong)
    assert message in capsys.readouterr().err


def test_the_table_says_what_is_reached_and_what_is_missing() -> None:
    def nothing(_: Bench) -> Outcome:
        raise NotImplementedError

    fast = Row("1", "fast", 0.9, True, True, None, nothing)
    slow = Row("2", "slow", 1.5, False, False, None, nothing)
    free = Row("3", "free", None, True, False, "openai", nothing)
    seen = Row("4", "seen", 3, False, False, None, nothing, browser=True)
    lines = list(
        measuring.table(
            [
                Line(fast, "without sniffio", Outcome([0.8, 0.95, 1.0], "1 s")),
                Line(slow, "with sniffio", Outcome([1.6], "2 s")),
                Line(free, "with sniffio; openai", Outcome([3], "3 s")),
                Line(free, "with sniffio; openai", None),
                Line(seen, "with sniffio", None),
            ]
        )
    )
    assert lines[2:] == [
        "| 1 | fast | without sniffio | 0.950 | 0.800 to 1.000 | >= 0.9 | reached | 1 s |",
        "| 2 | slow | with sniffio | 1.600 | 1.600 to 1.600 | <= 1.5 | MISSED | 2 s |",
        "| 3 | free | with sniffio; openai | 3.000 | 3.000 to 3.000 |  | shown only | 3 s |",
        "| 3 | free | with sniffio; openai | - | - |  | not measured | needs an environment for openai |",
        f"| 4 | seen | with sniffio | - | - | <= 3 | not measured | needs {CHROMIUM} |",
    ]
