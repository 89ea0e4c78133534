"""Checks of the arguments of a call, before anything is sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Literal, TypeAlias, get_args
from urllib.parse import unquote

from groups_sdk._operations import Parameter
from groups_sdk._terminal import printable
from groups_sdk.errors import InvalidArgumentError

SortBy: TypeAlias = Literal["username", "user_display_name", "email", "login_method", "role_name"]
SortOrder: TypeAlias = Literal["ASC", "DESC"]
OnDecodeError: TypeAlias = Literal["raise", "skip"]

SORT_COLUMNS: tuple[SortBy, ...] = get_args(SortBy)
SORT_ORDERS: tuple[SortOrder, ...] = get_args(SortOrder)
ON_DECODE_ERROR: tuple[OnDecodeError, ...] = get_args(OnDecodeError)
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PATH = re.compile(r"(?:/(?:[A-Za-z0-9._~@:+,=-]|%[0-9A-Fa-f]{2})+)+")
_DECODED_AT_MOST = 3  # times
_SHOWN = 60


def uuid(name: str, value: str) -> str:
    """The value, when it is a UUID in the form 8-4-4-4-12."""
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise InvalidArgumentError(
            f"{name} must be a UUID such as '331ede0a-de94-456f-b788-166caeca58bf'; got {_shown(value)}"
        )
    return value


def limit(value: int) -> int:
    """The value, when it is a page size that the API accepts."""
    if type(value) is not int or not 10 <= value <= 100 or value % 10:
        raise InvalidArgumentError(f"limit must be one of 10, 20, ... 100; got {_shown(value)}")
    return value


def choice(name: str, value: str | None, allowed: Collection[str]) -> str | None:
    """The value, when it is None or one of the allowed values."""
    if value is not None and value not in allowed:
        raise InvalidArgumentError(f"{name} must be one of {', '.join(allowed)}; got {_shown(value)}")
    return value


def text(name: str, value: str | None) -> str | None:
    """The value, when it is None or a text that is not blank: a blank filter would match everything, or nothing."""
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise InvalidArgumentError(f"{name} must be a string that is not blank, or None; got {_shown(value)}")
    return value


def flag(name: str, value: bool | None) -> bool | None:
    """The value, when it is None, True or False."""
    if value is not None and not isinstance(value, bool):
        raise InvalidArgumentError(f"{name} must be True, False or None; got {_shown(value)}")
    return value


def on_decode_error(value: OnDecodeError) -> OnDecodeError:
    """The value, when it is "raise" or "skip"."""
    if value not in ON_DECODE_ERROR:
        raise InvalidArgumentError(f"on_decode_error must be raise or skip; got {_shown(value)}")
    return value


def cursors(starting_after: str | None, ending_before: str | None) -> None:
    """Check that at most one of the two cursors is given."""
    text("starting_after", starting_after)
    text("ending_before", ending_before)
    if starting_after is not None and ending_before is not None:
        raise InvalidArgumentError("give either starting_after or ending_before, not both")


def method(value: str) -> str:
    """The value, when it is a method that the API has."""
    if value is None:
        raise InvalidArgumentError(f"method must be one of {', '.join(METHODS)}; got None")
    choice("method", value, METHODS)
    return value


def path(value: str) -> str:
    """The value, when it is a path below the base URL, with no query and no way out such as `/../`.

    It must be one for every gateway on the way, however often that decodes it: `%252e%252e` may become `..`, and
    `%3F` the beginning of a query.
    """
    if not isinstance(value, str) or not _PATH.fullmatch(value) or not _leads_nowhere_else(value):
        raise InvalidArgumentError(
            "path must be relative to the base URL, such as '/groups/{id}', percent-encoded and without a query "
            f"(use params); got {_shown(value)}"
        )
    return value


def _leads_nowhere_else(encoded: str) -> bool:
    for _ in range(_DECODED_AT_MOST):
        try:
            decoded = unquote(encoded, errors="strict")
        except UnicodeDecodeError:
            return False
        # What some servers take for a dot or a slash.
        read = unicodedata.normalize("NFKC", decoded)
        if re.search(r"[\\;?#]", read) or printable(decoded) != decoded:
            return False
        if not {"", ".", ".."}.isdisjoint(segment.strip() for segment in read[1:].split("/")):
            return False
        if decoded == encoded:
            return True
        encoded = decoded
    return False


def params(value: Mapping[str, Parameter] | None) -> dict[str, Parameter]:
    """The parameters of a query, when each has a name, and is a string, a whole number, True, False or None."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidArgumentError(f"params must be a mapping, or None; got {_shown(value)}")
    checked: dict[str, Parameter] = {}
    for name, given in value.items():
        if not isinstance(name, str) or not name:
            raise InvalidArgumentError(
                f"the names in params must be strings that are not empty; got {_shown(name)}"
            )
        if given is not None and not isinstance(given, str | int):
            raise InvalidArgumentError(
                f"params[{_shown(name)}] must be a string, a whole number, True, False or None; got {_shown(given)}"
            )
        if (
            isinstance(given, int) and given.bit_length() > 64
        ):  # Python writes out no number of thousands of digits
            raise InvalidArgumentError(f"params[{_shown(name)}] must be a whole number of at most 64 bits")
        checked[name] = _plain(given)
    return checked


def _plain(value: Parameter) -> Parameter:
    """The value of a member of an enum, which as a text would be its name."""
    if isinstance(value, str):
        return str.__str__(value)
    return value if value is None or isinstance(value, bool) else int(value)


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
