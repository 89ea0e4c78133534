"""What the shell completes that only the API knows. It is quick, and silent when it fails."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import redirect_stderr
from io import StringIO
from time import monotonic
from typing import TYPE_CHECKING

from groups_sdk._terminal import printable

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    from groups_sdk.models import Group

__all__ = ["complete_group"]

_SECONDS = 3.0
# The shells put what is completed on the line as it stands: it must be one word, which no shell does anything with.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def complete_group(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The groups whose id or name begins like that: by name where that is one plain word, else by id."""
    from click.shell_completion import CompletionItem

    with redirect_stderr(StringIO()):  # nobody can be told anything while a line is typed
        try:
            groups = _groups(context)
        except Exception:
            return []
    return [
        CompletionItem(word, help=printable(about))
        for word, about in _words(groups)
        if word.lower().startswith(incomplete.lower())
    ]


def _groups(context: click.Context) -> list[Group]:
    from groups_sdk.cli._connection import Connection
    from groups_sdk.cli._parameters import COMMON, connection_options

    given = {parameter.name or "": context.params.get(parameter.name or "") for parameter in COMMON}
    given |= {"output": None, "timeout": _SECONDS, "deadline": _SECONDS, "debug": False}
    given["fake"] = bool(given["fake"])
    connection = Connection(connection_options(given))
    if connection.profile is not None and connection.profile.token_command:
        return []  # it may ask for a passphrase
    groups: list[Group] = []
    give_up = monotonic() + _SECONDS
    try:
        for page in connection.client.list_groups().pages():
            groups += page.items
            if monotonic() > give_up:
                break
    finally:
        connection.close()
    return groups


def _words(groups: Iterable[Group]) -> Iterable[tuple[str, str]]:
    names = [group.name for group in groups]
    for group in groups:
        name = group.name or ""
        if _WORD.fullmatch(name) and names.count(name) == 1:
            yield name, group.id
        if _WORD.fullmatch(group.id):
            yield group.id, name
