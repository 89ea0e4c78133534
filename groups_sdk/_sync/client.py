"""The synchronous twin of groups_sdk._client.

Written by groups_sdk/_codegen: edit that module, then run `nox -s generate`.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from groups_sdk._arguments import OnDecodeError, SortBy, SortOrder
from groups_sdk._base_urls import Region
from groups_sdk._client import AsyncGroupsClient
from groups_sdk._credentials import Credentials
from groups_sdk._http.call_summary import CallSummary
from groups_sdk._http.observers import Wait
from groups_sdk._http.options import UNSET, Unset
from groups_sdk._http.rate_limit import RateLimit
from groups_sdk._http.retries import RetryPolicy
from groups_sdk._operations import Parameter
from groups_sdk._portal import Portal
from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse
from groups_sdk._settings import DEFAULT_API_VERSION
from groups_sdk._sync.pagination import Paginator
from groups_sdk._twins import SyncClient
from groups_sdk.models import Group, GroupMembership, OrgMembership, SsoConnection, SsoUser

if TYPE_CHECKING:
    from groups_sdk._http.library import HttpClient, Transport
    from groups_sdk._sync.access import Access


class GroupsClient(SyncClient[AsyncGroupsClient]):
    """The client for the Snyk Groups API, for synchronous code: each call waits for its answer.

    `token` is an API token or personal access token, an OAuth access token that is a JWT, or a credentials object
    (`ApiToken`, `BearerToken`, `OAuthClientCredentials`, `SnykCliCredentials`). By default it is the first that is set
    of `SNYK_OAUTH_CLIENT_ID` with `SNYK_OAUTH_CLIENT_SECRET`, `SNYK_OAUTH_TOKEN`, `SNYK_TOKEN`, `SNYK_CFG_API`, and
    `api` in the Snyk CLI's configuration. `region` is a `Region` or its name ("SNYK-EU-01"); use `base_url` for a host
    that is not a region. By default it is `SNYK_API`, `SNYK_CFG_ENDPOINT`, `endpoint` in the Snyk CLI's configuration,
    the region that the token names, or SNYK-US-01. Plain http is only accepted for this machine, unless `allow_http` is
    True. `api_version` is a date such as "2025-11-05".

    `timeout` limits one attempt, and `deadline` a whole call with its retries and waits (in a listing: one page), both
    in seconds; None means no limit. `retries` and `rate_limit` are policies; None turns retries or rate limiting off.
    At most `max_connections` requests run at the same time. `user_agent` is put in front of this package's own. An
    answer of more than `max_response_bytes`, before or after decompression, is a `DecodeError`, and is not read to its
    end. The default is 8 MiB; a page of 100 memberships has some 60 KiB.

    `on_response` is called with an `ApiResponse` for every answer, and `on_wait` with a `Wait` when a call begins to
    wait for something other than its answer: for the rate limit, because the API asked for it, or before a retry. A
    pause that holds up the whole client is told once, not for each call, and waits for the rate limit only from two
    seconds up. `on_call` is called with a `CallSummary` when a call has ended, however it did: for metrics. All hooks
    are plain functions, called on the thread that the requests run on: they must be quick, and are not awaited. What
    they raise is logged, and no call loses its outcome to it.

    `proxy` is the URL of a proxy, such as "http://user:password@proxy.example.com:8080"; an empty string means none.
    `verify` is a file or folder with the certificates of the authorities to trust, or an `ssl.SSLContext`, and `cert`
    the client's own certificate: a PEM file, or a tuple of file and key, or of file, key and password. By default the
    environment says (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and others), which is read when the client is made.

    `transport` is an asynchronous transport that replaces the network, such as an `httpx.AsyncHTTPTransport`.
    `http_client` is an `httpx.AsyncClient` of yours to send the requests with; it is not closed when this client is.
    Both may be of httpx2 too.

    The client can be shared between threads. Use it as a context manager, or call `close()`.
    Every method that calls the API can raise `TransportError`, `ApiError`, `DecodeError` and `ClientClosedError`, which
    are all `GroupsError`s. Raises `ConfigurationError` when there is no token or a setting is not valid.

    The calls run on an event loop in a thread of its own, which starts with the first call and is shared by all
    clients. `backend` ("asyncio" or "trio") and `backend_options` (those of `anyio.run`) choose it. A forked
    process goes on with connections of its own, unless a `transport` or `http_client` was handed in. Ctrl-C
    cancels the call that it interrupts. Hooks run in that thread too, not in yours, and cannot make calls.

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
        retries: RetryPolicy | None = RetryPolicy(),
        rate_limit: RateLimit | None = RateLimit(),
        max_connections: int = 10,
        proxy: str | None = None,
        verify: ssl.SSLContext | str | os.PathLike[str] | None = None,
        cert: str
        | os.PathLike[str]
        | tuple[str | os.PathLike[str], str | os.PathLike[str]]
        | tuple[str | os.PathLike[str], str | os.PathLike[str], str]
        | None = None,
        transport: Transport | None = None,
        http_client: HttpClient | None = None,
        on_response: Callable[[ApiResponse], object] | None = None,
        on_wait: Callable[[Wait], object] | None = None,
        on_call: Callable[[CallSummary], object] | None = None,
        user_agent: str | None = None,
        max_response_bytes: int = 8 * 1024 * 1024,
        allow_http: bool = False,
        backend: str = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
    ) -> None:
        given: dict[str, Any] = {"token": token, "proxy": proxy, "cert": cert}
        del token, proxy, cert  # so that a traceback with locals does not show what is secret
        client = AsyncGroupsClient(
            given.pop("token"),
            region=region,
            base_url=base_url,
            api_version=api_version,
            timeout=timeout,
            deadline=deadline,
            retries=retries,
            rate_limit=rate_limit,
            max_connections=max_connections,
            proxy=given.pop("proxy"),
            verify=verify,
            cert=given.pop("cert"),
            transport=transport,
            http_client=http_client,
            on_response=on_response,
            on_wait=on_wait,
            on_call=on_call,
            user_agent=user_agent,
            max_response_bytes=max_response_bytes,
            allow_http=allow_http,
        )
        forkable = transport is None and http_client is None
        super().__init__(Portal(client, backend=backend, backend_options=backend_options, forkable=forkable))

    @property
    def base_url(self) -> str:
        """The base URL that requests are sent to, such as `https://api.snyk.io/rest`."""
        return self._async.base_url

    @property
    def api_version(self) -> str:
        """The version of the API that requests ask for, such as `2025-11-05`."""
        return self._async.api_version

    @property
    def access(self) -> Access:
        """Everyday jobs, built on the operations: find, review, change many members, plan and apply, offboard.

        Example:
            review = client.access.review(group_id).collect()
        """
        from groups_sdk._sync.access import Access

        return Access(self._portal, lambda: self._async.access)

    def with_options(
        self,
        *,
        api_version: str | Unset = UNSET,
        timeout: float | Unset | None = UNSET,
        deadline: float | Unset | None = UNSET,
        retries: RetryPolicy | Unset | None = UNSET,
        on_response: Callable[[ApiResponse], object] | Unset | None = UNSET,
        on_wait: Callable[[Wait], object] | Unset | None = UNSET,
        on_call: Callable[[CallSummary], object] | Unset | None = UNSET,
    ) -> Self:
        """A copy of this client with other options. It shares the connections, rate limit and credentials.

        An option that is not given keeps its value. None means what it means when a client is made: no time limit, no
        retries, no hook. The copy need not be closed: it is closed with the client that it was
        made from. Raises `ConfigurationError` when an option is not valid.

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
                on_wait=on_wait,
                on_call=on_call,
            )
        )

    def list_groups(
        self,
        *,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
        on_decode_error: OnDecodeError = "raise",
    ) -> Paginator[Group]:
        """The groups that the token's owner belongs to, with id and name (listGroups). Needs no permission.

        `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an earlier
        page (`page.next_cursor`, `page.prev_cursor`); give at most one of them. A record that cannot be decoded is a
        `DecodeError`; with `on_decode_error="skip"` it is left out, logged, and found in `page.problems` and in the
        listing's `problems`. Raises `InvalidArgumentError` at once when an argument is not valid.

        Example:
            groups = client.list_groups().collect()
        """
        return Paginator(
            self._portal,
            self._async.list_groups(
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
                on_decode_error=on_decode_error,
            ),
        )

    def get_group(self, group_id: str) -> Group:
        """One group with all its fields (getGroup). Needs the permission group.read.

        Raises `NotFoundError` when the group does not exist or the token's owner may not see it, and
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
        sort_by: SortBy | None = None,
        sort_order: SortOrder | None = None,
        include_group_membership_count: bool | None = None,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
        on_decode_error: OnDecodeError = "raise",
    ) -> Paginator[GroupMembership]:
        """The memberships of a group: who has which role (listGroupMemberships). Needs group.membership.read.

        `email`, `user_id`, `username` and `role_name` list only the memberships that match all of them. `sort_by` is
        "username", "user_display_name", "email", "login_method" or "role_name", and `sort_order` "ASC" or "DESC" (the
        API's default). While memberships change, only a listing without `sort_by` is sure to contain each of them once.
        `include_group_membership_count=True` fills in `group_membership_count`. `limit` is the size of a page: 10, 20,
        ... 100. `starting_after` and `ending_before` are cursors of an earlier page; give at most one of them. With
        `on_decode_error="skip"` a record that cannot be decoded is no `DecodeError`: it is left out, logged, and found
        in `page.problems` and in the listing's `problems`. Raises `InvalidArgumentError` at once when an argument is
        not valid.

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
                on_decode_error=on_decode_error,
            ),
        )

    def update_membership(self, group_id: str, membership_id: str, *, role_id: str) -> None:
        """Give a member another role (updateGroupUserMembership). Needs the permission group.membership.edit.

        `role_id` is the id of a group role: the `membership.role.id` of any member who has it. The request is retried
        when no answer comes, since setting a role twice does no harm. Raises `NotFoundError` when the group has no such
        membership, and `InvalidArgumentError` when an id is not a UUID.

        Example:
            client.update_membership(group_id, membership_id, role_id=role_id)
        """
        self._portal.call(self._async.update_membership, group_id, membership_id, role_id=role_id)

    def delete_membership(
        self, group_id: str, membership_id: str, *, cascade: bool | None = None, accept_missing: bool = True
    ) -> None:
        """Remove a member from the group (deleteGroupMembership). Needs the permission group.membership.delete.

        `cascade=True` removes their memberships of the group's organizations too. What the API does without it, when
        there are any, is not documented; expect a `ConflictError`. The request is retried when no answer comes. If the
        retry then gets a 404 from the API itself, the call succeeds, since the first attempt must have removed the
        member; `accept_missing=False` raises here too. Raises `NotFoundError` when the group has no such membership.
        Its `maybe_applied` is True when an earlier attempt may have removed the member: list the members to know.
        Raises `InvalidArgumentError` when an id is not a UUID.

        Example:
            client.delete_membership(group_id, membership_id, cascade=True)
        """
        self._portal.call(
            self._async.delete_membership,
            group_id,
            membership_id,
            cascade=cascade,
            accept_missing=accept_missing,
        )

    def create_membership(self, group_id: str, *, user_id: str, role_id: str) -> GroupMembership:
        """Add a user of Snyk to the group, and return the membership (createGroupMembership).

        Needs the permission group.membership.add. The request is not retried once it may have reached the API: after a
        `TransportError` or a `ServerError` with `maybe_applied` the user may or may not have been added. Raises
        `ConflictError` when the user is a member already, and `InvalidArgumentError` when an id is not a UUID.

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
        on_decode_error: OnDecodeError = "raise",
    ) -> Paginator[OrgMembership]:
        """One user's memberships of the organizations in a group (listGroupUserOrgMemberships).

        Needs the permissions group.membership.read and group.org.list. `org_name` and `role_name` list only the
        memberships that match both. `limit` is the size of a page: 10, 20, ... 100. `starting_after` and
        `ending_before` are cursors of an earlier page; give at most one of them. `on_decode_error` is that of
        `list_memberships`. Raises `InvalidArgumentError` at once when an argument is not valid.

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
                on_decode_error=on_decode_error,
            ),
        )

    def list_sso_connections(
        self,
        group_id: str,
        *,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
        on_decode_error: OnDecodeError = "raise",
    ) -> Paginator[SsoConnection]:
        """The single sign-on connections of a group (listGroupSsoConnections). Needs the permission group.sso.read.

        `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an earlier
        page; give at most one of them. `on_decode_error` is that of `list_memberships`. Raises `InvalidArgumentError`
        at once when an argument is not valid.

        Example:
            connections = client.list_sso_connections(group_id).collect()
        """
        return Paginator(
            self._portal,
            self._async.list_sso_connections(
                group_id,
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
                on_decode_error=on_decode_error,
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
        on_decode_error: OnDecodeError = "raise",
    ) -> Paginator[SsoUser]:
        """The users of a single sign-on connection (listGroupSsoConnectionUsers).

        Needs the permissions group.sso.read and group.user.read. `limit` is the size of a page: 10, 20, ... 100.
        `starting_after` and `ending_before` are cursors of an earlier page; give at most one of them. `on_decode_error`
        is that of `list_memberships`. Raises `InvalidArgumentError` at once when an argument is not valid.

        Example:
            for user in client.list_sso_users(group_id, sso_id):
                print(user.email, user.active)
        """
        return Paginator(
            self._portal,
            self._async.list_sso_users(
                group_id,
                sso_id,
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
                on_decode_error=on_decode_error,
            ),
        )

    def delete_sso_user(
        self, group_id: str, sso_id: str, user_id: str, *, accept_missing: bool = True
    ) -> None:
        """Delete the Snyk account of a user of a single sign-on connection (deleteUser).

        This deletes the account itself, not only the membership of this group, and the user is notified by email. Needs
        the permissions group.sso.read and group.user.delete. The request is retried when no answer comes; a 404 to the
        retry, and `accept_missing`, count as in `delete_membership`. Raises `NotFoundError` when the connection has no
        such user, and `InvalidArgumentError` when an id is not a UUID.

        Example:
            client.delete_sso_user(group_id, sso_id, user_id)
        """
        self._portal.call(
            self._async.delete_sso_user, group_id, sso_id, user_id, accept_missing=accept_missing
        )

    def request(
        self, method: str, path: str, *, params: Mapping[str, Parameter] | None = None, json: Any = None
    ) -> ApiResponse:
        """Call any other operation of the API, and return its answer.

        It uses this client's credentials, rate limit and retries. `method` is GET, POST, PATCH, PUT or DELETE. `path`
        is relative to the base URL ("/groups/..."), and percent-encoded; what could lead elsewhere, once or several
        times decoded, is refused: `..`, `//`, a backslash, `;`, `?`, `#`, control characters. `params` is the query, of
        strings, whole numbers and booleans: these are sent as true and false, None is left out, and `version` is
        added. `json` is sent as the body. GET, PUT and DELETE are retried when no answer
        comes, POST and PATCH are not; a 404 to the retry of a DELETE raises `NotFoundError` with `maybe_applied`.
        Raises `ApiError` for an error status, and `InvalidArgumentError` at once when an
        argument is not valid.

        Example:
            response = client.request("GET", "/self")
            print(response.json())
        """
        return self._portal.call(self._async.request, method, path, params=params, json=json)


set_module("groups_sdk", globals(), ["GroupsClient"])
