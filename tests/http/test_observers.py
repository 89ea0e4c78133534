"""What `on_wait` is told: the rate limit, what the API asks for, retries; one pause of the client is told once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
import trio.testing
from support.scripted import AT_ONCE, GROUP, ONE_GROUP, Script, change, client_for

from groups_sdk import (
    AsyncGroupsClient,
    ConnectionFailedError,
    DeadlineExceededError,
    RateLimit,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    Wait,
)
from groups_sdk.testing import FakeSnyk

NO_JITTER = RetryPolicy(backoff_base=0)
FOUND = (200, ONE_GROUP)


def run_on_a_fake_clock(main: Any) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


async def get_many(client: AsyncGroupsClient, count: int) -> None:
    async with anyio.create_task_group() as calls:
        for _ in range(count):
            calls.start_soon(client.get_group, GROUP)


def facts(waits: list[Wait]) -> list[tuple[str, float, int | None]]:
    return [(wait.reason, round(wait.seconds, 3), wait.status) for wait in waits]


# What is told


def test_retries_and_waits_that_the_api_asks_for_are_told_with_their_error() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        script = Script(503, (503, {}, {"retry-after": "12"}), httpx.ConnectError("refused"), FOUND)
        async with client_for(script, retries=NO_JITTER, on_wait=waits.append) as client:
            await client.get_group(GROUP)
        assert facts(waits) == [("retry", 0, 503), ("retry_after", 12, 503), ("retry", 0, None)]
        assert [type(wait.error) for wait in waits] == [ServerError, ServerError, ConnectionFailedError]
        assert {(wait.operation, wait.limit, wait.whole_client) for wait in waits} == {
            ("getGroup", None, False)
        }

    run_on_a_fake_clock(main)


def test_the_rate_limit_is_told_with_the_time_until_the_next_request() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        limit = RateLimit(per_minute=3)
        async with client_for(Script(FOUND), rate_limit=limit, on_wait=waits.append) as client:
            await get_many(client, 3)
            await anyio.sleep(20)
            assert not waits
            await client.get_group(GROUP)
        (wait,) = waits
        assert (wait.reason, wait.seconds, wait.operation) == ("rate_limit", 40, "getGroup")
        assert (wait.limit, wait.status, wait.error, wait.whole_client) == (limit, None, None, True)

    run_on_a_fake_clock(main)


def test_a_429_is_told_as_a_wait_that_the_api_asks_for_with_or_without_its_length() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        script = Script((429, {}, {"retry-after": "30"}), 429, FOUND)
        async with client_for(script, retries=NO_JITTER, on_wait=waits.append) as client:
            await client.get_group(GROUP)
        # The second one is told only if it lasts longer than the first: here it is no wait at all.
        assert facts(waits) == [("retry_after", 30, 429)]
        assert isinstance(waits[0].error, RateLimitedError)
        assert waits[0].whole_client

        waits.clear()
        async with client_for(Script(429, FOUND), retries=NO_JITTER, on_wait=waits.append) as client:
            await client.get_group(GROUP)
        assert facts(waits) == [("retry_after", 0, 429)]

    run_on_a_fake_clock(main)


# One pause is told once


def test_a_pause_is_told_once_however_many_calls_it_holds_up_and_the_next_pause_again() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        limit = RateLimit(per_minute=50)
        async with client_for(
            Script(FOUND), rate_limit=limit, on_wait=waits.append, max_connections=20
        ) as client:
            await get_many(client, 120)
        assert facts(waits) == [("rate_limit", 60, None)] * 2

    run_on_a_fake_clock(main)


def test_the_pace_of_a_limit_that_has_been_reached_is_no_pause() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        limit = RateLimit(per_second=5, per_minute=120)
        async with client_for(Script(FOUND), rate_limit=limit, on_wait=waits.append) as client:
            for _ in range(120):  # five at once, and then every second
                await client.get_group(GROUP)
            await anyio.sleep(36)
            await get_many(client, 115)
        assert waits == []

    run_on_a_fake_clock(main)


def test_one_429_is_told_once_although_it_holds_up_every_call_of_the_client() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        sent = anyio.Event()

        async def limited(_: httpx.Request) -> Any:
            await sent.wait()
            return 429, {}, {"retry-after": "30"}

        script = Script(limited, limited, limited, FOUND)
        async with client_for(script, retries=NO_JITTER, on_wait=waits.append) as client:
            async with anyio.create_task_group() as calls:
                for _ in range(3):
                    calls.start_soon(client.get_group, GROUP)
                await anyio.wait_all_tasks_blocked()
                sent.set()
                await anyio.wait_all_tasks_blocked()
                await get_many(client, 5)
        assert facts(waits) == [("retry_after", 30, 429)]

    run_on_a_fake_clock(main)


def test_calls_that_wait_after_a_429_that_was_not_retried_say_so() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        policy = RetryPolicy(max_attempts=1)
        script = Script((429, {}, {"retry-after": "30"}), FOUND)
        async with client_for(script, retries=policy, on_wait=waits.append) as client:
            with pytest.raises(RateLimitedError):
                await client.get_group(GROUP)
            await anyio.sleep(10)
            await client.get_group(GROUP)
        assert facts(waits) == [("retry_after", 20, 429)]
        assert (waits[0].error, waits[0].whole_client) == (None, True)

    run_on_a_fake_clock(main)


def test_a_pause_that_becomes_longer_while_a_call_waits_is_told_again() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        limit = RateLimit(per_minute=2)
        slow = anyio.Event()

        async def limited(_: httpx.Request) -> Any:
            await slow.wait()
            return 429, {}, {"retry-after": "90"}

        policy = RetryPolicy(max_attempts=1)
        script = Script(limited, FOUND)
        async with client_for(script, rate_limit=limit, retries=policy, on_wait=waits.append) as client:

            async def fail() -> None:
                with pytest.raises(RateLimitedError):
                    await client.get_group(GROUP)

            async with anyio.create_task_group() as calls:
                calls.start_soon(fail)
                await anyio.wait_all_tasks_blocked()
                await client.get_group(GROUP)
                calls.start_soon(client.get_group, GROUP)
                await anyio.wait_all_tasks_blocked()
                slow.set()
        assert facts(waits) == [("rate_limit", 60, None), ("retry_after", 30, 429)]

    run_on_a_fake_clock(main)


# Who is told


def test_each_observer_of_a_shared_client_is_told_of_the_same_pause() -> None:
    async def main() -> None:
        first: list[Wait] = []
        second: list[Wait] = []
        async with client_for(Script(FOUND), rate_limit=RateLimit(per_minute=1)) as client:
            await client.get_group(GROUP)
            one = client.with_options(on_wait=first.append)
            hasty = one.with_options(timeout=5)  # keeps the observer
            async with anyio.create_task_group() as calls:
                for caller in (client, one, hasty, client.with_options(on_wait=second.append)):
                    calls.start_soon(caller.get_group, GROUP)
                    await anyio.wait_all_tasks_blocked()
                assert facts(first) == facts(second) == [("rate_limit", 60, None)]
                calls.cancel_scope.cancel()

    run_on_a_fake_clock(main)


def test_a_detached_copy_has_pauses_of_its_own() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        async with client_for(
            Script(FOUND), rate_limit=RateLimit(per_minute=1), on_wait=waits.append
        ) as client:
            async with client.detached() as other:
                for caller in (client, other):
                    async with anyio.create_task_group() as calls:
                        calls.start_soon(caller.get_group, GROUP)
                        calls.start_soon(caller.get_group, GROUP)
                        await anyio.wait_all_tasks_blocked()
                        calls.cancel_scope.cancel()
            async with client_for(Script(FOUND)).detached() as unobserved:
                await unobserved.get_group(GROUP)
        assert facts(waits) == [("rate_limit", 60, None)] * 2

    run_on_a_fake_clock(main)


def test_a_call_that_is_refused_for_its_deadline_does_not_wait() -> None:
    async def main() -> None:
        waits: list[Wait] = []
        async with client_for(
            Script(FOUND), rate_limit=RateLimit(per_minute=1), on_wait=waits.append, deadline=30
        ) as client:
            await client.get_group(GROUP)
            with pytest.raises(DeadlineExceededError):
                await client.get_group(GROUP)
        assert waits == []

    run_on_a_fake_clock(main)


@pytest.mark.parametrize("call", [change, lambda client: client.get_group(GROUP)])
def test_an_observer_that_raises_costs_no_call_its_outcome(
    call: Callable[[AsyncGroupsClient], Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        waits: list[Wait] = []

        def broken(wait: Wait) -> None:
            waits.append(wait)
            raise RuntimeError("broken observer")

        script = Script(FOUND, 503, (429, {}, {"retry-after": "80"}), FOUND)
        async with client_for(
            script, retries=NO_JITTER, rate_limit=RateLimit(per_minute=1), on_wait=broken
        ) as client:
            await client.get_group(GROUP)
            await call(client)
        assert facts(waits) == [
            ("rate_limit", 60, None),
            ("retry", 0, 503),
            ("rate_limit", 60, None),
            ("retry_after", 80, 429),
        ]

    run_on_a_fake_clock(main)
    assert caplog.text.count("RuntimeError: broken observer") == 4
    assert {record.levelname for record in caplog.records} == {"ERROR", "WARNING"}


@pytest.mark.anyio
async def test_the_observer_is_told_on_both_event_loops() -> None:
    waits: list[Wait] = []
    async with client_for(Script(503, FOUND), retries=AT_ONCE, on_wait=waits.append) as client:
        await client.get_group(GROUP)
    assert facts(waits) == [("retry", 0, 503)]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_synchronous_client_tells_it_on_the_thread_of_its_requests(
    backend: str, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeSnyk.example()
    threads: list[threading.Thread] = []

    def call_back(wait: Wait) -> None:
        threads.append(threading.current_thread())
        client.get_group(fake.group_id)

    with fake.client(backend=backend, retries=AT_ONCE, on_wait=call_back) as client:
        fake.fail_next(status=503)
        with caplog.at_level(logging.ERROR, "groups_sdk"):
            assert client.get_group(fake.group_id).id == fake.group_id
        fake.fail_next(status=503)
        copy = client.with_options(on_wait=lambda wait: threads.append(threading.current_thread()))
        assert copy.get_group(fake.group_id).id == fake.group_id
    assert len(threads) == 2
    assert threading.current_thread() not in threads
    assert "RuntimeError" in caplog.text  # a hook cannot make calls: it would wait for itself
