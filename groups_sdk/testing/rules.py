"""What each operation does with the state: checks in the order of the real service, then the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import attrs

from groups_sdk.testing import documents
from groups_sdk.testing.documents import Document
from groups_sdk.testing.state import (
    ADMIN,
    GroupRecord,
    Key,
    Listing,
    MembershipRecord,
    OrgMembershipRecord,
    RoleRecord,
    State,
)

UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
SORT_KEYS: dict[str, Callable[[MembershipRecord], str]] = {
    "username": lambda m: m.user.username,
    "user_display_name": lambda m: m.user.name,
    "email": lambda m: m.user.email,
    "login_method": lambda m: m.user.login_method or "",
    "role_name": lambda m: m.role.name,
}
PAGE = ("starting_after", "ending_before", "limit")

R = TypeVar("R")


class Refusal(Exception):
    """A request that the API answers with an error."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        parameter: str | None = None,
        pointer: str | None = None,
    ) -> None:
        self.status: int = status
        self.detail: str = detail
        self.code: str = code or CODES.get(status, "SNYK-9999")
        self.source: Document | None = {"parameter": parameter} if parameter else None
        if pointer:
            self.source = {"pointer": pointer}


CODES = {
    400: "SNYK-OPENAPI-0001",
    401: "SNYK-OPENAPI-0007",
    403: "SNYK-OPENAPI-0002",
    404: "SNYK-OPENAPI-0004",
    405: "SNYK-OPENAPI-0005",
    406: "SNYK-OPENAPI-0003",
    409: "SNYK-0003",
    410: "SNYK-0003",
    413: "SNYK-OPENAPI-0006",
    415: "SNYK-OPENAPI-0008",
    429: "SNYK-0001",
    500: "SNYK-9999",
    503: "SNYK-9999",
    504: "SNYK-0004",
}


@attrs.frozen
class Caller:
    """Whom a token stands for. None in `permissions` or `groups` means all."""

    user_id: str | None = None
    permissions: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def may(self, permission: str) -> bool:
        return self.permissions is None or permission in self.permissions

    def sees(self, group_id: str) -> bool:
        return self.groups is None or group_id in self.groups


@attrs.frozen(kw_only=True)
class Behaviour:
    """The choices of a fake, where the real service varies or its answer is not known."""

    delete_without_cascade: Literal["conflict", "keep_orgs", "remove_orgs"] = "conflict"
    last_admin: Literal["allow", "refuse"] = "allow"
    no_access: Literal["forbidden", "not_found"] = "forbidden"
    links: Literal["mixed", "with_rest", "without_rest"] = "mixed"
    link_form: Literal["string", "object", "absolute"] = "string"


@attrs.frozen
class Asked:
    """A request, taken apart."""

    caller: Caller
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@attrs.frozen
class Given:
    """An answer before it is put on the wire; `page` when it is a listing's."""

    status: int
    document: Document | None = None
    location: str | None = None
    before: Key | None = None
    after: Key | None = None


@attrs.frozen
class Rule:
    """One operation: where it is, whom it lets through, which query parameters it knows, what it does."""

    name: str
    method: str
    path: str
    permissions: tuple[str, ...]
    parameters: tuple[str, ...]
    stage: str
    rest_in_links: bool
    act: Callable[[State, Behaviour, Asked], Given]


def _group(state: State, asked: Asked) -> GroupRecord:
    group = state.groups.get(asked.ids["group_id"])
    if group is None or not asked.caller.sees(group.id):
        raise Refusal(404, "Group not found")
    return group


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", "10")
    limit = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0
    if not 10 <= limit <= 100 or limit % 10:
        raise Refusal(400, "limit must be a multiple of 10 from 10 to 100", parameter="limit")
    return limit


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise Refusal(400, f"{name} must be true or false", parameter=name)
    return value == "true"


def _page(
    asked: Asked,
    listing: Listing[R],
    render: Callable[[R], Document],
    *,
    descending: bool = False,
    meta: Document | None = None,
) -> Given:
    limit = _limit(asked.query)
    names = [name for name in ("starting_after", "ending_before") if name in asked.query]
    if len(names) == 2:
        raise Refusal(400, "starting_after and ending_before exclude each other", parameter="ending_before")
    cursor = None
    for name in names:
        cursor = documents.decode_cursor(asked.query[name])
        if cursor is None:
            raise Refusal(400, f"{name} is not a valid cursor", parameter=name)
    records, before, after = listing.cut(
        limit, cursor, backwards=names == ["ending_before"], descending=descending
    )
    document: Document = {"data": [render(record) for record in records]}
    if meta is not None:
        document["meta"] = meta
    return Given(200, document, before=before, after=after)


def _body(asked: Asked, *path: str) -> Document:
    """The object at a path of the request's document."""
    try:
        value: Any = json.loads(asked.body)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON", pointer="/") from None
    pointer = ""
    for key in ("", *path):
        if key:
            pointer += f"/{key}"
            value = value.get(key)
        if type(value) is not dict:
            raise Refusal(400, "an object is required here", pointer=pointer or "/")
    document: Document = value
    return document


