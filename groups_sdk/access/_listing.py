"""The members of a group as one look shows them, and whether the look has shown all of them."""

from __future__ import annotations

import time
from functools import cached_property
from math import ceil

import attrs

from groups_sdk.access._broken_records import reading
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import PeopleIndex, described
from groups_sdk.access._roles import RoleIndex
from groups_sdk.errors import IncompleteListingError
from groups_sdk.models import GroupMembership

__all__ = ["PAGE", "MemberListing", "list_members", "list_members_within", "pages_for", "require_id"]

PAGE = 100  # members in an answer


@attrs.frozen(slots=False, eq=False)
class MemberListing:
    """What a group's listing said. `missing` is how many members the API counts and did not list.

    `partial` is True when only some people were asked for, by the API's filters: it proves who is a member, and never
    who is none. `taken_at` is when the listing ended, in seconds by `time.monotonic()`: event loops have their own.
    """

    group_id: str
    memberships: tuple[GroupMembership, ...]
    taken_at: float
    missing: int = 0
    partial: bool = False
    people: PeopleIndex[GroupMembership] = attrs.field(
        default=attrs.Factory(lambda own: PeopleIndex(own.memberships), takes_self=True), repr=False
    )

    @cached_property
    def roles(self) -> RoleIndex:
        return RoleIndex(membership.role for membership in self.memberships)

    @cached_property
    def by_membership(self) -> dict[str, GroupMembership]:
        return {membership.id.lower(): membership for membership in self.memberships if membership.id}

    @cached_property
    def unidentified(self) -> int:
        """How many members were listed without their user: any of them may be anybody."""
        return sum(not membership.user.id for membership in self.memberships)

    @cached_property
    def nameless(self) -> tuple[GroupMembership, ...]:
        """The members of whom the API tells neither an email address nor a username: they go by any, or by none."""
        return tuple(m for m in self.memberships if not (m.user.email or m.user.username))

    @property
    def gap(self) -> str | None:
        """Why somebody who was not seen in this listing may be a member all the same; None when nobody can be."""
        if self.partial:
            return "not everybody was listed"
        if self.missing:
            return (
                f"the API counts {self.missing} more than the {len(self.memberships)} members that it listed"
            )
        if self.unidentified:
            return f"{self.unidentified} members were listed without their user"
        return None

    @property
    def name_gap(self) -> str | None:
        """Why a name that nobody goes by in this listing may be a member's all the same; None when it cannot be."""
        if self.gap is None and self.nameless:
            return f"{len(self.nameless)} members were listed without an email address and a username"
        return self.gap

    def require_complete(self, *, by_name: bool = False) -> None:
        """Raise `IncompleteListingError` where a member, or with `by_name` their name, may have been left out."""
        gap = self.name_gap if by_name else self.gap
        if gap is not None:
            raise IncompleteListingError(f"the listing of the group {self.group_id} is not complete: {gap}")


def require_id(membership: GroupMembership) -> None:
    """Raise `IncompleteListingError` for a membership that was listed without its id: nobody could change it."""
    if not membership.id:
        raise IncompleteListingError(
            f"not all members can be read: the membership of {described(membership)} was listed without its id"
        )


async def list_members(client: Operations, group_id: str) -> MemberListing:
    """All members of a group, 100 a request, with the count that the API keeps of them.

    The count comes with the members: a listing of nobody has none, and is asked for a second time.
    """
    return await _list_once(client, group_id) or await _list_once(client, group_id) or _nobody(group_id)


async def list_members_within(client: Operations, group_id: str, requests: int) -> MemberListing | None:
    """All members of a group; None, and as early as it shows, where that takes more than so many requests."""
    try:
        listing = await _list_once(client, group_id, requests)
    except _TooManyPages:
        return None
    return listing or await _list_once(client, group_id) or _nobody(group_id)


def pages_for(members: float) -> int:
    """How many requests it takes to list so many members."""
    return ceil(members / PAGE)


class _TooManyPages(Exception):
    pass


def _nobody(group_id: str) -> MemberListing:
    return MemberListing(group_id, (), time.monotonic())


async def _list_once(client: Operations, group_id: str, requests: int | None = None) -> MemberListing | None:
    found: dict[str, GroupMembership] = {}
    people: PeopleIndex[GroupMembership] = (
        PeopleIndex()
    )  # made page by page, so as not to hold up the event loop
    counts: set[int] = set()
    read = 0
    with reading(f"members of the group {group_id}"):
        async for page in client.list_memberships(group_id, include_group_membership_count=True).pages():
            for membership in page.items:
                require_id(membership)
                found[membership.id.lower()] = membership
                people.add(membership)
                if membership.group_membership_count is not None:
                    counts.add(membership.group_membership_count)
            read += 1
            if requests is not None and page.next_cursor is not None:
                left = pages_for(min(counts, default=0) - len(found))
                if read + max(left, 1) > requests:
                    raise _TooManyPages
    if not found:
        return None
    # Members come and go while the pages are read: what one of the counts allows is no gap.
    missing = max(min(counts, default=0) - len(found), 0)
    return MemberListing(group_id, tuple(found.values()), time.monotonic(), missing, people=people)
