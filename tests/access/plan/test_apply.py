"""Plans carried out: checked, guarded, and looked at again where the answer leaves a question."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import attrs
import httpx
import pytest
from support import clock
from support.jobs import BOTH, NOWHERE, ONCE, Jobs, changes_sent, role_id, roles_of
from support.plans import ADMINS, ALAN, EDSGER, GRACE, Meanwhile, change_role, keep_all, planned

from groups_sdk import (
    ConflictError,
    IncompleteListingError,
    InvalidArgumentError,
    MemberNotFoundError,
    NotFoundError,
    Plan,
    PlanError,
    ProtectedMemberError,
    ServerError,
    StalePlanError,
    Status,
)
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


@BOTH
@pytest.mark.parametrize("collect", [True, False])
@pytest.mark.parametrize("journalled", [True, False])
async def test_a_plan_is_carried_out_and_a_second_time_changes_nothing(
    kind: str, collect: bool, journalled: bool, tmp_path: Path
) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user(email="stranger@example.com")
    desired = keep_all(fake, alan0002="Group Admin", grace0001="Group Viewer", edsger0003="")
    plan = await planned(fake, {**desired, stranger.id: "Group Viewer"}, prune=True)
    journal = tmp_path / "journal" if journalled else None
    async with Jobs(fake, kind) as jobs:
        changes = await jobs("apply", plan, journal=journal, cascade=True)
        assert fake.requests == []
        outcomes = await (jobs.run(changes.collect) if collect else jobs.all(changes))
        assert sorted(str(outcome) for outcome in outcomes) == [
            f"applied: add {stranger.id} as Group Viewer",
            f"applied: {ALAN}: Group Member -> Group Admin",
            f"applied: {GRACE}: Group Member -> Group Viewer",
            f"applied: remove {EDSGER} (Group Member)",
        ]
        assert roles_of(fake) == {**desired, "stranger@example.com": "Group Viewer"}
        writes = changes_sent(fake)
        assert len(writes) == 4
        again = await jobs.run((await jobs("apply", plan, journal=journal, cascade=True)).collect)
        assert changes_sent(fake) == writes
    assert {(o.status, o.earlier) for o in again} == {
        ("applied", True) if journalled else ("unchanged", False)
    }
    assert [o.sent for o in again] == [False] * 4


async def test_new_admins_come_first_and_removals_last_and_oneself_at_the_very_end() -> None:
    fake = FakeSnyk.example(last_admin="refuse")
    me = ADMINS[0]
    plan = await planned(
        fake,
        keep_all(fake, ada0000="Group Viewer", ada0012="", ada0024="Group Viewer", alan0002="Group Admin"),
        prune=True,
    )
    async with fake.async_client() as client:
        changes = client.access.apply(plan, cascade=True, me=me.upper(), allow_self=True)
        assert {o.status for o in await changes.collect()} == {"applied"}
    by_id = {m.id: m.user.email for m in fake.memberships(fake.group_id)}
    assert [(method, by_id.get(name, "gone")) for method, name in changes_sent(fake)] == [
        ("PATCH", ALAN),
        ("PATCH", ADMINS[2]),
        ("DELETE", "gone"),
        ("PATCH", me),
    ]


@pytest.mark.parametrize("me", [ADMINS[0], ADMINS[0].upper(), "user id"])
async def test_ones_own_membership_is_not_touched_unless_told(me: str) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {ADMINS[0]: "Group Viewer", GRACE: "Group Viewer"})
    if me == "user id":
        me = fake.memberships(fake.group_id)[0].user.id
    async with fake.async_client() as client:
        with pytest.raises(ProtectedMemberError, match=r"your own membership .*ada.0000.*allow_self"):
            await client.access.apply(plan, me=me).collect()
        assert changes_sent(fake) == []
        for nobody in ("somebody@example.com", "ada", NOWHERE):
            with pytest.raises(MemberNotFoundError, match="check the spelling"):
                await client.access.apply(plan, me=nobody).collect()
        assert changes_sent(fake) == []
        outcomes = await client.access.apply(plan, me=ADMINS[1]).collect()
        assert {o.status for o in outcomes} == {"applied"}
        for wrong in ("a b", "", 7):
            with pytest.raises(InvalidArgumentError, match=r"^me\b"):
                client.access.apply(plan, me=wrong)  # type: ignore[arg-type]


async def test_who_is_protected_is_not_touched() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer", ALAN: "Group Viewer"})
    async with fake.async_client() as client:
        with pytest.raises(ProtectedMemberError, match=r"protected members .*alan.0002"):
            await client.access.apply(plan, protect=["alan.0002"]).collect()
        with pytest.raises(InvalidArgumentError, match="protect must be a collection"):
            client.access.apply(plan, protect=ALAN)
    assert changes_sent(fake) == []


async def test_who_is_protected_is_not_added() -> None:
    fake = FakeSnyk.example()
    connection, *_ = fake.sso_connections(fake.group_id)
    known, gone = fake.add_user(email="known@example.com"), fake.add_user(email="gone@example.com")
    for user in (known, gone):
        fake.add_sso_user(connection.id, user.id)
    plan = await planned(fake, {"known@example.com": "Group Viewer", "gone@example.com": "Group Viewer"})
    fake._state.sso_users[connection.id].remove(gone.id)
    async with fake.async_client() as client:
        for protected in ("Known@example.com", known.id, "Gone@example.com"):
            with pytest.raises(ProtectedMemberError, match="protected members"):
                await client.access.apply(plan, protect=[protected]).collect()
    assert changes_sent(fake) == []


class WithoutUsers(httpx.AsyncBaseTransport):
    """The listing shows these members without saying who they are."""

    def __init__(self, fake: FakeSnyk, *membership_ids: str) -> None:
        self._inner = fake.transport()
        self._ids = membership_ids

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if not request.url.path.endswith("/memberships"):
            return response
        document = json.loads(await response.aread())
        for resource in document["data"]:
            if resource["id"] in self._ids:
                resource["relationships"]["user"] = {}
        return httpx.Response(response.status_code, json=document)


@pytest.mark.parametrize("prune", [True, False])
async def test_a_membership_that_nobody_confirms_to_be_theirs_is_left_alone(prune: bool) -> None:
    fake = FakeSnyk.example()
    grace, alan = fake.memberships(fake.group_id)[1:3]
    desired = keep_all(fake, grace0001="") if prune else {GRACE: "Group Viewer"}
    plan = await planned(fake, desired, prune=prune)
    for membership_id, protect in ((grace.id, [GRACE]), (grace.id, []), (alan.id, [ALAN]), (alan.id, [])):
        if prune:
            (change,) = plan.removals
            told = attrs.evolve(plan, removals=(attrs.evolve(change, membership_id=membership_id),))
        else:
            told = edited(plan, membership_id=membership_id)
        async with fake.async_client(transport=WithoutUsers(fake, membership_id)) as client:
            (outcome,) = await client.access.apply(told, cascade=True, protect=protect).collect()
        assert (outcome.status, outcome.sent) == ("failed", False)
        assert "not confirmed, but 1 members were listed without their user" in str(outcome.error)
    assert changes_sent(fake) == []


async def test_a_mistyped_name_that_protects_nobody_is_noted() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        for work in (
            client.access.apply(plan, protect=["alan.0002", "alan.002"]),
            client.access.update_memberships(fake.group_id, {GRACE: "Group Viewer"}, protect=["alan.002"]),
        ):
            await work.preview()
            assert work.notes == (
                "protect names 'alan.002', who is not a member of the group: check the spelling",
            )
        offboarding = client.access.offboard(GRACE, cascade=True, protect=["alan.002"])
        assert any("protect names 'alan.002'" in note for note in (await offboarding.collect()).notes)
        made = await client.access.plan(
            fake.group_id, keep_all(fake, grace0001=""), prune=True, protect=["alan.002"]
        )
    assert "protect names 'alan.002', who is not a member of Engineering: check the spelling" in made.notes


async def test_which_roles_count_as_admin_can_be_said() -> None:
    fake = FakeSnyk.example()
    viewers = [m.user.email for m in fake.memberships(fake.group_id) if m.role.name == "Group Viewer"]
    plan = await planned(fake, dict.fromkeys(viewers, "Group Member"))
    async with fake.async_client() as client:
        for given in (["group viewer"], [role_id(fake, "Group Viewer")]):
            with pytest.raises(ProtectedMemberError, match="without an admin"):
                await client.access.apply(plan, admin_roles=given).collect()
        with pytest.raises(
            ProtectedMemberError, match="no member has the admin role Owner: check the spelling"
        ):
            await client.access.apply(plan, admin_roles=["Owner"]).collect()
        assert changes_sent(fake) == []
        changes = client.access.apply(plan, admin_roles=["Owner"], allow_last_admin=True)
        await changes.collect()
    assert changes.notes == (
        f"nobody in the group {fake.group_id} has an admin role (Owner): if another role is the admin role "
        "there, name it with admin_roles",
    )
    assert {o.status for o in changes.outcomes} == {"applied"}


async def test_the_last_admin_is_not_touched_unless_told() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, ada0000="Group Viewer", ada0012="", ada0024=""), prune=True)
    async with fake.async_client() as client:
        with pytest.raises(ProtectedMemberError, match="without an admin"):
            await client.access.apply(plan, cascade=True).collect()
        assert changes_sent(fake) == []
        outcomes = await client.access.apply(plan, cascade=True, allow_last_admin=True).collect()
    assert {o.status for o in outcomes} == {"applied"}
    assert "Group Admin" not in roles_of(fake).values()


async def test_when_the_new_admin_fails_the_last_old_one_stays() -> None:
    fake = FakeSnyk.example()
    plan = await planned(
        fake,
        keep_all(fake, alan0002="Group Admin", ada0000="Group Viewer", ada0012="Group Viewer", ada0024=""),
        prune=True,
    )
    fake.fail_next(status=409, method="PATCH")
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, cascade=True).collect()
    failed = [o for o in outcomes if o.status is Status.FAILED]
    assert len(failed) == 2
    protected = failed[1]
    assert isinstance(protected.error, ProtectedMemberError)
    assert not protected.sent
    assert list(roles_of(fake).values()).count("Group Admin") == 1


async def test_an_admin_whose_demotion_failed_counts_as_admin_still() -> None:
    fake = FakeSnyk.example()
    desired = dict.fromkeys(ADMINS, "Group Viewer") | {ALAN: "Group Admin"}
    plan = await planned(fake, desired)
    first, *_ = fake.memberships(fake.group_id)
    fake.fail_next(status=409, method="PATCH")  # the new admin, who comes first
    fake.fail_next(status=409, method="PATCH", path=first.id)
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, concurrency=1).collect()
    assert [(o.change.user and o.change.user.email, o.status) for o in outcomes] == [
        (ALAN, "failed"),
        (ADMINS[0], "failed"),
        (ADMINS[1], "applied"),
        (ADMINS[2], "applied"),
    ]


async def test_a_role_that_is_given_by_id_counts_as_admin_by_its_name() -> None:
    fake = FakeSnyk.example()
    desired = {**dict.fromkeys(ADMINS, "Group Viewer"), ALAN: role_id(fake, "Group Admin")}
    plan = await planned(fake, desired)
    document = json.loads(plan.to_json())
    for change in document["role_changes"]:
        change["role"]["name"] = None
    plan = Plan.from_json(json.dumps(document))
    async with fake.async_client() as client:
        assert {o.status for o in await client.access.apply(plan).collect()} == {"applied"}
    assert roles_of(fake)[ALAN] == "Group Admin"


async def test_removals_need_a_decision_about_the_organizations_below() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match="cascade must be"):
            client.access.apply(plan)
        (outcome,) = await client.access.apply(plan, cascade=False).collect()
        assert isinstance(outcome.error, ConflictError), "they are in organizations still"
    harmless = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        assert [o.status for o in await client.access.apply(harmless).collect()] == ["applied"]
        assert await client.access.apply(await planned(fake, {})).collect() == []


# A group that has changed since the plan was made


def _remove(fake: FakeSnyk, member: Any) -> None:
    fake._state.remove_membership(member)


def _replace(fake: FakeSnyk, member: Any) -> None:
    fake._state.remove_membership(member)
    fake.add_membership(fake.group_id, member.user.id, member.role.id)


@pytest.mark.parametrize(
    ("desired", "meanwhile", "status"),
    [
        ("Group Viewer", change_role("Group Viewer"), "unchanged"),
        ("Group Viewer", change_role("Group Admin"), "changed_since"),
        ("Group Viewer", _remove, "changed_since"),
        ("Group Viewer", _replace, "changed_since"),
        ("", _remove, "unchanged"),
        ("", change_role("Group Admin"), "changed_since"),
        ("", _replace, "changed_since"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
async def test_a_member_who_is_not_as_the_plan_saw_them(
    desired: str, meanwhile: Callable[[FakeSnyk, Any], None], status: str, strict: bool
) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=desired, alan0002="Group Viewer"), prune=True)
    meanwhile(fake, fake.memberships(fake.group_id)[1])
    async with fake.async_client() as client:
        changes = client.access.apply(plan, cascade=True, strict=strict)
        if strict and status == "changed_since":
            with pytest.raises(StalePlanError, match=r"1 members do not match the plan.*grace"):
                await changes.collect()
            assert changes_sent(fake) == []
            return
        outcomes = {o.change.user.email: o for o in await changes.collect() if o.change.user}
    assert outcomes[ALAN].status is Status.APPLIED
    assert (outcomes[GRACE].status, outcomes[GRACE].sent) == (status, False)
    assert isinstance(outcomes[GRACE].error, StalePlanError) == (status == "changed_since")
    assert len(changes_sent(fake)) == 1


@pytest.mark.parametrize(
    ("role", "status"), [("Group Viewer", "unchanged"), ("Group Member", "changed_since")]
)
async def test_somebody_who_was_added_meanwhile(role: str, status: str) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {stranger.id: "Group Viewer"})
    fake.add_membership(fake.group_id, stranger.id, role_id(fake, role))
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status == status
    assert changes_sent(fake) == []


@pytest.mark.parametrize(("role", "status"), [("Group Viewer", "unchanged"), ("Group Member", "failed")])
async def test_a_conflict_is_looked_into(role: str, status: str) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {stranger.id: "Group Viewer"})
    transport = Meanwhile(fake, lambda: fake.add_membership(fake.group_id, stranger.id, role_id(fake, role)))
    async with fake.async_client(transport=transport) as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status == status
    assert isinstance(outcome.error, ConflictError)


@BOTH
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("after", [True, False])
async def test_an_answer_that_leaves_it_open_is_looked_into(kind: str, method: str, after: bool) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    desired = keep_all(fake, grace0001="Group Viewer", alan0002="")
    plan = await planned(fake, {**desired, stranger.id: "Group Viewer"}, prune=True)
    fake.fail_next(status=500, method=method, after=after)
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        outcomes = await jobs.run((await jobs("apply", plan, cascade=True)).collect)
    open_one = next(o for o in outcomes if o.error is not None)
    assert isinstance(open_one.error, ServerError)
    assert open_one.status == ("applied" if after else "unknown"), "only what was seen counts as done"
    assert sum(o.status is Status.APPLIED for o in outcomes) == (
        3 if after else 1 if method == "POST" else 2
    ), "nobody is removed while it is not known whether somebody was added"


async def test_only_the_person_who_is_meant_is_looked_at() -> None:
    class Unfiltered(FakeSnyk):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            query = b"&".join(p for p in scope["query_string"].split(b"&") if not p.startswith(b"user_id"))
            await super().__call__({**scope, "query_string": query}, receive, send)

    fake = Unfiltered.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    fake.fail_next(status=500, method="PATCH", after=True)
    async with fake.async_client(retries=ONCE) as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status is Status.APPLIED


async def test_when_the_look_fails_too_it_stays_open() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    fake.fail_next(status=500, method="PATCH", after=True)
    transport = Meanwhile(fake, lambda: fake.fail_next(status=500, method="GET"))
    async with fake.async_client(transport=transport, retries=ONCE) as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status is Status.UNKNOWN


async def test_what_one_may_not_do_is_tried_once(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, dict.fromkeys([GRACE, ALAN, EDSGER], "Group Viewer"))
    fake.fail_next(status=403, method="PATCH", times=3)
    async with fake.async_client() as client:
        applied = client.access.apply(plan, journal=tmp_path / "journal", concurrency=1)
        assert [o.status for o in await applied.collect()] == ["failed", "not_started", "not_started"]
    assert len(changes_sent(fake)) == 1


async def test_a_group_that_is_gone_is_an_error_before_anything_is_sent() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    other = FakeSnyk(seed=1)
    async with other.async_client() as client:
        with pytest.raises(NotFoundError):
            await client.access.apply(plan).collect()


async def test_the_preview_of_an_apply_writes_no_change(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer", NOWHERE: "Group Viewer"})
    async with fake.async_client() as client:
        changes = client.access.apply(plan)
        assert [change.key for change in await changes.preview()] == [change.key for change in plan.changes]
    assert changes_sent(fake) == []
    assert list(tmp_path.iterdir()) == []


# What a plan file says is not believed


def edited(plan: Plan, **changes: Any) -> Plan:
    """The plan with something else in its only role change."""
    (change,) = plan.role_changes
    return attrs.evolve(plan, role_changes=(attrs.evolve(change, **changes),))


async def test_a_role_whose_name_and_id_disagree_is_refused() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    (change,) = plan.role_changes
    admin, viewer = role_id(fake, "Group Admin"), role_id(fake, "Group Viewer")
    for id_, name in ((admin, "Group Viewer"), (viewer, "Group Admin")):
        lying = edited(plan, role=attrs.evolve(change.role, id=id_, name=name))
        async with fake.async_client() as client:
            for step in ("preview", "collect"):
                with pytest.raises(PlanError, match=f"{id_} is named 'Group .*', not '{name}'") as caught:
                    await getattr(client.access.apply(lying), step)()
                assert GRACE in caught.value.entries[0]
    assert changes_sent(fake) == []


async def test_what_is_previewed_is_what_the_api_says() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    (change,) = plan.role_changes
    assert change.user is not None
    admin = role_id(fake, "Group Admin")
    lying = edited(
        plan,
        user=attrs.evolve(change.user, email="somebody@else.test", name="Somebody Else"),
        role=attrs.evolve(change.role, id=admin.upper(), name=None),
        before=attrs.evolve(change.before, name="Nothing At All"),
    )
    async with fake.async_client() as client:
        changes = client.access.apply(lying)
        assert [str(c) for c in await changes.preview()] == [f"{GRACE}: Group Member -> Group Admin"]
        assert changes.notes == (
            f"the user {change.user.id} has the email {GRACE!r}, where the plan says 'somebody@else.test'",
        )


async def test_a_group_that_has_another_name_now_is_noted() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    renamed = attrs.evolve(plan, groups=(attrs.evolve(plan.group, name="Production"),))
    async with fake.async_client() as client:
        changes = client.access.apply(renamed)
        await changes.preview()
    assert changes.notes == (
        f"the group {fake.group_id} is named 'Engineering', where the plan says 'Production'",
    )


async def test_a_membership_of_another_user_than_the_plan_says_is_refused() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    alan = fake.memberships(fake.group_id)[2]
    async with fake.async_client() as client:
        with pytest.raises(PlanError, match="the membership is that of the user"):
            await client.access.apply(edited(plan, membership_id=alan.id)).collect()
    assert changes_sent(fake) == []


async def test_who_is_added_is_looked_up_among_the_sso_users() -> None:
    fake = FakeSnyk.example()
    connection, *_ = fake.sso_connections(fake.group_id)
    by_sso, stranger = fake.add_user(email="sso@example.com"), fake.add_user()
    fake.add_sso_user(connection.id, by_sso.id)
    plan = await planned(fake, {"sso@example.com": "Group Viewer", stranger.id: "Group Viewer"})
    one, other = plan.creates
    assert one.user is not None
    assert other.user is not None
    named = attrs.evolve(other, user=attrs.evolve(other.user, email="ceo@example.com"))
    async with fake.async_client() as client:
        changes = client.access.apply(attrs.evolve(plan, creates=(one, named)))
        assert [str(c) for c in await changes.preview()] == [
            "add sso@example.com as Group Viewer",
            f"add {stranger.id} as Group Viewer",
        ], "a name that nobody confirms is not shown"
        assert changes.notes == (
            f"nobody with the user id {stranger.id} can be found, so their name cannot be checked",
        )
        lying = attrs.evolve(one, user=attrs.evolve(one.user, email="ceo@example.com"))
        with pytest.raises(PlanError, match=r"has the email 'sso@example.com', where the plan says 'ceo@"):
            await client.access.apply(attrs.evolve(plan, creates=(lying,))).collect()
    assert changes_sent(fake) == []


async def test_a_role_that_nobody_holds_needs_to_be_allowed() -> None:
    fake = FakeSnyk.example()
    unheld = fake.add_role("Group Admin")
    plan = await planned(fake, {GRACE: unheld.id})
    async with fake.async_client() as client:
        with pytest.raises(PlanError, match=rf"no member has the role {unheld.id}.*allow_unknown_roles"):
            await client.access.apply(plan).collect()
        changes = client.access.apply(plan, allow_unknown_roles=True)
        (change,) = await changes.preview()
        assert str(change).endswith(f"-> {unheld.id} (name not known)")
        assert changes.notes == (f"no member has the role {unheld.id}, so its name cannot be checked",)
        assert [o.status for o in await changes.collect()] == ["applied"]


async def test_a_plan_is_for_one_api_one_group_and_one_approval() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        apply = client.access.apply
        with pytest.raises(PlanError, match=r"the plan is for https://api\.eu"):
            apply(attrs.evolve(plan, base_url="https://api.eu.snyk.io/rest"))
        with pytest.raises(PlanError, match=f"not for {NOWHERE}"):
            apply(plan, group_id=NOWHERE)
        with pytest.raises(PlanError, match="not the one approved"):
            apply(attrs.evolve(plan, notes=("approved",)), expect_digest=plan.digest)
        for max_age in (timedelta(hours=1), 3600):
            with pytest.raises(PlanError, match="was made 2 hours ago, and max_age is 60 minutes"):
                apply(attrs.evolve(plan, made_at=plan.made_at - timedelta(hours=2)), max_age=max_age)
        with pytest.raises(PlanError, match="in the future"):
            apply(attrs.evolve(plan, made_at=plan.made_at + timedelta(hours=2)), max_age=3600)
        assert fake.requests == []
        good = apply(
            plan,
            expect_digest=f"sha256:{plan.digest.upper()}",
            max_age=timedelta(hours=1),
            group_id=plan.group.id.upper(),
        )
        assert [o.status for o in await good.collect()] == ["applied"]


async def test_what_the_plan_says_of_organizations_cannot_be_overruled() -> None:
    fake = FakeSnyk.example()
    grace = fake.memberships(fake.group_id)[1]
    plan = attrs.evolve(await planned(fake, keep_all(fake, grace0001=""), prune=True), cascade=True)
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match="made with cascade=True"):
            client.access.apply(plan, cascade=False)
        assert [o.status for o in await client.access.apply(plan).collect()] == ["applied"]
    assert fake.org_memberships(fake.group_id, grace.user.id) == []


async def test_a_plan_that_prunes_more_than_it_may_is_refused() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001="", alan0002="", edsger0003=""), prune=True)
    more = attrs.evolve(
        plan, removals=(*plan.removals, attrs.evolve(plan.removals[0], membership_id=NOWHERE, user=None))
    )
    async with fake.async_client() as client:
        with pytest.raises(PlanError, match="removes 4 members of Engineering, more than 3"):
            await client.access.apply(more, cascade=True).collect()
        with pytest.raises(PlanError, match="removes 3 members of Engineering, more than 2"):
            await client.access.apply(attrs.evolve(plan, max_removals=2), cascade=True).collect()
        assert changes_sent(fake) == []
        assert len(await client.access.apply(plan, cascade=True).collect()) == 3


async def test_one_apply_for_several_groups_keeps_each_ones_last_admin() -> None:
    fake = FakeSnyk.example()
    other = fake.add_group("Other")
    admin, member = fake.roles()[0], next(role for role in fake.roles() if role.name == "Group Member")
    first, second = fake.memberships(fake.group_id)[:2]
    fake.add_membership(other.id, first.user.id, admin.id)
    fake.add_membership(other.id, second.user.id, member.id)
    rows = [
        {"group": fake.group_id, "user_id": first.user.id, "role": "Group Member"},
        {"group": other.id, "user_id": first.user.id, "role": "Group Member"},
    ]
    async with fake.async_client() as client:
        plan = await client.access.plan(None, rows)  # type: ignore[arg-type]
        assert len(plan.role_changes) == 2
        with pytest.raises(ProtectedMemberError, match="without an admin"):
            await client.access.apply(plan, me=second.user.email).collect()
        rows.append({"group": other.id, "user_id": second.user.id, "role": "Group Admin"})
        plan = await client.access.plan(None, rows)  # type: ignore[arg-type]
        assert {o.status for o in await client.access.apply(plan).collect()} == {"applied"}
    assert roles_of(fake, other.id) == {first.user.email: "Group Member", second.user.email: "Group Admin"}


# How old a look may be


@pytest.mark.parametrize("strict", [True, False])
async def test_what_was_previewed_long_ago_is_not_overwritten(strict: bool) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer", ALAN: "Group Viewer"})
    async with fake.async_client() as client:
        changes = client.access.apply(plan, strict=strict)
        assert len(await changes.preview()) == 2
        change_role("Group Admin")(fake, fake.memberships(fake.group_id)[1])
        await clock.pass_by(11)
        if strict:
            with pytest.raises(StalePlanError, match="grace"):
                await changes.collect()
            assert changes_sent(fake) == []
            return
        outcomes = {o.change.user.email: o for o in await changes.collect() if o.change.user}
    assert (outcomes[GRACE].status, outcomes[GRACE].sent) == ("changed_since", False)
    assert outcomes[ALAN].status == "applied"
    assert roles_of(fake)[GRACE] == "Group Admin"


async def test_after_a_pause_strict_looks_at_what_comes_later_too() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {ALAN: "Group Admin", GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        changes = client.access.apply(plan, strict=True)
        assert len(await changes.preview()) == 2
        change_role("Group Admin")(fake, fake.memberships(fake.group_id)[1])
        await clock.pass_by(11)
        with pytest.raises(StalePlanError, match="grace"):
            await changes.collect()
    assert changes_sent(fake) == [], "not even Alan, who comes first"


async def test_after_a_pause_each_group_is_looked_at_again() -> None:
    fake = FakeSnyk.example()
    other = fake.add_group("Other")
    roles = {role.name: role for role in fake.roles()}
    first, second = fake.memberships(fake.group_id)[1:3]
    for user_id in (first.user.id, second.user.id):
        fake.add_membership(other.id, user_id, roles["Group Member"].id)
    rows = [
        {"group": fake.group_id, "user_id": first.user.id, "role": "Group Admin"},
        {"group": fake.group_id, "user_id": second.user.id, "role": "Group Admin"},
        {"group": other.id, "user_id": first.user.id, "role": roles["Group Viewer"].id},
    ]
    async with fake.async_client() as client:
        plan = await client.access.plan(None, rows)  # type: ignore[arg-type]
        changes = client.access.apply(plan, concurrency=1, allow_unknown_roles=True)
        async for outcome in changes:
            assert outcome.status == "applied"
            break
        change_role("Group Admin")(fake, fake.memberships(other.id)[0])
        await clock.pass_by(11)
        outcomes = await changes.collect()
    assert [o.status for o in outcomes] == ["applied", "applied", "changed_since"]
    assert roles_of(fake, other.id)[GRACE] == "Group Admin"


async def test_the_last_admin_is_guarded_by_the_second_look() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, dict.fromkeys(ADMINS[:2], "Group Viewer"))
    async with fake.async_client() as client:
        changes = client.access.apply(plan)
        await changes.preview()
        change_role("Group Viewer")(fake, fake.memberships(fake.group_id)[24])
        await clock.pass_by(11)
        with pytest.raises(ProtectedMemberError, match="without an admin"):
            await changes.collect()
    assert changes_sent(fake) == []


async def test_a_short_pause_costs_no_second_look() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        changes = client.access.apply(plan)
        await changes.preview()
        await changes.collect()
    assert [r.method for r in fake.requests] == ["GET", "PATCH"]


async def test_a_long_run_looks_again_every_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSnyk.example()
    age = clock.Age(monkeypatch)
    plan = await planned(fake, dict.fromkeys(list(keep_all(fake))[1:7], "Group Viewer"))
    sent = 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal sent
            sent += request.method == "PATCH"
            if sent == 1 and request.method == "PATCH":
                change_role("Group Admin")(fake, fake.memberships(fake.group_id)[6])
                age.offset += 301
            return await fake.transport().handle_async_request(request)

    async with fake.async_client(transport=Slow(), timeout=None, deadline=None) as client:
        outcomes = await client.access.apply(plan, concurrency=1).collect()
    statuses = [o.status for o in outcomes]
    assert statuses.count(Status.CHANGED_SINCE) == 1
    assert statuses.count(Status.APPLIED) == len(plan.changes) - 1
    assert sum(r.method == "GET" for r in fake.requests) == 2


async def test_who_is_admin_is_read_again_before_admins_are_taken_away() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {**dict.fromkeys(ADMINS[:2], "Group Viewer"), ALAN: "Group Admin"})

    def others_resign() -> None:
        for index in (24, 2):
            change_role("Group Viewer")(fake, fake.memberships(fake.group_id)[index])

    class Resigning(httpx.AsyncBaseTransport):
        """Once the new admin was made, another admin takes the role from the last old one and from the new one."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await fake.transport().handle_async_request(request)
            if request.method == "PATCH" and len(changes_sent(fake)) == 1:
                others_resign()
            return response

    async with fake.async_client(transport=Resigning()) as client:
        outcomes = await client.access.apply(plan).collect()
    assert [o.status for o in outcomes].count(Status.FAILED) == 1
    assert list(roles_of(fake).values()).count("Group Admin") == 1


