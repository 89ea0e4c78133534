"""Finding one person, and the roles that are in use."""

from __future__ import annotations

from typing import Any

import pytest
from support.jobs import BOTH, NOWHERE, Jobs

from groups_sdk import AmbiguousMatchError, ForbiddenError, InvalidArgumentError, Role, RoleChoiceError
from groups_sdk.access._roles import RoleIndex
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


@BOTH
async def test_one_person_is_found_by_each_criterion(kind: str) -> None:
    fake = FakeSnyk.example()
    member = fake.memberships(fake.group_id)[7]
    async with Jobs(fake, kind) as jobs:
        for criterion in (
            {"email": member.user.email},
            {"email": f" {member.user.email.upper()} "},
            {"user_id": member.user.id.upper()},
            {"username": member.user.username},
        ):
            found = await jobs("find_membership", fake.group_id, **criterion)
            assert (found.id, found.role.name) == (member.id, member.role.name)
        assert await jobs("find_membership", fake.group_id, email="nobody@example.com") is None
        assert await jobs("find_membership", fake.group_id, user_id=NOWHERE) is None


@pytest.mark.parametrize(
    "criteria",
    [{}, {"email": "a@x", "username": "a"}, {"email": " "}, {"user_id": "7"}, {"username": ""}],
)
async def test_bad_criteria_are_refused_before_anything_is_sent(criteria: dict[str, str]) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError):
            await client.access.find_membership(fake.group_id, **criteria)  # type: ignore[arg-type]
    assert fake.requests == []


async def test_several_who_fit_are_an_error_that_lists_them() -> None:
    fake = FakeSnyk()
    group, role = fake.add_group(), fake.add_role("Group Member")
    members = [
        fake.add_membership(group.id, fake.add_user(email=email).id, role.id)
        for email in ("twin@example.com", "Twin@Example.com")
    ]
    async with fake.async_client() as client:
        with pytest.raises(AmbiguousMatchError, match=members[1].id) as caught:
            await client.access.find_membership(group.id, email="twin@example.com")
    assert {match.id for match in caught.value.matches} == {member.id for member in members}


class Filtering(FakeSnyk):
    """Whose email filter compares letter by letter, or is not there at all."""

    exact = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        query = scope["query_string"].decode()
        if self.exact and "email=ADA" in query:
            query = query.replace("email=ADA", "email=no")
        if not self.exact:
            query = "&".join(part for part in query.split("&") if not part.startswith("email="))
        await super().__call__({**scope, "query_string": query.encode()}, receive, send)


@pytest.mark.parametrize("exact", [True, False])
async def test_a_filter_that_compares_otherwise_loses_and_invents_nobody(exact: bool) -> None:
    fake = Filtering.example()
    fake.exact = exact
    async with fake.async_client() as client:
        found = await client.access.find_membership(fake.group_id, email="ADA.0012@example.com")
        assert found is not None
        assert found.user.email == "ada.0012@example.com"
        assert await client.access.find_membership(fake.group_id, email="ADAM@example.com") is None


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
        with pytest.raises(ForbiddenError):
            await client.access.find_membership(fake.group_id, username="ada.0000")


def test_a_role_is_a_name_an_id_or_a_role() -> None:
    admin, reader = Role("1" * 8 + NOWHERE[8:], "Group Admin"), Role("2" * 8 + NOWHERE[8:], "Reader")
    book = RoleIndex([admin, reader, reader])
    assert book.resolve("Group Admin") == book.resolve(" group ADMIN ") == admin
    assert book.resolve(reader.id) == book.resolve(reader) == reader
    assert book.resolve(NOWHERE) == Role(NOWHERE)  # nobody has it yet
    with pytest.raises(
        RoleChoiceError, match=r"no member has a role named 'Owner'.*Reader.*Group Admin"
    ) as caught:
        book.resolve("Owner")
    assert caught.value.choices == (reader, admin)
    with pytest.raises(RoleChoiceError, match="in use: none"):
        RoleIndex([Role("")]).resolve("Owner")


def test_of_several_roles_with_one_name_none_is_taken() -> None:
    one, other = Role("1" * 8 + NOWHERE[8:], "Reader"), Role("2" * 8 + NOWHERE[8:], "Reader")
    lower = Role("3" * 8 + NOWHERE[8:], "reader")
    with pytest.raises(RoleChoiceError, match="several") as caught:
        RoleIndex([one, other, lower]).resolve("Reader")
    assert set(caught.value.choices) == {one, other}
    assert RoleIndex([one, lower]).resolve("Reader") == one, "a name that fits exactly counts first"
    with pytest.raises(RoleChoiceError, match="several"):
        RoleIndex([one, lower]).resolve("READER")
