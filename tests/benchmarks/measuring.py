"""Rows, the rounds in which two sides take turns, and the table of what comes of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from support.browser import CHROMIUM

from benchmarks.environments import Environment
from benchmarks.server import Server
from benchmarks.timing import Turn

PEERS = ("pydantic", "pysnyk", "openai", "cli", "opentelemetry")  # the last two are ours, with more beside it


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rounds: int = 7
    turns: int = 6  # that each side has in a round, where they are short
    members: int = 5_000  # in one turn of a listing
    calls: int = 20  # in one turn
    changes: int = 300
    read_pages: int = 50
    collected: int = 100_000
    streamed: int = 1_000_000
    reviewed: int = 20_000
    latency: int = (
        50  # milliseconds of each answer, where jobs are compared with their bound and with scripts
    )
    limited: float = 12.0  # seconds that a rate limit is kept to
    sharing: int = 4  # processes that share one
    answer: int = 8 * 2**20  # bytes of the largest answer: `max_response_bytes` of a client

    @property
    def pages(self) -> int:
        return self.members // 100

    @property
    def few_turns(self) -> int:
        return max(self.turns // 2, 1)


@dataclass(frozen=True)
class Bench:
    """What a row is given: `ours` is the environment of ours that it is measured in this time."""

    server: Server
    size: Size
    ours: Environment
    peers: Mapping[str, Environment]


@dataclass(frozen=True)
class Outcome:
    """One figure for each round, mostly a ratio, and the absolute figures to be shown beside them."""

    figures: Sequence[float]
    absolute: str

    @property
    def median(self) -> float:
        return statistics.median(self.figures)


@dataclass(frozen=True)
class Row:
    """One row of the table: the figure must be at least, or at most, `target`, where it has one.

    It is measured in the environment with sniffio; `without_sniffio` tells whether in the one without it too. A row
    that compares with a peer is not measured where there is no environment for that, nor one that needs a browser
    where there is none.
    """

    number: str
    what: str
    target: float | None
    at_least: bool
    without_sniffio: bool
    peer: str | None
    measure: Callable[[Bench], Outcome]
    browser: bool = False

    @property
    def aim(self) -> str:
        return "" if self.target is None else f"{'>=' if self.at_least else '<='} {self.target:g}"

    def verdict(self, outcome: Outcome) -> str:
        if self.target is None:
            return "shown only"
        return "reached" if self._reached(outcome, self.target) else "MISSED"

    def _reached(self, outcome: Outcome, target: float) -> bool:
        return outcome.median >= target if self.at_least else outcome.median <= target


@dataclass(frozen=True)
class Line:
    """A row with what was measured in one environment; None if that could not be."""

    row: Row
    environment: str
    outcome: Outcome | None

    def __str__(self) -> str:
        if self.outcome is None:
            figure = spread = "-"
            needed = f"an environment for {self.row.peer}" if self.row.peer else str(CHROMIUM)
            verdict, absolute = "not measured", f"needs {needed}"
        else:
            figure = f"{self.outcome.median:.3f}"
            spread = f"{min(self.outcome.figures):.3f} to {max(self.outcome.figures):.3f}"
            verdict, absolute = self.row.verdict(self.outcome), self.outcome.absolute
        cells = [
            self.row.number,
            self.row.what,
            self.environment,
            figure,
            spread,
            self.row.aim,
            verdict,
            absolute,
        ]
        return f"| {' | '.join(cells)} |"


ROWS: list[Row] = []


def row(
    number: str,
    what: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    without_sniffio: bool = False,
    peer: str | None = None,
    browser: bool = False,
) -> Callable[[Callable[[Bench], Outcome]], Callable[[Bench], Outcome]]:
    """Put a measurement into the table; `Row` says what the arguments mean."""

    def register(measure: Callable[[Bench], Outcome]) -> Callable[[Bench], Outcome]:
        target = at_most if at_least is None else at_least
        ROWS.append(
            Row(number, what, target, at_least is not None, without_sniffio, peer, measure, browser=browser)
        )
        return measure

    return register


def rows() -> list[Row]:
    """All rows, in the order of their numbers."""
    for module in (
        "listing",
        "decoding",
        "calls",
        "reading_ahead",
        "memory",
        "starting",
        "commanding",
        "commands",
        "reviewing",
        "applying",
        "observing",
        "browsing",
        "limiting",
        "sharing",
        "paging",
        "needing",
        "job_bounds",
        "job_scripts",
        "job_pauses",
        "job_memory",
    ):
        import_module(f"benchmarks.{module}")
    return sorted(ROWS, key=lambda row: (int("".join(filter(str.isdigit, row.number))), row.number))


def take_turns(first: Turn, second: Turn, rounds: int) -> list[tuple[float, float]]:
    """What both measured, round by round; each begins every other round."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            later = second()
            pairs.append((first(), later))
        else:
            earlier = first()
            pairs.append((earlier, second()))
    return pairs


def in_short_turns(first: Turn, second: Turn, rounds: int, turns: int) -> list[tuple[float, float]]:
    """The means of what both measured, round by round, each in so many turns.

    The speed of a shared machine changes within a second: longer turns would compare that.
    """
    rows = [take_turns(first, second, turns) for _ in range(rounds)]
    return [(statistics.fmean(a for a, _ in pairs), statistics.fmean(b for _, b in pairs)) for pairs in rows]


def medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def times(pairs: Sequence[tuple[float, float]], unit: str, scale: float = 1.0) -> Outcome:
    """The ratios of the first to the second, with the medians of both, times `scale`, beside them."""
    a, b = medians(pairs)
    return Outcome([a / b for a, b in pairs], f"{a * scale:,.4g} / {b * scale:,.4g} {unit}")


def speeds(pairs: Sequence[tuple[float, float]], amount: int, unit: str) -> Outcome:
    """The ratios of two speeds, from the seconds that `amount` took."""
    a, b = medians(pairs)
    return Outcome([b / a for a, b in pairs], f"{amount / a:,.0f} / {amount / b:,.0f} {unit}")


def measure(row: Row, bench: Bench) -> Line:
    """Measure a row in one environment of ours, and in that of its peer."""
    if row.peer is None:
        possible = CHROMIUM.exists() or not row.browser
        return Line(row, bench.ours.name, row.measure(bench) if possible else None)
    outcome = row.measure(bench) if row.peer in bench.peers else None
    return Line(row, f"{bench.ours.name}; {row.peer}", outcome)


def table(lines: Sequence[Line]) -> Iterator[str]:
    """The table in Markdown."""
    yield "| # | row | environment | figure | spread | to reach | | absolute |"
    yield "|---|---|---|---|---|---|---|---|"
    yield from map(str, lines)
