"""The commands that change something: each shows what it will do, asks, does it, and says what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from groups_sdk.access import Action, Change, Changes, Outcome, Plan, Progress, Status
from groups_sdk.cli import progress
from groups_sdk.cli.confirm import confirm, require_somebody
from groups_sdk.cli.connection import Connection
from groups_sdk.cli.exits import DONE, FAILED, NOT_FOUND, CommandError, explain
from groups_sdk.cli.output import Output, chosen, counted, print_records, say
from groups_sdk.cli.parameters import (
    AllowLastAdmin,
    AllowSelf,
    Cascade,
    Concurrency,
    DryRun,
    GroupOption,
    Me,
    Yes,
)
from groups_sdk.cli.records import OFFBOARDING, OUTCOMES
from groups_sdk.cli.targets import group_named, member_named
from groups_sdk.errors import ForbiddenError, GroupsError, NotFoundError
from groups_sdk.models import Group, GroupMembership

__all__ = ["apply", "offboard", "plan", "remove", "set_role"]

_DRY = "dry run: nothing was changed"
_CASCADE = (
    "give --cascade, which takes the memberships of the organizations below too, or --no-cascade, which does not"
)


def set_role(
    connection: Connection,
    role: Annotated[str, typer.Argument(metavar="ROLE", help="The role, by name or id.")],
    people: Annotated[
        list[str], typer.Argument(metavar="PERSON...", help="Who gets it, by email, username or user id.")
    ],
    group: GroupOption = None,
    me: Me = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Give members of a group another role.

    A role that no member has yet must be given by its id.
    """
    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    members = _members(connection, target, people)
    made = connection.client.access.plan(target.id, {member.user.id: role for member in members})
    if made.creates:
        raise CommandError("one of them has left the group meanwhile: nothing was changed")
    changes = connection.client.access.apply(
        made,
        me=me,
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        concurrency=concurrency,
        on_progress=(told := _Told()),
    )
    steps = [str(change) for change in made.role_changes]
    settled = [Outcome(change, Status.UNCHANGED, sent=False) for change in made.stays]
    return _carry_out(connection, changes, told, steps, settled=settled, yes=yes, dry_run=dry_run)


def remove(
    connection: Connection,
    people: Annotated[
        list[str], typer.Argument(metavar="PERSON...", help="Who goes, by email, username or user id.")
    ],
    group: GroupOption = None,
    cascade: Cascade = None,
    me: Me = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Remove members from a group."""
    if cascade is None:
        raise CommandError(_CASCADE)
    require_somebody(yes=yes, dry_run=dry_run)
    target = group_named(connection, group)
    members = _members(connection, target, people)
    removals = [
        Change(
            action=Action.REMOVE,
            group_id=target.id,
            membership_id=member.id,
            user=member.user,
            before=member.role,
        )
        for member in members
    ]
    changes = connection.client.access.apply(
        Plan(group=target, made_at=datetime.now(UTC), removals=tuple(removals)),
        cascade=cascade,
        me=me,
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        concurrency=concurrency,
        on_progress=(told := _Told()),
    )
    steps = [
        f"{change}{_orgs_that_go(connection, target, member) if cascade else ''}"
        for change, member in zip(removals, members, strict=True)
    ]
    return _carry_out(connection, changes, told, steps, yes=yes, dry_run=dry_run)


def plan(
    connection: Connection,
    desired: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Who shall have which role: CSV with the columns email or user_id, and role; or JSON.",
        ),
    ],
    group: GroupOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Members that the file does not mention are to be removed.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Where to write the plan, for apply."),
    ] = None,
) -> int:
    """Show what would have to change for a group to be as a file says. Nothing is changed."""
    target = group_named(connection, group)
    made = connection.client.access.plan(target.id, desired, prune=prune)
    if save is not None:
        save.write_text(made.to_json() + "\n", encoding="utf-8")
    form = chosen(connection.options.output)
    if form is Output.TABLE:
        say(str(made))
    elif form is Output.JSON:
        say(made.to_json())
    else:
        pending = [Outcome(change, Status.UNCHANGED, sent=False) for change in made.changes]
        print_records([column for column in OUTCOMES if column.key in _PLANNED], pending, form)
        for missing in made.not_in_snyk:
            print(f"not in Snyk: {missing.who!a} cannot be added: {missing.reason}", file=sys.stderr)
    return DONE


_PLANNED = ("change", "action", "email", "role_before", "role", "user_id", "membership_id", "group_id")


def apply(
    connection: Connection,
    file: Annotated[
        Path, typer.Argument(metavar="PLAN", exists=True, dir_okay=False, help="What plan --save wrote.")
    ],
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            show_default=False,
            help="Where every change is noted before and after it, so that the same command goes on after an "
            "interruption; PLAN.journal unless given (none with --fake).",
        ),
    ] = None,
    cascade: Cascade = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Change nothing at all when a member is not as the plan saw them."),
    ] = False,
    me: Me = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Carry out a plan, or what is left of it."""
    made = Plan.from_json(file.read_text(encoding="utf-8"))
    if made.removals and cascade is None:
        raise CommandError(f"the plan removes members: {_CASCADE}")
    require_somebody(yes=yes, dry_run=dry_run)
    if journal is None and not connection.options.fake:
        journal = file.with_name(f"{file.name}.journal")
    changes = connection.client.access.apply(
        made,
        journal=journal,
        cascade=cascade,
        me=me,
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        strict=strict,
        concurrency=concurrency,
        on_progress=(told := _Told()),
    )
    return _carry_out(connection, changes, told, str(made).splitlines(), yes=yes, dry_run=dry_run)


def offboard(
    connection: Connection,
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="The person's email address.")],
    cascade: Cascade = None,
    allow_last_admin: AllowLastAdmin = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Remove a person from every group that the token sees."""
    if cascade is None:
        raise CommandError(_CASCADE)
    require_somebody(yes=yes, dry_run=dry_run)
    output = connection.options.output

    def work(*, dry: bool) -> int:
        told = _Told()
        offboarding = connection.client.access.offboard(
            email,
            cascade=cascade,
            dry_run=dry,
            allow_last_admin=allow_last_admin,
            concurrency=concurrency,
            on_progress=told,
        )
    ...
