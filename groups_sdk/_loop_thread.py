"""Threads with an event loop, to which synchronous code posts what is to run there.

    who posts -> queue -> hand-over thread -> anyio's BlockingPortal.start_task_soon -> loop thread

- Who posts does not use the `BlockingPortal` itself. It has its users wait for the loop inside a `Future`, and an
  interrupt or a fork in the midst of that can leave the future's lock held: the loop, which needs it too, then stands
  still for every client. Signals reach the main thread only, so the hand-over thread is safe from them.
- Putting something in a `SimpleQueue` waits for nothing. So finalisers, signal handlers and forked children may do it,
  and an interrupted caller can cancel its call however far it had come. A None in the queue ends the thread.
"""

from __future__ import annotations

import _thread
import os
import threading
from collections.abc import Callable, Mapping

# With the package: in an `atexit` handler `concurrent.futures.thread` cannot be imported for the first time.
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from importlib.util import find_spec
from queue import SimpleQueue
from time import monotonic
from typing import Any, ParamSpec, TypeVar

import anyio
import anyio.to_thread
from anyio.from_thread import BlockingPortal

from groups_sdk.errors import ClientClosedError, ConfigurationError

__all__ = ["UNWIND", "LoopThread", "join_all", "loop_settings", "refuse_on_loop_thread", "running"]

P = ParamSpec("P")
T = TypeVar("T")

UNWIND = 5.0  # seconds that a cancelled call, or a client that closes, is given to let go

_TOO_LATE = (
    "the program is ending, and this version of Python starts no more threads: use this client for the first time"
    " before that; nothing was sent"
)

running: list[LoopThread] = []  # those that have not ended
_inherited: list[LoopThread] = []  # a forked child must not collect them: its parent's sockets are in there


def loop_settings(backend: str, backend_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of a `LoopThread`: arguments of `anyio.run`. Raises `ConfigurationError` for another backend."""
    if backend not in ("asyncio", "trio"):
        raise ConfigurationError(f"backend must be 'asyncio' or 'trio'; got {backend!r}")
    if backend == "trio" and find_spec("trio") is None:
        raise ConfigurationError("backend='trio' needs the package trio, which is not installed")
    return {"backend": backend, "backend_options": dict(backend_options or {})}


def refuse_on_loop_thread() -> None:
    """Raises `RuntimeError` on a loop thread, where whoever waits for a loop keeps it from going on."""
    if threading.get_ident() in [thread.ident for thread in list(running)]:
        raise RuntimeError(
            "a synchronous client cannot be called on its own event loop: the call would never end"
        )


def join_all(timeout: float) -> None:
    """Wait until all have ended, for so many seconds at most."""
    give_up = monotonic() + timeout
    for thread in list(running):
        thread.join(give_up - monotonic())


class LoopThread:
    """A daemon thread with an event loop and a portal to it. Clients share it, and it ends with the last of them."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.open: bool = True  # whether it accepts clients and calls
        self.ended: bool = False
        self.failure: BaseException | None = None  # why it has ended, when it was not told to
        self.ident: int | None = None  # from when its loop runs
        self.clients: set[object] = set()
        self._threads: list[threading.Thread] = []
        self._joining = threading.RLock()  # reentrant for the sake of signal handlers
        self._launched = False
        # None is the end.
        self._posted: SimpleQueue[tuple[Callable[[], object], Context] | None] = SimpleQueue()

    @classmethod
    def with_settings(cls, settings: dict[str, Any]) -> LoopThread:
        """The one that runs with these settings, or else a new one. The caller holds a lock."""
        for thread in list(running):
            if thread.open and thread.settings == settings:
                return thread
        running.append(thread := cls(settings))
        return thread

    def enter(self, client: object) -> bool:
        """Take a client in. False when the thread is just ending."""
        if not self._launched and not self.ended:
            self._launched = True
            try:
                # In a thread that no signal reaches: an interrupt in the midst of `Thread.start` leaves it half done.
                _thread.start_new_thread(self._watched, (self._start, "groups_sdk", self._run))
            except RuntimeError as error:  # there are no more threads
                self.end(error)
        self.clients.add(client)
        return self.open or self.failure is not None

    def leave(self, client: object) -> None:
        """Let a client go, and end with the last one; on the loop thread only."""
        self.clients.discard(client)
        if self.open:
            self.open = False  # before the look at the clients: one that enters does it the other way round
            if self.clients:
                self.open = True
            else:
                self._posted.put(None)

    def post(self, func: Callable[[], object], context: Context | None = None) -> None:
        """Have a function, async or not, run on the loop thread."""
        self._posted.put((func, context or Context()))

    def join(self, timeout: float) -> None:
        with self._joining:  # CPython before 3.13 fails when two threads join the same one at a time
            for thread in self._threads:
                if thread.is_alive():
                    thread.join(max(timeout, 0))

    def end(self, failure: BaseException | None = None) -> None:
        """The loop has ended, or belongs to the process that this one was forked from. Its callers see that."""
        self.failure = self.failure or failure
        self.open = False
        self.ended = True
        with suppress(ValueError):
            running.remove(self)

    def not_started(self, failure: BaseException) -> Exception:
        """The error of a call whose loop could not be started."""
        error: Exception = ClientClosedError(_TOO_LATE, maybe_applied=False)
        if "interpreter shutdown" not in str(failure):  # as Python 3.12 says
            settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
            error = ConfigurationError(f"no event loop can be started with {settings}: {failure!r}")
        error.__cause__ = failure
        return error

    def _watched(self, work: Callable[..., object], *args: Any) -> None:
        try:
            work(*args)
        except BaseException as error:  # there are no more threads, or the SystemExit of a callback
            self.end(error)

    def _start(self, name: str, *work: Any) -> None:
        thread = threading.Thread(target=self._watched, args=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        anyio.run(self._main, **self.settings)
        self.end()

    async def _main(self) -> None:
        if self.settings["backend"] == "asyncio":
            import asyncio  # which programs that make no call need not load

            asyncio.get_running_loop().set_default_executor(_Executor())
        async with BlockingPortal() as portal:
            handed_over = threading.Event()
            self._start("groups_sdk hand-over", self._hand_over, portal, handed_over)
            self.ident = threading.get_ident()
            try:
                await portal.sleep_until_stopped()
            except anyio.get_cancelled_exc_class():  # the loop ends by itself
                self.open = False
                self._posted.put(None)
                with anyio.CancelScope(shield=True):  # it must run while something is being handed over
                    await anyio.to_thread.run_sync(handed_over.wait, UNWIND)
                raise

    def _hand_over(self, portal: BlockingPortal, done: threading.Event) -> None:
        try:
            for func, context in iter(self._posted.get, None):
                context.run(portal.start_task_soon, func)
                del func, context  # while it waits, it must keep no call alive, and no client
            portal.start_task_soon(portal.stop, True)
        finally:
            done.set()


class _Executor(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` that does the work itself once no thread will.

    Before the first `atexit` handler runs, Python ends the threads of all executors, and they accept nothing more. An
    event loop with such an executor then connects to no host by its name.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have it called in a thread; here and now, when that is too late, or when there are no more threads."""
        try:
            return super().submit(fn, *args, **kwargs)
        except RuntimeError:
            done: Future[T] = Future()
            try:
                done.set_result(fn(*args, **kwargs))
            except Exception as error:
                done.set_exception(error)
            return done


def _after_fork_in_child() -> None:
    _inherited.extend(running)
    for thread in list(running):
        thread.end()  # a signal handler may have forked in the midst of a call


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
