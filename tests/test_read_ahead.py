"""Listings that fetch the next pages while the caller works on this one."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from support.stalling import PATIENCE

from groups_sdk import (
    ApiDeprecationWarning,
    AsyncPaginator,
    ClientClosedError,
    GroupsError,
    InvalidArgumentError,
    Page,
    Paginator,
)
from groups_sdk import _deprecations as deprecations
from groups_sdk._pages import FetchedPage
from groups_sdk._portal import Portal
from groups_sdk._responses import ApiResponse, Headers

RESPONSE = ApiResponse(200, Headers(), b"", "list")
NEVER = -1  # the only item of a page that never comes


class Pages:
    """Pages of numbers behind cursors "1", "2", ..., what was asked for, and what was given up."""

    def __init__(self, *pages: list[int]) -> None:
        self.pages = pages
        self.asked: list[str | None] = []
        self.arrived: SimpleQueue[str | None] = SimpleQueue()
        self.given_up: SimpleQueue[str | None] = SimpleQueue()
        self.failures: dict[str | None, BaseException] = {}
        self.notices: dict[str | None, str] = {}

    async def fetch(
        self, *, starting_after: str | None, ending_before: str | None, on_sent: Callable[[], object]
    ) -> FetchedPage[int]:
        cursor = ending_before or starting_after
        self.asked.append(cursor)
        self.arrived.put(cursor)
        index = int(ending_before) - 1 if ending_before else int(starting_after or 0)
        try:
            await checkpoint()
            on_sent()
            if self.pages[index] == [NEVER]:
                await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            self.given_up.put(cursor)
            raise
        if cursor in self.notices:
            deprecations.warn(self.notices[cursor])
        if cursor in self.failures:
            raise self.failures.pop(cursor)
        following = str(index + 1) if index + 1 < len(self.pages) else None
        return FetchedPage.decoded(
            Page(self.pages[index], following, str(index) if index else None, {}, RESPONSE)
        )

    def listing(self, **cursors: str) -> AsyncPaginator[int]:
        return AsyncPaginator(self.fetch, **cursors)


class Target:
    """The least that a portal needs of an asynchronous client."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def detached(self) -> Target:
        return Target()


@pytest.fixture(params=["asyncio", "trio"])
def portal(request: pytest.FixtureRequest) -> Iterator[Portal[Target]]:
    door = Portal(Target(), backend=request.param)
    yield door
    door.close()


# Asynchronous


@pytest.mark.anyio
async def test_items_and_pages_are_those_of_the_listing_in_its_order() -> None:
    for depth in (1, 2, 5):
        async with Pages([1, 2], [], [3]).listing().read_ahead(depth) as ahead:
            assert [item async for item in ahead] == [1, 2, 3]
            assert [page.items async for page in ahead.pages()] == [[1, 2], [], [3]]
        async with Pages([1, 2], [], [3, 4]).listing(ending_before="3").read_ahead(depth) as ahead:
            assert [item async for item in ahead] == [4, 3, 2, 1]


@pytest.mark.anyio
async def test_at_most_so_many_pages_are_fetched_in_advance() -> None:
    for depth in (1, 3):
        pages = Pages(*([n] for n in range(9)))
        async with pages.listing().read_ahead(depth) as ahead:
            walk = ahead.pages()
            await anyio.wait_all_tasks_blocked()
            assert pages.asked == []  # nothing before the first step
            for taken in range(1, 4):
                await anext(walk)
                await anyio.wait_all_tasks_blocked()
                assert len(pages.asked) == taken + depth
        await anyio.wait_all_tasks_blocked()
        assert len(pages.asked) == 3 + depth


@pytest.mark.anyio
async def test_each_iteration_starts_anew_and_its_end_stays() -> None:
    pages = Pages([1], [2])
    async with pages.listing().read_ahead() as ahead:
        walk = aiter(ahead)
        for _ in range(2):
            assert [item async for item in ahead] == [1, 2]
        assert [item async for item in walk] == [1, 2]
        assert [item async for item in walk] == []
    assert pages.asked == [None, "1"] * 3


