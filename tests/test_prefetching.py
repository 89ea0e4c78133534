"""The next page is on its way before this one is decoded, and what that must not change."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint
from support.hanging import Hanging
from support.loopback import served
from support.stalling import PATIENCE

from groups_sdk import (
    AsyncGroupsClient,
    AsyncPaginator,
    DecodeError,
    GroupsError,
    PaginationError,
)
from groups_sdk import _prefetching as prefetching
from groups_sdk._pages import FetchedPage, Page
from groups_sdk.testing import FakeSnyk

NEVER = "3"  # the cursor of a page that never comes


class Exit(BaseException):
    """No Exception, as KeyboardInterrupt and SystemExit are none."""


class Service:
    """Pages [0], [1], ... behind the cursors "1", "2", ...: what happened to them, in its order."""

    def __init__(self, pages: int = 3, *, tells: bool = True) -> None:
        self.pages = pages
        self.tells = tells  # whether it says when a request is on its way
        self.events: list[str] = []
        self.broken: dict[int, BaseException] = {}  # pages, and what decoding them raises once
        self.failing: dict[int, BaseException] = {}  # pages, and what fetching them raises once
        self.cursors: dict[int, str] = {}  # pages, and the next cursor that they have

    async def fetch(
        self, *, starting_after: str | None, ending_before: str | None, on_sent: Callable[[], object]
    ) -> FetchedPage[int]:
        number = int(starting_after or 0)
        self.events.append(f"ask {number}")
        try:
            for _ in range(3):  # as many a request takes until it has been written, say
                await checkpoint()
            if self.tells:
                on_sent()
                on_sent()  # it was repeated
            await (anyio.sleep_forever() if starting_after == NEVER else checkpoint())
        except anyio.get_cancelled_exc_class():
            self.events.append(f"give up {number}")
            raise
        if number in self.failing:
            raise self.failing.pop(number)
        following = self.cursors.get(number, str(number + 1)) if number + 1 < self.pages else None

        def decode() -> Page[int]:
            self.events.append(f"decode {number}")
            if number in self.broken:
                raise self.broken.pop(number)
            return Page([number], following, None, {})

        return FetchedPage(following, None, decode)

    def listing(self) -> AsyncPaginator[int]:
        return AsyncPaginator(self.fetch)


@contextmanager
def head_start(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[None]:
    """How long a page that has come is held back for the next request at the most."""
    with monkeypatch.context() as patch:
        patch.setattr(prefetching, "_HEAD_START", seconds)
        yield


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on the clock, but for those that say so."""
    with head_start(monkeypatch, math.inf):
        yield


@pytest.mark.anyio
async def test_the_next_page_is_asked_for_before_this_one_is_decoded() -> None:
    service = Service()
    async with service.listing().read_ahead(2) as ahead:
        assert [item async for item in ahead] == [0, 1, 2]
    assert service.events == ["ask 0", "ask 1", "decode 0", "ask 2", "decode 1", "decode 2"]


@pytest.mark.anyio
async def test_without_reading_ahead_each_page_is_decoded_before_the_next_is_asked_for() -> None:
    service = Service(2)
    assert [item async for item in service.listing()] == [0, 1]
    assert service.events == ["ask 0", "decode 0", "ask 1", "decode 1"]


@pytest.mark.anyio
async def test_a_page_is_decoded_at_once_where_no_other_is_asked_for() -> None:
    service = Service(9)
    async with service.listing().read_ahead() as ahead:
        assert await anext(aiter(ahead)) == 0
        await anyio.wait_all_tasks_blocked()  # the consumer takes its time
        assert service.events == ["ask 0", "ask 1", "decode 0", "decode 1"]


@pytest.mark.anyio
async def test_a_transport_that_does_not_tell_holds_back_no_page_for_longer_than_the_head_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(9, tells=False)
    async with service.listing().read_ahead() as ahead:
        walk = aiter(ahead)
        assert [await anext(walk), await anext(walk)] == [0, 1]  # when the page that follows has come
        with head_start(monkeypatch, 0):
            assert await anext(walk) == 2  # the one that follows never comes
        assert service.events[-2:] == ["ask 3", "decode 2"]


