"""What the fake knows: groups, users, roles, memberships; and the listings of them in any order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from random import Random
from typing import Any, Generic, TypeVar

import attrs

ADMIN = "Group Admin"
START = datetime(2023, 1, 2, 9, 30, tzinfo=UTC)
_GIVEN = (
    "Ada",
    "Grace",
    "Alan",
    "Edsger",
    "Barbara",
    "Donald",
    "Frances",
    "Ken",
    "Radia",
    "Tony",
    "Margaret",
    "Niklaus",
)
_FAMILY = (
    "Ahmed",
    "Berg",
    "Chen",
    "Dubois",
    "Eze",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kim",
)
_LOGINS = ("saml", "saml", "saml", "github", "password")
_FIXED_BITS = 0xF000 << 64 | 0xC000 << 48  # of a UUID: its version and variant
_VERSION_4 = 0x4000 << 64 | 0x8000 << 48


@attrs.frozen
class GroupRecord:
    id: str
    name: str
    slug: str
    tenant_id: str
    created_at: datetime
    updated_at: datetime


@attrs.frozen
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


@attrs.frozen
class MembershipRecord:
    """A membership of a group."""

    id: str
    sequence: int
    group_id: str
    user: UserRecord
    role: RoleRecord
    created_at: datetime


@attrs.frozen
class OrgMembershipRecord(MembershipRecord):
    """A membership of an organization below a group."""

    org: OrgRecord


@attrs.frozen
class SsoConnectionRecord:
    id: str
    name: str
    group_id: str


@attrs.frozen
class SsoUserRecord:
    sequence: int
    user: UserRecord
    connection_id: str
    active: bool
    created_at: datetime
    strategy: str


SORT_KEYS: dict[str | None, Callable[[MembershipRecord], str]] = {
    None: lambda m: "",
    "username": lambda m: m.user.username,
    "user_display_name": lambda m: m.user.name,
    "email": lambda m: m.user.email,
    "login_method": lambda m: m.user.login_method or "",
    "role_name": lambda m: m.role.name,
}

R = TypeVar("R")
Key = tuple[str, int]
BEFORE_ALL: Key = ("", -1)
AFTER_ALL: Key = (chr(0x10FFFF), 1 << 62)


class Listing(Generic[R]):
    """Records in ascending order of a text and their sequence, to be cut into pages in both directions."""

    def __init__(
        self, records: Iterable[R], key: Callable[[R], Key], keep: Callable[[R], bool] | None = None
    ) -> None:
        self._key = key
        self._keep = keep
        rows = [(key(record), record) for record in records if keep is None or keep(record)]
        rows.sort(key=itemgetter(0))
        self._keys = [row[0] for row in rows]
        self._records = [row[1] for row in rows]

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, record: R) -> None:
        """Take in a record, where the listing is of such."""
        if self._keep is None or self._keep(record):
            key = self._key(record)
            place = bisect_left(self._keys, key)
            self._keys.insert(place, key)
            self._records.insert(place, record)

    def discard(self, record: R) -> None:
        """Let go of a record, where the listing has it."""
        if self._keep is None or self._keep(record):
            place = bisect_left(self._keys, self._key(record))
            del self._keys[place], self._records[place]

    def having(self, text: str) -> list[R]:
        """The records with just this text."""
        return self._records[
            bisect_left(self._keys, (text, 0)) : bisect_right(self._keys, (text, AFTER_ALL[1]))
        ]

    def cut(
        self, limit: int, cursor: Key | None, *, backwards: bool, descending: bool
    ) -> tuple[list[R], Key | None, Key | None]:
        """A page, and the keys of the rows at its ends where there are more beyond: (items, before, after)."""
        keys = self._keys
        if backwards != descending:  # towards the smaller keys
            end = len(keys) if cursor is None else bisect_left(keys, cursor)
            start = max(0, end - limit)
        else:
            start = 0 if cursor is None else bisect_right(keys, cursor)
            end = min(len(keys), start + limit)
        page = self._records[start:end]
        low = keys[start] if page and start > 0 else None
        high = keys[end - 1] if page and end < len(keys) else None
        return (page[::-1], high, low) if descending else (page, low, high)


class Book(Generic[R]):
    """Records by id, with their listings, which are kept up to date."""

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
        self._records[id_] = record
        for listing in self._listings.values():
            listing.add(record)
        return record

    def remove(self, id_: str) -> None:
        record = self._records.pop(id_)
        for listing in self._listings.values():
            listing.discard(record)

    @contextmanager
    def changing(self, record: R) -> Generator[None, None, None]:
        """Inside, and nowhere else, the record may be changed."""
        for listing in self._listings.values():
            listing.discard(record)
        yield
        for listing in self._listings.values():
            listing.add(record)

    def listing(
        self, name: Any, key: Callable[[R], Key], keep: Callable[[R], bool] | None = None
    ) -> Listing[R]:
        """The records that `keep` keeps, in the order of `key`; `name` stands for the two of them."""
        found = self._listings.get(name)
        if found is None:
            found = self._listings[name] = Listing(self, key, keep)
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
        bits = self._random.getrandbits(128)
        digits = (bits & ~_FIXED_BITS | _VERSION_4).to_bytes(16, "big").hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence

    def moment(self) -> datetime:
        """A creation time: each is a little later than the one before."""
        return START + timedelta(minutes=37 * self._sequence)

    def add_user(
        self,
        name: str | None = None,
        username: str | None = None,
        email: str | None = None,
        login_method: str | None = "",
    ) -> UserRecord:
        """A user; what is not given is made up."""
        number = len(self.users)
        name = name or f"{_GIVEN[number % len(_GIVEN)]} {_FAMILY[number % len(_FAMILY)]}"
        username = username or f"{name.split()[0].lower()}.{number:04d}"
        email = email or f"{username}@example.com"
        if login_method == "":
            login_method = _LOGINS[number % len(_LOGINS)]
        user = UserRecord(self.new_id(), name, username, email, login_method)
        return self.users.put(user.id, user)

    def admin_count(self, group_id: str) -> int:
        return len(self.memberships_by(group_id, ADMIN, None))

    def memberships_by(
        self, group_id: str, role_name: str | None, sort_by: str | None
    ) -> Listing[MembershipRecord]:
        """The memberships of a group, with one role or all, in the order of a column or else of their making."""
        if role_name is not None and all(role.name != role_name for role in self.roles):
            return Listing(
                (), lambda m: ("", 0)
            )  # none to be kept, or any filter would leave a listing behind
        text = SORT_KEYS[sort_by]
        keep = None if role_name is None else lambda m: m.role.name == role_name
        return self.memberships[group_id].listing((role_name, sort_by), lambda m: (text(m), m.sequence), keep)

    def add_membership(self, group_id: str, user: UserRecord, role: RoleRecord) -> MembershipRecord:
        sequence = self.next_sequence()
        record = MembershipRecord(self.new_id(), sequence, group_id, user, role, self.moment())
        self.members[group_id, user.id] = record.id
        return self.memberships[group_id].put(record.id, record)

    def memberships_of(
        self, group_id: str, email: str | None, user_id: str | None, username: str | None
    ) -> list[MembershipRecord]:
        """The memberships of the users whom all that is not None fits, in a group."""
        book = self.memberships[group_id]
        if user_id is not None:
            id_ = self.members.get((group_id, user_id.lower()))
            found = [] if id_ is None else [book[id_]]
        elif email is not None:
            by_email = book.listing("address", lambda m: (m.user.email.lower(), m.sequence))
            found = by_email.having(email.lower())
        else:
            found = self.memberships_by(group_id, None, "username").having(username or "")
        return [
            m
            for m in found
            if email is None or m.user.email.lower() == email.lower()
            if username in (None, m.user.username)
        ]

    def change_role(self, record: MembershipRecord, role: RoleRecord) -> None:
        with self.memberships[record.group_id].changing(record):
            object.__setattr__(
                record, "role", role
            )  # frozen: whoever was handed the record cannot do this unseen

    def remove_membership(self, record: MembershipRecord) -> None:
        self.memberships[record.group_id].remove(record.id)
        del self.members[record.group_id, record.user.id]

    def orgs_of(self, group_id: str, user_id: str) -> list[OrgMembershipRecord]:
        """A user's memberships of the organizations below a group."""
        return (
            self.org_memberships[group_id].listing("user", lambda m: (m.user.id, m.sequence)).having(user_id)
        )
