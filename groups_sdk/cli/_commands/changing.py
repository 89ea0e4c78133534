"""`groups-sdk set-role` and `remove`: changes of people who are given one by one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._confirm import require_somebody
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._guards import CHANGE_OPTIONS, guards
from groups_sdk.cli._parameters import (
    CASCADE,
    CASCADE_NEEDED,
    GROUP_OPTION,
    Argument,
)
from groups_sdk.cli._targets import group_named, name_of

if TYPE_CHECKING:
    from groups_sdk.access import Change

__all__ = ["remove", "set_role"]

_PEOPLE = Argument(
    "people",
    "Email, username, user id or membership id. Several can be given.",
    metavar="PERSON...",
    nargs=-1,
    required=True,
)


@command(
    "set-role",
    Argument("role", "The new role, by name or id; by id when no member has it yet.", metavar="ROLE"),
    _PEOPLE,
    GROUP_OPTION,
    *CHANGE_OPTIONS,
    details="People who are not members are reported, and the others are changed. Exit code 4 when nobody is a member.",
    examples=('groups-sdk set-role "Group Viewer" grace.0001@example.com --dry-run',),
)
def set_role(
    connection: Connection,
    role: str,
    people: tuple[str, ...],
    group: str | None,
    *,
    concurrency: int,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> int:
    from groups_sdk.cli._run_changes import run_changes

    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    changes = connection.client.access.update_memberships(
        target.id,
        [(person, role) for person in people],
        **guards(given),
        concurrency=concurrency,
        on_progress=(reporter := progress.ProgressReporter()),
    )
    where = partial(name_of, connection, target)
    return run_changes(connection, where, changes, reporter, yes=yes, dry_run=dry_run)


@command(
    "remove",
    _PEOPLE,
    GROUP_OPTION,
    CASCADE,
    *CHANGE_OPTIONS,
    details="People who are not members are reported, and the others are removed. Exit code 4 when nobody is a member.",
    examples=("groups-sdk remove grace.0001@example.com --cascade",),
)
def remove(
    connection: Connection,
    people: tuple[str, ...],
    group: str | None,
    *,
    cascade: bool | None,
    concurrency: int,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> int:
    from groups_sdk.cli._run_changes import organizations_that_go, run_changes

    if cascade is None:
        raise CommandError(CASCADE_NEEDED)
    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    changes = connection.client.access.delete_memberships(
        target.id,
        people,
        cascade=cascade,
        **guards(given),
        concurrency=concurrency,
        on_progress=(reporter := progress.ProgressReporter()),
    )

    def describe(change: Change) -> str:
        return f"{change}{organizations_that_go(connection, change) if cascade else ''}"

    where = partial(name_of, connection, target)
    return run_changes(connection, where, changes, reporter, describe, yes=yes, dry_run=dry_run)
