"""Removals of accounts from many groups: what is refused or cannot be read in one group leaves the others alone."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from groups_sdk.access._change_work import ChangeWork, Prepared
from groups_sdk.access._evidence import outcome_by_look
from groups_sdk.access._guards import Guards, require_admins, require_me
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._offboarding.group_listings import GroupListings
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Status, fatal
from groups_sdk.access._people import PeopleIndex, key_of
from groups_sdk.errors import GroupsError, ProtectedMemberError

__all__ = ["AccountRemovals"]


class AccountRemovals(ChangeWork):
    """Removes accounts from every group, with the guards and the evidence that all changes have."""

    def __init__(self, client: Operations, guards: Guards, *, cascade: bool) -> None:
        super().__init__(client, [], guards, cascade=cascade)
        self.accounts: Collection[str] = ()  # the keys of those that are to be removed
        self.left_alone: set[tuple[str, str]] = set()  # group and account, where one is not to be removed
        self._unreadable: dict[str, GroupsError] = {}
        self._refused: set[str] = set()  # by the key of the change

    def begin_with(self, look: GroupListings) -> None:
        """Go by this look at all groups. Raises what `require_me` and `require_admins` raise."""
        self.people = PeopleIndex(look.memberships)
        self._unreadable.update(look.unreadable)
        for listing in look.listings.values():
            self.adopt(listing)
        require_me(self.guards, [*self.group_guards.values()])
        require_admins(self.guards, [*self.group_guards.values()])
        self.note_missing_protected()

    def prepared(self) -> Prepared:
        """The outcomes of what is refused, and the removals in stages. Raises `ProtectedMemberError`."""
        outcomes, todo = self.decide()
        return outcomes, self._stages(todo)

    def decide(self) -> tuple[list[Outcome], list[Change]]:
        changes = [
            Change(
                action=Action.REMOVE,
                group_id=group_id,
                membership_id=member.id,
                user=member.user,
                before=member.role,
            )
            for group_id, listing in self.listings.items()
            for member in listing.memberships
            if key_of(member) in self.accounts and (group_id, key_of(member)) not in self.left_alone
        ]
        self.note_missing_admins(dict.fromkeys(change.group_id for change in changes))
        self._refuse(changes)
        refused = [_refusal(change) for change in changes if change.key in self._refused]
        return refused, [change for change in changes if change.key not in self._refused]

    async def look(self, group_id: str) -> MemberListing:
        """Look at a group again. One that cannot be read now shows nobody, and proves nothing."""
        try:
            return await list_members(self.client, group_id)
        except GroupsError as error:
            if fatal(error) is not None:
                raise
            self._unreadable[group_id] = error
            return MemberListing(group_id, (), time.monotonic(), partial=True)

    def check_again(self, changes: Sequence[Change]) -> None:
        self._refuse(
            [change for change in changes if outcome_by_look(change, self.listings[change.group_id]) is None]
        )

    async def perform(self, item: Change) -> Outcome:
        if item.key in self._refused:
            return _refusal(item)
        return await super().perform(item)

    def _refuse(self, changes: Sequence[Change]) -> None:
        """Refuse all removals of admins from a group that would lose its last one.

        Raises `ProtectedMemberError` for `me` and for people who are protected: that is a mistake in the request.
        """
        for group_id, guard in self.group_guards.items():
            of_group = [change for change in changes if change.group_id == group_id]
            guard.check_people(of_group)
            if not guard.leaves_admin(of_group):
                self._refused.update(change.key for change in of_group if guard.takes_admin(change))


def _refusal(change: Change) -> Outcome:
    error = ProtectedMemberError(
        "the group would be left without an admin; nothing was sent (allow_last_admin permits it)"
    )
    return Outcome(change, Status.FAILED, error, sent=False)
