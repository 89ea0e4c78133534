"""The texts that settings are made of, each with the source that it comes from.

A text may be a secret, or contain one, so it is passed around as a `Setting`: neither an error nor a traceback with
locals shows it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import attrs

from groups_sdk.errors import ConfigurationError

__all__ = ["Environment", "Setting", "brief", "convert", "json_object", "secret_problem"]

_T = TypeVar("_T")

_VISIBLE = re.compile(r"[\x21-\x7e]+")


@attrs.frozen
class Setting:
    """The text of a setting, and the source that it comes from, such as `SNYK_TOKEN`."""

    source: str
    text: str = attrs.field(repr=False)


def convert(setting: Setting, conversion: Callable[[str], _T]) -> _T:
    """Convert the text. An error is raised again with the source's name, and without the frames that hold the text."""
    try:
        return conversion(setting.text)
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"{setting.source}: {problem}")


class Environment:
    """The environment variables. A blank variable counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> Setting | None:
        text = self._variables.get(name, "")
        return Setting(name, text) if text.strip() else None


def brief(value: object) -> str:
    """The value for an error message, unless it is long enough to be a token that was passed by mistake."""
    text = repr(value)
    return text if len(text) <= 20 else "this value"


def secret_problem(what: str, value: object) -> str | None:
    """What is wrong with a secret that is to be sent in a header, without showing it; None when it is valid."""
    if not isinstance(value, str):
        return f"{what} must be a string, not {type(value).__name__}"
    if not value.strip():
        return f"{what} is empty"
    if not _VISIBLE.fullmatch(value):
        return f"{what} contains a space, a line break or another character that is not allowed in a token"
    return None


def json_object(content: str | bytes) -> dict[str, object] | None:
    """The members of the JSON object that is written there; None when that is not one."""
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", document) if isinstance(document, dict) else None
