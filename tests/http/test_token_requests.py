"""Calls of a service account: access tokens are fetched, renewed, refused; what becomes of the call meanwhile."""

from __future__ import annotations

import pickle
from typing import Any

import anyio
import httpx
import pytest
from support.scripted import (
    GROUP,
    OAUTH,
    ONE_GROUP,
    Script,
    client_for,
    remove,
)

from groups_sdk import (
    ConnectionFailedError,
    DecodeError,
    ServerError,
    UnauthorizedError,
)


class OAuthServer(httpx.AsyncBaseTransport):
    """Issues tokens T1, T2, ... and takes only the newest that was not revoked."""

    def __init__(self) -> None:
        self.issued = 0
        self.good: str | None = None
        self.forms: list[bytes] = []
        self.token_answers: list[httpx.Response] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        if request.url.path == "/oauth2/token":
            self.forms.append(request.content)
            if self.token_answers:
                return self.token_answers.pop(0)
            self.issued += 1
            self.good = f"issued-token-{self.issued}"
            return httpx.Response(200, json={"access_token": self.good, "expires_in": 3600})
        if request.headers["authorization"] != f"Bearer {self.good}":
            return httpx.Response(401)
        return httpx.Response(200, json=ONE_GROUP)


@pytest.mark.anyio
async def test_an_access_token_is_fetched_once_and_renewed_after_a_401() -> None:
    server = OAuthServer()
    async with client_for(server, token=OAUTH) as client:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(client.get_group, GROUP)
        assert server.issued == 1
        server.good = None
        await client.get_group(GROUP)
    assert server.issued == 2
    assert b"grant_type=client_credentials" in server.forms[0]


@pytest.mark.anyio
async def test_a_second_401_is_final() -> None:
    server = OAuthServer()
    async with client_for(server, token=OAUTH) as client:
        await client.get_group(GROUP)
        server.token_answers = [httpx.Response(200, json={"access_token": "wrong", "expires_in": 9})]
        server.good = None
        with pytest.raises(UnauthorizedError):
            await client.get_group(GROUP)


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 403])
async def test_refused_client_credentials_are_an_authorization_error(status: int) -> None:
    server = OAuthServer()
    body = {"error": "invalid_client", "error_description": "no such client"}
    server.token_answers = [httpx.Response(status, json=body)]
    async with client_for(server, token=OAUTH) as client:
        with pytest.raises(UnauthorizedError, match="no such client"):
            await client.get_group(GROUP)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"access_token": 5}',
        b'{"access_token": "a b"}',
        b'{"access_token": ""}',
        b'{"access_token": "x", "expires_in": %s}' % (b"9" * 5000),
        b"[" * 100_000,
    ],
)
async def test_an_odd_answer_of_the_token_endpoint_is_a_decode_error(body: bytes) -> None:
    server = OAuthServer()
    server.token_answers = [httpx.Response(200, content=body)]
    async with client_for(server, token=OAUTH) as client:
        with pytest.raises(DecodeError, match="oauth2Token"):
            await client.get_group(GROUP)


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [500, httpx.ReadError("reset")])
async def test_a_write_whose_token_cannot_be_fetched_was_not_sent(failure: Any) -> None:
    async with client_for(Script(failure), token=OAUTH) as client:
        with pytest.raises((ServerError, ConnectionFailedError)) as caught:
            await remove(client)
    assert not caught.value.maybe_applied


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("before", "sent"),
    [
        ([], False),
        ([(200, {"access_token": "a-token"}), 401], False),
        ([(200, {"access_token": "a-token"}), 500, 401], True),
    ],
)
async def test_a_write_whose_token_cannot_be_understood_tells_whether_it_was_sent(
    before: list[Any], sent: bool
) -> None:
    async with client_for(Script(*before, (200, b"<html>")), token=OAUTH) as client:
        with pytest.raises(DecodeError) as caught:
            await remove(client)
    assert caught.value.operation == "oauth2Token"
    assert caught.value.maybe_applied is sent
    assert pickle.loads(pickle.dumps(caught.value)).maybe_applied is sent
