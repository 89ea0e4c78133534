"""The whole command line: the group of all commands, its help, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from groups_sdk._terminal import printable
from groups_sdk._version import __version__
from groups_sdk.cli._catalog import COMMANDS, SECTIONS
from groups_sdk.cli._exit_codes import DONE, FAILED, INTERRUPTED, SUMMARY, USAGE
from groups_sdk.cli._stdio import abandon_stdout, complain

__all__ = ["app", "run"]

_HELP = """See who is in your Snyk groups, with what role, and change it safely.

The token comes from SNYK_TOKEN, from the other variables that the Snyk CLI reads, or from the login of `snyk auth`;
`groups-sdk whoami` shows which one is used. There is no option for it, because every user of a machine can read its
command lines. Try any command with --fake: it works on an example in memory."""

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _App(click.Group):
    """Its commands are imported when they are run; the help of the whole needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(
            import_module(f"groups_sdk.cli._commands.{entry.module}"), entry.function
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            if not close or "did you mean" in error.message.lower():
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for section in SECTIONS:
            rows = [(name, entry.summary) for name, entry in COMMANDS.items() if entry.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in SUMMARY.items()])


app = _App(
    "groups-sdk",
    help=_HELP,
    context_settings=_CONTEXT,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=lambda ctx, _, wanted: _print_version(ctx) if wanted else None,
            help="Print the version.",
        )
    ],
)


def run(argv: Sequence[str], prog: str) -> int:
    """Run a command and return its exit code."""
    try:
        code = app.main(list(argv) or ["--help"], prog_name=prog, standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        path = prog if error.ctx is None else error.ctx.command_path
        complain(prog, f"{printable(' '.join(error.format_message().split()))} (see {path} --help)")
        return USAGE
    except OSError as error:  # --help or --version on a full disk
        abandon_stdout()
        complain(prog, printable(f"{error.strerror or error}"))
        return FAILED
    except click.Abort:  # an interrupt while the arguments are read
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return code if isinstance(code, int) else DONE


def _print_version(context: click.Context) -> None:
    print(f"groups_sdk {__version__}")
    context.exit()
