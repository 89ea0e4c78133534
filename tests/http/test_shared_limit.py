"""A limit that several clients keep to together: waiting, holds, and what happens when its place cannot be used."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio.testing
from support.scripted import GROUP, ONE_GROUP, TOKEN, Script
from support.tokens import jwt

from groups_sdk import (
    AsyncGroupsClient,
    BearerToken,
    ConfigurationError,
    DeadlineExceededError,
    GroupsClient,
    OAuthClientCredentials,
    RateLimit,
    RetryPolicy,
    Wait,
)
from groups_sdk._http import shared_limit
from groups_sdk._http.shared_limit import SharedRateLimiter, principal
from groups_sdk._http.shared_limit_file import FileStore
from groups_sdk._http.shared_store import StoreUnavailable, Verdict
from groups_sdk._settings import resolve

LIMIT = RateLimit(per_second=4, per_minute=8, shared="rate-limit", share=0.25)


class Store:
    """Answers from a file by the clock of the event loop, or not at all while it is `broken`."""

    def __init__(self, path: Path) -> None:
        self.file = FileStore(str(path), b"m" * 16, clock=lambda: 5000 + anyio.current_time())
        self.broken = False
        self.asked = 0

    def _check(self) -> None:
        self.asked += 1
        if self.broken:
            raise StoreUnavailable("No space left on device")

    def check(self) -> None:
        """Nothing to check."""

    def take(self, limit: RateLimit) -> Verdict:
        self._check()
        return self.file.take(limit)

    def end(self, ticket: object) -> None:
        self._check()
        self.file.end(ticket)

    def hold(self, seconds: float) -> None:
        self._check()
        self.file.hold(seconds)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "rate-limit")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Runs a function on a clock that jumps, which threads would not wait for: their work is done at once."""

    async def run_sync(func: Callable[[], Any], **_: object) -> Any:
        await anyio.lowlevel.checkpoint()
        return func()

    monkeypatch.setattr(shared_limit.anyio.to_thread, "run_sync", run_sync)
    return lambda main: trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


Run = Callable[[Callable[[], Awaitable[None]]], None]


async def send(limiter: SharedRateLimiter, deadline: float = math.inf) -> bool:
    permit = await limiter.acquire(deadline)
    if permit is not None:
        await limiter.ended(permit)
    return permit is not None


def test_clients_wait_for_each_other_each_in_the_order_of_arrival(run: Run, store: Store) -> None:
    async def main() -> None:
        first, second = SharedRateLimiter(LIMIT, store), SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        sent: list[tuple[int, float]] = []

        async def one(limiter: SharedRateLimiter, number: int) -> None:
            assert await send(limiter)
            sent.append((number, anyio.current_time() - begun))

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(one, (first, second)[number % 2], number)
                await anyio.wait_all_tasks_blocked()
        assert [round(moment) for _, moment in sent] == [0, 0, 0, 0, 1, 1, 1, 1, 60, 60]
        for parity in (0, 1):
            mine = [number for number, _ in sent if number % 2 == parity]
            assert mine == sorted(mine)

    run(main)


def test_who_has_no_time_to_wait_is_refused_at_once_also_in_the_queue(run: Run, store: Store) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        refused = []

        async def impatient() -> None:
            with anyio.CancelScope(deadline=begun + 30) as scope, limiter.waiting(scope):
                assert not await limiter.acquire(begun + 30)
            refused.append(anyio.current_time() - begun)

        for _ in range(8):
            await store_take(store)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, limiter)
            tasks.start_soon(impatient)  # when nobody knows yet how long it takes
            tasks.start_soon(impatient)
            await anyio.wait_all_tasks_blocked()
            assert refused == [0, 0]
            assert limiter.late(begun + 0.5)
            assert not await limiter.acquire(begun + 0.5)
            tasks.cancel_scope.cancel()

    run(main)


async def store_take(store: Store) -> None:
    """Another process sends a request, which is answered at once."""
    verdict = store.file.take(RateLimit(per_second=99, per_minute=99))
    store.file.end(verdict.ticket)


