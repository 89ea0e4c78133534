"""No secret is shown, whatever goes wrong: in errors, pickles, tracebacks with locals, logs, warnings, records."""

from __future__ import annotations

import base64
import copy
import gc
import html
import json
import logging
import os
import pickle
import re
import traceback
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support import clock
from support.faults import FAULTS, NONSENSE
from support.hostile import GROUP, MEMBER, PATIENCE, ROLE, Act, Exchange, HostileServer, hostile_server
from support.tokens import LOGIN_KEY, cli_login, write_cli_file

from groups_sdk import (
    ApiResponse,
    AsyncGroupsClient,
    BearerToken,
    ConnectionFailedError,
    Credentials,
    GroupsClient,
    GroupsError,
    OAuthClientCredentials,
    RetryPolicy,
    SnykCliCredentials,
)
from groups_sdk.testing import FakeSnyk

TOKEN = "tok-7b6f9f2e-4d3c/+&=="  # with what is encoded in URLs, forms, JSON and HTML
SECRET = "sec-1f2e3d4c-9a8b<+%/"
ISSUED = "iss-5d41402a-bc4b='/+"
SECRETS = (TOKEN, SECRET, ISSUED)
IN_BASE64 = (
    min(len(secret) - 3 for secret in SECRETS) * 4 // 3
)  # characters that a secret has at least, cut at its end
TWICE = RetryPolicy(max_attempts=2, backoff_base=0.0)
GRANT = json.dumps({"access_token": ISSUED, "expires_in": 3600}).encode()


def logged_in() -> SnykCliCredentials:
    file = write_cli_file(Path(os.environ["HOME"]) / "snyk.json", **{LOGIN_KEY: cli_login(TOKEN)})
    return SnykCliCredentials(file)


KINDS: dict[str, Callable[[], str | Credentials]] = {
    "token": lambda: TOKEN,
    "bearer": lambda: BearerToken(TOKEN),
    "oauth": lambda: OAuthClientCredentials("client-id", SECRET),
    "cli": logged_in,
}


class Echo:
    """An answer that repeats the whole request, encoded or not, as some gateways do."""

    def __init__(self, status: int, encode: Callable[[str], str]) -> None:
        self.status, self.encode = status, encode

    def __call__(self, exchange: Exchange) -> None:
        asked = exchange.asked
        sent = f"{asked.headers.get('authorization')} {asked.body.decode()} {asked.headers}"
        exchange.answer(self.status, self.encode(sent).encode())


class EchoInHeaders:
    """An answer whose headers repeat the request, encoded or not."""

    def __init__(self, status: int, encode: Callable[[str], str]) -> None:
        self.status, self.encode = status, encode

    def __call__(self, exchange: Exchange) -> None:
        asked = exchange.asked
        sent = self.encode(f"{asked.headers.get('authorization')} {asked.body.decode()}")
        names = ("snyk-request-id", "snyk-version-served", "content-type", "location")
        headers = [f"{name}: {sent}" for name in names]
        exchange.answer(self.status, b"no JSON", *headers, "deprecation: true")


def in_base64(sent: str) -> str:
    return " ".join(base64.b64encode(f"{'x' * others}{sent}".encode()).decode() for others in range(3))


def in_base64_for_urls(sent: str) -> str:
    return in_base64(sent).translate(str.maketrans("+/", "-_", "="))


def in_json(sent: str) -> str:
    return json.dumps({"errors": [{"detail": sent, "title": sent, "meta": {"a": sent, sent: [sent]}}]})


