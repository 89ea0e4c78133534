"""What a server sends is escaped wherever a person reads it, and raw wherever a program does.

One hostile text stands in every place that a server's words can come from.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.hostile import GROUP, ONE_GROUP, Act, HostileServer, call, client_of, hostile_server
from support.running import call as run_command

from groups_sdk import (
    ApiDeprecationWarning,
    ApiError,
    ApiResponse,
    AsyncGroupsClient,
    ConnectionFailedError,
    DecodeError,
    ErrorObject,
    GroupsError,
    Headers,
    OAuthClientCredentials,
    PaginationError,
)
from groups_sdk._terminal import printable
from groups_sdk.testing import FakeSnyk

# ESC, NEL, line and paragraph separators, an override, an isolate, no width, a filler, a variation selector.
HEADER = "a\x1b[2J\x85\u2028\u2029\u202e\u2066\u200b\ufeff\u3164\ufe0fz"
TEXT = f"{HEADER}\r\nCRITICAL:groups_sdk:forged\x00\x7f\x9b31m"
ESCAPED = r"a\x1b[2J\x85\u2028\u2029\u202e\u2066\u200b\ufeff\u3164\ufe0fz"
UNSEEN = {character for character in TEXT if not 0x20 <= ord(character) < 0x7F}


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def assert_harmless(text: str) -> None:
    assert not UNSEEN & set(text)


def assert_no_line_is_forged(text: str) -> None:
    """For texts that have lines of their own."""
    assert not (UNSEEN - {"\n"}) & set(text)
    assert not re.search(r"^CRITICAL|^\S*forged", text, re.MULTILINE)


def assert_error_is_harmless(error: BaseException) -> None:
    assert_harmless(str(error) + repr(error))
    assert_no_line_is_forged("".join(traceback.format_exception(error)))


def in_members(**members: Any) -> bytes:
    return json.dumps({"errors": [{"status": "400", "detail": "d"} | members]}).encode()


def answer(status: int, body: bytes = b"", *headers: str) -> Act:
    return lambda exchange: exchange.answer(status, body, *headers)


PLACES: dict[str, tuple[Act, type[GroupsError]]] = {
    "detail": (answer(400, in_members(detail=TEXT)), ApiError),
    "title": (answer(400, in_members(detail="", title=TEXT)), ApiError),
    "code": (answer(400, in_members(code=TEXT)), ApiError),
    "pointer": (answer(400, in_members(source={"pointer": TEXT})), ApiError),
    "parameter": (answer(400, in_members(source={"parameter": TEXT})), ApiError),
    "message": (answer(500, json.dumps({"message": TEXT, "error": TEXT}).encode()), ApiError),
    "text": (answer(502, TEXT.encode()), ApiError),
    "page": (answer(502, f"<title>{TEXT}</title>".encode()), ApiError),
    "page with entities": (answer(502, b"<title>a&#27;[2J&#8238;&#10;CRITICAL:forged</title>"), ApiError),
    "request id of an error": (answer(503, b"", f"snyk-request-id: {HEADER}"), ApiError),
    "request id of no JSON": (answer(200, b"<", f"snyk-request-id: {HEADER}"), DecodeError),
    "content type": (answer(200, b"<", f"content-type: {HEADER}"), DecodeError),
    "content encoding": (answer(200, ONE_GROUP, f"content-encoding: {HEADER}"), DecodeError),
    "redirect": (answer(302, b"", f"location: /{HEADER}"), GroupsError),
    "redirect that is no URL": (answer(302, b"", f"location: http://[{HEADER}"), ConnectionFailedError),
    "redirect to no host": (answer(302, b"", f"location: http://{HEADER}.example/"), GroupsError),
    "status line": (
        lambda e: (e.send(f"HTTP/1.1 {HEADER}\r\n\r\n".encode()), e.hang_up()),
        ConnectionFailedError,
    ),
    "header that is none": (
        lambda e: (e.send(f"HTTP/1.1 200 OK\r\n{HEADER}\r\n\r\n".encode()), e.hang_up()),
        ConnectionFailedError,
    ),
}


@pytest.mark.anyio
@pytest.mark.parametrize("place", PLACES)
async def test_errors_and_the_log_escape_what_a_server_says(
    place: str, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    act, kind = PLACES[place]
    caplog.set_level(logging.DEBUG, "groups_sdk")
    async with client_of(server) as client:
        for _ in range(2):
            server.acts.put(act)
        with pytest.raises(kind) as caught:
            await call(client, "GET")
    assert_error_is_harmless(caught.value)
    lines = [record.getMessage() for record in caplog.records]
    assert lines
    for line in lines:
        assert_harmless(line)


@pytest.mark.anyio
async def test_the_answer_of_the_token_endpoint_is_escaped(server: HostileServer) -> None:
    server.acts.put(answer(400, json.dumps({"error": TEXT, "error_description": TEXT}).encode()))
    credentials = OAuthClientCredentials("client-id", "client-secret")
    async with AsyncGroupsClient(credentials, base_url=server.url) as client:
        with pytest.raises(ApiError) as caught:
            await call(client, "GET")
    assert_error_is_harmless(caught.value)
    assert ESCAPED in str(caught.value)


@pytest.mark.anyio
async def test_data_is_as_it_came(server: HostileServer) -> None:
    answers: list[ApiResponse] = []
    names = ("snyk-request-id", "snyk-version-served", "content-type", "x-other")
    headers = [f"{name}: {HEADER}" for name in names]
    group = json.dumps({"data": {"id": GROUP, "type": "group", "attributes": {"name": TEXT}}}).encode()
    async with client_of(server, on_response=answers.append) as client:
        server.acts.put(answer(200, group, *headers))
        assert (await client.get_group(GROUP)).name == TEXT
        server.acts.put(
            answer(400, in_members(detail=TEXT, title=TEXT, code=TEXT, meta={TEXT: TEXT}), *headers)
        )
        with pytest.raises(ApiError) as caught:
            await client.get_group(GROUP)
    error = caught.value
    assert error.errors == (ErrorObject("400", TEXT, TEXT, TEXT, meta={TEXT: TEXT}),)
    assert (error.detail, error.title, error.code) == (TEXT, TEXT, TEXT)
    assert error.request_id == f"req-1, {HEADER}"
    assert json.loads(error.body)["errors"][0]["detail"] == TEXT
    for response in answers:
        assert [response.headers[name] for name in names[1:]] == [HEADER] * 3
        assert response.version_served == HEADER
        assert_harmless(repr(response) + repr(response.headers))
    assert_harmless(repr(Headers([("a", TEXT)])))


@pytest.mark.anyio
@pytest.mark.parametrize("filtered", ["always", "error"])
async def test_the_warning_of_a_deprecation_is_escaped(
    filtered: Any, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    headers = [f"snyk-version-served: {HEADER}{'x' * 5000}", f"deprecation: {HEADER}", f"sunset: {HEADER}"]
    server.acts.put(answer(200, ONE_GROUP, *headers))
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter(filtered, ApiDeprecationWarning)
        async with client_of(server) as client:
            await client.get_group(GROUP)
    texts = [str(warning.message) for warning in warned if warning.category is ApiDeprecationWarning]
    texts += [record.getMessage() for record in caplog.records if "deprecated" in record.getMessage()]
    (text,) = texts
    assert_harmless(text)
    assert ESCAPED in text
    assert len(text) < 300


@pytest.mark.anyio
async def test_a_long_request_id_is_cut_in_messages(
    server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "groups_sdk")
    server.acts.put(answer(403, b"", f"snyk-request-id: {'x' * 5000}"))
    async with client_of(server) as client:
        with pytest.raises(ApiError) as caught:
            await client.get_group(GROUP)
    assert len(caught.value.request_id or "") > 5000
    assert len(str(caught.value)) < 300
    assert all(len(record.getMessage()) < 300 for record in caplog.records)


@pytest.mark.anyio
async def test_a_cursor_is_escaped_in_messages_and_notes(server: HostileServer) -> None:
    cursor = "".join(f"%{byte:02x}" for byte in TEXT.encode())
    page = json.dumps({"data": [], "links": {"next": f"/groups?starting_after={cursor}"}}).encode()
    async with client_of(server) as client:
        for second, kind in ((answer(200, page), PaginationError), (answer(403), ApiError)):
            server.acts.put(answer(200, page))
            server.acts.put(second)
            with pytest.raises(kind) as caught:
                await client.list_groups().collect()
            assert_error_is_harmless(caught.value)
            if isinstance(caught.value, PaginationError):
                assert caught.value.cursor == TEXT
    assert_harmless("".join(caught.value.__notes__))


NAMED: dict[str, Callable[[AsyncGroupsClient, str], Any]] = {
    "ambiguous": lambda c, group: c.access.find_membership(group, email="twin@example.com"),
    "unknown": lambda c, group: c.access.find_membership(group, username=f"{TEXT}9"),
    "role": lambda c, group: c.access.update_memberships(group, {f"{TEXT}0": "none"}).collect(),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", NAMED)
async def test_names_in_errors_are_escaped(case: str) -> None:
    fake = FakeSnyk()
    group, role = fake.add_group(TEXT), fake.add_role(TEXT)
    for number in range(2):
        user = fake.add_user(name=f"{TEXT}{number}", email="twin@example.com", username=f"{TEXT}{number}")
        fake.add_membership(group.id, user.id, role.id)
    async with fake.async_client() as client:
        with pytest.raises(GroupsError) as caught:
            await NAMED[case](client, group.id)
    assert_error_is_harmless(caught.value)


@pytest.mark.unmeasured
def test_the_command_line_escapes_everything_and_shows_no_token(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = "7b6f9f2e-secret-token-5d41402abc4b"
    monkeypatch.setenv("SNYK_API", server.url)
    monkeypatch.setenv("SNYK_TOKEN", token)
    for place, (act, _) in PLACES.items():
        server.acts.put(
            lambda e: e.answer(
                403, in_members(detail=f"{TEXT} {e.asked.headers} {TEXT}"), f"snyk-request-id: {token}"
            )
        )
        for _ in range(4):
            server.acts.put(act)
        for _ in range(2):
            done = run_command(capsys, "show", GROUP, "--debug", "--deadline", "20")
            assert done.code != 0, place
            assert "Traceback (most recent call last):" in done.err
            assert_no_line_is_forged(done.out + done.err)
            assert token not in done.out + done.err
        while not server.acts.empty():
            server.acts.get()


@pytest.mark.parametrize("character", ["\u034f", "\u1160", "\u2800", "\u3164", "\ufe0f", "\U000e0100"])
def test_what_python_calls_printable_and_nobody_sees_is_escaped(character: str) -> None:
    assert printable(f"a{character}b") == f"a{character.encode('unicode_escape').decode()}b"


@pytest.mark.parametrize("text", ["plain", "Zoë Åkesson 王", "a b", ""])
def test_what_is_printable_stays(text: str) -> None:
    assert printable(text) is text
    assert printable(text, 20) is text


def test_a_long_text_is_cut_before_it_is_escaped() -> None:
    assert printable("\x1b" * 50, 2) == r"\x1b\x1b..."
    assert printable("abc\n", 3) == "abc..."
