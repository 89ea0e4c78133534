"""A group in a random world is reviewed, changed by us and by others, and restored: what the plan does not list as lost
is again as the review says.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from access.checker.trouble import Event
from access.checker.world import World, world
from support.extent import share
from support.jobs import ONCE

from groups_sdk import AsyncGroupsClient, Plan, Review
from groups_sdk.access._plan.restore import NOT_RESTORED

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(share(60)))
async def test_the_world_is_as_the_review_says_but_for_what_is_listed(seed: int, tmp_path: Path) -> None:
    random, made = Random(f"{seed}/restore"), world(seed)
    group_id = made.group_id
    async with made.fake.async_client(retries=ONCE) as client:
        stream = client.access.review(group_id, org_memberships=random.random() < 0.7)
        review = await stream.collect()
        review.to_jsonl(tmp_path / "review.jsonl")
        then, orgs = _roles(made), set(made.fake.state().orgs.values())
        journals = await _changes(client, made, random, tmp_path)
        plan = await client.access.plan_restore(
            group_id,
            tmp_path / "review.jsonl",
            journals,
            allow_admins=True,
            prune=True,
            cascade=True,
            max_removals=1000,
        )
        assert Plan.from_json(plan.to_json()) == plan
        work = client.access.apply(plan, allow_unknown_roles=True, allow_last_admin=True)
        outcomes = await work.collect()
    assert {outcome.status.value for outcome in outcomes} <= {"applied"}, [*map(str, outcomes)]
    lost = [note for note in plan.notes if note.startswith(NOT_RESTORED)]
    now = _roles(made)
    for user, role in then.items():
        if now.get(user) != role:
            assert any(user in note and "organizations" not in note for note in lost), (user, plan.notes)
    for user in now.keys() - then.keys():
        assert any(user in note and "and stays" in note for note in plan.notes), (user, plan.notes)
    kept = set(made.fake.state().orgs.values())
    for group, user in orgs - kept:
        if group == group_id:
            assert any(user in note for note in lost), (user, plan.notes)


def _roles(made: World) -> dict[str, str]:
    """The members of the group, and their roles."""
    return {
        user: place.role_id
        for (group, user), place in made.fake.state().members.items()
        if group == made.group_id
    }


async def _changes(client: AsyncGroupsClient, made: World, random: Random, folder: Path) -> list[Path]:
    """What happens after the review. Returns the journals of what was done by this package."""
    journals: list[Path] = []
    for number in range(random.randint(2, 6)):
        journal = folder / f"{number}.journal"
        others = sorted(_roles(made).keys() - {made.me})
        if not others:
            break
        user = random.choice(others)
        match random.choice(["ours", "ours", "theirs", "theirs", "leave", "delete"]):
            case "ours":
                wanted = {user: random.choice(sorted(made.roles))}
                outside = sorted({*made.strangers} - _roles(made).keys() - {user})
                if outside:
                    wanted[random.choice(outside)] = random.choice(sorted(made.roles))
                plan = await client.access.plan(made.group_id, wanted)
                options: dict[str, Any] = {"allow_unknown_roles": True, "allow_last_admin": True}
                await client.access.apply(plan, journal=journal, **options).collect()
            case "leave":
                leaving = client.access.offboard(
                    user, cascade=True, dry_run=False, journal=journal, allow_last_admin=True
                )
                await leaving.collect()
            case "delete":
                await _delete(client, made, random, user, journal)
            case _:
                made.act(Event(random=random), may_take_admin=True)
        if journal.exists():
            journals.append(journal)
    return journals


async def _delete(
    client: AsyncGroupsClient, made: World, random: Random, user_id: str, journal: Path
) -> None:
    """An account is deleted, and sometimes there is a new one under its address, a member even."""
    user = next(user for user in made.fake.users() if user.id == user_id)
    connections = made.fake.sso_connections(made.group_id)
    if not any(known.user.id == user_id for one in connections for known in made.fake.sso_users(one.id)):
        return
    work = client.access.delete_sso_users(
        made.group_id, user_id, dry_run=False, accounts=1, journal=journal, allow_last_admin=True
    )
    await work.collect()
    if random.random() < 0.6:
        anew = made.fake.add_user(email=user.email, username=user.username)
        made.fake.add_sso_user(connections[0].id, anew.id)
        if random.random() < 0.5:
            made.fake.add_membership(made.group_id, anew.id, random.choice(sorted(made.roles)))


def test_a_review_is_what_it_was_written_as(tmp_path: Path) -> None:
    """The file that the worlds are restored from loses nothing."""
    made = world(1)
    with made.fake.client() as client:
        review = client.access.review(made.group_id, org_memberships=True).collect()
    review.to_jsonl(tmp_path / "review.jsonl")
    assert Review.read(tmp_path / "review.jsonl") == review
