"""A role for a while: an entry in the file of a desired state, with its end and the role after it."""

import io
import json
import os
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio.to_thread
import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access import _roles as roles
from groups_sdk.access._addresses import normalised
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import Identity, PeopleIndex, SsoAccount, described, identity_of, key_of
from groups_sdk.access._plan.columns import Columns, Field, with_email_column
from groups_sdk.access._plan.desired import DesiredMember, read_desired
from groups_sdk.access._plan.editing import END_FIELDS, edited_json, edited_json_lines, edited_table
from groups_sdk.access._plan.export import goes_by_name, readable_name
from groups_sdk.access._plan.formats import FileFormat, checked_format, format_of_name, format_of_text
from groups_sdk.access._plan.until import (
    REMOVE,
    after,
    as_duration,
    end_of,
    moment_text,
    shown_moment,
    until_text,
)
from groups_sdk.access._reading import TextOfFile, read_file
from groups_sdk.access._roles import same_role
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.access._writing import opened_to_write_bytes
from groups_sdk.errors import (
    AmbiguousMatchError,
    FileAccessError,
    InvalidArgumentError,
    MemberNotFoundError,
    RoleChoiceError,
)
from groups_sdk.models import Group, GroupMembership, Role, User

__all__ = ["Elevation", "elevate"]


@attrs.frozen(kw_only=True)
class Elevation(Serializable):
    """What was written: in the file `path`, `user` has `role` until `until`, and then the role `then`.

    `then` is None where that is their removal from the group. `notes` are what you should know. `str(elevation)` is a
    line such as "desired.csv: ada@example.com: Group Admin until 2026-12-31 17:00 UTC, then Group Member".
    """

    path: str
    group_id: str
    user: User
    role: Role
    then: Role | None
    until: datetime
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        user = self.user
        who = user.email or user.username or user.id
        then = "removed" if self.then is None else self.then.name or self.then.id
        role = self.role.name or self.role.id
        return printable(f"{self.path}: {who}: {role} until {shown_moment(self.until)}, then {then}")


async def elevate(
    client: Operations,
    group_id: str,
    person: str,
    path: str | os.PathLike[str],
    *,
    role: str | Role,
    lasting: str | timedelta | None,
    until: str | date | None,
    columns: Columns | None,
    email_column: str | None,
    file_format: FileFormat | None,
) -> Elevation:
    arguments.uuid("group_id", group_id)
    identity = identity_of(person)
    roles.checked(role)
    end, text = _end(lasting, until)
    read = partial(_File.read, path, with_email_column(columns, email_column), checked_format(file_format))
    file = await anyio.to_thread.run_sync(read)
    group = await client.get_group(group_id)
    listing = await list_members(client, group_id)
    member = _member(listing, identity)
    accounts, _ = await list_sso_accounts(client, group_id)
    by_sso = PeopleIndex(accounts)  # rows may use the names that the SSO has for people
    work = _Work(file, group, listing, by_sso, member, listing.roles.resolve(role), end, text)
    changed = work.changed_text()
    await anyio.to_thread.run_sync(partial(file.replace, changed))
    return Elevation(
        path=file.name,
        group_id=group_id,
        user=work.member.user,
        role=work.role,
        then=work.then,
        until=end,
        notes=tuple(work.notes),
    )


def _end(lasting: str | timedelta | None, until: str | date | None) -> tuple[datetime, str]:
    """The end, and how it is written."""
    now = datetime.now(UTC)
    if (lasting is None) == (until is None):
        raise InvalidArgumentError("give either lasting (how long) or until (when it ends)")
    if lasting is not None:
        begin = now.replace(microsecond=0) + timedelta(seconds=1 if now.microsecond else 0)
        end = after(begin, as_duration(lasting, "lasting"))
        return end, moment_text(end)
    end = end_of(until)
    if end <= now:
        raise InvalidArgumentError(f"until must be in the future; {shown_moment(end)} is past")
    return end, until_text(until)


def _member(listing: MemberListing, identity: Identity) -> GroupMembership:
    """The member who is meant for certain."""
    member = listing.people.find(identity)
    if member is None or (identity.names and listing.missing):
        listing.require_complete(by_name=bool(identity.names))
    if member is None:
        raise MemberNotFoundError(f"{str(identity)!r} is not a member of the group; nothing was written")
    return member


