"""The synchronous twin of groups_sdk.access._offboard.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from collections.abc import Sequence

from groups_sdk._public import set_module
from groups_sdk._twins import BatchIterator, SyncObject
from groups_sdk.access._offboard import AsyncOffboarding, OffboardingReport, OffboardingResult
from groups_sdk.models import Group


class Offboarding(SyncObject[AsyncOffboarding]):
    """One person, out of every group: iterate it for what came of each, or `collect()` a report.

    It behaves as `Changes` does: nothing is sent before the first step, nothing is under way while you look at
    a result, and `outcomes` has all results so far, whatever stopped the work.

    Example:
        report = client.access.offboard("ada@example.com", cascade=True).collect()
        print(report)
    """

    @property
    def outcomes(self) -> Sequence[OffboardingResult]:
        """All outcomes so far, in the order in which they came. None is ever missing here."""
        return self._async.outcomes

    @property
    def total(self) -> int | None:
        """How many outcomes there will be; None before the first step."""
        return self._async.total

    @property
    def pending(self) -> Sequence[Group]:
        """What is left and was not begun. Empty before the first step."""
        return self._async.pending

    def __iter__(self) -> BatchIterator[OffboardingResult]:
        return BatchIterator(self._portal, aiter(self._async))

    def preview(self) -> Sequence[Group]:
        """Look, change nothing, and return what would be done: `pending`.

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
        """Go through all groups that are left. Returns the report of all."""
        return self._portal.call(self._async.collect)

    def report(self) -> OffboardingReport:
        """The report of the results so far."""
        return self._async.report()


set_module("groups_sdk.access", globals(), ["Offboarding"])
