"""Faults over real sockets: which error, sent or not, repeated or not, and whether the client works afterwards."""

from __future__ import annotations

import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import anyio
import httpx
import pytest
import trustme
from support.faults import BOMB, CHUNKED, FAULTS, GZIPPED, NONSENSE
from support.hostile import (
    GOOD,
    GROUP,
    LIMIT,
    ONE_GROUP,
    PATIENCE,
    TWICE,
    Act,
    Exchange,
    HostileServer,
    call,
    client_of,
    close_at_once,
    context_for,
    hostile_server,
    reset_at_once,
    trusting,
)

from groups_sdk import (
    ApiError,
    AsyncGroupsClient,
    ConnectionFailedError,
    DecodeError,
    ForbiddenError,
    GroupsError,
    InvalidArgumentError,
    RetryPolicy,
    TransportError,
)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def wrote(method: str) -> bool:
    return method != "GET"


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("name", FAULTS)
async def test_fault(name: str, method: str, server: HostileServer) -> None:
    fault = FAULTS[name]
    for _ in range(TWICE.max_attempts):
        server.acts.put(fault.act)
    async with client_of(server) as client:
        with pytest.raises(GroupsError) as caught:
            await call(client, method)
        error, asked = caught.value, len(server.asked)
        while not server.acts.empty():
            server.acts.get_nowait()
        connections = server.connections
        assert await call(client, method) is None or method in ("GET", "POST")

    assert type(error) is (DecodeError if fault.created and method == "POST" else fault.error)
    attempts = 2 if fault.repeated and method != "POST" else 1
    assert asked == attempts
    if isinstance(error, ApiError):
        assert error.status_code == fault.status
        assert error.attempts == attempts
        assert error.maybe_applied is (wrote(method) and error.status_code >= 500)
    else:
        assert error.maybe_applied is wrote(method)
    if isinstance(error, TransportError):
        assert error.attempts == attempts
    assert fault.reused in (None, server.connections == connections)
    assert error.__cause__ is None
    assert error.__context__ is None


SUCCESSES: dict[str, Act] = {
    "an interim answer first": lambda e: (e.send(b"HTTP/1.1 100 Continue\r\n\r\n"), e.good()),
    "two interim answers first": lambda e: (e.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2), e.good()),
    "an answer byte by byte": lambda e: e.send(*_in_bytes(e)),
    "an answer without a length": lambda e: (e.send(_until_closed(e)), e.hang_up()),
    "the connection closed after the answer": lambda e: (e.good(), e.hang_up()),
    "gzip": lambda e: e.answer(200, gzip.compress(GOOD[e.asked.method][1]), GZIPPED),
    "gzip in two members": lambda e: e.answer(
        200,
        gzip.compress(GOOD[e.asked.method][1][:9]) + gzip.compress(GOOD[e.asked.method][1][9:]),
        GZIPPED,
    ),
    "deflate": lambda e: e.answer(200, zlib.compress(GOOD[e.asked.method][1]), "content-encoding: deflate"),
    "JSON that is called text": lambda e: e.answer(*GOOD[e.asked.method], "content-type: text/plain"),
}


HANGING_UP = (SUCCESSES["an answer without a length"], SUCCESSES["the connection closed after the answer"])


def _in_bytes(exchange: Exchange) -> list[bytes]:
    status, body = GOOD[exchange.asked.method]
    head = (
        f"HTTP/1.1 {status} Fine\r\ncontent-length: {len(body)}\r\n\r\n"
        if body
        else "HTTP/1.1 204 Fine\r\n\r\n"
    )
    return [bytes([byte]) for byte in head.encode() + body]


def _until_closed(exchange: Exchange) -> bytes:
    status, body = GOOD[exchange.asked.method]
    return f"HTTP/1.1 {status} Fine\r\nconnection: close\r\n\r\n".encode() + body


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("name", SUCCESSES)
async def test_oddity_that_is_understood(name: str, method: str, server: HostileServer) -> None:
    server.acts.put(SUCCESSES[name])
    async with client_of(server) as client:
        await call(client, method)
        if SUCCESSES[name] in HANGING_UP:  # what is sent in that very moment may be lost
            await anyio.to_thread.run_sync(lambda: server.ended.get(timeout=PATIENCE))
        await call(client, method)
    assert len(server.asked) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("name", NONSENSE)
