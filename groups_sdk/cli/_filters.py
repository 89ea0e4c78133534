"""The filters of `members`: the API is asked, and its answer compared.

Whether the API's filters look at upper and lower case, or at parts of words, is not known. What they return is
compared here, and when nothing is left of it the whole listing is read: nobody is missing because of a spelling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._collecting import collect
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import NOT_FOUND, CommandError
from groups_sdk.models import GroupMembership

if TYPE_CHECKING:
    from groups_sdk.models import Group

__all__ = ["MemberFilters", "list_filtered"]


@attrs.frozen
class MemberFilters:
    """What members are asked for; None is not asked for."""

    role: str | None = None
    email: str | None = None
    username: str | None = None
    user_id: str | None = None

    def query(self) -> dict[str, str]:
        """The filters of the API. It knows roles by name only."""
        from groups_sdk.access._roles import is_uuid

        given = {"email": self.email, "username": self.username, "user_id": self.user_id}
        if self.role is not None and not is_uuid(self.role):
            given["role_name"] = self.role
        return {name: value for name, value in given.items() if value is not None}

    def people(self, members: Sequence[GroupMembership]) -> list[GroupMembership]:
        """Those who are meant. Somebody who is written exactly like that goes before others."""
        from groups_sdk.access._addresses import normalised

        wanted = [value for value in (self.email, self.username, self.user_id) if value is not None]

        def written(member: GroupMembership) -> list[str]:
            user = member.user
            pairs = ((self.email, user.email), (self.username, user.username), (self.user_id, user.id))
            return [actual or "" for asked, actual in pairs if asked is not None]

        exact = [member for member in members if written(member) == wanted]
        return exact or [
            m for m in members if list(map(normalised, written(m))) == list(map(normalised, wanted))
        ]

    def __str__(self) -> str:
        named = (("email", self.email), ("username", self.username), ("user id", self.user_id))
        return " and ".join(f"the {name} {value!r}" for name, value in named if value is not None)


def list_filtered(
    connection: Connection, group: Group, filters: MemberFilters, limit: int | None, **order: Any
) -> list[GroupMembership]:
    """The members that the filters mean, or the first `limit` of them.

    Raises `CommandError` when nobody has such a role, or is such a person.
    """

    def listed(query: Mapping[str, Any], limit: int | None = None) -> list[GroupMembership]:
        with progress.bar("members", requests_each=0.01) as advance:
            return collect(connection.client.list_memberships(group.id, **query, **order), advance, limit)

    query = filters.query()
    if query:
        found = _chosen(filters, listed(query))
        if found:
            return found[:limit]
    counted = {"include_group_membership_count": True}  # for the progress
    if filters == MemberFilters():
        return listed(counted, limit)
    members = listed(counted)
    found = _chosen(filters, members)
    if not found:
        raise _nobody(group, filters, members)
    return found[:limit]


def _chosen(filters: MemberFilters, members: Sequence[GroupMembership]) -> list[GroupMembership]:
    """Those of the members that the filters mean."""
    found = filters.people(members)
    if filters.role is None:
        return found
    role_ids = _role_ids(filters.role, members)
    return [member for member in found if member.role.id.lower() in role_ids]


def _role_ids(role: str, members: Sequence[GroupMembership]) -> set[str]:
    from groups_sdk.access._roles import RoleIndex, is_uuid

    if is_uuid(role):
        return {role.strip().lower()}
    return {found.id.lower() for found in RoleIndex(member.role for member in members).named(role)}


def _nobody(group: Group, filters: MemberFilters, members: Sequence[GroupMembership]) -> CommandError:
    from groups_sdk.access._roles import RoleIndex

    name = group.name or group.id
    if filters.role is not None and not _role_ids(filters.role, members):
        counts = RoleIndex(member.role for member in members).counts()
        in_use = ", ".join(f"{count.role.name} ({count.members:,})" for count in counts) or "none"
        return CommandError(
            f"no member of {name} has the role {filters.role!r}. Roles in use: {in_use}", NOT_FOUND
        )
    what = str(filters) or f"the role {filters.role!r}"
    if filters.role is not None and str(filters):
        what += f" and the role {filters.role!r}"
    return CommandError(f"no member of {name} has {what}", NOT_FOUND)
