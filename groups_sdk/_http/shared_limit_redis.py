"""The requests of several machines, counted on a Redis server.

Two sorted sets for each principal: the requests under way, by when they were let go, and those that have ended, by when
they did. All clients go by the server's clock, and each step is one script, so that nobody comes between its parts. The
limiters of other packages take the time of each machine, do not know of requests under way, and have no hold.
"""

from __future__ import annotations

import secrets
from importlib import import_module
from typing import Any

from groups_sdk._http.rate_limit import MINUTE, RateLimit, show_place
from groups_sdk._http.redaction import redact
from groups_sdk._http.shared_store import PATIENCE, StoreUnavailable, Verdict
from groups_sdk.errors import ConfigurationError

__all__ = ["RedisStore", "open_store"]

_NOW = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
"""
# Answers in microseconds, since Redis cuts numbers off to whole ones: how long to wait, and how long the hold lasts.
_TAKE = (
    _NOW
    + """
local under_way, ended, hold = KEYS[1], KEYS[2], KEYS[3]
local longest = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', under_way, '-inf', now - longest)
redis.call('ZREMRANGEBYSCORE', ended, '-inf', now - longest)
local busy, wait = redis.call('ZCARD', under_way), 0
for i = 3, #ARGV, 2 do
    local length, room = tonumber(ARGV[i]), tonumber(ARGV[i + 1]) - busy
    if room <= 0 then
        local oldest = redis.call('ZRANGE', under_way, 0, 0, 'WITHSCORES')
        wait = math.max(wait, math.min(length, tonumber(oldest[2]) + longest - now))
    else
        local found = redis.call('ZREVRANGE', ended, room - 1, room - 1, 'WITHSCORES')
        if found[2] then wait = math.max(wait, tonumber(found[2]) + length - now) end
    end
end
local held = math.max(redis.call('PTTL', hold), 0) * 1000
if wait <= 0 and held == 0 then
    redis.call('ZADD', under_way, now, ARGV[1])
    redis.call('EXPIRE', under_way, 2 * longest)
end
return {math.ceil(wait * 1e6), held}
"""
)
_END = (
    _NOW
    + """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then
    redis.call('ZADD', KEYS[2], now, ARGV[1])
    redis.call('EXPIRE', KEYS[2], 2 * tonumber(ARGV[2]))
end
"""
)
_HOLD = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
"""


class RedisStore:
    """A `SharedStore` on a Redis server, for one principal."""

    def __init__(self, redis: Any, client: Any, principal: bytes) -> None:
        self._errors = (
            redis.exceptions.RedisError,
            OSError,
            ValueError,
        )  # the last: a host that can be no name
        self._close = client.close
        password = client.connection_pool.connection_kwargs.get("password")
        self._passwords = (password,) if password else ()
        name = f"groups_sdk:{{{principal.hex()}}}"  # in braces: they stay on one server of a cluster
        self._sets = [f"{name}:under-way", f"{name}:ended"]
        self._held = f"{name}:hold"
        self._scripts = {script: client.register_script(script) for script in (_TAKE, _END, _HOLD)}

    def check(self) -> None:
        """Whether the server answers is seen when it is needed: making a client must not wait for a network."""

    def take(self, limit: RateLimit) -> Verdict:
        ticket = secrets.token_hex(8)
        windows = 1, limit.per_second, MINUTE, limit.per_minute
        wait, held = self._run(_TAKE, [*self._sets, self._held], [ticket, MINUTE, *windows])
        if held > wait:
            return Verdict(wait=held / 1e6, held=True)
        return Verdict(wait=wait / 1e6) if wait else Verdict(ticket)

    def end(self, ticket: object) -> None:
        self._run(_END, self._sets, [ticket, MINUTE])

    def hold(self, seconds: float) -> None:
        self._run(_HOLD, [self._held], [max(1, int(seconds * 1000))])

    def close(self) -> None:
        self._close()

    def _run(self, script: str, keys: list[str], arguments: list[Any]) -> Any:
        try:
            return self._scripts[script](keys, arguments)
        except self._errors as error:
            problem = redact(str(error) or type(error).__name__, self._passwords)
        raise StoreUnavailable(problem)


def open_store(url: str, principal: bytes) -> RedisStore:
    """The store on that server. Raises `ConfigurationError` when the URL is not valid, or Redis' client is missing."""
    try:
        redis = import_module("redis")
    except ImportError:
        redis = None
    if redis is None:
        raise ConfigurationError(
            f"{show_place(url)}: a rate limit shared through Redis needs its client: "
            "pip install 'groups-sdk[redis]'"
        )
    retry = import_module("redis.retry").Retry(  # the server may have closed a connection that was idle
        import_module("redis.backoff").NoBackoff(), 1, (redis.exceptions.ConnectionError,)
    )
    shown = show_place(url)
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=retry
        )
        pool = client.connection_pool
        pool.connection_class(
            **pool.connection_kwargs
        )  # it knows which options there are, and does not connect yet
    except (ValueError, TypeError):  # whose text may have the password in it
        client = None
    del url
    if client is None:
        raise ConfigurationError(
            f"{shown}: is not a valid URL of a Redis server; write special characters of the password as %XX"
        )
    return RedisStore(redis, client, principal)
