"""Records as JSON:API documents, cursors, and links."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

from groups_sdk.testing._state import (
    GroupRecord,
    Key,
    MembershipRecord,
    OrgMembershipRecord,
    RoleRecord,
    SsoConnectionRecord,
    SsoUserRecord,
    UserRecord,
)

Document = dict[str, Any]
_PREFIX = "v1."


def moment(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def named(id_: str, type_: str, name: str) -> Document:
    return {"id": id_, "type": type_, "attributes": {"name": name}}


def group(record: GroupRecord, *, whole: bool) -> Document:
    document = named(record.id, "group", record.name)
    if whole:
        document["attributes"] |= {
            "created_at": moment(record.created_at),
            "updated_at": moment(record.updated_at),
            "slug": record.slug,
            "avatar_url": f"https://images.example/{record.slug}/avatar.png",
            "logo_url": f"https://images.example/{record.slug}/logo.png",
        }
        document["relationships"] = {"tenant": {"data": {"id": record.tenant_id, "type": "tenant"}}}
    return document


def _user(record: UserRecord, *, login_method: bool) -> Document:
    attributes = {"name": record.name, "username": record.username, "email": record.email}
    if login_method and record.login_method is not None:
        attributes["login_method"] = record.login_method
    return {"data": {"id": record.id, "type": "user", "attributes": attributes}}


def _role(record: RoleRecord) -> Document:
    return {"data": named(record.id, record.kind, record.name)}


def membership(record: MembershipRecord, group_: GroupRecord, count: int | None) -> Document:
    document: Document = {
        "id": record.id,
        "type": "group_membership",
        "attributes": {"created_at": moment(record.created_at)},
        "relationships": {
            "group": {"data": named(group_.id, "group", group_.name)},
            "role": _role(record.role),
            "user": _user(record.user, login_method=True),
        },
    }
    if count is not None:
        document["meta"] = {"group_membership_count": count}
    return document


def org_membership(record: OrgMembershipRecord) -> Document:
    return {
        "id": record.id,
        "type": "org_membership",
        "attributes": {"created_at": moment(record.created_at)},
        "relationships": {
            "org": {"data": named(record.org.id, "org", record.org.name)},
            "role": _role(record.role),
            "user": _user(record.user, login_method=False),
        },
    }


def sso_connection(record: SsoConnectionRecord) -> Document:
    return named(record.id, "sso_connection", record.name)


def sso_user(record: SsoUserRecord) -> Document:
    return {
        "id": record.user.id,
        "type": "user",
        "attributes": {
            "name": record.user.name,
            "username": record.user.username,
            "email": record.user.email,
            "active": record.active,
            "membership": {"created_at": moment(record.created_at), "strategy": record.strategy},
        },
    }


def encode_cursor(key: Key, listing: str) -> str:
    """The opaque cursor for a row of a listing: base64 in its standard alphabet, whose + / = want quoting in a URL."""
    return _cursor(json.dumps([listing, *key], ensure_ascii=False).encode())


def rewritten(cursor: str) -> str:
    """Another cursor for the same row."""
    return _cursor(base64.b64decode(cursor.removeprefix(_PREFIX)) + b" ")


def decode_cursor(cursor: str, listing: str) -> Key | None:
    """The row that a cursor stands for; None when it is none of this listing's."""
    if not cursor.startswith(_PREFIX):
        return None
    try:
        name, text, sequence = json.loads(base64.b64decode(cursor.removeprefix(_PREFIX), validate=True))
    except (ValueError, TypeError, RecursionError):
        return None
    return (text, sequence) if name == listing and type(text) is str and type(sequence) is int else None


def _cursor(content: bytes) -> str:
    return _PREFIX + base64.b64encode(content).decode()


def query(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def error(
    status: int, code: str, title: str, detail: str, source: Document | None, request_id: str
) -> Document:
    entry: Document = {
        "id": request_id,
        "status": str(status),
        "code": code,
        "title": title,
        "detail": detail,
        "links": {"about": f"https://docs.example/errors/{code.lower()}"},
    }
    if source:
        entry["source"] = source
    return {"jsonapi": {"version": "1.0"}, "errors": [entry]}