def test_a_hold_that_one_client_meets_holds_the_others(run: Run, store: Store) -> None:
    async def main() -> None:
        first, second = SharedRateLimiter(LIMIT, store), SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        await first.hold(20)
        told: list[tuple[float, RateLimit | None]] = []
        assert await second.acquire(math.inf, lambda seconds, limit: told.append((seconds, limit)))
        assert anyio.current_time() - begun == 20
        assert told == [(20, None)]

    run(main)


def test_the_wait_names_the_limit_that_is_in_force(run: Run, store: Store) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        told: list[RateLimit | None] = []

        async def pause() -> None:
            while not told:
                permit = await limiter.acquire(math.inf, lambda _, limit: told.append(limit))
                assert permit is not None
                await limiter.ended(permit)

        await pause()
        assert told == [LIMIT]
        store.broken = True
        told.clear()
        await pause()
        alone = told[-1]
        assert alone is not None
        assert (alone.per_second, alone.per_minute) == (1, 2)

    run(main)


def test_while_its_place_cannot_be_used_a_client_keeps_to_its_share_and_says_so_once(
    run: Run, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        store.broken = True
        moments = []
        for _ in range(4):
            assert await send(limiter)
            moments.append(anyio.current_time() - begun)
        assert moments == [0, 1, 60, 61]
        assert store.asked == 2  # again after ten seconds, not for each request
        await limiter.hold(5)
        assert store.asked == 2
        (warning,) = caplog.records
        assert warning.levelno == logging.WARNING
        assert warning.getMessage() == (
            f"the shared rate limit in {LIMIT.shared} cannot be used (No space left on device): until it can, this "
            "client keeps to 1 requests a second and 2 a minute by itself"
        )

        store.broken = False
        again = anyio.current_time()
        moments.clear()
        for _ in range(6):
            assert await send(limiter)
            moments.append(anyio.current_time() - again)
        # It is asked again ten seconds after it last failed; for a minute from then on both limits are kept to.
        assert moments == pytest.approx([59, 60, 69, 69, 69, 69], abs=0.1)
        assert "is used again" in caplog.messages[-1]
        assert len(caplog.records) == 2

    with caplog.at_level(logging.INFO, "groups_sdk"):
        run(main)


def test_what_it_sent_before_its_place_was_lost_counts_for_its_share(run: Run, store: Store) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        permit = await limiter.acquire(math.inf)
        assert permit is not None
        assert await send(limiter)
        store.broken = True
        await limiter.ended(permit)
        assert await send(limiter)
        assert anyio.current_time() - begun == 60

    run(main)


def test_where_no_thread_can_be_started_the_client_keeps_to_its_share(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        monkeypatch.setattr(shared_limit.anyio.to_thread, "run_sync", fail)
        limiter = SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        assert [await send(limiter), await send(limiter)] == [True, True]
        assert anyio.current_time() - begun == 1

    run(main)


def test_many_clients_that_wait_for_the_same_moment_do_not_ask_all_the_time(run: Run, store: Store) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        store.take = lambda _: Verdict(wait=1e-9)  # type: ignore[method-assign]
        with anyio.move_on_after(1):
            await limiter.acquire(math.inf)
            raise AssertionError("nothing was permitted")
        assert anyio.current_time() > 0.9

    run(main)


def test_on_the_next_event_loop_hold_and_outage_are_still_known(run: Run, store: Store) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        store.broken = True
        assert await send(limiter)
        limiter.hold_until(begun + 3)
        other = limiter.moved(100)
        assert other.late(begun + 102.9)
        asked = store.asked
        await anyio.sleep(103)
        assert await send(other)
        assert store.asked == asked

    run(main)


@pytest.mark.anyio
async def test_the_event_loop_does_not_wait_for_the_file_and_a_cancelled_call_ends_what_it_began(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = SharedRateLimiter(RateLimit(per_second=1, per_minute=9), store)
    loop_thread, threads = threading.get_ident(), set[int]()
    monkeypatch.setattr(store, "_check", lambda: threads.add(threading.get_ident()))
    store.file = FileStore(store.file._path, b"m" * 16, clock=lambda: 5000.0)
    permit = await limiter.acquire(math.inf)
    assert permit is not None
    with anyio.CancelScope() as scope:
        scope.cancel()
        await limiter.ended(permit)
    assert scope.cancelled_caught is False
    assert loop_thread not in threads
    assert store.file.take(RateLimit(per_second=1, per_minute=1)) == Verdict(wait=60)  # ended: not under way


# Clients


def a_client(path: Path, script: Any, **options: Any) -> AsyncGroupsClient:
    limit = RateLimit(per_second=9, per_minute=9, shared=path)
    return AsyncGroupsClient(TOKEN, transport=script, rate_limit=limit, **options)


@pytest.mark.anyio
async def test_clients_with_the_same_token_share_and_a_429_of_one_holds_the_other(tmp_path: Path) -> None:
    path = tmp_path / "limit"
    first = a_client(path, Script((429, {}, {"retry-after": "60"})), retries=None)
    waits: list[Wait] = []
    second = a_client(path, Script((200, ONE_GROUP)), on_wait=waits.append)
    async with first, second:
        with pytest.raises(Exception, match="429"):
            await first.get_group(GROUP)
        with pytest.raises(DeadlineExceededError, match="the rate limit allowed no request"):
            await second.with_options(deadline=30).get_group(GROUP)
        other = AsyncGroupsClient(
            "another-token",
            transport=Script((200, ONE_GROUP)),
            rate_limit=RateLimit(shared=path),
        )
        async with other:
            assert (await other.get_group(GROUP)).id == GROUP


def test_the_synchronous_client_shares_too_and_a_program_may_forget_to_close_it(tmp_path: Path) -> None:
    path = tmp_path / "limit"
    with GroupsClient(
        TOKEN,
        transport=Script((200, ONE_GROUP)),
        rate_limit=RateLimit(per_minute=1, shared=path),
        retries=RetryPolicy(max_attempts=1),
    ) as client:
        assert client.get_group(GROUP).id == GROUP
        with pytest.raises(DeadlineExceededError, match="the rate limit allowed no request"):
            client.with_options(deadline=5).get_group(GROUP)


def test_a_wrong_place_is_refused_when_the_client_is_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used for a shared rate limit: Is a directory"):
        a_client(tmp_path, Script())


def test_a_task_that_asyncio_cancels_leaves_the_limiter_usable(store: Store) -> None:
    async def main() -> None:
        store.file = FileStore(store.file._path, b"m" * 16)
        limiter = SharedRateLimiter(RateLimit(per_second=2, per_minute=9), store)
        entered, go_on = threading.Event(), threading.Event()
        right = store.file.take

        def slow(limit: RateLimit) -> Verdict:
            entered.set()
            assert go_on.wait(60)
            return right(limit)

        store.file.take = slow  # type: ignore[method-assign]
        task = asyncio.create_task(limiter.acquire(math.inf))
        await asyncio.to_thread(entered.wait, 60)
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await send(limiter)  # type: ignore[arg-type]

    asyncio.run(main())


class Waiting:
    """A `take` of a store that answers when it is told to, and what becomes of its ticket."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered, self.answer = threading.Event(), threading.Event()
        self.given_back = threading.Event()
        monkeypatch.setattr(store, "take", self.take)
        monkeypatch.setattr(store, "end", lambda _: self.given_back.set())

    def take(self, _: RateLimit) -> Verdict:
        self.entered.set()
        assert self.answer.wait(60)
        return Verdict("ticket")


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_leaves_no_ticket_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = Waiting(store, monkeypatch)
    limiter = SharedRateLimiter(LIMIT, store)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(limiter.acquire, math.inf)
        await anyio.to_thread.run_sync(waiting.entered.wait, 60)
        tasks.cancel_scope.cancel()
    assert not waiting.given_back.is_set()  # nobody waited for the answer
    waiting.answer.set()
    assert await anyio.to_thread.run_sync(waiting.given_back.wait, 60)


def test_an_answer_that_comes_just_then_is_given_back() -> None:
    given_back: list[str] = []
    question = shared_limit._Question(lambda: "ticket", given_back.append)
    assert question.ask() == "ticket"
    question.leave()
    assert given_back == ["ticket"]


def test_a_ticket_that_cannot_be_given_back_is_no_error(run: Run, store: Store) -> None:
    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        store.broken = True
        limiter._give_back(Verdict("ticket"))
        limiter._give_back(Verdict(wait=1))
        assert store.asked == 1

    run(main)


def test_a_place_that_says_nothing_is_waited_for_two_seconds(
    run: Run, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(func: Callable[[], Any], **_: object) -> Any:
        return func() if func.__name__ == "leave" else await anyio.sleep_forever()

    async def main() -> None:
        monkeypatch.setattr(shared_limit.anyio.to_thread, "run_sync", silent)
        limiter = SharedRateLimiter(LIMIT, store)
        begun = anyio.current_time()
        assert await send(limiter)
        assert anyio.current_time() - begun == 2

    run(main)
    assert "cannot be used (no answer within 2 s)" in caplog.text


def test_it_is_not_found_again_while_it_is_lost(
    run: Run, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        limiter = SharedRateLimiter(LIMIT, store)
        limiter._lose(StoreUnavailable("read only"))  # by the end of a call, while another one asks
        limiter._find()

    run(main)
    assert "is used again" not in caplog.text


@pytest.mark.anyio
async def test_nothing_was_sent_when_the_deadline_passes_while_the_place_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script()
    async with a_client(
        tmp_path / "limit", script, deadline=0.05, retries=RetryPolicy(max_attempts=1)
    ) as client:
        entered, answer = threading.Event(), threading.Event()

        def take(_: FileStore, __: RateLimit) -> Verdict:
            entered.set()
            assert answer.wait(60)
            return Verdict()

        monkeypatch.setattr(FileStore, "take", take)
        with pytest.raises(DeadlineExceededError) as caught:
            await client.delete_membership(GROUP, GROUP)
        answer.set()
    assert entered.is_set()
    assert caught.value.maybe_applied is False
    assert script.requests == []


# What counts as the same caller


def test_the_principal_is_that_of_the_credentials_and_the_server() -> None:
    def of(token: Any, region: str = "SNYK-US-01") -> bytes:
        return principal(resolve(token, region, environ={}))

    same = [
        (TOKEN, TOKEN),
        (OAuthClientCredentials("id", "old"), OAuthClientCredentials("id", "new")),
        (
            BearerToken(jwt(sub="me", iss="snyk", exp=1)),
            BearerToken(jwt(sub="me", iss="snyk", exp=2)),
        ),
    ]
    for one, other in same:
        assert of(one) == of(other)
    others = [
        of(TOKEN),
        of(TOKEN, "SNYK-EU-01"),
        of("another-token"),
        of(OAuthClientCredentials("id", "s")),
        of(OAuthClientCredentials("other", "s")),
        of(BearerToken("opaque")),
        of(BearerToken(jwt(sub="me", iss="snyk"))),
        of(BearerToken(jwt(sub="you", iss="snyk"))),
        of(BearerToken(jwt(exp=1))),
    ]
    assert len(set(others)) == len(others)
    assert all(len(name) == 16 and TOKEN.encode()[:8] not in name for name in others)


# The setting


def test_a_path_is_the_same_whatever_becomes_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        RateLimit(shared="limit").shared == RateLimit(shared=Path("limit")).shared == str(tmp_path / "limit")
    )
    assert RateLimit().shared is None


@pytest.mark.parametrize(
    "wrong", ["", "  ", "a\0b", "\ud800", 5, b"limit", os.fsencode, "http://x", "redi://x"]
)
def test_a_place_that_is_neither_path_nor_url_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="shared must be the path of a file"):
        RateLimit(shared=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.01, True, "1", math.nan])
def test_a_share_that_is_no_fraction_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="share must be a number above 0 and not above 1"):
        RateLimit(share=wrong)


def test_no_password_is_shown() -> None:
    limit = RateLimit(shared="rediss://user:hidden@host:6379/1?password=hidden")
    assert "shared='rediss://host:6379/1'" in repr(limit)
    assert "hidden" not in repr(limit)
    assert "shared=None" in repr(RateLimit())
    for password in ("hid/den", "hid@den", "hid:den", "hid?den", "hid/d?en", "hid#den"):
        shown = repr(RateLimit(shared=f"redis://:{password}@host:6379/0"))
        assert "hid" not in shown
        assert "den" not in shown
    assert "'redis://host/0'" in repr(RateLimit(shared="redis://host/0"))
