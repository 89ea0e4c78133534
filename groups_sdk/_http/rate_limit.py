"""Keeping within the API's rate limit, so that it need not refuse anything."""

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager

import anyio
import attrs

from groups_sdk._public import set_module
from groups_sdk.errors import ConfigurationError

__all__ = ["OnPause", "Permit", "RateLimit", "RateLimiter", "SlidingWindows"]


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
    """The bookkeeping: which requests are under way, when the others ended, and when the next one is allowed.

    When a request leaves is not known: a connection may have to be set up first. So it counts as sent now for as long
    as it is under way, and as sent when it ended from then on. Whichever moment between the two the request left this
    machine, or reached the API, no window has more requests than the limit.
    """

    def __init__(self, limit: RateLimit) -> None:
        self._under_way = 0
        self._windows = [
            (1.0, deque[float](maxlen=limit.per_second)),
            (60.0, deque[float](maxlen=limit.per_minute)),
        ]

    def wait(self, now: float) -> float:
        """The least seconds until one more request is within both limits; 0 when it is now."""
        wait = 0.0
        for length, moments in self._windows:
            room = (moments.maxlen or 0) - self._under_way
            if room <= 0:
                wait = max(wait, length)
            elif len(moments) >= room:
                wait = max(wait, moments[-room] + length - now)
        return wait

    def begin(self) -> None:
        """Note that a request is let go."""
        self._under_way += 1

    def end(self, now: float) -> None:
        """Note that a request has ended: answered, failed or cancelled."""
        self._under_way -= 1
        for _, moments in self._windows:
            moments.append(now)

    def shifted(self, seconds: float, now: float) -> "SlidingWindows":
        """The same by another clock, which is that much ahead. What is under way ends now: its event loop is over."""
        other = SlidingWindows.__new__(SlidingWindows)
        other._under_way = 0
        other._windows = [
            (length, deque((moment + seconds for moment in moments), maxlen=moments.maxlen))
            for length, moments in self._windows
        ]
        for _, moments in other._windows:
            moments.extend([now] * self._under_way)
        return other


OnPause = Callable[[float, RateLimit | None], None]
"""Told of the seconds until the next request may be sent, and of the limit; None where the API answered 429."""


@attrs.frozen
class Permit:
    """Permission to send one request. `ticket` is what a shared limit knows it by."""

    ticket: object = None


class RateLimiter:
    """Lets requests through in the order in which they came, when limit and hold allow."""

    def __init__(self, limit: RateLimit | None) -> None:
        self._limit = limit
        self._windows = SlidingWindows(limit) if limit else None
        self._turn = anyio.Lock(fast_acquire=True)
        self._held_until = 0.0
        self._waiting: set[anyio.CancelScope] = set()

    def moved(self, shift: float) -> "RateLimiter":
        """One for another event loop, whose clock is `shift` seconds ahead: it knows what was sent, and the hold."""
        other = RateLimiter(self._limit)
        other._take_over(self, shift)
        return other

    def _take_over(self, other: "RateLimiter", shift: float) -> None:
        if other._windows is not None:
            self._windows = other._windows.shifted(shift, anyio.current_time())
        self._held_until = other._held_until + shift

    async def hold(self, seconds: float) -> None:
        """Let nothing through for so long: the API has answered 429."""
        self.hold_until(anyio.current_time() + seconds)

    def hold_until(self, moment: float) -> None:
        """Let nothing through before that moment."""
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

    async def acquire(self, deadline: float, on_pause: OnPause | None = None) -> Permit | None:
        """Wait for permission to send one request. None, at once, when it would come after the deadline.

        The permit is to be given to `ended` when the request has ended. `on_pause` is called whenever this begins to
        wait.
        """
        now = anyio.current_time()
        wait = self._wait(now)
        if wait > 0 and now + wait > deadline:  # do not queue behind somebody who has the time to wait
            return None
        if wait > 0 and on_pause is not None:  # here too: who is in front may have no observer
            on_pause(wait, self._reason(now))
        async with self._turn:
            while True:
                while (wait := self._wait(now := anyio.current_time())) > 0:
                    if self.late(deadline):
                        return None
                    if on_pause is not None:
                        on_pause(wait, self._reason(now))
                    await anyio.sleep(wait)
                permit = await self._take()
                if permit is not None:
                    return permit

    async def ended(self, permit: Permit) -> None:
        """The request that was permitted has ended: answered, failed or cancelled."""
        if self._windows is not None:
            self._windows.end(anyio.current_time())

    def late(self, deadline: float) -> bool:
        """Whether permission is certain to come after the deadline only."""
        now = anyio.current_time()
        wait = self._wait(now)
        return wait > 0 and now + wait > deadline

    async def _take(self) -> Permit | None:
        """A permit, where there is one after all: none is known to be impossible."""
        if self._windows is not None:
            self._windows.begin()
        return Permit()

    def _reason(self, now: float) -> RateLimit | None:
        return None if self._held_until - now >= self._wait(now) else self._limit

    def _wait(self, now: float) -> float:
        """The least seconds until one more request can be permitted."""
        held = self._held_until - now
        return max(held, self._windows.wait(now)) if self._windows else held


set_module("groups_sdk", globals(), ["RateLimit"])
