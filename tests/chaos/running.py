"""Workers that share one client: as tasks on asyncio or trio, or as threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio

from chaos.outcomes import Call, Next, Outcome
from chaos.proxy import Proxy
from chaos.scenario import Worker
from chaos.world import World
from groups_sdk import ApiResponse, AsyncGroupsClient, GroupsClient, GroupsError, TransportError
from groups_sdk._http.options import UNSET, Unset


async def _make(client: AsyncGroupsClient, call: Call | Next) -> Outcome:
    with anyio.move_on_after(call.patience):
        try:
            if isinstance(call, Next):
                return Outcome(await anext(call.iterator))
            answers: list[ApiResponse] = []
            copy = client.with_options(
                api_version=call.version,
                deadline=_deadline(call),
                on_response=answers.append,
            )
            made = getattr(copy, call.method)(*call.args, **call.options)
            if not call.method.startswith("list_"):
                made = await made
            return Outcome(made, answers=answers)
        except StopAsyncIteration:
            return Outcome(end=True)
        except GroupsError as error:
            return Outcome(error=error)
    return Outcome(given_up=True)


def _deadline(call: Call) -> float | Unset:
    return UNSET if call.deadline is None else call.deadline


def _make_in_thread(client: GroupsClient, call: Call | Next) -> Outcome:
    try:
        if isinstance(call, Next):
            return Outcome(next(call.iterator))
        answers: list[ApiResponse] = []
        copy = client.with_options(
            api_version=call.version,
            deadline=_deadline(call),
            on_response=answers.append,
        )
        return Outcome(getattr(copy, call.method)(*call.args, **call.options), answers=answers)
    except StopIteration:
        return Outcome(end=True)
    except GroupsError as error:
        return Outcome(error=error)


async def run_tasks(
    make_client: Callable[[], AsyncGroupsClient],
    proxy: Proxy,
    world: World,
    workers: Sequence[Worker],
    steps: int,
    connections: int,
) -> None:
    """All workers at once; then the client must be as good as new, and leave nothing behind."""

    async def work(worker: Worker) -> None:
        plan = worker.steps(steps)
        try:
            call = next(plan)
            while True:
                call = plan.send(await _make(client, call))
        except StopIteration:
            pass

    async def ask(client: AsyncGroupsClient) -> None:
        assert (await client.get_group(world.steady)).name == "Steady"

    before = {task.id for task in anyio.get_running_tasks()}
    async with make_client() as client:
        async with anyio.create_task_group() as group:
            for worker in workers:
                group.start_soon(work, worker)
        proxy.calm_down()
        proxy.gather(connections)
        async with anyio.create_task_group() as group:
            for _ in range(connections):
                group.start_soon(ask, client)
    assert proxy.connections == 0
    assert {task.id for task in anyio.get_running_tasks()} == before
    proxy.shut()
    async with make_client() as client:
        try:
            await client.delete_membership(world.steady, world.steady_memberships[0])
        except TransportError as error:
            assert not error.maybe_applied
        else:
            raise AssertionError("nobody listens, and yet there is an answer")


def run_threads(
    make_client: Callable[[], GroupsClient],
    proxy: Proxy,
    world: World,
    workers: Sequence[Worker],
    steps: int,
    connections: int,
) -> None:
    """The same, with a thread for each worker."""

    def work(worker: Worker) -> None:
        plan = worker.steps(steps)
        try:
            call = next(plan)
            while True:
                call = plan.send(_make_in_thread(client, call))
        except StopIteration:
            pass

    def at_once(threads: ThreadPoolExecutor, function: Callable[[Any], object], items: Sequence[Any]) -> None:
        futures = [threads.submit(function, item) for item in items]
        for future in futures:
            future.result()

    before = set(threading.enumerate())
    with ThreadPoolExecutor(max(len(workers), connections)) as threads:
        with make_client() as client:
            at_once(threads, work, workers)
            proxy.calm_down()
            proxy.gather(connections)
            at_once(threads, lambda _: client.get_group(world.steady), range(connections))
    assert proxy.connections == 0
    assert set(threading.enumerate()) <= before
    proxy.shut()
    with make_client() as client:
        try:
            client.delete_membership(world.steady, world.steady_memberships[0])
        except TransportError as error:
            assert not error.maybe_applied
        else:
            raise AssertionError("nobody listens, and yet there is an answer")
