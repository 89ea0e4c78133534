"""The accounts of a group: its members, and those who sign in by its SSO and could be added."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._people import Account, Identity, PeopleIndex, SsoAccount, described, key_of
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.errors import AmbiguousMatchError
from groups_sdk.models import GroupMembership, Role, User

__all__ = ["Accounts", "list_accounts"]

A = TypeVar("A", bound=Account)


class Accounts:
    """Who goes by a name, in a group and around it. `notes` say what could not be looked at."""

    def __init__(self, listing: MemberListing, around: Iterable[Account], notes: list[str]) -> None:
        self.listing = listing
        self.notes = notes
        self._everybody: PeopleIndex[Account] = PeopleIndex()
        active: dict[str, list[bool | None]] = {}
        for account in (*listing.memberships, *around):
            self._everybody.add(account)
            if isinstance(account, SsoAccount):
                active.setdefault(key_of(account), []).append(account.active)
        self._deactivated = {key for key, said in active.items() if False in said and True not in said}

    def member(self, identity: Identity) -> GroupMembership | None:
        """The member that goes by any of these names and ids; None where nobody does.

        Raises `AmbiguousMatchError` for several, and where somebody only looks alike.
        """
        member = _only(self.listing.people, identity)
        if member is None:  # under another name, where the SSO knows them by this one
            account = _only(self._everybody, identity)
            member = None if account is None else self.membership(account)
        return member

    def anybody(self, identity: Identity) -> Account | None:
        """The same, of members and of those who could be added."""
        return _only(self._everybody, identity)

    def membership(self, account: Account) -> GroupMembership | None:
        """The membership of an account, where it has one."""
        return self.listing.people.by_id(account.user.id) if account.user.id else None

    def refusal(self, account: Account, identity: Identity) -> str | None:
        """Why the account that was found by an identity should get nothing; None when nothing is known against it."""
        if key_of(account) in self._deactivated:
            return f"the SSO user {described(account)} is deactivated"
        if self.notes and not identity.ids and self.membership(account) is None:
            return (
                f"another user may have the name of {described(account)} (give the user id of the one you mean): "
                f"{'; '.join(self.notes)}"
            )
        return None

    def give(self, account: Account, role: Role) -> Change:
        """The change with which an account gets a role, whether it is a member or not."""
        member = self.membership(account)
        return Change(
            action=Action.ADD if member is None else Action.SET_ROLE,
            group_id=self.listing.group_id,
            membership_id=None if member is None else member.id,
            user=_known(account.user) if member is None else member.user,
            before=None if member is None else member.role,
            role=role,
        )


def _known(user: User) -> User:
    return User(id=user.id, name=user.name, username=user.username, email=user.email)


def _only(people: PeopleIndex[A], identity: Identity) -> A | None:
    parts = [Identity(ids=(id_,), where=identity.where) for id_ in identity.ids]
    parts += [Identity(names=(name,), where=identity.where) for name in identity.names]
    found = {key_of(account): account for part in parts for account in people.all_of(part)}
    if len(found) > 1:
        listed = "; ".join(map(described, found.values()))
        memberships = tuple(account for account in found.values() if isinstance(account, GroupMembership))
        raise AmbiguousMatchError(
            f"{identity.place}{len(found)} accounts are called {str(identity)!r}; "
            f"give the user id of the one you mean: {listed}",
            matches=memberships,
        )
    return next(iter(found.values()), None)


async def list_accounts(client: Operations, group_id: str) -> Accounts:
    """The members of a group and the users of its SSO connections.

    Raises `IncompleteListingError` when members may have been left out.
    """
    listing = await list_members(client, group_id)
    if listing.missing:
        listing.require_complete()
    around, notes = await list_sso_accounts(client, group_id)
    return Accounts(listing, around, notes)
