"""Pages behind a cursor, as one stream of items.

A paginator is a recipe, not a connection: nothing is sent before it is iterated, every iteration starts anew, and
nothing is held open between two pages. The next page is asked for when it is wanted, or with `read_ahead` before.
"""

import os
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, get_args

import anyio
import anyio.lowlevel
import attrs

from groups_sdk import _deprecations as deprecations
from groups_sdk._background import BackgroundTask
from groups_sdk._iteration import AsyncBatchIterator, NextBatch, refuse_misuse
from groups_sdk._misuse import refuse
from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk._serialization import Document, Serializable, structure
from groups_sdk._terminal import printable
from groups_sdk.errors import (
    ApiError,
    ClientClosedError,
    GroupsError,
    InvalidArgumentError,
    PaginationError,
    shown,
)

__all__ = [
    "AsyncPaginator",
    "AsyncReadAhead",
    "DecodeProblem",
    "FetchPage",
    "Page",
    "PageCursor",
    "PrefetchingCursor",
]

T = TypeVar("T")
R = TypeVar("R")
T_co = TypeVar("T_co", covariant=True)

_WAITING = "this iteration is already waiting for a page: give each task its own iterator"
_ENTERED = "this block has been entered already: call read_ahead() for another one"
_NOT_ENTERED = "use read_ahead() in a with block, and iterate there over what the block returns"
_LEFT = "the with block of read_ahead() has ended: begin a new one"
_FORKED = (
    "the process was forked inside this block, and the event loop that reads ahead belongs to the parent"
)


def _no_response() -> ApiResponse:
    return ApiResponse(0, Headers(), b"", "", attempts=0)


@attrs.frozen
class DecodeProblem(Serializable):
    """A record of a page that could not be decoded, and was left out (`on_decode_error="skip"`).

    `id` is the record's id, None when it has none. `path` is the place in the page's document that is wrong, such as
    `data[3].attributes.created_at`, and `message` says what is wrong there. `cursor` is the one that the page was asked
    for with; None for the first page. `data` is the record as the API sent it, as JSON values. It may be about a
    person, so neither `repr()` nor `str()` shows it.

    Example:
        async for page in client.list_memberships(group_id, on_decode_error="skip").pages():
            for problem in page.problems:
                print(problem.id, problem.path, problem.message)
    """

    id: str | None
    path: str
    message: str
    cursor: str | None = None
    data: Any = attrs.field(default=None, repr=False, hash=False)

    def __str__(self) -> str:
        which = "a record without an id" if self.id is None else f"the record {shown(self.id)}"
        return f"{which}, at {self.path}: {self.message}"


@attrs.frozen
class Page(Document, Generic[T_co]):
    """One page of a listing.

    `next_cursor` is the `starting_after` of the page that follows and `prev_cursor` the `ending_before` of the one
    in front; None where there is none, an empty string where the API sent a link without a cursor, which nobody can
    follow. They are plain strings that another process can go on from. `response` is the answer that the page came in;
    pages are compared without it, and `to_dict` leaves it out.

    `problems` are the records that are not among the `items` because they could not be decoded. There are none unless
    the listing was called with `on_decode_error="skip"`.
    """

    _not_in_dict: ClassVar[tuple[str, ...]] = ("response",)

    items: Sequence[T_co]
    next_cursor: str | None
    prev_cursor: str | None
    meta: Mapping[str, Any]
    response: ApiResponse = attrs.field(eq=False, factory=_no_response)
    problems: tuple[DecodeProblem, ...] = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], item: type[T]) -> "Page[T]":
        """The page that `to_dict` wrote, of items of that class. Its `response` is empty, with 0 for the status.

        Raises `InvalidArgumentError`, which names the path, when the document is something else.

        Example:
            page = Page.from_dict(page.to_dict(), GroupMembership)
        """
        page: Page[T] = structure(document, Page, Page[item])  # type: ignore[valid-type] # read at run time
        return page

    @classmethod
    def _read(cls, document: Any, source: Any) -> Any:
        return cls.from_dict(document, *(get_args(source) or (Any,)))


class FetchPage(Protocol[T_co]):
    """Fetches one page; with neither cursor, the first one."""

    def __call__(
        self, *, starting_after: str | None, ending_before: str | None
    ) -> Coroutine[Any, Any, Page[T_co]]: ...


class PageCursor(Generic[T]):
    """Where one iteration is among the pages of a listing."""

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
            cursor = self._redact(self._cursor)
            raise PaginationError(f"the API sent the cursor {cursor!r} a second time", cursor=cursor)
        self._busy = True
        try:
            page = await self._fetch(
                starting_after=None if self._backwards else self._cursor,
                ending_before=self._cursor if self._backwards else None,
            )
        except GroupsError as error:
            refused = (
                isinstance(error, ApiError) and error.status_code == 400
            )  # a cursor that has expired, say
            if self._cursor is not None and self._resumable and not refused:
                parameter = "ending_before" if self._backwards else "starting_after"
                cursor = printable(repr(self._redact(self._cursor)))
                error.add_note(f"The listing can be resumed here with {parameter}={cursor}.")
            raise
        finally:
            self._busy = False
        self._problems += page.problems
        if self._cursor is not None:
            self._followed.add(self._cursor)
        self._cursor = page.prev_cursor if self._backwards else page.next_cursor
        self._done = self._cursor is None
        return page

    async def next_pages(self) -> Sequence[Page[T]] | None:
        """The next page, as a batch of one."""
        page = await self.next_page()
        return None if page is None else (page,)

    async def next_items(self) -> Sequence[T] | None:
        """The items of the next page, in the direction of the listing."""
        page = await self.next_page()
        if page is None:
            return None
        return page.items[::-1] if self._backwards else page.items


