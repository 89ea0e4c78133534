"""What an apply looks at in a large group: a few members by their ids, and everybody where that tells too little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from groups_sdk import GroupsClient, PlanError, ProtectedMemberError, RetryPolicy, StalePlanError
from groups_sdk.access import Change, Outcome, Plan, Status, _change_work
from groups_sdk.testing import FakeSnyk

PAGES = 6  # of a listing of everybody


@pytest.fixture
def fake() -> FakeSnyk:
    fake = FakeSnyk.with_members(PAGES * 100)
    fake.add_group("Another")
    return fake


def emails(fake: FakeSnyk, role: str, count: int) -> list[str]:
    return [m.user.email for m in fake.memberships(fake.group_id) if m.role.name == role][:count]


def plan_of(client: GroupsClient, fake: FakeSnyk, desired: dict[str, str], **options: Any) -> Plan:
    return client.access.plan(fake.group_id, desired, **options)


def applied(
    client: GroupsClient, fake: FakeSnyk, plan: Plan, **options: Any
) -> tuple[Sequence[Outcome], int, int]:
    """The outcomes, and how many pages and how many filtered looks there were."""
    before = len(fake.requests)
    outcomes = client.access.apply(plan, **options).collect()
    reads = [
        dict(r.query) for r in fake.requests[before:] if r.method == "GET" and r.path.endswith("/memberships")
    ]
    filtered = sum(bool({"user_id", "email", "username", "role_name"} & {*query}) for query in reads)
    return outcomes, len(reads) - filtered, filtered


def statuses(outcomes: Sequence[Outcome]) -> list[Status]:
    return [outcome.status for outcome in outcomes]


def test_members_who_are_as_planned_are_looked_up_by_their_ids(fake: FakeSnyk) -> None:
    (person,) = emails(fake, "Group Member", 1)
    with fake.client() as client:
        plan = plan_of(client, fake, {person: "Group Viewer"})
        outcomes, pages, filtered = applied(client, fake, plan)
        assert (statuses(outcomes), pages, filtered) == ([Status.APPLIED], 0, 3), "person, role, admin"
        assert outcomes[0].change == plan.role_changes[0], "all is named as the API names it"
        outcomes, pages, filtered = applied(client, fake, plan)
        assert statuses(outcomes) == [Status.UNCHANGED]
        assert outcomes[0].change == plan.role_changes[0], (
            "the role before, too, which they do not have any more"
        )
        assert pages == 0


def with_change(plan: Plan, **changed: Any) -> Plan:
    """The plan with its one change told otherwise."""
    (change,) = plan.role_changes
    return attrs.evolve(plan, role_changes=(attrs.evolve(change, **changed),))


def without_user(plan: Plan) -> Plan:
    return with_change(plan, user=None)


def with_nameless_role(plan: Plan) -> Plan:
    return with_change(plan, role=attrs.evolve(plan.role_changes[0].role, name=None))


def with_nameless_role_before(plan: Plan) -> Plan:
    return with_change(plan, before=attrs.evolve(plan.role_changes[0].before, name=None))


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [(without_user, PAGES), (with_nameless_role, PAGES), (with_nameless_role_before, 0)],
)
def test_a_plan_that_says_less_is_applied_all_the_same(
    fake: FakeSnyk, spoil: Callable[[Plan], Plan], expected: int
) -> None:
    (person,) = emails(fake, "Group Member", 1)
    with fake.client() as client:
        plan = spoil(plan_of(client, fake, {person: "Group Viewer"}))
        outcomes, pages, _ = applied(client, fake, plan)
    assert (statuses(outcomes), pages) == ([Status.APPLIED], expected)


def test_what_is_not_as_planned_is_judged_by_a_listing_of_everybody(fake: FakeSnyk) -> None:
    with fake.client() as client:
        viewer, other = emails(fake, "Group Viewer", 2)
        plan = plan_of(client, fake, {viewer: "Group Member"})
        stranger = with_change(plan, membership_id=fake.memberships(fake.group_id)[5].id)
        with pytest.raises(PlanError, match="the membership is that of the user"):
            client.access.apply(stranger).collect()
        plan = plan_of(client, fake, {other: "Group Member"})
        client.access.delete_memberships(fake.group_id, [other], cascade=True).collect()
        outcomes, pages, _ = applied(client, fake, plan)
        assert (statuses(outcomes), pages) == ([Status.CHANGED_SINCE], PAGES), "nobody is missing by a filter"


def test_a_limit_that_depends_on_how_many_members_there_are_needs_all_of_them(fake: FakeSnyk) -> None:
    desired = {m.user.email: m.role.name for m in fake.memberships(fake.group_id)[2:]}
    with fake.client() as client:
        plan = plan_of(client, fake, desired, prune=True, cascade=True)
        outcomes, pages, _ = applied(client, fake, attrs.evolve(plan, max_removals=None))
        assert (statuses(outcomes), pages) == ([Status.APPLIED] * 2, PAGES)


def test_additions_and_several_groups(fake: FakeSnyk) -> None:
    another = fake.groups()[1]
    user = fake.add_user()
    (person,) = emails(fake, "Group Member", 1)
    rows = [
        {"user_id": user.id, "role": "Group Viewer", "group": fake.group_id},
        {"email": person, "role": "Group Viewer", "group": fake.group_id},
    ]
    with fake.client() as client:
        plan = client.access.plan(fake.group_id, rows)
        outcomes, pages, filtered = applied(client, fake, plan)
        assert (statuses(outcomes), pages, filtered) == ([Status.APPLIED] * 2, 0, 4)
        role = outcomes[0].change.role
        assert role is not None
        rows = [
            {"user_id": user.id, "role": role, "group": another.id},
            {"email": person, "role": "Group Member", "group": fake.group_id},
        ]
        plan = client.access.plan(None, rows)
        outcomes, _, _ = applied(client, fake, plan, allow_unknown_roles=True)
        assert statuses(outcomes) == [Status.APPLIED] * 2


def test_whom_a_filter_does_not_find_is_no_member_only_where_nothing_comes_of_it(
    fake: FakeSnyk, tmp_path: Path
) -> None:
    """What an earlier run added, and what `strict` must not miss, is looked for among all members."""
    first, second = fake.add_user(), fake.add_user()
    state: Any = fake._state
    plain = state.memberships_of
    hidden = {first.id}
    state.memberships_of = lambda *asked: [m for m in plain(*asked) if m.user.id not in hidden]
    rows = [{"user_id": user.id, "role": "Group Viewer"} for user in (first, second)]
    with fake.client() as client:
        plan = client.access.plan(fake.group_id, rows)
        journal = {"journal": tmp_path / "journal"}
        work = client.access.apply(plan, **journal)
        assert statuses(work.collect()) == [Status.APPLIED] * 2
        assert work.notes[-1] == (
            f"nobody with the user id {second.id} was found by the user_id filter, nor among the SSO users, "
            "so their name cannot be checked"
        )
        outcomes, pages, _ = applied(client, fake, plan, **journal)
        assert [(o.status, o.earlier) for o in outcomes] == [(Status.APPLIED, True)] * 2
        assert pages == PAGES + 1
        client.access.update_memberships(fake.group_id, {first.email: "Group Member"}).collect()
        with pytest.raises(StalePlanError):
            client.access.apply(plan, strict=True).collect()


def test_the_last_admin_stays_whatever_a_few_looks_show(fake: FakeSnyk) -> None:
    first, *others = emails(fake, "Group Admin", 12)
    with fake.client() as client:
        everyone = plan_of(client, fake, dict.fromkeys((first, *others[:1]), "Group Member"))
        work = client.access.apply(everyone)
        assert len(work.preview()) == 2, "there are ten more"
        plan = plan_of(client, fake, dict.fromkeys(others, "Group Member"))
        assert set(statuses(client.access.apply(plan).collect())) == {Status.APPLIED}
        assert emails(fake, "Group Admin", 12) == [first]
        with pytest.raises(ProtectedMemberError):
            client.access.apply(plan_of(client, fake, {first: "Group Member"})).collect()


def test_an_admin_whose_role_may_be_gone_is_none_who_is_left(
    fake: FakeSnyk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not known whether the first lost the role; a later look, while another one loses it, asks for a third."""
    admins = emails(fake, "Group Admin", 12)
    monkeypatch.setattr(_change_work, "_LONG_RUN", 0.0)  # every change has a look of its own
    with fake.client(retries=RetryPolicy(max_attempts=1)) as client:
        plan = plan_of(client, fake, dict.fromkeys(admins[:4], "Group Member"))
        fake.fail_next(status=500, method="PATCH")
        outcomes = client.access.apply(plan, concurrency=1).collect()
    assert statuses(outcomes) == [Status.UNKNOWN, *[Status.APPLIED] * 3]


def test_one_who_is_protected_is_so_in_a_look_at_a_few(fake: FakeSnyk) -> None:
    (person,) = emails(fake, "Group Member", 1)
    with fake.client() as client:
        plan = plan_of(client, fake, {person: "Group Viewer"})
        with pytest.raises(ProtectedMemberError, match="protected"):
            client.access.apply(plan, protect=[person.upper()]).collect()
        pending: Sequence[Change] = client.access.apply(plan, me=emails(fake, "Group Admin", 1)[0]).preview()
        assert len(pending) == 1


def test_ids_of_groups_are_the_same_in_capitals(fake: FakeSnyk) -> None:
    (person,) = emails(fake, "Group Member", 1)
    with fake.client() as client:
        plan = plan_of(client, fake, {person: "Group Viewer"})
        upper = attrs.evolve(plan, groups=(attrs.evolve(plan.groups[0], id=plan.groups[0].id.upper()),))
        assert len(client.access.apply(upper).preview()) == 1
        assert statuses(
            client.access.apply(with_change(plan, group_id=plan.groups[0].id.upper())).collect()
        ) == [Status.APPLIED]
