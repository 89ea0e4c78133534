"""What the client's observers are told of waits."""

import math
from collections.abc import Callable
from typing import Literal

import anyio
import attrs

from groups_sdk._event_loop import current_loop
from groups_sdk._hooks import call_hook
from groups_sdk._http.rate_limit import RateLimit
from groups_sdk._public import set_module
from groups_sdk.errors import ApiError, GroupsError

__all__ = ["OnWait", "Wait", "WaitObserver"]

_NOTICEABLE = 2.0  # seconds: more than the limit for each second can make anybody wait


@attrs.frozen(kw_only=True)
class Wait:
    """What `on_wait` is told when a call begins to wait for something other than its own answer.

    `reason` is one of:

    - "rate_limit": the client's own rate limit, `limit`. No call of the client sends anything meanwhile.
    - "retry_after": the API asked for it, with a 429 or, in any other error, with `Retry-After`. After a 429 (`status`)
      no call of the client sends anything meanwhile.
    - "retry": the wait before a call is retried, where the API did not say how long it should be.

    `seconds` is how long it is expected to last, and `operation` the API operation that waits, such as
    "listGroupMemberships". `error` is the error that is retried, and `status` its HTTP status; None where there is
    none. A call that waits because another one met a 429 has that status and no error.

    Example:
        client = GroupsClient(on_wait=lambda wait: print(f"{wait.reason}: {wait.seconds:.0f} s"))
    """

    reason: Literal["rate_limit", "retry_after", "retry"]
    seconds: float
    operation: str
    status: int | None = None
    error: GroupsError | None = None
    limit: RateLimit | None = None

    @property
    def whole_client(self) -> bool:
        """Whether it holds up every call of the client: none of them sends anything before it is over."""
        return self.reason == "rate_limit" or self.status == 429


OnWait = Callable[[Wait], object]


class WaitObserver:
    """Tells a hook of waits. What holds up the whole client is told once, not for each call that it holds up."""

    def __init__(self, hook: OnWait) -> None:
        self.hook = hook
        self._loop: object = None
        self._told_until = -math.inf  # by the clock of that loop

    def pausing(self, operation: str, seconds: float, limit: RateLimit | None) -> None:
        """An operation begins to wait for this limit or, where it is None, until the pause after a 429 is over."""
        if seconds < _NOTICEABLE:  # once a limit has been reached, every request waits a moment for its turn
            return
        if limit is None:
            self._tell(Wait(reason="retry_after", seconds=seconds, operation=operation, status=429))
        else:
            self._tell(Wait(reason="rate_limit", seconds=seconds, operation=operation, limit=limit))

    def retrying(self, operation: str, seconds: float, error: GroupsError, *, asked: bool) -> None:
        """An operation that met this error begins to wait for its next attempt: as the API asked, or of its own."""
        status = error.status_code if isinstance(error, ApiError) else None
        reason: Literal["retry_after", "retry"] = "retry_after" if asked else "retry"
        self._tell(Wait(reason=reason, seconds=seconds, operation=operation, status=status, error=error))

    def _tell(self, wait: Wait) -> None:
        if wait.whole_client:
            until = anyio.current_time() + wait.seconds
            loop = current_loop()
            if loop is not self._loop:
                self._loop, self._told_until = loop, -math.inf
            if until < self._told_until + _NOTICEABLE:
                return
            self._told_until = until
        call_hook(self.hook, wait)


set_module("groups_sdk", globals(), ["Wait"])
