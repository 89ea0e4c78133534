"""The review of a group, member by member as they come."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime

import anyio

from groups_sdk import _arguments as arguments
from groups_sdk._iteration import AsyncBatchIterator
from groups_sdk._pagination import AsyncPaginator
from groups_sdk.access._batches import OnProgress, first_of, tell
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Progress
from groups_sdk.access._review import files
from groups_sdk.access._review.files import AnyFile, Write
from groups_sdk.access._review.member import ReviewedMember, ReviewTotals, Tally, is_sso
from groups_sdk.access._review.report import Review, ReviewDiff
from groups_sdk.access._roles import is_uuid
from groups_sdk.errors import InvalidArgumentError, NotFoundError
from groups_sdk.models import Group, GroupMembership, OrgMembership

__all__ = ["AsyncReviewStream"]

OpenWriter = Callable[[Group], AbstractContextManager[Write]]


class AsyncReviewStream:
    """The review of a group: iterate it for its members, `collect()` it, or write it to a file.

    As a listing it is a recipe: nothing is sent before it is used, and each use begins anew. Iterating it and writing
    CSV or JSON lines keep one page of members in memory, `collect()` and `to_html` keep all.

    Example:
        async for member in client.access.review(group_id):
            print(member.membership.user.email, member.membership.role.name, member.sso)
    """

    def __init__(
        self,
        client: Operations,
        group_id: str,
        *,
        org_memberships: bool,
        sso_login_methods: Collection[str],
        concurrency: int,
        on_progress: OnProgress | None,
    ) -> None:
        self._client = client
        self.group_id: str = arguments.uuid("group_id", group_id)
        self.org_memberships: bool = org_memberships
        if isinstance(sso_login_methods, str):
            raise InvalidArgumentError("sso_login_methods must be a collection of texts, not one text")
        self._sso_login_methods = frozenset(method.strip().casefold() for method in sso_login_methods)
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidArgumentError(f"concurrency must be a whole number from 1 up; got {concurrency!r}")
        self._concurrency = concurrency
        self._on_progress = on_progress

    def __aiter__(self) -> AsyncBatchIterator[ReviewedMember]:
        return aiter(self.listing())

    async def collect(self) -> Review:
        """The whole review.

        Example:
            review = await client.access.review(group_id).collect()
            print(review.totals.by_role)
        """
        reviewed_at = _now()
        members = await self.listing().collect()
        return Review(_group_of(self.group_id, members), reviewed_at, tuple(members), self.org_memberships)

    async def diff(self, earlier: Review | str | os.PathLike[str]) -> ReviewDiff:
        """Who came, who went and who changed since an earlier review or its file: see `Review.diff`.

        Example:
            print(await client.access.review(group_id).diff("2025-10.jsonl"))
        """
        earlier = earlier if isinstance(earlier, Review) else Review.read(earlier)
        return (await self.collect()).diff(earlier)

    async def to_csv(self, file: AnyFile) -> ReviewTotals:
        """Write the members as CSV, page by page. Returns the totals.

        Cells that a spreadsheet might take for formulas (they begin with = + - @, a tab or a line break) get an
        apostrophe in front, which `Review.from_csv` takes away again. A path gets a UTF-8 file with a byte order
        mark, for spreadsheets, and only when everything has been written; an open text file is written to at once
        (open it with `newline=""`).

        Example:
            totals = await client.access.review(group_id).to_csv("review.csv")
        """
        return await self._write(lambda group: files.csv_writer(file, org_memberships=self.org_memberships))

    async def to_jsonl(self, file: AnyFile) -> ReviewTotals:
        """Write the review as JSON lines, page by page, for `Review.from_jsonl`: nothing is lost. Returns the totals.

        A path gets its file only when everything has been written; an open text file is written to at once.

        Example:
            totals = await client.access.review(group_id).to_jsonl("review.jsonl")
        """
        now, orgs = _now(), self.org_memberships
        return await self._write(lambda group: files.jsonl_writer(file, group, now, org_memberships=orgs))

    async def to_html(self, file: AnyFile) -> ReviewTotals:
        """Write the review as one self-contained page: see `Review.to_html`. Returns the totals.

        The table is sorted, so all members are kept in memory meanwhile.

        Example:
            totals = await client.access.review(group_id).to_html("review.html")
        """
        review = await self.collect()
        review.to_html(file)
        return review.totals

    async def _write(self, open_writer: OpenWriter) -> ReviewTotals:
        """Write the members page by page. The file is opened for the first one, which tells the group's name."""
        tally = Tally()
        write: Write | None = None
        with ExitStack() as stack:
            async for page in self.listing().pages():
                if write is None:
                    write = stack.enter_context(open_writer(_group_of(self.group_id, page.items)))
                for member in page.items:
                    tally.add(member)
                write(page.items)
        return tally.totals(org_memberships=self.org_memberships)

    def listing(self) -> AsyncPaginator[ReviewedMember]:
        """The members as a listing, from the beginning."""
        began: float | None = None
        done = 0

        async def reviewed(memberships: Sequence[GroupMembership]) -> Sequence[ReviewedMember]:
            nonlocal began, done
            began = anyio.current_time() if began is None else began
            orgs = await self._orgs_of(memberships) if self.org_memberships else [None] * len(memberships)
            members = [
                ReviewedMember(m, is_sso(m.user.login_method, self._sso_login_methods), below)
                for m, below in zip(memberships, orgs, strict=True)
            ]
            if self._on_progress is not None:
                done += len(members)
                total = members[0].membership.group_membership_count if members else None
                tell(self._on_progress, Progress(done, total, anyio.current_time() - began))
            return members

        count = None if self._on_progress is None else True
        # In the default order: only there does the API promise that each is listed exactly once.
        return self._client.list_memberships(self.group_id, include_group_membership_count=count).mapped(
            reviewed
        )

    async def _orgs_of(
        self, memberships: Sequence[GroupMembership]
    ) -> list[tuple[OrgMembership, ...] | None]:
        """The org memberships of each, several at a time."""
        found: list[tuple[OrgMembership, ...] | None] = [None] * len(memberships)
        waiting = deque(enumerate(memberships))

        async def place() -> None:
            while waiting:
                index, membership = waiting.popleft()
                if is_uuid(membership.user.id):
                    found[index] = await self._orgs_of_one(membership.user.id)

        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(min(self._concurrency, len(memberships))):
                    tasks.start_soon(place)
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        return found

    async def _orgs_of_one(self, user_id: str) -> tuple[OrgMembership, ...] | None:
        try:
            return tuple(await self._client.list_org_memberships(self.group_id, user_id=user_id).collect())
        except NotFoundError:
            return None  # they may have left meanwhile: the totals count them as not told


def _group_of(group_id: str, members: Sequence[ReviewedMember]) -> Group:
    named = next((m.membership.group for m in members if m.membership.group.id), None)
    return Group(id=group_id, name=named.name if named else None)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
