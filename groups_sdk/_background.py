"""Work that goes on beside its consumer, in a task of the event loop itself.

A task group would have to be left in the task that entered it, and in the reverse order: a block that is left by a
fixture, or by the garbage collection of an async generator, is not. Such a task belongs to nobody, so its block can be
left anywhere.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

import anyio

from groups_sdk._event_loop import EventLoop

__all__ = ["BackgroundTask"]

_running: set[BackgroundTask] = set()  # asyncio itself does not keep its tasks alive


class BackgroundTask:
    """A task that runs `func`, in a copy of this context, until it returns, is cancelled, or the event loop ends.

    `func` must raise nothing but its cancellation: nobody would see it. `instead` is called in its place when asyncio
    cancels the task before its first step, and `func` never begins.
    """

    def __init__(self, func: Callable[[], Awaitable[object]], instead: Callable[[], object]) -> None:
        self._func = func
        self._instead = instead
        self._begun = False
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()
        self._loop = EventLoop()
        _running.add(self)  # before it is made: an eager task may end at once
        trio = _running_trio()
        if trio is not None:
            trio.lowlevel.spawn_system_task(self._run_on_trio, name=func, context=copy_context())
        else:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._end)

    async def _run(self) -> None:
        self._begun = True
        with self._scope:
            await self._func()

    async def _run_on_trio(self) -> None:
        try:
            await self._run()
        finally:
            self._end()

    def _end(self, _: object = None) -> None:
        _running.discard(self)
        self._ended.set()
        if not self._begun:
            self._instead()

    async def join(self) -> None:
        """Wait for its end. When this wait is cancelled, so is the task."""
        if self._loop.running:
            try:
                await self._ended.wait()
            except BaseException:
                await self.cancel()
                raise

    async def cancel(self) -> None:
        """Cancel it, and wait until it has ended, even in a task that is cancelled itself."""
        if self._loop.running:
            self._scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._ended.wait()

    def require_reach(self) -> None:
        """Raise `RuntimeError` when it may be under way on another event loop, from where nothing can be waited for."""
        if not (self._ended.is_set() or self._loop.running or self._loop.ended):
            raise RuntimeError(
                "this block was entered on another event loop, which has not ended: leave it there, so that what is "
                "under way can be waited for"
            )


def _running_trio() -> Any:
    """The module trio, when it runs this code; otherwise None."""
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_run() else None
