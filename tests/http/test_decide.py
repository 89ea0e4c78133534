"""What comes next after an attempt, decided without any I/O."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import (
    ApiResponse,
    ClientClosedError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    Headers,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    TransportError,
    UnauthorizedError,
)
from groups_sdk._http.decide import (
    Answered,
    Attempt,
    CallState,
    Closed,
    Decision,
    Done,
    Failed,
    GiveUp,
    NoAccessToken,
    Reauthenticate,
    Retry,
    Unreadable,
    decide,
)
from groups_sdk._operations import (
    CREATE_MEMBERSHIP,
    DELETE_MEMBERSHIP,
    GET_GROUP,
    TOKEN_REQUEST,
    UPDATE_MEMBERSHIP,
    Operation,
)

READ, CHANGE, DELETE, CREATE = GET_GROUP, UPDATE_MEMBERSHIP, DELETE_MEMBERSHIP, CREATE_MEMBERSHIP
POLICY = RetryPolicy(max_attempts=3, backoff_base=1, backoff_cap=8, max_wait=60)


def call(operation: Operation = CHANGE, **changes: Any) -> CallState:
    state = CallState(operation=operation, path="/groups/1", started=0.0, deadline=300.0, attempts=1)
    return attrs.evolve(state, **changes)


def answered(status: int, retry_after: float | None = None, text: str = "") -> Answered:
    headers = Headers([("snyk-request-id", "req-1")])
    response = ApiResponse(status, headers, text.encode(), "an operation", attempts=2)
    return Answered(response, text, retry_after)


def failed(sent: bool, error: type[TransportError] = ConnectionFailedError, transient: bool = True) -> Failed:
    return Failed(error, "reset", sent, transient)


def decided(state: CallState, attempt: Attempt, *, time_left: float = 1e9, fraction: float = 0.5) -> Decision:
    return decide(state, attempt, POLICY, time_left=time_left, fraction=fraction)


def given_up(state: CallState, attempt: Attempt, **options: Any) -> Any:
    decision = decided(state, attempt, **options)
    assert isinstance(decision, GiveUp)
    return decision.error


@pytest.mark.parametrize("status", [200, 201, 204, 299])
@pytest.mark.parametrize("operation", [READ, CHANGE, DELETE, CREATE])
def test_a_success_is_done(operation: Operation, status: int) -> None:
    attempt = answered(status)
    assert decided(call(operation), attempt) == Done(attempt.response)


@pytest.mark.parametrize(
    ("operation", "earlier", "maybe_applied"),
    [(DELETE, True, True), (DELETE, False, False), (CHANGE, True, True), (READ, True, False)],
)
def test_a_404_tells_whether_an_earlier_attempt_may_have_been_applied(
    operation: Operation, earlier: bool, maybe_applied: bool
) -> None:
    error = given_up(call(operation, maybe_applied=earlier), answered(404))
    assert isinstance(error, NotFoundError)
    assert error.maybe_applied is maybe_applied


@pytest.mark.parametrize(
    ("renewable", "renewed", "decision"),
    [(True, False, Reauthenticate), (True, True, GiveUp), (False, False, GiveUp)],
)
def test_a_401_costs_the_access_token_once(renewable: bool, renewed: bool, decision: type[object]) -> None:
    state = call(renewable=renewable, renewed=renewed)
    assert isinstance(decided(state, answered(401)), decision)


@pytest.mark.parametrize(
    ("operation", "attempt", "again"),
    [
        (READ, answered(500), True),
        (CHANGE, answered(503), True),
        (CREATE, answered(503), False),
        (CREATE, answered(429), True),
        (CREATE, answered(408), False),
        (CHANGE, answered(409), False),
        (CHANGE, answered(501), False),
        (CHANGE, answered(503, text='{"errors": [{"status": "503", "code": "SNYK-0099"}]}'), False),
        (CHANGE, failed(sent=True), True),
        (CREATE, failed(sent=True), False),
        (CREATE, failed(sent=False), True),
        (READ, failed(sent=False, transient=False), False),
        (READ, Unreadable("it is too large"), False),
        (READ, NoAccessToken(ConnectionFailedError("refused", maybe_applied=True)), False),
        (READ, Closed("the client was closed"), False),
    ],
)
def test_what_is_retried(operation: Operation, attempt: Attempt, again: bool) -> None:
    assert isinstance(decided(call(operation), attempt), Retry if again else GiveUp)
    assert isinstance(decided(call(operation, attempts=3), attempt), GiveUp), "the last attempt"


def test_the_wait_is_the_policys_or_the_one_that_the_api_asks_for() -> None:
    assert decided(call(), failed(sent=True), fraction=0.5).after == 0.5  # type: ignore[union-attr]
    assert decided(call(), answered(503, retry_after=7), fraction=0.0).after == 7  # type: ignore[union-attr]
    assert isinstance(decided(call(), answered(503, retry_after=61)), GiveUp)


@pytest.mark.parametrize(
    ("attempt", "fraction", "hold"),
    [
        (answered(429, retry_after=7), 0.5, 7.0),
        (answered(429, retry_after=0), 0.5, 0.0),
        (answered(429), 0.5, 0.5),
        (answered(429, retry_after=600), 0.5, 60.0),
        (answered(503, retry_after=7), 0.5, 0.0),
        (answered(200), 0.5, 0.0),
    ],
)
def test_a_429_holds_the_other_calls_of_the_client_too(
    attempt: Attempt, fraction: float, hold: float
) -> None:
    assert decided(call(), attempt, fraction=fraction).hold == hold


def test_a_429_to_the_last_attempt_holds_no_longer_than_the_api_asks_for() -> None:
    assert decided(call(attempts=3), answered(429)).hold == 0.0
    assert decided(call(attempts=3), answered(429, retry_after=5)).hold == 5.0


def test_an_attempt_that_would_come_after_the_deadline_is_not_waited_for() -> None:
    error = given_up(call(attempts=2), answered(503, retry_after=7), time_left=6.9)
    assert isinstance(error, DeadlineExceededError)
    assert isinstance(error.__cause__, ServerError)
    assert (error.maybe_applied, error.attempts, error.operation) == (True, 2, CHANGE.name)
    assert "the next attempt, in 7.5 s, would come after the deadline of 300 s" in str(error)


def test_a_deadline_within_an_attempt_has_the_failure_before_it_as_its_cause() -> None:
    before = ConnectionFailedError("reset", maybe_applied=False)
    error = given_up(call(last_error=before), failed(False, DeadlineExceededError, transient=False))
    assert error.__cause__ is before


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    ("operation", "attempt", "error", "maybe_applied"),
    [
        (CREATE, answered(503), ServerError, True),
        (CREATE, answered(408), GroupsError, True),
        (CREATE, answered(409), ConflictError, False),
        (CREATE, failed(sent=True), ConnectionFailedError, True),
        (CHANGE, failed(sent=False, transient=False), ConnectionFailedError, False),
        (CREATE, failed(True, RequestTimeoutError), RequestTimeoutError, True),
        (CHANGE, Closed("the client was closed", maybe_applied=True), ClientClosedError, True),
        (CHANGE, Closed("the client was closed"), ClientClosedError, False),
        (
            CHANGE,
            NoAccessToken(ConnectionFailedError("refused", maybe_applied=True)),
            ConnectionFailedError,
            False,
        ),
        (CHANGE, NoAccessToken(DecodeError("no", operation="oauth2Token")), DecodeError, False),
        (CHANGE, NoAccessToken(ServerError(status_code=500, maybe_applied=True)), ServerError, False),
        (CHANGE, NoAccessToken(ClientClosedError("closed", maybe_applied=True)), ClientClosedError, False),
        (CHANGE, NoAccessToken(GroupsError("other")), GroupsError, False),
    ],
)
def test_an_error_says_whether_this_attempt_or_an_earlier_one_may_have_been_applied(
    operation: Operation,
    attempt: Attempt,
    error: type[GroupsError],
    maybe_applied: bool,
    earlier: bool,
) -> None:
    raised = given_up(call(operation, maybe_applied=earlier), attempt)
    assert isinstance(raised, error)
    assert raised.maybe_applied is (maybe_applied or earlier)


@pytest.mark.parametrize("operation", [READ, TOKEN_REQUEST])
@pytest.mark.parametrize(
    "attempt",
    [
        answered(503),
        answered(404),
        failed(sent=True, transient=False),
        Unreadable("it is too large"),
        Closed("the client was closed", maybe_applied=True),
        NoAccessToken(ConnectionFailedError("refused", maybe_applied=True)),
        NoAccessToken(DecodeError("odd", applied=True)),
    ],
)
def test_a_read_is_never_applied(operation: Operation, attempt: Attempt) -> None:
    error = given_up(call(operation, maybe_applied=True, attempts=3), attempt)
    assert not error.maybe_applied
    if operation is READ:
        assert "applied" not in str(error)


def test_an_answer_to_a_write_that_cannot_be_read_says_that_it_was_applied() -> None:
    error = given_up(call(CHANGE), Unreadable("it is too large", "req-1"))
    assert (error.applied, error.maybe_applied) == (True, True)


def test_a_token_error_denies_nothing_of_a_call_that_may_have_been_applied() -> None:
    closed = ClientClosedError("the program is ending; nothing was sent", maybe_applied=False)
    fresh, tried = (given_up(call(maybe_applied=before), NoAccessToken(closed)) for before in (False, True))
    assert (str(fresh), fresh.maybe_applied) == ("the program is ending; nothing was sent", False)
    assert (str(tried), tried.maybe_applied) == ("the program is ending", True)
    assert str(closed) == str(fresh)


def test_each_call_that_waited_for_an_access_token_gets_an_error_of_its_own() -> None:
    refused = ConnectionFailedError("refused", maybe_applied=True, attempts=4, operation=TOKEN_REQUEST.name)
    one, other = (given_up(call(attempts=n), NoAccessToken(refused)) for n in (1, 2))
    assert one is not other
    assert (one.maybe_applied, one.attempts, one.operation) == (False, 1, "oauth2Token")
    assert (other.attempts, refused.maybe_applied, refused.attempts) == (2, True, 4)


@pytest.mark.parametrize(
    ("attempts", "attempt", "advice"),
    [
        (1, answered(429, 600), "The API asked to wait 600 s, longer than `max_wait` of the RetryPolicy (60 s): "
                                "try again after that time, or raise `max_wait`."),
        (1, answered(503, 61), "The API asked to wait 61 s, longer than `max_wait` of the RetryPolicy (60 s): "
                               "try again after that time, or raise `max_wait`."),
        (3, answered(429, 5), "Try again in 5 s, and send fewer requests at a time: "
                              "lower `rate_limit` or `concurrency`."),
        (3, answered(429), "Try again later, and send fewer requests at a time: lower `rate_limit` or `concurrency`."),
        (3, answered(503, 5), None),
        (1, answered(404), None),
    ],
)  # fmt: skip
def test_an_error_that_asks_for_a_wait_says_what_to_do(
    attempts: int, attempt: Attempt, advice: str | None
) -> None:
    error = given_up(call(attempts=attempts), attempt)
    assert error.advice == advice
    assert str(error).endswith(advice or "[request id req-1]")
    assert error.args == (str(error),)


def test_a_deadline_says_that_the_api_asked_for_the_wait_and_what_to_do() -> None:
    error = given_up(call(READ, attempts=2), answered(429, retry_after=30), time_left=20)
    assert str(error) == (
        "getGroup: the API asked to wait 30.0 s: the next attempt, in 30.5 s, would come after the deadline of 300 s "
        "(raise `deadline`, or try again later) after 2 attempts"
    )
    own = given_up(call(READ, attempts=2), failed(sent=True), time_left=0.1)
    assert own.problem.startswith("the next attempt, in ")


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (
            "https://user:secret@login.example:8443/path?token=secret",
            " It points to https://login.example:8443.",
        ),
        ("//[2001:db8::1]/secret", " It points to //[2001:db8::1]."),
        ("https://\x1bm.example/secret", " It points to https://\\x1bm.example."),
        ("/rest/secret", " It points to another path of the same host."),
        ("http://[secret", ""),
        ("", ""),
    ],
)
def test_a_redirect_says_which_host_it_points_to_and_no_more(location: str, said: str) -> None:
    for status in (301, 302, 307, 308):
        error = given_up(call(), attrs.evolve(answered(status), location=location))
        text = f"Redirects are not followed: check the base URL, and any proxy on the way.{said}"
        assert error.advice == text
        assert str(error).endswith(text)
        assert "secret" not in str(error)


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_token_request_says_that_the_credentials_are_not_authorised(status: int) -> None:
    assert isinstance(given_up(call(TOKEN_REQUEST), answered(status)), UnauthorizedError)


def test_an_error_has_what_the_answer_says() -> None:
    text = '{"errors": [{"status": "429", "code": "SNYK-0001", "detail": "slow down"}]}'
    error = given_up(call(attempts=3), answered(429, 9, text))
    assert isinstance(error, RateLimitedError)
    assert (error.retry_after, error.code, error.detail) == (9, "SNYK-0001", "slow down")
    assert (error.method, error.path, error.request_id, error.attempts) == ("PATCH", "/groups/1", "req-1", 2)
    assert error.body == text


ATTEMPTS: Any = st.one_of(
    st.builds(answered, st.integers(200, 599), st.none() | st.floats(0, 1e4)),
    st.builds(
        failed, st.booleans(), st.sampled_from([ConnectionFailedError, RequestTimeoutError]), st.booleans()
    ),
    st.builds(Unreadable, st.just("it is too large")),
    st.builds(Closed, st.just("the client was closed"), st.booleans()),
)


@given(
    operation=st.sampled_from([READ, CHANGE, DELETE, CREATE]),
    attempt=ATTEMPTS,
    attempts=st.integers(1, 4),
    maybe_applied=st.booleans(),
    time_left=st.floats(0, 1e3),
    fraction=st.floats(0, 1),
)
def test_whatever_happens(
    operation: Operation,
    attempt: Attempt,
    attempts: int,
    maybe_applied: bool,
    time_left: float,
    fraction: float,
) -> None:
    state = call(operation, attempts=attempts, maybe_applied=maybe_applied)
    decision = decided(state, attempt, time_left=time_left, fraction=fraction)
    if isinstance(decision, Retry):
        assert attempts < POLICY.max_attempts
        assert 0 <= decision.after <= time_left
        assert operation.idempotent or not attempt.maybe_applied, "a creation that may have happened is final"
    if isinstance(decision, GiveUp) and isinstance(decision.error, TransportError | ClientClosedError):
        said = operation.writes and (maybe_applied or attempt.maybe_applied)
        assert decision.error.maybe_applied is said
    assert state == call(operation, attempts=attempts, maybe_applied=maybe_applied), "nothing is changed"
