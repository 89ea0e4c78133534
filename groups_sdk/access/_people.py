"""Who is meant: every job finds people here, by one set of rules.

A person goes by a user id, a membership id, an email address and a username. An address may stand for the email or
for the username, whatever column it was written in. Display names are chosen by their owners: they never identify
anybody for a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import attrs

from groups_sdk._arguments import UUID
from groups_sdk._terminal import printable
from groups_sdk.access._addresses import normalised, read_address
from groups_sdk.access._lookalikes import skeleton
from groups_sdk.errors import AmbiguousMatchError, InvalidArgumentError
from groups_sdk.models import GroupMembership, User

__all__ = [
    "Account",
    "Identity",
    "PeopleIndex",
    "SsoAccount",
    "described",
    "identity_of",
    "key_of",
    "the_one",
]


class Account(Protocol):
    """What one person has: a membership, or a login by SSO."""

    @property
    def id(self) -> str: ...

    @property
    def user(self) -> User: ...


A = TypeVar("A", bound=Account)


@attrs.frozen
class Identity:
    """What is said of one person: ids (of the user or of the membership), and names (email addresses, usernames).

    All of it has to lead to the same person. `where` is the row that says it, for messages.
    """

    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    where: str = ""

    def __str__(self) -> str:
        return printable(" / ".join(self.names + self.ids))

    @property
    def place(self) -> str:
        return f"{self.where}: " if self.where else ""


def identity_of(person: object, argument: str = "person", where: str = "") -> Identity:
    """What somebody wrote for one person: an id, an email address, or a username. Of a row it is all that it says."""
    if isinstance(person, Identity):
        return person
    if not isinstance(person, str):
        raise InvalidArgumentError(
            f"{argument} must be an email address, a username, a user id or a membership id; got {person!r}"
        )
    if UUID.fullmatch(person.strip()):
        return Identity(ids=(person.strip().lower(),), where=where)
    try:
        return Identity(names=(read_address(person),), where=where)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{argument}: {error}") from None


class _Keys:
    """The accounts that go by a text. Almost always that is one, of which thousands are kept."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._all: dict[str, set[str]] = {}  # where there are several

    def add(self, text: str, key: str) -> None:
        first = self._first.setdefault(text, key)
        if first != key:
            self._all.setdefault(text, {first}).add(key)

    def get(self, text: str) -> set[str]:
        return self._all.get(text) or ({self._first[text]} if text in self._first else set())


class PeopleIndex(Generic[A]):
    """Accounts, found by what identifies people."""

    def __init__(self, accounts: Iterable[A] = ()) -> None:
        self._accounts: dict[str, A] = {}
        self._by_id = _Keys()
        self._by_name = _Keys()
        self._skeletons: dict[str, list[str]] | None = None
        for account in accounts:
            self.add(account)

    def add(self, account: A) -> None:
        key = key_of(account)
        if self._accounts.setdefault(key, account).id == account.id:
            self._accounts[key] = account  # a membership that is listed twice is as it was listed last
        for id_ in _ids_of(account):
            self._by_id.add(id_, key)
        for name in map(normalised, _names_of(account)):
            self._by_name.add(name, key)

    def __iter__(self) -> Iterator[A]:
        return iter(self._accounts.values())

    def __len__(self) -> int:
        return len(self._accounts)

    def by_id(self, id_: str) -> A | None:
        """The account with this id, of the user or of the membership."""
        keys = self._by_id.get(id_.lower())
        return self._accounts[next(iter(keys))] if len(keys) == 1 else None

    def all_of(self, identity: Identity, *, lookalikes: bool = True) -> list[A]:
        """Every account that the identity fits: more than one, where several go by the same name.

        Raises `AmbiguousMatchError` when parts of the identity lead to different people, when an id is not the one of
        the account that the names lead to, and with `lookalikes` when there is only somebody whose name looks the same.
        """
        found: list[set[str]] = []
        strangers: list[str] = []
        for id_ in identity.ids:
            keys = self._by_id.get(id_.lower())
            if not keys:
                strangers.append(id_)
            else:
                found.append(keys)
        found += [keys for name in identity.names if (keys := self._by_name.get(normalised(name)))]
        if not found:
            if lookalikes:
                self._refuse_lookalikes(identity)
            return []
        fitting = set.intersection(*found)
        if not fitting:
            self._refuse(identity, "the identifiers of this row name different people", set.union(*found))
        if strangers:
            problem = f"{strangers[0]} is not the id of the member with this name"
            self._refuse(identity, problem, fitting)
        return [account for key, account in self._accounts.items() if key in fitting]

    def find(self, identity: Identity) -> A | None:
        """The one account that the identity fits, or None. Raises `AmbiguousMatchError` also when several fit."""
        return the_one(self.all_of(identity), identity)

    def _refuse_lookalikes(self, identity: Identity) -> None:
        if self._skeletons is None:
            self._skeletons = {}
            for key, account in self._accounts.items():
                for name in _names_of(account):
                    self._skeletons.setdefault(skeleton(name), []).append(key)
        for name in identity.names:
            keys = self._skeletons.get(skeleton(name))
            if keys:
                spelled = ", ".join(
                    dict.fromkeys(
                        ascii(other)
                        for key in keys
                        for other in _names_of(self._accounts[key])
                        if skeleton(other) == skeleton(name)
                    )
                )
                problem = f"{name!a} only looks like {spelled}; if you mean that one, give the user id"
                self._refuse(identity, problem, set(keys))

    def _refuse(self, identity: Identity, problem: str, keys: set[str]) -> None:
        accounts = [account for key, account in self._accounts.items() if key in keys]
        listed = "; ".join(map(described, accounts))
        raise AmbiguousMatchError(
            f"{identity.place}{printable(problem)} ({identity}): {listed}", matches=_memberships(accounts)
        )


def the_one(found: Sequence[A], identity: Identity) -> A | None:
    """The only account, or None. Raises `AmbiguousMatchError` when there are several."""
    if len(found) > 1:
        listed = "; ".join(map(described, found))
        raise AmbiguousMatchError(
            f"{identity.place}{len(found)} accounts are called {str(identity)!r}; "
            f"give the user id of the one you mean: {listed}",
            matches=_memberships(found),
        )
    return found[0] if found else None


def key_of(account: Account) -> str:
    """What tells one account from the others: the user's id or, where the API left that out, the membership's."""
    return (account.user.id or account.id).lower()


@attrs.frozen
class SsoAccount:
    """A user of an SSO connection, whose id `connection_id` is."""

    user: User
    connection_id: str = ""
    id: str = ""
    active: bool | None = None


def described(account: Account) -> str:
    """One account in a message: whoever reads it can tell it from any other."""
    user = account.user
    names = [name for name in (user.email, user.username, user.name) if name]
    shown = " / ".join(dict.fromkeys(names)) or "(no name)"
    id_ = f"user id {user.id}" if user.id else f"membership id {getattr(account, 'id', '?')}"
    return printable(f"{shown} ({id_})")


def _ids_of(account: Account) -> list[str]:
    return [id_.lower() for id_ in (account.user.id, account.id) if id_]


def _names_of(account: Account) -> list[str]:
    return [name for name in (account.user.email, account.user.username) if name and name.strip()]


def _memberships(accounts: Sequence[Account]) -> tuple[GroupMembership, ...]:
    return tuple(account for account in accounts if isinstance(account, GroupMembership))
