"""One call through the transport: attempts, waits, deadline, errors, secrets. The network is an in-memory one."""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import ssl
import sys
import traceback
from collections.abc import AsyncIterator
from typing import Any

import anyio
import attrs
import httpx
import pytest
from support import clock
from support.scripted import (
    AT_ONCE,
    GROUP,
    MEMBER,
    OAUTH,
    ONE_GROUP,
    TOKEN,
    Handler,
    Script,
    change,
    client_for,
    create,
    read,
    remove,
)

from groups_sdk import (
    ApiError,
    ApiResponse,
    AsyncGroupsClient,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    DecodeError,
    ForbiddenError,
    GroupsError,
    NotFoundError,
    OAuthClientCredentials,
    RateLimit,
    RateLimitedError,
    RequestTimeoutError,
    RetryEvent,
    RetryPolicy,
    ServerError,
)

NOT_FOUND = {"errors": [{"status": "404", "code": "SNYK-OPENAPI-0004", "detail": "not found"}]}


@pytest.mark.anyio
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("call", [read, change, remove])
async def test_a_passing_failure_of_an_idempotent_call_is_repeated(status: int, call: Handler) -> None:
    script = Script(status, (200, ONE_GROUP))
    async with client_for(script) as client:
        await call(client)
    assert len(script.requests) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 409, 410, 418, 501])
async def test_what_does_not_pass_is_not_repeated(status: int) -> None:
    script = Script((status, {}, {"location": "https://elsewhere.example/"}))
    async with client_for(script) as client:
        with pytest.raises(ApiError) as caught:
            await client.get_group(GROUP)
    assert caught.value.status_code == status
    assert len(script.requests) == 1


@pytest.mark.anyio
async def test_planned_maintenance_is_not_repeated() -> None:
    script = Script((503, {"errors": [{"status": "503", "code": "SNYK-0099", "detail": "maintenance"}]}))
    async with client_for(script) as client:
        with pytest.raises(ServerError, match="maintenance"):
            await client.get_group(GROUP)
    assert len(script.requests) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "failure",
    [500, 503, httpx.ReadTimeout("slow"), httpx.ReadError("reset"), httpx.RemoteProtocolError("closed")],
)
async def test_a_creation_that_may_have_arrived_is_not_repeated(failure: Any) -> None:
    script = Script(failure)
    async with client_for(script) as client:
        with pytest.raises(GroupsError) as caught:
            await create(client)
    assert len(script.requests) == 1
    assert caught.value.maybe_applied


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [429, httpx.ConnectError("refused"), httpx.ConnectTimeout("slow")])
async def test_a_creation_that_did_not_arrive_is_repeated(failure: Any) -> None:
    script = Script(failure, 403)
    async with client_for(script) as client:
        with pytest.raises(ForbiddenError) as caught:
            await create(client)
    assert len(script.requests) == 2
    assert not caught.value.maybe_applied


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [httpx.ReadError("reset"), 504])
@pytest.mark.parametrize("what", ["membership", "sso user"])
async def test_a_removal_that_turns_out_to_be_done_counts_as_done(failure: Any, what: str) -> None:
    async with client_for(Script(failure, (404, NOT_FOUND))) as client:
        if what == "membership":
            await client.delete_membership(GROUP, MEMBER)
        else:
            await client.delete_sso_user(GROUP, MEMBER, MEMBER)


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [httpx.ReadError("reset"), 504])
@pytest.mark.parametrize("page", [b"<html>404 Not Found</html>", {"message": "no route"}, b""])
async def test_a_404_that_is_not_the_apis_proves_no_removal(failure: Any, page: Any) -> None:
    async with client_for(Script(failure, (404, page))) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.delete_membership(GROUP, MEMBER)
        assert caught.value.maybe_applied
    async with client_for(Script(failure, (404, page))) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.delete_sso_user(GROUP, MEMBER, MEMBER)
        assert caught.value.maybe_applied


@pytest.mark.anyio
async def test_a_caller_who_wants_to_look_is_told_of_the_404() -> None:
    async with client_for(Script(504, (404, NOT_FOUND))) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.delete_membership(GROUP, MEMBER, accept_missing=False)
    assert (caught.value.maybe_applied, caught.value.from_api) == (True, True)
    async with client_for(Script(504, (404, NOT_FOUND))) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.request("DELETE", f"/groups/{GROUP}/memberships/{MEMBER}")
    assert caught.value.maybe_applied


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), 429])
async def test_a_removal_of_what_was_never_there_is_not_found(failure: Any) -> None:
    async with client_for(Script(failure, (404, NOT_FOUND))) as client:
        with pytest.raises(NotFoundError) as caught:
            await client.delete_membership(GROUP, MEMBER)
    assert not caught.value.maybe_applied


