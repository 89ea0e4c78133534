"""What `plan`, `apply` and `undo` have in common: a plan is read, shown and saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE
from groups_sdk.cli._output import Output, chosen, note, print_records, say
from groups_sdk.cli._parameters import Argument, Option, existing_file, new_file
from groups_sdk.cli._records import PENDING
from groups_sdk.cli._wording import with_options

if TYPE_CHECKING:
    from groups_sdk.access import Plan

__all__ = ["PLAN_FILE", "SAVE", "journal_beside", "read_plan", "show_plan"]

PLAN_FILE = Argument("file", "A plan, as --save wrote it.", metavar="PLAN", type=existing_file())
SAVE = Option("--save", metavar="FILE", type=new_file(), help="Write the plan to a file, for apply.")


def show_plan(connection: Connection, made: Plan, save: Path | None) -> int:
    """Save a plan where that is wanted, and print it with its digest."""
    from groups_sdk.access._writing import opened_to_write

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


def read_plan(file: Path) -> Plan:
    from groups_sdk.access import Plan
    from groups_sdk.access._reading import read_text

    text, _ = read_text(file)
    return Plan.from_json(text)


def journal_beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.journal")
