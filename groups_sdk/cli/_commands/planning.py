"""`groups-sdk export`, `plan` and `elevate`: members as a file, and what it takes to make a group match one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groups_sdk._terminal import printable
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, CommandError
from groups_sdk.cli._output import (
    Output,
    chosen,
    keep_line_ends,
    note,
    print_record,
    say,
    stdout_is_terminal,
)
from groups_sdk.cli._parameters import (
    CASCADE,
    EXIT_CODE,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Argument,
    Option,
    existing_file,
    new_file,
)
from groups_sdk.cli._plans import PLAN_OUTPUT, SAVE, check_save, show_plan
from groups_sdk.cli._records import ELEVATION
from groups_sdk.cli._streams import STREAM, read_once
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access._plan.formats import FileFormat

__all__ = ["elevate", "export", "plan"]

_FORMATS = ("csv", "json", "jsonl", "yaml")
_FORMAT = Option(
    "--format",
    "file_format",
    type=click.Choice(_FORMATS),
    help="The format of FILE, if its name does not say it.",
)
_EMAIL_COLUMN = Option(
    "--email-column", metavar="HEADING", help="The heading of the email addresses in FILE."
)
_COLUMN = Option(
    "--column",
    "columns",
    metavar="FIELD=HEADING",
    multiple=True,
    help='The heading of another field in FILE, such as "role=Rolle". Repeatable.',
)


@command(
    "export",
    Argument(
        "file",
        "Where to write it: a name that ends in .csv, .json, .jsonl, .yaml or .yml, or - for standard output.",
        metavar="FILE",
        type=new_file(dash=True),
    ),
    GROUP_ARGUMENT,
    GROUP_OPTION,
    _FORMAT,
    details="Edit the file, and give it to plan. Nothing is changed. Standard output gets CSV unless --format says "
    "otherwise.",
    examples=(
        "groups-sdk export desired.csv",
        "groups-sdk export - --format yaml",
    ),
)
def export(connection: Connection, file: Path, group: str | None, file_format: FileFormat | None) -> int:
    target = group_named(connection, group)
    job = connection.client.access.export
    written = StringIO(newline="")
    with progress.bar("members", requests_each=0.01):
        if file == STREAM:
            result = job(target.id, written, file_format=file_format or "csv")
        else:
            result = job(target.id, file, file_format=file_format)
    for text in result.notes:
        note(text)
    if file != STREAM:
        note(str(result))
    elif stdout_is_terminal():
        for line in written.getvalue().splitlines():
            say(printable(line))
    else:
        keep_line_ends()
        sys.stdout.write(written.getvalue())
    return DONE


@command(
    "plan",
    Argument(
        "file",
        "The members that the group should have, and their roles; - for standard input.",
        metavar="FILE",
        type=existing_file(dash=True),
    ),
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option(
        "--role",
        metavar="ROLE",
        help="FILE is a list of people without roles: all of them should have this one.",
    ),
    _EMAIL_COLUMN,
    _COLUMN,
    _FORMAT,
    Option("--prune", is_flag=True, help="Also remove members whom FILE does not list."),
    CASCADE,
    Option(
        "--max-removals",
        type=click.IntRange(min=0),
        metavar="N",
        help="How many members of a group --prune and the end of their access may remove. Default: a tenth of them, "
        "at least 3, at most 50.",
    ),
    Option(
        "--allow-unresolved",
        metavar="PERSON",
        multiple=True,
        help="Allow --prune although this person in FILE cannot be found. Repeatable.",
    ),
    Option(
        "--protect",
        metavar="PERSON",
        multiple=True,
        help="Somebody who must not be removed. Repeatable.",
    ),
    Option(
        "--ending-within",
        metavar="DURATION",
        help="Also show whose access ends within that time, such as 14d or 36h.",
    ),
    SAVE,
    EXIT_CODE,
    PLAN_OUTPUT,
    details="""FILE is CSV, JSON, JSONL or YAML with the columns email, username or user_id, and role or role_id; or
