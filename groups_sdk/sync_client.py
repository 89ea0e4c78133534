"""The synchronous client.

Written by groups_sdk/_codegen from groups_sdk.client, groups_sdk.access.facade: edit that, then generate anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from groups_sdk.access.changes import Changes
from groups_sdk.access.facade import AsyncAccess
from groups_sdk.access.members import SSO_LOGIN_METHODS, RoleCount
from groups_sdk.access.offboarding import Offboarding
from groups_sdk.access.outcomes import Progress
from groups_sdk.access.plans import Plan
from groups_sdk.access.review import ReviewStream
from groups_sdk.auth import Credentials
from groups_sdk.client import AsyncGroupsClient
from groups_sdk.models import Group, GroupMembership, OrgMembership, Role, SsoConnection, SsoUser
from groups_sdk.operations import Parameter
from groups_sdk.pagination import Paginator
from groups_sdk.portal import SyncClient, SyncPart
from groups_sdk.rate_limit import RateLimit
from groups_sdk.responses import ApiResponse
from groups_sdk.retries import RetryPolicy
from groups_sdk.settings import DEFAULT_API_VERSION, Region

if TYPE_CHECKING:
    import httpx


class GroupsClient(SyncClient[AsyncGroupsClient]):
    """Snyk's Groups API, for synchronous code: each call waits for its answer.

    `token` is an API token or personal access token, or a credentials object (`ApiToken`, `BearerToken`,
    `OAuthClientCredentials`); by default it comes from `SNYK_OAUTH_TOKEN` or `SNYK_TOKEN`, or from the Snyk CLI's
    configuration. `region` is a `Region` or its name ("SNYK-EU-01"); `base_url` is for hosts that are no region.
    Plain http is refused except to loopback, unless `allow_http` is True. `timeout` bounds one attempt and `deadline`
    one whole call with its retries and waits (a listing: one page), both in seconds; None means no bound. `retries`
    and `rate_limit` are policies; `rate_limit=None` switches the limiter off. At most `max_connections` requests are
    under way at once. `transport` is an asynchronous httpx transport to use instead of the network, `http_client` an
    `httpx.AsyncClient` of yours, which stays open when this client closes. `on_response` is called with an
    `ApiResponse` for every answer. `user_agent` is put in front of this package's own. An answer larger than
    `max_response_bytes`, once decompressed, is refused.

    The client is safe to share between threads; use it as a context manager, or call `close()`.
    Every method that talks to the API can raise `TransportError`, `ApiError`, `DecodeError` and `ClientClosedError`
    (all of them `GroupsError`). Raises `ConfigurationError` when the settings will not do.

    The calls run on an event loop in a thread of its own, which starts with the first call and is shared by all
    clients. `backend` ("asyncio" or "trio") and `backend_options` (those of `anyio.run`) choose it. A forked
    process goes on with connections of its own, unless a `transport` or `http_client` was handed in. Ctrl-C
    cancels the call that it interrupts.

    Example:
        with GroupsClient() as client:
            for group in client.list_groups():
                print(group.id, group.name)
    """

    def __init__(
        self,
        token: str | Credentials | None = None,
        *,
        region: Region | str | None = None,
        base_url: str | None = None,
        api_version: str = DEFAULT_API_VERSION,
        timeout: float | None = 30.0,
        deadline: float | None = 300.0,
        retries: RetryPolicy = RetryPolicy(),
        rate_limit: RateLimit | None = RateLimit(),
        max_connections: int = 10,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
        on_response: Callable[[ApiResponse], object] | None = None,
        user_agent: str | None = None,
        max_response_bytes: int = 64 * 1024 * 1024,
        allow_http: bool = False,
        backend: str = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
    ) -> None:
        given = [token]
        del token  # so that a traceback with locals does not show it
        super().__init__(
            AsyncGroupsClient(
                given.pop(),
                region=region,
                base_url=base_url,
                api_version=api_version,
                timeout=timeout,
                deadline=deadline,
                retries=retries,
                rate_limit=rate_limit,
                max_connections=max_connections,
                transport=transport,
                http_client=http_client,
                on_response=on_response,
                user_agent=user_agent,
                max_response_bytes=max_response_bytes,
                allow_http=allow_http,
            ),
            backend=backend,
            backend_options=backend_options,
            forkable=transport is None and http_client is None,
        )

    @property
    def base_url(self) -> str:
        """The base URL that requests go to, such as `https://api.snyk.io/rest`."""
        return self._async.base_url

    @property
    def access(self) -> Access:
        """The jobs that are built on the operations: find, review, change in bulk, plan and apply, offboard.

        Example:
            review = client.access.review(group_id).collect()
        """
        return Access(self._portal, lambda: self._async.access)

    def with_options(
        self,
        *,
        api_version: str | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        retries: RetryPolicy | None = None,
        on_response: Callable[[ApiResponse], object] | None = None,
    ) -> Self:
        """A copy with other options that shares connections, limits and credentials with this client.

        What is None stays as it is. The copy need not be closed; it ends with the client that it was made from.
        Raises `ConfigurationError` for options that will not do.

        Example:
            patient = client.with_options(deadline=900)
        """
        return self._copy(
            lambda client: client.with_options(
                api_version=api_version,
                timeout=timeout,
                deadline=deadline,
                retries=retries,
                on_response=on_response,
            )
        )

    def list_groups(
        self, *, limit: int = 100, starting_after: str | None = None, ending_before: str | None = None
    ) -> Paginator[Group]:
        """The groups that the token's owner belongs to (listGroups; any authenticated user).

        `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an earlier
        page (`page.next_cursor`, `page.prev_cursor`); give one of them at most.
        Raises `InvalidArgumentError` before anything is sent.

        Example:
            groups = client.list_groups().collect()
        """
        return Paginator(
            self._portal,
            self._async.list_groups(limit=limit, starting_after=starting_after, ending_before=ending_before),
        )

    def get_group(self, group_id: str) -> Group:
        """One group with all its details (getGroup; permission group.read).

        Raises `NotFoundError` when there is no such group or the token's owner may not see it, and
        `InvalidArgumentError` when `group_id` is not a UUID.

        Example:
            group = client.get_group(group_id)
        """
        return self._portal.call(self._async.get_group, group_id)

    def list_memberships(
        self,
        group_id: str,
        *,
        email: str | None = None,
        user_id: str | None = None,
        username: str | None = None,
        role_name: str | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        include_group_membership_count: bool | None = None,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Paginator[GroupMembership]:
        """The memberships of a group: who, with which role (listGroupMemberships; group.membership.read).

        `email`, `user_id`, `username` and `role_name` narrow the listing down. `sort_by` is username,
        user_display_name, email, login_method or role_name; `sort_order` ASC or DESC (the API's default is DESC).
        While memberships change, only the default order promises that each is listed exactly once.
        `include_group_membership_count` fills in `group_membership_count`. `limit` is the size of a page: 10, 20, ...
        100. `starting_after` and `ending_before` are cursors of an earlier page; give one of them at most.
        Raises `InvalidArgumentError` before anything is sent.

        Example:
            for membership in client.list_memberships(group_id, role_name="Group Admin", sort_by="email"):
                print(membership.user.email, membership.role.name, membership.created_at)
        """
        return Paginator(
            self._portal,
            self._async.list_memberships(
                group_id,
                email=email,
                user_id=user_id,
                username=username,
                role_name=role_name,
                sort_by=sort_by,
                sort_order=sort_order,
                include_group_membership_count=include_group_membership_count,
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
            ),
        )

    def update_membership(self, group_id: str, membership_id: str, *, role_id: str) -> None:
        """Give a member another role (updateGroupUserMembership; group.membership.edit).

        `role_id` is the id of a group role: `membership.role.id` of any member that has it. Repeated when no answer
        comes, since setting a role twice does no harm. Raises `NotFoundError` when the group has no such membership,
        `InvalidArgumentError` when an id is not a UUID.

        Example:
            client.update_membership(group_id, membership_id, role_id=role_id)
        """
        self._portal.call(self._async.update_membership, group_id, membership_id, role_id=role_id)

    def delete_membership(self, group_id: str, membership_id: str, *, cascade: bool | None = None) -> None:
        """Remove a member from the group (deleteGroupMembership; group.membership.delete).

        With `cascade=True` their memberships of the organizations below go too. What the API does without it while
        there are any is not documented; expect a `ConflictError`. Repeated when no answer comes; when the repetition
        then meets 404, the first one had done it, and that counts as done. Raises `NotFoundError` when the group has
        no such membership, `InvalidArgumentError` when an id is not a UUID.

        Example:
            client.delete_membership(group_id, membership_id, cascade=True)
        """
        self._portal.call(self._async.delete_membership, group_id, membership_id, cascade=cascade)

    def create_membership(self, group_id: str, *, user_id: str, role_id: str) -> GroupMembership:
        """Make a user, who is in Snyk already, a member (createGroupMembership; group.membership.add).

        Not repeated once it may have reached the API: a `TransportError` whose `sent` is True, or a `ServerError`,
        means that it may have been done. Raises `ConflictError` when the user is a member already,
        `InvalidArgumentError` when an id is not a UUID.

        Example:
            membership = client.create_membership(group_id, user_id=user_id, role_id=role_id)
        """
        return self._portal.call(self._async.create_membership, group_id, user_id=user_id, role_id=role_id)

    def list_org_memberships(
        self,
        group_id: str,
        *,
        user_id: str,
        org_name: str | None = None,
        role_name: str | None = None,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Paginator[OrgMembership]:
        """One user's memberships of the organizations below a group (listGroupUserOrgMemberships).

        Wants the permissions group.membership.read and group.org.list. `org_name` and `role_name` narrow the listing
        down. `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an
        earlier page; give one of them at most. Raises `InvalidArgumentError` before anything is sent.

        Example:
            for membership in client.list_org_memberships(group_id, user_id=user_id):
                print(membership.org.name, membership.role.name)
        """
        return Paginator(
            self._portal,
            self._async.list_org_memberships(
                group_id,
                user_id=user_id,
                org_name=org_name,
                role_name=role_name,
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
            ),
        )

    def list_sso_connections(
        self,
        group_id: str,
        *,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Paginator[SsoConnection]:
        """The single sign-on connections of a group (listGroupSsoConnections; group.sso.read).

        `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an earlier
        page; give one of them at most. Raises `InvalidArgumentError` before anything is sent.

        Example:
            connections = client.list_sso_connections(group_id).collect()
        """
        return Paginator(
            self._portal,
            self._async.list_sso_connections(
                group_id, limit=limit, starting_after=starting_after, ending_before=ending_before
            ),
        )

    def list_sso_users(
        self,
        group_id: str,
        sso_id: str,
        *,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
    ) -> Paginator[SsoUser]:
        """The users of a single sign-on connection (listGroupSsoConnectionUsers).

        Wants the permissions group.sso.read and group.user.read. `limit` is the size of a page: 10, 20, ... 100.
        `starting_after` and `ending_before` are cursors of an earlier page; give one of them at most. Raises
        `InvalidArgumentError` before anything is sent.

        Example:
            for user in client.list_sso_users(group_id, sso_id):
                print(user.email, user.active)
        """
        return Paginator(
            self._portal,
            self._async.list_sso_users(
                group_id, sso_id, limit=limit, starting_after=starting_after, ending_before=ending_before
            ),
        )

    def delete_sso_user(self, group_id: str, sso_id: str, user_id: str) -> None:
        """Remove a user of a single sign-on connection from Snyk altogether (deleteUser).

        Not only from this group: the account goes, and its owner is emailed. Wants the permissions group.sso.read
        and group.user.delete. Repeated when no answer comes, as `delete_membership` is. Raises `NotFoundError` when
        the connection has no such user, `InvalidArgumentError` when an id is not a UUID.

        Example:
            client.delete_sso_user(group_id, sso_id, user_id)
        """
        self._portal.call(self._async.delete_sso_user, group_id, sso_id, user_id)

    def request(
        self, method: str, path: str, *, params: Mapping[str, Parameter] | None = None, json: Any = None
    ) -> ApiResponse:
        """Any other call of the API, with this client's credentials, limits, retries and errors.

        `path` is below the base URL ("/groups/..."), `params` its query (booleans are sent as true and false, None is
        left out; `version` is added), `json` a body to be sent as JSON. GET, PUT and DELETE are repeated when no
        answer comes, POST and PATCH are not. Returns the successful answer; raises `ApiError` for any other, and
        `InvalidArgumentError` for a path that leads elsewhere.

        Example:
            response = client.request("GET", "/self")
            print(response.json())
        """
        return self._portal.call(self._async.request, method, path, params=params, json=json)


class Access(SyncPart[AsyncAccess]):
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