@pytest.mark.anyio
async def test_an_error_comes_in_place_of_its_page_which_is_then_asked_for_again() -> None:
    pages = Pages([1, 2], [3], [4])
    pages.failures["1"] = GroupsError("broken")
    async with pages.listing().read_ahead(2) as ahead:
        walk = aiter(ahead)
        assert [await anext(walk), await anext(walk)] == [1, 2]
        with pytest.raises(GroupsError, match="broken") as caught:
            await anext(walk)
        assert caught.value.__notes__ == ["The listing can be resumed here with starting_after='1'."]
        await anyio.wait_all_tasks_blocked()
        assert pages.asked == [None, "1"]  # not before it is wanted again
        assert [item async for item in walk] == [3, 4]


@pytest.mark.anyio
async def test_what_is_raised_in_the_block_comes_out_as_it_is() -> None:
    pages = Pages([1], [NEVER])
    with pytest.raises(LookupError, match="mine"):
        async with pages.listing().read_ahead() as ahead:
            async for _ in ahead:
                raise LookupError("mine")
    pages.failures[None] = GroupsError("theirs")
    with pytest.raises(GroupsError, match="theirs"):
        async with pages.listing().read_ahead() as ahead:
            async for _ in ahead:
                raise AssertionError


@pytest.mark.anyio
async def test_leaving_the_block_gives_up_what_is_under_way() -> None:
    pages = Pages([1], [NEVER])
    async with pages.listing().read_ahead() as ahead:
        async for item in ahead:
            assert item == 1
            await anyio.wait_all_tasks_blocked()
            break
        assert pages.asked == [None, "1"]
        assert pages.given_up.empty()
    assert pages.given_up.get_nowait() == "1"


@pytest.mark.anyio
async def test_a_cancelled_block_leaves_nothing_behind() -> None:
    pages = Pages([1], [NEVER])
    with anyio.CancelScope() as scope:
        async with pages.listing().read_ahead() as ahead:
            async for _ in ahead:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()  # the next step meets it
    assert scope.cancelled_caught
    assert pages.given_up.get_nowait() == "1"
    await checkpoint()  # this task is not cancelled any more


@pytest.mark.anyio
async def test_a_cancelled_step_loses_no_page() -> None:
    async with Pages([1], [2], [3]).listing().read_ahead() as ahead:
        walk = aiter(ahead)
        assert await anext(walk) == 1
        for _ in range(2):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await checkpoint()
                await anext(walk)
        assert [item async for item in walk] == [2, 3]


@pytest.mark.anyio
async def test_two_tasks_cannot_wait_on_one_iteration() -> None:
    problems: list[str] = []
    async with Pages([NEVER]).listing().read_ahead() as ahead:
        walk = ahead.pages()

        async def step() -> None:
            try:
                await anext(walk)
            except RuntimeError as error:
                problems.append(str(error))
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(step)
            tasks.start_soon(step)
    assert "give each task its own iterator" in problems[0]


class Odd(BaseException):
    """No Exception, as KeyboardInterrupt and SystemExit are none."""


@pytest.mark.anyio
async def test_whatever_a_fetch_raises_ends_the_wait_for_it() -> None:
    pages = Pages([1], [2])
    pages.failures["1"] = Odd()
    with pytest.raises(BaseException) as caught:
        async with pages.listing().read_ahead() as ahead:
            async for _ in ahead:
                pass
    found = caught.value
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Odd)


@pytest.mark.anyio
async def test_an_interrupt_that_comes_while_the_block_is_left_is_not_lost() -> None:
    class Interrupted(Pages):
        async def fetch(self, **request: Any) -> FetchedPage[int]:
            try:
                return await super().fetch(**request)
            except anyio.get_cancelled_exc_class():
                raise Odd from None

    with pytest.raises(Odd):
        async with Interrupted([1], [NEVER]).listing().read_ahead() as ahead:
            assert await anext(aiter(ahead)) == 1
            await anyio.wait_all_tasks_blocked()


@pytest.mark.anyio
async def test_it_is_used_inside_its_block_only() -> None:
    pages = Pages([1], [2], [3])
    ahead = pages.listing().read_ahead()
    with pytest.raises(RuntimeError, match="in a with block"):
        aiter(ahead)
    with pytest.raises(RuntimeError, match="in a with block"):
        ahead.pages()
    async with ahead:
        with pytest.raises(RuntimeError, match="entered already"):
            await ahead.__aenter__()
        walk = ahead.pages()
        await anext(walk)
        await anyio.wait_all_tasks_blocked()
    with pytest.raises(RuntimeError, match="has ended"):
        await anext(walk)
    async with ahead:
        assert [item async for item in ahead] == [1, 2, 3]


