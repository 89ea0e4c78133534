"""A server that misbehaves as it is told, one act for each connection or request; and calls to it over real sockets."""

from __future__ import annotations

import json
import queue
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn
from unittest import mock

import httpx
import trustme

from groups_sdk import AsyncGroupsClient, RetryPolicy
from support import clock

PATIENCE = 120  # seconds; what takes longer hangs
GROUP = "11111111-1111-4111-8111-111111111111"
MEMBER = "22222222-2222-4222-8222-222222222222"
ROLE = "33333333-3333-4333-8333-333333333333"


def _resource(id_: str, type_: str, **attributes: str) -> dict[str, object]:
    return {"id": id_, "type": type_, "attributes": attributes}


ONE_GROUP = json.dumps({"data": _resource(GROUP, "group", name="Engineering")}).encode()
ONE_MEMBERSHIP = json.dumps(
    {"data": _resource(MEMBER, "group_membership", created_at="2025-01-01T00:00:00Z")}
).encode()
LIMIT = 256 * 1024  # max_response_bytes of its clients
TWICE = RetryPolicy(max_attempts=2, backoff_base=0.0)
GOOD = {"GET": (200, ONE_GROUP), "POST": (201, ONE_MEMBERSHIP), "PATCH": (204, b""), "DELETE": (204, b"")}


@dataclass
class Asked:
    """One request: which connection it came on, the first being 1, and what it said."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Exchange:
    """A request that waits for its answer, and the socket that it came on."""

    asked: Asked
    socket: socket.socket
    head_read: threading.Event = field(repr=False)

    def send(self, *parts: bytes) -> None:
        for part in parts:
            self.socket.sendall(part)

    def answer(self, status: int, body: bytes = b"", *headers: str, length: int | None = None) -> None:
        """A whole answer; `length` is a Content-Length that may not be true."""
        lines = [f"HTTP/1.1 {status} Reason", "snyk-request-id: req-1", *headers]
        if length is None and status != 204 and not any("chunked" in line for line in headers):
            length = len(body)
        if length is not None:
            lines.append(f"content-length: {length}")
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    def good(self) -> None:
        """The answer that was hoped for."""
        status, body = GOOD[self.asked.method]
        self.answer(status, body, "content-type: application/vnd.api+json")

    def hang_up(self) -> NoReturn:
        """Close the connection in good order."""
        raise _HangUp

    def reset(self) -> NoReturn:
        """Close the connection with RST."""
        _linger_not(self.socket)
        raise _HangUp

    def for_ever(self, part: bytes) -> None:
        """Send the same bytes until the client hangs up."""
        while True:
            self.socket.sendall(part)

    def begin(self, status: int, length: int) -> None:
        """The head of an answer, and wait until the client has read it."""
        self.head_read.clear()
        self.answer(status, length=length)
        assert self.head_read.wait(PATIENCE)

    def say_nothing(self) -> None:
        """Let the client's timeout pass, and wait until it hangs up."""
        clock.skip(PATIENCE)
        self.socket.settimeout(PATIENCE)
        self.socket.recv(1)

    def trickle(self, part: bytes) -> None:
        """Send the same bytes three times while the client's timeout passes, and wait until it hangs up."""
        for _ in range(3):
            self.socket.sendall(part)
            time.sleep(0.02)  # so that they are likely to be read one by one
            clock.skip(PATIENCE / 3)
        self.socket.settimeout(PATIENCE)
        self.socket.recv(1)

    def flood(self, part: bytes) -> None:
        """Send the same bytes again and again while the client's timeout passes, and on until it hangs up."""
        for _ in range(100):
            self.socket.sendall(part)
            clock.skip(PATIENCE / 100)
        self.for_ever(part)


Act = Callable[[Exchange], object]


class _HangUp(Exception):
    """An act that closes the connection."""


def _linger_not(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close_at_once(connection: socket.socket) -> None:
    """A greeting: goodbye."""


def reset_at_once(connection: socket.socket) -> None:
    """A greeting: RST."""
    _linger_not(connection)


class HostileServer:
    """Answers well, save where `acts` has something else in store for the next request.

    `greetings` are for the next connections: what is done to them before anything is read.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.acts: queue.SimpleQueue[Act] = queue.SimpleQueue()
        self.greetings: queue.SimpleQueue[Callable[[socket.socket], None]] = queue.SimpleQueue()
        self.asked: list[Asked] = []
        self.connections = 0
        self.ended: queue.SimpleQueue[int] = (
            queue.SimpleQueue()
        )  # the numbers of connections that are no more
        self.head_read = threading.Event()  # a client has read the head of an answer
        self._tls = tls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self.port: int = self._listening.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=[connection, self.connections], daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()

    def _serve(self, connection: socket.socket, number: int) -> None:
        self._open.add(connection)
        try:
            with suppress(queue.Empty):
                self.greetings.get_nowait()(connection)
                return
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while asked := _read(connection, number):
                self.asked.append(asked)
                try:
                    act = self.acts.get_nowait()
                except queue.Empty:
                    act = Exchange.good
                act(Exchange(asked, connection, self.head_read))
        except (OSError, _HangUp):  # the former when the client has gone
            pass
        finally:
            self._open.discard(connection)
            connection.close()
            self.ended.put(number)


def _read(connection: socket.socket, number: int) -> Asked | None:
    """The next request. The client sends one only when it has the answer to the one before."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65536)
        if not part:
            return None
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Asked(number, method, target, headers, body)


@contextmanager
def hostile_server(tls: ssl.SSLContext | None = None) -> Iterator[HostileServer]:
    """A `HostileServer` in a thread; it ends with the block, whatever its connections do."""
    server = HostileServer(tls)
    thread = threading.Thread(target=server.run)
    thread.start()
    receive = httpx.AsyncHTTPTransport.handle_async_request

    async def told(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        response = await receive(transport, request)
        server.head_read.set()
        return response

    try:
        with mock.patch.object(httpx.AsyncHTTPTransport, "handle_async_request", told):
            yield server
    finally:
        server.close()
        thread.join()


def context_for(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """The side of the server, which calls itself by that name."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@contextmanager
def trusting(authority: trustme.CA) -> Iterator[None]:
    """Clients that are made within it believe that authority alone."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with mock.patch("groups_sdk._http.tls.default_context", return_value=context):
        yield


def client_of(server: HostileServer, **options: Any) -> AsyncGroupsClient:
    """A client that tries everything twice. `Exchange.say_nothing` knows its timeout."""
    given = {
        "token": "t0ken",
        "base_url": server.url,
        "retries": TWICE,
        "rate_limit": None,
        "max_response_bytes": LIMIT,
        "timeout": PATIENCE,
    }
    return AsyncGroupsClient(**{**given, **options})


async def call(client: AsyncGroupsClient, method: str) -> object:
    """The operation that sends this method."""
    match method:
        case "GET":
            return await client.get_group(GROUP)
        case "PATCH":
            return await client.update_membership(GROUP, MEMBER, role_id=ROLE)
        case "DELETE":
            return await client.delete_membership(GROUP, MEMBER)
        case _:
            return await client.create_membership(GROUP, user_id=MEMBER, role_id=ROLE)
