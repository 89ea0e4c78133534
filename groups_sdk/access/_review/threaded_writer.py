"""A writer of a review's file that is used from an event loop and works in threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Self

import anyio
import anyio.lowlevel

from groups_sdk._pagination import DecodeProblem
from groups_sdk.access._review.files import Write
from groups_sdk.access._review.member import ReviewedMember, Tally
from groups_sdk.access._threads import run_to_end
from groups_sdk.models import Group

__all__ = ["OpenWriter", "ThreadedWriter"]

OpenWriter = Callable[[Group], AbstractContextManager[Write]]
"""Opens the file, given the group, which its first lines name."""


class ThreadedWriter:
    """Opens, formats, writes, counts and closes in worker threads, one step at a time.

    When the block is left with an error or is cancelled, so is the writer: it then removes what it has written of a
    file. Leaving the block waits for the thread that is at work.
    """

    def __init__(self, open_writer: OpenWriter) -> None:
        self._open_writer = open_writer
        self._opened = ExitStack()
        self._write: Write | None = None
        self._tally = Tally()
        # Of its own: waiting for one of the threads that everybody shares could not be cancelled.
        self._limiter = anyio.CapacityLimiter(1)

    @property
    def tally(self) -> Tally:
        """The counts of the members that were written."""
        return self._tally

    async def write(
        self,
        group: Group,
        members: Sequence[ReviewedMember],
        unreadable: Sequence[DecodeProblem] = (),
    ) -> None:
        """Write one page of members, and what of it could not be read. The first one opens the file."""

        def write_page() -> None:
            if self._write is None:
                self._write = self._opened.enter_context(self._open_writer(group))
            for member in members:
                self._tally.add(member)
            self._tally.unreadable += len(unreadable)
            self._write(members, unreadable)

        await anyio.lowlevel.checkpoint_if_cancelled()
        await run_to_end(write_page, self._limiter)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await run_to_end(lambda: self._opened.__exit__(kind, error, traceback), self._limiter)
