"""What must come to an end with a client: its calls, and its sockets, even where nobody can wait for them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, Protocol

import anyio

__all__ = ["Calls", "Connections", "EventLoop", "current_loop"]


def current_loop() -> Any:
    """What stands for the running event loop: asyncio's loop itself, or trio's token."""
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        return trio.lowlevel.current_trio_token()
    return asyncio.get_running_loop()


class EventLoop:
    """The event loop that a client belongs to, as finalisers and other event loops may touch it."""

    def __init__(self) -> None:
        self.handle: Any = current_loop()
        self.time: Callable[[], float] = getattr(self.handle, "time", anyio.current_time)
        self._process = os.getpid()

    @property
    def forked(self) -> bool:
        """Whether it was the parent's. To close its sockets here would take them out of the parent's loop too."""
        return self._process != os.getpid()

    def post(self, func: Callable[[], object]) -> bool:
        """Have func run on the loop, waiting for nothing. False when there is no such loop any more."""
        if self.forked:
            return False
        try:
            if hasattr(self.handle, "run_sync_soon"):
                self.handle.run_sync_soon(func)
            else:
                self.handle.call_soon_threadsafe(func)
        except RuntimeError:
            return False
        return True


class Calls:
    """The calls under way. Closing ends them."""

    def __init__(self) -> None:
        self._scopes: set[anyio.CancelScope] = set()
        self._idle = anyio.Event()

    @contextmanager
    def one(self) -> Generator[anyio.CancelScope]:
        """Within it a call runs, which `end` cancels."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield scope
            finally:
                self._scopes.discard(scope)
                if not self._scopes:
                    self._idle.set()

    async def end(self) -> None:
        """Cancel all of them, and wait until they have let go."""
        self._idle = anyio.Event()
        for scope in self._scopes:
            scope.cancel()
        if self._scopes:
            await self._idle.wait()


class _Stream(Protocol):
    """A socket, as httpcore's trace shows it."""

    def aclose(self) -> Coroutine[Any, Any, None]: ...

    def get_extra_info(self, info: str) -> Any: ...


class Connections:
    """The open sockets of a client: they can be closed without waiting, which the HTTP library cannot do."""

    def __init__(self) -> None:
        self._streams: list[_Stream] = []

    def add(self, stream: _Stream) -> None:
        self._streams = [known for known in self._streams if _is_open(known)]
        self._streams.append(stream)

    def abort(self) -> None:
        """Close them all, on their event loop, or after its end."""
        while self._streams:
            abort(self._streams.pop())


def _is_open(stream: _Stream) -> bool:
    sock = stream.get_extra_info("socket")
    return sock is not None and sock.fileno() >= 0


def abort(stream: _Stream) -> None:
    """Close a socket without waiting. What there is to wait for comes after the closing itself."""
    closing = stream.aclose()
    try:
        closing.send(None)
    except StopIteration:  # it waits for nothing
        pass
    except (
        RuntimeError
    ):  # its event loop has ended; asyncio then lets nobody at the socket, and closes it itself
        sock = stream.get_extra_info("socket")
        if hasattr(sock, "detach"):
            os.close(sock.detach())
    finally:
        closing.close()
