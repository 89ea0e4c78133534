"""Task groups of the jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from groups_sdk.access._tasks import for_each, in_order, task_group

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


class Items:
    """Numbers to iterate over, and how many of them have been taken."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.taken = 0
        self._count = count
        self._error = error

    async def __aiter__(self) -> AsyncIterator[int]:
        for item in range(self._count):
            await anyio.lowlevel.checkpoint()
            self.taken += 1
            yield item
        if self._error is not None:
            raise self._error


async def test_what_is_ready_early_is_used_in_its_order() -> None:
    used: list[str] = []
    later = anyio.Event()

    async def change(item: int) -> str:
        if item == 0:
            await later.wait()
        elif item == 2:
            later.set()
        return f"{item} changed"

    async def use(changed: str) -> None:
        used.append(changed)

    await in_order(Items(5), change, use, at_a_time=3)
    assert used == [f"{item} changed" for item in range(5)]


@pytest.mark.parametrize("at_a_time", [1, 3])
async def test_nothing_is_taken_before_there_is_room_for_it(at_a_time: int) -> None:
    items = Items(10)
    ahead: list[int] = []

    async def change(item: int) -> int:
        return item

    async def use(item: int) -> None:
        await anyio.wait_all_tasks_blocked()
        ahead.append(items.taken - item)

    await in_order(items, change, use, at_a_time=at_a_time)
    assert max(ahead) == at_a_time


@pytest.mark.parametrize("where", ["items", "change", "use"])
async def test_the_first_error_of_anything_ends_it_all(where: str) -> None:
    error = ValueError(where)
    used: list[int] = []

    async def change(item: int) -> int:
        if item == 1:
            if where == "change":
                raise error
            await anyio.sleep_forever()
        return item

    async def use(item: int) -> None:
        used.append(item)
        if where == "use":
            raise error

    with pytest.raises(ValueError, match=where) as caught:
        await in_order(Items(2, error if where == "items" else None), change, use, at_a_time=3)
    assert caught.value is error
    assert used in ([], [0])
