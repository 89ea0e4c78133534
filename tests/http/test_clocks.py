"""Clocks: moments are the server's, waits and ages nobody's; this machine's time of day may be wrong, and may jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support import clock
from support.clock import WallClock
from support.scripted import AT_ONCE, GROUP, OAUTH, ONE_GROUP, Script, client_for, read
from support.tokens import LOGIN_KEY, cli_login, jwt, write_cli_file

from groups_sdk import (
    ConfigurationError,
    RateLimit,
    RateLimitedError,
    SnykCliCredentials,
    UnauthorizedError,
    Wait,
)
from groups_sdk._http.access_tokens import TokenGrant, read_grant
from groups_sdk._responses import ApiResponse, Headers

HOUR = 3600.0
JUMPS = [-24 * HOUR, -3 * HOUR, 3 * HOUR, 24 * HOUR]
NAMES = ["retry-after", "x-ratelimit-reset"]


class Waits:
    """Told of each wait, which is over at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, wait: Wait) -> None:
        self.seconds.append(wait.seconds)
        clock.skip(wait.seconds + 1)


def refusal(name: str, seconds: float, *, dated: bool, at: datetime | None = None) -> Any:
    """An answer of a server whose clock is right: come again at a moment that is so many seconds away."""

    async def answer(_: httpx.Request) -> Any:
        now = (at or datetime.now(UTC)).replace(microsecond=0)
        moment = now + timedelta(seconds=seconds)
        value = str(int(moment.timestamp())) if name == NAMES[1] else format_datetime(moment, usegmt=True)
        return 429, {}, {name: value} | ({"date": format_datetime(now, usegmt=True)} if dated else {})

    return answer


