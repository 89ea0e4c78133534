"""One call, from a request value to its answer: credentials, version, limits, retries, deadline, errors.

The only room that imports httpx; nothing of httpx leaves it. Failures travel as values until the call is decided,
and are raised outside of any `except`: the frames of a foreign traceback would hold the request's headers.
"""

from __future__ import annotations

import logging
import math
import random
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import anyio
import anyio.lowlevel
import attrs
import httpx

from groups_sdk.auth import Authenticator, OAuthClientCredentials, TokenGrant
from groups_sdk.errors import (
    ApiError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    RateLimitedError,
    RequestTimeoutError,
    TransportError,
    UnauthorizedError,
    api_error_class,
)
from groups_sdk.jsonapi import decode_errors
from groups_sdk.operations import Operation, Request
from groups_sdk.rate_limit import RateLimit, RateLimiter
from groups_sdk.responses import ApiResponse, Headers
from groups_sdk.retries import RetryEvent, RetryPolicy, may_repeat, requested_wait
from groups_sdk.settings import Settings

__all__ = ["Options", "Pool", "Transport"]

logger: logging.Logger = logging.getLogger("groups_sdk")

MEDIA_TYPE = "application/vnd.api+json"
TOKEN_REQUEST = Operation("oauth2Token", "POST", "/oauth2/token")
_BODY_KEPT = 65536
_HTTP_FAILURES = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    ssl.SSLError,
    OSError,
    anyio.BrokenResourceError,
)
_BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)

_loop_identity: anyio.lowlevel.RunVar[object] = anyio.lowlevel.RunVar("groups_sdk_loop_identity")


@attrs.frozen(kw_only=True)
class Options:
    """What may differ between clients that share one pool."""

    api_version: str
    timeout: float | None
    deadline: float | None
    retries: RetryPolicy
    on_response: Callable[[ApiResponse], object] | None
    user_agent: str
    max_response_bytes: int

    def __attrs_post_init__(self) -> None:
        for name in ("timeout", "deadline"):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or not value > 0
            ):
                raise ConfigurationError(
                    f"{name} must be a number of seconds above 0, or None; got {value!r}"
                )
        if type(self.max_response_bytes) is not int or self.max_response_bytes < 1:
            raise ConfigurationError(
                f"max_response_bytes must be a whole number above 0; got {self.max_response_bytes!r}"
            )
        if not self.user_agent.isascii() or not self.user_agent.isprintable():
            raise ConfigurationError(f"user_agent must be printable ASCII; got {self.user_agent!r}")


@cache
def _ssl_context() -> ssl.SSLContext:
    """One for all clients: building it costs tens of milliseconds."""
    return httpx.create_ssl_context()


class _Progress:
    """What httpcore's trace tells of one attempt. Other transports tell nothing: then it counts as sent."""

    __slots__ = ("connecting", "generation", "sending")

    def __init__(self) -> None:
        self.connecting = True  # until the exchange begins
        self.sending = False
        self.generation: object = None

    async def trace(self, event: str, _: Any) -> None:
        if event.endswith("send_request_headers.started"):
            self.sending = True
        elif event.startswith("connection."):
            self.connecting = True

    @property
    def sent(self) -> bool:
        return self.sending or not self.connecting


@attrs.frozen
class _Answer:
    status_code: int
    headers: Headers
    content: bytes


@attrs.frozen
class _Failure:
    error: GroupsError
    passing: bool = False  # it may help to try again


class _Bound:
    """The parts of a pool that belong to one event loop."""

    def __init__(self, pool: Pool, loop: object) -> None:
        self.loop = loop
        self.http: httpx.AsyncClient = pool.http_client or httpx.AsyncClient(
            transport=pool.transport,
            verify=_ssl_context() if pool.transport is None else False,
            timeout=None,
            # Never contended: our own slots stand in front, since a contended httpcore pool does not survive
            # cancellation (https://github.com/encode/httpcore/issues/1093).
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=pool.max_connections),
        )
        self.slots: anyio.Semaphore = anyio.Semaphore(pool.max_connections)
        self.limiter: RateLimiter = RateLimiter(pool.rate_limit)
        self.authenticator: Authenticator = Authenticator(pool.settings.credentials, pool.fetch_grant)


