"""What an error's body says, whatever its form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.resources import ANY_JSON

from groups_sdk import ErrorObject
from groups_sdk._jsonapi import decode_errors, is_error_document

pytestmark = pytest.mark.usefixtures("both_parsers")


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
        (b"<!DOCTYPE html><style>a{}</style ><!-- a > b --><p>Down&nbsp;&lt;now&gt;</p><!-- no end",
         [ErrorObject(detail="Down <now>")]),
        (b"<title>502 Bad Gateway\n</title><title>x</title>", [ErrorObject(detail="502 Bad Gateway")]),
        (b"caf\xe9", [ErrorObject(detail="caf\ufffd")]),
        (b"a < b and c > d", [ErrorObject(detail="a < b and c > d")]),
        (b'"no"', [ErrorObject(detail="no")]),
        ({"detail": "limit < 10 or limit > 100"}, [ErrorObject(detail="limit < 10 or limit > 100")]),
        ({"detail": "a\u202eb\r\nc\u0000"}, [ErrorObject(detail="a\u202eb\r\nc\u0000")]),
        ({"detail": " \n", "title": " a "}, [ErrorObject(title=" a ")]),
        ({"errors": [], "message": "M"}, [ErrorObject(detail="M")]),
        ({"errors": "E"}, [ErrorObject(detail="E")]),
        ({"errors": {"detail": "D", "status": True, "code": 1.5, "title": ""}}, [ErrorObject(detail="D")]),
        ({"errors": [[["x"]]]}, []),
        (b"a\x00b\x1b[31m", [ErrorObject(detail="a\x00b\x1b[31m")]),
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


@pytest.mark.parametrize(
    "body",
    [
        b"&#" + b"9" * 6000,
        b"<title>&#" + b"9" * 6000,
        b'{"status": ' + b"9" * 6000 + b"}",
        *(piece * 100_000 for piece in (b"<title", b"<script", b"<!--", b"<a ", b"< ", b"&#9", b"[")),
        b'{"errors":' * 900 + b"1" + b"}" * 900,
        b'{"detail": "\\ud800"}',
        b"\xff\xfe{\x00}\x00",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_hostile_bodies_are_read_without_an_error(body: bytes) -> None:
    assert all(isinstance(entry, ErrorObject) for entry in decode_errors(body))


def test_only_the_beginning_of_a_page_is_read() -> None:
    assert decode_errors(b"<br>" * 5000 + b"too late") == ()


def test_entries_past_the_hundredth_are_left_out() -> None:
    assert len(decode_errors(json.dumps({"errors": [{"detail": "x"}] * 1000}).encode())) == 100


@pytest.mark.parametrize(
    ("body", "from_api"),
    [
        ('{"errors": [{"status": "404", "detail": "no such membership"}]}', True),
        ('{"jsonapi": {"version": "1.0"}, "errors": [{"id": "1", "status": "404", "detail": ""}]}', True),
        ('{"errors": [{"status": "404", "detail": "no"}, {"title": "no"}]}', False),
        ('{"errors": [{"status": 404, "detail": "no"}]}', False),
        ('{"errors": ["not found"]}', False),
        ('{"errors": []}', False),
        ('{"errors": {"status": "404", "detail": "no"}}', False),
        ('{"message": "no Route matched with those values"}', False),
        ('{"status": "404", "detail": "not found"}', False),
        ('[{"status": "404", "detail": "not found"}]', False),
        ("<html><title>404 Not Found</title></html>", False),
        ('{"errors": [{"status": "404", "detail": "cut off', False),
        ("[" * 100_000, False),
        ("", False),
    ],
)
def test_a_document_of_the_api_is_told_from_what_a_gateway_says(body: str, from_api: bool) -> None:
    assert is_error_document(body.encode()) is from_api
