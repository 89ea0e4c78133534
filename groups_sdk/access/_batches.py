"""Work that yields outcomes, several at a time: no outcome is lost, whatever stops it, and nothing is done twice.

No task outlives a step, or the block. Iterated, the work goes batch by batch: a batch is begun, every item of it gets
its outcome, and only then are the outcomes handed out; so nothing is under way while somebody looks at them.
`collect()` keeps all places filled instead. So does an iteration inside `async with`: there a task beside it does the
work, and outcomes are handed out as they come. All state is in the asynchronous object: a step that was cancelled, or
whose result never arrived, leaves its outcomes there.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections import deque
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Generic, Self, TypeVar, cast

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from groups_sdk import _writes as writes
from groups_sdk._background import BackgroundTask
from groups_sdk._hooks import check_hook
from groups_sdk._iteration import AsyncBatchIterator
from groups_sdk._misuse import refuse
from groups_sdk.access._outcomes import Progress
from groups_sdk.access._work import OnProgress, Work, tell
from groups_sdk.errors import ClientClosedError, InterruptedChangeError, InvalidArgumentError

__all__ = ["AsyncBatches", "OnProgress", "first_of"]

Item = TypeVar("Item")
Out = TypeVar("Out")


class _Block:
    """The block of an `async with`, in which a task beside the consumer does the work."""

    def __init__(self) -> None:
        self.task: BackgroundTask | None = None
        self.process = os.getpid()
        self.running = False
        self.finished = False  # nothing is left to do
        self.leaving = False  # nothing else is to be begun
        self.taken = 0  # outcomes that were handed out
        self.error: BaseException | None = None  # to be raised when those before it have been handed out

    def pop_error(self) -> BaseException | None:
        error, self.error = self.error, None
        return error


class AsyncBatches(Generic[Item, Out]):
    """One piece of work, done once: iterate it for the outcomes, or finish it.

    Iterating it again hands out the outcomes so far, and then goes on with what is left. `name` is what the warning
    calls it when it is thrown away without having been run.
    """

    def __init__(
        self,
        work: Work[Item, Out],
        *,
        name: str = "this work",
        concurrency: int = 10,
        on_progress: OnProgress | None = None,
    ) -> None:
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidArgumentError(
                f"concurrency must be a whole number of at least 1; got {concurrency!r}"
            )
        check_hook("on_progress", on_progress, InvalidArgumentError)
        self._work = work
        self._name = name
        self._concurrency = concurrency
        self._on_progress = on_progress
        self._outcomes: list[Out] = []
        self._stages: deque[deque[Item]] | None = None
        self._announced: deque[Item] = (
            deque()
        )  # of the first stage: the work was told, but they were not begun
        self._new_stage = True
        self._total: int | None = None
        self._skipped = 0
        self._under_way = 0  # places that are taken
        self._reserved = 0  # those of them that have not taken their item from the stage yet
        self._starting = 0  # those of them that have not taken their item from `_announced` yet
        self._began = 0.0
        self._active = (
            0.0,
            0.0,
        )  # when something was last done: by the clock of the loop, and by that of the wall
        self._resumed = False  # whether this turn has yet to do its first check
        self._busy = False
        self._block: _Block | None = None
        self._fatal: Exception | None = None
        self._error: BaseException | None = None
        self._changed: anyio.Event | None = (
            None  # there are outcomes, places, or a consumer that has taken some
        )
        self._used = False

    def __del__(self) -> None:
        if not getattr(self, "_used", True) and not sys.is_finalizing():
            text = f"{self._name} was never run: use collect() or iterate it"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=1)

    def __repr__(self) -> str:
        """How far it is, such as `<AsyncChanges: 12 of 300 done (11 applied, 1 unknown), 288 not begun>`."""
        if self._total is None:
            return f"<{type(self).__name__}: not begun>"
        done, pending = len(self._outcomes), len(self.pending)
        counted = self._count_outcomes()
        text = f"{done} of {self._total} done" + (f" ({counted})" if counted else "")
        if under_way := self._total - done - pending:
            text += f", {under_way} under way"
        return f"<{type(self).__name__}: {text}, {pending} not begun>"

    def _count_outcomes(self) -> str:
        """How many outcomes of each kind there are, in words."""
        return ""

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
        return (*self._announced, *(item for stage in self._stages or () for item in stage))

    async def __aenter__(self) -> Self:
        if self._block is not None:
            raise RuntimeError("this block has been entered already")
        self._block = _Block()
        return self

    async def __aexit__(self, _: object, raised: BaseException | None, __: object) -> None:
        block = cast("_Block", self._block)
        if block.task is not None:
            block.task.require_reach()
        block.leaving = True
        self._wake()
        try:
            if block.task is None:
                pass
            elif isinstance(raised, anyio.get_cancelled_exc_class() | KeyboardInterrupt):
                await block.task.cancel()
            else:  # what is under way comes to its end
                await block.task.join()
        finally:
            self._block = None
        error = block.pop_error()
        if error is not None and (raised is None or not isinstance(error, Exception)):
            raise error
        if error is not None and raised is not None:
            raised.add_note(f"The work of the block ended with an error: {error!r}")

    def __aiter__(self) -> AsyncBatchIterator[Out]:
        seen = 0

        async def next_batch() -> Sequence[Out] | None:
            nonlocal seen
            block = self._block
            while seen >= len(self._outcomes):
                if not await (self._step_beside(block) if block else self.step()):
                    return None
            end = len(self._outcomes)
            if block is not None:  # one by one, but for those that needed nothing to be done
                end = max(seen + 1, min(self._skipped, end))
                block.taken = max(block.taken, end)
                self._wake()
            batch = self._outcomes[seen:end]
            seen = end
            return batch

        return AsyncBatchIterator(next_batch)

    async def preview(self) -> Sequence[Item]:
        """What would be done: `pending`. It only reads.

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
        if self._block is not None:
            async for _ in self:
                pass
        else:
            with self._turn():
                while await self._step(whole_stage=True):
                    pass
        return list(self._outcomes)

    async def _step_beside(self, block: _Block) -> bool:
        """Wait for something to come of the work in the block, which is begun here. False when all is done."""
        if os.getpid() != block.process:
            raise ClientClosedError(_FORKED, maybe_applied=False)
        if block.leaving:
            await anyio.lowlevel.checkpoint_if_cancelled()  # the block may be left for that
            raise RuntimeError("the with block in which this work runs has ended")
        change = self._change()  # before the task is made, which an eager one may bring about at once
        if not block.running:
            error = block.pop_error()
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # its traceback leads to this frame: a cycle
            if block.finished:
                return False
            block.running = True
            block.task = BackgroundTask(
                partial(self._run_beside, block), instead=partial(self._give_up, block)
            )
        writes.note()  # by the task beside
        await change.wait()
        return True

    async def _run_beside(self, block: _Block) -> None:
        """Do all that is left, until the block is left."""
        try:
            with self._turn():
                while not block.leaving and not block.finished:
                    block.finished = not await self._step(whole_stage=True)
        except anyio.get_cancelled_exc_class():
            block.leaving = True
            raise
        except BaseException as error:
            block.error = error
        finally:
            block.running = False
            self._wake()

    def _give_up(self, block: _Block) -> None:
        block.leaving = True
        block.running = False
        self._wake()

    def _change(self) -> anyio.Event:
        """Set when anything changes after this."""
        self._changed = self._changed or anyio.Event()
        return self._changed

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()

    @contextmanager
    def _turn(self) -> Generator[None, None, None]:
        if self._busy:
            raise RuntimeError("this work is already running in another task or thread")
        self._busy = self._resumed = self._used = True
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
        while stages and not stages[0] and not self._announced:
            stages.popleft()
            self._new_stage = True
        if not stages:
            return False
        if self._fatal is not None:
            await self._start_no_more(self._fatal)
        else:
            async with self._session():
                await self._check(stages[0])
                await self._run(stages[0], whole_stage=whole_stage)
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return True

    async def _prepare(self) -> deque[deque[Item]]:
        self._began = anyio.current_time()
        async with self._session():
            outcomes, stages = await self._work.prepare()
        self._total = len(outcomes) + sum(map(len, stages))
        self._skipped = len(outcomes)
        self._outcomes += outcomes
        self._wake()
        self._is_active()
        self._resumed = False
        self._tell()
        return deque(map(deque, stages))

    @asynccontextmanager
    async def _session(self) -> AsyncGenerator[None]:
        """The session of the work, which ends in good order when the step is cancelled."""
        session = self._work.session()
        await session.__aenter__()
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await session.__aexit__(None, None, None)

    async def _check(self, stage: deque[Item]) -> None:
        """Have the work look again. A pause counts until a look has succeeded."""
        paused = _since(self._active) if self._resumed else 0.0
        await self._work.check((*self._announced, *stage), paused=paused, new_stage=self._new_stage)
        self._is_active()
        self._resumed = self._new_stage = False

    async def _run(self, stage: deque[Item], *, whole_stage: bool) -> None:
        """A batch: as many items as there are places. With `whole_stage`, places that get free are filled again."""
        try:
            async with anyio.create_task_group() as tasks:
                idle = False
                while self._goes_on() and (stage or len(self._announced) > self._starting):
                    change = self._change()
                    if self._has_room():
                        if idle:  # nobody took outcomes for a while
                            self._resumed = True
                            try:
                                await self._check(stage)
                            except Exception as error:
                                self._error = error
                                break
                        self._fill_places(tasks, stage)
                        if not whole_stage:
                            break
                    idle = self._under_way == 0
                    await change.wait()
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        finally:
            self._under_way = self._starting = self._reserved = 0  # a cancelled task may never have run

    def _fill_places(self, tasks: TaskGroup, stage: deque[Item]) -> None:
        """Begin as much as there are free places for: first what the work was told of before."""
        free = self._concurrency - self._under_way
        ready = min(len(self._announced) - self._starting, free)
        for _ in range(ready):
            self._starting += 1
            tasks.start_soon(self._fill_place)
        count = min(free - ready, len(stage) - self._reserved)
        if count:
            self._reserved += count
            tasks.start_soon(self._announce, tasks, stage, count)
        self._under_way += ready + count

    def _goes_on(self) -> bool:
        leaving = self._block is not None and self._block.leaving
        return self._fatal is None and self._error is None and not leaving

    def _has_room(self) -> bool:
        """Whether more may be begun: not while there are many outcomes that nobody has looked at."""
        block = self._block
        return block is None or not block.running or len(self._outcomes) - block.taken < self._concurrency

    async def _announce(self, tasks: TaskGroup, stage: deque[Item], count: int) -> None:
        """Tell the work what these places will begin, and begin it. Other places go on meanwhile."""
        self._reserved -= count
        items = [stage.popleft() for _ in range(count)] if self._goes_on() else []
        try:
            if items:
                await self._work.before(items)
        except BaseException as error:
            stage.extendleft(reversed(items))
            if not isinstance(error, Exception):
                raise
            self._error = self._error or error  # what is under way must still end
            items = []
        self._announced.extend(items)
        for _ in items:
            self._starting += 1
            tasks.start_soon(self._fill_place)
        self._under_way -= count - len(items)
        self._wake()

    async def _fill_place(self) -> None:
        self._starting -= 1
        outcome: Out | None = None
        try:
            if self._goes_on():
                self._is_active()
                outcome = await self._do(self._announced.popleft())
        finally:
            self._under_way -= 1
            self._wake()
        if outcome is not None:  # what is noted of it and of the next item may then go to the disk together
            await self._note(outcome)

    async def _do(self, item: Item) -> Out:
        """The outcome, recorded. Where the work is stopped meanwhile, it is noted here."""
        try:
            outcome = await self._work.perform(item)
        except Exception as error:
            self._error = error
            outcome = self._work.interrupted(item, error)
        except GeneratorExit:  # the loop is gone: nothing can be awaited any more
            self._outcomes.append(self._work.interrupted(item, InterruptedChangeError(_INTERRUPTED)))
            raise
        except BaseException:  # cancelled, or interrupted
            outcome = self._work.interrupted(item, InterruptedChangeError(_INTERRUPTED))
            self._record(outcome)
            await self._note(outcome)
            raise
        self._record(outcome)
        return outcome

    def _record(self, outcome: Out) -> None:
        self._outcomes.append(outcome)
        self._is_active()
        self._fatal = self._fatal or self._work.fatal_error(outcome)
        self._wake()
        self._tell()

    async def _note(self, outcome: Out) -> None:
        with anyio.CancelScope(shield=True):
            try:
                await self._work.after(outcome)
            except Exception as error:
                self._error = self._error or error
                self._wake()

    async def _start_no_more(self, error: Exception) -> None:
        """Give all that is left its outcome."""
        announced = [self._work.not_started(item, error) for item in self._announced]
        rest = [self._work.not_started(item, error) for stage in self._stages or () for item in stage]
        self._outcomes += announced + rest
        self._announced.clear()
        self._stages = deque()
        self._wake()
        self._tell()
        if announced:
            async with self._session():
                for outcome in announced:
                    await self._note(outcome)

    def _is_active(self) -> None:
        self._active = anyio.current_time(), time.time()

    def _tell(self) -> None:
        """Tell the observer. Its interrupts stop the work in good order."""
        if self._on_progress is None:
            return
        elapsed = anyio.current_time() - self._began
        try:
            tell(self._on_progress, Progress(len(self._outcomes), self._total, elapsed, self._skipped))
        except BaseException as error:
            self._error = error


_FORKED = (
    "the process was forked inside this block, and the event loop that does the work belongs to the parent"
)
_INTERRUPTED = "the work was stopped while this change was under way: it may have been applied"


def first_of(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _since(moment: tuple[float, float]) -> float:
    """Seconds since then. The clock of the wall goes on while the machine sleeps, and from one loop to another."""
    return max(anyio.current_time() - moment[0], time.time() - moment[1], 0.0)


refuse(
    AsyncBatches,
    "this work is not awaited itself: use `await work.collect()`, or `async for outcome in work`",
    "__await__",
)
refuse(
    AsyncBatches,
    "this work is asynchronous: use `async for` and `async with`, or the work that GroupsClient gives",
    *("__iter__", "__enter__", "__exit__"),
)
