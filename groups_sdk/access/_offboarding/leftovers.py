"""The second look of an offboarding: what people still have, in every group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from groups_sdk.access._offboarding.group_listings import OrgMemberships, list_every_group
from groups_sdk.access._offboarding.report import RemainingAccess, all_together
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import fatal
from groups_sdk.access._people import Identity, PeopleIndex, key_of
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.access._tasks import for_each
from groups_sdk.errors import GroupsError, NotFoundError
from groups_sdk.models import Group

__all__ = ["Leftovers", "Trace"]


@attrs.frozen
class Trace:
    """Where an account was found: organizations below that group may still know it. `orgs_read`: they did before."""

    group_id: str
    user_id: str
    person: str
    orgs_read: bool


class Leftovers:
    """What one second look has found, as far as it has come. `accounts` has for whom each account was found."""

    def __init__(
        self,
        client: Operations,
        people: Sequence[Identity],
        accounts: Mapping[str, str],
        groups: Mapping[str, Group],
        *,
        concurrency: int,
    ) -> None:
        self.groups: dict[str, Group] = dict(groups)
        self.remaining: list[RemainingAccess] = []
        self.sso_users: list[RemainingAccess] = []
        self.notes: list[str] = []
        self._client = client
        self._people = people
        self._accounts = accounts
        self._concurrency = concurrency

    async def look_at_memberships(self, traces: Iterable[Trace]) -> None:
        """Look for memberships of groups, and of organizations below the groups that people were found in.

        Raises the errors that any other request would meet too.
        """
        look = await list_every_group(self._client, also=self.groups.values(), concurrency=self._concurrency)
        self.groups = look.groups
        theirs = self._theirs(PeopleIndex(look.memberships))
        for group_id, listing in look.listings.items():
            for member in listing.memberships:
                person = theirs.get(key_of(member))
                if person is not None:
                    role = member.role.name or member.role.id
                    self._add(group_id, person, f"is a member of the group, with the role {role}")
        everybody = all_together(self._people)
        for group_id in look.groups:
            if group_id in look.unreadable:
                self._add(group_id, everybody, f"cannot be checked: {look.unreadable[group_id]}")
        reader = OrgMemberships(self._client)

        async def look_below(trace: Trace) -> None:
            orgs = await reader.read(trace.group_id, trace.user_id)
            if not isinstance(orgs, GroupsError):
                for membership in orgs:
                    org, role = membership.org, membership.role
                    text = f"is a member of the organization {org.name or org.id}, as {role.name or role.id}"
                    self._add(trace.group_id, trace.person, f"{text}; this API cannot remove it")
            elif not (trace.orgs_read and isinstance(orgs, NotFoundError) and orgs.from_api):
                # Where they were shown before, a 404 of the API means that it does not know the member any more.
                text = f"memberships of organizations cannot be checked: {orgs}"
                self._add(trace.group_id, trace.person, text)

        await for_each(look_below, dict.fromkeys(traces), concurrency=self._concurrency)
        order = list(self.groups)
        self.remaining.sort(key=lambda access: order.index(access.group.id))

    async def look_at_sso(self) -> None:
        """Look for accounts that can sign in by SSO. Raises the errors that any other request would meet too."""
        await for_each(self._look_at_sso_of, self.groups.values(), concurrency=self._concurrency)
        order = list(self.groups)
        self.sso_users.sort(key=lambda access: order.index(access.group.id))

    async def _look_at_sso_of(self, group: Group) -> None:
        try:
            accounts, notes = await list_sso_accounts(self._client, group.id)
        except GroupsError as error:
            if fatal(error) is not None:
                raise
            accounts, notes = [], [f"the SSO users of the group cannot be listed: {error}"]
        self.notes += [f"{group.name or group.id}: {note}" for note in notes]
        theirs = self._theirs(PeopleIndex(accounts))
        for account in accounts:
            person = theirs.get(key_of(account))
            if person is not None:
                user = account.user
                call = f"delete_sso_user({group.id!r}, {account.connection_id!r}, {user.id!r})"
                name = user.email or user.username or user.id
                text = f"can sign in by SSO as {name}; {call} would delete the account"
                self.sso_users.append(RemainingAccess(group, person, text))

    def _theirs(self, index: PeopleIndex[Any]) -> dict[str, str]:
        """For whom each account is: those that were found before, and those that the names fit now."""
        theirs = {
            key_of(account): str(p) for p in self._people for account in index.all_of(p, lookalikes=False)
        }
        return {**theirs, **self._accounts}

    def _add(self, group_id: str, person: str, text: str) -> None:
        self.remaining.append(RemainingAccess(self.groups[group_id], person, text))
