"""The limit holds over every window, and who comes first goes first."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx
import pytest
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import AsyncGroupsClient, ConfigurationError, DeadlineExceededError, RateLimit, RetryPolicy
from groups_sdk._http.rate_limit import RateLimiter, SlidingWindows


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
        windows.begin()
        windows.end(now)
        sent.append(now)
    for length, limit in ((1.0, per_second), (60.0, per_minute)):
        for start in sent:
            assert sum(start <= moment < start + length - 1e-6 for moment in sent) <= limit


def allowed(limit: RateLimit, gaps: list[float]) -> list[float]:
    """When requests are let through that come with those gaps between them."""
    windows, now, sent = SlidingWindows(limit), 0.0, list[float]()
    for gap in gaps:
        now += gap
        while (wait := windows.wait(now)) > 0:
            now += wait
        windows.begin()
        windows.end(now)
        sent.append(now)
    return sent


@given(
    limit=st.builds(RateLimit, per_second=st.integers(1, 6), per_minute=st.integers(1, 20)),
    gaps=st.lists(st.floats(0, 90), max_size=60),
    begin=st.floats(-60, 6000),
)
def test_a_window_may_begin_anywhere(limit: RateLimit, gaps: list[float], begin: float) -> None:
    sent = allowed(limit, gaps)
    for length, most in ((1.0, limit.per_second), (60.0, limit.per_minute)):
        # Times are floats: the sum of one and the length is rounded, and so is the end of the window.
        assert sum(begin <= moment < begin + length - 1e-9 for moment in sent) <= most
        assert all(sent[i] >= sent[i - most] + length for i in range(most, len(sent)))


def test_nobody_waits_who_need_not() -> None:
    assert allowed(RateLimit(per_second=2, per_minute=5), [0.0] * 6) == [0, 0, 1, 1, 2, 60]
    assert allowed(RateLimit(per_second=1, per_minute=9), [1.0] * 3) == [1, 2, 3]
    assert SlidingWindows(RateLimit()).wait(0.0) == 0
    assert (RateLimit().per_second, RateLimit().per_minute) == (160, 1620)


async def passed(limiter: RateLimiter, deadline: float) -> bool:
    """Whether a request was permitted; it is answered at once."""
    permit = await limiter.acquire(deadline)
    if permit is not None:
        await limiter.ended(permit)
    return permit is not None


def run_on_a_fake_clock(main: Any) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_waiting_is_just_long_enough_and_first_come_first_served() -> None:
    async def main() -> None:
        limiter = RateLimiter(RateLimit(per_second=2, per_minute=5))
        begun = anyio.current_time()
        order: list[tuple[int, float]] = []

        async def send(number: int) -> None:
            assert await passed(limiter, begun + 1000)
            order.append((number, round(anyio.current_time() - begun, 3)))

        async with anyio.create_task_group() as tasks:
            for number in range(7):
                tasks.start_soon(send, number)
                await anyio.wait_all_tasks_blocked()
        assert order == [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 60), (6, 60)]

    run_on_a_fake_clock(main)


def most_in_a_window(moments: list[float], length: float) -> int:
    """The most of these that any half-open window of that length has; moments are floats, and rounded."""
    ordered, most, first = sorted(moments), 0, 0
    for last, moment in enumerate(ordered):
        while ordered[first] <= moment - length + 1e-6:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_no_window_has_more_than_the_limit_as_sent_and_as_received_and_little_is_left_unused() -> None:
    limit = RateLimit(per_second=16, per_minute=162)
    dice = random.Random(6)
    sent, received = list[float](), list[float]()

    async def main() -> None:
        limiter = RateLimiter(limit)

        async def worker() -> None:
            while True:
                permit = await limiter.acquire(math.inf)
                assert permit is not None
                # Every now and then a connection is set up first, or a packet is sent again.
                await anyio.sleep(dice.choice([0, 0, 0, 0.001, 0.4]))
                sent.append(anyio.current_time())
                await anyio.sleep(dice.expovariate(20))
                received.append(anyio.current_time())
                await anyio.sleep(dice.expovariate(20))
                await limiter.ended(permit)

        with anyio.move_on_after(120):
            async with anyio.create_task_group() as tasks:
                for _ in range(10):
                    tasks.start_soon(worker)

    run_on_a_fake_clock(main)
    for moments in (sent, received):
        assert most_in_a_window(moments, 1) <= limit.per_second
        assert most_in_a_window(moments, 60) <= limit.per_minute
    assert len(sent) >= 0.98 * 2 * limit.per_minute


def test_what_a_client_has_under_way_counts_until_the_exchange_has_ended_however_it_did() -> None:
    async def main() -> None:
        sent: list[float] = []

        async def answer(request: httpx.Request) -> httpx.Response:
            sent.append(anyio.current_time())
            await anyio.sleep(10)
            if len(sent) == 1:
                raise httpx.ReadError("reset")
            return httpx.Response(200, json=ANSWER)

        async with AsyncGroupsClient(
            "t0ken",
            transport=httpx.MockTransport(answer),
            rate_limit=RateLimit(per_second=1, per_minute=9),
            retries=RetryPolicy(backoff_base=0),
        ) as client:
            begun = anyio.current_time()
            await client.get_group(GROUP)
            with anyio.move_on_after(5):
                await client.get_group(GROUP)
            await client.get_group(GROUP)
        assert [moment - begun for moment in sent] == [0, 11, 22, 27]

    run_on_a_fake_clock(main)


@pytest.mark.anyio
async def test_what_was_under_way_on_a_loop_that_has_ended_counts_as_sent_now() -> None:
    limiter = RateLimiter(RateLimit(per_second=1, per_minute=9))
    assert await limiter.acquire(math.inf)
    other = limiter.moved(0)
    assert not await other.acquire(anyio.current_time() + 0.5)
    assert not other.late(anyio.current_time() + 1)
    assert await RateLimiter(None).moved(5).acquire(0)


@pytest.mark.anyio
async def test_a_wait_beyond_the_deadline_is_refused_at_once() -> None:
    limiter = RateLimiter(RateLimit(per_second=1, per_minute=1))
    deadline = anyio.current_time() + 30
    assert await passed(limiter, deadline)
    assert not await passed(limiter, deadline)


def test_a_hold_keeps_everybody_back_with_and_without_a_limit() -> None:
    async def main() -> None:
        for limit in (None, RateLimit()):
            limiter = RateLimiter(limit)
            begun = anyio.current_time()
            limiter.hold_until(begun + 20)
            limiter.hold_until(begun + 10)  # a shorter one does not shorten it
            assert not await passed(limiter, begun + 19)
            assert await passed(limiter, begun + 21)
            assert anyio.current_time() == begun + 20

    run_on_a_fake_clock(main)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "9"])
def test_a_limit_that_will_not_do_is_refused(wrong: Any) -> None:
    for name in ("per_second", "per_minute"):
        with pytest.raises(ConfigurationError, match=name):
            RateLimit(**{name: wrong})


class Clock:
    """The time that the limiter sees; sleeping moves it on, after `on_sleep` has had its say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], Awaitable[object]] = anyio.lowlevel.checkpoint
        monkeypatch.setattr("groups_sdk._http.rate_limit.anyio.current_time", lambda: self.now)
        monkeypatch.setattr("groups_sdk._http.rate_limit.anyio.sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.on_sleep()
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.anyio
async def test_the_order_of_arrival_is_kept_on_both_event_loops(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(per_second=2, per_minute=5))
    order: list[tuple[int, float]] = []

    async def send(number: int) -> None:
        assert await passed(limiter, math.inf)
        order.append((number, clock.now - 1000))

    async with anyio.create_task_group() as tasks:
        for number in range(7):
            tasks.start_soon(send, number)
            await anyio.lowlevel.checkpoint()
    assert [number for number, _ in order] == sorted(number for number, _ in order)
    assert [moment for _, moment in order] == sorted(moment for _, moment in order)
    assert clock.slept == [1, 1, 58]


@pytest.mark.anyio
async def test_a_hold_that_comes_while_somebody_waits_holds_them_too(clock: Clock) -> None:
    limiter = RateLimiter(None)
    limiter.hold_until(1010)

    async def hold_longer() -> None:
        limiter.hold_until(1030)

    clock.on_sleep = hold_longer
    assert await passed(limiter, math.inf)
    assert (clock.now, clock.slept) == (1030, [10, 20])


@pytest.mark.anyio
async def test_a_hold_that_grows_past_the_deadline_ends_the_wait(clock: Clock) -> None:
    limiter = RateLimiter(None)
    limiter.hold_until(1010)

    async def hold_longer() -> None:
        limiter.hold_until(1030)

    clock.on_sleep = hold_longer
    assert not await passed(limiter, 1020)
    assert clock.slept == [10]


@pytest.mark.anyio
async def test_who_cannot_wait_does_not_queue_behind_who_can(clock: Clock) -> None:
    limiter = RateLimiter(None)
    limiter.hold_until(1060)
    waiting, refused = anyio.Event(), anyio.Event()

    async def wait_for_the_other() -> None:
        waiting.set()
        await refused.wait()

    clock.on_sleep = wait_for_the_other
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(passed, limiter, math.inf)
            await waiting.wait()
            assert not await passed(limiter, 1059)  # while the first one is still asleep
            refused.set()
    assert clock.slept == [60]


@pytest.mark.anyio
async def test_a_permission_at_the_deadline_is_in_time_and_none_is_used_up_by_a_refusal(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(per_second=1, per_minute=2))
    assert await passed(limiter, 0)  # nothing to wait for
    assert not await passed(limiter, 1000.5)
    assert await passed(limiter, 1001)
    assert clock.now == 1001


@pytest.mark.anyio
async def test_who_is_cancelled_while_waiting_uses_up_nothing_and_blocks_nobody(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(per_second=1, per_minute=2))
    assert await passed(limiter, math.inf)
    clock.on_sleep = anyio.sleep_forever
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(passed, limiter, math.inf)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    clock.on_sleep = anyio.lowlevel.checkpoint
    assert await passed(limiter, math.inf)
    assert clock.now == 1001


@pytest.mark.anyio
async def test_below_the_limit_nobody_waits_for_anything() -> None:
    limiter = RateLimiter(RateLimit(per_second=3, per_minute=3))
    for _ in range(3):
        step = passed(limiter, math.inf)
        with pytest.raises(StopIteration) as returned:
            step.send(None)
        assert returned.value.value is True


@pytest.mark.anyio
async def test_who_comes_when_there_is_room_again_stays_behind_those_in_front(clock: Clock) -> None:
    limiter = RateLimiter(None)
    limiter.hold_until(1010)
    order: list[str] = []

    async def send(name: str) -> None:
        assert await passed(limiter, math.inf)
        order.append(name)

    async def second_comes_when_the_hold_is_over() -> None:
        clock.now += 10
        tasks.start_soon(send, "second")
        await anyio.wait_all_tasks_blocked()
        clock.now -= 10

    clock.on_sleep = second_comes_when_the_hold_is_over
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send, "first")
    assert order == ["first", "second"]