# Removals


async def test_nobody_is_removed_when_an_addition_has_failed() -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {**keep_all(fake, grace0001=""), stranger.id: "Group Viewer"}, prune=True)
    fake.fail_next(status=400, method="POST")
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, cascade=True).collect()
    assert [(o.change.action, o.status, o.sent) for o in outcomes] == [
        ("add", "failed", True),
        ("remove", "not_started", False),
    ]
    assert outcomes[1].error is outcomes[0].error
    assert GRACE in roles_of(fake)


async def test_nobody_is_removed_when_an_addition_was_interrupted() -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {**keep_all(fake, grace0001=""), stranger.id: "Group Viewer"}, prune=True)
    fake.hang_next(method="POST")
    async with fake.async_client() as client:
        changes = client.access.apply(plan, cascade=True)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(changes.collect)
            while not any(request.method == "POST" for request in fake.requests):
                await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
        assert [o.status for o in changes.outcomes] == ["unknown"]
        outcomes = await changes.collect()
    assert [(o.change.action, o.status) for o in outcomes] == [("add", "unknown"), ("remove", "not_started")]
    assert GRACE in roles_of(fake)


@pytest.mark.parametrize("body", ["<html>not here</html>", {"message": "Not Found"}, None])
async def test_a_404_after_an_unclear_failure_proves_nothing(body: Any, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    journal = tmp_path / "journal"
    async with fake.async_client() as client:
        for _ in range(2):  # a second run repeats no lie
            fake.fail_next(status=503, method="DELETE")
            fake.fail_next(status=404, method="DELETE", body=body)
            (outcome,) = await client.access.apply(plan, cascade=True, journal=journal).collect()
            assert (outcome.status, type(outcome.error)) == ("unknown", NotFoundError)
        (outcome,) = await client.access.apply(plan, cascade=True, journal=journal).collect()
        assert outcome.status == "applied"
    assert GRACE not in roles_of(fake)


async def test_a_removal_that_a_look_confirms_is_applied() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    fake.fail_next(status=503, method="DELETE", after=True)
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan, cascade=True).collect()
    assert (outcome.status, type(outcome.error)) == ("applied", NotFoundError)


