"""The files of a review: CSV for spreadsheets and JSON lines for programs, written as they come and read back."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs

from groups_sdk.access._csv_escaping import escaped, unescaped
from groups_sdk.access._documents import Reader, parsed
from groups_sdk.access._review.member import ReviewedMember
from groups_sdk.access._writing import AnyFile, opened_to_write
from groups_sdk.errors import GroupsError, InvalidArgumentError
from groups_sdk.models import Group, GroupMembership, Org, OrgMembership, Role, User

__all__ = [
    "AnyFile",
    "Write",
    "cells_of",
    "columns_of",
    "csv_writer",
    "jsonl_writer",
    "read_csv",
    "read_jsonl",
]

FORMAT = "groups_sdk.review"
VERSION = 1
COLUMNS = (
    "group_id",
    "group",
    "membership_id",
    "user_id",
    "email",
    "name",
    "username",
    "role",
    "role_id",
    "login_method",
    "sso",
    "member_since",
)
ORG_COLUMN = "organizations"
_SSO = {True: "yes", False: "no", None: ""}

Write = Callable[[Iterable[ReviewedMember]], object]


@contextmanager
def csv_writer(file: AnyFile, *, org_memberships: bool) -> Generator[Write, None, None]:
    """CSV with a heading, and a byte order mark for spreadsheets where the file is ours. Its cells are escaped."""
    with opened_to_write(file, bom=True) as write:
        rows = csv.writer(_Sink(write))
        rows.writerow(columns_of(org_memberships=org_memberships))
        yield lambda members: rows.writerows(
            map(escaped, cells_of(m, org_memberships=org_memberships)) for m in members
        )


@attrs.frozen
class _Sink:
    write: Callable[[str], object]


def columns_of(*, org_memberships: bool) -> tuple[str, ...]:
    """The headings of a table of members."""
    return (*COLUMNS, ORG_COLUMN) if org_memberships else COLUMNS


def cells_of(member: ReviewedMember, *, org_memberships: bool) -> Iterator[str]:
    """The texts of one member below these headings, as they are."""
    m = member.membership
    yield from (m.group.id, m.group.name or "", m.id, m.user.id, m.user.email or "", m.user.name or "")
    yield from (m.user.username or "", m.role.name or "", m.role.id, m.user.login_method or "")
    yield from (_SSO[member.sso], m.created_at.isoformat() if m.created_at else "")
    if org_memberships:
        orgs = member.org_memberships
        yield "unknown" if orgs is None else "; ".join(f"{o.org.name} ({o.role.name})" for o in orgs)


@contextmanager
def jsonl_writer(
    file: AnyFile,
    group: Group,
    reviewed_at: datetime | None,
    *,
    org_memberships: bool,
    base_url: str | None = None,
    api_version: str | None = None,
) -> Generator[Write, None, None]:
    """JSON lines: a head that names the format and the group, a line for each member, and one with their number."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "group": {"id": group.id, "name": group.name},
        "reviewed_at": None if reviewed_at is None else reviewed_at.isoformat(),
        "org_memberships": org_memberships,
        "base_url": base_url,
        "api_version": api_version,
    }
    count = 0

    def write_members(members: Iterable[ReviewedMember]) -> None:
        nonlocal count
        for member in members:
            write(json.dumps(_document(member)) + "\n")
            count += 1

    with opened_to_write(file) as write:
        write(json.dumps(head) + "\n")
        yield write_members
        write(json.dumps({"members": count}) + "\n")


def _document(member: ReviewedMember) -> dict[str, Any]:
    membership, orgs = member.membership, member.org_memberships
    return {
        "id": membership.id,
        "created_at": membership.created_at and membership.created_at.isoformat(),
        "user": _user(membership.user),
        "role": _named(membership.role),
        "sso": member.sso,
        "org_memberships": None if orgs is None else [_org_document(org) for org in orgs],
        "org_error": None if member.org_error is None else str(member.org_error),
    }


def _org_document(membership: OrgMembership) -> dict[str, Any]:
    return {
        "id": membership.id,
        "created_at": membership.created_at and membership.created_at.isoformat(),
        "user": _user(membership.user),
        "role": _named(membership.role),
        "org": _named(membership.org),
    }


def _user(user: User) -> dict[str, Any]:  # by hand: many times as fast as attrs.asdict
    return {
        "id": user.id,
        "name": user.name,
        "username": user.username,
        "email": user.email,
        "login_method": user.login_method,
    }


def _named(thing: Role | Org) -> dict[str, Any]:
    return {"id": thing.id, "name": thing.name}


