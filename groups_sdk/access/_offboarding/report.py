"""What came of an offboarding, and what is left: for programs to read, and for people."""

from collections.abc import Sequence
from enum import StrEnum

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._outcomes import said
from groups_sdk.models import Group, GroupMembership, OrgMembership

__all__ = ["OffboardingReport", "OffboardingResult", "OffboardingStatus", "RemainingAccess", "all_together"]


class OffboardingStatus(StrEnum):
    """What came of one account in one group.

    - `WOULD_REMOVE`: they are a member. It is a dry run, or the job has not begun with them yet.
    - `REMOVED`: removed by this job.
    - `NOT_MEMBER`: they are not a member any more, but it is not certain that this job removed them.
    - `REFUSED`: the group would be left without an admin, or they are protected; nothing was sent.
    - `UNREADABLE`: not all members of the group can be read, so it is not known whether they are one.
    - `FAILED`: not removed, and `error` says why.
    - `UNKNOWN`: they may have been removed; look before you go on.
    - `CHANGED_SINCE`: they were changed, or added again, after this job had looked at them or removed them; nothing
      was sent.
    - `NOT_STARTED`: the job stopped before this removal; nothing was sent.
    """

    NOT_MEMBER = "not_member"
    WOULD_REMOVE = "would_remove"
    REMOVED = "removed"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CHANGED_SINCE = "changed_since"
    NOT_STARTED = "not_started"


_SHOWN = 3
_GONE = (OffboardingStatus.REMOVED, OffboardingStatus.NOT_MEMBER)


@attrs.frozen
class OffboardingResult(Serializable):
    """What came of one account in one group.

    `person` is what you gave for them; for a group that cannot be read, everybody whom you gave. `membership` is what
    was found, or None. `org_memberships` are the memberships of organizations below, as they were before; None if
    they could not be read. `earlier` is True when an earlier run with the same journal removed them.
    """

    group: Group
    person: str
    status: OffboardingStatus
    membership: GroupMembership | None = None
    org_memberships: tuple[OrgMembership, ...] | None = None
    error: Exception | None = attrs.field(default=None, eq=said)
    earlier: bool = False

    def __str__(self) -> str:
        who, role = self.person, ""
        if self.membership is not None:
            who = self.membership.user.email or self.membership.user.username or self.person
            role = f" ({self.membership.role.name or self.membership.role.id})"
        text = f"{_named(self.group)}: {who}{role}: {self.status.replace('_', ' ')}"
        if self.status is OffboardingStatus.REMOVED and self.earlier:
            text += " by an earlier run"
        if self.org_memberships:
            text += f", organizations: {', '.join(m.org.name or m.org.id for m in self.org_memberships)}"
        if self.error is not None and self.status not in _GONE:
            text += f": {self.error}"
        return printable(text)


@attrs.frozen
class RemainingAccess(Serializable):
    """Something of a person that is left, or that may be. `text` says what, and which call removes it if one does."""

    group: Group
    person: str
    text: str

    def __str__(self) -> str:
        return printable(f"{_named(self.group)}: {self.person}: {self.text}")


@attrs.frozen(kw_only=True)
class OffboardingReport(Serializable):
    """What came of all people in all groups.

    `results` has one entry for each account in each group that it was found in, and one for each group that cannot be
    read. `not_found` are those who were given and are in none of the groups that can be read: check the spelling.
    `groups` counts the groups that the token sees. `remaining` is what the second look found: memberships of groups
    and of organizations below them, and what it could not look at. `sso_users` are the accounts that can still sign
    in by SSO; deleting them is not part of this job. `notes` say what else could not be looked at.
    `looked_again` is True when the second look went through. There is none where nobody was found.
    """

    people: tuple[str, ...]
    dry_run: bool
    cascade: bool
    groups: int
    results: tuple[OffboardingResult, ...]
    not_found: tuple[str, ...] = ()
    remaining: tuple[RemainingAccess, ...] = ()
    sso_users: tuple[RemainingAccess, ...] = ()
    notes: tuple[str, ...] = ()
    looked_again: bool = False

    @property
    def found(self) -> bool:
        """Whether anybody was found in any of the groups that can be read."""
        return len(self.not_found) < len(self.people)

    @property
    def complete(self) -> bool:
        """Whether everybody was found, and a second look at every group found no access that is left.

        Always False for a dry run, and for somebody who was not found: it may have been the wrong spelling.
        """
        return self.looked_again and not self.not_found and not self.remaining

    def of(self, status: OffboardingStatus) -> tuple[OffboardingResult, ...]:
        """The results with this status."""
        return tuple(result for result in self.results if result.status is status)

    def __str__(self) -> str:
        below = "with" if self.cascade else "without"
        dry = "; a dry run: nothing was removed" if self.dry_run else ""
        lines = [f"Offboarding of {', '.join(self.people)} ({below} the organizations below{dry})"]
        unreadable = self.of(OffboardingStatus.UNREADABLE)
        lines += [f"  {result}" for result in self.results if result not in unreadable]
        lines += [f"  ! {result}" for result in unreadable]
        rest = self.groups - len({result.group.id for result in self.results})
        if self.found and rest:
            whose = "not a member" if len(self.people) == 1 else "none of them is a member"
            lines.append(f"  {whose} of {rest} of {self.groups} groups")
        unread = len({result.group.id for result in unreadable})
        where = f"{self.groups - unread} groups that can be read" if unread else f"{self.groups} groups"
        lines += [f"  ! {person}: not found in any of the {where}" for person in self.not_found]
        lines += [f"  ! remains: {access}" for access in (*self.remaining, *self.sso_users)]
        lines += [f"  ! {note}" for note in self.notes]
        return "\n".join(map(printable, lines))


def all_together(people: Sequence[object]) -> str:
    """All who were given, in what is said of each of them."""
    return ", ".join(map(str, people)) if len(people) <= _SHOWN else f"any of {len(people)} people"


def _named(group: Group) -> str:
    return group.name or group.id


set_module(
    "groups_sdk.access",
    globals(),
    ["OffboardingReport", "OffboardingResult", "OffboardingStatus", "RemainingAccess"],
)
