"""A few people among the members of a group, with as few requests as the answer needs.

What the API's filters find is enough where it is all that was wanted. That somebody is no member, and what else a
filter cannot prove, is said only after everybody was listed. Only an addition may do without: where a filter does not
find somebody who is a member, the API refuses to add them.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from functools import partial

import attrs

from groups_sdk.access._addresses import normalised
from groups_sdk.access._filtered_looks import (
    FilteredLooks,
    FiltersTellTooLittle,
    ListingIsCheaper,
    looks_for,
    other_admin,
)
from groups_sdk.access._listing import MemberListing, list_members, list_members_within, pages_for
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import Identity, key_of, the_one
from groups_sdk.access._roles import AdminRoles, RoleIndex, is_id
from groups_sdk.access._tasks import for_each
from groups_sdk.errors import IncompleteListingError, RoleChoiceError
from groups_sdk.models import GroupMembership, Role

__all__ = ["FEW", "Sought", "find_by_display_name", "find_membership", "look_at"]

FEW = 3  # people for whom filters cost less than a listing in most groups
_LOOKS = 10  # people who are looked for at a time


async def find_membership(
    client: Operations, group_id: str, identity: Identity, *, display_name: str | None = None
) -> GroupMembership | None:
    """The one membership that the identity fits; None when everybody was listed and nobody does.

    Where nobody does, the one with the `display_name` is taken, if that is given. Raises `AmbiguousMatchError`, and
    `IncompleteListingError` when a member may have been left out.
    """
    looks = FilteredLooks(client, group_id, planned=looks_for(identity))

    async def ask() -> list[GroupMembership]:
        found = await looks.find(identity)
        if not found:
            raise FiltersTellTooLittle
        return found

    answer = await _asked(client, group_id, looks, ask)
    if not isinstance(answer, MemberListing):
        return the_one(answer, identity)
    found = answer.people.all_of(identity)
    if found:
        return the_one(found, identity)
    answer.require_complete(by_name=bool(identity.names))
    return None if display_name is None else _with_display_name(answer, display_name)


async def find_by_display_name(client: Operations, group_id: str, name: str) -> GroupMembership | None:
    """The one member with that display name, for reading only: anybody can choose any name."""
    return _with_display_name(await list_members(client, group_id), name)


def _with_display_name(listing: MemberListing, name: str) -> GroupMembership | None:
    found = [m for m in listing.memberships if normalised(m.user.name or "") == normalised(name)]
    if not found:
        listing.require_complete(by_name=True)
    return the_one(found, Identity(names=(name,)))


@attrs.frozen(kw_only=True)
class Sought:
    """What a look at a group has to show before anything is changed.

    The `people` have to be members, or it takes all members to tell that they are none. `perhaps` may be members, and
    that a filter does not find them is enough. All of these are to be changed. The `others` have to be known, and are
    not. `roles` are given by name or id, and those that are given by name have to be found. Of the
    roles `by_id`, somebody has to have each, so that the API names it. Where one of those who are to be changed is an
    admin, another admin has to be seen, and with `some_admin` in any case; `leaving` are those, by their keys, whose
    admin role may be gone at any moment.
    """

    people: Sequence[Identity]
    perhaps: Sequence[Identity] = ()
    others: Sequence[Identity] = ()
    roles: Sequence[str | Role] = ()
    by_id: Sequence[Role] = ()
    admin_roles: AdminRoles
    some_admin: bool = False
    leaving: Collection[str] = ()

    @property
    def everybody(self) -> tuple[Identity, ...]:
        return tuple(dict.fromkeys((*self.people, *self.perhaps, *self.others)))

    @property
    def requests(self) -> int:
        """How many requests filters take, at least."""
        roles = len({role for role in self.roles if not is_id(role)}) + bool(self.by_id)
        return sum(map(looks_for, self.everybody)) + roles + self.some_admin


async def look_at(
    client: Operations, group_id: str, sought: Sought, *, members: int | None = None
) -> MemberListing:
    """The listing that changes of these people need: a part of it where filters tell enough, else all of it.

    What takes fewer requests is tried first. `members` is how many there are, about; where that is not known, the
    first answer tells it: that of a filter for a few people, and the first page of the listing for more.
    """
    looks = FilteredLooks(client, group_id, planned=sought.requests)
    few = len(sought.everybody) <= FEW
    begin_with_filters = few if members is None else pages_for(members) > sought.requests
    if not begin_with_filters:
        listing = await list_members_within(client, group_id, sought.requests)
        if listing is not None:
            return listing
    answer = await _asked(client, group_id, looks, partial(_seen_by_filters, looks, sought))
    if isinstance(answer, MemberListing):
        return answer
    return MemberListing(group_id, tuple(answer), time.monotonic(), partial=True)


async def _asked(
    client: Operations,
    group_id: str,
    looks: FilteredLooks,
    ask: Callable[[], Awaitable[list[GroupMembership]]],
) -> list[GroupMembership] | MemberListing:
    """What filters tell; or everybody, where they tell too little, or all are listed as soon."""
    try:
        try:
            return await ask()
        except ListingIsCheaper:
            with suppress(IncompleteListingError):  # a record of somebody else: filters may tell enough still
                listing = await list_members_within(client, group_id, looks.left)
                if listing is not None:
                    return listing
            looks.counts_tell = False  # what was counted was something else, or cannot be listed
            return await ask()
    except FiltersTellTooLittle:
        return await list_members(client, group_id)


async def _seen_by_filters(looks: FilteredLooks, sought: Sought) -> list[GroupMembership]:
    """Raises `FiltersTellTooLittle` when filters do not tell enough, and `ListingIsCheaper`."""
    found: dict[Identity, list[GroupMembership]] = {}
    perhaps = frozenset(sought.perhaps)

    async def find(identity: Identity) -> None:
        found[identity] = await looks.find(identity)
        if not found[identity] and identity not in perhaps:
            raise FiltersTellTooLittle

    everybody = sought.everybody
    if len(everybody) <= FEW:
        for identity in everybody:  # the first answer may make the others needless
            await find(identity)
    else:
        await for_each(find, everybody, concurrency=_LOOKS)
    changed = {key_of(m) for identity in (*sought.people, *sought.perhaps) for m in found[identity]}
    seen = [m for identity in everybody for m in found[identity]]
    for role in sought.roles:
        if not is_id(role):
            having = await looks.first_with_role(str(role))
            try:
                resolved = RoleIndex(m.role for m in having).resolve(role)
            except RoleChoiceError:
                raise FiltersTellTooLittle from None
            if resolved.name != role and str(role) in looks.more_with_role:
                raise FiltersTellTooLittle  # somebody on another page may have one of just this name
            seen += having
    for wanted in sought.by_id:
        if not _is_named(wanted, seen):
            if wanted.name:
                seen += await looks.first_with_role(wanted.name)
            if not _is_named(wanted, seen):
                raise FiltersTellTooLittle
    takes_admin = any(
        key_of(m) in changed and (sought.admin_roles.include(m.role) or m.role.name is None) for m in seen
    )
    # A role that was named for it may be misspelt, and guard nobody.
    if takes_admin or sought.some_admin or not sought.admin_roles.is_default:
        besides = {*changed, *sought.leaving}
        admin = other_admin(seen, sought.admin_roles, besides)
        admin = admin or await looks.find_admin(sought.admin_roles, besides)
        if admin is None:
            raise FiltersTellTooLittle
        seen.append(admin)
    return list({m.id.lower(): m for m in seen}.values())


def _is_named(role: Role, seen: Sequence[GroupMembership]) -> bool:
    return any(m.role.id.lower() == role.id.lower() and m.role.name is not None for m in seen)
