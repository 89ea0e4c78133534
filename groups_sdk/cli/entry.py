"""The commands of `python -m groups_sdk`, and the exit codes that scripts can go by.

0    done
1    anything that is not listed here
2    wrong usage or settings: nothing was sent
3    not authorised (401, 403)
4    not found (404)
130  interrupted
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import shutil
import sys
from collections.abc import Sequence

from groups_sdk import arguments
from groups_sdk._version import __version__
from groups_sdk.cli.plain import MEMBERSHIP_COLUMNS, membership_row, printable, table
from groups_sdk.client import AsyncGroupsClient
from groups_sdk.errors import (
    ConfigurationError,
    ForbiddenError,
    GroupsError,
    InvalidArgumentError,
    NotFoundError,
    UnauthorizedError,
)
from groups_sdk.models import GroupMembership

__all__ = ["main"]

PROG = "python -m groups_sdk"
INTERRUPTED = 130

# The first that fits: exit code, and what the user can do about it.
_OUTCOMES: tuple[tuple[tuple[type[GroupsError], ...], int, str], ...] = (
    ((ConfigurationError, InvalidArgumentError), 2, ""),
    ((UnauthorizedError,), 3, "Check the token, and that SNYK_API names the region that it belongs to."),
    ((ForbiddenError,), 3, "The token's owner needs the permission group.membership.read."),
    ((NotFoundError,), 4, "There is no such group in this region, or the token's owner may not see it."),
    ((GroupsError,), 1, ""),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. `argv` is `sys.argv[1:]` unless given.

    Raises `SystemExit` for `--help`, `--version` and wrong usage, as argparse does.

    Example:
        raise SystemExit(main(["demo"]))
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without Unicode must not end a listing half-way
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        code = _run(parser, options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has gone. What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except GroupsError as error:
        code, hint = next((code, hint) for kinds, code, hint in _OUTCOMES if isinstance(error, kinds))
        print(printable(f"{PROG}: error: {error} {hint}".rstrip()), file=sys.stderr)
    return code


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.command == "demo":
        from groups_sdk.cli import demo  # the fake service is of no use to the other commands

        demo.run()
    elif options.command == "memberships":
        _print_memberships(asyncio.run(_fetch_memberships(options)))
    else:
        print(parser.format_help(), end="")  # print_help() would keep a broken pipe to itself
    return 0


async def _fetch_memberships(options: argparse.Namespace) -> list[GroupMembership]:
    async with AsyncGroupsClient(user_agent="groups_sdk-cli") as client:
        return await client.list_memberships(
            options.group_id,
            email=options.email,
            role_name=options.role_name,
            sort_by=options.sort_by,
            sort_order=options.sort_order,
            limit=options.limit,
        ).collect()


def _print_memberships(memberships: Sequence[GroupMembership]) -> None:
    """All of them or, after an error, none: a part of an access list is easily taken for the whole."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(MEMBERSHIP_COLUMNS, map(membership_row, memberships), width=width):
        print(line)
    print(f"\n{len(memberships)} membership{'' if len(memberships) == 1 else 's'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="See who is in your Snyk groups, and with what role.",
        epilog="exit codes: 0 done, 2 wrong usage or settings, 3 not authorised, 4 not found, "
        "130 interrupted, 1 anything else",
    )
    parser.add_argument("--version", action="version", version=f"groups_sdk {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", title="commands")
    what = "show what the SDK does, on a Groups API in memory: no account, no network"
    commands.add_parser("demo", help=what, description=what)
    what = "print the memberships of a group as a table"
    memberships = commands.add_parser(
        "memberships",
        help=what,
        description=f"{what}. Token and region come from SNYK_TOKEN and SNYK_API, "
        "or from the Snyk CLI's configuration.",
    )
    memberships.add_argument("group_id", metavar="GROUP_ID", help="the id of the group, a UUID")
    memberships.add_argument("--role-name", metavar="NAME", help="only those with this role")
    memberships.add_argument("--email", help="only the user with this email address")
    memberships.add_argument("--sort-by", choices=arguments.SORT_COLUMNS, help="the column to sort by")
    memberships.add_argument("--sort-order", choices=arguments.SORT_ORDERS, help="DESC unless given")
    memberships.add_argument(
        "--limit",
        type=int,
        default=100,
        help="memberships per request, 10 to 100 in tens; all are listed all the same",
    )
    return parser
