"""One reviewed member, and the totals of many."""

from collections import Counter
from collections.abc import Collection, Mapping

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk.access._addresses import normalised
from groups_sdk.access._roles import is_admin_role
from groups_sdk.errors import GroupsError
from groups_sdk.models import GroupMembership, OrgMembership

__all__ = ["SSO_LOGIN_METHODS", "ReviewTotals", "ReviewedMember"]

SSO_LOGIN_METHODS = frozenset({"saml", "samlp", "sso", "oidc", "adfs", "waad", "okta", "ad"})
"""The login methods that count as single sign-on, compared without regard to the case of ASCII letters. The API does
not list its values: give `sso_login_methods` of your own where it says something else."""

UNKNOWN = "unknown"
"""Stands in the totals for a role, login method or joining month that the API left out."""


def is_sso(login_method: str | None, methods: Collection[str]) -> bool | None:
    return None if login_method is None else normalised(login_method) in methods


def _text_of(error: GroupsError | None) -> str | None:
    return None if error is None else str(error)


@attrs.frozen
class ReviewedMember(Serializable):
    """One member of a reviewed group.

    `sso` says whether the login method counts as single sign-on; None when the API does not name the login method.
    `org_memberships` is None when the review was not asked for organizations, and when those of this member are not
    known. `org_error` is then the error that reading them ended with; None when the API left out the member's user
    id, so that they could not be asked for. Read back from a JSONL file it is a `GroupsError` with the same text. A
    CSV file has neither.
    """

    membership: GroupMembership
    sso: bool | None = None
    org_memberships: tuple[OrgMembership, ...] | None = None
    org_error: GroupsError | None = attrs.field(default=None, eq=_text_of)

    @property
    def is_admin(self) -> bool:
        """Whether the role is the one named "Group Admin"."""
        return is_admin_role(self.membership.role)

    @property
    def in_no_org(self) -> bool | None:
        """Whether there is no organization below the group that they are in; None when that is not known."""
        return None if self.org_memberships is None else not self.org_memberships

    @property
    def joining_month(self) -> str:
        """The month in which they joined the group, such as "2025-11"; "unknown" when the API does not say."""
        created_at = self.membership.created_at
        return UNKNOWN if created_at is None else f"{created_at:%Y-%m}"


def lowered(text: str) -> str:
    """In lower case; the text itself where it is so already, which is how ids come: it then takes no memory."""
    lower = text.lower()
    return text if lower == text else lower


def person_of(member: ReviewedMember) -> str:
    """Who it is: the user id or, where the API left out the user, the id of the membership."""
    return lowered(member.membership.user.id or member.membership.id)


@attrs.frozen
class ReviewTotals(Serializable):
    """The counts of a review.

    `by_role`, `by_login_method` and `by_joining_month` count members by name, the largest first (months: the earliest
    first). `not_on_sso` counts those whose login method is known and is not single sign-on, `login_method_unknown`
    those whose login method is not known.

    `in_no_org` counts those who are known to be in no organization, `orgs_unknown` those whose organizations are not
    known, and `orgs_failed` those of them for whom reading failed (`ReviewedMember.org_error`). All three are None
    when the review was not asked for organizations.

    `unreadable` counts the records of the listing that could not be understood: they are none of the `members`.
    """

    members: int
    admins: int
    not_on_sso: int
    login_method_unknown: int
    in_no_org: int | None
    orgs_unknown: int | None
    orgs_failed: int | None
    by_role: Mapping[str, int]
    by_login_method: Mapping[str, int]
    by_joining_month: Mapping[str, int]
    unreadable: int = 0


class Tally:
    """Counts members as they go by; keeps none of them."""

    def __init__(self) -> None:
        self._roles: Counter[str] = Counter()
        self._logins: Counter[str] = Counter()
        self._months: Counter[str] = Counter()
        self._admins = self._not_on_sso = self._login_method_unknown = 0
        self._in_no_org = self._in_orgs = self._orgs_failed = 0
        self.unreadable: int = 0

    def add(self, member: ReviewedMember) -> None:
        membership = member.membership
        self._roles[membership.role.name or membership.role.id or UNKNOWN] += 1
        self._logins[membership.user.login_method or UNKNOWN] += 1
        self._months[member.joining_month] += 1
        self._admins += member.is_admin
        self._not_on_sso += member.sso is False
        self._login_method_unknown += member.sso is None
        self._in_no_org += member.in_no_org is True
        self._in_orgs += member.in_no_org is False
        self._orgs_failed += member.org_error is not None

    def totals(self, *, org_memberships: bool) -> ReviewTotals:
        members = self._months.total()
        return ReviewTotals(
            members=members,
            admins=self._admins,
            not_on_sso=self._not_on_sso,
            login_method_unknown=self._login_method_unknown,
            in_no_org=self._in_no_org if org_memberships else None,
            orgs_unknown=members - self._in_no_org - self._in_orgs if org_memberships else None,
            orgs_failed=self._orgs_failed if org_memberships else None,
            by_role=_largest_first(self._roles),
            by_login_method=_largest_first(self._logins),
            by_joining_month=dict(sorted(self._months.items())),
            unreadable=self.unreadable,
        )


def _largest_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


set_module("groups_sdk.access", globals(), ["ReviewedMember", "ReviewTotals"])
