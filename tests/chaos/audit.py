"""The reckoning: what the clients reported against what the fake has, and against what it was asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from chaos.outcomes import Discrepancy, Entry, Fate
from chaos.scenario import Worker
from chaos.world import World


def audit(world: World, workers: Sequence[Worker], *, max_attempts: int) -> None:
    """Raises `Discrepancy` where reports and facts differ; all of them are in it."""
    found = [*_state(world, workers), *_writes(world, workers, max_attempts)]
    if found:
        raise Discrepancy("\n".join(found))


def _state(world: World, workers: Sequence[Worker]) -> list[str]:
    """The state as reported against the state as it is."""
    fake = world.fake
    people = [person for worker in workers for person in worker.people]
    memberships = {
        "reported": {p.user_id: (p.membership_id, p.role_id) for p in people if p.membership_id is not None},
        "found": {m.user.id: (m.id, m.role.id) for m in fake.memberships(world.busy)},
    }
    organizations = {
        "reported": {id_: p.user_id for p in people for id_ in p.orgs},
        "found": {m.id: m.user.id for m in fake.org_memberships(world.busy)},
    }
    sso_users = {
        "reported": {p.user_id: True for p in people if p.sso},
        "found": {user.user.id: True for user in fake.sso_users(world.busy_sso)},
    }
    there = {user.id for user in fake.users()}
    users = {
        "reported": {p.user_id: not p.gone for p in people},
        "found": {p.user_id: p.user_id in there for p in people},
    }
    problems: list[str] = []
    for what, sides in {
        "membership": memberships,
        "organization membership": organizations,
        "SSO user": sso_users,
        "user": users,
    }.items():
        reported, facts = dict(sides["reported"]), dict(sides["found"])
        for key in sorted(reported.keys() | facts.keys()):
            if reported.get(key) != facts.get(key):
                problems.append(f"{what} {key}: reported {reported.get(key)}, found {facts.get(key)}")
    if [m.id for m in fake.memberships(world.steady)] != world.steady_memberships:
        problems.append("the steady group has changed")
    return problems


def _writes(world: World, workers: Sequence[Worker], max_attempts: int) -> list[str]:
    """Each write as reported against the requests that the fake was sent for it."""
    requests: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for record in world.fake.requests:
        if record.method != "GET" and record.path != "/oauth2/token":
            requests[dict(record.query)["version"]].append((record.method, record.status))
    problems: list[str] = []
    for entry in (entry for worker in workers for entry in worker.entries):
        asked = requests.pop(entry.version, [])
        problem = _problem(entry, asked, max_attempts)
        if problem:
            problems.append(
                f"{entry.method} of {entry.version}: {problem}; {entry}; the fake answered {asked}"
            )
    problems.extend(f"nobody reported a write of {version}: {asked}" for version, asked in requests.items())
    return problems


def _problem(entry: Entry, asked: Sequence[tuple[str, int]], max_attempts: int) -> str | None:
    statuses = [status for method, status in asked if method == entry.method]
    done = sum(200 <= status < 300 for status in statuses)
    let_in = sum(status != 401 for status in statuses)  # a 401 is repeated with another access token
    if len(statuses) != len(asked):
        return "another method was sent"
    if len(statuses) > max_attempts + 1:
        return "there are too many attempts"
    if entry.vain and done:
        return "there was nothing to do, and it was done"
    if entry.vain and entry.fate is Fate.APPLIED:
        if entry.method != "DELETE":
            return "it is reported as applied, and there was nothing to do"
        if not entry.outcome.doubted:
            return "404 is reported as done, and no earlier attempt can have done it"
    if entry.method == "POST" and let_in > 1:
        return "it was sent again"
    if entry.method in ("POST", "DELETE") and done > 1:
        return "it was done more than once"
    if not entry.vain and entry.applied is not None and entry.applied != bool(done):
        return f"it was{'' if done else ' not'} applied"
    return None


def summary(workers: Sequence[Worker]) -> str:
    """What was reported how often."""
    fates = Counter((entry.method, entry.fate.value) for worker in workers for entry in worker.entries)
    lines = [f"{method} {fate}: {count}" for (method, fate), count in sorted(fates.items())]
    return ", ".join([*lines, f"listings: {sum(worker.listed for worker in workers)}"])
