"""What the shell completes that only the API knows. It is quick, and silent when it fails."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import redirect_stderr
from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

__all__ = ["complete_group"]

_SECONDS = 3.0


def complete_group(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The groups whose id or name begins like that, as names where one word will do."""
    from click.shell_completion import CompletionItem

    return [
        CompletionItem(word, help=about)
        for word, about in _words(context)
        if word.lower().startswith(incomplete.lower())
    ]


def _words(context: click.Context) -> Iterable[tuple[str, str]]:
    from groups_sdk.cli._connection import Connection
    from groups_sdk.cli._parameters import COMMON, connection_options

    given = {parameter.name: context.params.get(parameter.name or "") for parameter in COMMON}
    given |= {"output": None, "timeout": _SECONDS, "deadline": _SECONDS, "debug": False}
    given["fake"] = bool(given["fake"])
    try:
        with redirect_stderr(StringIO()):  # nobody can be told anything while a line is typed
            connection = Connection(connection_options({str(name): value for name, value in given.items()}))
            try:
                groups = connection.client.list_groups().collect()
            finally:
                connection.close()
    except Exception:
        return
    names = [group.name for group in groups]
    for group in groups:
        if group.name and names.count(group.name) == 1:
            yield group.name, group.id
        yield group.id, group.name or ""
