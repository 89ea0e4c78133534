"""The commands that only look."""

from __future__ import annotations

from typing import Any

import click

from groups_sdk._arguments import SORT_COLUMNS, SORT_ORDERS
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._collecting import collect
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, NOT_FOUND, CommandError
from groups_sdk.cli._filters import MemberFilters, list_filtered
from groups_sdk.cli._output import print_record, print_records
from groups_sdk.cli._parameters import GROUP_ARGUMENT, GROUP_OPTION, PERSON_ARGUMENT, Option
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
from groups_sdk.models import SsoConnection, SsoUser

__all__ = ["find", "groups", "members", "memberships", "orgs", "roles", "show", "sso"]


@command(
    "groups",
    examples=("groups-sdk groups",),
)
def groups(connection: Connection) -> int:
    with progress.bar("groups") as advance:
        found = collect(connection.client.list_groups(), advance)
    print_records(GROUPS, found, connection.options.output, noun="group")
    return DONE


@command(
    "show",
    GROUP_ARGUMENT,
    GROUP_OPTION,
    examples=("groups-sdk show Engineering",),
)
def show(connection: Connection, group: str | None) -> int:
    target = group_named(connection, group)
    print_record(GROUP, connection.client.get_group(target.id), connection.options.output)
    return DONE


_MEMBERS = (
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option("--role", "--role-name", metavar="ROLE", help="Only members with this role, by name or id."),
    Option("--email", metavar="ADDRESS", help="Only the member with this email address."),
    Option("--username", metavar="NAME", help="Only the member with this username."),
    Option("--user-id", metavar="ID", help="Only the member with this user id."),
    Option(
        "--sort-by",
        type=click.Choice(SORT_COLUMNS, case_sensitive=False),
        metavar="COLUMN",
        help=f"Sort by {', '.join(SORT_COLUMNS[:-1])} or {SORT_COLUMNS[-1]}.",
    ),
    Option(
        "--sort-order",
        type=click.Choice(SORT_ORDERS, case_sensitive=False),
        metavar="ORDER",
        help="ASC or DESC. Default: ASC.",
    ),
    Option(
        "--limit",
        type=click.IntRange(min=1),
        metavar="N",
        help="Print at most N members. Default: all of them.",
    ),
)
_ALL_OR_NONE = """Prints all of the members, or none if there is an error. While memberships change, a sorted listing
can miss members. Exit code 4 when nobody has the role, or is the person, that you asked for."""


@command(
    "members",
    *_MEMBERS,
    details=_ALL_OR_NONE,
    examples=(
        'groups-sdk members Engineering --role "Group Admin"',
        "groups-sdk members Engineering --sort-by email --output csv > members.csv",
    ),
)
def members(connection: Connection, **given: Any) -> int:
    return _members(connection, **given)


@command("memberships", *_MEMBERS, details=_ALL_OR_NONE)
def memberships(connection: Connection, **given: Any) -> int:
    return _members(connection, **given)


def _members(
    connection: Connection,
    *,
    group: str | None,
    sort_by: str | None,
    sort_order: str | None,
    limit: int | None,
    **filters: Any,
) -> int:
    target = group_named(connection, group)
    order: dict[str, Any] = {"sort_by": sort_by, "sort_order": sort_order or ("ASC" if sort_by else None)}
    found = list_filtered(connection, target, MemberFilters(**filters), limit, **order)
    print_records(MEMBERS, found, connection.options.output, noun="member")
    return DONE


@command(
    "roles",
    GROUP_ARGUMENT,
    GROUP_OPTION,
    examples=("groups-sdk roles Engineering",),
)
def roles(connection: Connection, group: str | None) -> int:
    target = group_named(connection, group)
    with progress.bar("members"):
        found = connection.client.access.list_roles(target.id)
    print_records(ROLES, found, connection.options.output, noun="role")
    return DONE


@command(
    "find",
    PERSON_ARGUMENT,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    details="Exit code 4 when the person is not a member, 2 when it could be several members.",
    examples=(
        "groups-sdk find ada.0000@example.com",
        'groups-sdk find "Ada Ahmed" --output json',
    ),
)
def find(connection: Connection, person: str, group: str | None) -> int:
    target = group_named(connection, group)
    print_record(MEMBER, member_named(connection, target, person), connection.options.output)
    return DONE


@command(
    "orgs",
    PERSON_ARGUMENT,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    examples=("groups-sdk orgs ada.0000@example.com",),
)
def orgs(connection: Connection, person: str, group: str | None) -> int:
    target = group_named(connection, group)
    member = member_named(connection, target, person)
    listing = connection.client.list_org_memberships(target.id, user_id=member.user.id)
    with progress.bar("organizations") as advance:
        found = collect(listing, advance)
    print_records(ORG_MEMBERSHIPS, found, connection.options.output, noun="organization")
    return DONE


@command(
    "sso",
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option("--users", is_flag=True, help="List the users of the connections."),
    Option("--connection", "-c", "only", metavar="NAME", help="Only this connection, by id or name."),
    examples=("groups-sdk sso Engineering --users",),
)
def sso(connection: Connection, group: str | None, users: bool, only: str | None) -> int:
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
        raise CommandError(f"there is no SSO connection {name!r}; the connections are: {there}", NOT_FOUND)
    return found
