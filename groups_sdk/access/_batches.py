"""Work that yields outcomes, several at a time: no outcome is lost, whatever stops it, and nothing is done twice.

No task outlives a step. Iterated, the work goes batch by batch: a batch is begun, every item of it gets its outcome,
and only then are the outcomes handed out; so nothing is under way while somebody looks at them. `collect()` keeps all
places filled instead. All state is in the asynchronous object: a step that was cancelled, or whose result never
arrived, leaves its outcomes there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Generic, Protocol, TypeVar

import anyio

from groups_sdk._iteration import AsyncBatchIterator
from groups_sdk.access._outcomes import Progress
from groups_sdk.errors import InterruptedChangeError, InvalidArgumentError

__all__ = ["AsyncBatches", "OnProgress", "Work", "first_of", "tell"]

Item = TypeVar("Item")
Out = TypeVar("Out")

OnProgress = Callable[[Progress], object]

logger: logging.Logger = logging.getLogger("groups_sdk")


def tell(hook: OnProgress, progress: Progress) -> None:
    """Tell the observer. What it raises is logged: it must not cost an outcome."""
    try:
        hook(progress)
    except Exception:
        logger.exception("the hook %r failed", hook)


class Work(Protocol[Item, Out]):
    """What is to be done. The order of its calls is that of its methods here."""

    async def prepare(self) -> tuple[list[Out], list[list[Item]]]:
        """The outcomes that need nothing to be done, and the items in stages: a stage begins when one has ended."""
        ...

    def opened(self) -> AbstractContextManager[object]:
        """What is held while items are under way."""
        ...

    def begin(self, items: Sequence[Item]) -> None:
        """Told before items are begun."""
        ...

    async def perform(self, item: Item) -> Out:
        """The outcome of one item."""
        ...

    def broken_off(self, item: Item, error: Exception) -> Out:
        """The outcome of an item that ended with an error nobody expected, or was interrupted."""
        ...

    def left_out(self, item: Item, error: Exception) -> Out:
        """The outcome of an item that was not begun, since it would have met the same error."""
        ...

    def ended(self, outcome: Out) -> None:
        """Told of every outcome of an item, as it comes."""
        ...

    def stopper(self, outcome: Out) -> Exception | None:
        """The error that makes it senseless to begin the other items, if this outcome has it."""
        ...


class AsyncBatches(Generic[Item, Out]):
    """One piece of work, done once: iterate it for the outcomes, or finish it.

    Iterating it again hands out the outcomes so far, and then goes on with what is left.
    """

    def __init__(
        self, work: Work[Item, Out], *, concurrency: int = 10, on_progress: OnProgress | None = None
    ) -> None:
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidArgumentError(f"concurrency must be a whole number from 1 up; got {concurrency!r}")
        self._work = work
        self._concurrency = concurrency
        self._on_progress = on_progress
        self._outcomes: list[Out] = []
        self._stages: deque[deque[Item]] | None = None
        self._total: int | None = None
        self._skipped = 0
        self._began = 0.0
        self._busy = False
        self._stopper: Exception | None = None
        self._broken: BaseException | None = None

    @property
    def outcomes(self) -> Sequence[Out]:
        """All outcomes so far, in the order in which they came. None is ever missing here."""
        return tuple(self._outcomes)

    @property
    def total(self) -> int | None:
        """How many outcomes there will be; None before the first step."""
        return self._total

    @property
    def pending(self) -> Sequence[Item]:
        """What is left and was not begun. Empty before the first step."""
        return tuple(item for stage in self._stages or () for item in stage)

    def __aiter__(self) -> AsyncBatchIterator[Out]:
        seen = 0

        async def next_batch() -> Sequence[Out] | None:
            nonlocal seen
            while seen >= len(self._outcomes):
                if not await self.step():
                    return None
            batch = self._outcomes[seen:]
            seen += len(batch)
            return batch

        return AsyncBatchIterator(next_batch)

    async def preview(self) -> Sequence[Item]:
        """Look, change nothing, and return what would be done: `pending`.

        `outcomes` then has what needs nothing to be done.
        """
        with self._turn():
            if self._stages is None:
                self._stages = await self._prepare()
        return self.pending

    async def step(self) -> bool:
        """Get more outcomes, one batch at the most. False when nothing is left to do."""
        with self._turn():
            return await self._step(whole_stage=False)

    async def finish(self) -> list[Out]:
        """Do all that is left. Returns all outcomes."""
        with self._turn():
            while await self._step(whole_stage=True):
                pass
        return list(self._outcomes)

    @contextmanager
    def _turn(self) -> Generator[None, None, None]:
        if self._busy:
            raise RuntimeError("this work is under way already, in another task or thread")
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    async def _step(self, *, whole_stage: bool) -> bool:
        if self._stages is None:
            self._stages = await self._prepare()
            if self._outcomes:
                return True
        stages = self._stages
        while stages and not stages[0]:
            stages.popleft()
        if not stages:
            return False
        if self._stopper is not None:
            for item in (item for stage in stages for item in stage):
                self._outcomes.append(self._work.left_out(item, self._stopper))
            stages.clear()
            self._tell()
        else:
            with self._work.opened():
                await self._run(stages[0], whole_stage=whole_stage)
        if self._broken is not None:
            error, self._broken = self._broken, None
            raise error
        return True

    async def _prepare(self) -> deque[deque[Item]]:
        self._began = anyio.current_time()
        with self._work.opened():
            outcomes, stages = await self._work.prepare()
        self._total = len(outcomes) + sum(map(len, stages))
        self._skipped = len(outcomes)
        self._outcomes += outcomes
        self._tell()
        return deque(map(deque, stages))

    async def _run(self, stage: deque[Item], *, whole_stage: bool) -> None:
        """A batch: as many items as there are places. With `whole_stage` each place then takes the next one."""
        begun = deque(list(stage)[: self._concurrency])
        self._work.begin(begun)
        for _ in begun:
            stage.popleft()
        try:
            async with anyio.create_task_group() as tasks:
                for _ in list(begun):
                    tasks.start_soon(self._fill, begun, stage if whole_stage else deque[Item]())
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        finally:
            stage.extendleft(reversed(begun))  # those that a cancellation did not let start

    async def _fill(self, begun: deque[Item], more: deque[Item]) -> None:
        """One place: do one item after the other until there are no more."""
        while (begun or more) and self._stopper is None and self._broken is None:
            if begun:
                item = begun.popleft()
            else:
                try:
                    self._work.begin([more[0]])
                except Exception as error:  # what the other places have under way must still end
                    self._broken = error
                    return
                item = more.popleft()
            await self._do(item)

    async def _do(self, item: Item) -> None:
        try:
            outcome = await self._work.perform(item)
        except Exception as error:
            self._broken = error
            outcome = self._work.broken_off(item, error)
        except BaseException:  # cancelled, or interrupted
            self._record(self._work.broken_off(item, InterruptedChangeError(_INTERRUPTED)))
            raise
        self._record(outcome)

    def _record(self, outcome: Out) -> None:
        self._outcomes.append(outcome)
        self._stopper = self._stopper or self._work.stopper(outcome)
        try:
            self._work.ended(outcome)
        except Exception as error:
            self._broken = error
        self._tell()

    def _tell(self) -> None:
        """Tell the observer. Its interrupts stop the work in good order."""
        if self._on_progress is None:
            return
        elapsed = anyio.current_time() - self._began
        try:
            tell(self._on_progress, Progress(len(self._outcomes), self._total, elapsed, self._skipped))
        except BaseException as error:
            self._broken = error


_INTERRUPTED = "the work was stopped while this change was under way: it may have been applied"


def first_of(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
