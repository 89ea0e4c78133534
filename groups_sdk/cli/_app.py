"""The whole command line: which commands there are, and what all of them have in common."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

import typer

from groups_sdk._terminal import printable
from groups_sdk._version import __version__
from groups_sdk.cli import _changing as changing
from groups_sdk.cli import _offboarding as offboarding
from groups_sdk.cli import _planning as planning
from groups_sdk.cli import _reading as reading
from groups_sdk.cli import _reviewing as reviewing
from groups_sdk.cli import _runner as runner
from groups_sdk.cli import _serving as serving
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, INTERRUPTED, SUMMARY, USAGE
from groups_sdk.cli._parameters import common_options

__all__ = ["app", "run"]

_HELP = """See who is in your Snyk groups, with what role, and change it safely.

The token comes from SNYK_OAUTH_TOKEN or SNYK_TOKEN, or from the Snyk CLI's configuration. \
It is deliberately no option: every user of a machine can read its command lines."""

# What click raises for wrong usage, or the copy of click that some releases of typer bring along: not importable by
# one name, but what the public class derives from.
_UsageError: type[Exception] = cast("type[Exception]", typer.BadParameter.__bases__[0])

app: typer.Typer = typer.Typer(
    help=_HELP,
    epilog=SUMMARY[0].upper() + SUMMARY[1:] + ".",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(argv: Sequence[str], prog: str) -> int:
    """Run a command and return its exit code."""
    main = typer.main.get_command(app).main
    try:
        code = main(list(argv) or ["--help"], prog_name=prog, standalone_mode=False)
    except _UsageError as error:
        usage: Any = error
        path = prog if usage.ctx is None else usage.ctx.command_path
        runner.complain(prog, f"{printable(usage.format_message())} (see {path} --help)")
        return USAGE
    except typer.Abort:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return code if isinstance(code, int) else DONE


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"groups_sdk {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What can stand before a command; its help is that of the whole."""


_COMMON = list(inspect.signature(common_options, eval_str=True).parameters.values())


def _add(command: Callable[..., int], name: str, panel: str, needs: str) -> None:
    """Make a function of a connection and more into a command that has the common options too."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

    def invoke(context: typer.Context, **given: Any) -> int:
        options = common_options(**{common.name: given.pop(common.name) for common in _COMMON})

        def work() -> int:
            connection = Connection(options)
            try:
                return command(connection, **given)
            finally:
                connection.close()

        prog = context.find_root().info_name or "groups-sdk"
        return runner.run(work, prog=prog, needs=needs, debug=options.debug)

    first = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [first, *own, *_COMMON]
    invoke.__signature__ = inspect.Signature(  # type: ignore[attr-defined] # typer reads it from there
        [parameter.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters]
    )
    invoke.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    invoke.__doc__ = command.__doc__
    epilog = f"The token's owner needs the permission {needs}." if needs else None
    app.command(name, rich_help_panel=panel, epilog=epilog)(invoke)


_LOOK, _CHANGE, _TRY = "Look", "Change", "Try"
_READ = "group.membership.read"

_add(reading.groups, "groups", _LOOK, "")
_add(reading.show, "show", _LOOK, "group.read")
_add(reading.members, "members", _LOOK, _READ)
_add(reading.members, "memberships", _LOOK, _READ)
_add(reading.find, "find", _LOOK, _READ)
_add(reading.roles, "roles", _LOOK, _READ)
_add(reading.orgs, "orgs", _LOOK, f"{_READ} and group.org.list")
_add(reading.sso, "sso", _LOOK, "group.sso.read, and group.user.read with --users")
_add(reviewing.review, "review", _LOOK, f"{_READ}, and group.org.list with --orgs")

_add(planning.export, "export", _LOOK, _READ)

_add(changing.set_role, "set-role", _CHANGE, f"{_READ} and group.membership.edit")
_add(changing.remove, "remove", _CHANGE, f"{_READ} and group.membership.delete")
_add(planning.plan, "plan", _CHANGE, f"group.read and {_READ}")
_add(
    planning.apply,
    "apply",
    _CHANGE,
    f"{_READ} and those of the changes: group.membership.add, .edit, .delete",
)
_add(planning.undo, "undo", _CHANGE, _READ)
_add(offboarding.offboard, "offboard", _CHANGE, f"{_READ}, group.org.list and group.membership.delete")

app.command("fake", rich_help_panel=_TRY)(serving.fake)
app.command("demo", rich_help_panel=_TRY)(serving.demo)
