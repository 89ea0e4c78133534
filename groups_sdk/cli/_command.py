"""What every command has in common: help in sections, the options of the connection, and how it is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from groups_sdk.cli import _runner as runner
from groups_sdk.cli._catalog import COMMANDS
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._parameters import COMMON, Option, connection_options, resolve_group

__all__ = ["command", "local_command"]

Function = Callable[..., int]


class Command(click.Command):
    """A command whose help lists its options in sections, its own first, and ends with examples."""

    examples: Sequence[str] = ()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                sections["Arguments"].append((parameter.make_metavar(ctx), getattr(parameter, "about", "")))
                continue
            section = parameter.section if isinstance(parameter, Option) else "Options"
            sections.setdefault(section, []).extend(filter(None, [parameter.get_help_record(ctx)]))
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{' ' * formatter.current_indent}{example}\n")


def command(
    name: str, *parameters: click.Parameter, details: str = "", examples: Sequence[str] = ()
) -> Callable[[Function], click.Command]:
    """Make a command of a function that gets a `Connection` and the values of `parameters`.

    `details` follows the summary in the help, which ends with the `examples`: they work with --fake. The options of
    the connection come behind its own; one of its own takes the place of a common one of the same name.
    """
    entry = COMMANDS[name]
    own = {parameter.name for parameter in parameters}
    common = {parameter.name or "": parameter for parameter in COMMON if parameter.name not in own}

    def decorate(function: Function) -> click.Command:
        def invoke(**given: Any) -> int:
            options = connection_options({option: given.pop(option) for option in common})

            hosts: list[str] = []

            def work() -> int:
                if "group_argument" in given:
                    given["group"] = resolve_group(given.pop("group_argument"), given["group"])
                connection = Connection(options)
                try:
                    return function(connection, **given)
                finally:
                    hosts.append(connection.host)
                    connection.close()

            return runner.run(
                work,
                prog=_prog(),
                needs=entry.needs,
                host=lambda: "".join(hosts),
                debug=options.debug,
            )

        epilog = f"Needs the permission {entry.needs}." if entry.needs else None
        made = _made(name, invoke, [*parameters, *common.values()], details, epilog)
        made.examples = examples
        return made

    return decorate


def local_command(
    name: str, *parameters: click.Parameter, details: str = ""
) -> Callable[[Function], click.Command]:
    """Make a command of a function that needs no connection."""

    def decorate(function: Function) -> click.Command:
        def invoke(**given: Any) -> int:
            return runner.run(lambda: function(**given), prog=_prog(), needs="")

        return _made(name, invoke, parameters, details, None)

    return decorate


def _prog() -> str:
    return click.get_current_context().find_root().info_name or "groups-sdk"


def _made(
    name: str, invoke: Function, parameters: Sequence[click.Parameter], details: str, epilog: str | None
) -> Command:
    summary = COMMANDS[name].summary
    return Command(
        name,
        callback=invoke,
        params=list(parameters),
        help=f"{summary}\n\n{details}" if details else summary,
        short_help=summary,
        epilog=epilog,
    )
