"""JSON:API resources to models: one cattrs structure hook for each model.

A hook reads like the API's description of the resource: `resource["id"]` is a member that has to be there,
`resource.get("meta")` one that the API may leave out. What must be there is for the readers to say: `text(...)` of a
member that is missing is an error, `optional(text, ...)` is None. Members that no hook names are ignored. A related
resource that the API left out becomes a model with an empty id, and so does a membership that came without one, which
the description of the listing allows.

A page is read as plain dicts, which is fast. When that fails, for whatever reason, the same hook reads the resource
again as a `ValueAtPath`, which is slower and knows the path of every value: this second reading decides. So a hook may
subscript a value, `get` from it, compare it with None and pass it to a reader, and nothing else.

The models of which a page has a hundred are called without keywords, which would make decoding some 15 % slower.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, TypeVar

from cattrs import Converter

from groups_sdk._jsonapi.values import (
    StructureError,
    ValueAtPath,
    count,
    date_time,
    flag,
    moment,
    optional,
    text,
    type_problem,
)
from groups_sdk.models import Group, GroupMembership, Org, OrgMembership, Role, SsoConnection, SsoUser, User

__all__ = ["converter", "structure", "structure_page"]

T = TypeVar("T")


def _group(resource: Any, _: Any) -> Group:
    attributes = resource["attributes"]
    tenant = resource.get("relationships", {}).get("tenant", {}).get("data", {})
    return Group(
        id=text(resource["id"]),
        name=optional(text, attributes.get("name")),
        created_at=optional(date_time, attributes.get("created_at")),
        updated_at=optional(date_time, attributes.get("updated_at")),
        slug=optional(text, attributes.get("slug")),
        avatar_url=optional(text, attributes.get("avatar_url")),
        logo_url=optional(text, attributes.get("logo_url")),
        tenant_id=optional(text, tenant.get("id")),
    )


def _group_membership(resource: Any, _: Any) -> GroupMembership:
    relationships = resource["relationships"]
    user = relationships["user"].get("data")
    role = relationships["role"].get("data")
    group = relationships["group"].get("data")
    id_, meta = resource.get("id"), resource.get("meta")
    return GroupMembership(
        "" if id_ is None else text(id_),
        optional(moment, resource["attributes"].get("created_at")),
        User("") if user is None else _user(user, User),
        Role("") if role is None else _named(role, Role),
        Group("") if group is None else _named(group, Group),
        None if meta is None else optional(count, meta.get("group_membership_count")),
    )


def _org_membership(resource: Any, _: Any) -> OrgMembership:
    relationships = resource["relationships"]
    user = relationships["user"].get("data")
    role = relationships["role"].get("data")
    org = relationships["org"].get("data")
    return OrgMembership(
        text(resource["id"]),
        optional(moment, resource["attributes"].get("created_at")),
        User("") if user is None else _user(user, User),
        Role("") if role is None else _named(role, Role),
        Org("") if org is None else _named(org, Org),
    )


def _user(resource: Any, _: Any) -> User:
    """A user. Service accounts, for one, have no email; a bare reference has an id only."""
    attributes = resource.get("attributes")
    if attributes is None:
        return User(text(resource["id"]))
    name, username = attributes.get("name"), attributes.get("username")
    email, login_method = attributes.get("email"), attributes.get("login_method")
    return User(
        text(resource["id"]),
        None if name is None else text(name),
        None if username is None else text(username),
        None if email is None else text(email),
        None if login_method is None else text(login_method),
    )


def _sso_user(resource: Any, _: Any) -> SsoUser:
    attributes = resource["attributes"]
    membership = attributes.get("membership", {})
    return SsoUser(
        id=text(resource["id"]),
        name=optional(text, attributes.get("name")),
        username=optional(text, attributes.get("username")),
        email=optional(text, attributes.get("email")),
        active=optional(flag, attributes.get("active")),
        membership_created_at=optional(date_time, membership.get("created_at")),
        membership_strategy=optional(text, membership.get("strategy")),
    )


def _named(resource: Any, model: Any) -> Any:
    """A role, an org, an SSO connection, or the group of a membership: an id and a name, or a bare reference."""
    attributes = resource.get("attributes")
    name = None if attributes is None else attributes.get("name")
    return _shared(model, text(resource["id"]), None if name is None else text(name))


@lru_cache(maxsize=1024)
def _shared(model: Callable[..., Any], id_: str, name: str | None) -> Any:
    """One object for all that are equal: thousands of memberships have a handful of roles and groups."""
    return model(id=id_, name=name)


converter: Final = Converter()
converter.register_structure_hook(Group, _group)
converter.register_structure_hook(GroupMembership, _group_membership)
converter.register_structure_hook(Org, _named)
converter.register_structure_hook(OrgMembership, _org_membership)
converter.register_structure_hook(Role, _named)
converter.register_structure_hook(SsoConnection, _named)
converter.register_structure_hook(SsoUser, _sso_user)
converter.register_structure_hook(User, _user)


def structure(resource: Any, model: type[T], path: str) -> T:
    """The resource at this path in the document as a model. Raises `StructureError`."""
    if type(resource) is not dict:
        raise StructureError(path, type_problem("an object", resource))
    try:
        return converter.structure(ValueAtPath(resource, path), model)
    except (TypeError, ValueError):  # of a validator or a converter of the model: the message may show values
        raise StructureError(path, f"it is not a valid {model.__name__}") from None


def structure_page(
    resources: list[Any],
    model: type[T],
    path: str,
    broken: Callable[[int, StructureError], object] | None = None,
) -> list[T]:
    """The resources of the list at this path in the document as models.

    One that cannot be understood is left out where `broken` takes its index and the error; without `broken`, or when
    that raises, the error is raised.
    """
    hook = converter.get_structure_hook(model)
    models: list[T] = []
    for index, resource in enumerate(resources):
        try:
            models.append(hook(resource, model))
        except (AttributeError, KeyError, TypeError, ValueError):
            try:
                models.append(structure(resource, model, f"{path}[{index}]"))
            except StructureError as error:
                if broken is None:
                    raise
                broken(index, error)
    return models
