"""What the API's filters show of the members of a group.

Filters are hints: whether they ignore case, or match more than they should, is not known. What they give is compared
here, and that they find nobody proves nothing. They are given up where listing everybody costs no more, and where the
API refuses them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, TypeAlias

from groups_sdk.access._addresses import normalised
from groups_sdk.access._broken_records import reading
from groups_sdk.access._listing import PAGE, pages_for, require_id
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import Identity, PeopleIndex, key_of
from groups_sdk.access._roles import AdminRoles
from groups_sdk.errors import BadRequestError, NotFoundError
from groups_sdk.models import GroupMembership

__all__ = ["FilteredLooks", "FiltersTellTooLittle", "ListingIsCheaper", "looks_for"]

_Filter: TypeAlias = Literal["email", "username", "user_id", "role_name"]


class FiltersTellTooLittle(Exception):
    """What has to be known, a listing of everybody has to tell."""


class ListingIsCheaper(Exception):
    """By the count that the API keeps, listing everybody takes no more requests than what is left to ask."""


class FilteredLooks:
    """Questions to the API about a few members, none of them sent twice.

    `left` is how many requests are still to come. While `counts_tell`, the first answer that has the number of the
    group's members decides whether it is worth going on.
    """

    def __init__(self, client: Operations, group_id: str, *, planned: int) -> None:
        self.left = planned
        self.counts_tell = True
        self.more_with_role: set[str] = set()  # the names of roles that people on further pages have, too
        self._client = client
        self._group_id = group_id
        self._answers: dict[tuple[_Filter, str], Sequence[GroupMembership]] = {}

    async def find(self, identity: Identity) -> list[GroupMembership]:
        """Those who fit, of those whom the filters find.

        Raises `ListingIsCheaper`, and `FiltersTellTooLittle` where a filter lets everybody through or is refused.
        """
        found: list[GroupMembership] = []
        for id_ in identity.ids:
            found += await self._ask("user_id", id_)
        for name in identity.names:
            for kind in _kinds(name):
                found += await self._by_name(kind, name)
        return PeopleIndex(found).all_of(identity, lookalikes=False)

    async def first_with_role(self, name: str) -> Sequence[GroupMembership]:
        """The first page of those with a role of that name: enough to know its id. Raises `ListingIsCheaper`."""
        return await self._ask("role_name", name)

    async def find_admin(self, roles: AdminRoles, besides: Collection[str]) -> GroupMembership | None:
        """Somebody with an admin role whose key is not `besides`; no page is read after the first that has one.

        Raises `FiltersTellTooLittle` where the API refuses the filter.
        """
        try:
            for name in roles.names:
                with reading(f"members of the group {self._group_id}"):
                    async for page in self._client.list_memberships(self._group_id, role_name=name).pages():
                        found = other_admin(page.items, roles, besides)
                        if found is not None:
                            require_id(found)
                            return found
        except (BadRequestError, NotFoundError):
            raise FiltersTellTooLittle from None
        return None

    async def _by_name(self, kind: _Filter, name: str) -> list[GroupMembership]:
        found = [*await self._ask(kind, name)]
        plain = normalised(name)
        spelled = (getattr(membership.user, kind) for membership in found)
        if plain != name and not any(text and text != name and normalised(text) == plain for text in spelled):
            found += await self._ask(kind, plain)  # the filter has not shown that it ignores case
        return found

    async def _ask(self, kind: _Filter, value: str) -> Sequence[GroupMembership]:
        known = self._answers.get((kind, value))
        if known is not None:
            return known
        try:
            found = self._answers[kind, value] = await self._request(kind, value)
        except (
            BadRequestError,
            NotFoundError,
        ):  # the filter was refused: if it was the group, its listing is too
            raise FiltersTellTooLittle from None
        self.left -= 1
        counts = [m.group_membership_count for m in found if m.group_membership_count is not None]
        if self.counts_tell and counts and pages_for(min(counts)) <= self.left:
            raise ListingIsCheaper
        return found

    async def _request(self, kind: _Filter, value: str) -> Sequence[GroupMembership]:
        found: list[GroupMembership] = []
        asked: dict[str, Any] = {kind: value, "include_group_membership_count": True}
        with reading(f"members of the group {self._group_id}"):
            async for page in self._client.list_memberships(self._group_id, **asked).pages():
                found += page.items
                if kind == "role_name" and found:
                    if page.next_cursor is not None:
                        self.more_with_role.add(value)
                    break
                if len(found) >= PAGE and page.next_cursor is not None:
                    raise FiltersTellTooLittle  # nobody has that many accounts
        for membership in found:
            require_id(membership)
        return found


def other_admin(
    memberships: Iterable[GroupMembership], roles: AdminRoles, besides: Collection[str]
) -> GroupMembership | None:
    """The first with an admin role whose key is not `besides`."""
    return next((m for m in memberships if key_of(m) not in besides and roles.include(m.role)), None)


def looks_for(identity: Identity) -> int:
    """How many requests it takes at the most to find somebody by filters."""
    spellings = sum(len(_kinds(name)) * (1 if normalised(name) == name else 2) for name in identity.names)
    return len(identity.ids) + spellings


def _kinds(name: str) -> tuple[_Filter, ...]:
    return ("email", "username") if "@" in name else ("username",)
