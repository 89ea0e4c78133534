"""A plan, carried out: checked against what is there now, guarded, and journalled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import Enum

from groups_sdk import _arguments as arguments
from groups_sdk.access import _roles as roles
from groups_sdk.access._bulk import Prepared, decided, same_id
from groups_sdk.access._changes import ChangeWork, outcome_of
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Status
from groups_sdk.access._plan.journal import Journal
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._roles import is_admin_role
from groups_sdk.errors import (
    ConflictError,
    GroupsError,
    InvalidArgumentError,
    NotFoundError,
    ProtectedMemberError,
    StalePlanError,
)
from groups_sdk.models import GroupMembership, Role

__all__ = ["PlanWork"]

_SHOWN = 10
_DONE = (Status.APPLIED, Status.UNCHANGED)


class _State(Enum):
    AS_SEEN = "as the plan saw it"
    AS_WANTED = "as it is wanted"
    OTHER = "neither"


class PlanWork(ChangeWork):
    """The changes of a plan. A journal makes it resumable: what was done is read from there, or looked up."""

    def __init__(
        self,
        client: Operations,
        plan: Plan,
        *,
        cascade: bool | None,
        journal: str | os.PathLike[str] | None,
        me: str | None,
        allow_last_admin: bool,
        allow_self: bool,
        strict: bool,
    ) -> None:
        if plan.removals:
            decided(cascade)
        super().__init__(client, cascade=cascade)
        self._plan = plan
        self._journal = None if journal is None else Journal(journal, plan.fingerprint)
        self._me = _whom(me)
        self._allow_last_admin = allow_last_admin
        self._allow_self = allow_self
        self._strict = strict
        self._begun: frozenset[str] = frozenset()  # in earlier runs: they may have been applied
        self._admins: set[str] = set()
        self._role_names: dict[str, str | None] = {}

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext() if self._journal is None else self._journal.opened()

    def begin(self, items: Sequence[Change]) -> None:
        if self._journal is not None:
            self._journal.begin(change.key for change in items)

    def ended(self, outcome: Outcome) -> None:
        if self._journal is not None:
            error = None if outcome.error is None else str(outcome.error)
            self._journal.end(outcome.change.key, outcome.status, error=error)

    async def prepare(self) -> Prepared:
        changes = self._plan.changes
        if not changes:
            return [], []
        if self._journal is not None:
            self._begun = frozenset(self._journal.begun)
        members = await self._look_at_all(changes)
        outcomes: list[Outcome] = []
        todo: list[Change] = []
        stale: list[Change] = []
        for change in changes:
            ended = self._ended_earlier(change)
            state = _state(change, members.get(_person(change)))
            if ended is not None:
                outcomes.append(Outcome(change, ended, sent=False, earlier=True))
            elif state is _State.AS_SEEN:
                todo.append(change)
            elif state is _State.OTHER:
                stale.append(change)
            elif change.key in self._begun:
                outcome = Outcome(change, Status.APPLIED, sent=False, earlier=True)
                self.ended(outcome)
                outcomes.append(outcome)
            else:
                outcomes.append(Outcome(change, Status.UNCHANGED, sent=False))
        if stale and self._strict:
            raise StalePlanError(
                f"{len(stale)} of {len(changes)} members are not as the plan saw them: {_listed(stale)}"
            )
        for change in stale:
            now = members.get(_person(change))
            has = f"is a member with the role {now.role.name or now.role.id}" if now else "is no member"
            error = StalePlanError(f"not as the plan saw them: {change.user and change.user.email} {has} now")
            outcomes.append(Outcome(change, Status.FAILED, error, sent=False))
        self._guard(todo)
        return outcomes, self._stages(todo)

    async def _look_at_all(self, changes: Sequence[Change]) -> dict[str, GroupMembership]:
        """The members that the changes are about, by person. On the way: who is admin, and the names of roles."""
        wanted = {_person(change) for change in changes}
        members: dict[str, GroupMembership] = {}
        self._admins = set()
        async for membership in self.client.list_memberships(self._plan.group.id):
            self._role_names[membership.role.id.lower()] = membership.role.name
            person = membership.user.id.lower() or membership.id.lower()
            if person in wanted:
                members[person] = membership
            if is_admin_role(membership.role):
                self._admins.add(person)
        return members

    def _ended_earlier(self, change: Change) -> Status | None:
        """Done according to the journal. What failed, or nobody knows, is looked at again."""
        entry = None if self._journal is None else self._journal.ended.get(change.key)
        return next((status for status in _DONE if entry and entry["status"] == status), None)

    def _guard(self, todo: Sequence[Change]) -> None:
        """Refuse the whole plan before anything is sent, rather than half of it on the way."""
        mine = [change for change in todo if self._is_me(change) and change.action is not Action.ADD]
        if mine and not self._allow_self:
            raise ProtectedMemberError(
                f"the plan changes your own membership: {_listed(mine)}; nothing was sent (allow_self permits it)"
            )
        left = set(self._admins)
        for change in todo:
            if self._makes_admin(change):
                left.add(_person(change))
            else:
                left.discard(_person(change))
        if self._admins and not left and not self._allow_last_admin:
            raise ProtectedMemberError(
                "the plan would leave the group without an admin; nothing was sent (allow_last_admin permits it)"
            )

    def _stages(self, todo: Sequence[Change]) -> list[list[Change]]:
        """New admins first, removals late, one's own membership last: no moment in between is worse than both ends."""
        stages: list[list[Change]] = [[], [], [], []]
        for change in todo:
            if self._is_me(change):
                stages[3].append(change)
            elif change.action is Action.REMOVE:
                stages[2].append(change)
            else:
                stages[0 if change.action is Action.ADD or self._makes_admin(change) else 1].append(change)
        return stages

    async def perform(self, item: Change) -> Outcome:
        person = _person(item)
        loses_admin = person in self._admins and not self._makes_admin(item)
        if loses_admin:
            if self._admins == {person} and not self._allow_last_admin:
                error = ProtectedMemberError("this would leave the group without an admin; it was not sent")
                return Outcome(item, Status.FAILED, error, sent=False)
            self._admins.discard(person)
        outcome = await self._settled(item)
        if outcome.status is Status.FAILED and loses_admin:
            self._admins.add(person)
        if outcome.status in _DONE and self._makes_admin(item):
            self._admins.add(person)
        return outcome

    async def _settled(self, change: Change) -> Outcome:
        """Send a change. Where the answer leaves it open whether all is as wanted, look."""
        try:
            await self.send(change)
        except GroupsError as error:
            outcome = outcome_of(change, error)
            open_question = (
                isinstance(error, ConflictError | NotFoundError) or outcome.status is Status.UNKNOWN
            )
            if not open_question or not await self._is_as_wanted(change):
                return outcome
            ours = outcome.status is Status.UNKNOWN or change.key in self._begun
            return Outcome(change, Status.APPLIED if ours else Status.UNCHANGED, error)
        return Outcome(change, Status.APPLIED)

    async def _is_as_wanted(self, change: Change) -> bool:
        user_id = change.user.id if change.user else ""
        if not roles.is_uuid(user_id):
            return False
        found: GroupMembership | None = None
        try:
            async for membership in self.client.list_memberships(change.group_id, user_id=user_id):
                if membership.user.id.lower() == user_id.lower():
                    found = membership
        except GroupsError:
            return False
        return _state(change, found) is _State.AS_WANTED

    def _makes_admin(self, change: Change) -> bool:
        role = change.role
        if role is not None and role.name is None:
            role = Role(role.id, self._role_names.get(role.id.lower()))
        return is_admin_role(role)

    def _is_me(self, change: Change) -> bool:
        user = change.user
        return bool(
            self._me and user and self._me in (user.id.lower(), (user.email or "").strip().casefold())
        )