def in_html(sent: str) -> str:
    return f"<title>{html.escape(sent)}</title>"


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda sent: sent,
    "JSON": in_json,
    "JSON with slashes escaped": lambda sent: in_json(sent).replace("/", r"\/"),
    "JSON with all but letters escaped": lambda sent: in_json(
        re.sub(r"[^\w ]", lambda match: f"@u{ord(match[0]):04x}", sent)
    ).replace("@", "\\"),
    "HTML": in_html,
    "HTML with numbers": lambda sent: (
        f"<p>{re.sub(r'[^a-z0-9 ]', lambda match: f'&#{ord(match[0])};', sent)}"
    ),
    "a URL": lambda sent: urllib.parse.quote(sent, safe=""),
    "a URL in lower case": lambda sent: urllib.parse.quote(sent, safe="").lower(),
    "a form": urllib.parse.quote_plus,
    "upper case": str.upper,
    "lower case": str.lower,
    "base64": in_base64,
    "base64 for URLs": in_base64_for_urls,
    "base64 in JSON": lambda sent: in_json(in_base64(sent)).replace("/", r"\/"),
    "base64 in a URL": lambda sent: urllib.parse.quote(in_base64(sent), safe=""),
}


ACTS: dict[str, Act] = {name: fault.act for name, fault in FAULTS.items()} | NONSENSE
for status in (400, 401, 403, 404, 409, 410, 429, 500):
    ACTS[f"an echo of JSON with {status}"] = Echo(status, in_json)
for encoding, encode in ENCODINGS.items():
    ACTS[f"an echo in {encoding}"] = Echo(502, encode)
for encoding in ("plain", "upper case", "lower case", "a URL", "base64", "base64 for URLs"):
    for status in (200, 503):
        ACTS[f"an echo in headers with {status}, {encoding}"] = EchoInHeaders(status, ENCODINGS[encoding])
ACTS["an echo that is a success"] = Echo(200, in_json)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


def shown(error: BaseException) -> str:
    """All that an error could tell anybody."""
    parts: list[str] = []
    link: BaseException | None = error
    while link is not None:
        parts += [repr(link), str(link), repr(vars(link)), repr(getattr(link, "__notes__", ""))]
        link = link.__cause__ or link.__context__
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    parts += whole.format()
    pickled = pickle.dumps(error)
    parts += [pickled.decode("latin-1"), repr(pickle.loads(pickled)), str(copy.copy(error))]
    return "\n".join(parts)


