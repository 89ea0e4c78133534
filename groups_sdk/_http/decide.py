"""What comes next after an attempt: an answer, an error, another attempt. Pure: nothing here waits or sends.

Errors are made here, once, with everything that is known by then.
"""

from __future__ import annotations

from copy import copy
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

import attrs

from groups_sdk._http.call_summary import Usage
from groups_sdk._http.retries import RetryPolicy, may_retry
from groups_sdk._jsonapi import decode_errors, is_error_document
from groups_sdk._operations import TOKEN_REQUEST, Operation
from groups_sdk._responses import ApiResponse
from groups_sdk._terminal import printable
from groups_sdk.errors import (
    ApiError,
    ClientClosedError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    TransportError,
    UnauthorizedError,
    api_error_class,
    without_denial,
)

_BODY_KEPT = 64 * 1024  # characters
_REDIRECTED = "Redirects are not followed: check the base URL, and any proxy on the way"
DEADLINE_ADVICE = "raise `deadline`, or try again later"


@attrs.define(kw_only=True)
class CallState:
    """A call, and what has become of it so far."""

    operation: Operation
    path: str = attrs.field(repr=False)
    started: float
    deadline: float | None = None  # seconds for the whole call
    renewable: bool = False  # whether a new access token can be had after a 401
    attempts: int = 0
    renewed: bool = False
    advice: str | None = None  # what the user can do, where no other access token is to be had
    maybe_applied: bool = False  # by an attempt that has ended
    last_error: GroupsError | None = None
    usage: Usage = attrs.field(
        default=attrs.Factory(lambda own: Usage(own.started), takes_self=True), repr=False, eq=False
    )


# What came of an attempt. Each says whether it may have been applied all the same; of reads that means nothing.


@attrs.frozen
class Answered:
    """An answer, whatever its status. `text` is the body of an error, `location` where a redirect points, redacted."""

    response: ApiResponse
    text: str = ""
    retry_after: float | None = None
    location: str = ""

    @property
    def maybe_applied(self) -> bool:
        return self.response.status_code == 408 or self.response.status_code >= 500


@attrs.frozen
class Failed:
    """No answer. `transient`: it may help to try again. `cause` is an exception that nobody expected."""

    error_class: type[TransportError]
    problem: str
    maybe_applied: bool
    transient: bool = False
    cause: Exception | None = None


@attrs.frozen
class Unreadable:
    """An answer of success whose body cannot be read."""

    maybe_applied: ClassVar[bool] = False  # it was applied
    problem: str
    request_id: str | None = None


@attrs.frozen
class NoAccessToken:
    """The request was not sent, since no access token could be had. `error` is that of the token request."""

    maybe_applied: ClassVar[bool] = False
    error: GroupsError


@attrs.frozen
class Closed:
    """The client, or the connections, were closed before there was an answer."""

    problem: str
    maybe_applied: bool = False


Attempt: TypeAlias = Answered | Failed | Unreadable | NoAccessToken | Closed


# What is to be done. `hold`: for so many seconds the API wants no request of this client's calls.


@attrs.frozen
class Done:
    response: ApiResponse
    hold: ClassVar[float] = 0.0


@attrs.frozen
class GiveUp:
    error: GroupsError
    hold: float = 0.0


@attrs.frozen
class Retry:
    """Try again after so many seconds. `asked`: because the API asked for a wait."""

    after: float
    error: GroupsError
    hold: float = 0.0
    asked: bool = False


@attrs.frozen
class Reauthenticate:
    """Try again at once with a new access token."""

    hold: ClassVar[float] = 0.0


Decision: TypeAlias = Done | GiveUp | Retry | Reauthenticate


def decide(
    call: CallState, attempt: Attempt, policy: RetryPolicy, *, time_left: float, fraction: float
) -> Decision:
    """What to do after this attempt, with `time_left` seconds to the deadline.

    `fraction` is a random number from 0 to 1, which spreads the retries of many callers.
    """
    retry_after, rate_limited = None, False
    if isinstance(attempt, Answered):
        status, retry_after = attempt.response.status_code, attempt.retry_after
        rate_limited = status == 429
        if 200 <= status < 300:
            return Done(attempt.response)
        if status == 401 and call.renewable and not call.renewed:
            return Reauthenticate()
    error = make_error(call, attempt)
    wait = policy.wait(call.attempts, retry_after, fraction) if _may_retry(call, attempt, error) else None
    hold = 0.0
    if rate_limited:
        hold = min(retry_after if retry_after is not None else wait or 0.0, policy.max_wait)
    if wait is None:
        if rate_limited or (retry_after or 0.0) > policy.max_wait:
            error = make_error(attrs.evolve(call, advice=_later_advice(retry_after, policy)), attempt)
        return GiveUp(error, hold)
    if wait > time_left:
        why = "" if retry_after is None else f"the API asked to wait {retry_after:.1f} s: "
        late = f"the next attempt, in {wait:.1f} s, would come after the deadline of {call.deadline:g} s"
        problem = f"{why}{late} ({DEADLINE_ADVICE})"
        attempted = Failed(DeadlineExceededError, problem, attempt.maybe_applied)
        return GiveUp(make_error(attrs.evolve(call, last_error=error), attempted), hold)
    return Retry(wait, error, hold, asked=rate_limited or retry_after is not None)


