"""A rate limit that several processes keep to together."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import attrs

from groups_sdk._credentials import BearerToken, Credentials, OAuthClientCredentials, SnykCliCredentials
from groups_sdk._http.rate_limit import MINUTE, Permit, RateLimit, RateLimiter, show_place
from groups_sdk._http.shared_store import PATIENCE, SharedStore, StoreUnavailable, Verdict
from groups_sdk._settings import Settings
from groups_sdk._tokens import jwt_claims

__all__ = ["SharedRateLimiter", "make_limiter", "open_store", "principal"]

logger: logging.Logger = logging.getLogger("groups_sdk.rate_limit")  # which the command line shows

T = TypeVar("T")

RETRY_AFTER = 10.0  # seconds until a store that failed is asked again
_LONGEST = 2 * PATIENCE  # seconds that a call waits for the store
_SHORTEST_WAIT = 0.005  # seconds: many processes that wait for the same moment must not wear the store out


def open_store(limit: RateLimit | None, settings: Settings) -> SharedStore | None:
    """The place that a limit is shared in, for these credentials; None when it is not shared.

    Raises `ConfigurationError` when it can never be used.
    """
    if limit is None or limit.shared is None:
        return None
    module = import_module(
        "groups_sdk._http.shared_limit_redis"
        if "://" in limit.shared
        else "groups_sdk._http.shared_limit_file"
    )
    store: SharedStore = module.open_store(limit.shared, principal(settings))
    store.check()
    return store


def make_limiter(limit: RateLimit | None, store: SharedStore | None) -> RateLimiter:
    """The limiter of a client, for the running event loop."""
    return RateLimiter(limit) if limit is None or store is None else SharedRateLimiter(limit, store)


def principal(settings: Settings) -> bytes:
    """Whom the API counts the requests of, as 16 bytes from which nothing can be read back."""
    server = urlsplit(settings.base_url)
    port = server.port or {"https": 443, "http": 80}[server.scheme]
    text = json.dumps(["groups_sdk rate limit", server.hostname, port, *_identity(settings.credentials)])
    return hashlib.sha256(text.encode()).digest()[:16]


def _identity(credentials: Credentials) -> tuple[str, ...]:
    """What stays the same when a secret is renewed, where there is such a thing; or else the token."""
    if isinstance(credentials, OAuthClientCredentials):
        return "client", credentials.form()["client_id"]
    (token,) = credentials.secrets()
    if isinstance(credentials, BearerToken | SnykCliCredentials):
        claims = jwt_claims(token)
        if isinstance(claims.get("sub"), str):
            return "subject", str(claims.get("iss")), str(claims["sub"])
    return "token", token


class _Question(Generic[T]):
    """A question to a store, in a thread. Whoever asked may leave before the answer comes, or just then."""

    def __init__(self, func: Callable[[], T], unwanted: Callable[[T], object]) -> None:
        self._func = func
        self._unwanted = unwanted
        self._lock = threading.Lock()
        self._answers: list[T] = []
        self._left = False

    def ask(self) -> T:
        answer = self._func()
        with self._lock:
            self._answers.append(answer)
            left = self._left
        if left:
            self._unwanted(answer)
        return answer

    def leave(self) -> None:
        """The answer is not wanted any more."""
        with self._lock:
            self._left = True
            answers = self._answers[:]
        for answer in answers:
            self._unwanted(answer)


class SharedRateLimiter(RateLimiter):
    """Keeps to a limit together with others, through a store; in the order of arrival within this client.

    While the store cannot be used, and for a minute afterwards, in which it does not know what was sent meanwhile, this
    client keeps to its share of the limit by itself.
    """

    def __init__(self, limit: RateLimit, store: SharedStore) -> None:
        share = limit.share
        alone = attrs.evolve(
            limit,
            per_second=max(1, int(limit.per_second * share)),
            per_minute=max(1, int(limit.per_minute * share)),
        )
        super().__init__(alone)  # whose windows count all that this client sends
        self._alone = alone
        self._together = limit
        self._store = store
        self._threads = anyio.CapacityLimiter(10)
        self._not_before = 0.0  # no permission comes from the store sooner
        self._lost_until = 0.0  # the store is not asked before that moment
        self._alone_until = 0.0
        self._lost = False

    def moved(self, shift: float) -> SharedRateLimiter:
        other = SharedRateLimiter(self._together, self._store)
        other._take_over(self, shift)
        other._lost_until = self._lost_until + shift
        other._alone_until = self._alone_until + shift
        other._lost = self._lost
        return other

    async def hold(self, seconds: float) -> None:
        await super().hold(seconds)
        await self._tell(lambda: self._store.hold(seconds))

    async def ended(self, permit: Permit) -> None:
        await super().ended(permit)
        if permit.ticket is not None:
            await self._tell(lambda: self._store.end(permit.ticket))

    async def _take(self) -> Permit | None:
        ticket = None
        if anyio.current_time() >= self._lost_until:
            try:
                verdict = await self._ask(lambda: self._store.take(self._together), self._give_back)
            except StoreUnavailable as error:
                self._lose(error)
                return None  # by itself it may have to wait
            self._find()
            if verdict.ticket is None:
                self._note_wait(verdict)
                return None
            ticket = verdict.ticket
        await super()._take()
        return Permit(ticket)

    def _note_wait(self, verdict: Verdict) -> None:
        until = anyio.current_time() + max(verdict.wait, _SHORTEST_WAIT)
        if verdict.held:
            self.hold_until(until)
        else:
            self._not_before = until
            self._give_up_before(until)

    async def _tell(self, func: Callable[[], None]) -> None:
        """Tell the store something, also when the call is being cancelled; not while it cannot be used."""
        if anyio.current_time() >= self._lost_until:
            try:
                with anyio.CancelScope(shield=True):
                    await self._ask(func)
            except StoreUnavailable as error:
                self._lose(error)

    async def _ask(self, func: Callable[[], T], unwanted: Callable[[T], object] = lambda _: None) -> T:
        """The store's answer. One that comes when nobody waits for it any more is for `unwanted`, in a thread too."""
        question = _Question(func, unwanted)
        problem = f"no answer within {_LONGEST:g} s"
        try:
            with anyio.fail_after(_LONGEST):  # a look-up of a name takes as long as the system likes
                return await anyio.to_thread.run_sync(
                    question.ask, abandon_on_cancel=True, limiter=self._threads
                )
        except StoreUnavailable:
            raise
        except RuntimeError as error:  # no thread can be started, at the end of the program for example
            problem = str(error)
        except TimeoutError:
            await self._leave(question)
        except BaseException:
            await self._leave(question)
            raise
        raise StoreUnavailable(problem)

    async def _leave(self, question: _Question[T]) -> None:
        with anyio.CancelScope(shield=True), suppress(RuntimeError):
            await anyio.to_thread.run_sync(question.leave, limiter=self._threads)

    def _give_back(self, verdict: Verdict) -> None:
        if verdict.ticket is not None:
            with suppress(StoreUnavailable):
                self._store.end(verdict.ticket)

    def _lose(self, error: StoreUnavailable) -> None:
        now = anyio.current_time()
        self._not_before = 0.0
        self._lost_until = now + RETRY_AFTER
        self._alone_until = self._lost_until + MINUTE
        if not self._lost:
            self._lost = True
            logger.warning(
                "the shared rate limit in %s cannot be used (%s): until it can, this client keeps to %d requests a "
                "second and %d a minute by itself",
                show_place(self._together.shared or ""),
                error,
                self._alone.per_second,
                self._alone.per_minute,
            )

    def _find(self) -> None:
        if self._lost and anyio.current_time() >= self._lost_until:  # it may have been lost again meanwhile
            self._lost = False
            logger.info("the shared rate limit in %s is used again", show_place(self._together.shared or ""))

    def _reason(self, now: float) -> RateLimit | None:
        reason = super()._reason(now)
        return reason if reason is None or now < self._alone_until else self._together

    def _wait(self, now: float) -> float:
        by_itself = 0.0
        if self._windows is not None and now < self._alone_until:
            by_itself = min(self._windows.wait(now), self._alone_until - now)
        return max(by_itself, self._held_until - now, self._not_before - now)