async def test_a_removal_is_not_confirmed_by_a_listing_that_leaves_members_out() -> None:
    fake = FakeSnyk.with_members(150)
    grace = fake.memberships(fake.group_id)[1]
    plan = await planned(
        fake,
        {m.user.email: m.role.name for m in fake.memberships(fake.group_id) if m is not grace},
        prune=True,
    )
    fake.fail_next(status=503, method="DELETE", after=True)
    transport = Meanwhile(fake, lambda: [fake.twist_next_page("no_links") for _ in "ab"])
    async with fake.async_client(transport=transport) as client:
        (outcome,) = await client.access.apply(plan, cascade=True).collect()
    assert outcome.status == "unknown"


async def test_a_member_whom_the_listing_leaves_out_is_not_removed() -> None:
    fake = FakeSnyk.with_members(150)
    last = fake.memberships(fake.group_id)[140]
    plan = await planned(
        fake,
        {m.user.email: m.role.name for m in fake.memberships(fake.group_id) if m is not last},
        prune=True,
    )
    async with fake.async_client() as client:
        fake.twist_next_page("no_links")
        (outcome,) = await client.access.apply(plan, cascade=True).collect()
    assert (outcome.status, type(outcome.error), outcome.sent) == ("failed", IncompleteListingError, False)
    assert changes_sent(fake) == []
