"""Run the asynchronous client from synchronous code, on one event loop in a thread of its own.

Every method of the generated client is one `Portal.call`. What a thread boundary makes hard is here: interrupts,
forks, garbage collection, interpreter exit, and closing while other threads are still calling. anyio's own
`start_blocking_portal` is not used for the thread, since its finalisers wait for calls that nobody will end.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from functools import partial
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar
from weakref import WeakSet

import anyio
from anyio.from_thread import BlockingPortal

from groups_sdk.errors import ClientClosedError

__all__ = ["Portal", "SyncClient"]

P = ParamSpec("P")
R = TypeVar("R")

_UNWIND = 5.0  # seconds that an interrupted caller, or a client nobody closed, waits for requests to let go
_CLOSED = "this client is closed"
_CLOSED_MEANWHILE = "the client was closed while this call ran; a change may have been applied"


class Closable(Protocol):
    """An asynchronous client, as far as the portal knows it."""

    async def aclose(self) -> None:
        """Close the connections."""

    def detached(self) -> Self:
        """The same client with connections of its own, for another event loop."""
        ...


T = TypeVar("T", bound=Closable)


class _Fatal(Exception):
    """Carries a KeyboardInterrupt or SystemExit past the event loop, which it would end for everybody."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Call(Generic[R]):
    """One call under way. It can be cancelled before the loop has begun with it."""

    __slots__ = ("_abandoned", "_done", "_func", "_scope")

    def __init__(self, func: Callable[[], Coroutine[Any, Any, R]]) -> None:
        self._func = func
        self._scope: anyio.CancelScope | None = None
        self._done: anyio.Event | None = None
        self._abandoned = False

    async def run(self) -> R:
        cancelled = anyio.get_cancelled_exc_class()
        with anyio.CancelScope() as self._scope:
            self._done = anyio.Event()
            try:
                if self._abandoned:
                    raise ClientClosedError(_CLOSED)
                return await self._func()
            except (Exception, cancelled):
                raise
            except BaseException as error:
                raise _Fatal(error) from None
            finally:
                self._done.set()
        raise ClientClosedError(_CLOSED_MEANWHILE)

    async def cancel(self) -> None:
        """Cancel the call and wait until it has let go."""
        self._abandoned = True
        if self._scope is not None and self._done is not None:
            self._scope.cancel()
            with anyio.move_on_after(_UNWIND):
                await self._done.wait()


