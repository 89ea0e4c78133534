"""How far a migration is, person by person, and the plan of what can be done now."""

from enum import StrEnum

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._outcomes import counted
from groups_sdk.access._plan.plan import Plan
from groups_sdk.models import OrgMembership, Role, User

__all__ = ["MigratedPerson", "Migration", "MigrationState"]


class MigrationState(StrEnum):
    """How one person's two accounts are.

    - `SAME_ROLE`: both accounts are members, with the same role.
    - `DIFFERENT_ROLE`: both accounts are members, with different roles.
    - `KNOWN`: the new account is no member yet, and can be added: it is a user of the group's SSO.
    - `WAITING`: nobody is known by the new address. They have to log in with it first.
    - `DONE`: the old account is not a member any more and the new one is, or one account has both addresses.
    - `NOT_FOUND`: neither account is a member of the group.
    - `UNCERTAIN`: it is not certain who is meant, such as several accounts of one address. Nothing is changed for them.
    """

    SAME_ROLE = "same_role"
    DIFFERENT_ROLE = "different_role"
    KNOWN = "known"
    WAITING = "waiting"
    DONE = "done"
    NOT_FOUND = "not_found"
    UNCERTAIN = "uncertain"


@attrs.frozen(kw_only=True)
class MigratedPerson(Serializable):
    """One person of a migration.

    `old` and `new` are what was given for the two accounts. `old_user`, `role` and `new_user`, `new_role` are what was
    found; a user who is no member has no role. `lost_orgs` are the memberships of organizations that the old account
    has, and the new one does not have in the same role; None if they are not known. `removes_old` says whether the
    plan ends the old membership. `problem` is why this person is not finished when the plan has been applied, or None.
    """

    old: str
    new: str
    state: MigrationState
    old_user: User | None = None
    new_user: User | None = None
    role: Role | None = None
    new_role: Role | None = None
    lost_orgs: tuple[OrgMembership, ...] | None = ()
    removes_old: bool = False
    problem: str | None = None

    def __str__(self) -> str:
        roles = ""
        if self.role is not None:
            roles = f" ({self.role.name or self.role.id}"
            if self.state is MigrationState.DIFFERENT_ROLE and self.new_role is not None:
                roles += f"; the new account: {self.new_role.name or self.new_role.id}"
            roles += ")"
        text = f"{self.old} -> {self.new}{roles}: {self.state.replace('_', ' ')}"
        return printable(f"{text}: {self.problem}" if self.problem else text)


@attrs.frozen(kw_only=True)
class Migration(Serializable):
    """How far a migration is: each person with their two accounts, and the plan of what can be done now.

    `plan` is given to `apply`, like any other. Make the migration again afterwards, until `finished`.

    Example:
        migration = await client.access.plan_migration(group_id, from_domain="old.test", to_domain="new.test")
        print(migration)
    """

    people: tuple[MigratedPerson, ...]
    plan: Plan

    @property
    def left(self) -> tuple[MigratedPerson, ...]:
        """Those who are not finished when the plan has been applied; `problem` says why."""
        return tuple(person for person in self.people if person.problem is not None)

    @property
    def finished(self) -> bool:
        """Whether there is nothing to do any more: nothing in the plan, and nobody left."""
        return not self.left and not self.plan.changes

    def of(self, state: MigrationState) -> tuple[MigratedPerson, ...]:
        """The people with this state."""
        return tuple(person for person in self.people if person.state is state)

    def summary(self) -> str:
        """How many people there are, of each state, and what the plan does.

        Example:
            print(migration.summary())  # 3 people: 2 waiting, 1 known; 2 changes: 1 add, 1 remove
        """
        states = f": {counted(person.state for person in self.people)}" if self.people else ""
        noun = "person" if len(self.people) == 1 else "people"
        return f"{len(self.people):,} {noun}{states}; {self.plan.summary()}"

    def __str__(self) -> str:
        return "\n".join([*map(str, self.people), self.summary(), "", str(self.plan)])


set_module("groups_sdk.access", globals(), ["MigratedPerson", "Migration", "MigrationState"])
