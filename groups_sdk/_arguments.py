"""Checks of a call's arguments. Whatever fails here has not been sent."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

from groups_sdk.errors import InvalidArgumentError

SORT_COLUMNS = ("username", "user_display_name", "email", "login_method", "role_name")
SORT_ORDERS = ("ASC", "DESC")
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~@:+,=-]|%[0-9A-Fa-f]{2})+)+")
_SHOWN = 60


def uuid(name: str, value: str) -> str:
    """A UUID in its 8-4-4-4-12 form."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise InvalidArgumentError(
            f"{name} must be a UUID such as '331ede0a-de94-456f-b788-166caeca58bf'; got {_shown(value)}"
        )
    return value


def limit(value: int) -> int:
    """A page size that the API takes."""
    if type(value) is not int or not 10 <= value <= 100 or value % 10:
        raise InvalidArgumentError(f"limit must be one of 10, 20, ... 100; got {_shown(value)}")
    return value


def choice(name: str, value: str | None, allowed: Collection[str]) -> str | None:
    """None, or one of the allowed values."""
    if value is not None and value not in allowed:
        raise InvalidArgumentError(f"{name} must be one of {', '.join(allowed)}; got {_shown(value)}")
    return value


def text(name: str, value: str | None) -> str | None:
    """None, or a text with something in it: an empty filter would quietly match everything, or nothing."""
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InvalidArgumentError(f"{name} must be a text that is not empty, or None; got {_shown(value)}")
    return value


def flag(name: str, value: bool | None) -> bool | None:
    """None, True or False."""
    if value is not None and not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} must be True, False or None; got {_shown(value)}")
    return value


def cursors(starting_after: str | None, ending_before: str | None) -> None:
    """At most one of the two cursors."""
    text("starting_after", starting_after)
    text("ending_before", ending_before)
    if starting_after is not None and ending_before is not None:
        raise InvalidArgumentError("give starting_after or ending_before, not both")


def path(value: str) -> str:
    """A path below the base URL, without a query: it can lead nowhere else."""
    if (
        not isinstance(value, str)
        or not _PATH.fullmatch(value)
        or not {".", ".."}.isdisjoint(re.split(r"[/\\]", unquote(value)))  # %2F may be decoded on the way too
    ):
        raise InvalidArgumentError(
            f"path must be like '/groups/{{id}}' below the base URL, percent-encoded, with the query in params; "
            f"got {_shown(value)}"
        )
    return value


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
