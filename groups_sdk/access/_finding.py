"""A few people among the members of a group, with as few requests as the answer needs.

The API's filters are hints: whether they ignore case, or match more than they should, is not known. What they give is
compared here, and that somebody is no member is said only after everybody was listed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from groups_sdk._pagination import AsyncPaginator
from groups_sdk.access._addresses import normalised
from groups_sdk.access._broken_records import reading
from groups_sdk.access._listing import MemberListing, list_members, require_id
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import Identity, PeopleIndex, key_of, the_one
from groups_sdk.access._roles import AdminRoles, RoleIndex, is_id
from groups_sdk.errors import RoleChoiceError
from groups_sdk.models import GroupMembership, Role

__all__ = ["find_by_display_name", "find_membership", "look_at"]

_FEW = 3  # people for whom filters cost less than a listing


async def find_membership(client: Operations, group_id: str, identity: Identity) -> GroupMembership | None:
    """The one membership that the identity fits; None when everybody was listed and nobody does.

    Raises `AmbiguousMatchError`, and `IncompleteListingError` when a member may have been left out.
    """
    found = await _filtered(client, group_id, identity)
    if not found:
        listing = await list_members(client, group_id)
        found = listing.people.all_of(identity)
        if not found:
            listing.require_complete(by_name=bool(identity.names))
    return the_one(found, identity)


async def find_by_display_name(client: Operations, group_id: str, name: str) -> GroupMembership | None:
    """The one member with that display name, for reading only: anybody can choose any name."""
    wanted = Identity(names=(name,))
    listing = await list_members(client, group_id)
    found = [m for m in listing.memberships if normalised(m.user.name or "") == normalised(name)]
    if not found:
        listing.require_complete(by_name=True)
    return the_one(found, wanted)


async def look_at(
    client: Operations,
    group_id: str,
    people: Sequence[Identity],
    *,
    others: Iterable[Identity] = (),
    roles: Iterable[str | Role] = (),
    admin_roles: AdminRoles,
) -> MemberListing:
    """The listing that changes of these people need: a part of it where a few filters tell enough, else all of it.

    A part has the `people`, the `others` (who must be known, and are not to be changed), somebody with each role that
    is given by its name and, where an admin is among the people, an admin who is not.
    """
    seen = await _look_by_filters(client, group_id, people, [*others], [*roles], admin_roles)
    if seen is None:
        return await list_members(client, group_id)
    return MemberListing(group_id, tuple(seen), time.monotonic(), partial=True)


async def _look_by_filters(
    client: Operations,
    group_id: str,
    people: Sequence[Identity],
    others: Sequence[Identity],
    roles: Sequence[str | Role],
    admin_roles: AdminRoles,
) -> list[GroupMembership] | None:
    """None when filters do not tell enough, or would take as many requests as everybody."""
    if len(people) > _FEW or len(others) > _FEW:
        return None
    seen: list[GroupMembership] = []
    for identity in (*people, *others):
        found = await _filtered(client, group_id, identity)
        if not found:
            return None
        seen += found
    targets = {key_of(m) for m in PeopleIndex(seen) if any(_fits(m, identity) for identity in people)}
    for role in roles:
        if not is_id(role):
            having = await _having_role(client, group_id, role if isinstance(role, str) else role.id)
            try:
                RoleIndex(m.role for m in having).resolve(role)
            except RoleChoiceError:
                return None
            seen += having
    takes_admin = any(
        key_of(m) in targets and (admin_roles.include(m.role) or m.role.name is None) for m in seen
    )
    if (
        takes_admin or not admin_roles.is_default
    ):  # a role that was named for it may be misspelt, and guard nobody
        for name in admin_roles.names:
            seen += await _having_role(client, group_id, name)
        if not any(key_of(m) not in targets and admin_roles.include(m.role) for m in seen):
            return None
    return list({m.id.lower(): m for m in seen}.values())


async def _filtered(client: Operations, group_id: str, identity: Identity) -> list[GroupMembership]:
    """Those who fit, of those whom the filters find. That there is nobody proves nothing."""
    found: list[GroupMembership] = []
    for id_ in identity.ids:
        found += await _listed(client.list_memberships(group_id, user_id=id_), group_id)
    for name in identity.names:
        for spelling in dict.fromkeys([name, name.lower()]):
            matching = await _listed(client.list_memberships(group_id, username=spelling), group_id)
            if "@" in name:
                matching += await _listed(client.list_memberships(group_id, email=spelling), group_id)
            found += matching
            if PeopleIndex(matching).all_of(Identity(names=(name,)), lookalikes=False):
                break
    return PeopleIndex(found).all_of(identity, lookalikes=False)


async def _listed(listing: AsyncPaginator[GroupMembership], group_id: str) -> list[GroupMembership]:
    with reading(f"members of the group {group_id}"):
        found = await listing.collect()
    for membership in found:
        require_id(membership)
    return found


def _fits(membership: GroupMembership, identity: Identity) -> bool:
    return bool(PeopleIndex([membership]).all_of(identity, lookalikes=False))


async def _having_role(client: Operations, group_id: str, name: str) -> list[GroupMembership]:
    """The first page of those who have a role of that name: enough to know its id, or that somebody has it."""
    with reading(f"members of the group {group_id}"):
        page = await anext(aiter(client.list_memberships(group_id, role_name=name).pages()))
    return list(page.items)
