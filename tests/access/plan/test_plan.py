"""Plans as texts and documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from support.jobs import NOWHERE, role_id
from support.worlds import ROOT, group_of

from groups_sdk import InvalidArgumentError, Plan, PlanError
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


async def document() -> dict[str, Any]:
    fake = group_of(("eve@mail.test", "eve"), ("bob@mail.test", "bob", "Group Viewer"))
    stranger = fake.add_user()
    async with fake.async_client() as client:
        plan = await client.access.plan(
            fake.group_id,
            {ROOT: "Group Viewer", stranger.id: "Group Viewer", "eve": "Group Member"},
            prune=True,
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
        (_edit("format", to="other"), "not a document in the format"),
        (_edit("groups", to=None), "groups: must be of the type list"),
        (_edit("groups", 0, "id", to="x"), r"groups\[0\].id must be a UUID"),
        (_edit("base_url", to=None), "base_url: must be of the type str"),
        (_edit("made_at", to="yesterday"), "made_at: must be a date"),
        (_edit("made_at", to=7), "made_at: must be of the type str"),
        (_edit("prune", to=1), "prune: must be of the type bool"),
        (_edit("cascade", to="no"), "cascade: must be of the type bool"),
        (_edit("max_removals", to="all"), "max_removals: must be of the type int"),
        (_edit("creates", to={}), "creates: must be of the type list"),
        (_edit("creates", 0, to=[]), r"creates\[0\]: must be an object"),
        (_edit("creates", 0, "role", to=None), r"creates\[0\].role.id: is missing"),
        (_edit("creates", 0, "user", to=None), r"creates\[0\].user.id: is missing"),
        (_edit("creates", 0, "user", "id", to=""), r"creates\[0\].user.id must be a UUID"),
        (_edit("creates", 0, "action", to="remove"), r"creates\[0\].action: must be add"),
        (
            _edit("creates", 0, "group_id", to=NOWHERE),
            r"creates\[0\].group_id: is not one of the plan's groups",
        ),
        (_edit("role_changes", 0, "role", "id", to=""), r"role.id must be a UUID"),
        (_edit("role_changes", 0, "before", to=None), "before: is missing"),
        (_edit("role_changes", 0, "membership_id", to="../x"), "membership_id must be a UUID"),
        (_edit("removals", 0, "membership_id", to=None), r"removals\[0\].membership_id: is missing"),
        (_edit("not_in_snyk", to=[{"who": "x"}]), r"not_in_snyk\[0\].role"),
        (lambda d: d["removals"].append(d["removals"][0]), "two changes for one member"),
        (lambda d: d["removals"][0].update(user=d["creates"][0]["user"]), "two changes for one member"),
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


@pytest.mark.parametrize("version", [2, 4, None, "3"])
async def test_a_plan_of_another_format_is_refused_in_one_sentence(version: Any) -> None:
    made = await document()
    made["version"] = version
    with pytest.raises(PlanError, match="make the plan again"):
        Plan.from_json(json.dumps(made))


async def test_the_case_of_ids_makes_no_difference() -> None:
    made = await document()
    plan = Plan.from_json(json.dumps(made))
    made["removals"][0]["group_id"] = made["removals"][0]["group_id"].upper()
    assert Plan.from_json(json.dumps(made)) == plan


async def test_the_digest_is_that_of_all_that_is_in_the_plan() -> None:
    made = await document()
    digest = Plan.from_json(json.dumps(made)).digest
    assert Plan.from_json(json.dumps(dict(reversed(made.items())))).digest == digest
    for name, value in {
        "cascade": True,
        "max_removals": 7,
        "allow_unresolved": ["x"],
        "base_url": "https://api.eu.snyk.io/rest",
        "made_by": "0",
        "removals": [],
    }.items():
        assert Plan.from_json(json.dumps({**made, name: value})).digest != digest, name


async def test_what_becomes_of_organizations_is_shown() -> None:
    made = await document()
    stay, go = (Plan.from_json(json.dumps({**made, "cascade": cascade})) for cascade in (False, True))
    assert "stay, where the API allows it" in str(stay)
    assert "go too" in str(go)
    assert "organizations below" not in str(Plan.from_json(json.dumps(made)))


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


async def test_the_digest_is_that_of_the_document_in_its_shortest_form() -> None:
    made = await document()
    for kinds in ({}, {"role_changes": [], "creates": []}, {"notes": ["\u00fc"], "max_removals": 3}):
        changed = {**made, **kinds}
        shortest = json.dumps(changed, sort_keys=True, separators=(",", ":"))
        assert Plan.from_dict(changed).digest == hashlib.sha256(shortest.encode()).hexdigest()