def _whom(me: str | None) -> str | None:
    if me is None:
        return None
    arguments.text("me", me)
    me = me.strip()
    if not roles.is_uuid(me) and "@" not in me:
        raise InvalidArgumentError(f"me must be your email address or user id; got {me!r}")
    return me.casefold()


def _person(change: Change) -> str:
    """What a change is about: a user or, where the API did not tell the user, a membership."""
    return ((change.user.id if change.user else "") or change.membership_id or "").lower()


def _state(change: Change, now: GroupMembership | None) -> _State:
    match change.action:
        case Action.ADD:
            if now is None:
                return _State.AS_SEEN
            return _State.AS_WANTED if same_id(now.role, change.role) else _State.OTHER
        case Action.SET_ROLE:
            if now is None or now.id.lower() != (change.membership_id or "").lower():
                return _State.OTHER
            if same_id(now.role, change.role):
                return _State.AS_WANTED
            return _State.AS_SEEN if same_id(now.role, change.before) else _State.OTHER
        case _:
            if now is None:
                return _State.AS_WANTED
            same = now.id.lower() == (change.membership_id or "").lower() and same_id(now.role, change.before)
            return _State.AS_SEEN if same else _State.OTHER


def _listed(changes: Sequence[Change]) -> str:
    more = f"; and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return "; ".join(str(change) for change in changes[:_SHOWN]) + more
