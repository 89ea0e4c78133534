"""Many changes of memberships as one piece of work: what every kind of it has in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

from groups_sdk.access._batches import AsyncBatches
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Status, status_of, stops_the_rest
from groups_sdk.errors import ClientClosedError, GroupsError

__all__ = ["AsyncChanges", "ChangeWork"]


class AsyncChanges(AsyncBatches[Change, Outcome]):
    """Changes to be made: iterate them for their outcomes as they finish, or `collect()` all.

    Nothing is sent before the first step. An iteration goes in batches of `concurrency` changes: nothing is under way
    while you look at an outcome, so that you can stop at any of them. `collect()` is faster: it keeps that many
    changes under way all the time. One change that fails does not stop the others; a 401 and a closed client do, and
    then the rest have outcomes that failed with the same error and were not `sent`.

    The work is done once: iterating again hands out the outcomes so far and goes on with what is left. When a step is
    cancelled or interrupted, `outcomes` has what came of everything that was begun, with the status "unknown" for
    what was under way.

    Example:
        changes = client.access.delete_memberships(group_id, [membership_id], cascade=False)
        async for outcome in changes:
            print(outcome)
    """

    async def collect(self) -> list[Outcome]:
        """Make all changes that are left. Returns all outcomes."""
        return await self.finish()

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many outcomes so far have each status."""
        found = Counter(outcome.status for outcome in self.outcomes)
        return {status: found[status] for status in Status}


class ChangeWork:
    """What is the same for all work made of changes: sending one, and what its errors mean."""

    def __init__(self, client: Operations, *, cascade: bool | None) -> None:
        self.client = client
        self._cascade = cascade

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, items: Sequence[Change]) -> None:
        pass

    async def perform(self, item: Change) -> Outcome:
        try:
            await self.send(item)
        except GroupsError as error:
            return outcome_of(item, error)
        return Outcome(item, Status.APPLIED)

    async def send(self, change: Change) -> None:
        role_id = change.role.id if change.role else ""
        membership_id = change.membership_id or ""
        match change.action:
            case Action.ADD:
                user_id = change.user.id if change.user else ""
                await self.client.create_membership(change.group_id, user_id=user_id, role_id=role_id)
            case Action.SET_ROLE:
                await self.client.update_membership(change.group_id, membership_id, role_id=role_id)
            case _:
                await self.client.delete_membership(change.group_id, membership_id, cascade=self._cascade)

    def broken_off(self, item: Change, error: Exception) -> Outcome:
        return Outcome(item, Status.UNKNOWN, error)

    def left_out(self, item: Change, error: Exception) -> Outcome:
        if isinstance(error, ClientClosedError):  # which may say of the change that met it that it was sent
            error = ClientClosedError("the client was closed; nothing was sent")
        return Outcome(item, Status.FAILED, error, sent=False)

    def ended(self, outcome: Outcome) -> None:
        pass

    def stopper(self, outcome: Outcome) -> Exception | None:
        return outcome.error if stops_the_rest(outcome.error) else None


def outcome_of(change: Change, error: GroupsError) -> Outcome:
    status, sent = status_of(error)
    return Outcome(change, status, error, sent=sent)
