"""The audit finds every kind of lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos.audit import audit
from chaos.outcomes import Discrepancy, Entry, Fate, Outcome
from chaos.scenario import Worker
from chaos.world import Person, World, versions
from groups_sdk import ConflictError, ConnectionFailedError, DecodeError, NotFoundError, ServerError

VERSION = "2025-11-05"


def scene() -> tuple[World, Worker]:
    world = World(1)
    worker = Worker(world, 1, 0, iter(versions()), gives_up=False, renews=False)
    worker.people.append(Person(world.fake.add_user().id, set(), sso=False))
    return world, worker


def report(worker: Worker, method: str, fate: Fate, **more: Any) -> None:
    applied = None if fate is Fate.UNKNOWN else fate is Fate.APPLIED
    more.setdefault("applied", applied)
    worker.entries.append(Entry(version=VERSION, method=method, fate=fate, outcome=Outcome(), **more))


def create(world: World, person: Person) -> None:
    with world.fake.client() as client:
        made = client.create_membership(world.busy, user_id=person.user_id, role_id=world.roles[0])
    person.joined(made.id, world.roles[0])


def test_the_truth_passes() -> None:
    world, worker = scene()
    create(world, worker.people[-1])
    report(worker, "POST", Fate.APPLIED)
    audit(world, [worker], max_attempts=4)


def create_twice(world: World, worker: Worker) -> None:
    create(world, worker.people[-1])
    with pytest.raises(ConflictError):
        create(world, worker.people[-1])
    report(worker, "POST", Fate.APPLIED)


def deny(world: World, worker: Worker) -> None:
    create(world, worker.people[-1])
    report(worker, "POST", Fate.NOT_APPLIED)


def keep_silent(world: World, worker: Worker) -> None:
    create(world, worker.people[-1])


def boast(world: World, worker: Worker) -> None:
    report(worker, "PATCH", Fate.APPLIED)


def boast_after_looking(world: World, worker: Worker) -> None:
    report(worker, "PATCH", Fate.UNKNOWN, applied=True)


def forget(world: World, worker: Worker) -> None:
    create(world, worker.people[-1])
    report(worker, "POST", Fate.APPLIED)
    worker.people[-1].left()


def mistake_the_role(world: World, worker: Worker) -> None:
    create(world, worker.people[-1])
    report(worker, "POST", Fate.APPLIED)
    worker.people[-1].role_id = world.roles[1]


def lose_somebody(world: World, worker: Worker) -> None:
    worker.people.pop(0)


def count_a_404_as_done(world: World, worker: Worker) -> None:
    with world.fake.client() as client:
        response: list[Any] = []
        with pytest.raises(NotFoundError):
            client.with_options(on_response=response.append).delete_membership(world.busy, world.busy)
    entry = Entry(
        version=VERSION, method="DELETE", fate=Fate.APPLIED, outcome=Outcome(answers=response), vain=True
    )
    worker.entries.append(entry)


def change_what_nobody_may(world: World, worker: Worker) -> None:
    world.fake.add_membership(world.steady, worker.people[-1].user_id, world.roles[0])


@pytest.mark.parametrize(
    ("lie", "found"),
    [
        (create_twice, "it was sent again"),
        (deny, "it was applied"),
        (keep_silent, "nobody reported a write"),
        (boast, "it was not applied"),
        (boast_after_looking, "it was not applied"),
        (forget, "reported None, found"),
        (mistake_the_role, "^membership"),
        (lose_somebody, "reported None, found"),
        (count_a_404_as_done, "404 is reported as done"),
        (change_what_nobody_may, "the steady group has changed"),
    ],
)
def test_a_lie_is_found(lie: Callable[[World, Worker], None], found: str) -> None:
    world, worker = scene()
    lie(world, worker)
    with pytest.raises(Discrepancy, match=found):
        audit(world, [worker], max_attempts=4)


of_the_token_request = DecodeError("half", operation="oauth2Token")
of_the_token_request.maybe_applied = True  # by an earlier attempt


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        (Outcome("a value"), Fate.APPLIED),
        (Outcome(given_up=True), Fate.UNKNOWN),
        (Outcome(error=ServerError(status_code=502, maybe_applied=True)), Fate.UNKNOWN),
        (Outcome(error=ConflictError(status_code=409)), Fate.NOT_APPLIED),
        (Outcome(error=ConnectionFailedError("reset", maybe_applied=True)), Fate.UNKNOWN),
        (Outcome(error=ConnectionFailedError("refused", maybe_applied=False)), Fate.NOT_APPLIED),
        (Outcome(error=DecodeError("half", operation="createGroupMembership", applied=True)), Fate.APPLIED),
        (Outcome(error=DecodeError("half", operation="oauth2Token", applied=False)), Fate.NOT_APPLIED),
        (Outcome(error=of_the_token_request), Fate.UNKNOWN),
    ],
)
def test_outcomes_are_read_as_the_documentation_says(outcome: Outcome, fate: Fate) -> None:
    assert outcome.fate is fate
