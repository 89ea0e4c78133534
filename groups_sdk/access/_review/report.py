"""A review as a whole: its totals, its files, and what has changed since an earlier one."""

import os
from collections.abc import Generator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Self

import attrs

from groups_sdk._pagination import DecodeProblem
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk.access._review import files
from groups_sdk.access._review.diff import ReviewDiff, by_person, compare
from groups_sdk.access._review.files import AnyFile
from groups_sdk.access._review.member import ReviewedMember, ReviewTotals, Tally
from groups_sdk.access._writing import opened_to_write
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Group

__all__ = ["Review", "html_steps"]

_STEP = 50  # rows of a page


@attrs.frozen(slots=False)  # the totals are counted once
class Review(Serializable):
    """Who is in a group, with what role and how they log in, at one moment.

    `reviewed_at` is when the review began; None when it was read from a CSV file, which does not say. `members` come
    in the order of the API. `base_url` and `api_version` are those of the API that was asked; None when that is not
    known, as after reading a CSV file.

    `unreadable` are the records of the API's listing that could not be understood. Who they are about is not known, so
    they are not among the members: a review with any is not complete, and its files and totals say so.

    Example:
        review = await client.access.review(group_id).collect()
        print(review.totals.by_role, len(review.admins))
    """

    group: Group
    reviewed_at: datetime | None
    members: tuple[ReviewedMember, ...]
    org_memberships: bool = False
    base_url: str | None = None
    api_version: str | None = None
    unreadable: tuple[DecodeProblem, ...] = ()

    @cached_property
    def totals(self) -> ReviewTotals:
        """The counts: by role, by login method, by joining month, and of those to look at."""
        tally = Tally()
        for member in self.members:
            tally.add(member)
        tally.unreadable = len(self.unreadable)
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
        for people to read only) and know those of the member. Whose record one of the reviews could not read is neither
        added nor removed. Raises `InvalidArgumentError` for a review of another
        group and for a file that is not a complete review.

        Example:
            print(review.diff("2025-10.jsonl"))
        """
        if not isinstance(earlier, Review):
            earlier = self._read_file(earlier, like=self)
        if earlier.group.id and earlier.group.id.lower() != self.group.id.lower():
            raise InvalidArgumentError(f"the earlier review is of another group, {earlier.group.id}")
        orgs = earlier.org_memberships and self.org_memberships
        return compare(
            earlier.members,
            self.members,
            org_memberships=orgs,
            unreadable=(earlier.unreadable, self.unreadable),
        )

    def to_csv(self, file: AnyFile) -> None:
        """Write the members as CSV, for spreadsheets: see `ReviewStream.to_csv`.

        Example:
            review.to_csv("review.csv")
        """
        with files.csv_writer(file, self.group, org_memberships=self.org_memberships) as write:
            write(self.members, self.unreadable)

    def to_jsonl(self, file: AnyFile) -> None:
        """Write the review as JSON lines, from which `from_jsonl` reads it as it is.

        Example:
            review.to_jsonl("review.jsonl")
        """
        orgs = self.org_memberships
        with files.jsonl_writer(
            file,
            self.group,
            self.reviewed_at,
            org_memberships=orgs,
            base_url=self.base_url,
            api_version=self.api_version,
        ) as write:
            write(self.members, self.unreadable)

    def to_html(
        self,
        file: AnyFile,
        *,
        since: "Review | None" = None,
        prepared_by: str | None = None,
        sign_off: bool = False,
    ) -> None:
        """Write the review as one self-contained page, to be read in a browser, printed and given to auditors.

        It has totals with their sums, the admins, those not on SSO, and all members, admins first. It says when the
        review was made, of which API, and `prepared_by` whom: "not given" without it, since the API does not tell who
        asks. With `since`, an earlier review of the group, it shows what changed. With `sign_off` there are empty
        columns for decision, reviewer and comment, and a place to sign.

        The page needs no network. Its own script searches, filters and sorts; without scripts everything is there to
        read. It prints in landscape with the column headings on each page; Chromium from 131 on adds the group, the
        date and page numbers at the foot.

        Raises `InvalidArgumentError` when `since` is of another group or later than this review, or `prepared_by` is
        blank, and `FileAccessError` when the path cannot be written.

        Example:
            review.to_html("review.html", since=Review.read("2025-10.jsonl"), prepared_by="Ada", sign_off=True)
        """
        for _ in html_steps([self], file, since=since, prepared_by=prepared_by, sign_off=sign_off):
            pass

    def to_xlsx(
        self,
        path: str | os.PathLike[str],
        *,
        since: "Review | None" = None,
        prepared_by: str | None = None,
        sign_off: bool = False,
    ) -> None:
        """Write the review as an Excel workbook, which needs the extra `xlsx`. The arguments are those of `to_html`.

        It has the sheets "Members", admins first, with the columns of the CSV; "Totals", with what the page says of
        the review and its sums; with `since`, "Differences"; and where there are any, the records that are "Not
        readable". Every cell is text: there are no formulas and no links, and what a spreadsheet might take for a
        formula is escaped as in the CSV. A cell holds 32,767 characters: a longer text is cut and ends with
        "[cut: ...]", and "Totals" says how many were.

        Raises `ConfigurationError` when the extra is not installed, `InvalidArgumentError` for what `to_html` refuses
        and for more members than a sheet has rows (1,048,575), and `FileAccessError` when the path cannot be written.

        Example:
            review.to_xlsx("review.xlsx", prepared_by="Ada", sign_off=True)
        """
        from groups_sdk.access._review.audit_report import audit_report
        from groups_sdk.access._review.xlsx import write_xlsx

        write_xlsx(path, audit_report(self, since=since, prepared_by=prepared_by, sign_off=sign_off))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """An earlier review from its file: JSON lines when the name ends in .jsonl, CSV when it ends in .csv.

        Example:
            earlier = Review.read("2025-10.jsonl")
        """
        return cls._read_file(path)

    @classmethod
    def _read_file(cls, path: str | os.PathLike[str], *, like: "Review | None" = None) -> Self:
        """The same. Who is the same in the review `like` takes no memory of their own."""
        known = {} if like is None else by_person(like.members)
        name = os.fspath(path).lower()
        if name.endswith(".jsonl"):
            return cls(*files.read_jsonl(path, known))
        if name.endswith(".csv"):
            return cls._of_csv(path, known)
        raise InvalidArgumentError(f"{os.fspath(path)}: the name must end in .jsonl or .csv")

    @classmethod
    def from_jsonl(cls, file: AnyFile) -> Self:
        """The review that `to_jsonl` wrote. Raises `InvalidArgumentError` when it is none, or not all of it is there.

        Example:
            earlier = Review.from_jsonl("2025-10.jsonl")
        """
        return cls(*files.read_jsonl(file))

    @classmethod
    def from_csv(cls, file: AnyFile) -> Self:
        """The review that `to_csv` wrote, without the organizations. Raises `InvalidArgumentError` when it is none.

        Example:
            earlier = Review.from_csv("2025-10.csv")
        """
        return cls._of_csv(file, {})

    @classmethod
    def _of_csv(cls, file: AnyFile, like: Mapping[str, ReviewedMember]) -> Self:
        group, members, unreadable = files.read_csv(file, like)
        return cls(group, None, members, unreadable=unreadable)


def html_steps(
    held: list[Review],
    file: AnyFile,
    *,
    since: Review | None = None,
    prepared_by: str | None = None,
    sign_off: bool = False,
) -> Generator[None, None, ReviewTotals]:
    """Write a review as a page, in short steps. Returns the totals.

    The review is taken out of `held`, so that its members are freed in steps too: that takes as long as a page of them.
    """
    from groups_sdk.access._review.audit_report import audit_steps
    from groups_sdk.access._review.html import html_lines

    review = held.pop()
    report = yield from audit_steps(review, since=since, prepared_by=prepared_by, sign_off=sign_off)
    del review
    with opened_to_write(file) as write:
        for number, line in enumerate(html_lines(report), 1):
            write(line)
            if not number % _STEP:
                yield
    while report.members:
        del report.members[-_STEP:]
        yield
    return report.totals


set_module("groups_sdk.access", globals(), ["Review"])
