"""Keeping within the API's rate limit, so that it need not refuse anything."""

import math
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

import anyio
import attrs

from groups_sdk._public import set_module
from groups_sdk._sources import brief
from groups_sdk.errors import ConfigurationError

__all__ = [
    "MINUTE",
    "OnPause",
    "Permit",
    "RateLimit",
    "RateLimiter",
    "SlidingWindows",
    "least_wait",
    "show_place",
]

MINUTE = 60.0


URL_SCHEMES = ("redis", "rediss")


def _positive(_: object, attribute: "attrs.Attribute[int]", value: int) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{attribute.name} must be a whole number of at least 1; got {value!r}")


def _fraction(_: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ConfigurationError(
            f"{attribute.name} must be a number above 0 and not above 1; got {brief(value)}"
        )


def _place(value: "str | os.PathLike[str] | None") -> str | None:
    """A path as an absolute one: it means the same wherever the program changes its working directory to."""
    if value is None:
        return None
    text = os.fspath(value) if isinstance(value, str | os.PathLike) else value
    del value  # so that a traceback with locals does not show a password in it
    if not isinstance(text, str) or not text.strip() or not _encodable(text):
        raise ConfigurationError("shared must be the path of a file, or a redis:// URL")
    scheme, separator, _ = text.partition("://")
    if not separator:
        return os.path.abspath(text)
    if scheme not in URL_SCHEMES:
        raise ConfigurationError(
            "shared must be the path of a file, or a URL that begins with redis:// or rediss://"
        )
    return text


def _encodable(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _masked(place: str | None) -> str:
    return repr(place if place is None else show_place(place))


def show_place(place: str) -> str:
    """The path, or the URL without what may be a secret in it."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return place
    shown, _, query = rest.partition("?")
    if "@" in query:  # which may be where a password goes on
        return f"{scheme}://..."
    return f"{scheme}://{shown.rpartition('@')[2]}"  # the last one: a password may have "/" and "@" in it


@attrs.frozen(kw_only=True)
class RateLimit:
    """How many requests may be sent in any second and in any minute. The defaults are the API's own limits.

    Each client keeps to it by itself, unless `shared` is given: then all clients with the same credentials and the same
    `shared` keep to it together, in whatever processes they are. `shared` is the path of a file, for the processes of
    one machine, or the URL of a Redis server ("redis://host:6379/0", or rediss:// with TLS), for several machines,
    which needs the extra `redis`. The file is made on first use and can then be read by its owner only. Neither of the
    two ever holds a token, only a hash of the credentials.

    Where the file or the server cannot be used, the client logs a warning and keeps to the fraction `share` of the
    limit by itself, a quarter by default, until it can be used again. The limit is never off.

    Raises `ConfigurationError` when a value is not valid; so does the client when the file is not one of these, or
    cannot be opened.

    Example:
        limit = RateLimit(per_second=20, per_minute=600)  # leave room for other tools with the same token
        together = RateLimit(shared="snyk-rate-limit")  # with every process that names this file
    """

    per_second: int = attrs.field(default=160, validator=_positive)
    per_minute: int = attrs.field(default=1620, validator=_positive)
    shared: str | None = attrs.field(default=None, converter=_place, repr=_masked)
    share: float = attrs.field(default=0.25, validator=_fraction)


def least_wait(
    limit: RateLimit, ended: Sequence[float], under_way: int, now: float, oldest: float = math.inf
) -> float:
    """The least seconds until one more request may be sent, after those that ended at these moments, in order.

    `oldest` is when the first of those under way began, where they count for a minute at most.

    When a request leaves is not known: a connection may have to be set up first. So it counts as sent now for as
    long as it is under way, and as sent when it ended from then on. Whichever moment between the two it left this
    machine, or reached the API, no window has more requests than the limit.
    """
    wait = 0.0
    for length, most in ((1.0, limit.per_second), (MINUTE, limit.per_minute)):
        room = most - under_way
        if room <= 0:
            wait = max(wait, min(length, oldest + MINUTE - now))
        elif len(ended) >= room:
            wait = max(wait, ended[-room] + length - now)
    return wait


class SlidingWindows:
    """The bookkeeping of one client: how many requests are under way, and when the others ended."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._under_way = 0
        self._ended = deque[float](maxlen=max(limit.per_second, limit.per_minute))

    def wait(self, now: float) -> float:
        """The least seconds until one more request is within both limits; 0 when it is now."""
        return least_wait(self._limit, self._ended, self._under_way, now)

    def begin(self) -> None:
        """Note that a request is let go."""
        self._under_way += 1

    def end(self, now: float) -> None:
        """Note that a request has ended: answered, failed or cancelled."""
        self._under_way -= 1
        self._ended.append(now)

    def shifted(self, seconds: float, now: float) -> "SlidingWindows":
        """The same by another clock, which is that much ahead. What is under way ends now: its event loop is over."""
        other = SlidingWindows(self._limit)
        other._ended.extend(moment + seconds for moment in self._ended)
        other._ended.extend([now] * self._under_way)
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
        self._give_up_before(self._held_until)

    def _give_up_before(self, moment: float) -> None:
        """Cancel the scopes of all who wait and whose deadline is earlier: no permission comes before that moment."""
        for scope in self._waiting:
            if scope.deadline < moment:
                scope.cancel()

    @contextmanager
    def waiting(self, scope: anyio.CancelScope) -> Generator[None]:
        """Within it, the scope is cancelled as soon as it is certain that permission comes after its deadline."""
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
