"""`groups-sdk migrate`, `copy-role` and `hand-over`: a role goes from one account to another, by a plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import FAILED, CommandError
from groups_sdk.cli._parameters import CASCADE, EXIT_CODE, GROUP_OPTION, Argument, Option, existing_file
from groups_sdk.cli._plans import PLAN_OUTPUT, SAVE, check_save, show_plan
from groups_sdk.cli._records import MIGRATED
from groups_sdk.cli._streams import read_once
from groups_sdk.cli._targets import group_named

if TYPE_CHECKING:
    from groups_sdk.access._migration.migrate import OnDifferentRole
    from groups_sdk.access._plan.formats import FileFormat

__all__ = ["copy_role", "hand_over", "migrate"]

_FROM = Argument(
    "from_person", "Who has the role: email, username, user id or membership id.", metavar="FROM"
)
_TO = Argument("to_person", "Who is to have it: email, username or user id.", metavar="TO")


@command(
    "migrate",
    Argument(
        "file",
        "The new account of each person, in the columns old and new; - for standard input.",
        metavar="[FILE]",
        required=False,
        type=existing_file(dash=True),
    ),
    GROUP_OPTION,
    Option("--from", "from_domain", metavar="DOMAIN", help="Everybody with an address in this domain."),
    Option("--to", "to_domain", metavar="DOMAIN", help="They get the same address in this domain."),
    Option(
        "--format",
        "file_format",
        type=click.Choice(["csv", "json", "jsonl", "yaml"]),
        help="The format of FILE, if its name does not say it.",
    ),
    Option(
        "--on-different-role",
        type=click.Choice(["report", "copy", "keep"]),
        default="report",
        help="If the new account has another role: only report it, copy the role of the old account, or keep that of "
        "the new one. Default: report.",
    ),
    Option(
        "--allow-lost-orgs",
        is_flag=True,
        help="End old memberships even if organizations are lost with them, or these cannot be read.",
    ),
    Option(
        "--allow-lost-orgs-of",
        metavar="PERSON",
        multiple=True,
        help="The same for one person, by their old account. Repeatable.",
    ),
    CASCADE,
    SAVE,
    EXIT_CODE,
    PLAN_OUTPUT,
    details="""Give FILE, or --from and --to. Nothing is changed: save the plan with --save, and give it to apply. Then
run this again, until nothing is left. An old membership ends only while the new account is seen to have its role. Exit
code 1 when somebody is left who is not finished by this plan.""",
    examples=(
        "groups-sdk migrate --from old.example --to new.example --save migration.json",
        "groups-sdk migrate accounts.csv --cascade --save migration.json",
    ),
)
def migrate(
    connection: Connection,
    file: Path | None,
    group: str | None,
    *,
    from_domain: str | None,
    to_domain: str | None,
    file_format: FileFormat | None,
    on_different_role: OnDifferentRole,
    allow_lost_orgs: bool,
    allow_lost_orgs_of: tuple[str, ...],
    cascade: bool | None,
    save: Path | None,
    exit_code: bool,
    output: str | None,
) -> int:
    by_rule = from_domain is not None or to_domain is not None
    if by_rule == (file is not None) or (by_rule and None in (from_domain, to_domain)):
        raise CommandError("give either FILE, or --from and --to")
    source = None if file is None else read_once(file)
    check_save(save)
    target = group_named(connection, group)
    with progress.bar("looking"):
        migration = connection.client.access.plan_migration(
            target.id,
            source,
            from_domain=from_domain,
            to_domain=to_domain,
            file_format=file_format,
            on_different_role=on_different_role,
            allow_lost_orgs=allow_lost_orgs or allow_lost_orgs_of,
            cascade=cascade,
        )
    code = show_plan(migration.plan, save, output, exit_code=exit_code, people=(MIGRATED, migration.people))
    return FAILED if migration.left else code


@command(
    "copy-role",
    _FROM,
    _TO,
    GROUP_OPTION,
    SAVE,
    EXIT_CODE,
    PLAN_OUTPUT,
    details="""TO is added to the group if necessary, and FROM keeps the role. Nothing is changed: save the plan with
--save, and give it to apply. Exit code 1 when TO cannot be added.""",
    examples=("groups-sdk copy-role ada.0000@example.com grace.0001@example.com --save copy.json",),
)
def copy_role(
    connection: Connection,
    from_person: str,
    to_person: str,
    group: str | None,
    *,
    save: Path | None,
    exit_code: bool,
    output: str | None,
) -> int:
    check_save(save)
    target = group_named(connection, group)
    with progress.bar("looking"):
        made = connection.client.access.plan_copy(target.id, from_person, to_person)
    return show_plan(made, save, output, exit_code=exit_code)


@command(
    "hand-over",
    _FROM,
    _TO,
    GROUP_OPTION,
    Option(
        "--role-after",
        metavar="ROLE",
        required=True,
        help="The role that FROM has afterwards, by name or id.",
    ),
    SAVE,
    EXIT_CODE,
    PLAN_OUTPUT,
    details="TO gets the role first; FROM gets --role-after only while TO is seen to have it. Nothing is changed: save "
    "the plan with --save, and give it to apply. Exit code 1 when TO cannot be added.",
    examples=(
        'groups-sdk hand-over ada.0000@example.com grace.0001@example.com --role-after "Group Member"',
    ),
)
def hand_over(
    connection: Connection,
    from_person: str,
    to_person: str,
    group: str | None,
    *,
    role_after: str,
    save: Path | None,
    exit_code: bool,
    output: str | None,
) -> int:
    check_save(save)
    target = group_named(connection, group)
    with progress.bar("looking"):
        made = connection.client.access.plan_handover(
            target.id, from_person, to_person, role_after=role_after
        )
    return show_plan(made, save, output, exit_code=exit_code)
