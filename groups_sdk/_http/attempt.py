"""One exchange over the wire: what the HTTP library answers or raises, as what came of the attempt.

Failures travel as values until the call is decided, and are raised outside of any `except`: the frames of a foreign
traceback would hold the request's headers.
"""

from __future__ import annotations

import math
import re
import ssl
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import anyio

from groups_sdk._http.body import Body
from groups_sdk._http.connection_errors import explain, is_lasting
from groups_sdk._http.connections import LoopResources, OpenSockets, abort
from groups_sdk._http.decide import Answered, Attempt, CallState, Closed, Failed, Unreadable
from groups_sdk._http.library import NO_TIMEOUTS, URL, Request, Response
from groups_sdk._http.options import CallOptions
from groups_sdk._http.proxies import ProxyServer
from groups_sdk._http.redaction import redact, redact_all
from groups_sdk._http.retries import requested_wait
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk.errors import ConnectionFailedError, RequestTimeoutError

__all__ = ["AttemptState", "exchange"]

_ERROR_BYTES_READ = 128 * 1024
_CONNECTION_ERRORS: tuple[type[Exception], ...] = (  # besides the HTTP library's own
    ssl.SSLError,
    OSError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,  # older httpcore lets it through
    UnicodeError,  # idna's, of a Location that is no URL: httpx reads it although nobody follows it
)
# What executors, and CPython's threads, raise when they are first used, or used again, in an `atexit` handler.
_TOO_LATE = re.compile("interpreter shutdown|register atexit after shutdown")
_ENDING = "the program is ending, and its event loop looks up no more host names: make this call earlier"


class AttemptState:
    """How far an attempt is, as httpcore's trace tells it. Other transports tell nothing: then it counts as sent."""

    __slots__ = ("_connecting", "_on_sent", "_sending", "_sockets", "_stream", "token")

    def __init__(self, sockets: OpenSockets) -> None:
        self.token: object = None  # the access token that it is sent with
        self._connecting = True  # until the exchange begins
        self._sending = False
        self._sockets = sockets
        self._stream: Any = None
        self._on_sent: Callable[[], object] | None = None

    def begin(self, token: object) -> None:
        """The exchange begins."""
        self._connecting = False
        self.token = token

    def extensions(self, on_sent: Callable[[], object] | None = None) -> dict[str, Any]:
        """What a request needs for that. `on_sent` is called when the whole of it has been sent."""
        self._on_sent = on_sent
        # Timeouts are cancel scopes of ours: httpx's start anew with each chunk, so that a slow body never ends.
        return {"timeout": NO_TIMEOUTS, "trace": self._trace}

    async def _trace(self, event: str, info: Any) -> None:
        if event.endswith("send_request_headers.started"):
            method = getattr(info.get("request"), "method", None)
            self._sending = method != b"CONNECT"  # which only asks a proxy for the way
        elif self._sending and event.endswith("receive_response_headers.started"):
            if self._on_sent is not None:
                self._on_sent()
        elif event.startswith(("connection.", "socks.")):
            self._connecting = True
            if event.endswith(("connect_tcp.complete", "connect_unix_socket.complete")):
                self._stream = info["return_value"]
                self._sockets.add(self._stream)

    def abort(self) -> None:
        """Close the socket that this attempt opened, if any. httpcore forgets it when cancelled while connecting."""
        if self._stream is not None:
            abort(self._stream)

    @property
    def connected(self) -> bool:
        """Whether this attempt opened a connection, be it only to a proxy."""
        return self._stream is not None

    @property
    def sent(self) -> bool:
        """Whether the API may have got the request."""
        return self._sending or not self._connecting


