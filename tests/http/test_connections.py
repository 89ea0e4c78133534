"""The end of an asynchronous client: closed while calls run, collected unclosed, met by another event loop."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from support.counted import CountedServer, counted_server
from support.stalling import PATIENCE, STALLED, StallingTransport, group_id

from groups_sdk import (
    AsyncGroupsClient,
    ClientClosedError,
    Group,
    OAuthClientCredentials,
    RetryEvent,
    RetryPolicy,
)
from groups_sdk._http.connections import abort

HERE = Path(__file__).parent.parent
ME = group_id(1)


@pytest.fixture(scope="module")
def server() -> Iterator[CountedServer]:
    with counted_server() as running:
        yield running


def client_of(server: CountedServer, **options: Any) -> AsyncGroupsClient:
    options = {"token": "t0ken", "deadline": None, "timeout": None, **options}
    return AsyncGroupsClient(options.pop("token"), base_url=server.url, **options)


async def arrival(server: CountedServer) -> None:
    await anyio.to_thread.run_sync(partial(server.arrived.get, timeout=PATIENCE))


async def all_closed(server: CountedServer) -> None:
    await anyio.to_thread.run_sync(server.wait_until_open, 0)


class Outcomes:
    """Calls in the background, which the closing is to end."""

    def __init__(self, client: AsyncGroupsClient) -> None:
        self.client = client
        self.errors: list[str] = []

    async def change(self, membership: str) -> None:
        with pytest.raises(ClientClosedError) as caught:
            await self.client.update_membership(ME, membership, role_id=ME)
        self.errors.append(str(caught.value))


# Closing while calls run


@pytest.mark.anyio
async def test_closing_ends_calls_that_wait_for_an_answer_or_a_slot(server: CountedServer) -> None:
    client = client_of(server, max_connections=2)
    outcomes = Outcomes(client)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as calls:
            for _ in range(2):
                calls.start_soon(outcomes.change, STALLED)
                await arrival(server)
            calls.start_soon(outcomes.change, ME)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()
            assert sorted(outcomes.errors) == [
                "the client was closed while this call ran; it may have been applied",
                "the client was closed while this call ran; it may have been applied",
                "the client was closed while this call ran; it was not applied",
            ]
    await all_closed(server)


@pytest.mark.anyio
@pytest.mark.parametrize("wait", ["retry", "rate limit", "access token"])
async def test_closing_ends_calls_that_wait_for_something_else(server: CountedServer, wait: str) -> None:
    waiting = anyio.Event()

    def retrying(_: RetryEvent) -> None:
        waiting.set()

    options: dict[str, Any] = {}
    if wait == "access token":
        options = {"token": OAuthClientCredentials("id", "secret", token_url=f"{server.url}/{STALLED}")}
    elif wait == "retry":
        server.failures.append(503)
        options = {"retries": RetryPolicy(backoff_base=1e6, backoff_cap=1e6, on_retry=retrying)}
    client = client_of(server, **options)
    if wait == "rate limit":
        client._caller.pool.bind().limiter.hold_until(anyio.current_time() + 1e6)
    outcomes = Outcomes(client)
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as calls:
            for _ in range(1 if wait == "retry" else 3):
                calls.start_soon(outcomes.change, ME)
            if wait == "retry":
                await waiting.wait()
            elif wait == "access token":
                await arrival(server)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()
    sure = "the client was closed while this call ran"
    assert set(outcomes.errors) == {
        f"{sure}; it may have been applied" if wait == "retry" else f"{sure}; it was not applied"
    }
    await all_closed(server)


@pytest.mark.anyio
async def test_a_call_on_a_transport_that_does_not_notice_ends_too_and_an_http_client_of_yours_stays_open() -> (
    None
):
    transport = StallingTransport()
    async with httpx.AsyncClient(transport=transport) as mine:
        client = AsyncGroupsClient("t0ken", http_client=mine, deadline=None, timeout=None)
        async with anyio.create_task_group() as calls:

            async def read() -> None:
                with pytest.raises(ClientClosedError):
                    await client.get_group(STALLED)

            calls.start_soon(read)
            await anyio.wait_all_tasks_blocked()
            await client.aclose()
            assert (transport.waiting, transport.closed.qsize(), mine.is_closed) == (0, 0, False)


class Closing(StallingTransport):
    """Has its client closed in the midst of a request, and does not let go before it has an outcome."""

    def __init__(self, failure: Exception | None) -> None:
        super().__init__()
        self.failure = failure
        self.client = AsyncGroupsClient("t0ken", transport=self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        with anyio.CancelScope(shield=True):
            self.closers.start_soon(self.client.aclose)
            while not self.client._caller.pool.closed:
                await anyio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return response

    async def call(self) -> Group:
        async with anyio.create_task_group() as self.closers:
            return await self.client.get_group(ME)


@pytest.mark.anyio
async def test_an_answer_that_is_there_when_the_client_closes_is_not_lost() -> None:
    assert (await Closing(None).call()).name == "group 1"


@pytest.mark.anyio
async def test_a_failure_that_comes_when_the_client_closes_is_not_repeated() -> None:
    transport = Closing(httpx.ReadError("reset"))
    with pytest.raises(ExceptionGroup) as caught:
        await transport.call()
    (error,) = caught.value.exceptions
    assert isinstance(error, ClientClosedError)
    assert (error.maybe_applied, transport.requests) == (False, 1), "it was a read"


@pytest.mark.anyio
async def test_whoever_closes_waits_until_it_is_done() -> None:
    class Slow(StallingTransport):
        async def aclose(self) -> None:
            closing.set()
            await let.wait()
            await super().aclose()

    closing, let = anyio.Event(), anyio.Event()
    transport = Slow()
    client = AsyncGroupsClient("t0ken", transport=transport)
    await client.get_group(ME)
    done: list[int] = []

    async def close() -> None:
        await client.aclose()
        done.append(transport.closed.qsize())

    async with anyio.create_task_group() as closers:
        closers.start_soon(close)
        await closing.wait()
        closers.start_soon(close)
        await anyio.wait_all_tasks_blocked()
        assert done == []
        let.set()
    await client.aclose()
    assert done == [1, 1]


@pytest.mark.anyio
async def test_a_client_that_was_never_used_has_nothing_to_close() -> None:
    transport = StallingTransport()
    client = AsyncGroupsClient("t0ken", transport=transport)
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await client.get_group(ME)
    assert (transport.requests, transport.closed.qsize()) == (0, 0)


# Collected unclosed


@pytest.mark.anyio
async def test_a_client_that_is_collected_warns_once_and_closes_its_sockets(server: CountedServer) -> None:
    client = client_of(server)
    copy = client.with_options(timeout=50)
    async with anyio.create_task_group() as calls:
        for _ in range(3):
            calls.start_soon(client.get_group, ME)
    del client
    gc.collect()
    assert (await copy.get_group(ME)).name == "group 1"  # it keeps the client that it was made from
    with pytest.warns(ResourceWarning) as caught:
        del copy
        gc.collect()
        await all_closed(server)
    assert len(caught) == 1
    assert str(caught[0].message).startswith("unclosed client AsyncGroupsClient(ApiToken(***)")


@pytest.mark.anyio
async def test_a_client_that_is_collected_in_another_thread_closes_its_sockets(server: CountedServer) -> None:
    clients = [client_of(server)]
    await clients[0].get_group(ME)
    with pytest.warns(ResourceWarning) as caught:
        await anyio.to_thread.run_sync(clients.clear)
        gc.collect()
        await all_closed(server)
    assert len(caught) == 1


@pytest.mark.anyio
async def test_an_http_client_of_yours_is_not_touched_when_the_client_is_collected(
    server: CountedServer,
) -> None:
    async with httpx.AsyncClient() as mine:
        client = client_of(server, http_client=mine)
        await client.get_group(ME)
        before = server.connections
        with pytest.warns(ResourceWarning):
            del client
            gc.collect()
        await anyio.lowlevel.checkpoint()
        async with client_of(server, http_client=mine) as other:
            await other.get_group(ME)
        assert server.connections == before


SCRIPT = """
import sys
import anyio
from groups_sdk import AsyncGroupsClient

