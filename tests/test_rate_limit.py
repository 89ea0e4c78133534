"""The limit holds over every window, and who comes first goes first."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import ConfigurationError, RateLimit
from groups_sdk.rate_limit import RateLimiter, SlidingWindows


@given(
    per_second=st.integers(1, 5),
    per_minute=st.integers(1, 12),
    gaps=st.lists(st.sampled_from([0.0, 0.0, 0.01, 0.3, 0.9, 1.0, 7.0, 59.0]), max_size=60),
)
def test_no_window_ever_has_more_than_the_limit(per_second: int, per_minute: int, gaps: list[float]) -> None:
    windows = SlidingWindows(RateLimit(per_second=per_second, per_minute=per_minute))
    now, sent = 1000.0, list[float]()
    for gap in gaps:
        now += gap
        while (wait := windows.wait(now)) > 0:
            now += wait
        windows.record(now)
        sent.append(now)
    for length, limit in ((1.0, per_second), (60.0, per_minute)):
        for start in sent:
            assert sum(start <= moment < start + length - 1e-6 for moment in sent) <= limit


def run_on_a_fake_clock(main: Any) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_waiting_is_just_long_enough_and_first_come_first_served() -> None:
    async def main() -> None:
        limiter = RateLimiter(RateLimit(per_second=2, per_minute=5))
        begun = anyio.current_time()
        order: list[tuple[int, float]] = []

        async def send(number: int) -> None:
            assert await limiter.acquire(begun + 1000)
            order.append((number, round(anyio.current_time() - begun, 3)))

        async with anyio.create_task_group() as tasks:
            for number in range(7):
                tasks.start_soon(send, number)
                await anyio.wait_all_tasks_blocked()
        assert order == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 60), (6, 60)]

    run_on_a_fake_clock(main)


@pytest.mark.anyio
async def test_a_wait_beyond_the_deadline_is_refused_at_once() -> None:
    limiter = RateLimiter(RateLimit(per_second=1, per_minute=1))
    deadline = anyio.current_time() + 30
    assert await limiter.acquire(deadline)
    assert not await limiter.acquire(deadline)


def test_a_hold_keeps_everybody_back_with_and_without_a_limit() -> None:
    async def main() -> None:
        for limit in (None, RateLimit()):
            limiter = RateLimiter(limit)
            begun = anyio.current_time()
            limiter.hold_until(begun + 20)
            limiter.hold_until(begun + 10)  # a shorter one does not shorten it
            assert not await limiter.acquire(begun + 19)
            assert await limiter.acquire(begun + 21)
            assert anyio.current_time() == begun + 20

    run_on_a_fake_clock(main)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "9"])
def test_a_limit_that_will_not_do_is_refused(wrong: Any) -> None:
    for name in ("per_second", "per_minute"):
        with pytest.raises(ConfigurationError, match=name):
            RateLimit(**{name: wrong})
