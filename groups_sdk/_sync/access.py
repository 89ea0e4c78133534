"""The synchronous twin of groups_sdk.access._facade.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping

from groups_sdk._public import set_module
from groups_sdk._sync.changes import Changes
from groups_sdk._sync.offboarding import Offboarding
from groups_sdk._sync.review import ReviewStream
from groups_sdk._twins import SyncFacade
from groups_sdk.access._facade import AsyncAccess
from groups_sdk.access._outcomes import Progress
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._review.member import SSO_LOGIN_METHODS
from groups_sdk.access._roles import RoleCount
from groups_sdk.models import GroupMembership, Role


class Access(SyncFacade[AsyncAccess]):
    """The jobs: find, review, change in bulk, plan and apply, offboard. Reached as `client.access`.

    A role is given by its name ("Group Admin"), by its id, or as a `Role`. A name is looked up among the roles that
    members of the group have; one that nobody has, or that several roles have, is a `RoleChoiceError` with the
    choices, before anything is changed. A role that nobody has yet is given by its id.

    `on_progress` is called with a `Progress` as the work goes on, on the thread that the requests run on: it must be
    quick, and what it raises is logged. All methods raise what the operations raise that they are built on.

    Example:
        membership = client.access.find_membership(group_id, email="ada@example.com")
    """

    def find_membership(
        self,
        group_id: str,
        *,
        email: str | None = None,
        user_id: str | None = None,
        username: str | None = None,
    ) -> GroupMembership | None:
        """One person's membership of a group, or None (listGroupMemberships; group.membership.read).

        Give exactly one of `email`, `user_id` (a UUID) and `username`; they are compared without regard to case. The
        API is asked for the email address as given and in lower case. Raises `AmbiguousMatchError`, which lists them,
        when several members fit, and `InvalidArgumentError` before anything is sent.

        Example:
            membership = client.access.find_membership(group_id, email="ada@example.com")
            print(membership.role.name if membership else "not a member")
        """
        return self._portal.call(
            self._async.find_membership, group_id, email=email, user_id=user_id, username=username
        )

    def list_roles(self, group_id: str) -> list[RoleCount]:
        """The roles that members of a group have, the most frequent first (listGroupMemberships;
        group.membership.read).

        There is no operation that lists roles: all memberships are gone through, 100 a request. Raises
        `InvalidArgumentError` when `group_id` is not a UUID.

        Example:
            for count in client.access.list_roles(group_id):
                print(count.role.name, count.members)
        """
        return self._portal.call(self._async.list_roles, group_id)

    def review(
        self,
        group_id: str,
        *,
        org_memberships: bool = False,
        sso_login_methods: Collection[str] = SSO_LOGIN_METHODS,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> ReviewStream:
        """An access review: every member with role, login method and joining date (listGroupMemberships;
        group.membership.read).

        With `org_memberships` the organizations below and the roles there too, one more request for each member,
        `concurrency` at a time (listGroupUserOrgMemberships; group.org.list). `sso_login_methods` are the login
        methods that count as single sign-on, compared without regard to case. Raises `InvalidArgumentError` before
        anything is sent.

        Example:
            totals = client.access.review(group_id).to_csv("review.csv")
            print(totals.members, totals.admins, totals.by_role)
        """
        return ReviewStream(
            self._portal,
            self._async.review(
                group_id,
                org_memberships=org_memberships,
                sso_login_methods=sso_login_methods,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )

    def update_memberships(
        self,
        group_id: str,
        changes: Mapping[str, str | Role] | Iterable[tuple[str, str | Role]],
        *,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Changes:
        """Give many members other roles (updateGroupUserMembership; group.membership.edit, group.membership.read).

        `changes` maps membership ids to roles. The members are listed once, before the first change: who has the role
        already is "unchanged", and nothing is sent for them. When all roles are given by id, the listing ends as soon
        as everybody was seen. A membership that it did not show is tried all the same. `concurrency` changes are
        under way at a time. Raises `InvalidArgumentError` when an id is no UUID or is given twice.

        Example:
            for outcome in client.access.update_memberships(group_id, {membership_id: "Group Member"}):
                print(outcome)
        """
        return Changes(
            self._portal,
            self._async.update_memberships(
                group_id, changes, concurrency=concurrency, on_progress=on_progress
            ),
        )

    def delete_memberships(
        self,
        group_id: str,
        membership_ids: Iterable[str],
        *,
        cascade: bool,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Changes:
        """Remove many members from a group (deleteGroupMembership; group.membership.delete).

        With `cascade=True` their memberships of the organizations below go too; it has no default. A membership that
        the API does not know (404) is "failed": that does not prove that there is none. `concurrency` changes are
        under way at a time. Raises `InvalidArgumentError` when an id is no UUID or is given twice.

        Example:
            outcomes = client.access.delete_memberships(group_id, [membership_id], cascade=True).collect()
        """
        return Changes(
            self._portal,
            self._async.delete_memberships(
                group_id, membership_ids, cascade=cascade, concurrency=concurrency, on_progress=on_progress
            ),
        )

    def plan(
        self,
        group_id: str,
        desired: Mapping[str, str | Role] | str | os.PathLike[str],
        *,
        prune: bool = False,
    ) -> Plan:
        """What would have to change for a group to be as desired. Nothing is changed (getGroup, listGroupMemberships;
        group.read, group.membership.read).

        `desired` maps email addresses or user ids to roles, or is the path of a file that does: CSV with the columns
        email or user_id, and role (others are ignored, so that a review's file will do), or JSON, an object or a list
        of objects with these members. With `prune` the members that it does not mention are to be removed.

        A user id that is no member is to be added. An email address that no member has is looked for among the SSO
        users of the group (group.sso.read, group.user.read); when it is not there either, the plan reports it in
        `not_in_snyk`, since this API can only add users that it is given the id of. Raises `InvalidArgumentError`,
        which names the rows, for input that will not do, and `AmbiguousMatchError` when several members have a
        desired email address.

        Example:
            plan = client.access.plan(group_id, {"ada@example.com": "Group Admin"})
            print(plan)
        """
        return self._portal.call(self._async.plan, group_id, desired, prune=prune)

    def apply(
        self,
        plan: Plan,
        *,
        journal: str | os.PathLike[str] | None = None,
        cascade: bool | None = None,
        me: str | None = None,
        allow_last_admin: bool = False,
        allow_self: bool = False,
        strict: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Changes:
        """Carry out a plan (listGroupMemberships, and the operations of its changes: createGroupMembership,
        updateGroupUserMembership, deleteGroupMembership; the permissions of those).

        The members are listed once, before the first change. What is as wanted already is "unchanged"; a member who
        is not as the plan saw them is "failed" with a `StalePlanError`, and with `strict` nothing is sent at all.
        New admins come first and removals last. `cascade` must be given when the plan removes members: True takes
        their memberships of the organizations below too.

        A plan that would leave the group without a "Group Admin" raises `ProtectedMemberError` before anything is
        sent, unless `allow_last_admin`; so does one that changes or removes `me`, an email address or user id, unless
        `allow_self`. The API does not say who the token's owner is: without `me` nobody looks.

        `journal` is the path of a file with a line before and after each change, flushed to the disk. After an
        interruption, the same plan with the same journal goes on where it was: what was done is not done again, what
        may have been done is looked up, and what failed is tried again. It is locked while it is in use. Raises
        `JournalError` when it is that of another plan, and `InvalidArgumentError` before anything is sent.

        Example:
            plan = client.access.plan(group_id, {"ada@example.com": "Group Admin"})
            for outcome in client.access.apply(plan, journal="plan.journal", me="me@example.com"):
                print(outcome)
        """
        return Changes(
            self._portal,
            self._async.apply(
                plan,
                journal=journal,
                cascade=cascade,
                me=me,
                allow_last_admin=allow_last_admin,
                allow_self=allow_self,
                strict=strict,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )

    def offboard(
        self,
        email: str,
        *,
        cascade: bool,
        dry_run: bool = True,
        allow_last_admin: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Offboarding:
        """Remove a person from every group that the token sees (listGroups, listGroupMemberships,
        listGroupUserOrgMemberships, deleteGroupMembership; the permissions of those).

        With `dry_run`, the default, it only reports what would go. With `cascade=True` the memberships of the
        organizations below go too; it has no default. A group whose members may not be read is reported. The last
        "Group Admin" of a group is not removed unless `allow_last_admin`. Raises `InvalidArgumentError` before
        anything is sent.

        Example:
            print(client.access.offboard("ada@example.com", cascade=True).collect())
        """
        return Offboarding(
            self._portal,
            self._async.offboard(
                email,
                cascade=cascade,
                dry_run=dry_run,
                allow_last_admin=allow_last_admin,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )


set_module("groups_sdk.access", globals(), ["Access"])
