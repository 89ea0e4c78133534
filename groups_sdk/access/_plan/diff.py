"""What would have to change in a group for it to be as desired."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk.access._bulk import same_role
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._plan.desired import Desired, Wish, read_desired
from groups_sdk.access._plan.plan import NotInSnyk, Plan
from groups_sdk.access._roles import RoleIndex
from groups_sdk.errors import AmbiguousMatchError, ForbiddenError, InvalidArgumentError, NotFoundError
from groups_sdk.models import Group, GroupMembership, Role, User

__all__ = ["make_plan"]


async def make_plan(client: Operations, group_id: str, desired: Desired, *, prune: bool) -> Plan:
    arguments.uuid("group_id", group_id)
    wishes = read_desired(desired)
    if prune and not wishes:
        raise InvalidArgumentError("nobody is desired: with prune=True that would remove every member")
    group = await client.get_group(group_id)
    members = [membership async for membership in client.list_memberships(group_id)]
    book = RoleIndex(membership.role for membership in members)
    plan = _Planning(group, members, [(wish, book.resolve(wish.role)) for wish in wishes])
    unseen = {wish.email.casefold() for wish, _ in plan.missing if wish.email}
    if unseen:
        found, notes = await _sso_users(client, group_id, unseen)
    else:
        found, notes = {}, []
    return plan.made(found, notes, prune=prune)


class _Planning:
    """The wishes, put beside the members."""

    def __init__(
        self, group: Group, members: Iterable[GroupMembership], wishes: Iterable[tuple[Wish, Role]]
    ) -> None:
        self._group = group
        self._members = list(members)
        self._by_id = {m.user.id.lower(): m for m in self._members if m.user.id}
        self._by_email: dict[str, list[GroupMembership]] = {}
        for membership in self._members:
            if membership.user.email:
                self._by_email.setdefault(membership.user.email.strip().casefold(), []).append(membership)
        self._wanted: dict[str, tuple[Wish, Change]] = {}  # by membership
        self.missing: list[tuple[Wish, Role]] = []
        for wish, role in wishes:
            member = self._member(wish)
            if member is None:
                self.missing.append((wish, role))
            else:
                self._want(wish, _role_change(self._group.id, member, role), member.id.lower())

    def _member(self, wish: Wish) -> GroupMembership | None:
        if wish.user_id is not None:
            return self._by_id.get(wish.user_id)
        found = self._by_email.get((wish.email or "").casefold(), [])
        if len(found) > 1:
            listed = ", ".join(membership.user.id for membership in found)
            raise AmbiguousMatchError(
                f"{wish.where}: {len(found)} members have the email {wish.email!r}; give the user id: {listed}",
                matches=tuple(found),
            )
        return found[0] if found else None

    def _want(self, wish: Wish, change: Change, key: str) -> None:
        if key in self._wanted:
            other, _ = self._wanted[key]
            raise InvalidArgumentError(f"{wish.where}: {wish.who} is the person of {other.where} too")
        self._wanted[key] = wish, change

    def made(self, found: dict[str, list[User]], notes: list[str], *, prune: bool) -> Plan:
        creates: list[Change] = []
        nowhere: list[NotInSnyk] = []
        for wish, role in self.missing:
            users = [User(id=wish.user_id)] if wish.user_id else found.get((wish.email or "").casefold(), [])
            if len(users) == 1:
                member = self._by_id.get(users[0].id.lower())  # under another email address
                if member is not None:
                    self._want(wish, _role_change(self._group.id, member, role), member.id.lower())
                    continue
                change = Change(action=Action.ADD, group_id=self._group.id, user=users[0], role=role)
                self._want(wish, change, users[0].id.lower())
                creates.append(change)
            else:
                reason = (
                    f"several users have this email address, give the user id: {', '.join(u.id for u in users)}"
                    if users
                    else "no member and no SSO user of this group that can be seen has this email address"
                )
                nowhere.append(NotInSnyk(who=wish.who, role=role.name or role.id, reason=reason))
        updates = [change for _, change in self._wanted.values() if change.action is Action.SET_ROLE]
        others = [m for m in self._members if m.id.lower() not in self._wanted]
        return Plan(
            group=Group(id=self._group.id, name=self._group.name),
            made_at=datetime.now(UTC).replace(microsecond=0),
            prune=prune,
            creates=tuple(creates),
            role_changes=tuple(change for change in updates if not same_role(change)),
            removals=tuple(_removal(self._group.id, membership) for membership in others) if prune else (),
            stays=tuple(change for change in updates if same_role(change)),
            not_in_snyk=tuple(nowhere),
            not_mentioned=0 if prune else len(others),
            notes=tuple(notes),
        )


def _role_change(group_id: str, membership: GroupMembership, role: Role) -> Change:
    return Change(
        action=Action.SET_ROLE,
        group_id=group_id,
        membership_id=membership.id,
        user=membership.user,
        before=membership.role,
        role=role,
    )


def _removal(group_id: str, membership: GroupMembership) -> Change:
    return attrs.evolve(_role_change(group_id, membership, membership.role), action=Action.REMOVE, role=None)


async def _sso_users(
    client: Operations, group_id: str, emails: set[str]
) -> tuple[dict[str, list[User]], list[str]]:
    """The users of the group's SSO connections who have these email addresses, and what could not be read."""
    found: dict[str, dict[str, User]] = {}
    try:
        async for connection in client.list_sso_connections(group_id):
            async for user in client.list_sso_users(group_id, connection.id):
                email = (user.email or "").strip().casefold()
                if email in emails:
                    known = User(id=user.id, name=user.name, username=user.username, email=user.email)
                    found.setdefault(email, {})[user.id.lower()] = known
    except (ForbiddenError, NotFoundError) as error:
        return _lists(found), [f"not all SSO users of the group can be seen: {error}"]
    return _lists(found), []


def _lists(found: dict[str, dict[str, User]]) -> dict[str, list[User]]:
    return {email: list(users.values()) for email, users in found.items()}
