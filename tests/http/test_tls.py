"""TLS over real sockets: whom the client believes, and what a connection that breaks does to a call."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import NoReturn

import pytest
import trustme
from support.hostile import (
    ONE_GROUP,
    Act,
    Exchange,
    call,
    client_of,
    context_for,
    hostile_server,
    trusting,
)

from groups_sdk import AsyncGroupsClient, ConfigurationError, ConnectionFailedError, DecodeError


@pytest.mark.anyio
async def test_tls_with_the_right_name(authority: trustme.CA) -> None:
    with hostile_server(context_for(authority, "127.0.0.1")) as server, trusting(authority):
        async with client_of(server) as client:
            await call(client, "POST")
    assert len(server.asked) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("trusted", [True, False], ids=["wrong name", "unknown issuer"])
async def test_a_certificate_that_does_not_hold_is_refused_at_once(
    trusted: bool, method: str, authority: trustme.CA
) -> None:
    name = "api.example" if trusted else "127.0.0.1"
    with hostile_server(context_for(authority, name)) as server, ExitStack() as stack:
        if trusted:
            stack.enter_context(trusting(authority))
        async with client_of(server) as client:
            with pytest.raises(ConnectionFailedError, match="certificate verify failed") as caught:
                await call(client, method)
        expected = (
            "is not for 127.0.0.1: check the base URL" if trusted else "pass the certificate of its authority"
        )
        assert expected in str(caught.value)
        assert (caught.value.maybe_applied, caught.value.attempts) == (False, 1)
        assert server.connections == 1
        assert server.asked == []


@pytest.mark.anyio
async def test_a_certificate_that_has_expired(authority: trustme.CA) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC)).configure_cert(context)
    with hostile_server(context) as server, trusting(authority):
        async with client_of(server) as client:
            with pytest.raises(ConnectionFailedError, match="check the clock of this machine") as caught:
                await call(client, "POST")
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 1)


def _without_tls(exchange: Exchange, *parts: bytes) -> NoReturn:
    """Send bytes below TLS, and end the connection without a word."""
    below = exchange.socket.detach()
    for part in parts:
        os.write(below, part)
    os.close(below)
    exchange.hang_up()  # to read on would be to read from whatever has the number of the socket now


TLS_FAULTS: dict[str, Act] = {
    "ends without a word": _without_tls,
    "ends without a word in the midst of an answer": lambda e: (
        e.answer(200, ONE_GROUP[:20], length=len(ONE_GROUP)),
        _without_tls(e),
    ),
    "has something else than TLS in it": lambda e: _without_tls(e, b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", TLS_FAULTS)
async def test_a_tls_connection_that_breaks(name: str, authority: trustme.CA) -> None:
    with hostile_server(context_for(authority, "127.0.0.1")) as server, trusting(authority):
        async with client_of(server) as client:
            for _ in range(3):
                server.acts.put(TLS_FAULTS[name])
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, "GET")
            assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)
            with pytest.raises((ConnectionFailedError, DecodeError)) as created:
                await call(client, "POST")
            assert created.value.maybe_applied
            await call(client, "POST")
    assert [asked.connection for asked in server.asked] == [1, 2, 3, 4]


@pytest.mark.anyio
async def test_a_server_that_speaks_no_tls_is_not_sent_anything() -> None:
    def talk(connection: socket.socket) -> None:
        hello = connection.recv(65536)
        assert b"t0ken" not in hello
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with hostile_server() as server:
        for _ in range(2):
            server.greetings.put(talk)
        url = server.url.replace("http:", "https:")
        async with client_of(server, base_url=url) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, "POST")
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)


@pytest.mark.anyio
async def test_plain_http_to_another_machine_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        AsyncGroupsClient("t0ken", base_url="http://api.example")
