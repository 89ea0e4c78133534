"""Pages, and walks along them: each is the state of one iteration."""

from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import anyio
import attrs

from groups_sdk import _deprecations as deprecations
from groups_sdk._responses import ApiResponse
from groups_sdk.errors import GroupsError, InvalidArgumentError, PaginationError

__all__ = ["AheadWalk", "Background", "FetchPage", "Page", "PageWalk", "Start"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

ENTERED = "this block has been entered already: call read_ahead() for another one"
NOT_ENTERED = "read_ahead() is for a with block: iterate what the block gives, inside it"
_WAITING = "this iteration is already waiting for a page: give each task one of its own"


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


class PageWalk(Generic[T]):
    """One walk along the pages: the state of one iteration."""

    def __init__(
        self,
        fetch: FetchPage[T],
        starting_after: str | None,
        ending_before: str | None,
        *,
        resumable: bool = True,
    ) -> None:
        self._fetch = fetch
        self._resumable = resumable
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
            raise RuntimeError(_WAITING)
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
            if self._cursor is not None and self._resumable:
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


class Background(Protocol):
    """An async function that runs beside what synchronous code does."""

    def check(self) -> None:
        """Raise why it has ended, if it has."""

    def cancel(self) -> None:
        """Cancel it, and wait until it has let go."""


class Start(Protocol):
    """Has an async function run beside its caller."""

    def __call__(self, func: Callable[[], Coroutine[Any, Any, None]], /) -> Background | None: ...


class AheadWalk(PageWalk[T]):
    """A walk whose pages are fetched by a task beside the one that takes them, at most so many in advance."""

    def __init__(
        self,
        fetch: FetchPage[T],
        starting_after: str | None,
        ending_before: str | None,
        pages: int,
        start: Start,
        *,
        resumable: bool = True,
    ) -> None:
        super().__init__(fetch, starting_after, ending_before, resumable=resumable)
        self.over: bool = False
        self.background: Background | None = None
        self._start = start
        self._pages = pages
        self._filling = False
        self._taking = False
        # What came of each page, and what the API said meanwhile of its own end.
        self._fetched: deque[tuple[Page[T] | BaseException | None, list[str]]] = deque()
        self._arrived: anyio.Event | None = None
        self._taken: anyio.Event | None = None

    async def _fill(self) -> None:
        """Fetch pages until the last one, or an error."""
        notices = deprecations.collect()
        try:
            page: Page[T] | None
            while True:
                while len(self._fetched) >= self._pages:
                    self._taken = anyio.Event()
                    await self._taken.wait()
                page = await super().next_page()
                self._put(page, notices)
                if page is None:
                    break
        except BaseException as error:
            self._put(error, notices)
            if not isinstance(error, Exception):
                raise
        finally:
            self._filling = False

    def _put(self, outcome: Page[T] | BaseException | None, notices: list[str]) -> None:
        if not self.over:
            self._fetched.append((outcome, notices[:]))
        notices.clear()
        if self._arrived is not None:
            self._arrived.set()

    async def next_page(self) -> Page[T] | None:
        if self.over:
            raise RuntimeError("the block that this iteration reads ahead in has been left: begin a new one")
        if self._taking:
            raise RuntimeError(_WAITING)
        self._taking = True
        try:
            while not self._fetched:
                if not self._filling:
                    self._filling = True
                    self.background = self._start(self._fill)
                elif self.background is not None:
                    self.background.check()
                self._arrived = anyio.Event()
                await self._arrived.wait()
        finally:
            self._taking = False
        outcome, notices = self._fetched.popleft()
        if self._taken is not None:
            self._taken.set()
        for notice in notices:
            deprecations.warn(notice)
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome  # its traceback leads to this frame: a cycle
        return outcome


def depth(pages: int) -> int:
    """How many pages may be fetched in advance."""
    if type(pages) is not int or pages < 1:
        raise InvalidArgumentError(f"pages must be a whole number from 1 up; got {pages!r}")
    return pages
