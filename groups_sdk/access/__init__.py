"""The jobs of `client.access`: from finding a member to planning, applying and offboarding.

    with GroupsClient() as client:  # AsyncGroupsClient has the same, with await
        review = client.access.review(group_id).collect()
        print(review.totals.by_role, len(review.admins))

    job                                      what it returns (in brackets: its asynchronous form)
    find_membership, list_roles              GroupMembership or None; RoleCount
    review                                   ReviewStream (AsyncReviewStream), then a Review
    update_memberships, delete_memberships   Changes (AsyncChanges), then an Outcome for each change
    plan, undo, plan_copy, plan_handover     Plan; plan_restore too
    plan_migration, hygiene                  Migration with a Plan; HygieneReport, which makes one by a HygienePolicy
    apply                                    Changes (AsyncChanges), then an Outcome for each change
    export, elevate                          ExportResult; Elevation
    offboard                                 Offboarding (AsyncOffboarding), then an OffboardingReport
    delete_sso_users                         Deletions (AsyncDeletions), then a DeletionReport

`help("groups_sdk.access.Access")` shows the jobs with their arguments, and how people and roles are given.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from groups_sdk._public import set_module
from groups_sdk.access._accounts.deletions import AsyncDeletions
from groups_sdk.access._accounts.report import DeletionReport, DeletionResult, DeletionStatus
from groups_sdk.access._changes import AsyncChanges
from groups_sdk.access._facade import AsyncAccess
from groups_sdk.access._hygiene.findings import HygieneCheck, HygieneFinding, HygieneUnknown
from groups_sdk.access._hygiene.policy import HygieneAction, HygieneExemption, HygienePolicy, HygieneRule
from groups_sdk.access._hygiene.report import HygieneReport
from groups_sdk.access._migration.report import MigratedPerson, Migration, MigrationState
from groups_sdk.access._offboarding.offboarding import AsyncOffboarding
from groups_sdk.access._offboarding.report import (
    OffboardingReport,
    OffboardingResult,
    OffboardingStatus,
    RemainingAccess,
)
from groups_sdk.access._outcomes import Action, Change, Outcome, Progress, Status
from groups_sdk.access._plan.conditions import Condition
from groups_sdk.access._plan.elevation import Elevation
from groups_sdk.access._plan.endings import Ending
from groups_sdk.access._plan.export import ExportResult
from groups_sdk.access._plan.plan import NotInSnyk, Plan
from groups_sdk.access._review.diff import MemberChange, ReviewDiff
from groups_sdk.access._review.member import SSO_LOGIN_METHODS, ReviewedMember, ReviewTotals
from groups_sdk.access._review.report import Review
from groups_sdk.access._review.stream import AsyncReviewStream
from groups_sdk.access._roles import ADMIN_ROLE, RoleCount

if TYPE_CHECKING:
    from groups_sdk._sync.access import Access
    from groups_sdk._sync.changes import Changes
    from groups_sdk._sync.deletions import Deletions
    from groups_sdk._sync.offboarding import Offboarding
    from groups_sdk._sync.review import ReviewStream
else:

    def __getattr__(name):
        """The synchronous twins, which are built on this package: each is imported when it is first used."""
        if name not in _TWINS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_TWINS[name]), name)


__all__ = [
    "ADMIN_ROLE",
    "SSO_LOGIN_METHODS",
    "Access",
    "Action",
    "AsyncAccess",
    "AsyncChanges",
    "AsyncDeletions",
    "AsyncOffboarding",
    "AsyncReviewStream",
    "Change",
    "Changes",
    "Condition",
    "Elevation",
    "Ending",
    "DeletionReport",
    "DeletionResult",
    "DeletionStatus",
    "Deletions",
    "ExportResult",
    "HygieneAction",
    "HygieneCheck",
    "HygieneExemption",
    "HygieneFinding",
    "HygienePolicy",
    "HygieneReport",
    "HygieneRule",
    "HygieneUnknown",
    "MemberChange",
    "MigratedPerson",
    "Migration",
    "MigrationState",
    "NotInSnyk",
    "Offboarding",
    "OffboardingReport",
    "OffboardingResult",
    "OffboardingStatus",
    "Outcome",
    "Plan",
    "Progress",
    "RemainingAccess",
    "Review",
    "ReviewDiff",
    "ReviewStream",
    "ReviewTotals",
    "ReviewedMember",
    "RoleCount",
    "Status",
]


_TWINS = {
    "Access": "groups_sdk._sync.access",
    "Changes": "groups_sdk._sync.changes",
    "Deletions": "groups_sdk._sync.deletions",
    "Offboarding": "groups_sdk._sync.offboarding",
    "ReviewStream": "groups_sdk._sync.review",
}


def __dir__() -> list[str]:
    return __all__


set_module("groups_sdk.access", globals(), [name for name in __all__ if name not in _TWINS])
