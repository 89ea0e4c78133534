"""Readers are strict about types, and a value that knows its path says where it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from support.resources import ANY_JSON, AT

from groups_sdk._jsonapi.values import (
    StructureError,
    ValueAtPath,
    count,
    date_time,
    flag,
    moment,
    optional,
    text,
)

READERS = [text, flag, count, date_time]


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        (text, "", ""), (text, "5", "5"), (flag, True, True), (flag, False, False), (count, 5, 5), (count, 0, 0),
        (count, 5.0, 5), (count, 2**63, 2**63), (count, -1, None), (count, 5.5, None), (count, -2.0, None),
        (moment, AT, date_time(AT)), (moment, 1716976254, None), (moment, {}, None), (moment, True, None),
    ],
)  # fmt: skip
def test_a_value_of_the_right_type_is_returned(
    reader: Callable[[Any], Any], value: Any, expected: Any
) -> None:
    for found in (reader(value), reader(ValueAtPath(value, "data"))):
        assert found == expected
        assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("reader", "value", "problem"),
    [
        (text, 5, "a string is wanted, and a number is there"),
        (text, True, "a string is wanted, and a boolean is there"),
        (text, ["x"], "a string is wanted, and a list is there"),
        (text, {"a": 1}, "a string is wanted, and an object is there"),
        (flag, 1, "true or false is wanted, and a number is there"),
        (flag, 0, "true or false is wanted, and a number is there"),
        (flag, "true", "true or false is wanted, and a string is there"),
        (count, True, "a whole number is wanted, and a boolean is there"),
        (count, "5", "a whole number is wanted, and a string is there"),
        (date_time, 1716976254, "a date and time is wanted, and a number is there"),
        (date_time, "yesterday", "it is no date and time such as 2024-05-29T09:50:54Z"),
        (moment, "yesterday", "it is no date and time such as 2024-05-29T09:50:54Z"),
    ],
)
def test_any_other_value_is_an_error(reader: Callable[[Any], Any], value: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        reader(value)
    with pytest.raises(StructureError) as caught:
        reader(ValueAtPath({"x": value}, "data[3]")["x"])
    assert (caught.value.path, caught.value.problem) == ("data[3].x", problem)


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_value_is_an_error_unless_it_is_optional(reader: Callable[[Any], Any]) -> None:
    assert optional(reader, None) is None
    assert optional(reader, ValueAtPath({"a": None}, "data").get("a")) is None
    with pytest.raises(TypeError, match="null is there"):
        reader(None)
    for value in ({}, {"a": None}, {"a": {}}, {"a": {"b": None}}):
        with pytest.raises(StructureError) as caught:
            reader(ValueAtPath(value, "data")["a"]["b"])
        assert (caught.value.path, caught.value.problem) == ("data.a.b", "it is missing, or null")


@pytest.mark.parametrize("value", [5, "x", [], False])
def test_only_objects_have_members(value: Any) -> None:
    inner = ValueAtPath({"a": value}, "data")["a"]
    for read in (inner.__getitem__, inner.get):
        with pytest.raises(StructureError, match="an object is wanted") as caught:
            read("b")
        assert caught.value.path == "data.a"


@given(value=ANY_JSON)
def test_no_error_shows_the_value(value: Any) -> None:
    secret = {"secret": value} if isinstance(value, dict | list) else f"secret {value}"
    for reader in (flag, count, date_time):
        with pytest.raises(StructureError) as caught:
            reader(ValueAtPath(secret, "data"))
        assert "secret" not in caught.value.problem


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-05-29T09:50:54.014Z", datetime(2024, 5, 29, 9, 50, 54, 14000, UTC)),
        ("2024-05-29T09:50:54Z", datetime(2024, 5, 29, 9, 50, 54, tzinfo=UTC)),
        ("2024-05-29t09:50:54z", datetime(2024, 5, 29, 9, 50, 54, tzinfo=UTC)),
        ("2024-05-29 09:50:54", datetime(2024, 5, 29, 9, 50, 54, tzinfo=UTC)),
        ("2024-05-29T09:50:54.1Z", datetime(2024, 5, 29, 9, 50, 54, 100000, UTC)),
        ("2024-05-29T09:50:54.123456789Z", datetime(2024, 5, 29, 9, 50, 54, 123456, UTC)),
        ("2024-05-29T09:50:54+02:00", datetime(2024, 5, 29, 7, 50, 54, tzinfo=UTC)),
        ("2024-05-29T09:50:54.014-0130", datetime(2024, 5, 29, 11, 20, 54, 14000, UTC)),
        ("2024-05-29", datetime(2024, 5, 29, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2016-12-31T18:59:60.5-05:00", datetime(2016, 12, 31, 23, 59, 59, 500000, UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59-01:00", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_times_are_in_utc(written: str, expected: datetime) -> None:
    found = date_time(written)
    assert found == expected
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "written",
    [
        "", "2024-05-", "2024-02-30", "2024-02-30T00:00:00Z", "2024-02-30T00:00:00.000Z", "2024-05-29T09:50:Z",
        "2024-05-29T25:00:00.000Z", "2024-05-29T09:50:61Z", "2024-W01-1T09:50:54Z",
        "2024-W22-3T09:50:54.014Z", "20240529T095054.1234567Z", "2024-05-29T09:50:54,014Z", "2024-05-29x09:50:54.014Z",
        "2024-05-29T09:50:54.\u0661\u0661\u0661Z", "2024-05-29T09:50:54.014Zx", " 2024-05-29T09:50:54Z",
        "2024-05-29T09:50:54.014+1:00", "2024-05-29T09:50:54.014Z\n",
    ],
)  # fmt: skip
def test_a_text_that_is_no_date_and_time(written: str) -> None:
    with pytest.raises(ValueError, match="no date and time such as 2024-05-29T09:50:54Z"):
        date_time(written)
