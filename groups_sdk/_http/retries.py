"""How failures are retried: the policy, what may be sent again, and the waits that the API asks for."""

import math
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from groups_sdk._hooks import check_hook
from groups_sdk._public import set_module
from groups_sdk._responses import parse_http_date
from groups_sdk.errors import PLANNED_MAINTENANCE, ConfigurationError, GroupsError

__all__ = ["NO_RETRIES", "RetryEvent", "RetryPolicy", "may_retry", "requested_wait"]

_LARGEST = sys.float_info.max
_NOT_TRANSIENT = {501, 505, 511}
_EPOCH_FROM = 1_000_000_000.0  # a reset value this large is a point in time, not a number of seconds


@attrs.frozen
class RetryEvent:
    """What `on_retry` is told before each wait: which call failed how, and how many seconds until the next try."""

    operation: str
    method: str
    path: str
    attempt: int
    wait: float
    error: GroupsError


def _number(least: float) -> Callable[[object, "attrs.Attribute[Any]", Any], None]:
    def check(_: object, attribute: "attrs.Attribute[Any]", value: Any) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= _LARGEST:
            raise ConfigurationError(
                f"{attribute.name} must be a finite number of at least {least:g}; got {value!r}"
            )

    return check


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How failures that may be temporary are retried.

    `max_attempts` counts the first request too: 1 switches retries off. Unless the server says how long to wait, the
    wait before retry n is a random time between 0 and `backoff_base * 2**(n-1)` seconds, at most `backoff_cap`. A
    wait that the server asks for is kept, plus up to `backoff_base` seconds; when it is longer than `max_wait`
    seconds, the error is raised at once. `on_retry` is called with a `RetryEvent` before each wait.

    Where the server names the moment to wait for, its own clock counts, as the `Date` header of the answer shows it:
    it does not matter what time this machine takes it to be. Only without that header this machine's clock counts.
    A moment that is past by it is ignored, and one that is far away is not waited for, because of `max_wait`.

    Raises `ConfigurationError` for numbers that are not valid.

    Example:
        policy = RetryPolicy(max_attempts=6, on_retry=lambda event: print(event.operation, event.wait))
    """

    max_attempts: int = attrs.field(default=4, validator=_number(1))
    backoff_base: float = attrs.field(default=0.5, validator=_number(0))
    backoff_cap: float = attrs.field(default=20.0, validator=_number(0))
    max_wait: float = attrs.field(default=120.0, validator=_number(0))
    on_retry: Callable[[RetryEvent], object] | None = attrs.field(
        default=None,
        validator=lambda _, attribute, hook: check_hook(attribute.name, hook, ConfigurationError),
    )

    def wait(self, attempt: int, retry_after: float | None, fraction: float) -> float | None:
        """Seconds to wait after attempt number `attempt`; None when there is to be no other.

        `retry_after` is the wait that the server asked for, `fraction` a random number from 0 to 1.
        """
        if attempt >= self.max_attempts:
            return None
        if retry_after is None:
            return fraction * min(self.backoff_cap, self.backoff_base * 2.0 ** min(attempt - 1, 60))
        if retry_after > self.max_wait:
            return None
        return retry_after + fraction * min(self.backoff_cap, self.backoff_base)


def may_retry(
    *, idempotent: bool, sent: bool, status_code: int | None = None, code: str | None = None
) -> bool:
    """Whether the same request may be sent again, and it could help.

    Without a status (no answer came), an idempotent request may, and any other only when it was not sent. With one:
    429 always; 408 and 5xx when idempotent, save those that waiting does not change, such as planned maintenance.
    """
    if status_code is None:
        return idempotent or not sent
    if status_code == 429:
        return True
    transient = status_code == 408 or (status_code >= 500 and status_code not in _NOT_TRANSIENT)
    return transient and idempotent and code != PLANNED_MAINTENANCE


def requested_wait(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds to wait that an error asks for: in `Retry-After` and, with a 429, in `X-RateLimit-Reset`.

    The larger one counts where a 429 has both. Other answers may tell the state of the rate limit, and mean nothing
    by it. Either is a number of seconds or a moment, which is read against the answer's `Date`. `now`, by this
    machine's clock, stands in for a missing one; a moment that is past by it then says nothing, since the clock may
    be fast.
    """
    names = ("retry-after", "x-ratelimit-reset") if status == 429 else ("retry-after",)
    date = parse_http_date(headers.get("date", ""))
    waits: list[float] = []
    for value in (headers[name] for name in names if name in headers):
        wait, moment = _seconds(value), _moment(value)
        if moment is not None:
            wait = moment - (date or now).timestamp()
            if date is not None:
                wait = max(wait, 0.0)
        if wait is not None and wait >= 0:
            waits.append(wait)
    return max(waits, default=None)


def _moment(value: str) -> float | None:
    """The moment that a header names, as an HTTP date or in seconds since 1970; None when it names none."""
    seconds = _seconds(value)
    if seconds is not None:
        return seconds if seconds >= _EPOCH_FROM else None
    date = parse_http_date(value)
    return None if date is None else date.timestamp()


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


NO_RETRIES: RetryPolicy = RetryPolicy(max_attempts=1)

set_module("groups_sdk", globals(), ["RetryEvent", "RetryPolicy"])
