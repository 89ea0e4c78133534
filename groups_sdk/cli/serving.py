"""`groups-sdk fake`: FakeSnyk on a socket of this machine, by a small server of the standard library.

A server of the standard library, since an ASGI server would be a dependency for a toy: it need not be fast, and it
never listens on anything but loopback.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import MutableMapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

import typer

from groups_sdk.cli import guard
from groups_sdk.cli.exits import DONE

if TYPE_CHECKING:
    from groups_sdk.testing import FakeSnyk

__all__ = ["LoopbackServer", "fake"]

_CHUNK = 64 * 1024


def fake(
    context: typer.Context,
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="The port to listen on; 0: any that is free.")
    ] = 0,
    members: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="One group with that many members, in place of the example."),
    ] = None,
) -> int:
    """Serve a Groups API in memory on this machine, until Ctrl-C.

    Prints the lines that lead a shell's programs there. Changes are lost at the end.
    """
    return guard.run(
        lambda: _serve(port, members), prog=context.find_root().info_name or "groups-sdk", needs=""
    )


def _serve(port: int, members: int | None) -> int:
    from groups_sdk.testing import FakeSnyk

    snyk = FakeSnyk.example() if members is None else FakeSnyk.with_members(members)
    group = next(group for group in snyk.groups() if group.id == snyk.group_id)
    with LoopbackServer(snyk, port) as server:
        print(f"export SNYK_API={server.url}")
        print(f"export SNYK_TOKEN={snyk.TOKEN}")
        if os.environ.get("SNYK_OAUTH_TOKEN"):
            print("unset SNYK_OAUTH_TOKEN")  # it would count before the other one
        sys.stdout.flush()
        print(
            f"serving {group.name} ({group.id}) and all that belongs to it on {server.url}; Ctrl-C ends it",
            file=sys.stderr,
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)  # its only end, and so no failure
    return DONE


class LoopbackServer(ThreadingHTTPServer):
    """An ASGI application over HTTP/1.1, with a thread for every connection. `port` 0 takes any that is free."""

    daemon_threads = True

    def __init__(self, app: FakeSnyk, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.app = app
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: LoopbackServer
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
        await self.server.app(scope, receive, send)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: stderr is for people."""
