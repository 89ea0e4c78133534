"""What a job is told in a world: whom it is about, by what they are called, and who must not be touched."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import attrs
from access.checker.history import Person
from access.checker.world import ADMIN, World, look_alike, plain

_ODD = ("look-alike", "imitated", "imitated", "nobody", "display name", "outsider", "several accounts")
_OF_SEVERAL = ("two people", "two people", "old id")
_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)


@attrs.frozen
class Row:
    """One person of an input. `ids` and `names` are what it says of them, `text` is how the first of it is written.

    `like` is the address that the name only looks like. `until` is when the role ends, and `then` the id of the one
    afterwards, or "remove".
    """

    group_id: str
    text: str
    role: str | None = None
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    like: str | None = None
    until: datetime | None = None
    then: str | None = None

    @property
    def is_over(self) -> bool:
        return self.until is not None and self.until <= datetime.now(UTC)

    def wanted(self, world: World) -> set[str | None]:
        """The roles that it may want for somebody now; None is their removal."""
        if self.is_over:
            return {None if self.then == "remove" else self.then}
        return {*role_ids(world, self.role or "")}

    @property
    def parts(self) -> tuple[str, ...]:
        return (*self.names, *self.ids)

    def alone(self) -> Row:
        """With nothing but its text."""
        return attrs.evolve(self, names=() if self.ids else self.names)

    def cells(self) -> dict[str, Any]:
        """The row of a desired state."""
        found: dict[str, Any] = {"role": self.role, "group": self.group_id}
        if self.ids:
            found["user_id"] = self.ids[0]
        if self.names:
            found["email" if "@" in self.names[0] else "username"] = self.names[0]
        if self.until is not None:
            found |= {"until": self.until.isoformat(), "then": self.then}
        return found


class People:
    """Who goes by what, in one group."""

    def __init__(self, world: World, group_id: str) -> None:
        self._world = world
        self._by_text: dict[str, set[str]] = {}
        places = {
            user: place for (group, user), place in world.fake.state().members.items() if group == group_id
        }
        users = world.fake.users()
        self.all: list[str] = [user.id for user in users]
        self.members: set[str] = {*places}
        for user in users:
            texts = {user.id, *world.names_of(user)}
            if user.id in places:
                texts.add(places[user.id].membership_id)
            for text in texts:
                self._by_text.setdefault(plain(text), set()).add(user.id)

    def called(self, text: str) -> set[str]:
        return self._by_text.get(plain(text), set())

    def meant(self, row: Row) -> set[str]:
        """Whom a row means for certain: all that it says has to fit, as far as it fits anybody."""
        ids = [self.called(text) | ({text} if text not in self.all else set()) for text in row.ids]
        names = [self.called(text) for text in row.names]
        if ids:  # only a member contradicts the id: nobody else is looked at when the id is a member's
            names = [people & self.members for people in names]
        found = [*ids, *(people for people in names if people)]
        return set.intersection(*found) if found else set()

    def named(self, row: Row) -> set[str]:
        """Which members a row may mean."""
        found = {user for text in row.parts for user in self.called(text)} & self.members
        if found:
            return found
        alike = self.called(row.like) if row.like is not None else set()
        texts = {plain(text) for text in row.parts}
        return (
            alike | {user for user, like in self._world.imitated.items() if plain(like) in texts}
        ) & self.members


def role_text(random: Random, world: World) -> str:
    """A role, by id or by name."""
    role_id = random.choice(sorted(world.roles))
    name = world.roles[role_id]
    if random.random() < 0.75 or (len(role_ids(world, name)) > 1 and random.random() < 0.95):
        return role_id
    return random.choice([name, name.strip(), plain(name)])


def role_ids(world: World, text: str) -> set[str]:
    """The roles that a text can mean."""
    if text.lower() in world.roles:
        return {text.lower()}
    return {id_ for id_, name in world.roles.items() if plain(name) == plain(text)}


def rows(random: Random, world: World, group_id: str, *, few: bool, strangers: bool) -> list[Row]:
    """Members, people around them, and rows that mean nobody for certain."""
    people = People(world, group_id)
    members = sorted(people.members)
    random.shuffle(members)
    chosen = members[: random.randint(1, 3)] if few else [m for m in members if random.random() < 0.7]
    if random.random() < 0.3:
        chosen += [
            u for u in sorted(world.fake.state().admins(group_id, world.admin_role_ids)) if u not in chosen
        ]
    if strangers:
        chosen += [
            user for user in sorted(world.strangers) if user not in people.members and random.random() < 0.5
        ]
    found = [_row(random, world, people, group_id, user) for user in chosen]
    some = random.random() < (0.6 if few else 0.35)
    if few and some and random.random() < 0.8:
        found.clear()
    for _ in range(random.choice([1, 1, 2]) if some else 0):
        found.insert(0, odd(random, world, people, group_id, several=strangers))
    once: dict[str, Row] = {}
    for row in found:
        parts = {plain(text) for text in row.parts}
        if random.random() < 0.02 or not parts & once.keys():
            once.update(dict.fromkeys(parts, row))
    kept = list(dict.fromkeys(once.values()))
    random.shuffle(kept)
    return kept


def with_ends(random: Random, world: World, given: Iterable[Row]) -> list[Row]:
    """The rows, of which some end: hours ago, or hours from now, and then with another role or a removal."""
    found: list[Row] = []
    for row in given:
        others = sorted(world.roles.keys() - role_ids(world, row.role or ""))
        if (
            random.random() < 0.4
            and others
            and not {*row.parts} & {*world.identifiers(row.group_id, world.me)}
        ):
            until = datetime.now(UTC) + timedelta(hours=random.choice([-9000, -1, 1, 9000]))
            then = "remove" if random.random() < 0.4 else random.choice(others)
            found.append(attrs.evolve(row, until=until, then=then))
        else:
            found.append(row)
    return found


def _row(random: Random, world: World, people: People, group_id: str, user_id: str) -> Row:
    text = random.choice(world.identifiers(group_id, user_id))
    alike = {*world.imitated, *(user for like in world.imitated.values() for user in people.called(like))}
    if (people.called(text) != {user_id} or user_id in alike) and random.random() < 0.95:
        text = user_id  # several people go by the other one, and all would be refused
    row = written(random, world, group_id, text)
    place = world.place(user_id, group_id)
    as_it_is = 0.9 if user_id == world.me else 0.3
    return attrs.evolve(row, role=place.role_id) if place and random.random() < as_it_is else row


def written(random: Random, world: World, group_id: str, text: str, like: str | None = None) -> Row:
    role = role_text(random, world)
    is_id = text in {user.id for user in world.fake.users()} or (len(text) == 36 and text.count("-") == 4)
    if is_id:
        return Row(group_id, text.upper() if random.random() < 0.2 else text, role, (text,), like=like)
    written = text
    if random.random() < 0.3:
        written = random.choice([text.translate(_UPPER), f"  {text} "])
        if "@" in text and text.isascii():
            written = random.choice([written, f"Somebody Else <{text}>", f"<{text}>", f"mailto:{text}"])
    return Row(group_id, written, role, names=(text,), like=like)


def odd(random: Random, world: World, people: People, group_id: str, *, several: bool) -> Row:
    """Something that means nobody for certain, or somebody else than one may think. `several` names in a row do."""
    users = {user.id: user for user in world.fake.users()}
    user = users[random.choice(people.all)]
    what = random.choice([*_ODD, *(_OF_SEVERAL if several else ())])
    if what == "look-alike" and user.email.isascii():
        return written(random, world, group_id, look_alike(random, plain(user.email)), plain(user.email))
    if what == "imitated" and world.imitated:
        alone = [
            like
            for imitator, like in world.imitated.items()
            if imitator in people.members and not people.called(like) & people.members
        ]
        return written(random, world, group_id, random.choice(sorted(alone or world.imitated.values())))
    shown = [user.name for user in users.values() if " " not in user.name]
    if what == "display name" and shown:
        nobody = [name for name in shown if not people.called(name)]
        return written(random, world, group_id, random.choice(sorted(nobody or shown)))
    if what == "two people":
        member, other = users[random.choice(sorted(people.members))], users[random.choice(people.all)]
        return Row(group_id, member.id, role_text(random, world), (member.id,), (other.email,))
    if what == "old id" and user.email.isascii():
        gone = f"0000000{random.randrange(9)}-0000-4000-8000-000000000000"
        return Row(group_id, gone, role_text(random, world), (gone,), (user.email,))
    if what == "outsider":
        return written(random, world, group_id, user.email)
    if what == "several accounts":
        by_name = [
            user.email for user in users.values() if len(people.called(user.email) & people.members) > 1
        ]
        if by_name:
            return written(random, world, group_id, random.choice(sorted(by_name)))
    return written(random, world, group_id, f"nobody.{random.randrange(9)}@example.com")


@attrs.frozen(kw_only=True)
class Guarding:
    """What the guards are told, and whom that means."""

    options: dict[str, Any]
    admin_role_ids: frozenset[str]
    me: str | None = None
    protected: frozenset[str] = frozenset()
    keeps_an_admin: bool = True


def guarding(random: Random, world: World, group_ids: Sequence[str]) -> Guarding:
    options: dict[str, Any] = {}
    admin_role_ids, me = world.admin_role_ids, None
    if random.random() < 0.65:
        known = world.identifiers(group_ids[0], world.me)
        options["me"] = random.choice([known[0], *known[2:], known[2].translate(_UPPER)])
        me = world.me
        if random.random() < 0.1:
            options["allow_self"] = True
            me = None
    elif random.random() < 0.1:
        options["me"] = "mistyped@example.com"
    if random.random() < 0.3:
        other = random.choice(sorted(world.roles))
        options["admin_roles"] = [random.choice([ADMIN, ADMIN.lower(), *sorted(world.admin_role_ids)]), other]
        if random.random() < 0.4:
            del options["admin_roles"][0]
        ids = {id_ for text in options["admin_roles"] for id_ in role_ids(world, text)}
        admin_role_ids = frozenset(ids)
    if random.random() < 0.1:
        options["allow_last_admin"] = True
    protected: set[str] = set()
    if random.random() < 0.25:
        people = People(world, group_ids[0])
        chosen = random.sample(people.all, min(2, len(people.all)))
        known = [world.identifiers(group_ids[0], user) for user in chosen]
        if len(group_ids) > 1:  # another group does not know whose the id of a membership is
            known = [[text for text in texts if not world.is_membership(text)] for texts in known]
        options["protect"] = [random.choice(texts) for texts in known]
        seen = people.members | {*world.sso}
        protected = {user for text in options["protect"] for user in people.called(text) if user in seen}
    return Guarding(
        options=options,
        admin_role_ids=admin_role_ids,
        me=me,
        protected=frozenset(protected),
        keeps_an_admin="allow_last_admin" not in options,
    )


def wanted(
    world: World, given: Iterable[Row], *, remove: bool = False, unsure: bool = False
) -> dict[Person, frozenset[str | None]]:
    """For everybody who is meant for certain, the roles that the rows may want for them.

    When it is `unsure` who can be seen, a name that contradicts an id may not be.
    """
    found: dict[Person, frozenset[str | None]] = {}
    people: dict[str, People] = {}
    for row in given:
        known = people.setdefault(row.group_id, People(world, row.group_id))
        for user in known.meant(row) | (known.meant(row.alone()) if unsure and row.ids else set()):
            roles: set[str | None] = {None} if remove else row.wanted(world)
            person = (row.group_id, user)
            found[person] = found.get(person, frozenset()) | roles
    return found


def named(world: World, given: Iterable[Row]) -> frozenset[Person]:
    people: dict[str, People] = {}
    return frozenset(
        (row.group_id, user)
        for row in given
        for user in people.setdefault(row.group_id, People(world, row.group_id)).named(row)
    )