class Pool:
    """Connections, limits and credentials: what copies of a client share."""

    def __init__(
        self,
        settings: Settings,
        *,
        rate_limit: RateLimit | None,
        max_connections: int,
        transport: httpx.AsyncBaseTransport | None,
        http_client: httpx.AsyncClient | None,
        fetch_grant: Callable[[OAuthClientCredentials, float], Any],
    ) -> None:
        if type(max_connections) is not int or max_connections < 1:
            raise ConfigurationError(
                f"max_connections must be a whole number above 0; got {max_connections!r}"
            )
        if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
            raise ConfigurationError(
                f"transport must be an asynchronous httpx transport; got {type(transport).__name__}"
            )
        if http_client is not None and not isinstance(http_client, httpx.AsyncClient):
            raise ConfigurationError(
                f"http_client must be an httpx.AsyncClient; got {type(http_client).__name__}"
            )
        if transport is not None and http_client is not None:
            raise ConfigurationError("give transport or http_client, not both")
        try:
            _ = httpx.URL(settings.base_url).host
        except (httpx.InvalidURL, ValueError) as error:  # idna's error is a ValueError
            raise ConfigurationError(f"no such host can be in a base URL: {error}") from None
        self.settings = settings
        self.rate_limit = rate_limit
        self.max_connections = max_connections
        self.transport = transport
        self.http_client = http_client
        self.fetch_grant = fetch_grant
        self.closed: bool = False
        self._bound: _Bound | None = None

    @property
    def in_use(self) -> bool:
        """Whether there is anything to close."""
        return self._bound is not None and not self.closed

    def bind(self) -> _Bound:
        """The parts for the running event loop, made on first use."""
        if self.closed:
            raise ClientClosedError("this client is closed")
        loop = _loop_identity.get(None)
        if loop is None:
            loop = object()
            _loop_identity.set(loop)
        if self._bound is None:
            self._bound = _Bound(self, loop)
        if self._bound.loop is not loop:
            raise ClientClosedError("this client belongs to another event loop: make one for each loop")
        return self._bound

    async def aclose(self) -> None:
        """Close the connections. An `http_client` that was handed in stays open: its owner closes it."""
        if self.closed:
            return
        self.closed = True
        if self._bound is not None and self.http_client is None:
            await self._bound.http.aclose()