@pytest.mark.anyio
async def test_a_consumer_who_comes_later_is_not_held_back_either(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(9, tells=False)
    async with service.listing().read_ahead(4) as ahead:
        walk = aiter(ahead)
        assert await anext(walk) == 0
        await anyio.wait_all_tasks_blocked()  # page 2 has come, and page 3 is asked for
        with head_start(monkeypatch, 0):
            assert [await anext(walk), await anext(walk)] == [1, 2]
        assert service.events[-1] == "decode 2"


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.anyio
async def test_what_is_wrong_with_a_record_comes_at_its_page_which_is_then_asked_for_again(
    tells: bool,
) -> None:
    for page in (0, 1):
        service = Service(3, tells=tells)
        service.broken[page] = GroupsError("broken")
        async with service.listing().read_ahead(2) as ahead:
            walk = aiter(ahead)
            for number in range(page):
                assert await anext(walk) == number
            with pytest.raises(GroupsError, match="broken") as caught:
                await anext(walk)
            note = "The listing can be resumed here with starting_after='1'."
            assert getattr(caught.value, "__notes__", []) == [note] * page
            await anyio.wait_all_tasks_blocked()
            asked = len(service.events)
            await anyio.wait_all_tasks_blocked()
            assert len(service.events) == asked  # nothing more until it is wanted
            assert [item async for item in walk] == list(range(page, 3))
        assert service.events.count(f"decode {page}") == 2


@pytest.mark.anyio
async def test_what_was_asked_for_after_a_broken_page_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for tells in (True, False):
        service = Service(9, tells=tells)
        service.broken[2] = GroupsError("broken")
        async with service.listing().read_ahead(pages=9) as ahead:
            walk = aiter(ahead)
            assert [await anext(walk), await anext(walk)] == [0, 1]
            with head_start(monkeypatch, math.inf if tells else 0):
                with pytest.raises(GroupsError, match="broken"):
                    await anext(walk)
            await anyio.wait_all_tasks_blocked()
            # Where nothing tells that it is on its way, the consumer may be first, and then it is not even asked for.
            asked = service.events.count("ask 3")
            assert service.events.count("give up 3") == asked
            assert asked or not tells
            with head_start(monkeypatch, 0):
                assert await anext(walk) == 2


@pytest.mark.anyio
async def test_an_error_of_the_next_page_comes_after_this_one() -> None:
    service = Service(tells=False)
    service.failing[1] = GroupsError("no answer")
    async with service.listing().read_ahead() as ahead:
        walk = aiter(ahead)
        assert await anext(walk) == 0
        with pytest.raises(GroupsError, match="no answer"):
            await anext(walk)
        assert [item async for item in walk] == [1, 2]


@pytest.mark.anyio
async def test_an_error_after_a_broken_page_is_none_until_it_is_met_again() -> None:
    service = Service(tells=False)
    service.broken[0], service.failing[1] = GroupsError("broken"), GroupsError("no answer")
    async with service.listing().read_ahead() as ahead:
        walk = aiter(ahead)
        with pytest.raises(GroupsError, match="broken"):
            await anext(walk)
        assert [item async for item in walk] == [0, 1, 2]


@pytest.mark.anyio
async def test_an_exit_after_a_broken_page_is_not_lost() -> None:
    service = Service(tells=False)
    service.broken[0], service.failing[1] = GroupsError("broken"), Exit()
    with pytest.raises(Exit):
        async with service.listing().read_ahead() as ahead:
            with pytest.raises(GroupsError, match="broken"):
                await anext(aiter(ahead))


@pytest.mark.anyio
async def test_a_circle_is_seen_before_it_is_gone_round() -> None:
    service = Service(9)
    service.cursors = {1: "1"}
    async with service.listing().read_ahead(2) as ahead:
        walk = aiter(ahead)
        assert [await anext(walk), await anext(walk)] == [0, 1]
        for _ in range(2):
            with pytest.raises(PaginationError, match="'1' a second time"):
                await anext(walk)
    assert [event for event in service.events if event.startswith("ask")] == ["ask 0", "ask 1"]


@pytest.mark.anyio
async def test_a_page_that_has_come_is_not_decoded_when_the_block_has_been_left() -> None:
    service = Service(9, tells=False)
    async with anyio.create_task_group() as tasks:
        async with service.listing().read_ahead(4) as ahead:
            walk = aiter(ahead)
            tasks.start_soon(anext, walk)
            await anyio.wait_all_tasks_blocked()
    assert service.events[-2:] == ["ask 3", "give up 3"]
    assert "decode 2" not in service.events


def test_a_loop_that_cancels_its_tasks_at_once_ends_the_iteration() -> None:
    async def main() -> None:
        service = Service()
        async with service.listing().read_ahead() as ahead:
            step = asyncio.ensure_future(anext(ahead.pages()))
            await asyncio.sleep(0)  # in which the step begins, and the task that fetches is made
            for task in asyncio.all_tasks() - {asyncio.current_task(), step}:
                task.cancel()
            with pytest.raises(RuntimeError, match="has ended"):
                await step
        assert service.events == []

    asyncio.run(main())


# With a client


@pytest.mark.anyio
async def test_a_page_is_there_once_the_request_for_the_next_one_is_on_the_wire() -> None:
    fake = FakeSnyk.example()
    hanging = Hanging(fake, "GET", answered=1)
    with served(hanging) as url:
        async with AsyncGroupsClient(fake.TOKEN, base_url=url) as client:
            with anyio.fail_after(PATIENCE):
                async with client.list_memberships(fake.group_id, limit=10).read_ahead() as ahead:
                    page = await anext(ahead.pages())
                    assert len(page.items) == 10
    assert hanging.left == -1


@pytest.mark.anyio
async def test_a_record_that_cannot_be_understood_stops_at_its_page() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        listing = client.list_memberships(fake.group_id, limit=10)
        pages = [page async for page in listing.pages()]
        fake.alter_record(pages[1].items[3].id, "relationships.user.data.attributes.email", 5)
        async with listing.read_ahead(2) as ahead:
            walk = ahead.pages()
            assert await anext(walk) == pages[0]
            for _ in range(2):
                with pytest.raises(DecodeError, match="data\\[3\\]"):
                    await anext(walk)