async def test_success_that_makes_no_sense(name: str, method: str, server: HostileServer) -> None:
    server.acts.put(NONSENSE[name])
    async with client_of(server) as client:
        if method in ("GET", "POST"):
            with pytest.raises(DecodeError) as caught:
                await call(client, method)
            assert caught.value.request_id == "req-1"
        else:  # its status says all that there is to know
            await call(client, method)
        await call(client, method)
    assert [asked.connection for asked in server.asked] == [1, 1]


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_a_page_of_html_in_place_of_a_success_is_no_success(method: str, server: HostileServer) -> None:
    """Who has sent it is not known, and so is whether a change was made."""
    server.acts.put(lambda e: e.answer(200, b"<html>Log in</html>", "content-type: text/html; charset=utf-8"))
    async with client_of(server) as client:
        with pytest.raises(DecodeError if method == "GET" else ConnectionFailedError) as caught:
            await call(client, method)
        if isinstance(caught.value, ConnectionFailedError):
            assert (caught.value.maybe_applied, caught.value.attempts) == (True, 1)
        await call(client, method)
    assert len(server.asked) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_nobody_listens(method: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        async with AsyncGroupsClient("t0ken", base_url=url, retries=TWICE) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, method)
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)


@pytest.mark.anyio
@pytest.mark.parametrize("greeting", [close_at_once, reset_at_once])
async def test_a_connection_that_ends_before_anything_is_read(greeting: Any, server: HostileServer) -> None:
    """It may end while the request is on its way, or while the client connects: then nothing was sent."""
    for method in ("GET", "PATCH", "DELETE", "POST"):
        async with client_of(server) as client:
            server.greetings.put(greeting)
            try:
                await call(client, method)
            except ConnectionFailedError as error:
                assert method == "POST"
                assert (error.maybe_applied, error.attempts) == (True, 1)
                await call(client, method)
    assert len(server.asked) == 4


@pytest.mark.anyio
async def test_a_204_with_a_body_spoils_the_connection_and_not_the_next_call(server: HostileServer) -> None:
    server.acts.put(lambda e: e.answer(204, b"nothing"))
    async with client_of(server) as client:
        await call(client, "DELETE")
        await call(client, "GET")
    assert [asked.connection for asked in server.asked] == [1, 2]


def _framed(body: bytes, framing: str) -> bytes:
    if framing == "chunked":
        return b"HTTP/1.1 200 OK\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (CHUNKED.encode(), len(body), body)
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("how", ["plain", "TLS", "read by a hook"])
async def test_a_second_answer_to_one_request_is_not_taken_for_the_answer_to_the_next(
    how: str, framing: str, method: str, server: HostileServer, authority: trustme.CA
) -> None:
    """The next one was refused; the answer that was left over says that it was done."""

    async def read(response: httpx.Response) -> None:
        await response.aread()

    async with AsyncExitStack() as stack:
        options: dict[str, Any] = {}
        if how == "TLS":
            server = stack.enter_context(hostile_server(context_for(authority, "127.0.0.1")))
            stack.enter_context(trusting(authority))
        elif how == "read by a hook":
            http = httpx.AsyncClient(event_hooks={"response": [read]})
            options["http_client"] = await stack.enter_async_context(http)
        done = _framed(GOOD["POST"][1], framing)
        server.acts.put(lambda e: e.send(_framed(ONE_GROUP, framing) + done))
        server.acts.put(lambda e: e.answer(403))
        client = await stack.enter_async_context(client_of(server, **options))
        await call(client, "GET")
        with pytest.raises(ForbiddenError):
            await call(client, method)
        await call(client, method)
    assert [asked.connection for asked in server.asked] == [1, 2, 2]


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_a_length_that_is_too_short_spoils_the_connection_and_not_the_next_call(
    method: str, server: HostileServer
) -> None:
    server.acts.put(lambda e: e.answer(200, ONE_GROUP, length=len(ONE_GROUP) - 40))
    async with client_of(server) as client:
        if method in ("GET", "POST"):
            with pytest.raises(DecodeError):
                await call(client, method)
        else:
            await call(client, method)
        await call(client, "POST")
    assert [asked.connection for asked in server.asked] == [1, 2]


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "POST"])
async def test_a_connection_that_was_closed_between_two_calls_is_not_used(
    method: str, server: HostileServer
) -> None:
    async with client_of(server, retries=RetryPolicy(max_attempts=1)) as client:
        server.acts.put(lambda e: (e.good(), e.hang_up()))
        await call(client, method)
        await anyio.to_thread.run_sync(lambda: server.ended.get(timeout=PATIENCE))
        await call(client, method)
    assert [asked.connection for asked in server.asked] == [1, 2]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_credentials_do_not_go_along_a_redirect(status: int, server: HostileServer) -> None:
    with hostile_server() as elsewhere:
        async with client_of(server) as client:
            for target in (
                f"{elsewhere.url}/rest/groups/{GROUP}",
                f"//127.0.0.1:{elsewhere.port}/",
                "/login",
            ):
                server.acts.put(lambda e, to=target: e.answer(status, b"", f"location: {to}"))
                with pytest.raises(ApiError) as caught:
                    await client.get_group(GROUP)
                assert caught.value.status_code == status
        assert elsewhere.connections == 0
    assert len(server.asked) == 3


