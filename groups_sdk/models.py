"""What the API speaks of, flat: `membership.user.email`, `membership.role.name`.

Instances are immutable, hashable and compared by value. Members that the API may leave out are None. Where it
leaves out a whole related object, that object is there all the same, with `id=""` and None for the rest: reading
`membership.user.email` never fails half-way through a listing, and no call accepts an empty id.
Times are timezone-aware `datetime`s in UTC. Values that look like enumerations (`login_method`, ...) are plain
strings, since the API may add to them without notice.
"""

from datetime import datetime

import attrs

from groups_sdk._public import set_module

__all__ = ["Group", "GroupMembership", "Org", "OrgMembership", "Role", "SsoConnection", "SsoUser", "User"]


@attrs.frozen
class Group:
    """A Snyk group. Lists give `id` and `name`; `get_group` gives the rest too."""

    id: str
    name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    slug: str | None = None
    avatar_url: str | None = None
    logo_url: str | None = None
    tenant_id: str | None = None


@attrs.frozen
class User:
    """The person behind a membership. `login_method` is how they sign in, where the API tells it."""

    id: str
    name: str | None = None
    username: str | None = None
    email: str | None = None
    login_method: str | None = None


@attrs.frozen
class Role:
    """A role. Its `id` is what `update_membership` and `create_membership` take as `role_id`."""

    id: str
    name: str | None = None


@attrs.frozen
class Org:
    """An organization below a group."""

    id: str
    name: str | None = None


@attrs.frozen
class GroupMembership:
    """One user's membership of a group: who, with which role, since when.

    `group_membership_count` is filled in only when `include_group_membership_count=True` asked for it.
    """

    id: str
    created_at: datetime
    user: User
    role: Role
    group: Group
    group_membership_count: int | None = None


@attrs.frozen
class OrgMembership:
    """One user's membership of an organization below the group."""

    id: str
    created_at: datetime | None
    user: User
    role: Role
    org: Org


@attrs.frozen
class SsoConnection:
    """A single sign-on connection of a group."""

    id: str
    name: str


@attrs.frozen
class SsoUser:
    """A user who signs in through an SSO connection. `membership_strategy` is "direct" or "indirect"."""

    id: str
    name: str | None = None
    username: str | None = None
    email: str | None = None
    active: bool | None = None
    membership_created_at: datetime | None = None
    membership_strategy: str | None = None


set_module("groups_sdk", globals(), __all__)
