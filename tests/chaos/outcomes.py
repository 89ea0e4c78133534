"""What a worker asks of a client, what comes of it, and what that says about the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import attrs

from groups_sdk import ApiError, ApiResponse, DecodeError, GroupsError, TransportError


class Discrepancy(AssertionError):
    """What a client said is not what happened."""


class Fate(Enum):
    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNKNOWN = "unknown"


@attrs.frozen(kw_only=True)
class Call:
    """One call of a method. `version` marks its requests; `patience` is when its caller gives up, in seconds."""

    method: str
    args: tuple[Any, ...] = ()
    options: Mapping[str, Any] = attrs.field(factory=dict)
    version: str
    deadline: float | None = None
    patience: float | None = None


@attrs.frozen
class Next:
    """The next item or page of an iteration that a `Call` of a listing has begun."""

    iterator: Any
    patience: float | None = None


@attrs.frozen
class Outcome:
    """A value, or an error; neither when the caller gave up, or the iteration was at its `end`.

    `answers` are those that the client was given on the way, each to one attempt.
    """

    value: Any = None
    error: GroupsError | None = None
    given_up: bool = False
    end: bool = False
    answers: Sequence[ApiResponse] = ()

    @property
    def answered(self) -> bool:
        return self.error is None and not self.given_up

    @property
    def fate(self) -> Fate:
        """What a write's outcome says, read as the documentation tells users to."""
        error = self.error
        if self.given_up:
            return Fate.UNKNOWN
        if error is None:
            return Fate.APPLIED
        if isinstance(error, DecodeError) and error.applied:
            return Fate.APPLIED
        if isinstance(error, ApiError | TransportError | DecodeError):
            return Fate.UNKNOWN if error.maybe_applied else Fate.NOT_APPLIED
        raise Discrepancy(f"{error!r} is no answer to a call") from error

    @property
    def doubted(self) -> bool:
        """Whether any attempt but the last can have done what was asked, as far as its caller can tell."""
        *before, last = self.answers
        return last.attempts > len(self.answers) or any(
            answer.status_code == 408 or answer.status_code >= 500 for answer in before
        )


@attrs.define(kw_only=True)
class Entry:
    """One write, as reported: for the audit. `applied` is what is known in the end, by report or by looking."""

    version: str
    method: str
    fate: Fate
    outcome: Outcome
    applied: bool | None = None
    vain: bool = False  # there was nothing to change
