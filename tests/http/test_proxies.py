"""Proxies: what they answer, what of a request they get to see, and which of them are used at all."""

from __future__ import annotations

import base64
import logging
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx
import pytest
import trustme
from support import clock
from support.hostile import (
    GROUP,
    PATIENCE,
    TWICE,
    Act,
    Exchange,
    HostileServer,
    call,
    client_of,
    context_for,
    hostile_server,
    trusting,
)

from groups_sdk import (
    AsyncGroupsClient,
    ConnectionFailedError,
    ForbiddenError,
    GroupsClient,
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
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_sees_nothing_that_is_not_encrypted(
    variable: str, proxy: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    proxy.acts.put(lambda e: e.answer(403))
    proxy.acts.put(lambda e: e.answer(403))
    async with AsyncGroupsClient("t0ken", base_url="https://api.example", retries=TWICE) as client:
        with pytest.raises(ConnectionFailedError, match="403"):
            await call(client, "GET")
    assert [(asked.method, asked.target) for asked in proxy.asked] == [("CONNECT", "api.example:443")] * 2
    assert "t0ken" not in repr(proxy.asked)


# Proxies that the settings of a client name, over real sockets

OLD = tuple(map(int, version("httpcore").split(".")[:3])) < (1, 0, 3)
NEEDS_SOCKS = pytest.mark.skipif(OLD, reason="the extra `socks` asks for a newer httpcore")
SOCKS5 = pytest.param("socks5", marks=NEEDS_SOCKS)
SOCKS5H = pytest.param("socks5h", marks=NEEDS_SOCKS)

PASSWORD = "pa55/w0rd#"
IN_URL = f"ada-l:{quote(PASSWORD, safe='')}"
BASIC = base64.b64encode(f"ada-l:{PASSWORD}".encode()).decode()


def named(proxy: HostileServer, scheme: str = "http", userinfo: str = IN_URL) -> str:
    return f"{scheme}://{userinfo}@127.0.0.1:{proxy.port}"


def socks_to(
    port: int, *, accepts: str = f"ada-l:{PASSWORD}", reply: int = 0
) -> Callable[[socket.socket], None]:
    """What a SOCKS5 proxy does with a connection: a greeting for `HostileServer`."""

    def greet(connection: socket.socket) -> None:
        def read(length: int) -> bytes:
            return connection.recv(length, socket.MSG_WAITALL)

        methods = read(read(2)[1])
        connection.sendall(b"\x05" + methods[:1])
        if methods[:1] == b"\x02":
            user = read(read(2)[1])
            password = read(read(1)[0])
            known = user + b":" + password == accepts.encode()
            connection.sendall(b"\x01" + bytes([not known]))
            if not known:
                return
        kind = read(4)[3]
        read((4 if kind == 1 else read(1)[0]) + 2)
        connection.sendall(bytes([5, reply, 0, 1, 127, 0, 0, 1, 0, 0]))
        if reply:
            connection.recv(1)  # until the client closes it
        else:
            with socket.create_connection(("127.0.0.1", port)) as onward:
                back = threading.Thread(target=_pump, args=[onward, connection])
                back.start()
                _pump(connection, onward)
                back.join(PATIENCE)

    return greet


def assert_silent(error: BaseException, log: str) -> None:
    """Neither the error nor the log shows the proxy's user name or password."""
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)  # without the locals of the test
    shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    for text in ("".join(shown), repr(error), repr(vars(error)), log):
        for secret in ("ada-l", "pa55", "w0rd", BASIC):
            assert secret not in text


@pytest.fixture
def api(authority: trustme.CA) -> Iterator[HostileServer]:
    """A server with TLS, which clients within it trust."""
    with hostile_server(context_for(authority, "127.0.0.1")) as server, trusting(authority):
        yield server


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["argument", "environment"])
@pytest.mark.parametrize("scheme", ["http", "https", SOCKS5, SOCKS5H])
async def test_calls_through_a_proxy_with_a_password(
    scheme: str,
    way: str,
    api: HostileServer,
    authority: trustme.CA,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tls = context_for(authority, "127.0.0.1") if scheme == "https" else None
    with hostile_server(tls) as proxy, caplog.at_level(logging.DEBUG):
        for _ in range(2):
            if scheme.startswith("socks"):
                proxy.greetings.put(socks_to(api.port))
            else:
                proxy.acts.put(tunnel_to(api.port))
        if way == "environment":
            monkeypatch.setenv("ALL_PROXY", named(proxy, scheme))
        client = client_of(api, **({"proxy": named(proxy, scheme)} if way == "argument" else {}))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # too late: it was read
        other = client.detached()
        for each in (client, other):
            await call(each, "POST")
            await call(each, "GET")
            assert BASIC not in repr(each)
            await each.aclose()
        assert proxy.connections == 2
    assert [asked.connection for asked in api.asked] == [1, 1, 2, 2]
    assert all("proxy-authorization" not in asked.headers for asked in api.asked)
    assert [asked.headers["proxy-authorization"] for asked in proxy.asked] == (
        [] if scheme.startswith("socks") else [f"Basic {BASIC}"] * 2
    )
    for secret in ("ada-l", "pa55", "w0rd", BASIC):
        assert secret not in caplog.text


def test_the_synchronous_client_through_a_proxy(api: HostileServer, proxy: HostileServer) -> None:
    proxy.acts.put(tunnel_to(api.port))
    with GroupsClient("t0ken", base_url=api.url, proxy=named(proxy)) as client:
        client.get_group(GROUP)
    assert [asked.method for asked in proxy.asked] == ["CONNECT"]


@pytest.mark.anyio
async def test_a_host_that_needs_no_proxy(
    api: HostileServer, proxy: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "localhost,::1,[::1],127.0.0.0/8")
    async with client_of(api) as client:
        await call(client, "POST")
    assert (len(api.asked), proxy.connections) == (1, 0)


def http_refusal(status: int) -> Act:
    echo = f"x: {IN_URL} {BASIC}"
    return lambda e: e.send(f"HTTP/1.1 {status} Who is ada-l:{PASSWORD}, {BASIC}?\r\n{echo}\r\n\r\n".encode())


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "userinfo", "expected", "attempts"),
    [
        (407, "", "asks for a user name and password: add them to its URL", 1),
        (407, IN_URL, "does not accept the user name and password in its URL: check them", 1),
        (403, IN_URL, "does not connect to api.example: check whether it is allowed to", 2),
    ],
)
async def test_a_proxy_that_refuses(
    status: int,
    userinfo: str,
    expected: str,
    attempts: int,
    proxy: HostileServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        proxy.acts.put(http_refusal(status) if userinfo else lambda e: e.answer(status))
    with caplog.at_level(logging.INFO):
        async with client_of(
            proxy, base_url="https://api.example", proxy=named(proxy, "http", userinfo)
        ) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, "POST")
    said = str(caught.value)
    assert f"the proxy http://127.0.0.1:{proxy.port} (from the argument proxy) {expected}" in said
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, attempts)
    assert_silent(caught.value, caplog.text)


