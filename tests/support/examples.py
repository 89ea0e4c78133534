"""One example, with everything filled in, of each public class that can be written as a dict."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from groups_sdk import (
    DecodeProblem,
    Group,
    GroupMembership,
    NotFoundError,
    Org,
    OrgMembership,
    Page,
    RequestTimeoutError,
    Role,
    SsoConnection,
    SsoUser,
    User,
)
from groups_sdk.access import (
    Action,
    Change,
    Condition,
    DeletionReport,
    DeletionResult,
    DeletionStatus,
    Elevation,
    Ending,
    ExportResult,
    HygieneCheck,
    HygieneFinding,
    HygieneReport,
    HygieneUnknown,
    MemberChange,
    MigratedPerson,
    Migration,
    MigrationState,
    NotInSnyk,
    OffboardingReport,
    OffboardingResult,
    OffboardingStatus,
    Outcome,
    Plan,
    Progress,
    RemainingAccess,
    Review,
    ReviewDiff,
    ReviewedMember,
    RoleCount,
    Status,
)

THEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
IDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(9)]

USER = User(IDS[1], "Ada", "ada", "ada@example.com", "saml")
ROLE = Role(IDS[2], "Group Admin")
GROUP = Group(IDS[0], "Engineering", THEN, THEN, "engineering", "https://a/", "https://b/", IDS[8])
PLAIN_GROUP = Group(IDS[0], "Engineering")
MEMBERSHIP = GroupMembership(IDS[3], THEN, USER, ROLE, PLAIN_GROUP, 2)
ORG_MEMBERSHIP = OrgMembership(IDS[4], None, USER, ROLE, Org(IDS[5], "Web"))
REFUSED = NotFoundError(status_code=404, request_id="5f1c", method="DELETE", path="/x")
LATE = RequestTimeoutError(
    "no answer", maybe_applied=False, operation="deleteGroupMembership", method="DELETE"
)
ADD = Change(action=Action.ADD, group_id=GROUP.id, user=USER, role=ROLE)
CHANGE = Change(
    action=Action.SET_ROLE,
    group_id=GROUP.id,
    membership_id=IDS[3],
    user=USER,
    before=Role(IDS[6]),
    role=ROLE,
)
REMOVAL = Change(action=Action.REMOVE, group_id=GROUP.id, membership_id=IDS[7], before=ROLE)
MEMBER = ReviewedMember(MEMBERSHIP, True, (ORG_MEMBERSHIP,))
UNREAD = ReviewedMember(MEMBERSHIP, False, None, REFUSED)
CONDITION = Condition(change=REMOVAL.key, user=User(IDS[8]), role=ROLE, lost_orgs=(IDS[5],))
MOVED = MigratedPerson(
    old="ada",
    new="ada@example.com",
    state=MigrationState.SAME_ROLE,
    old_user=USER,
    new_user=USER,
    role=ROLE,
    new_role=ROLE,
    lost_orgs=(ORG_MEMBERSHIP,),
    removes_old=True,
    problem="it stays",
)
REVIEW = Review(PLAIN_GROUP, THEN, (MEMBER, UNREAD), True, "https://api.example", "2025-11-05")

PLAN = Plan(
    groups=(PLAIN_GROUP,),
    base_url="https://api.example",
    made_at=THEN,
    prune=True,
    cascade=False,
    max_removals=3,
    allow_unresolved=("bob@example.com",),
    creates=(ADD,),
    removals=(REMOVAL,),
    unchanged=(CHANGE,),
    not_in_snyk=(NotInSnyk(who="bob", role="r", reason="unknown", group_id=GROUP.id),),
    notes=("a note",),
    conditions=(CONDITION,),
    ended=(Ending(who="bob", role="Group Admin", then=None, until=THEN, group_id=GROUP.id),),
    ending=(Ending(who="eve", role="Group Admin", then="r", until=THEN, group_id=GROUP.id),),
    ending_by=THEN,
    good_until=THEN,
)
FINDING = HygieneFinding(
    HygieneCheck.NOT_ON_SSO, (MEMBERSHIP,), "the login method is 'github'", True, ("who it is",)
)
UNKNOWN = HygieneUnknown(HygieneCheck.IN_NO_ORG, "403: forbidden", 2, True)

EXAMPLES: list[Any] = [
    USER,
    ROLE,
    GROUP,
    Org(IDS[5], "Web"),
    MEMBERSHIP,
    ORG_MEMBERSHIP,
    SsoConnection("s", "Okta"),
    SsoUser("u", "Ada", "ada", "ada@example.com", True, THEN, "direct"),
    CHANGE,
    Outcome(REMOVAL, Status.UNKNOWN, LATE, sent=True, earlier=True),
    Progress(3, None, 1.5, 1),
    RoleCount(ROLE, 3),
    MEMBER,
    UNREAD,
    REVIEW.totals,
    REVIEW,
    MemberChange(MEMBER, UNREAD, ("role",)),
    ReviewDiff((MEMBER,), (UNREAD,), (MemberChange(MEMBER, UNREAD, ("role",)),), (MEMBER,)),
    NotInSnyk(who="bob@example.com", role="Group Member", reason="unknown", group_id=GROUP.id),
    PLAN,
    CONDITION,
    MOVED,
    Migration(people=(MOVED,), plan=PLAN),
    DecodeProblem(
        "a-record", "data[3].attributes", "is missing", "v1.next", {"type": "user", "id": "a-record"}
    ),
    Ending(who="bob", role="Group Admin", then="Group Member", until=THEN, group_id=GROUP.id),
    Elevation(
        path="d.csv", group_id=GROUP.id, user=USER, role=ROLE, then=None, until=THEN, notes=("a note",)
    ),
    ExportResult(path="members.csv", rows=3, notes=("a note",)),
    FINDING,
    UNKNOWN,
    HygieneReport(
        group=PLAIN_GROUP,
        looked_at=THEN,
        base_url="https://api.example",
        members=(MEMBERSHIP,),
        findings=(FINDING,),
        unknown=(UNKNOWN,),
        missing=1,
        unreadable=("the record 'x', at data[0]: must be an object",),
        org_memberships=True,
        sso_login_methods=("saml",),
    ),
    DeletionResult(
        person="ada",
        status=DeletionStatus.FAILED,
        user=MEMBERSHIP.user,
        memberships=(MEMBERSHIP,),
        org_memberships=(ORG_MEMBERSHIP,),
        error=REFUSED,
    ),
    DeletionReport(
        group=PLAIN_GROUP,
        people=("ada",),
        dry_run=False,
        groups=2,
        results=(
            DeletionResult(
                person="ada", status=DeletionStatus.GONE, user=MEMBERSHIP.user, error=LATE, earlier=True
            ),
        ),
        unreadable=(RemainingAccess(PLAIN_GROUP, "ada", "cannot be checked"),),
        remaining=(RemainingAccess(PLAIN_GROUP, "ada", "still there"),),
    ),
    OffboardingResult(PLAIN_GROUP, "ada", OffboardingStatus.FAILED, MEMBERSHIP, (ORG_MEMBERSHIP,), REFUSED),
    RemainingAccess(PLAIN_GROUP, "ada", "still there"),
    OffboardingReport(
        people=("ada",),
        dry_run=False,
        cascade=True,
        groups=2,
        results=(OffboardingResult(PLAIN_GROUP, "ada", OffboardingStatus.REMOVED, error=LATE, earlier=True),),
        remaining=(RemainingAccess(PLAIN_GROUP, "ada", "still there"),),
    ),
]

PAGE = Page([MEMBERSHIP], "v1.next", None, {"group_membership_count": 2})
