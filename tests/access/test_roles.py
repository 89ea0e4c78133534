"""The roles that are in use, the one that a name or an id means, and which ones make an admin."""

from __future__ import annotations

from typing import Any

import pytest
from support.jobs import BOTH, NOWHERE, Jobs

from groups_sdk import ForbiddenError, InvalidArgumentError, Role, RoleChoiceError
from groups_sdk.access._roles import AdminRoles, RoleIndex
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = (f"{digit * 8}{NOWHERE[8:]}" for digit in "123")


@BOTH
async def test_the_roles_in_use_are_counted(kind: str) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        counts = await jobs("list_roles", fake.group_id)
    assert [(count.role.name, count.members) for count in counts] == [
        ("Group Member", 27),
        ("Group Viewer", 6),
        ("Group Admin", 3),
    ]


async def test_errors_of_the_api_come_through() -> None:
    fake = FakeSnyk.example()
    fake.add_token("blind", permissions=[])
    async with fake.async_client(token="blind") as client:
        with pytest.raises(ForbiddenError):
            await client.access.list_roles(fake.group_id)


def test_a_role_is_a_name_an_id_or_a_role() -> None:
    admin, reader = Role(ONE, "Group Admin"), Role(TWO, "Reader")
    index = RoleIndex([admin, reader, reader])
    assert index.resolve("Group Admin") == index.resolve(" group ADMIN ") == admin
    assert index.resolve(reader.id) == index.resolve(reader.id.upper()) == index.resolve(reader) == reader
    assert index.resolve(NOWHERE) == Role(NOWHERE)  # nobody has it yet
    assert index.resolve(Role(NOWHERE, "Reader")) == Role(NOWHERE), "a name that nobody confirms is dropped"
    with pytest.raises(
        RoleChoiceError, match=r"no member has a role named 'Owner'.*Reader.*Group Admin"
    ) as caught:
        index.resolve("Owner")
    assert caught.value.choices == (reader, admin)
    with pytest.raises(RoleChoiceError, match="in use: none"):
        RoleIndex([Role("")]).resolve("Owner")


def test_a_role_whose_name_and_id_disagree_is_refused() -> None:
    index = RoleIndex([Role(ONE, "Group Admin")])
    with pytest.raises(RoleChoiceError, match=f"{ONE} is named 'Group Admin', not 'Group Viewer'"):
        index.resolve(Role(ONE, "Group Viewer"))


def test_of_several_roles_with_one_name_none_is_taken() -> None:
    one, other, lower = Role(ONE, "Reader"), Role(TWO, "Reader"), Role(THREE, "reader")
    with pytest.raises(RoleChoiceError, match="several") as caught:
        RoleIndex([one, other, lower]).resolve("Reader")
    assert set(caught.value.choices) == {one, other}
    assert RoleIndex([one, lower]).resolve("Reader") == one, "a name that fits exactly counts first"
    with pytest.raises(RoleChoiceError, match="several"):
        RoleIndex([one, lower]).resolve("READER")


def test_a_role_that_only_looks_alike_is_not_taken_and_named() -> None:
    index = RoleIndex([Role(ONE, "Group \u0410dmin"), Role(TWO, "  Group Viewer ")])
    with pytest.raises(RoleChoiceError, match=r"only looks like 'Group \\u0410dmin'"):
        index.resolve("Group Admin")
    assert index.resolve("Group Viewer").id == TWO
    assert index.resolve("  Group Viewer ").id == TWO


@pytest.mark.parametrize("given", [(), "Group Admin", Role(ONE), [""], [Role("x")], [7]])
def test_admin_roles_that_are_not_valid(given: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        AdminRoles(given)


def test_which_roles_make_an_admin() -> None:
    assert AdminRoles().include(Role(ONE, " group admin "))
    assert not AdminRoles().include(Role(ONE, "Group \u0410dmin"))
    assert not AdminRoles().include(None)
    assert not AdminRoles().include(Role(ONE))
    chosen = AdminRoles(["Owner", TWO, Role(THREE, "Security")])
    assert [chosen.include(role) for role in (Role(ONE, "owner"), Role(TWO), Role(THREE, "Renamed"))] == [
        True
    ] * 3
    assert not chosen.include(Role(ONE, "Group Admin"))
    assert str(chosen) == f"Owner, {TWO}, {THREE}"
