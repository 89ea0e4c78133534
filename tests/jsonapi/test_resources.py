"""Resources to models: strict about types, tolerant of what is new, and precise about what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.resources import ANY_JSON, AT, membership, places, put, related

from groups_sdk import Group, GroupMembership, Org, OrgMembership, Role, SsoConnection, SsoUser, User, models
from groups_sdk._jsonapi import resources
from groups_sdk._jsonapi.resources import converter, structure, structure_page
from groups_sdk._jsonapi.values import StructureError

T = TypeVar("T")

MODELS: list[Any] = [getattr(models, name) for name in models.__all__]
MOMENT = datetime(2024, 5, 29, 9, 50, 54, 14000, UTC)
RESOURCE = membership() | {
    "attributes": {
        "name": "Ada", "created_at": AT, "updated_at": "2024-05-30T00:00:00Z", "slug": "a-slug",
        "avatar_url": "an avatar", "logo_url": "a logo", "username": "ada", "email": "ada@example.com",
        "login_method": "sso", "active": False, "membership": {"created_at": AT, "strategy": "indirect"},
    }
}  # fmt: skip
"""All models in one: each takes what it needs."""
RESOURCE["relationships"]["tenant"] = {"data": {"id": "t-1"}}


@pytest.mark.parametrize(
    "expected",
    [
        Group(
            "m-1", "Ada", MOMENT, datetime(2024, 5, 30, tzinfo=UTC), "a-slug", "an avatar", "a logo", "t-1"
        ),
        User("m-1", "Ada", "ada", "ada@example.com", "sso"),
        Role("m-1", "Ada"),
        Org("m-1", "Ada"),
        SsoConnection("m-1", "Ada"),
        SsoUser("m-1", "Ada", "ada", "ada@example.com", False, MOMENT, "indirect"),
        GroupMembership(
            id="m-1",
            created_at=MOMENT,
            user=User("u-1", "Ada", "ada", "ada@example.com", "telepathy"),
            role=Role("r-1", "Group Admin"),
            group=Group("g-1", "Engineering"),
            group_membership_count=7,
        ),
        OrgMembership(
            id="m-1",
            created_at=MOMENT,
            user=User("u-1", "Ada", "ada", "ada@example.com", "telepathy"),
            role=Role("r-1", "Group Admin"),
            org=Org("o-1", "Web"),
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_member_of_a_model_is_read(expected: Any) -> None:
    assert structure(RESOURCE, type(expected), "data") == expected
    assert structure_page([RESOURCE, RESOURCE], type(expected), "data") == [expected, expected]


def test_each_model_has_a_hook() -> None:
    default = converter.get_structure_hook(attrs.make_class("Unknown", ["id"]))
    for model in MODELS:
        assert converter.get_structure_hook(model).__module__ == resources.__name__ != default.__module__


def test_members_that_the_api_may_leave_out_are_none() -> None:
    name = {"attributes": {"name": "Ada"}}
    person = {"attributes": {"name": "Ada", "username": "ada", "email": "a@example.com"}}
    assert read({"id": "g", **name}, Group) == Group("g", "Ada")
    assert read({"id": "u", **person}, User) == User("u", "Ada", "ada", "a@example.com")
    for attributes in ({}, {"attributes": None}, {"attributes": {}}, {"attributes": {"membership": None}}):
        assert read({"id": "u", **attributes}, SsoUser) == SsoUser("u")
        without = read({"id": "m", **attributes}, OrgMembership)
        assert without == OrgMembership("m", None, User(""), Role(""), Org(""))
    for empty in ({}, None):
        found = read({**membership(), "meta": empty, "relationships": empty}, GroupMembership)
        assert found == GroupMembership("m-1", MOMENT, User(""), Role(""), Group(""))


def read(resource: Any, model: type[T]) -> T:
    """The resource as a model, read alone and in a page."""
    alone = structure(resource, model, "data")
    assert structure_page([resource], model, "data") == [alone]
    return alone


@pytest.mark.parametrize("relation", ["user", "role", "group"])
@pytest.mark.parametrize("absent", [{}, {"data": None}, None, "gone"])
def test_a_relation_that_was_left_out_is_an_empty_object(relation: str, absent: Any) -> None:
    resource = membership()
    if absent == "gone":
        del resource["relationships"][relation]
    else:
        resource["relationships"][relation] = absent
    found = getattr(read(resource, GroupMembership), relation)
    assert found == type(found)("")


def test_roles_groups_and_orgs_are_shared_and_never_mixed_up() -> None:
    other = put(membership(), ("relationships", "role"), related("r-1", "group_role", name="Renamed"))
    page = structure_page([membership(), membership(), other], GroupMembership, "data")
    assert page[0].role is page[1].role
    assert page[0].group is page[2].group
    assert page[2].role == Role("r-1", "Renamed")
    below = structure_page([membership(), membership()], OrgMembership, "data")
    assert below[0].org is below[1].org
    same = related("r-1", "org", name="Group Admin")
    (found,) = structure_page([put(membership(), ("relationships", "org"), same)], OrgMembership, "data")
    assert (found.org, found.role) == (Org("r-1", "Group Admin"), Role("r-1", "Group Admin"))


def test_a_group_next_to_a_membership_is_its_id_and_name() -> None:
    resource = membership()
    resource["relationships"]["group"]["data"]["attributes"]["slug"] = 5
    assert read(resource, GroupMembership).group == Group("g-1", "Engineering")


@pytest.mark.parametrize("attributes", [None, {}, {"name": None, "username": None, "email": None}])
def test_a_user_of_whom_nothing_but_the_id_is_told(attributes: Any) -> None:
    resource = membership()
    user = resource["relationships"]["user"]["data"]
    user["attributes"] = attributes
    assert read(resource, GroupMembership).user == User(user["id"])
    del user["attributes"]
    assert read(resource, GroupMembership).user == User(user["id"])


@pytest.mark.parametrize("relation", ["role", "group"])
@pytest.mark.parametrize("attributes", [None, {}, {"name": None}, "absent"])
def test_a_role_or_group_that_is_a_bare_reference(relation: str, attributes: Any) -> None:
    resource = membership()
    reference = resource["relationships"][relation]["data"]
    if attributes == "absent":
        del reference["attributes"]
    else:
        reference["attributes"] = attributes
    found = getattr(read(resource, GroupMembership), relation)
    assert found == type(found)(reference["id"])


@pytest.mark.parametrize("model", [Group, Role, Org, SsoConnection, SsoUser, User])
def test_a_resource_that_is_a_bare_reference(model: Any) -> None:
    assert read({"id": "x", "type": "thing"}, model) == model("x")


@pytest.mark.parametrize(
    ("created_at", "expected"),
    [(None, None), (5, None), ({}, None), ("2024-05-29", datetime(2024, 5, 29, tzinfo=UTC))],
)
def test_a_creation_time_that_is_odd(created_at: Any, expected: datetime | None) -> None:
    resource = put(membership(), ("attributes", "created_at"), created_at)
    for model in (GroupMembership, OrgMembership):
        assert read(resource, model).created_at == expected


@pytest.mark.parametrize(
    ("written", "expected"), [(12.0, 12), (12, 12), (2.5, None), (-1, None), (None, None)]
)
def test_a_count_is_any_number(written: Any, expected: int | None) -> None:
    resource = membership() | {"meta": {"group_membership_count": written}}
    assert read(resource, GroupMembership).group_membership_count == expected


def test_a_membership_of_which_nothing_is_told() -> None:
    assert read({}, GroupMembership) == GroupMembership("", None, User(""), Role(""), Group(""))


def test_what_is_broken_is_left_out_where_somebody_takes_it() -> None:
    found: list[tuple[int, str]] = []
    broken = {**membership(), "id": 5}
    page = structure_page(
        [membership(), broken, 7, membership()],
        GroupMembership,
        "data",
        lambda index, error: found.append((index, error.path)),
    )
    assert page == [read(membership(), GroupMembership)] * 2
    assert found == [(1, "data[1].id"), (2, "data[2]")]


MISSING = "it is missing, or null"


@pytest.mark.parametrize(
    ("place", "value", "path", "problem"),
    [
        ("", None, "", "an object is wanted, and null is there"),
        ("", 5, "", "an object is wanted, and a number is there"),
        ("id", 5, ".id", "a string is wanted, and a number is there"),
        ("attributes", [], ".attributes", "an object is wanted, and a list is there"),
        ("attributes.created_at", "yesterday", ".attributes.created_at",
         "it is no date and time such as 2024-05-29T09:50:54Z"),
        ("relationships", [1], ".relationships", "an object is wanted, and a list is there"),
        ("relationships", [], ".relationships", "an object is wanted, and a list is there"),
        ("relationships", "", ".relationships", "an object is wanted, and a string is there"),
        ("relationships.user", 0, ".relationships.user", "an object is wanted, and a number is there"),
        ("relationships.user", "x", ".relationships.user", "an object is wanted, and a string is there"),
        ("relationships.user.data", [], ".relationships.user.data", "an object is wanted, and a list is there"),
        ("relationships.user.data", False, ".relationships.user.data", "an object is wanted, and a boolean is there"),
        ("relationships.user.data", {}, ".relationships.user.data.id", MISSING),
        ("relationships.user.data.id", None, ".relationships.user.data.id", MISSING),
        ("relationships.role.data.attributes", [], ".relationships.role.data.attributes",
         "an object is wanted, and a list is there"),
        ("relationships.role.data", {}, ".relationships.role.data.id", MISSING),
        ("relationships.user.data.attributes.email", True, ".relationships.user.data.attributes.email",
         "a string is wanted, and a boolean is there"),
        ("relationships.user.data.attributes.login_method", {}, ".relationships.user.data.attributes.login_method",
         "a string is wanted, and an object is there"),
        ("relationships.role.data.attributes.name", 7, ".relationships.role.data.attributes.name",
         "a string is wanted, and a number is there"),
        ("relationships.role.data.id", {"a": 1}, ".relationships.role.data.id",
         "a string is wanted, and an object is there"),
        ("meta", False, ".meta", "an object is wanted, and a boolean is there"),
        ("meta.group_membership_count", True, ".meta.group_membership_count",
         "a whole number is wanted, and a boolean is there"),
        ("meta.group_membership_count", "5", ".meta.group_membership_count",
         "a whole number is wanted, and a string is there"),
    ],
)  # fmt: skip
def test_an_error_names_the_path_and_the_problem(place: str, value: Any, path: str, problem: str) -> None:
    resource = put(membership(), tuple(place.split(".")) if place else (), value)
    with pytest.raises(StructureError) as caught:
        structure(resource, GroupMembership, "data")
    assert (caught.value.path, caught.value.problem) == (f"data{path}", problem)
    with pytest.raises(StructureError) as caught:
        structure_page([membership(), resource], GroupMembership, "data")
    assert (caught.value.path, caught.value.problem) == (f"data[1]{path}", problem)


def plain(resource: Any, model: type[Any]) -> Any:
    """The resource as the fast reading of a page has it; None where that fails."""
    try:
        return converter.structure(resource, model)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


@pytest.mark.parametrize("model", MODELS)
@given(place=st.sampled_from(list(places(RESOURCE))), value=ANY_JSON)
def test_a_page_is_never_more_tolerant_than_the_reading_with_paths(
    model: type[Any], place: tuple[str, ...], value: Any
) -> None:
    resource = put(copy.deepcopy(RESOURCE), place, value)
    fast = plain(resource, model)
    try:
        exact = structure(resource, model, "data")
    except StructureError as error:
        assert fast is None
        assert error.path.startswith("data")
    else:
        assert fast in (None, exact)
        assert type(exact) is model


@pytest.mark.parametrize("model", MODELS)
def test_what_usually_comes_takes_the_fast_reading(model: type[Any]) -> None:
    assert plain(RESOURCE, model) == structure(RESOURCE, model, "data")


TEXT = st.text(max_size=8)
NAMED = st.tuples(TEXT, TEXT)


@given(id_=TEXT, at=st.datetimes(), user=st.tuples(TEXT, TEXT, TEXT, TEXT, st.none() | TEXT), role=NAMED,
       group=NAMED, count=st.none() | st.integers(0, 2**53))  # fmt: skip
def test_any_membership_comes_out_as_it_went_in(
    id_: str, at: datetime, user: Any, role: Any, group: Any, count: int | None
) -> None:
    at = at.replace(tzinfo=UTC)
    user_id, name, username, email, login_method = user
    person = {"name": name, "username": username, "email": email, "login_method": login_method}
    resource = {
        "id": id_,
        "attributes": {"created_at": at.isoformat()},
        "relationships": {
            "user": related(user_id, "user", **person),
            "role": related(role[0], "group_role", name=role[1]),
            "group": related(group[0], "group", name=group[1]),
        },
        "meta": {"group_membership_count": count},
    }
    expected = GroupMembership(id_, at, User(*user), Role(*role), Group(*group), count)
    assert read(resource, GroupMembership) == expected


@attrs.frozen
class Team:
    """A model of somebody else's, with a validator and a converter."""

    id: str = attrs.field(validator=attrs.validators.min_len(2))
    name: str = attrs.field(converter=str.strip)


