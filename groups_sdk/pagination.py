"""Pages behind a cursor, as one stream of items.

A paginator is a recipe, not a connection: nothing is sent before it is iterated, every iteration starts anew, and
nothing is held open between two pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import attrs

from groups_sdk.errors import GroupsError, InvalidArgumentError, PaginationError
from groups_sdk.responses import ApiResponse

__all__ = ["AsyncPaginator", "Page", "Paginator"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


@attrs.frozen
class Page(Generic[T_co]):
    """One page of a listing.

    `next_cursor` is the `starting_after` of the page that follows and `prev_cursor` the `ending_before` of the one
    in front; None where there is none, an empty string where the API sent a link without a cursor, which nobody can
    follow. They are plain strings that another process can go on from.
    """

    items: Sequence[T_co]
    next_cursor: str | None
    prev_cursor: str | None
    meta: Mapping[str, Any]
    response: ApiResponse


class FetchPage(Protocol[T_co]):
    """Fetches one page; with neither cursor, the first one."""

    def __call__(
        self, *, starting_after: str | None, ending_before: str | None
    ) -> Coroutine[Any, Any, Page[T_co]]: ...


class Call(Protocol):
    """Runs an async function from synchronous code and returns what it returns."""

    def __call__(self, func: Callable[[], Coroutine[Any, Any, R]], /) -> R: ...


class PageWalk(Generic[T]):
    """One walk along the pages: the state of one iteration."""

    def __init__(self, fetch: FetchPage[T], starting_after: str | None, ending_before: str | None) -> None:
        self._fetch = fetch
        self._backwards = ending_before is not None
        self._cursor = ending_before if self._backwards else starting_after
        self._followed: set[str] = set()
        self._done = False
        self._busy = False

    async def next_page(self) -> Page[T] | None:
        """The next page, or None after the last. After an error the same page is asked for again."""
        if self._done:
            return None
        if self._busy:
            raise RuntimeError("this iteration is already waiting for a page: give each task one of its own")
        if self._cursor == "":
            raise PaginationError("the page has a link to the next one, but no cursor in it", cursor="")
        if self._cursor in self._followed:
            raise PaginationError(f"the cursor {self._cursor!r} came a second time", cursor=self._cursor)
        self._busy = True
        try:
            page = await self._fetch(
                starting_after=None if self._backwards else self._cursor,
                ending_before=self._cursor if self._backwards else None,
            )
        except GroupsError as error:
            if self._cursor is not None:
                parameter = "ending_before" if self._backwards else "starting_after"
                error.add_note(f"The listing can be resumed here with {parameter}={self._cursor!r}.")
            raise
        finally:
            self._busy = False
        if self._cursor is not None:
            self._followed.add(self._cursor)
        self._cursor = page.prev_cursor if self._backwards else page.next_cursor
        self._done = self._cursor is None
        return page

    async def next_items(self) -> Sequence[T] | None:
        """The items of the next page in the direction of the walk, or None after the last page."""
        page = await self.next_page()
        if page is None:
            return None
        return page.items[::-1] if self._backwards else page.items


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
        self, fetch: FetchPage[T], *, starting_after: str | None = None, ending_before: str | None = None
    ) -> None:
        self._fetch = fetch
        self._starting_after = starting_after
        self._ending_before = ending_before

    def walk(self) -> PageWalk[T]:
        """A new walk along the pages, from where this listing starts."""
        return PageWalk(self._fetch, self._starting_after, self._ending_before)

    def __aiter__(self) -> AsyncIterator[T]:
        return _AsyncItems(self.walk())

    def pages(self) -> AsyncIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return _AsyncPages(self.walk())

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


class _Crossing(Generic[T]):
    """The steps of one walk, taken from synchronous code."""

    def __init__(self, call: Call, walk: PageWalk[T]) -> None:
        self._call = call
        self._walk = walk
        self._stuck = False

    def _step(self, step: Callable[[], Coroutine[Any, Any, R]]) -> R:
        if self._stuck:
            raise RuntimeError("this iteration was interrupted, or is used by two threads: begin a new one")
        self._stuck = True  # stays so after an interrupt: the page that it hit may be lost
        try:
            result = self._call(step)
        except Exception:
            self._stuck = False
            raise
        self._stuck = False
        return result


class _Pages(_Crossing[T], Iterator[Page[T]]):
    def __next__(self) -> Page[T]:
        page = self._step(self._walk.next_page)
        if page is None:
            raise StopIteration
        return page


class _Items(_Crossing[T], Iterator[T]):
    _items: Iterator[T] = iter(())

    def __next__(self) -> T:
        while True:
            for item in self._items:
                return item
            items = self._step(self._walk.next_items)
            if items is None:
                raise StopIteration
            self._items = iter(items)


class Paginator(Generic[T]):
    """A listing: iterate it for its items, or its `pages()` for whole pages.

    With `ending_before` the walk goes backwards: pages come last to first, and so do the items when iterated one by
    one (`page.items` keeps the order in which the API sent them).

    Example:
        for membership in client.list_memberships(group_id):
            print(membership.user.email)
    """

    def __init__(self, call: Call, paginator: AsyncPaginator[T]) -> None:
        self._call = call
        self._paginator = paginator

    def __iter__(self) -> Iterator[T]:
        return _Items(self._call, self._paginator.walk())

    def pages(self) -> Iterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return _Pages(self._call, self._paginator.walk())

    def first(self) -> T | None:
        """The first item, or None when there is none."""
        return self._call(self._paginator.first)

    def collect(self, max_items: int | None = None) -> list[T]:
        """All items in a list, or the first `max_items`; no page is fetched that is not needed."""
        return self._call(lambda: self._paginator.collect(max_items))
