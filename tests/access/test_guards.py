"""What no change may do, also when it is noticed only just before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from groups_sdk import Group, GroupMembership, Role, User
from groups_sdk.access import Action, Change
from groups_sdk.access._guards import GroupGuard, Guards
from groups_sdk.access._listing import MemberListing
from groups_sdk.access._outcomes import Status

ADMIN, MEMBER = Role("1", "Group Admin"), Role("2", "Group Member")


def membership(number: int, role: Role) -> GroupMembership:
    user = User(f"{number * 11111111}-0000-4000-8000-000000000000", email=f"p{number}@mail.test")
    return GroupMembership(f"m{number}", datetime(2025, 1, 1, tzinfo=UTC), user, role, Group("g"))


PEOPLE = [membership(1, ADMIN), membership(2, MEMBER), membership(3, MEMBER)]


def guard(guards: Guards) -> GroupGuard:
    return GroupGuard(guards, MemberListing("g", tuple(PEOPLE), 0.0))


def removal(member: GroupMembership) -> Change:
    return Change(
        action=Action.REMOVE, group_id="g", membership_id=member.id, user=member.user, before=member.role
    )


def test_who_is_guarded_is_refused_at_the_last_moment_too() -> None:
    guarded = guard(Guards.of(me="p2@mail.test", protect=["p3@mail.test"]))
    admin, me, protected = map(removal, PEOPLE)
    assert "your own membership would be changed; it was not sent" in str(guarded.begin(me))
    assert "protected members would be changed; it was not sent" in str(guarded.begin(protected))
    assert "without an admin; it was not sent" in str(guarded.begin(admin))


def test_what_is_permitted_is_not_refused() -> None:
    guarded = guard(Guards.of(me="p2@mail.test", allow_self=True, allow_last_admin=True))
    for change in map(removal, PEOPLE):
        assert guarded.begin(change) is None


def test_who_was_deleted_is_no_admin_by_a_look_that_began_before() -> None:
    admins = [membership(1, ADMIN), membership(2, ADMIN)]
    listing = MemberListing("g", tuple(admins), 0.0)
    before = GroupGuard(Guards.of(), listing)
    assert before.begin(removal(admins[0])) is None
    before.end(removal(admins[0]), Status.APPLIED)
    now = GroupGuard(Guards.of(), listing, before)
    assert "without an admin; it was not sent" in str(now.begin(removal(admins[1])))
    now.end(attrs.evolve(removal(admins[0]), action=Action.ADD, role=ADMIN), Status.APPLIED)
    assert now.begin(removal(admins[1])) is None, "they are an admin again"
