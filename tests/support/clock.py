"""Event loops whose clock can be put forward: what a test waits for happens first, and then its time runs out at once.

A timeout of half a second expires on a busy machine before anything was sent. Tests leave the client its usual
timeouts, and call `skip` when the request has arrived, or whatever else is to happen before the timeout.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import anyio
import pytest
import trio

_OF_PLANS = ("apply", "diff", "elevation")  # modules that ask what time it is
_clocks: WeakSet[_AsyncioLoop | _TrioClock] = WeakSet()


def options(backend: str) -> dict[str, Any]:
    """The `backend_options` of an event loop that `skip` puts forward."""
    return {"loop_factory": _AsyncioLoop} if backend == "asyncio" else {"clock": _TrioClock()}


def skip(seconds: float) -> None:
    """Put the clocks of all such event loops forward, soon; from any thread."""
    for clock in list(_clocks):
        clock.skip(seconds)


async def pass_by(seconds: float) -> None:
    """Put the clocks forward, and return when it has happened: after a mere pause it may be still to come."""
    until = anyio.current_time() + seconds
    skip(seconds)
    while anyio.current_time() < until:
        await anyio.sleep(0)


class _AsyncioLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__()
        self._skipped = 0.0
        _clocks.add(self)

    def time(self) -> float:
        return super().time() + self._skipped

    def skip(self, seconds: float) -> None:
        with suppress(RuntimeError):  # it has been closed
            self.call_soon_threadsafe(self._skip, seconds)

    def _skip(self, seconds: float) -> None:
        self._skipped += seconds


class _TrioClock(trio.abc.Clock):
    def __init__(self) -> None:
        self._skipped = 0.0
        self._token: trio.lowlevel.TrioToken | None = None

    def start_clock(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        _clocks.add(self)

    def current_time(self) -> float:
        return time.monotonic() + self._skipped

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.current_time()

    def skip(self, seconds: float) -> None:
        assert self._token is not None
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._skip, seconds)

    def _skip(self, seconds: float) -> None:
        self._skipped += seconds


class WallClock:
    """The time of day, as this package reads it: `offset` seconds away from the right one. Event loops have another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, offset: float = 0.0) -> None:
        self.offset = offset
        right = time.time
        monkeypatch.setattr(time, "time", lambda: right() + self.offset)
        wall = self

        class Shifted(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(seconds=wall.offset)

        for name, module in list(sys.modules.items()):
            if name.startswith("groups_sdk") and vars(module).get("datetime") is datetime:
                monkeypatch.setattr(module, "datetime", Shifted)


def set_time(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Have plans, and what is written for them, be made and applied at just this moment."""

    class Set(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return moment.astimezone(tz)

    for name in _OF_PLANS:
        module = import_module(f"groups_sdk.access._plan.{name}")
        monkeypatch.setattr(module, "datetime", Set)


class Age:
    """How old looks at members seem to be: `offset` seconds older than they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = 0.0
        here = SimpleNamespace(monotonic=lambda: time.monotonic() + self.offset)
        for name in ("_change_work", "_listing", "_finding", "_offboarding.removals"):
            monkeypatch.setattr(f"groups_sdk.access.{name}.time", here)
