"""One reviewed member, and the totals of many."""

from collections import Counter
from collections.abc import Collection, Mapping

import attrs

from groups_sdk.access._roles import is_admin_role
from groups_sdk.models import GroupMembership, OrgMembership

__all__ = ["SSO_LOGIN_METHODS", "ReviewTotals", "ReviewedMember"]

SSO_LOGIN_METHODS = frozenset({"saml", "samlp", "sso", "oidc", "adfs", "waad", "okta", "ad"})
"""The login methods that count as single sign-on, compared without regard to case. The API does not list its values:
give `sso_login_methods` of your own where it says something else."""

NOT_TOLD = "not told"
"""Stands in the totals for a role or login method that the API left out."""


def is_sso(login_method: str | None, methods: Collection[str]) -> bool | None:
    return None if login_method is None else login_method.strip().casefold() in methods


@attrs.frozen
class ReviewedMember:
    """One member of a reviewed group.

    `org_memberships` is None unless the review was asked for them, and where the API does not tell. `sso` tells
    whether the login method counts as single sign-on; None where the API does not tell the login method.
    """

    membership: GroupMembership
    sso: bool | None = None
    org_memberships: tuple[OrgMembership, ...] | None = None

    @property
    def is_admin(self) -> bool:
        """Whether the role is the one named "Group Admin"."""
        return is_admin_role(self.membership.role)

    @property
    def in_no_org(self) -> bool | None:
        """Whether there is no organization below the group that they are in; None when nobody looked."""
        return None if self.org_memberships is None else not self.org_memberships

    @property
    def joining_month(self) -> str:
        """The month in which they joined the group, such as "2025-11"."""
        return f"{self.membership.created_at:%Y-%m}"


@attrs.frozen
class ReviewTotals:
    """The counts of a review.

    `by_role`, `by_login_method` and `by_joining_month` count members by name, the largest first (months: the earliest
    first). `not_on_sso` counts those whose login method is known and is not single sign-on; `login_not_told` those
    whose login method is not known. `in_no_org` and `orgs_not_told` are None when the review did not look at
    organizations; the latter counts those whom the API answered 404 for.
    """

    members: int
    admins: int
    not_on_sso: int
    login_not_told: int
    in_no_org: int | None
    orgs_not_told: int | None
    by_role: Mapping[str, int]
    by_login_method: Mapping[str, int]
    by_joining_month: Mapping[str, int]


class Tally:
    """Counts members as they go by; keeps none of them."""

    def __init__(self) -> None:
        self._roles: Counter[str] = Counter()
        self._logins: Counter[str] = Counter()
        self._months: Counter[str] = Counter()
        self._admins = self._not_on_sso = self._login_not_told = self._in_no_org = self._in_orgs = 0

    def add(self, member: ReviewedMember) -> None:
        membership = member.membership
        self._roles[membership.role.name or membership.role.id or NOT_TOLD] += 1
        self._logins[membership.user.login_method or NOT_TOLD] += 1
        self._months[member.joining_month] += 1
        self._admins += member.is_admin
        self._not_on_sso += member.sso is False
        self._login_not_told += member.sso is None
        self._in_no_org += member.in_no_org is True
        self._in_orgs += member.in_no_org is False

    def totals(self, *, org_memberships: bool) -> ReviewTotals:
        members = self._months.total()
        return ReviewTotals(
            members=members,
            admins=self._admins,
            not_on_sso=self._not_on_sso,
            login_not_told=self._login_not_told,
            in_no_org=self._in_no_org if org_memberships else None,
            orgs_not_told=members - self._in_no_org - self._in_orgs if org_memberships else None,
            by_role=_largest_first(self._roles),
            by_login_method=_largest_first(self._logins),
            by_joining_month=dict(sorted(self._months.items())),
        )


def _largest_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
