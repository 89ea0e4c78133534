"""The accounts of a group's SSO users, and what they have in every group that the token sees, as one look shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import attrs

from groups_sdk.access._broken_records import has_unreadable_record
from groups_sdk.access._offboarding.group_listings import GroupListings, list_every_group
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import Account, Identity, PeopleIndex, described, key_of, the_one
from groups_sdk.access._sso import SsoAccounts, read_sso_accounts
from groups_sdk.errors import IncompleteListingError
from groups_sdk.models import Group, GroupMembership, User

__all__ = ["AccountsLook", "SsoUserAccount", "SsoUsers", "list_sso_users", "look_at_accounts"]


@attrs.frozen
class SsoUserAccount:
    """The account of an SSO user, and the connections that list it."""

    user: User
    connection_ids: tuple[str, ...]
    id: str = ""


@attrs.frozen
class SsoUsers:
    """All SSO users of a group, by user id, and the ids of its connections."""

    accounts: Mapping[str, SsoUserAccount]
    connection_ids: frozenset[str]


@attrs.frozen(slots=False)  # the index is made once
class AccountsLook:
    """What one look has shown. `earlier` are users whose deletion an earlier run has begun."""

    groups: GroupListings
    sso: SsoUsers
    earlier: tuple[SsoUserAccount, ...] = ()

    @cached_property
    def people(self) -> PeopleIndex[Account]:
        """Everybody who can be seen: somebody who goes by a name here may be meant by it."""
        return PeopleIndex([*self.sso.accounts.values(), *self.earlier, *self.groups.memberships])

    @cached_property
    def _memberships(self) -> Mapping[str, list[GroupMembership]]:
        found: dict[str, list[GroupMembership]] = {}
        for group_id, listing in self.groups.listings.items():
            for member in listing.memberships:
                known = attrs.evolve(member, group=self.groups.groups[group_id])
                found.setdefault(key_of(member), []).append(known)
        return found

    def memberships_of(self, user_id: str) -> tuple[GroupMembership, ...]:
        """The memberships of an account, in the groups that can be read."""
        return tuple(self._memberships.get(user_id, ()))

    def find(self, person: Identity) -> Account | None:
        """The only account that somebody goes by, of an SSO user or not.

        Raises `AmbiguousMatchError` when it is not certain whose account is meant.
        """
        return the_one(self.people.all_of(person), person)


async def look_at_accounts(
    client: Operations, group_id: str, earlier: Iterable[SsoUserAccount], *, concurrency: int
) -> AccountsLook:
    """Look at the SSO users of the group, and at the members of every group.

    Raises `IncompleteListingError` where a record cannot be understood: it may be about anybody.
    """
    try:
        sso = await list_sso_users(client, group_id)
        look = await list_every_group(client, also=[Group(group_id)], concurrency=concurrency)
        broken = [error for error in look.unreadable.values() if has_unreadable_record(error)]
        if broken:
            raise broken[0]
    except IncompleteListingError as error:
        raise IncompleteListingError(f"{error}; nothing was sent") from error.__cause__
    return AccountsLook(look, sso, tuple(earlier))


async def list_sso_users(client: Operations, group_id: str) -> SsoUsers:
    """All SSO users of a group. Raises whatever keeps them from being listed: names are certain only among all."""
    by_connection: SsoAccounts = {}
    await read_sso_accounts(client, group_id, by_connection)
    found: dict[str, SsoUserAccount] = {}
    for connection_id, accounts in by_connection.items():
        for id_, account in accounts.items():
            if not id_:
                raise IncompleteListingError(
                    f"not all SSO users of the group {group_id} can be read: {described(account)} is listed without an "
                    "id; nothing was sent"
                )
            before = found[id_].connection_ids if id_ in found else ()
            found[id_] = SsoUserAccount(account.user, (*before, connection_id))
    return SsoUsers(found, frozenset(by_connection))