@pytest.fixture
def team(monkeypatch: pytest.MonkeyPatch) -> type[Team]:
    """Registered as the models are."""
    own = converter.copy()
    own.register_structure_hook(Team, own.get_structure_hook(Role))
    monkeypatch.setattr(resources, "converter", own)
    return Team


def test_models_are_built_by_calling_their_class(team: type[Team]) -> None:
    resource = {"id": "t-1", "attributes": {"name": " Platform "}}
    assert read(resource, team) == Team("t-1", "Platform")


def test_what_a_model_refuses_is_an_error_that_shows_no_value(team: type[Team]) -> None:
    resource = {"id": "t-1", "attributes": {"name": "Platform"}}
    with pytest.raises(StructureError) as caught:
        structure_page([resource, {**resource, "id": "x"}], team, "data")
    assert (caught.value.path, caught.value.problem) == ("data[1]", "it is not a valid Team")
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "read_one", [structure, lambda *resource: structure_page([resource[0]], *resource[1:])[0]]
)
def test_related_models_are_built_by_calling_their_class(
    monkeypatch: pytest.MonkeyPatch, read_one: Callable[..., Any]
) -> None:
    made: list[Any] = []

    @attrs.frozen
    class CountedUser(User):
        def __attrs_post_init__(self) -> None:
            made.append(self)

    monkeypatch.setattr(resources, "User", CountedUser)
    assert made == [read_one(membership(), GroupMembership, "data").user]
