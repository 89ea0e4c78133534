"""Where the requests of several processes are counted together: what a file and a Redis server have in common."""

from __future__ import annotations

from typing import Protocol

import attrs

from groups_sdk._http.rate_limit import RateLimit

__all__ = ["PATIENCE", "SharedStore", "StoreUnavailable", "Verdict"]

PATIENCE = 1.0  # seconds that one step of an answer may take: to connect, to lock, to read


@attrs.frozen
class Verdict:
    """What a store says to a request: a ticket, or the least seconds to wait. `held` is True after a 429."""

    ticket: object = None
    wait: float = 0.0
    held: bool = False


class StoreUnavailable(Exception):
    """The store cannot be used at present. The text says why, and contains no secret."""


class SharedStore(Protocol):
    """A place that counts requests. All methods block, and are called in worker threads, also several at once.

    All but `check` raise `StoreUnavailable`. Times are durations: the clock is the store's own.
    """

    def check(self) -> None:
        """Raise `ConfigurationError` when this can never be used as it is."""

    def take(self, limit: RateLimit) -> Verdict:
        """Count one more request as under way, if that is within the limit and no hold is on."""
        ...

    def end(self, ticket: object) -> None:
        """That request has ended. One that is never said to have ended counts for a minute."""

    def hold(self, seconds: float) -> None:
        """Permit nothing to anybody for so long."""

    def close(self) -> None:
        """Let go of what is open; whoever asks again opens it again."""