# One client


GROUP = "11111111-1111-4111-8111-111111111111"
ANSWER = {"data": {"id": GROUP, "type": "group", "attributes": {"name": "Engineering"}}}


class Limited(httpx.AsyncBaseTransport):
    """Answers 429 to the first request when it is let go on, with a wait of so many seconds; and well to all others.

    `sooner` is the wait of a 429 that the second request gets at once.
    """

    def __init__(self, wait: int, *, sooner: int | None = None) -> None:
        self.wait = wait
        self.sooner = sooner
        self.sent: list[float] = []
        self.limit = anyio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(anyio.current_time())
        if len(self.sent) == 2 and self.sooner is not None:
            return httpx.Response(429, headers={"retry-after": str(self.sooner)})
        if len(self.sent) > 1:
            return httpx.Response(200, json=ANSWER)
        await self.limit.wait()
        return httpx.Response(429, headers={"retry-after": str(self.wait)})


@pytest.mark.parametrize("limit", [None, RateLimit()], ids=["no limit of ours", "within our limit"])
def test_one_429_holds_back_every_call_of_the_client_those_in_the_queue_and_its_copies(
    limit: RateLimit | None,
) -> None:
    async def main() -> None:
        transport = Limited(60)
        async with AsyncGroupsClient(
            "t0ken",
            transport=transport,
            max_connections=1,
            rate_limit=limit,
            retries=RetryPolicy(backoff_base=0),
        ) as client:
            async with anyio.create_task_group() as calls:
                for caller in (client, client, client.with_options(timeout=5)):
                    calls.start_soon(caller.get_group, GROUP)
                    await anyio.wait_all_tasks_blocked()
                limited = anyio.current_time()
                transport.limit.set()
                await anyio.wait_all_tasks_blocked()
                await client.with_options(timeout=5).get_group(GROUP)
        assert (len(transport.sent), min(transport.sent[1:]) - limited) == (5, 60)

    run_on_a_fake_clock(main)


