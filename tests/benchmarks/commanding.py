"""Row 20: the processor time of whole commands, from the start of Python to its end."""

from __future__ import annotations

from benchmarks.measuring import Bench, Outcome, row


def commanding(bench: Bench, *arguments: str) -> Outcome:
    cli = bench.peers["cli"]
    cli.figure("commanding", *arguments)  # the first compiles what it imports
    figures = [cli.figure("commanding", *arguments) for _ in range(bench.size.rounds)]
    return Outcome(figures, f"groups-sdk {' '.join(arguments)}")


@row("20a", "CPU seconds of groups-sdk --help", at_most=0.15, peer="cli")
def asking_for_help(bench: Bench) -> Outcome:
    return commanding(bench, "--help")


@row("20b", "CPU seconds of groups-sdk groups --fake", at_most=0.40, peer="cli")
def listing_groups(bench: Bench) -> Outcome:
    return commanding(bench, "groups", "--fake")
