"""Row 28: four processes with one token and a limit that they share in a file."""

from __future__ import annotations

from benchmarks.limiting import keep_to_the_limit
from benchmarks.measuring import Bench, Outcome, row


@row("28a", "four processes that share a limit: used share of the permitted rate", at_least=0.95)
def used_share(bench: Bench) -> Outcome:
    return keep_to_the_limit(bench.ours, bench.size.limited, bench.size.sharing, True).used


@row("28b", "the same: requests that were answered with 429", at_most=0)
def refused(bench: Bench) -> Outcome:
    kept = keep_to_the_limit(bench.ours, bench.size.limited, bench.size.sharing, True)
    return Outcome([kept.refused], f"above the limit as sent: {kept.too_many.median:.0f}")
