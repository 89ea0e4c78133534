"""Errors say what happened, pickle whole, and stand in one tree."""

from __future__ import annotations

import inspect
import pickle
from datetime import UTC, datetime

import pytest

from groups_sdk import ApiResponse, ErrorObject, Headers, errors
from groups_sdk.errors import (
    ApiError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    InvalidArgumentError,
    PaginationError,
    RateLimitedError,
    api_error_class,
)

ENTRY = ErrorObject(status="404", code="C-1", detail="no such thing", parameter="group_id")
API = ApiError(
    status_code=404, errors=(ENTRY, ErrorObject(title="t")), request_id="r", method="GET", path="/x", body="b"
)
EXAMPLES: list[tuple[GroupsError, str]] = [
    (API, "GET /x: 404 C-1: no such thing (group_id); t [request id r]"),
    (ApiError(status_code=500), "500: no explanation in the answer"),
    (ApiError(status_code=400, method="GET", path="/y", errors=(ErrorObject(pointer="/a"),) * 5),
     "GET /y: 400: /a; /a; /a (and 2 more)"),
    (DecodeError("it is empty", path="data.id", operation="getGroup", request_id="r"),
     "getGroup: cannot understand the answer at data.id: it is empty [request id r]"),
    (DecodeError("odd"), "the API: cannot understand the answer: odd"),
    (DeadlineExceededError("late", sent=True, attempts=3, operation="getGroup"),
     "getGroup: late after 3 attempts; it may have been applied"),
    (DeadlineExceededError("late", sent=False), "request: late; it was not sent"),
    (PaginationError("round", cursor="v1.x"), "round"),
    (InvalidArgumentError("bad"), "bad"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_what_they_say_and_that_they_pickle_whole(error: GroupsError, text: str) -> None:
    error.add_note("a note")
    assert str(error) == text
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))


def test_members_are_those_of_the_first_entry() -> None:
    assert (API.code, API.detail, API.title) == ("C-1", "no such thing", None)
    error = api_error_class(429)(status_code=429)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after is None
    assert isinstance(InvalidArgumentError("x"), ValueError)


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequestError"), (401, "UnauthorizedError"), (403, "ForbiddenError"), (404, "NotFoundError"),
     (409, "ConflictError"), (410, "GoneError"), (429, "RateLimitedError"), (500, "ServerError"), (599, "ServerError"),
     (418, "ApiError"), (302, "ApiError")],
)  # fmt: skip
def test_each_status_has_its_class(status: int, name: str) -> None:
    assert api_error_class(status).__name__ == name


def test_the_tree_in_the_docstring_names_every_class() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, GroupsError)]
    assert len(classes) == 19
    assert all(cls.__name__ in (errors.__doc__ or "") for cls in classes)


def test_responses_tell_their_headers() -> None:
    headers = Headers([
        ("Snyk-Request-Id", "r"), ("snyk-version-requested", "2025-11-05"), ("snyk-version-served", "2025-10-01"),
        ("snyk-version-lifecycle-stage", "ga"), ("Deprecation", "2026-01-01T00:00:00Z"), ("sunset", "2027-01-01"),
        ("Via", "a"), ("via", "b"),
    ])  # fmt: skip
    response = ApiResponse(200, headers, b"", "getGroup")
    assert (response.request_id, response.version_requested, response.version_served) == (
        "r",
        "2025-11-05",
        "2025-10-01",
    )
    assert (response.lifecycle_stage, headers["VIA"], len(headers)) == ("ga", "a, b", 7)
    assert response.deprecation == datetime(2026, 1, 1, tzinfo=UTC)
    assert response.sunset == datetime(2027, 1, 1, tzinfo=UTC)
    assert response.json() is None
    assert "via" in repr(headers)
    assert "via" in list(headers)
    for text, moment in (
        (None, None),
        ("soon", None),
        ("Fri, 01 Jan 2027 00:00:00 GMT", datetime(2027, 1, 1, tzinfo=UTC)),
    ):
        other = ApiResponse(200, Headers([("sunset", text)] if text else []), b"{}", "x")
        assert other.sunset == moment
        assert other.json() == {}
