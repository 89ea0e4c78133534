"""The roles that are in use in a group: which one a name or an id means, and which ones make an admin."""

from collections import Counter
from collections.abc import Iterable

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk.access._addresses import normalised
from groups_sdk.access._broken_records import reading
from groups_sdk.access._lookalikes import skeleton
from groups_sdk.access._operations import Operations
from groups_sdk.errors import InvalidArgumentError, RoleChoiceError
from groups_sdk.models import Role

__all__ = ["ADMIN_ROLE", "AdminRoles", "RoleCount", "RoleIndex", "list_roles"]

ADMIN_ROLE = "Group Admin"
"""The name of the role that counts as admin, unless others are given."""


@attrs.frozen
class RoleCount(Serializable):
    """A role, and how many members of the group have it."""

    role: Role
    members: int


class AdminRoles:
    """The roles that count as admin, by name or id."""

    def __init__(self, given: Iterable[str | Role] = (ADMIN_ROLE,)) -> None:
        if isinstance(given, str | Role):
            raise InvalidArgumentError("admin_roles must be a collection of roles, not one role")
        roles = [checked(role) for role in given]
        if not roles:
            raise InvalidArgumentError("admin_roles must name at least one role")
        self._ids = {(role.id if isinstance(role, Role) else role.strip()).lower() for role in roles}
        self.names: tuple[str, ...] = tuple(
            dict.fromkeys(role.strip() for role in roles if isinstance(role, str) and not is_uuid(role))
        )
        self._names = set(map(normalised, self.names))
        self.is_default: bool = self._ids == self._names == {normalised(ADMIN_ROLE)}

    def include(self, role: Role | None) -> bool:
        return role is not None and (
            role.id.lower() in self._ids or normalised(role.name or "") in self._names
        )

    def __str__(self) -> str:
        return ", ".join([*self.names, *sorted(id_ for id_ in self._ids if id_ not in self._names)])


async def list_roles(client: Operations, group_id: str) -> list[RoleCount]:
    index = RoleIndex()
    with reading(f"members of the group {group_id}"):
        async for membership in client.list_memberships(group_id):
            index.add(membership.role)
    return index.counts()


def is_admin_role(role: Role | None) -> bool:
    return _DEFAULT.include(role)


def same_role(one: Role | None, other: Role | None) -> bool:
    return one is not None and other is not None and one.id.lower() == other.id.lower()


def is_uuid(text: str) -> bool:
    """Whether the text is an id, in the form that the API takes."""
    return arguments.UUID.fullmatch(text.strip()) is not None


def checked(role: str | Role) -> str | Role:
    """A role as it may be given: a name, an id, or a `Role` with its id."""
    if isinstance(role, Role):
        arguments.uuid("role.id", role.id)
    elif not isinstance(role, str) or not role.strip():
        raise InvalidArgumentError(f"a role must be a name, an id or a Role; got {role!r}")
    return role


def is_id(role: str | Role) -> bool:
    """Whether the role is given by its id."""
    return isinstance(role, Role) or is_uuid(role)


class RoleIndex:
    """The roles of the memberships that it was shown."""

    def __init__(self, roles: Iterable[Role] = ()) -> None:
        self._roles: dict[str, Role] = {}
        self._counts: Counter[str] = Counter()
        for role in roles:
            self.add(role)

    def add(self, role: Role) -> None:
        """Count a role. A bare reference to it does not take away the name that it is known by."""
        if role.name is not None or role.id.lower() not in self._roles:
            self._roles[role.id.lower()] = role
        self._counts[role.id.lower()] += 1

    def counts(self) -> list[RoleCount]:
        """The most frequent first."""
        found = [RoleCount(role, self._counts[role.id.lower()]) for role in self._roles.values()]
        return sorted(found, key=lambda count: (-count.members, count.role.name or "", count.role.id))

    def by_id(self, id_: str) -> Role | None:
        """The role with this id, as the API names it; None when no member has it."""
        return self._roles.get(id_.strip().lower())

    def named(self, name: str) -> list[Role]:
        """The roles of this name: exactly, or else without regard to the case of the letters A to Z."""
        named = [known for known in self._roles.values() if known.id and known.name]
        return (
            [known for known in named if known.name == name]
            or [known for known in named if (known.name or "").strip() == name.strip()]
            or [known for known in named if normalised(known.name or "") == normalised(name)]
        )

    def resolve(self, role: str | Role) -> Role:
        """The role that is meant. A role that nobody has yet can be given by its id only: it has no name here.

        A name is compared exactly or, when nothing fits, without regard to the case of the letters A to Z. Raises
        `RoleChoiceError` when no role or several fit, or when the name and the id of a `Role` disagree.
        """
        if isinstance(role, Role):
            known = self.by_id(role.id)
            if known is None:
                return Role(role.id)
            if role.name and known.name and normalised(role.name) != normalised(known.name):
                raise RoleChoiceError(
                    f"the role {role.id} is named {known.name!r}, not {role.name!r}", choices=(known,)
                )
            return known
        text = role.strip()
        if is_uuid(text):
            return self.by_id(text) or Role(id=text.lower())
        found = self.named(role)
        if len(found) == 1:
            return found[0]
        named = [known for known in self._roles.values() if known.id and known.name]
        choices = tuple(count.role for count in self.counts() if count.role in (found or named))
        listed = ", ".join(f"{choice.name} ({choice.id})" for choice in choices) or "none"
        if found:
            raise RoleChoiceError(
                f"several roles are named {text!r}, give the id of the one you mean: {listed}",
                choices=choices,
            )
        alike = [known.name for known in named if skeleton(known.name or "") == skeleton(text)]
        hint = f" ({text!a} only looks like {alike[0]!a})" if alike else ""
        raise RoleChoiceError(f"no member has a role named {text!r}{hint}; in use: {listed}", choices=choices)


_DEFAULT = AdminRoles()


set_module("groups_sdk.access", globals(), ["RoleCount"])
