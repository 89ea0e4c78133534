"""Row 21: what it costs that calls are observed, by a hook or by OpenTelemetry."""

from __future__ import annotations

from benchmarks import ours
from benchmarks.environments import Environment
from benchmarks.measuring import Bench, Outcome, in_short_turns, row, times


def observed(bench: Bench, environment: Environment, how: str) -> Outcome:
    """Calls that are observed, compared with calls that are not, in an environment without OpenTelemetry."""
    base_url, calls = bench.server.base_url(1), bench.size.calls
    with (
        environment.side(ours.get_group_observed, base_url, calls, how) as seen,
        bench.ours.side(ours.get_group_observed, base_url, calls, "not") as unseen,
    ):
        return times(in_short_turns(seen, unseen, bench.size.rounds, 2 * bench.size.turns), "us a call", 1e6)


@row("21a", "a call, answers at once: time with on_call / without", at_most=1.03)
def with_a_hook(bench: Bench) -> Outcome:
    return observed(bench, bench.ours, "on_call")


@row(
    "21b",
    "the same: OpenTelemetry imported, but no tracing set up / not installed",
    at_most=1.03,
    peer="opentelemetry",
)
def without_tracing(bench: Bench) -> Outcome:
    return observed(bench, bench.peers["opentelemetry"], "imported")


@row("21c", "the same: traced, but not sampled / not installed", peer="opentelemetry")
def not_sampled(bench: Bench) -> Outcome:
    return observed(bench, bench.peers["opentelemetry"], "not sampled")


@row("21d", "the same: traced, and the span dropped at its end / not installed", peer="opentelemetry")
def recorded(bench: Bench) -> Outcome:
    return observed(bench, bench.peers["opentelemetry"], "recorded")
