"""The synchronous client's portal within one process: closing, collecting, sharing, and what is raised inside."""

from __future__ import annotations

import _thread
import asyncio
import gc
import pickle
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.abc import TaskGroup
from support.stalling import PATIENCE, STALLED, StallingTransport, group_id, stalling_server

from groups_sdk import ClientClosedError, ConfigurationError, GroupsClient
from groups_sdk import _loop_thread as loop_thread
from groups_sdk import _portal as portal
from groups_sdk._portal import Portal
from groups_sdk._responses import ApiResponse

VISITOR: ContextVar[str] = ContextVar("VISITOR", default="nobody")


def ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("groups_sdk")]


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "groups_sdk"]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """A test that leaves a loop thread fails."""
    yield
    gc.collect()
    for thread in ours():
        thread.join(PATIENCE)
    assert (ours(), loop_thread.running) == ([], [])


@pytest.fixture
def transport() -> StallingTransport:
    return StallingTransport()


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def new_client(transport: httpx.AsyncBaseTransport, **options: Any) -> GroupsClient:
    return GroupsClient("t0ken", transport=transport, rate_limit=None, **options)


class Target:
    """The least that a portal needs of an asynchronous client."""

    def __init__(self) -> None:
        self.closed = 0

    async def aclose(self) -> None:
        self.closed += 1

    def detached(self) -> Target:
        return Target()


# Threads


def test_a_thread_starts_with_the_first_call_and_ends_with_the_last_close(backend: str) -> None:
    clients = [new_client(StallingTransport(), backend=backend) for _ in range(5)]
    assert loop_threads() == []
    for client in clients:
        client.get_group(group_id(1))
    assert len(loop_threads()) == 1
    for client in clients[:-1]:
        client.close()
    assert clients[-1].get_group(group_id(2)).name == "group 2"
    clients[-1].close()
    assert loop_threads() == []


def test_the_threads_say_whose_they_are() -> None:
    with new_client(StallingTransport()) as client:
        client.get_group(group_id(1))
        assert sorted(thread.name for thread in ours()) == ["groups_sdk", "groups_sdk hand-over"]
        assert all(thread.daemon for thread in ours())


def test_clients_on_different_event_loops_have_a_thread_each(transport: StallingTransport) -> None:
    with new_client(transport) as one, new_client(StallingTransport(), backend="trio") as other:
        assert (one.get_group(group_id(1)).name, other.get_group(group_id(2)).name) == ("group 1", "group 2")
        assert len(loop_threads()) == 2


def test_a_thread_is_started_anew_after_the_last_close() -> None:
    for number in range(1, 4):
        with new_client(StallingTransport()) as client:
            assert client.get_group(group_id(number)).name == f"group {number}"


def test_eight_threads_on_one_client_each_get_their_own_results(
    transport: StallingTransport, backend: str
) -> None:
    start = threading.Barrier(8)

    def ask(worker: int) -> list[str | None]:
        start.wait(PATIENCE)
        return [client.get_group(group_id(1000 * worker + n)).name for n in range(1, 51)]

    with new_client(transport, backend=backend) as client, ThreadPoolExecutor(8) as pool:
        for worker, names in enumerate(pool.map(ask, range(8))):
            assert names == [f"group {1000 * worker + n}" for n in range(1, 51)]
        assert len(loop_threads()) == 1


def test_eight_threads_on_one_client_each_get_their_own_results_over_a_socket(backend: str) -> None:
    start = threading.Barrier(8)

    def ask(worker: int) -> list[object]:
        start.wait(PATIENCE)
        got: list[object] = []
        for n in range(1, 26):
            got.append(client.get_group(group_id(1000 * worker + n)).name)
            page = next(client.list_groups(starting_after=str(1000 * worker + n)).pages())
            got.append([group.name for group in page.items])
        return got

    with stalling_server() as server:
        with GroupsClient(
            "t0ken", base_url=server.url, rate_limit=None, backend=backend, max_connections=4
        ) as client:
            with ThreadPoolExecutor(8) as pool:
                for worker, got in enumerate(pool.map(ask, range(8))):
                    for n in range(1, 26):
                        number = 1000 * worker + n
                        name, page = got[2 * n - 2 : 2 * n]
                        assert name == f"group {number}"
                        assert page == [f"group {10 * number + m}" for m in range(1, 11)]


