"""Documents to models: strict about types, tolerant about everything else, and precise about what is wrong."""

from __future__ import annotations

import copy
import json
import linecache
import pickle
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import (
    DecodeError,
    Group,
    GroupMembership,
    Org,
    OrgMembership,
    Role,
    SsoConnection,
    SsoUser,
    User,
)
from groups_sdk._jsonapi import decode_one, decode_page, membership_creation, parsing, resources, role_change
from groups_sdk._jsonapi.resources import _TABLES, Malformed, structure
from groups_sdk._responses import ApiResponse, Headers

AT = "2024-05-29T09:50:54.014Z"


def named(id_: str, type_: str, name: str) -> dict[str, Any]:
    return {"data": {"id": id_, "type": type_, "attributes": {"name": name, "new": 1}, "links": {}}}


def membership() -> dict[str, Any]:
    return {
        "id": "m-1",
        "type": "group_membership",
        "attributes": {"created_at": AT, "unheard_of": [1]},
        "meta": {"group_membership_count": 7},
        "relationships": {
            "group": named("g-1", "group", "Engineering"),
            "role": named("r-1", "group_role", "Group Admin"),
            "user": {
                "data": {
                    "id": "u-1",
                    "type": "user",
                    "attributes": {
                        "name": "Ada",
                        "username": "ada",
                        "email": "ada@example.com",
                        "login_method": "telepathy",
                    },
                }
            },
            "aura": {"data": None},
        },
    }


def answer(document: Any, **options: Any) -> ApiResponse:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = Headers([("snyk-request-id", "req-9"), *options.pop("headers", [])])
    return ApiResponse(200, headers, content, "listThings", **options)


