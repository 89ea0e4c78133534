"""The commands that look and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, NOT_FOUND, CommandError
from groups_sdk.cli._output import print_record, print_records
from groups_sdk.cli._parameters import GroupArgument, GroupOption, PersonArgument, SortColumn, SortOrder
from groups_sdk.cli._records import (
    GROUP,
    GROUPS,
    MEMBER,
    MEMBERS,
    ORG_MEMBERSHIPS,
    ROLES,
    SSO_CONNECTIONS,
    SSO_USERS,
)
from groups_sdk.cli._targets import group_named, member_named
from groups_sdk.models import GroupMembership, SsoConnection, SsoUser

if TYPE_CHECKING:
    from groups_sdk import _arguments as arguments
    from groups_sdk._sync.pagination import Paginator

__all__ = ["find", "groups", "members", "orgs", "roles", "show", "sso"]

T = TypeVar("T")


def groups(connection: Connection) -> int:
    """List the groups that the token's owner belongs to."""
    with progress.bar("groups") as advance:
        found = _collect(connection.client.list_groups(), advance)
    print_records(GROUPS, found, connection.options.output, noun="group")
    return DONE


def show(connection: Connection, group: GroupArgument = None) -> int:
    """Show the details of one group."""
    target = group_named(connection, group)
    print_record(GROUP, connection.client.get_group(target.id), connection.options.output)
    return DONE


def members(
    connection: Connection,
    group: GroupArgument = None,
    role: Annotated[
        str | None, typer.Option("--role", "--role-name", metavar="NAME", help="Only those with this role.")
    ] = None,
    email: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Only the one with this email address.")
    ] = None,
    username: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only the one with this username.")
    ] = None,
    user_id: Annotated[str | None, typer.Option(metavar="ID", help="Only the one with this user id.")] = None,
    sort_by: Annotated[
        SortColumn | None, typer.Option(case_sensitive=False, help="The column to sort by.")
    ] = None,
    sort_order: Annotated[
        SortOrder | None, typer.Option(case_sensitive=False, help="DESC unless given.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="At most that many in all; everybody unless given.")
    ] = None,
) -> int:
    """List the members of a group: who, with which role, since when.

    It is all of them or, after an error, none. Sorted listings can miss members while memberships change.
    """
    target = group_named(connection, group)
    listing = connection.client.list_memberships(
        target.id,
        email=email,
        username=username,
        user_id=user_id,
        role_name=role,
        sort_by=cast("arguments.SortBy | None", sort_by),
        sort_order=cast("arguments.SortOrder | None", sort_order),
        include_group_membership_count=progress.shown() or None,
    )
    with progress.bar("members") as advance:
        found = _collect(listing, advance, limit)
    print_records(MEMBERS, found, connection.options.output, noun="member")
    return DONE


def roles(connection: Connection, group: GroupArgument = None) -> int:
    """List the roles that members of a group have, and how many have each."""
    target = group_named(connection, group)
    found = connection.client.access.list_roles(target.id)
    print_records(ROLES, found, connection.options.output, noun="role")
    return DONE


def find(connection: Connection, person: PersonArgument, group: GroupOption = None) -> int:
    """Find one member of a group. Exit code 4 when they are none."""
    target = group_named(connection, group)
    print_record(MEMBER, member_named(connection, target, person), connection.options.output)
    return DONE


def orgs(connection: Connection, person: PersonArgument, group: GroupOption = None) -> int:
    """List the organizations below a group that one member is in, and their roles there."""
    target = group_named(connection, group)
    member = member_named(connection, target, person)
    listing = connection.client.list_org_memberships(target.id, user_id=member.user.id)
    with progress.bar("organizations") as advance:
        found = _collect(listing, advance)
    print_records(ORG_MEMBERSHIPS, found, connection.options.output, noun="organization")
    return DONE


def sso(
    connection: Connection,
    group: GroupArgument = None,
    users: Annotated[bool, typer.Option("--users", help="List the users of the connections.")] = False,
    only: Annotated[
        str | None,
        typer.Option("--connection", "-c", metavar="NAME", help="Only this connection, by id or name."),
    ] = None,
) -> int:
    """List the single sign-on connections of a group, or who signs in through them."""
    target = group_named(connection, group)
    client, output = connection.client, connection.options.output
    connections = client.list_sso_connections(target.id).collect()
    if only is not None:
        connections = _connections_named(connections, only)
    if not users:
        print_records(SSO_CONNECTIONS, connections, output, noun="connection")
        return DONE
    found: list[tuple[SsoConnection, SsoUser]] = []
    with progress.bar("users") as advance:
        for one in connections:
            for user in client.list_sso_users(target.id, one.id):
                found.append((one, user))
                advance(len(found), None)
    print_records(SSO_USERS, found, output, noun="user")
    return DONE


def _connections_named(connections: list[SsoConnection], name: str) -> list[SsoConnection]:
    found = [one for one in connections if name in (one.id, one.name)]
    if not found:
        there = ", ".join(f"{one.name} ({one.id})" for one in connections) or "none"
        raise CommandError(f"there is no connection {name!r}; there is {there}", NOT_FOUND)
    return found


def _collect(listing: Paginator[T], advance: progress.Advance, limit: int | None = None) -> list[T]:
    """The items of all pages, or the first `limit`; no page is fetched that is not needed."""
    found: list[T] = []
    for page in listing.pages():
        found += page.items
        total = next((m.group_membership_count for m in page.items if isinstance(m, GroupMembership)), None)
        advance(len(found), total)
        if limit is not None and len(found) >= limit:
            break
    return found[:limit]
