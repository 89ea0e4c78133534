"""Measure the rows that are asked for, or all of them, and print the table."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from benchmarks import measuring, server

PACKAGES = ("httpx", "anyio", "attrs", "cattrs", "orjson", "pydantic", "pysnyk", "openai")


def machine() -> str:
    """One line on what the figures were taken with."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    load = ", ".join(f"{figure:.1f}" for figure in os.getloadavg())
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {load}; {', '.join(versions)}"
    )


def main() -> None:
    rows = {entry.number: entry for entry in measuring.rows()}
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"of {', '.join(rows)}; 7 stands for 7a and 7b"
    )
    parser.add_argument(
        "--rounds", type=int, default=measuring.Size.rounds, help="rounds that each row takes"
    )
    parser.add_argument(
        "--members", type=int, default=measuring.Size.members, help="in the listings that are compared"
    )
    parser.add_argument(
        "--share-cores",
        action="store_true",
        help="with the server; it has one for itself otherwise, where there are two",
    )
    arguments = parser.parse_args()
    size = measuring.Size(rounds=arguments.rounds, members=arguments.members)
    for wanted in arguments.rows:
        if not any(wanted in (number, number.rstrip("abc")) for number in rows):
            parser.error(f"there is no row {wanted}")
    chosen = [
        entry
        for number, entry in rows.items()
        if not arguments.rows or {number, number.rstrip("abc")} & set(arguments.rows)
    ]
    lines: list[tuple[measuring.Row, measuring.Outcome | None]] = []
    print(machine(), file=sys.stderr)
    apart = (
        not arguments.share_cores and hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1
    )
    with server.running(core_of_its_own=apart) as running:
        bench = measuring.Bench(running, size)
        for entry in chosen:
            lines.append((entry, measuring.measured(entry, bench)))
            print([*measuring.table(lines[-1:])][-1], file=sys.stderr, flush=True)
        alone = running.pages_per_second(size.pages)
    for line in measuring.table(lines):
        print(line)
    print(
        f"\nMedians of {size.rounds} rounds in which both sides took turns, {size.members:,} members."
        f" {'The server had a core of its own.' if apart else 'The server shared all cores.'} {machine()}."
    )
    print(f"The server alone, read by a bare socket: {alone:,.0f} pages/s ({alone * 100:,.0f} members/s).")


if __name__ == "__main__":
    main()
