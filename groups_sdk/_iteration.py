"""Iteration over what comes in batches: the items of a page, a page, the outcomes of several changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["AsyncBatchIterator", "NextBatch"]

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