SOCKS_FAULTS: dict[str, tuple[Callable[[socket.socket], None], str, int]] = {
    "password": (socks_to(0, accepts="?"), "does not accept the user name and password in its URL", 1),
    "no method": (
        lambda c: c.sendall(b"\x05\xff"),
        "does not accept the user name and password in its URL",
        1,
    ),
    "ruleset": (socks_to(0, reply=2), "does not connect to api.example: check whether it is allowed to", 2),
    "not SOCKS": (lambda c: c.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"), "its answer is not SOCKS", 2),
    "closed": (lambda c: None, "the proxy socks5://127.0.0.1", 2),
}


@NEEDS_SOCKS
@pytest.mark.anyio
@pytest.mark.parametrize("name", SOCKS_FAULTS)
async def test_a_socks_proxy_that_refuses(
    name: str, proxy: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    greeting, expected, attempts = SOCKS_FAULTS[name]
    for _ in range(2):
        proxy.greetings.put(greeting)
    with caplog.at_level(logging.DEBUG):
        async with client_of(proxy, base_url="https://api.example", proxy=named(proxy, "socks5")) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, "POST")
            for _ in range(attempts):  # no socket waits for the end of the client
                await anyio.to_thread.run_sync(partial(proxy.ended.get, timeout=PATIENCE))
    assert expected in str(caught.value)
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, attempts)
    assert proxy.connections == attempts
    assert_silent(caught.value, caplog.text)


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", SOCKS5])
async def test_a_proxy_that_says_nothing(scheme: str, proxy: HostileServer) -> None:
    """Nothing was sent, so a creation is tried again."""

    def wait(connection: socket.socket) -> None:
        connection.recv(1)
        clock.skip(PATIENCE)
        connection.settimeout(PATIENCE)
        while connection.recv(65536):
            pass

    for _ in range(2):
        proxy.greetings.put(wait)
    async with client_of(proxy, base_url="https://api.example", proxy=named(proxy, scheme)) as client:
        with pytest.raises(
            RequestTimeoutError, match=r"did not connect to api.example in that time"
        ) as caught:
            await call(client, "POST")
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)
    assert_silent(caught.value, "")


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https", SOCKS5])
async def test_a_proxy_that_is_not_there(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{IN_URL}@127.0.0.1:{port}")
    async with AsyncGroupsClient("t0ken", base_url="https://api.example", retries=TWICE) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await call(client, "POST")
    reached = (
        f"(the proxy {scheme}://127.0.0.1:{port} (from HTTPS_PROXY) cannot be reached: check its address"
    )
    assert reached in str(caught.value)
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)
    assert_silent(caught.value, "")


