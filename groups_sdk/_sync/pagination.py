"""The synchronous twin of groups_sdk._pagination.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from groups_sdk._iteration import BatchIterator
from groups_sdk._pages import DecodeProblem, Page
from groups_sdk._pagination import AsyncPaginator, AsyncReadAhead, T
from groups_sdk._public import set_module
from groups_sdk._twins import SyncContextManager, SyncObject


class ReadAhead(SyncContextManager[AsyncReadAhead[T]]):
    """A listing whose next pages are fetched while this one is worked on: see `Paginator.read_ahead`.

    Example:
        with client.list_memberships(group_id).read_ahead(pages=2) as memberships:
            for page in memberships.pages():
                print(len(page.items), page.next_cursor)
    """

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

    def __iter__(self) -> BatchIterator[T]:
        return BatchIterator(self._portal.call, aiter(self._async))

    def pages(self) -> BatchIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return BatchIterator(self._portal.call, self._async.pages())


class Paginator(SyncObject[AsyncPaginator[T]]):
    """A listing: iterate it for its items, or its `pages()` for whole pages.

    With `ending_before` it lists backwards from that cursor: items come in the reverse of the API's order, except in
    `page.items`, which keeps it.

    Example:
        for membership in client.list_memberships(group_id):
            print(membership.user.email)
    """

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

    @property
    def problems(self) -> tuple[DecodeProblem, ...]:
        """The records that could not be decoded, of the pages that the latest iteration has fetched so far.

        There are none unless the listing was called with `on_decode_error="skip"`. `first()` and `collect()` count as
        iterations.

        Example:
            listing = client.list_memberships(group_id, on_decode_error="skip")
            memberships = listing.collect()
            print(len(memberships), "read,", len(listing.problems), "not readable")
        """
        return self._async.problems

    def __iter__(self) -> BatchIterator[T]:
        return BatchIterator(self._portal.call, aiter(self._async))

    def pages(self) -> BatchIterator[Page[T]]:
        """Page by page. `page.next_cursor` is where to resume: pass it as `starting_after`."""
        return BatchIterator(self._portal.call, self._async.pages())

    def read_ahead(self, pages: int = 1) -> ReadAhead[T]:
        """The same listing, with the next pages fetched while you work on this one: at most `pages` of them.

        To be used with `with`: leaving the block ends what is under way. Iterations of what it gives are
        like those of the listing, item by item or by `pages()`; an error arrives in place of the page that failed.
        Raises `InvalidArgumentError` when `pages` is not a whole number of at least 1.

        Example:
            with client.list_memberships(group_id).read_ahead() as memberships:
                for membership in memberships:
                    print(membership.user.email)
        """
        return ReadAhead(self._portal, self._async.read_ahead(pages))

    def first(self) -> T | None:
        """The first item, or None when there is none."""
        return self._portal.call(self._async.first)

    def collect(self, max_items: int | None = None) -> list[T]:
        """All items in a list, or the first `max_items`; no page is fetched that is not needed."""
        return self._portal.call(self._async.collect, max_items)


set_module("groups_sdk", globals(), ["ReadAhead", "Paginator"])