def test_a_call_that_a_429_holds_back_beyond_its_deadline_fails_at_once_wherever_it_waits() -> None:
    async def main() -> None:
        transport = Limited(60, sooner=20)
        failed: list[tuple[str, float]] = []
        begun = anyio.current_time()
        async with AsyncGroupsClient(
            "t0ken", transport=transport, max_connections=2, retries=RetryPolicy(backoff_base=0)
        ) as client:
            hasty = client.with_options(deadline=30)

            async def fail(what: str) -> None:
                with pytest.raises(
                    DeadlineExceededError, match="the rate limit allowed no request"
                ) as caught:
                    await hasty.get_group(GROUP)
                assert not caught.value.maybe_applied
                failed.append((what, anyio.current_time() - begun))

            async with anyio.create_task_group() as calls:
                calls.start_soon(client.get_group, GROUP)
                await anyio.wait_all_tasks_blocked()
                calls.start_soon(client.get_group, GROUP)
                await anyio.wait_all_tasks_blocked()
                calls.start_soon(fail, "in turn")
                await anyio.wait_all_tasks_blocked()
                calls.start_soon(client.get_group, GROUP)
                calls.start_soon(fail, "for a slot")
                await anyio.wait_all_tasks_blocked()
                transport.limit.set()
                await anyio.wait_all_tasks_blocked()
                await fail("afterwards")
        assert sorted(failed) == [("afterwards", 0), ("for a slot", 0), ("in turn", 0)]
        assert [moment - begun for moment in transport.sent] == [0, 0, 60, 60, 60]

    run_on_a_fake_clock(main)


