"""What `on_call` is told: every call once, when it has ended, with what it cost."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
import trio.testing
from support.scripted import AT_ONCE, GROUP, OAUTH, ONE_GROUP, Script, change, client_for

from groups_sdk import (
    CallSummary,
    ClientClosedError,
    ConnectionFailedError,
    NotFoundError,
    RateLimit,
    RetryPolicy,
    ServerError,
)
from groups_sdk._http.call_summary import Usage
from groups_sdk.testing import FakeSnyk

FOUND = (200, ONE_GROUP, {"snyk-request-id": "r-1"})
GRANT = (200, {"access_token": "issued", "expires_in": 3600})


def run_on_a_fake_clock(main: Any) -> None:
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def waits(call: CallSummary) -> tuple[float, ...]:
    seconds = (call.rate_limit_wait, call.connection_wait, call.retry_wait, call.access_token_wait)
    return tuple(round(value, 3) for value in seconds)


# What is told


@pytest.mark.anyio
async def test_a_call_that_succeeds_is_told_with_its_facts() -> None:
    calls: list[CallSummary] = []
    async with client_for(Script(FOUND), on_call=calls.append) as client:
        await client.get_group(GROUP)
        await change(client)
    read, write = calls
    assert (read.operation, read.method, read.path) == ("getGroup", "GET", "/groups/{group_id}")
    assert (read.outcome, read.status_code, read.error, read.error_type) == ("success", 200, None, None)
    assert (read.attempts, read.retry_reasons, read.retry_wait) == (1, (), 0)
    assert (read.request_id, read.api_version) == ("r-1", client.api_version)
    assert read.duration >= 0
    assert (read.bytes_sent, read.bytes_received > 100) == (0, True)
    assert (write.operation, write.bytes_sent > 100) == ("updateGroupUserMembership", True)
    assert GROUP not in repr(calls)


@pytest.mark.anyio
async def test_a_listing_is_told_page_by_page_and_other_calls_with_their_template() -> None:
    calls: list[CallSummary] = []
    fake = FakeSnyk.example()
    async with fake.async_client(on_call=calls.append) as client:
        await client.list_memberships(fake.group_id, limit=20, email="@").collect()
        await client.list_memberships(fake.group_id, limit=20).collect()
        with pytest.raises(NotFoundError):
            await client.request(
                "GET", "/orgs/17/members/grace%40example.com", params={"email": "grace@example.com"}
            )
    *pages, other = calls
    assert {call.operation for call in pages} == {"listGroupMemberships"}
    assert len(pages) > 2
    assert (other.operation, other.path) == ("GET /orgs/{id}/members/{id}", "/orgs/{id}/members/{id}")
    assert "grace" not in repr(calls)


def test_seconds_are_told_by_what_they_were_waited_for() -> None:
    async def main() -> None:
        calls: list[CallSummary] = []

        async def slow(_: httpx.Request) -> Any:
            await anyio.sleep(7)
            return FOUND

        script = Script(FOUND, 503, httpx.ConnectError("refused"), slow)
        limit = RateLimit(per_minute=3)
        policy = RetryPolicy(backoff_base=0, max_wait=100)
        async with client_for(script, rate_limit=limit, retries=policy, on_call=calls.append) as client:
            await client.get_group(GROUP)
            await client.get_group(GROUP)
        first, second = calls
        assert (first.duration, waits(first)) == (0, (0, 0, 0, 0))
        assert (second.attempts, second.retry_reasons) == (3, ("503", "ConnectionFailedError"))
        assert (round(second.duration), waits(second)) == (67, (60, 0, 0, 0))

    run_on_a_fake_clock(main)


def test_a_pause_that_the_api_asks_for_is_a_wait_for_retry_and_one_for_a_connection_is_its_own() -> None:
    async def main() -> None:
        calls: list[CallSummary] = []

        async def slow(_: httpx.Request) -> Any:
            await anyio.sleep(5)
            return FOUND

        policy = RetryPolicy(backoff_base=0)
        script = Script((503, {}, {"retry-after": "12"}), FOUND, slow)
        async with client_for(script, retries=policy, max_connections=1, on_call=calls.append) as client:
            await client.get_group(GROUP)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(client.get_group, GROUP)
                tasks.start_soon(client.get_group, GROUP)
        assert [waits(call) for call in calls] == [(0, 0, 12, 0), (0, 0, 0, 0), (0, 5, 0, 0)]

    run_on_a_fake_clock(main)


def test_the_request_for_an_access_token_is_told_too_and_waited_for_by_the_call_that_needs_it() -> None:
    async def main() -> None:
        calls: list[CallSummary] = []

        async def slow(_: httpx.Request) -> Any:
            await anyio.sleep(3)
            return GRANT

        script = Script(slow, 401, GRANT, FOUND)
        async with client_for(script, token=OAUTH, on_call=calls.append) as client:
            await client.get_group(GROUP)
        assert [call.operation for call in calls] == ["oauth2Token", "oauth2Token", "getGroup"]
        last = calls[-1]
        assert (last.outcome, last.attempts, last.retry_reasons) == ("success", 2, ("401",))
        assert waits(last) == (0, 0, 0, 3)
        assert calls[0].bytes_sent > 0

    run_on_a_fake_clock(main)


@pytest.mark.anyio
async def test_a_call_that_fails_is_told_with_its_error() -> None:
    calls: list[CallSummary] = []
    script = Script(404, httpx.ConnectError("refused"))
    once = RetryPolicy(max_attempts=1)
    async with client_for(script, retries=once, on_call=calls.append) as client:
        with pytest.raises(NotFoundError) as refused:
            await client.get_group(GROUP)
        with pytest.raises(ConnectionFailedError) as unanswered:
            await client.get_group(GROUP)
    assert [call.error for call in calls] == [refused.value, unanswered.value]
    assert [(call.outcome, call.status_code, call.error_type) for call in calls] == [
        ("error", 404, "NotFoundError"),
        ("error", None, "ConnectionFailedError"),
    ]


@pytest.mark.anyio
async def test_what_a_transport_raises_of_its_own_is_an_error_too() -> None:
    calls: list[CallSummary] = []
    async with client_for(Script(RuntimeError("a bug")), on_call=calls.append) as client:
        with pytest.raises(ConnectionFailedError, match="a bug"):
            await client.get_group(GROUP)
    assert [(call.outcome, call.error_type, call.attempts) for call in calls] == [
        ("error", "ConnectionFailedError", 1)
    ]


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_is_told_so() -> None:
    calls: list[CallSummary] = []

    async with client_for(Script(hang), on_call=calls.append) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get_group, GROUP)
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    (call,) = calls
    assert (call.outcome, call.status_code, call.error, call.error_type) == ("cancelled", None, None, None)


@pytest.mark.anyio
async def test_a_call_that_closing_the_client_ends_is_an_error() -> None:
    calls: list[CallSummary] = []

    async def fail() -> None:
        with pytest.raises(ClientClosedError):
            await client.get_group(GROUP)

    client = client_for(Script(hang), on_call=calls.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail)
        await anyio.wait_all_tasks_blocked()
        await client.aclose()
    assert [(call.outcome, call.error_type) for call in calls] == [("error", "ClientClosedError")]


async def hang(_: httpx.Request) -> Any:
    await anyio.sleep_forever()


@pytest.mark.anyio
async def test_bytes_are_counted_as_they_come_in_every_attempt() -> None:
    calls: list[CallSummary] = []
    fake = FakeSnyk.example()
    sizes: list[int] = []

    async def note(response: httpx.Response) -> None:
        sizes.append(len(await response.aread()))

    hooks = {"response": [note]}
    async with httpx.AsyncClient(transport=fake.transport(), event_hooks=hooks) as http_client:
        async with fake.async_client(transport=None, http_client=http_client, on_call=calls.append) as client:
            await client.get_group(fake.group_id)
    assert [call.bytes_received for call in calls] == sizes
    async with fake.async_client(retries=AT_ONCE, on_call=calls.append) as client:
        fake.fail_next(status=503, body="x" * 1000)
        await client.get_group(fake.group_id)
    assert calls[1].bytes_received == sizes[0] + 1000


# Who is told


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [FOUND, 404])
async def test_a_hook_that_raises_costs_no_call_its_outcome(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(call: CallSummary) -> None:
        raise RuntimeError("broken hook")

    async with client_for(Script(answer), on_call=broken) as client:
        if answer is FOUND:
            await change(client)
        else:
            with pytest.raises(NotFoundError):
                await change(client)
    assert caplog.text.count("RuntimeError: broken hook") == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_copies_tell_their_own_hook_and_the_synchronous_client_tells_it_too(backend: str) -> None:
    first: list[CallSummary] = []
    second: list[CallSummary] = []
    fake = FakeSnyk.example()
    with fake.client(backend=backend, on_call=first.append) as client:
        client.get_group(fake.group_id)
        client.with_options(deadline=50).list_groups().first()
        client.with_options(on_call=second.append).get_group(fake.group_id)
        fake.fail_next(status=500, times=1)
        with pytest.raises(ServerError):
            client.with_options(
                on_call=second.append, retries=RetryPolicy(max_attempts=1)
            ).list_groups().first()
    assert [call.operation for call in first] == ["getGroup", "listGroups"]
    assert [(call.operation, call.status_code) for call in second] == [("getGroup", 200), ("listGroups", 500)]


@pytest.mark.anyio
async def test_seconds_of_a_phase_are_those_of_all_its_times() -> None:
    usage = Usage(anyio.current_time() - 10)
    usage.begin("retry")
    usage.begin("exchange")
    assert usage.seconds("rate_limit") == 0
    assert usage.seconds("exchange") >= 10
    assert usage.finish() == pytest.approx(usage.seconds("exchange") + usage.seconds("retry"))


@pytest.mark.anyio
async def test_a_request_id_is_cut_and_safe_to_print() -> None:
    calls: list[CallSummary] = []
    script = Script((200, ONE_GROUP, {"snyk-request-id": "r\x1b" + "1" * 5000}))
    async with client_for(script, on_call=calls.append) as client:
        await client.get_group(GROUP)
    request_id = calls[0].request_id
    assert request_id is not None
    assert request_id.startswith("r\\x1b111")
    assert len(request_id) < 120
