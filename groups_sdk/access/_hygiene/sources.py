"""What hygiene reads: the members, the SSO users and the organizations, and what of these could not be read."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import attrs

from groups_sdk._pagination import DecodeProblem
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Progress, fatal
from groups_sdk.access._review.org_reader import OrgReader, Orgs
from groups_sdk.access._work import OnProgress, tell
from groups_sdk.errors import GroupsError
from groups_sdk.models import GroupMembership, SsoConnection, SsoUser

__all__ = ["Members", "SsoUsers", "read_members", "read_organizations", "read_sso_users"]

_AT_A_TIME = 100  # members whose organizations are read before progress is told


@attrs.frozen
class Members:
    """The members that were listed, how many more the API counts, and the records that could not be understood."""

    memberships: tuple[GroupMembership, ...]
    missing: int
    unreadable: tuple[DecodeProblem, ...]


@attrs.frozen
class SsoUsers:
    """The users of the SSO connections, each with its connection. `unread` says what could not be read, and why."""

    users: tuple[tuple[SsoConnection, SsoUser], ...] = ()
    unread: tuple[str, ...] = ()


async def read_members(client: Operations, group_id: str) -> Members:
    """All members. A record that cannot be understood is left out, and counted."""
    found: dict[str, GroupMembership] = {}
    counts: set[int] = set()
    listing = client.list_memberships(group_id, include_group_membership_count=True, on_decode_error="skip")
    async for page in listing.pages():
        for membership in page.items:
            if membership.group_membership_count is not None:
                counts.add(membership.group_membership_count)
            found[membership.id.lower() or f"without an id, {len(found)}"] = membership
    problems = listing.problems
    # Members come and go while the pages are read: what one of the counts allows is no gap.
    missing = max(min(counts, default=0) - len(found) - len(problems), 0)
    return Members(tuple(found.values()), missing, problems)


async def read_sso_users(client: Operations, group_id: str) -> SsoUsers:
    """The users of all SSO connections. What makes any request fail is raised."""
    users: list[tuple[SsoConnection, SsoUser]] = []
    unread: list[str] = []
    try:
        connections = await client.list_sso_connections(group_id).collect()
    except GroupsError as error:
        if fatal(error) is not None:
            raise
        return SsoUsers(unread=(f"the SSO connections of the group cannot be read: {error}",))
    for connection in connections:
        try:
            users += [
                (connection, user) for user in await client.list_sso_users(group_id, connection.id).collect()
            ]
        except GroupsError as error:
            if fatal(error) is not None:
                raise
            name = connection.name or connection.id
            unread.append(f"the users of the SSO connection {name!r} cannot be read: {error}")
    return SsoUsers(tuple(users), tuple(unread))


async def read_organizations(
    client: Operations,
    group_id: str,
    members: Sequence[GroupMembership],
    *,
    concurrency: int,
    on_progress: OnProgress | None,
) -> list[Orgs]:
    """The organizations of each member, one request each."""
    reader = OrgReader(client, group_id, concurrency=concurrency)
    found: list[Orgs] = []
    began = anyio.current_time()
    for first in range(0, len(members), _AT_A_TIME):
        found += await reader.read(members[first : first + _AT_A_TIME])
        if on_progress is not None:
            tell(on_progress, Progress(len(found), len(members), anyio.current_time() - began))
    return found
