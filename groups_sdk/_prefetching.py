"""Pages that are fetched in advance, by a task beside their consumer.

    the task:      request 1 | answer 1, request 2 | decode 1 | answer 2, request 3 | decode 2 | ...
    the consumer:            waits                            | works on 1          | ...

The cursor of the next page is known as soon as a page has come. So the next one is asked for before the items of this
one are decoded, which is then done while the request is under way. Where the next request has to wait, for the rate
limit say, or where its transport does not tell when it is on its way, the consumer does not: `_HEAD_START` is how long
a page that has come is held back.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel
import attrs

from groups_sdk import _deprecations as deprecations
from groups_sdk._background import BackgroundTask
from groups_sdk._page_cursor import WAITING, PageCursor, PendingPage
from groups_sdk._pages import Page
from groups_sdk.errors import ClientClosedError

__all__ = ["PrefetchingCursor"]

T = TypeVar("T")
R = TypeVar("R")

_HEAD_START = 0.01  # seconds

_LEFT = "the with block of read_ahead() has ended: begin a new one"
_FORKED = (
    "the process was forked inside this block, and the event loop that reads ahead belongs to the parent"
)


@attrs.define(eq=False)
class _Fetched(Generic[R]):
    """What came of a page: a batch, None after the last page, or an error.

    `notices` are the deprecations that the API told of meanwhile.
    """

    outcome: Sequence[R] | BaseException | None
    notices: list[str]


class PrefetchingCursor(Generic[T, R]):
    """The pages of a cursor, each made a batch by `take`; at most `depth` of them are fetched in advance.

    The task ends when that many are ready, and another one begins when the consumer has taken some: whoever stops
    iterating, in whatever way, leaves no task behind that waits.
    """

    def __init__(
        self, cursor: PageCursor[T], take: Callable[[Page[T]], Sequence[R]], depth: int, process: int
    ) -> None:
        self._cursor = cursor
        self._take = take
        self._depth = depth
        self._process = process
        self._task: BackgroundTask | None = None
        self._fetching = False
        self._more = True  # whether to go on without being asked: not after an error, nor at the end
        self._waiting = False
        self._left = False
        self._fetched: deque[_Fetched[R]] = deque()
        # The page that has come last, while it is not decoded.
        self._pending: tuple[PendingPage[T], _Fetched[R]] | None = None
        self._broken: PendingPage[T] | None = None  # which could not be decoded
        self._arrived: anyio.Event | None = None
        self._patience: anyio.CancelScope | None = None  # of the consumer, who waits in there
        self._fetch_scope: anyio.CancelScope  # of the task, from its beginning

    async def next_batch(self) -> Sequence[R] | None:
        """The next batch, or None after the last. An error comes in place of its batch, which is then fetched again."""
        if self._waiting:
            raise RuntimeError(WAITING)
        self._waiting = True
        try:
            fetched = await self._next_fetched()
        finally:
            self._waiting = False
        if self._more:
            self._go_on()
        for notice in fetched.notices:
            deprecations.warn(notice)
        outcome = fetched.outcome
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome, fetched  # its traceback leads to this frame: a cycle
        return outcome

    async def _next_fetched(self) -> _Fetched[R]:
        while True:
            if os.getpid() != self._process:
                raise ClientClosedError(_FORKED, maybe_applied=False)
            if self._left:
                await anyio.lowlevel.checkpoint_if_cancelled()  # the block may have been left for that
                raise RuntimeError(_LEFT)
            if len(self._fetched) > (self._pending is not None):
                return self._fetched.popleft()
            arrived = self._arrived = anyio.Event()
            with anyio.CancelScope() as patience:
                self._patience = patience
                self._hurry()
                self._go_on()  # which fetches at once where tasks are eager
                await arrived.wait()
            self._patience = None
            if patience.cancelled_caught:
                self._decode()

    def _hurry(self) -> None:
        """Let the consumer who waits for the page that has come wait for its head start only."""
        if self._pending is not None and self._patience is not None:
            self._patience.deadline = anyio.current_time() + _HEAD_START

    def _go_on(self) -> None:
        if not self._fetching:
            self._fetching = True
            self._task = BackgroundTask(self._fetch_ahead, instead=self._give_up)

    async def _fetch_ahead(self) -> None:
        """Fetch pages until enough are ready, the last one has come, or an error."""
        notices = deprecations.collect()
        self._more, self._broken = True, None
        try:
            with anyio.CancelScope() as scope:
                self._fetch_scope = scope
                await self._fetch_pages(notices)
        except anyio.get_cancelled_exc_class():
            self.leave()
            raise
        except BaseException as error:
            self._decode()
            if self._more or _is_exit(error):
                self._hand_over(error, notices)
            self._more = False
        finally:
            if self._broken is not None:
                self._cursor.go_back(self._broken)
            self._fetching = False
            self._wake()

    async def _fetch_pages(self, notices: list[str]) -> None:
        while self._more and len(self._fetched) < self._depth + self._waiting:
            # In a copy of this context: what is decoded meanwhile is no part of that call.
            pending = await self._cursor.fetch(partial(copy_context().run, self._decode))
            self._decode()
            if not self._more:
                break  # what came after a page that could not be decoded is not wanted
            if pending is None:
                self._more = False
                self._hand_over(None, notices)
            else:
                self._pending = pending, self._hand_over(None, notices)
                del pending  # from here on, nothing else keeps the document
                self._hurry()
        self._decode()

    def _decode(self) -> None:
        """Decode the page that has come last. When that fails, it will be fetched again, and the next one later."""
        if self._pending is None:
            return
        (pending, fetched), self._pending = self._pending, None
        try:
            fetched.outcome = self._take(self._cursor.decode(pending))
        except BaseException as error:
            fetched.outcome = error
            self._broken, self._more = pending, False
            self._fetch_scope.cancel()
        self._wake()

    def _give_up(self) -> None:
        self._fetching = False
        self.leave()

    def _hand_over(self, outcome: BaseException | None, notices: list[str]) -> _Fetched[R]:
        fetched: _Fetched[R] = _Fetched(outcome, notices[:])
        if not self._left or _is_exit(outcome):
            self._fetched.append(fetched)
        notices.clear()
        return fetched

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()

    def require_reach(self) -> None:
        """Raise `RuntimeError` when pages are fetched on another event loop."""
        if self._task is not None:
            self._task.require_reach()

    def leave(self) -> None:
        """End the iteration."""
        self._left = True
        self._pending = None
        self._fetched = deque(fetched for fetched in self._fetched if _is_exit(fetched.outcome))
        self._wake()

    async def aclose(self) -> BaseException | None:
        """Give up what is under way. Returns what nobody has seen and must not get lost: an interrupt, another exit."""
        if self._task is not None:
            await self._task.cancel()
        outcomes = [fetched.outcome for fetched in self._fetched]
        return next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None)


def _is_exit(outcome: object) -> bool:
    return isinstance(outcome, BaseException) and not isinstance(outcome, Exception)
