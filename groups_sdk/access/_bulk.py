"""New roles for many members, and removals, for people who are given one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar, cast

from groups_sdk import _arguments as arguments
from groups_sdk.access import _roles as roles
from groups_sdk.access._change_work import ChangeWork, decided
from groups_sdk.access._finding import FEW, Sought, look_at
from groups_sdk.access._guards import Guards
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Status
from groups_sdk.access._people import Identity, identity_of
from groups_sdk.errors import IncompleteListingError, InvalidArgumentError, MemberNotFoundError
from groups_sdk.models import GroupMembership, Role

__all__ = ["Removals", "RoleChanges"]

V = TypeVar("V")


class _Bulk(ChangeWork):
    """Work on the members of one group."""

    def __init__(
        self,
        client: Operations,
        group_id: str,
        wanted: Mapping[Identity, str | Role | None],
        guards: Guards,
        *,
        cascade: bool | None,
    ) -> None:
        self.group_id: str = arguments.uuid("group_id", group_id)
        super().__init__(client, [self.group_id] if wanted else [], guards, cascade=cascade)
        self._wanted = wanted

    def decide(self) -> tuple[list[Outcome], list[Change]]:
        outcomes: list[Outcome] = []
        todo: list[Change] = []
        given: dict[str, Identity] = {}
        for identity, role in self._wanted.items():
            listing = self.listings[self.group_id]
            member = listing.people.find(identity)
            wanted = None if role is None else listing.roles.resolve(role)
            if member is None:
                outcomes.append(self._not_found(identity, wanted, listing))
                continue
            first = given.setdefault(member.id, identity)
            if first is not identity:
                raise InvalidArgumentError(f"{identity} and {first} are the same member; nothing was sent")
            change = self._change(member, wanted)
            if role is None and listing.missing and not identity.ids:  # others may go by this name, too
                error = IncompleteListingError(
                    f"other members may be called {identity} too: {listing.gap}; nothing was sent"
                )
                outcomes.append(Outcome(change, Status.FAILED, error, sent=False))
            elif (
                not member.user.id and self.guards.people
            ):  # it may be anybody's: that of who is guarded, too
                error = IncompleteListingError(f"{identity} is listed without a user; nothing was sent")
                outcomes.append(Outcome(change, Status.FAILED, error, sent=False))
            elif roles.same_role(change.before, wanted):
                outcomes.append(Outcome(change, Status.UNCHANGED, sent=False))
            else:
                todo.append(change)
        return outcomes, todo

    def _change(self, member: GroupMembership, role: Role | None) -> Change:
        return Change(
            action=Action.REMOVE if role is None else Action.SET_ROLE,
            group_id=self.group_id,
            membership_id=member.id,
            user=member.user,
            before=member.role,
            role=role,
        )

    def _not_found(self, identity: Identity, role: Role | None, listing: MemberListing) -> Outcome:
        change = Change(
            action=Action.REMOVE if role is None else Action.SET_ROLE,
            group_id=self.group_id,
            membership_id=str(identity),
            role=role,
        )
        error: Exception = MemberNotFoundError(f"{identity} is not a member of the group; nothing was sent")
        gap = listing.name_gap if identity.names else listing.gap
        if gap is not None:
            error = IncompleteListingError(f"{identity} was not listed, but {gap}; nothing was sent")
        return Outcome(change, Status.FAILED, error, sent=False)


class RoleChanges(_Bulk):
    """New roles for members."""

    def __init__(
        self,
        client: Operations,
        group_id: str,
        changes: Mapping[str, str | Role] | Iterable[tuple[str, str | Role]],
        guards: Guards,
    ) -> None:
        given = changes.items() if isinstance(changes, Mapping) else changes
        pairs = cast("Iterable[tuple[str, str | Role]]", given)  # a mapping is an iterable of its keys too
        wanted: dict[Identity, str | Role | None] = {}
        for person, role in pairs:
            _add_once(wanted, person, roles.checked(role))
        super().__init__(client, group_id, wanted, guards, cascade=None)
        self._roles = [role for role in wanted.values() if role is not None]

    async def look(self, group_id: str) -> MemberListing:
        return await look_at(
            self.client,
            group_id,
            Sought(
                people=[*self._wanted],
                others=self.guards.people,
                roles=self._roles,
                admin_roles=self.guards.admin_roles,
                some_admin=len(self._wanted) > FEW,  # that there is none is noted
            ),
        )


class Removals(_Bulk):
    """Members to be removed."""

    def __init__(
        self, client: Operations, group_id: str, people: Iterable[str], guards: Guards, *, cascade: bool
    ) -> None:
        if isinstance(people, str):
            raise InvalidArgumentError("the people must be a collection, not one string")
        wanted: dict[Identity, str | Role | None] = {}
        for person in people:
            _add_once(wanted, person, None)
        super().__init__(client, group_id, wanted, guards, cascade=decided(cascade))

    async def look(self, group_id: str) -> MemberListing:
        if any(person.names for person in self._wanted):
            return await list_members(self.client, group_id)  # another account may have the same name
        sought = Sought(
            people=[*self._wanted],
            others=self.guards.people,
            admin_roles=self.guards.admin_roles,
            some_admin=True,  # that there is none is noted
        )
        return await look_at(self.client, group_id, sought)


def _add_once(known: dict[Identity, V], person: str, value: V) -> None:
    identity = identity_of(person)
    if identity in known:
        raise InvalidArgumentError(f"{identity} is given twice")
    known[identity] = value
