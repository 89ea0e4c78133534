"""Pages behind a cursor, as one stream of items.

A paginator is a recipe, not a connection: nothing is sent before it is iterated, every iteration starts anew, and
nothing is held open between two pages. The next page is asked for when it is wanted, or with `read_ahead` before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, Self, TypeVar

from groups_sdk._iteration import AsyncBatchIterator, NextBatch, refuse_misuse
from groups_sdk._misuse import refuse
from groups_sdk._page_cursor import PageCursor
from groups_sdk._pages import DecodeProblem, FetchedPage, FetchPage, Page
from groups_sdk._prefetching import PrefetchingCursor
from groups_sdk._public import set_module
from groups_sdk.errors import InvalidArgumentError

__all__ = ["AsyncPaginator", "AsyncReadAhead", "DecodeProblem", "Page"]

T = TypeVar("T")
R = TypeVar("R")

_ENTERED = "this block has been entered already: call read_ahead() for another one"
_NOT_ENTERED = "use read_ahead() in a with block, and iterate there over what the block returns"


class AsyncReadAhead(Generic[T]):
    """A listing whose next pages are fetched while this one is worked on: see `AsyncPaginator.read_ahead`.

    Example:
        async with client.list_memberships(group_id).read_ahead(pages=2) as memberships:
            async for page in memberships.pages():
                print(len(page.items), page.next_cursor)
    """

    def __init__(
        self, new_cursor: Callable[[], PageCursor[T]], depth: int, description: str = "items"
    ) -> None:
        self._description = description
        self._new_cursor = new_cursor
        self._depth = depth
        self._process = 0
        self._entered = False
        self._cursors: list[PrefetchingCursor[T, Any]] = []

    def __repr__(self) -> str:
        """What it lists, such as `<AsyncReadAhead of groups, limit=100, up to 2 pages in advance>`."""
        pages = "1 page" if self._depth == 1 else f"{self._depth} pages"
        return f"<{type(self).__name__} of {self._description}, up to {pages} in advance>"

    async def __aenter__(self) -> Self:
        if self._entered:
            raise RuntimeError(_ENTERED)
        self._entered = True
        self._process = os.getpid()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for cursor in self._cursors:
            cursor.require_reach()
        self._entered = False
        cursors, self._cursors = self._cursors, []
        for cursor in cursors:
            cursor.leave()
        unseen = [error for cursor in cursors if (error := await cursor.aclose()) is not None]
        if unseen:
            raise unseen[0]

    def __aiter__(self) -> AsyncBatchIterator[T]:
        cursor = self._new_cursor()
        return AsyncBatchIterator(self._prefetched(cursor, cursor.items))

    def pages(self) -> AsyncBatchIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return AsyncBatchIterator(self._prefetched(self._new_cursor(), lambda page: (page,)))

    def _prefetched(self, cursor: PageCursor[T], take: Callable[[Page[T]], Sequence[R]]) -> NextBatch[R]:
        if not self._entered:
            raise RuntimeError(_NOT_ENTERED)
        prefetching = PrefetchingCursor(cursor, take, self._depth, self._process)
        self._cursors.append(prefetching)
        return prefetching.next_batch


class AsyncPaginator(Generic[T]):
    """A listing: iterate it for its items, or its `pages()` for whole pages.

    With `ending_before` it lists backwards from that cursor: items come in the reverse of the API's order, except in
    `page.items`, which keeps it.

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
        redact: Callable[[str], str] = str,
        description: str = "items",
    ) -> None:
        self._resumable = resumable  # whether errors tell the cursor to resume with
        self._redact = redact  # takes secrets out of that cursor
        self._description = description
        self._fetch = fetch
        self._starting_after = starting_after
        self._ending_before = ending_before
        self._problems: list[DecodeProblem] = []

    def __repr__(self) -> str:
        """What it lists, such as `<AsyncPaginator of groups, limit=100>`. Filters are named, without their values."""
        return f"<{type(self).__name__} of {self._description}>"

    def _cursor(self) -> PageCursor[T]:
        self._problems = []
        return PageCursor(
            self._fetch,
            self._starting_after,
            self._ending_before,
            resumable=self._resumable,
            redact=self._redact,
            problems=self._problems,
        )

    @property
    def problems(self) -> tuple[DecodeProblem, ...]:
        """The records that could not be decoded, of the pages that the latest iteration has fetched so far.

        There are none unless the listing was called with `on_decode_error="skip"`. `first()` and `collect()` count as
        iterations.

        Example:
            listing = client.list_memberships(group_id, on_decode_error="skip")
            memberships = await listing.collect()
            print(len(memberships), "read,", len(listing.problems), "not readable")
        """
        return tuple(self._problems)

    def __aiter__(self) -> AsyncBatchIterator[T]:
        return AsyncBatchIterator(self._cursor().next_items)

    def pages(self) -> AsyncBatchIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return AsyncBatchIterator(self._cursor().next_pages)

    def read_ahead(self, pages: int = 1) -> AsyncReadAhead[T]:
        """The same listing, with the next pages fetched while you work on this one: at most `pages` of them.

        To be used with `async with`: leaving the block ends what is under way. Iterations of what it gives are
        like those of the listing, item by item or by `pages()`; an error arrives in place of the page that failed.
        Raises `InvalidArgumentError` when `pages` is not a whole number of at least 1.

        Example:
            async with client.list_memberships(group_id).read_ahead() as memberships:
                async for membership in memberships:
                    print(membership.user.email)
        """
        if type(pages) is not int or pages < 1:
            raise InvalidArgumentError(f"pages must be a whole number of at least 1; got {pages!r}")
        return AsyncReadAhead(self._cursor, pages, self._description)

    def mapped(self, change: Callable[[Sequence[T]], Coroutine[Any, Any, Sequence[R]]]) -> AsyncPaginator[R]:
        """The same listing with the items of each page turned into others. When that fails, the page is fetched anew.

        Example:
            async def emails(memberships):
                return [membership.user.email for membership in memberships]

            print(await client.list_memberships(group_id).mapped(emails).collect())
        """

        async def fetch(
            *, starting_after: str | None, ending_before: str | None, on_sent: Callable[[], object]
        ) -> FetchedPage[R]:
            fetched = await self._fetch(
                starting_after=starting_after, ending_before=ending_before, on_sent=on_sent
            )
            page = fetched.decode()
            items = await change(page.items)
            return FetchedPage.decoded(
                Page(items, page.next_cursor, page.prev_cursor, page.meta, page.response, page.problems)
            )

        return AsyncPaginator(
            fetch,
            starting_after=self._starting_after,
            ending_before=self._ending_before,
            resumable=False,
            redact=self._redact,
            description=self._description,
        )

    async def first(self) -> T | None:
        """The first item, or None when there is none."""
        cursor = self._cursor()
        while (items := await cursor.next_items()) is not None:
            if items:
                return items[0]
        return None

    async def collect(self, max_items: int | None = None) -> list[T]:
        """All items in a list, or the first `max_items`; no page is fetched that is not needed."""
        if max_items is not None and (type(max_items) is not int or max_items < 0):
            raise InvalidArgumentError(
                f"max_items must be a whole number of at least 0, or None; got {max_items!r}"
            )
        cursor = self._cursor()
        found: list[T] = []
        while max_items is None or len(found) < max_items:
            items = await cursor.next_items()
            if items is None:
                break
            found.extend(items)
        return found[:max_items]


refuse_misuse(
    AsyncPaginator,
    "a listing",
    instead="`await listing.collect()`, or `async for page in listing.pages()`",
)
refuse_misuse(AsyncReadAhead, "a listing that reads ahead")
refuse(
    AsyncReadAhead,
    "read_ahead() of AsyncGroupsClient is used with `async with`; `with` is for GroupsClient",
    *("__enter__", "__exit__"),
)
set_module("groups_sdk", globals(), ["AsyncPaginator", "AsyncReadAhead"])
