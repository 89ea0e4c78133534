"""The commands that need no extra: `demo`, and `memberships` as plain text."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
from collections.abc import Sequence

from groups_sdk import _arguments as arguments
from groups_sdk._client import AsyncGroupsClient
from groups_sdk._settings import resolve
from groups_sdk._version import __version__
from groups_sdk.cli import _runner as runner
from groups_sdk.cli._catalog import COMMANDS
from groups_sdk.cli._exit_codes import DONE, SUMMARY, USAGE, CommandError
from groups_sdk.cli._rate_limit import rate_limit
from groups_sdk.cli._stdio import complain
from groups_sdk.cli._text_table import MEMBERSHIP_COLUMNS, membership_row, table
from groups_sdk.models import GroupMembership

__all__ = ["run"]

_HERE = ("demo", "memberships")


def run(argv: Sequence[str], prog: str) -> int:
    """Run `demo` or `memberships`; say of every other command what it takes to have it.

    Raises `SystemExit` for `--help`, `--version` and wrong usage.
    """
    command = next((word for word in argv if not word.startswith("-")), None)
    if command in COMMANDS and command not in _HERE:
        complain(prog, f'"{command}" needs the extra "cli": python -m pip install "groups-sdk[cli]"')
        return USAGE
    parser = _parser(prog)
    options = parser.parse_args(argv)
    return runner.run(lambda: _run(parser, options), prog=prog, needs="group.membership.read")


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.command == "demo":
        from groups_sdk.cli import _demo as demo  # the fake service is of no use to the other commands

        demo.run()
    elif options.command == "memberships":
        if options.limit is not None and options.limit < 1:
            raise CommandError("--limit must be 1 or more")
        _print_memberships(asyncio.run(_fetch_memberships(options)))
    else:
        print(parser.format_help(), end="")  # print_help() would keep a broken pipe to itself
    return DONE


async def _fetch_memberships(options: argparse.Namespace) -> list[GroupMembership]:
    settings = resolve(snyk_cli_login=True)
    async with AsyncGroupsClient(
        settings.credentials,
        base_url=settings.base_url,
        rate_limit=rate_limit(None),
        user_agent="groups_sdk-cli",
    ) as client:
        return await client.list_memberships(
            options.group_id,
            email=options.email,
            role_name=options.role_name,
            sort_by=options.sort_by,
            sort_order=options.sort_order,
        ).collect(options.limit)


def _print_memberships(memberships: Sequence[GroupMembership]) -> None:
    """All of them or, after an error, none: a part of an access list is easily taken for the whole."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in table(MEMBERSHIP_COLUMNS, map(membership_row, memberships), width=width):
        print(line)
    print(f"\n{len(memberships)} membership{'' if len(memberships) == 1 else 's'}")


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="See who is in your Snyk groups, and with what role. With the extra, python -m pip install "
        f'"groups-sdk[cli]", there are more commands: {", ".join(name for name in COMMANDS if name not in _HERE)}.',
        epilog="exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in SUMMARY.items()),
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
    memberships.add_argument("--role-name", "--role", metavar="NAME", help="only those with this role")
    memberships.add_argument("--email", help="only the user with this email address")
    memberships.add_argument("--sort-by", choices=arguments.SORT_COLUMNS, help="the column to sort by")
    memberships.add_argument("--sort-order", choices=arguments.SORT_ORDERS, help="DESC unless given")
    memberships.add_argument("--limit", type=int, help="at most that many; all of them unless given")
    return parser
