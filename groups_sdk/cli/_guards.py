"""The options that protect people from being changed, as every command that changes something has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from groups_sdk.cli._parameters import ADMIN_ROLES, ALLOW_LAST_ADMIN, ALLOW_SELF, ME, PROTECT

__all__ = ["GUARDS", "Guards", "admin_roles", "guards"]

GUARDS = (ME, PROTECT, ADMIN_ROLES, ALLOW_SELF, ALLOW_LAST_ADMIN)


class Guards(TypedDict):
    """What the jobs of the library take."""

    me: str | None
    protect: Sequence[str]
    admin_roles: Sequence[str]
    allow_self: bool
    allow_last_admin: bool


def guards(given: Mapping[str, Any]) -> Guards:
    """The values of `GUARDS` as arguments of a job."""
    return Guards(
        me=given["me"],
        protect=given["protect"],
        admin_roles=admin_roles(given["admin_roles"]),
        allow_self=given["allow_self"],
        allow_last_admin=given["allow_last_admin"],
    )


def admin_roles(given: Sequence[str]) -> Sequence[str]:
    """The roles that count as admin: those that were given, or else Group Admin."""
    from groups_sdk.access import ADMIN_ROLE

    return given or (ADMIN_ROLE,)
