"""Iteration over what comes in batches: the items of a page, a page, the outcomes of several changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from groups_sdk._misuse import refuse

__all__ = ["AsyncBatchIterator", "BatchIterator", "NextBatch", "refuse_misuse"]

T = TypeVar("T")

NextBatch = Callable[[], Coroutine[Any, Any, Sequence[T] | None]]
"""Gets the next batch; None when there are no more. After an error or a cancellation it gets the same batch again."""


class AsyncBatchIterator(AsyncIterator[T]):
    """Iterates the items of one batch after the other."""

    def __init__(self, next_batch: NextBatch[T]) -> None:
        self.next_batch: NextBatch[T] = next_batch
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            batch = await self.next_batch()
            if batch is None:
                raise StopAsyncIteration
            self._items = iter(batch)


class BatchIterator(Iterator[T]):
    """The same for synchronous code. `call` runs a coroutine function on the event loop: once for each batch."""

    def __init__(
        self, call: Callable[[NextBatch[T]], Sequence[T] | None], source: AsyncBatchIterator[T]
    ) -> None:
        self._call = call
        self._next_batch = source.next_batch
        self._items: Iterator[T] = iter(())
        self._waiting = False

    def __next__(self) -> T:
        while True:
            for item in self._items:
                return item
            if self._waiting:
                raise RuntimeError("this iteration was interrupted or used by two threads: begin a new one")
            self._waiting = True  # stays so after an interrupt: the batch that it hit may be lost
            try:
                batch = self._call(self._next_batch)
            except Exception:
                self._waiting = False
                raise
            self._items = iter(batch or ())
            self._waiting = False
            if batch is None:
                raise StopIteration


def refuse_misuse(cls: type, what: str, *, instead: str = "") -> None:
    """Have `await` and `for` on what is for `async for` say what is meant."""
    also = f", or {instead}" if instead else ""
    refuse(cls, f"{what} is not awaited itself: use `async for` on it{also}", "__await__")
    refuse(cls, f"{what} of AsyncGroupsClient needs `async for`{also}; `for` is for GroupsClient", "__iter__")


refuse_misuse(AsyncBatchIterator, "an iteration")
refuse(
    BatchIterator,
    "this comes from GroupsClient: use `for` and `with`; `async for` and `async with` are for AsyncGroupsClient",
    *("__aiter__", "__aenter__", "__aexit__"),
)
