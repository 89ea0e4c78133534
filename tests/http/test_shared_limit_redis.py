"""A rate limit that is shared through Redis: a real server counts, and says when it cannot."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from typing import Any

import pytest
from support.redis_server import PASSWORD, redis_server
from support.scripted import GROUP, ONE_GROUP, TOKEN, Script

from groups_sdk import AsyncGroupsClient, ConfigurationError, DeadlineExceededError, RateLimit
from groups_sdk._http import shared_limit_redis
from groups_sdk._http.shared_limit_redis import RedisStore, open_store
from groups_sdk._http.shared_store import StoreUnavailable

LIMIT = RateLimit(per_second=2, per_minute=4)
ME, OTHER = b"m" * 16, b"o" * 16


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def server(url: str) -> Iterator[Any]:
    """The server, empty, as others see it."""
    with importlib.import_module("redis").Redis.from_url(url) as client:
        client.flushall()
        yield client


def pass_time(server: Any, seconds: float) -> None:
    """Have all that was sent be so much older."""
    for name in server.keys("*:under-way") + server.keys("*:ended"):
        for member, score in server.zrange(name, 0, -1, withscores=True):
            server.zadd(name, {member: score - seconds})


def send(store: RedisStore, limit: RateLimit = LIMIT) -> float:
    """The seconds to wait; with 0, one request was sent and answered."""
    verdict = store.take(limit)
    if verdict.ticket is not None:
        store.end(verdict.ticket)
    return verdict.wait


def test_all_that_name_the_same_server_keep_to_the_limit_together(url: str, server: Any) -> None:
    limit = RateLimit(per_second=2, per_minute=3)
    first, second, other = open_store(url, ME), open_store(url, ME), open_store(url, OTHER)
    assert [send(first), send(second)] == [0, 0]
    assert 0 < send(first, limit) <= 1
    assert send(other, limit) == 0
    pass_time(server, 1)
    assert send(second, limit) == 0
    assert 50 < send(first, limit) <= 59
    assert send(first, RateLimit(per_second=4, per_minute=4)) == 0  # each keeps to its own limit
    pass_time(server, 60)
    assert send(second, limit) == 0
    names = server.keys("*")
    assert all(ME.hex().encode() in name or OTHER.hex().encode() in name for name in names)
    assert all(0 < server.ttl(name) <= 120 for name in names)


def test_what_is_under_way_counts_as_sent_now_and_for_a_minute_when_its_process_was_killed(
    url: str, server: Any
) -> None:
    store = open_store(url, ME)
    tickets = [store.take(LIMIT).ticket for _ in range(2)]
    pass_time(server, 30)
    assert store.take(LIMIT).wait == 1
    store.end(tickets[0])
    pass_time(server, 1)
    assert store.take(LIMIT).ticket is not None
    assert store.take(LIMIT).wait == 1
    pass_time(server, 30)
    assert send(store) == 0
    under_way, ended = (server.zcard(f"groups_sdk:{{{ME.hex()}}}:{name}") for name in ("under-way", "ended"))
    store.end(tickets[1])  # too late: it counts no longer
    assert (under_way, ended) == (1, 2)
    assert server.zcard(f"groups_sdk:{{{ME.hex()}}}:ended") == 2


def test_a_hold_that_one_meets_holds_all(url: str, server: Any) -> None:
    first, second = open_store(url, ME), open_store(url, ME)
    first.hold(30)
    first.hold(10)
    verdict = second.take(LIMIT)
    assert verdict.held
    assert 10 < verdict.wait <= 30
    assert send(open_store(url, OTHER)) == 0
    server.delete(*server.keys("*:hold"))
    second.hold(0.0001)
    assert send(first, RateLimit(per_second=1, per_minute=1)) < 0.1


def test_a_server_that_does_not_answer_or_refuses_is_unavailable_and_no_password_is_told(
    url: str, server: Any, unused_port: int
) -> None:
    nobody = open_store(f"redis://:{PASSWORD}@127.0.0.1:{unused_port}", ME)
    nobody.check()
    with pytest.raises(StoreUnavailable, match="refused"):
        nobody.take(LIMIT)
    for wrong, problem in (
        (url.replace(PASSWORD, "wrong"), "password"),
        (url.replace(f":{PASSWORD}@", ""), "uthenti"),
    ):
        with pytest.raises(StoreUnavailable, match=problem) as caught:
            open_store(wrong, ME).take(LIMIT)
        assert "wrong" not in str(caught.value).replace("wrong number", "")
    with pytest.raises(StoreUnavailable):
        open_store("redis://a..b:6379", ME).take(LIMIT)  # which no name can be
    echoing = open_store(url, ME)
    echoing._scripts = {shared_limit_redis._END: lambda *_: server.execute_command(PASSWORD)}
    with pytest.raises(StoreUnavailable, match=r"unknown command.*\*\*\*"):
        echoing.end("ticket")


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "wrong", ["redis://host:port", "redis://h/0?socket_timeout=x", "redis://h?unknown=1&password=s3cret"]
)
def test_a_url_that_redis_cannot_read_is_refused_without_showing_secrets(wrong: str) -> None:
    pytest.importorskip("redis", reason="the extra redis is not installed")
    with pytest.raises(
        ConfigurationError, match=r"^redis://h[^?]*: is not a valid URL of a Redis server; write special"
    ):
        open_store(wrong, ME)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(shared_limit_redis, "import_module", missing)
    with pytest.raises(ConfigurationError, match=r"^redis://h/0: .* pip install 'groups-sdk\[redis\]'"):
        open_store("redis://me:s3cret@h/0", ME)


@pytest.mark.anyio
async def test_clients_on_both_event_loops_share_it(url: str, server: Any) -> None:
    limit = RateLimit(per_minute=2, shared=url)
    clients = [
        AsyncGroupsClient(TOKEN, transport=Script((200, ONE_GROUP)), rate_limit=limit) for _ in range(3)
    ]
    for client in clients[:2]:
        async with client:
            assert (await client.get_group(GROUP)).id == GROUP
    async with clients[2]:
        with pytest.raises(DeadlineExceededError, match="the rate limit allowed no request"):
            await clients[2].with_options(deadline=5).get_group(GROUP)
        assert await clients[2]._caller.pool.bind().limiter.acquire(-math.inf) is None
