"""Documents: one resource or a page of them, the links of a page, and the bodies of changes."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.resources import membership

from groups_sdk import DecodeError, Group, GroupMembership, User
from groups_sdk._jsonapi import decode_one, membership_creation, open_page, role_change
from groups_sdk._responses import ApiResponse, Headers

pytestmark = pytest.mark.usefixtures("both_parsers")


def answer(document: Any, **options: Any) -> ApiResponse:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = Headers([("snyk-request-id", "req-9"), *options.pop("headers", [])])
    return ApiResponse(200, headers, content, "listThings", **options)


def test_one_resource_is_a_model() -> None:
    found = decode_one(answer({"data": membership()}), GroupMembership)
    assert found.user == User("u-1", "Ada", "ada", "ada@example.com", "telepathy")


def test_a_page_has_models_and_its_response() -> None:
    response = answer({"data": [membership(), {**membership(), "id": "m-2"}]})
    page = open_page(response, GroupMembership).decode()
    assert [item.id for item in page.items] == ["m-1", "m-2"]
    assert page.response is response


def test_an_error_names_the_operation_the_request_and_the_path() -> None:
    resource = membership()
    resource["attributes"]["created_at"] = "secret@example.com"
    with pytest.raises(DecodeError) as caught:
        open_page(answer({"data": [membership(), resource]}), GroupMembership).decode()
    assert caught.value.path == "data[1].attributes.created_at"
    assert caught.value.problem == "it is no date and time such as 2024-05-29T09:50:54Z"
    assert "secret" not in str(caught.value)
    assert (caught.value.operation, caught.value.request_id) == ("listThings", "req-9")
    assert caught.value.__suppress_context__
    assert "the record 'm-1' on the first page, which on_decode_error='skip' leaves out" in str(caught.value)
    assert (caught.value.in_record, caught.value.record_id, caught.value.cursor) == (True, "m-1", None)
    with pytest.raises(DecodeError, match=r"the page of the cursor 'v1\.abc'"):
        open_page(answer({"data": [resource]}), GroupMembership, cursor="v1.abc").decode()
    with pytest.raises(DecodeError) as caught:
        decode_one(answer({"data": resource}), GroupMembership)
    assert caught.value.path == "data.attributes.created_at"
    assert (caught.value.record, "on_decode_error" in str(caught.value)) == (None, False)


def test_an_error_about_a_record_pickles() -> None:
    with pytest.raises(DecodeError) as caught:
        open_page(answer({"data": [{}]}), Group).decode()
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.record) == (str(caught.value), "a record without an id on the first page")
    assert again.record in str(again)


def test_records_that_are_broken_are_skipped_where_that_is_wanted() -> None:
    broken = {**membership(), "relationships": {"user": {"data": {"id": 5}}}}
    records = [membership(), broken, 5, {**membership(), "id": 7}]
    page = open_page(
        answer({"data": records}), GroupMembership, cursor="v1.abc", on_decode_error="skip"
    ).decode()
    assert [item.id for item in page.items] == ["m-1"]
    assert [(problem.id, problem.path, problem.cursor) for problem in page.problems] == [
        ("m-1", "data[1].relationships.user.data.id", "v1.abc"),
        (None, "data[2]", "v1.abc"),
        (None, "data[3].id", "v1.abc"),
    ]
    assert [problem.data for problem in page.problems] == records[1:]
    first = page.problems[0]
    assert first.message == "a string is wanted, and a number is there"
    assert str(first) == f"the record 'm-1', at {first.path}: {first.message}"
    assert str(page.problems[1]).startswith("a record without an id, at data[2]: ")
    assert "relationships" not in repr(first).replace(first.path, "")
    assert pickle.loads(pickle.dumps(first)) == first
    assert hash(first) == hash(pickle.loads(pickle.dumps(first)))


@pytest.mark.parametrize("document", [{"data": 5}, {}, {"data": [], "links": [1]}, []])
def test_a_document_that_is_broken_as_a_whole_is_never_skipped(document: Any) -> None:
    with pytest.raises(DecodeError) as caught:
        open_page(answer(document), Group, on_decode_error="skip").decode()
    assert not caught.value.in_record


@pytest.mark.parametrize("form", [lambda link: link, lambda link: {"href": link}])
@pytest.mark.parametrize(
    ("size", "cursor", "next_cursor"), [(9, None, None), (0, None, None), (10, None, ""), (9, "v1.abc", "")]
)
def test_a_next_page_that_is_this_one(
    size: int, cursor: str | None, next_cursor: str | None, form: Any
) -> None:
    """The end of a first page with room left; anywhere else nobody knows what follows."""
    link = "/groups?limit=10"
    document = {"data": [{"id": "g"}] * size, "links": {"self": link, "next": form(link)}}
    assert open_page(answer(document), Group, limit=10, cursor=cursor).decode().next_cursor == next_cursor


def test_records_that_are_skipped_count_when_a_page_is_full() -> None:
    link = "/groups?limit=10"
    document = {"data": [5] * 10, "links": {"self": link, "next": link}}
    page = open_page(answer(document), Group, limit=10, on_decode_error="skip").decode()
    assert (page.items, len(page.problems), page.next_cursor) == ([], 10, "")


def test_the_answer_to_a_write_may_come_without_the_resource() -> None:
    assert decode_one(answer({}), GroupMembership, applied=True).id == ""
    for document in ({"data": None}, [], {"data": 5}):
        with pytest.raises(DecodeError) as caught:
            decode_one(answer(document), GroupMembership, applied=True)
        assert caught.value.applied
    with pytest.raises(DecodeError):
        decode_one(answer({}), GroupMembership)


def test_a_byte_order_mark_in_front_is_read_over() -> None:
    content = b"\xef\xbb\xbf" + json.dumps({"data": {"id": "g"}}).encode()
    assert decode_one(answer(content), Group) == Group("g")


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
        open_page(answer(content, headers=[("content-type", "text/html")]), Group).decode()
    with pytest.raises(DecodeError):
        decode_one(answer(content), Group)


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ("/groups?limit=10&starting_after=v1.abc%3D", "v1.abc="),
        ("https://evil.example/x?starting_after=v1.abc", "v1.abc"),
        ("/rest/rest/groups?version=1&version=1&starting_after=x&starting_after=v1.a+b/c=#y", "v1.a+b/c="),
        ({"href": "/x?starting_after=v1.abc", "meta": {}}, "v1.abc"),
        ({"href": None}, None), ({}, None), (None, None),
        ("/groups?limit=10", ""), ("/groups?ending_before=v1.abc", ""), ("", None), (" ", None), ({"href": ""}, None),
    ],
)  # fmt: skip
def test_only_the_cursor_is_taken_from_a_link(link: Any, cursor: str | None) -> None:
    page = open_page(answer({"data": [], "links": {"next": link}, "meta": {"n": 1}}), Group).decode()
    assert (page.next_cursor, page.prev_cursor, page.meta) == (cursor, None, {"n": 1})


@pytest.mark.parametrize("links", [{}, None, "absent"])
def test_no_links_is_the_end(links: Any) -> None:
    document = {"data": [], "meta": [1]} | ({} if links == "absent" else {"links": links})
    page = open_page(answer(document), Group).decode()
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
        open_page(answer({"data": [], "links": links}), Group).decode()
    assert caught.value.path == path


@given(cursor=st.text(min_size=1), spelling=st.sampled_from([lambda c: quote(c, safe=""), quote,
       lambda c: urlencode({"c": c}, quote_via=quote)[2:]]))  # fmt: skip
def test_any_cursor_comes_out_as_it_went_in(cursor: str, spelling: Callable[[str], str]) -> None:
    cursor = cursor.encode("utf-8", "replace").decode()
    link = f"/groups?limit=10&ending_before={spelling(cursor)}&version=1"
    page = open_page(answer({"data": [], "links": {"prev": link}}), Group).decode()
    assert page.prev_cursor == cursor


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


def test_problems_and_errors_show_no_secret_of_a_cursor_or_an_id() -> None:
    document = {"data": [{"id": "id-t0ken-value", "type": "group", "attributes": {"name": 5}}], "links": {}}
    document["links"] = {"next": "/groups?starting_after=next-t0ken-value"}

    def redact(text: str) -> str:
        return text.replace("t0ken-value", "***")

    with pytest.raises(DecodeError) as caught:
        open_page(answer(document), Group, cursor="on-t0ken-value", redact=redact).decode()
    assert (caught.value.record_id, caught.value.cursor) == ("id-***", "on-***")
    page = open_page(
        answer(document), Group, cursor="on-t0ken-value", on_decode_error="skip", redact=redact
    ).decode()
    assert "t0ken" not in repr((page.problems, str(page.problems[0]), caught.value))
    assert (page.problems[0].id, page.problems[0].cursor) == ("id-***", "on-***")
    assert page.next_cursor == "next-t0ken-value", "which is what the API wants to see again"


def test_a_problem_does_not_say_more_of_an_id_than_it_needs() -> None:
    document = {"data": [{"id": "x" * 100_000, "type": "group", "attributes": {"name": 5}}], "links": {}}
    page = open_page(answer(document), Group, on_decode_error="skip").decode()
    assert len(str(page.problems[0])) < 300