@pytest.mark.anyio
async def test_an_error_after_an_unanswered_write_says_that_it_may_have_been_applied() -> None:
    async with client_for(Script(httpx.ReadTimeout("slow"), 403)) as client:
        with pytest.raises(ForbiddenError) as caught:
            await change(client)
    assert caught.value.maybe_applied
    assert caught.value.attempts == 2


@pytest.mark.anyio
async def test_it_stays_true_when_a_later_attempt_does_not_leave() -> None:
    async with client_for(Script(httpx.ReadError("reset"), httpx.ConnectError("refused"))) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await change(client)
    assert caught.value.maybe_applied
    assert caught.value.attempts == 4


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "kind", "sent"),
    [
        (httpx.ConnectError("refused"), ConnectionFailedError, False),
        (httpx.ConnectTimeout("slow"), RequestTimeoutError, False),
        (httpx.ProxyError("407"), ConnectionFailedError, False),
        (httpx.LocalProtocolError("the other side has closed it"), ConnectionFailedError, True),
        (httpx.InvalidURL("a Location"), ConnectionFailedError, True),
        (UnicodeError("a Location"), ConnectionFailedError, True),
        (httpx.ReadTimeout("slow"), RequestTimeoutError, True),
        (httpx.WriteError("reset"), ConnectionFailedError, True),
        (httpx.RemoteProtocolError("half"), ConnectionFailedError, True),
        (OSError("odd"), ConnectionFailedError, True),
        (anyio.BrokenResourceError(), ConnectionFailedError, True),
        (httpx.DecodingError("not gzip"), ConnectionFailedError, True),
    ],
)
async def test_every_failure_of_the_http_library_is_one_of_ours(
    failure: Exception, kind: type[GroupsError], sent: bool
) -> None:
    async with client_for(Script(failure), retries=RetryPolicy(max_attempts=1)) as client:
        with pytest.raises(kind) as caught:
            await change(client)
    assert caught.value.maybe_applied is sent
    assert caught.value.__context__ is None
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.anyio
async def test_a_refused_certificate_is_not_tried_again() -> None:
    failure = httpx.ConnectError("certificate verify failed")
    failure.__cause__ = ssl.SSLCertVerificationError("wrong name")
    script = Script(failure)
    async with client_for(script) as client:
        with pytest.raises(ConnectionFailedError):
            await client.get_group(GROUP)
    assert len(script.requests) == 1


@pytest.mark.anyio
async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    script = Script((429, {}, {"retry-after": "60"}))
    async with client_for(script, deadline=30) as client:
        with pytest.raises(DeadlineExceededError) as caught:
            await client.get_group(GROUP)
        assert isinstance(caught.value.__cause__, RateLimitedError)
        assert caught.value.__cause__.retry_after == 60
        assert not caught.value.maybe_applied
        with pytest.raises(
            DeadlineExceededError, match="rate limit"
        ):  # the hold counts for the next call too
            await client.get_group(GROUP)
    assert len(script.requests) == 1


@pytest.mark.anyio
async def test_a_wait_beyond_max_wait_is_the_error_itself() -> None:
    async with client_for(Script((429, {}, {"x-ratelimit-reset": "600"}))) as client:
        with pytest.raises(RateLimitedError) as caught:
            await client.get_group(GROUP)
    assert caught.value.retry_after == 600


async def never(_: httpx.Request) -> None:
    """No answer before the timeout of an attempt, or a deadline, of a minute."""
    clock.skip(60)
    await anyio.sleep_forever()


@pytest.mark.anyio
async def test_an_attempt_without_an_answer_times_out_and_is_repeated() -> None:
    script = Script(never, (200, ONE_GROUP))
    async with client_for(script, timeout=60) as client:
        await client.get_group(GROUP)
    assert len(script.requests) == 2


@pytest.mark.anyio
async def test_the_deadline_ends_an_attempt() -> None:
    async with client_for(Script(never), deadline=60, timeout=None) as client:
        with pytest.raises(DeadlineExceededError) as caught:
            await change(client)
    assert caught.value.maybe_applied


