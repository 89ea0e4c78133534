"""What came of a deletion of accounts, and what is left: for programs to read, and for people."""

from collections.abc import Iterator
from enum import StrEnum

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._offboarding.report import RemainingAccess
from groups_sdk.access._outcomes import said
from groups_sdk.models import Group, GroupMembership, OrgMembership, User

__all__ = ["DeletionReport", "DeletionResult", "DeletionStatus"]


class DeletionStatus(StrEnum):
    """What came of one account.

    - `WOULD_DELETE`: it was found. It is a dry run, or the job has not begun with it yet.
    - `DELETED`: deleted by this job.
    - `GONE`: it is not listed any more, but it is not certain that this job deleted it.
    - `REFUSED`: a group would be left without an admin, or not all groups can be read; nothing was sent.
    - `FAILED`: not deleted, and `error` says why.
    - `UNKNOWN`: it may have been deleted; look before you go on.
    - `CHANGED_SINCE`: its memberships have changed since they were shown, or an earlier run deleted it and it is there
      again; nothing was sent.
    - `NOT_STARTED`: the job stopped before this account; nothing was sent.
    """

    WOULD_DELETE = "would_delete"
    DELETED = "deleted"
    GONE = "gone"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CHANGED_SINCE = "changed_since"
    NOT_STARTED = "not_started"


_GONE = (DeletionStatus.DELETED, DeletionStatus.GONE)


@attrs.frozen(kw_only=True)
class DeletionResult(Serializable):
    """What came of one account.

    `person` is what you gave for it. `user` and `memberships`, those of every group that can be read, are as they were
    found before anything was sent. `org_memberships` are those of organizations below these groups; None if not all of
    them could be read. `earlier` is True when an earlier run with the same journal has begun the deletion: then what
    the account was a member of is not known any more.
    """

    person: str
    status: DeletionStatus
    user: User
    memberships: tuple[GroupMembership, ...] = ()
    org_memberships: tuple[OrgMembership, ...] | None = None
    error: Exception | None = attrs.field(default=None, eq=said)
    earlier: bool = False

    def __str__(self) -> str:
        who = self.user.email or self.user.username or self.person
        text = f"{who} (user id {self.user.id}): {self.status.replace('_', ' ')}"
        if self.earlier and self.status is DeletionStatus.DELETED:
            text += " by an earlier run"
        if self.memberships:
            groups = (f"{_group(m)} ({m.role.name or m.role.id})" for m in self.memberships)
            text += f", member of {', '.join(groups)}"
        elif not self.earlier:
            text += ", member of no group that can be read"
        if self.org_memberships:
            text += f", organizations: {', '.join(m.org.name or m.org.id for m in self.org_memberships)}"
        if self.error is not None and self.status not in _GONE:
            text += f": {self.error}"
        return printable(text)


@attrs.frozen(kw_only=True)
class DeletionReport(Serializable):
    """What came of all accounts.

    `group` is the group whose SSO users they are, and `groups` counts the groups that the token sees. `results` has
    one entry for each account. `not_found` are those who were given and are not among the SSO users. `unreadable` are
    the groups whose members cannot all be read, so that it is not known what the accounts have there. `remaining` is
    what the second look found: accounts that are listed although they should be gone, memberships, and what could not
    be looked at. `notes` say what else you should know. `looked_again` is True when the second look went through.
    """

    group: Group
    people: tuple[str, ...]
    dry_run: bool
    groups: int
    results: tuple[DeletionResult, ...]
    not_found: tuple[str, ...] = ()
    unreadable: tuple[RemainingAccess, ...] = ()
    remaining: tuple[RemainingAccess, ...] = ()
    notes: tuple[str, ...] = ()
    looked_again: bool = False

    @property
    def accounts(self) -> int:
        """How many accounts the job is about: what `accounts` must be for them to be deleted.

        Those that an earlier run with the same journal has begun are counted. Those that are refused are not.
        """
        return sum(result.status is not DeletionStatus.REFUSED for result in self.results)

    @property
    def complete(self) -> bool:
        """Whether everybody was found, every account is gone, and a second look found nothing that is left.

        Always False for a dry run, and for somebody who was not found: it may have been the wrong spelling.
        """
        gone = all(result.status in _GONE for result in self.results)
        return self.looked_again and gone and not self.not_found and not self.remaining

    def of(self, status: DeletionStatus) -> tuple[DeletionResult, ...]:
        """The results with this status."""
        return tuple(result for result in self.results if result.status is status)

    def __str__(self) -> str:
        return "\n".join(map(printable, self._lines()))

    def _lines(self) -> Iterator[str]:
        dry = " (a dry run: nothing was deleted)" if self.dry_run else ""
        yield f"Deletion of accounts of SSO users of {self.group.name or self.group.id}{dry}"
        yield from (f"  {result}" for result in self.results)
        yield from (f"  ! {person}: not found among the SSO users" for person in self.not_found)
        yield from (f"  ! {unreadable}" for unreadable in self.unreadable)
        yield from (f"  ! remains: {access}" for access in self.remaining)
        yield from (f"  ! {note}" for note in self.notes)


def _group(membership: GroupMembership) -> str:
    return membership.group.name or membership.group.id


set_module("groups_sdk.access", globals(), ["DeletionReport", "DeletionResult", "DeletionStatus"])
