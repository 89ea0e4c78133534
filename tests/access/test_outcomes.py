"""What errors say about the changes that met them, and about those that have not been begun."""

from __future__ import annotations

import pytest

from groups_sdk import (
    Action,
    ApiError,
    BadRequestError,
    ClientClosedError,
    ConflictError,
    ConnectionFailedError,
    DecodeError,
    ForbiddenError,
    GoneError,
    InterruptedChangeError,
    InvalidArgumentError,
    NotFoundError,
    Outcome,
    RateLimitedError,
    ServerError,
    TransportError,
    UnauthorizedError,
)
from groups_sdk.access._outcomes import Change, Refusals, fatal, status_of
from groups_sdk.errors import ErrorObject


def _of_the_token_request(*, earlier: bool) -> DecodeError:
    error = DecodeError("odd", operation="oauth2Token")
    error.maybe_applied = earlier
    return error


def api_error(cls: type[ApiError], status: int, code: str | None = None) -> ApiError:
    return cls(status_code=status, errors=(ErrorObject(code=code),))


@pytest.mark.parametrize(
    ("error", "status", "sent"),
    [
        (TransportError("reset", maybe_applied=True), "unknown", True),
        (TransportError("refused", maybe_applied=False), "failed", False),
        (ClientClosedError("closed", maybe_applied=True), "unknown", True),
        (ClientClosedError("closed", maybe_applied=False), "failed", False),
        (ServerError(status_code=500, maybe_applied=True), "unknown", True),
        (NotFoundError(status_code=404, maybe_applied=True), "unknown", True),
        (ConflictError(status_code=409), "failed", True),
        (DecodeError("odd", applied=True), "applied", True),
        (_of_the_token_request(earlier=True), "unknown", True),
        (_of_the_token_request(earlier=False), "failed", False),
        (InterruptedChangeError("stopped"), "unknown", True),
        (InvalidArgumentError("bad"), "failed", False),
        (ValueError("odd"), "failed", False),
    ],
)
def test_what_each_error_says_about_a_change(error: Exception, status: str, sent: bool) -> None:
    assert status_of(error) == (status, sent)


@pytest.mark.parametrize(
    "error",
    [
        api_error(UnauthorizedError, 401),
        api_error(GoneError, 410),
        api_error(RateLimitedError, 429),
        api_error(ServerError, 503, "SNYK-0099"),
    ],
)
def test_errors_that_everything_would_meet(error: ApiError) -> None:
    assert fatal(error) is error


@pytest.mark.parametrize(
    "error",
    [
        None,
        ValueError("no"),
        api_error(BadRequestError, 400),
        api_error(ForbiddenError, 403),
        api_error(NotFoundError, 404),
        api_error(ConflictError, 409),
        api_error(ServerError, 503, "SNYK-9999"),
        ConnectionFailedError("reset", maybe_applied=True),
    ],
)
def test_errors_that_stop_nothing_else(error: Exception | None) -> None:
    assert fatal(error) is None


def test_a_closed_client_says_of_the_rest_that_nothing_was_sent() -> None:
    reason = fatal(ClientClosedError("closed; it may have been applied", maybe_applied=True))
    assert isinstance(reason, ClientClosedError)
    assert (str(reason), reason.maybe_applied) == ("the client was closed; nothing was sent", False)


def test_a_403_is_about_one_kind_of_change_in_one_group() -> None:
    def change(action: Action, group: str) -> Change:
        return Change(action=action, group_id=group, membership_id="m")

    refusals = Refusals()
    first, second = api_error(ForbiddenError, 403), api_error(ForbiddenError, 403)
    refusals.note(change(Action.REMOVE, "aa"), api_error(NotFoundError, 404))
    assert refusals.refusal(change(Action.REMOVE, "aa")) is None
    refusals.note(change(Action.REMOVE, "aa"), first)
    refusals.note(change(Action.REMOVE, "AA"), second)
    assert refusals.refusal(change(Action.REMOVE, "AA")) is first
    assert refusals.refusal(change(Action.ADD, "aa")) is None
    assert refusals.refusal(change(Action.REMOVE, "bb")) is None


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"status": "applied", "sent": False}, "what was not sent cannot be applied"),
        ({"status": "unknown", "sent": False}, "what was not sent cannot be unknown"),
        ({"status": "failed"}, "what failed must have an error"),
    ],
)
def test_an_outcome_that_contradicts_itself_is_not_read(changed: dict[str, object], problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=problem):
        Outcome.from_dict({"change": {"action": "remove", "group_id": "g"}, **changed})
