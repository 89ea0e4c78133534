"""A client for the whole program, under one event loop after the other."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import anyio
import httpx
import pytest
import trustme
from support.counted import CountedServer, counted_server
from support.scripted import GROUP, OAUTH, ONE_GROUP, TOKEN, Script, client_for
from support.stalling import PATIENCE, STALLED, group_id

from groups_sdk import (
    AsyncGroupsClient,
    ClientClosedError,
    DeadlineExceededError,
    RateLimit,
    RateLimitedError,
    RetryPolicy,
    Wait,
)
from groups_sdk._http.observers import WaitObserver

R = TypeVar("R")
Run = Callable[[Callable[[], Coroutine[Any, Any, R]]], R]
ME = group_id(1)
TOKEN_ANSWER = (200, {"access_token": "issued", "expires_in": 3600})


def with_asyncio(func: Callable[[], Coroutine[Any, Any, R]]) -> R:
    return asyncio.run(func())


def with_trio(func: Callable[[], Coroutine[Any, Any, R]]) -> R:
    return anyio.run(func, backend="trio")


def with_uvloop(func: Callable[[], Coroutine[Any, Any, R]]) -> R:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    return uvloop.run(func())  # type: ignore[no-any-return]


def with_loop_closed_by_hand(func: Callable[[], Coroutine[Any, Any, R]]) -> R:
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(func())
    finally:
        loop.close()


@pytest.fixture(params=[with_asyncio, with_trio, with_uvloop, with_loop_closed_by_hand])
def run(request: pytest.FixtureRequest) -> Run[Any]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=["http", "https"])
def server(request: pytest.FixtureRequest, authority: trustme.CA) -> Iterator[CountedServer]:
    tls = None
    if request.param == "https":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
    with counted_server(tls) as running:
        yield running


@pytest.fixture
def client(server: CountedServer, authority: trustme.CA) -> AsyncGroupsClient:
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    return AsyncGroupsClient(TOKEN, base_url=server.url, verify=trusted)


def test_it_goes_on_with_the_next_event_loop_without_a_warning(
    run: Run[Any], client: AsyncGroupsClient, server: CountedServer
) -> None:
    async def task() -> str | None:
        await client.get_group(ME)
        return (await client.get_group(ME)).name

    before = server.connections
    for _ in range(3):
        assert run(task) == "group 1"
        gc.collect()  # any warning is an error here
    assert server.connections == before + 3
    run(client.aclose)
    server.wait_until_open(0)
    with pytest.raises(ClientClosedError, match="this client is closed"):
        run(task)


@pytest.mark.filterwarnings("ignore:unclosed resource <TCPTransport:ResourceWarning")
def test_it_goes_from_one_kind_of_event_loop_to_another(client: AsyncGroupsClient) -> None:
    for kind in (with_asyncio, with_trio, with_loop_closed_by_hand, with_trio, with_asyncio):
        assert kind(lambda: client.get_group(ME)).name == "group 1"
        gc.collect()
    with_trio(client.aclose)


class Wrapped(httpx.AsyncBaseTransport):
    """Counts, say, and hides how far its requests are."""

    def __init__(self, **options: Any) -> None:
        self.inner = httpx.AsyncHTTPTransport(**options)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


@pytest.mark.parametrize("handed_in", ["http_client", "transport", "wrapped"])
def test_what_keeps_connections_of_its_own_is_not_used_on_another_event_loop(
    server: CountedServer, authority: trustme.CA, handed_in: str
) -> None:
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)

    async def use() -> None:
        kinds: dict[str, Callable[..., Any]] = {
            "http_client": httpx.AsyncClient,
            "transport": httpx.AsyncHTTPTransport,
            "wrapped": Wrapped,
        }
        name = "http_client" if handed_in == "http_client" else "transport"
        async with kinds[handed_in](verify=trusted) as mine:
            client = AsyncGroupsClient(TOKEN, base_url=server.url, **{name: mine})
            assert (await client.get_group(ME)).name == "group 1"
            clients.append(client)

    clients: list[AsyncGroupsClient] = []
    asyncio.run(use())
    for run in (with_asyncio, with_trio):
        with pytest.raises(ClientClosedError, match="its transport or http_client keeps connections"):
            run(lambda: clients[0].get_group(ME))
    asyncio.run(clients[0].aclose())
    server.wait_until_open(0)


def test_an_event_loop_that_ended_in_the_midst_of_a_call(
    server: CountedServer, client: AsyncGroupsClient
) -> None:
    async def begin() -> None:
        loop = asyncio.get_running_loop()
        calls = [loop.create_task(client.get_group(STALLED)) for _ in range(12)]  # more than there are places
        for _ in range(10):
            await asyncio.to_thread(server.arrived.get, timeout=PATIENCE)
        if interrupted:
            raise KeyboardInterrupt
        assert not any(call.done() for call in calls)

    for interrupted in (False, True):
        try:
            asyncio.run(begin())
        except KeyboardInterrupt:
            assert interrupted
        assert asyncio.run(client.get_group(ME)).name == "group 1"
        gc.collect()
    asyncio.run(client.aclose())
    server.wait_until_open(0)


def test_while_the_other_event_loop_lives_the_error_names_detached(client: AsyncGroupsClient) -> None:
    async def refused() -> None:
        with pytest.raises(
            ClientClosedError, match=r"which has not ended: use client\.detached\(\)"
        ) as caught:
            await client.get_group(ME)
        assert not caught.value.maybe_applied
        async with client.detached() as other:
            assert (await other.get_group(ME)).name == "group 1"

    loop = asyncio.new_event_loop()
    loop.run_until_complete(client.get_group(ME))
    asyncio.run(refused())  # it is open, and does not run
    anyio.run(refused, backend="trio")
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run(refused())  # another thread runs it
    loop.call_soon_threadsafe(loop.stop)
    thread.join(PATIENCE)
    loop.run_until_complete(client.aclose())
    loop.close()


def test_of_two_threads_that_go_on_with_it_at_once_one_is_refused() -> None:
    client = client_for(Script((200, ONE_GROUP)))
    asyncio.run(client.get_group(GROUP))
    pool = client._caller.pool
    make = pool._new_resources

    def slow(before: Any) -> Any:
        pool._new_resources = make  # type: ignore[method-assign]
        thread = threading.Thread(target=loop.run_until_complete, args=[client.get_group(GROUP)])
        thread.start()
        thread.join(PATIENCE)
        return make(before)

    loop = asyncio.new_event_loop()
    pool._new_resources = slow  # type: ignore[method-assign]
    with pytest.raises(ClientClosedError, match="has not ended"):
        asyncio.run(client.get_group(GROUP))
    loop.run_until_complete(client.get_group(GROUP))
    loop.run_until_complete(client.aclose())
    loop.close()


# What is carried over


@pytest.mark.parametrize("other", [with_asyncio, with_trio])
@pytest.mark.parametrize("kind", [with_asyncio, with_trio])
def test_an_access_token_that_is_valid_is_not_fetched_again(kind: Run[Any], other: Run[Any]) -> None:
    script = Script(*[TOKEN_ANSWER, *[(200, ONE_GROUP)] * 4, 401, TOKEN_ANSWER, (200, ONE_GROUP)])
    client = client_for(script, token=OAUTH)
    for run in (kind, other, kind, other):
        run(lambda: client.get_group(GROUP))
    assert [request.method for request in script.requests] == ["POST", "GET", "GET", "GET", "GET"]
    kind(lambda: client.get_group(GROUP))  # refused, and renewed
    assert [request.method for request in script.requests][5:] == ["GET", "POST", "GET"]
    kind(client.aclose)


def test_an_access_token_that_has_expired_meanwhile_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(TOKEN_ANSWER, (200, ONE_GROUP), TOKEN_ANSWER, (200, ONE_GROUP))
    client = client_for(script, token=OAUTH)
    with_asyncio(lambda: client.get_group(GROUP))
    now = time.monotonic
    monkeypatch.setattr("time.monotonic", lambda: now() + 3600)
    with_asyncio(lambda: client.get_group(GROUP))
    assert [request.method for request in script.requests] == ["POST", "GET", "POST", "GET"]
    with_asyncio(client.aclose)


def test_a_token_request_that_ended_with_its_event_loop_keeps_nobody_waiting() -> None:
    async def interrupted(_: httpx.Request) -> Exception:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    client = client_for(Script(interrupted, TOKEN_ANSWER, (200, ONE_GROUP)), token=OAUTH)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(client.get_group(GROUP))
    assert asyncio.run(client.get_group(GROUP)).name == "Engineering"
    asyncio.run(client.aclose())


@pytest.mark.parametrize("other", [with_asyncio, with_trio])
@pytest.mark.parametrize("kind", [with_asyncio, with_trio])
def test_the_rate_that_was_used_counts_on(kind: Run[Any], other: Run[Any]) -> None:
    waits: list[Wait] = []
    limit = RateLimit(per_second=160, per_minute=3)
    client = client_for(Script((200, ONE_GROUP)), rate_limit=limit, deadline=5, on_wait=waits.append)
    for run in (kind, other, kind):
        run(lambda: client.get_group(GROUP))
    for run in (other, kind):
        with pytest.raises(DeadlineExceededError, match="the rate limit allowed no request"):
            run(lambda: client.get_group(GROUP))
    other(client.aclose)
    unlimited = client_for(Script((200, ONE_GROUP)), rate_limit=None)
    for run in (kind, other):
        run(lambda: unlimited.get_group(GROUP))
    other(unlimited.aclose)


@pytest.mark.parametrize("limit", [RateLimit(), None])
def test_a_pause_that_the_api_asked_for_lasts(limit: RateLimit | None) -> None:
    script = Script((429, {}, {"retry-after": "50"}), (200, ONE_GROUP))
    client = client_for(script, rate_limit=limit, retries=RetryPolicy(max_attempts=1), deadline=5)
    with pytest.raises(RateLimitedError):
        with_asyncio(lambda: client.get_group(GROUP))
    for run in (with_trio, with_asyncio):
        with pytest.raises(DeadlineExceededError, match="the rate limit allowed no request"):
            run(lambda: client.get_group(GROUP))
    assert len(script.requests) == 1
    with_asyncio(client.aclose)


def test_an_observer_is_told_of_a_wait_on_each_event_loop() -> None:
    waits: list[str] = []
    observer = WaitObserver(lambda wait: waits.append(wait.operation))

    async def pausing() -> None:
        for _ in range(3):
            observer.pausing("getGroup", 30, None)

    for run in (with_trio, with_asyncio, with_trio):
        run(pausing)
    assert waits == ["getGroup"] * 3


# Forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are those of POSIX")
def test_a_transport_that_was_used_before_a_fork_is_not_used_in_the_child() -> None:
    program = """
        import asyncio, os
        from support.scripted import GROUP, ONE_GROUP, Script, client_for
        from groups_sdk import ClientClosedError

        client = client_for(Script((200, ONE_GROUP)))
        asyncio.run(client.get_group(GROUP))
        if os.fork() == 0:
            try:
                asyncio.run(client.get_group(GROUP))
            except ClientClosedError as error:
                print(error, flush=True)
            os._exit(0)
        os.wait()
        asyncio.run(client.get_group(GROUP))
        asyncio.run(client.aclose())
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert "belong to the parent: make a new client" in done.stdout
    assert done.stderr == ""
