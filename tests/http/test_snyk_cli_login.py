"""Calls with the login of `snyk auth`: sent as it is, read again after a 401, never shown."""

from __future__ import annotations

import json
import pickle
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support.scripted import GROUP, ONE_GROUP, client_for, create, read
from support.tokens import LOGIN_KEY, cli_login, jwt, write_cli_file
from support.tracebacks import lines_with_locals

from groups_sdk import AsyncGroupsClient, ForbiddenError, GroupsClient, SnykCliCredentials, UnauthorizedError
from groups_sdk._credentials import OAuthClientCredentials
from groups_sdk._http.access_tokens import AccessTokens

FIRST, SECOND = (jwt(sub="me", aud="https://api.snyk.io", jti=name) for name in ("first", "second"))


@pytest.fixture
def cli_file(tmp_path: Path) -> Path:
    """The Snyk CLI's file, with a login in it."""
    file = tmp_path / "config" / "configstore" / "snyk.json"
    log_in(file, FIRST)
    return file


def log_in(file: Path, token: str, **options: Any) -> None:
    write_cli_file(file, **{LOGIN_KEY: cli_login(token, **options)})


class Api(httpx.AsyncBaseTransport):
    """Accepts one token, and repeats the authorization in its errors, as some gateways do."""

    def __init__(self, accepted: str | None, refusal: int = 401) -> None:
        self.accepted = accepted
        self.refusal = refusal
        self.sent: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        sent = request.headers["authorization"]
        self.sent.append(sent)
        if sent == f"Bearer {self.accepted}":
            return httpx.Response(200, json=ONE_GROUP)
        return httpx.Response(self.refusal, json={"errors": [{"detail": f"refused: {sent}"}]})


def client_of(api: Api) -> AsyncGroupsClient:
    return client_for(api, token=SnykCliCredentials())


@pytest.mark.anyio
@pytest.mark.usefixtures("cli_file")
async def test_the_login_is_sent_as_a_bearer_token() -> None:
    api = Api(FIRST)
    async with client_of(api) as client:
        await read(client)
    assert api.sent == [f"Bearer {FIRST}"]


@pytest.mark.anyio
async def test_after_a_401_a_login_that_the_cli_has_renewed_is_used_from_then_on(cli_file: Path) -> None:
    api = Api(SECOND)
    async with client_of(api) as client:
        log_in(cli_file, SECOND)
        before = cli_file.read_bytes()
        await read(client)
        await read(client)
    assert api.sent == [f"Bearer {FIRST}", f"Bearer {SECOND}", f"Bearer {SECOND}"]
    assert cli_file.read_bytes() == before


def test_the_synchronous_client_reads_it_again_too(cli_file: Path) -> None:
    api = Api(SECOND)
    with GroupsClient(SnykCliCredentials(), transport=api) as client:
        log_in(cli_file, SECOND)
        assert client.get_group(GROUP).id == GROUP
    assert api.sent == [f"Bearer {FIRST}", f"Bearer {SECOND}"]


@pytest.mark.anyio
async def test_a_copy_of_a_client_reads_it_for_itself(cli_file: Path) -> None:
    api = Api(SECOND)
    async with client_of(api) as client, client.detached() as other:
        log_in(cli_file, SECOND)
        await read(client)
        await read(other)
    assert api.sent == [f"Bearer {FIRST}", f"Bearer {SECOND}"] * 2


