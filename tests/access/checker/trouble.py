"""What happens to the n-th request, and just before it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from random import Random

import attrs


class Fault(Enum):
    """What goes wrong with one request. None of them hangs."""

    # before or after the request is carried out: nobody can tell from the answer
    ERROR = "500, a JSON:API document"
    UNAVAILABLE = "503, a JSON:API document"
    GATEWAY = "502, an HTML page"
    DROPPED = "the connection breaks in place of an answer"
    # before only: such an answer says that nothing was done
    REFUSED = "no connection"
    HTML_NOT_FOUND = "404, a gateway's HTML page"
    NOT_FOUND = "404, a JSON:API document"
    CONFLICT = "409, a JSON:API document"
    THROTTLED = "429 with Retry-After: 0"
    # listings of members: they are answered, but not as a whole
    TRUNCATED = "the end of the page is missing, and so are the pages that follow"
    USER_MISSING = "some memberships come without their user"
    # writes of one kind, from some request on to the end
    FORBIDDEN = "403, a JSON:API document"
    UNAUTHORIZED = "401, a JSON:API document"
    GONE = "410, a JSON:API document"
    MAINTENANCE = "503, planned maintenance"


EITHER = (Fault.ERROR, Fault.UNAVAILABLE, Fault.GATEWAY, Fault.DROPPED)
BEFORE = (*EITHER, Fault.REFUSED, Fault.HTML_NOT_FOUND, Fault.NOT_FOUND, Fault.CONFLICT, Fault.THROTTLED)
OF_LISTINGS = (Fault.TRUNCATED, Fault.USER_MISSING)
LASTING = (Fault.FORBIDDEN, Fault.UNAUTHORIZED, Fault.GONE, Fault.MAINTENANCE)


@attrs.frozen
class Event:
    """The trouble of one request. `after`: the request is carried out first. `random` decides on the details."""

    fault: Fault | None = None
    after: bool = False
    meanwhile: bool = False  # another admin changes something just before
    random: Random = attrs.field(factory=lambda: Random(0), eq=False)


@attrs.frozen
class Refusal:
    """All requests of a method are answered with `fault` from the request number `since` on."""

    fault: Fault
    method: str
    since: int


class Trouble:
    """The trouble of one world. `scripted` says for some requests, by number from 1, what happens to them."""

    def __init__(self, seed: int, *, faults: float, meanwhile: float, refusal: Refusal | None = None) -> None:
        self._seed = seed
        self._faults = faults
        self._meanwhile = meanwhile
        self._refusal = refusal
        self.scripted: Mapping[int, Event] | None = None

    @classmethod
    def of(cls, seed: int) -> Trouble:
        """Calm, middling or wild, as the seed has it."""
        random = Random(f"{seed}/trouble")
        faults, meanwhile = random.choice([0.0, 0.05, 0.15, 0.4]), random.choice([0.0, 0.05, 0.2])
        refusal = None
        if random.random() < 0.2:
            refusal = Refusal(
                random.choice([*LASTING, Fault.FORBIDDEN, Fault.FORBIDDEN]),
                random.choice(["POST", "PATCH", "DELETE"]),
                random.randrange(15),
            )
        return cls(seed, faults=faults, meanwhile=meanwhile, refusal=refusal)

    @property
    def calm(self) -> bool:
        """Whether nothing of it hides anybody, or moves them."""
        return not self._faults and not self._meanwhile and self.scripted is None

    @property
    def silent(self) -> bool:
        """Whether nothing happens at all."""
        return not self._faults and not self._meanwhile and not self.scripted and self._refusal is None

    @classmethod
    def script(cls, events: Mapping[int, Event]) -> Trouble:
        """Just these."""
        trouble = cls(0, faults=0.0, meanwhile=0.0)
        trouble.scripted = events
        return trouble

    def at(self, number: int, *, write: bool, listing: bool, method: str = "GET") -> Event:
        """What happens to the request with that number."""
        if self.scripted is not None:
            return self.scripted.get(number, Event())
        refusal = self._refusal
        if refusal is not None and refusal.method == method and number >= refusal.since:
            return Event(refusal.fault)
        random = Random(f"{self._seed}/request/{number}")
        meanwhile = random.random() < self._meanwhile
        if random.random() >= (min(2 * self._faults, 0.5) if write else self._faults):
            return Event(meanwhile=meanwhile, random=random)
        if listing and random.random() < 0.4:
            return Event(random.choice(OF_LISTINGS), after=True, meanwhile=meanwhile, random=random)
        after = write and random.random() < 0.5
        return Event(random.choice(EITHER if after else BEFORE), after, meanwhile, random)


class OfHandover(Trouble):
    """The worst that a handover can meet: new admins fail, and nobody can tell whether the old ones are gone."""

    def __init__(self, seed: int, *, additions: int) -> None:
        super().__init__(seed, faults=0.5, meanwhile=0.0)
        self._random = Random(f"{seed}/handover")
        self._additions = additions
        self._open = False

    def at(self, number: int, *, write: bool, listing: bool, method: str = "GET") -> Event:
        random = self._random
        if not write:
            return Event(Fault.DROPPED if self._open and random.random() < 0.8 else None)
        self._additions -= 1
        if self._additions >= 0:
            return Event(random.choice([Fault.CONFLICT, Fault.NOT_FOUND]) if random.random() < 0.8 else None)
        self._open = random.random() < 0.6
        return Event(Fault.ERROR, after=True) if self._open else Event()
