"""What each operation does with the state: checks in the order of the real service, then the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

import attrs

from groups_sdk._arguments import UUID
from groups_sdk.testing import _checks as checks
from groups_sdk.testing import _documents as documents
from groups_sdk.testing._callers import Caller
from groups_sdk.testing._checks import Refusal
from groups_sdk.testing._documents import Document
from groups_sdk.testing._state import (
    ADMIN,
    AFTER_ALL,
    BEFORE_ALL,
    SORT_KEYS,
    GroupRecord,
    Listing,
    MembershipRecord,
    OrgMembershipRecord,
    RoleRecord,
    State,
)

PAGE = ("starting_after", "ending_before", "limit")

R = TypeVar("R")


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
    """An answer before it is put on the wire.

    The cursors of a listing: `before` and `after` where it has more there, `start` for its first page.
    """

    status: int
    document: Document | None = None
    location: str | None = None
    before: str | None = None
    after: str | None = None
    start: str = ""


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


def _page(
    asked: Asked,
    name: str,
    listing: Listing[R],
    render: Callable[[R], Document],
    *,
    descending: bool = False,
    meta: Document | None = None,
) -> Given:
    """A page of a listing; `name` stands for its order, since a cursor is good for one order only."""
    cursor, backwards = checks.cursor(asked.query, name)
    size = checks.limit(asked.query)
    records, before, after = listing.cut(size, cursor, backwards=backwards, descending=descending)
    document: Document = {"data": [render(record) for record in records]}
    if meta is not None:
        document["meta"] = meta

    return Given(
        200,
        document,
        before=None if before is None else documents.encode_cursor(before, name),
        after=None if after is None else documents.encode_cursor(after, name),
        start=documents.encode_cursor(AFTER_ALL if descending else BEFORE_ALL, name),
    )


def _group_role(state: State, relationships: Document) -> RoleRecord:
    role = state.roles.get(checks.related(relationships, "role", "group_role"))
    if role is None or role.kind != "group_role":
        raise Refusal(404, "Role not found", pointer="/data/relationships/role/data/id")
    return role


def list_groups(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    order = {group.id: index for index, group in enumerate(state.groups)}
    listing = Listing((g for g in state.groups if asked.caller.sees(g.id)), lambda g: ("", order[g.id]))
    return _page(asked, "groups", listing, lambda g: documents.group(g, whole=False))


def get_group(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    return Given(200, {"data": documents.group(_group(state, asked), whole=True)})


def list_memberships(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group, query = _group(state, asked), asked.query
    sort_by = checks.choice(query, "sort_by", checks.SORT_COLUMNS)
    order = checks.choice(query, "sort_order", ("ASC", "DESC")) or "DESC"
    email, user_id, username, role_name = (
        checks.text(query, name) for name in ("email", "user_id", "username", "role_name")
    )
    if email is None and user_id is None and username is None:
        listing = state.memberships_by(group.id, role_name, sort_by)
    else:
        found = [
            m
            for m in state.memberships_of(group.id, email, user_id, username)
            if role_name is None or m.role.name == role_name
        ]
        text = SORT_KEYS[sort_by]
        listing = Listing(found, lambda m: (text(m), m.sequence))
    count = len(state.memberships[group.id]) if checks.flag(query, "include_group_membership_count") else None
    return _page(
        asked,
        f"memberships {sort_by} {order}" if sort_by else "memberships",
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
    body = checks.document(asked.body)
    data = checks.member(body, "", "data", ("id", "type", "attributes", "relationships"))
    if checks.uuid(data, "/data", "id") != record.id:
        raise Refusal(400, "id is not that of the path", pointer="/data/id")
    checks.constant(data, "/data", "type", "group_membership")
    if "attributes" in data:
        checks.member(data, "/data", "attributes", None)
    role = _group_role(state, checks.member(data, "/data", "relationships", ("role",)))
    if role.name != ADMIN:
        _guard_last_admin(state, behaviour, record)
    state.change_role(record, role)
    return Given(204)


def delete_membership(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    record = _membership(state, asked)
    cascade = checks.flag(asked.query, "cascade")
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
    data = checks.member(checks.document(asked.body), "", "data", ("type", "relationships"))
    checks.constant(data, "/data", "type", "group_membership")
    relationships = checks.member(data, "/data", "relationships", ("group", "user", "role"))
    if checks.related(relationships, "group", "group") != group.id:
        raise Refusal(400, "id is not that of the path", pointer="/data/relationships/group/data/id")
    user = state.users.get(checks.related(relationships, "user", "user"))
    role = _group_role(state, relationships)
    if user is None:
        raise Refusal(404, "User not found", pointer="/data/relationships/user/data/id")
    if (group.id, user.id) in state.members:
        raise Refusal(409, "The user is a member of this group already")
    record = state.add_membership(group.id, user, role)
    document = {"data": documents.membership(record, group, None)}
    return Given(201, document, f"/groups/{group.id}/memberships/{record.id}")


def list_org_memberships(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group, query = _group(state, asked), asked.query
    user_id = query.get("user_id", "")
    if not UUID.fullmatch(user_id):
        raise Refusal(400, "user_id is required, and must be a UUID", parameter="user_id")
    org_name, role_name = checks.text(query, "org_name"), checks.text(query, "role_name")
    mine = state.orgs_of(group.id, user_id.lower())

    def keep(m: OrgMembershipRecord) -> bool:
        return org_name in (None, m.org.name) and role_name in (None, m.role.name)

    listing = Listing(mine, lambda m: ("", m.sequence), keep)
    meta = {"org_membership_count": len(mine)}
    return _page(asked, "org_memberships", listing, documents.org_membership, meta=meta)


def list_sso_connections(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    group = _group(state, asked)
    order = {connection.id: index for index, connection in enumerate(state.sso_connections)}
    mine = (c for c in state.sso_connections if c.group_id == group.id)
    listing = Listing(mine, lambda c: ("", order[c.id]))
    return _page(asked, "sso_connections", listing, documents.sso_connection)


def _sso_connection(state: State, asked: Asked) -> str:
    connection = state.sso_connections.get(asked.ids["sso_id"])
    if connection is None or connection.group_id != _group(state, asked).id:
        raise Refusal(404, "SSO connection not found")
    return connection.id


def list_sso_users(state: State, behaviour: Behaviour, asked: Asked) -> Given:
    book = state.sso_users[_sso_connection(state, asked)]
    return _page(asked, "sso_users", book.listing("all", lambda u: ("", u.sequence)), documents.sso_user)


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
