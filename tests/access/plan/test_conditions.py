"""Conditions in plan files: they are about a change of the plan, and about somebody else."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from support.jobs import NOWHERE
from support.worlds import ROOT, group_of, member

from groups_sdk import InvalidArgumentError, Org, OrgMembership, Plan, Role, Status, User
from groups_sdk.access import Condition
from groups_sdk.access._plan.conditions import lost_orgs
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

EVE, BOB = "eve@mail.test", "bob@mail.test"


async def handover(fake: FakeSnyk) -> Plan:
    async with fake.async_client() as client:
        return await client.access.plan_handover(fake.group_id, ROOT, EVE, role_after="Group Viewer")


def group() -> FakeSnyk:
    return group_of((EVE, "eve"), (BOB, "bob", "Group Viewer"))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"change": "remove:x"}, r"conditions\[0\].change: is not the key of one of the plan's changes"),
        ({"user": {"id": "x"}}, r"conditions\[0\].user.id must be a UUID"),
        ({"role": {"id": "x"}}, r"conditions\[0\].role.id must be a UUID"),
        ({"user": None}, r"conditions\[0\]: Condition: user: must be an object"),
        ({"lost_orgs": 5}, r"conditions\[0\]: Condition: lost_orgs: must be"),
        ({"user": "own"}, r"conditions\[0\].user: must be another account than that of the change"),
    ],
)
async def test_a_condition_that_makes_no_sense_is_refused(changed: dict[str, Any], problem: str) -> None:
    fake = group()
    document = json.loads((await handover(fake)).to_json())
    if changed == {"user": "own"}:
        changed = {"user": {"id": member(fake, ROOT).user.id}}
    document["conditions"][0] |= changed
    with pytest.raises(InvalidArgumentError, match=problem):
        Plan.from_json(json.dumps(document))
    del document["conditions"]
    with pytest.raises(InvalidArgumentError, match="conditions"):
        Plan.from_json(json.dumps(document))


async def test_all_conditions_of_a_change_count_and_are_shown() -> None:
    fake = group()
    plan = await handover(fake)
    (first,) = plan.conditions
    bob = member(fake, BOB)
    also = Condition(change=first.change, user=bob.user, role=first.role)
    plan = attrs.evolve(plan, conditions=(first, also))
    assert "only while eve@mail.test has the role Group Admin, only while bob@mail.test has" in str(plan)
    async with fake.async_client() as client:
        outcomes = await client.access.apply(Plan.from_json(plan.to_json())).collect()
    assert [outcome.status for outcome in outcomes] == [Status.APPLIED, Status.FAILED]
    assert "bob@mail.test has the role Group Viewer, not Group Admin" in str(outcomes[1])


async def test_a_condition_is_part_of_what_is_approved() -> None:
    plan = await handover(group())
    assert attrs.evolve(plan, conditions=()).digest != plan.digest
    assert "is sent `only while eve@mail.test has the role Group Admin`" in plan.to_markdown()


async def test_who_has_no_name_is_called_by_the_id() -> None:
    plan = await handover(group())
    (condition,) = plan.conditions
    nameless = attrs.evolve(condition, user=attrs.evolve(condition.user, email=None, username=None))
    assert str(nameless) == f"only while {condition.user.id} has the role Group Admin"
    assert str(attrs.evolve(nameless, role=attrs.evolve(condition.role, name=None, id=NOWHERE))).endswith(
        NOWHERE
    )


def test_organizations_that_the_api_does_not_name_are_not_the_same() -> None:
    def below(org: str, role: str) -> OrgMembership:
        return OrgMembership("", None, User(NOWHERE), Role(role), Org(org))

    nameless, roleless, known = below("", "r"), below("o", ""), below("O", "R")
    assert lost_orgs([nameless, roleless, known], [nameless, roleless, below("o", "r")]) == (
        nameless,
        roleless,
    )