@pytest.mark.anyio
async def test_it_works_inside_a_running_event_loop(transport: StallingTransport, backend: str) -> None:
    with new_client(transport, backend=backend) as client:
        assert client.get_group(group_id(7)).name == "group 7"
        assert len(client.list_groups().collect()) == 30


def test_a_call_sees_the_context_of_its_caller(backend: str) -> None:
    async def visitor() -> str:
        return VISITOR.get()

    door = Portal(Target(), backend=backend)
    token = VISITOR.set("me")
    assert door.call(visitor) == "me"
    VISITOR.reset(token)
    assert door.call(visitor) == "nobody"
    door.close()


# Closing


def test_close_while_others_wait_ends_their_calls(transport: StallingTransport, backend: str) -> None:
    client = new_client(transport, backend=backend, max_connections=2)
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(client.get_group, STALLED) for _ in range(4)]  # two of them wait for a slot
        for _ in range(2):
            transport.arrived.get(timeout=PATIENCE)
        client.close()
        for call in calls:
            with pytest.raises(ClientClosedError, match="closed"):
                call.result(PATIENCE)
    assert (transport.waiting, loop_threads()) == (0, [])
    transport.closed.get(timeout=PATIENCE)


def test_every_thread_that_closes_waits_until_it_is_done(transport: StallingTransport, backend: str) -> None:
    client = new_client(transport, backend=backend)
    client.get_group(group_id(1))
    start = threading.Barrier(4)

    def close() -> int:
        start.wait(PATIENCE)
        client.close()
        return transport.closed.qsize()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: close(), range(4))) == [1, 1, 1, 1]


def test_closing_twice_is_nothing_more_and_use_after_it_is_refused(
    transport: StallingTransport, backend: str
) -> None:
    client = new_client(transport, backend=backend)
    pages = client.list_groups().pages()
    next(pages)
    asked = transport.requests
    client.close()
    client.close()
    for use in (
        lambda: client.get_group(group_id(1)),
        lambda: client.list_groups().first(),
        lambda: client.with_options(timeout=1).get_group(group_id(1)),
        lambda: next(pages),
    ):
        with pytest.raises(ClientClosedError):
            use()
    assert (transport.requests, transport.closed.qsize()) == (asked, 1)


def test_a_client_that_was_never_used_closes_without_a_thread(transport: StallingTransport) -> None:
    client = new_client(transport)
    client.close()
    with pytest.raises(ClientClosedError):
        client.get_group(group_id(1))
    assert (transport.requests, loop_threads()) == (0, [])


def test_a_first_call_that_meets_close_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed_meanwhile(*args: Any) -> portal.ClientLease:
        closing = threading.Thread(target=door.close)
        closing.start()
        closing.join()
        return new_lease(*args)

    new_lease = portal.ClientLease
    monkeypatch.setattr(portal, "ClientLease", closed_meanwhile)
    door = Portal(target := Target())
    with pytest.raises(ClientClosedError, match="this client is closed; nothing was sent"):
        door.call(target.aclose)
    door.close()
    assert target.closed == 1


def test_a_first_call_that_meets_the_end_of_the_thread_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_the_thread(*args: Any) -> portal.ClientLease:
        first.close()
        return new_lease(*args)

    first, second = Portal(Target()), Portal(Target())
    first.call(first.target.aclose)
    (thread,) = loop_threads()
    new_lease = portal.ClientLease
    monkeypatch.setattr(portal, "ClientLease", end_the_thread)
    second.call(second.target.aclose)
    assert thread not in loop_threads()
    second.close()


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_loop_that_ends_by_itself_ends_the_calls_and_not_the_program() -> None:
    async def end_the_loop() -> None:
        asyncio.get_running_loop().call_soon(sys.exit)
        await asyncio.Event().wait()

    door = Portal(Target())
    with pytest.raises(ClientClosedError, match="; no change was sent") as caught:
        door.call(end_the_loop)
    assert not caught.value.maybe_applied
    with pytest.raises(ClientClosedError, match="ended"):
        door.call(door.target.aclose)
    door.close()
    with pytest.raises(ClientClosedError, match="closed"):
        door.call(door.target.aclose)


