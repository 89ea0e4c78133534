"""Random groups with the people that occur in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from random import Random

import attrs
from access.checker.history import Place
from access.checker.service import CheckedSnyk
from access.checker.trouble import Event, Trouble

from groups_sdk.testing._state import UserRecord

ADMIN = "Group Admin"
_ORDINARY = ("Group Member", "Group Viewer")
_BASES = (
    "steve",
    "kim",
    "strasse",
    "jose.nunez",
    "ada",
    "grace.h",
    "alan",
    "mike",
    "oleg",
    "fiona",
    "\u00e5sa",
)
_LOOK_ALIKE = {  # of ASCII letters
    "s": "\u017f",  # the long s, which case folding takes for s
    "k": "\u212a",  # the Kelvin sign
    "a": "\u0430",  # Cyrillic
    "o": "\u043e",
    "e": "\u0435",
    "i": "\u0131",  # without a dot
    "f": "\uff46",  # of full width
}
_INVISIBLE = ("\u200b", "\u00ad", "\u2060", "\ufeff")


@attrs.define
class World:
    """Groups, the people in them and around them, and who runs the job.

    `me` is the user whose token it is, an admin of every group. `strangers` can be added: the SSO connection knows
    those in `sso`. `imitated` has, for a user whose address only looks like another's, that address.
    """

    seed: int
    fake: CheckedSnyk
    group_ids: list[str]
    roles: dict[str, str]  # name by id
    admin_role_ids: frozenset[str]
    me: str
    strangers: list[str]
    sso: list[str]
    imitated: dict[str, str]

    @property
    def group_id(self) -> str:
        return self.group_ids[0]

    def identifiers(self, group_id: str, user_id: str) -> list[str]:
        """By what this member can be named: user id, membership id, email, username."""
        user = next(user for user in self.fake.users() if user.id == user_id)
        place = self.fake.state().members.get((group_id, user_id))
        found = [user_id] if place is None else [user_id, place.membership_id]
        return found + self.names_of(user)

    def names_of(self, user: UserRecord) -> list[str]:
        """What the API says of this user, of email and username."""
        found = [] if user.id in self.fake.nameless else [user.email]
        return found if user.id in self.fake.usernameless else [*found, user.username]

    def is_membership(self, text: str) -> bool:
        """Whether this is the id of a membership."""
        return any(place.membership_id == text for place in self.fake.state().members.values())

    def meant(self, group_id: str, texts: Iterable[str]) -> set[str]:
        """The members whom an input of these texts names, or may mean: nobody of them may be removed as a stranger.

        Texts are the same when they are equal after trimming and with ASCII letters in lower case. A member whose
        address only looks like a text may be meant.
        """
        wanted = {plain(text) for text in texts}
        found: set[str] = set()
        for group, user_id in self.fake.state().members:
            if group == group_id:
                known = [*self.identifiers(group_id, user_id), self.imitated.get(user_id)]
                if wanted & {plain(text) for text in known if text}:
                    found.add(user_id)
        return found

    def act(
        self, event: Event, *, may_take_admin: bool = False, among: Collection[str] | None = None
    ) -> None:
        """What another admin does: promote, change, remove, replace, add. It is not `me` who is changed.

        Nobody stops being an admin through it, unless it may: what a job has looked at would be worth nothing. It is a
        membership `among` these that changes, if any.
        """
        random, fake = event.random, self.fake
        group_id = random.choice(self.group_ids)
        if among:
            members = [m for id_ in self.group_ids for m in fake.memberships(id_) if m.id in among]
            group_id = random.choice(members).group_id if members else group_id
        members = [
            m
            for m in fake.memberships(group_id)
            if (not among or m.id in among)
            and m.user.id != self.me
            and (may_take_admin or m.role.id not in self.admin_role_ids)
        ]
        what = random.choice(["promote", "change", "remove", "replace", "change" if among else "add"])
        if (what == "add" and not among) or not members:
            outside = [u for u in self.strangers if (group_id, u) not in fake.state().members]
            if outside:
                fake.add_membership(group_id, random.choice(outside), random.choice(sorted(self.roles)))
            return
        member = random.choice(members)
        if what in ("remove", "replace"):
            fake._state.remove_membership(member)
            if what == "replace":
                fake.add_membership(group_id, member.user.id, member.role.id)
            return
        choices = self.admin_role_ids if what == "promote" else self.roles.keys() - self.admin_role_ids
        role_id = random.choice(sorted(choices))
        fake._state.change_role(member, next(role for role in fake.roles() if role.id == role_id))

    def start(self, trouble: Trouble | None = None) -> None:
        """From now on there is trouble: that of the seed, or another."""
        self.fake.other_admin = self.act
        self.fake.trouble = Trouble.of(self.seed) if trouble is None else trouble

    def place(self, user_id: str, group_id: str | None = None) -> Place | None:
        return self.fake.state().members.get((group_id or self.group_id, user_id))


def plain(text: str) -> str:
    """A text as it is compared: trimmed, with ASCII letters in lower case."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text.strip())


