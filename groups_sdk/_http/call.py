"""One call: attempt, decide, wait, until there is an answer or an error."""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from urllib.parse import urlsplit

import anyio

from groups_sdk import _deprecations as deprecations
from groups_sdk import _writes as writes
from groups_sdk._credentials import OAuthClientCredentials
from groups_sdk._hooks import call_hook
from groups_sdk._http.access_tokens import TokenGrant, read_grant
from groups_sdk._http.attempt import AttemptState, exchange
from groups_sdk._http.call_summary import describe_error, summarize
from groups_sdk._http.connections import ConnectionPool, LoopResources
from groups_sdk._http.decide import (
    DEADLINE_ADVICE,
    Answered,
    Attempt,
    CallState,
    Closed,
    Done,
    Failed,
    GiveUp,
    NoAccessToken,
    Retry,
    decide,
    make_error,
)
from groups_sdk._http.library import URL
from groups_sdk._http.library import Request as HttpRequest
from groups_sdk._http.options import CallOptions
from groups_sdk._http.redaction import redact
from groups_sdk._http.requests import build_request, join_url
from groups_sdk._http.retries import RetryEvent
from groups_sdk._http.spans import CallSpan, start_span
from groups_sdk._operations import TOKEN_REQUEST, Operation, Request
from groups_sdk._responses import ApiResponse
from groups_sdk._terminal import printable
from groups_sdk.errors import ApiError, DeadlineExceededError, GroupsError

__all__ = ["Caller"]

logger: logging.Logger = logging.getLogger("groups_sdk")

MEDIA_TYPE = "application/vnd.api+json"
_ID_SHOWN = 100  # characters of a request id
_CLOSED = "the client was closed while this call ran"