# Holding


class Held:
    """An asynchronous context manager that can be told to fail, and says which task entered and left it."""

    def __init__(self, *, enter: Exception | None = None, leave: Exception | None = None) -> None:
        self.failures = {"enter": enter, "leave": leave}
        self.seen: list[tuple[str, object, object]] = []
        self.left = threading.Event()

    def _note(self, what: str, error: object = None) -> None:
        self.seen.append((what, anyio.get_current_task().id, error))
        if failure := self.failures[what]:
            raise failure

    async def __aenter__(self) -> str:
        self._note("enter")
        return f"seen by {VISITOR.get()}"

    async def __aexit__(self, kind: object, error: object, traceback: object) -> None:
        self.left.set()
        self._note("leave", error)


@pytest.fixture
def door(backend: str) -> Iterator[Portal[Target]]:
    door = Portal(Target(), backend=backend)
    yield door
    door.close()


def test_what_is_held_is_left_by_the_task_that_entered_it(door: Portal[Target]) -> None:
    held = Held()
    token = VISITOR.set("me")
    with door.hold(held) as value:
        VISITOR.reset(token)
        assert value == "seen by me"
        door.call(door.target.aclose)
        assert [what for what, _, _ in held.seen] == ["enter"]
    (_, entered_by, _), (_, left_by, error) = held.seen
    assert (entered_by, error) == (left_by, None)


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    async with anyio.create_task_group() as group:
        yield group


def test_a_task_group_is_held_while_calls_use_it(door: Portal[Target]) -> None:
    async def start(group: TaskGroup) -> None:
        group.start_soon(work)

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        done.append("work")

    done: list[str] = []
    with door.hold(task_group()) as group:
        door.call(start, group)
    assert done == ["work"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, GeneratorExit])
def test_an_error_of_the_block_is_its_callers_alone(error: type[BaseException], door: Portal[Target]) -> None:
    held = Held()
    with pytest.raises(error, match="of the block"), door.hold(held):
        raise error("of the block")
    assert held.left.wait(PATIENCE)
    cancelled = error is KeyboardInterrupt
    assert [(what, told is not None) for what, _, told in held.seen] == [
        ("enter", False),
        ("leave", cancelled),
    ]


@pytest.mark.parametrize("where", ["enter", "leave"])
def test_what_entering_and_leaving_raise_reaches_the_block(where: str, door: Portal[Target]) -> None:
    with pytest.raises(ZeroDivisionError, match="from inside"):
        with door.hold(Held(**{where: ZeroDivisionError("from inside")})):
            assert where == "leave"
    door.call(door.target.aclose)


def test_a_task_that_fails_beside_the_block_is_told_at_its_end(door: Portal[Target]) -> None:
    async def start(group: TaskGroup) -> None:
        group.start_soon(fail)

    async def fail() -> None:
        raise ZeroDivisionError("beside the block")

    with pytest.raises(ExceptionGroup) as caught:
        with door.hold(task_group()) as group:
            door.call(start, group)
    assert caught.group_contains(ZeroDivisionError, match="beside the block")


def test_closing_lets_go_of_what_is_held_and_leaving_is_silent(door: Portal[Target]) -> None:
    held = Held()
    with door.hold(held):
        door.close()
        assert held.left.wait(PATIENCE)
    assert isinstance(held.seen[1][2], BaseException)  # it was cancelled
    with pytest.raises(ClientClosedError), door.hold(held):
        pass


def test_what_is_held_and_forgotten_is_left_without_waiting(door: Portal[Target]) -> None:
    held = Held()
    forgotten = door.hold(held)
    forgotten.__enter__()
    del forgotten
    gc.collect()
    assert held.left.wait(PATIENCE)


def test_nothing_can_be_held_on_the_loop_thread(door: Portal[Target]) -> None:
    async def hold() -> None:
        with door.hold(Held()):
            pass

    with pytest.raises(RuntimeError, match="event loop"):
        door.call(hold)


