"""Role changes and removals in bulk, by membership id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from groups_sdk import _arguments as arguments
from groups_sdk.access import _roles as roles
from groups_sdk.access._changes import ChangeWork
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Status
from groups_sdk.access._roles import RoleIndex
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import GroupMembership, Role

__all__ = ["Removals", "RoleChanges"]

V = TypeVar("V")

Prepared = tuple[list[Outcome], list[list[Change]]]


class RoleChanges(ChangeWork):
    """New roles for members. One listing up front tells who has theirs already, and which role a name means."""

    def __init__(
        self,
        client: Operations,
        group_id: str,
        changes: Mapping[str, str | Role] | Iterable[tuple[str, str | Role]],
    ) -> None:
        super().__init__(client, cascade=None)
        self._group_id = arguments.uuid("group_id", group_id)
        given = changes.items() if isinstance(changes, Mapping) else changes
        pairs = cast("Iterable[tuple[str, str | Role]]", given)  # a mapping is an iterable of its keys too
        self._wanted: dict[str, str | Role] = {}
        for membership_id, role in pairs:
            _add_once(self._wanted, membership_id, roles.checked(role))

    async def prepare(self) -> Prepared:
        if not self._wanted:
            return [], []
        seen: dict[str, GroupMembership] = {}
        book = RoleIndex()
        ids_only = all(roles.is_id(role) for role in self._wanted.values())
        async for membership in self.client.list_memberships(self._group_id):
            book.add(membership.role)
            if membership.id.lower() in self._wanted:
                seen[membership.id.lower()] = membership
                if ids_only and len(seen) == len(self._wanted):
                    break
        changes = [
            self._change(membership_id, book.resolve(role), seen.get(membership_id))
            for membership_id, role in self._wanted.items()
        ]
        done = [Outcome(change, Status.UNCHANGED, sent=False) for change in changes if same_role(change)]
        return done, [[change for change in changes if not same_role(change)]]

    def _change(self, membership_id: str, role: Role, seen: GroupMembership | None) -> Change:
        return Change(
            action=Action.SET_ROLE,
            group_id=self._group_id,
            membership_id=seen.id if seen else membership_id,
            user=seen.user if seen else None,
            before=seen.role if seen else None,
            role=role,
        )


class Removals(ChangeWork):
    """Members to be removed."""

    def __init__(
        self, client: Operations, group_id: str, membership_ids: Iterable[str], *, cascade: bool
    ) -> None:
        super().__init__(client, cascade=decided(cascade))
        self._group_id = arguments.uuid("group_id", group_id)
        if isinstance(membership_ids, str):
            raise InvalidArgumentError("membership_ids must be a collection of ids, not one id")
        self._ids: dict[str, None] = {}
        for membership_id in membership_ids:
            _add_once(self._ids, membership_id, None)

    async def prepare(self) -> Prepared:
        changes = [
            Change(action=Action.REMOVE, group_id=self._group_id, membership_id=membership_id)
            for membership_id in self._ids
        ]
        return [], [changes]


def decided(cascade: bool | None) -> bool:
    """True or False: what happens to the organizations below must have been thought of."""
    if not isinstance(cascade, bool):
        raise InvalidArgumentError(
            f"cascade must be True (memberships of the organizations below go too) or False; got {cascade!r}"
        )
    return cascade


def same_role(change: Change) -> bool:
    return same_id(change.before, change.role)


def same_id(one: Role | None, other: Role | None) -> bool:
    return one is not None and other is not None and one.id.lower() == other.id.lower()


def _add_once(known: dict[str, V], membership_id: str, value: V) -> None:
    key = arguments.uuid("membership_id", membership_id).lower()
    if key in known:
        raise InvalidArgumentError(f"the membership {membership_id} is given twice")
    known[key] = value
