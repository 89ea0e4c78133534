"""What would have to change for groups to be as desired: who is meant, and what is never planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.jobs import BOTH, NOWHERE, Jobs, changes_sent, role_id
from support.worlds import ABE, ABE_LOGIN, ROOT, changed_listing, group_of, member

from groups_sdk import (
    AmbiguousMatchError,
    FileAccessError,
    ForbiddenError,
    IncompleteListingError,
    InvalidArgumentError,
    JournalError,
    NotFoundError,
    Plan,
    PlanError,
    Role,
    RoleChoiceError,
)
from groups_sdk.access._plan.diff import removal_limit
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ADA, GRACE, ALAN = (f"{name}@example.com" for name in ("ada.0000", "grace.0001", "alan.0002"))
EVE = "eve@mail.test"


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
        pruning = await jobs(
            "plan",
            fake.group_id,
            desired,
            prune=True,
            cascade=True,
            allow_unresolved=["NOBODY@example.com"],
            max_removals=33,
        )
    assert [(c.user.email, c.before.name, c.role.name) for c in plan.role_changes] == [
        (ADA, "Group Admin", "Group Member"),
        (ALAN, "Group Member", "Group Viewer"),
    ]
    assert [(c.user.id, c.role.name) for c in plan.creates] == [
        (stranger.id, "Group Viewer"),
        (by_sso.id, "Group Admin"),
    ]
    assert [c.user.email for c in plan.unchanged] == [GRACE]
    assert [(n.who, n.role, n.group_id) for n in plan.not_in_snyk] == [
        ("nobody@example.com", "Group Member", fake.group_id)
    ]
    assert (plan.removals, plan.not_mentioned, plan.prune, plan.cascade) == ((), 33, False, None)
    assert (len(pruning.removals), pruning.not_mentioned, pruning.prune) == (33, 0, True)
    assert plan.changes == (*plan.creates, *plan.role_changes)
    assert plan.base_url == "http://localhost/rest"
    assert changes_sent(fake) == []
    text = str(plan).splitlines()
    assert text[0].startswith(f"Plan for Engineering ({fake.group_id}), made ")
    assert text[1:] == [
        f"  + add {stranger.id} as Group Viewer",
        "  + add SSO@example.com as Group Admin",
        f"  ~ {ADA}: Group Admin -> Group Member",
        f"  ~ {ALAN}: Group Member -> Group Viewer",
        "  ! nobody@example.com cannot be added as Group Member: no member and no visible SSO user of this group "
        "has this name",
        "4 changes: 2 add, 2 set_role; 1 cannot be planned (1 unchanged, 33 not mentioned and left alone)",
        f"digest {plan.digest}",
    ]
    assert "  - remove " in str(pruning)
    assert (
        "  ! members are removed although these were not found: NOBODY@example.com"
        in str(pruning).splitlines()
    )
    assert (
        "  ! memberships of the organizations below go too when a member is removed"
        in str(pruning).splitlines()
    )
    for made in (plan, pruning):
        assert Plan.from_json(made.to_json()) == made
        assert Plan.from_json(made.to_json()).digest == made.digest
    assert plan.digest != pruning.digest


async def test_an_sso_user_who_is_a_member_under_another_address_is_that_member() -> None:
    fake = FakeSnyk.example()
    connection, *_ = fake.sso_connections(fake.group_id)
    _, member, nameless, *_ = fake.memberships(fake.group_id)
    if member.user.id not in {user.user.id for user in fake.sso_users(connection.id)}:
        fake.add_sso_user(connection.id, member.user.id)
    async with fake.async_client() as client:
        renamed = {"email": "old@example.com", "username": "renamed"}
        changed_listing(client, {member.id: renamed, nameless.id: {"email": None}})
        plan = await client.access.plan(fake.group_id, {GRACE: "Group Admin"})
        assert [c.membership_id for c in plan.role_changes] == [member.id]
        with pytest.raises(InvalidArgumentError, match="is the same person as in"):
            await client.access.plan(fake.group_id, {GRACE: "Group Admin", "old@example.com": "Group Viewer"})


async def test_sso_users_that_may_not_be_seen_are_a_note() -> None:
    fake = FakeSnyk.example()
    fake.add_token("half", permissions=["group.read", "group.membership.read"])
    async with fake.async_client(token="half") as client:
        plan = await client.access.plan(fake.group_id, {"nobody@example.com": "Group Member"})
        assert len(plan.not_in_snyk) == 1
        assert "not all SSO users of the group can be seen" in plan.notes[0]
        assert plan.notes[0] in str(plan)
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
        plan = client.access.plan
        with pytest.raises(RoleChoiceError, match=f"^'{ADA}': no member has a role named 'Owner'"):
            await plan(fake.group_id, {ADA: "Owner"})
        with pytest.raises(NotFoundError):
            await plan(NOWHERE, {ADA: "Group Admin"})
        user = fake.memberships(fake.group_id)[0].user
        with pytest.raises(InvalidArgumentError, match="is the same person as in"):
            await plan(fake.group_id, {ADA: "Group Admin", user.id: "Group Admin"})
        count = len(fake.requests)
        bad: list[tuple[str, str | None, dict[str, Any]]] = [
            (
                "^desired lists nobody: prune=True would remove every member$",
                fake.group_id,
                {"desired": {}, "prune": True},
            ),
            ("group_id", "x", {"desired": {ADA: "Group Admin"}}),
            ("no group is given", None, {"desired": {ADA: "Group Admin"}}),
            ("cascade", fake.group_id, {"desired": {ADA: "Group Admin"}, "cascade": "yes"}),
            ("max_removals", fake.group_id, {"desired": {ADA: "Group Admin"}, "max_removals": -1}),
            ("max_removals", fake.group_id, {"desired": {ADA: "Group Admin"}, "max_removals": True}),
            (
                "protect must be a collection",
                fake.group_id,
                {"desired": {ADA: "Group Admin"}, "protect": ADA},
            ),
            (
                "allow_unresolved must be",
                fake.group_id,
                {"desired": {ADA: "Group Admin"}, "allow_unresolved": ADA},
            ),
        ]
        for message, group_id, options in bad:
            with pytest.raises(InvalidArgumentError, match=message):
                await plan(group_id, **options)
        assert len(fake.requests) == count
        nobody = await plan(fake.group_id, {})
        assert (nobody.changes, nobody.group.name, nobody.not_mentioned) == ((), "Engineering", 36)
    fake.add_token("blind", permissions=["group.read"])
    async with fake.async_client(token="blind") as client:
        with pytest.raises(ForbiddenError):
            await client.access.plan(fake.group_id, {ADA: "Group Admin"})


async def test_rows_that_name_different_people_are_refused_together() -> None:
    fake = group_of((ABE, ABE_LOGIN), (EVE, "eve"))
    abe, eve = member(fake, ABE).user.id, member(fake, EVE).user.id
    rows = [
        {"user_id": abe, "email": EVE, "role": "Group Member"},
        {"user_id": NOWHERE, "email": ROOT, "role": "Group Admin"},
    ]
    async with fake.async_client() as client:
        with pytest.raises(AmbiguousMatchError) as caught:
            await client.access.plan(fake.group_id, rows, prune=True)
        text = str(caught.value)
        assert "entry 1" in text
        assert "entry 2" in text
        assert ABE in text
        assert EVE in text
        assert ROOT in text
        assert {m.user.id for m in caught.value.matches} >= {abe, eve}


async def test_an_old_user_id_with_the_address_of_an_sso_user_is_refused() -> None:
    fake = group_of((EVE, "eve"))
    connection = fake.add_sso_connection(fake.group_id)
    anew = fake.add_user(email=ABE, username=ABE_LOGIN)
    fake.add_sso_user(connection.id, anew.id)
    rows = [{"user_id": NOWHERE, "email": ABE, "role": "Group Member"}]
    async with fake.async_client() as client:
        with pytest.raises(AmbiguousMatchError, match=f"{NOWHERE} is not the id .*{anew.id}"):
            await client.access.plan(fake.group_id, rows)


async def test_the_id_of_a_member_with_the_address_of_somebody_else_is_refused_and_an_old_one_noted() -> None:
    fake = group_of((ABE, ABE_LOGIN), (EVE, "eve"))
    connection = fake.add_sso_connection(fake.group_id)
    bob = fake.add_user(email="bob@mail.test", username="bob")
    fake.add_sso_user(connection.id, bob.id)
    abe = member(fake, ABE).user.id
    async with fake.async_client() as client:
        rows = [{"user_id": abe, "email": "bob@mail.test", "role": "Group Admin"}]
        with pytest.raises(
            AmbiguousMatchError, match=f"entry 1: the id belongs to {ABE}.*the name belongs to bob@mail.test"
        ):
            await client.access.plan(fake.group_id, rows)
        rows[0]["email"] = "abe@old.test"
        plan = await client.access.plan(fake.group_id, rows)
    assert [change.person for change in plan.role_changes] == [abe]
    assert len(plan.notes) == 1
    assert "who is not called 'abe@old.test'" in plan.notes[0]


# Prune: nothing is taken away on incomplete knowledge


async def test_nobody_is_pruned_while_a_row_is_not_resolved() -> None:
    fake = group_of((ABE, ABE_LOGIN), (EVE, "eve"))
    desired = {ROOT: "Group Admin", "abbe@login.test": "Group Member"}
    async with fake.async_client() as client:
        with pytest.raises(PlanError, match=r"not known who these people are: abbe@login\.test") as caught:
            await client.access.plan(fake.group_id, desired, prune=True)
        assert caught.value.entries == ("abbe@login.test",)
        plan = await client.access.plan(
            fake.group_id, desired, prune=True, allow_unresolved=["abbe@login.test", "typo@mail.test"]
        )
    assert len(plan.removals) == 2
    assert plan.allow_unresolved == ("abbe@login.test", "typo@mail.test")
    assert (
        "allow_unresolved names 'typo@mail.test', but nobody of that name was left unresolved" in plan.notes
    )


async def test_nobody_is_pruned_while_the_listing_is_not_complete() -> None:
    fake = FakeSnyk.with_members(150)
    async with fake.async_client() as client:
        fake.twist_next_page("no_links")
        with pytest.raises(IncompleteListingError, match="counts 50 more than the 100"):
            await client.access.plan(fake.group_id, {ADA: "Group Admin"}, prune=True, max_removals=200)
        fake.twist_next_page("no_links")
        last = fake.memberships(fake.group_id)[-1].user.email
        plan = await client.access.plan(fake.group_id, {last: "Group Admin"})
        assert "nobody with this name was found, but the API counts 50 more" in plan.not_in_snyk[0].reason


class Leaving(FakeSnyk):
    """Whose last member is removed by somebody else, once the first page was listed."""

    pages = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await super().__call__(scope, receive, send)
        self.pages += scope["method"] == "GET" and scope["path"].endswith("/memberships")
        if self.pages == 1:
            self.pages += 1
            async with self.async_client() as other:
                await other.delete_membership(self.group_id, self.memberships(self.group_id)[-1].id)


async def test_a_member_who_leaves_while_the_listing_is_read_is_no_gap() -> None:
    fake = Leaving.with_members(150)
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, {ADA: "Group Admin"}, prune=True, max_removals=149)
    assert len(fake.memberships(fake.group_id)) == 149
    assert len(plan.removals) == 148


@pytest.mark.parametrize(("members", "limit"), [(0, 3), (29, 3), (40, 4), (499, 49), (500, 50), (20_000, 50)])
def test_a_tenth_may_be_pruned_and_never_more_than_fifty(members: int, limit: int) -> None:
    assert removal_limit(members) == limit


async def test_more_than_the_limit_is_refused_unless_told() -> None:
    fake = group_of(*((f"m{number}@mail.test", f"m{number}") for number in range(5)))
    async with fake.async_client() as client:
        with pytest.raises(
            PlanError, match=r"5 of the 6 members of Acme .* more than 3: .* max_removals=5"
        ) as caught:
            await client.access.plan(fake.group_id, {ROOT: "Group Admin"}, prune=True)
        assert len(caught.value.entries) == 5
        plan = await client.access.plan(fake.group_id, {ROOT: "Group Admin"}, prune=True, max_removals=5)
        assert (len(plan.removals), plan.max_removals) == (5, 5)


async def test_who_is_protected_or_cannot_be_told_apart_is_not_pruned() -> None:
    fake = group_of((ABE, ABE_LOGIN), (EVE, "eve"), ("bob@mail.test", "bob"))
    bob = member(fake, "bob@mail.test")
    root = member(fake, ROOT).user.id
    async with fake.async_client() as client:
        changed_listing(client, {bob.id: {"email": None, "username": None}})
        plan = await client.access.plan(
            fake.group_id, {ROOT: "Group Admin"}, prune=True, protect=[ABE_LOGIN.upper()]
        )
        assert [str(change) for change in plan.removals] == ["remove eve@mail.test (Group Member)"]
        assert len(plan.notes) == 2
        assert f"{ABE} / {ABE_LOGIN}" in plan.notes[0]
        assert "protected" in plan.notes[0]
        assert bob.user.id in plan.notes[1]
        assert "too little is known" in plan.notes[1]
        assert plan.not_mentioned == 2
        by_id = await client.access.plan(fake.group_id, {root: "Group Admin"}, prune=True)
        assert {change.person for change in by_id.removals} >= {bob.user.id}


# Files, and several groups


@BOTH
async def test_the_file_of_a_review_is_a_desired_state(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id, org_memberships=True)
        for name in ("review.csv", "review.jsonl"):
            write = stream.to_csv if name.endswith("csv") else stream.to_jsonl
            await jobs.run(lambda write=write, name=name: write(tmp_path / name))
            plan = await jobs("plan", fake.group_id, tmp_path / name, prune=True)
            assert (plan.changes, len(plan.unchanged)) == ((), 36)
        victim = fake.memberships(fake.group_id)[5]
        change = await jobs("update_memberships", fake.group_id, {victim.id: "Group Admin"})
        await jobs.run(change.collect)
        plan = await jobs("plan", None, tmp_path / "review.jsonl", prune=True)
        assert [str(c) for c in plan.changes] == [f"{victim.user.email}: Group Admin -> Group Member"]


@BOTH
@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".yaml"])
async def test_an_export_is_a_desired_state_that_changes_nothing(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    fake = group_of((ABE, ABE_LOGIN), ('=cmd("x")@mail.test', " spaced "), (EVE, "eve", "Group Viewer"))
    twin_role = fake.add_role("Group Member")
    fake.add_membership(fake.group_id, fake.add_user(email="twin@mail.test").id, twin_role.id)
    path = tmp_path / f"members{suffix}"
    async with Jobs(fake, kind) as jobs:
        result = await jobs("export", fake.group_id, path)
        plan = await jobs("plan", fake.group_id, path, prune=True)
    assert (plan.changes, len(plan.unchanged), plan.not_mentioned) == ((), 5, 0)
    assert (str(result), result.notes) == (f"{path}: 5 members", ())
    assert path.stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_written_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        for path, error in (
            (tmp_path / "gone" / "members.csv", FileAccessError),
            (tmp_path, InvalidArgumentError),
            (tmp_path / "members.xlsx", InvalidArgumentError),
        ):
            with pytest.raises(error):
                await client.access.export(fake.group_id, path)
        with pytest.raises(InvalidArgumentError, match="group_id"):
            await client.access.export("x", tmp_path / "members.csv")
        plan = await client.access.plan(fake.group_id, {ADA: "Group Member"})
        sent = len(fake.requests)
        with pytest.raises(JournalError, match="cannot be opened: No such file"):
            await client.access.apply(plan, journal=tmp_path / "gone" / "journal").collect()
        assert len(fake.requests) == sent
    assert list(tmp_path.iterdir()) == []


async def test_an_incomplete_listing_is_not_exported(tmp_path: Path) -> None:
    fake = FakeSnyk.with_members(150)
    async with fake.async_client() as client:
        fake.twist_next_page("no_links")
        with pytest.raises(IncompleteListingError):
            await client.access.export(fake.group_id, tmp_path / "members.csv")
    assert list(tmp_path.iterdir()) == []


async def test_a_role_id_whose_name_is_another_is_refused_with_its_row(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    path = tmp_path / "roles.csv"
    viewer = role_id(fake, "Group Viewer")
    async with fake.async_client() as client:
        path.write_text(f"username,role_name,role_id\n{ADA}, group viewer ,{viewer}\n")
        assert len((await client.access.plan(fake.group_id, path)).role_changes) == 1
        path.write_text(f"username,role_name,role_id\n{ADA},Group Admin,{viewer}\n")
        with pytest.raises(
            InvalidArgumentError,
            match="line 2: the role is 'Group Admin', but role_id is the id of 'Group Viewer'; change both, or leave",
        ):
            await client.access.plan(fake.group_id, path)


async def test_one_file_for_several_groups_is_one_plan(tmp_path: Path) -> None:
    fake = group_of((ABE, ABE_LOGIN))
    other = fake.add_group("Other")
    twin = fake.add_group("Acme 2")
    abe = member(fake, ABE).user
    fake.add_membership(other.id, abe.id, role_id(fake, "Group Admin"))
    fake.add_membership(twin.id, abe.id, role_id(fake, "Group Admin"))
    path = tmp_path / "all.csv"
    path.write_text(
        f"group,email,role\nAcme,{ABE},Group Admin\nother,{ABE},Group Admin\n{twin.id},{ABE},Group Admin\n"
    )
    async with fake.async_client() as client:
        plan = await client.access.plan(None, path)
        assert [group.name for group in plan.groups] == ["Acme", "Other", "Acme 2"]
        assert [str(change) for change in plan.changes] == [f"{ABE}: Group Member -> Group Admin"]
        assert len(plan.unchanged) == 2
        with pytest.raises(ValueError, match="3 groups"):
            _ = plan.group
        assert str(plan).count("Plan for ") == 3
        path.write_text(path.read_text() + "other,nobody@mail.test,Group Admin\n")
        assert str(await client.access.plan(None, path)).count("nobody@mail.test cannot be added") == 1
        with pytest.raises(InvalidArgumentError, match="line 3: is for the group 'other', not"):
            await client.access.plan(fake.group_id, path)
        path.write_text(f"group,email,role\nNowhere,{ABE},Group Admin\n")
        with pytest.raises(InvalidArgumentError, match="line 2: there is no group named 'Nowhere': Acme"):
            await client.access.plan(None, path)
        fake.add_group("Other")
        path.write_text(f"group,email,role\nOther,{ABE},Group Admin\n")
        with pytest.raises(InvalidArgumentError, match="line 2: several groups have the name 'Other'"):
            await client.access.plan(None, path)
