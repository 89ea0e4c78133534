"""A group cleaned up in a world: what hygiene finds and plans, held against what is so and against what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
from access.checker.history import Actor, History
from access.checker.inputs import People, written
from access.checker.playing import FLAVOURS, Game, Tally
from access.checker.referee import Violation
from access.checker.trouble import OF_LISTINGS, Event, Fault, Trouble
from access.checker.world import World, plain
from support import clock
from support.jobs import AT_ONCE, Jobs

from groups_sdk import GroupsError
from groups_sdk.access import SSO_LOGIN_METHODS, HygieneCheck, HygienePolicy, HygieneReport, Plan
from groups_sdk.testing._service import ABSENT

NOT_ON_SSO, SSO_DEACTIVATED, IN_NO_ORG, SHARED_ADDRESS, _ = HygieneCheck
_ACTED_ON = (NOT_ON_SSO, SSO_DEACTIVATED, IN_NO_ORG, SHARED_ADDRESS)
_UNTIL = {True: (None, "2999-12-31"), False: ("2001-01-01",)}  # by whether it still counts


def play_hygiene(seed: int, directory: Path, tally: Tally | None = None) -> None:
    """Raises `Violation` when anything is wrong in that world."""
    backend, kind = FLAVOURS[seed % len(FLAVOURS)]
    game = _Cleaning(seed, kind, directory, Tally() if tally is None else tally)
    anyio.run(game.play, backend=backend, backend_options=clock.options(backend))


@attrs.frozen(kw_only=True)
class Cleanup:
    """What is so in a group, and what a policy may make of it.

    `so` has, for each check, the members of whom it is true and could be read. `acts` are the rules that change
    something: the role that they give, by id, and None where they remove. `exempt` has the members who are exempt from
    each check, and `kept` those whom nothing may touch. It is `blind` when not all members were listed, and nothing is
    `hidden` when all that can be known was read. `on_sso` are those who log in by SSO, and `addresses` the members by
    their address. `hardly_known` may stay for that.
    """

    so: Mapping[HygieneCheck, frozenset[str]]
    acts: Mapping[HygieneCheck, str | None]
    exempt: Mapping[HygieneCheck, frozenset[str]]
    kept: frozenset[str]
    blind: bool
    hidden: bool
    on_sso: frozenset[str]
    addresses: Mapping[str, frozenset[str]]
    hardly_known: frozenset[str]

    def may(self, user: str) -> set[str | None]:
        """What may be done to somebody: the roles that they may get, and None where they may be removed."""
        if self.blind or user in self.kept:
            return set()
        return {
            role
            for check, role in self.acts.items()
            if user in self.so[check] and user not in self.exempt.get(check, frozenset())
        }


def wrong_with_plan(cleanup: Cleanup, plan: Plan) -> Iterator[str]:
    """Nobody is changed for what is not so, was not read, or does not count; and nobody is overlooked."""
    changed = {change.person for change in plan.changes}
    for change in plan.changes:
        if change in plan.creates:
            yield f"hygiene: adds somebody: {change}"
        if (change.role.id if change.role else None) not in cleanup.may(change.person):
            yield f"hygiene: {change}, which nothing that was found allows"
    for address, users in cleanup.addresses.items():
        for user in users & changed:
            others = cleanup.so.keys() - {SHARED_ADDRESS}
            alone = any(user in cleanup.so[check] and check in cleanup.acts for check in others)
            if not alone and not (users & cleanup.on_sso) - changed:
                yield f"hygiene: nobody of {address} is left as they were"
    if cleanup.hidden:
        return
    planned = changed | {change.person for change in plan.unchanged}
    for check in cleanup.acts.keys() & {NOT_ON_SSO, SSO_DEACTIVATED, IN_NO_ORG}:
        for user in sorted(cleanup.so[check] - planned - cleanup.hardly_known):
            if cleanup.may(user):
                yield f"hygiene: {user} is overlooked: {check}"


def nobody_else_loses_anything(cleanup: Cleanup, history: History) -> Iterator[str]:
    """Nobody without a finding that counts is changed by us, or loses an organization."""
    for step in history:
        if step.actor is not Actor.US:
            continue
        for _, user in sorted(step.changed):
            if not cleanup.may(user):
                yield f"hygiene: run {step.run} changes {user}, who has no finding that counts: {step.write}"
        for _, user in sorted(step.orgs_lost):
            if None not in cleanup.may(user):
                yield f"hygiene: run {step.run} takes {user} out of organizations: {step.write}"


class _Cleaning(Game):
    """One world, of which one group is cleaned up."""

    def __init__(self, seed: int, kind: str, directory: Path, tally: Tally) -> None:
        super().__init__(seed, kind, directory, tally)
        self.random = Random(f"{seed}/hygiene")

    async def play(self) -> None:
        self.tally.jobs["hygiene"] += 1
        self.world.start()
        fake, random, made = self.world.fake, self.random, self.world
        group_id = random.choice(made.group_ids)
        guards = self._guards([group_id])
        acts = self._rules(group_id, guards.admin_role_ids)
        exempt, exempted = self._exempt(group_id)
        so, unsure = _truth(random, made, group_id)
        trouble, hidden = (
            fake.trouble,
            random.choice([None, None, None, "sso", "orgs", "some orgs", "listing"]),
        )
        report, blind = await self._looked(group_id, hidden)
        fake.trouble = trouble
        if hidden == "sso":
            so = {**so, SSO_DEACTIVATED: frozenset()}
        if hidden == "orgs":
            so = {**so, IN_NO_ORG: frozenset()}
        members = People(made, group_id).members
        nameless = frozenset(user.id for user in fake.users() if not made.names_of(user))
        cleanup = Cleanup(
            so=so,
            acts=acts,
            exempt=exempted,
            kept=guards.protected | frozenset({guards.me} if guards.me else ()),
            blind=blind,
            hidden=hidden is not None,
            on_sso=frozenset(user.id for user in fake.users() if _on_sso(user.login_method)) & members,
            addresses=_addresses(made, members),
            hardly_known=nameless | unsure | fake.state().admins(group_id, guards.admin_role_ids),
        )
        plan = self._made(report, acts, exempt, guards.options)
        if plan is not None:
            self.problems += wrong_with_plan(cleanup, plan)
            await self._cleaned(plan, cleanup, guards, group_id)
        if self.problems:
            raise Violation("\n".join(self.problems))

    async def _cleaned(self, plan: Plan, cleanup: Cleanup, guards: Any, group_id: str) -> None:
        self.world.fake.run = 1
        journal = self.directory / f"{self.seed}.hygiene"
        begun = self._begun = len(self.world.fake.history)
        cascade = {} if plan.cascade is not None else {"cascade": self.random.choice([True, False])}
        claims = await self._applied(
            plan, {**guards.options, **cascade, "allow_unknown_roles": True}, journal
        )
        users = People(self.world, group_id).all
        meant = {(group_id, user): frozenset(roles) for user in users if (roles := cleanup.may(user))}
        exempt = frozenset.intersection(*cleanup.exempt.values())
        judged = attrs.evolve(guards, protected=guards.protected | exempt)
        self._judge(plan.changes, judged, claims, meant=meant)
        self.problems += nobody_else_loses_anything(cleanup, self.world.fake.history[begun:])
        self.tally.statuses["hygiene: planned"] += len(plan.changes)
        if plan.changes and self.random.random() < 0.3:
            await self._undone(plan, journal, begun)

    def _rules(self, group_id: str, admin_role_ids: frozenset[str]) -> dict[HygieneCheck, str | None]:
        """Which checks change something, and what."""
        random = self.random
        held = {p.role_id for (g, _), p in self.world.fake.state().members.items() if g == group_id}
        roles = sorted(held - admin_role_ids)
        checks = random.sample(_ACTED_ON, random.randint(1, len(_ACTED_ON)))
        return {check: random.choice([None, None, *roles[:2]]) for check in checks}

    def _exempt(self, group_id: str) -> tuple[list[dict[str, Any]], dict[HygieneCheck, frozenset[str]]]:
        """Who is exempt, as a policy says it, and who that is for each check."""
        random, people = self.random, People(self.world, group_id)
        entries: list[dict[str, Any]] = []
        exempted: dict[HygieneCheck, set[str]] = {check: set() for check in _ACTED_ON}
        for user in random.sample(sorted(people.members), min(len(people.members), random.randrange(4))):
            text = random.choice(self.world.identifiers(group_id, user))
            counts = random.random() < 0.8
            checks = random.sample(_ACTED_ON, random.randint(1, 2)) if random.random() < 0.3 else []
            entry: dict[str, Any] = {"person": written(random, self.world, group_id, text).text}
            entry |= {"findings": [*map(str, checks)]} if checks else {}
            until = random.choice(_UNTIL[counts])
            entries.append(entry if until is None else {**entry, "until": until})
            for check in (checks or _ACTED_ON) if counts else ():
                exempted[check] |= people.called(text)
        return entries, {check: frozenset(users) for check, users in exempted.items()}

    async def _looked(self, group_id: str, hidden: str | None) -> tuple[HygieneReport, bool]:
        """The report of a look from which something is hidden, and whether members are."""
        fake, random = self.world.fake, self.random
        fake.trouble, fault = Trouble.script({}), None
        if hidden == "listing":
            fault = random.choice(OF_LISTINGS)
            fake.trouble = Trouble.script(
                {fake.number + 1: Event(fault, after=True, random=Random(f"{self.seed}/hidden"))}
            )
        elif hidden is not None:
            path = "sso_connections" if hidden == "sso" else "org_memberships"
            times = random.randint(1, 12) if hidden == "some orgs" else 10_000
            fake.fail_next(status=random.choice([403, 404, 500]), path=path, times=times)
        fake.run = 0
        async with Jobs(self._fake(), self.kind, retries=AT_ONCE) as jobs:
            report: HygieneReport = await jobs("hygiene", group_id, org_memberships=True)
        if any(step.write for step in fake.history):
            self.problems.append("hygiene: the look changes something")
        return report, fault is Fault.TRUNCATED

    def _made(
        self,
        report: HygieneReport,
        acts: Mapping[HygieneCheck, str | None],
        exempt: Sequence[dict[str, Any]],
        options: Mapping[str, Any],
    ) -> Plan | None:
        findings = {
            str(check): "remove" if role is None else {"set_role": role} for check, role in acts.items()
        }
        document: dict[str, Any] = {"findings": findings, "exempt": exempt}
        document |= (
            {"cascade": cascade} if (cascade := self.random.choice([True, False, None])) is not None else {}
        )
        policy = HygienePolicy.from_dict(document)
        again = HygieneReport.from_json(report.to_json())
        limit = self.random.choice([50, 50, 50, None])
        try:
            return again.plan(policy, max_removals=limit, **options)
        except GroupsError as error:
            self.tally.errors[f"hygiene: {type(error).__name__}"] += 1
            return None


def _on_sso(login_method: str | None) -> bool:
    return login_method is not None and plain(login_method) in SSO_LOGIN_METHODS


def _truth(
    random: Random, made: World, group_id: str
) -> tuple[dict[HygieneCheck, frozenset[str]], frozenset[str]]:
    """For each check, the members of whom it is so; and those of whom the API does not tell whether they are active."""
    fake = made.fake
    members = People(made, group_id).members
    users = {user.id: user for user in fake.users() if user.id in members}
    active: dict[str, list[bool]] = {}
    unsure: set[str] = set()
    for connection in fake.sso_connections(group_id):
        for user in fake.sso_users(connection.id):
            active.setdefault(user.user.id, []).append(user.active)
            if random.random() < 0.1:
                fake.alter_record(user.user.id, "attributes.active", random.choice([None, ABSENT]))
                unsure.add(user.user.id)
    off = {user for user, of_them in active.items() if not any(of_them)} - unsure
    in_orgs = {m.user.id for m in fake.org_memberships(group_id)}
    shared = {user for users in _addresses(made, members).values() if len(users) > 1 for user in users}
    return {
        NOT_ON_SSO: frozenset(
            id_
            for id_, user in users.items()
            if user.login_method is not None and not _on_sso(user.login_method)
        ),
        SSO_DEACTIVATED: frozenset(off & members),
        IN_NO_ORG: frozenset(members - in_orgs),
        SHARED_ADDRESS: frozenset(u for u in shared if not _on_sso(users[u].login_method)),
    }, frozenset(unsure)


def _addresses(made: World, members: set[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for user in made.fake.users():
        if user.id in members and user.id not in made.fake.nameless:
            found.setdefault(plain(user.email), set()).add(user.id)
    return {address: frozenset(users) for address, users in found.items()}
