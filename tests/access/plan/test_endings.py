"""Rows with an end: what is planned before it and after it, and what is shown."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.clock import set_time
from support.jobs import BOTH, NOWHERE, Jobs, changes_sent, role_id, roles_of
from support.worlds import ABE, ABE_LOGIN, ROOT, changed_listing, emails, group_of, member

from groups_sdk import (
    AsyncGroupsClient,
    IncompleteListingError,
    InvalidArgumentError,
    Plan,
    PlanError,
    Role,
    RoleChoiceError,
    Status,
)
from groups_sdk.access import Action, Ending
from groups_sdk.access._plan.desired import read_desired
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

EVE, BOB = "eve@mail.test", "bob@mail.test"
END = datetime(2026, 11, 5, 10, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def row(email: str, role: Any = "Group Admin", **rest: Any) -> dict[str, Any]:
    return {"email": email, "role": role, **rest}


def until(end: Any = END, then: Any = "Group Viewer") -> dict[str, Any]:
    return {"until": end, "then": then}


def acme() -> FakeSnyk:
    return group_of((EVE, "eve", "Group Admin"), (BOB, "bob", "Group Viewer"), (ABE, ABE_LOGIN))


async def planned(fake: FakeSnyk, desired: Any, **options: Any) -> Plan:
    async with fake.async_client() as client:
        made = await client.access.plan(fake.group_id, desired, **options)
    assert Plan.from_json(made.to_json()) == made
    assert changes_sent(fake) == []
    return made


@BOTH
@pytest.mark.parametrize(("seconds", "over"), [(-0.000001, False), (-1, False), (0, True), (1e9, True)])
async def test_a_role_is_kept_until_its_very_end(
    kind: str, seconds: float, over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = acme()
    set_time(monkeypatch, END + timedelta(seconds=seconds))
    async with Jobs(fake, kind) as jobs:
        plan = await jobs("plan", fake.group_id, [row(EVE, **until())])
    assert [str(change) for change in plan.changes] == ["eve@mail.test: Group Admin -> Group Viewer"][:over]
    assert [str(ending) for ending in plan.ended] == [
        "eve@mail.test: Group Admin until 2026-11-05 10:00 UTC, then Group Viewer"
    ][:over]


async def test_a_date_is_over_at_its_end_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    for moment, over in (
        (datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC), False),
        (datetime(2028, 3, 1, tzinfo=UTC), True),
    ):
        set_time(monkeypatch, moment)
        for end in ("2028-02-29", date(2028, 2, 29)):
            plan = await planned(fake, [row(EVE, **until(end))])
            assert bool(plan.role_changes) is over


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "yaml", "sections"])
async def test_every_format_has_it(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    text = {
        "csv": f"Email;Role;Valid Until;then\n{EVE};Group Admin;2026-11-04;REMOVE\n{BOB};Group Viewer;;\n",
        "json": json.dumps([row(EVE, expires="2026-11-04", then="remove"), row(BOB, "Group Viewer")]),
        "jsonl": json.dumps(row(EVE, **{"Expiry Date": "2026-11-05T11:00:00+01:00"}, then="Remove"))
        + "\n"
        + json.dumps(row(BOB, "Group Viewer", **{"Expiry Date": None}, then="")),
        "yaml": f"- email: {EVE}\n  role: Group Admin\n  until: 2026-11-04  # a date in YAML\n  then: remove\n"
        f"- {{email: {BOB}, role: Group Viewer}}\n",
        "sections": f"groups:\n  Acme:\n  - {{email: {EVE}, role: Group Admin, until: 2026-11-05T11:00:00+01:00, "
        f"then: remove}}\n  - {{email: {BOB}, role: Group Viewer}}\n",
    }[suffix]
    path = tmp_path / ("d.yaml" if suffix == "sections" else f"d.{suffix}")
    path.write_text(text)
    set_time(monkeypatch, END)
    plan = await planned(fake, path)
    assert [str(change) for change in plan.changes] == [f"remove {EVE} (Group Admin)"]
    assert (plan.prune, plan.not_mentioned, len(plan.unchanged)) == (False, 2, 1)
    set_time(monkeypatch, datetime(2026, 11, 4, 12, tzinfo=UTC))
    assert (await planned(fake, path)).changes == ()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"until": "2026-12-31"}, "until needs then: the role that they have afterwards, or remove"),
        ({"until": "2026-12-31", "then": " "}, "until needs then"),
        ({"then": "Group Viewer"}, "then says what comes after until, which is empty"),
        ({"until": "", "then_id": NOWHERE}, "then says what comes after until"),
        ({"until": " ", "then": "remove"}, "then says what comes after until"),
        ({"until": "30d", "then": "remove"}, "until is the duration '30d'"),
        ({"until": "soon", "then": "remove"}, "until is 'soon'"),
        ({"until": ["2026-12-31"], "then": "remove"}, "until is of the type list"),
        (
            {"until": "2026-12-31", "then": "remove", "then_id": NOWHERE},
            "then is remove, but then_id is a role",
        ),
        (
            {"until": "2026-12-31", "then": Role(NOWHERE), "then_id": NOWHERE},
            "then is a Role, which has its id",
        ),
        ({"until": "2026-12-31", "then_id": "Group Viewer"}, "'Group Viewer' is not a role id"),
        ({"until": "2026-12-31", "then": 7}, "the then must be text; got int"),
    ],
)
def test_rows_that_do_not_say_all_of_it_are_refused(cells: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^desired: entry 1: {message}"):
        read_desired([row(EVE, **cells)])


async def test_the_role_afterwards_goes_by_name_or_id(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    viewer = role_id(fake, "Group Viewer")
    set_time(monkeypatch, END)
    for then in (
        {"then": "group viewer"},
        {"then": viewer},
        {"then": Role(viewer)},
        {"then_id": viewer},
        {"then": viewer, "then_id": viewer},
        {"then": "Group Viewer", "then_id": viewer},
    ):
        plan = await planned(fake, [row(EVE, until=END, **then)])
        assert [change.role for change in plan.role_changes] == [Role(viewer, "Group Viewer")]
        assert plan.ended[0].then == "Group Viewer"
    with pytest.raises(
        RoleChoiceError, match=r"the role in then is 'Group Member', but then_id is the id of 'Group V"
    ):
        await planned(fake, [row(EVE, until=END, then="Group Member", then_id=viewer)])
    unknown = await planned(fake, [row(EVE, until=END, then="Group Reader", then_id=NOWHERE)])
    assert [change.role for change in unknown.role_changes] == [Role(NOWHERE)]
    assert unknown.ended[0].then == "Group Reader"  # as the file says: nobody can check it


async def test_a_mistake_in_then_is_seen_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END - SECOND)
    with pytest.raises(RoleChoiceError, match="entry 1: no member has a role named 'Group Viewr'"):
        await planned(fake, [row(EVE, **until(then="Group Viewr"))])
    with pytest.raises(RoleChoiceError, match="entry 1: then is the same role"):
        await planned(fake, [row(EVE, **until(then="group admin"))])


async def test_the_role_before_need_not_be_there_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    for role in ("Group Owner", NOWHERE):
        plan = await planned(
            fake, [row(BOB, role, **until()), row(EVE, Role(NOWHERE, "Owner"), **until(then="remove"))]
        )
        assert ([str(c) for c in plan.changes], len(plan.unchanged)) == ([f"remove {EVE} (Group Admin)"], 1)
        assert [ending.role for ending in plan.ended] == [role, "Owner"]
    plan = await planned(fake, [{"email": EVE, "role_id": role_id(fake, "Group Admin"), **until()}])
    assert plan.ended[0].role == "Group Admin"


async def test_what_ends_soon_is_shown_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END - timedelta(days=14))
    desired = [row(EVE, **until()), row(BOB, "Group Viewer", **until(END + SECOND, "remove"))]
    for within in ("14d", timedelta(days=14)):
        plan = await planned(fake, desired, ending_within=within)
        assert plan.ending == (
            Ending(who=EVE, role="Group Admin", then="Group Viewer", until=END, group_id=fake.group_id),
        )
        assert (plan.changes, plan.ended, plan.ending_by) == ((), (), END)
    digest = plan.digest
    assert "  . ends: eve@mail.test: Group Admin until 2026-11-05 10:00 UTC, then Group Viewer\n" in str(plan)
    assert "\n1 to end by 2026-11-05 10:00 UTC (by this machine's clock)\n" in str(plan)
    assert (await planned(fake, desired)).ending == ()
    assert "clock" not in str(await planned(fake, desired))
    assert (await planned(fake, desired, ending_within="13d")).digest != digest
    assert "0 to end by" in str(await planned(fake, desired, ending_within="1h"))
    far = await planned(fake, desired, ending_within=timedelta.max)
    assert (len(far.ending), far.ending_by) == (2, datetime.max.replace(tzinfo=UTC))
    wrong: Any
    for wrong in ("soon", 14, timedelta(0)):
        with pytest.raises(InvalidArgumentError, match="ending_within must be"):
            await planned(fake, desired, ending_within=wrong)


async def test_text_markdown_and_json_show_what_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END + timedelta(seconds=7))
    desired = [row(EVE, **until()), row(BOB, "Group Viewer", **until("2026-11-05", "remove"))]
    plan = await planned(fake, desired, ending_within="1d")
    text = str(plan).splitlines()
    assert text[1:5] == [
        "  ~ eve@mail.test: Group Admin -> Group Viewer",
        "  . ended: eve@mail.test: Group Admin until 2026-11-05 10:00 UTC, then Group Viewer",
        "  . ends: bob@mail.test: Group Viewer until 2026-11-06 00:00 UTC, then removed",
        "1 ended by 2026-11-05 10:00:07 UTC, 1 to end by 2026-11-06 10:00:07 UTC (by this machine's clock)",
    ]
    assert (
        "\n### Access that ends\n"
        "\n"
        "By this machine's clock: 1 ended by 2026-11-05 10:00:07 UTC, 1 to end by 2026-11-06 10:00:07 UTC\n"
        "\n"
        "|  | person | role | until | then |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| ended | `eve@mail.test` | `Group Admin` | 2026-11-05 10:00 UTC | `Group Viewer` |\n"
        "| ends | `bob@mail.test` | `Group Viewer` | 2026-11-06 00:00 UTC | removed |\n"
    ) in plan.to_markdown()
    document = plan.to_dict()
    assert document["ended"] == [
        {
            "who": EVE,
            "role": "Group Admin",
            "then": "Group Viewer",
            "until": "2026-11-05T10:00:00+00:00",
            "group_id": fake.group_id,
        }
    ]
    assert document["ending_by"] == "2026-11-06T10:00:07+00:00"
    for name in ("ended", "ending", "ending_by"):
        without = {key: value for key, value in document.items() if key != name}
        assert Plan.from_dict(without).digest != plan.digest
    for wrong in ({"ended": {}}, {"ended": [{"who": "x"}]}, {"ending_by": "soon"}):
        with pytest.raises(InvalidArgumentError):
            Plan.from_dict({**document, **wrong})
    nothing = await planned(fake, [row(BOB, "Group Viewer")], ending_within="1d")
    assert "0 to end by 2026-11-06 10:00:07 UTC\n" in nothing.to_markdown()
    assert "| until |" not in nothing.to_markdown()


async def test_plans_without_it_have_the_digest_that_they_had() -> None:
    plan = await planned(acme(), [row(EVE)])
    assert {"ended", "ending", "ending_by"}.isdisjoint(plan.to_dict())


async def test_several_groups_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    other = fake.add_group("Beta")
    fake.add_membership(other.id, member(fake, EVE).user.id, role_id(fake, "Group Viewer"))
    set_time(monkeypatch, END)
    async with fake.async_client() as client:
        plan = await client.access.plan(
            None,
            [
                row(EVE, group="Acme", **until()),
                row(EVE, "Group Viewer", group="Beta", **until(END + SECOND, "remove")),
            ],
            ending_within="1d",
        )
    acme_part, beta_part = str(plan).split("Plan for Beta")
    assert "ended: eve" in acme_part
    assert "ends: eve" in beta_part
    assert "| `Beta` | ends | `eve@mail.test` |" in plan.to_markdown()


# Removals at the end


async def test_a_removal_at_the_end_is_a_removal_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    desired = [row(EVE, **until(then="remove")), row(ROOT)]
    plan = await planned(fake, desired)
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match="cascade"):
            await client.access.apply(plan).collect()
        journal = tmp_path / "plan.journal"
        outcomes = await client.access.apply(plan, cascade=True, journal=journal, me=ROOT).collect()
        assert [str(outcome.status) for outcome in outcomes] == ["applied"]
        assert emails(fake) == {ROOT, BOB, ABE}
        again = await client.access.plan(fake.group_id, desired)
        assert (again.changes, again.not_in_snyk, again.notes, len(again.ended)) == ((), (), (), 1)
        assert await client.access.apply(again, me=ROOT).collect() == []
        undo = await client.access.undo(journal, plan, allow_admins=True)
        assert [change.action for change in undo.changes] == [Action.ADD]


async def test_one_who_is_gone_already_is_no_reason_to_stop_pruning(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    desired = [row("gone@mail.test", **until(then="remove")), row(ROOT), row(EVE), row(BOB, "Group Viewer")]
    plan = await planned(fake, desired, prune=True)
    assert [str(change) for change in plan.changes] == [f"remove {ABE} (Group Member)"]
    ended = {"user_id": NOWHERE, "role": "Group Admin", **until(then="remove")}
    assert (await planned(fake, [ended])).changes == ()
    back = await planned(fake, [{**ended, "then": "Group Viewer"}])
    assert [str(change) for change in back.changes] == [f"add {NOWHERE} as Group Viewer"]


async def test_somebody_is_mentioned_whose_access_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    desired = [row(EVE, **until(then="remove")), row(ROOT), row(BOB, **until())]
    plan = await planned(fake, desired, prune=True)
    assert [str(change) for change in plan.removals] == [
        f"remove {EVE} (Group Admin)",
        f"remove {ABE} (Group Member)",
    ]
    assert plan.not_mentioned == 0


async def test_one_who_is_a_member_under_another_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    connection = fake.add_sso_connection(fake.group_id)
    eve = member(fake, EVE).user
    fake.add_sso_user(connection.id, eve.id)
    set_time(monkeypatch, END)
    async with fake.async_client() as client:
        changed_listing(client, {member(fake, EVE).id: {"email": "other@mail.test", "username": "other"}})
        plan = await client.access.plan(fake.group_id, [row(EVE, **until(then="remove"))])
    assert [change.person for change in plan.removals] == [eve.id]


async def test_who_is_protected_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    desired = [row(EVE, **until(then="remove")), row(BOB, "Group Admin", **until(then="remove"))]
    plan = await planned(fake, desired, protect=[EVE, "mistyped@mail.test"])
    assert [str(change) for change in plan.removals] == [f"remove {BOB} (Group Viewer)"]
    assert plan.notes == (
        "protect names 'mistyped@mail.test', who is not a member of Acme: check the spelling",
        f"the access of {EVE} has ended, and they stay: protected",
    )


async def test_removals_at_the_end_count_among_those_that_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [(f"p{number}@mail.test", f"p{number}") for number in range(5)]
    fake = group_of(*people)
    set_time(monkeypatch, END)
    ended = [row(email, "Group Member", **until(then="remove")) for email, _ in people]
    with pytest.raises(
        PlanError, match=r"^5 of the 6 members of Acme would be removed, more than 3: .*max_removals=5"
    ):
        await planned(fake, ended)
    with pytest.raises(PlanError, match=r"^5 of the 6 members of Acme would be removed, more than 4"):
        await planned(fake, [*ended[:4], row(ROOT)], prune=True, max_removals=4)
    plan = await planned(fake, ended, max_removals=5)
    assert len(plan.removals) == 5
    edited = Plan.from_dict({**plan.to_dict(), "max_removals": None})
    async with fake.async_client() as client:
        with pytest.raises(PlanError, match="the plan removes 5 members of Acme, more than 3"):
            await client.access.apply(edited, cascade=False).preview()
        await client.access.apply(plan, cascade=False).collect()
    assert emails(fake) == {ROOT}


def count_one_more(client: AsyncGroupsClient) -> None:
    """Have the API count a member more than it lists."""
    listing = client.list_memberships

    async def counted(items: Any) -> Any:
        return [attrs.evolve(m, group_membership_count=m.group_membership_count + 1) for m in items]

    client.list_memberships = lambda *args, **options: listing(*args, **options).mapped(counted)  # type: ignore[method-assign]


async def test_nobody_is_removed_by_name_while_members_may_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    gone = {"role": "Group Admin", **until(then="remove")}
    async with fake.async_client() as client:
        count_one_more(client)
        with pytest.raises(
            IncompleteListingError, match="the access of some members of Acme has ended, and they are not"
        ):
            await client.access.plan(fake.group_id, [row(EVE, **until(then="remove"))])
        plan = await client.access.plan(fake.group_id, [{"user_id": member(fake, EVE).user.id, **gone}])
        assert len(plan.removals) == 1
        for who in ({"email": "gone@mail.test"}, {"user_id": NOWHERE}):
            plan = await client.access.plan(fake.group_id, [{**gone, **who}])
            assert plan.changes == ()
            assert "has ended, was not found, but the API counts 1 more than the 4 members" in plan.notes[0]


async def test_the_last_admin_is_guarded_at_the_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = group_of((BOB, "bob", "Group Viewer"))
    set_time(monkeypatch, END)
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, [row(ROOT, **until())])
        with pytest.raises(Exception, match="without an admin"):
            await client.access.apply(plan).collect()
    assert roles_of(fake)[ROOT] == "Group Admin"


async def test_after_it_was_applied_an_export_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    desired = [row(EVE, **until()), row(BOB, **until(END + SECOND)), row(ABE, **until(then="remove"))]
    async with fake.async_client() as client:
        await client.access.apply(await client.access.plan(fake.group_id, desired), cascade=False).collect()
        assert roles_of(fake) == {ROOT: "Group Admin", EVE: "Group Viewer", BOB: "Group Admin"}
        assert (await client.access.plan(fake.group_id, desired)).changes == ()
        text = io.StringIO()
        await client.access.export(fake.group_id, text, file_format="csv")
        assert "until" not in text.getvalue()
        plan = await client.access.plan(fake.group_id, io.StringIO(text.getvalue()), prune=True)
    assert (plan.changes, plan.ended) == ((), ())


async def test_a_plan_gives_no_role_that_has_ended_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END - SECOND)
    admin = until(then="Group Viewer")
    rows = [row(BOB, **admin), row(ABE, "Group Viewer", **until(END + SECOND, "remove")), row(EVE, **admin)]
    plan = await planned(fake, rows)
    assert plan.good_until == END
    shown = "2026-11-05 10:00 UTC: a role that it gives ends then"
    assert f"  ! apply it before {shown}" in str(plan)
    assert f"To be applied before {shown}." in plan.to_markdown()
    assert attrs.evolve(plan, good_until=None).digest != plan.digest
    assert (await planned(fake, [row(EVE, **admin), row(BOB, "Group Viewer")])).good_until is None
    async with fake.async_client() as client:
        changes = client.access.apply(Plan.from_json(plan.to_json()))
        await changes.preview()
        set_time(monkeypatch, END)
        outcomes = await changes.collect()
        assert {(outcome.status, outcome.sent) for outcome in outcomes} == {(Status.FAILED, False)}
        assert "a role that the plan gives has ended meanwhile" in str(outcomes[0])
        with pytest.raises(PlanError, match=r"has ended \(2026-11-05 10:00 UTC\): make the plan again"):
            client.access.apply(plan)
    assert changes_sent(fake) == []


async def test_removals_are_sent_whatever_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    set_time(monkeypatch, END - SECOND)
    rows = [row(BOB, **until()), row(ABE, "Group Member", until=END - SECOND, then="remove")]
    plan = await planned(fake, rows)
    async with fake.async_client() as client:
        changes = client.access.apply(plan, cascade=True)
        await changes.preview()
        set_time(monkeypatch, END)
        outcomes = await changes.collect()
    assert sorted(outcome.status for outcome in outcomes) == [Status.APPLIED, Status.FAILED]
    assert ABE not in roles_of(fake)
    assert roles_of(fake)[BOB] == "Group Viewer"


async def test_nobody_is_removed_whose_name_another_sso_user_has_or_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = acme()
    set_time(monkeypatch, END)
    first, second = (fake.add_sso_connection(fake.group_id, name) for name in ("One", "Two"))
    eve = member(fake, EVE)
    fake.add_sso_user(first.id, eve.user.id)
    fake.add_sso_user(second.id, fake.add_user(email=EVE, username="other").id)
    for name in ("email", "username"):
        fake.alter_record(eve.id, f"relationships.user.data.attributes.{name}", "changed@mail.test")
    rows = [row(EVE, **until(then="remove"))]
    plan = await planned(fake, rows)
    assert plan.changes == ()
    assert (
        "nobody is removed: several users have this name; give the user id of the one you mean"
        in plan.notes[0]
    )
    fake.fail_next(status=403, path=f"sso_connections/{second.id}")
    plan = await planned(fake, rows)
    assert plan.changes == ()
    assert "nobody is removed: only the SSO knows changed@mail.test" in plan.notes[0]
    fake.fail_next(status=403, path=f"sso_connections/{second.id}")
    plan = await planned(fake, [{"user_id": eve.user.id, "role": "Group Admin", **until(then="remove")}])
    assert [change.user.id for change in plan.removals if change.user] == [eve.user.id]
