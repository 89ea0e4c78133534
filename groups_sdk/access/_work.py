"""What the engine asks of a piece of work, and what it tells an observer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from groups_sdk._hooks import call_hook
from groups_sdk.access._outcomes import Progress

__all__ = ["OnProgress", "Work", "tell"]

Item = TypeVar("Item")
Out = TypeVar("Out")

OnProgress = Callable[[Progress], object]


def tell(hook: OnProgress, progress: Progress) -> None:
    """Tell the observer. What it raises is logged: it must not cost an outcome."""
    call_hook(hook, progress)


class Work(Protocol[Item, Out]):
    """What is to be done. The order of its calls is that of its methods here."""

    async def prepare(self) -> tuple[list[Out], list[list[Item]]]:
        """The outcomes that need nothing to be done, and the items in stages: a stage begins when one has ended."""
        ...

    def session(self) -> AbstractAsyncContextManager[object]:
        """What is held while items are under way, such as an open, locked journal. Also around `prepare`."""
        ...

    async def check(self, stage: Sequence[Item], *, paused: float, new_stage: bool) -> None:
        """Told before items of a stage are begun: when a stage begins, and when a step does.

        `stage` is what is left of it. `paused` is the time in seconds since the engine last did something; 0.0 within
        one run. The work may look at the API again. What it raises ends the step, and nothing was begun.
        """
        ...

    async def before(self, items: Sequence[Item]) -> None:
        """Told before items are begun. What it raises ends the step, and these items were not begun."""
        ...

    async def perform(self, item: Item) -> Out:
        """The outcome of one item."""
        ...

    def interrupted(self, item: Item, error: Exception) -> Out:
        """The outcome of an item that ended with an error nobody expected, or was interrupted."""
        ...

    def not_started(self, item: Item, error: Exception) -> Out:
        """The outcome of an item that was not begun, since it would have met the same error."""
        ...

    async def after(self, outcome: Out) -> None:
        """Told of the outcome of each item that `before` was told of; a cancellation waits until it has returned."""
        ...

    def fatal_error(self, outcome: Out) -> Exception | None:
        """The error that makes it senseless to begin anything else, if this outcome has one."""
        ...