def _member(body: Document, pointer: str, name: str, allowed: str | None) -> str:
    """A string of the body: a UUID, or just the one that is allowed."""
    value = body.get(name)
    if allowed is None:
        if type(value) is not str or not UUID.fullmatch(value):
            raise Refusal(400, f"{name} must be a UUID", pointer=f"{pointer}/{name}")
        return value.lower()
    if value != allowed:
        raise Refusal(400, f"{name} must be {allowed}", pointer=f"{pointer}/{name}")
    return allowed


def _related(asked: Asked, name: str, type_: str) -> str:
    data = _body(asked, "data", "relationships", name, "data")
    pointer = f"/data/relationships/{name}/data"
    _member(data, pointer, "type", type_)
    return _member(data, pointer, "id", None)


def _only(body: Document, pointer: str, *allowed: str) -> None:
    for name in body:
        if name not in allowed:
            raise Refusal(400, f"{name[:50]} is not a known member", pointer=pointer)


def _group_role(state: State, asked: Asked) -> RoleRecord:
    role = state.roles.get(_related(asked, "role", "group_role"))
    if role is None or role.kind != "group_role":
        raise Refusal(404, "Role not found", pointer="/data/relationships/role/data/id")
    return role


def list_groups(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    order = {group.id: index for index, group in enumerate(state.groups)}
    listing = Listing((g for g in state.groups if asked.caller.sees(g.id)), lambda g: ("", order[g.id]))
    return _page(asked, listing, lambda g: documents.group(g, whole=False))


def get_group(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    return Given(200, {"data": documents.group(_group(state, asked), whole=True)})


def list_memberships(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group, query = _group(state, asked), asked.query
    sort_by, order = query.get("sort_by"), query.get("sort_order", "DESC")
    if sort_by is not None and sort_by not in SORT_KEYS:
        raise Refusal(400, f"sort_by must be one of {', '.join(SORT_KEYS)}", parameter="sort_by")
    if order not in ("ASC", "DESC"):
        raise Refusal(400, "sort_order must be ASC or DESC", parameter="sort_order")
    email, user_id = query.get("email"), query.get("user_id")
    username, role_name = query.get("username"), query.get("role_name")

    def keep(m: MembershipRecord) -> bool:
        return (
            (email is None or m.user.email.lower() == email.lower())
            and (user_id is None or m.user.id == user_id.lower())
            and (username is None or m.user.username == username)
            and (role_name is None or m.role.name == role_name)
        )

    text = SORT_KEYS[sort_by] if sort_by else lambda m: ""
    listing = state.memberships[group.id].listing(
        (email, user_id, username, role_name, sort_by), keep, lambda m: (text(m), m.sequence)
    )
    count = len(state.memberships[group.id]) if _flag(query, "include_group_membership_count") else None
    return _page(
        asked,
        listing,
        lambda m: documents.membership(m, group, count),
        descending=sort_by is not None and order == "DESC",
    )


def _membership(state: State, asked: Asked) -> MembershipRecord:
    record = state.memberships[_group(state, asked).id].get(asked.ids["membership_id"])
    if record is None:
        raise Refusal(404, "Group membership not found")
    return record


def _guard_last_admin(state: State, behaviour: Behaviour, record: MembershipRecord) -> None:
    if (
        behaviour.last_admin == "refuse"
        and record.role.name == ADMIN
        and state.admin_count(record.group_id) == 1
    ):
        raise Refusal(409, "The last admin of a group cannot be removed")


def update_membership(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    record = _membership(state, asked)
    data = _body(asked, "data")
    _only(data, "/data", "id", "type", "attributes", "relationships")
    if _member(data, "/data", "id", None) != record.id:
        raise Refusal(400, "id is not that of the path", pointer="/data/id")
    _member(data, "/data", "type", "group_membership")
    _only(_body(asked, "data", "relationships"), "/data/relationships", "role")
    role = _group_role(state, asked)
    if role.name != ADMIN:
        _guard_last_admin(state, behaviour, record)
    record.role = role
    state.memberships[record.group_id].changed()
    return Given(204)


def delete_membership(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    record = _membership(state, asked)
    cascade = _flag(asked.query, "cascade")
    below = state.orgs_of(record.group_id, record.user.id)
    if below and not cascade and behaviour.delete_without_cascade == "conflict":
        raise Refusal(409, f"The user still has {len(below)} org memberships in this group; use cascade")
    _guard_last_admin(state, behaviour, record)
    if cascade or behaviour.delete_without_cascade == "remove_orgs":
        for org_membership in below:
            state.org_memberships[record.group_id].remove(org_membership.id)
    state.remove_membership(record)
    return Given(204)


def create_membership(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group = _group(state, asked)
    data = _body(asked, "data")
    _only(data, "/data", "type", "relationships")
    _member(data, "/data", "type", "group_membership")
    _only(_body(asked, "data", "relationships"), "/data/relationships", "group", "user", "role")
    if _related(asked, "group", "group") != group.id:
        raise Refusal(400, "id is not that of the path", pointer="/data/relationships/group/data/id")
    user = state.users.get(_related(asked, "user", "user"))
    role = _group_role(state, asked)
    if user is None:
        raise Refusal(404, "User not found", pointer="/data/relationships/user/data/id")
    if (group.id, user.id) in state.members:
        raise Refusal(409, "The user is a member of this group already")
    record = state.add_membership(group.id, user, role)
    document = {"data": documents.membership(record, group, None)}
    return Given(201, document, f"/groups/{group.id}/memberships/{record.id}")


def list_org_memberships(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group, query = _group(state, asked), asked.query
    user_id, org_name, role_name = query.get("user_id"), query.get("org_name"), query.get("role_name")
    if user_id is None or not UUID.fullmatch(user_id):
        raise Refusal(400, "user_id is required, and must be a UUID", parameter="user_id")
    book = state.org_memberships[group.id]
    wanted = user_id.lower()

    def keep(m: OrgMembershipRecord) -> bool:
        return (
            m.user.id == wanted
            and (org_name is None or m.org.name == org_name)
            and (role_name is None or m.role.name == role_name)
        )

    count = sum(m.user.id == wanted for m in book)
    listing = Listing(filter(keep, book), lambda m: ("", m.sequence))
    return _page(asked, listing, documents.org_membership, meta={"org_membership_count": count})


def list_sso_connections(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group = _group(state, asked)
    order = {connection.id: index for index, connection in enumerate(state.sso_connections)}
    mine = (c for c in state.sso_connections if c.group_id == group.id)
    return _page(asked, Listing(mine, lambda c: ("", order[c.id])), documents.sso_connection)


def _sso_connection(state: State, asked: Asked) -> str:
    connection = state.sso_connections.get(asked.ids["sso_id"])
    if connection is None or connection.group_id != _group(state, asked).id:
        raise Refusal(404, "SSO connection not found")
    return connection.id


def list_sso_users(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    book = state.sso_users[_sso_connection(state, asked)]
    return _page(asked, book.listing("all", lambda u: True, lambda u: ("", u.sequence)), documents.sso_user)


def delete_sso_user(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    book = state.sso_users[_sso_connection(state, asked)]
    record = book.get(asked.ids["user_id"])
    if record is None:
        raise Refusal(404, "User not found")
    user_id = record.user.id
    for users in state.sso_users.values():
        if users.get(user_id) is not None:
            users.remove(user_id)
    for group in list(state.groups):
        membership_id = state.members.get((group.id, user_id))
        if membership_id is not None:
            state.remove_membership(state.memberships[group.id][membership_id])
        for below in state.orgs_of(group.id, user_id):
            state.org_memberships[group.id].remove(below.id)
    state.users.remove(user_id)
    return Given(204)


_GROUP = "/groups/{group_id}"
_MEMBERSHIPS = f"{_GROUP}/memberships"
_SSO = f"{_GROUP}/sso_connections"
_FILTERS = (
    "email",
    "user_id",
    "username",
    "role_name",
    "sort_by",
    "sort_order",
    "include_group_membership_count",
)

RULES = (
    Rule("listGroups", "GET", "/groups", (), PAGE, "beta", True, list_groups),
    Rule("getGroup", "GET", _GROUP, ("group.read",), (), "beta", True, get_group),
    Rule(
        "listGroupMemberships",
        "GET",
        _MEMBERSHIPS,
        ("group.membership.read",),
        (*PAGE, *_FILTERS),
        "ga",
        False,
        list_memberships,
    ),
    Rule(
        "updateGroupUserMembership",
        "PATCH",
        f"{_MEMBERSHIPS}/{{membership_id}}",
        ("group.membership.edit",),
        (),
        "ga",
        False,
        update_membership,
    ),
    Rule(
        "deleteGroupMembership",
        "DELETE",
        f"{_MEMBERSHIPS}/{{membership_id}}",
        ("group.membership.delete",),
        ("cascade",),
        "ga",
        False,
        delete_membership,
    ),
    Rule(
        "createGroupMembership",
        "POST",
        _MEMBERSHIPS,
        ("group.membership.add",),
        (),
        "ga",
        False,
        create_membership,
    ),
    Rule(
        "listGroupUserOrgMemberships",
        "GET",
        f"{_GROUP}/org_memberships",
        ("group.membership.read", "group.org.list"),
        (*PAGE, "user_id", "org_name", "role_name"),
        "ga",
        False,
        list_org_memberships,
    ),
    Rule(
        "listGroupSsoConnections", "GET", _SSO, ("group.sso.read",), PAGE, "beta", True, list_sso_connections
    ),
    Rule(
        "listGroupSsoConnectionUsers",
        "GET",
        f"{_SSO}/{{sso_id}}/users",
        ("group.sso.read", "group.user.read"),
        PAGE,
        "beta",
        False,
        list_sso_users,
    ),
    Rule(
        "deleteUser",
        "DELETE",
        f"{_SSO}/{{sso_id}}/users/{{user_id}}",
        ("group.sso.read", "group.user.delete"),
        (),
        "beta",
        True,
        delete_sso_user,
    ),
)
