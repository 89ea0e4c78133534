"""The synchronous twin of groups_sdk.access._offboarding.offboarding.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from collections.abc import Sequence

from groups_sdk._iteration import BatchIterator
from groups_sdk._public import set_module
from groups_sdk._twins import SyncContextManager
from groups_sdk.access._offboarding.offboarding import AsyncOffboarding
from groups_sdk.access._offboarding.report import OffboardingReport, OffboardingResult
from groups_sdk.access._outcomes import Change


class Offboarding(SyncContextManager[AsyncOffboarding]):
    """People, out of every group: iterate it for what came of each membership, or `collect()` a report.

    It behaves as `Changes` does: nothing is sent before the first step, and `outcomes` has all results so far,
    whatever stopped the work. Only `collect()` looks a second time, at the end.

    Example:
        report = client.access.offboard("ada@example.com", cascade=True).collect()
        print(report)
    """

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

    @property
    def outcomes(self) -> Sequence[OffboardingResult]:
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

    def __iter__(self) -> BatchIterator[OffboardingResult]:
        return BatchIterator(self._portal.call, aiter(self._async))

    def preview(self) -> Sequence[Change]:
        """What would be done: `pending`. It only reads.

        `outcomes` then has what needs nothing to be done.
        """
        return self._portal.call(self._async.preview)

    def step(self) -> bool:
        """Get more outcomes, one batch at the most. False when nothing is left to do."""
        return self._portal.call(self._async.step)

    def finish(self) -> list[OffboardingResult]:
        """Do all that is left. Returns all outcomes."""
        return self._portal.call(self._async.finish)

    def collect(self) -> OffboardingReport:
        """Remove everybody from the groups that are left, look again, and return the report.

        What stops the work once it has begun, such as a 401, is in the report: what was not begun is "not_started",
        and `looked_again` is False when the second look did not go through, and where nobody was found, for whom
        there is none. Where the groups cannot be read to begin with, the error is raised.
        """
        return self._portal.call(self._async.collect)

    def report(self) -> OffboardingReport:
        """The report of the results so far. What is not begun yet is "would_remove", what is under way "unknown"."""
        return self._async.report()


set_module("groups_sdk.access", globals(), ["Offboarding"])
