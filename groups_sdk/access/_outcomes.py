"""What came of one change, and how far the whole work is."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

import attrs

from groups_sdk._operations import TOKEN_REQUEST
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable, error_document
from groups_sdk._terminal import printable
from groups_sdk.errors import (
    PLANNED_MAINTENANCE,
    ApiError,
    ClientClosedError,
    DecodeError,
    ForbiddenError,
    GoneError,
    GroupsError,
    RateLimitedError,
    UnauthorizedError,
)
from groups_sdk.models import Role, User

__all__ = ["Action", "Change", "Outcome", "Progress", "Status"]


class Action(StrEnum):
    """What a change does. `DELETE_ACCOUNT` is that of `delete_sso_users`: the account goes everywhere in Snyk."""

    ADD = "add"
    SET_ROLE = "set_role"
    REMOVE = "remove"
    DELETE_ACCOUNT = "delete_account"


class Status(StrEnum):
    """What came of a change.

    - `APPLIED`: done by this job.
    - `UNCHANGED`: it was as wanted already; nothing was sent.
    - `FAILED`: not done, and `error` says why.
    - `UNKNOWN`: it may have been done; look before you go on.
    - `CHANGED_SINCE`: somebody else has changed this member since you looked; nothing was sent.
    - `NOT_STARTED`: the job stopped before this change; nothing was sent.
    """

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CHANGED_SINCE = "changed_since"
    NOT_STARTED = "not_started"


@attrs.frozen(kw_only=True)
class Change(Serializable):
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
        """What tells this change from the others of its work, such as `remove:331ede0a-...`.

        Without a membership, that is the group and the user: somebody can be added to several groups.
        """
        whom = self.membership_id or f"{self.group_id}:{self.user.id if self.user else ''}"
        return f"{self.action}:{whom}".lower()

    @property
    def person(self) -> str:
        """The user that it is about or, where the API did not tell the user, the membership."""
        return ((self.user.id if self.user else "") or self.membership_id or "").lower()

    def __str__(self) -> str:
        user = self.user
        who = (user and (user.email or user.username or user.name or user.id)) or self.membership_id or "?"
        match self.action:
            case Action.ADD:
                text = f"add {who} as {_named(self.role)}"
            case Action.SET_ROLE:
                text = f"{who}: {_named(self.before)} -> {_named(self.role)}"
            case Action.REMOVE:
                text = f"remove {who}" + (f" ({_named(self.before)})" if self.before else "")
            case _:
                text = f"delete the account of {who} (user id {self.person})"
        return printable(text)


def said(error: Exception | None) -> tuple[str, str] | None:
    """What an error says, as read back from a file it says it too: outcomes are compared by that."""
    if error is None:
        return None
    document = error_document(error)
    return document["type"], document["message"]


@attrs.frozen
class Outcome(Serializable):
    """What came of one change.

    `error` is why it failed, or why nobody knows. `sent` is False when nothing was sent for it: it was not needed, or
    the work had to stop before. `earlier` is True when it ended in an earlier run and was read from the journal.
    """

    change: Change
    status: Status
    error: Exception | None = attrs.field(default=None, eq=said)
    sent: bool = True
    earlier: bool = False

    def _check(self) -> None:
        if not self.sent and self.status in (Status.APPLIED, Status.UNKNOWN):
            raise ValueError(f"what was not sent cannot be {self.status}")
        if self.status is Status.FAILED and self.error is None:
            raise ValueError("what failed must have an error")

    def __str__(self) -> str:
        why = printable(f": {self.error}") if self.error is not None else ""
        return f"{self.status}: {self.change}{why}"


@attrs.frozen
class Progress(Serializable):
    """How far the work is.

    `done` of `total` have their outcome; `total` is None while it is not known. `skipped` counts those for which
    nothing had to be sent. `elapsed` is the time in seconds since the work began.
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
    if isinstance(error, DecodeError) and error.applied:
        return Status.APPLIED, True  # only the answer could not be read
    if isinstance(error, GroupsError) and error.maybe_applied:
        return Status.UNKNOWN, True
    return Status.FAILED, isinstance(error, ApiError)


def counted(statuses: Iterable[StrEnum]) -> str:
    """How many there are of each status, such as "11 applied, 1 unknown"."""
    found = Counter(statuses)
    return ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in found.items())


def fatal(error: Exception | None) -> Exception | None:
    """The reason to begin nothing else, when an error is one that everything after it would meet too.

    A rate limit is one of them: it is that of the token, and retries have waited for it in vain. So is whatever the
    request for an access token meets.
    """
    match error:
        case ClientClosedError():  # which may say of the change that met it that it may have been applied
            return ClientClosedError("the client was closed; nothing was sent", maybe_applied=False)
        case UnauthorizedError() | GoneError() | RateLimitedError():
            return error
        case ApiError() if error.path == TOKEN_REQUEST.path:
            return error
        case ApiError() if any(entry.code == PLANNED_MAINTENANCE for entry in error.errors):
            return error
        case DecodeError() if error.operation == TOKEN_REQUEST.name:
            return error
        case _:
            return None


def outcome_of(change: Change, error: Exception) -> Outcome:
    """The outcome of a change that met this error."""
    status, sent = status_of(error)
    return Outcome(change, status, error, sent=sent)


class Refusals:
    """The operations that the token's owner lacks the permission for, by group: one 403 is enough to know."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, Action], ForbiddenError] = {}

    def note(self, change: Change, error: Exception) -> None:
        """Remember what came of a change."""
        if isinstance(error, ForbiddenError):
            self._refused.setdefault((change.group_id.lower(), change.action), error)

    def refusal(self, change: Change) -> ForbiddenError | None:
        """The error that a change like this one has met, so that this one need not be tried."""
        return self._refused.get((change.group_id.lower(), change.action))


def _named(role: Role | None) -> str:
    if role is None or not (role.name or role.id):
        return "?"
    return role.name or f"{role.id} (name not known)"


set_module("groups_sdk.access", globals(), ["Action", "Change", "Outcome", "Progress", "Status"])
