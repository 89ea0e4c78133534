"""The way from synchronous code to an event loop: every method of a generated client is one `Portal.call`.

The clients of a process share a loop thread (`_loop_thread`), and each call of theirs is a task there. Its caller waits
at a bell of the call's own, and looks up from time to time: a signal that comes just before a thread blocks is seen
after it only. What becomes of calls and clients is decided on the loop thread, one thing after the other, so that none
of it needs a lock.
"""

from __future__ import annotations

import atexit
import math
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from contextvars import Context, copy_context
from functools import partial
from time import monotonic
from typing import Any, Generic, ParamSpec, Protocol, Self, TypeVar, cast
from weakref import WeakSet

import anyio

from groups_sdk import _deprecations as deprecations
from groups_sdk import _writes as writes
from groups_sdk._loop_thread import UNWIND, LoopThread, join_all, loop_settings, refuse_on_loop_thread
from groups_sdk.errors import ClientClosedError, ConfigurationError

__all__ = ["AsyncClient", "Portal"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound="AsyncClient")

_AT_EXIT = 1.0  # seconds that the end of the program may wait for clients that nobody closed
_POLL = 0.1  # seconds; on Windows, Ctrl-C is not seen in the midst of a wait either

_CLOSED = "this client is closed"
_PROGRAM_ENDS = "the program is ending: call a client in an `atexit` handler at the latest"
_FORKED = (
    "this client was used before the process forked, and the connections of its transport or http_client belong to the"
    " parent: make a new client"
)

_lock = threading.RLock()  # held while a client is put on a thread; reentrant for the sake of signal handlers
_portals: WeakSet[Portal[Any]] = WeakSet()


class AsyncClient(Protocol):
    """An asynchronous client, as far as the portal knows it."""

    async def aclose(self) -> None: ...

    def detached(self) -> Self: ...  # the same client with connections of its own, for another event loop


class Call(Generic[R]):
    """One call of a client: a task on its loop thread, which answers once, or twice when something is held."""

    def __init__(
        self, lease: ClientLease, func: Callable[[], Coroutine[Any, Any, R]], context: Context
    ) -> None:
        self.lease = lease
        self.begun: bool = False
        self.ended: bool = False
        self._func = func
        self._context = context
        self._warnings = context.run(deprecations.collect)
        self._writes = writes.watch(context)
        self._scope: anyio.CancelScope | None = None
        self._answers: deque[tuple[R, BaseException | None]] = deque()
        # Not an `Event`: an interrupt can break it. Not `SimpleQueue.get`: CPython 3.12 can lose its timeout.
        self._bell = threading.Lock()
        self._bell.acquire()

    def start(self) -> None:
        """Have it run, without waiting for it."""
        self.lease.thread.post(self._run, self._context)

    def ask(self, begin: Callable[[], object]) -> R:
        """Begin something and return its answer, or raise it. What interrupts the wait cancels the call."""
        try:
            begin()
            return self.result()
        except BaseException:
            if not self.ended:  # Ctrl-C, or anything else that a signal handler raises
                self.lease.thread.post(self.cancel)
                while self._wait(UNWIND):
                    pass
            raise

    def result(self) -> R:
        """The next answer, raised when it is an error."""
        value, error = self._wait() or (cast(R, None), self._error())
        deprecations.show(self._warnings)
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback leads to this frame: a cycle
        return value

    def _wait(self, timeout: float = math.inf) -> tuple[R, BaseException | None] | None:
        """The next answer. None when there is none in time, or none at all: also once other threads cannot run."""
        give_up, pause = monotonic() + timeout, _POLL / 16
        while True:
            # Before the look at the answers, of which there may then be more.
            over = self.ended or self.lease.thread.ended or sys.is_finalizing() or monotonic() > give_up
            with suppress(IndexError):
                return self._answers.popleft()
            if over:
                return None
            self._bell.acquire(timeout=pause)
            pause = min(2 * pause, _POLL)

    def _error(self) -> Exception:
        """Why there is no answer: the client was closed, or its loop has ended or never begun."""
        thread = self.lease.thread
        if thread.failure is not None and thread.ident is None:
            return thread.not_started(thread.failure)
        if self.lease.closing.begun:
            reason = "the client was closed while this call ran" if self.begun else _CLOSED
        elif thread.open:
            reason = "this call was cancelled, but not by its caller"
        else:
            reason = "the event loop of this client has ended: make a new client"
        fate = "nothing was sent"
        if self.begun:
            fate = "a change may have been applied" if self._writes.any else "no change was sent"
        error = ClientClosedError(f"{reason}; {fate}", maybe_applied=self._writes.any)
        error.__cause__ = thread.failure
        return error

    # What follows runs on the loop thread.

    async def _run(self) -> None:
        if self.begun or self.ended:
            return  # started twice, or cancelled before it began
        if self.lease.closing.begun or not self.lease.thread.open:
            self.fail()
            return
        self.begun = True
        self.lease.calls.add(self)
        try:
            # Not the scope of the portal: cancelling its future just when the task returns ends the loop (anyio 4.7).
            with anyio.CancelScope() as self._scope:
                self.answer(await self._func())
        except anyio.get_cancelled_exc_class():
            pass
        except BaseException as error:  # a SystemExit too is the caller's: it must not end the loop
            self.answer(error=error)
        self.fail()  # when it was cancelled
        self.lease.calls.discard(self)

    def answer(
        self, value: R | None = None, error: BaseException | None = None, *, last: bool = True
    ) -> None:
        self._answers.append((cast(R, value), error))
        self.ended = self.ended or last
        with suppress(RuntimeError):  # it was rung, and nobody has heard it yet
            self._bell.release()

    def fail(self) -> None:
        """End it with an error, unless it has ended."""
        if not self.ended:
            self.answer(error=self._error())

    def cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()
        else:
            self.fail()