class _LoopThread:
    """A daemon thread with an event loop, shared by all clients."""

    def __init__(self) -> None:
        self.leases = 0
        self.portal: BlockingPortal
        self._post: Callable[..., object]
        self._tasks: anyio.abc.TaskGroup
        ready: Future[None] = Future()
        self.thread = threading.Thread(target=self._run, args=(ready,), name="groups_sdk", daemon=True)
        self.thread.start()
        ready.result()

    def _run(self, ready: Future[None]) -> None:
        try:
            anyio.run(self._main, ready)
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)

    async def _main(self, ready: Future[None]) -> None:
        import asyncio  # anyio.run's default backend

        self._post = asyncio.get_running_loop().call_soon_threadsafe
        async with BlockingPortal() as self.portal, anyio.create_task_group() as self._tasks:
            ready.set_result(None)
            await self.portal.sleep_until_stopped()
            self._tasks.cancel_scope.cancel()

    def post(self, func: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start func without waiting for anything: this is for finalisers, on whatever thread they run."""
        try:
            self._post(self._tasks.start_soon, func)
        except RuntimeError:
            pass  # the loop has ended, and its connections with it

    def stop(self, timeout: float | None = None) -> None:
        """End the loop and, unless this is its own thread, wait for the thread."""
        try:
            self.portal.start_task_soon(self.portal.stop, True).result(timeout)
        except (RuntimeError, TimeoutError, CancelledError):
            pass  # it has ended already, or it will not
        if self.thread is not threading.current_thread():
            self.thread.join(timeout)


_lock = threading.Lock()
_running: list[_LoopThread] = []  # one, or none
_inherited: list[object] = []  # what a forked child must neither use nor collect
_portals: WeakSet[Portal[Any]] = WeakSet()


def _lease() -> _LoopThread:
    with _lock:
        if not _running:
            _running.append(_LoopThread())
        _running[0].leases += 1
        return _running[0]


def _release(thread: _LoopThread) -> bool:
    """Give the lease back. True for the last one: whoever gave it ends the thread."""
    with _lock:
        thread.leases -= 1
        if thread.leases == 0 and thread in _running:
            _running.remove(thread)
            return True
        return False


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.Lock()
    _inherited.extend(_running)
    _running.clear()


def _at_exit() -> None:
    for portal in list(_portals):
        portal.warn_unclosed()
    for thread in list(_running):
        thread.stop(timeout=1.0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)


class _State(Generic[T]):
    """What a portal has in one process: the thread, the client, and the calls under way."""

    def __init__(self, target: T) -> None:
        self.pid = os.getpid()
        self.target = target
        self.thread: _LoopThread | None = None
        self.closed = False
        self.idle = threading.Event()
        self._calls: set[_Call[Any]] = set()
        self._guard = threading.Lock()

    def enter(self, call: _Call[Any]) -> _LoopThread:
        with self._guard:
            if self.closed:
                raise ClientClosedError(_CLOSED)
            if self.thread is None:
                self.thread = _lease()
            self._calls.add(call)
            return self.thread

    def leave(self, call: _Call[Any]) -> None:
        with self._guard:
            self._calls.discard(call)
            if self.closed and not self._calls:
                self.idle.set()

    def shut(self) -> list[_Call[Any]] | None:
        """Let no further call in; the calls under way, or None when it was shut before."""
        with self._guard:
            if self.closed:
                return None
            self.closed = True
            if not self._calls:
                self.idle.set()
            return list(self._calls)


class Portal(Generic[T]):
    """The synchronous side of one asynchronous client."""

    def __init__(self, target: T) -> None:
        self._state = _State(target)
        _portals.add(self)

    @property
    def target(self) -> T:
        """The asynchronous client; in a forked child another one with the same settings."""
        return self._here().target

    def _here(self) -> _State[T]:
        state = self._state
        if state.pid != os.getpid():
            _inherited.append(state)
            fresh = _State(state.target.detached())
            fresh.closed = state.closed
            with _lock:
                if self._state is state:
                    self._state = fresh
            state = self._state
        return state

    def call(self, func: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run func on the loop thread and return what it returns.

        An interrupt cancels it, and is raised when it has let go. Raises `ClientClosedError` when the client is
        closed, before or meanwhile.
        """
        state = self._here()
        call = _Call(partial(func, *args, **kwargs))
        thread: _LoopThread | None = None
        try:
            thread = state.enter(call)
            if thread.thread is threading.current_thread():
                raise RuntimeError("a hook runs on the event loop: it cannot use a synchronous client there")
            future = thread.portal.start_task_soon(call.run)
            if sys.platform == "win32":  # waiting for a lock ignores Ctrl-C there
                while not wait([future], timeout=0.1).done:
                    pass
            return future.result()
        except _Fatal as fatal:
            raise fatal.error from None
        except CancelledError:
            raise ClientClosedError(_CLOSED_MEANWHILE) from None
        except Exception:
            raise
        except BaseException:
            if thread is not None:
                thread.portal.call(call.cancel)
            raise
        finally:
            state.leave(call)

    def close(self) -> None:
        """Cancel what is under way, close the connections, give the thread back. Closing twice does nothing more."""
        state = self._state
        if state.pid != os.getpid():  # the parent's: not ours to close
            self._state = _State(state.target)
            self._state.closed = True
            _inherited.append(state)
            return
        calls = state.shut()
        if calls is None or state.thread is None:
            return
        thread = state.thread
        if thread.thread is threading.current_thread():
            thread.post(partial(_close_orphan, state, thread))
            return
        try:
            for call in calls:
                thread.portal.call(call.cancel)
            state.idle.wait()
            thread.portal.call(state.target.aclose)
        finally:
            if _release(thread):
                thread.stop()

    def warn_unclosed(self) -> bool:
        """Shut the portal, with a ResourceWarning when it was in use. Whether it was."""
        state = self._state
        if state.pid != os.getpid() or state.shut() is None or state.thread is None:
            return False
        warnings.warn(f"unclosed client {state.target!r}", ResourceWarning, source=self, stacklevel=2)
        return True

    def __del__(self) -> None:
        state: _State[T] | None = getattr(self, "_state", None)
        if (
            state is not None
            and not sys.is_finalizing()
            and self.warn_unclosed()
            and state.thread is not None
        ):
            state.thread.post(partial(_close_orphan, state, state.thread))


async def _close_orphan(state: _State[Any], thread: _LoopThread) -> None:
    """Close the connections of a client that nobody closed, and give its thread back."""
    with anyio.move_on_after(_UNWIND, shield=True):
        try:
            await state.target.aclose()
        except Exception:
            pass  # there is nobody left to tell
    if _release(thread):
        await thread.portal.stop(cancel_remaining=True)


class SyncClient(Generic[T]):
    """What generated clients share: the portal, `close`, the `with` statement, and copies with other options."""

    _portal: Portal[T]
    _derive: Callable[[T], T] | None
    _derived: tuple[T, T] | None

    def __init__(self, target: T) -> None:
        self._portal = Portal(target)
        self._derive = None
        self._derived = None

    @property
    def _async(self) -> T:
        target = self._portal.target
        if self._derive is None:
            return target
        if self._derived is None or self._derived[0] is not target:  # made anew in a forked child
            self._derived = target, self._derive(target)
        return self._derived[1]

    def _copy(self, derive: Callable[[T], T]) -> Self:
        """A client on the same portal whose asynchronous client is derived from this one's."""
        twin = type(self).__new__(type(self))
        mine = self._derive
        twin._portal = self._portal
        twin._derive = derive if mine is None else lambda target: derive(mine(target))
        twin._derived = None
        _ = twin._async  # what is wrong with the options is said here
        return twin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._async).removeprefix("Async") if hasattr(self, "_portal") else object.__repr__(self)

    def close(self) -> None:
        """Close the connections. Calls that are still waiting fail; closing twice does nothing more."""
        if self._derive is None:
            self._portal.close()
