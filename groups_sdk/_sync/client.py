"""The synchronous twin of groups_sdk._client.

Written by groups_sdk/_codegen: edit that module, then generate anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from groups_sdk._client import AsyncGroupsClient
from groups_sdk._credentials import Credentials
from groups_sdk._http.rate_limit import RateLimit
from groups_sdk._http.retries import RetryPolicy
from groups_sdk._operations import Parameter
from groups_sdk._pagination import Paginator
from groups_sdk._portal import SyncClient
from groups_sdk._responses import ApiResponse
from groups_sdk._settings import DEFAULT_API_VERSION, Region
from groups_sdk.models import Group, GroupMembership, OrgMembership, SsoConnection, SsoUser

if TYPE_CHECKING:
    import httpx

    from groups_sdk._sync.access import Access


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
        from groups_sdk._sync.access import Access

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
