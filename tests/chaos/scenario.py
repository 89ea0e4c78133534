"""A worker: it makes calls at random, notes what is reported, looks where it is unknown.

It is a generator of calls, and knows neither tasks nor threads: whoever runs it makes them, and sends their outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Set
from random import Random
from typing import Any, TypeAlias

from chaos.outcomes import Call, Discrepancy, Entry, Fate, Next, Outcome
from chaos.world import Person, World
from groups_sdk import ApiError, ApiResponse, AsyncPaginator, GroupMembership, NotFoundError, Paginator

Steps: TypeAlias = Generator[Call | Next, Outcome, None]
PEOPLE = 5
TRIES = 60
_TROUBLE = {302, 401, 408, 429}  # what the proxy makes up; and 5xx
NEW = "a membership that was not there before"


class Worker:
    """Owns some people, and does things to them and to nobody else. `gives_up`: some calls are cancelled."""

    def __init__(
        self, world: World, seed: int, number: int, versions: Iterator[str], *, gives_up: bool, renews: bool
    ) -> None:
        self.random = Random(f"{seed}/worker/{number}")
        self.people = [world.person(self.random) for _ in range(PEOPLE)]
        self.entries: list[Entry] = []
        self.listed = 0
        self._world = world
        self._versions = versions
        self._version = ""
        self._gives_up = gives_up
        self._actions: dict[Callable[[], Steps], int] = {
            self._create: 22,
            self._update: 22,
            self._delete: 20,
            self._delete_sso_user: 4,
            self._in_vain: 8,
            self._read_group: 4,
            self._list_groups: 4,
            self._list_steady: 3,
            self._list_busy: 4,
            self._list_orgs: 3,
            self._list_sso: 3,
        }
        if renews:
            self._actions[self._lose_tokens] = 2

    def steps(self, count: int) -> Steps:
        for _ in range(count):
            self._version = next(self._versions)
            (action,) = self.random.choices(list(self._actions), list(self._actions.values()))
            yield from action()

    # Writes

    def _create(self) -> Steps:
        person = self._somebody(member=False)
        role_id = self.random.choice(self._world.roles)
        outcome, entry = yield from self._write("POST", person, role_id)
        if entry.fate is Fate.APPLIED and (id_ := _created(outcome.value, person.user_id, role_id)):
            person.joined(id_, role_id)
        elif entry.fate is not Fate.NOT_APPLIED:
            possible = [(NEW, role_id)] + [(None, None)] * (entry.fate is Fate.UNKNOWN)
            yield from self._look(person, possible)
            entry.applied = person.membership_id is not None

    def _update(self) -> Steps:
        person = self._somebody(member=True)
        before = person.role_id
        role_id = self.random.choice([role for role in self._world.roles if role != before])
        _, entry = yield from self._write("PATCH", person, role_id)
        if entry.fate is Fate.APPLIED:
            person.role_id = role_id
        elif entry.fate is Fate.UNKNOWN:
            id_ = person.membership_id
            yield from self._look(person, [(id_, before), (id_, role_id)])
            entry.applied = person.role_id == role_id

    def _delete(self) -> Steps:
        person = self._somebody(member=True)
        cascade = self.random.choice([None, False, True, True])
        conflict = bool(person.orgs) and not cascade
        before = (person.membership_id, person.role_id)
        also = {409} if conflict else set[int]()
        _, entry = yield from self._write("DELETE", person, cascade=cascade, also=also)
        if entry.fate is Fate.APPLIED:
            if conflict:
                raise Discrepancy("a removal without cascade went through")
            person.left()
        elif entry.fate is Fate.UNKNOWN:
            yield from self._look(person, [before] + [(None, None)] * (not conflict))
            entry.applied = person.membership_id is None
        if self.random.random() < 0.5:
            self._world.add_to_orgs(person, self.random)

    def _delete_sso_user(self) -> Steps:
        present = [person for person in self.people if person.sso]
        person = self.random.choice(present or self.people)
        method = "delete_sso_user"
        call = self._call(method, self._world.busy, self._world.busy_sso, person.user_id, wavers=True)
        outcome = yield call
        entry = self._note("DELETE", outcome, set() if present else {404}, vain=not present)
        if not present:
            return
        if entry.fate is Fate.UNKNOWN:
            users = yield from self._all("list_sso_users", self._world.busy, self._world.busy_sso)
            entry.applied = person.user_id not in {user.id for user in users}
        if entry.applied:
            person.left()
            person.gone, person.sso = True, False
            self.people.append(self._world.person(self.random))

    def _in_vain(self) -> Steps:
        """Change what is not there, or create what is: refused, or nothing to it; never a change."""
        person = self.random.choice([person for person in self.people if not person.gone])
        if person.membership_id is not None:
            yield from self._write(
                "POST", person, self.random.choice(self._world.roles), also={409}, vain=True
            )
            yield from self._look(person, [(person.membership_id, person.role_id)])
        elif person.former:
            method = self.random.choice(["PATCH", "DELETE"])
            yield from self._write(method, person, self._world.roles[0], also={404}, vain=True)
            yield from self._look(person, [(None, None)])

    def _write(
        self,
        method: str,
        person: Person,
        role_id: str = "",
        *,
        cascade: bool | None = None,
        also: Set[int] = frozenset(),
        vain: bool = False,
    ) -> Generator[Call | Next, Outcome, tuple[Outcome, Entry]]:
        """One write for a person, by its method or by `request`. `also` are statuses that the API may well answer."""
        group = self._world.busy
        id_ = person.membership_id or (self.random.choice(sorted(person.former)) if method != "POST" else "")
        plain = self.random.random() < 0.15
        args: tuple[Any, ...]
        options: dict[str, Any]
        if plain:
            name, args, options = "request", *_plainly(method, group, id_, person.user_id, role_id, cascade)
        elif method == "POST":
            name, args = "create_membership", (group,)
            options = {"user_id": person.user_id, "role_id": role_id}
        elif method == "PATCH":
            name, args, options = "update_membership", (group, id_), {"role_id": role_id}
        else:
            name, args, options = "delete_membership", (group, id_), {"cascade": cascade}
        outcome = yield self._call(name, *args, wavers=True, **options)
        return outcome, self._note(method, outcome, also, vain=vain)

    def _note(self, method: str, outcome: Outcome, also: Set[int], *, vain: bool) -> Entry:
        error = outcome.error
        if method == "DELETE" and isinstance(error, NotFoundError) and error.maybe_applied:
            also = also | {404}  # of a retry, by `request` or with an answer that is not all there
        if (
            isinstance(error, ApiError)
            and error.status_code < 500
            and error.status_code not in _TROUBLE | also
        ):
            raise Discrepancy(f"{method} was refused: {error}") from error
        fate = outcome.fate
        entry = Entry(version=self._version, method=method, fate=fate, outcome=outcome, vain=vain)
        if fate is not Fate.UNKNOWN:
            entry.applied = fate is Fate.APPLIED
        self.entries.append(entry)
        return entry

    def _look(self, person: Person, possible: list[tuple[str | None, str | None]]) -> Steps:
        """See what has become of somebody, which must be one of the possible (membership, role)."""
        found = yield from self._all("list_memberships", self._world.busy, user_id=person.user_id)
        seen = [(membership.id, membership.role.id) for membership in found] or [(None, None)]
        known = {person.membership_id, *person.former}
        readings = [seen[0]] if seen[0][0] in known else [seen[0], (NEW, seen[0][1])]
        if len(seen) > 1 or not any(reading in possible for reading in readings):
            raise Discrepancy(f"{person} is now {seen}, which is none of {possible}")
        membership_id, role_id = seen[0]
        if membership_id is None or role_id is None:
            if person.membership_id is not None:
                person.left()
        else:
            person.joined(membership_id, role_id)

    # Reads

    def _read_group(self) -> Steps:
        group = yield from self._answer("get_group", self._world.steady)
        self._compare("the group", [group.id, group.name], [self._world.steady, "Steady"])

    def _list_groups(self) -> Steps:
        groups = yield from self._all("list_groups")
        wanted = [self._world.steady, self._world.busy, self._world.third]
        self._compare("the groups", [group.id for group in groups], wanted)

    def _list_steady(self) -> Steps:
        if self.random.random() < 0.3:
            users = yield from self._all("list_sso_users", self._world.steady, self._world.steady_sso)
            self._compare("the SSO users", [user.id for user in users], self._world.steady_users)
            return
        found = yield from self._all("list_memberships", self._world.steady)
        self._compare("the memberships", [m.id for m in found], self._world.steady_memberships)

    def _list_busy(self) -> Steps:
        """The busy group, while others change it: my people are in it as I left them, and nobody is twice."""
        found = yield from self._all("list_memberships", self._world.busy)
        if len({membership.id for membership in found}) != len(found):
            raise Discrepancy(f"somebody is listed twice: {[membership.id for membership in found]}")
        mine = {person.user_id for person in self.people}
        seen = {(m.user.id, m.id, m.role.id) for m in found if m.user.id in mine}
        wanted = {(p.user_id, p.membership_id, p.role_id) for p in self.people if p.membership_id is not None}
        self._compare("my people", seen, wanted)

    def _list_orgs(self) -> Steps:
        person = self.random.choice(self.people)
        found = yield from self._all("list_org_memberships", self._world.busy, user_id=person.user_id)
        self._compare("the organizations", sorted(m.id for m in found), sorted(person.orgs))

    def _list_sso(self) -> Steps:
        connections = yield from self._all("list_sso_connections", self._world.busy)
        self._compare("the connections", [c.id for c in connections], [self._world.busy_sso])
        users = yield from self._all("list_sso_users", self._world.busy, self._world.busy_sso)
        ids = [user.id for user in users]
        wanted = [person.user_id for person in self.people if person.sso]
        mine = {person.user_id for person in self.people}
        self._compare("my SSO users", sorted(id_ for id_ in ids if id_ in mine), sorted(wanted))

    def _lose_tokens(self) -> Steps:
        """Every access token is refused from now on: the next call fetches another."""
        self._world.fake.expire_access_tokens()
        yield from self._read_group()

    def _answer(self, method: str, *args: Any) -> Generator[Call | Next, Outcome, Any]:
        """What a read answers, however often it takes."""
        for _ in range(TRIES):
            outcome = yield self._call(method, *args, wavers=True)
            if outcome.answered:
                return outcome.value
            self._bearable(outcome)
        raise Discrepancy(f"{method} never comes to an answer: {outcome}")

    def _all(self, method: str, *args: Any, **filters: Any) -> Generator[Call | Next, Outcome, list[Any]]:
        """A whole listing, whatever happens between: by going on after errors, or anew from the last cursor."""
        self.listed += 1
        by_page = self.random.random() < 0.4
        found: list[Any] = []
        filters["limit"] = self.random.choice([10, 20, 100])
        listing = (yield self._call(method, *args, **filters)).value
        iterator = listing.pages() if by_page else _iterator(listing)
        cursor: str | None = None
        for _ in range(TRIES):
            while True:
                outcome = yield Next(iterator, self._patience())
                if not outcome.answered:
                    break
                if outcome.end:
                    return found
                if not by_page:
                    found.append(outcome.value)
                    continue
                found.extend(outcome.value.items)
                cursor = outcome.value.next_cursor
                if cursor is None:
                    return found
            self._bearable(outcome)
            if by_page:
                listing = (yield self._call(method, *args, **filters, starting_after=cursor)).value
                iterator = listing.pages()
        raise Discrepancy(f"{method} never comes to an end: {outcome}")

    def _bearable(self, outcome: Outcome) -> None:
        error = outcome.error
        if isinstance(error, ApiError) and error.status_code < 500 and error.status_code not in _TROUBLE:
            raise Discrepancy(f"a read was refused: {error}") from error
        if error is not None:
            _ = outcome.fate  # only errors that answer for a call

    def _compare(self, what: str, seen: Any, wanted: Any) -> None:
        if seen != wanted:
            raise Discrepancy(f"{what}: {seen} instead of {wanted}")

    # Odds and ends of a call

    def _somebody(self, *, member: bool) -> Person:
        """One of my people who is, or is not, a member."""
        there = [p for p in self.people if not p.gone and (p.membership_id is not None) == member]
        if there:
            return self.random.choice(there)
        while True:
            self.people.append(self._world.person(self.random))
            if (self.people[-1].membership_id is not None) == member:
                return self.people[-1]

    def _call(self, method: str, *args: Any, wavers: bool = False, **options: Any) -> Call:
        hasty = wavers and self.random.random() < 0.08
        return Call(
            method=method,
            args=args,
            options=options,
            version=self._version,
            deadline=self.random.uniform(0.005, 0.06) if hasty else None,
            patience=self._patience() if wavers else None,
        )

    def _patience(self) -> float | None:
        return self.random.uniform(0, 0.01) if self._gives_up and self.random.random() < 0.04 else None


def _iterator(listing: AsyncPaginator[Any] | Paginator[Any]) -> Any:
    return iter(listing) if isinstance(listing, Paginator) else aiter(listing)


def _plainly(
    method: str, group: str, id_: str, user_id: str, role_id: str, cascade: bool | None
) -> tuple[tuple[str, str], dict[str, Any]]:
    """The arguments of `request` for the same."""
    path = f"/groups/{group}/memberships"
    if method == "DELETE":
        return (method, f"{path}/{id_}"), {"params": {"cascade": cascade}}
    related = {"role": {"data": {"type": "group_role", "id": role_id}}}
    data: dict[str, Any] = {"type": "group_membership", "relationships": related}
    if method == "PATCH":
        return (method, f"{path}/{id_}"), {"json": {"data": {**data, "id": id_}}}
    related["user"] = {"data": {"type": "user", "id": user_id}}
    related["group"] = {"data": {"type": "group", "id": group}}
    return (method, path), {"json": {"data": data}}


def _created(value: GroupMembership | ApiResponse | None, user_id: str, role_id: str) -> str | None:
    """The id of the membership that a creation made; None when its answer cannot be read."""
    if value is None:
        return None
    if isinstance(value, ApiResponse):
        try:
            return str(value.json()["data"]["id"])
        except (ValueError, TypeError):  # of half a document, or none
            return None
    if (value.user.id, value.role.id) != (user_id, role_id):
        raise Discrepancy(f"{value} was created for {user_id} with the role {role_id}")
    return value.id
