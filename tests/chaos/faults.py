"""What can go wrong with one exchange, and the dice that choose."""

from __future__ import annotations

from enum import Enum
from random import Random


class Fault(Enum):
    """Before: the service never sees the request. After: it has done what was asked, and then there is trouble."""

    NONE = "passed on, answered"
    # before
    RESET_BEFORE = "reset before the request is passed on"
    CLOSE_BEFORE = "closed before the request is passed on"
    GATEWAY = "an HTML page with 502, 503 or 504 in place of the service"
    BROKEN_SERVICE = "an error document with 408, 500, 503 or 504 in place of the service"
    MAINTENANCE = "planned maintenance"
    THROTTLED = "429 with Retry-After: 0"
    REDIRECT = "302 to somewhere else"
    GARBAGE = "bytes that are not HTTP"
    STALL_BEFORE = "nothing, until the client gives up; never passed on"
    OUTAGE = "reset, and nobody listens for a while"
    # after
    RESET_AFTER = "reset in place of the answer"
    CLOSE_AFTER = "closed in place of the answer"
    LOST = "502 or 503 in place of the answer"
    STALL_AFTER = "no answer, until the client gives up"
    CUT = "closed half-way through the answer"
    TOO_LONG = "a Content-Length beyond the body, then closed"
    TOO_SHORT = "a Content-Length short of the body, and the rest of it"
    TRUNCATED = "half the document, with the Content-Length of that"
    DRIP = "an answer that never ends"
    TRICKLE = "the whole answer, in small pieces"
    HANG_UP = "the whole answer, then closed without a word"

    @property
    def before(self) -> bool:
        return self in BEFORE


BEFORE = frozenset(
    {
        Fault.RESET_BEFORE,
        Fault.CLOSE_BEFORE,
        Fault.GATEWAY,
        Fault.BROKEN_SERVICE,
        Fault.MAINTENANCE,
        Fault.THROTTLED,
        Fault.REDIRECT,
        Fault.GARBAGE,
        Fault.STALL_BEFORE,
        Fault.OUTAGE,
    }
)
_WEIGHTS = {
    Fault.NONE: 70,
    Fault.STALL_BEFORE: 0.7,  # with these, whatever is under way runs into its timeout
    Fault.STALL_AFTER: 0.7,
    Fault.DRIP: 0.7,
    Fault.OUTAGE: 0.7,  # and this one hits everybody
    Fault.MAINTENANCE: 0.7,
    Fault.REDIRECT: 0.7,
    Fault.THROTTLED: 4,
}
_FAULTS = list(Fault)
_CHANCES = [_WEIGHTS.get(fault, 2) for fault in _FAULTS]


class Dice:
    """The trouble of one seed. The n-th request of a step meets the same trouble whatever the other steps do."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._thrown: dict[str, int] = {}

    def throw(self, step: str) -> tuple[Fault, Random]:
        """A fault for the next request of that step, and a generator for its details."""
        nth = self._thrown[step] = self._thrown.get(step, 0) + 1
        random = Random(f"{self._seed}/{step}/{nth}")
        return random.choices(_FAULTS, _CHANCES)[0], random

    def welcome(self) -> bool:
        """Whether the next connection is one that is not reset as soon as it is made."""
        nth = self._thrown["connections"] = self._thrown.get("connections", 0) + 1
        return Random(f"{self._seed}/connection/{nth}").random() > 0.03
