"""The loop that sends a request until it is answered, or it is clear that it will not be."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import anyio
import attrs
import httpx

from groups_sdk import _deprecations as deprecations
from groups_sdk._credentials import OAuthClientCredentials, TokenGrant
from groups_sdk._http.building import located, with_body
from groups_sdk._http.decide import RetryEvent, RetryPolicy, may_repeat
from groups_sdk._http.outcomes import (
    HTTP_FAILURES,
    TOKEN_REQUEST,
    Answer,
    Course,
    Failure,
    Progress,
    api_error,
    asked_wait,
    failure_of,
    grant_of,
    meaning_of,
)
from groups_sdk._http.pool import Bound, Pool
from groups_sdk._http.rate_limit import RateLimit
from groups_sdk._http.receiving import Body
from groups_sdk._operations import Operation, Request
from groups_sdk._responses import ApiResponse
from groups_sdk._settings import Settings
from groups_sdk.errors import (
    ApiError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    InvalidArgumentError,
    RequestTimeoutError,
    TransportError,
)

logger: logging.Logger = logging.getLogger("groups_sdk")

MEDIA_TYPE = "application/vnd.api+json"


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
        try:
            url = located(self.pool.base, request.target(self.options.api_version))
        except (httpx.InvalidURL, UnicodeError) as error:  # too long; half a surrogate pair
            problem = f"{request.operation.name}: no URL can be made of the arguments: {error}"
            raise InvalidArgumentError(problem) from None
        deadline = bound.loop.time() + (self.options.deadline or math.inf)

        def build(progress: Progress) -> httpx.Request:
            method, content = request.operation.method, request.content
            headers = {
                "host": url.netloc.decode(),
                "accept": MEDIA_TYPE,
                "accept-encoding": "gzip",
                "user-agent": self.options.user_agent,
                "authorization": bound.authenticator.authorization,
            }
            if content is not None:
                headers["content-type"] = MEDIA_TYPE
            if content is not None or method in ("POST", "PUT", "PATCH"):
                headers["content-length"] = str(len(content or b""))
            return with_body(method, url, headers, content or b"", progress.extensions())

        outcome = await self._deliver(bound, request.operation, request.path, build, deadline)
        if isinstance(outcome, GroupsError):
            raise outcome
        return outcome

    async def _deliver(
        self,
        bound: Bound,
        operation: Operation,
        path: str,
        build: Callable[[Progress], httpx.Request],
        deadline: float,
    ) -> ApiResponse | GroupsError:
        """Send until it is answered, or clear that it will not be; and leave a line in the log."""
        started = bound.loop.time()
        course = Course()
        outcome: ApiResponse | GroupsError | None = None
        with bound.calls.one():
            outcome = await self._attempts(bound, operation, path, build, deadline, started, course)
        if outcome is None:  # cancelled by `aclose`
            outcome = _closed(course.maybe_applied)
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s -> %s, attempts %s, %.0f ms, request id %s",
                operation.method,
                operation.path,
                outcome.status_code if isinstance(outcome, ApiResponse) else _brief(outcome),
                getattr(outcome, "attempts", "-"),
                (bound.loop.time() - started) * 1000,
                getattr(outcome, "request_id", None),
            )
        return outcome

    async def _attempts(
        self,
        bound: Bound,
        operation: Operation,
        path: str,
        build: Callable[[Progress], httpx.Request],
        deadline: float,
        started: float,
        course: Course,
    ) -> ApiResponse | GroupsError:
        """Attempt after attempt, until there is an answer, or no sense or no time for another attempt."""
        attempts = 0
        rejected = False  # a 401 has already cost the access token
        failed: GroupsError | None = None  # how the attempt before this one did
        while True:
            attempts += 1
            course.progress = progress = Progress(bound.connections)
            outcome = await self._attempt(bound, operation, build, progress, deadline)
            course.progress = None
            asked: float | None = None
            if isinstance(outcome, Answer):
                response = ApiResponse(
                    outcome.status_code,
                    outcome.headers,
                    outcome.content,
                    operation.name,
                    attempts,
                    bound.loop.time() - started,
                )
                status = response.status_code
                self._observe(response, operation)
                gone = status == 404 and operation.method == "DELETE" and course.ambiguous
                if 200 <= status < 300 or gone:
                    return response
                if status == 401 and not rejected and operation is not TOKEN_REQUEST:
                    rejected = True
                    if bound.authenticator.reject(progress.generation):
                        continue
                asked = asked_wait(status, outcome.headers)
                error: GroupsError = api_error(
                    response, operation, path, bound.authenticator.secrets(), asked, course.ambiguous
                )
                course.ambiguous = course.ambiguous or status == 408 or status >= 500
                again = may_repeat(
                    idempotent=operation.idempotent,
                    sent=True,
                    status_code=status,
                    code=error.code if isinstance(error, ApiError) else None,
                )
            else:
                error, status = outcome.error, None
                sent = isinstance(error, TransportError) and error.sent
                course.ambiguous = course.ambiguous or sent
                again = outcome.passing and may_repeat(idempotent=operation.idempotent, sent=sent)
                if self.pool.closed:
                    return _closed(course.ambiguous)
                if isinstance(error, TransportError):
                    error.sent, error.attempts = course.ambiguous, attempts
                    if isinstance(error, DeadlineExceededError):
                        error.__cause__ = error.__cause__ or failed
                elif isinstance(error, ClientClosedError):
                    error.sent = course.ambiguous
                elif isinstance(error, DecodeError) and error.operation != operation.name:
                    # It was the token endpoint's answer: this request was not sent.
                    error.sent = course.ambiguous
                elif isinstance(error, ApiError):  # of the token endpoint too
                    error.maybe_applied = course.ambiguous and operation.method != "GET"
            wait = self.options.retries.wait(attempts, asked, random.random()) if again else None  # noqa: S311 - jitter
            if status == 429:
                hold = asked if asked is not None else wait or 0.0
                bound.limiter.hold_until(bound.loop.time() + min(hold, self.options.retries.max_wait))
            if wait is None:
                return error
            if bound.loop.time() + wait > deadline:
                late = DeadlineExceededError(
                    f"the next attempt, in {wait:.1f} s, would come after the deadline of {self.options.deadline:g} s",
                    sent=course.ambiguous,
                    attempts=attempts,
                    operation=operation.name,
                )
                late.__cause__ = error
                return late
            self._announce(RetryEvent(operation.name, operation.method, path, attempts, wait, error))
            failed = error
            await anyio.sleep(wait)

    async def _attempt(
        self,
        bound: Bound,
        operation: Operation,
        build: Callable[[Progress], httpx.Request],
        progress: Progress,
        deadline: float,
    ) -> Answer | Failure:
        """One attempt, within the deadline, once credentials, a slot and the rate limit allow it."""
        admitted = False
        with anyio.CancelScope(deadline=deadline) as scope:
            if operation is not TOKEN_REQUEST:
                failure = await bound.authenticator.prepare(deadline)
                if failure is not None:
                    if isinstance(failure, TransportError):
                        failure.sent = False
                    return Failure(failure)
            async with bound.admission(scope) as admitted:
                if admitted:
                    progress.connecting = False
                    progress.generation = bound.authenticator.generation
                    return await self._exchange(bound, operation, build(progress), progress)
        if not admitted and bound.limiter.late(deadline):
            return Failure(self._late(operation, "the rate limit leaves no room", sent=False))
        return Failure(self._late(operation, "no answer", sent=progress.sent))

    def _late(self, operation: Operation, problem: str, *, sent: bool) -> DeadlineExceededError:
        return DeadlineExceededError(
            f"{problem} within the deadline of {self.options.deadline or math.inf:g} s",
            sent=sent,
            operation=operation.name,
        )

    async def _exchange(
        self, bound: Bound, operation: Operation, request: httpx.Request, progress: Progress
    ) -> Answer | Failure:
        """The request over the wire and the whole answer back, or what went wrong."""
        if bound.wire.is_closed:
            return Failure(
                ClientClosedError(f"{operation.name}: the connections are closed; it was not sent")
            )
        timeout = self.options.timeout or math.inf
        response: httpx.Response | None = None
        body = Body(self.options.max_response_bytes)
        failure: Failure | None = None
        with anyio.CancelScope(deadline=bound.loop.time() + timeout) as in_time:
            try:
                response = await bound.wire.send(request)
                try:
                    await body.read(response)
                finally:
                    await response.aclose()
            except HTTP_FAILURES as error:
                failure = failure_of(error, operation, progress, bound.authenticator.secrets())
            except BaseException:
                progress.abort()
                raise
        if in_time.cancelled_caught:
            problem = f"no answer within the timeout of {timeout:g} s"
            late = RequestTimeoutError(problem, sent=progress.sent, operation=operation.name)
            failure = Failure(late, passing=True)
        if response is None:
            return failure or Failure(self._late(operation, "no answer", sent=progress.sent))
        return meaning_of(response, body, failure, operation)

    async def _fetch_grant(
        self, credentials: OAuthClientCredentials, deadline: float
    ) -> TokenGrant | GroupsError:
        """A new access token from the token endpoint."""
        origin = urlsplit(self.pool.settings.base_url)
        url = credentials.token_url or f"{origin.scheme}://{origin.netloc}{TOKEN_REQUEST.path}"

        def build(progress: Progress) -> httpx.Request:
            headers = {"accept": "application/json", "user-agent": self.options.user_agent}
            form = httpx.Request("POST", url, headers=headers, data=dict(credentials.form()))
            return with_body("POST", form.url, form.headers, form.content, progress.extensions())

        outcome = await self._deliver(self.pool.bind(), TOKEN_REQUEST, TOKEN_REQUEST.path, build, deadline)
        return outcome if isinstance(outcome, GroupsError) else grant_of(outcome)

    def _observe(self, response: ApiResponse, operation: Operation) -> None:
        if operation is TOKEN_REQUEST:
            return
        if operation.name not in self.pool.deprecated and (notice := deprecations.describe(response)):
            self.pool.deprecated.add(operation.name)
            deprecations.warn(notice)
        _call_hook(self.options.on_response, response)

    def _announce(self, event: RetryEvent) -> None:
        logger.warning(
            "%s: attempt %d failed (%s, request id %s); next in %.1f s",
            event.operation,
            event.attempt,
            _brief(event.error),
            getattr(event.error, "request_id", None),
            event.wait,
        )
        _call_hook(self.options.retries.on_retry, event)


def _closed(ambiguous: bool) -> ClientClosedError:
    fate = "; it may have been applied" if ambiguous else ""
    return ClientClosedError(f"the client was closed while this call ran{fate}", sent=ambiguous)


def _brief(error: GroupsError) -> str:
    return (
        f"{error.status_code} {error.code or ''}".rstrip()
        if isinstance(error, ApiError)
        else type(error).__name__
    )


def _call_hook(hook: Callable[[Any], object] | None, argument: object) -> None:
    """Tell the observer. What it raises is logged: it must not hide the outcome of a call."""
    if hook is not None:
        try:
            hook(argument)
        except Exception:
            logger.exception("the hook %r failed", hook)
