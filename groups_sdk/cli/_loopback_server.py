"""FakeSnyk on a socket of this machine, by a small server of the standard library.

An ASGI server would be a dependency for a toy: this one need not be fast, and never listens on anything but loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import unquote

from groups_sdk.testing import FakeSnyk

__all__ = ["LoopbackServer"]

_CHUNK = 64 * 1024


class LoopbackServer(ThreadingHTTPServer):
    """An ASGI application over HTTP/1.1, with a thread for every connection. `port` 0 takes any that is free."""

    daemon_threads = True

    def __init__(self, app: FakeSnyk, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.app: FakeSnyk = app
        self.url: str = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece

    def setup(self) -> None:
        super().setup()
        self._runner = asyncio.Runner()

    def finish(self) -> None:
        self._runner.close()
        super().finish()

    def answer(self) -> None:
        length = self.headers.get("content-length", "0")
        if "transfer-encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
            self.close_connection = True
            return
        self._runner.run(self._exchange(int(length)))
        self.wfile.flush()

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

    async def _exchange(self, length: int) -> None:
        left = length

        async def receive() -> MutableMapping[str, Any]:
            nonlocal left
            chunk = self.rfile.read(min(left, _CHUNK))
            if left and not chunk:
                self.close_connection = True
                return {"type": "http.disconnect"}
            left -= len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": left > 0}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.send_response(message["status"])
                for name, value in message["headers"]:
                    self.send_header(name.decode("latin-1"), value.decode("latin-1"))
                self.end_headers()
            else:
                self.wfile.write(message["body"])

        path, _, query = self.path.partition("?")
        scope = {
            "type": "http",
            "method": self.command,
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in self.headers.items()
            ],
        }
        await cast(LoopbackServer, self.server).app(scope, receive, send)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: stderr is for people."""
