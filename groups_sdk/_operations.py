"""The ten operations of the API as data, and the requests that are made from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias
from urllib.parse import quote, urlencode

import attrs

Parameter: TypeAlias = str | int | bool | None

_WORD = re.compile(r"[a-z][a-z_-]*")


@attrs.frozen
class Operation:
    """One operation of the API. It is `idempotent` when sending it twice has the same effect as sending it once.

    It `writes` when it may change anything that the API keeps.
    """

    name: str
    method: str
    path: str
    idempotent: bool = True
    writes: bool = attrs.field(default=attrs.Factory(lambda own: own.method != "GET", takes_self=True))

    def request(
        self,
        ids: Mapping[str, str] | None = None,
        params: Mapping[str, Parameter] | None = None,
        content: bytes | None = None,
    ) -> Request:
        """The request for one call: the ids are put into the path; parameters that are None are left out."""
        path = self.path
        for name, value in (ids or {}).items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        return Request(self, path, _query(params), content)


@attrs.frozen
class Request:
    """One call, ready to be sent. The base URL, the API version and the credentials are added later."""

    operation: Operation
    path: str = attrs.field(repr=False)
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    content: bytes | None = attrs.field(default=None, repr=False)

    def with_query(self, params: Mapping[str, Parameter]) -> Request:
        """The same request with more query parameters; those that are None are left out."""
        return attrs.evolve(self, query=self.query + _query(params))

    def target(self, version: str) -> str:
        """The path and query. `version` is the API version, unless the query has one of its own."""
        query = dict(self.query)
        query.setdefault("version", version)
        return f"{self.path}?{urlencode(query, quote_via=quote)}"


def other(
    method: str, path: str, params: Mapping[str, Parameter] | None = None, content: bytes | None = None
) -> Request:
    """The request for any other call. Ids and names in its path become `{id}` in the operation's name."""
    template = "/".join(part if not part or _WORD.fullmatch(part) else "{id}" for part in path.split("/"))
    operation = Operation(
        f"{method} {template}", method, template, idempotent=method not in ("POST", "PATCH")
    )
    return Request(operation, path, _query(params), content)


def _query(params: Mapping[str, Parameter] | None) -> tuple[tuple[str, str], ...]:
    return tuple((name, wire(value)) for name, value in (params or {}).items() if value is not None)


def wire(value: str | int | bool) -> str:
    """The text of a query parameter: booleans become "true" and "false"."""
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


LIST_GROUPS = Operation("listGroups", "GET", "/groups")
GET_GROUP = Operation("getGroup", "GET", "/groups/{group_id}")
LIST_MEMBERSHIPS = Operation("listGroupMemberships", "GET", "/groups/{group_id}/memberships")
UPDATE_MEMBERSHIP = Operation(
    "updateGroupUserMembership", "PATCH", "/groups/{group_id}/memberships/{membership_id}"
)
DELETE_MEMBERSHIP = Operation(
    "deleteGroupMembership", "DELETE", "/groups/{group_id}/memberships/{membership_id}"
)
CREATE_MEMBERSHIP = Operation(
    "createGroupMembership", "POST", "/groups/{group_id}/memberships", idempotent=False
)
LIST_ORG_MEMBERSHIPS = Operation("listGroupUserOrgMemberships", "GET", "/groups/{group_id}/org_memberships")
LIST_SSO_CONNECTIONS = Operation("listGroupSsoConnections", "GET", "/groups/{group_id}/sso_connections")
LIST_SSO_USERS = Operation(
    "listGroupSsoConnectionUsers", "GET", "/groups/{group_id}/sso_connections/{sso_id}/users"
)
DELETE_SSO_USER = Operation(
    "deleteUser", "DELETE", "/groups/{group_id}/sso_connections/{sso_id}/users/{user_id}"
)
TOKEN_REQUEST = Operation("oauth2Token", "POST", "/oauth2/token", writes=False)  # beside the Groups API
