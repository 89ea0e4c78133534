"""The organizations of the members of a group, read for several members at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import anyio

from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import fatal
from groups_sdk.access._roles import is_uuid
from groups_sdk.access._tasks import task_group
from groups_sdk.errors import ForbiddenError, GroupsError, IncompleteListingError
from groups_sdk.models import GroupMembership, OrgMembership

__all__ = ["OrgReader", "Orgs"]

Orgs = tuple[tuple[OrgMembership, ...] | None, GroupsError | None]
"""What is known of the organizations of one member: the memberships, or None and why they could not be read."""


class OrgReader:
    """Reads the org memberships of members, `concurrency` members at a time (listGroupUserOrgMemberships).

    Several reads may be under way: members are begun in the order of the reads, `concurrency` at a time in all. What
    one of them raises, all of them raise.

    When one member's cannot be read, that is recorded for this member. A 403 means that the permission is missing: it
    is recorded for this member and all that follow, and nothing more is sent. What makes any request fail is raised.
    """

    def __init__(self, client: Operations, group_id: str, *, concurrency: int) -> None:
        self._client = client
        self._group_id = group_id
        self._concurrency = concurrency
        self._places = anyio.CapacityLimiter(concurrency)
        self._beginning = anyio.Lock()  # held by the read whose members are being begun
        self._reads = 0  # under way
        self._raised: Exception | None = None  # by one of those under way
        self._forbidden: ForbiddenError | None = None

    async def read(self, memberships: Sequence[GroupMembership]) -> list[Orgs]:
        """The organizations of each, in the same order.

        Raises `UnauthorizedError`, `GoneError`, `RateLimitedError`, `ClientClosedError`, an `ApiError` during planned
        maintenance, and the error of a request for an access token.
        """
        found: list[Orgs] = [(None, None)] * len(memberships)
        waiting = deque(enumerate(memberships))
        all_begun = anyio.Event()

        async def read_one_after_the_other() -> None:
            while waiting:
                async with self._places:
                    if self._raised is not None:  # the tasks that are to be cancelled learn of it later
                        raise self._raised
                    if not waiting:
                        break
                    index, membership = waiting.popleft()
                    if not waiting:
                        all_begun.set()
                    try:
                        found[index] = await self._read_one(membership.user.id)
                    except Exception as error:
                        self._raised = error
                        raise

        self._reads += 1
        try:
            async with task_group() as tasks, self._beginning:
                for _ in range(min(self._concurrency, len(memberships))):
                    tasks.start_soon(read_one_after_the_other)
                if waiting:
                    await all_begun.wait()
        finally:
            self._reads -= 1
            if not self._reads:
                self._raised = None  # what is raised leads to its frames
        return found

    async def _read_one(self, user_id: str) -> Orgs:
        if not is_uuid(user_id):
            return None, None  # the API left the user out of the membership
        if self._forbidden is not None:
            return None, self._forbidden
        try:
            found: list[OrgMembership] = []
            counted = 0.0
            async for page in self._client.list_org_memberships(self._group_id, user_id=user_id).pages():
                found += page.items
                count = page.meta.get("org_membership_count")
                counted = max(counted, count) if isinstance(count, int | float) else counted
            if counted and not found:
                raise IncompleteListingError(
                    f"the API counts {counted:g} of their memberships of organizations, and lists none"
                )
            return tuple(found), None
        except GroupsError as error:
            if fatal(error) is not None:
                raise
            if isinstance(error, ForbiddenError):
                self._forbidden = error
            return None, error.with_traceback(None)  # which would keep the frames of this call
