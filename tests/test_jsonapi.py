"""Documents to models: strict about types, tolerant about everything else, and precise about what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, urlencode

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import (
    DecodeError,
    ErrorObject,
    Group,
    GroupMembership,
    Org,
    OrgMembership,
    Role,
    SsoConnection,
    SsoUser,
    User,
    jsonapi,
)
from groups_sdk.jsonapi import decode_errors, decode_one, decode_page, membership_creation, role_change
from groups_sdk.responses import ApiResponse, Headers

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
        jsonapi, "_loads", orjson.loads if request.param == "orjson" else jsonapi._plain_loads
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
    ("attributes.created_at", "yesterday", "a date and time such as"),
    ("attributes.created_at", "2024-05-29", "a date and time such as"),
    ("attributes.created_at", "2024-02-30T00:00:00Z", "that exists"),
    ("attributes.created_at", 1716976254, "a number is there"),
    ("relationships", [1], "a list is there"),
    ("relationships.user", "x", "another string is there"),
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
    ("meta.group_membership_count", "5", "another string is there"),
]


@pytest.mark.parametrize(("path", "value", "problem"), WRONG)
def test_what_is_wrong_is_named_with_its_place(path: str, value: Any, problem: str) -> None:
    resource = membership()
    *outer, last = path.split(".")
    place = resource
    for key in outer:
        place = place[key]
    place[last] = value
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
        (b"null", "null is there"), (b"[" * 200_000, "not JSON"), (b'{"data": "x"}', "another string"),
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
        ("2024-05-29T09:50:54+02:00", datetime(2024, 5, 29, 9, 50, 54, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    resource = membership()
    resource["attributes"]["created_at"] = text
    found = decode_one(answer({"data": resource}), GroupMembership).created_at
    assert found == expected
    assert found.utcoffset() == expected.utcoffset()


def test_counts_may_be_written_as_a_fraction_of_nothing() -> None:
    resource = membership()
    resource["meta"]["group_membership_count"] = 5.0
    assert decode_one(answer({"data": resource}), GroupMembership).group_membership_count == 5


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("/groups?limit=10&starting_after=v1.abc%3D", "v1.abc="),
        ("https://evil.example/x?starting_after=v1.abc", "v1.abc"),
        ("/rest/rest/groups?version=1&version=1&starting_after=v1.a+b/c=&starting_after=x#y", "v1.a+b/c="),
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
    ("links", "path"), [([1], "links"), ({"next": 5}, "links.next"), ({"prev": {"href": []}}, "links.prev")]
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
    resource = copy.deepcopy(membership())
    inner = resource
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        found = decode_one(answer({"data": resource}), GroupMembership)
    except DecodeError as error:
        assert error.path.startswith("data.")
    else:
        assert isinstance(found, GroupMembership)
        assert all(type(v) in (str, type(None)) for v in attrs.astuple(found.user))


def test_a_flag_is_true_or_false_and_nothing_else() -> None:
    for wrong in (1, 0, "true"):
        with pytest.raises(DecodeError, match=r"data\.attributes\.active: true or false is wanted"):
            decode_one(answer({"data": {"id": "u", "attributes": {"active": wrong}}}), SsoUser)


def test_bodies() -> None:
    assert json.loads(role_change("m", "r")) == {
        "data": {
            "id": "m",
            "type": "group_membership",
            "relationships": {"role": {"data": {"id": "r", "type": "group_role"}}},
        }
    }
    assert json.loads(membership_creation("g", "u", "r"))["data"]["relationships"] == {
        "group": {"data": {"id": "g", "type": "group"}},
        "user": {"data": {"id": "u", "type": "user"}},
        "role": {"data": {"id": "r", "type": "group_role"}},
    }


FULL = {
    "id": "e-1",
    "status": "404",
    "code": "C",
    "title": "T",
    "detail": "D",
    "source": {"pointer": "/a", "parameter": "p"},
    "links": {"about": {"href": "https://x"}},
    "meta": {"k": 1},
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"errors": [FULL]}, [ErrorObject("404", "C", "T", "D", "e-1", "/a", "p", "https://x", {"k": 1})]),
        ({"errors": [{"status": "403", "detail": "a"}, "b", 5]},
         [ErrorObject("403", detail="a"), ErrorObject(detail="b")]),
        ({"code": 401, "message": "M", "error": "kind"}, [ErrorObject(code="401", title="kind", detail="M")]),
        ({"code": 1, "title": "t", "message": "M", "error": "k"}, [ErrorObject(code="1", title="t", detail="M")]),
        ({"message": "M", "errorRef": "ref"}, [ErrorObject(code="ref", detail="M")]),
        ({"status": "401", "code": "Unauthorized"}, [ErrorObject(status="401", code="Unauthorized")]),
        ({"errors": [{"details": "D"}]}, [ErrorObject(detail="D")]),
        ({"error": "invalid_client", "error_description": "who?"}, [ErrorObject(code="invalid_client", detail="who?")]),
        ({"error": "oops"}, [ErrorObject(detail="oops")]),
        ({"errors": [{"detail": "a", "links": {"about": "https://y"}}]}, [ErrorObject(detail="a", about="https://y")]),
        ({"errors": [{"detail": "a", "links": [], "source": 5}]}, [ErrorObject(detail="a")]),
        ({}, []), ([], []), (5, []), (None, []), ({"errors": {}}, []), ({"errors": [{}]}, []),
        (b"", []), (b"plain text", [ErrorObject(detail="plain text")]),
        (b"<html><head><title> 502 &amp; all </title></head>x", [ErrorObject(detail="502 & all")]),
        (b"<script>evil()</script><h1>Bad</h1>\n<p>Gateway", [ErrorObject(detail="Bad Gateway")]),
        (b"<title></title>", []),
        (b"a\x00b\x1b[31m", [ErrorObject(detail="a b [31m")]),
    ],
)  # fmt: skip
def test_errors_of_every_form(body: Any, expected: list[ErrorObject]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    assert decode_errors(content) == tuple(expected)


def test_a_long_explanation_is_cut() -> None:
    (found,) = decode_errors(json.dumps({"message": "x" * 10_000}).encode())
    assert found.detail is not None
    assert len(found.detail) == 503


@given(
    body=st.one_of(
        st.binary(),
        ANY_JSON.map(lambda value: json.dumps(value).encode()),
        ANY_JSON.map(
            lambda value: json.dumps(
                {"errors": [{"detail": value, "code": value, "source": value, "links": value}]}
            ).encode()
        ),
    )
)
def test_no_error_body_breaks_the_reading_of_it(body: bytes) -> None:
    for entry in decode_errors(body):
        assert isinstance(entry, ErrorObject)
        assert isinstance(entry.detail, str | None)
    decode_errors(b"[" * 100_000)
