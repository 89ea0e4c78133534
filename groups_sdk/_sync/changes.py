"""The synchronous twin of groups_sdk.access._changes.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from groups_sdk._public import set_module
from groups_sdk._twins import BatchIterator, SyncObject
from groups_sdk.access._changes import AsyncChanges
from groups_sdk.access._outcomes import Change, Outcome, Status


class Changes(SyncObject[AsyncChanges]):
    """Changes to be made: iterate them for their outcomes as they finish, or `collect()` all.

    Nothing is sent before the first step. An iteration goes in batches of `concurrency` changes: nothing is under way
    while you look at an outcome, so that you can stop at any of them. `collect()` is faster: it keeps that many
    changes under way all the time. One change that fails does not stop the others; a 401 and a closed client do, and
    then the rest have outcomes that failed with the same error and were not `sent`.

    The work is done once: iterating again hands out the outcomes so far and goes on with what is left. When a step is
    interrupted, `outcomes` has what came of everything that was begun, with the status "unknown" for
    what was under way.

    Example:
        changes = client.access.delete_memberships(group_id, [membership_id], cascade=False)
        for outcome in changes:
            print(outcome)
    """

    @property
    def outcomes(self) -> Sequence[Outcome]:
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

    def __iter__(self) -> BatchIterator[Outcome]:
        return BatchIterator(self._portal, aiter(self._async))

    def preview(self) -> Sequence[Change]:
        """Look, change nothing, and return what would be done: `pending`.

        `outcomes` then has what needs nothing to be done.
        """
        return self._portal.call(self._async.preview)

    def step(self) -> bool:
        """Get more outcomes, one batch at the most. False when nothing is left to do."""
        return self._portal.call(self._async.step)

    def finish(self) -> list[Outcome]:
        """Do all that is left. Returns all outcomes."""
        return self._portal.call(self._async.finish)

    def collect(self) -> list[Outcome]:
        """Make all changes that are left. Returns all outcomes."""
        return self._portal.call(self._async.collect)

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many outcomes so far have each status."""
        return self._async.counts


set_module("groups_sdk.access", globals(), ["Changes"])
