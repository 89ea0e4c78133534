"""JSON:API resources to decode, and ways to spoil them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

AT = "2024-05-29T09:50:54.014Z"

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def related(id_: str, type_: str, **attributes: Any) -> dict[str, Any]:
    """A relationship with its resource."""
    return {"data": {"id": id_, "type": type_, "attributes": {**attributes, "new": 1}, "links": {}}}


def membership() -> dict[str, Any]:
    """A membership of a group, and of an organization too: each model takes what it needs."""
    user = {"name": "Ada", "username": "ada", "email": "ada@example.com", "login_method": "telepathy"}
    return {
        "id": "m-1",
        "type": "group_membership",
        "attributes": {"created_at": AT, "unheard_of": [1]},
        "meta": {"group_membership_count": 7},
        "relationships": {
            "group": related("g-1", "group", name="Engineering"),
            "org": related("o-1", "org", name="Web"),
            "role": related("r-1", "group_role", name="Group Admin"),
            "user": related("u-1", "user", **user),
            "aura": {"data": None},
        },
    }


def put(resource: Any, place: tuple[str, ...], value: Any) -> Any:
    """The resource with another value in a place of it."""
    if not place:
        return value
    inner = resource
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return resource


def places(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All places of a resource, itself first."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
