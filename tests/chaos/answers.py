"""Answers as bytes: whole, distorted, and made up."""

from __future__ import annotations

import json
from random import Random

from chaos.faults import Fault

_HTML = b"<html><head><title>Bad Gateway</title></head><body><center>nginx</center></body></html>"
_END = b"\r\n\r\n"


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def complete(message: bytes | bytearray) -> bool:
    """Whether a request or an answer is there as a whole."""
    head, end, body = bytes(message).partition(_END)
    return bool(end) and len(body) >= _length(head)


def _made(status: str, kind: str, body: bytes, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {len(body)}", *headers)
    return "\r\n".join(lines).encode() + _END + body


def _document(status: int, code: str) -> bytes:
    entry = {"status": str(status), "code": code, "title": "Trouble", "detail": "made by the proxy"}
    return json.dumps({"jsonapi": {"version": "1.0"}, "errors": [entry]}).encode()


def in_place(fault: Fault, random: Random) -> bytes:
    """An answer of somebody who is not the service."""
    if fault is Fault.GATEWAY:
        status = random.choice(["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
        lies = random.choice([(), (), ("content-encoding: gzip",)])  # which the page is not
        return _made(status, "text/html", _HTML, *lies)
    if fault is Fault.BROKEN_SERVICE:
        status = random.choice([408, 500, 503, 504])
        return _made(f"{status} Trouble", "application/vnd.api+json", _document(status, "SNYK-9999"))
    if fault is Fault.MAINTENANCE:
        return _made("503 Maintenance", "application/vnd.api+json", _document(503, "SNYK-0099"))
    if fault is Fault.REDIRECT:
        return _made("302 Found", "text/plain", b"", "location: http://127.0.0.1:1/elsewhere")
    body = random.choice([b"{}", _document(429, "SNYK-0001")])
    return _made("429 Too Many Requests", "application/json", body, "retry-after: 0")


def garbage(random: Random) -> bytes:
    """Bytes that are not HTTP."""
    return random.choice([b"\x15\x03\x01\x00\x02\x02\x16", b"SSH-2.0-OpenSSH_9.9\r\n", random.randbytes(300)])


def with_length(answer: bytes, change: int) -> bytes:
    """The answer with a Content-Length that lies by `change`. One without a body stays as it is."""
    head, _, body = answer.partition(_END)
    return _with_length(head, max(0, len(body) + change)) + _END + body


def truncated(answer: bytes) -> bytes:
    """The answer with half its body, and the Content-Length of that."""
    head, _, body = answer.partition(_END)
    half = body[: len(body) // 2]
    return _with_length(head, len(half)) + _END + half


def endless(answer: bytes) -> bytes:
    """The beginning of an answer that is far from its end."""
    head, _, body = answer.partition(_END)
    if not body:  # an answer without one: not even its headers end
        return head + b"\r\nx-more: "
    return _with_length(head, 1_000_000_000) + _END + b" "


def _with_length(head: bytes, length: int) -> bytes:
    lines = head.split(b"\r\n")
    for number, line in enumerate(lines):
        if line.lower().startswith(b"content-length:"):
            lines[number] = f"content-length: {length}".encode()
    return b"\r\n".join(lines)
