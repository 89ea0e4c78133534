"""The review of a group, member by member as they come."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio

from groups_sdk import _arguments as arguments
from groups_sdk._hooks import check_hook
from groups_sdk._iteration import AsyncBatchIterator, refuse_misuse
from groups_sdk._pages import DecodeProblem, Page
from groups_sdk._pagination import AsyncPaginator
from groups_sdk._public import set_module
from groups_sdk.access._addresses import normalised
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Progress
from groups_sdk.access._review import files
from groups_sdk.access._review.audit_report import check_options
from groups_sdk.access._review.diff import ReviewDiff
from groups_sdk.access._review.files import AnyFile
from groups_sdk.access._review.member import ReviewedMember, ReviewTotals, is_sso
from groups_sdk.access._review.org_reader import OrgReader, Orgs
from groups_sdk.access._review.report import Review, html_steps
from groups_sdk.access._review.threaded_writer import OpenWriter, ThreadedWriter
from groups_sdk.access._review.xlsx import imported_xlsxwriter
from groups_sdk.access._tasks import in_order
from groups_sdk.access._threads import run_in_steps, run_to_end
from groups_sdk.access._work import OnProgress, tell
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Group, GroupMembership

__all__ = ["AsyncReviewStream"]

_PAGES_AT_A_TIME = 3

_ReviewedPage = tuple[Sequence[ReviewedMember], Sequence[DecodeProblem]]
"""The members of a page, and the records of it that could not be understood."""


class AsyncReviewStream:
    """The review of a group: iterate it for its members, `collect()` it, or write it to a file.

    Nothing is sent before you use it, and each use reads all members again. Iterating it keeps one page of members in
    memory, and so does writing CSV or JSON lines, with organizations three pages; `collect()`, `to_html` and `to_xlsx`
    keep all of them.

    Example:
        async for member in client.access.review(group_id):
            print(member.membership.user.email, member.membership.role.name, member.sso)
    """

    def __init__(
        self,
        client: Operations,
        group_id: str,
        *,
        org_memberships: bool,
        sso_login_methods: Collection[str],
        concurrency: int,
        on_progress: OnProgress | None,
    ) -> None:
        self._client = client
        self.group_id: str = arguments.uuid("group_id", group_id)
        self.org_memberships: bool = org_memberships
        if isinstance(sso_login_methods, str):
            raise InvalidArgumentError("sso_login_methods must be a collection of strings, not one string")
        self._sso_login_methods = frozenset(map(normalised, sso_login_methods))
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidArgumentError(
                f"concurrency must be a whole number of at least 1; got {concurrency!r}"
            )
        check_hook("on_progress", on_progress, InvalidArgumentError)
        self._concurrency = concurrency
        self._on_progress = on_progress
        self._latest: AsyncPaginator[Any] | None = None

    @property
    def unreadable(self) -> tuple[DecodeProblem, ...]:
        """The records that could not be understood, of what the latest use of this review has read so far.

        Who they are about is not known, so they are not among the members. They are logged as warnings, too.

        Example:
            review = client.access.review(group_id)
            async for member in review:
                print(member.membership.user.email)
            print(len(review.unreadable), "records could not be read")
        """
        return () if self._latest is None else self._latest.problems

    def __repr__(self) -> str:
        """What is reviewed, such as `<AsyncReviewStream of group 11111111-1111-4111-8111-111111111111>`."""
        orgs = ", with organizations" if self.org_memberships else ""
        return f"<{type(self).__name__} of group {self.group_id}{orgs}>"

    def __aiter__(self) -> AsyncBatchIterator[ReviewedMember]:
        return aiter(self.listing())

    async def collect(self) -> Review:
        """The whole review.

        Example:
            review = await client.access.review(group_id).collect()
            print(review.totals.by_role)
        """
        reviewed_at = _now()
        members: list[ReviewedMember] = []

        async def keep(page: _ReviewedPage) -> None:
            members.extend(page[0])

        unreadable = await self._for_each_page(keep)
        return Review(
            _group_of(self.group_id, members),
            reviewed_at,
            tuple(members),
            self.org_memberships,
            self._client.base_url,
            self._client.api_version,
            unreadable,
        )

    async def diff(self, earlier: Review | str | os.PathLike[str]) -> ReviewDiff:
        """Who was added, removed or changed since an earlier review or its file: see `Review.diff`.

        The file is read before anything is sent, in a worker thread.

        Example:
            print(await client.access.review(group_id).diff("2025-10.jsonl"))
        """
        if not isinstance(earlier, Review):
            earlier = await run_to_end(partial(Review.read, earlier), anyio.CapacityLimiter(1))
        review = await self.collect()
        return await run_to_end(partial(review.diff, earlier), anyio.CapacityLimiter(1))

    async def to_csv(self, file: AnyFile) -> ReviewTotals:
        """Write the members as CSV, page by page. Returns the totals.

        Cells that a spreadsheet might take for formulas (they begin with = + - @ or a control character, also behind
        invisible ones) get an apostrophe in front, which `Review.from_csv` takes away again. A path gets a UTF-8 file
        with a byte order mark, for spreadsheets, and only when everything has been written; an open text file is
        written to at once (open it with `newline=""`). A new file can be read by its owner only, an existing one
        keeps its mode. Both are written in worker threads, also an open file of yours: do not use it meanwhile. A
        record that could not be read has a row too, with its id, what is wrong, and "(could not be read)" as its role.
        Cancelling waits until the page at hand is written. Raises `FileAccessError` when the path cannot be written.

        Example:
            totals = await client.access.review(group_id).to_csv("review.csv")
        """
        return await self._write(
            lambda group: files.csv_writer(file, group, org_memberships=self.org_memberships)
        )

    async def to_jsonl(self, file: AnyFile) -> ReviewTotals:
        """Write the review as JSON lines, page by page, for `Review.from_jsonl`: nothing is lost. Returns the totals.

        A path gets its file only when everything has been written; an open text file is written to at once. A new
        file can be read by its owner only. Both are written in worker threads, as `to_csv` does. Raises
        `FileAccessError` when the path cannot be written.

        Example:
            totals = await client.access.review(group_id).to_jsonl("review.jsonl")
        """
        now = _now()
        return await self._write(
            lambda group: files.jsonl_writer(
                file,
                group,
                now,
                org_memberships=self.org_memberships,
                base_url=self._client.base_url,
                api_version=self._client.api_version,
            )
        )

    async def to_html(
        self,
        file: AnyFile,
        *,
        since: Review | None = None,
        prepared_by: str | None = None,
        sign_off: bool = False,
    ) -> ReviewTotals:
        """Write the review as one self-contained page: see `Review.to_html`. Returns the totals.

        The table is sorted, so all members are kept in memory meanwhile. The page is made and written in worker
        threads, also to an open file, step by step. Cancelling waits for the step at hand, and a path then keeps what
        it had before. The arguments are checked before anything is sent.

        Example:
            totals = await client.access.review(group_id).to_html("review.html", prepared_by="Ada")
        """
        check_options(self.group_id, since, prepared_by)
        held = [await self.collect()]
        return await run_in_steps(
            html_steps(held, file, since=since, prepared_by=prepared_by, sign_off=sign_off)
        )

    async def to_xlsx(
        self,
        path: str | os.PathLike[str],
        *,
        since: Review | None = None,
        prepared_by: str | None = None,
        sign_off: bool = False,
    ) -> ReviewTotals:
        """Write the review as an Excel workbook (extra `xlsx`): see `Review.to_xlsx`. Returns the totals.

        All members are kept in memory meanwhile, and the workbook is made in a worker thread, as `to_html` does. The
        arguments, and whether the extra is installed, are checked before anything is sent.

        Example:
            totals = await client.access.review(group_id).to_xlsx("review.xlsx", sign_off=True)
        """
        imported_xlsxwriter(path)
        check_options(self.group_id, since, prepared_by)
        review = await self.collect()
        write = partial(review.to_xlsx, path, since=since, prepared_by=prepared_by, sign_off=sign_off)
        await run_to_end(write, anyio.CapacityLimiter(1))
        return review.totals

    async def _write(self, open_writer: OpenWriter) -> ReviewTotals:
        async with ThreadedWriter(open_writer) as writer:

            async def write(page: _ReviewedPage) -> None:
                members, unreadable = page
                await writer.write(_group_of(self.group_id, members), members, unreadable)

            await self._for_each_page(write)
        return writer.tally.totals(org_memberships=self.org_memberships)

    def listing(self) -> AsyncPaginator[ReviewedMember]:
        """The members as a listing, from the beginning. What cannot be understood is left out of its pages."""
        self._latest = latest = self._members().mapped(self._review())
        return latest

    async def _for_each_page(
        self, use: Callable[[_ReviewedPage], Awaitable[object]]
    ) -> tuple[DecodeProblem, ...]:
        """Await the function for each page, in order. Returns the records that could not be understood.

        Organizations of the next pages are read while the last few of a page are still missing.
        """
        self._latest = listing = self._members().mapped(_unchanged)  # a review cannot be resumed
        review = self._review()

        async def reviewed(page: Page[GroupMembership]) -> _ReviewedPage:
            return await review(page.items), page.problems

        at_a_time = _PAGES_AT_A_TIME if self.org_memberships else 1
        await in_order(listing.pages(), reviewed, use, at_a_time=at_a_time)
        return listing.problems

    def _members(self) -> AsyncPaginator[GroupMembership]:
        count = None if self._on_progress is None else True
        # In the default order: only there does the API promise that each is listed exactly once.
        return self._client.list_memberships(
            self.group_id, include_group_membership_count=count, on_decode_error="skip"
        )

    def _review(self) -> Callable[[Sequence[GroupMembership]], Coroutine[Any, Any, Sequence[ReviewedMember]]]:
        """What reviews the members of one page after the other, from the beginning."""
        began: float | None = None
        done = 0
        orgs = OrgReader(self._client, self.group_id, concurrency=self._concurrency)

        async def reviewed(memberships: Sequence[GroupMembership]) -> Sequence[ReviewedMember]:
            nonlocal began, done
            began = anyio.current_time() if began is None else began
            found: Sequence[Orgs] = [(None, None)] * len(memberships)
            if self.org_memberships:
                found = await orgs.read(memberships)
            members = [
                ReviewedMember(m, is_sso(m.user.login_method, self._sso_login_methods), *orgs_of_member)
                for m, orgs_of_member in zip(memberships, found, strict=True)
            ]
            if self._on_progress is not None:
                done += len(members)
                total = members[0].membership.group_membership_count if members else None
                tell(self._on_progress, Progress(done, total, anyio.current_time() - began))
            return members

        return reviewed


async def _unchanged(memberships: Sequence[GroupMembership]) -> Sequence[GroupMembership]:
    return memberships


def _group_of(group_id: str, members: Sequence[ReviewedMember]) -> Group:
    named = next((m.membership.group for m in members if m.membership.group.id), None)
    return Group(id=group_id, name=named.name if named else None)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


refuse_misuse(AsyncReviewStream, "a review", instead="`await review.collect()`")


set_module("groups_sdk.access", globals(), ["AsyncReviewStream"])
