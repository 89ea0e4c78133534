"""Listings for synchronous code: the steps are taken on an event loop in another thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, Protocol, Self, TypeVar

from groups_sdk._pagination.asynchronous import AsyncPaginator
from groups_sdk._pagination.walks import (
    ENTERED,
    NOT_ENTERED,
    AheadWalk,
    Background,
    Page,
    PageWalk,
    depth,
)

__all__ = ["Paginator", "ReadAhead"]

T = TypeVar("T")
R = TypeVar("R")


class Call(Protocol):
    """Runs an async function from synchronous code and returns what it returns."""

    def __call__(self, func: Callable[[], Coroutine[Any, Any, R]], /) -> R: ...


class Crossing(Protocol):
    """The way from synchronous code to an event loop."""

    @property
    def call(self) -> Call: ...

    def start(self, func: Callable[[], Coroutine[Any, Any, None]], /) -> Background:
        """Run an async function without waiting for it."""
        ...


class _Steps(Generic[T]):
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


class _Pages(_Steps[T], Iterator[Page[T]]):
    def __next__(self) -> Page[T]:
        page = self._step(self._walk.next_page)
        if page is None:
            raise StopIteration
        return page


class _Items(_Steps[T], Iterator[T]):
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

    def __init__(self, crossing: Crossing, paginator: AsyncPaginator[T]) -> None:
        self._crossing = crossing
        self._paginator = paginator

    def __iter__(self) -> Iterator[T]:
        return _Items(self._crossing.call, self._paginator.walk())

    def pages(self) -> Iterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return _Pages(self._crossing.call, self._paginator.walk())

    def read_ahead(self, pages: int = 1) -> ReadAhead[T]:
        """The same listing, with the next pages fetched while you work on this one: at most `pages` of them.

        To be used with `with`: leaving the block ends what is under way. Iterations of what it gives are like those
        of the listing, item by item or by `pages()`; an error arrives in place of the page that failed.
        Raises `InvalidArgumentError` when `pages` is no whole number from 1 up.

        Example:
            with client.list_memberships(group_id).read_ahead() as memberships:
                for membership in memberships:
                    print(membership.user.email)
        """
        return ReadAhead(self._crossing, self._paginator, depth(pages))

    def first(self) -> T | None:
        """The first item, or None when there is none."""
        return self._crossing.call(self._paginator.first)

    def collect(self, max_items: int | None = None) -> list[T]:
        """All items in a list, or the first `max_items`; no page is fetched that is not needed."""
        return self._crossing.call(lambda: self._paginator.collect(max_items))


class ReadAhead(Generic[T]):
    """A listing whose next pages are fetched while this one is worked on: see `Paginator.read_ahead`.

    Example:
        with client.list_memberships(group_id).read_ahead(pages=2) as memberships:
            for page in memberships.pages():
                print(len(page.items), page.next_cursor)
    """

    def __init__(self, crossing: Crossing, paginator: AsyncPaginator[T], pages: int) -> None:
        self._crossing = crossing
        self._paginator = paginator
        self._pages = pages
        self._entered = False
        self._walks: list[AheadWalk[T]] = []

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError(ENTERED)
        self._entered = True
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._entered = False
        walks, self._walks = self._walks, []
        for walk in walks:
            walk.over = True
        for walk in walks:
            if walk.background is not None:
                walk.background.cancel()

    def __iter__(self) -> Iterator[T]:
        return _Items(self._crossing.call, self._walk())

    def pages(self) -> Iterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return _Pages(self._crossing.call, self._walk())

    def _walk(self) -> AheadWalk[T]:
        if not self._entered:
            raise RuntimeError(NOT_ENTERED)
        walk = self._paginator.walk_ahead(self._pages, self._crossing.start)
        self._walks.append(walk)
        return walk
