"""Progress of long work on stderr, and what it waits for: a bar on a terminal, a line every half minute elsewhere."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from groups_sdk._terminal import printable
from groups_sdk.errors import ConnectionFailedError, RequestTimeoutError

if TYPE_CHECKING:
    from rich.console import Console

    from groups_sdk import Wait, access

__all__ = ["Advance", "Clock", "ProgressReporter", "Waits", "bar", "observe_wait", "shown"]

_LINE_EVERY = 30.0  # seconds
_BAR_EVERY = 0.1


class Advance(Protocol):
    """Told how many are done, of how many (None while that is not known), and how many of them needed no work."""

    def __call__(self, done: int, total: int | None, skipped: int = 0) -> None: ...


class Clock:
    """The time, and waiting for it to pass."""

    def now(self) -> float:
        """Seconds, from any beginning."""
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait so many seconds, or until `stop` is set. Returns whether it is."""
        return stop.wait(seconds)


class Waits:
    """What the client waits for at present. It may be told on one thread, and asked on another."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.per_minute: int | None = None
        """The requests that the client's rate limit permits in a minute, once it had to wait for them."""
        self.limited_until = -math.inf
        """When the last wait for the rate limit ends."""
        self._paused_until = -math.inf  # the whole client, for whatever reason
        self._paused = 0.0  # seconds of such pauses, up to that moment
        self._until = -math.inf
        self._text = ""
        self._lock = threading.Lock()

    def observe(self, wait: Wait) -> None:
        """The `on_wait` of a client."""
        with self._lock:
            now = self.clock.now()
            until = now + wait.seconds
            if wait.limit is not None:
                self.per_minute, self.limited_until = wait.limit.per_minute, until
            if wait.whole_client and until > self._paused_until:
                self._paused += until - max(now, self._paused_until)
                self._paused_until = until
            if until > self._until:
                self._until, self._text = until, _described(wait)

    def left(self) -> float:
        """The seconds that the present wait will take; 0.0 when there is none."""
        return max(self._until - self.clock.now(), 0.0)

    def paused(self) -> float:
        """The seconds up to now in which the whole client had to wait."""
        with self._lock:
            return self._paused - max(self._paused_until - self.clock.now(), 0.0)

    def __str__(self) -> str:
        left = math.ceil(self.left())
        return f"{self._text}, {left:,} s" if left else ""


def _described(wait: Wait) -> str:
    if wait.limit is not None:
        return f"waiting for the rate limit ({wait.limit.per_minute:,} requests a minute)"
    if wait.reason == "retry_after":
        return "the API asks to wait"
    match wait.error:
        case ConnectionFailedError():
            problem = "a connection error"
        case RequestTimeoutError():
            problem = "a timeout"
        case _ if wait.status is not None:
            problem = f"error {wait.status}"
        case _:
            problem = "an error"
    return f"retrying after {problem}"


_waits = Waits(Clock())


def observe_wait(wait: Wait) -> None:
    """The `on_wait` of the command line's client: bars and lines say what it waits for."""
    _waits.observe(wait)


class _Meter:
    """How far the work is, how fast it goes, and how long it will take."""

    def __init__(self, what: str, requests_each: float, waits: Waits) -> None:
        self.what = printable(what)
        self.waits = waits
        self.done = 0
        self.total: int | None = None
        self._worked = 0  # the done ones that needed work
        self._requests_each = requests_each
        self._began = self._minute_began = waits.clock.now()
        self._paused_before = waits.paused()
        self._worked_before = 0  # when the present minute of the rate limit began

    def advance(self, done: int, total: int | None, skipped: int = 0) -> None:
        """An `Advance`."""
        self._begin_minute()
        self.done, self.total, self._worked = done, total, done - skipped

    def _begin_minute(self) -> None:
        if self._minute_began < (began := self.waits.limited_until) <= self.waits.clock.now():
            self._minute_began, self._worked_before = began, self._worked

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.waits.clock.now() - self._began

    @property
    def rate(self) -> float | None:
        """How many were done per second, pauses included; None while that cannot be told."""
        elapsed = self.elapsed
        return self._worked / elapsed if self._worked > 0 and elapsed > 0 else None

    def left(self) -> float | None:
        """The seconds that the rest will take, waits included; None while that cannot be told."""
        active = self.elapsed - self.waits.paused() + self._paused_before
        if self.total is None or self._worked <= 0 or active <= 0:
            return None
        return self.waits.left() + self._work_left(max(self.total - self.done, 0), self._worked / active)

    def _work_left(self, rest: int, speed: float) -> float:
        """The seconds that the rest will take at this speed, and with the pauses of the rate limit that are to come.

        The requests that are permitted in a minute go out as fast as they can, and then nothing does until it is over.
        """
        permitted = self._per_minute() / self._requests_each if self._requests_each else math.inf
        if speed * 60 <= permitted:
            return rest / speed
        self._begin_minute()
        now = self.waits.clock.now()
        if now < self.waits.limited_until:  # and then there is a whole minute
            return _in_minutes(rest, speed, permitted)
        at_once = max(permitted - (self._worked - self._worked_before), 0.0)
        if rest <= at_once:
            return rest / speed
        minute_left = self._minute_began + 60 - now
        return max(minute_left, at_once / speed) + _in_minutes(rest - at_once, speed, permitted)

    def _per_minute(self) -> int:
        if self.waits.per_minute is not None:
            return self.waits.per_minute
        from groups_sdk import RateLimit

        return RateLimit().per_minute

    def line(self) -> str:
        """All of it in one line."""
        of = "" if self.total is None else f" of {self.total:,}"
        left = self.left()
        said = f"{self.done:,}{of}" if self.done else f"{_rough(self.elapsed)} so far"
        said += f", about {_rough(left)} left" if left else ""
        wait = str(self.waits)
        return f"{self.what}: {said}" + (f"; {wait}" if wait else "")