@attrs.frozen
class _File:
    """The file of a desired state, and what is in it."""

    name: str
    path: str
    content: TextOfFile
    columns: Columns | None
    format: FileFormat
    members: tuple[DesiredMember, ...]

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], columns: Columns | None, file_format: FileFormat | None
    ) -> "_File":
        if not isinstance(path, str | os.PathLike):
            raise InvalidArgumentError(f"path must be the path of a file; got {type(path).__name__}")
        name = os.fspath(path)
        content = read_file(path)
        found = file_format or format_of_name(name)
        if found is None:
            found = format_of_text(content.text, name, columns, one_role=False)
        members = _members_of(content.text, name, columns, found)
        return cls(name, os.path.realpath(path), content, columns, found, members)

    def read_again(self, text: str) -> tuple[DesiredMember, ...]:
        return _members_of(text, self.name, self.columns, self.format)

    def replace(self, text: str) -> None:
        """Write the text in place of what was read, unless somebody else has changed the file meanwhile."""
        data = self.content.encoded(text)
        if not Path(self.path).is_file() or Path(self.path).read_bytes() != self.content.data:
            raise FileAccessError(
                f"{self.name}: was changed by somebody else meanwhile; nothing was written", path=self.name
            )
        with opened_to_write_bytes(self.path) as write:
            write(data)


def _members_of(
    text: str, name: str, columns: Columns | None, file_format: FileFormat
) -> tuple[DesiredMember, ...]:
    file = io.StringIO(text, newline="")
    file.name = name  # what errors call it
    return read_desired(file, columns=columns, file_format=file_format).members