async def exchange(
    request: Request,
    call: CallState,
    state: AttemptState,
    resources: LoopResources,
    options: CallOptions,
) -> Attempt:
    """Send the request and read the whole answer, within the timeout of one attempt."""
    if resources.http.is_closed:
        return Closed(f"{call.operation.name}: the connections are closed")
    timeout = options.timeout or math.inf
    body = Body(options.max_response_bytes)
    response: Response | None = None
    failure: Failed | None = None
    with anyio.CancelScope(deadline=anyio.current_time() + timeout) as in_time:
        try:
            response = await resources.http.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                await body.read(response)
            finally:
                await response.aclose()
        except resources.library.errors + _CONNECTION_ERRORS as error:
            failure = translate_error(error, request.url, state, resources)
            if not state.sent:
                state.abort()  # httpcore does not close what it opened to a SOCKS proxy
        except Exception as error:
            state.abort()
            if not state.sent and isinstance(error, RuntimeError) and _TOO_LATE.search(str(error)):
                nothing = "; nothing was sent" if call.attempts == 1 else ""
                return Closed(f"{call.operation.name}: {_ENDING}{nothing}")
            # An AssertionError is a test's, about a request that it did not expect.
            if isinstance(error, AssertionError) or not (state.sent or call.maybe_applied):
                raise
            failure = _unexpected(error, request.url, state, resources)
        except BaseException as cancellation:
            state.abort()
            # Without the frames of httpcore, which may hold the request's headers as they are sent.
            raise cancellation.with_traceback(None)  # noqa: B904 - it is the same
        finally:
            call.usage.bytes_received += body.received
            call.usage.bytes_sent += len(request.content) if state.sent else 0
    proxy = None if resources.network is None else resources.network.proxy_for(request.url)
    timed_out = _timed_out(timeout, request.url.host, proxy, sent=state.sent)
    if in_time.cancelled_caught:
        failure = timed_out
    if response is None:
        return failure or timed_out
    secrets = resources.tokens.secrets()
    if proxy is not None and request.url.scheme == "http":  # it may have written the answer
        secrets += proxy.secrets()
    return classify_response(response, body, failure, call, secrets)


def _timed_out(timeout: float, host: str, proxy: ProxyServer | None, *, sent: bool) -> Failed:
    if sent:
        advice = "raise `timeout`, or try again later"
    elif proxy is not None:
        advice = f"{proxy} did not connect to {host} in that time: check it, or raise `timeout`"
    else:
        advice = f"no connection to {host} in that time: check the network, and whether a proxy is needed"
    problem = f"no answer within the timeout of {timeout:g} s ({advice})"
    return Failed(RequestTimeoutError, problem, sent, transient=True)


def classify_response(
    response: Response,
    body: Body,
    failure: Failed | None,
    call: CallState,
    secrets: tuple[str, ...],
) -> Answered | Failed | Unreadable:
    """What came of an attempt whose status is known, and whose body may have broken off with a failure."""
    names, values = zip(*response.headers.multi_items(), strict=True) if response.headers else ((), ())
    headers = Headers(zip(names, redact_all(list(values), secrets), strict=True))
    answer = ApiResponse(
        response.status_code,
        headers,
        bytes(body.content),
        call.operation.name,
        call.attempts,
        anyio.current_time() - call.started,
    )
    if not response.is_success:  # the status says enough, with as much of the explanation as has come
        text = redact(body.content[:_ERROR_BYTES_READ].decode("utf-8", "replace"), secrets)
        wait = requested_wait(response.status_code, headers, datetime.now(UTC))
        return Answered(answer, text, wait, redact(headers.get("location", ""), secrets))
    is_page = headers.get("content-type", "").lower().startswith("text/html")
    if is_page and call.operation.writes:
        problem = "an HTML page came instead of the API's answer, perhaps from a proxy"
        return Failed(ConnectionFailedError, problem, maybe_applied=True)
    if failure is not None and call.operation.idempotent:
        return failure
    broken = body.problem if failure is None else "it is incomplete"
    if broken is not None:  # and yet it was done: the status says so
        return Unreadable(broken, answer.request_id)
    return Answered(answer)


def translate_error(error: Exception, url: URL, state: AttemptState, resources: LoopResources) -> Failed:
    """What an exception of the HTTP library means."""
    library = resources.library
    problem = explain(
        error, url, resources.network, connected=state.connected, secrets=resources.tokens.secrets()
    )
    if isinstance(error, library.DecodingError):
        # A hook of a handed-in http_client read the body, and took the status, whatever it was, along.
        return Failed(ConnectionFailedError, problem, state.sent)
    sent = state.sent and not isinstance(error, library.errors_before_sending)
    if isinstance(error, library.TimeoutException):
        return Failed(RequestTimeoutError, problem, sent, transient=True)
    return Failed(ConnectionFailedError, problem, sent, transient=not is_lasting(error, library))


def _unexpected(error: Exception, url: URL, state: AttemptState, resources: LoopResources) -> Failed:
    """A bug of a handed-in transport or hook, say, after which the change may have been made all the same."""
    secrets = resources.tokens.secrets()
    problem = explain(error, url, resources.network, connected=state.connected, secrets=secrets)
    return Failed(ConnectionFailedError, problem, state.sent, cause=_without_frames(error, secrets))


def _without_frames(error: Exception, secrets: tuple[str, ...]) -> Exception | None:
    """The exception with its traceback as a text: the frames hold the headers. None when it names a secret itself."""
    story = "".join(traceback.format_exception(error))
    if isinstance(error, ExceptionGroup) or redact(story, secrets) != story:
        return None
    error.__cause__ = error.__context__ = None
    error.add_note(story)
    return error.with_traceback(None)
