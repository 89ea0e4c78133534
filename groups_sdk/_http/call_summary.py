"""What `on_call` is told of a call that has ended, and the stopwatch and counters that this is made from."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import anyio
import attrs

from groups_sdk._operations import Operation
from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse
from groups_sdk._terminal import printable
from groups_sdk.errors import ApiError

__all__ = ["CallSummary", "OnCall", "Usage", "describe_error", "summarize"]

_ID_SHOWN = 100  # characters of a request id, which whatever answers may choose

Phase: TypeAlias = Literal["access_token", "connection", "rate_limit", "exchange", "retry"]


class Usage:
    """What a call has used so far: seconds, bytes, retries."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.retry_reasons: list[str] = []
        self.bytes_sent: int = 0
        self.bytes_received: int = 0
        self._seconds: dict[Phase, float] = {}
        self._phase: Phase = "exchange"
        self._since = started

    def begin(self, phase: Phase) -> None:
        """Another phase begins, and with it the one before ends, however it does."""
        now = anyio.current_time()
        self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now

    def seconds(self, phase: Phase) -> float:
        """The seconds that were spent in a phase, not counting the one that lasts."""
        return self._seconds.get(phase, 0.0)

    def finish(self) -> float:
        """The call has ended. Returns the seconds that it took."""
        self.begin("exchange")
        return self._since - self.started


@attrs.frozen(kw_only=True)
class CallSummary:
    """What `on_call` is told of every call that has ended: material for metrics.

    `operation` is the API operation, such as "listGroupMemberships" or, for `client.request`, "GET /orgs/{id}"; `path`
    has placeholders in place of ids. A listing makes one call for each page. A request for an access token is a call of
    its own, with the operation "oauth2Token".

    `outcome` is "success", "error", or "cancelled" when the caller did not wait for the end. `status_code` is the HTTP
    status of the answer that counted, and None when there was none. `error` is the exception that ended the call, and
    `error_type` the name of its class: a label with few values, unlike the error's text; both are None otherwise. All
    of it is about the exchange with the API: an answer that came, but cannot be decoded, is a success here, and the 404
    of a repeated DELETE an error, whatever the client's method makes of it.

    `attempts` counts the attempts that were begun. `retry_reasons` says why there was another one, each time: the
    status as text, or the name of the error's class where there was no answer.

    `duration` is the time of the whole call in seconds. Parts of it were spent waiting: `rate_limit_wait` for the rate
    limit or the end of a pause after a 429, `connection_wait` for one of `max_connections`, `retry_wait` before other
    attempts, `access_token_wait` for an access token. `bytes_sent` and `bytes_received` count the bodies of all
    attempts, as they were on the wire. `request_id` is the id that Snyk support asks for, and `api_version` the version
    asked for.

    Example:
        def count(call: CallSummary) -> None:
            print(call.operation, call.outcome, call.status_code, f"{call.duration:.3f} s", call.retry_reasons)

        client = GroupsClient(on_call=count)
    """

    operation: str
    method: str
    path: str
    outcome: Literal["success", "error", "cancelled"]
    status_code: int | None
    error: Exception | None = attrs.field(repr=False)
    attempts: int
    retry_reasons: tuple[str, ...]
    duration: float
    rate_limit_wait: float
    connection_wait: float
    retry_wait: float
    access_token_wait: float
    bytes_sent: int
    bytes_received: int
    request_id: str | None
    api_version: str

    @property
    def error_type(self) -> str | None:
        """The name of the error's class, such as "NotFoundError"; None when there was no error."""
        return None if self.error is None else type(self.error).__name__


OnCall: TypeAlias = Callable[[CallSummary], object]


def summarize(
    operation: Operation,
    attempts: int,
    usage: Usage,
    api_version: str,
    outcome: ApiResponse | BaseException,
) -> CallSummary:
    """The summary of a call that ends with this outcome. What is no `Exception` cancelled it."""
    duration = usage.finish()
    request_id: str | None = getattr(outcome, "request_id", None)
    kind: Literal["success", "error", "cancelled"] = "cancelled"
    if isinstance(outcome, ApiResponse):
        kind = "success"
    elif isinstance(outcome, Exception):
        kind = "error"
    return CallSummary(
        operation=operation.name,
        method=operation.method,
        path=operation.path,
        outcome=kind,
        status_code=outcome.status_code if isinstance(outcome, ApiResponse | ApiError) else None,
        error=outcome if isinstance(outcome, Exception) else None,
        attempts=attempts,
        retry_reasons=tuple(usage.retry_reasons),
        duration=duration,
        rate_limit_wait=usage.seconds("rate_limit"),
        connection_wait=usage.seconds("connection"),
        retry_wait=usage.seconds("retry"),
        access_token_wait=usage.seconds("access_token"),
        bytes_sent=usage.bytes_sent,
        bytes_received=usage.bytes_received,
        request_id=None if request_id is None else printable(request_id, _ID_SHOWN),
        api_version=api_version,
    )


def describe_error(error: BaseException) -> str:
    """The status as text, or the name of the error's class where there was no answer."""
    return str(error.status_code) if isinstance(error, ApiError) else type(error).__name__


set_module("groups_sdk", globals(), ["CallSummary"])