# Collection


def test_a_client_collected_unclosed_warns_and_closes_its_connections(
    transport: StallingTransport, backend: str
) -> None:
    client = new_client(transport, backend=backend)
    client.get_group(group_id(1))
    (thread,) = loop_threads()
    with pytest.warns(ResourceWarning, match="unclosed client GroupsClient") as caught:
        del client
        gc.collect()
    assert len(caught) == 1
    assert "t0ken" not in str(caught[0].message)
    assert transport.closed.get(timeout=PATIENCE) == thread.ident
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_client_collected_on_the_loop_thread_itself_waits_for_nothing(
    transport: StallingTransport, backend: str
) -> None:
    forgotten = [new_client(transport, backend=backend)]
    forgotten[0].get_group(group_id(1))

    def forget(response: ApiResponse) -> None:
        forgotten.clear()
        gc.collect()

    with new_client(StallingTransport(), backend=backend, on_response=forget) as client:
        with pytest.warns(ResourceWarning, match="unclosed client") as caught:
            assert client.get_group(group_id(2)).name == "group 2"
        assert len(caught) == 1
        transport.closed.get(timeout=PATIENCE)


def test_clients_that_were_closed_or_never_used_are_collected_in_silence(
    transport: StallingTransport,
) -> None:
    used, unused = new_client(transport), new_client(StallingTransport())
    used.get_group(group_id(1))
    used.close()
    del used, unused
    gc.collect()  # a warning here is an error of the test


# The end of the program (in real ones: test_portal_processes.py)


def test_what_is_open_when_the_last_handler_has_run_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    used, unused = Portal(Target()), Portal(Target())
    used.call(used.target.aclose)
    monkeypatch.setattr(portal, "_portals", WeakSet([used, unused]))
    dropped = portal._AtExit()
    del dropped  # without having been called: the program goes on
    used.call(used.target.aclose)
    last = portal._AtExit()
    last()
    used.call(used.target.aclose)
    with pytest.warns(ResourceWarning, match="unclosed client"):
        del last
    assert (used.target.closed, loop_threads()) == (4, [])
    for door in (used, unused):
        with pytest.raises(ClientClosedError, match=r"the program is ending: .*; nothing was sent"):
            door.call(door.target.aclose)


def test_work_that_no_thread_takes_any_more_is_done_in_place() -> None:
    executor = loop_thread._Executor()
    assert executor.submit(threading.get_ident).result(PATIENCE) != threading.get_ident()
    executor.shutdown()
    assert executor.submit(threading.get_ident).result(0) == threading.get_ident()
    assert isinstance(executor.submit(divmod, 1, 0).exception(0), ZeroDivisionError)


@pytest.mark.parametrize(
    ("refusal", "error", "said"),
    [
        ("can't start new thread", ConfigurationError, "no event loop can be started with backend='asyncio'"),
        ("can't create new thread at interpreter shutdown", ClientClosedError, "; nothing was sent$"),
    ],
)
def test_a_thread_that_cannot_be_started_is_said(
    refusal: str, error: type[Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError(refusal)

    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    with new_client(StallingTransport()) as client:
        for _ in range(2):
            with pytest.raises(error, match=said) as caught:
                client.get_group(group_id(1))
            assert str(caught.value.__cause__) == refusal


# What is raised inside


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, AssertionError])
def test_what_is_raised_inside_a_call_reaches_its_caller_alone(
    error: type[BaseException], transport: StallingTransport, backend: str
) -> None:
    neighbour = StallingTransport()
    with new_client(transport, backend=backend) as client, new_client(neighbour, backend=backend) as other:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(other.get_group, STALLED)
            neighbour.arrived.get(timeout=PATIENCE)
            transport.error = error("from inside")
            with pytest.raises(error, match="from inside"):
                client.get_group(group_id(1))
            assert client.get_group(group_id(2)).name == "group 2"
            assert not waiting.done()
            other.close()
            assert isinstance(waiting.exception(PATIENCE), ClientClosedError)


