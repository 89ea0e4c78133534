"""Progress: what it says of waits, how long the rest takes, and what there is of it on a terminal and without one."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from support import clock as event_loops
from support.running import PATIENCE, ROOT, Terminal

from groups_sdk import (
    ConnectionFailedError,
    GroupsError,
    RateLimit,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    Wait,
)
from groups_sdk.access import Progress
from groups_sdk.cli import _progress as progress
from groups_sdk.testing import FakeSnyk

LIMITED = RateLimit()


class FakeClock(progress.Clock):
    """The time passes when the test says so."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.sleeping: SimpleQueue[float] = SimpleQueue()
        self.passed: SimpleQueue[bool] = SimpleQueue()

    def now(self) -> float:
        return self.time

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.sleeping.put(seconds)
        while not stop.is_set():
            try:
                return self.passed.get(timeout=0.01)
            except Empty:
                pass
        return True

    def sleep(self) -> None:
        """The time that somebody waits for passes, and they do what they waited for."""
        self.time += self.sleeping.get(timeout=PATIENCE)
        self.passed.put(False)
        self.sleeping.put(self.sleeping.get(timeout=PATIENCE))  # they wait anew


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def waits(clock: FakeClock) -> progress.Waits:
    return progress.Waits(clock)


def limited(seconds: float, limit: RateLimit = LIMITED) -> Wait:
    return Wait(reason="rate_limit", seconds=seconds, operation="listGroups", limit=limit)


def too_many(seconds: float) -> Wait:
    return Wait(reason="retry_after", seconds=seconds, operation="listGroups", status=429)


def failed(seconds: float, error: GroupsError | None = None, status: int | None = None) -> Wait:
    return Wait(reason="retry", seconds=seconds, operation="listGroups", error=error, status=status)


# What is said of a wait


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (limited(28), "waiting for the rate limit (1,620 requests a minute), 28 s"),
        (limited(2.1, RateLimit(per_minute=60)), "waiting for the rate limit (60 requests a minute), 3 s"),
        (too_many(12), "the API asks to wait, 12 s"),
        (
            Wait(reason="retry_after", seconds=1200, operation="x", status=503),
            "the API asks to wait, 1,200 s",
        ),
        (failed(2, ConnectionFailedError("reset")), "retrying after a connection error, 2 s"),
        (failed(2, RequestTimeoutError("slow")), "retrying after a timeout, 2 s"),
        (failed(0.4, ServerError(status_code=502), 502), "retrying after error 502, 1 s"),
        (failed(2), "retrying after an error, 2 s"),
        (failed(0), ""),
    ],
)
def test_a_wait_is_said_in_plain_words(waits: progress.Waits, wait: Wait, said: str) -> None:
    waits.observe(wait)
    assert str(waits) == said


def test_the_wait_that_ends_last_is_said_until_it_is_over(clock: FakeClock, waits: progress.Waits) -> None:
    assert (str(waits), waits.left()) == ("", 0)
    waits.observe(too_many(12))
    waits.observe(failed(2))
    clock.time += 11.5
    assert str(waits) == "the API asks to wait, 1 s"
    clock.time += 0.5
    assert (str(waits), waits.left()) == ("", 0)
    waits.observe(failed(2))
    assert str(waits) == "retrying after an error, 2 s"


def test_only_what_holds_up_the_whole_client_counts_as_a_pause_and_once(
    clock: FakeClock, waits: progress.Waits
) -> None:
    waits.observe(failed(50))
    waits.observe(too_many(10))
    clock.time += 4
    assert waits.paused() == 4
    waits.observe(limited(8))
    waits.observe(limited(1))
    clock.time += 100
    assert waits.paused() == 12


def test_the_command_lines_client_tells_it_through_a_function() -> None:
    progress.observe_wait(failed(0))
    assert str(progress._waits) == ""


# How long the rest takes


def meter(waits: progress.Waits, requests_each: float = 0) -> progress._Meter:
    return progress._Meter("members", requests_each, waits)


