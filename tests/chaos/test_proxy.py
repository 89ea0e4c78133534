"""The proxy does what the faults say: what it refuses never arrives, and what it spoils has been done."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from support import clock
from support.loopback import served

from chaos.faults import Dice, Fault
from chaos.proxy import PATIENCE, Proxy
from groups_sdk.testing import FakeSnyk


class Loaded(Dice):
    """Dice that always show the same."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(0)
        self._fault = fault

    def throw(self, step: str) -> tuple[Fault, Random]:
        return self._fault, super().throw(step)[1]

    def welcome(self) -> bool:
        return True


def ask(url: str, fake: FakeSnyk) -> tuple[int, bytes] | None:
    """The status and body of one answer; None where there is none that is whole."""

    async def get() -> tuple[int, bytes]:
        async with httpx.AsyncClient(timeout=None) as client, asyncio.timeout(PATIENCE):
            response = await client.get(
                f"{url}/rest/groups/{fake.group_id}?version=2025-11-05",
                headers={"authorization": f"token {fake.TOKEN}"},
            )
            return response.status_code, response.content

    try:
        return anyio.run(get, backend_options=clock.options("asyncio"))
    except (TimeoutError, httpx.HTTPError):
        return None


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[FakeSnyk, int]]:
    fake = FakeSnyk.example()
    with served(fake) as url:
        yield fake, urlsplit(url).port or 0


@pytest.mark.parametrize("fault", Fault)
def test_what_is_refused_never_arrives_and_what_is_spoilt_has_been_done(
    service: tuple[FakeSnyk, int], fault: Fault
) -> None:
    fake, port = service
    before = len(fake.requests)
    with Proxy(port, Loaded(fault)) as proxy:
        answer = ask(proxy.url, fake)
        assert proxy.faults == {fault: 1}
        assert proxy.connections == 0
        assert len(fake.requests) - before == (not fault.before)
        proxy.calm_down()
        status, whole = ask(proxy.url, fake) or (0, b"")
        assert (status, len(fake.requests) - before) == (200, 2 - fault.before)
    unharmed = {Fault.NONE, Fault.TRICKLE, Fault.HANG_UP}
    assert (answer == (200, whole)) is (fault in unharmed)


def test_a_seed_means_the_same_trouble_for_a_step_whatever_happens_between() -> None:
    first, second = Dice(17), Dice(17)
    alone = [first.throw("a")[0] for _ in range(50)]
    among = []
    for _ in range(50):
        second.throw("b")
        second.welcome()
        among.append(second.throw("a")[0])
    assert alone == among
    assert len(set(alone)) > 3


class Slow(ThreadingHTTPServer):
    """Answers when it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.arrived = threading.Semaphore(0)
        self.answer = threading.Event()
        self.paths: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Slow
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self.server.arrived.release()
        assert self.server.answer.wait(PATIENCE)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def slow() -> Iterator[Slow]:
    with Slow() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.answer.set()
            server.shutdown()
            thread.join()


def test_a_request_that_its_client_has_given_up_is_not_passed_on_later() -> None:
    def sent(path: str) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", urlsplit(proxy.url).port or 0), PATIENCE)
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: proxy\r\n\r\n".encode())
        return connection

    with slow() as server, Proxy(server.server_port, Loaded(Fault.NONE)) as proxy:
        with sent("/first") as first:
            assert server.arrived.acquire(timeout=PATIENCE)
            sent("/given-up").close()
            with sent("/last") as last:
                server.answer.set()
                assert first.recv(100).startswith(b"HTTP/1.1 204")
                assert last.recv(100).startswith(b"HTTP/1.1 204")
        assert proxy.connections == 0
    assert server.paths == ["/first", "/last"]