@pytest.fixture(params=["orjson", "json"], autouse=True)
def loads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with the extra `speed` and without it."""
    monkeypatch.setattr(
        parsing, "parse", orjson.loads if request.param == "orjson" else parsing.parse_plainly
    )


def test_a_group_membership_is_flat() -> None:
    found = decode_one(answer({"data": membership()}), GroupMembership)
    assert found == GroupMembership(
        id="m-1",
        created_at=datetime(2024, 5, 29, 9, 50, 54, 14000, UTC),
        user=User("u-1", "Ada", "ada", "ada@example.com", "telepathy"),
        role=Role("r-1", "Group Admin"),
        group=Group("g-1", "Engineering"),
        group_membership_count=7,
    )


def test_the_other_models() -> None:
    attributes = {
        "name": "G",
        "created_at": AT,
        "updated_at": AT,
        "slug": "g",
        "avatar_url": "a",
        "logo_url": "l",
    }
    tenant = {"tenant": {"data": {"id": "t-1"}}}
    at = datetime(2024, 5, 29, 9, 50, 54, 14000, UTC)
    whole = {"id": "g", "attributes": attributes, "relationships": tenant}
    assert decode_one(answer({"data": whole}), Group) == Group("g", "G", at, at, "g", "a", "l", "t-1")
    below = membership()
    below["relationships"]["org"] = named("o-1", "org", "Web")
    assert decode_one(answer({"data": below}), OrgMembership) == OrgMembership(
        "m-1",
        at,
        User("u-1", "Ada", "ada", "ada@example.com", "telepathy"),
        Role("r-1", "Group Admin"),
        Org("o-1", "Web"),
    )
    sso = {"id": "s", "attributes": {"name": "Okta"}}
    assert decode_one(answer({"data": sso}), SsoConnection) == SsoConnection("s", "Okta")
    user = {
        "id": "u",
        "attributes": {"active": False, "membership": {"created_at": AT, "strategy": "direct"}},
    }
    assert decode_one(answer({"data": user}), SsoUser) == SsoUser(
        "u", active=False, membership_created_at=at, membership_strategy="direct"
    )
    assert decode_one(answer({"data": {"id": "u", "attributes": None}}), SsoUser) == SsoUser("u")


@pytest.mark.parametrize("relation", ["user", "role", "group"])
@pytest.mark.parametrize("absent", [{}, {"data": None}, None, "gone"])
def test_a_relation_that_was_left_out_is_an_empty_object(relation: str, absent: Any) -> None:
    resource = membership()
    if absent == "gone":
        del resource["relationships"][relation]
    else:
        resource["relationships"][relation] = absent
    found = getattr(decode_one(answer({"data": resource}), GroupMembership), relation)
    assert found.id == ""
    assert found == type(found)("")


def test_relations_may_be_missing_altogether() -> None:
    for relationships in ({}, None):
        resource = {**membership(), "relationships": relationships}
        assert decode_one(answer({"data": resource}), GroupMembership).user.email is None


def test_roles_and_groups_are_shared_within_a_page_and_never_mixed_up() -> None:
    other = membership()
    other["relationships"]["role"] = named("r-1", "group_role", "Renamed")
    page = decode_page(answer({"data": [membership(), membership(), other]}), GroupMembership)
    assert page.items[0].role is page.items[1].role
    assert page.items[0].group is page.items[2].group
    assert page.items[2].role == Role("r-1", "Renamed")


WRONG: list[tuple[str, Any, str]] = [
    ("id", None, "it is missing, or null"),
    ("id", 5, "a number is there"),
    ("attributes", None, "missing"),
    ("attributes", [], "a list is there"),
    ("attributes.created_at", None, "missing"),
    ("attributes.created_at", "yesterday", "no date and time such as"),
    ("attributes.created_at", "2024-05-29", "no date and time such as"),
    ("attributes.created_at", "2024-02-30T00:00:00Z", "no date and time such as"),
    ("attributes.created_at", "0001-01-01T00:00:00+14:00", "no date and time such as"),
    ("attributes.created_at", "2024-W01-1T09:50:54Z", "no date and time such as"),
    ("attributes.created_at", "2024-05-29T09:50:Z", "no date and time such as"),
    ("attributes.created_at", 1716976254, "a number is there"),
    ("relationships", [1], "a list is there"),
    ("relationships", [], "a list is there"),
    ("relationships", "", "a string is there"),
    ("relationships.user", 0, "a number is there"),
    ("meta", False, "a boolean is there"),
    ("relationships.user", "x", "a string is there"),
    ("relationships.user.data", [], "a list is there"),
    ("relationships.user.data.id", None, "missing"),
    ("relationships.user.data.attributes", None, "missing"),
    ("relationships.user.data.attributes.email", None, "missing"),
    ("relationships.user.data.attributes.email", True, "a boolean is there"),
    ("relationships.user.data.attributes.login_method", {}, "an object is there"),
    ("relationships.role.data.attributes.name", 7, "a number is there"),
    ("relationships.role.data.id", {"a": 1}, "an object is there"),
    ("meta.group_membership_count", True, "a boolean is there"),
    ("meta.group_membership_count", 5.5, "a number is there"),
    ("meta.group_membership_count", "5", "a string is there"),
]


@pytest.mark.parametrize(("path", "value", "problem"), WRONG)
def test_what_is_wrong_is_named_with_its_place(path: str, value: Any, problem: str) -> None:
    resource = put(membership(), tuple(path.split(".")), value)
    document = {"data": [membership(), resource]}
    with pytest.raises(DecodeError) as caught:
        decode_page(answer(document), GroupMembership)
    # A missing container is reported as its first required member.
    assert caught.value.path.startswith(f"data[1].{path}")
    assert problem in caught.value.problem
    assert (caught.value.operation, caught.value.request_id) == ("listThings", "req-9")
    with pytest.raises(DecodeError) as caught:
        decode_one(answer({"data": resource}), GroupMembership)
    assert caught.value.path.startswith(f"data.{path}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"), (b"<html></html>", "not JSON"), (b'{"data": [', "not JSON"), (b"[]", "a list is there"),
        (b"null", "null is there"), (b"[" * 200_000, "not JSON"), (b'{"data": "x"}', "a string"),
        (b'{"data": [5]}', "a number is there"), (b"\xff\xfe", "not JSON"), (b'{"data": NaN}', "not JSON"),
    ],
)  # fmt: skip
def test_a_document_that_is_none(content: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        decode_page(answer(content, headers=[("content-type", "text/html")]), Group)
    with pytest.raises(DecodeError):
        decode_one(answer(content), Group)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-29T09:50:54Z", datetime(2024, 5, 29, 9, 50, 54, tzinfo=UTC)),
        ("2024-05-29t09:50:54z", datetime(2024, 5, 29, 9, 50, 54, tzinfo=UTC)),
        ("2024-05-29 09:50:54", datetime(2024, 5, 29, 9, 50, 54, tzinfo=UTC)),
        ("2024-05-29T09:50:54.1Z", datetime(2024, 5, 29, 9, 50, 54, 100000, UTC)),
        ("2024-05-29T09:50:54.123456789Z", datetime(2024, 5, 29, 9, 50, 54, 123456, UTC)),
        ("2024-05-29T09:50:54+02:00", datetime(2024, 5, 29, 7, 50, 54, tzinfo=UTC)),
    ],
)
def test_times_are_in_utc(text: str, expected: datetime) -> None:
    resource = membership()
    resource["attributes"]["created_at"] = text
    found = decode_one(answer({"data": resource}), GroupMembership).created_at
    assert found == expected
    assert found.tzinfo is UTC


def test_counts_may_be_written_as_a_fraction_of_nothing() -> None:
    resource = membership()
    resource["meta"]["group_membership_count"] = 5.0
    assert decode_one(answer({"data": resource}), GroupMembership).group_membership_count == 5


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("/groups?limit=10&starting_after=v1.abc%3D", "v1.abc="),
        ("https://evil.example/x?starting_after=v1.abc", "v1.abc"),
        ("/rest/rest/groups?version=1&version=1&starting_after=x&starting_after=v1.a+b/c=#y", "v1.a+b/c="),
        ({"href": "/x?starting_after=v1.abc", "meta": {}}, "v1.abc"),
        ({"href": None}, None), ({}, None), (None, None),
        ("/groups?limit=10", ""), ("/groups?ending_before=v1.abc", ""), ("", ""),
    ],
)  # fmt: skip
def test_only_the_cursor_is_taken_from_a_link(link: Any, cursor: str | None) -> None:
    page = decode_page(answer({"data": [], "links": {"next": link}, "meta": {"n": 1}}), Group)
    assert (page.next_cursor, page.prev_cursor, page.meta) == (cursor, None, {"n": 1})


@pytest.mark.parametrize("links", [{}, None, "absent"])
def test_no_links_is_the_end(links: Any) -> None:
    document = {"data": [], "meta": [1]} | ({} if links == "absent" else {"links": links})
    page = decode_page(answer(document), Group)
    assert (page.next_cursor, page.prev_cursor, page.meta) == (None, None, {})


@pytest.mark.parametrize(
    ("links", "path"),
    [
        ([1], "links"),
        ("/x?starting_after=a", "links"),
        ({"next": 5}, "links.next"),
        ({"next": []}, "links.next"),
        ({"prev": {"href": {}}}, "links.prev.href"),
        ({"prev": False}, "links.prev"),
    ],
)
def test_a_link_that_is_none(links: Any, path: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_page(answer({"data": [], "links": links}), Group)
    assert caught.value.path == path


@given(cursor=st.text(min_size=1), spelling=st.sampled_from([lambda c: quote(c, safe=""), quote,
       lambda c: urlencode({"c": c}, quote_via=quote)[2:]]))  # fmt: skip
def test_any_cursor_comes_out_as_it_went_in(cursor: str, spelling: Callable[[str], str]) -> None:
    cursor = cursor.encode("utf-8", "replace").decode()
    link = f"/groups?limit=10&ending_before={spelling(cursor)}&version=1"
    page = decode_page(answer({"data": [], "links": {"prev": link}}), Group)
    assert page.prev_cursor == cursor


SSO_USER = {"active": True, "membership": {"created_at": AT, "strategy": "indirect"}}
RESOURCE = {**membership(), "attributes": {"name": "Ada", "created_at": AT, **SSO_USER}}
"""All models in one: each takes of it what is its own."""


def put(resource: Any, place: tuple[Any, ...], value: Any) -> Any:
    """The resource with another value in a place of it."""
    if not place:
        return value
    inner = resource
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return resource


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(place=st.sampled_from(list(places(membership()))[1:]), value=ANY_JSON)
def test_anything_anywhere_is_decoded_or_refused_with_its_place(place: tuple[Any, ...], value: Any) -> None:
    resource = put(membership(), place, value)
    try:
        found = decode_one(answer({"data": resource}), GroupMembership)
    except DecodeError as error:
        assert error.path.startswith("data.")
    else:
        assert isinstance(found, GroupMembership)
        assert all(type(v) in (str, type(None)) for v in attrs.astuple(found.user))


def read_slowly(resource: Any, model: type[Any]) -> Any:
    try:
        return resources._walk(_TABLES[model], resource, "data")
    except Malformed:
        return None


def read_compiled(resource: Any, model: type[Any]) -> Any:
    """None where the slow reading would have to step in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "_walk", lambda *_: None)
        return structure([resource], model, "data")[0]


