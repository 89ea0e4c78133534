"""Whenever a call is cancelled: no socket, no task, no slot and no turn is left behind, and the next call works."""

from __future__ import annotations

import asyncio
import gc
import random
import ssl
from collections.abc import Callable, Coroutine, Generator, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
import trio
import trustme
from anyio.abc import TaskStatus
from support import clock
from support.counted import CountedServer, counted_server
from support.stalling import PATIENCE, STALLED, StallingTransport, group_id

from groups_sdk import AsyncGroupsClient, ClientClosedError, OAuthClientCredentials, RateLimit, RetryPolicy

# In the last moment of connecting, anyio before 4.16 forgets the socket of a cancelled call on asyncio: the garbage
# collector closes it, with a warning.
FORGETFUL = tuple(map(int, version("anyio").split(".")[:2])) < (4, 16)
pytestmark = [pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")] if FORGETFUL else []

ME = group_id(1)
MOST = 300  # no call waits as often as this


Call = Callable[[AsyncGroupsClient], Coroutine[Any, Any, object]]


class Steps:
    """Runs a coroutine, and counts how often it waits. The `at`-th time `cancel` is called before it waits."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, object], at: int, cancel: Callable[[Any], object]
    ) -> None:
        self.coroutine = coroutine
        self.at = at
        self.cancel = cancel
        self.count = 0

    def __await__(self) -> Generator[Any, Any, object]:
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                waits_for = self.coroutine.send(value) if error is None else self.coroutine.throw(error)
            except StopIteration as stop:
                return stop.value
            self.count += 1
            if self.count == self.at:
                self.cancel(waits_for)
            try:
                value, error = (yield waits_for), None
            except BaseException as raised:
                error = raised


async def cancelled_scope(coroutine: Coroutine[Any, Any, object], at: int) -> bool:
    """Cancel a scope around it. Whether it waited so often."""
    with anyio.CancelScope() as scope:
        steps = Steps(coroutine, at, lambda _: scope.cancel())
        await steps
    return steps.count >= at


async def _in_a_task(coroutine: Coroutine[Any, Any, object], at: int, cancel: Any) -> bool:
    async def run() -> None:
        await steps

    steps = Steps(coroutine, at, lambda waits_for: cancel(task, waits_for))
    task = asyncio.create_task(run())
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
    return steps.count >= at


async def cancelled_task(coroutine: Coroutine[Any, Any, object], at: int) -> bool:
    """Cancel asyncio's task, which happens once: what it does from then on is not cancelled again."""
    return await _in_a_task(coroutine, at, lambda task, _: task.cancel())


async def cancelled_task_when_done(coroutine: Coroutine[Any, Any, object], at: int) -> bool:
    """Cancel asyncio's task in the moment between the end of what it waits for and its waking up."""

    def cancel(task: asyncio.Task[None], waits_for: Any) -> None:
        if asyncio.isfuture(waits_for):
            waits_for.add_done_callback(lambda _: task.cancel())
        else:
            task.cancel()

    return await _in_a_task(coroutine, at, cancel)


WAYS = [
    pytest.param("trio", cancelled_scope, id="trio"),
    pytest.param("asyncio", cancelled_scope, id="asyncio-scope"),
    pytest.param("asyncio", cancelled_task, id="asyncio-task"),
    pytest.param("asyncio", cancelled_task_when_done, id="asyncio-task-when-done"),
]
every_way = pytest.mark.parametrize(("backend", "cancelled"), WAYS)


def tasks() -> int:
    """How many tasks there are."""
    try:
        return len(asyncio.all_tasks())
    except RuntimeError:
        return trio.lowlevel.current_statistics().tasks_living


async def until_open(server: CountedServer, at_most: int) -> None:
    """Wait until no more than so many connections are open."""
    if FORGETFUL:
        gc.collect()
    await anyio.to_thread.run_sync(server.wait_until_open, at_most)


async def get(client: AsyncGroupsClient) -> object:
    return await client.get_group(ME)


async def get_twice(client: AsyncGroupsClient) -> object:
    await client.get_group(ME)
    return await client.get_group(ME)  # over the same connection


async def list_first_page(client: AsyncGroupsClient) -> object:
    return await client.list_groups().first()


async def list_all(client: AsyncGroupsClient) -> object:
    return await client.list_groups().collect()


async def change(client: AsyncGroupsClient) -> object:
    return await client.update_membership(ME, ME, role_id=ME)


async def remove(client: AsyncGroupsClient) -> object:
    return await client.delete_membership(ME, ME)


async def create(client: AsyncGroupsClient) -> object:
    return await client.create_membership(ME, user_id=ME, role_id=ME)


async def read_large(client: AsyncGroupsClient) -> object:
    return await client.request("GET", "/large")


async def a_while() -> None:
    for _ in range(4):
        await anyio.lowlevel.checkpoint()


async def take_the_slot(
    server: CountedServer, client: AsyncGroupsClient, *, task_status: TaskStatus[None]
) -> None:
    """Have the one slot taken by a call that is given up after a while."""
    async with anyio.create_task_group() as calls:
        calls.start_soon(client.get_group, STALLED)
        await anyio.to_thread.run_sync(partial(server.arrived.get, timeout=PATIENCE))
        task_status.started()
        await a_while()
        calls.cancel_scope.cancel()


async def use_up_the_limit(
    server: CountedServer, client: AsyncGroupsClient, *, task_status: TaskStatus[None]
) -> None:
    """Send what may be sent in a second, which is over after a while."""
    await client.get_group(ME)
    task_status.started()
    await a_while()
    clock.skip(1)


async def wait_in_front(
    server: CountedServer, client: AsyncGroupsClient, *, task_status: TaskStatus[None]
) -> None:
    """Have another call wait for the rate limit, which is in front."""
    await client.get_group(ME)
    async with anyio.create_task_group() as calls:
        calls.start_soon(client.get_group, ME)
        await anyio.lowlevel.checkpoint()
        task_status.started()
        for _ in range(3):  # for either call, and to spare
            await a_while()
            clock.skip(1)


OAUTH = OAuthClientCredentials("id", "secret")
AT_ONCE = RetryPolicy(backoff_base=0)
KINDS: dict[str, tuple[Call, dict[str, Any], tuple[int, ...]]] = {
    "get": (get, {}, ()),
    "get twice": (get_twice, {}, ()),
    "first page": (list_first_page, {}, ()),
    "patch": (change, {}, ()),
    "delete": (remove, {}, ()),
    "post": (create, {}, ()),
    "large body": (read_large, {}, ()),
    "access token": (get, {"token": OAUTH}, ()),
    "access token, retried": (get, {"token": OAUTH}, (503,)),
    "retry": (get, {}, (503,)),
}


ONE_A_SECOND = {"rate_limit": RateLimit(per_second=1), "max_connections": 2}
QUEUES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "slot": (take_the_slot, {}),
    "rate limit": (use_up_the_limit, ONE_A_SECOND),
    "turn": (wait_in_front, ONE_A_SECOND),
}


