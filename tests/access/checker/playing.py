"""One seed played: a world, a job in it, runs of it one after the other, and the verdict."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
from access.checker.history import Actor, History, Person, owner_of
from access.checker.inputs import (
    Guarding,
    People,
    Row,
    guarding,
    named,
    odd,
    rows,
    wanted,
    with_ends,
    written,
)
from access.checker.referee import Case, Referee, Run, Violation
from access.checker.running import Claims, Way, run
from access.checker.trouble import Event, OfHandover, Trouble
from access.checker.world import World, plain, world
from support import clock
from support.jobs import AT_ONCE, Jobs

from groups_sdk import GroupsError, MemberNotFoundError, Plan, Status

FLAVOURS = (
    ("asyncio", "async"),
    ("trio", "async"),
    ("asyncio", "async"),
    ("trio", "async"),
    ("asyncio", "sync"),
)
RUNS = int(os.environ.get("CHECKER_RUNS", "4"))


@attrs.define
class Tally:
    """What was played."""

    jobs: Counter[str] = attrs.field(factory=Counter)
    ways: Counter[str] = attrs.field(factory=Counter)
    statuses: Counter[str] = attrs.field(factory=Counter)
    errors: Counter[str] = attrs.field(factory=Counter)
    requests: int = 0
    faults: int = 0
    kills: int = 0
    runs: int = 0
    ends: int = 0


def play(seed: int, directory: Path, tally: Tally | None = None) -> None:
    """Raises `Violation` when anything is wrong in that world."""
    backend, kind = FLAVOURS[seed % len(FLAVOURS)]
    game = Game(seed, kind, directory, Tally() if tally is None else tally)
    anyio.run(game.play, backend=backend, backend_options=clock.options(backend))


def play_alike(seed: int, directory: Path) -> list[list[str]]:
    """What the job of that seed says without any trouble: on asyncio, on trio, and by the synchronous client."""
    said: list[list[str]] = []
    for backend, kind in (("asyncio", "async"), ("trio", "async"), ("asyncio", "sync")):
        place = directory / f"{backend}-{kind}"
        place.mkdir()
        game = Game(seed, kind, place, Tally(), calm=True)
        anyio.run(game.play, backend=backend, backend_options=clock.options(backend))
        said.append(game.said)
    return said


class Game:
    """One world, and the job that is done in it. When it is `calm`, nothing happens to the job."""

    def __init__(self, seed: int, kind: str, directory: Path, tally: Tally, *, calm: bool = False) -> None:
        self.calm = calm
        self.said: list[str] = []
        self.seed, self.kind, self.directory, self.tally = seed, kind, directory, tally
        self.random = Random(f"{seed}/job")
        self.world: World = world(seed)
        self.admins = self.world.admin_role_ids  # by default
        self.world.fake.unknown = self.random.choice(["", None])
        self.concurrency = 1 if calm else self.random.randint(1, 5)
        self.problems: list[str] = []
        self._begun = 0
        self._calm_plan = False

    async def play(self) -> None:
        name = self.random.choice(["update", "delete", "apply", "apply", "undo", "who"])
        if self.seed % 8 == 7 and not self.calm:
            name = "handover"
        self.tally.jobs[name] += 1
        self.world.start(Trouble.script({}) if self.calm else None)
        try:
            if name in ("update", "delete"):
                await self._in_bulk(removing=name == "delete")
            elif name == "handover":
                await self._handed_over()
            elif name == "who":
                await self._who_is_meant()
            else:
                await self._planned(undoing=name == "undo")
        finally:
            self.tally.requests += self.world.fake.number
            self.tally.faults += sum(step.fault is not None for step in self.world.fake.history)
        if self.problems:
            raise Violation("\n".join(self.problems))

    # The jobs

    async def _in_bulk(self, *, removing: bool) -> None:
        group_id = self.random.choice(self.world.group_ids)
        given = rows(self.random, self.world, group_id, few=self.random.random() < 0.5, strangers=False)
        given = [row.alone() for row in given]
        guards = self._guards([group_id])
        people = {row.text: row.role for row in given}
        chosen = [row for row in given if people.get(row.text) == row.role]

        options: dict[str, Any] = {**guards.options, "concurrency": self.concurrency}

        async def make(jobs: Jobs) -> Any:
            if removing:
                options["cascade"] = self.seed % 2 == 0
                return await jobs("delete_memberships", group_id, list(people), **options)
            return await jobs("update_memberships", group_id, dict(people), **options)

        before = named(self.world, given)
        meant = wanted(self.world, chosen, remove=removing)
        meant = self._without_ambiguous(meant, chosen)
        claims = await self._run(make)
        self._judge(
            claims.known, guards, [claims], meant=meant, named=frozenset() if removing else before, bulk=True
        )
        self._no_member_is_overlooked(claims, group_id, given, before)

    async def _handed_over(self) -> None:
        """All admins of a group give way to others, of whom some may fail."""
        group_id = self.random.choice(self.world.group_ids)
        guards = self._guards([group_id])
        for name in ("me", "protect"):
            guards.options.pop(name, None)
        guards = attrs.evolve(guards, me=None, protected=frozenset())
        state = self.world.fake.state()
        others = sorted(self.world.roles.keys() - guards.admin_role_ids)
        old = sorted(state.admins(group_id, guards.admin_role_ids))
        members = sorted({user for group, user in state.members if group == group_id} - {*old})
        new = self.random.sample(members, min(len(members), self.random.choice([0, 1, 1, 2])))
        roles = {user: self.random.choice(sorted(guards.admin_role_ids)) for user in new}
        roles |= {user: self.random.choice(others) for user in old} if others else {}
        if self.random.random() < 0.8:
            self.world.fake.trouble = OfHandover(self.seed, additions=len(new))
        options = {**guards.options, "concurrency": self.concurrency}

        async def make(jobs: Jobs) -> Any:
            return await jobs("update_memberships", group_id, roles, **options)

        meant = {(group_id, user): frozenset[str | None]({role}) for user, role in roles.items()}
        if roles:
            claims = await self._run(make, way=Way("collect"))
            self._judge(claims.known, guards, [claims], meant=meant, bulk=True)

    async def _who_is_meant(self) -> None:
        """Odd rows, one by one: whom a job would change for each. Nothing goes wrong meanwhile."""
        self.world.fake.trouble = Trouble.script({})
        async with Jobs(self._fake(), self.kind, retries=AT_ONCE) as jobs:
            for _ in range(12):
                group_id = self.random.choice(self.world.group_ids)
                people = People(self.world, group_id)
                row = odd(self.random, self.world, people, group_id, several=True)
                role_id = self.random.choice(sorted(self.world.roles))
                row = attrs.evolve(row, role=role_id)
                alone = row.alone()
                try:
                    found = await jobs("find_membership", group_id, row.text)
                except GroupsError:
                    pass
                else:
                    if (found is None and people.named(alone)) or (
                        found is not None and found.user.id not in people.meant(alone)
                    ):
                        self.problems.append(f"who_is_meant: {alone} finds {found}")
                for asked in ({"desired": [row.cells()]}, {"desired": {row.text: role_id}}, {"bulk": True}):
                    meant = row if isinstance(asked.get("desired"), list) else alone
                    try:
                        if "bulk" in asked:
                            work = await jobs("update_memberships", group_id, {row.text: role_id})
                            changes = await jobs.run(work.preview)
                            nobody = any(isinstance(o.error, MemberNotFoundError) for o in work.outcomes)
                        else:
                            plan = await jobs("plan", group_id, asked["desired"])
                            changes = plan.creates + plan.role_changes
                            nobody = bool(plan.not_in_snyk)
                    except GroupsError:
                        continue
                    fitting = people.meant(meant)
                    wrong = {change.person for change in changes} - fitting
                    # Whom the filters leave out for another spelling, a few requests cannot tell.
                    several = "bulk" not in asked and len(fitting & people.members) > 1
                    if wrong or (changes and several):
                        self.problems.append(f"who_is_meant: {meant} would change {[*map(str, changes)]}")
                    if nobody and people.named(meant):
                        self.problems.append(f"who_is_meant: {meant} is said to be nobody")

    async def _planned(self, *, undoing: bool) -> None:
        several = len(self.world.group_ids) > 1 and self.random.random() < 0.6
        group_ids = self.world.group_ids if several else [self.random.choice(self.world.group_ids)]
        given = [
            row
            for group_id in group_ids
            for row in rows(self.random, self.world, group_id, few=False, strangers=True)
        ]
        guards = self._guards(group_ids)
        prune = self.random.random() < 0.6
        unknown = None
        if prune and self.random.random() < 0.2:
            unknown = written(self.random, self.world, group_ids[0], f"unknown.{self.seed}@example.com")
            given.append(unknown)
        strange = self._strange(given)
        allowed = [text for text in self._outside(given) if self.random.random() < 0.9]
        if unknown is not None:  # allowed by mistake only
            allowed = [text for text in allowed if text not in unknown.names]
        options: dict[str, Any] = {
            "prune": prune,
            "cascade": self.random.choice([True, False]),
            "allow_unresolved": allowed,
            "max_removals": self.random.choice([None, 50, 50, self.random.randrange(4)]),
        }
        if "protect" in guards.options and self.random.random() < 0.5:
            options["protect"] = guards.options["protect"]
        ends = Random(f"{self.seed}/ends")
        desired: Any
        if ends.random() < 0.5:
            given = with_ends(ends, self.world, given)
        desired = [row.cells() for row in given]
        if not several and self.random.random() < 0.5:
            desired = {row.text: row.role for row in given}
        if isinstance(desired, dict):
            given = [
                attrs.evolve(row.alone(), until=None, then=None)
                for row in given
                if desired[row.text] == row.role
            ]
        kept, meant = (
            named(self.world, given),
            self._without_ambiguous(wanted(self.world, given, unsure=self._unsure()), given),
        )
        kept -= {person for person, roles in meant.items() if None in roles}  # their access has ended
        plan = await self._plan(None if several else group_ids[0], desired, options)
        if plan is None:
            return
        self._check_plan(plan, strange if prune else [], allowed, options["max_removals"])
        self._check_ends(plan, given, guards.protected)
        plan, lie = self._tampered(plan)
        journal = self.directory / f"{self.seed}.journal"
        begun = len(self.world.fake.history)
        apply = {**guards.options, "strict": self.random.random() < 0.2}
        apply["allow_unknown_roles"] = lie is None and self.random.random() < 0.7
        claims = await self._applied(plan, apply, journal)
        self._judge(
            plan.changes,
            guards,
            claims,
            meant=meant,
            named=kept,
            prunes=prune,
            lies=frozenset() if lie is None else frozenset({lie}),
            strict=apply["strict"],
        )
        if undoing and lie is None:
            await self._undone(plan, journal, begun)

    async def _undone(self, plan: Plan, journal: Path, begun: int) -> None:
        allow = self.random.random() < 0.5
        touched = {
            person
            for step in self.world.fake.history[begun:]
            if step.actor is Actor.US
            for person in step.changed
        }
        before = _roles_before(plan, self.world.fake.history)
        self._begun = len(self.world.fake.history)
        async with Jobs(self._fake(), self.kind, retries=AT_ONCE) as jobs:
            try:
                undo: Plan = await jobs("undo", journal, plan, allow_admins=allow)
            except GroupsError as error:
                self.tally.errors[f"undo: {type(error).__name__}"] += 1
                return
        guards = self._guards([group.id for group in plan.groups])
        for change in undo.changes:
            person = owner_of(change.membership_id or "", self.world.fake.history)
            if (person or (change.group_id, change.person)) not in touched:
                self.problems.append(f"undo: {change} puts back what nobody here has changed")
            if change.role and change.role.id in self.admins and not allow:
                self.problems.append(f"undo: {change} makes an admin")
        other = self.directory / f"{self.seed}.undo"
        options = {**guards.options, "cascade": False, "allow_unknown_roles": True}
        claims = await self._applied(undo, options, other)
        self._judge(undo.changes, guards, claims, meant=before)

    # Their parts

    def _guards(self, group_ids: Sequence[str]) -> Guarding:
        found = guarding(self.random, self.world, group_ids)
        self.world.admin_role_ids |= found.admin_role_ids  # whom another admin leaves alone
        return found

    def _fake(self) -> Any:
        self.world.fake.group_id = self.world.group_id
        return self.world.fake

    async def _plan(self, group_id: str | None, desired: Any, options: dict[str, Any]) -> Plan | None:
        self.world.fake.run = 0
        trouble = self.world.fake.trouble
        self._calm_plan = self.random.random() < 0.75  # most of it is to come when something is sent
        if self._calm_plan:
            self.world.fake.trouble = Trouble.script({})
        plan = None
        async with Jobs(self._fake(), self.kind, retries=AT_ONCE) as jobs:
            for _ in range(3):
                try:
                    plan = await jobs("plan", group_id, desired, **options)
                    break
                except GroupsError as error:
                    self.said.append(repr(error))
                    self.tally.errors[f"plan: {type(error).__name__}"] += 1
        self.world.fake.trouble = trouble
        if any(step.write for step in self.world.fake.history):
            self.problems.append("plan changes something")
        self._begun = len(self.world.fake.history)
        self.world.fake.run = 1
        return plan

    def _strange(self, given: Sequence[Row]) -> list[str]:
        """Names that nobody has who can be seen."""
        found: list[str] = []
        for row in given:
            people = People(self.world, row.group_id)
            if not row.ids and not any(people.called(text) for text in row.names):
                found += row.names
        return found

    def _outside(self, given: Sequence[Row]) -> list[str]:
        """Names of nobody in the group."""
        return [
            text
            for row in given
            for people in [People(self.world, row.group_id)]
            for text in row.names
            if not people.meant(row) & people.members
        ]

    def _check_plan(
        self, plan: Plan, strange: Sequence[str], allowed: Sequence[str], most: int | None
    ) -> None:
        left = {plain(text) for text in strange} - {plain(text) for text in allowed}
        if plan.removals and left:
            self.problems.append(f"the plan removes members while nobody knows who these are: {left}")
        for group_id, count in Counter(change.group_id for change in plan.removals).items():
            if count > (3 if most is None else most):  # of less than 40 members
                self.problems.append(f"the plan removes {count} of {group_id}, more than {most}")

    def _check_ends(self, plan: Plan, given: Sequence[Row], protected: frozenset[str]) -> None:
        """Nobody loses a role before its end, and what has ended is planned."""
        for row in given:
            people = People(self.world, row.group_id)
            found = people.meant(row) & people.members
            place = self.world.place(min(found), row.group_id) if len(found) == 1 else None
            if row.until is None or place is None:
                continue
            wanted = row.wanted(self.world)
            changes = [c for c in plan.changes if c.group_id == row.group_id and c.person in found]
            self.tally.ends += row.is_over
            self.problems += [
                f"the plan has {change} for a row that wants {wanted}: {row}"
                for change in changes
                if (change.role.id if change.role else None) not in wanted
            ]
            if self._calm_plan and not changes and place.role_id not in wanted and not found & protected:
                self.problems.append(f"the plan leaves {row} as it is, which wants {wanted}")

    def _tampered(self, plan: Plan) -> tuple[Plan, str | None]:
        """The plan, or rarely one in which somebody has edited a word or an id; and the key of that change."""
        document = json.loads(plan.to_json())
        kinds = [kind for kind in ("creates", "role_changes", "removals") if document[kind]]
        if not kinds or self.random.random() < 0.75:
            return Plan.from_json(plan.to_json()), None
        kind = self.random.choice(kinds)
        number = self.random.randrange(len(document[kind]))
        change = document[kind][number]
        what = self.random.choice(["role", "name", "membership"])
        held = {
            place.role_id
            for (g, _), place in self.world.fake.state().members.items()
            if g == change["group_id"]
        }
        if what in ("role", "name") and change.get("role"):
            role = change["role"]
            others = {i: n for i, n in self.world.roles.items() if plain(n) != plain(role["name"] or n)}
            if not others or not role["name"]:
                return plan, None
            other = self.random.choice(sorted(others))
            if what == "name":
                role["name"] = others[other]
            else:
                role["id"] = other
            if role["id"] in held:
                return _edited(document, kind, number)
        elif what == "membership" and change.get("membership_id") and change["user"]["id"]:
            taken = {c.get("membership_id") for kind in kinds for c in document[kind]}
            free = [
                place.membership_id
                for (g, _), place in self.world.fake.state().members.items()
                if g == change["group_id"] and place.membership_id not in taken
            ]
            if free:
                change["membership_id"] = self.random.choice(sorted(free))
                return _edited(document, kind, number)
        return plan, None

    async def _applied(self, plan: Plan, options: dict[str, Any], journal: Path) -> list[Claims]:
        async def make(jobs: Jobs) -> Any:
            return await jobs("apply", plan, journal=journal, concurrency=self.concurrency, **options)

        found: list[Claims] = []
        for number in range(1, RUNS + 1):
            last = number == RUNS
            found.append(await self._run(make, journal, Way("collect") if last else None, number))
            if found[-1].finished and self.random.random() < 0.6:
                break
            if found[-1].pending is None and isinstance(found[-1].error, GroupsError):
                break  # refused as a whole
            if not self.calm and self.random.random() < 0.4:
                touched = [change.membership_id for change in plan.changes if change.membership_id]
                among = self.random.choice([None, touched])
                change = partial(self.world.act, Event(random=self.random), may_take_admin=True, among=among)
                self.world.fake.change(change)
        return found

    async def _run(
        self,
        make: Callable[[Jobs], Awaitable[Any]],
        journal: Path | None = None,
        way: Way | None = None,
        number: int = 1,
    ) -> Claims:
        if self.calm:
            way = Way("collect")
        elif way is None:
            way = Way.drawn(self.random, sync=self.kind == "sync")
        self.world.fake.run = number
        claims = await run(self.world, self.kind, make, way, self.random, journal=journal)
        self.tally.runs += 1
        self.tally.ways[way.name] += 1
        self.tally.kills += claims.pending is None and way.name == "kill"
        self.tally.statuses.update(str(outcome.status) for outcome in claims.outcomes)
        self.said += [f"{outcome}" for outcome in claims.outcomes] + [repr(claims.error)]
        if isinstance(claims.error, GroupsError):
            self.tally.errors[type(claims.error).__name__] += 1
        return claims

    def _judge(
        self,
        planned: Sequence[Any],
        guards: Guarding,
        claims: Sequence[Claims],
        *,
        meant: dict[Person, frozenset[str | None]] | None = None,
        named: frozenset[Person] = frozenset(),
        prunes: bool = False,
        lies: frozenset[str] = frozenset(),
        strict: bool = False,
        bulk: bool = False,
    ) -> None:
        case = Case(
            changes=planned,
            admin_role_ids=guards.admin_role_ids,
            me=guards.me,
            protected=guards.protected,
            named=named,
            keeps_an_admin=guards.keeps_an_admin,
            meant=meant,
            prunes=prunes,
            roles=self.world.roles,
            refused=guards.options.get("me") == "mistyped@example.com",
            lies=lies,
            strict=strict,
            concurrency=self.concurrency,
        )
        referee = Referee(case, self.world.fake.history[self._begun :])
        for number, claim in enumerate(claims, 1):
            finished = claim.finished
            if bulk and claim.pending is None:
                continue
            referee.report(Run(number, claim.outcomes, finished, claim.pending))
        self.problems += referee.verdict()

    def _without_ambiguous(
        self, meant: dict[Person, frozenset[str | None]], given: Sequence[Row]
    ) -> dict[Person, frozenset[str | None]]:
        """Nobody is meant by a row that several members fit, unless another row says so."""
        sure = dict[Person, frozenset[str | None]]()
        for person, roles in meant.items():
            group_id, user = person
            people = People(self.world, group_id)
            for row in given:
                found = people.meant(row)
                fitting = found & people.members or found & {*people.all} or found
                if row.group_id == group_id and user in fitting and len(fitting) == 1:
                    sure[person] = roles
            if person not in sure and self._unsure():
                sure[person] = roles
        return sure

    def _unsure(self) -> bool:
        """Whether a listing may hide somebody, or somebody may come and go."""
        trouble = self.world.fake.trouble
        return trouble is None or not (trouble.calm or self.calm)

    def _no_member_is_overlooked(
        self, claims: Claims, group_id: str, given: Sequence[Row], before: frozenset[Person]
    ) -> None:
        """Who is said to be no member is none, and looks like none."""
        states = [s for step in self.world.fake.history for s in (step.before, step.after)]
        for outcome in claims.outcomes:
            if outcome.status is not Status.FAILED or not isinstance(outcome.error, MemberNotFoundError):
                continue
            text = str(outcome.change.membership_id)
            for row in given:
                if plain(text) in {plain(part) for part in row.parts}:
                    for user in People(self.world, group_id).named(row):
                        if all((group_id, user) in state.members for state in states) and states:
                            self.problems.append(f"{outcome}, but it may mean {user}, a member")


def _edited(document: dict[str, Any], kind: str, number: int) -> tuple[Plan, str]:
    plan = Plan.from_json(json.dumps(document))
    return plan, getattr(plan, kind)[number].key


def _roles_before(plan: Plan, history: History) -> dict[Person, frozenset[str | None]]:
    found: dict[Person, frozenset[str | None]] = {}
    for change in plan.changes:
        person = owner_of(change.membership_id or "", history) or (change.group_id, change.person)
        found[person] = frozenset({change.before.id if change.before else None})
    return found
