"""Many changes of memberships as one piece of work: what every kind of it has in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from groups_sdk._public import set_module
from groups_sdk.access._batches import AsyncBatches, OnProgress
from groups_sdk.access._change_work import ChangeWork
from groups_sdk.access._outcomes import Change, Outcome, Status, counted

__all__ = ["AsyncChanges"]


class AsyncChanges(AsyncBatches[Change, Outcome]):
    """Changes to be made: iterate them for their outcomes as they finish, or `collect()` all.

    Nothing is sent before you iterate. Changes go out in batches of `concurrency`. If you break out of the loop, up to
    `concurrency` - 1 others may already be done: `outcomes` has all of them, and `pending` what was not begun.
    `collect()` is faster, because no change waits for the others of a batch. So is a loop inside `async with`: there,
    up to twice `concurrency` others may be done when you break. Leaving the block waits for the changes that were
    sent, and begins no others. To stop after exactly one, use `concurrency=1` and no block.

    A change that fails with 400, 404 or 409 does not stop the others. A 403 stops the changes of the same kind in the
    same group. A 401, a 410, a 429 after all retries, planned maintenance and a closed client stop everything. What
    was not begun for such a reason is "not_started", with that error, and was not `sent`.

    Each change is made once: iterating again gives the outcomes so far and goes on with what is left. If you
    are cancelled or interrupted, `outcomes` has every change that was begun, with the status "unknown" for those
    whose answer had not come. If you never iterate, you get a `ResourceWarning`.

    Example:
        changes = client.access.delete_memberships(group_id, [membership_id], cascade=False)
        async with changes:
            async for outcome in changes:
                if outcome.status == "unknown":
                    break
        print(changes, changes.outcomes, changes.pending)
    """

    def __init__(
        self, work: ChangeWork, *, name: str, concurrency: int, on_progress: OnProgress | None
    ) -> None:
        super().__init__(work, name=name, concurrency=concurrency, on_progress=on_progress)
        self._changes = work

    @property
    def notes(self) -> Sequence[str]:
        """What was noticed on the way, such as an address that is not what the plan says; to be shown with it all."""
        return tuple(self._changes.notes)

    def _count_outcomes(self) -> str:
        return counted(outcome.status for outcome in self.outcomes)

    async def collect(self) -> list[Outcome]:
        """Make all changes that are left. Returns all outcomes."""
        return await self.finish()

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many outcomes so far have each status."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in Status}


set_module("groups_sdk.access", globals(), ["AsyncChanges"])
