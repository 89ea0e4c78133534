"""Peers that answer at once, or never: for tests of what becomes of a call that is still waiting."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any
from uuid import UUID

import anyio
import httpx

PATIENCE = 120  # seconds; what takes longer hangs
STALLED = str(UUID(int=0))  # the group whose details never come; a page with this cursor does not either
MEETING = str(UUID(int=2**64))  # the group that is not answered before so many ask for it as `meeting` wants
PAGES = 3


def group_id(number: int) -> str:
    return str(UUID(int=number))


def _group(id: str) -> dict[str, Any]:
    return {"id": id, "type": "group", "attributes": {"name": f"group {UUID(id).int}"}}


def document(target: str) -> dict[str, Any]:
    """The answer to a GET of `target`: one group, named after its id, or a page of ten.

    With a limit of 20 the second page never comes.
    """
    url = httpx.URL(target)
    if not url.path.endswith("/groups"):
        return {"jsonapi": {"version": "1.0"}, "data": _group(url.path.rpartition("/")[2]), "links": {}}
    page = int(url.params.get("starting_after", "0"))
    links = {"next": f"/groups?starting_after={page + 1}"} if page + 1 < PAGES else {}
    if url.params.get("limit") == "20":
        links = {"next": f"/groups?starting_after={STALLED}"}
    groups = [_group(group_id(10 * page + n + 1)) for n in range(10)]
    return {"jsonapi": {"version": "1.0"}, "data": groups, "links": links}


class _Body(httpx.AsyncByteStream):
    def __init__(self, transport: StallingTransport, content: bytes) -> None:
        self._transport = transport
        self._content = content
        transport.open_bodies += 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content

    async def aclose(self) -> None:
        self._transport.open_bodies -= 1


class StallingTransport(httpx.AsyncBaseTransport):
    """In place of the network. Every event is put in a queue, so that a test can wait for it."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error  # raised by the next request
        self.arrived: SimpleQueue[str] = SimpleQueue()  # requests that now wait
        self.gone: SimpleQueue[str] = SimpleQueue()  # requests that no longer do
        self.closed: SimpleQueue[int] = SimpleQueue()  # the thread that closed it
        self.waiting = 0
        self.open_bodies = 0
        self.requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        error, self.error = self.error, None
        if error is not None:
            raise error
        if request.url.path.endswith(STALLED):
            self.waiting += 1
            self.arrived.put(request.method)
            try:
                await anyio.sleep_forever()
            finally:
                self.waiting -= 1
                self.gone.put(request.method)
        return httpx.Response(200, stream=_Body(self, json.dumps(document(str(request.url))).encode()))

    async def aclose(self) -> None:
        self.closed.put(threading.get_ident())


class StallingServer(ThreadingHTTPServer):
    """The same on a socket. Each event is the port of the client's end of the connection."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answered: SimpleQueue[int] = SimpleQueue()
        self.arrived: SimpleQueue[int] = SimpleQueue()
        self.gone: SimpleQueue[int] = SimpleQueue()
        self.disconnected: SimpleQueue[int] = SimpleQueue()
        self.meeting: threading.Barrier = threading.Barrier(1)


class _Handler(BaseHTTPRequestHandler):
    server: StallingServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        port = self.client_address[1]
        if MEETING in self.path:
            self.server.meeting.wait(PATIENCE)
        if STALLED in self.path:
            self.server.arrived.put(port)
            try:
                self.connection.recv(1)  # returns when the client hangs up
            except ConnectionError:
                pass
            self.server.gone.put(port)
            self.close_connection = True
            return
        body = json.dumps(document(self.path)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.answered.put(port)

    def finish(self) -> None:
        super().finish()
        self.server.disconnected.put(self.client_address[1])

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def stalling_server() -> Iterator[StallingServer]:
    """A `StallingServer` in a thread; it ends with the block, whatever its connections do."""
    with StallingServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
