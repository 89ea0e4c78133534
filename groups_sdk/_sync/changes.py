"""The synchronous twin of groups_sdk.access._changes.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from groups_sdk._iteration import BatchIterator
from groups_sdk._public import set_module
from groups_sdk._twins import SyncContextManager
from groups_sdk.access._changes import AsyncChanges
from groups_sdk.access._outcomes import Change, Outcome, Status


class Changes(SyncContextManager[AsyncChanges]):
    """Changes to be made: iterate them for their outcomes as they finish, or `collect()` all.

    Nothing is sent before you iterate. Changes go out in batches of `concurrency`. If you break out of the loop, up to
    `concurrency` - 1 others may already be done: `outcomes` has all of them, and `pending` what was not begun.
    `collect()` is faster, because no change waits for the others of a batch. So is a loop inside `with`: there,
    up to twice `concurrency` others may be done when you break. Leaving the block waits for the changes that were
    sent, and begins no others. To stop after exactly one, use `concurrency=1` and no block.

    A change that fails with 400, 404 or 409 does not stop the others. A 403 stops the changes of the same kind in the
    same group. A 401, a 410, a 429 after all retries, planned maintenance and a closed client stop everything. What
    was not begun for such a reason is "not_started", with that error, and was not `sent`.

    Each change is made once: iterating again gives the outcomes so far and goes on with what is left. If you
    are interrupted, `outcomes` has every change that was begun, with the status "unknown" for those
    whose answer had not come. If you never iterate, you get a `ResourceWarning`.

    Example:
        changes = client.access.delete_memberships(group_id, [membership_id], cascade=False)
        with changes:
            for outcome in changes:
                if outcome.status == "unknown":
                    break
        print(changes, changes.outcomes, changes.pending)
    """

    def __repr__(self) -> str:
        return repr(self._async).replace("Async", "", 1)

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
        return BatchIterator(self._portal.call, aiter(self._async))

    def preview(self) -> Sequence[Change]:
        """What would be done: `pending`. It only reads.

        `outcomes` then has what needs nothing to be done.
        """
        return self._portal.call(self._async.preview)

    def step(self) -> bool:
        """Get more outcomes, one batch at the most. False when nothing is left to do."""
        return self._portal.call(self._async.step)

    def finish(self) -> list[Outcome]:
        """Do all that is left. Returns all outcomes."""
        return self._portal.call(self._async.finish)

    @property
    def notes(self) -> Sequence[str]:
        """What was noticed on the way, such as an address that is not what the plan says; to be shown with it all."""
        return self._async.notes

    def collect(self) -> list[Outcome]:
        """Make all changes that are left. Returns all outcomes."""
        return self._portal.call(self._async.collect)

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many outcomes so far have each status."""
        return self._async.counts


set_module("groups_sdk.access", globals(), ["Changes"])