def read_jsonl(
    file: AnyFile,
) -> tuple[Group, datetime | None, bool, str | None, str | None, list[ReviewedMember]]:
    """The group, when it was reviewed, whether with organizations, the API's base URL and version, and the members."""
    members: list[ReviewedMember] = []
    head: Reader | None = None
    group = Group("")
    with _opened_to_read(file) as (lines, source):
        for number, line in enumerate(lines, 1):
            where = f"{source}: line {number}"
            entry = Reader(parsed(line, where), where)
            if head is None:
                entry.expect(FORMAT, VERSION)
                head = entry
                inner = head.inner("group")
                group = Group(inner.take("id", str), inner.maybe("name"))
            elif entry.has("members"):
                if entry.take("members", int) == len(members):
                    reviewed_at = head.moment("reviewed_at") if head.has("reviewed_at") else None
                    return (
                        group,
                        reviewed_at,
                        head.take("org_memberships", bool),
                        head.maybe("base_url"),
                        head.maybe("api_version"),
                        members,
                    )
                break
            else:
                members.append(_member(entry, group))
    raise InvalidArgumentError(
        f"{source}: is not a complete review: the last line, which counts the members, is missing or wrong"
    )


def _member(entry: Reader, group: Group) -> ReviewedMember:
    orgs = entry.entries("org_memberships") if entry.has("org_memberships") else None
    return ReviewedMember(
        GroupMembership(
            id=entry.take("id", str),
            created_at=entry.moment("created_at") if entry.has("created_at") else None,
            user=entry.user("user"),
            role=entry.role("role") or Role(""),
            group=group,
        ),
        entry.take("sso", bool, None),
        None if orgs is None else tuple(map(_org_membership, orgs)),
        None if (org_error := entry.maybe("org_error")) is None else GroupsError(org_error),
    )


def _org_membership(entry: Reader) -> OrgMembership:
    org = entry.inner("org")
    return OrgMembership(
        id=entry.take("id", str),
        created_at=entry.moment("created_at") if entry.has("created_at") else None,
        user=entry.user("user"),
        role=entry.role("role") or Role(""),
        org=Org(org.take("id", str), org.maybe("name")),
    )


def read_csv(file: AnyFile) -> tuple[Group, list[ReviewedMember]]:
    """The group and its members, without their organizations: that column is only for people to read."""
    group = Group("")
    members: list[ReviewedMember] = []
    with _opened_to_read(file) as (lines, source):
        try:
            rows = csv.DictReader(lines, strict=True)
            missing = set(COLUMNS) - set(rows.fieldnames or ())
            if missing:
                raise InvalidArgumentError(
                    f"{source}: is not a review: it has no column {', '.join(sorted(missing))}"
                )
            for row in rows:
                where = f"{source}: line {rows.line_num}"
                if None in row or None in row.values():
                    raise InvalidArgumentError(f"{where}: has more or fewer cells than there are columns")
                cells = {name: unescaped(cell) for name, cell in row.items()}
                if members and cells["group_id"] != group.id:
                    raise InvalidArgumentError(f"{where}: is about a different group than the lines before")
                group = Group(cells["group_id"], cells["group"] or None)
                members.append(_csv_member(Reader(cells, where), cells, group))
        except csv.Error as error:
            raise InvalidArgumentError(f"{source}: is not CSV: {error}") from None
    return group, members


def _csv_member(entry: Reader, cells: dict[str, str], group: Group) -> ReviewedMember:
    return ReviewedMember(
        GroupMembership(
            id=cells["membership_id"],
            created_at=entry.moment("member_since") if cells["member_since"] else None,
            user=User(
                id=cells["user_id"],
                name=cells["name"] or None,
                username=cells["username"] or None,
                email=cells["email"] or None,
                login_method=cells["login_method"] or None,
            ),
            role=Role(cells["role_id"], cells["role"] or None),
            group=group,
        ),
        {"yes": True, "no": False}.get(cells["sso"]),
    )


@contextmanager
def _opened_to_read(file: AnyFile) -> Generator[tuple[Iterable[str], str], None, None]:
    """The lines of a path or of an open file, and what to call it in errors."""
    if not isinstance(file, str | os.PathLike):
        yield file, str(getattr(file, "name", "the file"))
        return
    source = os.fspath(file)
    try:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            yield opened, source
    except OSError as error:
        raise InvalidArgumentError(f"{source}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InvalidArgumentError(f"{source}: is not UTF-8 text") from None