@pytest.mark.parametrize("pages", [0, -1, True, 1.5, "1", None])
def test_bad_numbers_of_pages_are_refused(pages: object, portal: Portal[Target]) -> None:
    listing = Pages([1]).listing()
    for either in (listing, Paginator(portal, listing)):
        with pytest.raises(InvalidArgumentError, match="pages must be a whole number of at least 1"):
            either.read_ahead(pages)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_deprecation_is_told_at_the_line_that_takes_the_page() -> None:
    pages = Pages([1], [2])
    pages.notices = {"1": "going"}
    async with pages.listing().read_ahead() as ahead:
        walk = aiter(ahead)
        assert await anext(walk) == 1
        await anyio.wait_all_tasks_blocked()
        with pytest.warns(ApiDeprecationWarning, match="going") as caught:
            await anext(walk)
    assert caught[0].filename == __file__


# Synchronous


def test_the_synchronous_twin_gives_the_same(portal: Portal[Target]) -> None:
    pages = Pages([1, 2], [], [3])
    with Paginator(portal, pages.listing()).read_ahead(2) as ahead:
        assert list(ahead) == [1, 2, 3]
        assert [page.items for page in ahead.pages()] == [[1, 2], [], [3]]
    assert pages.asked == [None, "1", "2"] * 2
    with Paginator(portal, Pages([1, 2], [3, 4]).listing(ending_before="2")).read_ahead() as ahead:
        assert list(ahead) == [4, 3, 2, 1]


def test_the_next_page_is_fetched_while_synchronous_code_works(portal: Portal[Target]) -> None:
    pages = Pages([1], [2], [3])
    with Paginator(portal, pages.listing()).read_ahead() as ahead:
        for asked_next in (item for item in ahead if item < 3):
            if asked_next == 1:
                assert pages.arrived.get(timeout=PATIENCE) is None
            assert pages.arrived.get(timeout=PATIENCE) == str(asked_next)


def test_synchronous_errors_come_in_place_of_their_page(portal: Portal[Target]) -> None:
    pages = Pages([1], [2], [3])
    pages.failures["1"] = GroupsError("broken")
    with Paginator(portal, pages.listing()).read_ahead(2) as ahead:
        walk = iter(ahead)
        assert next(walk) == 1
        with pytest.raises(GroupsError, match="broken"):
            next(walk)
        assert list(walk) == [2, 3]
    pages.failures["1"] = Odd()
    with Paginator(portal, pages.listing()).read_ahead() as ahead, pytest.raises(Odd):
        list(ahead)


def test_leaving_the_synchronous_block_gives_up_what_is_under_way(portal: Portal[Target]) -> None:
    pages = Pages([1], [NEVER])
    listing = Paginator(portal, pages.listing())
    with listing.read_ahead() as ahead:
        iter(ahead)  # one that takes no step
        for _ in ahead:
            assert [pages.arrived.get(timeout=PATIENCE) for _ in range(2)] == [None, "1"]
            break
    assert pages.given_up.get_nowait() == "1"
    assert listing.first() == 1
    with pytest.raises(LookupError, match="mine"), listing.read_ahead() as ahead:
        for _ in ahead:
            raise LookupError("mine")


def test_the_synchronous_twin_is_used_inside_its_block_only(portal: Portal[Target]) -> None:
    ahead = Paginator(portal, Pages([1], [2]).listing()).read_ahead()
    with pytest.raises(RuntimeError, match="in a with block"):
        iter(ahead)
    with ahead:
        with pytest.raises(RuntimeError, match="entered already"):
            ahead.__enter__()
        walk = ahead.pages()
        next(walk)
    with pytest.raises(RuntimeError, match="has ended"):
        next(walk)


def test_closing_the_client_ends_the_iteration_with_an_error() -> None:
    pages = Pages([1], [NEVER])
    door = Portal(Target())
    with Paginator(door, pages.listing()).read_ahead() as ahead:
        walk = iter(ahead)
        assert next(walk) == 1
        assert [pages.arrived.get(timeout=PATIENCE) for _ in range(2)] == [None, "1"]
        door.close()
        assert pages.given_up.get_nowait() == "1"
        for _ in range(2):
            with pytest.raises(ClientClosedError):
                next(walk)


