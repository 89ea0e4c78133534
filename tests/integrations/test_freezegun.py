"""freezegun: with the event loop's own clock left to it, no call hangs, and no timeout comes too early or never."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, cast

import anyio
import httpx
import pytest
from freezegun import freeze_time
from pydantic import TypeAdapter
from support.scripted import GROUP, ONE_GROUP, Script

from groups_sdk import AsyncGroupsClient, GroupsClient, RateLimit, RequestTimeoutError, RetryPolicy
from groups_sdk.testing import FakeSnyk

# freezegun reads every module's attributes, which loads what is loaded on first use. pydantic would remember the frozen
# classes for as long as the process runs, so it is loaded before.
TypeAdapter(datetime)

# What leaves the clock of the event loop running.
RUNNING: dict[str, dict[str, Any]] = {"asyncio": {"real_asyncio": True}, "trio": {"ignore": ["trio"]}}
SOON = RetryPolicy(max_attempts=3, backoff_base=0.001)
ONCE = RetryPolicy(max_attempts=1)
CLIENTS = ["asynchronous", "synchronous"]

Call = Callable[[AsyncGroupsClient], Awaitable[object]]


@pytest.fixture(params=RUNNING)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(kind: str, backend: str, call: Call, transport: Any, **options: Any) -> None:
    """Make calls with either client; the synchronous one's are awaited as if they were asynchronous."""

    async def calls() -> None:
        if kind == "asynchronous":
            async with AsyncGroupsClient("t0ken", transport=transport, **options) as client:
                await call(client)
        else:
            with GroupsClient("t0ken", transport=transport, backend=backend, **options) as sync:
                await call(cast("AsyncGroupsClient", _Awaited(sync)))

    anyio.run(calls, backend=backend)


class _Awaited:
    def __init__(self, client: GroupsClient) -> None:
        self._client = client

    async def get_group(self, group_id: str) -> object:
        return self._client.get_group(group_id)


async def read(client: AsyncGroupsClient) -> None:
    assert cast("Any", await client.get_group(GROUP)).name == "Engineering"


@pytest.mark.parametrize("kind", CLIENTS)
def test_calls_that_wait_for_nothing_need_no_option(kind: str, backend: str) -> None:
    with freeze_time("2026-06-01"):
        run(kind, backend, read, Script((200, ONE_GROUP)))


@pytest.mark.parametrize("kind", CLIENTS)
def test_waits_before_retries_end(kind: str, backend: str) -> None:
    with freeze_time("2026-06-01", **RUNNING[backend]) as frozen:
        after_a_date = format_datetime(frozen().replace(tzinfo=UTC) + timedelta(seconds=1), usegmt=True)
        script = Script(503, (503, {}, {"retry-after": after_a_date}), (200, ONE_GROUP))
        run(kind, backend, read, script, retries=SOON)
        assert len(script.requests) == 3
        script = Script((429, {}, {"retry-after": "1"}), (200, ONE_GROUP))
        run(kind, backend, read, script, retries=SOON)
        assert datetime.now(UTC).isoformat() == "2026-06-01T00:00:00+00:00"


@pytest.mark.parametrize("kind", CLIENTS)
def test_the_rate_limit_lets_calls_through(kind: str, backend: str) -> None:
    async def thrice(client: AsyncGroupsClient) -> None:
        for _ in range(3):
            await read(client)

    script = Script((200, ONE_GROUP))
    with freeze_time("2026-06-01", **RUNNING[backend]):
        run(kind, backend, thrice, script, rate_limit=RateLimit(per_second=1))
    assert len(script.requests) == 3


async def never(_: httpx.Request) -> None:
    await anyio.sleep_forever()


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_timeout_comes_although_the_time_stands_still(kind: str, backend: str) -> None:
    async def read_in_vain(client: AsyncGroupsClient) -> None:
        with pytest.raises(RequestTimeoutError):
            await client.get_group(GROUP)

    with freeze_time("2026-06-01", **RUNNING[backend]):
        run(kind, backend, read_in_vain, Script(never), timeout=0.05, retries=ONCE)


@pytest.mark.parametrize("kind", CLIENTS)
def test_no_timeout_comes_because_the_time_is_moved(kind: str, backend: str) -> None:
    """Neither within a call nor when the clock goes back to the present."""
    with GroupsClient("t0ken", transport=Script((200, ONE_GROUP)), backend=backend) as before:
        before.get_group(GROUP)
        with freeze_time("2026-06-01", **RUNNING[backend]) as frozen:

            async def move(_: httpx.Request) -> tuple[int, object]:
                frozen.move_to("2036-06-01")
                await anyio.sleep(0.001)
                return 200, ONE_GROUP

            run(kind, backend, read, Script(move))
            before.get_group(GROUP)
        before.get_group(GROUP)


def test_the_time_that_jobs_note_is_the_frozen_one() -> None:
    fake = FakeSnyk.example()
    with freeze_time("2026-06-01 12:00", real_asyncio=True), fake.client() as client:
        review = client.access.review(fake.group_id).collect()
        assert review.reviewed_at == datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_fake_serves_the_client_on_a_day_before_its_version_of_the_api() -> None:
    fake = FakeSnyk.example()
    with freeze_time("2024-01-01", real_asyncio=True), fake.client() as client:
        assert client.get_group(fake.group_id).name == "Engineering"