def test_a_deadline_that_passes_while_all_connections_are_taken_is_not_blamed_on_the_rate_limit() -> None:
    async def main() -> None:
        transport = Limited(1)
        async with AsyncGroupsClient("t0ken", transport=transport, max_connections=1) as client:
            async with anyio.create_task_group() as calls:
                calls.start_soon(client.get_group, GROUP)
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(DeadlineExceededError, match="no answer within the deadline of 7 s"):
                    await client.with_options(deadline=7).get_group(GROUP)
                transport.limit.set()

    run_on_a_fake_clock(main)


def test_a_queue_for_the_rate_limit_does_not_hold_up_a_call_without_the_time_for_it() -> None:
    async def main() -> None:
        transport = Limited(60)
        transport.limit.set()
        async with AsyncGroupsClient(
            "t0ken", transport=transport, max_connections=1, retries=RetryPolicy(backoff_base=0)
        ) as client:
            async with anyio.create_task_group() as calls:
                for _ in range(2):  # the second one waits for the rate limit, and has the slot
                    calls.start_soon(client.get_group, GROUP)
                    await anyio.wait_all_tasks_blocked()
                begun = anyio.current_time()
                with pytest.raises(DeadlineExceededError, match="the rate limit allowed no request"):
                    await client.with_options(deadline=59).get_group(GROUP)
                assert anyio.current_time() == begun

    run_on_a_fake_clock(main)
