"""One person among the members of a group."""

from __future__ import annotations

from collections.abc import Callable

from groups_sdk import _arguments as arguments
from groups_sdk.access._operations import Operations
from groups_sdk.errors import AmbiguousMatchError, InvalidArgumentError
from groups_sdk.models import GroupMembership, User

__all__ = ["find_membership"]


async def find_membership(
    client: Operations, group_id: str, *, email: str | None, user_id: str | None, username: str | None
) -> GroupMembership | None:
    given = {"email": email, "user_id": user_id, "username": username}
    criteria = [(name, value) for name, value in given.items() if value is not None]
    if len(criteria) != 1:
        raise InvalidArgumentError("give exactly one of email, user_id and username")
    ((name, value),) = criteria
    if name == "user_id":
        arguments.uuid(name, value)
    else:
        value = (arguments.text(name, value) or "").strip()
    found: dict[str, GroupMembership] = {}
    # A filter may compare with regard to case, or match more than it should.
    for spelling in dict.fromkeys([value, value.lower()] if name == "email" else [value]):
        listing = client.list_memberships(
            group_id,
            email=spelling if name == "email" else None,
            user_id=spelling if name == "user_id" else None,
            username=spelling if name == "username" else None,
        )
        async for membership in listing:
            if _FITS[name](membership.user, value):
                found[membership.id] = membership
        if found:
            break
    if len(found) > 1:
        matches = tuple(found.values())
        listed = ", ".join(f"{match.user.username or match.user.id} ({match.id})" for match in matches)
        raise AmbiguousMatchError(
            f"{len(matches)} members of the group have the {name} {value!r}: {listed}", matches=matches
        )
    return next(iter(found.values()), None)


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.strip().casefold() == other.casefold()


_FITS: dict[str, Callable[[User, str], bool]] = {
    "email": lambda user, value: _same(user.email, value),
    "user_id": lambda user, value: _same(user.id, value),
    "username": lambda user, value: _same(user.username, value),
}
