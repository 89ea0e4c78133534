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

__all__ = ["BackgroundTask"]

_running: set[BackgroundTask] = set()  # asyncio itself does not keep its tasks alive


class BackgroundTask:
    """A task that runs `func`, in a copy of this context, until it returns, is cancelled, or the event loop ends.

    `func` must raise nothing but its cancellation: nobody would see it.
    """

    def __init__(self, func: Callable[[], Awaitable[object]]) -> None:
        self._func = func
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()
        trio = _running_trio()
        if trio is not None:
            self._loop: object = trio.lowlevel.current_trio_token()
            trio.lowlevel.spawn_system_task(self._run, name=func, context=copy_context())
        else:
            loop = asyncio.get_running_loop()
            self._loop = loop
            self._task = loop.create_task(self._run())
        _running.add(self)

    async def _run(self) -> None:
        try:
            with self._scope:
                await self._func()
        finally:
            _running.discard(self)
            self._ended.set()

    async def join(self) -> None:
        """Wait for its end. When this wait is cancelled, so is the task."""
        if self._is_here:
            try:
                await self._ended.wait()
            except BaseException:
                await self.cancel()
                raise

    async def cancel(self) -> None:
        """Cancel it, and wait until it has ended, even in a task that is cancelled itself."""
        if self._is_here:
            self._scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._ended.wait()

    @property
    def _is_here(self) -> bool:
        """Whether this code runs on the same event loop. From another one nothing can be waited for."""
        trio = _running_trio()
        here = asyncio.get_running_loop() if trio is None else trio.lowlevel.current_trio_token()
        return self._loop is here


def _running_trio() -> Any:
    """The module trio, when it runs this code; otherwise None."""
    trio = sys.modules.get("trio")
    return trio if trio is not None and trio.lowlevel.in_trio_run() else None