class Caller:
    """Makes calls of the API with the options of one client, or of a copy of it."""

    def __init__(self, pool: ConnectionPool, options: CallOptions) -> None:
        self.pool = pool
        self.options = options

    def redact(self, text: str) -> str:
        """The text without the secrets of this client."""
        return redact(text, self.pool.secrets())

    async def send(self, request: Request, on_sent: Callable[[], object] | None = None) -> ApiResponse:
        """The successful answer to a request. Raises a `GroupsError` that says why there is none.

        `on_sent` is called, in each attempt, when the request is on its way; other transports than the network's may
        not tell. It must not raise.
        """
        resources = self.pool.bind()
        build = self._builder(request, resources, on_sent)
        deadline = anyio.current_time() + (self.options.deadline or math.inf)
        server = self.pool.base_url
        outcome = await self._complete(request.operation, request.path, server, build, resources, deadline)
        if isinstance(outcome, ApiResponse):
            return outcome
        try:
            raise outcome
        finally:
            del outcome  # its traceback has this frame in it: a reference cycle

    def _builder(
        self, request: Request, resources: LoopResources, on_sent: Callable[[], object] | None
    ) -> Callable[[AttemptState], HttpRequest]:
        """Makes the request of each attempt.

        The URL, which may have an email address in it, stays in here: tools that report errors show the locals of all
        frames that an error came through.
        """
        url = join_url(resources.library, self.pool.base_url, request, self.options.api_version)

        def build(state: AttemptState) -> HttpRequest:
            headers = {
                "accept": MEDIA_TYPE,
                "accept-encoding": "gzip",
                "user-agent": self.options.user_agent,
                "authorization": resources.tokens.authorization,
            }
            if request.content is not None:
                headers["content-type"] = MEDIA_TYPE
            content = request.content or b""
            return build_request(
                resources.library, request.operation.method, url, headers, content, state.extensions(on_sent)
            )

        return build

    async def _complete(
        self,
        operation: Operation,
        path: str,
        server: URL,
        build: Callable[[AttemptState], HttpRequest],
        resources: LoopResources,
        deadline: float,
    ) -> ApiResponse | GroupsError:
        """One call from beginning to end, as observers see it."""
        call = CallState(
            operation=operation,
            path=path,
            started=anyio.current_time(),
            deadline=self.options.deadline,
            renewable=resources.tokens.renewable and operation is not TOKEN_REQUEST,
        )
        port = server.port or (443 if server.scheme == "https" else 80)
        span = start_span(operation, server.host, port, self.options.api_version)
        try:
            with nullcontext() if span is None else span.current():
                outcome = await self._repeat(call, build, resources, deadline)
        except BaseException as error:
            self._finish(call, span, error)
            raise
        self._finish(call, span, outcome)
        return outcome

    async def _repeat(
        self,
        call: CallState,
        build: Callable[[AttemptState], HttpRequest],
        resources: LoopResources,
        deadline: float,
    ) -> ApiResponse | GroupsError:
        """Attempt, decide, wait: until there is an answer, or no sense or no time in another attempt."""
        under_way: AttemptState | None = None
        with resources.calls.track():  # closing the client cancels what is in here
            while True:
                call.attempts += 1
                under_way = AttemptState(resources.sockets)
                attempt = await self._attempt(call, build, under_way, resources, deadline)
                decision = decide(
                    call,
                    attempt,
                    self.options.retries,
                    time_left=deadline - anyio.current_time(),
                    fraction=random.random(),  # noqa: S311 - jitter
                )
                call.maybe_applied = call.maybe_applied or attempt.maybe_applied
                if decision.hold:
                    await resources.limiter.hold(decision.hold)
                match decision:
                    case Done(response):
                        return self._log(call, response)
                    case GiveUp(error):
                        return self._log(call, error)
                    case Retry(after, error):
                        call.last_error = error
                        call.usage.retry_reasons.append(describe_error(error))
                        self._announce(call, decision)
                        under_way = None
                        call.usage.begin("retry")
                        await anyio.sleep(after)
                    case _:  # Reauthenticate
                        call.renewed = True
                        call.usage.begin("access_token")
                        refused, under_way = under_way.token, None
                        call.advice = await resources.tokens.reject(refused)
                        if call.advice is not None:
                            return self._log(call, make_error(call, attempt))
                        call.usage.retry_reasons.append("401")
        return self._log(call, make_error(call, Closed(_CLOSED, under_way is not None and under_way.sent)))

    async def _attempt(
        self,
        call: CallState,
        build: Callable[[AttemptState], HttpRequest],
        state: AttemptState,
        resources: LoopResources,
        deadline: float,
    ) -> Attempt:
        """One attempt, within the deadline, once access token, connection slot and rate limit allow it."""
        admitted = False
        with anyio.CancelScope(deadline=deadline) as scope:
            if call.operation is not TOKEN_REQUEST:
                call.usage.begin("access_token")
                fetch = partial(self._fetch_grant, resources=resources, deadline=deadline)
                refusal = await resources.tokens.ensure(fetch, self.options)
                if refusal is not None:
                    return self._unless_closed(NoAccessToken(refusal))
            waits = self.options.waits
            on_pause = None if waits is None else partial(waits.pausing, call.operation.name)
            async with resources.admission(scope, call.usage, on_pause) as admitted:
                if admitted:
                    state.begin(resources.tokens.current)
                    if call.operation.writes:
                        writes.note()
                    attempt = await exchange(build(state), call, state, resources, self.options)
                    if isinstance(attempt, Answered):
                        self._observe(attempt.response, call.operation)
                    return self._unless_closed(attempt)
        crowded = not admitted and resources.limiter.late(deadline)
        problem = "the rate limit allowed no request" if crowded else "no answer"
        problem = (
            f"{problem} within the deadline of {self.options.deadline or math.inf:g} s ({DEADLINE_ADVICE})"
        )
        return Failed(DeadlineExceededError, problem, state.sent)

    def _unless_closed(self, attempt: Attempt) -> Attempt:
        """The attempt, unless it failed while the client was being closed, which then is the reason."""
        if self.pool.closed and not isinstance(attempt, Answered):
            return Closed(_CLOSED, attempt.maybe_applied)
        return attempt

    async def _fetch_grant(
        self, credentials: OAuthClientCredentials, *, resources: LoopResources, deadline: float
    ) -> TokenGrant | GroupsError:
        """A new access token from the token endpoint, within the deadline of the call that needs it."""
        origin = urlsplit(self.pool.settings.base_url)
        url = credentials.token_url or f"{origin.scheme}://{origin.netloc}{TOKEN_REQUEST.path}"
        form = resources.library.Request("POST", url, data=dict(credentials.form()))

        def build(state: AttemptState) -> HttpRequest:
            headers = {
                "accept": "application/json",
                "content-type": form.headers["content-type"],
                "user-agent": self.options.user_agent,
            }
            return build_request(
                resources.library, "POST", form.url, headers, form.content, state.extensions()
            )

        path = TOKEN_REQUEST.path
        outcome = await self._complete(TOKEN_REQUEST, path, form.url, build, resources, deadline)
        return outcome if isinstance(outcome, GroupsError) else read_grant(outcome)

    def _observe(self, response: ApiResponse, operation: Operation) -> None:
        if operation is TOKEN_REQUEST:
            return
        if operation.name not in self.pool.deprecated and (notice := deprecations.describe(response)):
            self.pool.deprecated.add(operation.name)
            deprecations.warn(notice)
        call_hook(self.options.on_response, response)

    def _announce(self, call: CallState, retry: Retry) -> None:
        operation, error = call.operation, retry.error
        logger.warning(
            "%s: attempt %d failed (%s, request id %s); next in %.1f s",
            operation.name,
            call.attempts,
            _brief(error),
            _request_id(error),
            retry.after,
        )
        event = RetryEvent(operation.name, operation.method, call.path, call.attempts, retry.after, error)
        call_hook(self.options.retries.on_retry, event)
        if self.options.waits is not None:
            self.options.waits.retrying(operation.name, retry.after, error, asked=retry.asked)

    def _finish(self, call: CallState, span: CallSpan | None, outcome: ApiResponse | BaseException) -> None:
        recording = span if span is not None and span.recording else None
        if recording is not None or self.options.on_call is not None:
            api_version = self.options.api_version
            summary = summarize(call.operation, call.attempts, call.usage, api_version, outcome)
            if recording is not None:
                recording.end(summary)
            call_hook(self.options.on_call, summary)

    def _log(self, call: CallState, outcome: ApiResponse | GroupsError) -> ApiResponse | GroupsError:
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug(
                "%s %s -> %s, attempts %s, %.0f ms, request id %s",
                call.operation.method,
                call.operation.path,
                outcome.status_code if isinstance(outcome, ApiResponse) else _brief(outcome),
                call.attempts,
                (anyio.current_time() - call.started) * 1000,
                _request_id(outcome),
            )
        return outcome


def _brief(error: GroupsError) -> str:
    if isinstance(error, ApiError):
        return printable(f"{error.status_code} {error.code or ''}".rstrip())
    return type(error).__name__


def _request_id(outcome: ApiResponse | GroupsError) -> str | None:
    request_id: str | None = getattr(outcome, "request_id", None)
    return None if request_id is None else printable(request_id, _ID_SHOWN)
