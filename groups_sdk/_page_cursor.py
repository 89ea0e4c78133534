"""Where one iteration is among the pages of a listing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import anyio.lowlevel
import attrs

from groups_sdk._pages import DecodeProblem, FetchedPage, FetchPage, Page
from groups_sdk._terminal import printable
from groups_sdk.errors import ApiError, GroupsError, PaginationError

__all__ = ["WAITING", "PageCursor", "PendingPage"]

T = TypeVar("T")

WAITING = "this iteration is already waiting for a page: give each task its own iterator"


@attrs.frozen
class PendingPage(Generic[T]):
    """A page that is not decoded yet, and the cursor that it was asked for with."""

    asked_with: str | None
    fetched: FetchedPage[T]


class PageCursor(Generic[T]):
    """Goes from page to page: fetches one after the other, and decodes each of them when that is wanted."""

    def __init__(
        self,
        fetch: FetchPage[T],
        starting_after: str | None,
        ending_before: str | None,
        *,
        resumable: bool = True,
        redact: Callable[[str], str] = str,
        problems: list[DecodeProblem] | None = None,
    ) -> None:
        self._fetch = fetch
        self._resumable = resumable
        self._redact = redact
        self._problems = [] if problems is None else problems
        self._backwards = ending_before is not None
        self._cursor = ending_before if self._backwards else starting_after
        self._followed: dict[str | None, None] = {}  # a set that keeps their order
        self._done = False
        self._busy = False

    async def next_page(self) -> Page[T] | None:
        """The next page, or None after the last. After an error the same page is asked for again."""
        pending = await self.fetch()
        if pending is None:
            return None
        self._busy = True
        try:
            # The event loop has a turn between what the answer took and what decoding it takes.
            await anyio.lowlevel.cancel_shielded_checkpoint()
            return self.decode(pending)
        except BaseException:
            self.go_back(pending)
            raise
        finally:
            self._busy = False

    async def fetch(self, on_sent: Callable[[], object] = lambda: None) -> PendingPage[T] | None:
        """Fetch the next page; None after the last. `on_sent` is called once the request is on its way, or never."""
        if self._done:
            return None
        if self._busy:
            raise RuntimeError(WAITING)
        if self._cursor == "":
            raise PaginationError("the page has a link to the next one, but no cursor in it", cursor="")
        if self._cursor is not None and self._cursor in self._followed:
            cursor = self._redact(self._cursor)
            raise PaginationError(f"the API sent the cursor {cursor!r} a second time", cursor=cursor)
        self._busy = True
        try:
            fetched = await self._fetch(
                starting_after=None if self._backwards else self._cursor,
                ending_before=self._cursor if self._backwards else None,
                on_sent=on_sent,
            )
        except GroupsError as error:
            self._tell_where(error, self._cursor)
            raise
        finally:
            self._busy = False
        pending = PendingPage(self._cursor, fetched)
        self._followed[self._cursor] = None
        self._cursor = fetched.prev_cursor if self._backwards else fetched.next_cursor
        self._done = self._cursor is None
        return pending

    def decode(self, pending: PendingPage[T]) -> Page[T]:
        """The page with its items. After an error call `go_back`, once nothing is being fetched."""
        try:
            page = pending.fetched.decode()
        except GroupsError as error:
            self._tell_where(error, pending.asked_with)
            raise
        self._problems += page.problems
        return page

    def go_back(self, pending: PendingPage[T]) -> None:
        """Have this page fetched again, and forget what came after it."""
        self._cursor, self._done = pending.asked_with, False
        while self._followed.popitem()[0] != pending.asked_with:
            pass

    def items(self, page: Page[T]) -> Sequence[T]:
        """The items of a page, in the direction of the listing."""
        return page.items[::-1] if self._backwards else page.items

    async def next_pages(self) -> Sequence[Page[T]] | None:
        """The next page, as a batch of one."""
        page = await self.next_page()
        return None if page is None else (page,)

    async def next_items(self) -> Sequence[T] | None:
        """The items of the next page, in the direction of the listing."""
        page = await self.next_page()
        return None if page is None else self.items(page)

    def _tell_where(self, error: GroupsError, asked_with: str | None) -> None:
        """Note on the error where the listing can be resumed, unless the API refused that very cursor."""
        refused = isinstance(error, ApiError) and error.status_code == 400  # a cursor that has expired, say
        if asked_with is not None and self._resumable and not refused:
            parameter = "ending_before" if self._backwards else "starting_after"
            cursor = printable(repr(self._redact(asked_with)))
            error.add_note(f"The listing can be resumed here with {parameter}={cursor}.")
