"""The review of a group, member by member as they come."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Self

import anyio

from groups_sdk import _arguments as arguments
from groups_sdk._pagination import AsyncPaginator, Paginator
from groups_sdk._pagination.synchronous import Crossing
from groups_sdk.access import _files as files
from groups_sdk.access._batches import OnProgress, first_of, tell
from groups_sdk.access._files import AnyFile, Write
from groups_sdk.access._members import ReviewedMember, ReviewTotals, Tally, is_sso
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Progress
from groups_sdk.access._reports import Review, ReviewDiff
from groups_sdk.access._roles import is_uuid
from groups_sdk.errors import InvalidArgumentError, NotFoundError
from groups_sdk.models import Group, GroupMembership, OrgMembership

__all__ = ["AsyncReviewStream", "ReviewStream"]


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

    def __aiter__(self) -> AsyncIterator[ReviewedMember]:
        return aiter(self.listing())

    async def collect(self) -> Review:
        """The whole review.

        Example:
            review = await client.access.review(group_id).collect()
            print(review.totals.by_role)
        """
        reviewed_at = _now()
        members = await self.listing().collect()
        return review_of(self, reviewed_at, members)

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
        return await self._drain(lambda group: files.csv_writer(file, org_memberships=self.org_memberships))

    async def to_jsonl(self, file: AnyFile) -> ReviewTotals:
        """Write the review as JSON lines, page by page, for `Review.from_jsonl`: nothing is lost. Returns the totals.

        A path gets its file only when everything has been written; an open text file is written to at once.

        Example:
            totals = await client.access.review(group_id).to_jsonl("review.jsonl")
        """
        now, orgs = _now(), self.org_memberships
        return await self._drain(lambda group: files.jsonl_writer(file, group, now, org_memberships=orgs))

    async def to_html(self, file: AnyFile) -> ReviewTotals:
        """Write the review as one self-contained page: see `Review.to_html`. Returns the totals.

        The table is sorted, so all members are kept in memory meanwhile.

        Example:
            totals = await client.access.review(group_id).to_html("review.html")
        """
        review = await self.collect()
        review.to_html(file)
        return review.totals

    async def _drain(self, opened: OpenWriter) -> ReviewTotals:
        with Drain(self, opened) as drain:
            async for page in self.listing().pages():
                drain.take(page.items)
        return drain.totals

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


class ReviewStream:
    """The review of a group: iterate it for its members, `collect()` it, or write it to a file.

    As a listing it is a recipe: nothing is sent before it is used, and each use begins anew. Iterating it and writing
    CSV or JSON lines keep one page of members in memory, `collect()` and `to_html` keep all.

    Example:
        for member in client.access.review(group_id):
            print(member.membership.user.email, member.membership.role.name, member.sso)
    """

    def __init__(self, crossing: Crossing, stream: AsyncReviewStream) -> None:
        self._crossing = crossing
        self._stream = stream

    def __iter__(self) -> Iterator[ReviewedMember]:
        return iter(Paginator(self._crossing, self._stream.listing()))

    def collect(self) -> Review:
        """The whole review.

        Example:
            review = client.access.review(group_id).collect()
            print(review.totals.by_role)
        """
        return self._crossing.call(self._stream.collect)

    def diff(self, earlier: Review | str | os.PathLike[str]) -> ReviewDiff:
        """Who came, who went and who changed since an earlier review or its file: see `Review.diff`.

        Example:
            print(client.access.review(group_id).diff("2025-10.jsonl"))
        """
        earlier = earlier if isinstance(earlier, Review) else Review.read(earlier)
        return self.collect().diff(earlier)

    def to_csv(self, file: AnyFile) -> ReviewTotals:
        """Write the members as CSV, page by page. Returns the totals.

        Cells that a spreadsheet might take for formulas (they begin with = + - @, a tab or a line break) get an
        apostrophe in front, which `Review.from_csv` takes away again. A path gets a UTF-8 file with a byte order
        mark, for spreadsheets, and only when everything has been written; an open text file is written to at once
        (open it with `newline=""`).

        Example:
            totals = client.access.review(group_id).to_csv("review.csv")
        """
        orgs = self._stream.org_memberships
        return self._drain(lambda group: files.csv_writer(file, org_memberships=orgs))

    def to_jsonl(self, file: AnyFile) -> ReviewTotals:
        """Write the review as JSON lines, page by page, for `Review.from_jsonl`: nothing is lost. Returns the totals.

        A path gets its file only when everything has been written; an open text file is written to at once.

        Example:
            totals = client.access.review(group_id).to_jsonl("review.jsonl")
        """
        now, orgs = _now(), self._stream.org_memberships
        return self._drain(lambda group: files.jsonl_writer(file, group, now, org_memberships=orgs))

    def to_html(self, file: AnyFile) -> ReviewTotals:
        """Write the review as one self-contained page: see `Review.to_html`. Returns the totals.

        The table is sorted, so all members are kept in memory meanwhile.

        Example:
            totals = client.access.review(group_id).to_html("review.html")
        """
        review = self.collect()
        review.to_html(file)
        return review.totals

    def _drain(self, opened: OpenWriter) -> ReviewTotals:
        with Drain(self._stream, opened) as drain:
            for page in Paginator(self._crossing, self._stream.listing()).pages():
                drain.take(page.items)
        return drain.totals


OpenWriter = Callable[[Group], AbstractContextManager[Write]]


class Drain:
    """Members into a writer, counted. It is opened when the first page has come, which tells the group's name."""

    def __init__(self, stream: AsyncReviewStream, opened: OpenWriter) -> None:
        self._stream = stream
        self._opened = opened
        self._tally = Tally()
        self._write: Write | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def take(self, members: Sequence[ReviewedMember]) -> None:
        if self._write is None:
            group = _group_of(self._stream.group_id, members)
            self._write = self._stack.enter_context(self._opened(group))
        for member in members:
            self._tally.add(member)
        self._write(members)

    def __exit__(self, *exc_info: object) -> None:
        self._stack.__exit__(*exc_info)  # type: ignore[arg-type] # as they came

    @property
    def totals(self) -> ReviewTotals:
        return self._tally.totals(org_memberships=self._stream.org_memberships)


def review_of(stream: AsyncReviewStream, reviewed_at: datetime, members: Sequence[ReviewedMember]) -> Review:
    return Review(_group_of(stream.group_id, members), reviewed_at, tuple(members), stream.org_memberships)


def _group_of(group_id: str, members: Sequence[ReviewedMember]) -> Group:
    named = next((m.membership.group for m in members if m.membership.group.id), None)
    return Group(id=group_id, name=named.name if named else None)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
