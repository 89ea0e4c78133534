"""What `plan`, `migrate`, `apply` and `undo` have in common: a plan is read, shown and saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import click

from groups_sdk._terminal import printable
from groups_sdk.cli._exit_codes import DIFFERENT, DONE, FAILED, CommandError
from groups_sdk.cli._output import Column, Output, note, print_records, say, stdout_is_terminal
from groups_sdk.cli._parameters import Argument, Option, existing_file, new_file
from groups_sdk.cli._records import PENDING
from groups_sdk.cli._streams import read_once
from groups_sdk.cli._wording import with_options
from groups_sdk.errors import InvalidArgumentError, PlanError

if TYPE_CHECKING:
    from groups_sdk.access import Change, NotInSnyk, Plan

    Row: TypeAlias = Change | NotInSnyk

T = TypeVar("T")

__all__ = ["PLAN_FILE", "PLAN_OUTPUT", "SAVE", "check_save", "journal_beside", "read_plan", "show_plan"]

PLAN_FILE = Argument(
    "file", "A plan, as --save wrote it; - for standard input.", metavar="PLAN", type=existing_file(dash=True)
)
SAVE = Option("--save", metavar="FILE", type=new_file(), help="Write the plan to a file, for apply.")
PLAN_OUTPUT = Option(
    "--output",
    "-o",
    type=click.Choice(["table", "json", "jsonl", "csv", "markdown"], case_sensitive=False),
    help="Output format; markdown is for a pull request, and json is what --save writes. Default: table on a "
    "terminal, jsonl otherwise.",
)


def check_save(save: Path | None) -> None:
    """Raise `FileAccessError` now where the plan could not be saved later."""
    from groups_sdk.access._writing import check_writable

    if save is not None:
        check_writable(save)


def show_plan(
    made: Plan,
    save: Path | None,
    output: str | None,
    *,
    exit_code: bool = False,
    people: tuple[Sequence[Column[T]], Sequence[T]] | None = None,
) -> int:
    """Save a plan where that is wanted, print it with its digest, and return the exit code.

    `people` are columns and rows of what the plan is about: before the plan in a table, in its place in JSONL and CSV.
    """
    from groups_sdk.access._writing import opened_to_write

    if save is not None:
        with opened_to_write(save) as write:
            write(made.to_json() + "\n")
    form = (output or ("table" if stdout_is_terminal() else "jsonl")).lower()
    if form == "markdown":
        say(made.to_markdown().rstrip("\n"))
    elif form == "table":
        if people is not None and people[1]:
            print_records(*people, Output.TABLE)
            say("")
        say(_in_table(made))
    elif form == "json":
        say(made.to_json())
    elif people is not None:
        print_records(*people, Output(form))
    else:
        rows: list[Row] = [*made.changes, *made.not_in_snyk]
        print_records(_ROWS, rows, Output(form))
    if form not in ("table", "markdown"):
        for missing in made.not_in_snyk:
            note(f"{missing.who} cannot be added as {missing.role}: {missing.reason}")
        for word, endings in (("ended", made.ended), ("ends", made.ending)):
            for ending in endings:
                note(f"{word}: {ending}")
        for remark in made.notes:
            note(with_options(remark))
        note(f"digest {made.digest}")
    if save is not None:
        note(f"{save}: {made.summary()}")
    if form == "table" and made.changes and stdout_is_terminal():
        note(
            f"To make these changes: groups-sdk apply {save}"
            if save
            else "Nothing is saved: add --save FILE, for apply"
        )
    if made.not_in_snyk:
        return FAILED
    return DIFFERENT if exit_code and made.changes else DONE


def _in_table(made: Plan) -> str:
    """The plan as text. Its notes speak of options; names in it stay as they are."""
    text = str(made)
    for remark in made.notes:
        text = text.replace(printable(remark), printable(with_options(remark)))
    return text


def _of_change(column: Column[Change]) -> Column[Row]:
    from groups_sdk.access import Change

    return Column(
        column.key,
        None,
        lambda row: column.value(row) if isinstance(row, Change) else _missing(row).get(column.key),
    )


def _missing(row: NotInSnyk) -> dict[str, str]:
    """What is known of somebody who cannot be added, by the keys of a change."""
    return {"action": "cannot_add", "email": row.who, "role": row.role, "group_id": row.group_id}


def _reason(row: Row) -> str | None:
    return getattr(row, "reason", None)


_ROWS: list[Column[Row]] = [*map(_of_change, PENDING), Column("reason", None, _reason)]


def read_plan(file: Path) -> Plan:
    """The plan in a file, or on standard input."""
    from groups_sdk.access import Plan
    from groups_sdk.access._reading import read_text

    source = read_once(file)
    text, _ = read_text(source)
    try:
        return Plan.from_json(text)
    except (PlanError, InvalidArgumentError) as error:
        raise CommandError(f"{source.name}: {str(error).removeprefix('the plan: ')}") from None


def journal_beside(file: Path) -> Path:
    """The journal of a plan that lies in a file."""
    return file.with_name(f"{file.name}.journal")