def test_a_hook_on_the_loop_thread_may_neither_call_nor_close(
    transport: StallingTransport, backend: str
) -> None:
    refused: list[str] = []

    def hook(response: ApiResponse) -> None:
        uses: list[Callable[[], object]] = [
            lambda: client.get_group(group_id(2)),
            lambda: client.list_groups().collect(),
            client.close,
            other.close,
            lambda: other.get_group(group_id(3)),
        ]
        for use in uses:
            with pytest.raises(RuntimeError, match="event loop") as caught:
                use()
            refused.append(str(caught.value))

    with (
        new_client(StallingTransport()) as other,
        new_client(transport, backend=backend, on_response=hook) as client,
    ):
        assert client.get_group(group_id(1)).name == "group 1"
        assert (len(refused), transport.requests) == (5, 1)


# Listings and copies


def test_a_listing_abandoned_half_way_holds_nothing(transport: StallingTransport, backend: str) -> None:
    with new_client(transport, backend=backend, max_connections=1) as client:
        items, pages = iter(client.list_groups()), client.list_groups().pages()
        assert [next(items).name, next(items).name] == ["group 1", "group 2"]
        assert next(pages).items[0].name == "group 1"
        assert (transport.requests, transport.open_bodies) == (2, 0)
        assert client.get_group(group_id(5)).name == "group 5"  # with the one connection that there is
        del items, pages
        gc.collect()
        assert transport.requests == 3


def test_copies_share_the_portal_and_closing_one_leaves_the_rest_open(
    transport: StallingTransport, backend: str
) -> None:
    seen: list[str] = []
    with new_client(transport, backend=backend) as client:
        client.get_group(group_id(1))
        copy = client.with_options(on_response=lambda response: seen.append(response.operation))
        with copy.with_options(deadline=5) as second:
            assert second.get_group(group_id(2)).name == "group 2"
        copy.close()
        assert copy.get_group(group_id(3)).name == "group 3"
        assert client.get_group(group_id(4)).name == "group 4"
        assert (len(seen), len(loop_threads()), transport.closed.qsize()) == (2, 1, 0)
        assert repr(copy) == repr(client)
        assert repr(client).startswith("GroupsClient(")
    with pytest.raises(ClientClosedError):
        copy.get_group(group_id(5))


def test_a_copy_keeps_the_connections_of_a_client_that_is_gone(transport: StallingTransport) -> None:
    client = new_client(transport)
    copy = client.with_options(timeout=5)
    del client
    gc.collect()
    assert copy.get_group(group_id(1)).name == "group 1"
    with pytest.warns(ResourceWarning, match="unclosed client"):
        del copy
        gc.collect()
    transport.closed.get(timeout=PATIENCE)


# What will not do


def test_a_client_can_be_neither_pickled_nor_shown_before_it_is_set_up(transport: StallingTransport) -> None:
    with new_client(transport) as client, pytest.raises(TypeError, match="neither pickled nor copied"):
        pickle.dumps(client)
    assert "GroupsClient object at" in repr(GroupsClient.__new__(GroupsClient))


def test_an_event_loop_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="backend must be 'asyncio' or 'trio'; got 'curio'"):
        new_client(StallingTransport(), backend="curio")


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize(
    ("backend", "option"), [("asyncio", {"loop_factory": "blue"}), ("trio", {"colour": "blue"})]
)
def test_options_that_the_event_loop_does_not_take_are_named(backend: str, option: dict[str, Any]) -> None:
    with suppress(TypeError):
        anyio.run(anyio.lowlevel.checkpoint, backend=backend, backend_options=option)
        pytest.skip("this release of anyio gives no options to trio")
    transport = StallingTransport()
    with new_client(transport, backend=backend, backend_options=option) as client:
        for _ in range(2):
            with pytest.raises(ConfigurationError, match=f"backend='{backend}', .*: 'blue'") as caught:
                client.get_group(group_id(1))
            assert isinstance(caught.value.__cause__, TypeError)
    assert (transport.requests, ours()) == (0, [])


def test_trio_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_thread, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="not installed"):
        new_client(StallingTransport(), backend="trio")