@pytest.mark.anyio
async def test_a_proxy_that_does_not_speak_tls_itself(proxy: HostileServer) -> None:
    for _ in range(2):
        proxy.greetings.put(
            lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" if c.recv(65536) else b"")
        )
    url = named(proxy, "https")
    async with client_of(proxy, base_url="https://api.example", proxy=url) as client:
        with pytest.raises(
            ConnectionFailedError, match=r"may not speak TLS itself: then its URL begins with http://"
        ):
            await call(client, "POST")


@pytest.mark.anyio
async def test_a_tunnel_to_nowhere(proxy: HostileServer) -> None:
    for _ in range(2):
        proxy.acts.put(REFUSALS["a tunnel to nowhere"][0])
    async with client_of(proxy, base_url="https://api.example", proxy=named(proxy)) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await call(client, "POST")
    assert f"(the connection goes through the proxy {proxy.url} (from the argument proxy))" in str(
        caught.value
    )
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)
    assert_silent(caught.value, "")


@pytest.mark.anyio
async def test_a_proxy_that_opens_encrypted_connections(
    api: HostileServer, proxy: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", named(proxy))
    with hostile_server(context_for(trustme.CA(), "127.0.0.1")) as opened:
        proxy.acts.put(tunnel_to(opened.port))
        async with client_of(api) as client:
            with pytest.raises(ConnectionFailedError) as caught:
                await call(client, "POST")
        assert opened.asked == []
    assert "certificate verify failed" in str(caught.value)
    assert f"and the proxy http://127.0.0.1:{proxy.port} (from HTTPS_PROXY)" in str(caught.value)
    assert "pass the certificate of its authority as verify= or name its file in SSL_CERT_FILE" in str(
        caught.value
    )
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 1)


@pytest.mark.anyio
async def test_plain_http_through_a_proxy_that_was_allowed(
    proxy: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.acts.put(lambda e: e.answer(403, f"<title>No, ada-l:{PASSWORD}, {BASIC}</title>".encode()))
    async with client_of(proxy, base_url="http://api.example", allow_http=True, proxy=named(proxy)) as client:
        with pytest.raises(ForbiddenError) as caught:
            await call(client, "DELETE")
    assert proxy.asked[0].target.startswith("http://api.example/rest/groups/")
    assert_silent(caught.value, caplog.text)
