"""The synchronous side of an asynchronous client: every method of a generated client is one `Portal.call`.

What a thread boundary makes hard is here and in `loop_thread`: interrupts, forks, garbage collection, interpreter
exit, and closing while other threads are still calling.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from contextvars import copy_context
from functools import partial
from importlib.util import find_spec
from time import monotonic
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakSet

import anyio

from groups_sdk import _deprecations as deprecations
from groups_sdk._loop_thread import (
    CLOSED,
    LOOP_ENDED,
    UNWIND,
    AsyncClient,
    Call,
    LoopThread,
    Session,
    here,
    threads,
)
from groups_sdk.errors import ClientClosedError, ConfigurationError

__all__ = ["Portal"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound=AsyncClient)
A = TypeVar("A")

_AT_EXIT = 1.0  # seconds that the end of the program may wait for clients that nobody closed

_ON_LOOP = "this code runs on the event loop, where waiting for a synchronous client would never end"
_FORKED = (
    "before the process forked, this client was used with a transport or http_client that was handed in, whose"
    " connections belong to the parent: make a new client"
)

_lock = threading.RLock()  # held while a client is put on a thread; reentrant for the sake of signal handlers
_portals: WeakSet[Portal[Any]] = WeakSet()
# What a forked child must neither use nor collect: its parent's sockets are in there.
_inherited: list[object] = []


class Background:
    """A call that nobody waits for."""

    def __init__(self, session: Session, call: Call[None]) -> None:
        self._session = session
        self._call = call

    def check(self) -> None:
        """Raise why it has ended, if it has."""
        if self._call.ended:
            self._call.result()
            raise ClientClosedError(LOOP_ENDED)  # as it did before, which is told only once

    def cancel(self) -> None:
        """Cancel it, and wait until it has let go; on any thread but the loop's."""
        self._session.cancel(self._call)


