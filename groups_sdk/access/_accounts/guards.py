"""What no deletion of an account may do: it ends every membership that the account has, in every group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from groups_sdk.access._accounts.look import AccountsLook
from groups_sdk.access._guards import (
    GroupGuard,
    Guards,
    listed,
    require_admins,
    unprotected,
    without_admin,
)
from groups_sdk.access._outcomes import Action, Change, Status
from groups_sdk.access._people import Identity, key_of
from groups_sdk.errors import MemberNotFoundError, ProtectedMemberError

__all__ = ["AccountGuards"]


class AccountGuards:
    """The guards by one look, and by what was deleted since. `before` are those that these take over from.

    Raises `AmbiguousMatchError` when it is not certain who is guarded, `MemberNotFoundError` when `me` is nobody, and
    `ProtectedMemberError` when nobody has the admin roles that were named.
    """

    def __init__(self, guards: Guards, look: AccountsLook, before: AccountGuards | None = None) -> None:
        self._guards = guards
        self._look = look
        self._me = self._keys([guards.me] if guards.me else [])
        self._protected = self._keys(guards.protect)
        if guards.me is not None and not self._me:
            raise MemberNotFoundError(
                f"me={str(guards.me)!r} was not found among the members and the SSO users: check the spelling; "
                "nothing was sent"
            )
        missing = [person for person in guards.protect if not look.people.all_of(person)]
        self.notes: list[str] = [
            f"{unprotected(person)} any group, and no SSO user: check the spelling" for person in missing
        ]
        self._not_found = bool(missing)
        earlier = {} if before is None else before._groups
        self._groups: dict[str, GroupGuard] = {
            group_id: GroupGuard(guards, listing, earlier.get(group_id), look.people)
            for group_id, listing in look.groups.listings.items()
        }
        require_admins(guards, [*self._groups.values()])

    def _keys(self, people: Iterable[Identity]) -> set[str]:
        return {key_of(account) for person in people for account in self._look.people.all_of(person)}

    def is_me(self, change: Change) -> bool:
        return change.person in self._me

    def check_people(self, changes: Sequence[Change]) -> None:
        """Refuse all of it when an account is that of `me` or of somebody protected. Raises `ProtectedMemberError`."""
        mine = [change for change in changes if change.person in self._me]
        if mine and not self._guards.allow_self:
            raise ProtectedMemberError(
                f"your own account would be deleted: {listed(mine)}; nothing was sent (allow_self permits it)"
            )
        protected = [change for change in changes if change.person in self._protected]
        if protected:
            raise ProtectedMemberError(
                f"protected accounts would be deleted: {listed(protected)}; nothing was sent"
            )
        nameless = [c for c in changes if c.user and not (c.user.email or c.user.username)]
        if nameless and self._not_found:
            raise ProtectedMemberError(
                "accounts would be deleted of which the API tells neither an email address nor a username: they may be "
                f"those in protect who were not found: {listed(nameless)}; nothing was sent"
            )

    def last_admins(self, changes: Sequence[Change]) -> dict[str, ProtectedMemberError]:
        """Why accounts are refused, by the key of the change: their group would be left without an admin."""
        refused: dict[str, ProtectedMemberError] = {}
        for group_id, guard in self._groups.items():
            removals = {c.key: r for c in changes for r in self._removals(c) if r.group_id == group_id}
            if removals and guard.without_admin:
                self.notes.append(without_admin(group_id, self._guards))
            if not guard.leaves_admin([*removals.values()]):
                group = self._look.groups.groups[group_id]
                error = ProtectedMemberError(
                    f"the group {group.name or group.id} would be left without an admin; nothing was sent "
                    "(allow_last_admin permits it)"
                )
                refused.update(
                    (key, error) for key, removal in removals.items() if guard.takes_admin(removal)
                )
        return refused

    def begin(self, change: Change) -> ProtectedMemberError | None:
        """Told before an account is deleted. The error, when it must not be."""
        begun: list[Change] = []
        for removal in self._removals(change):
            error = self._groups[removal.group_id].begin(removal)
            if error is not None:
                self._end(begun, Status.NOT_STARTED)
                return error
            begun.append(removal)
        return None

    def end(self, change: Change, status: Status) -> None:
        """Told what came of it."""
        self._end(self._removals(change), status)

    def _end(self, removals: Iterable[Change], status: Status) -> None:
        for removal in removals:
            self._groups[removal.group_id].end(removal, status)

    def _removals(self, change: Change) -> list[Change]:
        """What the deletion amounts to: the end of each membership."""
        return [
            Change(
                action=Action.REMOVE,
                group_id=member.group.id,
                membership_id=member.id,
                user=member.user,
                before=member.role,
            )
            for member in self._look.memberships_of(change.person)
        ]
