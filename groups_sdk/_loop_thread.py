"""An event loop in a thread of its own, and the calls that other threads have it run.

The state of a call and of a client's stay changes on the loop thread only, in the order in which things were posted,
so that none of it needs a lock, and finalisers, signal handlers and forks find nothing half done. anyio's
`BlockingPortal` is not used: each of its calls waits for the loop twice, and what comes in between (Ctrl-C, the end of
the loop) leaves the request running, or its caller waiting, for ever.
"""

from __future__ import annotations

import _thread
import math
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from functools import partial
from time import monotonic
from typing import Any, Generic, Protocol, Self, TypeVar, cast

import anyio
import anyio.lowlevel

from groups_sdk.errors import ClientClosedError, ConfigurationError

__all__ = ["AsyncClient", "Call", "LoopThread", "Session", "here", "threads"]

R = TypeVar("R")

UNWIND = 5.0  # seconds that a cancelled request is given to let go
POLL = 0.1 if sys.platform == "win32" else 1.0  # seconds; waiting for a lock ignores Ctrl-C on Windows

CLOSED = "this client is closed"
CLOSED_MEANWHILE = "the client was closed while this call ran"
CANCELLED = "this call was cancelled, and not by its caller"
LOOP_ENDED = "the event loop of this client has ended: make a new client"


class AsyncClient(Protocol):
    """An asynchronous client, as far as the portal knows it."""

    async def aclose(self) -> None:
        """Close the connections."""

    def detached(self) -> Self:
        """The same client with connections of its own, for another event loop."""
        ...


class _Here(threading.local):
    on_loop = False  # whether this thread runs an event loop for us


here: _Here = _Here()
threads: list[LoopThread] = []  # those that accept clients


class Call(Generic[R]):
    """One call. It runs on the loop thread, where it can be cancelled even before it has begun."""

    __slots__ = ("_error", "_func", "_gate", "_reason", "_scope", "_value", "context", "ended")

    def __init__(self, func: Callable[[], Coroutine[Any, Any, R]], context: Context) -> None:
        self.context: Context = context
        self.ended: bool = False
        self._func = func
        self._scope: anyio.CancelScope | None = None
        self._reason = CANCELLED
        self._value: R | None = None
        self._error: BaseException | None = None
        self._gate = threading.Lock()  # locked until the call has ended
        self._gate.acquire()

    async def run(self) -> None:
        if self.ended:
            return
        try:
            with anyio.CancelScope() as self._scope:
                self.end(await self._func())
        except anyio.get_cancelled_exc_class():
            pass
        except BaseException as error:  # a SystemExit too is the caller's: it must not end the loop
            self.end(error=error)
        if not self.ended:  # then it was cancelled
            self.fail(self._reason)

    def cancel(self, reason: str) -> None:
        """Cancel the call. It ends when it has let go, or at once when it had not begun."""
        if self._scope is None:
            self.fail(reason)
        else:
            self._reason = reason
            self._scope.cancel()

    def fail(self, reason: str, cause: BaseException | None = None) -> None:
        """End the call with a `ClientClosedError`."""
        begun = self._scope is not None
        fate = "a change may have been applied" if begun else "nothing was sent"
        error = ClientClosedError(f"{reason}; {fate}", sent=begun)
        error.__cause__ = cause
        self.end(error=error)

    def end(self, value: R | None = None, error: BaseException | None = None) -> None:
        """Hand over the outcome. Only the first one counts."""
        if not self.ended:
            self._value, self._error = value, error
            self.ended = True
            self._gate.release()

    def wait(self, timeout: float = math.inf) -> None:
        """Wait until the call has ended; on any thread but the loop's."""
        give_up = monotonic() + timeout
        while not self.ended and (left := give_up - monotonic()) > 0:
            if self._gate.acquire(timeout=min(left, POLL)):
                self._gate.release()

    def result(self) -> R:
        """What the call returned. Raises what it raised."""
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback leads to this frame: a cycle
        return cast(R, self._value)


