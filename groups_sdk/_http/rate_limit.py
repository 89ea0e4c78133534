"""Keeping within the API's rate limit, so that it need not refuse anything."""

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio
import attrs

from groups_sdk._public import set_module
from groups_sdk.errors import ConfigurationError

__all__ = ["RateLimit", "RateLimiter", "SlidingWindows"]


def _positive(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name} must be a whole number of at least 1; got {value!r}")


@attrs.frozen(kw_only=True)
class RateLimit:
    """How many requests may be sent in any second and in any minute. The defaults are the API's own limits.

    Example:
        limit = RateLimit(per_second=20, per_minute=600)  # leave room for other tools with the same token
    """

    per_second: int = attrs.field(default=160, validator=_positive)
    per_minute: int = attrs.field(default=1620, validator=_positive)


class SlidingWindows:
    """The bookkeeping: the moments of the last requests, and from them when the next one is allowed."""

    def __init__(self, limit: RateLimit) -> None:
        self._windows = [
            (1.0, deque[float](maxlen=limit.per_second)),
            (60.0, deque[float](maxlen=limit.per_minute)),
        ]

    def wait(self, now: float) -> float:
        """Seconds until one more request is within both limits; 0 when it is now."""
        wait = 0.0
        for length, moments in self._windows:
            if len(moments) == moments.maxlen:
                wait = max(wait, moments[0] + length - now)
        return wait

    def record(self, now: float) -> None:
        """Note that a request is sent now."""
        for _, moments in self._windows:
            moments.append(now)

    def shifted(self, seconds: float) -> "SlidingWindows":
        """The same by another clock, which is that much ahead."""
        other = SlidingWindows.__new__(SlidingWindows)
        other._windows = [
            (length, deque((moment + seconds for moment in moments), maxlen=moments.maxlen))
            for length, moments in self._windows
        ]
        return other


OnPause = Callable[[float, RateLimit | None], None]
"""Told of the seconds until the next request may be sent, and of the limit; None where the API answered 429."""


class RateLimiter:
    """Lets requests through in the order in which they came, when limit and hold allow."""

    def __init__(self, limit: RateLimit | None) -> None:
        self._limit = limit
        self._windows = SlidingWindows(limit) if limit else None
        self._turn = anyio.Lock()
        self._held_until = 0.0
        self._waiting: set[anyio.CancelScope] = set()

    def moved(self, shift: float) -> "RateLimiter":
        """One for another event loop, whose clock is `shift` seconds ahead: it knows what was sent, and the hold."""
        other = RateLimiter(self._limit)
        if self._windows is not None:
            other._windows = self._windows.shifted(shift)
        other._held_until = self._held_until + shift
        return other

    def hold_until(self, moment: float) -> None:
        """Let nothing through before that moment: the API has answered 429."""
        self._held_until = max(self._held_until, moment)
        for scope in self._waiting:
            if scope.deadline < self._held_until:
                scope.cancel()

    @contextmanager
    def waiting(self, scope: anyio.CancelScope) -> Generator[None]:
        """Within it, a hold that lasts beyond the deadline of `scope` cancels that scope at once."""
        self._waiting.add(scope)
        try:
            yield
        finally:
            self._waiting.discard(scope)

    async def acquire(self, deadline: float, on_pause: OnPause | None = None) -> bool:
        """Wait for permission to send one request. False, at once, when it would come after the deadline.

        `on_pause` is called whenever this begins to wait.
        """
        now = anyio.current_time()
        wait = self._wait(now)
        if wait > 0 and now + wait > deadline:  # do not queue behind somebody who has the time to wait
            return False
        if wait <= 0 and not self._turn.locked():  # nobody is in front
            self._record(now)
            return True
        if wait > 0 and on_pause is not None:  # here too: who is in front may have no observer
            on_pause(wait, self._reason(now))
        async with self._turn:
            while (wait := self._wait(now := anyio.current_time())) > 0:
                if self.late(deadline):
                    return False
                if on_pause is not None:
                    on_pause(wait, self._reason(now))
                await anyio.sleep(wait)
            self._record(anyio.current_time())
        return True

    def late(self, deadline: float) -> bool:
        """Whether permission is certain to come after the deadline only."""
        now = anyio.current_time()
        wait = self._wait(now)
        return wait > 0 and now + wait > deadline

    def _reason(self, now: float) -> RateLimit | None:
        return None if self._held_until - now >= self._wait(now) else self._limit

    def _record(self, now: float) -> None:
        if self._windows:
            self._windows.record(now)

    def _wait(self, now: float) -> float:
        held = self._held_until - now
        return max(held, self._windows.wait(now)) if self._windows else held


set_module("groups_sdk", globals(), ["RateLimit"])
