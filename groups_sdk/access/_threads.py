"""Blocking work in a thread, waited for to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

__all__ = ["run_to_end"]

T = TypeVar("T")


async def run_to_end(func: Callable[[], T], limiter: anyio.CapacityLimiter | None = None) -> T:
    """Run a function in a worker thread and wait until it has returned, even when the caller is cancelled meanwhile.

    A cancel scope takes effect at the caller's next wait; `asyncio.Task.cancel()`, which no scope can hold off, as
    soon as the function has returned. Functions that share a `limiter` of one run one after the other, in order.
    """
    values: list[T] = []
    errors: list[Exception] = []

    async def run() -> None:
        with anyio.CancelScope(shield=True):
            try:
                values.append(await anyio.to_thread.run_sync(func, limiter=limiter))
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