async def main():
    global client
    client = AsyncGroupsClient("t0ken", base_url=sys.argv[1])
    async with anyio.create_task_group() as calls:
        for _ in range(3):
            calls.start_soon(client.get_group, sys.argv[2])
    {end}

anyio.run(main, backend={backend!r})
{after}
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("end", "after", "warned"),
    [
        ("del client", "", 1),
        ("pass", "del client", 1),
        ("await client.aclose()", "", 0),
    ],
    ids=["forgotten", "forgotten after the end of the loop", "closed"],
)
def test_a_program_that_forgets_a_client_is_warned_once(
    server: CountedServer, backend: str, end: str, after: str, warned: int
) -> None:
    script = SCRIPT.format(end=end, after=after, backend=backend)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script, server.url, ME],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=True,
    )
    warnings = [
        line for line in done.stderr.splitlines() if "Warning: " in line and "tracemalloc" not in line
    ]
    if backend == "asyncio" and after:  # asyncio has warnings of its own for sockets that outlive its loop
        warnings = [line for line in warnings if "unclosed client" in line]
    assert len(warnings) == warned, done.stderr
    assert all("unclosed client AsyncGroupsClient" in line for line in warnings)
    assert "Traceback" not in done.stderr
    assert "destroyed" not in done.stderr
    server.wait_until_open(0)


