"""What must be true of somebody else before a change of a plan is sent: access is taken only where it has moved."""

from collections.abc import Iterable
from typing import Any

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._broken_records import reading
from groups_sdk.access._operations import Operations
from groups_sdk.access._org_listing import list_orgs
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._roles import same_role
from groups_sdk.errors import InvalidArgumentError, StalePlanError
from groups_sdk.models import OrgMembership, Role, User

__all__ = ["Condition", "lost_orgs", "named_orgs", "read_conditions", "require"]


@attrs.frozen(kw_only=True)
class Condition(Serializable):
    """A change of a plan that is sent only while somebody else is a member with a role.

    `change` is the `key` of the change. `user` must be a member of the same group with the role `role`: `apply` looks
    just before it sends the change, and otherwise the change is "failed" with a `StalePlanError`. For a removal, the
    organizations of the person who is removed are compared with those of `user`, too: `lost_orgs` are the ids of the
    organizations that may be lost, and None means that they are not compared.
    """

    change: str
    user: User
    role: Role
    lost_orgs: tuple[str, ...] | None = ()

    def __str__(self) -> str:
        return printable(f"only while {_who(self.user)} has the role {self.role.name or self.role.id}")


def read_conditions(documents: Iterable[Any], changes: Iterable[Change]) -> tuple[Condition, ...]:
    """The conditions of a plan from its document. Raises `InvalidArgumentError`."""
    known = {change.key: change for change in changes}
    found: list[Condition] = []
    for number, document in enumerate(documents):
        where = f"the plan.conditions[{number}]"
        try:
            condition = Condition.from_dict(document)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{where}: {error}") from None
        change = known.get(condition.change)
        if change is None:
            raise InvalidArgumentError(f"{where}.change: is not the key of one of the plan's changes")
        arguments.uuid(f"{where}.user.id", condition.user.id)
        arguments.uuid(f"{where}.role.id", condition.role.id)
        if condition.user.id.lower() == change.person:
            raise InvalidArgumentError(f"{where}.user: must be another account than that of the change")
        found.append(condition)
    return tuple(found)


async def require(client: Operations, condition: Condition, change: Change) -> None:
    """Look at what the condition is about. Raises `StalePlanError` where it does not hold, or is not certain to."""
    group_id, user_id = change.group_id, condition.user.id
    who = _who(condition.user)
    with reading(f"members of the group {group_id}"):
        seen = await client.list_memberships(group_id, user_id=user_id).collect()
    theirs = [member for member in seen if member.user.id.lower() == user_id.lower()]
    if not theirs:
        raise _held_back(f"{who} is not seen to be a member")
    for member in theirs:
        if not same_role(member.role, condition.role):
            role = member.role.name or member.role.id
            raise _held_back(f"{who} has the role {role}, not {condition.role.name or condition.role.id}")
    if change.action is not Action.REMOVE or condition.lost_orgs is None or change.user is None:
        return
    with reading(f"organizations of members of the group {group_id}"):
        before = await list_orgs(client, group_id, change.user.id)
        after = await list_orgs(client, group_id, user_id) if before else ()
    allowed = {org_id.lower() for org_id in condition.lost_orgs}
    lost = [org for org in lost_orgs(before, after) if org.org.id.lower() not in allowed]
    if lost:
        raise _held_back(
            f"{who} is not in these organizations, or has another role there: {named_orgs(lost)}"
        )


def lost_orgs(before: Iterable[OrgMembership], after: Iterable[OrgMembership]) -> tuple[OrgMembership, ...]:
    """The memberships of organizations that one account has and another one does not have in the same role.

    Where the API does not tell the organization or the role, nobody knows that it is the same.
    """
    kept = {(m.org.id.lower(), m.role.id.lower()) for m in after if m.org.id and m.role.id}
    return tuple(m for m in before if (m.org.id.lower(), m.role.id.lower()) not in kept)


def named_orgs(memberships: Iterable[OrgMembership]) -> str:
    """Organizations with the roles there, for messages: "Payments (Org Admin), Mobile (Org Collaborator)"."""
    return ", ".join(f"{m.org.name or m.org.id} ({m.role.name or m.role.id})" for m in memberships)


def _who(user: User) -> str:
    return user.email or user.username or user.id


def _held_back(reason: str) -> StalePlanError:
    return StalePlanError(printable(f"{reason}; nothing was sent. Make the plan again when this has changed"))


set_module("groups_sdk.access", globals(), ["Condition"])
