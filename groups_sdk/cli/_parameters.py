"""The arguments and options that several commands have, each described once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from groups_sdk.cli._connection import Options
from groups_sdk.cli._output import Output

__all__ = [
    "CASCADE_NEEDED",
    "AdminRoles",
    "AllowLastAdmin",
    "AllowSelf",
    "Cascade",
    "Concurrency",
    "DryRun",
    "GroupArgument",
    "GroupOption",
    "Me",
    "PersonArgument",
    "Protect",
    "SortColumn",
    "SortOrder",
    "Yes",
    "common_options",
]

_CONNECTION = "Connection"


CASCADE_NEEDED = (
    "give --cascade, which takes the memberships of the organizations below too, "
    "or --no-cascade, which does not"
)


class SortColumn(StrEnum):
    """What members can be sorted by."""

    USERNAME = "username"
    USER_DISPLAY_NAME = "user_display_name"
    EMAIL = "email"
    LOGIN_METHOD = "login_method"
    ROLE_NAME = "role_name"


class SortOrder(StrEnum):
    """Which way they are sorted."""

    ASC = "ASC"
    DESC = "DESC"


_GROUP = "The group, by id or name; when left out, the only one that the token sees."

GroupArgument = Annotated[str | None, typer.Argument(metavar="GROUP", help=_GROUP, show_default=False)]
GroupOption = Annotated[
    str | None, typer.Option("--group", "-g", metavar="GROUP", help=_GROUP, show_default=False)
]
_CHANGE = "Change"

Yes = Annotated[bool, typer.Option("--yes", "-y", rich_help_panel=_CHANGE, help="Do it without asking.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", rich_help_panel=_CHANGE, help="Say what would be done, and do nothing.")
]
Cascade = Annotated[
    bool | None,
    typer.Option(
        "--cascade/--no-cascade",
        rich_help_panel=_CHANGE,
        show_default=False,
        help="Whether the memberships of the organizations below go too. One of them must be given for removals.",
    ),
]
Me = Annotated[
    str | None,
    typer.Option(
        metavar="PERSON",
        rich_help_panel=_CHANGE,
        show_default=False,
        help="You, by email, username or user id: your membership is not changed then, unless --allow-self.",
    ),
]
Protect = Annotated[
    list[str] | None,
    typer.Option(
        "--protect",
        metavar="PERSON",
        rich_help_panel=_CHANGE,
        show_default=False,
        help="Somebody who must not be changed, by email, username or user id. Can be given several times.",
    ),
]
AdminRoles = Annotated[
    list[str] | None,
    typer.Option(
        "--admin-role",
        metavar="ROLE",
        rich_help_panel=_CHANGE,
        show_default=False,
        help="A role that counts as admin, by name or id; Group Admin unless given. Can be given several times.",
    ),
]
AllowSelf = Annotated[
    bool, typer.Option("--allow-self", rich_help_panel=_CHANGE, help="Permit changes of your own membership.")
]
AllowLastAdmin = Annotated[
    bool,
    typer.Option(
        "--allow-last-admin", rich_help_panel=_CHANGE, help="Permit that a group is left without an admin."
    ),
]
Concurrency = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=_CHANGE, help="How many changes are sent at once.")
]

PersonArgument = Annotated[
    str,
    typer.Argument(
        metavar="PERSON",
        help="The person, by email, username, user id or membership id, else by display name.",
    ),
]


def common_options(
    output: Annotated[
        Output | None,
        typer.Option(
            "--output",
            "-o",
            case_sensitive=False,
            show_default=False,
            help="The form of the output: a table on a terminal and jsonl in a pipe, unless given.",
        ),
    ] = None,
    fake: Annotated[
        bool,
        typer.Option(
            "--fake",
            rich_help_panel=_CONNECTION,
            help="Work on an example in memory: no account, no network. Changes are lost at the end.",
        ),
    ] = False,
    region: Annotated[
        str | None,
        typer.Option(rich_help_panel=_CONNECTION, metavar="NAME", help="The region, such as SNYK-EU-01."),
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_CONNECTION, metavar="URL", help="Where the API is, if not in a region."
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_CONNECTION, metavar="SECONDS", help="For one attempt; 30 unless given."
        ),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=_CONNECTION,
            metavar="SECONDS",
            help="For a whole call with its retries; 300 unless given.",
        ),
    ] = None,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            rich_help_panel=_CONNECTION,
            help="Log every call to stderr, and show where in the program an error came from.",
        ),
    ] = False,
) -> Options:
    """The options of every command."""
    return Options(output, fake, region, base_url, timeout, deadline, debug)
