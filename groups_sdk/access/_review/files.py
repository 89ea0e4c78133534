"""The files of a review: CSV for spreadsheets and JSON lines for programs, written as they come and read back."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

import attrs

from groups_sdk._pagination import DecodeProblem
from groups_sdk.access._csv_escaping import escaped, unescaped
from groups_sdk.access._documents import Reader, compact_user, parsed, shared_role
from groups_sdk.access._review.member import ReviewedMember, person_of
from groups_sdk.access._writing import AnyFile, opened_to_write
from groups_sdk.errors import GroupsError, InvalidArgumentError
from groups_sdk.models import Group, GroupMembership, Org, OrgMembership, Role, User

__all__ = [
    "UNREADABLE",
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

UNREADABLE = "(could not be read)"
"""Stands in the CSV for the role of a record that could not be understood; its `name` says what is wrong."""


class Write(Protocol):
    """Writes members, and records that are none because they could not be understood."""

    def __call__(
        self, members: Iterable[ReviewedMember], unreadable: Iterable[DecodeProblem] = (), /
    ) -> object: ...


@contextmanager
def csv_writer(file: AnyFile, group: Group, *, org_memberships: bool) -> Generator[Write, None, None]:
    """CSV with a heading, and a byte order mark for spreadsheets where the file is ours. Its cells are escaped."""
    with opened_to_write(file, bom=True) as write:
        columns = columns_of(org_memberships=org_memberships)
        rows = csv.writer(_Sink(write))
        rows.writerow(columns)

        def write_rows(
            members: Iterable[ReviewedMember], unreadable: Iterable[DecodeProblem] = (), /
        ) -> None:
            rows.writerows(map(escaped, cells_of(m, org_memberships=org_memberships)) for m in members)
            for problem in unreadable:
                cells = _cells_of_unreadable(problem, group)
                rows.writerow(escaped(cells.get(column, "")) for column in columns)

        yield write_rows


@attrs.frozen
class _Sink:
    write: Callable[[str], object]


def columns_of(*, org_memberships: bool) -> tuple[str, ...]:
    """The headings of a table of members."""
    return (*COLUMNS, ORG_COLUMN) if org_memberships else COLUMNS


def _cells_of_unreadable(problem: DecodeProblem, group: Group) -> dict[str, str]:
    """The texts of a record that could not be understood, by their headings."""
    return {
        "group_id": group.id,
        "group": group.name or "",
        "membership_id": problem.id or "",
        "name": f"{problem.path}: {problem.message}",
        "role": UNREADABLE,
    }


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
    """JSON lines: a head that names the format and the group, a line for each member, and one with their number.

    The last line also has the records that could not be understood, where there are any.
    """
    head = {
        "format": FORMAT,
        "version": VERSION,
        "group": {"id": group.id, "name": group.name},
        "reviewed_at": None if reviewed_at is None else reviewed_at.isoformat(),
        "org_memberships": org_memberships,
        "base_url": base_url,
        "api_version": api_version,
    }
    tail: dict[str, Any] = {"members": 0}

    def write_members(members: Iterable[ReviewedMember], unreadable: Iterable[DecodeProblem] = (), /) -> None:
        for member in members:
            write(json.dumps(_document(member)) + "\n")
            tail["members"] += 1
        for problem in unreadable:
            tail.setdefault("unreadable", []).append(attrs.asdict(problem, recurse=False))

    with opened_to_write(file) as write:
        write(json.dumps(head) + "\n")
        yield write_members
        write(json.dumps(tail) + "\n")


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


JsonlReview = tuple[
    Group,
    datetime | None,
    tuple[ReviewedMember, ...],
    bool,
    str | None,
    str | None,
    tuple[DecodeProblem, ...],
]
"""The group, when it was reviewed, the members, whether with organizations, the API's base URL and version, and what
could not be read."""


def read_jsonl(file: AnyFile, like: Mapping[str, ReviewedMember] = MappingProxyType({})) -> JsonlReview:
    """What is in the file, as the fields of a review.

    Members who are equal to those of `like`, which is by `person_of`, are these themselves: two reviews of a large
    group take little more memory than one.
    """
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
                        tuple(members),
                        head.take("org_memberships", bool),
                        head.maybe("base_url"),
                        head.maybe("api_version"),
                        tuple(map(_problem, entry.entries("unreadable"))) if entry.has("unreadable") else (),
                    )
                break
            else:
                members.append(_known(_member(entry, group), like))
    raise InvalidArgumentError(
        f"{source}: is not a complete review: the last line, which counts the members, is missing or wrong"
    )


def _known(member: ReviewedMember, like: Mapping[str, ReviewedMember]) -> ReviewedMember:
    same = like.get(person_of(member))
    return member if same is None or same != member else same


def _problem(entry: Reader) -> DecodeProblem:
    return DecodeProblem(
        id=entry.maybe("id"),
        path=entry.take("path", str),
        message=entry.take("message", str),
        cursor=entry.maybe("cursor"),
        data=entry.value("data"),
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


def read_csv(
    file: AnyFile, like: Mapping[str, ReviewedMember] = MappingProxyType({})
) -> tuple[Group, tuple[ReviewedMember, ...], tuple[DecodeProblem, ...]]:
    """The group, its members and what could not be read, without organizations: that column is for people to read.

    `like` is as in `read_jsonl`.
    """
    group = Group("")
    members: list[ReviewedMember] = []
    unreadable: list[DecodeProblem] = []
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
                if (members or unreadable) and cells["group_id"].lower() != group.id.lower():
                    raise InvalidArgumentError(f"{where}: is about a different group than the lines before")
                named = Group(cells["group_id"], cells["group"] or None)
                group = group if group == named else named
                if cells["role"] == UNREADABLE and not cells["role_id"]:
                    path, _, message = cells["name"].partition(": ")
                    unreadable.append(DecodeProblem(cells["membership_id"] or None, path, message))
                else:
                    members.append(_known(_csv_member(Reader(cells, where), cells, group), like))
        except csv.Error as error:
            raise InvalidArgumentError(f"{source}: is not CSV: {error}") from None
    return group, tuple(members), tuple(unreadable)


def _csv_member(entry: Reader, cells: dict[str, str], group: Group) -> ReviewedMember:
    return ReviewedMember(
        GroupMembership(
            id=cells["membership_id"],
            created_at=entry.moment("member_since") if cells["member_since"] else None,
            user=compact_user(
                cells["user_id"],
                cells["name"] or None,
                cells["username"] or None,
                cells["email"] or None,
                cells["login_method"] or None,
            ),
            role=shared_role(cells["role_id"], cells["role"] or None),
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
