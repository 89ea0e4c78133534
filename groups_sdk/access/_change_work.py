"""Changes made with care: looked at, guarded, sent, and looked at again where the answer leaves a question."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from math import inf

import anyio

from groups_sdk.access._evidence import State, outcome_by_look, state_of
from groups_sdk.access._guards import (
    GroupGuard,
    Guards,
    require_admins,
    require_me,
    unprotected,
    without_admin,
)
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Refusals, Status, fatal, outcome_of
from groups_sdk.access._people import PeopleIndex
from groups_sdk.access._roles import is_uuid
from groups_sdk.access._tasks import for_each
from groups_sdk.access._threads import run_to_end
from groups_sdk.errors import (
    ConflictError,
    GroupsError,
    IncompleteListingError,
    InvalidArgumentError,
    NotFoundError,
    StalePlanError,
)
from groups_sdk.models import GroupMembership

__all__ = ["ChangeWork", "Prepared", "decided"]

Prepared = tuple[list[Outcome], list[list[Change]]]

_PAUSE = 10.0  # seconds after which somebody else may well have changed something
_LOOKS = 10  # groups that are looked at at a time
_LONG_RUN = 300.0  # seconds after which a run that goes on looks again


class ChangeWork(ABC):
    """What is the same for all work made of changes. Each change is about a person of its own."""

    def __init__(
        self, client: Operations, group_ids: Sequence[str], guards: Guards, *, cascade: bool | None
    ) -> None:
        self.client = client
        self.guards = guards
        self.listings: dict[str, MemberListing] = {}
        self.people: PeopleIndex[GroupMembership] | None = (
            None  # whom the guards know; None: each group's members
        )
        self.notes: list[str] = []
        self._group_ids = group_ids
        self.cascade = cascade
        self.group_guards: dict[str, GroupGuard] = {}
        self._todo: Sequence[Change] = ()
        self._trusted_from = -inf  # looks that ended before are too old
        self._sent = False
        self._sent_since_look = False
        self._looking = anyio.Lock()
        self._refusals = Refusals()
        self._additions_failed: dict[str, Exception] = {}

    @abstractmethod
    async def look(self, group_id: str) -> MemberListing:
        """Look at the members of a group that the changes are about."""

    @abstractmethod
    def decide(self) -> tuple[list[Outcome], list[Change]]:
        """From the listings: the outcomes of what is not to be sent, and the changes that are."""

    async def prepare(self) -> Prepared:
        await self._look_at_all(self._group_ids)
        return await run_to_end(self._decided)  # thousands of members take their time

    def _decided(self) -> Prepared:
        require_me(self.guards, [*self.group_guards.values()])
        require_admins(self.guards, [*self.group_guards.values()])
        self.note_missing_admins(self.group_guards)
        self.note_missing_protected()
        outcomes, todo = self.decide()
        self._check_guards(todo)
        self._todo = todo
        return outcomes, self._stages(todo)

    def note_missing_admins(self, group_ids: Iterable[str]) -> None:
        """Note the groups in which the guard of the last admin has nobody to guard."""
        for group_id in group_ids:
            if self.group_guards[group_id].without_admin:
                self.notes.append(without_admin(group_id, self.guards))

    def note_missing_protected(self) -> None:
        """Note whom `protect` names without anybody going by it: a mistyped name protects nobody."""
        for person in self.guards.protect:
            known = [self.people] if self.people else [listing.people for listing in self.listings.values()]
            if known and not any(people.all_of(person) for people in known):
                self.notes.append(f"{unprotected(person)} the group: check the spelling")

    def session(self) -> AbstractAsyncContextManager[object]:
        return nullcontext()

    async def check(self, stage: Sequence[Change], *, paused: float, new_stage: bool) -> None:
        """Look again, where what was seen may no longer be so: after a pause, and before admins are taken away."""
        takes_admins = any(self.group_guards[change.group_id].takes_admin(change) for change in stage)
        if paused > _PAUSE or (new_stage and takes_admins and self._sent_since_look):
            # Later stages too, while all can still be refused; once something was sent, each group when it is needed.
            todo = stage if self._sent else self._todo or stage
            began = time.monotonic()
            await self._look_at_all({change.group_id for change in todo})
            if paused > _PAUSE:
                self._trusted_from = began
            if not self._sent:
                self.check_again(todo)

    def check_again(self, changes: Sequence[Change]) -> None:
        """Told after a second look, while nothing has been sent. Raises what refuses all of the changes."""
        self._check_guards(
            [change for change in changes if outcome_by_look(change, self.listings[change.group_id]) is None]
        )

    async def before(self, items: Sequence[Change]) -> None:  # noqa: B027 - needed where there is a journal
        """Told before changes are begun."""

    async def confirm(self, item: Change) -> None:  # noqa: B027 - needed where changes have conditions
        """Told just before a change is sent. Raises `StalePlanError` where it must not be, else why nobody knows."""

    async def perform(self, item: Change) -> Outcome:
        reason: Exception | None = self._refusals.refusal(item)
        if reason is None and item.action is Action.REMOVE:
            reason = self._additions_failed.get(item.group_id)
        if reason is not None:
            return self.not_started(item, reason)
        try:
            await self._look_when_old(item.group_id)
        except GroupsError as error:
            return Outcome(item, Status.FAILED, error, sent=False)
        settled = outcome_by_look(item, self.listings[item.group_id])
        if settled is not None:
            return settled
        try:
            await self.confirm(item)
        except StalePlanError as error:
            return Outcome(item, Status.FAILED, error, sent=False)
        except GroupsError as error:
            return self.not_started(item, error)
        protection = self.group_guards[item.group_id].begin(item)
        if protection is not None:
            return Outcome(item, Status.FAILED, protection, sent=False)
        outcome = await self._send(item)
        self.group_guards[item.group_id].end(item, outcome.status)
        if outcome.error is not None:
            self._refusals.note(item, outcome.error)
            if item.action is Action.ADD and outcome.status in (Status.FAILED, Status.UNKNOWN):
                self._additions_failed[item.group_id] = outcome.error
        return outcome

    def interrupted(self, item: Change, error: Exception) -> Outcome:
        if item.action is Action.ADD:
            self._additions_failed[item.group_id] = error
        return Outcome(item, Status.UNKNOWN, error)

    def not_started(self, item: Change, error: Exception) -> Outcome:
        return Outcome(item, Status.NOT_STARTED, error, sent=False)

    async def after(self, outcome: Outcome) -> None:  # noqa: B027 - needed where there is a journal
        """Told of every outcome of a change that was begun."""

    def fatal_error(self, outcome: Outcome) -> Exception | None:
        return fatal(outcome.error)

    def _check_guards(self, todo: Sequence[Change]) -> None:
        for group_id, guard in self.group_guards.items():
            guard.check([change for change in todo if change.group_id == group_id])

    def _stages(self, todo: Sequence[Change]) -> list[list[Change]]:
        """New admins first, removals late, one's own membership last: no moment between is worse than both ends."""
        stages: list[list[Change]] = [[], [], [], []]
        for change in todo:
            guard = self.group_guards[change.group_id]
            if guard.is_me(change):
                stages[3].append(change)
            elif change.action is Action.REMOVE:
                stages[2].append(change)
            else:
                stages[0 if change.action is Action.ADD or guard.makes_admin(change) else 1].append(change)
        return stages

    async def _look_at_all(self, group_ids: Sequence[str] | set[str]) -> None:
        looks: dict[str, MemberListing] = {}

        async def look(group_id: str) -> None:
            looks[group_id] = await self.look(group_id)

        try:
            await for_each(look, group_ids, concurrency=_LOOKS)
        except IncompleteListingError as error:
            sent = "nothing more was sent" if self._sent else "nothing was sent"
            raise IncompleteListingError(f"{error}; {sent}") from error.__cause__
        if (
            len(self._group_ids) > 1
        ):  # whoever is known in one of the groups is not looked for by name in the others
            listings = {**self.listings, **looks}.values()
            self.people = PeopleIndex(m for listing in listings for m in listing.memberships)

        def adopt() -> None:
            for group_id in group_ids:
                self.adopt(looks[group_id])

        if self._sent:  # what comes of changes meanwhile must reach the guards
            adopt()
        else:
            await run_to_end(adopt)
        self._sent_since_look = False

    def adopt(self, listing: MemberListing) -> None:
        """Go by this look at a group from now on."""
        before = self.group_guards.get(listing.group_id)
        self.group_guards[listing.group_id] = GroupGuard(self.guards, listing, before, self.people)
        self.listings[listing.group_id] = listing

    async def _look_when_old(self, group_id: str) -> None:
        async with self._looking:
            taken_at = self.listings[group_id].taken_at
            if taken_at < self._trusted_from or time.monotonic() - taken_at > _LONG_RUN:
                await self._look_at_all([group_id])

    async def _send(self, change: Change) -> Outcome:
        """Send a change. Where the answer leaves it open whether all is as wanted, look."""
        self._sent = self._sent_since_look = True
        try:
            await self._request(change)
        except GroupsError as error:
            outcome = outcome_of(change, error)
            open_question = isinstance(error, ConflictError | NotFoundError)
            if (open_question or outcome.status is Status.UNKNOWN) and await self._is_as_wanted(change):
                ours = outcome.status is Status.UNKNOWN
                return Outcome(change, Status.APPLIED if ours else Status.UNCHANGED, error)
            return outcome
        return Outcome(change, Status.APPLIED)

    async def _request(self, change: Change) -> None:
        role_id = change.role.id if change.role else ""
        membership_id = change.membership_id or ""
        match change.action:
            case Action.ADD:
                user_id = change.user.id if change.user else ""
                await self.client.create_membership(change.group_id, user_id=user_id, role_id=role_id)
            case Action.SET_ROLE:
                await self.client.update_membership(change.group_id, membership_id, role_id=role_id)
            case Action.REMOVE:
                await self.client.delete_membership(
                    change.group_id, membership_id, cascade=self.cascade, accept_missing=False
                )
            case _:
                raise InvalidArgumentError(f"{change}: accounts are deleted by delete_sso_users only")

    async def _is_as_wanted(self, change: Change) -> bool:
        """Whether a look proves it. The filter shows who is there; that somebody is gone needs a full listing."""
        try:
            if change.user is not None and is_uuid(change.user.id):
                seen = await self.client.list_memberships(change.group_id, user_id=change.user.id).collect()
                now = MemberListing(change.group_id, tuple(seen), time.monotonic(), partial=True)
                state = state_of(change, now)
                if change.action is not Action.REMOVE or state is not State.UNCERTAIN:
                    return state is State.AS_WANTED
            listing = await list_members(self.client, change.group_id)
        except GroupsError:
            return False
        return state_of(change, listing) is State.AS_WANTED


def decided(cascade: bool | None) -> bool:
    """True or False: what happens to the organizations below must have been thought of."""
    if not isinstance(cascade, bool):
        raise InvalidArgumentError(
            f"cascade must be True (memberships of the organizations below go too) or False; got {cascade!r}"
        )
    return cascade
