"""People moved to new accounts in a world: nobody has less afterwards under both accounts together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs
from access.checker.history import Actor, History, Person, State
from access.checker.inputs import People
from access.checker.playing import FLAVOURS, Game, Tally
from access.checker.referee import Violation
from access.checker.trouble import Event, Trouble
from support import clock
from support.jobs import AT_ONCE, Jobs

from groups_sdk import GroupsError
from groups_sdk.access import Migration, MigrationState

_REQUESTS = 12  # of one removal, with the looks before it and all that is repeated


@attrs.frozen(kw_only=True)
class Move:
    """One person who moves. `roles` are what the new account may get, or must have when the old membership ends.

    `lost` says whether the old account has something below the group that the new one has not.
    """

    old: Person
    new: Person
    roles: frozenset[str]
    lost: bool
    allowed: bool


def play_migration(seed: int, directory: Path, tally: Tally | None = None) -> None:
    """Raises `Violation` when anything is wrong in that world."""
    backend, kind = FLAVOURS[seed % len(FLAVOURS)]
    game = _Moving(seed, kind, directory, Tally() if tally is None else tally)
    anyio.run(game.play, backend=backend, backend_options=clock.options(backend))


def nobody_has_less(
    moves: Mapping[Person, Move], history: History, *, strict: bool, concurrency: int
) -> Iterator[str]:
    """An old membership ends through us only while the new account is seen to have its role, and nothing is lost.

    With `strict` nobody else changes anything: then the new account has the role at that very moment.
    """
    for position, step in enumerate(history):
        if step.actor is not Actor.US or step.write is None or step.write.method != "DELETE":
            continue
        for person in step.changed & moves.keys():
            move = moves[person]
            recent = [step.before]
            for earlier in reversed(history[max(0, position - _REQUESTS * concurrency) : position]):
                if not strict and earlier.run == step.run:
                    recent += [earlier.after, earlier.before]
            if not any(_has_role(state, move) for state in recent):
                yield f"nobody_has_less: run {step.run} ends {person} before {move.new} has the role: {step.write}"
            if move.lost and not move.allowed:
                yield f"nobody_has_less: run {step.run} ends {person}, who loses organizations: {step.write}"


def _has_role(state: State, move: Move) -> bool:
    place = state.members.get(move.new)
    return place is not None and place.role_id in move.roles


class _Moving(Game):
    """One world, and people in it who get new accounts."""

    async def play(self) -> None:
        self.tally.jobs["migrate"] += 1
        group_id = self.random.choice(self.world.group_ids)
        mapping, pairs = self._accounts(group_id)
        guards = self._guards([group_id])
        on_different_role = self.random.choice(["report", "copy", "copy", "keep"])
        allowed = self.random.choice([False, False, True])
        migration = await self._migration(
            group_id,
            mapping,
            on_different_role=on_different_role,
            allow_lost_orgs=allowed,
            cascade=self.random.choice([True, False]),
        )
        moves = self._moves(group_id, pairs, on_different_role, allowed=allowed)
        if migration is not None:
            plan = migration.plan
            self._check_states(migration, group_id, pairs)
            self.world.start()
            trouble = self.world.fake.trouble
            strict = trouble is None or trouble.silent
            if self.random.random() < 0.4:  # above all to the new accounts, on which all depends
                state = self.world.fake.state()
                new = [
                    state.members[move.new].membership_id
                    for move in moves.values()
                    if move.new in state.members
                ]
                among = new if self.random.random() < 0.8 else None
                act = partial(self.world.act, Event(random=self.random), may_take_admin=True, among=among)
                for _ in range(self.random.randint(1, 3)):
                    self.world.fake.change(act)
            options = {**guards.options, "allow_unknown_roles": True}
            journal = self.directory / f"{self.seed}.migration"
            begun = len(self.world.fake.history)
            # Between the runs somebody else may change something, too.
            claims = await self._applied(plan, options, journal)
            strict = strict and len(claims) == 1
            meant: dict[Person, frozenset[str | None]] = {}
            for move in moves.values():
                meant[move.old] = frozenset({None})
                meant[move.new] = frozenset(move.roles)
            self._judge(plan.changes, guards, claims, meant=meant)
            history = self.world.fake.history[begun:]
            self.problems += nobody_has_less(moves, history, strict=strict, concurrency=self.concurrency)
            if self.random.random() < 0.3:
                await self._undone(plan, journal, begun)
        self.tally.requests += self.world.fake.number
        if self.problems:
            raise Violation("\n".join(self.problems))

    def _accounts(self, group_id: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
        """New accounts for some members: what is said of both, and the users."""
        world, random, fake = self.world, self.random, self.world.fake
        connections = fake.sso_connections(group_id) or [fake.add_sso_connection(group_id)]
        members = sorted(user for group, user in fake.state().members if group == group_id)
        by_id = {user.id: user for user in fake.users()}
        others = sorted(world.roles)
        mapping: dict[str, str] = {}
        pairs: list[tuple[str, str]] = []
        for number, user_id in enumerate(random.sample(members, random.randint(1, len(members)))):
            if user_id == world.me and random.random() < 0.8:
                continue
            address = f"moved.{number}@new.test"
            kind = random.choice(["same", "same", "other", "other", "sso", "absent"])
            new = fake.add_user(email=address, username=random.choice([address, f"moved.{number}"]))
            place = fake.state().members[group_id, user_id]
            if kind in ("same", "other"):
                role_id = place.role_id if kind == "same" else random.choice(others)
                fake.add_membership(group_id, new.id, role_id)
            elif kind == "sso":
                fake.add_sso_user(connections[0].id, new.id)
            for below in fake.org_memberships(group_id, user_id):
                if random.random() < 0.7 and kind != "absent":
                    fake.add_org_membership(below.org.id, new.id, below.role.id)
            hidden = user_id in fake.nameless
            text = user_id if hidden else random.choice([by_id[user_id].email, user_id])
            if text not in mapping:
                mapping[text] = random.choice([address, address.upper()])
                pairs.append((user_id, new.id))
        return mapping, pairs

    async def _migration(self, group_id: str, mapping: dict[str, str], **options: Any) -> Migration | None:
        self.world.fake.run = 0
        self.world.fake.trouble = Trouble.script({})
        if not mapping:
            return None
        async with Jobs(self._fake(), self.kind, retries=AT_ONCE) as jobs:
            try:
                found: Migration = await jobs("plan_migration", group_id, mapping, **options)
            except GroupsError as error:
                self.tally.errors[f"migrate: {type(error).__name__}"] += 1
                return None
        if any(step.write for step in self.world.fake.history):
            self.problems.append("plan_migration changes something")
        self._begun = len(self.world.fake.history)
        return found

    def _moves(
        self, group_id: str, pairs: list[tuple[str, str]], on_different_role: str, *, allowed: bool
    ) -> dict[Person, Move]:
        fake, members = self.world.fake, self.world.fake.state().members
        found: dict[Person, Move] = {}
        for old, new in pairs:
            place, other = members[group_id, old], members.get((group_id, new))
            role_id = other.role_id if other and on_different_role == "keep" else place.role_id
            orgs = [
                {(below.org.id, below.role.id) for below in fake.org_memberships(group_id, user)}
                for user in (old, new)
            ]
            found[group_id, old] = Move(
                old=(group_id, old),
                new=(group_id, new),
                roles=frozenset({role_id}),
                lost=bool(orgs[0] - orgs[1]),
                allowed=allowed,
            )
        return found

    def _check_states(self, migration: Migration, group_id: str, pairs: list[tuple[str, str]]) -> None:
        """What is said of each person is how their accounts are; and an ambiguous name moves nobody."""
        people, members = People(self.world, group_id), self.world.fake.state().members
        for person in migration.people:
            called = people.called(person.old) & people.members
            if len(called) > 1 and (person.state is not MigrationState.UNCERTAIN or person.removes_old):
                self.problems.append(f"migrate: {person}, but several accounts go by that: {called}")
            if person.old_user is None or person.new_user is None:
                continue
            if person.state is not MigrationState.UNCERTAIN:
                if (person.old_user.id, person.new_user.id) not in pairs:
                    self.problems.append(f"migrate: {person} is about the wrong accounts")
                is_member = (group_id, person.new_user.id) in members
                if is_member == (person.state is MigrationState.KNOWN):
                    self.problems.append(f"migrate: {person} is not so")
