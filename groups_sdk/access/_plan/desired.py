"""The desired state of a group, checked row by row: who is wanted, with which role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from groups_sdk.access import _roles as roles
from groups_sdk.access._addresses import normalised, read_address
from groups_sdk.access._plan.columns import Columns, with_email_column
from groups_sdk.access._plan.formats import FileFormat
from groups_sdk.access._plan.rows import PERSON, Row
from groups_sdk.access._plan.sources import Desired, read_source
from groups_sdk.access._plan.until import REMOVE, end_of
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Role

__all__ = ["Desired", "DesiredMember", "DesiredState", "read_desired"]

_SHOWN = 10


@attrs.frozen
class DesiredMember:
    """Somebody who is wanted in a group, with a role. `where` names the row in errors: "line 2".

    `ids` are user ids, or membership ids where a mapping or a review has nothing else, in lower case. `names` are
    email addresses and usernames as they were written, trimmed. All of them are of one person. `role` is a name, an
    id or a `Role`; `role_name` stands beside an id and should be its name. `group` is an id or a name, and None where
    the desired state does not say it.

    `until` is the first moment at which they are not to have the role any more, in UTC, and `then` the role that they
    are to have afterwards, or `REMOVE`; `then_name` should be its name, where that is an id. Both are None for access
    that does not end.
    """

    where: str
    role: str | Role
    role_name: str | None = None
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    group: str | None = None
    until: datetime | None = None
    then: str | Role | None = None
    then_name: str | None = None

    @property
    def who(self) -> str:
        """The person, for messages."""
        return (*self.names, *self.ids, "")[0]


@attrs.frozen
class DesiredState:
    """The desired members in their order. `source` is the path, or "desired"; `notes` are for the user.

    `partial` is True for a listing of members, which may have been asked for some of them only.
    """

    members: tuple[DesiredMember, ...]
    source: str
    notes: tuple[str, ...] = ()
    partial: bool = False


def read_desired(
    desired: Desired,
    *,
    columns: Columns | None = None,
    email_column: str | None = None,
    role: str | Role | None = None,
    file_format: FileFormat | None = None,
) -> DesiredState:
    """The desired state, checked. `desired` is one of these:

    - a mapping of roles by person: an email address, username, user id or membership id;
    - rows, such as `[{"email": "ada@example.com", "role": "Group Admin"}]`;
    - people without roles, such as `["ada@example.com"]`, who all get `role`;
    - a CSV, JSON, JSONL or YAML file with one of these, a review (.jsonl, .csv, .json), or a listing of members: its
      path, or the open file. `file_format` says which it is where the name does not; without it, the content tells.
      The delimiter of CSV is a comma, semicolon or tab; its encoding UTF-8, UTF-16 or, with a note, cp1252.

    Headings and keys are `email`, `username`, `user_id`, `role`, `role_id`, `role_name`, `group`, `group_id` and
    `group_name` or a usual synonym of them; `columns` says it for others: `{"email": "E-Mail", "role": "Rolle"}`, and
    `email_column` for the email only. Others are ignored, with one note; one that is close to a known one is refused.
    `{"groups": {...}}` has one mapping, or list, for each group.

    `until` says when a role ends: a date, which is over at its end in UTC, or a moment with its offset from UTC. `then`
    is the role afterwards (`then_id` its id), or "remove": with `until` it must be given, and only there.

    Raises `InvalidArgumentError` that names all rows that are not valid, and `ConfigurationError` for YAML without
    PyYAML.

    Example:
        state = read_desired("desired.csv", columns={"role": "Rolle"})
    """
    source = read_source(
        desired,
        columns=with_email_column(columns, email_column),
        role=None if role is None else roles.checked(role),
        file_format=file_format,
    )
    problems = list(source.problems)
    members: list[DesiredMember] = []
    seen = _Seen()
    for row in source.rows:
        try:
            member = _member(row)
        except InvalidArgumentError as error:
            problems.append(f"{row.where}: {error}")
            continue
        problems += seen.again(member)
        members.append(member)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InvalidArgumentError(f"{source.name}: {'; '.join(problems[:_SHOWN])}{more}")
    return DesiredState(tuple(members), source.name, source.all_notes(), source.partial)


class _Seen:
    """The members so far: nobody may be wanted twice in one group.

    Two rows with one name are two accounts only when both have an id, and not the same.
    """

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], str] = {}
        self._by_name: dict[tuple[str, str], str] = {}
        self._by_name_only: dict[tuple[str, str], str] = {}

    def again(self, member: DesiredMember) -> Iterator[str]:
        group = normalised(member.group or "")
        for id_ in member.ids:
            first = self._by_id.setdefault((group, id_), member.where)
            if first is not member.where:
                yield f"{member.where}: {id_} is already in {first}"
                return
        for name in dict.fromkeys(map(normalised, member.names)):
            key = (group, name)
            first = (self._by_name_only if member.ids else self._by_name).get(key, member.where)
            if first is not member.where:
                yield f"{member.where}: {member.names[0]} is already in {first}"
                return
        for name in member.names:
            key = (group, normalised(name))
            self._by_name.setdefault(key, member.where)
            if not member.ids:
                self._by_name_only.setdefault(key, member.where)


def _member(row: Row) -> DesiredMember:
    ids, names = _person(row)
    role, role_name = _role(row)
    group = row.group or _group(row)
    until, then, then_name = _end(row)
    return DesiredMember(row.where, role, role_name, ids, names, group, until, then, then_name)


def _person(row: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ids: list[str] = []
    names: dict[str, str] = {}
    user_id = _text(row, "user_id")
    if user_id:
        ids.append(_id("user", user_id))
    for field in (PERSON, "email", "username"):
        text = _text(row, field)
        if text and roles.is_uuid(text) and not row.verbatim:
            ids.append(text.lower())
        elif text:
            name = text if row.verbatim else read_address(text)
            if field == "email" and "@" not in name and not row.verbatim:
                raise InvalidArgumentError(f"{name!r} is not an email address")
            names.setdefault(normalised(name), name)
    membership_id = _text(row, "membership_id")
    if membership_id and not ids:
        ids.append(_id("membership", membership_id))
    if not ids and not names:
        raise InvalidArgumentError("an email address, a username or a user id is needed")
    return tuple(dict.fromkeys(ids)), tuple(names.values())


def _role(row: Row) -> tuple[str | Role, str | None]:
    """The role, and what it should be called where its id is given."""
    given = row.cells.get("role")
    if isinstance(given, Role):
        return roles.checked(given), None
    role, name, role_id = _text(row, "role"), _text(row, "role_name"), _text(row, "role_id")
    if role and name and not roles.is_uuid(role) and normalised(role) != normalised(name):
        raise InvalidArgumentError(f"role is {role!r}, but role_name is {name!r}")
    if role_id:
        called = name or role
        return _id("role", role_id), called if called and called.lower() != role_id.lower() else None
    if role and name and roles.is_uuid(role):
        return role, name
    if not (role or name):
        raise InvalidArgumentError("the role is empty")
    return role or name, None


def _end(row: Row) -> tuple[datetime | None, str | Role | None, str | None]:
    """When the role ends, and what the person is to have then: a role and what it should be called, or `REMOVE`."""
    value = row.cells.get("until")
    until = None if value is None or (isinstance(value, str) and not value.strip()) else end_of(value)
    then, name = _then(row)
    if until is None and then is not None:
        raise InvalidArgumentError(
            "then says what comes after until, which is empty: fill it in, or empty then"
        )
    if until is not None and then is None:
        raise InvalidArgumentError("until needs then: the role that they have afterwards, or remove")
    return until, then, name


def _then(row: Row) -> tuple[str | Role | None, str | None]:
    given = row.cells.get("then")
    role_id = _text(row, "then_id")
    if isinstance(given, Role):
        if role_id:
            raise InvalidArgumentError("then is a Role, which has its id: leave then_id out")
        return roles.checked(given), None
    then = _text(row, "then")
    if normalised(then) == REMOVE:
        if role_id:
            raise InvalidArgumentError("then is remove, but then_id is a role: leave one of them out")
        return REMOVE, None
    if role_id:
        return _id("role", role_id), then if then and then.lower() != role_id.lower() else None
    return then or None, None


def _group(row: Row) -> str | None:
    group_id = _text(row, "group_id")
    if group_id:
        return _id("group", group_id)
    return _text(row, "group") or _text(row, "group_name") or None


def _text(row: Row, field: str) -> str:
    """The text of a cell, trimmed; "" where there is none."""
    value: Any = row.cells.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        what = "person" if field == PERSON else field
        kind = "more than one value" if isinstance(value, list | tuple | Mapping) else type(value).__name__
        raise InvalidArgumentError(f"the {what} must be text; got {kind}")
    return value.strip()


def _id(what: str, text: str) -> str:
    if not roles.is_uuid(text):
        raise InvalidArgumentError(f"{text!r} is not a {what} id")
    return text.lower()
