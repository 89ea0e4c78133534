"""The asynchronous client: one short method for each operation of the API."""

from __future__ import annotations

import json
import logging
import os
import platform
import ssl
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk import _operations as operations
from groups_sdk._arguments import OnDecodeError, SortBy, SortOrder
from groups_sdk._base_urls import Region
from groups_sdk._credentials import Credentials
from groups_sdk._http.call import Caller
from groups_sdk._http.call_summary import CallSummary
from groups_sdk._http.connections import ConnectionPool
from groups_sdk._http.environment import argument
from groups_sdk._http.network import resolve_network
from groups_sdk._http.observers import Wait, WaitObserver
from groups_sdk._http.options import UNSET, CallOptions, Unset, given
from groups_sdk._http.rate_limit import RateLimit
from groups_sdk._http.retries import NO_RETRIES, RetryPolicy
from groups_sdk._http.tls import read_certificate
from groups_sdk._jsonapi import decode_one, membership_creation, open_page, role_change
from groups_sdk._misuse import refuse
from groups_sdk._operations import Operation, Parameter, Request
from groups_sdk._pages import FetchedPage, Page
from groups_sdk._pagination import AsyncPaginator
from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse
from groups_sdk._settings import DEFAULT_API_VERSION, check_api_version, resolve
from groups_sdk._version import __version__
from groups_sdk.errors import InvalidArgumentError, NotFoundError
from groups_sdk.models import Group, GroupMembership, OrgMembership, SsoConnection, SsoUser

if TYPE_CHECKING:
    from groups_sdk._http.library import HttpClient, Transport
    from groups_sdk.access._facade import AsyncAccess

__all__ = ["AsyncGroupsClient"]

T = TypeVar("T")

_FILTERS = ("email", "username", "role_name", "org_name")
_PROBLEMS_LOGGED = 10  # of each page
logger: logging.Logger = logging.getLogger("groups_sdk")