@pytest.mark.parametrize("model", list(_TABLES))
@given(place=st.sampled_from(list(places(RESOURCE))), value=ANY_JSON)
def test_the_compiled_and_the_slow_reading_agree(
    model: type[Any], place: tuple[Any, ...], value: Any
) -> None:
    resource = put(copy.deepcopy(RESOURCE), place, value)
    assert read_compiled(resource, model) == read_slowly(resource, model)


USUAL = "2024-05-29T09:50:54.014Z"


@given(
    text=st.from_regex(
        r"[0-9]{4}-[0-9W]{2}-?[0-9]{1,2}[Tt ][0-9:]{2,9}([.,][0-9]{0,8})?(Z|z|[+-][0-9:]{2,5})?Z?"
    )
    | st.builds(
        lambda at, length, other: f"{USUAL[:at]}{other}{USUAL[at + length :]}",
        st.integers(0, len(USUAL)),
        st.integers(0, 3),
        st.text("0129:-.,TWZ+ \u0661", max_size=3),
    )
)
def test_a_time_is_read_the_same_by_both_readings(text: str) -> None:
    resource = put(membership(), ("attributes", "created_at"), text)
    assert read_compiled(resource, GroupMembership) == read_slowly(resource, GroupMembership)


@pytest.mark.parametrize("model", list(_TABLES))
def test_what_the_compiled_reading_does_not_take_is_left_to_the_slow_one(
    model: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise TypeError

    document = answer({"data": [RESOURCE, {**RESOURCE, "id": "m-2"}]})
    expected = decode_page(document, model).items
    monkeypatch.setattr(resources, "_converter", SimpleNamespace(get_structure_hook=lambda _: fail))
    assert decode_page(document, model).items == expected
    assert [item.id for item in expected] == ["m-1", "m-2"]


def test_what_was_decoded_is_what_the_constructor_makes() -> None:
    found = decode_page(answer({"data": [membership()]}), GroupMembership).items[0]
    for part in (found, found.user, found.role, found.group):
        made = type(part)(*(getattr(part, field.name) for field in attrs.fields(type(part))))
        assert type(part) in (GroupMembership, User, Role, Group)
        assert part == made
        assert hash(part) == hash(made)
        assert repr(part) == repr(made)
        assert attrs.evolve(part, id="other").id == "other"
        assert pickle.loads(pickle.dumps(part)) == copy.deepcopy(part) == part
        assert weakref.ref(part)() is part
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            part.id = "changed"  # type: ignore[misc]
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            del part.id


@pytest.mark.parametrize("model", list(_TABLES))
def test_models_do_nothing_on_construction_that_decoding_would_leave_out(model: Any) -> None:
    assert not hasattr(model, "__attrs_post_init__")
    assert not hasattr(model, "__attrs_pre_init__")
    for field in attrs.fields(model):
        assert (field.converter, field.validator) == (None, None)


@pytest.mark.parametrize("table", _TABLES.values(), ids=lambda table: table.model.__name__)
def test_a_table_has_every_member_of_its_model_in_order(table: Any) -> None:
    assert [member.name for member in table.members] == [field.name for field in attrs.fields(table.model)]


TEXT = st.text(max_size=8)
MAYBE_TEXT = st.none() | TEXT
NAMED = st.tuples(TEXT, TEXT)


@given(id_=TEXT, at=st.datetimes(), user=st.tuples(TEXT, TEXT, TEXT, TEXT, MAYBE_TEXT), role=NAMED, group=NAMED,
       count=st.none() | st.integers(0, 2**53))  # fmt: skip
def test_any_membership_comes_out_as_it_went_in(
    id_: str, at: datetime, user: Any, role: Any, group: Any, count: int | None
) -> None:
    at = at.replace(tzinfo=UTC)
    user_id, name, username, email, login_method = user
    attributes = {"name": name, "username": username, "email": email, "login_method": login_method}
    resource = {
        "id": id_,
        "attributes": {"created_at": at.isoformat()},
        "relationships": {
            "user": {"data": {"id": user_id, "attributes": attributes}},
            "role": named(role[0], "group_role", role[1]),
            "group": named(group[0], "group", group[1]),
        },
        "meta": {"group_membership_count": count},
    }
    expected = GroupMembership(id_, at, User(*user), Role(*role), Group(*group), count)
    assert decode_page(answer({"data": [resource, resource]}), GroupMembership).items == [expected, expected]


def test_a_group_next_to_a_membership_is_its_id_and_name() -> None:
    resource = membership()
    resource["relationships"]["group"]["data"]["attributes"]["slug"] = 5
    assert decode_one(answer({"data": resource}), GroupMembership).group == Group("g-1", "Engineering")


def test_a_problem_shows_no_value_of_the_answer() -> None:
    resource = membership()
    resource["attributes"]["created_at"] = "secret@example.com"
    with pytest.raises(DecodeError) as caught:
        decode_one(answer({"data": resource}), GroupMembership)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_compiled_code_shows_in_tracebacks() -> None:
    decode_page(answer({"data": []}), GroupMembership)
    assert "def structure(" in linecache.getline("<structure GroupMembership>", 1)


def test_a_flag_is_true_or_false_and_nothing_else() -> None:
    for wrong in (1, 0, "true"):
        with pytest.raises(DecodeError, match=r"data\.attributes\.active: true or false is wanted"):
            decode_one(answer({"data": {"id": "u", "attributes": {"active": wrong}}}), SsoUser)


def test_the_body_of_a_role_change() -> None:
    assert role_change("m", "r") == (
        b'{"data":{"id":"m","type":"group_membership",'
        b'"relationships":{"role":{"data":{"id":"r","type":"group_role"}}}}}'
    )


def test_the_body_of_a_new_membership() -> None:
    assert membership_creation("g", "u", "r") == (
        b'{"data":{"type":"group_membership","relationships":{"group":{"data":{"id":"g","type":"group"}},'
        b'"user":{"data":{"id":"u","type":"user"}},"role":{"data":{"id":"r","type":"group_role"}}}}}'
    )
