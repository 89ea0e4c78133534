"""Progress of long work on stderr: a bar with rate and time left on a terminal, nothing at all anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from groups_sdk import access

__all__ = ["Advance", "ProgressReporter", "bar", "shown"]

Advance = Callable[[int, int | None], None]
"""Told how many are done, and of how many; None while that is not known."""


def shown() -> bool:
    """Whether there is anybody to show progress to."""
    return sys.stderr.isatty()


@contextmanager
def bar(what: str) -> Generator[Advance, None, None]:
    """A bar while the block runs; it is gone after it.

    Example:
        with bar("members") as advance:
            advance(100, 2000)
    """
    if not shown():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    # rich would lead stdout to the bar's console, which is stderr.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class ProgressReporter:
    """The `on_progress` of a job, whose bar comes and goes."""

    _advance: Advance | None = None

    def __call__(self, progress: access.Progress) -> None:
        if self._advance is not None:
            self._advance(progress.done, progress.total)

    @contextmanager
    def shown_as(self, what: str) -> Generator[None, None, None]:
        """A bar for it while the block runs."""
        with bar(what) as self._advance:
            yield
        self._advance = None
