"""The event loop that a client belongs to."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import anyio

__all__ = ["EventLoop", "current_loop"]


def current_loop() -> Any:
    """What stands for the running event loop: asyncio's loop itself, or trio's token."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


class EventLoop:
    """The running event loop, as finalisers and other event loops may touch it."""

    def __init__(self) -> None:
        self._handle = current_loop()
        self._process = os.getpid()
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Remember what time it is by the clock of this loop, on the loop itself, for `shift`."""
        self._seen = anyio.current_time(), time.monotonic()

    def shift(self) -> float:
        """What to add to a moment of this loop to have it by the clock of the running one."""
        moment, monotonic = self._seen
        return anyio.current_time() - moment - (time.monotonic() - monotonic)

    @property
    def running(self) -> bool:
        """Whether this is the event loop that runs this code."""
        return self._handle is current_loop()

    @property
    def ended(self) -> bool:
        """Whether nothing can run on it any more: it is closed, or belongs to a parent process."""
        return not self.post(lambda: None)

    @property
    def forked(self) -> bool:
        """Whether it belongs to the process that this one was forked from."""
        return self._process != os.getpid()

    def post(self, func: Callable[[], object]) -> bool:
        """Have func run on the loop, without waiting for it. False when there is no such loop any more."""
        if self.forked:
            return False
        try:
            if hasattr(self._handle, "run_sync_soon"):
                self._handle.run_sync_soon(func)
            else:
                self._handle.call_soon_threadsafe(func)
        except RuntimeError:
            return False
        return True