class AsyncGroupsClient:
    """The client for the Snyk Groups API, asynchronously, on asyncio or trio.

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

    The client can be shared between tasks of one event loop. Use it as a context manager, or call `aclose()`.
    Every method that calls the API can raise `TransportError`, `ApiError`, `DecodeError` and `ClientClosedError`, which
    are all `GroupsError`s. Raises `ConfigurationError` when there is no token or a setting is not valid.

    When its event loop has ended, a client that was not closed goes on with the next one: with new connections, but
    with its access token, and the rate limit counts on. While the loop exists, calls on another one raise
    `ClientClosedError`: use `detached()` there. So they do when a `http_client` or a transport was passed,
    which may keep connections of a loop that has ended; only `httpx.MockTransport` and `httpx.ASGITransport` keep none.

    Example:
        async with AsyncGroupsClient() as client:
            async for group in client.list_groups():
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
        retries: RetryPolicy | None = RetryPolicy(),  # noqa: B008 - frozen
        rate_limit: RateLimit | None = RateLimit(),  # noqa: B008 - frozen
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
    ) -> None:
        given: Iterator[Any] = iter((token, proxy, cert))
        del token, proxy, cert  # so that a traceback with locals does not show them
        settings = resolve(next(given), region, base_url, api_version, allow_http=allow_http)
        own = f"groups_sdk/{__version__} python/{platform.python_version()} {sys.platform}"
        options = CallOptions(
            api_version=settings.api_version,
            timeout=timeout,
            deadline=deadline,
            retries=NO_RETRIES if retries is None else retries,
            on_response=on_response,
            on_call=on_call,
            waits=None if on_wait is None else WaitObserver(on_wait),
            user_agent=f"{user_agent} {own}" if user_agent else own,
            max_response_bytes=max_response_bytes,
        )
        self._original: Self | None = None
        network = resolve_network(
            settings,
            argument("proxy", next(given)),
            verify,
            read_certificate(next(given)),
            allow_http=allow_http,
            handed_in={"transport": transport, "http_client": http_client},
        )
        pool = ConnectionPool(
            settings,
            rate_limit=rate_limit,
            max_connections=max_connections,
            transport=transport,
            http_client=http_client,
            network=network,
        )
        self._caller = Caller(pool, options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Calls that are still running end with a `ClientClosedError`.

        Closing a closed client does nothing. Raises `ClientClosedError` when called on another event loop than the one
        that the client was used on, while that loop is still running.
        """
        if self._original is None:
            await self._caller.pool.aclose()

    def __del__(self) -> None:
        caller: Caller | None = getattr(self, "_caller", None)
        if caller is None or self._original is not None:
            return
        if caller.pool.in_use and not sys.is_finalizing():
            caller.pool.abandon()
            warnings.warn(f"unclosed client {self!r}", ResourceWarning, source=self, stacklevel=1)

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a client can be neither pickled nor copied: make one in each process; with_options() gives a copy that "
            "shares its connections, and detached() one for another event loop"
        )

    def __repr__(self) -> str:
        if not hasattr(self, "_caller"):
            return f"{type(self).__name__}(not set up)"
        settings = self._caller.pool.settings
        return f"{type(self).__name__}({settings.credentials!r}, base_url={settings.base_url!r})"

    @property
    def base_url(self) -> str:
        """The base URL that requests are sent to, such as `https://api.snyk.io/rest`."""
        return self._caller.pool.settings.base_url

    @property
    def api_version(self) -> str:
        """The version of the API that requests ask for, such as `2025-11-05`."""
        return self._caller.options.api_version

    @property
    def access(self) -> AsyncAccess:
        """Everyday jobs, built on the operations: find, review, change many members, plan and apply, offboard.

        Example:
            review = await client.access.review(group_id).collect()
        """
        from groups_sdk.access._facade import (
            AsyncAccess,
        )  # on first use: most callers need the operations only

        return AsyncAccess(self)

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
        old = self._caller.options
        options = attrs.evolve(
            old,
            api_version=old.api_version if isinstance(api_version, Unset) else check_api_version(api_version),
            timeout=given(timeout, old.timeout),
            deadline=given(deadline, old.deadline),
            retries=given(retries, old.retries) or NO_RETRIES,
            on_response=given(on_response, old.on_response),
            on_call=given(on_call, old.on_call),
            waits=old.waits if isinstance(on_wait, Unset) else on_wait and WaitObserver(on_wait),
        )
        twin = type(self).__new__(type(self))
        twin._original = self  # whose collection closes the connections
        twin._caller = Caller(self._caller.pool, options)
        return twin

    def detached(self) -> Self:
        """A copy of this client for another event loop at the same time, with connections and a rate limit of its own.

        It must be closed on its own. An `http_client` or `transport` that was passed to this client is used by the copy
        too.

        Example:
            other = client.detached()
        """
        twin = type(self).__new__(type(self))
        twin._original = None
        old = self._caller.options
        options = attrs.evolve(old, waits=old.waits and WaitObserver(old.waits.hook))  # another rate limit's
        twin._caller = Caller(self._caller.pool.detached(), options)
        return twin

    def list_groups(
        self,
        *,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
        on_decode_error: OnDecodeError = "raise",
    ) -> AsyncPaginator[Group]:
        """The groups that the token's owner belongs to, with id and name (listGroups). Needs no permission.

        `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an earlier
        page (`page.next_cursor`, `page.prev_cursor`); give at most one of them. A record that cannot be decoded is a
        `DecodeError`; with `on_decode_error="skip"` it is left out, logged, and found in `page.problems` and in the
        listing's `problems`. Raises `InvalidArgumentError` at once when an argument is not valid.

        Example:
            groups = await client.list_groups().collect()
        """
        return self._list(
            operations.LIST_GROUPS,
            Group,
            {},
            {},
            limit,
            starting_after,
            ending_before,
            on_decode_error,
        )

    async def get_group(self, group_id: str) -> Group:
        """One group with all its fields (getGroup). Needs the permission group.read.

        Raises `NotFoundError` when the group does not exist or the token's owner may not see it, and
        `InvalidArgumentError` when `group_id` is not a UUID.

        Example:
            group = await client.get_group(group_id)
        """
        request = operations.GET_GROUP.request({"group_id": arguments.uuid("group_id", group_id)})
        return decode_one(await self._caller.send(request), Group)

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
    ) -> AsyncPaginator[GroupMembership]:
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
            async for membership in client.list_memberships(group_id, role_name="Group Admin", sort_by="email"):
                print(membership.user.email, membership.role.name, membership.created_at)
        """
        params: dict[str, Parameter] = {
            "email": arguments.text("email", email),
            "user_id": None if user_id is None else arguments.uuid("user_id", user_id),
            "username": arguments.text("username", username),
            "role_name": arguments.text("role_name", role_name),
            "sort_by": arguments.choice("sort_by", sort_by, arguments.SORT_COLUMNS),
            "sort_order": arguments.choice("sort_order", sort_order, arguments.SORT_ORDERS),
            "include_group_membership_count": arguments.flag(
                "include_group_membership_count", include_group_membership_count
            ),
        }
        ids = {"group_id": arguments.uuid("group_id", group_id)}
        return self._list(
            operations.LIST_MEMBERSHIPS,
            GroupMembership,
            ids,
            params,
            limit,
            starting_after,
            ending_before,
            on_decode_error,
        )

    async def update_membership(self, group_id: str, membership_id: str, *, role_id: str) -> None:
        """Give a member another role (updateGroupUserMembership). Needs the permission group.membership.edit.

        `role_id` is the id of a group role: the `membership.role.id` of any member who has it. The request is retried
        when no answer comes, since setting a role twice does no harm. Raises `NotFoundError` when the group has no such
        membership, and `InvalidArgumentError` when an id is not a UUID.

        Example:
            await client.update_membership(group_id, membership_id, role_id=role_id)
        """
        ids = {
            "group_id": arguments.uuid("group_id", group_id),
            "membership_id": arguments.uuid("membership_id", membership_id),
        }
        body = role_change(membership_id, arguments.uuid("role_id", role_id))
        await self._caller.send(operations.UPDATE_MEMBERSHIP.request(ids, content=body))

    async def delete_membership(
        self,
        group_id: str,
        membership_id: str,
        *,
        cascade: bool | None = None,
        accept_missing: bool = True,
    ) -> None:
        """Remove a member from the group (deleteGroupMembership). Needs the permission group.membership.delete.

        `cascade=True` removes their memberships of the group's organizations too. What the API does without it, when
        there are any, is not documented; expect a `ConflictError`. The request is retried when no answer comes. If the
        retry then gets a 404 from the API itself, the call succeeds, since the first attempt must have removed the
        member; `accept_missing=False` raises here too. Raises `NotFoundError` when the group has no such membership.
        Its `maybe_applied` is True when an earlier attempt may have removed the member: list the members to know.
        Raises `InvalidArgumentError` when an id is not a UUID.

        Example:
            await client.delete_membership(group_id, membership_id, cascade=True)
        """
        ids = {
            "group_id": arguments.uuid("group_id", group_id),
            "membership_id": arguments.uuid("membership_id", membership_id),
        }
        params = {"cascade": arguments.flag("cascade", cascade)}
        request = operations.DELETE_MEMBERSHIP.request(ids, params)
        await self._delete(request, accept_missing=accept_missing)

    async def create_membership(self, group_id: str, *, user_id: str, role_id: str) -> GroupMembership:
        """Add a user of Snyk to the group, and return the membership (createGroupMembership).

        Needs the permission group.membership.add. The request is not retried once it may have reached the API: after a
        `TransportError` or a `ServerError` with `maybe_applied` the user may or may not have been added. Raises
        `ConflictError` when the user is a member already, and `InvalidArgumentError` when an id is not a UUID.

        Example:
            membership = await client.create_membership(group_id, user_id=user_id, role_id=role_id)
        """
        ids = {"group_id": arguments.uuid("group_id", group_id)}
        body = membership_creation(
            group_id, arguments.uuid("user_id", user_id), arguments.uuid("role_id", role_id)
        )
        response = await self._caller.send(operations.CREATE_MEMBERSHIP.request(ids, content=body))
        return decode_one(response, GroupMembership, applied=True)

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
    ) -> AsyncPaginator[OrgMembership]:
        """One user's memberships of the organizations in a group (listGroupUserOrgMemberships).

        Needs the permissions group.membership.read and group.org.list. `org_name` and `role_name` list only the
        memberships that match both. `limit` is the size of a page: 10, 20, ... 100. `starting_after` and
        `ending_before` are cursors of an earlier page; give at most one of them. `on_decode_error` is that of
        `list_memberships`. Raises `InvalidArgumentError` at once when an argument is not valid.

        Example:
            async for membership in client.list_org_memberships(group_id, user_id=user_id):
                print(membership.org.name, membership.role.name)
        """
        params: dict[str, Parameter] = {
            "user_id": arguments.uuid("user_id", user_id),
            "org_name": arguments.text("org_name", org_name),
            "role_name": arguments.text("role_name", role_name),
        }
        ids = {"group_id": arguments.uuid("group_id", group_id)}
        return self._list(
            operations.LIST_ORG_MEMBERSHIPS,
            OrgMembership,
            ids,
            params,
            limit,
            starting_after,
            ending_before,
            on_decode_error,
        )

    def list_sso_connections(
        self,
        group_id: str,
        *,
        limit: int = 100,
        starting_after: str | None = None,
        ending_before: str | None = None,
        on_decode_error: OnDecodeError = "raise",
    ) -> AsyncPaginator[SsoConnection]:
        """The single sign-on connections of a group (listGroupSsoConnections). Needs the permission group.sso.read.

        `limit` is the size of a page: 10, 20, ... 100. `starting_after` and `ending_before` are cursors of an earlier
        page; give at most one of them. `on_decode_error` is that of `list_memberships`. Raises `InvalidArgumentError`
        at once when an argument is not valid.

        Example:
            connections = await client.list_sso_connections(group_id).collect()
        """
        ids = {"group_id": arguments.uuid("group_id", group_id)}
        return self._list(
            operations.LIST_SSO_CONNECTIONS,
            SsoConnection,
            ids,
            {},
            limit,
            starting_after,
            ending_before,
            on_decode_error,
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
    ) -> AsyncPaginator[SsoUser]:
        """The users of a single sign-on connection (listGroupSsoConnectionUsers).

        Needs the permissions group.sso.read and group.user.read. `limit` is the size of a page: 10, 20, ... 100.
        `starting_after` and `ending_before` are cursors of an earlier page; give at most one of them. `on_decode_error`
        is that of `list_memberships`. Raises `InvalidArgumentError` at once when an argument is not valid.

        Example:
            async for user in client.list_sso_users(group_id, sso_id):
                print(user.email, user.active)
        """
        ids = {"group_id": arguments.uuid("group_id", group_id), "sso_id": arguments.uuid("sso_id", sso_id)}
        return self._list(
            operations.LIST_SSO_USERS, SsoUser, ids, {}, limit, starting_after, ending_before, on_decode_error
        )

    async def delete_sso_user(
        self, group_id: str, sso_id: str, user_id: str, *, accept_missing: bool = True
    ) -> None:
        """Delete the Snyk account of a user of a single sign-on connection (deleteUser).

        This deletes the account itself, not only the membership of this group, and the user is notified by email. Needs
        the permissions group.sso.read and group.user.delete. The request is retried when no answer comes; a 404 to the
        retry, and `accept_missing`, count as in `delete_membership`. Raises `NotFoundError` when the connection has no
        such user, and `InvalidArgumentError` when an id is not a UUID.

        Example:
            await client.delete_sso_user(group_id, sso_id, user_id)
        """
        ids = {
            "group_id": arguments.uuid("group_id", group_id),
            "sso_id": arguments.uuid("sso_id", sso_id),
            "user_id": arguments.uuid("user_id", user_id),
        }
        await self._delete(operations.DELETE_SSO_USER.request(ids), accept_missing=accept_missing)

    async def request(
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
            response = await client.request("GET", "/self")
            print(response.json())
        """
        content = None if json is None else _encode(json)
        request = operations.other(
            arguments.method(method), arguments.path(path), arguments.params(params), content
        )
        del path, params, json, content  # so that a traceback with locals does not show them
        return await self._caller.send(request)

    async def _delete(self, request: Request, *, accept_missing: bool) -> None:
        """Send a DELETE. A retry that finds nothing any more is done, if it is the API that says so."""
        try:
            await self._caller.send(request)
        except NotFoundError as error:
            if not (accept_missing and error.maybe_applied and error.from_api):
                raise

    def _list(
        self,
        operation: Operation,
        model: type[T],
        ids: Mapping[str, str],
        params: Mapping[str, Parameter],
        limit: int,
        starting_after: str | None,
        ending_before: str | None,
        on_decode_error: OnDecodeError,
    ) -> AsyncPaginator[T]:
        query = {**params, "limit": arguments.limit(limit)}
        arguments.cursors(starting_after, ending_before)
        arguments.on_decode_error(on_decode_error)
        request = operation.request(ids, query)  # whose repr, in a traceback with locals, shows no filters
        description = _describe(operation, ids, query, starting_after or ending_before)

        async def fetch(
            *, starting_after: str | None, ending_before: str | None, on_sent: Callable[[], object]
        ) -> FetchedPage[T]:
            cursors = {"starting_after": starting_after, "ending_before": ending_before}
            response = await self._caller.send(request.with_query(cursors), on_sent)
            fetched = open_page(
                response,
                model,
                limit=limit,
                cursor=starting_after or ending_before,
                on_decode_error=on_decode_error,
                redact=self._caller.redact,
            )
            if on_decode_error == "raise":
                return fetched
            return attrs.evolve(fetched, decode=partial(_log_problems, operation, fetched.decode))

        return AsyncPaginator(
            fetch,
            starting_after=starting_after,
            ending_before=ending_before,
            redact=self._caller.redact,
            description=description,
        )


