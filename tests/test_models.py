"""The models: immutable values, whose optional members are None."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from groups_sdk import (
    Group,
    GroupMembership,
    Org,
    OrgMembership,
    Role,
    SsoConnection,
    SsoUser,
    User,
    models,
)  # fmt: skip

THEN = datetime(2026, 1, 2, tzinfo=UTC)


def examples() -> list[Any]:
    user, role, group = (
        User("u", email="ada@example.com"),
        Role("r", "Group Admin"),
        Group("g", "Engineering"),
    )
    return [
        user, role, group, Org("o"), SsoConnection("s", "Okta"), SsoUser("u", active=True),
        GroupMembership("m", THEN, user, role, group, 2), OrgMembership("n", None, user, role, Org("o", "Web")),
    ]  # fmt: skip


MEMBERS = {
    Group: ["id", "name", "created_at", "updated_at", "slug", "avatar_url", "logo_url", "tenant_id"],
    User: ["id", "name", "username", "email", "login_method"],
    Role: ["id", "name"],
    Org: ["id", "name"],
    GroupMembership: ["id", "created_at", "user", "role", "group", "group_membership_count"],
    OrgMembership: ["id", "created_at", "user", "role", "org"],
    SsoConnection: ["id", "name"],
    SsoUser: ["id", "name", "username", "email", "active", "membership_created_at", "membership_strategy"],
}


def test_the_members_are_the_published_ones_in_order() -> None:
    assert {cls.__name__ for cls in MEMBERS} == set(models.__all__)
    for cls, names in MEMBERS.items():
        assert [field.name for field in attrs.fields(cls)] == names


@pytest.mark.parametrize("cls", [Group, User, Role, Org, SsoUser])
def test_what_the_api_may_leave_out_is_none(cls: Any) -> None:
    thing = cls("")
    assert [value for name, value in attrs.asdict(thing).items() if name != "id"] == [None] * (
        len(MEMBERS[cls]) - 1
    )


def test_equal_values_are_equal_and_hash_alike_and_survive_copies_and_pickles() -> None:
    for one, other in zip(examples(), examples(), strict=True):
        assert one == other
        assert len({one, other}) == 1
        assert one == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert User("u") != User("v")
    assert len(set(examples())) == len(examples())


def test_nothing_in_them_can_be_changed_or_added() -> None:
    for thing in examples():
        for name in ("id", "no_such_member"):
            with pytest.raises(AttributeError):
                setattr(thing, name, "x")
        assert not hasattr(thing, "__dict__")