class _Work:
    """What is to be written for one member. Raises `InvalidArgumentError` where the file cannot say it."""

    def __init__(
        self,
        file: _File,
        group: Group,
        listing: MemberListing,
        by_sso: PeopleIndex[SsoAccount],
        member: GroupMembership,
        role: Role,
        end: datetime,
        until: str,
    ) -> None:
        self._file = file
        self._group = group
        self._listing = listing
        self._by_sso = by_sso
        self._until = until
        self._end = end
        self.member = member
        self.role = role
        self.notes: list[str] = [file.content.note] if file.content.note else []
        self._row = self._row_of(file.members)
        self._keeps_then = False
        self.then: Role | None = self._then()
        self._note_sole_role()

    def _row_of(self, members: tuple[DesiredMember, ...]) -> int | None:
        """Which row is about the member."""
        found = [number for number, row in enumerate(members) if self._is_about(row)]
        if len(found) > 1:
            rows = " and ".join(members[number].where for number in found)
            raise self._refused(f"{rows} are both about {described(self.member)}: remove one")
        return found[0] if found else None

    def _is_about(self, row: DesiredMember) -> bool:
        if row.group is not None and not self._is_group(row.group):
            return False
        identity = Identity(row.ids, row.names, row.where)
        try:
            found = self._listing.people.find(identity)
            if found is None:  # as in a plan: under another name
                alike = self._by_sso.all_of(identity, lookalikes=False)
                return any(key_of(account) == key_of(self.member) for account in alike)
        except AmbiguousMatchError as error:
            if any(key_of(member) == key_of(self.member) for member in error.matches):
                raise
            return False
        return key_of(found) == key_of(self.member)

    def _is_group(self, text: str) -> bool:
        names = {self._group.id.lower(), normalised(self._group.name or "")} - {""}
        return text.lower() in names or normalised(text) in names

    def _then(self) -> Role | None:
        """The role afterwards; None for their removal."""
        now = self.member.role
        if self._row is None:
            if same_role(now, self.role):
                raise self._refused(f"{described(self.member)} has the role {_named(now)} already")
            return self._checked_then(now)
        row = self._file.members[self._row]
        if row.until is None:
            before = self._resolved(row.role, row, row.role_name)
            if same_role(before, self.role):
                raise self._refused(
                    f"{row.where} gives them the role {_named(self.role)} already, without an end"
                )
            if not same_role(before, now):
                self.notes.append(
                    f"{row.where} gave them the role {_named(before)}, which they get back; they have {_named(now)}"
                )
            return before
        self._keeps_then = True
        if row.until > datetime.now(UTC):
            before = self._resolved(row.role, row, row.role_name)
            if not same_role(before, self.role) or row.until >= self._end:
                raise self._refused(
                    f"{row.where} gives them the role {_named(before)} until {shown_moment(row.until)} already, and a "
                    "row has one role and one end: change it by hand"
                )
        then = (
            None if row.then is None or row.then == REMOVE else self._resolved(row.then, row, row.then_name)
        )
        if same_role(then, self.role):
            raise self._refused(
                f"{row.where} gives them the role {_named(self.role)} already, without an end"
            )
        return then

    def _note_sole_role(self) -> None:
        """Nobody may have the role afterwards when they are to get it back: then the API cannot tell its name."""
        others = [m for m in self._listing.memberships if key_of(m) != key_of(self.member)]
        if self.then is not None and not any(same_role(m.role, self.then) for m in others):
            self.notes.append(
                f"nobody else has the role {_named(self.then)}: the plan that gives it back is refused, unless one "
                "has it by then, or apply gets allow_unknown_roles"
            )

    def _resolved(self, role: str | Role, row: DesiredMember, name: str | None) -> Role:
        try:
            found = self._listing.roles.resolve(role)
        except RoleChoiceError as error:
            raise RoleChoiceError(f"{self._file.name}: {row.where}: {error}", choices=error.choices) from None
        if name is not None and found.name and normalised(found.name) != normalised(name):
            raise self._refused(f"{row.where} names the role {name!r}, but its id is that of {found.name!r}")
        return found

    def _checked_then(self, role: Role) -> Role:
        if not roles.is_uuid(role.id):
            raise self._refused(f"the API does not tell the role of {described(self.member)}")
        return role

    def changed_text(self) -> str:
        """The whole file as it is to be, checked by reading it."""
        file = self._file
        text = file.content.text
        if file.format == "yaml":
            raise self._by_hand()
        try:
            if file.format == "csv":
                changed = edited_table(text, file.columns, self._row, self._cells)
            elif file.format == "jsonl":
                changed = edited_json_lines(text, file.columns, self._row, self._cells)
            else:
                changed = edited_json(text, file.columns, self._row, self._cells, self._is_group)
        except InvalidArgumentError as error:
            raise self._refused(str(error)) from None
        self._check(changed)
        return changed

    def _by_hand(self) -> InvalidArgumentError:
        cells = self._cells(("email", "user_id", "role", *END_FIELDS))
        entry = json.dumps({field: cell for field, cell in cells.items() if cell}, ensure_ascii=False)
        place = "add" if self._row is None else f"in {self._file.members[self._row].where}, write what is in"
        return self._refused(f"YAML is not edited, because its comments would be lost: {place} - {entry}")

    def _check(self, changed: str) -> None:
        """Raise unless the file says what it is to say now, and all else that it said before."""
        rows = self._file.read_again(changed)
        try:
            ours = [
                number for number, row in enumerate(rows) if row.until == self._end and self._is_about(row)
            ]
        except AmbiguousMatchError:
            ours = []
        others = [attrs.evolve(row, where="") for number, row in enumerate(rows) if number not in ours]
        kept = [
            attrs.evolve(row, where="")
            for number, row in enumerate(self._file.members)
            if number != self._row
        ]
        if others != kept or [self._says(rows[number]) for number in ours] != [True]:
            raise self._refused(
                f"its columns cannot say exactly who {described(self.member)} is: add a column user_id"
            )

    def _says(self, row: DesiredMember) -> bool:
        """Whether a row gives the role that it is to give, and the one after it."""
        resolve = self._listing.roles.resolve
        then = None if row.then is None or row.then == REMOVE else resolve(row.then)
        return same_role(resolve(row.role), self.role) and then == self.then

    def _cells(self, fields: Collection[Field]) -> Mapping[Field, str]:
        cells: dict[Field, str] = {}
        if self._row is None:
            user = self.member.user
            email = readable_name(user.email)
            group = (self._group.name or "") if "group_id" in fields else self._group.id
            cells |= {
                "email": email if "@" in email else "",
                "username": readable_name(user.username),
                "user_id": user.id,
                "membership_id": self.member.id,
                "group": group,
                "group_name": group,
                "group_id": self._group.id,
            }
        cells |= dict(_role_cells(self.role, self._listing, fields))
        cells["until"] = self._until
        if not self._keeps_then and self.then is not None:
            by_name = goes_by_name(self.then, self._listing.roles)
            cells |= {"then": (self.then.name or "") if by_name else "", "then_id": self.then.id}
        return {field: cell for field, cell in cells.items() if field in fields}

    def _refused(self, problem: str) -> InvalidArgumentError:
        return InvalidArgumentError(f"{self._file.name}: {problem}; nothing was written")


def _role_cells(role: Role, listing: MemberListing, fields: Collection[Field]) -> Iterator[tuple[Field, str]]:
    """A role in the columns that a file has for it: by name, or by id where the name is not enough."""
    by_name = (role.name or "") if goes_by_name(role, listing.roles) else ""
    yield "role", by_name or ("" if "role_id" in fields else role.id)
    yield "role_name", by_name or ("" if {"role", "role_id"} & {*fields} else role.id)
    yield "role_id", "" if by_name and {"role", "role_name"} & {*fields} else role.id


def _named(role: Role) -> str:
    return role.name or role.id


set_module("groups_sdk.access", globals(), ["Elevation"])
