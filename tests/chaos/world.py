"""The fake, and the people in it as they should be: what each worker owns, and what nobody changes."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from random import Random

import attrs

from groups_sdk.testing import FakeSnyk
from groups_sdk.testing._service import OLDEST_VERSION, PLAIN_DATES_FROM

STEADY = 25
SERVICE_ACCOUNT = ("chaos-client", "chaos-secret")


def versions() -> list[str]:
    """API versions that the fake serves all alike. Each step asks for one of its own, which marks its requests."""
    days = [OLDEST_VERSION + timedelta(days=n) for n in range((PLAIN_DATES_FROM - OLDEST_VERSION).days)]
    stages = ("", "~beta", "~experimental", "~wip", "~work-in-progress")
    return [f"{day}{stage}" for stage, day in product(stages, days)]


@attrs.define
class Person:
    """Somebody in the busy group, or who could be. What is said here was reported by a client, or looked up."""

    user_id: str
    orgs: set[str]
    sso: bool
    membership_id: str | None = None
    role_id: str | None = None
    former: set[str] = attrs.field(factory=set)
    gone: bool = False

    def joined(self, membership_id: str, role_id: str) -> None:
        self.membership_id, self.role_id = membership_id, role_id

    def left(self) -> None:
        """They are no longer in the group, nor in the organizations below."""
        if self.membership_id is not None:
            self.former.add(self.membership_id)
        self.membership_id = self.role_id = None
        self.orgs.clear()


class World:
    """A steady group, which is only read, and a busy one, where each person has one worker who changes them."""

    def __init__(self, seed: int) -> None:
        self.fake = fake = FakeSnyk(seed=seed, record_limit=1_000_000)
        fake.add_oauth_client(*SERVICE_ACCOUNT)
        self.roles = [fake.add_role(name).id for name in ("Group Admin", "Group Member", "Group Viewer")]
        self._org_role = fake.add_role("Org Collaborator", kind="org_role").id
        self.steady, self.busy, self.third = (fake.add_group(name).id for name in ("Steady", "Busy", "Third"))
        self.steady_sso = fake.add_sso_connection(self.steady, "Steady SSO").id
        self.busy_sso = fake.add_sso_connection(self.busy, "Busy SSO").id
        self._orgs = [fake.add_org(self.busy, name).id for name in ("Payments", "Web Shop", "Mobile")]
        for number in range(STEADY):
            user = fake.add_user()
            fake.add_membership(self.steady, user.id, self.roles[number % 3])
            if number % 2:
                fake.add_sso_user(self.steady_sso, user.id)
        self.steady_memberships = [record.id for record in fake.memberships(self.steady)]
        self.steady_users = [record.user.id for record in fake.sso_users(self.steady_sso)]

    def person(self, random: Random) -> Person:
        """Somebody new: perhaps a member, perhaps in organizations, perhaps signing in by SSO."""
        fake, user_id = self.fake, self.fake.add_user().id
        person = Person(user_id, set(), random.random() < 0.7)
        if person.sso:
            fake.add_sso_user(self.busy_sso, user_id)
        if random.random() < 0.5:
            role_id = random.choice(self.roles)
            person.joined(fake.add_membership(self.busy, user_id, role_id).id, role_id)
        self.add_to_orgs(person, random)
        return person

    def add_to_orgs(self, person: Person, random: Random) -> None:
        """Put somebody into some organizations, which no operation of the API can do."""
        for org_id in random.sample(self._orgs, random.randrange(3)):
            person.orgs.add(self.fake.add_org_membership(org_id, person.user_id, self._org_role).id)
