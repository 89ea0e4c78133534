"""What came of one change, and how far the whole work is."""

from enum import StrEnum

import attrs

from groups_sdk._terminal import printable
from groups_sdk.errors import (
    ApiError,
    ClientClosedError,
    DecodeError,
    InterruptedChangeError,
    TransportError,
    UnauthorizedError,
)
from groups_sdk.models import Role, User

__all__ = ["Action", "Change", "Outcome", "Progress", "Status"]

TOKEN_REQUEST = "oauth2Token"  # noqa: S105 - the operation, as errors name it


class Action(StrEnum):
    """What a change does."""

    ADD = "add"
    SET_ROLE = "set_role"
    REMOVE = "remove"


class Status(StrEnum):
    """What came of a change.

    `APPLIED`: done by this job. `UNCHANGED`: nothing was sent, since it is as wanted already. `FAILED`: not done, and
    `error` says why. `UNKNOWN`: it may have been done; look before you go on. `CHANGED_SINCE`: somebody else has
    changed this member since; nothing was sent now. `NOT_STARTED`: the job stopped before; nothing was sent.
    """

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CHANGED_SINCE = "changed_since"
    NOT_STARTED = "not_started"


@attrs.frozen(kw_only=True)
class Change:
    """One change of one membership. What is not known is None: an id is all that a removal in bulk has.

    `role` is the wanted one and `before` the one that was seen, where the change is about roles.
    """

    action: Action
    group_id: str
    membership_id: str | None = None
    user: User | None = None
    before: Role | None = None
    role: Role | None = None

    @property
    def key(self) -> str:
        """What tells this change from the others of its work, such as `remove:331ede0a-...`."""
        return f"{self.action}:{self.membership_id or (self.user.id if self.user else '')}".lower()

    def __str__(self) -> str:
        user = self.user
        who = (user and (user.email or user.username or user.name or user.id)) or self.membership_id or "?"
        match self.action:
            case Action.ADD:
                text = f"add {who} as {_named(self.role)}"
            case Action.SET_ROLE:
                text = f"{who}: {_named(self.before)} -> {_named(self.role)}"
            case _:
                text = f"remove {who}" + (f" ({_named(self.before)})" if self.before else "")
        return printable(text)


@attrs.frozen
class Outcome:
    """What came of one change.

    `error` is why it failed, or why nobody knows. `sent` is False when nothing was sent for it: it was not needed, or
    the work had to stop before. `earlier` is True when it ended in an earlier run and was read from the journal.
    """

    change: Change
    status: Status
    error: Exception | None = None
    sent: bool = True
    earlier: bool = False

    def __str__(self) -> str:
        why = printable(f": {self.error}") if self.error is not None else ""
        return f"{self.status}: {self.change}{why}"


@attrs.frozen
class Progress:
    """How far the work is.

    `done` of `total` have their outcome; `total` is None while it is not known. `skipped` of them needed nothing to
    be done. `elapsed` is the time in seconds since the first step.
    """

    done: int
    total: int | None
    elapsed: float
    skipped: int = 0

    @property
    def rate(self) -> float:
        """How many were done per second, the skipped ones not counted; 0.0 while that cannot be told."""
        return (self.done - self.skipped) / self.elapsed if self.elapsed > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """The seconds that the rest will take at this rate; None while that cannot be told."""
        if self.total is None or not self.rate:
            return None
        return max(self.total - self.done, 0) / self.rate


def status_of(error: Exception) -> tuple[Status, bool]:
    """What an error says about the change that met it, and whether anything of it may have been sent."""
    match error:
        case DecodeError() if error.operation != TOKEN_REQUEST:
            return Status.APPLIED, True  # only the answer could not be read: its status was a success
        case ApiError():
            return (Status.UNKNOWN if error.maybe_applied else Status.FAILED), True
        case DecodeError() | TransportError() | ClientClosedError():
            return (Status.UNKNOWN if error.sent else Status.FAILED), error.sent
        case InterruptedChangeError():
            return Status.UNKNOWN, True
        case _:
            return Status.FAILED, False


def stops_the_rest(error: Exception | None) -> bool:
    """Whether every change after this one would meet the same error."""
    return isinstance(error, UnauthorizedError | ClientClosedError)


def _named(role: Role | None) -> str:
    return (role and (role.name or role.id)) or "?"
