"""Desired members, checked row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.jobs import NOWHERE

from groups_sdk import GroupMembership, InvalidArgumentError, Role, User
from groups_sdk.access import Review, ReviewedMember
from groups_sdk.access._plan.desired import DesiredMember, read_desired
from groups_sdk.models import Group

USER = "111b3025-829d-4eed-8dc3-78970722756e"
OTHER = "222b3025-829d-4eed-8dc3-78970722756e"
ROLE = "602ac25b-f929-4a91-9f0a-ea68001d5229"
GROUP = "7c8d3b62-0a3d-4a1e-9a55-0d6f2ec0a6b1"


def table(tmp_path: Path, text: str) -> tuple[DesiredMember, ...]:
    path = tmp_path / "d.csv"
    path.write_text(text, encoding="utf-8")
    return read_desired(path).members


def test_a_person_goes_by_any_identifier() -> None:
    members = read_desired(
        {
            " Ada@x.com ": " Reader ",
            "abe": Role(ROLE),
            USER.upper(): ROLE,
            "Bob <bob@x.com>": "Reader",
        }
    ).members
    assert members == (
        DesiredMember("' Ada@x.com '", "Reader", names=("Ada@x.com",)),
        DesiredMember("'abe'", Role(ROLE), names=("abe",)),
        DesiredMember(repr(USER.upper()), ROLE, ids=(USER,)),
        DesiredMember("'Bob <bob@x.com>'", "Reader", names=("bob@x.com",)),
    )
    assert [member.who for member in members] == ["Ada@x.com", "abe", USER, "bob@x.com"]


def test_guarded_cells_user_ids_and_groups_are_understood(tmp_path: Path) -> None:
    assert table(
        tmp_path,
        "user_id,email,username,role,group\n"
        f"{NOWHERE.upper()},ada@x.com,ADA@x.com,'=Reader,\n"
        f",'+bob@x.com,bob,'-Owner, Payments \n"
        f",{USER},,R,\n"
        f"{USER},,,R,Payments\n",
    ) == (
        DesiredMember("line 2", "=Reader", ids=(NOWHERE,), names=("ada@x.com",)),
        DesiredMember("line 3", "-Owner", names=("+bob@x.com", "bob"), group="Payments"),
        DesiredMember("line 4", "R", ids=(USER,)),
        DesiredMember("line 5", "R", ids=(USER,), group="Payments"),
    )
    assert table(
        tmp_path, f"membership_id,email,role,group_id,group_name\n{USER},,R,{GROUP.upper()},x\n{USER},,R,,x\n"
    ) == (
        DesiredMember("line 2", "R", ids=(USER,), group=GROUP),
        DesiredMember("line 3", "R", ids=(USER,), group="x"),
    )


@pytest.mark.parametrize(
    ("cells", "role", "role_name"),
    [
        ("Reader,,", "Reader", None),
        (",Reader,", "Reader", None),
        ("Reader, reader ,", "Reader", None),
        (f",,{ROLE.upper()}", ROLE, None),
        (f"Reader,,{ROLE}", ROLE, "Reader"),
        (f",Reader,{ROLE}", ROLE, "Reader"),
        (f"{ROLE},Reader,", ROLE, "Reader"),
        (f"{ROLE},,{ROLE}", ROLE, None),
        (f"{ROLE},Reader,{ROLE}", ROLE, "Reader"),
    ],
)
def test_a_role_goes_by_name_or_id(cells: str, role: str, role_name: str | None, tmp_path: Path) -> None:
    (member,) = table(tmp_path, f"email,role,role_name,role_id\na@x.com,{cells}\n")
    assert (member.role, member.role_name) == (role, role_name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("email,role\nada@x.com,\n", "line 2: the role is empty"),
        ("email,role\nada@x.com\n", "line 2: the role is empty"),
        ("email,role_id\nada@x.com,Reader\n", "line 2: 'Reader' is not a role id"),
        ("email,role,role_name\na@x.com,R,S\n", "line 2: role is 'R', but role_name is 'S'"),
        ("email,role\nada,Reader\n", "line 2: 'ada' is not an email address"),
        ("email,role\n\na b@x.com,Reader\n", "line 3: 'a b@x.com' is not an email address or a username"),
        ("email,role\n,Reader\n", "line 2: an email address, a username or a user id is needed"),
        ("user_id,role\nada@x.com,Reader\n", "line 2: 'ada@x.com' is not a user id"),
        ("membership_id,role\nada@x.com,Reader\n", "line 2: 'ada@x.com' is not a membership id"),
        ("email,role,group_id\na@x.com,R,Payments\n", "line 2: 'Payments' is not a group id"),
        ('email,role\n"""x@y"" <a@b>",R\n', "line 2: .* has two addresses"),
    ],
)
def test_bad_rows_are_named(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        table(tmp_path, text)


@pytest.mark.parametrize(
    "rows",
    [
        "a@x.com,,,\n A@X.com,,,\n",
        "a@x.com,,,\n,a@x.com,,\n",
        f"a@x.com,,{USER},\nb@x.com,,{USER.upper()},\n",
        f"a@x.com,,{USER},\na@x.com,,,\n",
        f"a@x.com,,,\na@x.com,,{USER},\n",
        "a@x.com,,,Payments\nA@x.com,,,payments\n",
    ],
)
def test_nobody_is_wanted_twice(rows: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"line 3: .* is already in line 2$"):
        table(tmp_path, "email,username,user_id,group,role\n" + rows.replace("\n", ",R\n"))


@pytest.mark.parametrize(
    "rows",
    [
        "a@x.com,a@x.com,,\nb@x.com,,,\n",
        f"a@x.com,,{USER},\na@x.com,,{OTHER},\n",  # two accounts under one address
        "a@x.com,,,Payments\na@x.com,,,Search\n",
        "steve@x.com,,,\n\u017fteve@x.com,,,\n",
        "stra\u00dfe@x.com,,,\nstrasse@x.com,,,\n",
    ],
)
def test_two_people_are_two(rows: str, tmp_path: Path) -> None:
    assert len(table(tmp_path, "email,username,user_id,group,role\n" + rows.replace("\n", ",R\n"))) == 2


def test_all_bad_rows_are_told_at_once_though_not_without_end(tmp_path: Path) -> None:
    rows = "".join(f"{number},Reader\n" for number in range(13))
    with pytest.raises(InvalidArgumentError, match=r"line 2: '0' .*line 11: '9' .*; and 3 more$"):
        table(tmp_path, f"email,role\n{rows}")
    with pytest.raises(
        InvalidArgumentError, match="None: an email address, a username or a user id is needed"
    ):
        read_desired({None: "Reader"})  # type: ignore[dict-item] # which is the point
    with pytest.raises(InvalidArgumentError, match=r"'a@x\.com': role\.id must be a UUID"):
        read_desired({"a@x.com": Role("x")})


def test_a_review_is_read_by_its_ids_and_its_names_as_they_are(tmp_path: Path) -> None:
    def member(user_id: str, email: str | None, username: str | None, role: str | None) -> ReviewedMember:
        user = User(user_id, "=Ada", username, email)
        since = datetime(2025, 11, 5, tzinfo=UTC)
        return ReviewedMember(
            GroupMembership(OTHER, since, user, Role(ROLE, role), Group(GROUP, "Payments")), None
        )

    review = Review(
        Group(GROUP, "Payments"),
        datetime(2025, 11, 5, tzinfo=UTC),
        (
            member(USER, "odd one <a@b>", GROUP, " Reader "),
            member("", None, "only a membership", None),
        ),
    )
    wanted = [
        (ROLE, "Reader", (USER,), ("odd one <a@b>", GROUP), GROUP),
        (ROLE, None, (OTHER,), ("only a membership",), GROUP),
    ]
    review.to_csv(tmp_path / "r.csv")
    review.to_jsonl(tmp_path / "r.jsonl")
    for name in ("r.csv", "r.jsonl"):
        members = read_desired(tmp_path / name).members
        assert [(m.role, m.role_name, m.ids, m.names, m.group) for m in members] == wanted
        assert [m.where for m in members] == ["line 2", "line 3"]
    whole = (tmp_path / "r.jsonl").read_text()
    (tmp_path / "r.jsonl").write_text(whole[: whole.rindex("{")])
    with pytest.raises(InvalidArgumentError, match=r"r\.jsonl: is not a complete review"):
        read_desired(tmp_path / "r.jsonl")
    (tmp_path / "r.jsonl").write_text('{"format": "groups_sdk.review", "version": 7}\n')
    with pytest.raises(InvalidArgumentError, match=r"r\.jsonl: line 1: has version 7 of its format"):
        read_desired(tmp_path / "r.jsonl")
