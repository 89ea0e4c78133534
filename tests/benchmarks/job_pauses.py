"""Row 29: the longest pause of an event loop while a job on 20,000 members goes to a file, as row 17 measures it."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import job_server
from benchmarks.applying import pause_of_apply
from benchmarks.environments import Side
from benchmarks.measuring import Bench, Outcome, row, take_turns, times
from benchmarks.reviewing import decode_a_page, pause_of_review

_ROW = "longest pause of the event loop, {} of 20,000 members, / decoding one page"
_JOBS: dict[str, tuple[Side, tuple[str, ...]]] = {
    "apply with a journal in a group": (pause_of_apply, ()),
    "review to CSV": (pause_of_review, ("csv",)),
    "review to JSONL": (pause_of_review, ("jsonl",)),
    "review to HTML": (pause_of_review, ("html",)),
}


def _measuring(job: str) -> Callable[[Bench], Outcome]:
    side, arguments = _JOBS[job]

    def measure(bench: Bench) -> Outcome:
        with (
            job_server.running() as server,
            bench.ours.side(side, server.base_url(bench.size.reviewed), *arguments) as pause,
            bench.ours.side(decode_a_page) as decoding,
        ):
            return times(take_turns(pause, decoding, min(bench.size.rounds, 5)), "ms", 1e3)

    return measure


for _letter, _job in zip("abcd", _JOBS, strict=True):
    row(f"29{_letter}", _ROW.format(_job), at_most=3)(_measuring(_job))


@row("29e", "for comparison: " + _ROW.format("listing"))
def listing(bench: Bench) -> Outcome:
    with (
        job_server.running() as server,
        bench.ours.side(pause_of_review, server.base_url(bench.size.reviewed), "listing") as pause,
        bench.ours.side(decode_a_page) as decoding,
    ):
        return times(take_turns(pause, decoding, min(bench.size.rounds, 5)), "ms", 1e3)
