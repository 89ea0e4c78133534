"""Work beside its consumer: its block may be left anywhere, and no other task comes to harm."""

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from groups_sdk import AsyncGroupsClient
from groups_sdk import _background as background
from groups_sdk._background import BackgroundTask
from groups_sdk.testing import FakeSnyk

Begin = Callable[[AsyncGroupsClient, FakeSnyk], Any]
BLOCKS: dict[str, Begin] = {
    "read_ahead": lambda client, fake: client.list_memberships(fake.group_id, limit=10).read_ahead(2),
    "delete_memberships": lambda client, fake: client.access.delete_memberships(
        fake.group_id, [member.id for member in fake.memberships(fake.group_id)[1:]], cascade=True
    ),
    "update_memberships": lambda client, fake: client.access.update_memberships(
        fake.group_id, {m.id: "Group Viewer" for m in fake.memberships(fake.group_id)[1:]}
    ),
    "offboard": lambda client, fake: client.access.offboard(
        "ada.0000@example.com", cascade=True, dry_run=False
    ),
}


@pytest.fixture(params=list(BLOCKS))
def begin(request: pytest.FixtureRequest) -> Begin:
    return BLOCKS[request.param]


def service() -> FakeSnyk:
    return FakeSnyk.with_members(60)


async def items(block: AbstractAsyncContextManager[AsyncIterator[Any]]) -> AsyncGenerator[Any]:
    async with block as found:
        async for item in found:
            yield item


async def settled() -> None:
    """Let everything run that can, and see that nothing is left and this task was not cancelled."""
    for _ in range(200):
        await checkpoint()
        if not background._running:
            break
    await anyio.sleep(0)
    assert not background._running


@pytest.mark.anyio
@pytest.mark.filterwarnings("ignore:Async generator .* was garbage collected:ResourceWarning")  # trio says so
async def test_a_generator_that_is_left_by_break_and_collected_cancels_nobody(begin: Begin) -> None:
    fake = service()
    async with fake.async_client() as client:
        block = begin(client, fake)

        async def consume() -> None:
            async for _ in items(block):
                break

        await consume()
        gc.collect()
        await settled()
        await client.list_groups().collect()
    if hasattr(block, "outcomes"):
        assert block.total == len(block.outcomes) + len(block.pending)


@pytest.mark.anyio
async def test_a_generator_can_be_closed_in_another_task(begin: Begin) -> None:
    fake = service()
    async with fake.async_client() as client:
        generator = items(begin(client, fake))
        await anext(generator)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(generator.aclose)
        await settled()
        async with aclosing(items(begin(client, fake))) as generator:
            async for _ in generator:
                break
        await settled()


@pytest.mark.anyio
async def test_a_block_can_be_left_in_another_task_and_out_of_order(begin: Begin) -> None:
    fake = service()
    async with fake.async_client() as client:
        block = begin(client, fake)

        async def enter() -> None:
            with anyio.CancelScope() as scope:
                await anext(aiter(await block.__aenter__()))
            assert not scope.cancelled_caught

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(enter)
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as other:
                await block.__aexit__(None, None, None)
            assert not other.cancel_called
        await settled()


@pytest.mark.anyio
async def test_a_block_that_is_never_left_cancels_nobody_and_a_listing_waits_for_nothing() -> None:
    fake = service()
    async with fake.async_client() as client:
        ahead = await client.list_memberships(fake.group_id, limit=10).read_ahead(2).__aenter__()
        await anext(aiter(ahead))
        del ahead
        await settled()
        assert len(fake.requests) == 3  # one was taken, two are ready


@pytest.mark.anyio
async def test_joining_waits_for_the_end_and_a_cancelled_wait_cancels() -> None:
    begun, let = anyio.Event(), anyio.Event()

    async def work() -> None:
        begun.set()
        await let.wait()

    task = BackgroundTask(work)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(task.join)
            await begun.wait()
            scope.cancel()
    assert task not in background._running
    await task.join()
    task = BackgroundTask(work)
    let.set()
    await task.join()
    assert task not in background._running


@pytest.mark.anyio
async def test_one_that_is_cancelled_before_it_begins_does_nothing() -> None:
    seen: list[int] = []

    async def work() -> None:
        await checkpoint()
        seen.append(1)

    await BackgroundTask(work).cancel()
    assert seen == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_it_ends_with_its_loop_and_another_loop_does_not_wait_for_it(backend: str) -> None:
    ended: list[int] = []

    async def work() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(1)

    async def begin() -> BackgroundTask:
        task = BackgroundTask(work)
        await anyio.wait_all_tasks_blocked()
        return task

    task = anyio.run(begin, backend=backend)
    assert ended == [1]
    assert not background._running
    for other in ("asyncio", "trio"):
        anyio.run(task.join, backend=other)
        anyio.run(task.cancel, backend=other)