class LoopThread:
    """A daemon thread with an event loop. Clients share it, and it ends with the last of them."""

    def __init__(self, backend: str, options: Mapping[str, Any]) -> None:
        self.backend = backend
        self.options = options
        self.open: bool = False
        self.sessions: set[Session] = set()
        self.posted: dict[Call[Any], Session] = {}  # those that the loop has not yet taken up
        self.ended: bool = False
        self._failure: BaseException | None = None
        self._abandoned = False
        self._ready = False
        self._gate = threading.Lock()  # locked until it is ready; an interrupted wait leaves an Event broken
        self._gate.acquire()
        self._thread = threading.Thread(target=self._run, name="groups_sdk", daemon=True)
        self._post: Callable[[Callable[[], object]], object]
        self._spawn: Callable[[Callable[[], Coroutine[Any, Any, None]], Context], object]
        self._stop: anyio.Event

    def start(self) -> None:
        try:
            # Not Thread.start, which an interrupt leaves half done: signals reach the main thread only.
            _thread.start_new_thread(self._launch, ())
            while not self._ready:
                if self._gate.acquire(timeout=POLL):
                    self._gate.release()
        except BaseException:  # an interrupt: the thread ends, unless somebody else has found it meanwhile
            self._abandoned = True
            if self._ready:
                self.post(self._end_if_idle)
            raise
        if self._failure is not None:
            raise ConfigurationError(
                f"no event loop can be had with backend={self.backend!r}, backend_options={self.options!r}:"
                f" {self._failure!r}"
            ) from self._failure

    def _launch(self) -> None:
        try:
            self._thread.start()
        except BaseException as error:  # no thread is to be had
            self._failure = error
            self._set_ready()

    def _run(self) -> None:
        here.on_loop = True
        try:
            anyio.run(self._main, backend=self.backend, backend_options=dict(self.options))
        except BaseException as error:  # the SystemExit of a callback, say
            self._failure = error
        finally:
            if self in threads:
                threads.remove(self)
            self._set_ready()
            self.ended = True
            for session in list(self.sessions):
                session.loop_ended(self._failure)
            # What came while it was ending, the loop took and let lie. Not items(): a garbage collection in the midst
            # of them would let other threads in, which change them.
            for call in list(self.posted):
                if owner := self.posted.get(call):
                    call.fail(owner.why_refused(), self._failure)

    async def _main(self) -> None:
        self._stop = anyio.Event()
        async with anyio.create_task_group() as tasks:
            if self.backend == "trio":
                import trio

                self._post = trio.lowlevel.current_trio_token().run_sync_soon
                self._spawn = lambda func, context: context.run(tasks.start_soon, func)
            else:
                self._spawn_on_asyncio()
            self.open = True
            threads.append(self)
            self._set_ready()
            if self._abandoned:
                self._end_if_idle()
            try:
                await self._stop.wait()
            finally:
                self.open = False
                tasks.cancel_scope.cancel()

    def _spawn_on_asyncio(self) -> None:
        """Without the task group: a task that is started in one makes the way to the loop and back a third longer."""
        import asyncio

        loop = asyncio.get_running_loop()
        running: set[asyncio.Task[None]] = set()  # the loop knows them weakly; at its end it cancels them

        def spawn(func: Callable[[], Coroutine[Any, Any, None]], context: Context) -> None:
            task = loop.create_task(func(), context=context)
            running.add(task)
            task.add_done_callback(running.discard)

        self._post, self._spawn = loop.call_soon_threadsafe, spawn

    def _set_ready(self) -> None:
        if not self._ready:
            self._ready = True
            self._gate.release()

    def post(self, func: Callable[[], object]) -> bool:
        """Have func run on the loop thread. It waits for nothing and takes no lock: finalisers may use it."""
        try:
            self._post(func)
        except RuntimeError:
            return False  # the loop has ended
        return True

    def spawn(self, call: Call[Any], func: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start a task in the call's context; on the loop thread only."""
        sniffio = sys.modules.get("sniffio")
        if sniffio is not None:  # the caller may be in a loop of another kind, which the context then says
            call.context.run(sniffio.current_async_library_cvar.set, self.backend)
        self._spawn(func, call.context)

    def leave(self, session: Session) -> bool:
        """Let a client go; on the loop thread only. Whether it was the last, with which the thread ends."""
        self.sessions.discard(session)
        self._end_if_idle()
        return not self.open

    def _end_if_idle(self) -> None:
        if self.open and not self.sessions:
            self.open = False
            self._stop.set()

    def join(self, timeout: float) -> None:
        self._thread.join(max(timeout, 0))


class Session:
    """The stay of one client on a loop thread, from its first call until it is closed."""

    def __init__(self, thread: LoopThread, target: AsyncClient) -> None:
        self.thread = thread
        self.target = target
        self.closing: Call[bool] = Call(self._close, Context())
        self._asked_to_close = False
        self._shut = False
        self._calls: set[Call[Any]] = set()
        self._idle: anyio.Event | None = None

    def attach(self) -> bool:
        """Get hold of the thread. False when it is just ending."""
        self.thread.sessions.add(self)
        try:
            self.run(Call(anyio.lowlevel.checkpoint, Context()))
        except ClientClosedError:
            return False
        return True

    def detach(self) -> None:
        """Undo `attach`."""
        self.thread.post(partial(self.thread.leave, self))

    def run(self, call: Call[R]) -> R:
        """Run the call and wait for it. Whatever interrupts the wait cancels the call."""
        try:
            self.start(call)
            call.wait()
        except BaseException:  # Ctrl-C, or anything else that a signal handler raises
            self.cancel(call)
            raise
        return call.result()

    def start(self, call: Call[Any]) -> None:
        """Run the call without waiting for it; on any thread."""
        self._calls.add(call)
        self.thread.posted[call] = self
        lost = not self.thread.post(partial(self._begin, call)) or (self.thread.ended and not call.ended)
        if lost:
            self._calls.discard(call)
            self.thread.posted.pop(call, None)
            raise ClientClosedError(f"{self.why_refused()}; nothing was sent")

    def cancel(self, call: Call[Any]) -> None:
        """Cancel the call and wait until it has let go; on any thread but the loop's."""
        try:
            if self._cancel_soon(call):
                call.wait(UNWIND)
        finally:
            self._cancel_soon(call)  # an interrupt may have come before the first time was done

    def close_soon(self) -> bool:
        """Have the client closed; `closing` is the call that does it. False when that was asked for before."""
        if self._asked_to_close:
            return False
        self._asked_to_close = True
        self.thread.post(self._begin_closing)
        return True

    def why_refused(self) -> str:
        """Why a call is not begun any more."""
        return CLOSED if self._asked_to_close else LOOP_ENDED

    def _cancel_soon(self, call: Call[Any]) -> bool:
        return not call.ended and self.thread.post(partial(self._cancel, call, CANCELLED))

    # What follows runs on the loop thread.

    def _begin(self, call: Call[Any]) -> None:
        self.thread.posted.pop(call, None)
        if self._shut or not self.thread.open:
            self._cancel(call, self.why_refused())
        else:
            self.thread.spawn(call, partial(self._carry_out, call))

    async def _carry_out(self, call: Call[Any]) -> None:
        await call.run()
        self._forget(call)

    def _cancel(self, call: Call[Any], reason: str) -> None:
        call.cancel(reason)
        if call.ended:
            self._forget(call)

    def _forget(self, call: Call[Any]) -> None:
        self._calls.discard(call)
        if self._idle is not None and not self._calls:
            self._idle.set()

    def _begin_closing(self) -> None:
        if self.thread.open and not self._shut:  # not open: everything is about to end
            self._shut = True
            self.thread.spawn(self.closing, self.closing.run)

    async def _close(self) -> bool:
        """Cancel what is under way, close the connections. Whether the thread ends with it."""
        for call in list(self._calls):
            self._cancel(call, CLOSED_MEANWHILE)
        try:
            if self._calls:
                self._idle = idle = anyio.Event()
                with anyio.move_on_after(UNWIND, shield=True):
                    await idle.wait()
            with anyio.move_on_after(UNWIND, shield=True):
                await self.target.aclose()
        finally:
            self.fail_calls(CLOSED_MEANWHILE)  # those that do not let go
            last = self.thread.leave(self)
        return last

    def loop_ended(self, failure: BaseException | None) -> None:
        self._shut = True
        self.fail_calls(LOOP_ENDED, failure)
        self.closing.fail(LOOP_ENDED, failure)

    def fail_calls(self, reason: str, cause: BaseException | None = None) -> None:
        for call in list(self._calls):
            call.fail(reason, cause)
