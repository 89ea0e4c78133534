"""What an access review says to auditors, whatever the file: facts, totals that add up, and who has to be looked at."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from groups_sdk._pagination import DecodeProblem
from groups_sdk._version import __version__
from groups_sdk.access._review.diff import ReviewDiff
from groups_sdk.access._review.member import UNKNOWN, ReviewedMember, ReviewTotals, Tally
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Group

if TYPE_CHECKING:
    from groups_sdk.access._review.report import Review

__all__ = [
    "SIGNATURE_LINES",
    "SIGN_OFF_COLUMNS",
    "SORTED",
    "SSO_WORDS",
    "AuditReport",
    "Since",
    "audit_report",
    "audit_steps",
    "check_options",
    "login_of",
    "role_of",
]

NOT_KNOWN = "not known"
MOST_MONTHS = 24
_STEP = 100  # members
SSO_WORDS = {True: "yes", False: "no", None: UNKNOWN}
SORTED = "admins first, then by email address"
SIGN_OFF_COLUMNS = ("Decision", "Reviewer", "Comment")
SIGNATURE_LINES = ("Reviewer", "Signature", "Date")


@attrs.frozen
class Since:
    """What changed since an earlier review."""

    diff: ReviewDiff
    reviewed: str
    members: int


@attrs.frozen
class AuditReport:
    """All that a report shows. `members` are sorted: see `SORTED`."""

    group: Group
    title: str
    facts: Mapping[str, str]
    totals: ReviewTotals
    members: list[ReviewedMember]
    org_memberships: bool
    since: Since | None
    sign_off: bool
    unreadable: tuple[DecodeProblem, ...] = ()

    @property
    def name(self) -> str:
        return self.group.name or self.group.id

    @property
    def breakdowns(self) -> dict[str, Mapping[str, int]]:
        """The members by role and so on. Each of them adds up to the number of members."""
        totals = self.totals
        on_sso = totals.members - totals.not_on_sso - totals.login_method_unknown
        months = totals.by_joining_month
        years: Counter[str] = Counter()
        for month, count in months.items():
            years[month.partition("-")[0]] += count
        return {
            "By role": totals.by_role,
            "By login method": totals.by_login_method,
            "By SSO": dict(
                zip(SSO_WORDS.values(), (on_sso, totals.not_on_sso, totals.login_method_unknown), strict=True)
            ),
            **({"By joining year": years} if len(months) > MOST_MONTHS else {"By joining month": months}),
        }

    @property
    def figures(self) -> dict[str, int]:
        """The counts that stand on top."""
        totals = self.totals
        figures = {
            "Members": totals.members,
            "Admins": totals.admins,
            "Not on SSO": totals.not_on_sso,
            "Login method unknown": totals.login_method_unknown,
            "In no organization": totals.in_no_org,
            "Organizations unknown": totals.orgs_unknown or None,
            "Records not readable": totals.unreadable or None,
        }
        return {name: figure for name, figure in figures.items() if figure is not None}


def check_options(group_id: str, since: Review | None, prepared_by: str | None) -> None:
    """Raise `InvalidArgumentError` for options that a report of this group cannot be made with."""
    if prepared_by is not None and not (isinstance(prepared_by, str) and prepared_by.strip()):
        raise InvalidArgumentError(
            f"prepared_by must be a string that is not blank, or None; got {prepared_by!r}"
        )
    if since is not None and since.group.id and since.group.id.lower() != group_id.lower():
        raise InvalidArgumentError(f"the earlier review is of another group, {since.group.id}")


def audit_report(
    review: Review, *, since: Review | None, prepared_by: str | None, sign_off: bool
) -> AuditReport:
    """The report of a review. Raises `InvalidArgumentError` for a `since` that is not an earlier one of this group."""
    steps = audit_steps(review, since=since, prepared_by=prepared_by, sign_off=sign_off)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            report: AuditReport = end.value
            return report


def audit_steps(
    review: Review, *, since: Review | None, prepared_by: str | None, sign_off: bool
) -> Generator[None, None, AuditReport]:
    """The same in short steps: sorting everybody at once would hold up other threads."""
    check_options(review.group.id, since, prepared_by)
    tally = Tally()
    tally.unreadable = len(review.unreadable)
    sso: set[str] = set()
    runs: list[list[ReviewedMember]] = []
    for start in range(0, len(review.members), _STEP):
        runs.append(sorted(review.members[start : start + _STEP], key=_order))
        for member in runs[-1]:
            tally.add(member)
            if member.sso:
                sso.add(login_of(member))
        yield
    members: list[ReviewedMember] = []
    for member in heapq.merge(*runs, key=_order):
        members.append(member)
        if not len(members) % _STEP:
            yield
    title = f"Access review of {review.group.name or review.group.id}"
    if review.reviewed_at is not None:
        title += f", {_utc(review.reviewed_at):%Y-%m-%d}"
    facts = {
        "Group": review.group.name or NOT_KNOWN,
        "Group id": review.group.id or NOT_KNOWN,
        "Reviewed": _moment(review.reviewed_at),
        "Report made": _moment(datetime.now(UTC)),
        "Prepared by": prepared_by or "not given",
        "API": review.base_url or NOT_KNOWN,
        "API version": review.api_version or NOT_KNOWN,
        "Made with": f"groups_sdk {__version__}",
        "Organizations": _organizations(review),
        "Login methods that count as SSO": ", ".join(sorted(sso)) or "none that a member has",
    }
    if review.unreadable:
        facts["Complete"] = (
            f"no: {len(review.unreadable):,} of the records that the API listed could not be read, and it is not known "
            "who they are about"
        )
    return AuditReport(
        group=review.group,
        title=title,
        facts=facts,
        totals=tally.totals(org_memberships=review.org_memberships),
        members=members,
        org_memberships=review.org_memberships,
        since=None if since is None else _since(review, since),
        sign_off=sign_off,
        unreadable=review.unreadable,
    )


def role_of(member: ReviewedMember) -> str:
    """The role, as the totals count it."""
    role = member.membership.role
    return role.name or role.id or UNKNOWN


def login_of(member: ReviewedMember) -> str:
    """The login method, as the totals count it."""
    return member.membership.user.login_method or UNKNOWN


def _since(review: Review, earlier: Review) -> Since:
    before, now = earlier.reviewed_at, review.reviewed_at
    if before is not None and now is not None and _utc(before) > _utc(now):
        raise InvalidArgumentError(
            f"since must be an earlier review: it was made at {_moment(before)}, this one at {_moment(now)}"
        )
    return Since(review.diff(earlier), _moment(before), len(earlier.members))


def _organizations(review: Review) -> str:
    """Whether they are part of the review, and why those of some members are not known: three reasons at the most."""
    if review.orgs_unknown is None:
        return "not part of this review"
    if not review.orgs_unknown:
        return "included"
    reasons = Counter(str(m.org_error or "the API does not name the user") for m in review.orgs_unknown)
    shown = "; ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))
    more = f"; more reasons: {len(reasons) - 3:,}" if len(reasons) > 3 else ""
    return f"included, but not known for {len(review.orgs_unknown):,}: {shown}{more}"


def _order(member: ReviewedMember) -> str:
    """What to sort by: one text, since other threads wait while many tuples are compared."""
    user = member.membership.user
    name = (user.email or user.username or user.name or "").casefold()
    return f"{0 if member.is_admin else 1}{name}\0{user.id}"


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(moment: datetime | None) -> str:
    return NOT_KNOWN if moment is None else f"{_utc(moment):%Y-%m-%d %H:%M} UTC"
