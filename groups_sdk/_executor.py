"""Work in threads for an event loop, also when the program is ending: asyncio looks up host names that way."""

from __future__ import annotations

from collections.abc import Callable

# Imported with the package: in an `atexit` handler it cannot be imported for the first time.
from concurrent.futures import Future
from concurrent.futures.thread import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

__all__ = ["LastingExecutor"]

P = ParamSpec("P")
T = TypeVar("T")


class LastingExecutor(ThreadPoolExecutor):
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
