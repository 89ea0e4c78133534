"""The arguments and options that several commands have, each described once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from groups_sdk.cli._completing import complete_group
from groups_sdk.cli._connection import Options
from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._output import Output
from groups_sdk.cli._streams import STREAM

__all__ = [
    "ADMIN_ROLES",
    "ALLOW_LAST_ADMIN",
    "ALLOW_SELF",
    "CASCADE",
    "CASCADE_NEEDED",
    "COMMON",
    "CONCURRENCY",
    "DRY_RUN",
    "EXIT_CODE",
    "GROUP_ARGUMENT",
    "GROUP_OPTION",
    "ME",
    "PERSON_ARGUMENT",
    "PROTECT",
    "YES",
    "Argument",
    "Option",
    "connection_options",
    "existing_file",
    "new_file",
    "resolve_group",
]

CASCADE_NEEDED = (
    "choose --cascade (removes people from the organizations below the group too) or --no-cascade (does not)"
)

_CONNECTION = "Connection"
_CHANGE = "Change"
_REGIONS = ("SNYK-US-01", "SNYK-US-02", "SNYK-EU-01", "SNYK-AU-01", "SNYK-GOV-01")


class Option(click.Option):
    """An option that names its section in the help."""

    def __init__(self, *declarations: str, section: str = "Options", **settings: Any) -> None:
        super().__init__(declarations, **settings)
        self.section: str = section


class Argument(click.Argument):
    """An argument with a line in the help."""

    def __init__(self, name: str, about: str, **settings: Any) -> None:
        super().__init__([name], **settings)
        self.about: str = about


class _File(click.Path):
    """A path; `-` is one only where standard input or output can take its place."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "-" and not self.allow_dash:
            self.fail("must be the name of a file, not -", param, ctx)
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        return path.absolute() if path == STREAM and value != "-" else path  # ./-


def existing_file(*, dash: bool = False) -> click.Path:
    """A file to be read. `dash`: or `-`, which is standard input."""
    return _File(exists=True, dir_okay=False, path_type=Path, allow_dash=dash)


def new_file(*, dash: bool = False) -> click.Path:
    """A file to be written. `dash`: or `-`, which is standard output."""
    return _File(dir_okay=False, path_type=Path, allow_dash=dash)


_GROUP = "The group, by id or name. Default: the profile's group, SNYK_GROUP_ID, or the only group that you can see."

GROUP_OPTION = Option("--group", "-g", metavar="GROUP", shell_complete=complete_group, help=_GROUP)
GROUP_ARGUMENT = Argument(
    "group_argument",
    "The same as --group.",
    metavar="[GROUP]",
    required=False,
    shell_complete=complete_group,
)

PERSON_ARGUMENT = Argument(
    "person",
    "Email, username, user id or membership id; or else a display name.",
    metavar="PERSON",
)

YES = Option("--yes", "-y", is_flag=True, section=_CHANGE, help="Do not ask for confirmation.")
DRY_RUN = Option(
    "--dry-run", is_flag=True, section=_CHANGE, help="Only show what would be done. Nothing is changed."
)
CASCADE = Option(
    "--cascade/--no-cascade",
    default=None,
    section=_CHANGE,
    help="Whether removals also take people out of the organizations below the group. Removals need one of the two.",
)
ME = Option(
    "--me",
    metavar="PERSON",
    section=_CHANGE,
    help="You, by email, username or user id: your own membership is then not changed, unless --allow-self.",
)
PROTECT = Option(
    "--protect",
    metavar="PERSON",
    multiple=True,
    section=_CHANGE,
    help="Somebody who must not be changed, by email, username or user id. Repeatable.",
)
ADMIN_ROLES = Option(
    "--admin-role",
    "admin_roles",
    metavar="ROLE",
    multiple=True,
    section=_CHANGE,
    help="A role that counts as admin, by name or id. Repeatable. Default: Group Admin.",
)
ALLOW_SELF = Option(
    "--allow-self", is_flag=True, section=_CHANGE, help="Allow changes to your own membership."
)
ALLOW_LAST_ADMIN = Option(
    "--allow-last-admin", is_flag=True, section=_CHANGE, help="Allow a group to be left without an admin."
)
CONCURRENCY = Option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=10,
    metavar="N",
    help="How many requests run at the same time. Default: 10.",
)

EXIT_CODE = Option(
    "--exit-code",
    is_flag=True,
    help="Exit with code 5 when there are differences.",
)

COMMON: list[click.Parameter] = [
    Option(
        "--output",
        "-o",
        type=click.Choice([str(form) for form in Output], case_sensitive=False),
        help="Output format. Default: table on a terminal, jsonl otherwise.",
    ),
    Option(
        "--fake",
        is_flag=True,
        section=_CONNECTION,
        help="Work on an example in memory: no account, no network. Changes are lost at the end.",
    ),
    Option(
        "--profile",
        metavar="NAME",
        section=_CONNECTION,
        help="A profile of your profiles.toml: where the token is, region and default group. Default: "
        "SNYK_GROUPS_PROFILE.",
    ),
    Option(
        "--region",
        type=click.Choice(_REGIONS, case_sensitive=False),
        section=_CONNECTION,
        metavar="NAME",
        help="The region of your account, such as SNYK-EU-01.",
    ),
    Option(
        "--base-url",
        metavar="URL",
        section=_CONNECTION,
        help="The URL of the API, if it is not the API of a region.",
    ),
    Option(
        "--proxy",
        metavar="URL",
        section=_CONNECTION,
        help="The proxy to use. Default: HTTPS_PROXY and NO_PROXY. Keep passwords in those.",
    ),
    Option(
        "--ca-file",
        metavar="FILE",
        type=click.Path(exists=True, path_type=Path),
        section=_CONNECTION,
        help="CA certificates to trust: a PEM file or a folder. Default: SSL_CERT_FILE, else the built-in list.",
    ),
    Option(
        "--client-cert",
        metavar="FILE",
        type=existing_file(),
        section=_CONNECTION,
        help="Your client certificate, a PEM file.",
    ),
    Option(
        "--client-key",
        metavar="FILE",
        type=existing_file(),
        section=_CONNECTION,
        help="The key of --client-cert, if it is in another file.",
    ),
    Option(
        "--shared-limit",
        metavar="PLACE",
        section=_CONNECTION,
        help="Keep to one rate limit with all programs that name this file, or this Redis server (redis://HOST). "
        "Default: SNYK_GROUPS_SHARED_LIMIT, else a limit of its own.",
    ),
    Option(
        "--timeout",
        type=float,
        metavar="SECONDS",
        section=_CONNECTION,
        help="Time limit for one attempt. Default: 30.",
    ),
    Option(
        "--deadline",
        type=float,
        metavar="SECONDS",
        section=_CONNECTION,
        help="Time limit for one call including retries. Default: 300.",
    ),
    Option(
        "--debug",
        is_flag=True,
        section=_CONNECTION,
        help="Log every call to stderr, and show a traceback with an error.",
    ),
]


def connection_options(given: Mapping[str, Any]) -> Options:
    """The values of `COMMON`."""
    options: dict[str, Any] = dict(given)
    output = options.get("output")
    options["output"] = None if output is None else Output(output.lower())
    return Options(**options)


def resolve_group(argument: str | None, option: str | None) -> str | None:
    """The group that was given, as an argument or as an option. Raises `CommandError` when it is two."""
    if argument is not None and option is not None and argument != option:
        raise CommandError(f"two groups were given: {argument!r} and --group {option!r}")
    return argument if option is None else option
