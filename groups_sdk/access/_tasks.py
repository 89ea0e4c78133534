"""Tasks of the jobs, whose errors come out as they are."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from groups_sdk.access._batches import first_of

__all__ = ["for_each", "in_order", "task_group"]

T = TypeVar("T")
R = TypeVar("R")


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


async def in_order(
    items: AsyncIterable[T],
    change: Callable[[T], Awaitable[R]],
    use: Callable[[R], Awaitable[object]],
    *,
    at_a_time: int,
) -> None:
    """Await `change` for some items at a time, and `use` for what comes of each, in the order of the items.

    At most `at_a_time` items have been taken and not yet been used. The first error ends everything, and is raised.
    """
    room = anyio.Semaphore(at_a_time)
    sender, receiver = anyio.create_memory_object_stream[_Changing[T, R]](at_a_time)

    async def take_items() -> None:
        await room.acquire()
        async for item in items:
            changing = _Changing(change, item)
            sender.send_nowait(changing)
            tasks.start_soon(changing.run)
            await room.acquire()
        sender.close()

    with sender, receiver:
        async with task_group() as tasks:
            tasks.start_soon(take_items)
            async for changing in receiver:
                await use(await changing.result())
                room.release()


class _Changing(Generic[T, R]):
    """An item that is being changed."""

    def __init__(self, change: Callable[[T], Awaitable[R]], item: T) -> None:
        self._change = change
        self._item = item
        self._changed: list[R] = []
        self._done = anyio.Event()

    async def run(self) -> None:
        self._changed.append(await self._change(self._item))
        self._done.set()

    async def result(self) -> R:
        await self._done.wait()
        return self._changed.pop()