def _log_problems(operation: Operation, decode: Callable[[], Page[T]]) -> Page[T]:
    page = decode()
    if page.problems:
        logger.warning(
            "%s: left out what cannot be understood: %s%s",
            operation.name,
            "; ".join(map(str, page.problems[:_PROBLEMS_LOGGED])),
            _and_more(len(page.problems) - _PROBLEMS_LOGGED),
        )
    return page


def _and_more(count: int) -> str:
    return f"; and {count} more" if count > 0 else ""


def _describe(
    operation: Operation, ids: Mapping[str, str], params: Mapping[str, Parameter], cursor: str | None
) -> str:
    """What a listing lists, without what may name a person: filters and cursors are only mentioned."""
    words = operation.path.rpartition("/")[2].replace("_", " ")
    scopes = {**ids, **{name: value for name, value in params.items() if name.endswith("_id")}}
    text = words + "".join(
        f" of {name.removesuffix('_id')} {value}" for name, value in scopes.items() if value
    )
    filters = [name for name, value in params.items() if name in _FILTERS and value is not None]
    text += f", filtered by {' and '.join(filters)}" if filters else ""
    text += f", sorted by {params['sort_by']}" if params.get("sort_by") else ""
    return f"{text}, limit={params['limit']}" + (", from a cursor" if cursor else "")


def _encode(document: Any) -> bytes:
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"json cannot be encoded: {error}") from None


refuse(
    AsyncGroupsClient,
    "AsyncGroupsClient is used with `async with`; for `with` there is GroupsClient",
    *("__enter__", "__exit__"),
)
set_module("groups_sdk", globals(), __all__)