class PrefetchingCursor(Generic[T]):
    """The batches of another cursor, which a task beside fetches, at most `depth` of them in advance.

    The task ends when that many are ready, and another one begins when the consumer has taken some: whoever stops
    iterating, in whatever way, leaves no task behind that waits.
    """

    def __init__(self, fetch: NextBatch[T], depth: int, process: int) -> None:
        self._fetch = fetch
        self._depth = depth
        self._process = process
        self._task: BackgroundTask | None = None
        self._fetching = False
        self._more = True  # whether to go on without being asked: not after an error, nor at the end
        self._waiting = False
        self._left = False
        # What came of each batch, and the deprecations that the API told of meanwhile.
        self._fetched: deque[tuple[Sequence[T] | BaseException | None, list[str]]] = deque()
        self._arrived: anyio.Event | None = None

    async def next_batch(self) -> Sequence[T] | None:
        """The next batch, or None after the last. An error comes in place of its batch, which is then fetched again."""
        if self._waiting:
            raise RuntimeError(_WAITING)
        self._waiting = True
        try:
            outcome, notices = await self._next_outcome()
        finally:
            self._waiting = False
        for notice in notices:
            deprecations.warn(notice)
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome  # its traceback leads to this frame: a cycle
        return outcome

    async def _next_outcome(self) -> tuple[Sequence[T] | BaseException | None, list[str]]:
        while True:
            if os.getpid() != self._process:
                raise ClientClosedError(_FORKED, maybe_applied=False)
            if self._left:
                await anyio.lowlevel.checkpoint_if_cancelled()  # the block may have been left for that
                raise RuntimeError(_LEFT)
            if self._fetched:
                break
            arrived = self._arrived = anyio.Event()
            self._go_on()  # which fetches at once where tasks are eager
            await arrived.wait()
        taken = self._fetched.popleft()
        if self._more:
            self._go_on()
        return taken

    def _go_on(self) -> None:
        if not self._fetching:
            self._fetching = True
            self._task = BackgroundTask(self._fetch_ahead, instead=self._give_up)

    async def _fetch_ahead(self) -> None:
        """Fetch batches until enough are ready, the last one has come, or an error."""
        notices = deprecations.collect()
        self._more = True
        try:
            while self._more and len(self._fetched) < self._depth:
                batch = await self._fetch()
                self._more = batch is not None
                self._hand_over(batch, notices)
        except anyio.get_cancelled_exc_class():
            self.leave()
            raise
        except BaseException as error:
            self._more = False
            self._hand_over(error, notices)
        finally:
            self._fetching = False

    def _give_up(self) -> None:
        self._fetching = False
        self.leave()

    def _hand_over(self, outcome: Sequence[T] | BaseException | None, notices: list[str]) -> None:
        if not self._left or _is_exit(outcome):
            self._fetched.append((outcome, notices[:]))
        notices.clear()
        self._wake()

    def _wake(self) -> None:
        if self._arrived is not None:
            self._arrived.set()

    def require_reach(self) -> None:
        """Raise `RuntimeError` when pages are fetched on another event loop."""
        if self._task is not None:
            self._task.require_reach()

    def leave(self) -> None:
        """End the iteration."""
        self._left = True
        self._fetched = deque(fetched for fetched in self._fetched if _is_exit(fetched[0]))
        self._wake()

    async def aclose(self) -> BaseException | None:
        """Give up what is under way. Returns what nobody has seen and must not get lost: an interrupt, another exit."""
        if self._task is not None:
            await self._task.cancel()
        return next((outcome for outcome, _ in self._fetched if isinstance(outcome, BaseException)), None)


def _is_exit(outcome: object) -> bool:
    return isinstance(outcome, BaseException) and not isinstance(outcome, Exception)


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
        self._cursors: list[PrefetchingCursor[Any]] = []

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
        return AsyncBatchIterator(self._prefetched(self._new_cursor().next_items))

    def pages(self) -> AsyncBatchIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return AsyncBatchIterator(self._prefetched(self._new_cursor().next_pages))

    def _prefetched(self, fetch: NextBatch[R]) -> NextBatch[R]:
        if not self._entered:
            raise RuntimeError(_NOT_ENTERED)
        cursor = PrefetchingCursor(fetch, self._depth, self._process)
        self._cursors.append(cursor)
        return cursor.next_batch


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

    def mapped(
        self, change: Callable[[Sequence[T]], Coroutine[Any, Any, Sequence[R]]]
    ) -> "AsyncPaginator[R]":
        """The same listing with the items of each page turned into others. When that fails, the page is fetched anew.

        Example:
            async def emails(memberships):
                return [membership.user.email for membership in memberships]

            print(await client.list_memberships(group_id).mapped(emails).collect())
        """

        async def fetch(*, starting_after: str | None, ending_before: str | None) -> Page[R]:
            page = await self._fetch(starting_after=starting_after, ending_before=ending_before)
            items = await change(page.items)
            return Page(items, page.next_cursor, page.prev_cursor, page.meta, page.response, page.problems)

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
set_module("groups_sdk", globals(), ["AsyncPaginator", "AsyncReadAhead", "DecodeProblem", "Page"])
