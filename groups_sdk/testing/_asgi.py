"""Between ASGI and the service: bytes and messages."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from groups_sdk.testing._service import BODY_LIMIT, Reply

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handle = Callable[[str, str, str, Mapping[str, str], bytes], Reply | None]

_RAW = re.compile(rb"[^!-~]|#")  # what a URL has to escape


async def answer(handle: Handle, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection, or one request, of an ASGI server."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["type"] != "http":
        raise RuntimeError(f"FakeSnyk answers HTTP only, not {scope['type']}")
    body = await _read(receive)
    if body is None:
        return
    method: str = scope["method"]
    path: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    reply = handle(method, _ascii(path.split(b"?")[0]), _ascii(scope["query_string"]), headers, body)
    if reply is None:
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    wire = [
        (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in reply.headers.items()
    ]
    if reply.status != 204:
        wire.append((b"content-length", str(len(reply.body)).encode()))
    silent = reply.status == 204 or method == "HEAD"
    await send({"type": "http.response.start", "status": reply.status, "headers": wire})
    await send({"type": "http.response.body", "body": b"" if silent else reply.body})


def _ascii(raw: bytes) -> str:
    return _RAW.sub(lambda match: b"%%%02X" % match[0][0], raw).decode("ascii")


async def _read(receive: Receive) -> bytes | None:
    """The request's body, a little more than the limit at the most; None when the caller has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= BODY_LIMIT:
            body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
