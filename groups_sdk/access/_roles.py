"""The roles that are in use in a group, and the one that a name or an id means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk.access._operations import Operations
from groups_sdk.errors import InvalidArgumentError, RoleChoiceError
from groups_sdk.models import Role

__all__ = ["ADMIN_ROLE", "RoleCount", "RoleIndex", "list_roles"]

ADMIN_ROLE = "Group Admin"
"""The name of the role that counts as admin."""


@attrs.frozen
class RoleCount:
    """A role, and how many members of the group have it."""

    role: Role
    members: int


async def list_roles(client: Operations, group_id: str) -> list[RoleCount]:
    index = RoleIndex()
    async for membership in client.list_memberships(group_id):
        index.add(membership.role)
    return index.counts()


def is_admin_role(role: Role | None) -> bool:
    return role is not None and (role.name or "").strip().casefold() == ADMIN_ROLE.casefold()


def is_uuid(text: str) -> bool:
    """Whether the text is an id, in the form that the API takes."""
    try:
        arguments.uuid("", text)
    except InvalidArgumentError:
        return False
    return True


def checked(role: str | Role) -> str | Role:
    """A role as it may be given: a name, an id, or a `Role` with its id."""
    if isinstance(role, Role):
        arguments.uuid("role.id", role.id)
    elif not isinstance(role, str) or not role.strip():
        raise InvalidArgumentError(f"a role must be a name, an id or a Role; got {role!r}")
    return role


def is_id(role: str | Role) -> bool:
    """Whether the role is settled without looking at the group."""
    return isinstance(role, Role) or is_uuid(role.strip())


class RoleIndex:
    """The roles of the memberships that it was shown."""

    def __init__(self, roles: Iterable[Role] = ()) -> None:
        self._roles: dict[str, Role] = {}
        self._counts: Counter[str] = Counter()
        for role in roles:
            self.add(role)

    def add(self, role: Role) -> None:
        self._roles[role.id] = role
        self._counts[role.id] += 1

    def counts(self) -> list[RoleCount]:
        """The most frequent first."""
        found = [RoleCount(role, self._counts[role.id]) for role in self._roles.values()]
        return sorted(found, key=lambda count: (-count.members, count.role.name or "", count.role.id))

    def resolve(self, role: str | Role) -> Role:
        """The role that is meant. An id stands for itself: a role that nobody has yet cannot be looked up.

        A name is compared exactly or, when nothing fits, without regard to case.
        """
        if isinstance(role, Role):
            return role
        text = role.strip()
        if is_uuid(text):
            known = self._roles.get(text) or self._roles.get(str(UUID(text)))
            return known or Role(id=text)
        named = [known for known in self._roles.values() if known.id and known.name]
        found = [known for known in named if known.name == text] or [
            known for known in named if (known.name or "").casefold() == text.casefold()
        ]
        if len(found) == 1:
            return found[0]
        choices = tuple(count.role for count in self.counts() if count.role in (found or named))
        listed = ", ".join(f"{choice.name} ({choice.id})" for choice in choices) or "none"
        if found:
            raise RoleChoiceError(
                f"several roles are named {text!r}, give the id of one: {listed}", choices=choices
            )
        raise RoleChoiceError(f"no member has a role named {text!r}; in use: {listed}", choices=choices)
