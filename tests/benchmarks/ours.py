"""Our sides: what `groups_sdk` is measured doing."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from benchmarks import timing
from benchmarks.server import GROUP_ID, MEMBERSHIP_ID, ROLE_ID, TOKEN
from benchmarks.timing import Turn
from groups_sdk import AsyncGroupsClient, GroupsClient, RateLimit
from groups_sdk.testing import FakeSnyk


def async_client(base_url: str) -> AsyncGroupsClient:
    return AsyncGroupsClient(TOKEN, base_url=base_url, rate_limit=None)


def sync_client(base_url: str) -> GroupsClient:
    return GroupsClient(TOKEN, base_url=base_url, rate_limit=None)


@contextmanager
def list_async(base_url: str, members: int) -> Iterator[Turn]:
    with asyncio.Runner() as runner:
        client = async_client(base_url)

        async def list_members() -> int:
            count = 0
            async for _ in client.list_memberships(GROUP_ID):
                count += 1
            return count

        yield lambda: timing.listing(lambda: runner.run(list_members()), members)
        runner.run(client.aclose())


@contextmanager
def list_sync(base_url: str, members: int) -> Iterator[Turn]:
    with sync_client(base_url) as client:

        def list_members() -> int:
            count = 0
            for _ in client.list_memberships(GROUP_ID):
                count += 1
            return count

        yield lambda: timing.listing(list_members, members)


@contextmanager
def list_ahead_sync(base_url: str, members: int) -> Iterator[Turn]:
    """A listing that reads ahead, for a consumer that only counts."""
    with sync_client(base_url) as client:

        def list_members() -> int:
            count = 0
            with client.list_memberships(GROUP_ID).read_ahead() as memberships:
                for _ in memberships:
                    count += 1
            return count

        yield lambda: timing.listing(list_members, members)


@contextmanager
def read_ahead_async(base_url: str, work: float) -> Iterator[Turn]:
    """A listing that reads ahead, with so many seconds of work on each page."""
    with asyncio.Runner() as runner:
        client = async_client(base_url)

        async def listing() -> float:
            started = time.perf_counter()
            async with client.list_memberships(GROUP_ID).read_ahead() as memberships:
                async for _ in memberships.pages():
                    await asyncio.sleep(work)
            return time.perf_counter() - started

        yield lambda: runner.run(listing())
        runner.run(client.aclose())


@contextmanager
def read_ahead_sync(base_url: str, work: float) -> Iterator[Turn]:
    with sync_client(base_url) as client:

        def listing() -> float:
            started = time.perf_counter()
            with client.list_memberships(GROUP_ID).read_ahead() as memberships:
                for _ in memberships.pages():
                    time.sleep(work)
            return time.perf_counter() - started

        yield listing


@contextmanager
def get_group_sync(base_url: str, count: int) -> Iterator[Turn]:
    with sync_client(base_url) as client:
        yield lambda: timing.calls(lambda: client.get_group(GROUP_ID), count)


@contextmanager
def get_group_on_threads(base_url: str, threads: int, count: int) -> Iterator[Turn]:
    with sync_client(base_url) as client, ThreadPoolExecutor(threads) as pool:
        yield lambda: timing.calls_on_threads(pool, threads, lambda: client.get_group(GROUP_ID), count)


@contextmanager
def get_group_async(base_url: str, count: int, limited: bool) -> Iterator[Turn]:
    """Calls far below the rate limit, or without a limiter."""
    limit = RateLimit(per_second=1_000_000, per_minute=1_000_000) if limited else None
    with asyncio.Runner() as runner:
        client = AsyncGroupsClient(TOKEN, base_url=base_url, rate_limit=limit)
        yield lambda: runner.run(timing.async_calls(lambda: client.get_group(GROUP_ID), count))
        runner.run(client.aclose())


@contextmanager
def get_group_observed(base_url: str, count: int, how: str) -> Iterator[Turn]:
    """Calls that are observed: by a hook ("on_call"), by OpenTelemetry ("imported" and others), or "not"."""
    if how not in ("not", "on_call"):
        trace_calls(how)
    seen: deque[object] = deque(maxlen=1)
    with asyncio.Runner() as runner:
        client = async_client(base_url)
        used = client.with_options(on_call=seen.append if how == "on_call" else None)
        yield lambda: runner.run(timing.async_calls(lambda: used.get_group(GROUP_ID), count))
        runner.run(client.aclose())


def trace_calls(how: str) -> None:
    """Import OpenTelemetry and, where it is more than "imported", set up tracing."""
    from opentelemetry import trace

    if how != "imported":
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

        trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_ON if how == "recorded" else ALWAYS_OFF))


@contextmanager
def get_group_in_memory_async(count: int) -> Iterator[Turn]:
    """Calls to an API in the same process, which no socket delays."""
    fake = FakeSnyk.example()
    with asyncio.Runner() as runner:
        client = fake.async_client(rate_limit=None)
        yield lambda: runner.run(timing.async_calls(lambda: client.get_group(fake.group_id), count))
        runner.run(client.aclose())


@contextmanager
def get_group_in_memory_sync(count: int) -> Iterator[Turn]:
    fake = FakeSnyk.example()
    with fake.client(rate_limit=None) as client:
        yield lambda: timing.calls(lambda: client.get_group(fake.group_id), count)


@contextmanager
def change_roles(base_url: str, workers: int, changes: int) -> Iterator[Turn]:
    with asyncio.Runner() as runner:
        client = async_client(base_url)

        async def change() -> None:
            await client.update_membership(GROUP_ID, MEMBERSHIP_ID, role_id=ROLE_ID)

        yield lambda: runner.run(timing.calls_by_workers(workers, change, changes))
        runner.run(client.aclose())


@contextmanager
def build_clients(base_url: str, count: int) -> Iterator[Turn]:
    """Clients after the first one. Nobody closes them: they have opened nothing."""
    yield lambda: timing.building(lambda: async_client(base_url), count)
