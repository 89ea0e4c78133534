"""Row 31: whole commands, by what it takes to import what they are built on."""

from __future__ import annotations

from benchmarks.measuring import Bench, Outcome, row, take_turns, times

_IMPORTS = "import click, httpx, attrs, cattrs, anyio"


def compared(bench: Bench, *arguments: str) -> Outcome:
    cli = bench.peers["cli"]
    command, imports = ("-m", "groups_sdk", *arguments), ("-c", _IMPORTS)
    cli.processor_time(*command)  # the first compiles what it imports
    pairs = take_turns(
        lambda: cli.processor_time(*command), lambda: cli.processor_time(*imports), bench.size.rounds
    )
    return times(pairs, "ms of CPU", 1e3)


@row("31a", f"CPU of groups-sdk --help / {_IMPORTS}", at_most=0.7, peer="cli")
def asking_for_help(bench: Bench) -> Outcome:
    return compared(bench, "--help")


@row("31b", "CPU of groups-sdk groups --fake / the same", at_most=1.7, peer="cli")
def listing_groups(bench: Bench) -> Outcome:
    return compared(bench, "groups", "--fake")


@row("31c", "CPU of groups-sdk members --fake / the same", at_most=2.0, peer="cli")
def listing_members(bench: Bench) -> Outcome:
    return compared(bench, "members", "--fake")


@row("31d", "CPU of groups-sdk review --fake / the same", peer="cli")
def reviewing(bench: Bench) -> Outcome:
    return compared(bench, "review", "--fake")
