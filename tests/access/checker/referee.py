"""What a job claims, held against what happened. Each invariant is a function that says what is wrong, as text.

A job is run once or, after it was killed or stopped, again with the same changes: every run has its claims. All that
was sent counts, also for changes of which a run that was killed claims nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs
from access.checker.history import Actor, History, Person, Place, State, Step, Write, owner_of
from access.checker.trouble import OF_LISTINGS, Fault

from groups_sdk import ApiError, Status
from groups_sdk.access import Action, Change, Outcome

_METHODS = {
    Action.ADD: "POST",
    Action.SET_ROLE: "PATCH",
    Action.REMOVE: "DELETE",
    Action.DELETE_ACCOUNT: "DELETE",
}


class Violation(AssertionError):
    """What a job claims or does is not right."""


@attrs.frozen(kw_only=True)
class Case:
    """What a job was told.

    `changes` is its plan. `me` is never touched, nor is anybody in `protected`; nobody in `named` is removed: the input
    names them. All are None or empty where the job was told otherwise, as is `keeps_an_admin`.

    `meant` has, for everybody whom the input names for certain, the roles that it may want for them, by id, and None
    where it wants them removed; with `prunes` others may be removed too. Where `meant` is None, nobody knows. `roles`
    are the names of the roles by id. With `refused` nothing may be sent at all. `concurrency` is how many changes may
    be under way at a time.
    """

    changes: Sequence[Change]
    admin_role_ids: frozenset[str]
    me: str | None = None
    protected: frozenset[str] = frozenset()
    named: frozenset[Person] = frozenset()
    keeps_an_admin: bool = True
    meant: Mapping[Person, frozenset[str | None]] | None = None
    prunes: bool = False
    roles: Mapping[str, str] = attrs.field(factory=dict)
    refused: bool = False
    lies: frozenset[str] = frozenset()
    strict: bool = False
    concurrency: int = 1


@attrs.frozen
class Run:
    """What one run of the job claims. One that was not `finished` may claim nothing of some changes.

    `pending` is what it says that it did not begin; None where it says nothing, such as when it was killed.
    """

    number: int
    outcomes: Sequence[Outcome]
    finished: bool = True
    pending: Sequence[Change] | None = None


class Referee:
    """Keeps the claims of each run, and gives the verdict on all of them."""

    def __init__(self, case: Case, history: History) -> None:
        self._case = case
        self._history = history
        self._runs: list[Run] = []

    def report(self, run: Run) -> None:
        self._runs.append(run)

    def verdict(self) -> list[str]:
        """All that is wrong, by the name of the invariant."""
        return [
            f"{invariant.__name__}: {problem}"
            for invariant in INVARIANTS
            for problem in invariant(self._case, self._history, self._runs)
        ]

    def check(self) -> None:
        """Raises `Violation` when anything is wrong."""
        problems = self.verdict()
        if problems:
            raise Violation("\n".join(problems))


def outcomes_are_whole(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """Every change has one outcome in a run that finished, and one at the most in any other."""
    planned = Counter(change.key for change in case.changes)
    for run in runs:
        claimed = Counter(outcome.change.key for outcome in run.outcomes)
        for key in sorted(planned.keys() | claimed.keys()):
            if claimed[key] > planned[key] or (run.finished and claimed[key] < planned[key]):
                yield f"run {run.number} has {claimed[key]} outcomes for {key}"
        left = Counter(change.key for change in run.pending or ())
        if run.pending is not None and claimed + left != planned:
            yield f"run {run.number} has lost {planned - claimed - left}, or has {claimed + left - planned} twice"
        for key in sorted(left):
            if any(s.run == run.number and _is_about(s, key, case, history) for s in _ours(history)):
                yield f"run {run.number} says that it has not begun {key}"


def claims_are_true(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(a) What is claimed of a change is what this run, or for `earlier` a run before, has done about it."""
    for run in runs:
        for outcome in run.outcomes:
            problem = _false_claim(outcome, run.number, history)
            if problem is not None:
                yield f"run {run.number} says {outcome}, but {problem}"