class Transport:
    """Sends requests until they are answered, or it is clear that they will not be."""

    def __init__(
        self,
        settings: Settings,
        options: Options,
        *,
        rate_limit: RateLimit | None,
        max_connections: int,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self.options = options
        self.pool: Pool = Pool(
            settings,
            rate_limit=rate_limit,
            max_connections=max_connections,
            transport=transport,
            http_client=http_client,
            fetch_grant=self._fetch_grant,
        )

    def with_options(self, options: Options) -> Transport:
        """A transport over the same pool."""
        twin = Transport.__new__(Transport)
        twin.options, twin.pool = options, self.pool
        return twin

    def detached(self) -> Transport:
        """A transport with a pool of its own."""
        pool = self.pool
        return Transport(
            pool.settings,
            self.options,
            rate_limit=pool.rate_limit,
            max_connections=pool.max_connections,
            transport=pool.transport,
            http_client=pool.http_client,
        )

    async def send(self, request: Request) -> ApiResponse:
        """Send the request and return its successful answer, or raise why there is none."""
        bound = self.pool.bind()
        query = dict(request.query)
        query.setdefault("version", self.options.api_version)
        url = f"{self.pool.settings.base_url}{request.path}?{urlencode(query, quote_via=quote)}"
        deadline = anyio.current_time() + (self.options.deadline or math.inf)

        def build(progress: _Progress) -> httpx.Request:
            headers = {"accept": MEDIA_TYPE, "accept-encoding": "gzip", "user-agent": self.options.user_agent}
            if request.content is not None:
                headers["content-type"] = MEDIA_TYPE
            built = httpx.Request(
                request.operation.method,
                url,
                headers=headers,
                content=request.content,
                extensions=_extensions(progress),
            )
            built.headers["authorization"] = bound.authenticator.authorization
            return built

        outcome = await self._deliver(bound, request.operation, request.path, build, deadline)
        if isinstance(outcome, GroupsError):
            raise outcome
        return outcome

    async def _deliver(
        self,
        bound: _Bound,
        operation: Operation,
        path: str,
        build: Callable[[_Progress], httpx.Request],
        deadline: float,
    ) -> ApiResponse | GroupsError:
        """Attempt after attempt, until there is an answer, or no sense or no time for another attempt."""
        started = anyio.current_time()
        attempts = 0
        ambiguous = False  # an earlier attempt may have been applied
        rejected = False  # a 401 has already cost the access token
        while True:
            attempts += 1
            progress = _Progress()
            outcome = await self._attempt(bound, operation, build, progress, deadline)
            asked: float | None = None
            if isinstance(outcome, _Answer):
                response = ApiResponse(
                    outcome.status_code,
                    outcome.headers,
                    outcome.content,
                    operation.name,
                    attempts,
                    anyio.current_time() - started,
                )
                status = response.status_code
                self._observe(response, operation)
                gone = status == 404 and operation.method == "DELETE" and ambiguous
                if 200 <= status < 300 or gone:
                    return response
                if status == 401 and not rejected and operation is not TOKEN_REQUEST:
                    rejected = True
                    if bound.authenticator.reject(progress.generation):
                        continue
                asked = _asked(status, outcome.headers)
                error: GroupsError = _api_error(
                    response, operation, path, bound.authenticator.secrets(), asked, ambiguous
                )
                ambiguous = ambiguous or status == 408 or status >= 500
                again = may_repeat(
                    idempotent=operation.idempotent,
                    sent=True,
                    status_code=status,
                    code=error.code if isinstance(error, ApiError) else None,
                )
            else:
                error, status = outcome.error, None
                sent = isinstance(error, TransportError) and error.sent
                ambiguous = ambiguous or sent
                again = outcome.passing and may_repeat(idempotent=operation.idempotent, sent=sent)
                if isinstance(error, TransportError):
                    error.sent, error.attempts = ambiguous, attempts
                elif isinstance(error, ApiError):  # of the token endpoint: this request was not sent
                    error.maybe_applied = ambiguous and operation.method != "GET"
            if self.pool.closed and not isinstance(outcome, _Answer):
                return ClientClosedError(
                    "the client was closed while this call ran"
                    + ("; it may have been applied" if ambiguous else "")
                )
            wait = self.options.retries.wait(attempts, asked, random.random()) if again else None  # noqa: S311 - jitter
            if status == 429:
                hold = asked if asked is not None else wait or 0.0
                bound.limiter.hold_until(anyio.current_time() + min(hold, self.options.retries.max_wait))
            if wait is None:
                return error
            if anyio.current_time() + wait > deadline:
                late = DeadlineExceededError(
                    f"the next attempt, in {wait:.1f} s, would come after the deadline of {self.options.deadline:g} s",
                    sent=ambiguous,
                    attempts=attempts,
                    operation=operation.name,
                )
                late.__cause__ = error
                return late
            self._announce(RetryEvent(operation.name, operation.method, path, attempts, wait, error))
            await anyio.sleep(wait)

    async def _attempt(
        self,
        bound: _Bound,
        operation: Operation,
        build: Callable[[_Progress], httpx.Request],
        progress: _Progress,
        deadline: float,
    ) -> _Answer | _Failure:
        """One attempt, within the deadline, once credentials, a slot and the rate limit allow it."""
        with anyio.CancelScope(deadline=deadline):
            if operation is not TOKEN_REQUEST:
                failure = await bound.authenticator.prepare(deadline)
                if failure is not None:
                    if isinstance(failure, TransportError):
                        failure.sent = False
                    return _Failure(failure)
            async with bound.slots:
                if not await bound.limiter.acquire(deadline):
                    return _Failure(self._late(operation, "the rate limit leaves no room", sent=False))
                progress.connecting = False
                progress.generation = bound.authenticator.generation
                return await self._exchange(bound, operation, build(progress), progress)
        return _Failure(self._late(operation, "no answer", sent=progress.sent))

    def _late(self, operation: Operation, problem: str, *, sent: bool) -> DeadlineExceededError:
        return DeadlineExceededError(
            f"{problem} within the deadline of {self.options.deadline or math.inf:g} s",
            sent=sent,
            operation=operation.name,
        )

    async def _exchange(
        self, bound: _Bound, operation: Operation, request: httpx.Request, progress: _Progress
    ) -> _Answer | _Failure:
        """The request over the wire and the whole answer back, or what went wrong."""
        if bound.http.is_closed:
            return _Failure(
                ClientClosedError(f"{operation.name}: the connections are closed; it was not sent")
            )
        timeout = self.options.timeout or math.inf
        with anyio.CancelScope(deadline=anyio.current_time() + timeout):
            try:
                response = await bound.http.send(request, stream=True, auth=None, follow_redirects=False)
                try:
                    content = await self._read(response)
                finally:
                    await response.aclose()
            except _HTTP_FAILURES as error:
                return _failure(error, operation, progress, bound.authenticator.secrets())
            headers = Headers(response.headers.multi_items())
            if content is None:
                return _Failure(
                    DecodeError(
                        f"it is larger than max_response_bytes = {self.options.max_response_bytes}",
                        operation=operation.name,
                        request_id=headers.get("snyk-request-id"),
                    )
                )
            return _Answer(response.status_code, headers, content)
        problem = f"no answer within the timeout of {timeout:g} s"
        return _Failure(
            RequestTimeoutError(problem, sent=progress.sent, operation=operation.name), passing=True
        )

    async def _read(self, response: httpx.Response) -> bytes | None:
        """The whole body; None when it is too large."""
        chunks: list[bytes] = []
        size = 0
        stream = cast(
            "AsyncGenerator[bytes]", response.aiter_bytes()
        )  # which it is; httpx promises an iterator only
        async with aclosing(stream):
            async for chunk in stream:
                size += len(chunk)
                if size > self.options.max_response_bytes:
                    return None
                chunks.append(chunk)
        return b"".join(chunks)

    async def _fetch_grant(
        self, credentials: OAuthClientCredentials, deadline: float
    ) -> TokenGrant | GroupsError:
        """A new access token from the token endpoint."""
        origin = urlsplit(self.pool.settings.base_url)
        url = credentials.token_url or f"{origin.scheme}://{origin.netloc}{TOKEN_REQUEST.path}"

        def build(progress: _Progress) -> httpx.Request:
            return httpx.Request(
                "POST",
                url,
                headers={"accept": "application/json", "user-agent": self.options.user_agent},
                data=dict(credentials.form()),
                extensions=_extensions(progress),
            )

        outcome = await self._deliver(self.pool.bind(), TOKEN_REQUEST, TOKEN_REQUEST.path, build, deadline)
        return outcome if isinstance(outcome, GroupsError) else _grant(outcome)

    def _observe(self, response: ApiResponse, operation: Operation) -> None:
        logger.debug(
            "%s %s -> %d, attempt %d, %.0f ms, request id %s",
            operation.method,
            operation.path,
            response.status_code,
            response.attempts,
            response.elapsed * 1000,
            response.request_id,
        )
        if operation is not TOKEN_REQUEST:
            _call_hook(self.options.on_response, response)

    def _announce(self, event: RetryEvent) -> None:
        logger.warning(
            "%s: attempt %d failed (%s); next in %.1f s",
            event.operation,
            event.attempt,
            type(event.error).__name__,
            event.wait,
        )
        _call_hook(self.options.retries.on_retry, event)


def _call_hook(hook: Callable[[Any], object] | None, argument: object) -> None:
    """Tell the observer. What it raises is logged: it must not hide the outcome of a call."""
    if hook is not None:
        try:
            hook(argument)
        except Exception:
            logger.exception("the hook %r failed", hook)


def _extensions(progress: _Progress) -> dict[str, Any]:
    # Timeouts are cancel scopes of ours: httpx's start anew with each chunk, so that a slow body never ends.
    return {"timeout": httpx.Timeout(None).as_dict(), "trace": progress.trace}


def _asked(status: int, headers: Headers) -> float | None:
    """The wait that an error asks for. Answers of all kinds may tell the state of the rate limit; 429 means it."""
    if status == 429:
        return requested_wait(headers, datetime.now(UTC))
    return requested_wait({"retry-after": headers.get("retry-after", "")}, datetime.now(UTC))


def _redacted(text: str, secrets: tuple[str, ...]) -> str:
    """Without our secrets: some gateways repeat the request's headers in their error pages."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _api_error(
    response: ApiResponse,
    operation: Operation,
    path: str,
    secrets: tuple[str, ...],
    retry_after: float | None,
    ambiguous: bool,
) -> ApiError:
    status = response.status_code
    body = _redacted(response.content.decode("utf-8", "replace"), secrets)
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


def _failure(
    error: Exception, operation: Operation, progress: _Progress, secrets: tuple[str, ...]
) -> _Failure:
    """What an exception of the HTTP library means to us."""
    problem = _redacted(f"{type(error).__name__}: {error}".rstrip(": "), secrets)
    if isinstance(error, httpx.DecodingError):
        return _Failure(DecodeError(problem, operation=operation.name))
    sent = progress.sent and not isinstance(error, _BEFORE_SENDING)
    if isinstance(error, httpx.TimeoutException):
        return _Failure(RequestTimeoutError(problem, sent=sent, operation=operation.name), passing=True)
    passing = not isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError)
    return _Failure(
        ConnectionFailedError(problem, sent=sent, operation=operation.name),
        passing=passing and not _certificate_refused(error),
    )


def _certificate_refused(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _grant(response: ApiResponse) -> TokenGrant | DecodeError:
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
