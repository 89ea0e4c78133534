"""Desired states as people write them down, and the plans that come of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.jobs import BOTH, NOWHERE, Jobs, changes_sent, role_id

from groups_sdk import (
    AmbiguousMatchError,
    ForbiddenError,
    InvalidArgumentError,
    NotFoundError,
    Plan,
    Role,
    RoleChoiceError,
)
from groups_sdk.access._plan.desired import read_desired
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ADA, GRACE, ALAN = (f"{name}@example.com" for name in ("ada.0000", "grace.0001", "alan.0002"))


@BOTH
async def test_a_plan_says_what_would_change_and_changes_nothing(kind: str) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user(email="stranger@example.com")
    connection, *_ = fake.sso_connections(fake.group_id)
    by_sso = fake.add_user(name="Sso Person", email="SSO@example.com")
    fake.add_sso_user(connection.id, by_sso.id)
    desired = {
        ADA: "Group Member",
        GRACE.upper(): "group member",
        fake.memberships(fake.group_id)[2].user.id: Role(role_id(fake, "Group Viewer")),
        stranger.id: "Group Viewer",
        "sso@example.com": "Group Admin",
        "nobody@example.com": "Group Member",
    }
    async with Jobs(fake, kind) as jobs:
        plan = await jobs("plan", fake.group_id, desired)
        pruning = await jobs("plan", fake.group_id, desired, prune=True)
    assert [(c.user.email, c.before.name, c.role.name) for c in plan.role_changes] == [
        (ADA, "Group Admin", "Group Member"),
        (ALAN, "Group Member", None),
    ]
    assert [(c.user.id, c.role.name) for c in plan.creates] == [
        (stranger.id, "Group Viewer"),
        (by_sso.id, "Group Admin"),
    ]
    assert [c.user.email for c in plan.stays] == [GRACE]
    assert [(n.who, n.role) for n in plan.not_in_snyk] == [("nobody@example.com", "Group Member")]
    assert (plan.removals, plan.not_mentioned, plan.prune) == ((), 33, False)
    assert (len(pruning.removals), pruning.not_mentioned, pruning.prune) == (33, 0, True)
    assert plan.changes == (*plan.creates, *plan.role_changes)
    assert changes_sent(fake) == []
    text = str(plan)
    assert text.splitlines()[0].startswith(f"Plan for Engineering ({fake.group_id}), made ")
    assert text.splitlines()[1:] == [
        f"  + add {stranger.id} as Group Viewer",
        "  + add SSO@example.com as Group Admin",
        f"  ~ {ADA}: Group Admin -> Group Member",
        f"  ~ {ALAN}: Group Member -> {role_id(fake, 'Group Viewer')}",
        "  ! nobody@example.com cannot be added as Group Member: no member and no SSO user of this group that can be "
        "seen has this email address",
        "2 to add, 2 to change, 0 to remove, 1 to stay, 33 not mentioned and left alone, 1 not in Snyk",
    ]
    assert "  - remove " in str(pruning)
    for made in (plan, pruning):
        twin = Plan.from_json(made.to_json())
        assert twin == made
        assert twin.fingerprint == made.fingerprint
    assert plan.fingerprint != pruning.fingerprint


async def test_an_sso_user_who_is_a_member_under_another_address_is_that_member() -> None:
    fake = FakeSnyk.example()
    connection, *_ = fake.sso_connections(fake.group_id)
    _, member, nameless, *_ = fake.memberships(fake.group_id)
    if member.user.id not in {user.user.id for user in fake.sso_users(connection.id)}:
        fake.add_sso_user(connection.id, member.user.id)
    addresses = {member.id: "old@example.com", nameless.id: None}
    async with fake.async_client() as client:
        listing = client.list_memberships

        def with_addresses(group_id: str, **options: Any) -> Any:
            async def changed(items: Any) -> Any:
                return [
                    attrs.evolve(m, user=attrs.evolve(m.user, email=addresses.get(m.id, m.user.email)))
                    for m in items
                ]

            return listing(group_id, **options).mapped(changed)

        client.list_memberships = with_addresses  # type: ignore[method-assign]
        plan = await client.access.plan(fake.group_id, {GRACE: "Group Admin"})
        assert [c.membership_id for c in plan.role_changes] == [member.id]
        with pytest.raises(InvalidArgumentError, match="is the person of"):
            await client.access.plan(fake.group_id, {GRACE: "Group Admin", "old@example.com": "Group Viewer"})


async def test_sso_users_that_may_not_be_seen_are_a_note() -> None:
    fake = FakeSnyk.example()
    fake.add_token("half", permissions=["group.read", "group.membership.read"])
    async with fake.async_client(token="half") as client:
        plan = await client.access.plan(fake.group_id, {"nobody@example.com": "Group Member"})
        assert len(plan.not_in_snyk) == 1
        assert "not all SSO users of the group can be seen" in plan.notes[0]
        assert plan.notes[0] in str(plan)
        fake.requests.clear()
        assert (await client.access.plan(fake.group_id, {ADA: "Group Admin"})).notes == ()


async def test_several_sso_users_or_members_with_one_address_are_not_guessed_at() -> None:
    fake = FakeSnyk.example()
    connection, *_ = fake.sso_connections(fake.group_id)
    twins = [fake.add_user(email="twin@example.com") for _ in range(2)]
    for twin in twins:
        fake.add_sso_user(connection.id, twin.id)
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, {"twin@example.com": "Group Member"})
        assert plan.creates == ()
        assert all(twin.id in plan.not_in_snyk[0].reason for twin in twins)
        for twin in twins:
            fake.add_membership(fake.group_id, twin.id, role_id(fake, "Group Member"))
        with pytest.raises(AmbiguousMatchError, match="give the user id") as caught:
            await client.access.plan(fake.group_id, {"twin@example.com": "Group Member"})
        assert len(caught.value.matches) == 2


async def test_what_cannot_be_planned_is_refused() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        with pytest.raises(RoleChoiceError, match="Owner"):
            await client.access.plan(fake.group_id, {ADA: "Owner"})
        with pytest.raises(NotFoundError):
            await client.access.plan(NOWHERE, {ADA: "Group Admin"})
        fake.requests.clear()
        user = fake.memberships(fake.group_id)[0].user
        with pytest.raises(InvalidArgumentError, match="is the person of"):
            await client.access.plan(fake.group_id, {ADA: "Group Admin", user.id: "Group Admin"})
        count = len(fake.requests)
        with pytest.raises(InvalidArgumentError, match="would remove every member"):
            await client.access.plan(fake.group_id, {}, prune=True)
        with pytest.raises(InvalidArgumentError, match="group_id"):
            await client.access.plan("x", {ADA: "Group Admin"})
        assert len(fake.requests) == count
        assert (await client.access.plan(fake.group_id, {})).changes == ()
    fake.add_token("blind", permissions=["group.read"])
    async with fake.async_client(token="blind") as client:
        with pytest.raises(ForbiddenError):
            await client.access.plan(fake.group_id, {ADA: "Group Admin"})


# Files


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("d.csv", "email,role\nada@x.com,Reader\nbob@x.com,Owner\n"),
        ("d.CSV", b"\xef\xbb\xbfEmail , Role\r\n\r\n ada@x.com ,Reader\r\n,,\r\nbob@x.com, Owner \r\n"),
        ("d.csv", "role;email;note\nReader;ada@x.com;x\nOwner;bob@x.com;\n"),
        ("d.csv", "user id\trole\temail\n\tReader\tada@x.com\n\tOwner\tbob@x.com"),
        ("d.csv", 'email,role\n"ada@x.com","Reader"\n"bob@x.com",Owner\n'),
        ("d.json", '{"ada@x.com": "Reader", "bob@x.com": "Owner"}'),
        (
            "d.json",
            b'\xef\xbb\xbf[{"email": "ada@x.com", "role": "Reader"}, {"email": "bob@x.com", "role": "Owner"}]',
        ),
    ],
)
def test_each_way_to_write_it_down_means_the_same(name: str, content: str | bytes, tmp_path: Path) -> None:
    wishes = read_desired(written(tmp_path, name, content))
    assert [(wish.email, wish.user_id, wish.role) for wish in wishes] == [
        ("ada@x.com", None, "Reader"),
        ("bob@x.com", None, "Owner"),
    ]


def test_guarded_cells_and_user_ids_are_understood(tmp_path: Path) -> None:
    path = written(
        tmp_path, "d.csv", f"user_id,email,role\n{NOWHERE.upper()},ada@x.com,'=Reader\n,'+bob@x.com,'-Owner\n"
    )
    wishes = read_desired(str(path))
    assert [(wish.user_id, wish.email, wish.role, wish.where) for wish in wishes] == [
        (NOWHERE, None, "=Reader", "line 2"),
        (None, "+bob@x.com", "-Owner", "line 3"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", "", "no columns"),
        ("d.csv", "\n\n", "no columns"),
        ("d.csv", "email,name\n", "first line must name"),
        ("d.csv", "email,role,Email\n", "each once"),
        ("d.csv", "email,role\nada,Reader\n", "line 2: 'ada' is not an email address or a user id"),
        ("d.csv", "email,role\n\na b@x.com,Reader\n", "line 3: 'a b@x.com' is not"),
        ("d.csv", "email,role\nada@x.com,\n", "line 2: a role must be"),
        ("d.csv", "email,role\n,Reader\n", "line 2: an email address or a user id is needed"),
        ("d.csv", "email,role\nada@x.com\n", "line 2: a role must be"),
        ("d.csv", "email,role\na@x.com,R,more\n", "line 2: has 3 cells for 2 columns"),
        ("d.csv", "user_id,role\nada@x.com,Reader\n", "line 2: 'ada@x.com' is not a user id"),
        ("d.csv", "email,role\na@x.com,R\nA@X.com,R\n", r"line 3: A@X.com was in line 2 already"),
        ("d.csv", 'email,role\n"a@x.com,R\n', "line 2: unexpected end of data"),
        ("d.csv", b"email,role\n\xff,R\n", "is not UTF-8"),
        ("d.txt", "", r"must end in .csv or .json"),
        ("d.json", "{", "is not JSON"),
        ("d.json", "7", "must be an object of roles"),
        ("d.json", '{"a@x.com": "R", "a@x.com": "S"}', "entry 2: a@x.com was in entry 1 already"),
        ("d.json", '{"a@x.com": 7}', "entry 1: a role must be"),
        ("d.json", '["a@x.com"]', "entry 1: must be an object of email"),
        ("d.json", '[{"email": "a@x.com", "email": "b@x.com", "role": "R"}]', "entry 1: must be"),
        ("d.json", '[{"email": "a@x.com", "rolle": "R"}]', "entry 1: must be an object"),
        ("d.json", '[{"email": 7, "role": "R"}]', "entry 1: an email address or a user id is needed"),
    ],
)
def test_bad_rows_are_named(name: str, content: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read_desired(written(tmp_path, name, content))


def test_all_bad_rows_are_told_at_once_though_not_without_end(tmp_path: Path) -> None:
    rows = "".join(f"{number},Reader\n" for number in range(13))
    with pytest.raises(InvalidArgumentError, match=r"line 2: '0' .*line 11: '9' .*; and 3 more$"):
        read_desired(written(tmp_path, "d.csv", f"email,role\n{rows}"))
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        read_desired(tmp_path / "gone.csv")
    with pytest.raises(InvalidArgumentError, match="'nobody': 'nobody' is not an email"):
        read_desired({"nobody": "Reader"})
    with pytest.raises(InvalidArgumentError, match="an email address or a user id is needed"):
        read_desired({None: "Reader"})  # type: ignore[dict-item] # which is the point


@BOTH
async def test_the_file_of_a_review_is_a_desired_state(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id, org_memberships=True)
        await jobs.run(lambda: stream.to_csv(tmp_path / "review.csv"))
        plan = await jobs("plan", fake.group_id, tmp_path / "review.csv", prune=True)
    assert (plan.changes, len(plan.stays)) == ((), 36)


# Plans as documents


async def document() -> dict[str, Any]:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    async with fake.async_client() as client:
        plan = await client.access.plan(
            fake.group_id, {ADA: "Group Viewer", stranger.id: "Group Viewer"}, prune=True
        )
    made: dict[str, Any] = json.loads(plan.to_json())
    return made


def _edit(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        inner: Any = document
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_edit("format", to="other"), "no document of the format"),
        (_edit("version", to=2), "has version 2"),
        (_edit("group", to=None), "group: must be an object"),
        (_edit("group", "id", to="x"), "group.id must be a UUID"),
        (_edit("made_at", to="yesterday"), "made_at: must be a date"),
        (_edit("made_at", to=7), "made_at: must be of the type str"),
        (_edit("prune", to=1), "prune: must be of the type bool"),
        (_edit("creates", to={}), "creates: must be of the type list"),
        (_edit("creates", 0, to=[]), r"creates\[0\]: must be an object"),
        (_edit("creates", 0, "role", to=None), r"creates\[0\]: is not complete"),
        (_edit("creates", 0, "user", "id", to=""), r"creates\[0\].user.id must be a UUID"),
        (_edit("role_changes", 0, "role", "id", to=""), r"role.id must be a UUID"),
        (_edit("role_changes", 0, "before", to=None), "is not complete"),
        (_edit("role_changes", 0, "membership_id", to="../x"), "membership_id must be a UUID"),
        (_edit("removals", 0, "role", to={"id": NOWHERE}), "is not complete"),
        (lambda d: d["removals"].append(d["removals"][0]), "two changes for one member"),
    ],
)
async def test_a_document_that_is_no_plan_is_refused(
    edit: Callable[[dict[str, Any]], None], message: str
) -> None:
    made = await document()
    assert Plan.from_json(json.dumps(made)).changes
    edit(made)
    with pytest.raises(InvalidArgumentError, match=message):
        Plan.from_json(json.dumps(made))


def test_a_text_that_is_no_document_is_refused() -> None:
    for text in ("", "[", "[]", "[" * 100_000):
        with pytest.raises(InvalidArgumentError):
            Plan.from_json(text)


async def test_names_play_no_tricks_in_the_diff() -> None:
    fake = FakeSnyk()
    group = fake.add_group("A\x1b[2J")
    user = fake.add_user(email="a\u202e@example.com")
    fake.add_membership(group.id, user.id, fake.add_role("Reader").id)
    fake.add_role("Writer")
    async with fake.async_client() as client:
        plan = await client.access.plan(group.id, {user.id: role_id(fake, "Writer")})
    assert str(plan).isprintable() or all(line.isprintable() for line in str(plan).splitlines())