def only_the_planned_is_touched(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(b) Whatever we send is a change of the plan, and nothing else changes through us."""
    for step in _ours(history):
        if step.write is not None and not any(_is_of(step.write, change, history) for change in case.changes):
            yield f"run {step.run} sent what nobody planned: {step.write}"
        meant = {_person(change, history) for change in case.changes}
        for person in sorted(step.changed - meant, key=str):
            yield f"run {step.run} changed the membership of {person}, who is not in the plan: {step.write}"
        cascading = step.write is not None and step.write.method == "DELETE"
        for person in sorted(step.orgs_lost - (step.changed if cascading else set())):
            yield f"run {step.run} took {person} out of organizations: {step.write}"


def there_is_always_an_admin(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(c) No group that has an admin loses the last one through us."""
    if not case.keeps_an_admin:
        return
    for step in _ours(history):
        for group_id in sorted({group_id for group_id, _ in step.before.members}):
            if step.before.admins(group_id, case.admin_role_ids) and not step.after.admins(
                group_id, case.admin_role_ids
            ):
                yield f"run {step.run} left the group {group_id} without an admin: {step.write}"


def me_is_never_touched(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(d) Nothing is sent about the person who runs the job, or about anybody who is protected."""
    for step in _ours(history):
        users = _users_of(step, history)
        adds = step.write is not None and step.write.method == "POST"  # which takes nothing from anybody
        if case.me is not None and case.me in users and not adds:
            yield f"run {step.run} touched me: {step.write}"
        for user_id in sorted(users & case.protected):
            yield f"run {step.run} touched {user_id}, who is protected: {step.write}"


def nobody_who_is_named_is_removed(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(e) The input names somebody, so that they are no stranger, whatever it says of them."""
    for step in _ours(history):
        if step.write is not None and step.write.method == "DELETE" and step.write.group_id is not None:
            for user_id in sorted(_users_of(step, history)):
                if (step.write.group_id, user_id) in case.named:
                    yield f"run {step.run} removes {user_id}, whom the input names: {step.write}"


def nothing_is_repeated(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(f) What is done is not sent again by a later run: it was claimed as applied, or is there to be seen."""
    for change in case.changes:
        applied = {
            run.number
            for run in runs
            for outcome in run.outcomes
            if outcome.change.key == change.key and outcome.status is Status.APPLIED
        }
        done = {step.run for step in _ours(history) if _does(step, change, history)}
        for step in _ours(history):
            if step.write is None or not _is_of(step.write, change, history):
                continue
            if any(number < step.run for number in applied):
                yield f"run {step.run} sent {change} again, which an earlier run called applied"
            elif any(number < step.run for number in done) and all(
                _is_as_wanted(state, change, history) for state in _states(history, step.run, step)
            ):
                yield f"run {step.run} sent {change} again, which was done and is there to be seen"


def only_who_is_meant_is_touched(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(g) Whatever is sent is what the input wants for a person whom it names; or prunes somebody."""
    for step in _ours(history):
        write = step.write
        if write is None or write.group_id is None:
            continue
        if case.refused:
            yield f"run {step.run} sent something that is to be refused as a whole: {write}"
        for key in sorted(case.lies):
            if _is_about(step, key, case, history):
                yield f"run {step.run} sent {key}, which says what the API does not say: {write}"
        meant = case.meant
        for user_id in sorted(_users_of(step, history)) if meant is not None else ():
            wanted = (meant or {}).get((write.group_id, user_id), frozenset[str | None]())
            if write.role_id not in wanted and not (case.prunes and write.method == "DELETE"):
                yield f"run {step.run} does to {user_id} what nobody wants: {write}"


def nobody_is_overwritten(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(h) A member who is not as the change expects them to be, since the job has last had to look, is left alone."""
    for position, step in enumerate(history):
        if step.actor is not Actor.US or step.write is None:
            continue
        since: list[State] = [step.before]
        for earlier in reversed(history[:position]):
            if earlier.run != step.run or earlier.actor is Actor.TIME:
                break
            since += [earlier.after, earlier.before]
        for change in case.changes:
            if change.action is Action.ADD or not _is_of(step.write, change, history):
                continue
            if not any(_is_as_seen(state, change, history) for state in since):
                yield f"run {step.run} overwrites what somebody else has made of it: {change}: {step.write}"


def removals_wait_for_additions(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(i) Nobody is removed in a group where an addition of the same run has failed."""
    for run in runs:
        failed = {
            outcome.change.group_id.lower()
            for outcome in run.outcomes
            if outcome.change.action is Action.ADD
            and outcome.sent
            and outcome.status in (Status.FAILED, Status.UNKNOWN)
        }
        adding = True
        for step in reversed(_ours(history)):  # additions come before removals
            if step.run == run.number and step.write is not None:
                adding = adding and step.write.method != "POST"
                if adding and step.write.method == "DELETE" and step.write.group_id in failed:
                    yield f"run {run.number} removes somebody after an addition has failed: {step.write}"


def senseless_work_stops(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(j) After a 403 its kind of change stops in that group, after 401, 410 and maintenance everything does."""
    for run in sorted({step.run for step in history}):
        stopped: dict[object, int] = {}
        seen: set[Write] = set()
        for step in _ours(history):
            write = step.write
            if step.run != run or write is None or write in seen:
                continue
            seen.add(write)
            kind = (write.group_id, write.method)
            for what in (kind, "everything"):
                if what in stopped:
                    stopped[what] += 1
                    if stopped[what] >= case.concurrency:
                        yield f"run {run} goes on with what was refused: {write}"
            if step.status == 403:
                stopped.setdefault(kind, 0)
            elif step.status in (401, 410) or step.fault is Fault.MAINTENANCE:
                stopped.setdefault("everything", 0)


def words_are_those_of_the_api(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(k) A role is called what the API calls it."""
    for run in runs:
        for change in [*(outcome.change for outcome in run.outcomes), *(run.pending or ())]:
            for role in (change.role, change.before):
                if role is not None and role.name and case.roles.get(role.id.lower(), role.name) != role.name:
                    yield f"run {run.number} calls the role {role.id} {role.name!r}: {change}"


def strict_is_all_or_nothing(case: Case, history: History, runs: Sequence[Run]) -> Iterator[str]:
    """(l) A strict job sends nothing while a member is not as the plan saw them, since it has last had to look."""
    for run in runs if case.strict else ():
        steps = [step for step in history if step.run == run.number]
        first = next((n for n, step in enumerate(steps) if step.actor is Actor.US and step.write), 0)
        looked = max((n for n, step in enumerate(steps[:first]) if step.actor is Actor.TIME), default=0)
        since = [state for step in steps[looked:first] for state in (step.before, step.after)]
        if any(step.fault in OF_LISTINGS for step in steps[:first]):
            continue
        settled = {
            outcome.change.key
            for outcome in run.outcomes
            if not outcome.sent and outcome.status in (Status.APPLIED, Status.UNCHANGED)
        }
        for change in case.changes if since else ():
            if (
                change.action is not Action.ADD
                and change.key not in settled
                and not any(
                    _is_as_seen(state, change, history) or _is_as_wanted(state, change, history)
                    for state in since
                )
            ):
                yield f"run {run.number} begins although a member is not as the plan saw them: {change}"


INVARIANTS = (
    outcomes_are_whole,
    claims_are_true,
    only_the_planned_is_touched,
    there_is_always_an_admin,
    me_is_never_touched,
    nobody_who_is_named_is_removed,
    nothing_is_repeated,
    only_who_is_meant_is_touched,
    nobody_is_overwritten,
    removals_wait_for_additions,
    senseless_work_stops,
    words_are_those_of_the_api,
    strict_is_all_or_nothing,
)


def _false_claim(outcome: Outcome, run: int, history: History) -> str | None:
    """What contradicts a claim of a run; None when nothing does."""
    change = outcome.change
    sent = [s for s in _ours(history) if s.run == run and s.write and _is_of(s.write, change, history)]
    changed = [step for step in sent if step.changed]
    states = _states(history, run)
    attempts = [step for step in sent if step.fault is not Fault.REFUSED]
    if attempts and not outcome.sent:
        return f"it was sent: {attempts[0].write}"
    if outcome.status is Status.FAILED and not sent and isinstance(outcome.error, ApiError):
        return "it was not begun, and is not called so"
    stale = outcome.status is Status.CHANGED_SINCE and not outcome.earlier
    if stale and all(_is_as_seen(state, change, history) for state in states):
        return "nobody has changed it"
    if outcome.status is Status.APPLIED and outcome.earlier:
        if sent:
            return "it sent it now"
        before = [s for s in _ours(history) if s.run < run and s.write and _is_of(s.write, change, history)]
        if not any(_says_done(step) and _is_as_wanted(step.after, change, history) for step in before):
            return "no earlier run has done it"
        return None if _ever(states, change, history) else "it is not as wanted while this run lasts"
    if outcome.status is Status.APPLIED:
        if not any(_is_as_wanted(step.after, change, history) for step in sent):
            return "nothing was sent that made it as wanted"
        return None if any(map(_says_done, sent)) else "nobody said that it was done"
    if outcome.status is Status.UNKNOWN:
        return None
    if changed:
        return f"it changed something: {changed[0].write}"
    if outcome.status is Status.NOT_STARTED and sent:
        return f"it was sent: {sent[0].write}"
    if outcome.status is Status.UNCHANGED and not _ever(states, change, history):
        return "it is not as wanted while this run lasts"
    return None


def _says_done(step: Step) -> bool:
    """Whether it was done, or may have been: from what had an effect nobody can tell what had none."""
    return bool(step.changed) or step.status is None or step.status // 100 in (2, 5)


def _ever(states: Sequence[State], change: Change, history: History) -> bool:
    return any(_is_as_wanted(state, change, history) for state in states)


def _ours(history: History) -> list[Step]:
    return [step for step in history if step.actor is Actor.US]


def _states(history: History, run: int, until: Step | None = None) -> list[State]:
    """How things were while a run lasted, from its first request on; up to what a step of it met."""
    steps = [step for step in history if step.run == run]
    if until is not None:
        position = next(n for n, step in enumerate(steps) if step is until)
        return [step.before for step in steps[: position + 1]]
    return [state for step in steps for state in (step.before, step.after)] or [
        step.after for step in history[-1:]
    ]


def _person(change: Change, history: History) -> Person | None:
    """Whom a change is about, by the user it names or else by the membership."""
    if change.user is not None and change.user.id:
        return change.group_id.lower(), change.user.id.lower()
    return owner_of(change.membership_id or "", history)


def _is_of(write: Write, change: Change, history: History) -> bool:
    """Whether a request is what this change asks for, in every respect."""
    if write.method != _METHODS[change.action] or write.group_id != change.group_id.lower():
        return False
    if change.role is not None and write.role_id != change.role.id.lower():
        return False
    if change.action is Action.ADD:
        return change.user is not None and write.user_id == change.user.id.lower()
    return write.membership_id == (change.membership_id or "").lower()


def _does(step: Step, change: Change, history: History) -> bool:
    """Whether it was this step that made things as the change wants them."""
    return bool(
        step.write is not None
        and step.changed
        and _is_of(step.write, change, history)
        and _is_as_wanted(step.after, change, history)
    )


def _is_as_wanted(state: State, change: Change, history: History) -> bool:
    person = _person(change, history)
    place: Place | None = None if person is None else state.members.get(person)
    if change.role is None:
        return place is None
    return place is not None and place.role_id == change.role.id.lower()


def _is_as_seen(state: State, change: Change, history: History) -> bool:
    """Whether a member is as the change expects them to be before it is made."""
    person = _person(change, history)
    place: Place | None = None if person is None else state.members.get(person)
    if change.action is Action.ADD:
        return place is None
    if place is None or place.membership_id != (change.membership_id or "").lower():
        return False
    return change.before is None or place.role_id == change.before.id.lower()


def _is_about(step: Step, key: str, case: Case, history: History) -> bool:
    """Whether a step has sent the change of that key."""
    return step.write is not None and any(
        change.key == key and _is_of(step.write, change, history) for change in case.changes
    )


def _users_of(step: Step, history: History) -> set[str]:
    """Whom a step of ours is about: by what was sent, and by what changed."""
    found = {user_id for _, user_id in step.changed}
    write = step.write
    if write is not None:
        owner = owner_of(write.membership_id, history) if write.membership_id else None
        found |= {user for user in (write.user_id, owner and owner[1]) if user}
        if "/users/" in write.path:  # the removal of a user altogether
            found.add(write.path.rpartition("/")[2].lower())
    return found
