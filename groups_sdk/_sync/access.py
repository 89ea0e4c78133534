"""The synchronous twin of groups_sdk.access._facade.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, timedelta

from groups_sdk._public import set_module
from groups_sdk._sync.changes import Changes
from groups_sdk._sync.deletions import Deletions
from groups_sdk._sync.offboarding import Offboarding
from groups_sdk._sync.review import ReviewStream
from groups_sdk._twins import SyncFacade
from groups_sdk.access._facade import AsyncAccess
from groups_sdk.access._hygiene.report import HygieneReport
from groups_sdk.access._migration.mapping import Mapped
from groups_sdk.access._migration.migrate import OnDifferentRole
from groups_sdk.access._migration.report import Migration
from groups_sdk.access._outcomes import Progress
from groups_sdk.access._people_file import People
from groups_sdk.access._plan.elevation import Elevation
from groups_sdk.access._plan.export import ExportResult
from groups_sdk.access._plan.formats import FileFormat
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._plan.sources import Desired
from groups_sdk.access._review.member import SSO_LOGIN_METHODS
from groups_sdk.access._review.report import Review
from groups_sdk.access._roles import ADMIN_ROLE, RoleCount
from groups_sdk.access._writing import AnyFile
from groups_sdk.models import GroupMembership, Role


class Access(SyncFacade[AsyncAccess]):
    """The jobs: from finding a member to planning, applying and offboarding. Reached as `client.access`.

    A person is given by their user id, membership id, email address or username. Addresses and usernames are the same
    when they differ only in the case of the letters A to Z. If somebody's address only looks like the given one, or
    several accounts have it, you get an `AmbiguousMatchError` that shows them. Display names never say who is to be
    changed. (A name is compared with those of all members, or in large groups with what the API's filters find: see
    `find_membership` and `update_memberships`.) Somebody is called "not a member" only after all members were listed.

    A role is given by its name ("Group Admin"), by its id, or as a `Role`. A name is looked up among the roles that
    members of the group have. If nobody has it, or several roles have this name, you get a `RoleChoiceError` with the
    choices before anything is changed. A role that nobody has yet is given by its id.

    All jobs that change something refuse (`ProtectedMemberError`, nothing is sent) to leave a group without an admin,
    unless `allow_last_admin`; to change `me`, unless `allow_self`; and to change anybody in `protect`. The API does
    not say whose the token is, so without `me` you are not protected. If `me` is not a member, you get a
    `MemberNotFoundError`. `admin_roles` are the roles that count as admin, by name or id.

    `concurrency` changes are sent at the same time. `on_progress` is called with a `Progress` as the work goes on, on
    the thread that the requests run on: it must be quick, and what it raises is logged. Besides the errors named here,
    each method raises those of the operations that it calls.

    Example:
        membership = client.access.find_membership(group_id, "ada@example.com")
    """

    def find_membership(
        self,
        group_id: str,
        person: str | None = None,
        *,
        email: str | None = None,
        user_id: str | None = None,
        username: str | None = None,
        name: str | None = None,
        display_names: bool = False,
    ) -> GroupMembership | None:
        """One person's membership of a group, or None (listGroupMemberships; group.membership.read).

        Give exactly one of `person` (a user id, membership id, email address or username), `email`, `user_id` (a
        UUID), `username` and `name` (the display name). An address is searched for among email addresses and
        usernames. People choose their own display names, so use `name` for reading only. The API's filters are tried
        first; None means that all members were listed and nobody fits. With `display_names`, a `person` whom nobody
        goes by is looked for among the display names, too, for reading only.

        In large groups a name is asked for as it is given and in lower case only: if the API's filter heeds case, a
        second account that has it in another spelling is not seen. User ids are safe.

        Raises `AmbiguousMatchError`, which lists them, when several members fit or one only looks alike,
        `IncompleteListingError` when the listing has fewer members than the API counts, and `InvalidArgumentError`
        before anything is sent.

        Example:
            membership = client.access.find_membership(group_id, "ada@example.com")
            print(membership.role.name if membership else "not a member")
        """
        return self._portal.call(
            self._async.find_membership,
            group_id,
            person,
            email=email,
            user_id=user_id,
            username=username,
            name=name,
            display_names=display_names,
        )

    def list_roles(self, group_id: str) -> list[RoleCount]:
        """The roles that members of a group have, the most frequent first (listGroupMemberships;
        group.membership.read).

        The API has no operation that lists roles, so all memberships are listed, 100 a request. Raises
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

        With `org_memberships`, each member's organizations below the group and the roles there too: one more request
        for each member, `concurrency` at a time (listGroupUserOrgMemberships; group.org.list). If that fails for one
        member, the error is in `ReviewedMember.org_error`, and the review goes on. After a 403 all other members get
        the same error without a request. 401, 410, 429 after its retries and planned maintenance end the review with
        their error.

        `sso_login_methods` are the login methods that count as single sign-on, compared without regard to the case
        of ASCII letters. Raises `InvalidArgumentError` before anything is sent.

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
        me: str | None = None,
        protect: Collection[str] = (),
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        allow_last_admin: bool = False,
        allow_self: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Changes:
        """Give members other roles (updateGroupUserMembership; group.membership.edit, group.membership.read).

        `changes` maps people to roles. People are looked up with the API's filters, or all members are listed once:
        whichever takes fewer requests. One person takes a handful of requests in a group of any size. In large groups
        a name is asked for as it is given and in lower case only, so a second account that has it in another spelling
        can be missed: give the user id if there may be one. A filter that finds nobody proves nothing: then all
        members are listed.

        A member who has the role already is "unchanged". Somebody who is not a member is "failed" with a
        `MemberNotFoundError`. Nothing is sent for either. Raises `InvalidArgumentError` when a person is given twice,
        and `AmbiguousMatchError` when it is not certain who is meant; then nothing is sent at all.

        Example:
            for outcome in client.access.update_memberships(group_id, {"ada@example.com": "Group Member"}):
                print(outcome)
        """
        return Changes(
            self._portal,
            self._async.update_memberships(
                group_id,
                changes,
                me=me,
                protect=protect,
                admin_roles=admin_roles,
                allow_last_admin=allow_last_admin,
                allow_self=allow_self,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )

    def delete_memberships(
        self,
        group_id: str,
        people: Iterable[str],
        *,
        cascade: bool,
        me: str | None = None,
        protect: Collection[str] = (),
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        allow_last_admin: bool = False,
        allow_self: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Changes:
        """Remove members from a group (deleteGroupMembership; group.membership.delete, group.membership.read).

        `cascade` has no default: True removes their memberships of the organizations below too. All members are
        listed first, because several accounts may have one name; people who are all given by their user ids are looked
        up by these where that takes fewer requests.

        Somebody who is not a member is "failed" with a `MemberNotFoundError`. If the listing has fewer members than
        the API counts, everybody who was given by name is "failed" with an `IncompleteListingError`. If the answer to
        a removal was not clear, it is "applied" only after all members were listed and they are gone. Raises
        `InvalidArgumentError` when a person is given twice, and `AmbiguousMatchError` when it is not certain who is
        meant; then nothing is sent at all.

        Example:
            outcomes = client.access.delete_memberships(group_id, ["ada@example.com"], cascade=True).collect()
        """
        return Changes(
            self._portal,
            self._async.delete_memberships(
                group_id,
                people,
                cascade=cascade,
                me=me,
                protect=protect,
                admin_roles=admin_roles,
                allow_last_admin=allow_last_admin,
                allow_self=allow_self,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )

    def export(self, group_id: str, path: AnyFile, *, file_format: FileFormat | None = None) -> ExportResult:
        """Write today's members and roles as a desired state (listGroupMemberships; group.membership.read).

        `path` may also be a text file that is open for writing, such as `sys.stdout`, which is written in a worker
        thread. The name says whether it becomes CSV, JSON, JSON lines or YAML (`.csv`, `.json`, `.jsonl`, `.yaml`),
        or `file_format` does. A plan of the file changes nothing; edit it, and the plan shows what you edited.

        Each row has the group, the user id and the role: its name, or its id if the name is not enough. The result
        says how many members were written. Its notes name those who could not be, such as a member whom the API lists
        without a user id.

        Raises `FileAccessError` when the file cannot be written and `InvalidArgumentError` for another kind of file,
        both before anything is sent, and `IncompleteListingError` when members may have been left out.

        Example:
            result = client.access.export(group_id, "members.csv")
            print(result)  # members.csv: 36 members
        """
        return self._portal.call(self._async.export, group_id, path, file_format=file_format)

    def plan(
        self,
        group_id: str | None,
        desired: Desired,
        *,
        prune: bool = False,
        cascade: bool | None = None,
        max_removals: int | None = None,
        allow_unresolved: Collection[str] = (),
        protect: Collection[str] = (),
        columns: Mapping[str, str] | None = None,
        email_column: str | None = None,
        role: str | Role | None = None,
        file_format: FileFormat | None = None,
        ending_within: timedelta | str | None = None,
    ) -> Plan:
        """What would have to change for groups to be as desired. It only reads (getGroup, listGroupMemberships;
        group.read, group.membership.read).

        `desired` maps people to roles, or is a list of rows such as `{"email": ..., "role": ...}`, or a file with
        either: its path, or an open file such as `sys.stdin`. Files are CSV (`.csv`, `.tsv`, `.txt`), JSON, JSON lines
        (`.jsonl`) or YAML (with the extra `yaml`). An export, a review (whose people and roles are taken by their ids)
        and a listing of members can be given as they are. If a file's name does not say its format, `file_format`
        does; without it, the content decides.

        Columns are email, username or user_id, and role or role_id. If the file calls them something else, `columns`
        says so: `{"email": "E-Mail", "role": "Rolle"}`; `email_column` is short for that of the email. With `role`,
        `desired` is a list of people who are all to have that role: one person a line, or rows without roles. A column
        or section `group` (id or name) makes one plan for several groups; then `group_id` may be None.

        With `prune`, members who are not mentioned are to be removed. `cascade` says whether their memberships of
        organizations below go too; if you do not give it here, you must give it to `apply`. A listing of members may
        have been filtered: if `prune` would remove anybody for not being in one, you get a `PlanError`.

        A row may say when its role ends: `until` is a date (over at its end in UTC) or a moment with its offset from
        UTC, and `then` the role afterwards, or "remove". From that moment on, by the clock of this machine, the row
        means what `then` says; `plan.ended` shows such people. `ending_within` (a `timedelta`, or a text such as "14d")
        shows in `plan.ending` what ends soon. Removals at the end of access count among `max_removals`, heed `protect`
        and need `cascade`, with `prune` or without. Nothing ends by itself: make a plan, and apply it.

        If a user id is given that no member has, that user is to be added. If no member has a given name, the group's
        SSO users are searched (group.sso.read, group.user.read). Somebody who is not there either is in `not_in_snyk`
        and is not added, because this API can only add users whose id is known.

        Raises `InvalidArgumentError`, which names the rows, for input that is not valid; and `AmbiguousMatchError`,
        which names rows and members, when it is not certain who is meant. With `prune`, raises `PlanError` while
        somebody is in `not_in_snyk` who is not named in `allow_unresolved`, and when more members would go than
        `max_removals` (by default a tenth of the group, at least 3 and at most 50); and `IncompleteListingError` when
        members may be missing from the listing. People in `protect` are never removed. Nor are members without email
        and username, unless every row has a user id.

        Example:
            plan = client.access.plan(group_id, {"ada@example.com": "Group Admin"})
            print(plan)
        """
        return self._portal.call(
            self._async.plan,
            group_id,
            desired,
            prune=prune,
            cascade=cascade,
            max_removals=max_removals,
            allow_unresolved=allow_unresolved,
            protect=protect,
            columns=columns,
            email_column=email_column,
            role=role,
            file_format=file_format,
            ending_within=ending_within,
        )

    def plan_migration(
        self,
        group_id: str,
        mapping: Mapped | None = None,
        *,
        from_domain: str | None = None,
        to_domain: str | None = None,
        on_different_role: OnDifferentRole = "report",
        allow_lost_orgs: bool | Collection[str] = False,
        cascade: bool | None = None,
        file_format: FileFormat | None = None,
    ) -> Migration:
        """How far a migration to new accounts is, and the plan of what can be done now. It only reads (getGroup,
        listGroupMemberships, listGroupSsoConnections, listGroupSsoConnectionUsers, listGroupUserOrgMemberships;
        group.read, group.membership.read, group.sso.read, group.user.read, group.org.list).

        `mapping` has the new account for each old one: a dict, rows such as `{"old": ..., "new": ...}`, or a file with
        either (CSV, JSON, JSON lines, YAML): its path, or the open file, whose format `file_format` says where the
        name does not. Or give `from_domain` and `to_domain`: everybody with an address in exactly that domain gets
        the same address in the other one.

        The plan gives the new account the role of the old one. The old membership is ended only while the new account
        is seen to be a member with that role: `apply` looks once more just before each removal. It is not ended while
        the old account has a membership of an organization that the new one does not have in the same role, or while
        that is not known, because this API cannot move those: `allow_lost_orgs` permits it, for everybody (True) or
        for those whom you name by their old account. If both accounts are members with different roles,
        `on_different_role` decides: "report" leaves both as they are, "copy" gives the new account the role of the old
        one, "keep" lets it keep its own. `cascade` is that of `plan`.

        Apply the plan, and make the migration again until it is `finished`: somebody who has not logged in with the
        new address yet is "waiting". If it is not certain who is meant, that person is "uncertain" and is not touched;
        the others go on. Raises `InvalidArgumentError`, which names the rows, for a mapping that is not valid, and
        `IncompleteListingError` when members may be missing from the listing.

        Example:
            migration = client.access.plan_migration(group_id, from_domain="old.test", to_domain="new.test")
            print(migration)
            client.access.apply(migration.plan, cascade=True, journal="migration.journal").collect()
        """
        return self._portal.call(
            self._async.plan_migration,
            group_id,
            mapping,
            from_domain=from_domain,
            to_domain=to_domain,
            on_different_role=on_different_role,
            allow_lost_orgs=allow_lost_orgs,
            cascade=cascade,
            file_format=file_format,
        )

    def plan_copy(self, group_id: str, from_person: str, to_person: str) -> Plan:
        """The plan that gives somebody the role that another member has. It only reads (getGroup,
        listGroupMemberships, listGroupSsoConnections, listGroupSsoConnectionUsers; group.read, group.membership.read,
        group.sso.read, group.user.read).

        `to_person` is added if they are no member yet and sign in by the group's SSO. If nobody is known by that name,
        they are in `not_in_snyk`. Memberships of organizations are not copied.

        Raises `MemberNotFoundError` when `from_person` is not a member, `AmbiguousMatchError` when it is not certain
        who is meant, `InvalidArgumentError` when both are one account, when `to_person` is a deactivated SSO user or is
        found by a name that an SSO user who cannot be seen may have too (give the user id), and when the API does not
        tell the role, and `IncompleteListingError` when members may be missing from the listing.

        Example:
            plan = client.access.plan_copy(group_id, "ada@example.com", "grace@example.com")
            client.access.apply(plan).collect()
        """
        return self._portal.call(self._async.plan_copy, group_id, from_person, to_person)

    def plan_handover(
        self, group_id: str, from_person: str, to_person: str, *, role_after: str | Role
    ) -> Plan:
        """The plan that hands a member's role over to somebody else. It only reads, with the operations and the
        permissions of `plan_copy`.

        `to_person` gets the role first. Only then, while they are seen to have it, `from_person` gets `role_after`,
        which has no default: `apply` looks just before that change. So if the first change fails, nothing is taken
        away. If nobody is known by the name of `to_person`, they are in `not_in_snyk`, and nothing is changed.

        Raises what `plan_copy` raises, `RoleChoiceError` when it is not clear which role `role_after` is, and
        `InvalidArgumentError` when `from_person` has that role already.

        Example:
            plan = client.access.plan_handover(
                group_id, "ada@example.com", "grace@example.com", role_after="Group Member"
            )
            client.access.apply(plan, journal="handover.journal").collect()
        """
        return self._portal.call(
            self._async.plan_handover, group_id, from_person, to_person, role_after=role_after
        )

    def elevate(
        self,
        group_id: str,
        person: str,
        path: str | os.PathLike[str],
        *,
        role: str | Role,
        lasting: str | timedelta | None = None,
        until: str | date | None = None,
        columns: Mapping[str, str] | None = None,
        email_column: str | None = None,
        file_format: FileFormat | None = None,
    ) -> Elevation:
        """Write into the file of a desired state that a member is to have another role for a while (getGroup,
        listGroupMemberships, listGroupSsoConnections, listGroupSsoConnectionUsers; group.read, group.membership.read,
        group.sso.read, group.user.read). Nobody's access is changed: plan and apply the file.

        `lasting` says for how long, from now by the clock of this machine: a `timedelta`, or a text such as "4h", "30d"
        or "P30D". Or `until` says when it ends: a date (over at its end in UTC), or a moment with its offset from UTC.

        If the file has a row for the member, by their own name or one that only the SSO has for them, that is changed,
        and the role that it gave becomes the one afterwards.
        Otherwise a row is added, and the role that they have now is the one afterwards. A row that ends already keeps
        what comes after, and can be given the same role for longer; another role is refused until it has ended.

        The rest of a CSV, JSON or JSON lines file stays as it is, with its encoding, delimiter and order. CSV gets the
        columns `until`, `then` and `then_id` where it has none. YAML is refused, with the entry to write by hand,
        because its comments would be lost. The new file takes the place of the old one at once.

        Raises `InvalidArgumentError` when the file cannot be read or cannot say it, `MemberNotFoundError` for somebody
        who is not a member, `AmbiguousMatchError` when it is not certain who is meant, `RoleChoiceError` for a role
        that nobody has, and `FileAccessError` when the file cannot be written or has changed meanwhile.

        Example:
            client.access.elevate(group_id, "ada@example.com", "group.csv", role="Group Admin", lasting="4h")
        """
        return self._portal.call(
            self._async.elevate,
            group_id,
            person,
            path,
            role=role,
            lasting=lasting,
            until=until,
            columns=columns,
            email_column=email_column,
            file_format=file_format,
        )

    def apply(
        self,
        plan: Plan,
        *,
        journal: str | os.PathLike[str] | None = None,
        cascade: bool | None = None,
        expect_digest: str | None = None,
        max_age: timedelta | float | None = None,
        group_id: str | None = None,
        me: str | None = None,
        protect: Collection[str] = (),
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        allow_last_admin: bool = False,
        allow_self: bool = False,
        allow_unknown_roles: bool = False,
        strict: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Changes:
        """Carry out a plan (listGroupMemberships, and the operations of its changes: createGroupMembership,
        updateGroupUserMembership, deleteGroupMembership; the permissions of those).

        Names in the plan are not trusted: people and roles are looked up by id, and shown as the API names them
        (`preview()`, `pending`). If a name in the plan differs from what the API says, a `PlanError` names the
        entries. The name of a role that nobody has cannot be checked, so it needs `allow_unknown_roles`.

        The members are looked at before the first change, again after a pause of more than ten seconds, and every five
        minutes: those of the plan by their user ids, where that takes fewer requests than listing all and shows them
        as the plan has them. A member who is as wanted already is "unchanged". One who has changed since the plan was
        made is "changed_since"; with `strict`, nothing is sent at all then. New admins come first and removals last.
        Removals are not begun if an addition has failed. A change that has one of the plan's `conditions` comes after
        those without, and is sent only if a look just before it shows that the condition holds. If the plan removes
        members and does not say `cascade`, give it here.

        Raises `PlanError` when the plan is for another API (`base_url`), not for `group_id`, has another digest than
        `expect_digest`, or is older than `max_age` (a `timedelta`, or seconds).

        `journal` is the path of a file to which a line is written before and after each change. After an
        interruption, apply the same plan with the same journal to go on: what was done is checked and not done again,
        what may have been done is looked up, and what failed is tried again. If something was done and has been
        changed since, it is "changed_since". The file is locked while it is in use. Raises `JournalError` when it is
        the journal of another plan, and `InvalidArgumentError` before anything is sent.

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
                expect_digest=expect_digest,
                max_age=max_age,
                group_id=group_id,
                me=me,
                protect=protect,
                admin_roles=admin_roles,
                allow_last_admin=allow_last_admin,
                allow_self=allow_self,
                allow_unknown_roles=allow_unknown_roles,
                strict=strict,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )

    def undo(
        self,
        journal: str | os.PathLike[str],
        plan: Plan,
        *,
        allow_admins: bool = False,
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
    ) -> Plan:
        """The plan that puts back what an apply has changed. It only reads (listGroupMemberships;
        group.membership.read).

        `journal` is the journal of the apply, and `plan` the plan that was applied. What somebody has changed since is
        left alone, with a note. Memberships of organizations that a removal took away do not come back: `notes` lists
        them. Nobody becomes an admin again without `allow_admins`.

        Raises `JournalError` when the journal is that of another plan, and `PlanError` when the plan is for another
        API.

        Example:
            undo = client.access.undo("plan.journal", plan)
            client.access.apply(undo, cascade=False, me="me@example.com").collect()
        """
        return self._portal.call(
            self._async.undo, journal, plan, allow_admins=allow_admins, admin_roles=admin_roles
        )

    def hygiene(
        self,
        group_id: str,
        *,
        org_memberships: bool = False,
        sso_login_methods: Collection[str] = SSO_LOGIN_METHODS,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> HygieneReport:
        """What is wrong with the members of a group: who does not log in by SSO, is deactivated as an SSO user, has
        several accounts under one address, or a role alone. It only reads
        (listGroupMemberships, listGroupSsoConnections, listGroupSsoConnectionUsers; group.membership.read,
        group.sso.read, group.user.read).

        With `org_memberships`, also who is in no organization below the group: one more request for each member,
        `concurrency` at a time (listGroupUserOrgMemberships; group.org.list), of which `on_progress` is told.
        `sso_login_methods` are the login methods that count as single sign-on, as in `review`.

        What cannot be read, such as the SSO users without the permission, is in the report's `unknown`, and never
        becomes a finding. A deactivated SSO user is matched to a member by the user id; one who only goes by the same
        name is a `hint`. `HygieneReport.plan` makes a plan of a report, by a `HygienePolicy`, for `apply`.

        Raises `InvalidArgumentError` before anything is sent, and the errors of listGroupMemberships. 401, 410, 429
        after its retries and planned maintenance end the look with their error.

        Example:
            report = client.access.hygiene(group_id)
            print(report)
        """
        return self._portal.call(
            self._async.hygiene,
            group_id,
            org_memberships=org_memberships,
            sso_login_methods=sso_login_methods,
            concurrency=concurrency,
            on_progress=on_progress,
        )

    def plan_restore(
        self,
        group_id: str,
        review: Review | str | os.PathLike[str],
        journals: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
        *,
        allow_admins: bool = False,
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        prune: bool = False,
        cascade: bool | None = None,
        max_removals: int | None = None,
        protect: Collection[str] = (),
    ) -> Plan:
        """The plan that makes a group again what a review says it was. It only reads (getGroup, listGroupMemberships,
        listGroupSsoConnections, listGroupSsoConnectionUsers; group.read, group.membership.read, group.sso.read,
        group.user.read).

        `review` is a `Review`, or the path of its file (.jsonl or .csv). Members of the review who are gone are to be
        added, and those with another role are to get their role back: whoever changed it. People who came since stay,
        unless `prune`, which has the rules of `plan` (`cascade`, `max_removals`, `protect`).

        `journals` are those of every `apply`, `offboard` and `delete_sso_users` since the review, one path or several.
        They say what this package has changed, and so what somebody else has; which accounts were deleted; and which
        organizations went with a removal.

        The `notes` of the plan that begin with "not restored: " say what does not come back: memberships of
        organizations; deleted accounts; people without a user id; roles whose id the review does not have; and people
        whose address is now that of another account, which is not added in their place. Nobody becomes an admin again
        without `allow_admins`. A role that nobody has any more needs `allow_unknown_roles` in `apply`.

        Raises `InvalidArgumentError` for a review of another group, or of nobody; `JournalError` for a journal that
        cannot be read; `PlanError` for a review of another API and, with `prune`, when the review does not say who all
        its members are or too many would go; and `IncompleteListingError` as `plan` does.

        Example:
            plan = client.access.plan_restore(group_id, "2025-10.jsonl", ["plan.journal"])
            print(plan)
        """
        return self._portal.call(
            self._async.plan_restore,
            group_id,
            review,
            journals,
            allow_admins=allow_admins,
            admin_roles=admin_roles,
            prune=prune,
            cascade=cascade,
            max_removals=max_removals,
            protect=protect,
        )

    def offboard(
        self,
        people: People,
        *,
        cascade: bool,
        dry_run: bool = True,
        all_accounts: bool = False,
        journal: str | os.PathLike[str] | None = None,
        me: str | None = None,
        protect: Collection[str] = (),
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        allow_last_admin: bool = False,
        allow_self: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Offboarding:
        """Remove people from every group that the token sees, and say what is left of them (listGroups,
        listGroupMemberships, listGroupUserOrgMemberships, listGroupSsoConnectionUsers, deleteGroupMembership; the
        permissions of those).

        `people` is one person, several, or a file with them: a `Path`, or an open file such as `sys.stdin`, with one
        person a line, or a table (CSV) with the column user_id, email or username. With `dry_run`, the default, it
        only reports what would be removed. `cascade` has no default: True removes the memberships of the organizations
        below too. If several accounts have one name, you get an `AmbiguousMatchError` that lists their user ids,
        unless `all_accounts`. The last admin of a group is "refused" there, and a group whose members cannot all be
        read is "unreadable"; the other groups go on. `journal` works as in `apply`.

        `collect()` reads every group again at the end: the report's `complete` is True only if everybody was found and
        no access is left. Accounts are never deleted; `sso_users` says which `delete_sso_user` calls would do that.

        Example:
            print(client.access.offboard("ada@example.com", cascade=True).collect())
        """
        return Offboarding(
            self._portal,
            self._async.offboard(
                people,
                cascade=cascade,
                dry_run=dry_run,
                all_accounts=all_accounts,
                journal=journal,
                me=me,
                protect=protect,
                admin_roles=admin_roles,
                allow_last_admin=allow_last_admin,
                allow_self=allow_self,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )

    def delete_sso_users(
        self,
        group_id: str,
        people: People,
        *,
        dry_run: bool = True,
        accounts: int | None = None,
        allow_unreadable_groups: bool = False,
        journal: str | os.PathLike[str] | None = None,
        me: str | None = None,
        protect: Collection[str] = (),
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        allow_last_admin: bool = False,
        allow_self: bool = False,
        concurrency: int = 10,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Deletions:
        """Delete the Snyk accounts of SSO users of a group: they go everywhere in Snyk, and their owners are emailed
        (deleteUser, listGroupSsoConnections, listGroupSsoConnectionUsers, listGroups, listGroupMemberships,
        listGroupUserOrgMemberships; group.sso.read, group.user.read, group.user.delete, group.membership.read,
        group.org.list).

        `people` is one person, several, or a file with them, as in `offboard`. They are looked for among the users of
        all SSO connections of the group, by user id, membership id, email address or username. If several accounts
        have one name, whether they are SSO users or members of a group, you get an `AmbiguousMatchError` that lists
        their user ids. With `dry_run`, the default, it only reports which accounts would be deleted, with their
        memberships in every group that the token sees.

        Deleting needs `accounts`, the number of accounts that you expect to be deleted; with another number nothing
        is sent. If the members of a group cannot all be read, it is not known what the accounts have there, and
        nothing is deleted unless `allow_unreadable_groups`. The last admin of any group is "refused". An account whose
        memberships have changed since they were looked at is "changed_since". After an unclear answer, "deleted" is
        said only when the SSO users were listed again and the account is gone. `journal` works as in `apply`; accounts
        that an earlier run with it has begun count among the `accounts`.

        Raises `IncompleteListingError` when members or SSO users cannot be read, `InvalidArgumentError` for another
        number of accounts, and whatever keeps the SSO users from being listed; then nothing is sent.

        Example:
            print(client.access.delete_sso_users(group_id, "ada@example.com").collect())
        """
        return Deletions(
            self._portal,
            self._async.delete_sso_users(
                group_id,
                people,
                dry_run=dry_run,
                accounts=accounts,
                allow_unreadable_groups=allow_unreadable_groups,
                journal=journal,
                me=me,
                protect=protect,
                admin_roles=admin_roles,
                allow_last_admin=allow_last_admin,
                allow_self=allow_self,
                concurrency=concurrency,
                on_progress=on_progress,
            ),
        )


set_module("groups_sdk.access", globals(), ["Access"])