def assert_silent(text: str) -> None:
    """No secret is in it, in whatever way it is encoded."""
    slashes = re.sub(r"\\+(.)", r"\1", text)
    escapes = re.sub(r"\\+u00(..)", lambda match: chr(int(match[1], 16)), text)
    entities = html.unescape(text)
    decoded = [urllib.parse.unquote(text), urllib.parse.unquote_plus(text)]
    parts: set[str] = set()
    for reading in {text, slashes, escapes, entities, *decoded}:
        assert [secret for secret in SECRETS if secret.lower() in reading.lower()] == []
        parts |= set(re.findall(rf"[A-Za-z0-9+/_-]{{{IN_BASE64},}}", reading.replace(r"\/", "/")))
    for part in parts:
        standard = part.translate(str.maketrans("-_", "+/"))
        for start in range(4):
            piece = standard[start:]
            content = base64.b64decode(piece[: len(piece) // 4 * 4])
            assert [secret for secret in SECRETS if secret[:-3].encode() in content] == []


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """The log, without what httpcore writes at DEBUG: the headers of answers as they came."""
    ours = [
        record for record in caplog.records if not record.getMessage().startswith("receive_response_headers")
    ]
    assert ours
    return "\n".join(map(caplog.handler.format, ours))


def provoke(server: HostileServer, kind: str, act: Act) -> None:
    if kind == "oauth":
        server.acts.put(lambda e: e.answer(200, GRANT))
    for _ in range(2):
        server.acts.put(act)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["token", "bearer", "oauth", "cli"])
@pytest.mark.parametrize("name", ACTS)
async def test_nothing_shows_a_secret_when_the_asynchronous_client_fails(
    name: str, kind: str, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    provoke(server, kind, ACTS[name])
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        client = AsyncGroupsClient(
            KINDS[kind](),
            base_url=server.url,
            retries=TWICE,
            timeout=PATIENCE,
            max_response_bytes=65536,
        )
        async with client:
            try:
                await client.create_membership(GROUP, user_id=MEMBER, role_id=ROLE)
            except GroupsError as error:
                assert_silent(shown(error))
        assert_silent(repr(client) + repr(vars(client)))
    assert_silent(logged(caplog) + "".join(str(w.message) for w in warned))
    sent = [asked.headers["authorization"] for asked in server.asked if "authorization" in asked.headers]
    assert sent[-1].endswith((TOKEN, ISSUED))  # and could have been shown


@pytest.mark.parametrize("kind", ["token", "oauth"])
@pytest.mark.parametrize("name", ACTS)
def test_nothing_shows_a_secret_when_the_synchronous_client_fails(
    name: str, kind: str, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    provoke(server, kind, ACTS[name])
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        client = GroupsClient(
            KINDS[kind](),
            base_url=server.url,
            retries=TWICE,
            timeout=PATIENCE,
            backend_options=clock.options("asyncio"),
            max_response_bytes=65536,
        )
        with client:
            try:
                client.update_membership(GROUP, MEMBER, role_id=ROLE)
            except GroupsError as error:
                assert_silent(shown(error))
        assert_silent(repr(client) + repr(vars(client)))
    assert_silent(logged(caplog) + "".join(str(w.message) for w in warned))


@pytest.mark.parametrize("name", ACTS)
def test_nothing_shows_the_client_secret_when_no_access_token_is_to_be_had(
    name: str, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        server.acts.put(ACTS[name])
    with caplog.at_level(logging.DEBUG):
        with GroupsClient(
            KINDS["oauth"](),
            base_url=server.url,
            retries=TWICE,
            timeout=PATIENCE,
            backend_options=clock.options("asyncio"),
            max_response_bytes=65536,
        ) as client:
            with pytest.raises(GroupsError) as caught:
                client.get_group(GROUP)
    assert_silent(shown(caught.value) + logged(caplog))
    assert {asked.target for asked in server.asked} == {"/oauth2/token"}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_shows_a_secret_when_a_call_is_cancelled_or_the_client_closed(
    kind: str, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    provoke(server, kind, Exchange.say_nothing)
    failures: list[BaseException] = []

    async def call(client: AsyncGroupsClient) -> None:
        try:
            await client.get_group(GROUP)
        except BaseException as error:
            failures.append(error)
            raise

    with caplog.at_level(logging.DEBUG):
        async with AsyncGroupsClient(KINDS[kind](), base_url=server.url, timeout=None) as client:
            with anyio.move_on_after(PATIENCE / 2):
                await call(client)
        with pytest.raises(GroupsError) as caught:
            await client.get_group(GROUP)
    assert len(failures) == 1
    for error in (caught.value, *failures):
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        assert_silent("".join(whole.format()) if isinstance(error, GroupsError) else repr(error))
    assert_silent(caplog.text)


class Stalled(httpx.AsyncBaseTransport):
    """Holds what httpcore holds while it sends: the headers as they are."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = request.headers.raw
        await anyio.sleep_forever()
        raise AssertionError(headers)


@pytest.mark.anyio
async def test_the_traceback_of_a_cancellation_has_no_frame_that_holds_a_secret() -> None:
    shown = ""

    async def call() -> None:
        nonlocal shown
        try:
            await client.list_memberships(GROUP, email="ada@example.com").collect()
        except BaseException as error:
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            raise

    async with AsyncGroupsClient(TOKEN, transport=Stalled()) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert "in exchange" in shown
    assert TOKEN not in shown
    assert "ada%40" not in shown
    assert "handle_async_request" not in shown


class Buggy(httpx.AsyncBaseTransport):
    """Raises what nobody expects, with the headers in its frame as httpcore has them."""

    def __init__(self, *problems: Exception) -> None:
        self.problems = list(problems)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = request.headers.raw
        raise self.problems.pop(0) if headers else AssertionError


@pytest.mark.anyio
async def test_an_unexpected_exception_leaves_its_frames_behind() -> None:
    async with AsyncGroupsClient(TOKEN, transport=Buggy(RuntimeError("a bug"))) as client:
        with pytest.raises(
            ConnectionFailedError, match=r"^listGroupMemberships: RuntimeError: a bug$"
        ) as caught:
            await client.list_memberships(GROUP, email="ada@example.com").collect()
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "in handle_async_request" in shown
    assert TOKEN not in shown
    assert "ada%40" not in shown


@pytest.mark.anyio
@pytest.mark.parametrize(
    "problem", [RuntimeError(f"Bearer {TOKEN}"), ExceptionGroup("several", [RuntimeError("a bug")])]
)
async def test_an_unexpected_exception_that_may_show_secrets_is_not_kept(problem: Exception) -> None:
    async with AsyncGroupsClient(TOKEN, transport=Buggy(problem)) as client:
        with pytest.raises(ConnectionFailedError) as caught:
            await client.delete_membership(GROUP, MEMBER)
    assert caught.value.__cause__ is None
    assert TOKEN not in str(caught.value)
    assert caught.value.maybe_applied


@pytest.mark.parametrize("kind", KINDS)
def test_the_fake_keeps_no_secret_in_its_record(kind: str) -> None:
    fake = FakeSnyk.example()
    fake.add_token(TOKEN)
    fake.add_token(TOKEN, scheme="bearer")
    fake.add_oauth_client("client-id", SECRET)
    with fake.client(token=KINDS[kind]()) as client:
        client.get_group(fake.group_id)
        with pytest.raises(GroupsError):
            client.get_group(GROUP)
    assert_silent(repr(fake.requests) + repr(fake))


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_leads_to_no_secret(kind: str, server: HostileServer) -> None:
    """Nothing that it holds has one in it; tools that keep or send errors walk along all of that."""
    provoke(server, kind, Echo(500, in_json))
    with GroupsClient(KINDS[kind](), base_url=server.url, retries=TWICE) as client:
        with pytest.raises(GroupsError) as caught:
            client.delete_membership(GROUP, MEMBER)
    del client
    seen: set[int] = set()
    todo: list[Any] = [caught.value.args, vars(caught.value)]
    while todo:
        thing = todo.pop()
        if id(thing) not in seen and not isinstance(thing, type):
            seen.add(id(thing))
            if isinstance(thing, str | bytes):
                assert_silent(str(thing))
            todo += gc.get_referents(thing)


@pytest.mark.parametrize(
    "text", ["100%252525252F", r"C:\\\\\\\\x", "&amp;amp;amp;amp;lt;", "50% &nope; \\u00zz &#0; &#9999999;"]
)
def test_what_an_error_says_stays_as_it_is_where_there_is_no_secret(text: str) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=400, body=text)
    with fake.client() as client:
        with pytest.raises(GroupsError) as caught:
            client.get_group(fake.group_id)
    assert vars(caught.value)["body"] == text


@pytest.mark.anyio
async def test_a_cursor_that_repeats_the_token_is_not_shown(server: HostileServer) -> None:
    page = json.dumps({"data": [], "links": {"next": f"/groups?starting_after={TOKEN}%26"}}).encode()
    async with AsyncGroupsClient(TOKEN, base_url=server.url, retries=TWICE) as client:
        for second in (lambda e: e.answer(200, page), lambda e: e.answer(403)):
            server.acts.put(lambda e: e.answer(200, page))
            server.acts.put(second)
            with pytest.raises(GroupsError) as caught:
                await client.list_groups().collect()
            assert_silent("".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)))
    assert "resumed here with starting_after='***" in caught.value.__notes__[0]


@pytest.mark.anyio
async def test_the_headers_of_an_answer_show_no_secret_and_otherwise_are_as_they_came(
    server: HostileServer,
) -> None:
    answers: list[ApiResponse] = []
    async with AsyncGroupsClient(TOKEN, base_url=server.url, on_response=answers.append) as client:
        server.acts.put(lambda e: e.answer(200, b"{}", f"x-echo: <{TOKEN.upper()}>", "x-other: a%20b"))
        await client.request("GET", "/self")
    assert answers[0].headers["x-echo"] == "<***>"
    assert answers[0].headers["x-other"] == "a%20b"


@pytest.mark.anyio
async def test_a_short_token_is_not_looked_for_in_texts() -> None:
    async with AsyncGroupsClient("t", transport=httpx.MockTransport(fail), retries=TWICE) as client:
        with pytest.raises(GroupsError, match="ConnectError: the cat sat"):
            await client.list_groups().first()


def fail(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("the cat sat")