class ClientLease:
    """The stay of one client on a loop thread, from its first call until it is closed."""

    def __init__(self, thread: LoopThread, target: AsyncClient) -> None:
        self.thread = thread
        self.calls: set[Call[Any]] = set()  # under way on the loop thread
        self.closing: Call[None] = Call(self, self._close, Context())
        self._target = target
        self._asked_to_close = False

    def close_soon(self) -> bool:
        """Have the client closed; `closing` is the call that does it. False when that was asked for before."""
        if self._asked_to_close:
            return False
        self.closing.start()
        self._asked_to_close = True
        return True

    async def _close(self) -> None:
        """Cancel what is under way, and close the connections."""
        calls = self.calls - {self.closing}
        for call in calls:
            call.cancel()
        try:
            with anyio.move_on_after(UNWIND, shield=True):
                await self._target.aclose()
        finally:
            for call in calls:
                call.fail()  # those that do not let go
            self.thread.leave(self)

    def warn_unclosed(self, source: object = None) -> None:
        name = repr(self._target).removeprefix("Async")
        warnings.warn(f"unclosed client {name}", ResourceWarning, source=source, stacklevel=3)


class Portal(Generic[T]):
    """The synchronous side of `target`, an asynchronous client; in a forked child, of another one with its settings.

    `backend` is "asyncio" or "trio"; `backend_options` are those of `anyio.run`, such as `{"use_uvloop": True}`.
    `forkable` tells whether a forked child may go on with connections of its own.
    """

    lease: ClientLease | None = None
    refusal: str | None = None  # why there are no more calls

    def __init__(
        self,
        target: T,
        *,
        backend: str = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
        forkable: bool = True,
    ) -> None:
        self.target: T = target
        self.forkable = forkable
        self._settings = loop_settings(backend, backend_options)
        _portals.add(self)

    def call(self, func: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run func on the loop thread, in a copy of the caller's context, and return what it returns.

        An interrupt cancels it, and is raised when it has let go. Raises `ClientClosedError` when the client is
        closed, before or meanwhile, and `RuntimeError` on a loop thread.
        """
        call = Call(self._get_lease(), partial(func, *args, **kwargs), copy_context())
        return call.ask(call.start)

    @contextmanager
    def hold(self, context: AbstractAsyncContextManager[R]) -> Generator[R]:
        """Enter an asynchronous context manager on the loop thread, and leave it there in the same task.

        Entering and leaving are like calls. The context manager is not told of an error of the block, but cancelled
        when it was a Ctrl-C. Leaving does nothing when the client was closed meanwhile, or in a forked child.
        """
        leave: anyio.Event | None = None

        async def keep() -> R:
            nonlocal leave
            leave = anyio.Event()
            async with context as value:
                call.answer(value, last=False)
                await leave.wait()
            return value

        def post_leave() -> None:
            if leave is not None and not call.ended:
                interrupted = isinstance(sys.exception(), KeyboardInterrupt)
                call.lease.thread.post(call.cancel if interrupted else leave.set)

        call = Call(self._get_lease(), keep, copy_context())
        try:
            yield call.ask(call.start)
        finally:
            try:
                # GeneratorExit: this may be a garbage collection, which must not wait.
                if leave is not None and not isinstance(sys.exception(), GeneratorExit):
                    call.ask(post_leave)
            except ClientClosedError:
                pass
            finally:  # an interrupt may have come before the first time was done
                post_leave()

    def close(self) -> None:
        """Cancel what is under way and close the connections. Closing twice does nothing more.

        Raises `RuntimeError` on a loop thread.
        """
        refuse_on_loop_thread()
        self.refusal = self.refusal or _CLOSED
        lease = self.lease
        if lease is not None:
            lease.close_soon()
            # Raised when the loop had ended by itself, or never begun, or by who closes it at the same time.
            with suppress(ClientClosedError, ConfigurationError):
                lease.closing.result()
            if not lease.thread.open:
                lease.thread.join(UNWIND)

    def _get_lease(self) -> ClientLease:
        refuse_on_loop_thread()
        while (lease := self.lease) is None and self.refusal is None:
            with _lock:  # no loop within: an interrupt at its end would leave the lock held (CPython 3.12)
                if self.lease is None:
                    self._open()
        if lease is None or self.refusal is not None or sys.is_finalizing():
            if lease is not None:
                lease.close_soon()  # who closed it meanwhile may not have seen the lease
            raise ClientClosedError(f"{self.refusal or _PROGRAM_ENDS}; nothing was sent", maybe_applied=False)
        return lease

    def _open(self) -> None:
        thread = LoopThread.with_settings(self._settings)
        lease = ClientLease(thread, self.target)
        try:
            if thread.enter(lease) and self.lease is None:  # a signal handler may have been quicker
                self.lease = lease
        finally:
            if self.lease is not lease:
                thread.post(partial(thread.leave, lease))

    def __del__(self) -> None:
        lease = self.lease
        if lease is not None and lease.close_soon() and not sys.is_finalizing():
            lease.warn_unclosed(self)


def _after_fork_in_child() -> None:
    global _lock
    _lock = threading.RLock()
    used = [portal for portal in _portals if portal.lease is not None and portal.refusal is None]
    for portal in used:
        portal.lease, portal.refusal = None, _FORKED
    for portal in used:  # only now: should this fail, no portal is left with the connections of the parent
        if portal.forkable:
            portal.target, portal.refusal = portal.target.detached(), None


class _AtExit:
    """Closes the clients that nobody closed, after the last `atexit` handler: so they work in all handlers.

    `atexit` runs the handlers that were registered first at the end, such as that of `logging`, and lets go of all of
    them, this one too, when the last one has returned. Threads still run then.
    """

    _called = False

    def __call__(self) -> None:
        self._called = True

    def __del__(self) -> None:
        if not self._called:
            return  # the program goes on: the children of `multiprocessing` drop all handlers
        leases = [portal.lease for portal in _portals if portal.lease is not None]
        unclosed = [lease for lease in leases if lease.close_soon()]
        for portal in _portals:
            portal.refusal = portal.refusal or _PROGRAM_ENDS
        join_all(_AT_EXIT)
        for lease in unclosed:
            lease.warn_unclosed()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_AtExit())
