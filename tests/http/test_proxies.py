"""Proxies: what they answer, what of a request they get to see, and which of them are used at all."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
import trustme
from support.hostile import (
    PATIENCE,
    TWICE,
    Act,
    Exchange,
    HostileServer,
    call,
    client_of,
    context_for,
    hostile_server,
)

from groups_sdk import (
    AsyncGroupsClient,
    ConnectionFailedError,
    ForbiddenError,
    RequestTimeoutError,
    TransportError,
)


@pytest.fixture
def proxy() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def tunnel_to(port: int) -> Act:
    """What a proxy does that works."""

    def act(exchange: Exchange) -> None:
        with socket.create_connection(("127.0.0.1", port)) as onward:
            exchange.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_pump, args=[onward, exchange.socket])
            back.start()
            _pump(exchange.socket, onward)
            back.join(PATIENCE)

    return act


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


REFUSALS: dict[str, tuple[Act, type[TransportError]]] = {
    "407": (lambda e: e.answer(407, b"who are you?"), ConnectionFailedError),
    "502": (lambda e: e.answer(502, b"no"), ConnectionFailedError),
    "closed": (Exchange.hang_up, ConnectionFailedError),
    "reset": (Exchange.reset, ConnectionFailedError),
    "no HTTP": (lambda e: e.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), ConnectionFailedError),
    "no answer": (Exchange.say_nothing, RequestTimeoutError),
    "a tunnel to nowhere": (
        lambda e: (e.send(b"HTTP/1.1 200 OK\r\n\r\n"), e.hang_up()),
        ConnectionFailedError,
    ),
    "a tunnel to silence": (
        lambda e: (e.send(b"HTTP/1.1 200 OK\r\n\r\n"), e.socket.recv(65536), e.say_nothing()),
        RequestTimeoutError,
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", REFUSALS)
async def test_nothing_was_sent_when_there_is_no_tunnel(name: str, proxy: HostileServer) -> None:
    """So a creation is tried again where that could help."""
    act, expected = REFUSALS[name]
    for _ in range(2):
        proxy.acts.put(act)
    async with httpx.AsyncClient(proxy=proxy.url) as http:
        client = AsyncGroupsClient(
            "t0ken",
            base_url="https://api.example",
            http_client=http,
            retries=TWICE,
            timeout=PATIENCE,
        )
        with pytest.raises(expected) as caught:
            await call(client, "POST")
        await client.aclose()
    attempts = 1 if name == "407" else 2  # with the same password again, an account may be locked
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, attempts)
    assert [asked.method for asked in proxy.asked] == ["CONNECT"] * attempts
    assert "t0ken" not in repr(proxy.asked)


@pytest.mark.anyio
async def test_what_went_through_a_tunnel_was_sent(proxy: HostileServer) -> None:
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with hostile_server(context_for(authority, "127.0.0.1")) as server:
        for _ in range(2):
            proxy.acts.put(tunnel_to(server.port))
        server.acts.put(Exchange.hang_up)
        async with httpx.AsyncClient(proxy=proxy.url, verify=trust) as http:
            client = client_of(server, http_client=http)
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, "POST")
            assert (caught.value.maybe_applied, caught.value.attempts) == (True, 1)
            await call(client, "POST")
            await call(client, "GET")
            await client.aclose()
        assert [asked.connection for asked in server.asked] == [1, 2, 2]
    assert [asked.method for asked in proxy.asked] == ["CONNECT"] * 2


@pytest.mark.anyio
async def test_a_proxy_that_answers_in_place_of_the_server(proxy: HostileServer) -> None:
    proxy.acts.put(lambda e: e.answer(403, b"<title>Blocked by policy</title>", "content-type: text/html"))
    async with httpx.AsyncClient(proxy=proxy.url) as http:
        client = AsyncGroupsClient(
            "t0ken", base_url="http://10.0.0.1", http_client=http, retries=TWICE, allow_http=True
        )
        with pytest.raises(ForbiddenError, match="Blocked by policy"):
            await call(client, "DELETE")
        await client.aclose()
    assert proxy.asked[0].target.startswith("http://10.0.0.1/rest/groups/")


@pytest.mark.anyio
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_sees_nothing_that_is_not_encrypted(
    variable: str, proxy: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(variable, proxy.url)
    with hostile_server() as server:
        async with client_of(server) as client:
            await call(client, "POST")
        assert len(server.asked) == 1
    assert proxy.connections == 0


@pytest.mark.anyio
async def test_a_proxy_of_the_environment_is_asked_for_a_tunnel(
    proxy: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.acts.put(lambda e: e.answer(403))
    proxy.acts.put(lambda e: e.answer(403))
    async with AsyncGroupsClient("t0ken", base_url="https://api.example", retries=TWICE) as client:
        with pytest.raises(ConnectionFailedError, match="403"):
            await call(client, "GET")
    assert [(asked.method, asked.target) for asked in proxy.asked] == [("CONNECT", "api.example:443")] * 2
    assert "t0ken" not in repr(proxy.asked)
