"""The synchronous twin of groups_sdk.access._review.stream.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

import os

from groups_sdk._iteration import BatchIterator
from groups_sdk._pages import DecodeProblem
from groups_sdk._public import set_module
from groups_sdk._sync.pagination import Paginator
from groups_sdk._twins import SyncObject
from groups_sdk.access._review.diff import ReviewDiff
from groups_sdk.access._review.files import AnyFile
from groups_sdk.access._review.member import ReviewedMember, ReviewTotals
from groups_sdk.access._review.report import Review
from groups_sdk.access._review.stream import AsyncReviewStream


class ReviewStream(SyncObject[AsyncReviewStream]):
    """The review of a group: iterate it for its members, `collect()` it, or write it to a file.

    Nothing is sent before you use it, and each use reads all members again. Iterating it keeps one page of members in
    memory, and so does writing CSV or JSON lines, with organizations three pages; `collect()`, `to_html` and `to_xlsx`
    keep all of them.

    Example:
        for member in client.access.review(group_id):
            print(member.membership.user.email, member.membership.role.name, member.sso)
    """

    @property
    def unreadable(self) -> tuple[DecodeProblem, ...]:
        """The records that could not be understood, of what the latest use of this review has read so far.

        Who they are about is not known, so they are not among the members. They are logged as warnings, too.

        Example:
            review = client.access.review(group_id)
            for member in review:
                print(member.membership.user.email)
            print(len(review.unreadable), "records could not be read")
        """
        return self._async.unreadable

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

    def __iter__(self) -> BatchIterator[ReviewedMember]:
        return BatchIterator(self._portal.call, aiter(self._async))

    def collect(self) -> Review:
        """The whole review.

        Example:
            review = client.access.review(group_id).collect()
            print(review.totals.by_role)
        """
        return self._portal.call(self._async.collect)

    def diff(self, earlier: Review | str | os.PathLike[str]) -> ReviewDiff:
        """Who was added, removed or changed since an earlier review or its file: see `Review.diff`.

        The file is read before anything is sent, in a worker thread.

        Example:
            print(client.access.review(group_id).diff("2025-10.jsonl"))
        """
        return self._portal.call(self._async.diff, earlier)

    def to_csv(self, file: AnyFile) -> ReviewTotals:
        """Write the members as CSV, page by page. Returns the totals.

        Cells that a spreadsheet might take for formulas (they begin with = + - @ or a control character, also behind
        invisible ones) get an apostrophe in front, which `Review.from_csv` takes away again. A path gets a UTF-8 file
        with a byte order mark, for spreadsheets, and only when everything has been written; an open text file is
        written to at once (open it with `newline=""`). A new file can be read by its owner only, an existing one
        keeps its mode. Both are written in worker threads, also an open file of yours: do not use it meanwhile. A
        record that could not be read has a row too, with its id, what is wrong, and "(could not be read)" as its role.
        Cancelling waits until the page at hand is written. Raises `FileAccessError` when the path cannot be written.

        Example:
            totals = client.access.review(group_id).to_csv("review.csv")
        """
        return self._portal.call(self._async.to_csv, file)

    def to_jsonl(self, file: AnyFile) -> ReviewTotals:
        """Write the review as JSON lines, page by page, for `Review.from_jsonl`: nothing is lost. Returns the totals.

        A path gets its file only when everything has been written; an open text file is written to at once. A new
        file can be read by its owner only. Both are written in worker threads, as `to_csv` does. Raises
        `FileAccessError` when the path cannot be written.

        Example:
            totals = client.access.review(group_id).to_jsonl("review.jsonl")
        """
        return self._portal.call(self._async.to_jsonl, file)

    def to_html(
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
            totals = client.access.review(group_id).to_html("review.html", prepared_by="Ada")
        """
        return self._portal.call(
            self._async.to_html, file, since=since, prepared_by=prepared_by, sign_off=sign_off
        )

    def to_xlsx(
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
            totals = client.access.review(group_id).to_xlsx("review.xlsx", sign_off=True)
        """
        return self._portal.call(
            self._async.to_xlsx, path, since=since, prepared_by=prepared_by, sign_off=sign_off
        )

    def listing(self) -> Paginator[ReviewedMember]:
        """The members as a listing, from the beginning. What cannot be understood is left out of its pages."""
        return Paginator(self._portal, self._async.listing())


set_module("groups_sdk.access", globals(), ["ReviewStream"])
