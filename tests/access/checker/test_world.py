"""The worlds are what they promise, and the same for the same seed."""

from __future__ import annotations

from collections import Counter
from functools import partial
from random import Random

import pytest
from access.checker.history import Actor
from access.checker.trouble import Event
from access.checker.world import World, look_alike, plain, world

SEEDS = range(60)


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return [world(seed) for seed in SEEDS]


def shape(made: World) -> object:
    users = [(u.id, u.name, u.username, u.email, u.login_method) for u in made.fake.users()]
    return made.fake.state(), users, made.roles, made.me, made.strangers, made.sso, made.imitated


def test_a_seed_makes_one_world_only() -> None:
    assert shape(world(7)) == shape(world(7))
    assert shape(world(7)) != shape(world(8))


def test_i_am_an_admin_everywhere_and_nobody_looks_like_me(worlds: list[World]) -> None:
    for made in worlds:
        for group_id in made.group_ids:
            assert made.me in made.fake.state().admins(group_id, made.admin_role_ids)
            assert made.meant(group_id, ["me@example.com"]) == {made.me}


def test_everything_odd_occurs(worlds: list[World]) -> None:
    seen: Counter[str] = Counter()
    for made in worlds:
        users = {user.id: user for user in made.fake.users()}
        emails = Counter(plain(user.email) for user in users.values())
        names = list(made.roles.values())
        counts = [len(made.fake.state().admins(g, made.admin_role_ids)) for g in made.group_ids]
        seen.update(
            name
            for name, there in {
                "several groups": len(made.group_ids) > 1,
                "one admin": 1 in counts,
                "several admins": max(counts) > 1,
                "email is not the username": any(plain(u.email) != plain(u.username) for u in users.values()),
                "two accounts of one address": max(emails.values()) > 1,
                "crossed": any(plain(u.username) in emails and u.email != u.username for u in users.values()),
                "look-alikes": bool(made.imitated),
                "no email": bool(made.fake.nameless),
                "neither": bool(made.fake.nameless & made.fake.usernameless),
                "two roles of one name": len(set(names)) < len(names),
                "odd spaces": any(name != " ".join(name.split()) for name in names),
                "two admin roles": len(made.admin_role_ids) > 1,
                "a role that looks like admin": any("\u0410" in name for name in names),
                "SSO users who are no members": bool(set(made.sso) & set(made.strangers)),
                "organizations": bool(made.fake.state().orgs),
                "filters that do nothing": made.fake.ignores_filters,
            }.items()
            if there
        )
    assert min(seen.values()) >= 3
    assert len(seen) == 16


@pytest.mark.parametrize(
    "address", ["steve@example.com", "strasse@example.com", "kim@example.com", "\u00e5sa@ex\u00e4mple.com"]
)
def test_a_look_alike_is_another_address(address: str) -> None:
    made = {look_alike(Random(seed), address) for seed in range(50)}
    assert len(made) > 1
    assert plain(address) not in {plain(text) for text in made}


def test_who_is_meant() -> None:
    made = next(w for w in map(world, range(100)) for i in w.imitated if w.place(i) is not None)
    imitator = next(id_ for id_ in made.imitated if made.place(id_) is not None)
    place = made.place(imitator)
    assert place is not None
    assert made.meant(made.group_id, [f" {made.imitated[imitator].replace('example', 'EXAMPLE')}\t"]) >= {
        imitator
    }
    for text in (
        imitator,
        imitator.upper(),
        place.membership_id,
        made.identifiers(made.group_id, imitator)[2],
    ):
        assert imitator in made.meant(made.group_id, [text])
    assert made.meant(made.group_id, ["nobody@example.com", ""]) == set()


def test_what_the_api_does_not_know_names_nobody() -> None:
    made = next(w for w in map(world, range(100)) for i in w.fake.nameless if w.place(i) is not None)
    user = next(u for u in made.fake.users() if u.id in made.fake.nameless and made.place(u.id) is not None)
    made.fake.usernameless.add(user.id)
    assert made.meant(made.group_id, [user.email, user.username]) == set()


def test_another_admin_changes_people_but_takes_no_admin_away(worlds: list[World]) -> None:
    kinds: Counter[str] = Counter()
    for seed in SEEDS:
        made = world(seed)
        for number in range(15):
            made.fake.change(partial(made.act, Event(random=Random(number))))
        for step in made.fake.history:
            assert step.actor is Actor.OTHER
            assert len(step.changed) <= 1
            for group_id, user_id in step.changed:
                before, after = (s.members.get((group_id, user_id)) for s in (step.before, step.after))
                assert user_id != made.me
                assert before is None or before.role_id not in made.admin_role_ids
                kinds[
                    "added"
                    if before is None
                    else "removed"
                    if after is None
                    else "replaced"
                    if (before.membership_id != after.membership_id)
                    else "promoted"
                    if after.role_id in made.admin_role_ids
                    else "changed"
                ] += 1
    assert len(kinds) == 5


def test_another_admin_may_be_allowed_to_take_admins_away() -> None:
    def admins_lost(may: bool) -> bool:
        made = next(
            w for w in map(world, range(100)) if len(w.fake.state().admins(w.group_id, w.admin_role_ids)) > 2
        )
        before = made.fake.state().admins(made.group_id, made.admin_role_ids)
        for number in range(60):
            made.act(Event(random=Random(number)), may_take_admin=may)
        return not before <= made.fake.state().admins(made.group_id, made.admin_role_ids)

    assert (admins_lost(True), admins_lost(False)) == (True, False)
