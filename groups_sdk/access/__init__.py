"""The jobs that people come for: find, review, change in bulk, plan and apply, offboard. See `client.access`.

async with AsyncGroupsClient() as client:
    review = await client.access.review(group_id).collect()
    print(review.totals.by_role, len(review.admins))
"""

from __future__ import annotations

from groups_sdk._public import set_module
from groups_sdk.access._changes import AsyncChanges, Changes
from groups_sdk.access._facade import AsyncAccess
from groups_sdk.access._members import (
    ADMIN_ROLE,
    SSO_LOGIN_METHODS,
    ReviewedMember,
    ReviewTotals,
    RoleCount,
)
from groups_sdk.access._offboarding import (
    AsyncOffboarding,
    Offboarding,
    OffboardingReport,
    OffboardingResult,
    OffboardingStatus,
)
from groups_sdk.access._outcomes import Action, Change, Outcome, Progress, Status
from groups_sdk.access._plans import NotInSnyk, Plan
from groups_sdk.access._reports import MemberChange, Review, ReviewDiff
from groups_sdk.access._review import AsyncReviewStream, ReviewStream

__all__ = [
    "ADMIN_ROLE",
    "SSO_LOGIN_METHODS",
    "Action",
    "AsyncAccess",
    "AsyncChanges",
    "AsyncOffboarding",
    "AsyncReviewStream",
    "Change",
    "Changes",
    "MemberChange",
    "NotInSnyk",
    "Offboarding",
    "OffboardingReport",
    "OffboardingResult",
    "OffboardingStatus",
    "Outcome",
    "Plan",
    "Progress",
    "Review",
    "ReviewDiff",
    "ReviewStream",
    "ReviewTotals",
    "ReviewedMember",
    "RoleCount",
    "Status",
]


set_module("groups_sdk.access", globals(), __all__)
