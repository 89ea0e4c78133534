"""How a job is run: to its end, in parts, left early, cancelled, or killed in the midst."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
from access.checker.service import CheckedSnyk
from access.checker.trouble import Event
from access.checker.world import World
from support import clock
from support.jobs import AT_ONCE, ONCE, Jobs

from groups_sdk import GroupsError

WAYS = ("collect", "iterate", "block", "leave", "leave block", "pause", "pause", "cancel", "kill", "kill")


class Killed(BaseException):
    """In place of a process that dies: nothing that it does afterwards counts."""


@attrs.frozen
class Way:
    """How a run goes. `at` counts outcomes, or the requests of this run for what happens to one of them."""

    name: str
    at: int = 1
    moment: str = "before"

    @classmethod
    def drawn(cls, random: Random, *, sync: bool) -> Way:
        names = [name for name in WAYS if not (sync and name in ("pause", "cancel"))]
        return cls(random.choice(names), random.randint(1, 12), random.choice(["before", "after"]))


@attrs.frozen
class Claims:
    """What a run has left behind. `known` are its changes, of which one that was killed says nothing."""

    outcomes: Sequence[Any]
    pending: Sequence[Any] | None
    finished: bool
    error: BaseException | None = None
    result: Any = None
    known: Sequence[Any] = ()


async def run(
    world: World,
    kind: str,
    make: Callable[[Jobs], Awaitable[Any]],
    way: Way,
    random: Random,
    *,
    journal: Path | None = None,
) -> Claims:
    """One run of a job by a client of its own."""
    fake = world.fake
    fake.group_id = world.group_id
    dying = _Dying(fake, way, journal)
    work: Any = None
    error: BaseException | None = None
    result: Any = None
    retries = random.choice([ONCE, AT_ONCE])
    jobs = Jobs(fake, kind, retries=retries)
    try:
        try:
            work = await make(jobs)
            result = await _go(world, jobs, work, way, random, dying)
        except GroupsError as raised:
            error = raised
        except BaseException as raised:
            if not dying.dead:
                raise
            error = raised
        if way.name == "cancel" and work is not None and random.random() < 0.5 and error is None:
            fake.on_request = _quiet
            try:
                result = await jobs.run(work.collect)
            except GroupsError as raised:
                error = raised
    finally:
        fake.on_request = _quiet
        with anyio.CancelScope(shield=True):
            await jobs.__aexit__()
    if dying.dead:
        dying.bury()
    if work is None:
        return Claims([], None, False, error)
    of_outcomes = [outcome.change for outcome in work.outcomes if hasattr(outcome, "change")]
    changes = [*of_outcomes, *work.pending]
    if dying.dead:
        return Claims([], None, False, error, known=changes)
    known = work.total is not None
    finished = known and error is None and len(work.outcomes) == work.total and not work.pending
    return Claims(work.outcomes, work.pending if known else None, finished, error, result, changes)


def _quiet(number: int, moment: str) -> None:
    """Nothing happens."""


class _Dying:
    """Ends a run at one of its requests."""

    def __init__(self, fake: CheckedSnyk, way: Way, journal: Path | None) -> None:
        self._first = fake.number
        self._way = way
        self._journal = journal
        self._left: bytes | None = None
        self.dead = False
        self.scope: anyio.CancelScope | None = None
        fake.on_request = self._watch

    def _watch(self, number: int, moment: str) -> None:
        if self.dead:
            raise Killed
        if number - self._first != self._way.at or moment != self._way.moment:
            return
        if self._way.name == "kill":
            self.dead = True
            if self._journal is not None and self._journal.exists():
                self._left = self._journal.read_bytes()
            raise Killed
        if self._way.name == "cancel" and self.scope is not None:
            self.scope.cancel()

    def bury(self) -> None:
        """The journal is what it was when the process died, and sometimes a line more that it had begun to write."""
        if self._journal is None:
            return
        if self._left is None:
            self._journal.unlink(missing_ok=True)
        else:
            self._journal.write_bytes(
                self._left + (b'{"event": "beg' if self._way.at % 3 == 0 and self._left else b"")
            )


async def _go(world: World, jobs: Jobs, work: Any, way: Way, random: Random, dying: _Dying) -> Any:
    name = way.name
    if name == "iterate":
        return await jobs.all(work)
    if name == "block":
        return await jobs.block(work)
    if name in ("leave", "leave block"):
        await (jobs.all if name == "leave" else jobs.block)(work, way.at)
        return None if random.random() < 0.5 else await jobs.run(work.collect)
    if name == "pause":
        if random.random() < 0.5:
            await jobs.run(work.preview)
        else:
            await jobs.all(work, way.at)
        if work.total is not None:
            pending = [change.membership_id for change in work.pending if change.membership_id]
            for among in (None, pending, pending)[: random.randrange(4)]:
                change = partial(world.act, Event(random=random), may_take_admin=True, among=among)
                world.fake.change(change)
            await pause(world.fake)
        return await jobs.run(work.collect)
    if name == "cancel":
        with anyio.CancelScope() as dying.scope:
            return await jobs.run(work.collect)
        return None
    return await jobs.run(work.collect)


async def pause(fake: CheckedSnyk) -> None:
    """Eleven seconds go by."""
    fake.pause()
    await clock.pass_by(11)