class _Stay(Generic[A]):
    """The stay in an asynchronous context manager, in one task of its own."""

    def __init__(self, manager: AbstractAsyncContextManager[A]) -> None:
        self._manager = manager
        self._error: BaseException | None = None
        self._value: A

    async def prepare(self) -> None:
        self._entered, self._leaving, self._left = anyio.Event(), anyio.Event(), anyio.Event()

    async def run(self) -> None:
        try:
            async with self._manager as self._value:
                self._entered.set()
                await self._leaving.wait()
        except BaseException as error:
            self._error = error
            if not isinstance(error, Exception):
                raise
        finally:
            self._entered.set()
            self._left.set()

    async def enter(self) -> A:
        await self._entered.wait()
        self._check()
        return self._value

    async def leave(self) -> None:
        self._leaving.set()
        await self._left.wait()
        self._check()

    def _check(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


class Portal(Generic[T]):
    """The synchronous side of `target`, an asynchronous client; in a forked child, of another one with its settings.

    `backend` is "asyncio" or "trio"; `backend_options` are those of `anyio.run`, such as `{"use_uvloop": True}`.
    `forkable` tells whether a forked child may go on with connections of its own.
    """

    _session: Session | None = None
    _closed = False
    _stale = False  # the connections of the target belong to the process that this one was forked from

    def __init__(
        self,
        target: T,
        *,
        backend: str = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
        forkable: bool = True,
    ) -> None:
        if backend not in ("asyncio", "trio"):
            raise ConfigurationError(f"backend must be 'asyncio' or 'trio'; got {backend!r}")
        if backend == "trio" and find_spec("trio") is None:
            raise ConfigurationError("backend='trio' needs the package trio, which is not installed")
        self.target: T = target
        self._backend = backend
        self._options = dict(backend_options or {})
        self._forkable = forkable
        _portals.add(self)

    def call(self, func: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run func on the loop thread, in a copy of the caller's context, and return what it returns.

        An interrupt cancels it, and is raised when it has let go. Raises `ClientClosedError` when the client is
        closed, before or meanwhile, and `RuntimeError` on a loop thread.
        """
        if here.on_loop:
            raise RuntimeError(_ON_LOOP)
        if self._closed:
            raise ClientClosedError(CLOSED)
        session = self._session or self._open()
        context = copy_context()
        warnings_meanwhile = deprecations.defer(context)
        try:
            return session.run(Call(partial(func, *args, **kwargs), context))
        finally:
            deprecations.show(warnings_meanwhile)

    def start(self, func: Callable[[], Coroutine[Any, Any, None]], /) -> Background:
        """Run func on the loop thread beside the caller, which is the code of a call.

        Raises `ClientClosedError` when the client is closed.
        """
        session = self._session
        if self._closed or session is None:
            raise ClientClosedError(CLOSED)
        call = Call(func, copy_context())
        session.start(call)
        return Background(session, call)

    @contextmanager
    def hold(self, manager: AbstractAsyncContextManager[A], /) -> Generator[A, None, None]:
        """Enter the manager in a task on the loop thread, and leave it in that same task at the end of the block.

        Leaving is silent where the client was closed meanwhile, and in a forked child.
        """
        stay = _Stay(manager)
        self.call(stay.prepare)
        session = self._session
        self.start(stay.run)
        try:
            yield self.call(stay.enter)
        finally:
            if session is self._session:
                with suppress(ClientClosedError):
                    self.call(stay.leave)

    def _open(self) -> Session:
        with _lock:
            while self._session is None:
                if self._stale:
                    raise ClientClosedError(_FORKED)
                session = Session(_loop_thread(self._backend, self._options), self.target)
                try:
                    if session.attach():
                        self._session = session
                finally:
                    if self._session is not session:
                        session.detach()
            session = self._session
        if self._closed:  # meanwhile, by a thread that may not have seen the session
            session.close_soon()
        return session

    def close(self) -> None:
        """Cancel what is under way and close the connections. Closing twice does nothing more.

        Raises `RuntimeError` on a loop thread.
        """
        if here.on_loop:
            raise RuntimeError(_ON_LOOP)
        self._closed = True
        session = self._session
        if session is None:
            return
        session.close_soon()
        session.closing.wait()
        try:
            last = session.closing.result()
        except ClientClosedError:
            return  # the loop had ended by itself
        if last:
            session.thread.join(UNWIND)

    def disown(self) -> None:
        """In a forked child: let go of the thread, and of the connections without closing them."""
        self._stale = self._stale or self._session is not None
        self._session = None

    def renew(self) -> None:
        """In a forked child, after `disown`: get an asynchronous client with connections of its own."""
        if self._stale and self._forkable:
            self.target = self.target.detached()
            self._stale = False

    def __del__(self) -> None:
        session = self._session
        if session is not None and session.close_soon() and not sys.is_finalizing():
            _warn_unclosed(session, self)


def _loop_thread(backend: str, options: Mapping[str, Any]) -> LoopThread:
    for thread in list(threads):
        if thread.open and (thread.backend, thread.options) == (backend, options):
            return thread
    thread = LoopThread(backend, options)
    thread.start()
    return thread


def _warn_unclosed(session: Session, source: object = None) -> None:
    name = repr(session.target).removeprefix("Async")
    warnings.warn(f"unclosed client {name}", ResourceWarning, source=source, stacklevel=3)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    _inherited.extend(threads)
    for thread in threads:
        for session in thread.sessions:  # a signal handler may have forked in the midst of a call
            session.fail_calls(LOOP_ENDED)
    threads.clear()
    portals = list(_portals)
    for portal in portals:
        portal.disown()
    for portal in portals:  # only now: should this fail, no portal is left with the connections of the parent
        portal.renew()


def _at_exit() -> None:
    sessions = [session for thread in list(threads) for session in list(thread.sessions)]
    unclosed = [session for session in sessions if session.close_soon()]
    give_up = monotonic() + _AT_EXIT
    for session in sessions:
        session.closing.wait(give_up - monotonic())
    for thread in {session.thread for session in sessions}:
        thread.join(give_up - monotonic())
    for session in unclosed:
        _warn_unclosed(session)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
