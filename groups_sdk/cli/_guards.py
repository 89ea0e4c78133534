"""The options that every command that changes something has: who is protected, and how it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from groups_sdk.cli._parameters import (
    ADMIN_ROLES,
    ALLOW_LAST_ADMIN,
    ALLOW_SELF,
    CONCURRENCY,
    DRY_RUN,
    ME,
    PROTECT,
    YES,
)

__all__ = ["CHANGE_OPTIONS", "Guards", "admin_roles", "guards"]

CHANGE_OPTIONS = (ME, PROTECT, ADMIN_ROLES, ALLOW_SELF, ALLOW_LAST_ADMIN, CONCURRENCY, YES, DRY_RUN)


class Guards(TypedDict):
    """What the jobs of the library take."""

    me: str | None
    protect: Sequence[str]
    admin_roles: Sequence[str]
    allow_self: bool
    allow_last_admin: bool


def guards(given: Mapping[str, Any]) -> Guards:
    """Those of the options that say who is protected, as arguments of a job."""
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
