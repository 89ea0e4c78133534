"""What comes of one attempt, and what it means: an answer, an error of the API, a failure on the way.

Failures travel as values until the call is decided, and are raised outside of any `except`: the frames of a foreign
traceback would hold the request's headers.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from typing import Any

import anyio
import attrs
import httpx

from groups_sdk._credentials import TokenGrant
from groups_sdk._http.decide import requested_wait
from groups_sdk._http.lifetime import Connections, abort
from groups_sdk._http.receiving import Body
from groups_sdk._jsonapi import decode_errors
from groups_sdk._operations import Operation
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk.errors import (
    ApiError,
    ConnectionFailedError,
    DecodeError,
    GroupsError,
    RateLimitedError,
    RequestTimeoutError,
    UnauthorizedError,
    api_error_class,
)

TOKEN_REQUEST = Operation("oauth2Token", "POST", "/oauth2/token")
_BODY_READ = 128 * 1024
_BODY_KEPT = 64 * 1024
_UNIT = re.compile(r"%[0-9a-fA-F]{2}|\\u00[0-9a-fA-F]{2}|\\.|&#?[0-9a-zA-Z]{1,6};|.", re.DOTALL)
_NO_TIMEOUTS = httpx.Timeout(None).as_dict()
HTTP_FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    ssl.SSLError,
    OSError,
    anyio.BrokenResourceError,
    UnicodeError,  # idna's, of a Location that is no URL: httpx reads it although nobody follows it
)
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class Progress:
    """What httpcore's trace tells of one attempt. Other transports tell nothing: then it counts as sent."""

    __slots__ = ("_connections", "_stream", "connecting", "generation", "sending")

    def __init__(self, connections: Connections) -> None:
        self.connecting: bool = True  # until the exchange begins
        self.sending: bool = False
        self.generation: object = None
        self._connections = connections
        self._stream: Any = None

    def extensions(self) -> dict[str, Any]:
        """What a request needs for that."""
        # Timeouts are cancel scopes of ours: httpx's start anew with each chunk, so that a slow body never ends.
        return {"timeout": _NO_TIMEOUTS, "trace": self.trace}

    async def trace(self, event: str, info: Any) -> None:
        if event.endswith("send_request_headers.started"):
            method = getattr(info.get("request"), "method", None)
            self.sending = method != b"CONNECT"  # which only asks a proxy for the way
        elif event.startswith("connection."):
            self.connecting = True
            if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
                self._stream = info["return_value"]
                self._connections.add(self._stream)

    def abort(self) -> None:
        """Close the socket that this attempt opened, if any. httpcore forgets it when cancelled while connecting."""
        if self._stream is not None:
            abort(self._stream)

    @property
    def sent(self) -> bool:
        return self.sending or not self.connecting


class Course:
    """How a call has fared up to now, for whoever ends it from outside."""

    __slots__ = ("ambiguous", "progress")

    def __init__(self) -> None:
        self.ambiguous: bool = False  # an earlier attempt may have been applied
        self.progress: Progress | None = None  # of the attempt under way

    @property
    def maybe_applied(self) -> bool:
        return self.ambiguous or (self.progress is not None and self.progress.sent)


@attrs.frozen
class Answer:
    status_code: int
    headers: Headers
    content: bytes


@attrs.frozen
class Failure:
    error: GroupsError
    passing: bool = False  # it may help to try again


def asked_wait(status: int, headers: Headers) -> float | None:
    """The wait that an error asks for. Answers of all kinds may tell the state of the rate limit; 429 means it."""
    if status == 429:
        return requested_wait(headers, datetime.now(UTC))
    return requested_wait({"retry-after": headers.get("retry-after", "")}, datetime.now(UTC))


def _redacted(text: str, secrets: tuple[str, ...]) -> str:
    """Without our secrets: some gateways repeat the request, encoded once or twice, in their error pages."""
    pieces, plain = list(text), text  # what is there, and the one character that each piece of it means
    for _ in range(3):
        for secret in secrets:
            while (start := plain.find(secret)) >= 0:
                end = start + len(secret)
                pieces[start:end] = ["***"]
                plain = f"{plain[:start]}\0{plain[end:]}"
        spans = [match.span() for match in _UNIT.finditer(plain)]
        if len(spans) == len(plain):  # nothing is encoded
            break
        pieces = ["".join(pieces[start:end]) for start, end in spans]
        plain = "".join(_meant(plain[start:end]) for start, end in spans)
    return "".join(pieces)


