"""Paginators over pages in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import anyio
import pytest

from groups_sdk import (
    ApiError,
    AsyncPaginator,
    GroupsError,
    InvalidArgumentError,
    Page,
    PaginationError,
    Paginator,
)
from groups_sdk._pages import FetchedPage
from groups_sdk._responses import ApiResponse, Headers

R = TypeVar("R")
RESPONSE = ApiResponse(200, Headers(), b"", "list")


class Pages:
    """Pages of numbers behind cursors "1", "2", ... and what was asked for them."""

    def __init__(self, *pages: list[int], next_cursors: dict[int, str | None] | None = None) -> None:
        self.pages = pages
        self.next_cursors = next_cursors or {}
        self.asked: list[tuple[str | None, str | None]] = []
        self.failures: list[Exception] = []

    async def fetch(
        self, *, starting_after: str | None, ending_before: str | None, on_sent: Callable[[], object]
    ) -> FetchedPage[int]:
        self.asked.append((starting_after, ending_before))
        await anyio.lowlevel.checkpoint()
        if self.failures:
            raise self.failures.pop(0)
        index = int(ending_before) - 1 if ending_before else int(starting_after or 0)
        following = str(index + 1) if index + 1 < len(self.pages) else None
        following = self.next_cursors.get(index, following)
        return FetchedPage.decoded(
            Page(self.pages[index], following, str(index) if index else None, {}, RESPONSE)
        )

    def listing(self, **cursors: str) -> AsyncPaginator[int]:
        return AsyncPaginator(self.fetch, **cursors)


def call(func: Callable[..., Coroutine[Any, Any, R]], /, *args: Any) -> R:
    return anyio.run(func, *args)


def synchronous(listing: AsyncPaginator[int], call: Callable[..., Any] = call) -> Paginator[int]:
    """A paginator that takes its steps with `call`."""
    return Paginator(cast("Any", SimpleNamespace(call=call)), listing)


@pytest.mark.anyio
async def test_items_pages_first_and_collect() -> None:
    listing = Pages([1, 2], [], [3]).listing()
    assert [item async for item in listing] == [1, 2, 3]
    assert [item async for item in listing] == [1, 2, 3]  # each iteration starts anew
    assert [page.items async for page in listing.pages()] == [[1, 2], [], [3]]
    assert await listing.collect() == [1, 2, 3]
    assert await listing.first() == 1
    assert await Pages([], [5]).listing().first() == 5
    assert await Pages([]).listing().first() is None


@pytest.mark.anyio
async def test_collect_fetches_no_page_that_is_not_needed() -> None:
    pages = Pages([1, 2], [3, 4], [5])
    assert await pages.listing().collect(0) == []
    assert pages.asked == []
    assert await pages.listing().collect(3) == [1, 2, 3]
    assert len(pages.asked) == 2
    for wrong in (-1, True, "5", 1.5):
        with pytest.raises(InvalidArgumentError, match="max_items"):
            await pages.listing().collect(wrong)  # type: ignore[arg-type] # which is the point


@pytest.mark.anyio
async def test_resuming_and_walking_backwards() -> None:
    pages = Pages([1, 2], [3, 4], [5, 6])
    assert await pages.listing(starting_after="1").collect() == [3, 4, 5, 6]
    back = pages.listing(ending_before="2")
    assert await back.collect() == [4, 3, 2, 1]
    assert [page.items async for page in back.pages()] == [[3, 4], [1, 2]]


@pytest.mark.anyio
@pytest.mark.parametrize("cursor", ["1", ""])
async def test_a_cursor_that_leads_nowhere_is_an_error_after_the_items_of_its_page(cursor: str) -> None:
    pages = Pages([1], [2], next_cursors={1: cursor})
    seen: list[int] = []
    with pytest.raises(PaginationError) as caught:
        async for item in pages.listing():
            seen.append(item)
    assert seen == [1, 2]
    assert caught.value.cursor == cursor


@pytest.mark.anyio
async def test_after_an_error_the_same_page_is_asked_for_again_and_the_error_tells_where() -> None:
    pages = Pages([1], [2], [3])
    walk = pages.listing().pages()
    await anext(walk)
    pages.failures = [GroupsError("broken")]
    with pytest.raises(GroupsError) as caught:
        await anext(walk)
    assert caught.value.__notes__ == ["The listing can be resumed here with starting_after='1'."]
    assert [page.items async for page in walk] == [[2], [3]]
    pages.failures = [GroupsError("broken at once"), RuntimeError("not ours")]
    with pytest.raises(GroupsError) as caught:
        await pages.listing().first()
    assert not hasattr(caught.value, "__notes__")
    with pytest.raises(RuntimeError):
        await pages.listing().first()
    pages.failures = [GroupsError("broken")]
    with pytest.raises(GroupsError) as caught:
        await pages.listing(ending_before="2").first()
    assert "ending_before='2'" in caught.value.__notes__[0]


@pytest.mark.anyio
@pytest.mark.parametrize(("status", "offered"), [(400, False), (403, True), (429, True), (503, True)])
async def test_a_cursor_that_the_api_refuses_is_not_offered_for_resuming(status: int, offered: bool) -> None:
    for cursors in ({"starting_after": "1"}, {"ending_before": "1"}):
        pages = Pages([1], [2])
        pages.failures = [ApiError(status_code=status)]
        with pytest.raises(ApiError) as caught:
            await pages.listing(**cursors).collect()
        notes = getattr(caught.value, "__notes__", [])
        assert notes == [f"The listing can be resumed here with {name}='1'." for name in cursors if offered]
    refused = Pages([1], [2])
    refused.failures = [ApiError(status_code=400)]
    async with refused.listing(starting_after="1").read_ahead() as ahead:
        with pytest.raises(ApiError) as caught:
            await anext(aiter(ahead))
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.anyio
async def test_two_tasks_cannot_wait_on_one_iteration() -> None:
    walk = Pages([1], [2]).listing().pages()
    problems: list[str] = []

    async def step() -> None:
        try:
            await anext(walk)
        except RuntimeError as error:
            problems.append(str(error))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(step)
        tasks.start_soon(step)
    assert len(problems) == 1


def test_the_synchronous_paginator_crosses_once_for_each_page() -> None:
    crossings = 0

    def counted(func: Callable[..., Coroutine[Any, Any, R]], /, *args: Any) -> R:
        nonlocal crossings
        crossings += 1
        return call(func, *args)

    listing = synchronous(Pages([1, 2, 3], [4, 5]).listing(), counted)
    assert list(listing) == [1, 2, 3, 4, 5]
    assert crossings == 3  # two pages, and the end
    assert [page.items for page in listing.pages()] == [[1, 2, 3], [4, 5]]
    assert listing.first() == 1
    assert listing.collect(4) == [1, 2, 3, 4]
    with pytest.raises(InvalidArgumentError):
        listing.collect(-1)


def test_the_synchronous_iterators_ask_for_the_same_page_again_after_an_error() -> None:
    pages = Pages([1, 2], [3], [4])
    items = iter(synchronous(pages.listing()))
    assert [next(items), next(items)] == [1, 2]
    pages.failures = [GroupsError("broken"), OSError("not ours")]
    with pytest.raises(GroupsError) as caught:
        next(items)
    assert caught.value.__notes__ == ["The listing can be resumed here with starting_after='1'."]
    with pytest.raises(OSError):
        next(items)
    assert list(items) == [3, 4]
    assert next(items, None) is None

    whole = synchronous(pages.listing()).pages()
    assert next(whole).items == [1, 2]
    pages.failures = [GroupsError("broken")]
    with pytest.raises(GroupsError):
        next(whole)
    assert [page.items for page in whole] == [[3], [4]]


def test_an_interrupted_synchronous_iteration_does_not_pass_for_a_whole_one() -> None:
    def interrupted(func: Callable[..., Coroutine[Any, Any, R]], /, *args: Any) -> R:
        call(func, *args)
        raise KeyboardInterrupt  # after the page came, before it was handed over

    items = iter(synchronous(Pages([1], [2]).listing(), interrupted))
    with pytest.raises(KeyboardInterrupt):
        next(items)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="begin a new one"):
            next(items)


def test_two_threads_cannot_wait_on_one_synchronous_iteration() -> None:
    problems: list[str] = []

    def busy(func: Callable[..., Coroutine[Any, Any, R]], /, *args: Any) -> R:
        if not problems:
            try:
                next(pages)  # as another thread would, meanwhile
            except RuntimeError as error:
                problems.append(str(error))
        return call(func, *args)

    pages = synchronous(Pages([1], [2]).listing(), busy).pages()
    assert [page.items for page in pages] == [[1], [2]]
    assert "two threads" in problems[0]


def test_nothing_is_asked_for_before_the_first_step() -> None:
    pages = Pages([1])
    listing = synchronous(pages.listing())
    iter(listing)
    listing.pages()
    aiter(pages.listing())
    pages.listing().pages()
    assert pages.asked == []


@pytest.mark.anyio
async def test_each_page_is_asked_for_once_with_the_cursor_of_its_direction_only() -> None:
    pages = Pages([1], [2], [3])
    await pages.listing().collect()
    assert pages.asked == [(None, None), ("1", None), ("2", None)]
    pages.asked.clear()
    await pages.listing(ending_before="3").collect()
    assert pages.asked == [(None, "3"), (None, "2"), (None, "1")]


@pytest.mark.anyio
async def test_an_iteration_at_its_end_stays_there() -> None:
    pages = Pages([1])
    walk = pages.listing().pages()
    assert [page.items async for page in walk] == [[1]]
    assert [page.items async for page in walk] == []
    assert len(pages.asked) == 1


@pytest.mark.anyio
async def test_a_next_page_that_is_the_one_resumed_from_is_a_circle() -> None:
    pages = Pages([1], [2], [3], next_cursors={1: "1"})
    walk = pages.listing(starting_after="1").pages()
    assert (await anext(walk)).items == [2]
    for _ in range(2):  # and it does not go away
        with pytest.raises(PaginationError, match="'1' a second time"):
            await anext(walk)
    assert len(pages.asked) == 1


@pytest.mark.anyio
async def test_a_cancelled_step_loses_no_page() -> None:
    pages = Pages([1], [2])
    walk = pages.listing().pages()
    with anyio.CancelScope() as scope:
        scope.cancel()
        await anext(walk)
    assert [page.items async for page in walk] == [[1], [2]]


@pytest.mark.anyio
async def test_a_page_that_cannot_be_decoded_is_asked_for_again() -> None:
    pages = Pages([1], [2], [3])
    fetch, broken = pages.fetch, [GroupsError("broken")]

    async def fetch_broken(**request: Any) -> FetchedPage[int]:
        fetched = await fetch(**request)

        def decode() -> Page[int]:
            if fetched.next_cursor == "2" and broken:
                raise broken.pop()
            return fetched.decode()

        return FetchedPage(fetched.next_cursor, fetched.prev_cursor, decode)

    walk = aiter(AsyncPaginator(fetch_broken))
    assert await anext(walk) == 1
    with pytest.raises(GroupsError, match="broken") as caught:
        await anext(walk)
    assert caught.value.__notes__ == ["The listing can be resumed here with starting_after='1'."]
    assert [item async for item in walk] == [2, 3]
    assert [after for after, _ in pages.asked] == [None, "1", "1", "2"]


@pytest.mark.anyio
async def test_whole_pages_keep_the_order_of_the_api_when_walking_backwards() -> None:
    back = Pages([1, 2], [], [3, 4]).listing(ending_before="3")
    assert [item async for item in back] == [4, 3, 2, 1]
    assert [page.items async for page in back.pages()] == [[3, 4], [], [1, 2]]
    assert await back.first() == 4
    assert await back.collect(3) == [4, 3, 2]


def test_other_tasks_have_a_turn_before_an_answer_is_decoded() -> None:
    turns: list[str] = []

    async def fetch(**_: Any) -> FetchedPage[int]:
        turns.append("answered")
        asyncio.get_running_loop().call_soon(turns.append, "something else")

        def decode() -> Page[int]:
            turns.append("decoded")
            return Page([1], None, None, {})

        return FetchedPage(None, None, decode)

    # On trio, the tasks of a turn run in any order.
    assert asyncio.run(AsyncPaginator(fetch).collect()) == [1]
    assert turns == ["answered", "something else", "decoded"]