@pytest.mark.anyio
async def test_a_deadline_that_ends_a_later_attempt_tells_how_the_one_before_it_failed() -> None:
    async with client_for(Script(503, never), deadline=60, timeout=None) as client:
        with pytest.raises(DeadlineExceededError) as caught:
            await change(client)
    assert isinstance(caught.value.__cause__, ServerError)
    assert (caught.value.maybe_applied, caught.value.attempts) == (True, 2)


@pytest.mark.anyio
async def test_waiting_for_a_slot_ends_at_the_deadline_unsent() -> None:
    busy = anyio.Event()

    async def hold(_: httpx.Request) -> None:
        busy.set()
        await anyio.sleep_forever()

    async with client_for(Script(hold), max_connections=1, deadline=None, timeout=None) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.get_group, GROUP)
            await busy.wait()
            with pytest.raises(DeadlineExceededError) as caught:
                await client.with_options(deadline=0.05).get_group(GROUP)
            assert not caught.value.maybe_applied
            tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_slots_bound_the_requests_under_way_and_survive_cancellation() -> None:
    under_way = most = 0
    three = anyio.Event()

    async def slow(_: httpx.Request) -> tuple[int, object]:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            three.set()
        try:
            await three.wait()
        finally:
            under_way -= 1
        return 200, ONE_GROUP

    async with client_for(Script(slow), max_connections=3) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(client.get_group, GROUP)
            await three.wait()
            tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(client.get_group, GROUP)
    assert most == 3
    assert under_way == 0


@pytest.mark.anyio
async def test_an_answer_that_is_too_large_is_refused() -> None:
    async with client_for(Script((200, b"x" * 2000)), max_response_bytes=1000) as client:
        with pytest.raises(DecodeError, match="larger than 1000 bytes"):
            await client.get_group(GROUP)


@pytest.mark.anyio
async def test_version_credentials_and_media_type_go_with_every_request() -> None:
    script = Script((200, ONE_GROUP), 204)
    async with client_for(script, user_agent="mine/1") as client:
        await client.get_group(GROUP)
        await change(client)
    first, second = script.requests
    assert str(first.url) == f"https://api.snyk.io/rest/groups/{GROUP}?version=2025-11-05"
    assert first.headers["authorization"] == f"token {TOKEN}"
    assert first.headers["accept"] == second.headers["content-type"] == "application/vnd.api+json"
    assert first.headers["user-agent"].startswith("mine/1 groups_sdk/")


@pytest.mark.anyio
async def test_hooks_see_every_answer_and_every_retry_and_cannot_break_a_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[ApiResponse] = []
    events: list[RetryEvent] = []

    def on_response(response: ApiResponse) -> None:
        seen.append(response)
        raise RuntimeError("broken hook")

    policy = attrs.evolve(AT_ONCE, on_retry=events.append)
    with caplog.at_level(logging.DEBUG, "groups_sdk"):
        async with client_for(
            Script(503, (200, ONE_GROUP)), on_response=on_response, retries=policy
        ) as client:
            await client.get_group(GROUP)
    assert [r.status_code for r in seen] == [503, 200]
    assert [r.attempts for r in seen] == [1, 2]
    assert [(e.operation, e.attempt) for e in events] == [("getGroup", 1)]
    assert isinstance(events[0].error, ServerError)
    assert "broken hook" in caplog.text
    assert "GET /groups/{group_id} -> 200, attempts 2, " in caplog.text


def everything_shown(error: BaseException) -> str:
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)  # the test's own frame holds the token
    shown = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format(chain=True)
    )
    return f"{shown}{error!r}{error!s}{vars(error)!r}{pickle.dumps(error)!r}"


@pytest.mark.anyio
@pytest.mark.parametrize("token", [TOKEN, OAUTH])
async def test_secrets_are_never_shown(token: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def echo(request: httpx.Request) -> tuple[int, bytes, dict[str, str]]:
        return 400, f"<h1>Bad</h1>{dict(request.headers)}{request.content!r}".encode(), {}

    with caplog.at_level(logging.DEBUG):
        secret = TOKEN if token == TOKEN else "client-secret-9f8e7d"
        for failure in (echo, httpx.ReadError(f"reset {secret}"), 500, 429, 302):
            async with client_for(Script(failure), token=token) as client:
                with pytest.raises(GroupsError) as caught:
                    await client.get_group(GROUP)
                shown = everything_shown(caught.value) + repr(client)
                assert TOKEN not in shown
                assert "client-secret-9f8e7d" not in shown
    assert TOKEN not in caplog.text
    assert "client-secret-9f8e7d" not in caplog.text


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": "5"},
        {"deadline": -1},
        {"deadline": True},
        {"max_connections": 0},
        {"max_connections": 2.5},
        {"max_response_bytes": 0},
        {"user_agent": "a\nb"},
        {"user_agent": "é"},
        {"transport": object()},
        {"http_client": object()},
        {"transport": Script(), "http_client": httpx.AsyncClient()},
        {"base_url": "https://xn--0/"},
        {"token": OAuthClientCredentials("id", "secret", token_url="https://xn--0/token")},
    ],
)
def test_options_that_will_not_do_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        AsyncGroupsClient(**{"token": TOKEN, **options})