@pytest.mark.anyio
async def test_a_second_401_is_final(cli_file: Path) -> None:
    api = Api(None)
    async with client_of(api) as client:
        log_in(cli_file, SECOND)
        with pytest.raises(UnauthorizedError):
            await read(client)
    assert api.sent == [f"Bearer {FIRST}", f"Bearer {SECOND}"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("token", "options", "advice"),
    [
        (
            FIRST,
            {"expires_in": timedelta(hours=-1)},
            r"expired at .* UTC by this machine's clock\. Run `snyk auth` to log in again\.",
        ),
        (
            SECOND,
            {"expires_in": timedelta(hours=-1)},
            r"expired at .* UTC by this machine's clock\. Run `snyk auth` to log in again\.",
        ),
        (FIRST, {}, r"Snyk does not accept the login .* Run `snyk auth` to log in again\."),
        (jwt(sub="you"), {}, r"another person's .* Start again to use it\."),
    ],
    ids=["expired", "renewed and expired", "refused", "another person"],
)
async def test_where_there_is_no_other_the_error_says_what_to_do(
    cli_file: Path, token: str, options: dict[str, Any], advice: str
) -> None:
    api = Api(None)
    async with client_of(api) as client:
        log_in(cli_file, token, **options)
        for _ in range(2):
            with pytest.raises(UnauthorizedError, match=advice) as caught:
                await create(client)
            assert caught.value.status_code == 401
            assert not caught.value.maybe_applied
            assert pickle.loads(pickle.dumps(caught.value)).advice == caught.value.advice
    assert (
        api.sent == [f"Bearer {FIRST}"] * 2
    )  # each call looks into the file, and no attempt is made in vain


@pytest.mark.anyio
async def test_no_error_shows_either_of_the_tokens(cli_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    api = Api(None)
    errors: list[BaseException] = []
    with caplog.at_level("DEBUG"):
        async with client_of(api) as client:
            log_in(cli_file, SECOND)
            with pytest.raises(UnauthorizedError, match=r"refused: Bearer \*\*\*") as unauthorized:
                await read(client)
            api.refusal = 403
            with pytest.raises(ForbiddenError, match=r"refused: Bearer \*\*\*") as forbidden:
                await read(client)
            errors += [unauthorized.value, forbidden.value]
    shown = caplog.text + "".join(
        json.dumps(vars(error), default=str) + lines_with_locals(error) for error in errors
    )
    assert FIRST not in shown
    assert SECOND not in shown
    assert api.sent[-1] == f"Bearer {SECOND}"  # and could have been shown


@pytest.mark.anyio
async def test_calls_that_meet_a_401_at_once_agree_on_the_token_that_was_read_first(
    cli_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2, timeout=60)
    read_again = SnykCliCredentials.read_again

    def together(credentials: SnykCliCredentials, refused: str) -> object:
        both.wait()
        return read_again(credentials, refused)

    monkeypatch.setattr(SnykCliCredentials, "read_again", together)
    tokens = AccessTokens(SnykCliCredentials())
    refused = tokens.current
    log_in(cli_file, SECOND)
    seen: list[object] = []

    async def reject() -> None:
        assert await tokens.reject(refused) is None
        seen.append(tokens.current)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reject)
        tasks.start_soon(reject)
    assert seen[0] is seen[1] is not refused
    assert tokens.authorization == f"Bearer {SECOND}"
    assert tokens.secrets() == (FIRST, SECOND)
    assert await tokens.reject(refused) is None  # by a call that was sent before


@pytest.mark.anyio
async def test_no_token_is_fetched_for_a_login(cli_file: Path) -> None:
    async def fetch(credentials: OAuthClientCredentials) -> Any:
        raise AssertionError

    tokens = AccessTokens(SnykCliCredentials(cli_file))
    assert await tokens.ensure(fetch, None) is None
    assert tokens.renewable
    assert FIRST not in repr(tokens) + repr(tokens.current)


@pytest.mark.anyio
async def test_closing_the_client_does_not_wait_for_a_file_that_cannot_be_read(
    cli_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, release = threading.Event(), threading.Event()

    def hang(credentials: SnykCliCredentials, refused: str) -> str:
        reading.set()
        release.wait(60)
        return "too late"

    monkeypatch.setattr(SnykCliCredentials, "read_again", hang)
    ends: list[BaseException] = []
    client = client_of(Api(None))

    async def call() -> None:
        try:
            await read(client)
        except Exception as error:
            ends.append(error)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await anyio.to_thread.run_sync(reading.wait)
            await client.aclose()
        assert [type(error).__name__ for error in ends] == ["ClientClosedError"]
    finally:
        release.set()
