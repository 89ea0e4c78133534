"""Migrations: how each person's two accounts are, and what can be done about it now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.jobs import BOTH, NOWHERE, ONCE, Jobs, changes_sent, role_id, roles_of
from support.plans import Meanwhile
from support.worlds import ROOT, changed_listing, group_of, member

from groups_sdk import IncompleteListingError, InvalidArgumentError, Plan, PlanError, Status
from groups_sdk.access import Migration, MigrationState
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

OLD, NEW = "ada@old.test", "ada@new.test"
RULE = {"from_domain": "old.test", "to_domain": "new.test"}


def both(old: str = "Group Member", new: str = "Group Member") -> FakeSnyk:
    return group_of((OLD, "ada.old", old), (NEW, "ada.new", new))


def add_sso_user(fake: FakeSnyk, email: str, username: str | None = None) -> str:
    connections = fake.sso_connections(fake.group_id) or [fake.add_sso_connection(fake.group_id)]
    user = fake.add_user(email=email, username=username or email)
    fake.add_sso_user(connections[0].id, user.id)
    return user.id


def add_org(fake: FakeSnyk, name: str, *emails: str, role: str = "Org Collaborator") -> str:
    """An organization with these people in it."""
    org = next((o for o in fake._state.orgs if o.name == name), None) or fake.add_org(fake.group_id, name)
    known = next((r for r in fake.roles() if r.name == role), None) or fake.add_role(role, kind="org_role")
    for email in emails:
        user = next(user for user in fake.users() if user.email == email)
        fake.add_org_membership(org.id, user.id, known.id)
    return org.id


async def migrate(fake: FakeSnyk, mapping: Any = None, **options: Any) -> Migration:
    async with fake.async_client(retries=ONCE) as client:
        options = {**({} if mapping is not None else RULE), "cascade": True, **options}
        migration = await client.access.plan_migration(fake.group_id, mapping, **options)
    assert changes_sent(fake) == []
    assert Migration.from_dict(migration.to_dict()) == migration
    assert Plan.from_json(migration.plan.to_json()) == migration.plan
    return migration


async def applied(fake: FakeSnyk, plan: Plan, **options: Any) -> list[str]:
    async with fake.async_client(retries=ONCE) as client:
        return [str(outcome) for outcome in await client.access.apply(plan, **options).collect()]


@BOTH
async def test_everybody_is_moved_as_far_as_possible_until_nothing_is_left(kind: str, tmp_path: Path) -> None:
    fake = group_of(
        (OLD, "ada.old"), (NEW, "ada.new"), ("bob@old.test", "bob", "Group Admin"), ("eve@old.test", "eve")
    )
    bob = add_sso_user(fake, "bob@new.test")
    async with Jobs(fake, kind) as jobs:
        migration = await jobs("plan_migration", fake.group_id, **RULE)
        assert changes_sent(fake) == []
        assert [(str(p.old), p.state.value, p.removes_old) for p in migration.people] == [
            (OLD, "same_role", True),
            ("bob@old.test", "known", True),
            ("eve@old.test", "waiting", False),
        ]
        assert [*map(str, migration.plan.changes)] == [
            "add bob@new.test as Group Admin",
            f"remove {OLD} (Group Member)",
            "remove bob@old.test (Group Admin)",
        ]
        assert migration.plan.creates[0].person == bob
        assert (migration.plan.not_mentioned, len(migration.plan.unchanged)) == (1, 1)
        assert [p.old for p in migration.left] == ["eve@old.test"]
        assert migration.summary() == (
            "3 people: 1 same role, 1 known, 1 waiting; 3 changes: 1 add, 2 remove; 1 cannot be planned"
        )
        plan = Plan.from_json(migration.plan.to_json())
        outcomes = await jobs.run(
            (await jobs("apply", plan, cascade=True, journal=tmp_path / "journal")).collect
        )
        assert {outcome.status for outcome in outcomes} == {Status.APPLIED}
        assert roles_of(fake) == {
            ROOT: "Group Admin",
            NEW: "Group Member",
            "bob@new.test": "Group Admin",
            "eve@old.test": "Group Member",
        }
        assert [method for method, _ in changes_sent(fake)] == ["POST", "DELETE", "DELETE"]
        add_sso_user(fake, "eve@new.test")
        migration = await jobs("plan_migration", fake.group_id, **RULE)
        assert not migration.left
        assert not migration.finished
        await jobs.run((await jobs("apply", migration.plan, cascade=True)).collect)
        migration = await jobs("plan_migration", fake.group_id, **RULE)
        assert migration.finished
        assert (migration.people, migration.plan.notes) == ((), ("no member has an address in old.test",))
        undo = await jobs("undo", tmp_path / "journal", plan, allow_admins=True)
        assert "remove bob@new.test (Group Admin), only while bob@old.test has the role Group Admin" in str(
            undo
        )
        await jobs.run((await jobs("apply", undo, cascade=True)).collect)
    assert roles_of(fake)["bob@old.test"] == "Group Admin"
    assert "bob@new.test" not in roles_of(fake)


async def test_nothing_is_undone_of_the_new_account_while_the_old_one_is_not_back(tmp_path: Path) -> None:
    fake = group_of(("bob@old.test", "bob", "Group Admin"))
    add_sso_user(fake, "bob@new.test")
    migration = await migrate(fake)
    await applied(fake, migration.plan, journal=tmp_path / "journal")
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", migration.plan)
        assert [*map(str, undo.changes)] == ["remove bob@new.test (Group Admin)"]
    (outcome,) = await applied(fake, undo, cascade=True)
    assert outcome.startswith("failed: remove bob@new.test (Group Admin): bob@old.test is not seen")
    assert roles_of(fake)["bob@new.test"] == "Group Admin"


# Different roles


async def test_a_different_role_is_reported_and_not_changed() -> None:
    migration = await migrate(both("Group Viewer", "Group Member"))
    (person,) = migration.people
    assert person.state is MigrationState.DIFFERENT_ROLE
    assert str(person) == (
        f"{OLD} -> {NEW} (Group Viewer; the new account: Group Member): different role: the new account has the role "
        "Group Member, and the old one Group Viewer: on_different_role says which one counts"
    )
    assert migration.plan.changes == ()
    assert f"! {OLD} -> {NEW}: the new account has the role" in str(migration)


@pytest.mark.parametrize(("choice", "role"), [("copy", "Group Viewer"), ("keep", "Group Member")])
async def test_which_role_counts_can_be_said(choice: Any, role: str) -> None:
    fake = both("Group Viewer", "Group Member")
    migration = await migrate(fake, on_different_role=choice)
    assert [str(condition) for condition in migration.plan.conditions] == [
        f"only while {NEW} has the role {role}"
    ]
    assert len(migration.plan.role_changes) == (choice == "copy")
    outcomes = await applied(fake, migration.plan)
    assert all(outcome.startswith("applied") for outcome in outcomes)
    assert roles_of(fake) == {ROOT: "Group Admin", NEW: role}


# The old membership


def _removed(fake: FakeSnyk) -> None:
    fake._state.remove_membership(member(fake, NEW))


def _demoted(fake: FakeSnyk) -> None:
    fake._state.change_role(member(fake, NEW), next(r for r in fake.roles() if r.name == "Group Viewer"))


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (_removed, f"{NEW} is not seen to be a member"),
        (_demoted, f"{NEW} has the role Group Viewer, not Group Member"),
    ],
)
async def test_it_stays_when_the_new_account_has_lost_the_role(
    happens: Callable[[FakeSnyk], None], reason: str
) -> None:
    fake = both()
    migration = await migrate(fake)
    happens(fake)
    (outcome,) = await applied(fake, migration.plan)
    assert outcome == (
        f"failed: remove {OLD} (Group Member): {reason}; nothing was sent. Make the plan again when this has changed"
    )
    assert changes_sent(fake) == []


async def test_it_stays_when_the_new_account_loses_the_role_while_the_plan_is_applied() -> None:
    fake = group_of((OLD, "ada.old"), (NEW, "ada.new"), ("bob@old.test", "bob"))
    add_sso_user(fake, "bob@new.test")
    migration = await migrate(fake)
    async with fake.async_client(transport=Meanwhile(fake, lambda: _demoted(fake))) as client:
        outcomes = await client.access.apply(migration.plan, concurrency=1).collect()
    assert [outcome.status for outcome in outcomes] == [Status.APPLIED, Status.FAILED, Status.APPLIED]
    assert roles_of(fake)[OLD] == "Group Member"


async def test_it_is_not_begun_when_the_look_before_it_fails() -> None:
    fake = both()
    migration = await migrate(fake)
    async with fake.async_client(retries=ONCE) as client:
        changes = client.access.apply(migration.plan)
        await changes.preview()
        fake.fail_next(status=500, path="memberships")
        (outcome,) = await changes.collect()
    assert (outcome.status, outcome.sent) == (Status.NOT_STARTED, False)
    assert roles_of(fake)[OLD] == "Group Member"


async def test_it_stays_while_an_addition_has_failed() -> None:
    fake = group_of((OLD, "ada.old"), (NEW, "ada.new"), ("bob@old.test", "bob"))
    add_sso_user(fake, "bob@new.test")
    migration = await migrate(fake)
    fake.fail_next(status=409, method="POST")
    outcomes = await applied(fake, migration.plan)
    assert [outcome.partition(":")[0] for outcome in outcomes] == ["failed", "not_started", "not_started"]


# Organizations


async def test_it_stays_while_the_new_account_lacks_organizations() -> None:
    fake = both()
    add_org(fake, "Payments", OLD, NEW)
    add_org(fake, "Mobile", OLD)
    add_org(fake, "Web", OLD, role="Org Admin")
    add_org(fake, "Web", NEW)
    migration = await migrate(fake)
    (person,) = migration.people
    assert [m.org.name for m in person.lost_orgs or ()] == ["Mobile", "Web"]
    assert person.problem == (
        "the old membership stays, because the new account is not in these organizations, or has another role there "
        "(allow_lost_orgs permits it): Mobile (Org Collaborator), Web (Org Admin)"
    )
    assert (migration.plan.changes, person.removes_old) == ((), False)


@pytest.mark.parametrize("allowed", [True, [OLD.upper()], ["ada.old"], ["user id"]])
async def test_organizations_are_lost_only_where_that_is_allowed(allowed: Any) -> None:
    fake = group_of((OLD, "ada.old"), (NEW, "ada.new"), ("bob@old.test", "bob"), ("bob@new.test", "bob2"))
    org = add_org(fake, "Mobile", OLD, "bob@old.test")
    if allowed == ["user id"]:
        allowed = [member(fake, OLD).user.id]
    migration = await migrate(fake, allow_lost_orgs=allowed)
    assert [person.removes_old for person in migration.people] == [True, allowed is True]
    assert migration.plan.conditions[0].lost_orgs == (org,)
    assert f"remove {OLD} (Group Member): organizations are lost with it: Mobile (Org Collaborator)" in (
        migration.plan.notes
    )
    outcomes = await applied(fake, migration.plan)
    assert all(outcome.startswith("applied") for outcome in outcomes)


async def test_whom_allow_lost_orgs_names_in_vain_is_noted() -> None:
    migration = await migrate(both(), allow_lost_orgs=["Nobody@old.test", OLD])
    assert migration.plan.notes == (
        "allow_lost_orgs names 'Nobody@old.test', but no old account goes by that",
    )


async def test_it_stays_when_an_organization_has_come_since() -> None:
    fake = both()
    add_org(fake, "Mobile", OLD)
    migration = await migrate(fake, allow_lost_orgs=True)
    add_org(fake, "Web", OLD)
    (outcome,) = await applied(fake, migration.plan)
    assert f"{NEW} is not in these organizations, or has another role there: Web (Org Collab" in outcome
    assert roles_of(fake)[OLD] == "Group Member"
    add_org(fake, "Web", NEW)
    (outcome,) = await applied(fake, migration.plan)
    assert outcome.startswith("applied")


async def test_it_stays_while_organizations_cannot_be_read() -> None:
    fake = group_of((OLD, "ada.old"), (NEW, "ada.new"), ("bob@old.test", "bob"), ("bob@new.test", "bob2"))
    add_org(fake, "Mobile", OLD, NEW)
    limited = {"group.read", "group.membership.read", "group.sso.read", "group.user.read"}
    fake.add_token("limited", permissions=limited)
    async with fake.async_client(token="limited") as client:
        migration = await client.access.plan_migration(fake.group_id, **RULE)  # type: ignore[arg-type]
    assert [person.lost_orgs for person in migration.people] == [None, None]
    problems = [person.problem or "" for person in migration.people]
    assert all("cannot be compared (allow_lost_orgs permits it): " in problem for problem in problems)
    assert migration.plan.changes == ()
    fake.fail_next(status=500, path="org_memberships")  # of one
    migration = await migrate(fake)
    assert sorted(person.removes_old for person in migration.people) == [False, True]


async def test_of_the_new_account_they_must_be_readable_too() -> None:
    fake = both()
    add_org(fake, "Mobile", OLD, NEW)
    fake.alter_record(fake.org_memberships(fake.group_id)[1].id, "relationships.org.data", 5)
    migration = await migrate(fake)
    assert migration.people[0].lost_orgs is None
    migration = await migrate(fake, allow_lost_orgs=True)
    assert migration.plan.conditions[0].lost_orgs is None
    assert "it is not known which organizations are lost with it" in migration.plan.notes[0]
    (outcome,) = await applied(fake, migration.plan)
    assert outcome.startswith("applied")


# Who is meant


async def test_one_account_with_both_addresses_is_done() -> None:
    fake = group_of((NEW, OLD))
    migration = await migrate(fake)
    assert [person.state for person in migration.people] == [MigrationState.DONE]
    assert migration.finished


async def test_an_old_account_that_is_gone_is_done_and_nobody_is_not_found() -> None:
    fake = group_of((NEW, "ada.new"))
    migration = await migrate(fake, {OLD: NEW, "x@old.test": "x@new.test"})
    assert [person.state for person in migration.people] == ["done", "not_found"]
    assert migration.of(MigrationState.NOT_FOUND)[0].problem == (
        "neither account is a member of the group: check the spelling"
    )
    assert [person.old for person in migration.left] == ["x@old.test"]
    assert str(migration.people[0]) == f"{OLD} -> {NEW}: done"


async def test_several_accounts_are_uncertain_and_the_others_go_on() -> None:
    fake = group_of(
        (OLD, "one"), (OLD, "two"), ("bob@old.test", "bob"), ("bob@new.test", "bob2"), ("eve@old.test", "eve")
    )
    add_sso_user(fake, "eve@new.test")
    add_sso_user(fake, "else@mail.test", "eve@new.test")
    migration = await migrate(fake)
    assert [person.state for person in migration.people] == [
        "uncertain",
        "uncertain",
        "same_role",
        "uncertain",
    ]
    assert "2 accounts are called 'ada@old.test'" in (migration.people[0].problem or "")
    assert "else@mail.test / eve@new.test" in (migration.people[3].problem or "")
    assert [*map(str, migration.plan.changes)] == ["remove bob@old.test (Group Member)"]


@pytest.mark.parametrize("mapping", [{OLD: "bob@new.test"}, {"\u0430da@old.test": "bob@new.test"}])
async def test_lookalikes_are_uncertain(mapping: dict[str, str]) -> None:
    fake = group_of((OLD, "ada.old"), ("b\u043eb@new.test", "bob"))
    (person,) = (await migrate(fake, mapping)).people
    assert person.state is MigrationState.UNCERTAIN
    assert "only looks like" in (person.problem or "")


async def test_an_account_of_two_people_is_uncertain_for_both() -> None:
    fake = group_of((OLD, "ada"), ("bob@old.test", "bob"), (NEW, "bob@new.test"))
    migration = await migrate(fake)
    assert {person.state for person in migration.people} == {MigrationState.UNCERTAIN}
    assert "is an account of somebody else in this migration, too" in str(migration)
    assert migration.plan.changes == ()


@pytest.mark.parametrize("whose", [OLD, NEW])
async def test_without_a_user_id_it_is_uncertain(whose: str) -> None:
    fake = both()
    async with fake.async_client() as client:
        changed_listing(client, {member(fake, whose).id: {"id": ""}})
        migration = await client.access.plan_migration(fake.group_id, **RULE)  # type: ignore[arg-type]
    assert migration.people[0].problem is not None
    assert "is listed without a user id" in migration.people[0].problem


async def test_who_is_waiting_is_told_what_cannot_be_seen() -> None:
    fake = group_of((OLD, "ada"))
    fake.fail_next(status=403, path="sso_connections")
    (person,) = (await migrate(fake)).people
    assert person.state is MigrationState.WAITING
    assert "they have to log in with it first (not all SSO users of the group can be seen" in str(person)


async def test_what_the_listing_leaves_out_is_said() -> None:
    fake = both()
    nameless = fake.add_user()
    record = fake.add_membership(fake.group_id, nameless.id, role_id(fake, "Group Member"))
    for name in ("email", "username"):
        fake.alter_record(record.id, f"relationships.user.data.attributes.{name}", None)
    migration = await migrate(fake)
    assert migration.plan.notes[0].startswith("an old account may be one that was not recognised: 1 members")
    async with fake.async_client() as client:
        listing = client.list_memberships

        async def shorter(items: Any) -> Any:
            return items[1:]

        client.list_memberships = lambda *a, **o: listing(*a, **o).mapped(shorter)  # type: ignore[method-assign]
        with pytest.raises(IncompleteListingError):
            await client.access.plan_migration(fake.group_id, **RULE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mapping", "options", "problem"),
    [
        (None, {}, "give either a mapping, or from_domain and to_domain"),
        ({OLD: NEW}, RULE, "give either a mapping"),
        (None, {"from_domain": "old.test"}, "to_domain must be a whole domain"),
        (None, {**RULE, "file_format": "csv"}, "file_format is for files only"),
        ({OLD: NEW}, {"on_different_role": "x"}, "on_different_role must be one of report, copy, keep"),
        ({OLD: NEW}, {"allow_lost_orgs": OLD}, "allow_lost_orgs must be True, False or a collection"),
        ({OLD: NEW}, {"allow_lost_orgs": [5]}, "allow_lost_orgs names people by text; got 5"),
        ({OLD: NEW}, {"cascade": "yes"}, "cascade must be True"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    mapping: Any, options: Any, problem: str
) -> None:
    fake = both()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match=problem):
            await client.access.plan_migration(fake.group_id, mapping, **options)
    assert fake.requests == []


async def test_an_empty_migration_says_so() -> None:
    migration = await migrate(group_of())
    assert migration.summary() == "0 people; no changes"
    (person,) = (await migrate(both())).people
    assert (await migrate(both())).summary().startswith("1 person: 1 same role; 1 change")
    assert str(person) == f"{OLD} -> {NEW} (Group Member): same role"


async def test_a_plan_of_another_version_in_a_migration_is_refused() -> None:
    document = (await migrate(both())).to_dict()
    document["plan"]["version"] = 1
    with pytest.raises((InvalidArgumentError, PlanError), match="make the plan again"):
        Migration.from_dict(document)
    assert NOWHERE not in str(document)


async def test_a_new_account_that_is_deactivated_gets_nothing() -> None:
    fake = group_of((OLD, "ada.old"))
    first, second = (fake.add_sso_connection(fake.group_id, name) for name in ("One", "Two"))
    new = fake.add_user(email=NEW, username=NEW)
    fake.add_sso_user(first.id, new.id, active=False)
    migration = await migrate(fake)
    assert migration.people[0].state is MigrationState.UNCERTAIN
    assert re.fullmatch(f"the SSO user {NEW} .* is deactivated", migration.people[0].problem or "")
    assert migration.plan.changes == ()
    fake.add_sso_user(second.id, new.id)
    assert (await migrate(fake)).people[0].state is MigrationState.KNOWN


async def test_only_an_id_is_certain_while_a_connection_cannot_be_read() -> None:
    fake = group_of((OLD, "ada.old"))
    new = add_sso_user(fake, NEW)
    hidden = fake.add_sso_connection(fake.group_id, "Two")
    fake.fail_next(status=403, path=f"sso_connections/{hidden.id}")
    migration = await migrate(fake)
    assert migration.people[0].state is MigrationState.UNCERTAIN
    assert "another user may have the name of" in (migration.people[0].problem or "")
    assert migration.plan.changes == ()
    fake.fail_next(status=403, path=f"sso_connections/{hidden.id}")
    assert (await migrate(fake, {OLD: new})).people[0].state is MigrationState.KNOWN


def rename(fake: FakeSnyk, whose: str, **attributes: str | None) -> None:
    record = member(fake, whose)
    for name, value in attributes.items():
        fake.alter_record(record.id, f"relationships.user.data.attributes.{name}", value)


async def test_an_old_account_is_found_by_the_name_that_the_sso_has_for_it() -> None:
    fake = both()
    fake.add_sso_user(fake.add_sso_connection(fake.group_id).id, member(fake, OLD).user.id)
    rename(fake, OLD, email="other@mail.test", username="other")
    migration = await migrate(fake, {OLD: NEW})
    assert migration.people[0].state is MigrationState.SAME_ROLE
    assert [*map(str, migration.plan.changes)] == ["remove other@mail.test (Group Member)"]


async def test_nobody_is_done_whose_old_account_may_be_one_without_a_name() -> None:
    fake = both()
    rename(fake, OLD, email=None, username=None)
    migration = await migrate(fake, {OLD: NEW})
    assert not migration.finished
    assert migration.people[0].state is MigrationState.UNCERTAIN
    assert "the old account may be one that was not recognised" in (migration.people[0].problem or "")


async def test_a_role_that_the_api_does_not_tell_is_not_copied() -> None:
    fake = both()
    for whose in (OLD, NEW):
        fake.alter_record(member(fake, whose).id, "relationships.role")
    migration = await migrate(fake)
    assert (migration.people[0].problem or "").startswith(f"the API does not tell the role of {OLD}")
    assert migration.plan.changes == ()


async def test_it_stays_while_more_organizations_are_counted_than_listed() -> None:
    fake = both()
    add_org(fake, "Mobile", OLD)
    hide = [True]

    async def fewer(request: httpx.Request) -> httpx.Response:
        answer = await inner.handle_async_request(request)
        if not hide[0] or "org_memberships" not in request.url.path:
            return answer
        document = json.loads(await answer.aread())
        document |= {"data": [], "meta": {"org_membership_count": 1}}
        return httpx.Response(200, json=document, headers={"content-type": answer.headers["content-type"]})

    inner = fake.transport()
    async with fake.async_client(transport=httpx.MockTransport(fewer)) as client:
        migration = await client.access.plan_migration(fake.group_id, **RULE, cascade=True)  # type: ignore[arg-type]
        assert migration.people[0].lost_orgs is None
        assert "the API counts 1 of the memberships of organizations" in (migration.people[0].problem or "")
        assert migration.plan.changes == ()
        hide[0] = False
        add_org(fake, "Mobile", NEW)
        migration = await client.access.plan_migration(fake.group_id, **RULE, cascade=True)  # type: ignore[arg-type]
        hide[0] = True
        (outcome,) = await client.access.apply(migration.plan).collect()
    assert not outcome.sent
    assert roles_of(fake)[OLD] == "Group Member"


async def test_the_undo_of_a_migration_takes_no_organization_from_the_person(tmp_path: Path) -> None:
    fake = group_of((OLD, "ada.old"))
    add_sso_user(fake, NEW)
    fake.add_sso_user(fake.sso_connections(fake.group_id)[0].id, member(fake, OLD).user.id)
    add_org(fake, "Mobile", OLD, NEW)
    migration = await migrate(fake)
    outcomes = await applied(fake, migration.plan, journal=tmp_path / "journal")
    assert all(outcome.startswith("applied") for outcome in outcomes)
    async with fake.async_client() as client:
        undo = await client.access.undo(tmp_path / "journal", migration.plan)
    (condition,) = undo.conditions
    assert condition.lost_orgs == ()
    outcomes = await applied(fake, Plan.from_json(undo.to_json()), cascade=True)
    assert [outcome.partition(":")[0] for outcome in outcomes] == ["applied", "failed"]
    assert roles_of(fake)[NEW] == roles_of(fake)[OLD] == "Group Member"
