"""JSON values to Python values, strictly: no value is turned into one of another type.

The readers (`text`, `date_time`, ...) take a plain JSON value or a `ValueAtPath`. With a plain value that is wrong
they can only say what is wrong. A `ValueAtPath` knows its path in the document, so they also say where.

No error shows a value: it may be about a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

__all__ = [
    "StructureError",
    "ValueAtPath",
    "count",
    "date_time",
    "flag",
    "moment",
    "optional",
    "text",
    "type_problem",
]

T = TypeVar("T")

_from_iso_format = datetime.fromisoformat  # looking it up takes as long as calling it
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_LEAP_SECOND = ":60"
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class StructureError(Exception):
    """A value in a document is missing or wrong: `path` says which, `problem` why."""

    def __init__(self, path: str, problem: str) -> None:
        self.path: str = path
        self.problem: str = problem


class ValueAtPath:
    """A JSON value together with its path in the document. Its members are read like those of a dict.

    A member that is missing is a `ValueAtPath` of None, and so are the members of that: the reader which needs one of
    them raises the error, with the whole path. `get` returns the default for a member that is missing or null.
    """

    def __init__(self, value: Any, path: str) -> None:
        self.value: Any = value
        self.path: str = path

    def __getitem__(self, name: str) -> ValueAtPath:
        if self.value is None:
            return ValueAtPath(None, f"{self.path}.{name}")
        if type(self.value) is not dict:
            raise StructureError(self.path, type_problem("an object", self.value))
        return ValueAtPath(self.value.get(name), f"{self.path}.{name}")

    def get(self, name: str, default: Any = None) -> Any:
        member = self[name]
        return default if member.value is None else member

    def read(self, reader: Callable[[Any], T]) -> T:
        """What the reader makes of the plain value. Raises `StructureError`."""
        if self.value is None:
            raise StructureError(self.path, "it is missing, or null")
        try:
            return reader(self.value)
        except (TypeError, ValueError) as error:
            raise StructureError(self.path, str(error)) from None


def text(value: Any) -> str:
    """A string."""
    if type(value) is str:
        return value
    if type(value) is ValueAtPath:
        return value.read(text)
    raise TypeError(type_problem("a string", value))


def flag(value: Any) -> bool:
    """True or False, and neither 1 nor 0."""
    if type(value) is bool:
        return value
    if type(value) is ValueAtPath:
        return value.read(flag)
    raise TypeError(type_problem("true or false", value))


def count(value: Any) -> int | None:
    """A whole number, which may be written as 5.0: to the API, a count is any JSON number.

    None for a number that counts nothing, such as 2.5 or -1.
    """
    if type(value) is int:
        return value if value >= 0 else None
    if type(value) is ValueAtPath:
        return value.read(count)
    if type(value) is float:
        return int(value) if value.is_integer() and value >= 0 else None
    raise TypeError(type_problem("a whole number", value))


def date_time(value: Any) -> datetime:
    """A date and time, in UTC. A time without an offset is taken for UTC, and a date without a time for its midnight.

    A leap second is the second in front of it, and a time that in UTC is before the year 1 or after 9999 the first
    or the last that there is.
    """
    if type(value) is str:
        try:
            # 2024-05-29T09:50:54.014Z is what the API sends: that form is read without the regular expression, which
            # takes longer than all the rest.
            if value[4:20:3] == "--T::." and value[23:] == "Z":
                return _from_iso_format(value)
            if _DATE_TIME.fullmatch(value):
                return _in_utc(_from_iso_format(_without_leap_second(value.upper())))
        except ValueError:  # no such day or hour
            pass
        raise ValueError("it is no date and time such as 2024-05-29T09:50:54Z")
    if type(value) is ValueAtPath:
        return value.read(date_time)
    raise TypeError(type_problem("a date and time", value))


def _without_leap_second(value: str) -> str:
    return f"{value[:16]}:59{value[19:]}" if value[16:19] == _LEAP_SECOND else value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        return _EARLIEST if moment.year == 1 else _LATEST


def moment(value: Any) -> datetime | None:
    """A date and time that has a format and no type in the API's description: None for what is not a string."""
    if type(value) is ValueAtPath:
        return value.read(moment)
    return date_time(value) if type(value) is str else None


def optional(reader: Callable[[Any], T | None], value: Any) -> T | None:
    """What the reader makes of the value; None for None."""
    return None if value is None else reader(value)


def type_problem(wanted: str, value: Any) -> str:
    """The error message for a JSON value of the wrong type."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return f"{wanted} is wanted, and {names.get(type(value), 'a number')} is there"