@pytest.mark.anyio
async def test_credentials_do_not_go_to_a_link_of_another_origin(server: HostileServer) -> None:
    with hostile_server() as elsewhere:
        async with client_of(server) as client:
            link = f"{elsewhere.url}/rest/groups?starting_after=v1.x"
            server.acts.put(
                lambda e: e.answer(200, json.dumps({"data": [], "links": {"next": link}}).encode())
            )
            server.acts.put(lambda e: e.answer(200, b'{"data": []}'))
            assert await client.list_groups().collect() == []
        assert elsewhere.connections == 0
    assert "starting_after=v1.x" in server.asked[1].target


@pytest.mark.anyio
async def test_a_body_that_a_hook_has_read_already_is_held_to_the_same_limit(server: HostileServer) -> None:
    async def read(response: httpx.Response) -> None:
        await response.aread()

    async with httpx.AsyncClient(event_hooks={"response": [read]}) as http:
        client = client_of(server, http_client=http)
        await call(client, "GET")
        server.acts.put(lambda e: e.answer(200, b" " * (LIMIT + 1)))
        with pytest.raises(DecodeError, match="max_response_bytes"):
            await call(client, "GET")
        await client.aclose()


@pytest.mark.anyio
async def test_a_body_that_a_hook_has_thrown_away_is_a_failure_of_the_connection(
    server: HostileServer,
) -> None:
    async def close(response: httpx.Response) -> None:
        await response.aclose()

    async with httpx.AsyncClient(event_hooks={"response": [close]}) as http:
        client = client_of(server, http_client=http)
        with pytest.raises(ConnectionFailedError) as caught:
            await call(client, "PATCH")
        await client.aclose()
    assert (caught.value.maybe_applied, caught.value.attempts) == (True, 2)


class NoGzip(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"no gzip"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # trio warns of generators that httpx leaves open
@pytest.mark.parametrize("status", [200, 403, 404, 500])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
async def test_a_body_that_a_hook_cannot_decompress_proves_no_change(status: int, method: str) -> None:
    async def read(response: httpx.Response) -> None:
        await response.aread()

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-encoding": "gzip"}, stream=NoGzip())

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, event_hooks={"response": [read]}) as http:
        client = AsyncGroupsClient("t0ken", http_client=http)
        with pytest.raises(ConnectionFailedError, match="DecodingError") as caught:
            await call(client, method)
        await client.aclose()
    assert caught.value.maybe_applied is (method != "GET")
    assert caught.value.attempts == 1


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["x" * 70_000, "\ud800"], ids=["too long", "half a character"])
async def test_what_no_url_can_hold_is_refused_before_anything_is_sent(
    text: str, server: HostileServer
) -> None:
    async with client_of(server) as client:
        for refused in (
            client.list_memberships(GROUP, email=text).collect(),
            client.request("POST", "/groups", params={"name": text}),
        ):
            with pytest.raises(InvalidArgumentError, match="no URL") as caught:
                await refused
            assert len(str(caught.value)) < 300
    assert server.connections == 0


@pytest.mark.anyio
async def test_a_gzip_bomb_is_not_inflated_beyond_the_limit(server: HostileServer) -> None:
    async with client_of(server) as client:
        await call(client, "GET")
        server.acts.put(lambda e: e.answer(200, BOMB, GZIPPED))
        tracemalloc.start()
        try:
            with pytest.raises(DecodeError, match="max_response_bytes"):
                await call(client, "GET")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 16 * LIMIT  # which is a sixteenth of what is in it
