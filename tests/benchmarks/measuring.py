"""Rounds, in which two things take turns, and the table of what comes of them."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from benchmarks.server import Server


@dataclass(frozen=True)
class Size:
    """How much is measured. `members` are in a listing, `streamed` in the long one, `calls` in a series."""

    rounds: int = 7
    members: int = 100_000
    streamed: int = 1_000_000
    calls: int = 200
    changes: int = 1_000
    read_pages: int = 50

    @property
    def pages(self) -> int:
        return self.members // 100


@dataclass(frozen=True)
class Bench:
    """What a row is given."""

    server: Server
    size: Size


@dataclass(frozen=True)
class Outcome:
    """One ratio for each round, and the absolute figures to be shown beside them."""

    ratios: Sequence[float]
    absolute: str

    @property
    def median(self) -> float:
        return statistics.median(self.ratios)


@dataclass(frozen=True)
class Row:
    """One line of the table: the ratio must be at least, or at most, `target`, where it has one."""

    number: str
    what: str
    target: float | None
    at_least: bool
    measure: Callable[[Bench], Outcome]

    @property
    def aim(self) -> str:
        return "" if self.target is None else f"{'>=' if self.at_least else '<='} {self.target:g}"

    def verdict(self, outcome: Outcome) -> str:
        if self.target is None:
            return "shown only"
        return "reached" if self._reached(outcome, self.target) else "MISSED"

    def _reached(self, outcome: Outcome, target: float) -> bool:
        return outcome.median >= target if self.at_least else outcome.median <= target


ROWS: list[Row] = []
OPTIONAL = ("openai", "pydantic", "snyk")


def row(
    number: str, what: str, *, at_least: float | None = None, at_most: float | None = None
) -> Callable[[Callable[[Bench], Outcome]], Callable[[Bench], Outcome]]:
    """Put a measurement into the table."""

    def register(measure: Callable[[Bench], Outcome]) -> Callable[[Bench], Outcome]:
        target = at_most if at_least is None else at_least
        ROWS.append(Row(number, what, target, at_least is not None, measure))
        return measure

    return register


Timed = Callable[[], float]


def take_turns(first: Timed, second: Timed, rounds: int) -> list[tuple[float, float]]:
    """What both measured, round by round; each begins every other round."""
    pairs = []
    for number in range(rounds):
        gc.collect()
        if number % 2:
            later = second()
            pairs.append((first(), later))
        else:
            earlier = first()
            pairs.append((earlier, second()))
    return pairs


def in_short_turns(first: Timed, second: Timed, rounds: int, turns: int) -> list[tuple[float, float]]:
    """The means of what both measured, round by round, each in so many turns.

    The speed of a shared machine changes within a second: longer turns would compare that.
    """
    rows = [take_turns(first, second, turns) for _ in range(rounds)]
    return [(statistics.fmean(a for a, _ in pairs), statistics.fmean(b for _, b in pairs)) for pairs in rows]


def medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def outcome(pairs: Sequence[tuple[float, float]], unit: str, scale: float = 1.0) -> Outcome:
    """The ratios of the first to the second, with the medians of both, times `scale`, beside them."""
    a, b = medians(pairs)
    return Outcome([a / b for a, b in pairs], f"{a * scale:,.4g} / {b * scale:,.4g} {unit}")


def speeds(pairs: Sequence[tuple[float, float]], amount: int, unit: str) -> Outcome:
    """The ratios of two speeds, from the seconds that `amount` took."""
    a, b = medians(pairs)
    return Outcome([b / a for a, b in pairs], f"{amount / a:,.0f} / {amount / b:,.0f} {unit}")


def measured(entry: Row, bench: Bench) -> Outcome | None:
    """The outcome of a row; None where a package is missing that it compares with."""
    try:
        return entry.measure(bench)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in OPTIONAL:
            return None
        raise


def rows() -> list[Row]:
    """All rows, in the order of their numbers."""
    for module in ("listing", "decoding", "calls", "reading_ahead", "memory", "starting"):
        import_module(f"benchmarks.{module}")
    return sorted(ROWS, key=lambda row: (int("".join(filter(str.isdigit, row.number))), row.number))


def table(lines: Sequence[tuple[Row, Outcome | None]]) -> Iterator[str]:
    """The table in Markdown; no outcome means that a package is missing."""
    yield "| # | row | ratio | spread | to reach | | absolute |"
    yield "|---|---|---|---|---|---|---|"
    for entry, result in lines:
        if result is None:
            cells = ["-", "-", entry.aim, "not measured", "a package is missing"]
        else:
            spread = f"{min(result.ratios):.3f} to {max(result.ratios):.3f}"
            cells = [f"{result.median:.3f}", spread, entry.aim, entry.verdict(result), result.absolute]
        yield f"| {' | '.join([entry.number, entry.what, *cells])} |"
