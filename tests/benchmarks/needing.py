"""Row 24: the requests that the jobs send, to those that they need, with every look and guard that they promise."""

from __future__ import annotations

import sys
from contextlib import suppress

from benchmarks.measuring import Bench, Outcome, row

# Where it is missing what tests need, as in users' environments, there is no such row.
with suppress(ImportError):
    from support.needed import JOBS, spent

    @row("24", "requests sent / needed, the worst of all jobs, in groups of three sizes", at_most=1.0)
    def requests_needed(bench: Bench) -> Outcome:
        """Each figure is the worst job of one size. All jobs are printed, with what they need requests for."""
        largest = bench.size.reviewed
        worst: list[float] = []
        print("job | members | requests | needed | for", file=sys.stderr)
        for members in (36, largest // 10, largest):
            table = [*spent(members, JOBS)]
            for one in table:
                print(one, file=sys.stderr)
            worst.append(max(one.ratio for one in table))
        return Outcome(worst, f"{len(JOBS)} jobs, in groups of 36, {largest // 10:,} and {largest:,}")