def _meant(unit: str) -> str:
    """The character that is encoded as in a URL, in JSON, or in HTML; most are not."""
    if len(unit) == 1:
        return unit
    if unit[0] == "&":
        character = unescape(unit)
        return character if len(character) == 1 else "\0"
    digits = unit[1:] if unit[0] == "%" else unit[2:]
    return chr(int(digits, 16)) if digits else unit[1]


def api_error(
    response: ApiResponse,
    operation: Operation,
    path: str,
    secrets: tuple[str, ...],
    retry_after: float | None,
    ambiguous: bool,
) -> ApiError:
    status = response.status_code
    body = _redacted(response.content[:_BODY_READ].decode("utf-8", "replace"), secrets)
    objects = decode_errors(body.encode())
    token_refused = operation is TOKEN_REQUEST and status in (400, 401, 403)
    error = (UnauthorizedError if token_refused else api_error_class(status))(
        status_code=status,
        errors=objects,
        request_id=response.request_id,
        method=operation.method,
        path=path,
        body=body[:_BODY_KEPT],
        attempts=response.attempts,
        maybe_applied=operation.method != "GET" and (ambiguous or status == 408 or status >= 500),
    )
    if isinstance(error, RateLimitedError):
        error.retry_after = retry_after
    return error


def meaning_of(
    response: httpx.Response, body: Body, failure: Failure | None, operation: Operation
) -> Answer | Failure:
    """What an answer means whose status is known, and whose body perhaps is not."""
    encoding = response.headers.encoding
    headers = Headers((name.decode(encoding), value.decode(encoding)) for name, value in response.headers.raw)
    answer = Answer(response.status_code, headers, bytes(body.content))
    if not response.is_success:
        return answer  # it says enough, and has as much of the explanation as has come
    is_page = headers.get("content-type", "").lower().startswith("text/html")
    if is_page and operation.method != "GET" and operation is not TOKEN_REQUEST:
        problem = "a page of HTML came in place of the API's answer, perhaps from a proxy"
        return Failure(ConnectionFailedError(problem, sent=True, operation=operation.name))
    if failure is not None and operation.idempotent:
        return failure
    broken = body.problem if failure is None else "it breaks off"  # and yet it was done: the status says so
    if broken is not None:
        request_id = headers.get("snyk-request-id")
        return Failure(DecodeError(broken, operation=operation.name, request_id=request_id))
    return answer


def failure_of(
    error: Exception, operation: Operation, progress: Progress, secrets: tuple[str, ...]
) -> Failure:
    """What an exception of the HTTP library means to us."""
    problem = _redacted(f"{type(error).__name__}: {_explanation(error)}".rstrip(": "), secrets)
    if isinstance(error, httpx.DecodingError):
        return Failure(DecodeError(problem, operation=operation.name))
    sent = progress.sent and not isinstance(error, _BEFORE_SENDING)
    if isinstance(error, httpx.TimeoutException):
        return Failure(RequestTimeoutError(problem, sent=sent, operation=operation.name), passing=True)
    passing = not isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError)
    return Failure(
        ConnectionFailedError(problem, sent=sent, operation=operation.name),
        passing=passing and not _certificate_refused(error),
    )


def _explanation(error: BaseException) -> str:
    """What the error says, or the first of those that led to it and says something."""
    return next((text for link in _chain(error) if (text := str(link))), "")


def _certificate_refused(error: BaseException) -> bool:
    return any(isinstance(link, ssl.SSLCertVerificationError) for link in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def grant_of(response: ApiResponse) -> TokenGrant | DecodeError:
    """The token endpoint's answer."""

    def refuse(problem: str) -> DecodeError:
        return DecodeError(problem, operation=TOKEN_REQUEST.name, request_id=response.request_id)

    try:
        document = response.json()
    except (ValueError, RecursionError):
        return refuse("it is not JSON")
    if not isinstance(document, dict):
        return refuse("it is not an object")
    token, lifetime = document.get("access_token"), document.get("expires_in", 3600)
    if (
        not isinstance(token, str)
        or not token.isascii()
        or not token.isprintable()
        or not token
        or " " in token
    ):
        return refuse("access_token is missing, or not a token")
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or not lifetime > 0:
        return refuse("expires_in is not a number of seconds")
    return TokenGrant(token, lifetime)