@pytest.mark.anyio
async def test_the_limiter_can_be_switched_off_and_set() -> None:
    for limit in (None, RateLimit(per_second=1000, per_minute=5)):
        async with client_for(Script((200, ONE_GROUP)), rate_limit=limit, deadline=30) as client:
            for _ in range(5):
                await client.get_group(GROUP)
            if limit:
                with pytest.raises(DeadlineExceededError, match="rate limit"):
                    await client.get_group(GROUP)
            else:
                await client.get_group(GROUP)


async def chunks() -> AsyncIterator[bytes]:
    yield b"half"
    raise httpx.RemoteProtocolError("closed half-way")


@pytest.mark.anyio
async def test_a_body_that_breaks_off_is_a_failed_connection() -> None:
    class Half(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=chunks())

    async with client_for(Half(), retries=RetryPolicy(max_attempts=1)) as client:
        with pytest.raises(ConnectionFailedError, match="half-way"):
            await client.get_group(GROUP)


@pytest.mark.asyncio
async def test_a_cancelled_asyncio_task_gives_its_slot_back() -> None:
    entered = asyncio.Event()
    script = Script(never, (200, ONE_GROUP))

    async def hold(request: httpx.Request) -> None:
        entered.set()
        await anyio.sleep_forever()

    script.answers[0] = hold
    async with client_for(script, max_connections=1) as client:
        task = asyncio.create_task(client.get_group(GROUP))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await client.get_group(GROUP)).id == GROUP


@pytest.mark.asyncio
async def test_a_timeout_of_asyncio_ends_a_call() -> None:
    async def time_out(_: httpx.Request) -> None:
        limit.reschedule(0)
        await anyio.sleep_forever()

    async with client_for(Script(time_out), deadline=None, timeout=None) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as limit:
                await client.get_group(GROUP)
    assert asyncio.all_tasks() == {asyncio.current_task()}


class HalfSent(httpx.AsyncBaseTransport):
    """Takes the first piece of each body, and no more."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        assert await anext(aiter(request.stream)) == request.content
        raise httpx.WriteError("reset")


@pytest.mark.anyio
@pytest.mark.parametrize("call", [read, create])
async def test_a_request_that_breaks_off_leaves_nothing_for_the_garbage_collector(call: Handler) -> None:
    collected: list[str] = []
    before = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=lambda generator: collected.append(generator.__qualname__))
    try:
        async with client_for(HalfSent(), retries=RetryPolicy(max_attempts=1)) as client:
            with pytest.raises(ConnectionFailedError):
                await call(client)
        gc.collect()
    finally:
        sys.set_asyncgen_hooks(*before)
    assert collected == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "headers", "waited"),
    [
        (500, {"retry-after": "60"}, True),
        (429, {"x-ratelimit-reset": "60"}, True),
        (500, {"x-ratelimit-reset": "60"}, False),
    ],
)
async def test_whose_wait_is_kept(status: int, headers: dict[str, str], waited: bool) -> None:
    async with client_for(Script((status, {}, headers), (200, ONE_GROUP)), deadline=30) as client:
        if waited:
            with pytest.raises(DeadlineExceededError):
                await client.get_group(GROUP)
        else:
            await client.get_group(GROUP)


@pytest.mark.anyio
async def test_cookies_are_not_sent_back() -> None:
    script = Script((200, ONE_GROUP, {"set-cookie": "session=1; path=/"}))
    async with client_for(script) as client:
        for _ in range(2):
            await read(client)
    assert [request.headers.get("cookie") for request in script.requests] == [None, None]


@pytest.mark.anyio
async def test_a_header_of_bytes_that_are_no_ascii_is_read() -> None:
    class Odd(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=ONE_GROUP, headers=[(b"X-Name", b"caf\xe9"), (b"x-name", b"bar")])

    seen: list[ApiResponse] = []
    async with client_for(Odd(), on_response=seen.append) as client:
        await read(client)
    assert seen[0].headers["x-name"] == "caf\xe9, bar"