# Another event loop


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_another_event_loop_is_refused_while_the_first_one_uses_the_client(
    server: CountedServer, backend: str
) -> None:
    client = client_of(server)
    end: list[Any] = []

    async def use() -> None:
        call = asyncio.ensure_future(client.get_group(STALLED))
        end.append(partial(asyncio.get_running_loop().call_soon_threadsafe, call.cancel))
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await client.get_group(ME)).name == "group 1"
        await client.aclose()

    first = threading.Thread(target=asyncio.run, args=[use()])
    first.start()
    server.arrived.get(timeout=PATIENCE)
    for use_it in (partial(client.get_group, ME), client.list_groups().first, client.aclose):
        with pytest.raises(ClientClosedError, match="belongs to another event loop"):
            anyio.run(use_it, backend=backend)
    end[0]()
    first.join(PATIENCE)
    assert not first.is_alive()
    server.wait_until_open(0)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("other", ["asyncio", "trio"])
def test_a_client_whose_event_loop_has_ended_can_be_closed_on_another(
    server: CountedServer, backend: str, other: str
) -> None:
    client = client_of(server)
    anyio.run(client.get_group, ME, backend=backend)
    server.wait_until_open(0)
    for _ in range(2):
        anyio.run(client.aclose, backend=other)
    with pytest.raises(ClientClosedError, match="closed"):
        anyio.run(client.get_group, ME, backend=backend)
    del client
    gc.collect()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are those of POSIX")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_forked_child_leaves_the_connections_of_its_parent_alone(
    server: CountedServer, backend: str
) -> None:
    script = """
import asyncio, gc, os, sys, warnings
import anyio
from groups_sdk import AsyncGroupsClient
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

def in_the_child(client):
    if sys.argv[4] == "close":
        asyncio.run(client.aclose())
    elif sys.argv[4] == "use":
        for _ in range(2):
            asyncio.run(client.get_group(sys.argv[3]))
        asyncio.run(client.aclose())

async def main():
    client = AsyncGroupsClient("t0ken", base_url=sys.argv[1])
    await client.get_group(sys.argv[3])
    if os.fork() == 0:
        code = 1
        try:
            in_the_child(client)
            del client
            gc.collect()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    print((await client.get_group(sys.argv[3])).name)
    await client.aclose()

anyio.run(main, backend=sys.argv[2])
"""
    before = server.connections
    works = ("close", "forget", "use") if backend == "asyncio" else ("forget",)
    for work in works:
        done = subprocess.run(
            [sys.executable, "-c", script, server.url, backend, ME, work],
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("group 1\n", "")
    own = 2 * ("use" in works)  # those of a child that goes on with the client, on two event loops
    assert server.connections == before + len(works) + own


@pytest.mark.anyio
async def test_a_client_of_the_parent_is_closed_and_collected_without_a_touch_on_its_event_loop(
    server: CountedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(server)
    await client.get_group(ME)
    before = server.connections
    pool = client._caller.pool
    with monkeypatch.context() as child:
        child.setattr("groups_sdk._event_loop.os.getpid", lambda: -1)
        child.setattr("groups_sdk._event_loop.current_loop", object)
        await client.aclose()
        pool.abandon()
    pool.closed = False  # as it is in the parent
    await client.get_group(ME)
    assert server.connections == before
    await client.aclose()


@pytest.mark.anyio
async def test_a_forked_child_does_not_go_on_with_connections_that_were_handed_in(
    server: CountedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with httpx.AsyncHTTPTransport() as transport, client_of(server, transport=transport) as client:
        await client.get_group(ME)
        with monkeypatch.context() as child:
            child.setattr("groups_sdk._event_loop.os.getpid", lambda: -1)
            child.setattr("groups_sdk._event_loop.current_loop", object)
            with pytest.raises(ClientClosedError, match="before the process forked") as caught:
                await client.get_group(ME)
        assert caught.value.maybe_applied is False


def test_an_unused_client_that_is_abandoned_is_closed(server: CountedServer) -> None:
    pool = client_of(server)._caller.pool
    pool.abandon()
    assert pool.closed


def test_a_socket_that_closes_without_waiting_is_closed() -> None:
    class Stream:
        closed = False

        async def aclose(self) -> None:
            self.closed = True

        def get_extra_info(self, info: str) -> None:
            raise AssertionError

    stream = Stream()
    abort(stream)
    assert stream.closed


@pytest.mark.parametrize("known", [True, False])
def test_a_socket_whose_event_loop_has_ended_is_closed_where_it_is_known(known: bool) -> None:
    class Stream:
        async def aclose(self) -> None:
            raise RuntimeError("must be called from async context")

        def get_extra_info(self, info: str) -> socket.socket | None:
            return sock if known else None

    with socket.socket() as sock:
        abort(Stream())
        assert (sock.fileno() < 0) is known


def test_an_abandoned_client_leaves_the_connections_of_yours_alone(server: CountedServer) -> None:
    async def main() -> None:
        async with httpx.AsyncClient() as mine:
            client = client_of(server, http_client=mine)
            await client.get_group(ME)
            before = server.connections
            with pytest.warns(ResourceWarning, match="unclosed client"):
                del client
                gc.collect()
            await asyncio.sleep(0)
            async with client_of(server, http_client=mine) as other:
                await other.get_group(ME)
            assert server.connections == before

    asyncio.run(main())
