"""One person, out of every group that the token sees."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._terminal import printable
from groups_sdk.access._batches import AsyncBatches, OnProgress
from groups_sdk.access._bulk import decided
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Status, status_of, stops_the_rest
from groups_sdk.access._people import find_membership
from groups_sdk.access._roles import ADMIN_ROLE, is_admin_role
from groups_sdk.errors import (
    ClientClosedError,
    ForbiddenError,
    GroupsError,
    InvalidArgumentError,
    NotFoundError,
    ProtectedMemberError,
)
from groups_sdk.models import Group, GroupMembership, OrgMembership

__all__ = ["AsyncOffboarding", "OffboardingReport", "OffboardingResult", "OffboardingStatus"]


class OffboardingStatus(StrEnum):
    """What came of one group.

    `NOT_MEMBER`: the person is not in it. `WOULD_REMOVE`: they are, and a run that is no dry one would remove them.
    `REMOVED`: done. `REFUSED`: they are its last admin; nothing was sent. `UNREADABLE`: its members may not be read
    (403, 404), so that nobody knows. `FAILED`: not removed, `error` says why. `UNKNOWN`: they may have been removed.
    """

    NOT_MEMBER = "not_member"
    WOULD_REMOVE = "would_remove"
    REMOVED = "removed"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    UNKNOWN = "unknown"


@attrs.frozen
class OffboardingResult:
    """What came of one group.

    `membership` is what was found. `org_memberships` are those of the organizations below, as they were before: with
    `cascade` they go, or have gone, too. None where they may not be read, or nobody looked.
    """

    group: Group
    status: OffboardingStatus
    membership: GroupMembership | None = None
    org_memberships: tuple[OrgMembership, ...] | None = None
    error: Exception | None = None

    def __str__(self) -> str:
        role = f" ({self.membership.role.name})" if self.membership else ""
        orgs = ""
        if self.org_memberships:
            orgs = f", organizations: {', '.join(m.org.name or m.org.id for m in self.org_memberships)}"
        why = f": {self.error}" if self.error is not None else ""
        name = self.group.name or self.group.id
        return printable(f"{name}: {self.status.replace('_', ' ')}{role}{orgs}{why}")


@attrs.frozen(kw_only=True)
class OffboardingReport:
    """What came of all groups."""

    email: str
    dry_run: bool
    cascade: bool
    groups: tuple[OffboardingResult, ...]

    @property
    def found(self) -> bool:
        """Whether the person was in any of the groups that can be read."""
        return any(group.membership is not None for group in self.groups)

    @property
    def complete(self) -> bool:
        """Whether every group could be read, and in none of them a removal failed, was refused or is unknown."""
        good = (OffboardingStatus.NOT_MEMBER, OffboardingStatus.WOULD_REMOVE, OffboardingStatus.REMOVED)
        return all(group.status in good for group in self.groups)

    def of(self, status: OffboardingStatus) -> tuple[OffboardingResult, ...]:
        """The groups with this status."""
        return tuple(group for group in self.groups if group.status is status)

    def __str__(self) -> str:
        what = "dry run" if self.dry_run else "removed"
        below = "with" if self.cascade else "without"
        lines = [f"Offboarding of {self.email} ({what}, {below} the organizations below)"]
        lines += [f"  {group}" for group in self.groups if group.status is not OffboardingStatus.NOT_MEMBER]
        absent = len(self.of(OffboardingStatus.NOT_MEMBER))
        lines.append(f"  not a member of {absent} of {len(self.groups)} groups")
        return "\n".join(lines)


class AsyncOffboarding(AsyncBatches[Group, OffboardingResult]):
    """One person, out of every group: iterate it for what came of each, or `collect()` a report.

    It behaves as `AsyncChanges` does: nothing is sent before the first step, nothing is under way while you look at
    a result, and `outcomes` has all results so far, whatever stopped the work.

    Example:
        report = await client.access.offboard("ada@example.com", cascade=True).collect()
        print(report)
    """

    def __init__(self, work: "OffboardingWork", *, concurrency: int, on_progress: OnProgress | None) -> None:
        super().__init__(work, concurrency=concurrency, on_progress=on_progress)
        self._offboarding = work

    async def collect(self) -> OffboardingReport:
        """Go through all groups that are left. Returns the report of all."""
        await self.finish()
        return self.report()

    def report(self) -> OffboardingReport:
        """The report of the results so far."""
        return self._offboarding.report(self.outcomes)


class OffboardingWork:
    """Finds the person in each group and, unless it is a dry run, removes them."""

    def __init__(
        self, client: Operations, email: str, *, cascade: bool, dry_run: bool, allow_last_admin: bool
    ) -> None:
        self._client = client
        self._email = (arguments.text("email", email) or "").strip()
        if "@" not in self._email:
            raise InvalidArgumentError(f"email must be an email address; got {email!r}")
        self._cascade = decided(cascade)
        if not isinstance(dry_run, bool):
            raise InvalidArgumentError(f"dry_run must be True or False; got {dry_run!r}")
        self._dry_run = dry_run
        self._allow_last_admin = allow_last_admin

    def report(self, results: Sequence[OffboardingResult]) -> OffboardingReport:
        return OffboardingReport(
            email=self._email, dry_run=self._dry_run, cascade=self._cascade, groups=tuple(results)
        )

    async def prepare(self) -> tuple[list[OffboardingResult], list[list[Group]]]:
        return [], [await self._client.list_groups().collect()]

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext()

    def begin(self, items: Sequence[Group]) -> None:
        pass

    async def perform(self, item: Group) -> OffboardingResult:
        try:
            membership = await find_membership(
                self._client, item.id, email=self._email, user_id=None, username=None
            )
        except (ForbiddenError, NotFoundError) as error:
            return OffboardingResult(item, OffboardingStatus.UNREADABLE, error=error)
        except GroupsError as error:
            return OffboardingResult(item, OffboardingStatus.FAILED, error=error)
        if membership is None:
            return OffboardingResult(item, OffboardingStatus.NOT_MEMBER)
        found = OffboardingResult(item, OffboardingStatus.WOULD_REMOVE, membership)
        try:
            found = attrs.evolve(found, org_memberships=await self._orgs(item, membership))
            if not self._allow_last_admin and await self._is_last_admin(item, membership):
                problem = ProtectedMemberError("they are the last admin of this group; nothing was sent")
                return attrs.evolve(found, status=OffboardingStatus.REFUSED, error=problem)
        except GroupsError as error:
            return attrs.evolve(found, status=OffboardingStatus.FAILED, error=error)
        return found if self._dry_run else await self._remove(found, membership)

    async def _remove(self, found: OffboardingResult, membership: GroupMembership) -> OffboardingResult:
        try:
            await self._client.delete_membership(found.group.id, membership.id, cascade=self._cascade)
        except GroupsError as error:
            status, _ = status_of(error)
            return attrs.evolve(found, status=_OF_A_REMOVAL[status], error=error)
        return attrs.evolve(found, status=OffboardingStatus.REMOVED)

    async def _orgs(self, group: Group, membership: GroupMembership) -> tuple[OrgMembership, ...] | None:
        """None where they may not be read: it is the group's membership that must go."""
        try:
            listing = self._client.list_org_memberships(group.id, user_id=membership.user.id)
            return tuple(await listing.collect())
        except (ForbiddenError, NotFoundError, InvalidArgumentError):  # the last: their user id was left out
            return None

    async def _is_last_admin(self, group: Group, membership: GroupMembership) -> bool:
        if not is_admin_role(membership.role):
            return False
        listing = self._client.list_memberships(group.id, role_name=membership.role.name or ADMIN_ROLE)
        async for other in listing:
            if is_admin_role(other.role) and other.id != membership.id:
                return False
        return True

    def broken_off(self, item: Group, error: Exception) -> OffboardingResult:
        status = OffboardingStatus.FAILED if self._dry_run else OffboardingStatus.UNKNOWN
        return OffboardingResult(item, status, error=error)

    def left_out(self, item: Group, error: Exception) -> OffboardingResult:
        if isinstance(error, ClientClosedError):
            error = ClientClosedError("the client was closed; nothing was sent")
        return OffboardingResult(item, OffboardingStatus.FAILED, error=error)

    def ended(self, outcome: OffboardingResult) -> None:
        pass

    def stopper(self, outcome: OffboardingResult) -> Exception | None:
        return outcome.error if stops_the_rest(outcome.error) else None


_OF_A_REMOVAL = {
    Status.APPLIED: OffboardingStatus.REMOVED,
    Status.FAILED: OffboardingStatus.FAILED,
    Status.UNKNOWN: OffboardingStatus.UNKNOWN,
}