def _may_retry(call: CallState, attempt: Attempt, error: GroupsError) -> bool:
    idempotent = call.operation.idempotent
    match attempt:
        case Answered(response):
            code = error.code if isinstance(error, ApiError) else None
            return may_retry(idempotent=idempotent, sent=True, status_code=response.status_code, code=code)
        case Failed():
            return attempt.transient and may_retry(idempotent=idempotent, sent=attempt.maybe_applied)
        case _:
            return False


def make_error(call: CallState, attempt: Attempt) -> GroupsError:
    """The error of a call that ends with this attempt."""
    operation = call.operation
    maybe_applied = operation.writes and (call.maybe_applied or attempt.maybe_applied)
    match attempt:
        case Answered():
            return _api_error(call, attempt, maybe_applied)
        case Failed(error_class, problem):
            error = error_class(
                problem,
                maybe_applied=maybe_applied,
                attempts=call.attempts,
                operation=operation.name,
                method=operation.method,
            )
            error.__cause__ = attempt.cause
            if isinstance(error, DeadlineExceededError):
                error.__cause__ = call.last_error
            return error
        case Unreadable(problem, request_id):
            applied = operation.writes
            return DecodeError(problem, operation=operation.name, request_id=request_id, applied=applied)
        case NoAccessToken(refusal):
            return _token_error(refusal, call, maybe_applied)
        case _:  # Closed
            fate = "it may have been applied" if maybe_applied else "it was not applied"
            said = f"; {fate}" if operation.writes else ""
            return ClientClosedError(f"{attempt.problem}{said}", maybe_applied=maybe_applied)


def _api_error(call: CallState, attempt: Answered, maybe_applied: bool) -> ApiError:
    response, status = attempt.response, attempt.response.status_code
    content = attempt.text.encode()
    token_refused = call.operation is TOKEN_REQUEST and status in (400, 401, 403)
    return (UnauthorizedError if token_refused else api_error_class(status))(
        status_code=status,
        errors=decode_errors(content),
        request_id=response.request_id,
        method=call.operation.method,
        path=call.path,
        body=attempt.text[:_BODY_KEPT],
        attempts=response.attempts,
        maybe_applied=maybe_applied,
        from_api=is_error_document(content),
        retry_after=attempt.retry_after,
        advice=call.advice or _redirect_advice(status, attempt.location),
    )


def _later_advice(retry_after: float | None, policy: RetryPolicy) -> str:
    """What to do after a 429, or after any error that asks for a long wait, that is not tried again."""
    if retry_after is not None and retry_after > policy.max_wait:
        return (
            f"The API asked to wait {retry_after:g} s, longer than `max_wait` of the RetryPolicy "
            f"({policy.max_wait:g} s): try again after that time, or raise `max_wait`."
        )
    later = "later" if retry_after is None else f"in {retry_after:g} s"
    return f"Try again {later}, and send fewer requests at a time: lower `rate_limit` or `concurrency`."


def _redirect_advice(status: int, location: str) -> str | None:
    """Where a redirect points, by its host only: paths and queries may be secret."""
    if not 300 <= status < 400:
        return None
    try:
        url = urlsplit(location)
        host = url.netloc.rpartition("@")[2]
    except ValueError:
        return f"{_REDIRECTED}."
    if host:
        return f"{_REDIRECTED}. It points to {printable(f'{url.scheme}://{host}'.removeprefix(':'))}."
    return f"{_REDIRECTED}. It points to another path of the same host." if location else f"{_REDIRECTED}."


def _token_error(error: GroupsError, call: CallState, maybe_applied: bool) -> GroupsError:
    """The error of the token request, as the error of one of the calls that waited for the token."""
    if isinstance(error, TransportError):
        return type(error)(
            error.problem,
            maybe_applied=maybe_applied,
            attempts=call.attempts,
            operation=error.operation,
            method=call.operation.method,
        )
    error = copy(error)
    error.maybe_applied = maybe_applied
    if maybe_applied:  # by an earlier attempt: that nothing was sent is true of the token request only
        error.args = tuple(without_denial(arg) if isinstance(arg, str) else arg for arg in error.args)
    return error
