"""`groups-sdk set-role` and `remove`: changes of people who are given one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._confirm import require_somebody
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._parameters import (
    CASCADE_NEEDED,
    AdminRoles,
    AllowLastAdmin,
    AllowSelf,
    Cascade,
    Concurrency,
    DryRun,
    GroupOption,
    Me,
    Protect,
    Yes,
)
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access import Change

__all__ = ["remove", "set_role"]


def set_role(
    connection: Connection,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="The role, by name or id.")],
    people: Annotated[
        list[str],
        typer.Argument(
            metavar="PERSON...", help="Who gets it, by email, username, user id or membership id."
        ),
    ],
    group: GroupOption = None,
    me: Me = None,
    protect: Protect = None,
    admin_roles: AdminRoles = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Give members of a group another role.

    A role that no member has yet must be given by its id. Who is no member is reported, and the others are changed;
    exit code 4 when nobody is a member.
    """
    from groups_sdk.cli._run_changes import given_admin_roles, run_changes

    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    changes = connection.client.access.update_memberships(
        target.id,
        [(person, role) for person in people],
        me=me,
        protect=protect or (),
        admin_roles=given_admin_roles(admin_roles),
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        concurrency=concurrency,
        on_progress=(reporter := progress.ProgressReporter()),
    )
    return run_changes(connection, target.name or target.id, changes, reporter, yes=yes, dry_run=dry_run)


def remove(
    connection: Connection,
    people: Annotated[
        list[str],
        typer.Argument(metavar="PERSON...", help="Who goes, by email, username, user id or membership id."),
    ],
    group: GroupOption = None,
    cascade: Cascade = None,
    me: Me = None,
    protect: Protect = None,
    admin_roles: AdminRoles = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Remove members from a group.

    Who is no member is reported, and the others are removed; exit code 4 when nobody is a member.
    """
    from groups_sdk.cli._run_changes import given_admin_roles, organizations_that_go, run_changes

    if cascade is None:
        raise CommandError(CASCADE_NEEDED)
    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    changes = connection.client.access.delete_memberships(
        target.id,
        people,
        cascade=cascade,
        me=me,
        protect=protect or (),
        admin_roles=given_admin_roles(admin_roles),
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        concurrency=concurrency,
        on_progress=(reporter := progress.ProgressReporter()),
    )

    def describe(change: Change) -> str:
        return f"{change}{organizations_that_go(connection, change) if cascade else ''}"

    where = target.name or target.id
    return run_changes(connection, where, changes, reporter, describe, yes=yes, dry_run=dry_run)