def test_a_block_of_a_closed_client_is_not_entered() -> None:
    door = Portal(Target())
    door.call(checkpoint)
    door.close()
    ahead = Paginator(door, Pages([1]).listing()).read_ahead()
    with pytest.raises(ClientClosedError):
        ahead.__enter__()
    with pytest.raises(RuntimeError, match="in a with block"):
        iter(ahead)


def test_a_synchronous_deprecation_is_told_at_the_line_that_takes_the_page(portal: Portal[Target]) -> None:
    pages = Pages([1], [2])
    pages.notices = {"1": "going"}
    with Paginator(portal, pages.listing()).read_ahead() as ahead:
        walk = iter(ahead)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert next(walk) == 1
        with pytest.warns(ApiDeprecationWarning, match="going") as caught:
            next(walk)
    assert caught[0].filename == __file__


def test_a_forked_child_cannot_go_on_with_its_parents_iteration() -> None:
    program = """
        import os, sys
        from test_read_ahead import NEVER, Pages, Paginator, Portal, Target
        from groups_sdk import ClientClosedError

        pages = Pages([1], [NEVER])
        with Paginator(Portal(Target()), pages.listing()).read_ahead() as ahead:
            walk = iter(ahead)
            assert next(walk) == 1
            pages.arrived.get(), pages.arrived.get()
            child = os.fork()
            if child == 0:
                for _ in range(2):
                    try:
                        next(walk)
                    except ClientClosedError as error:
                        print(error, flush=True)
        if child:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            print("the parent left its block", flush=True)
        os._exit(0)
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    *refusals, last = done.stdout.splitlines()
    assert len(refusals) == 2
    assert all("event loop" in line for line in refusals)
    assert last == "the parent left its block"


@pytest.mark.anyio
async def test_a_block_that_was_never_entered_is_left_in_silence() -> None:
    await Pages([1]).listing().read_ahead().__aexit__(None, None, None)


@pytest.mark.anyio
async def test_whoever_waits_for_a_page_is_told_when_the_block_is_left() -> None:
    problems: list[str] = []
    pages = Pages([NEVER])
    async with anyio.create_task_group() as tasks:
        async with pages.listing().read_ahead() as ahead:
            walk = aiter(ahead)

            async def step() -> None:
                with pytest.raises(RuntimeError) as caught:
                    await anext(walk)
                problems.append(str(caught.value))

            tasks.start_soon(step)
            await anyio.wait_all_tasks_blocked()
    assert "has ended" in problems[0]
    assert pages.given_up.get_nowait() is None


@pytest.mark.anyio
async def test_whoever_waits_for_a_page_is_told_when_the_block_is_cancelled() -> None:
    problems: list[str] = []
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async with Pages([NEVER]).listing().read_ahead() as ahead:
                walk = aiter(ahead)

                async def step() -> None:
                    with pytest.raises(RuntimeError) as caught:
                        await anext(walk)
                    problems.append(str(caught.value))

                tasks.start_soon(step)
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
                await anyio.sleep_forever()
    assert "has ended" in problems[0]


@pytest.mark.anyio
async def test_an_exit_that_nobody_has_met_is_raised_at_the_end_of_the_block_and_an_error_is_not() -> None:
    async def take_one(pages: Pages) -> None:
        async with pages.listing().read_ahead() as ahead:
            assert await anext(aiter(ahead)) == 1
            await anyio.wait_all_tasks_blocked()

    pages = Pages([1], [2])
    pages.failures["1"] = GroupsError("nobody wants to know")
    await take_one(pages)
    assert pages.failures == {}
    pages.failures["1"] = Odd()
    with pytest.raises(Odd):
        await take_one(pages)


@pytest.mark.anyio
async def test_a_forked_process_does_not_wait_for_what_its_parent_fetches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Pages([1], [NEVER]).listing().read_ahead() as ahead:
        walk = aiter(ahead)
        assert await anext(walk) == 1
        monkeypatch.setattr("os.getpid", lambda: -1)
        for iteration in (walk, aiter(ahead)):
            with pytest.raises(ClientClosedError, match="forked inside this block"):
                await anext(iteration)
