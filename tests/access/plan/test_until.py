"""Dates, moments and durations as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from groups_sdk import InvalidArgumentError
from groups_sdk.access._plan.until import after, as_duration, end_of, moment_text, shown_moment

LAST = datetime.max.replace(tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "end"),
    [
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        (" 2028-02-28 ", datetime(2028, 2, 29, tzinfo=UTC)),
        ("2028-02-29", datetime(2028, 3, 1, tzinfo=UTC)),
        (date(2026, 11, 30), datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12-31T18:00:00+01:00", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("2026-12-31 18:00 +0100", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("2026-12-31t23:30:00.25-02:00", datetime(2027, 1, 1, 1, 30, 0, 250000, tzinfo=UTC)),
        ("2026-12-31T17:00Z", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("2026-12-31 17:00:01z", datetime(2026, 12, 31, 17, 0, 1, tzinfo=UTC)),
        (
            datetime(2026, 12, 31, 18, tzinfo=timezone(timedelta(hours=1))),
            datetime(2026, 12, 31, 17, tzinfo=UTC),
        ),
        # The hour that is there twice, when summer time ends.
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        ("9999-12-30", datetime(9999, 12, 31, tzinfo=UTC)),
        ("9999-12-31", LAST),
        ("9999-12-31T23:30:00-02:00", LAST),
    ],
)
def test_the_end_is_the_first_moment_after_it(value: Any, end: datetime) -> None:
    assert end_of(value) == end
    assert end_of(value).tzinfo is UTC


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2026-12-31T18:00:00", "does not say its offset from UTC"),
        (datetime(2026, 12, 31, 18), "'2026-12-31T18:00:00', which does not say its offset"),
        ("31.12.2026", "until is '31.12.2026': write a date such as 2026-12-31"),
        ("12/31/2026", "write a date"),
        ("20261231", "write a date"),
        ("2026-W53", "write a date"),
        ("2027-02-29", "until is '2027-02-29': write a date"),
        ("2026-12-31T25:00Z", "write a date"),
        ("2026-12-31T18:00+99:00", "write a date"),
        ("\u0662026-12-31", "write a date"),
        ("never", "leave it empty for access that does not end"),
        ("0026-12-31", "until is '0026-12-31', which is before the year 2000"),
        ("0001-01-01T00:00:00+02:00", "before the year 2000"),
        (46022, "until is of the type int: write a date"),
        (True, "of the type bool"),
        ("4h", "until is the duration '4h', and nothing says when it begins"),
        ("P30D", "the duration 'P30D'"),
    ],
)
def test_anything_else_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        end_of(value)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("4h", timedelta(hours=4)),
        (" 30D ", timedelta(days=30)),
        ("90 min", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("2 weeks", timedelta(weeks=2)),
        ("1d12h", timedelta(hours=36)),
        ("1 day 1 hour 5 minutes", timedelta(days=1, hours=1, minutes=5)),
        ("P30D", timedelta(days=30)),
        ("P2W", timedelta(weeks=2)),
        ("pt4h30m", timedelta(hours=4, minutes=30)),
        ("P1DT30S", timedelta(days=1, seconds=30)),
        (timedelta(seconds=1), timedelta(seconds=1)),
    ],
)
def test_durations(text: Any, span: timedelta) -> None:
    assert as_duration(text, "lasting") == span


@pytest.mark.parametrize(
    "value", ["", "P", "PT", "4", "4x", "P1M", "P1Y", "1.5h", "-4h", "4hours of it", "9999999d", 4, None]
)
def test_what_is_no_duration_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="lasting must be a duration such as 4h, 30d"):
        as_duration(value, "lasting")


@pytest.mark.parametrize("value", ["0h", "PT0S", timedelta(0), timedelta(hours=-1)])
def test_a_duration_is_longer_than_nothing(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="lasting must be longer than nothing"):
        as_duration(value, "lasting")


def test_moments_are_written_in_utc_and_read_back() -> None:
    moment = datetime(2026, 12, 31, 17, 0, 1, tzinfo=UTC)
    assert moment_text(moment) == "2026-12-31T17:00:01Z"
    assert end_of(moment_text(moment)) == moment
    assert end_of(moment_text(LAST)) == LAST
    assert shown_moment(moment) == "2026-12-31 17:00:01 UTC"
    assert shown_moment(datetime(2026, 12, 31, 17, tzinfo=UTC)) == "2026-12-31 17:00 UTC"
    assert after(moment, timedelta(hours=1)) == datetime(2026, 12, 31, 18, 0, 1, tzinfo=UTC)
    assert after(moment, timedelta(days=99999 * 30)) == LAST