def test_the_rest_takes_as_long_as_what_is_done_did(clock: FakeClock, waits: progress.Waits) -> None:
    told = meter(waits)
    assert (told.left(), told.rate) == (None, None)
    told.advance(0, 1000)
    told.advance(10, 1000)
    assert (told.left(), told.rate) == (None, None)  # in no time at all
    clock.time += 10
    assert (told.left(), told.rate) == (990, 1)
    told.advance(10, None)
    assert (told.left(), told.rate) == (None, 1)
    told.advance(500, 1000, 400)
    assert (told.left(), told.rate) == (50, 10)
    told.advance(1001, 1000)
    assert told.left() == 0


def test_a_wait_is_counted_in_the_time_left_and_not_in_the_speed(
    clock: FakeClock, waits: progress.Waits
) -> None:
    told = meter(waits)
    clock.time += 10
    told.advance(500, 1000)
    waits.observe(too_many(12))
    assert told.left() == 12 + 10
    clock.time += 11
    assert told.left() == 1 + 10
    clock.time += 1
    assert told.left() == 10
    assert told.rate == 500 / 22


def test_a_pause_before_the_beginning_does_not_count(clock: FakeClock, waits: progress.Waits) -> None:
    waits.observe(too_many(20))
    clock.time += 10
    told = meter(waits)
    clock.time += 20
    told.advance(100, 200)
    assert told.left() == 10
    assert told.rate == 5


