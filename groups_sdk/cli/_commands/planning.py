"""`groups-sdk export` and `plan`: a group's members as a file, and what it takes to make a group match one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, CommandError
from groups_sdk.cli._output import note
from groups_sdk.cli._parameters import (
    CASCADE,
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Argument,
    Option,
    existing_file,
    new_file,
)
from groups_sdk.cli._plans import SAVE, show_plan
from groups_sdk.cli._targets import group_named

__all__ = ["export", "plan"]


@command(
    "export",
    Argument("file", "Where to write it: .csv, .json, .yaml or .yml.", metavar="FILE", type=new_file()),
    GROUP_ARGUMENT,
    GROUP_OPTION,
    details="Edit the file, and give it to plan. Nothing is changed.",
)
def export(connection: Connection, file: Path, group: str | None) -> int:
    target = group_named(connection, group)
    with progress.bar("members"):
        notes = connection.client.access.export(target.id, file)
    for text in notes.notes:
        note(text)
    return DONE


@command(
    "plan",
    Argument(
        "file",
        "The members that the group should have, and their roles.",
        metavar="FILE",
        type=existing_file(),
    ),
    GROUP_ARGUMENT,
    GROUP_OPTION,
    Option("--prune", is_flag=True, help="Plan to remove members whom the file does not list."),
    CASCADE,
    Option(
        "--max-removals",
        type=click.IntRange(min=0),
        metavar="N",
        help="How many members of a group --prune may remove. Default: a tenth of them, at least 3, at most 50.",
    ),
    Option(
        "--allow-unresolved",
        metavar="PERSON",
        multiple=True,
        help="Allow --prune although this person in the file cannot be found. Repeatable.",
    ),
    Option(
        "--protect",
        metavar="PERSON",
        multiple=True,
        help="Somebody whom --prune must not remove. Repeatable.",
    ),
    Option(
        "--column",
        "columns",
        metavar="FIELD=HEADING",
        multiple=True,
        help='The heading of a field in the file, such as "role=Rolle". Repeatable.',
    ),
    SAVE,
    details="""FILE is CSV (columns email, username or user_id; role or role_id), JSON or YAML, what export, members or
review wrote, or a review. Where it has a column or a section for the group, it can be for several groups at once.
Nothing is changed: save the plan, and give it to apply.""",
)
def plan(
    connection: Connection,
    file: Path,
    group: str | None,
    *,
    prune: bool,
    cascade: bool | None,
    max_removals: int | None,
    allow_unresolved: tuple[str, ...],
    protect: tuple[str, ...],
    columns: tuple[str, ...],
    save: Path | None,
) -> int:
    given = _columns(columns)
    made = connection.client.access.plan(
        _group_for(connection, group, file, given),
        file,
        prune=prune,
        cascade=cascade,
        max_removals=max_removals,
        allow_unresolved=allow_unresolved,
        protect=protect,
        columns=given,
    )
    return show_plan(connection, made, save)


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
    connection: Connection, group: str | None, desired: Path, columns: dict[str, str] | None
) -> str | None:
    """The id of the group that a file is for; None where its rows say theirs."""
    from groups_sdk.access._plan.desired import read_desired

    if group is None:
        rows = read_desired(desired, columns=columns).members
        if rows and all(row.group is not None for row in rows):
            return None
    return group_named(connection, group).id
