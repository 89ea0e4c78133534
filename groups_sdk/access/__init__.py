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

from groups_sdk._public import lazy_names

__getattr__, __dir__ = lazy_names(globals())
