"""Tasks of the jobs, whose errors come out as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

from groups_sdk.access._batches import first_of

__all__ = ["for_each", "task_group"]

T = TypeVar("T")


@asynccontextmanager
async def task_group() -> AsyncGenerator[TaskGroup, None]:
    """A task group that raises the first error of its tasks itself, in place of an exception group.

    The error keeps its `__cause__`.
    """
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
        return
    except BaseExceptionGroup as group:
        failure = first_of(group)
    try:
        raise failure
    finally:
        del failure  # its traceback leads to this frame: a cycle


async def for_each(func: Callable[[T], Awaitable[object]], items: Iterable[T], *, concurrency: int) -> None:
    """Await the function for every item, `concurrency` at a time. The first error ends the others, and is raised."""
    places = anyio.CapacityLimiter(concurrency)

    async def in_a_place(item: T) -> None:
        async with places:
            await func(item)

    async with task_group() as tasks:
        for item in items:
            tasks.start_soon(in_a_place, item)