def seconds_left(
    waits: progress.Waits, total: int, requests_each: float = 1
) -> Iterator[tuple[float, float]]:
    """What the meter says, and how long it really takes, for 80 requests a second in bursts of 1,620 a minute."""
    clock = waits.clock
    assert isinstance(clock, FakeClock)
    told = meter(waits, requests_each)
    began, ends = clock.time, (total - 1) // 1620 * 60 + ((total - 1) % 1620 + 1) / 80
    for burst in range(0, total, 1620):
        count = min(1620, total - burst)
        for step in range(1, 11):
            clock.time = began + burst // 1620 * 60 + count * step / 800
            told.advance(burst + count * step // 10, total)
            yield told.left() or 0, began + ends - clock.time
        if burst + count < total:
            waits.observe(limited(60 - 1620 / 80))
            yield told.left() or 0, began + ends - clock.time
            clock.time += 30
            yield told.left() or 0, began + ends - clock.time


@pytest.mark.parametrize("total", [500, 1620, 1621, 5000])
def test_the_pauses_of_the_rate_limit_that_are_to_come_are_counted(waits: progress.Waits, total: int) -> None:
    for said, true in seconds_left(waits, total):
        assert said == pytest.approx(true, abs=1)


def test_without_knowing_the_requests_the_time_left_is_what_it_looks_like(waits: progress.Waits) -> None:
    said, true = next(seconds_left(waits, 5000, requests_each=0))
    assert said < 65 < 170 < true


def test_work_slower_than_the_rate_limit_is_not_held_up_by_it(
    clock: FakeClock, waits: progress.Waits
) -> None:
    told = meter(waits, requests_each=1)
    clock.time += 100
    told.advance(1000, 5000)
    assert told.left() == 400


def test_the_limit_is_the_one_that_the_client_waits_for(clock: FakeClock, waits: progress.Waits) -> None:
    told = meter(waits, requests_each=2)
    clock.time += 10
    told.advance(30, 100)
    waits.observe(limited(50, RateLimit(per_minute=60)))
    assert told.left() == pytest.approx(50 + 60 + 60 + 10 / 3)


def test_a_429_begins_no_new_minute_of_the_rate_limit(clock: FakeClock, waits: progress.Waits) -> None:
    told = meter(waits, requests_each=1)
    clock.time += 10
    told.advance(810, 3240)
    waits.observe(too_many(5))
    assert told.left() == 5 + 50 + 1620 / 81
    clock.time += 5
    assert told.left() == 45 + 1620 / 81


def test_what_needed_no_work_took_nothing_of_the_rate_limit(clock: FakeClock, waits: progress.Waits) -> None:
    told = meter(waits, requests_each=1)
    clock.time += 10
    told.advance(3800, 5000, skipped=3000)
    assert told.left() == pytest.approx(50 + 380 / 80)


def test_progress_does_not_wait_for_a_terminal_that_stands_still(
    clock: FakeClock, waits: progress.Waits, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, going_on = threading.Event(), threading.Event()

    class Stopped(Terminal):
        def write(self, text: str) -> int:
            if threading.current_thread() in threads():
                writing.set()
                going_on.wait(PATIENCE)
            return super().write(text)

    with at(Stopped(), monkeypatch), progress.bar("members", waits=waits) as advance:
        clock.passed.put(False)
        assert writing.wait(PATIENCE)
        job = threading.Thread(target=advance, args=(100, 200))
        job.start()
        job.join(PATIENCE)
        stood_still = job.is_alive()
        going_on.set()
    assert not stood_still


# Lines


@contextmanager
def at(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        yield


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "groups-sdk progress"]


def lines_of(stream: io.StringIO) -> list[str]:
    return stream.getvalue().splitlines()


def test_without_a_terminal_long_work_has_a_line_every_half_minute(
    clock: FakeClock, waits: progress.Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = io.StringIO()
    with at(stderr, monkeypatch), progress.bar("members", requests_each=1, waits=waits) as advance:
        clock.sleep()
        advance(800, 5000)
        waits.observe(limited(45))
        clock.sleep()
        advance(1600, 5000)
        clock.sleep()
        clock.time += 3600
        clock.sleep()
        advance(4990, 5000)
        clock.sleep()
        advance(5000, 5000)
        clock.sleep()
        assert len(threads()) == 1
    assert threads() == []
    assert lines_of(stderr) == [
        "members: 30 s so far",
        "members: 800 of 5,000, about 3 min left; waiting for the rate limit (1,620 requests a minute), 15 s",
        "members: 1,600 of 5,000, about 2 min left",
        "members: 1,600 of 5,000, about 2 h 10 min left",
        "members: 4,990 of 5,000, about 8 s left",
        "members: 5,000 of 5,000",
    ]


def test_lines_need_neither_total_nor_a_wait(
    clock: FakeClock, waits: progress.Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = io.StringIO()
    with at(stderr, monkeypatch), progress.bar("members\x1b[2J", waits=waits) as advance:
        advance(1600, None)
        clock.sleep()
    assert lines_of(stderr) == [r"members\x1b[2J: 1,600"]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_short_work_has_no_line_and_no_thread_outlives_it(
    error: type[BaseException] | None,
    waits: progress.Waits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = io.StringIO()
    with at(stderr, monkeypatch):
        try:
            with progress.bar("members", waits=waits) as advance:
                advance(100, 200)
                if error is not None:
                    raise error
        except KeyboardInterrupt:
            assert error is not None
    assert threads() == []
    assert stderr.getvalue() == ""


class Broken(io.StringIO):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.written = threading.Event()

    def write(self, text: str) -> int:
        self.written.set()
        raise self.error


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_lines_that_nobody_reads_end_quietly(
    error: Exception, clock: FakeClock, waits: progress.Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = Broken(error)
    with at(stderr, monkeypatch), progress.bar("members", waits=waits) as advance:
        clock.passed.put(False)
        assert stderr.written.wait(PATIENCE)
        advance(1, 2)


def test_without_stderr_there_is_no_progress(
    clock: FakeClock, waits: progress.Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert not progress.shown()
    with progress.bar("members", waits=waits) as advance:
        clock.passed.put(False)
        advance(1, 2)
    assert threads() == []


def test_what_is_no_bar_imports_nothing_for_bars() -> None:
    code = (
        "import sys\n"
        "from groups_sdk.cli import _progress\n"
        "with _progress.bar('members') as advance:\n"
        "    advance(1, 2)\n"
        "assert not {'rich', 'click', 'typer'} & set(sys.modules) - set(before)\n"
    )
    code = "import sys; import groups_sdk.cli; before = list(sys.modules)\n" + code
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_clock_is_that_of_the_machine() -> None:
    clock, stop = progress.Clock(), threading.Event()
    before = clock.now()
    assert not clock.wait(stop, 0.001)
    stop.set()
    assert clock.wait(stop, PATIENCE)
    assert before <= clock.now() < before + PATIENCE


# Bars


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal()


def test_a_bar_shows_how_far_how_fast_and_how_long_and_what_it_waits_for(
    clock: FakeClock, waits: progress.Waits, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        at(terminal, monkeypatch),
        progress.bar("members \x1b]0;x\x07[bold]", requests_each=1, waits=waits) as advance,
    ):
        clock.time += 20
        advance(1600, 5000)
        waits.observe(limited(40))
        clock.sleep()
        assert "about" not in terminal.getvalue()
        assert "1600/5000" in (shown := plain(terminal.getvalue()))
    assert r"members \x1b]0;x\x07[bold] " in shown
    assert " 1600/5000 80/s 0:02:42" in shown
    assert "waiting for the rate limit (1,620 requests a minute), 40 s" in shown


def test_a_bar_without_a_total_says_that_the_time_left_is_unknown(
    waits: progress.Waits, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at(terminal, monkeypatch), progress.bar("looking", waits=waits):
        pass
    shown = plain(terminal.getvalue())
    assert "-:--:--" in shown
    assert "/s" not in shown


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_bar_leaves_a_clean_terminal(
    error: type[BaseException], waits: progress.Waits, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(error), at(terminal, monkeypatch), progress.bar("members", waits=waits) as advance:
        advance(100, 200)
        waits.observe(too_many(12))
        raise error
    assert threads() == []
    text = terminal.getvalue()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back
    assert re.search(r"(\x1b\[1A\x1b\[2K){2}[^\n]*$", text)  # the last thing is that both lines are wiped


def test_an_interrupt_in_the_midst_of_the_end_leaves_the_cursor(
    waits: progress.Waits, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rich.progress import Progress as RichProgress

    stop = RichProgress.stop
    bars: list[RichProgress] = []

    def interrupted(bar: RichProgress) -> None:
        bars.append(bar)
        raise KeyboardInterrupt

    monkeypatch.setattr(RichProgress, "stop", interrupted)
    with at(terminal, monkeypatch):
        with pytest.raises(KeyboardInterrupt), progress.bar("members", waits=waits):
            pass
        text = terminal.getvalue()
        stop(bars[0])
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_a_terminal_too_simple_for_a_bar_gets_lines(
    clock: FakeClock, waits: progress.Waits, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with at(terminal, monkeypatch), progress.bar("members", waits=waits) as advance:
        advance(100, 200)
        clock.sleep()
    assert terminal.getvalue() == "members: 100 of 200, about 30 s left\n"


# Jobs and clients


def test_a_job_is_told_of_while_its_progress_is_shown(
    clock: FakeClock, waits: progress.Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr, reporter = io.StringIO(), progress.ProgressReporter()
    reporter(Progress(1, 200, 0.5))
    with at(stderr, monkeypatch):
        with (
            pytest.raises(KeyboardInterrupt),
            reporter.shown_as("changes", requests_each=1, waits=waits),
        ):
            reporter(Progress(110, 200, 1.0, skipped=80))
            clock.sleep()
            raise KeyboardInterrupt
    reporter(Progress(200, 200, 2.0))
    assert lines_of(stderr) == ["changes: 110 of 200, about 90 s left"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_client_that_waits_is_seen_in_the_line(
    backend: str, clock: FakeClock, waits: progress.Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, stderr = FakeSnyk.example(), io.StringIO()
    waiting = threading.Event()

    def observe(wait: Wait) -> None:
        waits.observe(wait)
        waiting.set()

    options: dict[str, Any] = {"backend": backend, "backend_options": event_loops.options(backend)}
    with fake.client(on_wait=observe, retries=RetryPolicy(backoff_base=0), **options) as client:
        fake.fail_next(status=429, headers={"retry-after": "90"})
        with at(stderr, monkeypatch), progress.bar("looking", waits=waits):
            thread = threading.Thread(target=client.list_groups().first)
            thread.start()
            assert waiting.wait(PATIENCE)
            clock.sleep()
            event_loops.skip(90)
            thread.join(PATIENCE)
    assert not thread.is_alive()
    assert lines_of(stderr) == ["looking: 30 s so far; the API asks to wait, 60 s"]
