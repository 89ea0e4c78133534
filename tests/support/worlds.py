"""Small groups of named people, for tests that are about who is meant."""

from __future__ import annotations

from typing import Any

import attrs

from groups_sdk import AsyncGroupsClient, User
from groups_sdk.testing import FakeSnyk

ABE = "abe.c@mail.test"
ABE_LOGIN = "abe@login.test"
ROOT = "root@mail.test"


def group_of(*members: tuple[str, str] | tuple[str, str, str], **options: Any) -> FakeSnyk:
    """A group of members, each by email, username and role ("Group Member" unless given), in that order.

    There is an admin besides, root@mail.test.
    """
    fake = FakeSnyk(**options)
    group = fake.add_group("Acme")
    fake.group_id = group.id
    roles = {name: fake.add_role(name) for name in ("Group Admin", "Group Member", "Group Viewer")}
    for email, username, role in [
        (ROOT, "root", "Group Admin"),
        *((*member, "Group Member")[:3] for member in members),
    ]:
        user = fake.add_user(name=f"Shown-{username}", username=username, email=email)
        fake.add_membership(group.id, user.id, roles[role].id)
    return fake


def member(fake: FakeSnyk, email: str) -> Any:
    """The membership record of whoever has just that email address."""
    return next(m for m in fake.memberships(fake.group_id) if m.user.email == email)


def emails(fake: FakeSnyk) -> set[str]:
    return {m.user.email for m in fake.memberships(fake.group_id)}


def changed_listing(client: AsyncGroupsClient, users: dict[str, dict[str, Any] | None]) -> None:
    """Have listings of this client show the users of some memberships otherwise; None leaves a user out."""
    listing = client.list_memberships

    async def changed(items: Any) -> Any:
        return [
            attrs.evolve(m, user=User("") if users[m.id] is None else attrs.evolve(m.user, **users[m.id]))
            if m.id in users
            else m
            for m in items
        ]

    client.list_memberships = lambda *args, **options: listing(*args, **options).mapped(changed)  # type: ignore[method-assign]
