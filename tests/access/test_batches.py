"""The engine of all work with outcomes: nothing is lost or done twice, whatever stops it."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Coroutine, Generator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import anyio
import pytest
from support import clock
from support.batches import Numbers, batches, done

from groups_sdk import InterruptedChangeError, InvalidArgumentError
from groups_sdk.access import AsyncChanges, Changes
from groups_sdk.access._batches import AsyncBatches, first_of
from groups_sdk.access._outcomes import Progress

R = TypeVar("R")


@pytest.mark.anyio
async def test_nothing_is_under_way_while_somebody_looks_at_an_outcome() -> None:
    work = Numbers([1, 2, 3, 4, 5, 6, 7])
    bulk = batches(work)
    assert work.log == []
    seen = []
    async for outcome in bulk:
        seen.append(outcome)
        started, ended = len(work.performed), len(bulk.outcomes)
        assert started == ended
    assert set(seen) == done(*range(1, 8))
    assert [value for word, value in work.log if word == "before"] == [[1, 2, 3], [4, 5, 6], [7]]


@pytest.mark.anyio
async def test_a_consumer_that_stops_loses_no_outcome_and_may_go_on() -> None:
    work = Numbers([1, 2, 3, 4, 5])
    bulk = batches(work)
    assert (bulk.total, bulk.pending, bulk.outcomes) == (None, (), ())
    async for _ in bulk:
        break
    assert set(bulk.outcomes) == done(1, 2, 3)
    assert (bulk.total, bulk.pending) == (5, (4, 5))
    assert {outcome async for outcome in bulk} == done(1, 2, 3, 4, 5)
    assert await bulk.finish() == list(bulk.outcomes)
    assert await bulk.step() is False
    assert sorted(work.performed) == [1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_finishing_keeps_all_places_filled() -> None:
    work = Numbers([1, 2, 3, 4, 5])
    bulk = batches(work, concurrency=2)
    work.gates = {2}
    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while not {1, 3, 4, 5} <= {number for number, _ in bulk.outcomes}:
                await anyio.lowlevel.checkpoint()
            tasks.cancel_scope.cancel()  # 2 has been waiting all the time: the others went past it

        tasks.start_soon(watch)
        await bulk.finish()
    assert set(bulk.outcomes) == {*done(1, 3, 4, 5), (2, "InterruptedChangeError")}


@pytest.mark.anyio
async def test_a_stage_begins_when_the_one_before_has_ended() -> None:
    for finish in (True, False):
        work = Numbers([1, 2], [], [3], [4, 5])
        bulk = batches(work)
        await (bulk.finish() if finish else _exhaust(bulk))
        order = [value[0] if word == "after" else value for word, value in work.log if word != "before"]
        assert sorted(order[:4]) == [1, 1, 2, 2]
        assert order[4:6] == [3, 3]


async def _exhaust(bulk: AsyncBatches[Any, Any]) -> None:
    async for _ in bulk:
        pass


@pytest.mark.anyio
@pytest.mark.parametrize("finish", [True, False])
async def test_a_cancelled_step_keeps_what_was_under_way_and_goes_on_after_it(finish: bool) -> None:
    work = Numbers([1, 2, 3, 4, 5])
    work.gates = {2, 3}
    bulk = batches(work)
    with anyio.CancelScope() as scope:
        work.on_wait = lambda: scope.cancel() if work.waiting == {2, 3} else None
        await (bulk.finish() if finish else bulk.step())
    assert scope.cancelled_caught
    lost = {outcome for outcome in bulk.outcomes if outcome[1] == "InterruptedChangeError"}
    assert {2, 3} <= {number for number, _ in lost}
    assert len(work.performed) == len(bulk.outcomes)
    work.gates = set()
    outcomes = await bulk.finish()
    assert lost <= set(outcomes)
    assert sorted(number for number, _ in outcomes) == [1, 2, 3, 4, 5]
    assert sorted(work.performed) == [1, 2, 3, 4, 5], "what may have been done is not done again"
    assert all(("after", outcome) in work.log for outcome in lost)


@pytest.mark.anyio
async def test_what_a_cancellation_did_not_let_begin_is_not_lost() -> None:
    work = Numbers([1, 2, 3, 4])
    bulk = batches(work)
    await bulk.preview()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await bulk.step()
    assert len(work.performed) == len(bulk.outcomes)
    assert len(bulk.outcomes) + len(bulk.pending) == 4
    await bulk.finish()
    assert sorted(work.performed) == [1, 2, 3, 4]


@pytest.mark.anyio
@pytest.mark.parametrize("finish", [True, False])
async def test_an_outcome_that_stops_the_work_leaves_the_rest_out(finish: bool) -> None:
    work = Numbers([1, 2, 3, 4], [5])
    work.stop_at = 1
    bulk = batches(work, concurrency=1)
    await (bulk.finish() if finish else _exhaust(bulk))
    assert bulk.outcomes == ((1, "done"), *((n, "not started: stop") for n in (2, 3, 4, 5)))
    assert work.performed == [1]
    assert bulk.pending == ()


@pytest.mark.anyio
@pytest.mark.parametrize("finish", [True, False])
async def test_what_was_noted_but_never_begun_is_left_out_with_the_rest(finish: bool) -> None:
    work = Numbers([1, 2, 3, 4])
    work.stop_at = work.at_once = 1
    bulk = batches(work)
    await (bulk.finish() if finish else _exhaust(bulk))
    first = work.performed
    assert {*bulk.outcomes} == {
        *done(*first),
        *((n, "not started: stop") for n in {1, 2, 3, 4} - {*first}),
    }
    assert len(bulk.outcomes) == 4


@pytest.mark.anyio
@pytest.mark.parametrize("finish", [True, False])
async def test_an_error_that_nobody_expected_is_raised_once_and_keeps_all_outcomes(finish: bool) -> None:
    work = Numbers([1, 2, 3, 4])
    work.errors = {2: ZeroDivisionError("what")}
    bulk = batches(work, concurrency=2)
    with pytest.raises(ZeroDivisionError):
        await (bulk.finish() if finish else _exhaust(bulk))
    assert (2, "ZeroDivisionError") in bulk.outcomes
    assert len(bulk.outcomes) + len(bulk.pending) == 4
    await bulk.finish()
    assert len(bulk.outcomes) == 4


class Stop(BaseException):
    pass


@pytest.mark.anyio
async def test_what_ends_the_program_is_raised_as_itself_and_costs_no_outcome() -> None:
    work = Numbers([1, 2, 3])
    work.errors = {2: Stop()}
    bulk = batches(work, concurrency=1)
    with pytest.raises(Stop):
        await bulk.finish()
    assert bulk.outcomes == ((1, "done"), (2, "InterruptedChangeError"))
    assert await bulk.finish() == [*bulk.outcomes[:2], (3, "done")]


@pytest.mark.anyio
async def test_a_first_look_that_fails_is_looked_again() -> None:
    work = Numbers([1], done=[7, 8])
    work.fails = {"prepare": [OSError("no")]}
    bulk = batches(work)
    with pytest.raises(OSError, match="no"):
        await bulk.step()
    assert await bulk.preview() == (1,)
    assert bulk.outcomes == ((7, "skipped"), (8, "skipped"))
    assert await bulk.preview() == (1,)
    assert work.performed == []
    assert set(await bulk.finish()) == {(7, "skipped"), (8, "skipped"), (1, "done")}
    assert work.log.count(("before", [1])) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("finish", [True, False])
async def test_what_cannot_be_noted_is_not_begun(finish: bool) -> None:
    work = Numbers([1, 2, 3])
    work.fails = {"before": [OSError("full")]}
    bulk = batches(work)
    with pytest.raises(OSError, match="full"):
        await (bulk.finish() if finish else bulk.step())
    assert (work.performed, bulk.outcomes, bulk.pending) == ([], (), (1, 2, 3))
    await bulk.finish()
    assert sorted(work.performed) == [1, 2, 3]


@pytest.mark.anyio
async def test_when_noting_fails_on_the_way_the_others_still_get_their_outcomes() -> None:
    work = Numbers([1, 2, 3, 4])
    bulk = batches(work, concurrency=2)
    await bulk.preview()
    work.fails = {"after": [OSError("full")]}
    with pytest.raises(OSError, match="full"):
        await bulk.finish()
    assert len(work.performed) == len(bulk.outcomes) < 4
    began = False

    class Full(list[Exception]):
        def __bool__(self) -> bool:  # the first `begin` of a run passes, that of the next item does not
            nonlocal began
            was, began = began, True
            return was

    work.fails = {"before": Full([OSError("full again")])}
    bulk2 = batches(Numbers([1, 2, 3]), concurrency=1)
    bulk2._work = work  # type: ignore[assignment]
    work.stages = ([1, 2, 3],)
    with pytest.raises(OSError, match="full again"):
        await bulk2.finish()
    assert (bulk2.outcomes, bulk2.pending) == (((1, "done"),), (2, 3))


@pytest.mark.anyio
@pytest.mark.parametrize("finish", [True, False])
async def test_the_work_may_look_again_before_anything_is_begun(finish: bool) -> None:
    work = Numbers([1, 2, 3, 4], [5])
    bulk = batches(work)
    await (bulk.finish() if finish else _exhaust(bulk))
    looks = [(stage, new_stage) for stage, _, new_stage in work.checks]
    if finish:
        assert looks == [([1, 2, 3, 4], True), ([5], True)]
        assert [paused for _, paused, _ in work.checks] == [0.0, 0.0], "it was one run"
    else:
        assert looks == [([1, 2, 3, 4], True), ([4], False), ([5], True)]


@pytest.mark.anyio
async def test_the_work_is_told_how_long_nothing_was_done() -> None:
    async def sleep(seconds: float) -> None:
        clock.skip(seconds)
        await anyio.sleep(seconds / 2)

    work = Numbers([1], [2])
    work.fails = {"check": [OSError("no look")]}
    bulk = batches(work)
    await bulk.preview()
    await sleep(20)
    with pytest.raises(OSError, match="no look"):
        await bulk.finish()
    assert (work.performed, bulk.pending) == ([], (1, 2))
    await sleep(20)
    await bulk.finish()
    (_, first, _), (_, second, _) = work.checks
    assert (first >= 40, second) == (True, 0.0), "a look that failed does not count"


@pytest.mark.anyio
async def test_a_cancellation_while_something_is_noted_before_leaves_it_pending() -> None:
    work = Numbers([1, 2, 3])
    bulk = batches(work)
    await bulk.preview()
    with anyio.CancelScope() as scope:

        async def before(items: Sequence[int]) -> None:
            scope.cancel()
            await anyio.lowlevel.checkpoint()

        work.before = before  # type: ignore[method-assign]
        await bulk.step()
    assert (work.performed, bulk.pending, work.sessions) == ([], (1, 2, 3), 0)
    del work.before
    assert set(await bulk.finish()) == done(1, 2, 3)


@pytest.mark.anyio
async def test_a_cancellation_waits_until_an_outcome_is_noted() -> None:
    work = Numbers([1, 2])
    bulk = batches(work, concurrency=1)
    noted: list[tuple[int, str]] = []
    with anyio.CancelScope() as scope:

        async def after(outcome: tuple[int, str]) -> None:
            scope.cancel()
            await anyio.sleep(0.001)
            assert work.sessions == 1
            noted.append(outcome)

        work.after = after  # type: ignore[method-assign]
        await bulk.finish()
    assert noted == [(1, "done")] == [*bulk.outcomes]
    assert (bulk.pending, work.sessions) == ((2,), 0)


@pytest.mark.anyio
async def test_an_outcome_that_cannot_be_noted_is_there_all_the_same() -> None:
    work = Numbers([1, 2, 3])
    work.gates = {1, 2, 3}
    work.fails = {"after": [OSError("full"), OSError("full")]}
    bulk = batches(work, concurrency=2)
    with anyio.CancelScope() as scope:
        work.on_wait = lambda: scope.cancel() if work.waiting == {1, 2} else None
        await bulk.finish()
    assert {*bulk.outcomes} == {(1, "InterruptedChangeError"), (2, "InterruptedChangeError")}
    assert bulk.pending == (3,)
    work.gates = set()
    with pytest.raises(OSError, match="full"):
        await bulk.finish()
    await bulk.finish()
    assert (3, "done") in bulk.outcomes


@pytest.mark.anyio
async def test_what_was_noted_before_and_never_begun_is_noted_after_too() -> None:
    work = Numbers([1, 2, 3, 4])
    bulk = batches(work)
    work.stop_at = work.at_once = 1
    await bulk.finish()
    noted = {value[0] for word, value in work.log if word == "after"}
    assert noted == {1, 2, 3}, "all that were noted before, and only those"
    assert work.sessions == 0


@pytest.mark.anyio
async def test_a_place_does_not_wait_while_what_another_begins_is_noted() -> None:
    work = Numbers([1, 2, 3, 4])
    bulk = batches(work, concurrency=2)
    first, third = anyio.Event(), anyio.Event()
    before, perform = work.before, work.perform

    async def slow_before(items: Sequence[int]) -> None:
        if items == [3]:
            first.set()
            await third.wait()
        await before(items)

    async def slow_perform(item: int) -> tuple[int, str]:
        if item == 1:
            await first.wait()
        return await perform(item)

    work.before, work.perform = slow_before, slow_perform  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bulk.finish)
        while set(bulk.outcomes) != done(1, 2, 4):
            await anyio.lowlevel.checkpoint()
        third.set()
    assert set(bulk.outcomes) == done(1, 2, 3, 4)


@pytest.mark.anyio
async def test_what_was_noted_before_and_not_begun_is_begun_first_and_not_noted_again() -> None:
    work = Numbers([1, 2, 3])
    bulk = batches(work, concurrency=2)
    perform = work.perform

    async def failing(item: int) -> tuple[int, str]:
        work.perform = perform  # type: ignore[method-assign]
        raise ZeroDivisionError

    work.perform = failing  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        await bulk.finish()
    assert (len(bulk.outcomes), len(bulk.pending), work.performed) == (1, 2, [])
    first = bulk.pending[0]
    await bulk.finish()
    assert sorted(work.performed) == [first, 3]
    assert [value for word, value in work.log if word == "before"] == [[1, 2], [3]]


@pytest.mark.anyio
async def test_a_look_that_fails_after_a_pause_in_the_block_begins_nothing_else() -> None:
    work = Numbers([1, 2, 3])
    bulk = batches(work, concurrency=1)
    with pytest.raises(OSError, match="no look"):
        async with bulk:
            async for _ in bulk:
                while ("after", (2, "done")) not in work.log:
                    await anyio.lowlevel.checkpoint()
                for _ in range(10):  # the block learns that nobody takes anything
                    await anyio.lowlevel.checkpoint()
                work.fails.setdefault("check", [OSError("no look")])
    assert (bulk.outcomes, bulk.pending) == (((1, "done"), (2, "done")), (3,))


@pytest.mark.anyio
async def test_a_place_is_free_while_its_outcome_is_noted() -> None:
    work = Numbers([1, 2])
    bulk = batches(work, concurrency=1)
    held = anyio.Event()
    after = work.after

    async def slow(outcome: tuple[int, str]) -> None:
        if outcome[0] == 1:
            await held.wait()
        await after(outcome)

    work.after = slow  # type: ignore[method-assign]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bulk.finish)
        while (2, "done") not in bulk.outcomes:
            await anyio.lowlevel.checkpoint()
        assert ("after", (1, "done")) not in work.log
        held.set()
    assert ("after", (1, "done")) in work.log


def test_a_loop_that_is_gone_costs_no_outcome() -> None:
    work = Numbers([1])
    work.perform = _suspended  # type: ignore[method-assign,assignment]
    bulk = batches(work)
    bulk._used = True
    under_way = bulk._do(1)
    under_way.send(None)
    under_way.close()
    assert bulk.outcomes == ((1, "InterruptedChangeError"),)
    assert work.log == [], "nothing can be awaited then"


@types.coroutine
def _suspended(item: int) -> Generator[None, None, None]:
    yield


@pytest.mark.anyio
async def test_progress_is_told_after_each_outcome_and_its_errors_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[Progress] = []
    bulk = batches(Numbers([1, 2, 3], done=[0]), on_progress=told.append)
    await bulk.finish()
    assert [(p.done, p.total, p.skipped) for p in told] == [(n, 4, 1) for n in (1, 2, 3, 4)]

    def broken(_: Progress) -> None:
        raise ValueError("broken hook")

    with caplog.at_level(logging.ERROR, "groups_sdk"):
        assert len(await batches(Numbers([1, 2]), on_progress=broken).finish()) == 2
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError] * 3


@pytest.mark.anyio
async def test_a_hook_that_ends_the_program_ends_the_work_in_good_order() -> None:
    def enough(progress: Progress) -> None:
        if progress.done == 2:
            raise SystemExit(3)

    bulk = batches(Numbers([1, 2, 3, 4, 5]), concurrency=2, on_progress=enough)
    with pytest.raises(SystemExit):
        await bulk.finish()
    assert 2 <= len(bulk.outcomes) <= 3, "what was under way has ended, nothing else was begun"
    assert len(bulk.outcomes) + len(bulk.pending) == 5


def test_rate_and_time_left() -> None:
    progress = Progress(done=30, total=50, elapsed=4.0, skipped=10)
    assert (progress.rate, progress.remaining) == (5.0, 4.0)
    assert Progress(0, 5, 0.0).rate == 0.0
    assert Progress(0, 5, 2.0).remaining is None
    assert Progress(5, None, 2.0).remaining is None


@pytest.mark.anyio
async def test_two_tasks_cannot_share_a_step() -> None:
    work = Numbers([1])
    work.gates = {1}
    bulk = batches(work)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bulk.step)
        while not work.waiting:
            await anyio.lowlevel.checkpoint()
        for other in (bulk.step, bulk.finish, bulk.preview):
            with pytest.raises(RuntimeError, match="already running"):
                await other()
        tasks.cancel_scope.cancel()
    assert await bulk.step() is False


@pytest.mark.parametrize("concurrency", [0, -1, True, 1.5, "3"])
def test_concurrency_is_a_whole_number(concurrency: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="concurrency"):
        batches(Numbers(), concurrency=concurrency)


def test_the_first_of_nested_groups() -> None:
    error = KeyboardInterrupt()
    assert first_of(BaseExceptionGroup("", [BaseExceptionGroup("", [error])])) is error


def call(func: Callable[[], Coroutine[Any, Any, R]], /) -> R:
    return anyio.run(func)


def changes(work: Numbers, call: Callable[..., Any]) -> Changes:
    """The synchronous twin of such work, which takes its steps with `call`."""
    inner = AsyncChanges(cast("Any", work), name="this work", concurrency=3, on_progress=None)
    return Changes(cast("Any", SimpleNamespace(call=call)), inner)


def test_the_synchronous_side_crosses_once_for_each_batch() -> None:
    crossings = 0

    def counted(func: Callable[[], Coroutine[Any, Any, R]], /) -> R:
        nonlocal crossings
        crossings += 1
        return call(func)

    bulk: Any = changes(Numbers([1, 2, 3, 4, 5]), counted)
    assert bulk.preview() == (1, 2, 3, 4, 5)
    assert (bulk.total, bulk.pending, bulk.outcomes) == (5, (1, 2, 3, 4, 5), ())
    crossings = 0
    assert set(bulk) == done(1, 2, 3, 4, 5)
    assert crossings == 3  # two batches, and the end
    assert set(bulk) == done(1, 2, 3, 4, 5)
    assert len(bulk.finish()) == 5
    assert bulk.step() is False


def test_an_interrupted_synchronous_step_loses_nothing() -> None:
    interrupts = 1

    def interrupted(func: Callable[[], Coroutine[Any, Any, R]], /) -> R:
        nonlocal interrupts
        result = call(func)
        if interrupts:
            interrupts -= 1
            raise KeyboardInterrupt  # after the batch was done, before its outcomes were handed over
        return result

    work = Numbers([1, 2, 3, 4, 5])
    bulk: Any = changes(work, interrupted)
    iteration = iter(bulk)
    with pytest.raises(KeyboardInterrupt):
        next(iteration)
    assert set(bulk.outcomes) == done(1, 2, 3)
    with pytest.raises(RuntimeError, match="begin a new one"):
        next(iteration)
    assert set(bulk) == done(1, 2, 3, 4, 5)
    assert sorted(work.performed) == [1, 2, 3, 4, 5]


@pytest.mark.anyio
async def test_a_cancelled_step_loses_nothing_of_its_iteration() -> None:
    work = Numbers([1, 2, 3, 4, 5])
    iteration = aiter(batches(work))
    with anyio.CancelScope() as scope:
        work.gates, work.on_wait = {3}, scope.cancel
        await anext(iteration)
    work.gates = set()
    assert sorted([number async for number, _ in iteration]) == [1, 2, 3, 4, 5]
    assert len(work.performed) == 5


def test_errors_say_that_the_outcome_is_open() -> None:
    work = Numbers([1])
    work.gates = {1}
    errors: list[Exception] = []
    work.interrupted = lambda item, error: (errors.append(error), (item, "open"))[1]  # type: ignore[method-assign]

    async def stopped() -> None:
        with anyio.CancelScope() as scope:
            work.on_wait = scope.cancel
            await batches(work).step()

    anyio.run(partial(stopped))
    assert isinstance(errors[0], InterruptedChangeError)
    assert "may have been applied" in str(errors[0])
