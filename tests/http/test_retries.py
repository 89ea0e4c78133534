"""The retry policy: what may be sent again, and after how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import ConfigurationError, RetryPolicy
from groups_sdk._http.retries import may_retry, requested_wait

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:35 GMT"}, 30.0),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:35 -0000"}, 30.0),
        ({"retry-after": "Fri, 02 Jan 2026 03:00:00 GMT"}, None),
        ({"retry-after": "Fri, 02 Jan 2026 03:00:00 GMT", "x-ratelimit-reset": "8"}, 8.0),
        ({"retry-after": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"x-ratelimit-reset": "Fri, 02 Jan 2026 03:04:35 GMT"}, 30.0),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:35 GMT", "date": "nonsense"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Fri, 02 Jan 99999999999999999999 03:04:35 GMT"}, None),
        ({"retry-after": "Fri, 02 Jan 2026 03:04:35 +99999999999999999999"}, None),
        ({"retry-after": "Fri, 02 Jan 2026 05:04:35 +0200"}, 30.0),
        ({"retry-after": "soon", "x-ratelimit-reset": "8"}, 8.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"x-ratelimit-reset": "9"}, 9.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) + 12)}, 12.0),
        ({"x-ratelimit-reset": str(int(NOW.timestamp()) - 12)}, None),
        ({"x-ratelimit-reset": "x"}, None),
        ({"retry-after": "3", "x-ratelimit-reset": "8"}, 8.0),
        ({"retry-after": "9", "x-ratelimit-reset": "8"}, 9.0),
    ],
)
def test_the_wait_that_the_server_asks_for(headers: dict[str, str], wait: float | None) -> None:
    assert requested_wait(429, headers, NOW) == wait


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(), timedelta(days=1), timedelta(days=4000)])
@pytest.mark.parametrize("name", ["retry-after", "x-ratelimit-reset"])
@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_a_moment_is_read_against_the_clock_of_the_server(off: timedelta, name: str, seconds: int) -> None:
    moment = NOW + timedelta(seconds=seconds)
    for text in (format_datetime(moment, usegmt=True), str(int(moment.timestamp()))):
        headers = {"date": format_datetime(NOW, usegmt=True), name: text}
        assert requested_wait(429, headers, NOW + off) == max(seconds, 0)


@pytest.mark.parametrize(
    ("idempotent", "sent", "status", "code", "again"),
    [
        (True, True, None, None, True), (True, False, None, None, True),
        (False, True, None, None, False), (False, False, None, None, True),
        (True, True, 429, None, True), (False, True, 429, None, True),
        (True, True, 408, None, True), (False, True, 408, None, False),
        (True, True, 500, None, True), (False, True, 500, None, False), (False, True, 503, None, False),
        (True, True, 503, "SNYK-0099", False), (True, True, 503, "SNYK-9999", True),
        (True, True, 501, None, False), (True, True, 505, None, False),
        (True, True, 400, None, False), (True, True, 404, None, False), (True, True, 302, None, False),
    ],
)  # fmt: skip
def test_what_may_be_repeated(
    idempotent: bool, sent: bool, status: int | None, code: str | None, again: bool
) -> None:
    assert may_retry(idempotent=idempotent, sent=sent, status_code=status, code=code) is again


@given(attempt=st.integers(1, 10_000), fraction=st.floats(0, 1), asked=st.none() | st.floats(0, 1e6))
def test_waits_are_bounded(attempt: int, fraction: float, asked: float | None) -> None:
    policy = RetryPolicy(max_attempts=10_000, backoff_base=0.5, backoff_cap=8, max_wait=100)
    wait = policy.wait(attempt, asked, fraction)
    if attempt == 10_000 or (asked is not None and asked > 100):
        assert wait is None
    else:
        assert wait is not None
        assert (asked or 0) <= wait <= (8 if asked is None else asked + 0.5)


def test_the_backoff_doubles_up_to_its_cap() -> None:
    policy = RetryPolicy(max_attempts=9, backoff_base=1, backoff_cap=10)
    assert [policy.wait(n, None, 1.0) for n in range(1, 10)] == [1, 2, 4, 8, 10, 10, 10, 10, None]
    assert policy.wait(3, None, 0.25) == 1


@pytest.mark.parametrize(
    "options", [{"max_attempts": 0}, {"backoff_base": -1}, {"backoff_cap": "5"}, {"max_wait": float("nan")},
                {"max_attempts": True}, {"max_attempts": float("inf")}, {"backoff_base": float("inf")},
                {"backoff_cap": float("inf")}, {"max_wait": float("inf")}, {"max_wait": 10**400}],
)  # fmt: skip
def test_a_policy_that_will_not_do_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        RetryPolicy(**options)


def test_a_wait_that_was_asked_for_is_kept_and_spread_or_not_waited_for() -> None:
    policy = RetryPolicy(max_attempts=2, backoff_base=2, max_wait=60)
    assert policy.wait(1, 0.0, 0.0) == 0
    assert policy.wait(1, 60.0, 0.5) == 61
    assert policy.wait(1, 60.1, 0.0) is None
    assert policy.wait(2, 0.0, 0.0) is None
    assert RetryPolicy(max_attempts=1).wait(1, None, 0.5) is None


@given(st.text(alphabet="0123456789 ,:+-.eFriJanGMT_é", max_size=60))
def test_no_text_in_a_header_makes_a_wait_that_cannot_be_waited(text: str) -> None:
    for headers in ({"retry-after": text}, {"x-ratelimit-reset": text}, {"retry-after": "9", "date": text}):
        wait = requested_wait(429, headers, NOW)
        assert wait is None or 0 <= wait < float("inf")
