"""Measure the rows that are asked for, or all of them, and print the table.

Without `--environment` everything is measured in this Python, but for the rows that compare with other packages: they
are not measured. `nox -s bench` makes all environments and names them here.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from string import ascii_lowercase
from time import monotonic

from benchmarks import measuring, server
from benchmarks.environments import Environment
from benchmarks.measuring import PEERS, Bench, Line, Row, Size

OURS = ("without-sniffio", "with-sniffio")


def main(arguments: Sequence[str] | None = None) -> None:
    rows = measuring.rows()
    options = parsed(rows, arguments)
    chosen = [row for row in rows if not options.rows or options.rows & names(row)]
    size = Size(rounds=options.rounds, members=options.members, limited=options.limited)
    given = {name: Environment.of(python) for name, python in options.environments}
    ours = [given[name] for name in OURS if name in given] or [Environment.current()]
    peers = {name: given[name] for name in PEERS if name in given}
    apart = not options.share_cores and hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1
    with ExitStack() as stack:
        for environment in (*ours, *peers.values()):
            stack.callback(environment.close)
        check(given)
        running = stack.enter_context(server.running(core_of_its_own=apart))
        lines = []
        for row in chosen:
            for environment in ours if row.without_sniffio else ours[-1:]:
                started = monotonic()
                lines.append(measuring.measure(row, Bench(running, size, environment, peers)))
                print(lines[-1], f"{monotonic() - started:.0f} s", file=sys.stderr, flush=True)
                for used in (environment, *peers.values()):
                    used.close()  # each row begins in a new process
        alone = running.pages_per_second(size.pages * 10)
        for text in report(lines, size, apart, alone, ours, peers):
            print(text)


def names(row: Row) -> set[str]:
    """What a row can be asked for by: 7a is one of those that 7 stands for."""
    return {row.number, row.number.rstrip(ascii_lowercase)}


def parsed(rows: Sequence[Row], arguments: Sequence[str] | None) -> argparse.Namespace:
    known = set[str]().union(*map(names, rows))

    def number(text: str) -> str:
        if text not in known:
            raise argparse.ArgumentTypeError(f"there is no row {text}")
        return text

    def environment(text: str) -> tuple[str, str]:
        name, _, python = text.partition("=")
        if name not in (*OURS, *PEERS) or not python:
            raise argparse.ArgumentTypeError(f"not NAME=PYTHON with a NAME of {', '.join((*OURS, *PEERS))}")
        return name, python

    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    every = ", ".join(row.number for row in rows)
    parser.add_argument(
        "rows", nargs="*", type=number, metavar="ROW", help=f"of {every}; 7 stands for 7a to 7c"
    )
    parser.add_argument(
        "--environment",
        action="append",
        type=environment,
        default=[],
        dest="environments",
        metavar="NAME=PYTHON",
        help=f"an interpreter that has what is measured installed; a NAME of {', '.join((*OURS, *PEERS))}",
    )
    parser.add_argument("--rounds", type=int, default=Size.rounds, help="rounds that each row takes")
    parser.add_argument("--members", type=int, default=Size.members, help="in each turn of a listing")
    parser.add_argument(
        "--limited", type=float, default=Size.limited, help="seconds that a rate limit is kept to"
    )
    parser.add_argument(
        "--share-cores",
        action="store_true",
        help="with the server; it has one for itself otherwise, where there are two",
    )
    options = parser.parse_args(arguments)
    options.rows = set(options.rows)
    return options


def check(given: Mapping[str, Environment]) -> None:
    """Stop where an environment is not what it is called: many packages bring sniffio."""
    for name in OURS:
        if name in given and given[name].name != name.replace("-", " "):
            raise SystemExit(f"the environment {name} is one {given[name].name}: {given[name].description}")


def report(
    lines: Sequence[Line],
    size: Size,
    apart: bool,
    alone: float,
    ours: Sequence[Environment],
    peers: Mapping[str, Environment],
) -> Iterable[str]:
    yield from measuring.table(lines)
    yield ""
    yield (
        f"Medians of the rounds ({size.rounds} in most rows), in which both sides took turns."
        f" {'The server had a core of its own' if apart else 'The server shared all cores'}, of {os.cpu_count()};"
        f" load {', '.join(f'{figure:.1f}' for figure in os.getloadavg())}."
    )
    yield f"The server alone, read by a bare socket: {alone:,.0f} pages/s ({alone * 100:,.0f} members/s)."
    yield "Environments:"
    for environment in ours:
        yield f"- {environment.name}: {environment.description}"
    for name, environment in peers.items():
        yield f"- {name}: {environment.description}"


if __name__ == "__main__":
    main()
