"""What no change may do: leave a group without an admin, touch its own author, or somebody who is protected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from groups_sdk._terminal import printable
from groups_sdk.access._addresses import normalised
from groups_sdk.access._listing import MemberListing
from groups_sdk.access._outcomes import Action, Change, Status
from groups_sdk.access._people import Identity, PeopleIndex, identity_of, key_of
from groups_sdk.access._roles import ADMIN_ROLE, AdminRoles
from groups_sdk.errors import InvalidArgumentError, MemberNotFoundError, ProtectedMemberError
from groups_sdk.models import Role

__all__ = [
    "GroupGuard",
    "Guards",
    "listed",
    "require_admins",
    "require_me",
    "unprotected",
    "without_admin",
]

_SHOWN = 10
_OWN = "your own membership would be changed"
_PROTECTED = "protected members would be changed"
_MAY_BE = (
    "members would be changed of whom the API tells neither an email address nor a username: they may be those who are "
    "guarded (me, protect) and were not found; name these by user id"
)
_LAST_ADMIN = "the group would be left without an admin"


@attrs.frozen(kw_only=True)
class Guards:
    """What the caller wants guarded. `me` is the author of the changes, whom the API does not tell."""

    me: Identity | None = None
    protect: tuple[Identity, ...] = ()
    admin_roles: AdminRoles = attrs.field(factory=AdminRoles)
    allow_self: bool = False
    allow_last_admin: bool = False

    @classmethod
    def of(
        cls,
        *,
        me: str | None = None,
        protect: Iterable[str] = (),
        admin_roles: Iterable[str | Role] = (ADMIN_ROLE,),
        allow_self: bool = False,
        allow_last_admin: bool = False,
    ) -> Guards:
        """The guards as callers give them. Raises `InvalidArgumentError`."""
        if isinstance(protect, str):
            raise InvalidArgumentError("protect must be a collection of people, not one person")
        return cls(
            me=None if me is None else identity_of(me, "me"),
            protect=tuple(identity_of(person, "protect") for person in protect),
            admin_roles=AdminRoles(admin_roles),
            allow_self=allow_self,
            allow_last_admin=allow_last_admin,
        )

    @property
    def people(self) -> tuple[Identity, ...]:
        """Who must be known before anything is changed."""
        return (*((self.me,) if self.me else ()), *self.protect)


class GroupGuard:
    """The guards in one group, by what its last look has shown and what was changed since.

    `before` is the guard that this one takes over from. `people` is where `me` and those who are protected are looked
    for, when that is not this group alone: an id or a name that only another group shows is theirs here too. Raises
    `AmbiguousMatchError` when it is not certain who is protected.
    """

    def __init__(
        self,
        guards: Guards,
        listing: MemberListing,
        before: GroupGuard | None = None,
        people: PeopleIndex[Any] | None = None,
    ) -> None:
        self._guards = guards
        people = listing.people if people is None else people  # of any kind of account
        me = [guards.me] if guards.me else []
        self._me = _keys(people, me)
        self.knows_me: bool = bool(self._me)
        self._me |= _texts(me)  # a listing may have left out whom a change names
        self._protected = _keys(people, guards.protect) | _texts(guards.protect)
        admin = {
            count.role.id.lower()
            for count in listing.roles.counts()
            if guards.admin_roles.include(count.role)
        }
        self._admins = {key_of(m) for m in listing.memberships if m.role.id.lower() in admin}
        # Those whose role has no name may be admins, and may be none: they are no reason to think that one is left.
        named = {count.role.id.lower() for count in listing.roles.counts() if count.role.name is not None}
        self._perhaps_admins = {
            key_of(m) for m in listing.memberships if m.role.id.lower() not in named
        } - self._admins
        # They may be anybody who is guarded, where such a one was not found.
        self._nameless = {key_of(m) for m in listing.nameless}
        self._not_found = any(not people.all_of(person) for person in (*me, *guards.protect))
        # Whose admin role is being taken, or may have been: a look may be older than that.
        self._leaving: set[str] = set() if before is None else before._leaving
        self.without_admin: bool = not self._admins and listing.gap is None

    @property
    def leaving(self) -> frozenset[str]:
        """Whose admin role is being taken, or may have been."""
        return frozenset(self._leaving)

    def check(self, changes: Sequence[Change]) -> None:
        """Refuse all of these changes, rather than half of them on the way. Raises `ProtectedMemberError`."""
        self.check_people(changes)
        if not self.leaves_admin(changes):
            raise ProtectedMemberError(f"{_LAST_ADMIN}; nothing was sent (allow_last_admin permits it)")

    def check_people(self, changes: Sequence[Change]) -> None:
        """Refuse changes of `me` and of those who are protected. Raises `ProtectedMemberError`."""
        mine = [change for change in changes if self._is_mine(change)]
        if mine:
            raise ProtectedMemberError(f"{_OWN}: {listed(mine)}; nothing was sent (allow_self permits it)")
        protected = [change for change in changes if self._is_protected(change)]
        if protected:
            raise ProtectedMemberError(f"{_PROTECTED}: {listed(protected)}; nothing was sent")
        nameless = [change for change in changes if self._may_be_guarded(change)]
        if nameless:
            raise ProtectedMemberError(f"{_MAY_BE}: {listed(nameless)}; nothing was sent")

    def leaves_admin(self, changes: Sequence[Change]) -> bool:
        """Whether an admin is left after these changes, or that does not matter."""
        left = self._admins - self._leaving
        for change in changes:
            if self.makes_admin(change):
                left.add(change.person)
            else:
                left.discard(change.person)
        may_matter = bool(self._admins) or any(map(self.takes_admin, changes))
        return bool(left) or not may_matter or self._guards.allow_last_admin

    def makes_admin(self, change: Change) -> bool:
        return change.action is not Action.REMOVE and self._guards.admin_roles.include(change.role)

    def takes_admin(self, change: Change) -> bool:
        """Whether the change takes the admin role from somebody, or may do so: their role has no name."""
        has_it = change.person in self._admins or change.person in self._perhaps_admins
        return has_it and not self.makes_admin(change)

    def is_me(self, change: Change) -> bool:
        return bool(_about(change) & self._me)

    def begin(self, change: Change) -> ProtectedMemberError | None:
        """Told before a change is sent. The error, when it must not be."""
        if self._is_mine(change):
            return ProtectedMemberError(f"{_OWN}; it was not sent")
        if self._is_protected(change):
            return ProtectedMemberError(f"{_PROTECTED}; it was not sent")
        if self._may_be_guarded(change):
            return ProtectedMemberError(f"{_MAY_BE}; it was not sent")
        if self.takes_admin(change):
            if not self._admins - self._leaving - {change.person} and not self._guards.allow_last_admin:
                return ProtectedMemberError(f"{_LAST_ADMIN}; it was not sent")
            self._leaving.add(change.person)
        return None

    def end(self, change: Change, status: Status) -> None:
        """Told what came of it. What nobody knows counts against safety: a lost admin is lost, a new one is none."""
        if status in (Status.APPLIED, Status.UNCHANGED):
            if self.makes_admin(change):
                self._leaving.discard(change.person)
                self._admins.add(change.person)
            else:  # they stay among `_leaving`: a look that is under way may have listed them before
                self._admins.discard(change.person)
        elif status is not Status.UNKNOWN:
            self._leaving.discard(change.person)

    def _is_mine(self, change: Change) -> bool:
        return self.is_me(change) and change.action is not Action.ADD and not self._guards.allow_self

    def _is_protected(self, change: Change) -> bool:
        return bool(_about(change) & self._protected)

    def _may_be_guarded(self, change: Change) -> bool:
        return self._not_found and change.action is not Action.ADD and change.person in self._nameless


def _keys(people: PeopleIndex[Any], identities: Iterable[Identity]) -> set[str]:
    return {key_of(membership) for identity in identities for membership in people.all_of(identity)}


def _texts(people: Iterable[Identity]) -> set[str]:
    return {normalised(text) for person in people for text in (*person.ids, *person.names)}


def _about(change: Change) -> set[str]:
    """All that says whom a change is about: they may be no member, or listed without their names."""
    user = change.user
    names = (user.id, user.email, user.username) if user else ()
    return {change.person, *(normalised(text) for text in (*names, change.membership_id) if text)}


def unprotected(person: Identity) -> str:
    """The beginning of a note about somebody in `protect` whom nobody goes by; the place follows."""
    return f"protect names {str(person)!r}, who is not a member of"


def without_admin(group_id: str, guards: Guards) -> str:
    """A note about a group in which the guard of the last admin has nobody to guard."""
    return (
        f"nobody in the group {group_id} has an admin role ({guards.admin_roles}): "
        "if another role is the admin role there, name it with admin_roles"
    )


def require_me(guards: Guards, of_groups: Sequence[GroupGuard]) -> None:
    """Raise `MemberNotFoundError` where `me` is a member of none of the groups: nobody would be guarded."""
    if guards.me is not None and of_groups and not any(guard.knows_me for guard in of_groups):
        raise MemberNotFoundError(
            f"me={str(guards.me)!r} was not found among the members: check the spelling; nothing was sent"
        )


def require_admins(guards: Guards, of_groups: Sequence[GroupGuard]) -> None:
    """Raise `ProtectedMemberError` where admin roles were named that nobody has: a typing error would guard nobody.

    That nobody has the default role is not an error: the admins may have another one.
    """
    named = guards.admin_roles
    if named.is_default or guards.allow_last_admin or not of_groups:
        return
    if all(guard.without_admin for guard in of_groups):
        raise ProtectedMemberError(
            f"no member has the admin role {named}: check the spelling of admin_roles; nothing was sent "
            "(allow_last_admin permits it)"
        )


def listed(changes: Sequence[Change]) -> str:
    more = f"; and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return printable("; ".join(str(change) for change in changes[:_SHOWN])) + more
