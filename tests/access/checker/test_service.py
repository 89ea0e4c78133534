"""What happens to requests, and what the history says of it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from access.checker.history import Actor, owner_of
from access.checker.service import CheckedSnyk
from access.checker.trouble import BEFORE, EITHER, OF_LISTINGS, Event, Fault, Trouble
from access.checker.world import World, world

from groups_sdk import ApiError, ConnectionFailedError, GroupsClient, GroupsError, RetryPolicy

ONCE = RetryPolicy(max_attempts=1)
STATUSES = {
    Fault.ERROR: 500,
    Fault.UNAVAILABLE: 503,
    Fault.GATEWAY: 502,
    Fault.HTML_NOT_FOUND: 404,
    Fault.NOT_FOUND: 404,
    Fault.CONFLICT: 409,
    Fault.THROTTLED: 429,
}


def scripted(events: dict[int, Event], seed: int = 3) -> tuple[World, GroupsClient]:
    made = world(seed)
    made.start(Trouble.script(events))
    return made, made.fake.client(retries=ONCE)


def other_role(made: World, user_id: str) -> str:
    place = made.place(user_id)
    assert place is not None
    return next(id_ for id_ in made.roles if id_ != place.role_id)


def outside_of(made: World) -> list[str]:
    return [user_id for user_id in made.strangers if made.place(user_id) is None]


@pytest.mark.parametrize(
    ("fault", "after"), [*((fault, False) for fault in BEFORE), *((fault, True) for fault in EITHER)]
)
def test_a_write_that_meets_trouble(fault: Fault, after: bool) -> None:
    made, client = scripted({1: Event(fault, after)})
    place, role_id = made.place(made.me), other_role(made, made.me)
    assert place is not None
    with client, pytest.raises(GroupsError) as caught:
        client.update_membership(made.group_id, place.membership_id, role_id=role_id)
    status = STATUSES.get(fault)
    if status is None:
        assert isinstance(caught.value, ConnectionFailedError)
    else:
        assert isinstance(caught.value, ApiError)
        assert caught.value.status_code == status
    (step,) = made.fake.history
    assert (step.actor, step.run, step.status) == (Actor.US, 1, status)
    assert step.changed == ({(made.group_id, made.me)} if after else set())
    write = step.write
    assert write is not None
    assert (write.method, write.group_id, write.membership_id, write.user_id, write.role_id) == (
        "PATCH",
        made.group_id,
        place.membership_id,
        None,
        role_id,
    )


def test_listings_that_are_not_whole() -> None:
    made, client = scripted(
        {2: Event(Fault.TRUNCATED, True, random=Random(1)), 3: Event(Fault.USER_MISSING, True)}
    )
    with client:
        whole, short, odd = (list(client.list_memberships(made.group_id, limit=100)) for _ in range(3))
    assert len(short) < len(whole) == len(odd)
    assert [m.id for m in odd] == [m.id for m in whole]
    assert "" in {m.user.id for m in odd}
    assert all(step.write is None and not step.changed for step in made.fake.history)


def test_what_is_no_listing_cannot_be_cut() -> None:
    _, client = scripted({1: Event(Fault.TRUNCATED, True)})
    with client, pytest.raises(ApiError):
        client.get_group("00000000-0000-4000-8000-000000000000")


def test_names_that_the_api_does_not_know() -> None:
    made, client = scripted({})
    first, second, *_ = (m.user.id for m in made.fake.memberships(made.group_id))
    made.fake.nameless, made.fake.usernameless = {first, second}, {second}
    with client:
        found = {m.user.id: m.user for m in client.list_memberships(made.group_id)}
        client.get_group(made.group_id)
    assert (found[first].email, found[second].email, found[second].username) == ("", "", "")
    assert found[first].username
    assert sum(user.email == "" for user in found.values()) == 2


@pytest.mark.parametrize("ignored", [False, True])
def test_filters_that_do_nothing(ignored: bool) -> None:
    made, client = scripted({})
    made.fake.ignores_filters = ignored
    with client:
        found = list(client.list_memberships(made.group_id, user_id=made.me))
    assert (len(found) > 1) == ignored


def test_another_admin_comes_first() -> None:
    made, client = scripted({1: Event(meanwhile=True, random=Random(5))})
    with client:
        client.get_group(made.group_id)
    assert [step.actor for step in made.fake.history] == [Actor.OTHER, Actor.US]
    assert made.fake.history[0].changed


def test_writes_of_every_kind_are_written_down() -> None:
    made, client = scripted({}, seed=next(s for s in range(99) if outside_of(world(s)) and world(s).sso))
    made.fake.run = 4
    outside = outside_of(made)[0]
    role_id = next(iter(made.roles))
    with client:
        added = client.create_membership(made.group_id, user_id=outside, role_id=role_id)
        client.delete_membership(made.group_id, added.id, cascade=True)
        sso = next(
            sso for g in made.group_ids for sso in made.fake.sso_connections(g) if made.fake.sso_users(sso.id)
        )
        client.delete_sso_user(sso.group_id, sso.id, made.fake.sso_users(sso.id)[0].user.id)
    post, delete, sso_delete = (step.write for step in made.fake.history)
    assert post is not None
    assert delete is not None
    assert sso_delete is not None
    assert (post.method, post.user_id, post.role_id, post.cascade) == ("POST", outside, role_id, False)
    assert (delete.method, delete.membership_id, delete.cascade) == ("DELETE", added.id, True)
    assert (sso_delete.method, sso_delete.group_id) == ("DELETE", None)
    assert {step.run for step in made.fake.history} == {4}
    assert owner_of(added.id.upper(), made.fake.history) == (made.group_id, outside)
    assert owner_of("nobody's", made.fake.history) is None


def test_whoever_watches_can_break_a_request_off() -> None:
    made, client = scripted({})
    moments: list[tuple[int, str]] = []

    def watch(number: int, moment: str) -> None:
        moments.append((number, moment))
        if moment == "after":
            raise KeyboardInterrupt

    made.fake.on_request = watch
    place = made.place(made.me)
    assert place is not None
    with client, pytest.raises(BaseException):
        client.update_membership(made.group_id, place.membership_id, role_id=other_role(made, made.me))
    assert moments[:2] == [(1, "before"), (1, "after")]
    assert made.fake.history[0].changed == {(made.group_id, made.me)}, "it is written down all the same"


def test_without_a_start_there_is_no_trouble() -> None:
    fake = CheckedSnyk()
    group = fake.add_group()
    with fake.client() as client:
        assert client.get_group(group.id).id == group.id


def test_a_seed_has_one_trouble_only() -> None:
    def of(seed: int) -> list[tuple[Fault | None, bool, bool]]:
        trouble = Trouble.of(seed)
        events = [trouble.at(n, write=n % 2 == 0, listing=n % 2 == 1) for n in range(1, 200)]
        return [(event.fault, event.after, event.meanwhile) for event in events]

    assert of(5) == of(5)
    drawn = Counter(found for seed in range(30) for found in of(seed))
    assert {fault for fault, after, _ in drawn if not after} == {None, *BEFORE}
    assert {fault for fault, after, _ in drawn if after} == {*EITHER, *OF_LISTINGS}
    assert {meanwhile for _, _, meanwhile in drawn} == {True, False}
    assert any(set(of(seed)) == {(None, False, False)} for seed in range(30)), "calm ones"