@pytest.fixture(scope="module")
def server() -> Iterator[CountedServer]:
    with counted_server() as running:
        yield running


@pytest.fixture(scope="module")
def tls_server(authority: trustme.CA) -> Iterator[CountedServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with counted_server(context) as running:
        yield running


@pytest.fixture
def trust(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    monkeypatch.setattr("groups_sdk._http.tls.default_context", lambda: context)


def client_of(server: CountedServer, **options: Any) -> AsyncGroupsClient:
    options = {"token": "t0ken", "max_connections": 1, "retries": AT_ONCE, **options}
    return AsyncGroupsClient(options.pop("token"), base_url=server.url, **options)


async def cancel_everywhere(
    server: CountedServer,
    cancelled: Any,
    call: Call,
    options: dict[str, Any] | None = None,
    failures: tuple[int, ...] = (),
    occupy: Callable[..., Any] | None = None,
) -> int:
    """Run the call, and cancel it where it waits for the first time; and the second, until it waits no more."""
    alone = tasks()
    client_options = {"max_connections": 1, **(options or {})}
    for at in range(1, MOST):
        server.failures.extend(failures)
        client = client_of(server, **client_options)
        async with anyio.create_task_group() as others:
            if occupy is not None:
                await others.start(occupy, server, client)
            waited = await cancelled(call(client), at)
        assert tasks() == alone
        server.failures.clear()
        clock.skip(1)  # for the rate limit of a second
        with anyio.fail_after(PATIENCE):
            assert (await client.get_group(ME)).name == "group 1"  # with the one slot that there is
        await until_open(server, client_options["max_connections"])
        await client.aclose()
        await until_open(server, 0)
        if not waited:
            return at
    raise AssertionError("it never ends")


@every_way
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_is_cancelled_leaves_nothing_behind_wherever_it_is(
    server: CountedServer, backend: str, cancelled: Any, kind: str
) -> None:
    assert anyio.run(cancel_everywhere, server, cancelled, *KINDS[kind], backend=backend) > 5


@pytest.mark.unmeasured
@every_way
@pytest.mark.parametrize("queue", QUEUES)
def test_a_call_that_is_cancelled_while_it_queues_leaves_the_queue(
    server: CountedServer, backend: str, cancelled: Any, queue: str
) -> None:
    async def main() -> None:
        occupy, options = QUEUES[queue]
        assert await cancel_everywhere(server, cancelled, get, options, occupy=occupy) > 5

    anyio.run(main, backend=backend, backend_options=clock.options(backend))


@every_way
def test_a_call_that_is_cancelled_during_the_tls_handshake_leaves_no_socket(
    tls_server: CountedServer, trust: None, backend: str, cancelled: Any
) -> None:
    assert anyio.run(cancel_everywhere, tls_server, cancelled, change, backend=backend) > 5


@every_way
@pytest.mark.parametrize("kind", ["first page", "access token", "retry"])
def test_without_a_socket_too_nothing_is_left(backend: str, cancelled: Any, kind: str) -> None:
    class Memory(StallingTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await anyio.lowlevel.checkpoint()
            if failures:
                return httpx.Response(failures.pop())
            if request.url.path == "/oauth2/token":
                return httpx.Response(200, json={"access_token": "issued"})
            return await super().handle_async_request(request)

    async def main() -> None:
        alone = tasks()
        for at in range(1, MOST):
            transport = Memory()
            client = AsyncGroupsClient(transport=transport, max_connections=1, retries=AT_ONCE, **options)
            failures.extend(statuses)
            waited = await cancelled(call(client), at)
            assert (tasks(), transport.open_bodies, transport.waiting) == (alone, 0, 0)
            failures.clear()
            with anyio.fail_after(PATIENCE):
                assert (await client.get_group(ME)).name == "group 1"
            await client.aclose()
            assert transport.closed.qsize() == 1
            if not waited:
                return
        raise AssertionError("it never ends")

    call, options, statuses = KINDS[kind]
    options = {"token": "t0ken", **options}
    failures: list[int] = []
    anyio.run(main, backend=backend)


@every_way
def test_a_close_that_is_cancelled_closes_all_the_same(
    server: CountedServer, backend: str, cancelled: Any
) -> None:
    async def main() -> None:
        alone = tasks()
        for at in range(1, MOST):
            client = client_of(server, max_connections=4)
            outcomes: list[BaseException] = []

            async def wait(client: AsyncGroupsClient, outcomes: list[BaseException]) -> None:
                with pytest.raises(ClientClosedError) as caught:
                    await client.get_group(STALLED)
                outcomes.append(caught.value)

            async with anyio.create_task_group() as calls:
                for _ in range(2):
                    calls.start_soon(wait, client, outcomes)
                    await anyio.to_thread.run_sync(partial(server.arrived.get, timeout=PATIENCE))
                async with anyio.create_task_group() as idle:
                    for _ in range(2):
                        idle.start_soon(client.get_group, ME)
                waited = await cancelled(client.aclose(), at)
                await client.aclose()
            assert (len(outcomes), tasks()) == (2, alone)
            await until_open(server, 0)
            with pytest.raises(ClientClosedError):
                await client.get_group(ME)
            if not waited:
                return
        raise AssertionError("it never ends")

    anyio.run(main, backend=backend)


@pytest.mark.anyio
async def test_a_transport_of_yours_is_closed_to_the_end_when_the_close_is_cancelled() -> None:
    class Slow(StallingTransport):
        async def aclose(self) -> None:
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            await super().aclose()

    transport = Slow()
    client = AsyncGroupsClient("t0ken", transport=transport)
    await client.get_group(ME)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await client.aclose()
    assert transport.closed.qsize() == 1


@pytest.mark.anyio
async def test_hundreds_of_contended_requests_that_are_cancelled_leave_a_client_that_works(
    server: CountedServer,
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    alone = tasks()
    async with client_of(server, max_connections=2) as client:

        async def call(group: str, scope: anyio.CancelScope) -> None:
            with scope:
                await client.get_group(group)

        for _ in range(20):
            scopes = [anyio.CancelScope() for _ in range(20)]
            async with anyio.create_task_group() as calls:
                for scope in scopes:
                    calls.start_soon(call, chance.choice([ME, ME, STALLED]), scope)
                chance.shuffle(scopes)
                for scope in scopes:
                    for _ in range(chance.choice([0, 0, 1, 5, 20])):
                        await anyio.lowlevel.checkpoint()
                    scope.cancel()
            assert tasks() == alone
            with anyio.fail_after(PATIENCE):
                async with anyio.create_task_group() as calls:
                    for _ in range(4):
                        calls.start_soon(client.get_group, ME)
    await until_open(server, 0)
    while not server.arrived.empty():
        server.arrived.get()
