"""The API's groups, members, roles and users as flat objects: `membership.user.email`, `membership.role.name`.

Instances are immutable, hashable and compared by value. Fields that the API may leave out are None, which is nobody's
email address and nobody's name. When it leaves out a whole related object, that object is still there, with `id=""` and
None for every other field: reading `membership.user.email` never fails in the middle of a listing, and no call accepts
an empty id.
Times are timezone-aware `datetime`s in UTC. Fields such as `login_method` are plain strings and no enumerations,
because the API may add values without notice.

`to_dict` writes them as dicts of JSON types, and `from_dict` reads those back.
"""

from datetime import datetime

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable

__all__ = ["Group", "GroupMembership", "Org", "OrgMembership", "Role", "SsoConnection", "SsoUser", "User"]


@attrs.frozen
class Group(Serializable):
    """A Snyk group. Listings fill in `id` and `name` only; `get_group` fills in every field."""

    id: str
    name: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    slug: str | None = None
    avatar_url: str | None = None
    logo_url: str | None = None
    tenant_id: str | None = None


@attrs.frozen
class User(Serializable):
    """The person who has a membership. `login_method` is how they sign in, such as "saml" or "github"."""

    id: str
    name: str | None = None
    username: str | None = None
    email: str | None = None
    login_method: str | None = None


@attrs.frozen
class Role(Serializable):
    """A role. Pass its `id` as `role_id` to `update_membership` and `create_membership`."""

    id: str
    name: str | None = None


@attrs.frozen
class Org(Serializable):
    """An organization in a group."""

    id: str
    name: str | None = None


@attrs.frozen
class GroupMembership(Serializable):
    """One user's membership of a group: who has which role, and since when.

    `id` is empty and `created_at` None where the API leaves them out. `group_membership_count` is the number of members
    of the group, and None unless the listing was asked for it with `include_group_membership_count=True`.
    """

    id: str
    created_at: datetime | None
    user: User
    role: Role
    group: Group
    group_membership_count: int | None = None


@attrs.frozen
class OrgMembership(Serializable):
    """One user's membership of an organization in the group: who has which role, and since when."""

    id: str
    created_at: datetime | None
    user: User
    role: Role
    org: Org


@attrs.frozen
class SsoConnection(Serializable):
    """A single sign-on connection of a group."""

    id: str
    name: str | None = None


@attrs.frozen
class SsoUser(Serializable):
    """A user who signs in through an SSO connection. `membership_strategy` is "direct" or "indirect"."""

    id: str
    name: str | None = None
    username: str | None = None
    email: str | None = None
    active: bool | None = None
    membership_created_at: datetime | None = None
    membership_strategy: str | None = None


set_module("groups_sdk", globals(), __all__)
