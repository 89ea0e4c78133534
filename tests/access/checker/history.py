"""What happened: every request and every change by somebody else, with the state before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

import attrs
from access.checker.trouble import Fault

Person = tuple[str, str]  # group, user


class Actor(Enum):
    US = "us"
    OTHER = "another admin"
    TIME = "time that passes while the job is left alone"


@attrs.frozen
class Place:
    """The membership that somebody has."""

    membership_id: str
    role_id: str


@attrs.frozen
class State:
    """Who is where. `orgs` are the memberships of organizations, by id."""

    members: Mapping[Person, Place]
    orgs: Mapping[str, Person]

    def admins(self, group_id: str, admin_role_ids: frozenset[str]) -> set[str]:
        """The users who are admins of a group."""
        return {
            user_id
            for (group, user_id), place in self.members.items()
            if group == group_id and place.role_id in admin_role_ids
        }


@attrs.frozen
class Write:
    """A request that wants to change something. What it does not name is None."""

    method: str
    path: str
    group_id: str | None = None
    membership_id: str | None = None
    user_id: str | None = None
    role_id: str | None = None
    cascade: bool = False


@attrs.frozen
class Step:
    """One request of ours (a read has no `write`), one change of another admin, or a pause.

    `run` counts the runs of the job; `status` is what was answered: None for a connection that was dropped. `fault` is
    what went wrong with it.
    """

    actor: Actor
    run: int
    before: State
    after: State
    write: Write | None = None
    status: int | None = None
    fault: Fault | None = None

    @property
    def changed(self) -> set[Person]:
        """The members whose membership this step has made, changed or ended."""
        people = self.before.members.keys() | self.after.members.keys()
        return {p for p in people if self.before.members.get(p) != self.after.members.get(p)}

    @property
    def orgs_lost(self) -> set[Person]:
        """Whose memberships of organizations this step has ended."""
        return {person for id_, person in self.before.orgs.items() if id_ not in self.after.orgs}


History = Sequence[Step]


def owner_of(membership_id: str, history: History) -> Person | None:
    """Who has, or had, that membership."""
    for step in history:
        for state in (step.before, step.after):
            for person, place in state.members.items():
                if place.membership_id == membership_id.lower():
                    return person
    return None
