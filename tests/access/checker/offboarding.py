"""People taken out of every group in a world, and what the reports of that say, held against what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import anyio
import attrs
from access.checker.history import Actor, History, Person, Place, State, Step
from access.checker.inputs import Guarding, People, guarding, odd, written
from access.checker.playing import FLAVOURS, RUNS, Tally
from access.checker.referee import (
    Case,
    Run,
    Violation,
    claims_are_true,
    me_is_never_touched,
    nobody_is_overwritten,
    only_the_planned_is_touched,
    only_who_is_meant_is_touched,
    outcomes_are_whole,
    senseless_work_stops,
    there_is_always_an_admin,
)
from access.checker.running import Claims, Way, run
from access.checker.trouble import Event, Fault, Trouble
from access.checker.world import World, plain, world
from support import clock
from support.jobs import Jobs

from groups_sdk import OffboardingReport, OffboardingResult, OffboardingStatus, Status, User
from groups_sdk._terminal import printable
from groups_sdk.access import Action, Change, Outcome

_STATUSES = {
    OffboardingStatus.REMOVED: Status.APPLIED,
    OffboardingStatus.NOT_MEMBER: Status.UNCHANGED,
    OffboardingStatus.UNKNOWN: Status.UNKNOWN,
    OffboardingStatus.CHANGED_SINCE: Status.CHANGED_SINCE,
    OffboardingStatus.NOT_STARTED: Status.NOT_STARTED,
}
_NOT_SENT = (OffboardingStatus.REFUSED, OffboardingStatus.UNREADABLE, OffboardingStatus.WOULD_REMOVE)
_GONE = (OffboardingStatus.REMOVED, OffboardingStatus.NOT_MEMBER)


def play_offboarding(seed: int, directory: Path, tally: Tally | None = None) -> None:
    """Raises `Violation` when anything is wrong in that world."""
    backend, kind = FLAVOURS[seed % len(FLAVOURS)]
    game = _Leaving(seed, kind, directory, Tally() if tally is None else tally)
    anyio.run(game.play, backend=backend, backend_options=clock.options(backend))


@attrs.frozen(kw_only=True)
class Leaving:
    """What an off-boarding was told.

    `called` has, for each text that it was given, the accounts that go by it. Where nothing hides anybody, `sure`, a
    text of several accounts means nobody unless the job may take them `all`.
    """

    called: Mapping[str, frozenset[str]]
    all: bool
    sure: bool
    dry: bool
    cascade: bool
    journal: bool

    @property
    def meant(self) -> frozenset[str]:
        """Who may be removed."""
        return frozenset[str]().union(*self.called.values())

    def ambiguous(self, state: State) -> list[str]:
        """The texts that several members go by, where the job may not take them all."""
        members = {user for _, user in state.members}
        return [] if self.all else [text for text, users in self.called.items() if len(users & members) > 1]

    def accounts(self, person: str) -> frozenset[str]:
        """Whom a report may mean by this."""
        as_shown = {plain(printable(text)): users for text, users in self.called.items()}
        return as_shown.get(plain(person), self.meant & {plain(person)})


class _Leaving:
    """One world, and who leaves it."""

    def __init__(self, seed: int, kind: str, directory: Path, tally: Tally) -> None:
        self.seed, self.kind, self.directory, self.tally = seed, kind, directory, tally
        self.random = Random(f"{seed}/offboarding")
        self.world: World = world(seed)
        self.world.fake.unknown = self.random.choice(["", None])

    async def play(self) -> None:
        self.world.start()
        fake, random = self.world.fake, self.random
        trouble = fake.trouble
        if random.random() < 0.2:
            fake.trouble = trouble = Trouble.script({})
        guards = self._guards()
        texts, called = self._people(guards)
        calm = trouble is None or trouble.silent
        leaving = Leaving(
            called=called,
            all=random.random() < 0.6,
            sure=calm,
            dry=random.random() < 0.2,
            cascade=random.random() < 0.6,
            journal=random.random() < 0.75,
        )
        concurrency = random.choice([1, 1, 1, 2, 5])
        journal = self.directory / f"{self.seed}.leaving" if leaving.journal else None
        options = {
            **guards.options,
            "cascade": leaving.cascade,
            "dry_run": leaving.dry,
            "all_accounts": leaving.all,
            "journal": journal,
            "concurrency": concurrency,
        }

        async def make(jobs: Jobs) -> Any:
            return await jobs("offboard", texts[0] if len(texts) == 1 else texts, **options)

        claims: list[Claims] = []
        self.tally.jobs["offboard"] += 1
        for number in range(1, RUNS + 1):
            way = Way.drawn(random, sync=self.kind == "sync")
            way = attrs.evolve(way, at=random.randint(1, 30) if way.name in ("kill", "cancel") else way.at)
            way = Way("collect") if number == RUNS else way
            fake.run = number
            claims.append(await run(self.world, self.kind, make, way, random, journal=journal))
            self._count(claims[-1], way)
            if claims[-1].finished and random.random() < 0.5:
                break
            if random.random() < 0.3 and not leaving.sure:
                fake.change(lambda: self.world.act(Event(random=random), may_take_admin=True))
        self.tally.requests += fake.number
        problems = [*verdict(leaving, guards, fake.history, claims, concurrency)]
        if problems:
            raise Violation("\n".join(problems))

    def _count(self, claims: Claims, way: Way) -> None:
        self.tally.runs += 1
        self.tally.ways[way.name] += 1
        self.tally.kills += claims.pending is None and way.name == "kill"
        self.tally.statuses.update(str(result.status) for result in claims.outcomes)
        if claims.error is not None:
            self.tally.errors[f"offboard: {type(claims.error).__name__}"] += 1
        if claims.result is not None and getattr(claims.result, "complete", False):
            self.tally.statuses["complete"] += 1

    def _people(self, guards: Guarding) -> tuple[list[str], dict[str, frozenset[str]]]:
        """The texts that are given, and who goes by each."""
        random, made = self.random, self.world
        in_groups = {group_id: People(made, group_id) for group_id in made.group_ids}
        members = sorted({user for people in in_groups.values() for user in people.members} - {made.me})
        admins = {u for g in made.group_ids for u in made.fake.state().admins(g, guards.admin_role_ids)}
        some = random.sample(members, min(len(members), random.choice([1, 1, 2, 3, 6])))
        if random.random() < 0.25:
            some += [user for user in sorted(admins) if user not in some]  # me among them
        found = []
        for user in some:
            group_id = random.choice([g for g in made.group_ids if user in in_groups[g].members])
            text = random.choice(made.identifiers(group_id, user))
            if len({u for p in in_groups.values() for u in p.called(text)}) > 1 and random.random() < 0.7:
                text = user
            found.append(written(random, made, group_id, text))
        if random.random() < 0.25:
            group_id = random.choice(made.group_ids)
            row = odd(random, made, in_groups[group_id], group_id, several=False)
            found = [row, *found] if random.random() < 0.4 else [row]
        called = {
            plain(part): frozenset(user for people in in_groups.values() for user in people.called(part))
            for row in found
            for part in row.parts
        }
        return [row.text for row in found], called

    def _guards(self) -> Guarding:
        found = guarding(self.random, self.world, self.world.group_ids)
        self.world.admin_role_ids |= found.admin_role_ids  # whom another admin leaves alone
        members = {user for _, user in self.world.fake.state().members}
        people = [People(self.world, group_id) for group_id in self.world.group_ids]
        protected = {u for text in found.options.get("protect", ()) for p in people for u in p.called(text)}
        return attrs.evolve(found, protected=frozenset(protected & members))


def verdict(
    leaving: Leaving, guards: Guarding, history: History, claims: Sequence[Claims], concurrency: int
) -> Iterator[str]:
    """All that is wrong, by the name of the invariant."""
    case = Case(
        changes=[
            Change(action=Action.REMOVE, group_id=group_id, membership_id=membership_id, user=User(user_id))
            for (group_id, user_id), membership_id in sorted(_memberships(history))
            if user_id in leaving.meant
        ],
        admin_role_ids=guards.admin_role_ids,
        me=guards.me,
        protected=guards.protected,
        keeps_an_admin=guards.keeps_an_admin,
        meant={
            person: frozenset({None}) for person, _ in _memberships(history) if person[1] in leaving.meant
        },
        refused=guards.options.get("me") == "mistyped@example.com",
        concurrency=concurrency,
    )
    for invariant in (
        only_the_planned_is_touched,
        there_is_always_an_admin,
        me_is_never_touched,
        only_who_is_meant_is_touched,
        senseless_work_stops,
    ):
        yield from (f"{invariant.__name__}: {problem}" for problem in invariant(case, history, ()))
    for check in (nothing_else_is_sent, who_is_back_is_left_alone, complete_means_gone, nobody_is_forgotten):
        yield from (f"{check.__name__}: {problem}" for problem in check(leaving, history, claims))
    for number, claim in enumerate(claims, 1):
        outcomes = [_outcome(r, number, history) for r in claim.outcomes if r.membership is not None]
        pending = None if claim.pending is None else [*claim.pending]
        changes = [*(outcome.change for outcome in outcomes), *(pending or ())]
        own = attrs.evolve(case, changes=changes)
        steps = [step for step in history if step.run == number]
        told = Run(number, outcomes, claim.finished, pending)
        if pending is not None:
            yield from (f"overwritten: {problem}" for problem in nobody_is_overwritten(own, steps, ()))
            yield from (f"whole: {problem}" for problem in outcomes_are_whole(own, history, [told]))
        yield from (f"claims_are_true: {problem}" for problem in claims_are_true(own, history, [told]))
        for result in claim.outcomes:
            if result.membership is None and result.status in _GONE:
                yield from _claimed_of_earlier(leaving, result, number, history)


def nothing_else_is_sent(leaving: Leaving, history: History, claims: Sequence[Claims]) -> Iterator[str]:
    """Removals only, below as the caller decided; nothing in a dry run, nor while it is not certain who is meant."""
    ambiguous = leaving.ambiguous(history[0].before) if leaving.sure and history else []
    for step in _ours(history):
        if step.write is not None:
            if step.write.method != "DELETE" or step.write.cascade != leaving.cascade:
                yield f"run {step.run} sent something else: {step.write}"
            if leaving.dry:
                yield f"run {step.run} is dry, and sent {step.write}"
            if ambiguous:
                yield f"run {step.run} sent {step.write}, though several accounts go by {ambiguous}"


def who_is_back_is_left_alone(leaving: Leaving, history: History, claims: Sequence[Claims]) -> Iterator[str]:
    """Whom a journal knows to be removed, and who was added again since, is not removed by a later run."""
    for number, claim in enumerate(claims, 1) if leaving.journal else ():
        for result in claim.outcomes:
            if result.status is not OffboardingStatus.REMOVED or result.membership is None:
                continue
            person = (result.group.id.lower(), result.membership.user.id.lower())
            for step in _ours(history):
                if step.run > number and step.write is not None and person in _whom(step, history):
                    yield f"run {step.run} removes {person}, whom run {number} had removed: {step.write}"


def complete_means_gone(leaving: Leaving, history: History, claims: Sequence[Claims]) -> Iterator[str]:
    """What is called complete left nobody in a group, nor in an organization below one that they were found in."""
    for number, claim in enumerate(claims, 1):
        report = claim.result
        if not isinstance(report, OffboardingReport) or not report.complete:
            continue
        if leaving.dry:
            yield f"run {number} is dry, and complete"
        steps = [step for step in history if step.run == number]
        last = max((n for n, step in enumerate(steps) if step.write is not None), default=0)
        later = [state for step in steps[last + 1 :] for state in (step.before, step.after)]
        for person in sorted(_always(later, leaving)):
            yield f"run {number} is complete, and {person} is a member"
        if any(step.fault in (Fault.NOT_FOUND, *_OF_LISTINGS) for step in steps[last:]):
            continue
        found = {(r.group.id.lower(), r.membership.user.id.lower()) for r in report.results if r.membership}
        for person in sorted(found):
            if later and all(person in state.orgs.values() for state in later):
                yield f"run {number} is complete, and {person} is in an organization"


def nobody_is_forgotten(leaving: Leaving, history: History, claims: Sequence[Claims]) -> Iterator[str]:
    """A member all the time of a run that finished has a result, or the group is said to be unreadable."""
    for number, claim in enumerate(claims, 1):
        report = claim.result
        if not claim.finished or not isinstance(report, OffboardingReport):
            continue
        steps = [step for step in history if step.run == number]
        states = [state for step in steps for state in (step.before, step.after)]
        not_found = {user for text in report.not_found for user in leaving.accounts(text)}
        unreadable = {r.group.id.lower() for r in report.results if r.membership is None}
        told = {(r.group.id.lower(), r.membership.user.id.lower()) for r in report.results if r.membership}
        for person in sorted(_always(states, leaving)):
            if person not in told and person[0] not in unreadable and person[1] not in not_found:
                yield f"run {number} says nothing of {person}"
        if leaving.sure:
            ids = {place.membership_id for state in states for place in state.members.values()}
            once = {id_ for _, id_ in _memberships(history)} - ids  # of a membership that somebody has ended
            for text in report.not_found:
                members = leaving.accounts(text) & {user for _, user in states[0].members}
                if members and plain(text) not in once:
                    yield f"run {number} has not found {text}, who is {members}"


_OF_LISTINGS = (Fault.TRUNCATED, Fault.USER_MISSING)


def _claimed_of_earlier(
    leaving: Leaving, result: OffboardingResult, number: int, history: History
) -> Iterator[str]:
    """What a run says of somebody who is no member any more, by its journal."""
    group_id = result.group.id.lower()
    people = {(group_id, user) for user in leaving.accounts(result.person)}
    states = [s for step in history if step.run == number for s in (step.before, step.after)]
    gone = {person for person in people if any(person not in state.members for state in states)}
    if result.status is OffboardingStatus.REMOVED:
        done = {
            person
            for step in _ours(history)
            if step.run < number and step.write is not None
            for person in step.changed
        }
        gone &= done
        if not result.earlier:
            yield f"run {number} says {result}, of nobody"
    if not gone:
        yield f"run {number} says {result}, which is true of nobody"


def _outcome(result: OffboardingResult, number: int, history: History) -> Outcome:
    """A result as what came of a change."""
    member = result.membership
    assert member is not None
    change = Change(
        action=Action.REMOVE,
        group_id=result.group.id,
        membership_id=member.id,
        user=member.user,
        before=member.role,
    )
    status = _STATUSES.get(result.status, Status.FAILED)
    # Who was removed before and is back has changed, if not in this run.
    person = (result.group.id.lower(), member.user.id.lower())
    back = status is Status.CHANGED_SINCE and any(
        step.run < number
        and state.members.get(person, Place(member.id, "")).membership_id != member.id.lower()
        for step in history
        for state in (step.before, step.after)
    )
    return Outcome(change, status, result.error, result.status not in _NOT_SENT, result.earlier or back)


def _always(states: Sequence[State], leaving: Leaving) -> set[Person]:
    """Those meant who are members in all of these."""
    if not states:
        return set()
    kept = set[Person](states[0].members)
    for state in states:
        kept = {person for person in kept if state.members.get(person) == states[0].members[person]}
    return {person for person in kept if person[1] in leaving.meant}


def _memberships(history: History) -> set[tuple[Person, str]]:
    return {
        (person, place.membership_id)
        for step in history
        for state in (step.before, step.after)
        for person, place in state.members.items()
    }


def _whom(step: Step, history: History) -> set[Person]:
    """Whose membership a removal is about."""
    id_ = step.write.membership_id if step.write is not None else None
    return {person for person, membership_id in _memberships(history) if membership_id == id_}


def _ours(history: History) -> list[Step]:
    return [step for step in history if step.actor is Actor.US]