@pytest.mark.anyio
@pytest.mark.parametrize("offset", [0.0, *JUMPS])
@pytest.mark.parametrize("name", NAMES)
async def test_a_machine_whose_clock_is_wrong_waits_as_long_as_one_that_is_right(
    name: str, offset: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    WallClock(monkeypatch, offset)
    waits = Waits()
    server = Script(refusal(name, 30, dated=True), (200, ONE_GROUP))
    async with client_for(server, on_wait=waits) as client:
        await read(client)
    assert waits.seconds == [30.0]
    assert len(server.requests) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_without_a_date_in_the_answer_the_clock_of_this_machine_counts(name: str) -> None:
    waits = Waits()
    async with client_for(Script(refusal(name, 30, dated=False), (200, ONE_GROUP)), on_wait=waits) as client:
        await read(client)
    assert 25 < waits.seconds[0] <= 30


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_without_a_date_a_clock_that_is_fast_makes_the_moment_unknown(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    WallClock(monkeypatch, 24 * HOUR)
    server = Script(refusal(name, 30, dated=False))
    async with client_for(server) as client:
        with pytest.raises(RateLimitedError) as caught:
            await read(client)
    assert caught.value.retry_after is None
    assert len(server.requests) == AT_ONCE.max_attempts


@pytest.mark.anyio
@pytest.mark.parametrize("name", NAMES)
async def test_without_a_date_a_clock_that_is_slow_makes_nobody_wait_longer_than_the_policy_allows(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    WallClock(monkeypatch, -24 * HOUR)
    waits = Waits()
    server = Script(refusal(name, 30, dated=False), (200, ONE_GROUP))
    async with client_for(server, on_wait=waits) as client:
        with pytest.raises(RateLimitedError) as caught:
            await read(client)
        assert 24 * HOUR < (caught.value.retry_after or 0) < 25 * HOUR
        assert len(server.requests) == 1
        await read(client)
    assert len(waits.seconds) == 1
    assert waits.seconds[0] <= AT_ONCE.max_wait


@pytest.mark.anyio
async def test_a_server_whose_own_clock_is_wrong_is_taken_at_its_word() -> None:
    waits = Waits()
    long_ago = datetime(1999, 1, 1, tzinfo=UTC)
    server = Script(refusal(NAMES[0], 30, dated=True, at=long_ago), (200, ONE_GROUP))
    async with client_for(server, on_wait=waits) as client:
        await read(client)
    assert waits.seconds == [30.0]


class TokenServer(httpx.AsyncBaseTransport):
    """Issues tokens with this `expires_in`, where it has one, and takes each of them."""

    def __init__(self, **lifetime: object) -> None:
        self.lifetime = lifetime
        self.issued = 0
        self.refused: set[str] = set()
        self.calls = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await anyio.lowlevel.checkpoint()
        if request.url.path == "/oauth2/token":
            self.issued += 1
            return httpx.Response(200, json={"access_token": f"issued-token-{self.issued}", **self.lifetime})
        self.calls += 1
        refused = request.headers["authorization"] in self.refused
        return httpx.Response(401 if refused else 200, json={} if refused else ONE_GROUP)


LIFETIMES: list[tuple[dict[str, object], float]] = [
    ({"expires_in": 3600}, 3600),
    ({"expires_in": "3600"}, 3600),
    ({"expires_in": " 3600.5 "}, 3600.5),
    ({"expires_in": 1799.5}, 1799.5),
    ({"expires_in": None}, 3600),
    ({}, 3600),
    ({"expires_in": 0}, 0),
    ({"expires_in": "0"}, 0),
    ({"expires_in": -5}, 0),
    ({"expires_in": "-3600"}, 0),
    ({"expires_in": 0.001}, 0.001),
    ({"expires_in": "soon"}, 3600),
    ({"expires_in": ""}, 3600),
    ({"expires_in": True}, 3600),
    ({"expires_in": []}, 3600),
    ({"expires_in": {"seconds": 5}}, 3600),
    ({"expires_in": "nan"}, 3600),
    ({"expires_in": 10**400}, 3600),
    ({"expires_in": "inf"}, float("inf")),
]


@pytest.mark.parametrize(("members", "seconds"), LIFETIMES)
def test_every_lifetime_of_a_token_has_a_meaning(members: dict[str, object], seconds: float) -> None:
    body = httpx.Response(200, json={"access_token": "x", **members}).content
    assert read_grant(ApiResponse(200, Headers(), body, "oauth2Token")) == TokenGrant("x", seconds)


@pytest.mark.anyio
@pytest.mark.parametrize(("members", "_"), LIFETIMES)
async def test_no_lifetime_makes_a_client_ask_for_a_token_with_each_call(
    members: dict[str, object], _: float
) -> None:
    server = TokenServer(**members)
    async with client_for(server, token=OAUTH) as client:
        for _ in range(10):
            await read(client)
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(client.get_group, GROUP)
        asked = server.issued
        await clock.pass_by(5)
        await read(client)
    assert server.calls == 21
    assert asked <= 2  # the second one where all of this took five seconds
    assert server.issued <= asked + 1


@pytest.mark.anyio
async def test_a_token_without_a_lifetime_that_is_refused_is_renewed_at_once() -> None:
    server = TokenServer(expires_in=0)
    async with client_for(server, token=OAUTH) as client:
        await read(client)
        server.refused = {"Bearer issued-token-1"}
        await read(client)
        server.refused = {f"Bearer issued-token-{number}" for number in range(9)}
        with pytest.raises(UnauthorizedError):
            await read(client)
    assert server.issued == 3


@pytest.mark.anyio
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_of_the_clock_changes_no_age_of_a_token(
    jump: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = WallClock(monkeypatch)
    server = TokenServer(expires_in=3600)
    async with client_for(server, token=OAUTH) as client:
        await read(client)
        wall.offset = jump
        await read(client)
        assert server.issued == 1
        await clock.pass_by(3545)
        await read(client)
    assert server.issued == 2


@pytest.mark.anyio
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_of_the_clock_changes_no_wait(jump: float, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = WallClock(monkeypatch)
    waits: list[Wait] = []

    def told(wait: Wait) -> None:
        waits.append(wait)
        wall.offset += jump
        clock.skip(61)

    refused = (429, {}, {"retry-after": "60"})
    async with client_for(
        Script((200, ONE_GROUP), refused, (200, ONE_GROUP)),
        rate_limit=RateLimit(per_minute=1),
        on_wait=told,
        deadline=None,
        timeout=None,
    ) as client:
        for _ in range(2):
            await read(client)
    assert [wait.reason for wait in waits[:2]] == ["rate_limit", "retry_after"]
    assert all(0 < wait.seconds <= 60 for wait in waits)


@pytest.mark.anyio
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_of_the_clock_ends_no_call(jump: float, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = WallClock(monkeypatch)

    async def answer(_: httpx.Request) -> Any:
        wall.offset += jump
        await anyio.sleep(0)
        return 503

    async with client_for(Script(answer, answer, (200, ONE_GROUP)), timeout=600, deadline=1000) as client:
        await read(client)


@pytest.fixture
def login(tmp_path: Path) -> Path:
    token = jwt(sub="me", aud="https://api.snyk.io")
    return write_cli_file(tmp_path / "snyk.json", **{LOGIN_KEY: cli_login(token)})


def test_with_a_fast_clock_a_login_of_the_cli_is_refused_before_its_time(
    login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SnykCliCredentials(login)
    WallClock(monkeypatch, 24 * HOUR)
    with pytest.raises(ConfigurationError, match=r"expired at .* UTC by this machine's clock"):
        SnykCliCredentials(login)


@pytest.mark.anyio
async def test_with_a_slow_clock_the_api_refuses_a_login_of_the_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = jwt(sub="me", aud="https://api.snyk.io")
    expired = cli_login(token, expires_in=timedelta(hours=-1))
    file = write_cli_file(tmp_path / "snyk.json", **{LOGIN_KEY: expired})
    WallClock(monkeypatch, -24 * HOUR)
    async with client_for(Script(401), token=SnykCliCredentials(file)) as client:
        with pytest.raises(UnauthorizedError, match="Run `snyk auth` to log in again"):
            await read(client)


@pytest.mark.anyio
@pytest.mark.parametrize("jump", JUMPS)
async def test_a_jump_of_the_clock_ends_no_login_that_is_in_use(
    jump: float, login: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = WallClock(monkeypatch)
    script = Script((200, ONE_GROUP))
    async with client_for(script, token=SnykCliCredentials(login)) as client:
        await read(client)
        wall.offset = jump
        await read(client)
    assert len({request.headers["authorization"] for request in script.requests}) == 1
