"""Blocking work in threads, waited for to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread

__all__ = ["run_in_steps", "run_to_end", "wait_to_end"]

T = TypeVar("T")


async def run_to_end(func: Callable[[], T], limiter: anyio.CapacityLimiter | None = None) -> T:
    """Run a function in a worker thread and wait until it has returned, even when the caller is cancelled meanwhile.

    A cancel scope takes effect at the caller's next wait; `asyncio.Task.cancel()`, which no scope can hold off, as
    soon as the function has returned. Functions that share a `limiter` of one run one after the other, in order.
    """
    return await wait_to_end(partial(anyio.to_thread.run_sync, func, limiter=limiter))


async def run_in_steps(steps: Generator[object, None, T]) -> T:
    """Run a generator in worker threads, from one `yield` to the next, and return its value.

    Python code in a thread keeps the event loop waiting for up to 5 ms at a time, and some calls for as long as they
    take. Between two steps the event loop has its turn. When the caller is cancelled, the generator is closed after
    the step at hand; the caller waits for that too.
    """
    # Of its own: waiting for one of the threads that everybody shares could not be cancelled.
    limiter = anyio.CapacityLimiter(1)
    values: list[T] = []

    def step() -> bool:
        try:
            next(steps)
        except StopIteration as end:
            values.append(end.value)
        return not values

    try:
        await anyio.lowlevel.checkpoint_if_cancelled()
        while await run_to_end(step, limiter):
            await anyio.lowlevel.checkpoint_if_cancelled()
    finally:
        await run_to_end(steps.close, limiter)
    return values.pop()


async def wait_to_end(func: Callable[[], Awaitable[T]]) -> T:
    """Await a function to its end, even when the caller is cancelled meanwhile: see `run_to_end`."""
    values: list[T] = []
    errors: list[Exception] = []

    async def run() -> None:
        with anyio.CancelScope(shield=True):
            try:
                values.append(await func())
            except Exception as error:
                errors.append(error)

    # In a task of its own: asyncio's cancel() would take a waiting caller away while the thread goes on.
    with anyio.CancelScope(shield=True):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
    if errors:
        error = errors.pop()
        try:
            raise error
        finally:
            del error  # which refers to this frame
    return values.pop()
