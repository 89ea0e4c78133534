"""A review as a whole: its totals, its files, and what has changed since an earlier one."""

import os
from datetime import datetime
from functools import cached_property
from typing import Self

import attrs

from groups_sdk.access._review import files
from groups_sdk.access._review.diff import ReviewDiff, compare
from groups_sdk.access._review.files import AnyFile
from groups_sdk.access._review.member import ReviewedMember, ReviewTotals, Tally
from groups_sdk.access._writing import opened_to_write
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Group

__all__ = ["Review"]


@attrs.frozen(slots=False)  # the totals are counted once
class Review:
    """Who is in a group, with what role and how they log in, at one moment.

    `reviewed_at` is when the review began; None when it was read from a CSV file, which does not say. `members` come
    in the order of the API.

    Example:
        review = await client.access.review(group_id).collect()
        print(review.totals.by_role, len(review.admins))
    """

    group: Group
    reviewed_at: datetime | None
    members: tuple[ReviewedMember, ...]
    org_memberships: bool = False

    @cached_property
    def totals(self) -> ReviewTotals:
        """The counts: by role, by login method, by joining month, and of those to look at."""
        tally = Tally()
        for member in self.members:
            tally.add(member)
        return tally.totals(org_memberships=self.org_memberships)

    @property
    def admins(self) -> tuple[ReviewedMember, ...]:
        """The members whose role is "Group Admin"."""
        return tuple(member for member in self.members if member.is_admin)

    @property
    def not_on_sso(self) -> tuple[ReviewedMember, ...]:
        """The members whose login method is known and does not count as single sign-on."""
        return tuple(member for member in self.members if member.sso is False)

    @property
    def in_no_org(self) -> tuple[ReviewedMember, ...] | None:
        """The members known to be in no organization below the group; None when the review did not look."""
        if not self.org_memberships:
            return None
        return tuple(member for member in self.members if member.in_no_org)

    @property
    def orgs_unknown(self) -> tuple[ReviewedMember, ...] | None:
        """The members whose organizations are not known; None when the review did not look.

        `member.org_error` says why.
        """
        if not self.org_memberships:
            return None
        return tuple(member for member in self.members if member.org_memberships is None)

    def diff(self, earlier: "Review | str | os.PathLike[str]") -> ReviewDiff:
        """Who was added, removed or changed since an earlier review, or since the file of one (.csv or .jsonl).

        Members are compared by user id. Organizations are compared when both reviews have them (a CSV file has them
        for people to read only) and know those of the member. Raises `InvalidArgumentError` for a review of another
        group and for a file that is not a whole review.

        Example:
            print(review.diff("2025-10.jsonl"))
        """
        if not isinstance(earlier, Review):
            earlier = self.read(earlier)
        if earlier.group.id and earlier.group.id.lower() != self.group.id.lower():
            raise InvalidArgumentError(f"the earlier review is of another group, {earlier.group.id}")
        orgs = earlier.org_memberships and self.org_memberships
        return compare(earlier.members, self.members, org_memberships=orgs)

    def to_csv(self, file: AnyFile) -> None:
        """Write the members as CSV, for spreadsheets: see `ReviewStream.to_csv`.

        Example:
            review.to_csv("review.csv")
        """
        with files.csv_writer(file, org_memberships=self.org_memberships) as write:
            write(self.members)

    def to_jsonl(self, file: AnyFile) -> None:
        """Write the review as JSON lines, from which `from_jsonl` reads it as it is.

        Example:
            review.to_jsonl("review.jsonl")
        """
        orgs = self.org_memberships
        with files.jsonl_writer(file, self.group, self.reviewed_at, org_memberships=orgs) as write:
            write(self.members)

    def to_html(self, file: AnyFile) -> None:
        """Write the review as one self-contained page, with bar charts and a table that sorts: admins first.

        It needs no network, and no scripts but for sorting by other columns.

        Example:
            review.to_html("review.html")
        """
        from groups_sdk.access._review.html import html_lines

        with opened_to_write(file) as write:
            for line in html_lines(self.group, self.reviewed_at, self.totals, self.members):
                write(line)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """An earlier review from its file: JSON lines when the name ends in .jsonl, CSV when it ends in .csv.

        Example:
            earlier = Review.read("2025-10.jsonl")
        """
        name = os.fspath(path).lower()
        if name.endswith(".jsonl"):
            return cls.from_jsonl(path)
        if name.endswith(".csv"):
            return cls.from_csv(path)
        raise InvalidArgumentError(f"{os.fspath(path)}: the name must end in .jsonl or .csv")

    @classmethod
    def from_jsonl(cls, file: AnyFile) -> Self:
        """The review that `to_jsonl` wrote. Raises `InvalidArgumentError` when it is none, or not all of it is there.

        Example:
            earlier = Review.from_jsonl("2025-10.jsonl")
        """
        group, reviewed_at, orgs, members = files.read_jsonl(file)
        return cls(group, reviewed_at, tuple(members), orgs)

    @classmethod
    def from_csv(cls, file: AnyFile) -> Self:
        """The review that `to_csv` wrote, without the organizations. Raises `InvalidArgumentError` when it is none.

        Example:
            earlier = Review.from_csv("2025-10.csv")
        """
        group, members = files.read_csv(file)
        return cls(group, None, tuple(members))
