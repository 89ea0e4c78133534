"""`groups-sdk restore`: a plan that makes a group again what a review says it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import FAILED
from groups_sdk.cli._guards import admin_roles
from groups_sdk.cli._parameters import (
    ADMIN_ROLES,
    CASCADE,
    EXIT_CODE,
    GROUP_OPTION,
    Argument,
    Option,
    existing_file,
)
from groups_sdk.cli._plans import PLAN_OUTPUT, SAVE, check_save, show_plan
from groups_sdk.cli._targets import group_named

__all__ = ["restore"]


@command(
    "restore",
    Argument(
        "review", "A review, as review --jsonl or --csv wrote it.", metavar="REVIEW", type=existing_file()
    ),
    Argument(
        "journals",
        "The journals of every apply, offboard and delete-sso-users since the review.",
        metavar="[JOURNAL...]",
        nargs=-1,
        type=existing_file(),
    ),
    GROUP_OPTION,
    Option(
        "--allow-admins", is_flag=True, help="Also make people admins again who were admins in the review."
    ),
    ADMIN_ROLES,
    Option("--prune", is_flag=True, help="Also remove members who came since the review."),
    CASCADE,
    Option(
        "--max-removals",
        type=click.IntRange(min=0),
        metavar="N",
        help="How many members --prune may remove. Default: a tenth of them, at least 3, at most 50.",
    ),
    Option(
        "--protect",
        metavar="PERSON",
        multiple=True,
        help="Somebody whom --prune must not remove. Repeatable.",
    ),
    SAVE,
    EXIT_CODE,
    PLAN_OUTPUT,
    details="""The group is that of the review, unless --group says otherwise. Nothing is changed: save the plan, and
give it to apply. What cannot be brought back is listed, and the exit code is 1 then.""",
    examples=("groups-sdk restore 2025-11.jsonl --save restore.json",),
)
def restore(
    connection: Connection,
    review: Path,
    journals: tuple[Path, ...],
    group: str | None,
    *,
    save: Path | None,
    exit_code: bool,
    output: str | None,
    **given: Any,
) -> int:
    from groups_sdk.access import Review
    from groups_sdk.access._plan.restore import NOT_RESTORED

    check_save(save)
    earlier = Review.read(review)
    target = earlier.group if group is None and earlier.group.id else group_named(connection, group)
    given["admin_roles"] = admin_roles(given["admin_roles"])
    with progress.bar("looking"):
        made = connection.client.access.plan_restore(target.id, earlier, journals, **given)
    code = show_plan(made, save, output, exit_code=exit_code)
    return FAILED if any(remark.startswith(NOT_RESTORED) for remark in made.notes) else code
