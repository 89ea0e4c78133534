"""Blocking work in threads is waited for, whatever cancels the caller."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator

import anyio
import pytest

from groups_sdk.access._threads import run_in_steps, run_to_end

pytestmark = pytest.mark.anyio


class Blocking:
    """A function that blocks until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go, self.ended = threading.Event(), threading.Event(), False

    def __call__(self) -> str:
        self.begun.set()
        assert self.go.wait(60)
        self.ended = True
        return "done"


async def begun(blocking: Blocking) -> None:
    await anyio.to_thread.run_sync(blocking.begun.wait, 60)


async def test_values_and_errors_come_through() -> None:
    assert await run_to_end(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await run_to_end(lambda: 1 // 0)


async def test_a_cancelled_scope_waits_for_the_end() -> None:
    blocking = Blocking()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_to_end, blocking)
        await begun(blocking)
        tasks.cancel_scope.cancel()
        blocking.go.set()
    assert blocking.ended


async def test_what_is_cancelled_before_it_begins_is_still_done() -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        assert await run_to_end(lambda: 7) == 7


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_asyncio_task_waits_for_the_end() -> None:
    blocking = Blocking()
    task = asyncio.create_task(run_to_end(blocking))
    await begun(blocking)
    for _ in range(3):  # somebody is impatient
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not task.done()
    blocking.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert blocking.ended


async def test_a_limiter_of_one_keeps_the_order() -> None:
    limiter = anyio.CapacityLimiter(1)
    first = Blocking()
    done: list[int] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_to_end, first, limiter)
        await begun(first)
        for number in range(5):
            tasks.start_soon(run_to_end, lambda number=number: done.append(number), limiter)
            await anyio.wait_all_tasks_blocked()
        assert done == []
        first.go.set()
    assert done == [0, 1, 2, 3, 4]


async def test_the_event_loop_has_its_turn_between_two_steps() -> None:
    seen: list[tuple[int, bool]] = []
    turns = 0

    def steps() -> Generator[None, None, str]:
        for _ in range(3):
            seen.append((turns, threading.get_ident() == loop_thread))
            yield
        return "done"

    loop_thread = threading.get_ident()
    async with anyio.create_task_group() as tasks:

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await anyio.lowlevel.checkpoint()

        tasks.start_soon(count)
        assert await run_in_steps(steps()) == "done"
        tasks.cancel_scope.cancel()
    assert [in_loop for _, in_loop in seen] == [False] * 3
    assert seen[0][0] < seen[1][0] < seen[2][0]


async def test_steps_that_are_cancelled_end_after_the_one_at_hand() -> None:
    blocking = Blocking()
    seen: list[str] = []

    def steps() -> Generator[None, None, None]:
        try:
            seen.append(blocking())
            yield
            seen.append("next")
        finally:
            seen.append("closed")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run_in_steps, steps())
        await begun(blocking)
        tasks.cancel_scope.cancel()
        blocking.go.set()
    assert seen == ["done", "closed"]


async def test_what_a_step_raises_comes_through() -> None:
    def steps() -> Generator[None, None, None]:
        yield
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_in_steps(steps())
