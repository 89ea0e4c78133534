"""What the fake knows: groups, users, roles, memberships; and the listings of them in any order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Generic, TypeVar
from uuid import UUID

import attrs

START = datetime(2023, 1, 2, 9, 30, tzinfo=UTC)


@attrs.define
class GroupRecord:
    id: str
    name: str
    slug: str
    tenant_id: str
    created_at: datetime
    updated_at: datetime


@attrs.define
class UserRecord:
    id: str
    name: str
    username: str
    email: str
    login_method: str | None


@attrs.frozen
class RoleRecord:
    id: str
    name: str
    kind: str  # group_role or org_role


@attrs.frozen
class OrgRecord:
    id: str
    name: str
    group_id: str


@attrs.define
class MembershipRecord:
    """A membership of a group."""

    id: str
    sequence: int
    group_id: str
    user: UserRecord
    role: RoleRecord
    created_at: datetime


@attrs.define
class OrgMembershipRecord(MembershipRecord):
    """A membership of an organization below a group."""

    org: OrgRecord


@attrs.frozen
class SsoConnectionRecord:
    id: str
    name: str
    group_id: str


@attrs.define
class SsoUserRecord:
    sequence: int
    user: UserRecord
    connection_id: str
    active: bool
    created_at: datetime
    strategy: str


R = TypeVar("R")
Key = tuple[str, int]


class Listing(Generic[R]):
    """Records in ascending order of a text and their sequence, to be cut into pages in both directions."""

    def __init__(self, records: Iterable[R], key: Callable[[R], Key]) -> None:
        self._rows = sorted(((key(record), record) for record in records), key=lambda row: row[0])

    def cut(
        self, limit: int, cursor: Key | None, *, backwards: bool, descending: bool
    ) -> tuple[list[R], Key | None, Key | None]:
        """A page, and the keys of the rows at its ends where there are more beyond: (items, before, after)."""
        rows = self._rows
        if backwards != descending:  # towards the smaller keys
            end = len(rows) if cursor is None else bisect_left(rows, cursor, key=lambda row: row[0])
            start = max(0, end - limit)
        else:
            start = 0 if cursor is None else bisect_right(rows, cursor, key=lambda row: row[0])
            end = min(len(rows), start + limit)
        page = rows[start:end]
        low = page[0][0] if page and start > 0 else None
        high = page[-1][0] if page and end < len(rows) else None
        if descending:
            return [record for _, record in reversed(page)], high, low
        return [record for _, record in page], low, high


class Book(Generic[R]):
    """Records by id, with their listings kept until the next change."""

    def __init__(self) -> None:
        self._records: dict[str, R] = {}
        self._listings: dict[Any, Listing[R]] = {}

    def __getitem__(self, id_: str) -> R:
        return self._records[id_]

    def __iter__(self) -> Iterator[R]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def get(self, id_: str) -> R | None:
        return self._records.get(id_.lower())

    def put(self, id_: str, record: R) -> R:
        self._records[id_.lower()] = record
        self._listings.clear()
        return record

    def remove(self, id_: str) -> None:
        del self._records[id_.lower()]
        self._listings.clear()

    def changed(self) -> None:
        self._listings.clear()

    def listing(self, name: Any, keep: Callable[[R], bool], key: Callable[[R], Key]) -> Listing[R]:
        """The records that `keep` keeps, in the order of `key`; `name` stands for the two of them."""
        found = self._listings.get(name)
        if found is None:
            found = self._listings[name] = Listing(filter(keep, self), key)
        return found


class State:
    """All that there is. Ids come from a seeded generator: the same steps give the same ids."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - ids of a fake
        self._sequence = 0
        self.groups: Book[GroupRecord] = Book()
        self.users: Book[UserRecord] = Book()
        self.roles: Book[RoleRecord] = Book()
        self.orgs: Book[OrgRecord] = Book()
        self.memberships: dict[str, Book[MembershipRecord]] = {}
        self.org_memberships: dict[str, Book[OrgMembershipRecord]] = {}
        self.sso_connections: Book[SsoConnectionRecord] = Book()
        self.sso_users: dict[str, Book[SsoUserRecord]] = {}
        self.members: dict[tuple[str, str], str] = {}  # (group, user) to membership

    def new_id(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def moment(self) -> datetime:
        """A creation time: each is a little later than the one before."""
        return START + timedelta(minutes=37 * self._sequence)

    def admin_count(self, group_id: str) -> int:
        return sum(record.role.name == ADMIN for record in self.memberships[group_id])

    def add_membership(self, group_id: str, user: UserRecord, role: RoleRecord) -> MembershipRecord:
        sequence = self.next_sequence()
        record = MembershipRecord(self.new_id(), sequence, group_id, user, role, self.moment())
        self.members[group_id, user.id] = record.id
        return self.memberships[group_id].put(record.id, record)

    def remove_membership(self, record: MembershipRecord) -> None:
        self.memberships[record.group_id].remove(record.id)
        del self.members[record.group_id, record.user.id]

    def orgs_of(self, group_id: str, user_id: str) -> list[OrgMembershipRecord]:
        return [record for record in self.org_memberships[group_id] if record.user.id == user_id]


ADMIN = "Group Admin"