def _in_minutes(count: float, speed: float, permitted: float) -> float:
    """The seconds from the beginning of a minute on, when so many are permitted in each."""
    full = max(math.ceil(count / permitted) - 1, 0)
    return full * 60 + (count - full * permitted) / speed


def _rough(seconds: float) -> str:
    """A duration as people say it: 40 s, 2 min, 1 h 10 min."""
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _exact(seconds: float | None) -> str:
    if seconds is None:
        return "-:--:--"
    minutes, second = divmod(math.ceil(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"


def shown() -> bool:
    """Whether there is a terminal to show progress on."""
    return sys.stderr is not None and sys.stderr.isatty()  # it is None when the shell has closed it


@contextmanager
def bar(what: str, *, requests_each: float = 0.0, waits: Waits = _waits) -> Generator[Advance, None, None]:
    """A bar while the block runs, which is gone after it; where there is no terminal, a line every half minute.

    `requests_each` is how many requests one of `what` takes, where that is known: then the time left takes the rate
    limit into account.

    Example:
        with bar("members") as advance:
            advance(100, 2000)
    """
    meter = _Meter(what, requests_each, waits)
    console = _terminal() if shown() else None
    with _lines(meter) if console is None else _bar(meter, console):
        yield meter.advance


def _terminal() -> Console | None:
    """The terminal at stderr, unless it is too simple for a bar."""
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_interactive else None


@contextmanager
def _bar(meter: _Meter, console: Console) -> Generator[None, None, None]:
    from rich.console import RenderableType
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = meter.rate
            return Text("" if rate is None else f"{rate:,.0f}/s")

    class TimeLeft(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(_exact(meter.left()), style="progress.remaining")

    class Bar(Progress):
        def get_renderables(self) -> Generator[RenderableType, None, None]:
            # Where it is shown, so that the work never waits for a terminal that stands still (Ctrl-S).
            for task in self.tasks:
                self.update(task.id, completed=meter.done, total=meter.total)
            yield from super().get_renderables()
            if wait := str(meter.waits):
                yield Text(wait, no_wrap=True, overflow="ellipsis")

    description = TextColumn("{task.description}", markup=False)
    columns = (description, BarColumn(), MofNCompleteColumn(), Rate(), TimeLeft())
    try:
        # rich would lead stdout to the bar's console, which is stderr; and its own thread outlives the bar a little.
        with Bar(
            *columns, console=console, transient=True, redirect_stdout=False, auto_refresh=False
        ) as progress:
            progress.add_task(meter.what, total=None)
            with _repeated(progress.refresh, _BAR_EVERY, meter.waits.clock):
                yield
    finally:
        console.show_cursor()  # also after a second Ctrl-C, in the midst of the end


@contextmanager
def _lines(meter: _Meter) -> Generator[None, None, None]:
    stderr = sys.stderr

    def print_line() -> None:
        if stderr is not None:
            stderr.write(f"{meter.line()}\n")
            stderr.flush()

    with _repeated(print_line, _LINE_EVERY, meter.waits.clock):
        yield


@contextmanager
def _repeated(action: Callable[[], object], seconds: float, clock: Clock) -> Generator[None, None, None]:
    """Do it every so many seconds while the block runs, on a thread that ends with it."""
    stop = threading.Event()

    def repeat() -> None:
        with suppress(OSError, ValueError):  # nobody reads stderr any more, or it was closed
            while not clock.wait(stop, seconds):
                action()

    thread = threading.Thread(target=repeat, name="groups-sdk progress", daemon=True)
    try:
        thread.start()
        yield
    finally:
        stop.set()
        with suppress(RuntimeError):  # it was never started: an interrupt came first
            thread.join()


class ProgressReporter:
    """The `on_progress` of a job, whose bar comes and goes."""

    _advance: Advance | None = None

    def __call__(self, progress: access.Progress) -> None:
        if (advance := self._advance) is not None:
            advance(progress.done, progress.total, progress.skipped)

    @contextmanager
    def shown_as(
        self, what: str, *, requests_each: float = 0.0, waits: Waits = _waits
    ) -> Generator[None, None, None]:
        """A bar for it while the block runs: see `bar`."""
        with bar(what, requests_each=requests_each, waits=waits) as self._advance:
            try:
                yield
            finally:
                self._advance = None
