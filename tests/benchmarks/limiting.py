"""Row 27: how much of the permitted rate one client uses with many requests waiting, and whether it keeps to it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.counting import above, counting, permitted
from benchmarks.environments import Environment
from benchmarks.measuring import Bench, Outcome, row

WAITING = 1_000


@dataclass(frozen=True)
class Kept:
    """What came of sending for so many seconds: when each request was sent, and what the server counted."""

    seconds: float
    sent: Sequence[float]
    received: Sequence[float]
    refused: int

    @property
    def used(self) -> Outcome:
        most = permitted(self.seconds)
        return Outcome([len(self.sent) / most], f"{len(self.sent):,} of {most:,} in {self.seconds:g} s")

    @property
    def too_many(self) -> Outcome:
        return Outcome(
            [above(self.sent)], f"as received: {above(self.received)} above, {self.refused} times 429"
        )


@cache
def keep_to_the_limit(
    environment: Environment, seconds: float, processes: int = 1, shared: bool = False
) -> Kept:
    """Send as much as the limit permits, from so many processes, each with a thousand requests waiting."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(processes) as threads:
        with counting() as server:
            reports = [Path(directory, f"report-{number}") for number in range(processes)]
            place = Path(directory, "limit") if shared else ""
            runs = [
                threads.submit(environment.figure, "limited", server.base_url, seconds, place, report)
                for report in reports
            ]
            for run in runs:
                run.result()
        sent = [moment for report in reports for moment in json.loads(report.read_text())]
    begun = min(sent)
    in_time = [moment for moment in sent if moment < begun + seconds]
    return Kept(seconds, in_time, server.received, server.refused)


@row("27a", "1,000 requests waiting, ten at a time: used share of the permitted rate", at_least=0.98)
def used_share(bench: Bench) -> Outcome:
    return keep_to_the_limit(bench.ours, bench.size.limited).used


@row("27b", "the same: requests above the limit in the fullest window, as sent", at_most=0)
def sent_above(bench: Bench) -> Outcome:
    return keep_to_the_limit(bench.ours, bench.size.limited).too_many
