"""Work beside its consumer: its block may be left anywhere, and no other task comes to harm."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, closing
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from groups_sdk import AsyncGroupsClient
from groups_sdk import _background as background
from groups_sdk._background import BackgroundTask
from groups_sdk.testing import FakeSnyk

PATIENCE = 60.0  # seconds; only what hangs takes so long

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


def never() -> None:
    raise AssertionError("the task was begun")


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

        async def close() -> None:  # older anyio starts nothing but coroutines
            await generator.aclose()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(close)
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

    task = BackgroundTask(work, instead=never)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(task.join)
            await begun.wait()
            scope.cancel()
    assert task not in background._running
    await task.join()
    task = BackgroundTask(work, instead=never)
    let.set()
    await task.join()
    assert task not in background._running


@pytest.mark.anyio
async def test_one_that_is_cancelled_before_it_begins_does_nothing() -> None:
    seen: list[int] = []

    async def work() -> None:
        await checkpoint()
        seen.append(1)

    await BackgroundTask(work, instead=never).cancel()
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
        task = BackgroundTask(work, instead=never)
        await anyio.wait_all_tasks_blocked()
        return task

    task = anyio.run(begin, backend=backend)
    assert ended == [1]
    assert not background._running
    for other in ("asyncio", "trio"):
        anyio.run(task.join, backend=other)
        anyio.run(task.cancel, backend=other)


# The end of event loops, and eager tasks


ROUGH_END = [
    pytest.mark.filterwarnings(f"ignore:.*{what}")
    for what in (
        "was never run:ResourceWarning",
        "unclosed client:ResourceWarning",
        "never awaited:RuntimeWarning",
    )
]


@pytest.fixture
def swept() -> Iterator[None]:
    """What was thrown away is collected while its warnings are ignored."""
    yield
    gc.collect()


def rough(test: Any) -> Any:
    for mark in ROUGH_END:
        test = mark(test)
    return pytest.mark.usefixtures("swept")(test)


@rough
def test_a_loop_that_ends_before_the_first_step_keeps_nobody_waiting(begin: Begin) -> None:
    fake = service()

    async def consume(client: AsyncGroupsClient, steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        async with begin(client, fake) as found:
            async for _ in found:
                pass

    async def end_early(steps: int) -> None:
        task = asyncio.create_task(consume(fake.async_client(), steps))
        for _ in range(3):
            await asyncio.sleep(0)
        tasks.append(task)

    tasks: list[asyncio.Task[None]] = []
    for steps in range(5):
        asyncio.run(asyncio.wait_for(end_early(steps), PATIENCE))
    assert all(task.cancelled() for task in tasks)
    assert not background._running


@rough
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_who_waits_for_a_task_that_was_cancelled_before_its_first_step_is_told(begin: Begin) -> None:
    fake = service()
    async with fake.async_client() as client, begin(client, fake) as found:
        waiting = asyncio.ensure_future(anext(aiter(found)))
        while not background._running:
            await asyncio.sleep(0)
        for task in background._running:
            task._task.cancel()
        with anyio.fail_after(PATIENCE), pytest.raises(RuntimeError, match="has ended"):
            await waiting
    await settled()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in Python 3.12")
def test_eager_tasks(begin: Begin) -> None:
    fake = service()

    async def consume() -> int:
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        count = 0
        async with fake.async_client() as client:
            async with begin(client, fake) as found:
                async for _ in found:
                    count += 1
            await settled()
        return count

    assert asyncio.run(asyncio.wait_for(consume(), PATIENCE)) > 0


def test_a_block_is_not_left_on_another_loop_while_work_is_under_way(begin: Begin) -> None:
    fake = service()
    client = fake.async_client()
    block = begin(client, fake)

    async def enter() -> None:
        found = await block.__aenter__()
        assert await anext(aiter(found)) is not None

    async def leave() -> None:
        await block.__aexit__(None, None, None)

    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(enter())
        with pytest.raises(RuntimeError, match="entered on another event loop, which has not ended"):
            asyncio.run(leave())
        loop.run_until_complete(leave())
        loop.run_until_complete(client.aclose())


@rough
def test_a_block_is_left_in_silence_after_the_end_of_its_loop(begin: Begin) -> None:
    fake = service()
    block = begin(fake.async_client(), fake)

    async def enter() -> None:
        found = await block.__aenter__()
        assert await anext(aiter(found)) is not None

    asyncio.run(enter())
    asyncio.run(block.__aexit__(None, None, None))