def world(seed: int) -> World:
    """The world of that seed."""
    random = Random(f"{seed}/world")
    fake = CheckedSnyk(
        seed=seed,
        delete_without_cascade=random.choice(["conflict", "keep_orgs", "remove_orgs"]),
        last_admin=random.choice(["allow", "allow", "refuse"]),
        no_access=random.choice(["forbidden", "not_found"]),
        links=random.choice(["mixed", "with_rest", "without_rest"]),
        record_limit=100_000,
    )
    fake.ignores_filters = random.random() < 0.25
    group_ids = [
        fake.add_group(name).id for name in ("Engineering", "Research", "Ops")[: random.choice([1, 1, 2, 3])]
    ]
    names = _role_names(random)
    roles = {fake.add_role(name).id: name for name in names}
    admin_role_ids = frozenset(id_ for id_, name in roles.items() if plain(name) == plain(ADMIN))
    made = World(seed, fake, group_ids, roles, admin_role_ids, "", [], [], {})
    people = _people(random, made)
    made.me = people[0]
    for group_id in group_ids:
        _fill(random, made, group_id, people)
    made.strangers = [id_ for id_ in people if any((g, id_) not in fake.state().members for g in group_ids)]
    return made


def _role_names(random: Random) -> list[str]:
    names = [ADMIN, *_ORDINARY]
    if random.random() < 0.3:
        names.append(random.choice([ADMIN, f" {ADMIN.lower()} "]))  # a second role that counts as admin
    if random.random() < 0.5:
        names.append(random.choice(_ORDINARY))  # a name that two roles have
    if random.random() < 0.5:
        names.append(random.choice(["  Group  Editor ", "Group Editor\t", "Group\u00a0Viewer"]))
    if random.random() < 0.3:
        names.append(ADMIN.replace("A", "\u0410"))  # it looks like admin, and is not
    return names


def _people(random: Random, world: World) -> list[str]:
    """Users, of whom the first goes by a plain address that nobody imitates."""
    fake = world.fake
    ids = [fake.add_user(email="me@example.com", username="me@example.com").id]
    for number, base in enumerate(random.sample(_BASES, random.randint(4, len(_BASES)))):
        address = f"{base}@example.com" if base.isascii() else f"{base}@ex\u00e4mple.com"
        email, username = _spelling(random, address), _spelling(random, address)
        if random.random() < 0.35:
            username = random.choice([f"{base}@login.test", base, f"{base}.{number}"])
        ids.append(fake.add_user(email=email, username=username, login_method=_login(random)).id)
        for kind, chance in (("second", 0.25), ("look-alike", 0.35), ("crossed", 0.15)):
            if random.random() < chance:
                ids.append(_relative(random, world, kind, address, f"{base}.{number}"))
    for number in range(random.randrange(6)):
        id_ = fake.add_user(email=f"plain.{number}@example.com", username=f"plain.{number}@example.com").id
        ids.append(id_)
        if random.random() < 0.5:
            fake.nameless.add(id_)
            if random.random() < 0.5:
                fake.usernameless.add(id_)
    return ids


def _relative(random: Random, world: World, kind: str, address: str, unique: str) -> str:
    """Another account that can be taken for that of the address."""
    fake = world.fake
    if kind == "second":  # the same address, such as from another login
        return fake.add_user(
            email=_spelling(random, address),
            username=f"{unique}.second",
            name=f"shown.{unique}",
            login_method="github",
        ).id
    if kind == "crossed":  # its username is the address of somebody else
        return fake.add_user(email=f"{unique}.crossed@example.com", username=address, name=address).id
    imitation = look_alike(random, address)
    id_ = fake.add_user(email=imitation, username=random.choice([imitation, f"{unique}.other"])).id
    world.imitated[id_] = address
    return id_


def look_alike(random: Random, address: str) -> str:
    """An address that looks like this one, and is another."""
    local, at, domain = address.partition("@")
    if not address.isascii():
        by_name = domain.encode("idna").decode()
        return random.choice([unicodedata.normalize("NFD", address), local + at + by_name])
    places = [n for n, c in enumerate(local) if c in _LOOK_ALIKE]
    if "ss" in local and random.random() < 0.5:
        return local.replace("ss", "\u00df") + at + domain
    if not places or random.random() < 0.2:
        place = random.randrange(1, len(local))
        return local[:place] + random.choice(_INVISIBLE) + local[place:] + at + domain
    folding = [n for n in places if local[n] in "sk"]
    place = random.choice(folding or places if random.random() < 0.5 else places)
    return local[:place] + _LOOK_ALIKE[local[place]] + local[place + 1 :] + at + domain


def _spelling(random: Random, address: str) -> str:
    return random.choice([address, address, address.upper(), address.title()])


def _login(random: Random) -> str | None:
    return random.choice(["saml", "saml", "github", "password", None])


def _fill(random: Random, world: World, group_id: str, people: list[str]) -> None:
    """Members, organizations, and an SSO connection for a group."""
    fake = world.fake
    admins, others = sorted(world.admin_role_ids), sorted(world.roles.keys() - world.admin_role_ids)
    orgs = [fake.add_org(group_id, name) for name in ("Payments", "Web Shop")[: random.randrange(3)]]
    below = fake.add_role("Org Collaborator", kind="org_role").id
    connection = fake.add_sso_connection(group_id).id if random.random() < 0.7 else None
    left = random.randrange(4)  # more admins
    for user_id in people:
        is_admin = user_id == world.me or (left > 0 and random.random() < 0.3)
        if is_admin or random.random() < 0.75:
            left -= is_admin and user_id != world.me
            fake.add_membership(group_id, user_id, random.choice(admins if is_admin else others))
            for org in orgs:
                if random.random() < 0.3:
                    fake.add_org_membership(org.id, user_id, below)
        if connection is not None and random.random() < 0.6:
            fake.add_sso_user(connection, user_id, active=random.random() < 0.9)
            world.sso.append(user_id)
