"""Answers as they came: headers without regard to case, moments in every form, the body as JSON."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import ApiResponse, Headers


def answered(content: bytes = b"", **headers: str) -> ApiResponse:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return ApiResponse(200, Headers(named), content, "getGroup")


def test_header_names_compare_without_regard_to_case() -> None:
    headers = Headers([("Content-Type", "text/plain")])
    assert headers["content-type"] == headers["CONTENT-TYPE"] == "text/plain"
    assert "Content-type" in headers
    assert headers.get("x") is None
    with pytest.raises(KeyError):
        headers["x"]
    assert (list(headers), len(headers), len(Headers())) == (["content-type"], 1, 0)
    assert repr(headers) == "Headers({'content-type': 'text/plain'})"


def test_a_header_that_came_several_times_is_one_value() -> None:
    headers = Headers([("via", "a"), ("x", "1"), ("Via", "b"), ("VIA", "c")])
    assert dict(headers) == {"via": "a, b, c", "x": "1"}


def test_headers_are_compared_by_value_and_read_only() -> None:
    headers = Headers([("A", "1")])
    assert headers == Headers([("a", "1")]) == pickle.loads(pickle.dumps(headers)) == copy.deepcopy(headers)
    assert headers != Headers([("a", "2")])
    with pytest.raises(TypeError):
        headers["a"] = "2"  # type: ignore[index] # which is the point


def test_what_snyk_says_about_an_answer() -> None:
    response = answered(
        snyk_request_id="r", snyk_version_requested="2025-11-05", snyk_version_served="2025-10-01",
        snyk_version_lifecycle_stage="ga",
    )  # fmt: skip
    assert response.request_id == "r"
    assert response.version_requested == "2025-11-05"
    assert response.version_served == "2025-10-01"
    assert response.lifecycle_stage == "ga"


def test_what_the_headers_do_not_say_is_none() -> None:
    response = answered()
    for name in (
        "request_id",
        "version_requested",
        "version_served",
        "lifecycle_stage",
        "deprecation",
        "sunset",
    ):
        assert getattr(response, name) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-01", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01T10:00:00Z", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("2027-01-01T10:00:00.5+02:00", datetime(2027, 1, 1, 10, 0, 0, 500_000, timezone(timedelta(hours=2)))),
        ("2027-01-01T10:00:00", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("Fri, 01 Jan 2027 10:00:00 GMT", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("Fri, 01 Jan 2027 10:00:00 -0000", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("@1798797600", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("@" + "9" * 20, None), ("@soon", None),
        ("", None), (" ", None), ("soon", None), ("true", None), ("2027-13-01", None),
        ("Fri, 01 Jan 99999999999999999999 10:00:00 GMT", None),
        ("Fri, 01 Jan 2027 10:00:00 +99999999999999999999", None),
    ],
)  # fmt: skip
def test_moments_are_read_in_every_form_and_are_aware(text: str, moment: datetime | None) -> None:
    response = answered(deprecation=text, sunset=text)
    assert response.deprecation == response.sunset == moment
    assert moment is None or (response.sunset is not None and response.sunset.tzinfo is not None)


@given(st.text(alphabet="0123456789 ,:+-.TZFriJanGMT@é", max_size=60))
def test_no_text_in_a_header_fails_the_reading_of_a_moment(text: str) -> None:
    moment = answered(sunset=text).sunset
    assert moment is None or moment.tzinfo is not None


def test_the_body_is_read_as_json() -> None:
    assert answered(b'{"data": [1, null, "\xc3\xa4"]}').json() == {"data": [1, None, "ä"]}
    assert answered(b"").json() is None


@pytest.mark.parametrize("content", [b"<html>", b"{", b" ", b"\xff\xfe\xfa", b"[" * 200_000])
def test_a_body_that_is_not_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        answered(content).json()


def test_a_response_shows_neither_headers_nor_body_in_its_repr_and_is_immutable_and_pickles() -> None:
    response = ApiResponse(201, Headers([("set-cookie", "hidden")]), b"private", "getGroup", 2, 0.5)
    assert repr(response) == "ApiResponse(status_code=201, operation='getGroup', attempts=2, elapsed=0.5)"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        response.status_code = 500  # type: ignore[misc] # which is the point
    assert attrs.asdict(pickle.loads(pickle.dumps(response)), recurse=False) == attrs.asdict(
        response, recurse=False
    )
