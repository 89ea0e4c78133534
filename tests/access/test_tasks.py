"""Task groups of the jobs."""

from __future__ import annotations

import anyio
import pytest

from groups_sdk.access._tasks import for_each, task_group

pytestmark = pytest.mark.anyio


async def test_first_error_of_a_task_group_comes_out_with_its_cause() -> None:
    async def fail() -> None:
        raise ValueError("broken") from OSError("the reason")

    with pytest.raises(ValueError, match="broken") as caught:
        async with task_group() as tasks:
            tasks.start_soon(fail)
            tasks.start_soon(anyio.sleep_forever)
    assert isinstance(caught.value.__cause__, OSError)


async def test_task_group_without_errors_ends_as_usual() -> None:
    done: list[int] = []

    async def append() -> None:
        done.append(1)

    async with task_group() as tasks:
        tasks.start_soon(append)
    assert done == [1]


async def test_so_many_items_at_a_time_and_no_more() -> None:
    under_way: set[int] = set()
    most = 0
    done: list[int] = []

    async def work(item: int) -> None:
        nonlocal most
        under_way.add(item)
        most = max(most, len(under_way))
        await anyio.lowlevel.checkpoint()
        under_way.discard(item)
        done.append(item)

    await for_each(work, range(20), concurrency=3)
    assert sorted(done) == list(range(20))
    assert most == 3


async def test_the_first_error_of_an_item_ends_the_others() -> None:
    async def work(item: int) -> None:
        if item == 1:
            raise ValueError("broken")
        await anyio.sleep_forever()

    with pytest.raises(ValueError, match="broken"):
        await for_each(work, range(3), concurrency=3)  # trio begins them in any order
