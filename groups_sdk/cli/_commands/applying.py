"""`groups-sdk apply` and `undo`: a plan is carried out, or taken back."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._confirm import require_somebody
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._guards import CHANGE_OPTIONS, admin_roles, guards
from groups_sdk.cli._output import note
from groups_sdk.cli._parameters import (
    ADMIN_ROLES,
    CASCADE,
    CASCADE_NEEDED,
    EXIT_CODE,
    Option,
    new_file,
)
from groups_sdk.cli._plans import (
    PLAN_FILE,
    PLAN_OUTPUT,
    SAVE,
    check_save,
    journal_beside,
    read_plan,
    show_plan,
)
from groups_sdk.cli._streams import STREAM
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access import Change, Plan

__all__ = ["apply", "undo"]

_AGE = re.compile(r"(\d{1,9})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@command(
    "apply",
    PLAN_FILE,
    Option(
        "--journal",
        metavar="FILE",
        type=new_file(),
        help="Every change is recorded there before and after it is sent, so that the same command can continue after "
        "an interruption. Default: PLAN.journal (none with --fake). A plan on standard input needs it.",
    ),
    Option(
        "--expect",
        metavar="DIGEST",
        help="Stop unless the plan has this digest. It is printed with --save; each run of plan makes a new one.",
    ),
    Option("--max-age", metavar="AGE", help="Stop if the plan is older than this, such as 90m, 24h or 3d."),
    Option("--group", "-g", metavar="GROUP", help="Stop unless the plan is for this group, by id or name."),
    CASCADE,
    Option(
        "--allow-unknown-roles",
        is_flag=True,
        help="Allow roles that no member has yet. The API cannot tell what such a role is called.",
    ),
    Option(
        "--strict",
        is_flag=True,
        help="Change nothing at all when a member does not match the plan any more.",
    ),
    *CHANGE_OPTIONS,
    details="""People and roles are shown as the API names them now, whatever the plan says. The same command again
continues after an interruption.""",
    examples=(
        "groups-sdk apply plan.json --dry-run",
        "groups-sdk apply plan.json --max-age 24h --me ada.0000@example.com",
    ),
)
def apply(
    connection: Connection,
    file: Path,
    journal: Path | None,
    expect: str | None,
    max_age: str | None,
    group: str | None,
    *,
    cascade: bool | None,
    allow_unknown_roles: bool,
    strict: bool,
    concurrency: int,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> int:
    from groups_sdk.access._writing import check_writable
    from groups_sdk.cli._run_changes import organizations_that_go, run_changes

    oldest = None if max_age is None else _age(max_age)
    made = read_plan(file)
    if made.removals and made.cascade is None and cascade is None:
        raise CommandError(f"the plan removes members, but does not say how: {CASCADE_NEEDED}")
    require_somebody(yes=yes, dry_run=dry_run)
    # An example in memory does not last as long as a journal would, and looking needs none.
    if journal is not None or not (connection.options.fake or (dry_run and file == STREAM)):
        journal = _journal_of(file, journal)
    if journal is not None and not journal.exists():
        if dry_run:
            journal = None
        else:
            check_writable(journal)
    changes = connection.client.access.apply(
        made,
        journal=journal,
        cascade=cascade,
        expect_digest=expect,
        max_age=oldest,
        group_id=None if group is None else group_named(connection, group).id,
        **guards(given),
        allow_unknown_roles=allow_unknown_roles,
        strict=strict,
        concurrency=concurrency,
        on_progress=(reporter := progress.ProgressReporter()),
    )
    note(f"digest {made.digest}")
    cascades = made.cascade if cascade is None else cascade

    def describe(change: Change) -> str:
        goes = cascades and change.action == "remove"
        return f"{change}{organizations_that_go(connection, change) if goes else ''}"

    def where() -> str:
        return ", ".join(_names_of(connection, made))

    return run_changes(connection, where, changes, reporter, describe, yes=yes, dry_run=dry_run)


@command(
    "undo",
    PLAN_FILE,
    Option(
        "--journal",
        metavar="FILE",
        type=new_file(),
        help="The journal of the apply. Default: PLAN.journal.",
    ),
    Option("--allow-admins", is_flag=True, help="Also make people admins again who were admins before."),
    ADMIN_ROLES,
    SAVE,
    EXIT_CODE,
    PLAN_OUTPUT,
    details="Nothing is changed: save the plan, and give it to apply.",
)
def undo(
    connection: Connection,
    file: Path,
    journal: Path | None,
    *,
    allow_admins: bool,
    save: Path | None,
    exit_code: bool,
    output: str | None,
    **given: Any,
) -> int:
    made = read_plan(file)
    check_save(save)
    with progress.bar("looking"):
        reverse = connection.client.access.undo(
            _journal_of(file, journal),
            made,
            allow_admins=allow_admins,
            admin_roles=admin_roles(given["admin_roles"]),
        )
    return show_plan(reverse, save, output, exit_code=exit_code)


def _journal_of(file: Path, journal: Path | None) -> Path:
    if journal is None and file == STREAM:
        raise CommandError("a plan on standard input needs --journal FILE, to continue after an interruption")
    return journal or journal_beside(file)


def _names_of(connection: Connection, made: Plan) -> list[str]:
    """The groups of a plan as the API names them, or their ids: anybody may have edited the plan."""
    names = {group.id.lower(): group.name for group in connection.client.list_groups()}
    shown: list[str] = []
    for group in made.groups:
        name = names.get(group.id.lower())
        if name and group.name and name != group.name:
            note(f"the group {group.id} is named {name!r}, but the plan says {group.name!r}")
        shown.append(name or group.id)
    return shown


def _age(text: str) -> timedelta:
    """How old a plan may be. Raises `CommandError`."""
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise CommandError(
            f"--max-age must be a number with s, m, h or d, such as 90m, 24h or 3d; got {text!r}"
        )
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
