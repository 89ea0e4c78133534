"""`groups-sdk export`, `plan`, `apply` and `undo`: a group as a file says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._confirm import require_somebody
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, CommandError, with_options
from groups_sdk.cli._output import Output, chosen, print_records, say
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
from groups_sdk.cli._records import PENDING
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access import Plan

__all__ = ["apply", "export", "plan", "undo"]

_AGE = re.compile(r"(\d{1,9})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Save = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", dir_okay=False, help="Where to write the plan, for apply."),
]
PlanFile = Annotated[
    Path, typer.Argument(metavar="PLAN", exists=True, dir_okay=False, help="What --save wrote.")
]


def export(
    connection: Connection,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", dir_okay=False, help="Where to write it: .csv, .json, .yaml or .yml."),
    ],
    group: GroupOption = None,
) -> int:
    """Write today's members and roles to a file, to be edited and given to plan. Nothing is changed."""
    from groups_sdk.cli._run_changes import note

    target = group_named(connection, group)
    with progress.bar("members"):
        notes = connection.client.access.export(target.id, file)
    for text in notes:
        note(text)
    return DONE


def plan(
    connection: Connection,
    desired: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Who shall have which role: CSV with the columns email, username or user_id, and role or role_id; "
            "JSON or YAML; what export wrote; or a review.",
        ),
    ],
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            "-g",
            metavar="GROUP",
            show_default=False,
            help="The group, by id or name. When left out, the file says it in a column or section group; "
            "else it is the only one that the token sees.",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Members that the file does not mention are to be removed.")
    ] = False,
    cascade: Annotated[
        bool | None,
        typer.Option(
            "--cascade/--no-cascade",
            show_default=False,
            help="Whether removals take the memberships of the organizations below too; the plan records it. "
            "When neither is given, apply asks for one.",
        ),
    ] = None,
    max_removals: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            show_default=False,
            help="How many members of a group --prune may remove; a tenth of them unless given, "
            "at least 3 and at most 50.",
        ),
    ] = None,
    allow_unresolved: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-unresolved",
            metavar="PERSON",
            show_default=False,
            help="Prune although this person of the file is not found. Can be given several times.",
        ),
    ] = None,
    protect: Annotated[
        list[str] | None,
        typer.Option(
            "--protect",
            metavar="PERSON",
            show_default=False,
            help="Somebody whom --prune must not remove. Can be given several times.",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="FIELD=HEADING",
            show_default=False,
            help='What the file calls a field, such as "role=Rolle". Can be given several times.',
        ),
    ] = None,
    save: Save = None,
) -> int:
    """Show what would have to change for groups to be as a file says. Nothing is changed."""
    given = _columns(columns)
    made = connection.client.access.plan(
        _group_for(connection, group, desired, given),
        desired,
        prune=prune,
        cascade=cascade,
        max_removals=max_removals,
        allow_unresolved=allow_unresolved or (),
        protect=protect or (),
        columns=given,
    )
    return _show(connection, made, save)


