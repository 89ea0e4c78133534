"""The synchronous twin of groups_sdk.access._accounts.deletions.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from collections.abc import Sequence

from groups_sdk._iteration import BatchIterator
from groups_sdk._public import set_module
from groups_sdk._twins import SyncContextManager
from groups_sdk.access._accounts.deletions import AsyncDeletions
from groups_sdk.access._accounts.report import DeletionReport, DeletionResult
from groups_sdk.access._outcomes import Change


class Deletions(SyncContextManager[AsyncDeletions]):
    """Deletions of accounts: iterate it for what came of each, or `collect()` a report.

    It behaves as `Changes` does: nothing is sent before the first step, and `outcomes` has all results so far,
    whatever stopped the work. Only `collect()` looks a second time, at the end.

    Example:
        report = client.access.delete_sso_users(group_id, "ada@example.com").collect()
        print(report)
    """

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

    @property
    def outcomes(self) -> Sequence[DeletionResult]:
        """All outcomes so far, in the order in which they came. None is ever missing here."""
        return self._async.outcomes

    @property
    def total(self) -> int | None:
        """How many outcomes there will be; None before the first step."""
        return self._async.total

    @property
    def pending(self) -> Sequence[Change]:
        """What is left and was not begun. Empty before the first step."""
        return self._async.pending

    def __iter__(self) -> BatchIterator[DeletionResult]:
        return BatchIterator(self._portal.call, aiter(self._async))

    def preview(self) -> Sequence[Change]:
        """What would be done: `pending`. It only reads.

        `outcomes` then has what needs nothing to be done.
        """
        return self._portal.call(self._async.preview)

    def step(self) -> bool:
        """Get more outcomes, one batch at the most. False when nothing is left to do."""
        return self._portal.call(self._async.step)

    def finish(self) -> list[DeletionResult]:
        """Do all that is left. Returns all outcomes."""
        return self._portal.call(self._async.finish)

    def collect(self) -> DeletionReport:
        """Delete the accounts that are left, look again, and return the report.

        What stops the work once it has begun, such as a 401, is in the report: what was not begun is "not_started",
        and `looked_again` is False when the second look did not go through. Where the accounts cannot be looked at to
        begin with, the error is raised.
        """
        return self._portal.call(self._async.collect)

    def report(self) -> DeletionReport:
        """The report of the results so far. What is not begun yet is "would_delete", what is under way "unknown"."""
        return self._async.report()


set_module("groups_sdk.access", globals(), ["Deletions"])
