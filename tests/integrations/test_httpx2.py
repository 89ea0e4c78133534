"""Clients and transports of httpx2, a fork of httpx: they are taken as httpx's are, and fail with the same errors."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx
import pytest
from support.counted import CountedServer, counted_server
from support.faults import FAULTS
from support.hostile import (
    GOOD,
    GROUP,
    LIMIT,
    ONE_GROUP,
    TWICE,
    HostileServer,
    call,
    client_of,
    hostile_server,
)
from support.loopback import served
from support.stalling import PATIENCE, STALLED, group_id

from groups_sdk import (
    ApiError,
    AsyncGroupsClient,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    DecodeError,
    ForbiddenError,
    GroupsClient,
    GroupsError,
    OAuthClientCredentials,
    RequestTimeoutError,
    RetryPolicy,
)
from groups_sdk.testing import FakeSnyk

httpx2 = pytest.importorskip("httpx2", reason="httpx2 is not installed")

ONCE = RetryPolicy(max_attempts=1)
ME = group_id(1)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


@pytest.fixture
def counted() -> Iterator[CountedServer]:
    with counted_server() as running:
        yield running


@asynccontextmanager
async def handed_in(way: str, **options: Any) -> AsyncGenerator[dict[str, Any]]:
    """Connections of httpx2, as an argument of the client."""
    if way == "transport":
        yield {"transport": httpx2.AsyncHTTPTransport()}
    else:
        async with httpx2.AsyncClient(**options) as http:
            yield {"http_client": http}
            assert not http.is_closed  # that is for its owner to do


# Calls


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["transport", "http_client"])
async def test_the_asynchronous_client_sends_with_httpx2(way: str) -> None:
    fake = FakeSnyk.example()
    fake.add_oauth_client("client-id", "client-secret")
    credentials = OAuthClientCredentials("client-id", "client-secret")
    with served(fake) as url:
        async with (
            handed_in(way) as options,
            AsyncGroupsClient(credentials, base_url=url, **options) as client,
        ):
            members = await client.list_memberships(fake.group_id, limit=10).collect()
            assert len(members) == 36
            await client.delete_membership(fake.group_id, members[0].id, cascade=True)
            created = await client.create_membership(
                fake.group_id, user_id=members[0].user.id, role_id=members[1].role.id
            )
            await client.update_membership(fake.group_id, created.id, role_id=members[0].role.id)
    assert len(fake.memberships(fake.group_id)) == 36


@pytest.mark.parametrize("way", ["transport", "http_client"])
def test_the_synchronous_client_sends_with_httpx2(way: str) -> None:
    fake = FakeSnyk.example()
    # The client's own event loop ends with it: nobody could close a connection later that is kept open.
    unkept = httpx2.Limits(max_keepalive_connections=0)
    options: dict[str, Any] = {"transport": httpx2.AsyncHTTPTransport()}
    if way == "http_client":
        options = {"http_client": httpx2.AsyncClient(limits=unkept)}
    with served(fake) as url, GroupsClient(fake.TOKEN, base_url=url, **options) as client:
        assert len(list(client.list_memberships(fake.group_id, limit=10))) == 36
        with pytest.raises(ApiError):
            client.get_group(GROUP)


@pytest.mark.anyio
async def test_transports_of_httpx2_that_reach_no_network() -> None:
    fake = FakeSnyk.example()
    async with AsyncGroupsClient(fake.TOKEN, transport=httpx2.ASGITransport(app=fake)) as client:
        assert (await client.get_group(fake.group_id)).name == "Engineering"

    def answer(request: Any) -> Any:
        assert request.headers["authorization"] == "token t0ken"
        assert request.method == "GET" or json.loads(request.content)
        status, body = GOOD[request.method]
        return httpx2.Response(status, content=body)

    async with AsyncGroupsClient("t0ken", transport=httpx2.MockTransport(answer)) as client:
        await call(client, "GET")
        await call(client, "PATCH")
    with GroupsClient("t0ken", transport=httpx2.MockTransport(answer)) as sync:
        assert sync.get_group(GROUP).name == "Engineering"


@pytest.mark.anyio
async def test_event_hooks_of_a_client_of_httpx2_see_requests_and_answers(server: HostileServer) -> None:
    seen: list[str] = []

    async def on_request(request: Any) -> None:
        seen.append(f"{request.method} {request.url.path}")

    async def on_response(response: Any) -> None:
        await response.aread()
        seen.append(f"{response.status_code} {response.json()['data']['id']}")

    hooks = {"request": [on_request], "response": [on_response]}
    async with httpx2.AsyncClient(event_hooks=hooks) as http:
        client = client_of(server, http_client=http)
        await call(client, "GET")
        server.acts.put(lambda e: e.answer(200, b" " * (LIMIT + 1)))
        hooks["response"].clear()
        http.event_hooks = {"response": [_read]}
        with pytest.raises(DecodeError, match="max_response_bytes"):
            await call(client, "GET")
        await client.aclose()
    assert seen == [f"GET /rest/groups/{GROUP}", f"200 {GROUP}"]


async def _read(response: Any) -> None:
    await response.aread()


@pytest.mark.anyio
async def test_credentials_do_not_go_along_a_redirect_that_the_client_of_httpx2_would_follow(
    server: HostileServer,
) -> None:
    with hostile_server() as elsewhere:
        async with httpx2.AsyncClient(follow_redirects=True, auth=("user", "password")) as http:
            client = client_of(server, http_client=http)
            target = f"location: {elsewhere.url}/rest/groups/{GROUP}"
            server.acts.put(lambda e: e.answer(302, b"", target))
            with pytest.raises(ApiError) as caught:
                await call(client, "GET")
            await client.aclose()
        assert caught.value.status_code == 302
        assert elsewhere.connections == 0
    assert [asked.headers["authorization"] for asked in server.asked] == ["token t0ken"]


# Failures

# A Location that is no URL, of a redirect that nobody follows: httpx fails, and httpx2 hands the answer on.
NO_URLS = {"a redirect to a host that cannot be", "a redirect to something else than a page"}


async def outcome(server: HostileServer, name: str, method: str, options: dict[str, Any]) -> tuple[Any, ...]:
    for _ in range(TWICE.max_attempts):
        server.acts.put(FAULTS[name].act)
    before = len(server.asked)
    async with client_of(server, **options) as client:
        with pytest.raises(GroupsError) as caught:
            await call(client, method)
        asked = len(server.asked) - before
        while not server.acts.empty():
            server.acts.get_nowait()
        connections = server.connections
        await call(client, method)  # it goes on
    error = caught.value
    reused = None if FAULTS[name].reused is None else server.connections == connections
    link = error.__cause__ or error.__context__
    return type(error), str(error), error.maybe_applied, asked, reused, link


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_the_same_error_as_with_httpx(name: str, method: str, server: HostileServer) -> None:
    def telling(library: Any) -> Any:
        class Telling(library.AsyncHTTPTransport):  # type: ignore[misc, name-defined] # of either library
            async def handle_async_request(self, request: Any) -> Any:
                response = await super().handle_async_request(request)
                server.head_read.set()
                return response

        return Telling()

    with_httpx, with_httpx2 = [
        await outcome(server, name, method, {"transport": telling(library)}) for library in (httpx, httpx2)
    ]
    if name in NO_URLS:
        assert with_httpx2[0] is ApiError
        assert "302: no explanation in the answer" in with_httpx2[1]
    else:
        assert with_httpx2 == with_httpx


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "kind", "sent"),
    [
        ("ConnectError", ConnectionFailedError, False),
        ("ConnectTimeout", RequestTimeoutError, False),
        ("PoolTimeout", RequestTimeoutError, False),
        ("ProxyError", ConnectionFailedError, False),
        ("UnsupportedProtocol", ConnectionFailedError, False),
        ("LocalProtocolError", ConnectionFailedError, True),
        ("InvalidURL", ConnectionFailedError, True),
        ("ReadTimeout", RequestTimeoutError, True),
        ("WriteError", ConnectionFailedError, True),
        ("RemoteProtocolError", ConnectionFailedError, True),
        ("DecodingError", ConnectionFailedError, True),
        ("StreamError", ConnectionFailedError, True),
    ],
)
async def test_every_failure_of_httpx2_is_one_of_ours(
    failure: str, kind: type[GroupsError], sent: bool
) -> None:
    messages: list[str] = []
    for library in (httpx, httpx2):

        def fail(_: Any, library: Any = library) -> Any:
            raise getattr(library, failure)("secret-t0ken is what it says")

        transport = library.MockTransport(fail)
        async with AsyncGroupsClient("secret-t0ken", transport=transport, retries=ONCE) as client:
            with pytest.raises(kind) as caught:
                await call(client, "PATCH")
        assert caught.value.maybe_applied is sent
        assert caught.value.__context__ is None
        messages.append(str(caught.value))
    assert "secret-t0ken" not in messages[0]
    assert messages[0] == messages[1]


@pytest.mark.anyio
@pytest.mark.parametrize("failure", ["LocalProtocolError", "UnsupportedProtocol", "ProxyError"])
async def test_what_would_fail_in_the_same_way_is_not_repeated(failure: str) -> None:
    attempts = 0

    def fail(_: Any) -> Any:
        nonlocal attempts
        attempts += 1
        raise getattr(httpx2, failure)("407 Proxy Authentication Required")

    async with AsyncGroupsClient("t0ken", transport=httpx2.MockTransport(fail), retries=TWICE) as client:
        with pytest.raises(ConnectionFailedError):
            await call(client, "GET")
    assert attempts == 1


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["transport", "http_client"])
async def test_nobody_listening_is_a_failed_connection_that_was_not_sent(way: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with (
        handed_in(way) as options,
        AsyncGroupsClient("t0ken", base_url=url, retries=TWICE, **options) as client,
    ):
        with pytest.raises(ConnectionFailedError, match="connection refused") as caught:
            await call(client, "PATCH")
    assert (caught.value.maybe_applied, caught.value.attempts) == (False, 2)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("how", ["transport", "http_client", "read by a hook"])
async def test_a_second_answer_to_one_request_is_not_taken_for_the_answer_to_the_next(
    how: str, method: str, server: HostileServer
) -> None:
    """It is what is private in httpx2 and httpcore2 that tells of it; when that changes, this fails."""
    answer, left_over = (
        b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        for body in (ONE_GROUP, GOOD["POST"][1])
    )
    server.acts.put(lambda e: e.send(answer + left_over))
    server.acts.put(lambda e: e.answer(403))
    hooks = {"response": [_read] if how == "read by a hook" else []}
    async with handed_in(how, event_hooks=hooks) as options, client_of(server, **options) as client:
        await call(client, "GET")
        with pytest.raises(ForbiddenError):
            await call(client, method)
        await call(client, method)
    assert [asked.connection for asked in server.asked] == [1, 2, 2]


# Shorter tokens are not looked for in texts.
SHOWN: dict[str, Any] = {"token": "secret-t0ken", "retries": ONCE}


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["transport", "http_client"])
@pytest.mark.parametrize("act", ["200", "500", "hang up"])
async def test_nothing_that_is_logged_shows_the_token(
    act: str, way: str, server: HostileServer, caplog: pytest.LogCaptureFixture
) -> None:
    if act == "500":
        server.acts.put(lambda e: e.answer(500, repr(e.asked.headers).encode()))
    elif act == "hang up":
        server.acts.put(lambda e: e.hang_up())
    with caplog.at_level(logging.DEBUG):
        async with (
            handed_in(way) as options,
            client_of(server, token="secret-t0ken", retries=ONCE, **options) as client,
        ):
            try:
                await call(client, "GET")
            except GroupsError as error:
                assert "secret-t0ken" not in f"{error!r}{error.__dict__}"
                assert act != "200"
    assert {"httpcore2.http11", "groups_sdk"} <= {record.name for record in caplog.records}
    assert "secret-t0ken" not in caplog.text
    assert server.asked[0].headers["authorization"] == "token secret-t0ken"


# The end


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["transport", "http_client"])
async def test_closing_ends_the_calls_under_way_and_their_connections(
    way: str, counted: CountedServer
) -> None:
    async with handed_in(way) as options:
        client = AsyncGroupsClient("t0ken", base_url=counted.url, deadline=None, timeout=None, **options)
        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as calls:

                async def change() -> None:
                    with pytest.raises(ClientClosedError) as caught:
                        await client.update_membership(ME, STALLED, role_id=ME)
                    assert caught.value.maybe_applied

                calls.start_soon(change)
                await anyio.to_thread.run_sync(counted.arrived.get)
                await client.aclose()
        await anyio.to_thread.run_sync(counted.wait_until_open, 0)


@pytest.mark.anyio
async def test_a_client_of_httpx2_that_its_owner_has_closed(server: HostileServer) -> None:
    http = httpx2.AsyncClient()
    await http.aclose()
    async with client_of(server, http_client=http) as client:
        with pytest.raises(ClientClosedError, match="the connections are closed"):
            await call(client, "PATCH")
    assert server.connections == 0


# What is not taken


@pytest.mark.parametrize("client_class", [AsyncGroupsClient, GroupsClient])
def test_a_synchronous_client_is_refused_in_plain_words(client_class: Any) -> None:
    with httpx2.Client() as http:
        with pytest.raises(ConfigurationError) as caught:
            client_class("t0ken", http_client=http)
    assert str(caught.value) == (
        "http_client must be an httpx.AsyncClient or an httpx2.AsyncClient, for GroupsClient too; got httpx2.Client"
    )


@pytest.mark.anyio
async def test_a_client_where_a_transport_belongs_is_refused_and_the_other_way_round() -> None:
    async with httpx2.AsyncClient() as http, httpx2.AsyncHTTPTransport() as transport:
        with pytest.raises(ConfigurationError) as caught:
            AsyncGroupsClient("t0ken", transport=http)
        assert str(caught.value) == "transport: httpx2.AsyncClient is a client; pass it as http_client="
        with pytest.raises(ConfigurationError) as caught:
            AsyncGroupsClient("t0ken", http_client=transport)
        assert (
            str(caught.value)
            == "http_client: httpx2.AsyncHTTPTransport is a transport; pass it as transport="
        )


# Who has no httpx2


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_httpx2_is_not_imported_where_nothing_of_it_is_handed_in() -> None:
    run(
        "import sys, httpx\n"
        "from groups_sdk import ConfigurationError, GroupsClient\n"
        "from groups_sdk.testing import FakeSnyk\n"
        "fake = FakeSnyk.example()\n"
        "with fake.client() as client: client.get_group(fake.group_id)\n"
        "http = httpx.AsyncClient(transport=fake.transport())\n"
        "with fake.client(http_client=http) as client: client.get_group(fake.group_id)\n"
        "try: GroupsClient('t0ken', transport=object())\n"
        "except ConfigurationError: pass\n"
        "assert 'httpx2' not in sys.modules\n"
    )


def test_an_application_that_has_httpx2_stand_in_for_httpx() -> None:
    run(
        "import httpx2\n"
        "httpx2.alias_httpx()\n"
        "from groups_sdk import ConnectionFailedError, GroupsClient, RetryPolicy\n"
        "from groups_sdk.testing import FakeSnyk\n"
        "fake = FakeSnyk.example()\n"
        "with fake.client() as client: assert client.get_group(fake.group_id).name == 'Engineering'\n"
        "once = RetryPolicy(max_attempts=1)\n"
        "with GroupsClient('t0ken', base_url='http://127.0.0.1:9', retries=once) as client:\n"
        "    try: client.get_group(fake.group_id)\n"
        "    except ConnectionFailedError as error: assert not error.maybe_applied\n"
        "    else: raise AssertionError\n"
    )
