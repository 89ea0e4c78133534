"""A server on a socket of this machine that counts its open connections."""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlsplit

from support.stalling import PATIENCE, STALLED, document

CHUNKS = 4
CHUNK = 100_000  # bytes; more than the client reads at once


class CountedServer(ThreadingHTTPServer):
    """Answers every operation. `failures` are statuses for the next requests, before they are answered well."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_port}"
        self.failures: deque[int] = deque()
        self.arrived: SimpleQueue[str] = SimpleQueue()  # requests that are never answered
        self.requests = 0
        self.connections = 0
        self._open: set[Any] = set()
        self._changed = threading.Condition()

    def wait_until_open(self, at_most: int) -> None:
        """Wait until the client has closed its connections, but for so many."""
        with self._changed:
            closed = self._changed.wait_for(lambda: len(self._open) <= at_most, PATIENCE)
            assert closed, f"{len(self._open)} are open"

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self.connections += 1
            self._open.add(client_address)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self.tls.wrap_socket(request, server_side=True) if self.tls else request as connection:
                super().finish_request(connection, client_address)
        except OSError:  # the client has gone
            pass
        finally:
            with self._changed:
                self._open.discard(client_address)
                self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    server: CountedServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        self.server.requests += 1
        self.rfile.read(int(self.headers.get("content-length", 0)))
        path = urlsplit(self.path).path
        if path.endswith(STALLED):
            self.server.arrived.put(self.command)
            self.connection.recv(1)  # returns when the client hangs up
            self.close_connection = True
        elif self.server.failures:
            self.reply(self.server.failures.popleft(), b"")
        elif path == "/oauth2/token":
            self.reply(200, b'{"access_token": "issued", "expires_in": 3600}')
        elif path.endswith("/large"):
            self.send_response(200)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for _ in range(CHUNKS):
                self.wfile.write(b"%x\r\n%s\r\n" % (CHUNK, b" " * CHUNK))
            self.wfile.write(b"0\r\n\r\n")
        elif self.command in ("PATCH", "DELETE"):
            self.reply(204, b"")
        elif self.command == "POST":
            self.reply(201, json.dumps(MEMBERSHIP).encode())
        else:
            self.reply(200, json.dumps(document(self.path)).encode())

    do_GET = do_PATCH = do_POST = do_DELETE = answer

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _reference(kind: str, **attributes: str) -> dict[str, Any]:
    return {"data": {"id": STALLED, "type": kind, "attributes": attributes}}


MEMBERSHIP = {
    "data": {
        "id": STALLED,
        "type": "group_membership",
        "attributes": {"created_at": "2024-01-01T00:00:00Z"},
        "relationships": {
            "group": _reference("group", name="g"),
            "role": _reference("group_role", name="r"),
            "user": _reference("user", name="u", username="u", email="u@example.com"),
        },
    }
}


@contextmanager
def counted_server(tls: ssl.SSLContext | None = None) -> Iterator[CountedServer]:
    """A `CountedServer` in a thread; it ends with the block, whatever its connections do."""
    with CountedServer(tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