def apply(
    connection: Connection,
    file: PlanFile,
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
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="DIGEST",
            show_default=False,
            help="Refuse a plan that has another digest than the one that was approved.",
        ),
    ] = None,
    max_age: Annotated[
        str | None,
        typer.Option(
            metavar="AGE", show_default=False, help="Refuse a plan that is older, such as 90m, 24h or 3d."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            "-g",
            metavar="GROUP",
            show_default=False,
            help="Refuse a plan for any other group than this, by id or name.",
        ),
    ] = None,
    cascade: Cascade = None,
    allow_unknown_roles: Annotated[
        bool,
        typer.Option(
            "--allow-unknown-roles",
            help="Give roles that no member has: the API cannot tell the names of those.",
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Change nothing at all when a member is not as the plan saw them."),
    ] = False,
    me: Me = None,
    protect: Protect = None,
    admin_roles: AdminRoles = None,
    allow_last_admin: AllowLastAdmin = False,
    allow_self: AllowSelf = False,
    concurrency: Concurrency = 10,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Carry out a plan, or what is left of it.

    People and roles are shown as the API names them now, whatever the plan says.
    """
    from groups_sdk.cli._run_changes import given_admin_roles, note, run_changes

    oldest = None if max_age is None else _age(max_age)
    made = _read_plan(file)
    if made.removals and made.cascade is None and cascade is None:
        raise CommandError(f"the plan removes members, and does not say it: {CASCADE_NEEDED}")
    require_somebody(yes=yes, dry_run=dry_run)
    journal = _journal_of(file, journal, fake=connection.options.fake)
    if journal is not None and dry_run and not journal.exists():
        journal = None  # looking leaves no file behind
    changes = connection.client.access.apply(
        made,
        journal=journal,
        cascade=cascade,
        expect_digest=expect,
        max_age=oldest,
        group_id=None if group is None else group_named(connection, group).id,
        me=me,
        protect=protect or (),
        admin_roles=given_admin_roles(admin_roles),
        allow_last_admin=allow_last_admin,
        allow_self=allow_self,
        allow_unknown_roles=allow_unknown_roles,
        strict=strict,
        concurrency=concurrency,
        on_progress=(reporter := progress.ProgressReporter()),
    )
    note(f"digest {made.digest}")
    where = ", ".join(_names_of(connection, made))
    return run_changes(connection, where, changes, reporter, yes=yes, dry_run=dry_run)


def undo(
    connection: Connection,
    file: PlanFile,
    journal: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            show_default=False,
            help="The journal of the apply; PLAN.journal unless given.",
        ),
    ] = None,
    allow_admins: Annotated[
        bool, typer.Option("--allow-admins", help="Make those admins again who were admins before.")
    ] = False,
    admin_roles: AdminRoles = None,
    save: Save = None,
) -> int:
    """Show the plan that puts back what apply has changed. Nothing is changed: give it to apply."""
    from groups_sdk.cli._run_changes import given_admin_roles

    made = _read_plan(file)
    with progress.bar("looking"):
        reverse = connection.client.access.undo(
            journal or _journal_beside(file),
            made,
            allow_admins=allow_admins,
            admin_roles=given_admin_roles(admin_roles),
        )
    return _show(connection, reverse, save)


def _show(connection: Connection, made: Plan, save: Path | None) -> int:
    """Save a plan where that is wanted, and print it with its digest."""
    from groups_sdk.access._writing import opened_to_write
    from groups_sdk.cli._run_changes import note

    if save is not None:
        with opened_to_write(save) as write:
            write(made.to_json() + "\n")
    form = chosen(connection.options.output)
    if form is Output.TABLE:
        say(with_options(str(made)))
        return DONE
    if form is Output.JSON:
        say(made.to_json())
    else:
        print_records(PENDING, made.changes, form)
    for missing in made.not_in_snyk:
        note(f"{missing.who} cannot be added as {missing.role}: {missing.reason}")
    for remark in made.notes:
        note(with_options(remark))
    note(f"digest {made.digest}")
    return DONE


def _read_plan(file: Path) -> Plan:
    from groups_sdk.access import Plan
    from groups_sdk.access._reading import read_text

    text, _ = read_text(file)
    return Plan.from_json(text)


def _journal_of(file: Path, journal: Path | None, *, fake: bool) -> Path | None:
    """The journal of a plan. An example in memory does not last as long as a journal would."""
    return journal or (None if fake else _journal_beside(file))


def _journal_beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.journal")


def _names_of(connection: Connection, made: Plan) -> list[str]:
    """The groups of a plan as the API names them, or their ids: anybody may have edited the plan."""
    from groups_sdk.cli._run_changes import note

    names = {group.id.lower(): group.name for group in connection.client.list_groups()}
    shown: list[str] = []
    for group in made.groups:
        name = names.get(group.id.lower())
        if name and group.name and name != group.name:
            note(f"the group {group.id} is named {name!r}, where the plan says {group.name!r}")
        shown.append(name or group.id)
    return shown


def _columns(given: Sequence[str] | None) -> dict[str, str] | None:
    """What the file calls its fields. Raises `CommandError` for what is no pair."""
    columns: dict[str, str] = {}
    for pair in given or ():
        field, separator, heading = pair.partition("=")
        if not separator or not field.strip() or not heading.strip():
            raise CommandError(f"--column must be FIELD=HEADING, such as role=Rolle; got {pair!r}")
        if field.strip() in columns:
            raise CommandError(f"--column gives {field.strip()} twice")
        columns[field.strip()] = heading
    return columns or None


def _group_for(
    connection: Connection, group: str | None, desired: Path, columns: dict[str, str] | None
) -> str | None:
    """The id of the group that a file is for; None where its rows say theirs."""
    from groups_sdk.access._plan.desired import read_desired

    if group is None:
        rows = read_desired(desired, columns=columns).members
        if rows and all(row.group is not None for row in rows):
            return None
    return group_named(connection, group).id


def _age(text: str) -> timedelta:
    """How old a plan may be. Raises `CommandError`."""
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise CommandError(
            f"--max-age must be a number with s, m, h or d, such as 90m, 24h or 3d; got {text!r}"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
