"""Every group that the token sees, with its members and theirs below, as one look shows them."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from groups_sdk.access._broken_records import reading
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._org_listing import list_orgs
from groups_sdk.access._outcomes import fatal
from groups_sdk.access._tasks import for_each
from groups_sdk.errors import ForbiddenError, GroupsError
from groups_sdk.models import Group, GroupMembership, OrgMembership

__all__ = ["GroupListings", "OrgMemberships", "list_every_group"]


@attrs.frozen
class GroupListings:
    """The groups in the API's order, by id, and the listings of those that can be read.

    `unreadable` says why not all members of a group could be listed; those who were listed are in `listings`.
    """

    groups: dict[str, Group]
    listings: dict[str, MemberListing]
    unreadable: dict[str, GroupsError]

    @property
    def memberships(self) -> list[GroupMembership]:
        return [m for listing in self.listings.values() for m in listing.memberships]


async def list_every_group(
    client: Operations, *, also: Iterable[Group] = (), concurrency: int
) -> GroupListings:
    """All members of all groups that the token sees, and of `also`; `concurrency` groups at a time.

    Raises the errors that any other request would meet too.
    """
    with reading("groups"):
        groups = {group.id: group for group in await client.list_groups().collect()}
    for group in also:
        groups.setdefault(group.id, group)
    seen: dict[str, MemberListing] = {}
    unreadable: dict[str, GroupsError] = {}

    async def look(group_id: str) -> None:
        try:
            seen[group_id] = await list_members(client, group_id)
            seen[group_id].require_complete()
        except GroupsError as error:
            if fatal(error) is not None:
                raise
            unreadable[group_id] = error

    await for_each(look, groups, concurrency=concurrency)
    listings = {group_id: seen[group_id] for group_id in groups if group_id in seen}
    return GroupListings(groups, listings, unreadable)


class OrgMemberships:
    """Reads people's memberships of organizations. After a 403, no more is asked for in that group."""

    def __init__(self, client: Operations) -> None:
        self._client = client
        self._forbidden: dict[str, ForbiddenError] = {}

    async def read(self, group_id: str, user_id: str) -> tuple[OrgMembership, ...] | GroupsError:
        """Those below a group, or the error that they cannot be read for.

        Raises the errors that any other request would meet too.
        """
        if group_id in self._forbidden:
            return self._forbidden[group_id]
        try:
            return await list_orgs(self._client, group_id, user_id)
        except GroupsError as error:
            if fatal(error) is not None:
                raise
            if isinstance(error, ForbiddenError):
                self._forbidden[group_id] = error
            return error
