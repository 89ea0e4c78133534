"""Listings for asynchronous code, on asyncio and trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

import anyio
from anyio.abc import TaskGroup

from groups_sdk._pagination.walks import (
    ENTERED,
    NOT_ENTERED,
    AheadWalk,
    FetchPage,
    Page,
    PageWalk,
    Start,
    depth,
)
from groups_sdk.errors import InvalidArgumentError

__all__ = ["AsyncPaginator", "AsyncReadAhead"]

T = TypeVar("T")
R = TypeVar("R")


class _AsyncPages(AsyncIterator[Page[T]]):
    def __init__(self, walk: PageWalk[T]) -> None:
        self._walk = walk

    async def __anext__(self) -> Page[T]:
        page = await self._walk.next_page()
        if page is None:
            raise StopAsyncIteration
        return page


class _AsyncItems(AsyncIterator[T]):
    def __init__(self, walk: PageWalk[T]) -> None:
        self._walk = walk
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            items = await self._walk.next_items()
            if items is None:
                raise StopAsyncIteration
            self._items = iter(items)


class AsyncPaginator(Generic[T]):
    """A listing: iterate it for its items, or its `pages()` for whole pages.

    With `ending_before` the walk goes backwards: pages come last to first, and so do the items when iterated one by
    one (`page.items` keeps the order in which the API sent them).

    Example:
        async for membership in client.list_memberships(group_id):
            print(membership.user.email)
    """

    def __init__(
        self,
        fetch: FetchPage[T],
        *,
        starting_after: str | None = None,
        ending_before: str | None = None,
        resumable: bool = True,
    ) -> None:
        self._resumable = resumable  # whether errors tell the cursor to resume with
        self._fetch = fetch
        self._starting_after = starting_after
        self._ending_before = ending_before

    def walk(self) -> PageWalk[T]:
        """A new walk along the pages, from where this listing starts."""
        return PageWalk(self._fetch, self._starting_after, self._ending_before, resumable=self._resumable)

    def walk_ahead(self, pages: int, start: Start) -> AheadWalk[T]:
        """A new walk that fetches at most so many pages in advance, by a function that `start` runs."""
        return AheadWalk(
            self._fetch,
            self._starting_after,
            self._ending_before,
            pages,
            start,
            resumable=self._resumable,
        )

    def mapped(self, change: Callable[[Sequence[T]], Coroutine[Any, Any, Sequence[R]]]) -> AsyncPaginator[R]:
        """The same listing with the items of each page turned into others. When that fails, the page is fetched anew.

        Example:
            async def emails(memberships):
                return [membership.user.email for membership in memberships]

            print(await client.list_memberships(group_id).mapped(emails).collect())
        """

        async def fetch(*, starting_after: str | None, ending_before: str | None) -> Page[R]:
            page = await self._fetch(starting_after=starting_after, ending_before=ending_before)
            items = await change(page.items)
            return Page(items, page.next_cursor, page.prev_cursor, page.meta, page.response)

        return AsyncPaginator(
            fetch, starting_after=self._starting_after, ending_before=self._ending_before, resumable=False
        )

    def __aiter__(self) -> AsyncIterator[T]:
        return _AsyncItems(self.walk())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return _AsyncPages(self.walk())

    def read_ahead(self, pages: int = 1) -> AsyncReadAhead[T]:
        """The same listing, with the next pages fetched while you work on this one: at most `pages` of them.

        To be used with `async with`: leaving the block ends what is under way. Iterations of what it gives are
        like those of the listing, item by item or by `pages()`; an error arrives in place of the page that failed.
        Raises `InvalidArgumentError` when `pages` is no whole number from 1 up.

        Example:
            async with client.list_memberships(group_id).read_ahead() as memberships:
                async for membership in memberships:
                    print(membership.user.email)
        """
        return AsyncReadAhead(self, depth(pages))

    async def first(self) -> T | None:
        """The first item, or None when there is none."""
        walk = self.walk()
        while (items := await walk.next_items()) is not None:
            if items:
                return items[0]
        return None

    async def collect(self, max_items: int | None = None) -> list[T]:
        """All items in a list, or the first `max_items`; no page is fetched that is not needed."""
        if max_items is not None and (type(max_items) is not int or max_items < 0):
            raise InvalidArgumentError(
                f"max_items must be a whole number from 0 up, or None; got {max_items!r}"
            )
        walk = self.walk()
        found: list[T] = []
        while max_items is None or len(found) < max_items:
            items = await walk.next_items()
            if items is None:
                break
            found.extend(items)
        return found[:max_items]


class AsyncReadAhead(Generic[T]):
    """A listing whose next pages are fetched while this one is worked on: see `AsyncPaginator.read_ahead`.

    Example:
        async with client.list_memberships(group_id).read_ahead(pages=2) as memberships:
            async for page in memberships.pages():
                print(len(page.items), page.next_cursor)
    """

    def __init__(self, paginator: AsyncPaginator[T], pages: int) -> None:
        self._paginator = paginator
        self._pages = pages
        self._tasks: TaskGroup | None = None
        self._walks: list[AheadWalk[T]] = []

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError(ENTERED)
        tasks = anyio.create_task_group()
        await tasks.__aenter__()
        self._tasks = tasks
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        tasks, self._tasks = self._tasks, None
        for walk in self._walks:
            walk.over = True
        self._walks.clear()
        if tasks is not None:
            tasks.cancel_scope.cancel()
            # Without what was raised in the block, which would come out in a group.
            await tasks.__aexit__(None, None, None)

    def __aiter__(self) -> AsyncIterator[T]:
        return _AsyncItems(self._walk())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return _AsyncPages(self._walk())

    def _start(self, func: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._tasks is None:
            raise RuntimeError(NOT_ENTERED)
        self._tasks.start_soon(func)

    def _walk(self) -> AheadWalk[T]:
        if self._tasks is None:
            raise RuntimeError(NOT_ENTERED)
        walk = self._paginator.walk_ahead(self._pages, self._start)
        self._walks.append(walk)
        return walk