what members, review or export wrote. Where it also has a column for the group, it can be for several groups at once.
Where a row has until, it ends then (a date at its end in UTC), and the column then says what comes after it: a role, or
remove. Nothing is changed: save the plan with --save, and give it to apply. Exit code 1 when somebody cannot be
planned.""",
    examples=(
        "groups-sdk plan desired.csv --save plan.json",
        "groups-sdk plan desired.csv --prune --cascade --output markdown",
        "groups-sdk plan desired.csv --ending-within 14d",
        'groups-sdk members --role "Group Viewer" --output csv | groups-sdk plan -',
    ),
)
def plan(
    connection: Connection,
    file: Path,
    group: str | None,
    *,
    columns: tuple[str, ...],
    save: Path | None,
    exit_code: bool,
    output: str | None,
    **given: Any,
) -> int:
    source = read_once(file)
    given["columns"] = _columns(columns)
    check_save(save)
    with progress.bar("looking"):
        target = _group_for(connection, group, source, given)
        made = connection.client.access.plan(target, source, **given)
    if not (made.changes or made.unchanged or made.not_in_snyk):
        note(f"{source.name} lists nobody")
    return show_plan(made, save, output, exit_code=exit_code)


@command(
    "elevate",
    Argument("person", "Email, username, user id or membership id.", metavar="PERSON"),
    Argument(
        "file",
        "The file with the members that the group should have, as for plan: CSV, JSON or JSONL.",
        metavar="FILE",
        type=existing_file(),
    ),
    Option("--role", metavar="ROLE", required=True, help="The role to give for a while, by name or id."),
    Option(
        "--for",
        "lasting",
        metavar="DURATION",
        help="How long, from now: 4h, 30d, 90m, 2w, P30D, for example.",
    ),
    Option(
        "--until",
        metavar="WHEN",
        help="When it ends: a date, which is over at its end in UTC, or a moment such as 2026-12-31T18:00:00+01:00.",
    ),
    GROUP_OPTION,
    _EMAIL_COLUMN,
    _COLUMN,
    _FORMAT,
    details="""Write into FILE that a member is to have another role for a while, and afterwards the one before. The
rest of FILE stays as it is. Nobody's access is changed: give FILE to plan, and the plan to apply, now and again after
the end.""",
    examples=('groups-sdk elevate grace.0001@example.com desired.csv --role "Group Admin" --for 4h',),
)
def elevate(
    connection: Connection,
    person: str,
    file: Path,
    group: str | None,
    *,
    columns: tuple[str, ...],
    **given: Any,
) -> int:
    if (given["lasting"] is None) == (given["until"] is None):
        raise CommandError("say how long with --for 4h, or when it ends with --until 2026-12-31")
    target = group_named(connection, group)
    with progress.bar("looking"):
        made = connection.client.access.elevate(target.id, person, file, columns=_columns(columns), **given)
    for text in made.notes:
        note(text)
    form = chosen(connection.options.output)
    if form is Output.TABLE:
        say(str(made))
    else:
        print_record(ELEVATION, made, form)
    if stdout_is_terminal():
        note(f"Nobody's access is changed yet: groups-sdk plan {file}")
    return DONE


def _columns(given: Sequence[str]) -> dict[str, str] | None:
    """What the file calls its fields. Raises `CommandError` for what is no pair."""
    columns: dict[str, str] = {}
    for pair in given:
        field, separator, heading = pair.partition("=")
        if not separator or not field.strip() or not heading.strip():
            raise CommandError(f"--column must be FIELD=HEADING, such as role=Rolle; got {pair!r}")
        if field.strip() in columns:
            raise CommandError(f"--column gives {field.strip()} twice")
        columns[field.strip()] = heading
    return columns or None


def _group_for(
    connection: Connection, group: str | None, source: BytesIO, given: dict[str, Any]
) -> str | None:
    """The id of the group that a file is for; None where its rows say theirs."""
    from groups_sdk.access._plan.desired import read_desired

    if group is None:
        reading = {name: given[name] for name in ("columns", "email_column", "role", "file_format")}
        rows = read_desired(source, **reading).members
        source.seek(0)
        if rows and all(row.group is not None for row in rows):
            return None
    return group_named(connection, group).id
