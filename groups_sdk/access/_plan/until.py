"""When access ends: dates, moments and durations as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from groups_sdk.errors import InvalidArgumentError

__all__ = ["REMOVE", "after", "as_duration", "end_of", "moment_text", "shown_moment", "until_text"]

REMOVE = "remove"
"""What stands in `then` in place of a role."""

_LAST = datetime.max.replace(tzinfo=UTC)
_EARLIEST_YEAR = 2000  # 0026-12-31 is a typing error, and would take access away at once
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)? ?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)
_SPANS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PLAIN = re.compile(
    r"(?:\d{1,6} ?(?:m|min|minutes?|h|hours?|d|days?|w|weeks?)(?![a-z]) ?){1,5}", re.ASCII | re.IGNORECASE
)
_PART = re.compile(r"(\d+) ?([mhdw])", re.IGNORECASE)
_ISO = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII | re.IGNORECASE,
)


def end_of(value: Any) -> datetime:
    """The first moment, in UTC, at which access that lasts until `value` is over.

    `value` is a date, which is over at its end in UTC, or a moment with its offset from UTC: as text in ISO 8601, or as
    an object of Python. Raises `InvalidArgumentError` for anything else, and for a year before 2000.

    Example:
        assert end_of("2026-12-31") == datetime(2027, 1, 1, tzinfo=UTC)
    """
    moment = _read(value)
    if moment.year < _EARLIEST_YEAR:
        raise InvalidArgumentError(f"until is {_quoted(value)}, which is before the year {_EARLIEST_YEAR}")
    if not isinstance(moment, datetime):
        try:
            return datetime.combine(moment + timedelta(days=1), time(), UTC)
        except OverflowError:  # 9999-12-31
            return _LAST
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidArgumentError(
            f"until is {_quoted(value)}, which does not say its offset from UTC: write it as in "
            "2026-12-31T18:00:00+01:00, or 2026-12-31T17:00:00Z"
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return _LAST


def _read(value: Any) -> date:
    if isinstance(value, date):  # a datetime is one, too
        return value
    text = value.strip() if isinstance(value, str) else ""
    moment = _MOMENT.fullmatch(text)
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if moment:
            return datetime.fromisoformat(text.upper().replace(" ", "T", 1).replace(" ", ""))
    except ValueError:  # the 30th of February
        pass
    if _is_duration(text):
        raise InvalidArgumentError(
            f"until is the duration {text!r}, and nothing says when it begins: write the date or the moment at "
            "which the access ends, such as 2026-12-31 (elevate works it out for you)"
        )
    raise InvalidArgumentError(
        f"until is {_quoted(value)}: write a date such as 2026-12-31, which is over at its end in UTC, or a moment "
        "such as 2026-12-31T18:00:00+01:00; leave it empty for access that does not end"
    )


def until_text(value: Any) -> str:
    """What `end_of` takes as it is written into files: a date, or a moment in UTC. Raises what that raises."""
    end = end_of(value)
    given = _read(value)
    return moment_text(end) if isinstance(given, datetime) else given.isoformat()


def as_duration(value: str | timedelta, argument: str) -> timedelta:
    """A duration: a `timedelta`, or a text such as 4h, 30d, 90m, 2w, 1d12h, P30D or PT4H.

    Raises `InvalidArgumentError` for anything else, and when it is not longer than nothing.

    Example:
        assert as_duration("4h", "lasting") == timedelta(hours=4)
    """
    if isinstance(value, timedelta):
        found = value
    elif isinstance(value, str) and _is_duration(value.strip()):
        found = _duration(value.strip())
    else:
        raise InvalidArgumentError(
            f"{argument} must be a duration such as 4h, 30d, 90m, 2w or P30D (months and years differ in length: give "
            f"days); got {value!r}"
        )
    if found <= timedelta(0):
        raise InvalidArgumentError(f"{argument} must be longer than nothing; got {value!r}")
    return found


def after(moment: datetime, duration: timedelta) -> datetime:
    """The moment that is so much later; the last one that there is, if it is beyond the year 9999."""
    try:
        return moment + duration
    except OverflowError:
        return _LAST


def moment_text(moment: datetime) -> str:
    """A moment in UTC as it is written into files: 2026-12-31T17:00:00Z."""
    return moment.isoformat().replace("+00:00", "Z")


def shown_moment(moment: datetime) -> str:
    """A moment in UTC for people: 2026-12-31 17:00 UTC, with seconds where there are any."""
    seconds = ":%S" if moment.second else ""
    return f"{moment:%Y-%m-%d %H:%M{seconds}} UTC"


def _is_duration(text: str) -> bool:
    iso = _ISO.fullmatch(text)
    return bool(_PLAIN.fullmatch(text)) or bool(iso and any(iso.groups()))


def _duration(text: str) -> timedelta:
    iso = _ISO.fullmatch(text)
    if iso:
        return timedelta(**{name: int(number) for name, number in iso.groupdict(default="0").items()})
    return sum(
        (timedelta(**{_SPANS[unit.lower()]: int(number)}) for number, unit in _PART.findall(text)),
        timedelta(0),
    )


def _quoted(value: Any) -> str:
    if isinstance(value, str):
        return repr(value.strip())
    return repr(value.isoformat()) if isinstance(value, date) else f"of the type {type(value).__name__}"
