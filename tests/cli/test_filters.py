"""The filters of `members`: however they are spelled, and never a silent nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.running import NOBODY, Done

from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]


@pytest.mark.parametrize("role", ["Group Admin", "group admin", " GROUP ADMIN "])
def test_role_is_found_however_it_is_spelled(group_id: str, cli: Call, role: str) -> None:
    done = cli("members", group_id, "--role", role)
    assert (done.code, {o["role"] for o in done.objects}, len(done.objects)) == (0, {"Group Admin"}, 3)


def test_role_is_found_by_its_id(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    admin = next(m.role for m in fake.memberships(group_id) if m.role.name == "Group Admin")
    done = cli("members", group_id, "--role", admin.id.upper(), "--limit", "2")
    assert [o["role_id"] for o in done.objects] == [admin.id] * 2


def test_role_that_nobody_has_is_not_an_empty_list(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("members", group_id, "--role", "Group Amin")
    assert (done.code, done.out) == (4, "")
    assert done.err == (
        f"groups-sdk: error: no member of {group_id} has the role 'Group Amin'. "
        "Roles in use: Group Member (27), Group Viewer (6), Group Admin (3)\n"
    )
    empty = fake.add_group("Empty")
    assert "Roles in use: none" in cli("members", empty.id, "--role", "x").err


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (["--email", "x@y.z"], "has the email 'x@y.z'"),
        (["--username", "x"], "has the username 'x'"),
        (["--user-id", NOBODY], f"has the user id {NOBODY!r}"),
        (["--email", "x@y.z", "--username", "x"], "has the email 'x@y.z' and the username 'x'"),
        (["--role", "Group Admin", "--username", "x"], "has the username 'x' and the role 'Group Admin'"),
    ],
)
@pytest.mark.usefixtures("fake")
def test_person_who_is_not_there_is_not_an_empty_list(cli: Call, filters: list[str], words: str) -> None:
    done = cli("members", "Engineering", *filters)
    assert (done.code, done.out) == (4, "")
    assert done.err == f"groups-sdk: error: no member of Engineering {words}\n"


def test_member_is_found_in_another_case(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    member = fake.memberships(group_id)[0]
    done = cli("members", group_id, "--email", member.user.email.upper())
    assert [o["membership_id"] for o in done.objects] == [member.id]


def test_group_without_members_is_an_empty_list(fake: FakeSnyk, cli: Call) -> None:
    done = cli("members", fake.add_group("Empty").id)
    assert (done.code, done.out, done.err) == (0, "", "")


@pytest.mark.parametrize(
    ("order", "sent"),
    [
        ([], None),
        (["--sort-by", "email"], "ASC"),
        (["--sort-by", "email", "--sort-order", "desc"], "DESC"),
        (["--sort-order", "desc"], "DESC"),
    ],
)
def test_sorted_members_ascend_unless_told(
    fake: FakeSnyk, group_id: str, cli: Call, order: list[str], sent: str | None
) -> None:
    assert cli("members", group_id, *order).code == 0
    assert dict(fake.requests[-1].query).get("sort_order") == sent


def test_somebody_who_is_written_exactly_like_that_goes_before_others(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    role = fake.roles()[0].id
    for username in ("bea", "Bea"):
        fake.add_membership(group_id, fake.add_user(username=username, email=f"{username}@x.com").id, role)
    assert [o["username"] for o in cli("members", group_id, "--username", "Bea").objects] == ["Bea"]
    assert [o["username"] for o in cli("members", group_id, "--username", "bea").objects] == ["bea"]
    assert {o["username"] for o in cli("members", group_id, "--username", "BEA").objects} == {"bea", "Bea"}
