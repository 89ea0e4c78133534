"""Row 22: how close the jobs come to their bound: ten requests under way all the time, without a rate limit."""

from __future__ import annotations

import asyncio
import heapq
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from time import perf_counter

import httpx

from benchmarks import job_server, ours
from benchmarks.environments import Side
from benchmarks.job_server import LEAVER, membership_id, role_id, role_of
from benchmarks.measuring import Bench, Outcome, row
from benchmarks.server import CHANGE_HEADERS, GROUP_ID, HEADERS, change_of_role
from benchmarks.timing import Turn
from groups_sdk import AsyncGroupsClient
from groups_sdk.access import AsyncChanges

MEMBERS = 500
GROUPS = 100
PLACES = 10
VIEWERS = [membership_id(number) for number in range(MEMBERS) if role_of(number) == 2]

Run = Callable[[], Awaitable[object]]
Start = Callable[[AsyncGroupsClient, Path], Awaitable[Run]]
"""Does what does not count, and returns what does."""


async def _looked(changes: AsyncChanges, *, in_block: bool) -> Run:
    """The look at the members goes page after page: it does not count."""
    await changes.preview()

    async def run() -> None:
        if in_block:
            async with changes:
                async for _ in changes:
                    pass
        else:
            await changes.collect()
        assert {outcome.status for outcome in changes.outcomes} == {"applied"}

    return run


async def update(client: AsyncGroupsClient, path: Path, *, in_block: bool = False) -> Run:
    changes = client.access.update_memberships(GROUP_ID, dict.fromkeys(VIEWERS, role_id(1)))
    return await _looked(changes, in_block=in_block)


async def delete(client: AsyncGroupsClient, path: Path, *, in_block: bool = False) -> Run:
    return await _looked(
        client.access.delete_memberships(GROUP_ID, VIEWERS, cascade=False), in_block=in_block
    )


async def apply(client: AsyncGroupsClient, path: Path, *, in_block: bool = False) -> Run:
    plan = await client.access.plan(GROUP_ID, dict.fromkeys(VIEWERS, role_id(1)))
    return await _looked(client.access.apply(plan, journal=path), in_block=in_block)


async def offboard(client: AsyncGroupsClient, path: Path) -> Run:
    return client.access.offboard(LEAVER, cascade=False, dry_run=False).collect


async def review(client: AsyncGroupsClient, path: Path) -> Run:
    return client.access.review(GROUP_ID, org_memberships=True).collect


JOBS: dict[str, Start] = {
    "update": update,
    "delete": delete,
    "apply": apply,
    "update in its block": lambda client, path: update(client, path, in_block=True),
    "apply in its block": lambda client, path: apply(client, path, in_block=True),
    "offboard": offboard,
    "review": review,
}
_CHANGES = [("ten", len(VIEWERS))]
_ALL_GROUPS = [("one", 1), ("ten", GROUPS)]
PHASES: dict[str, Sequence[tuple[str, int]]] = {
    "update": _CHANGES,
    "delete": _CHANGES,
    "apply": _CHANGES,
    "update in its block": _CHANGES,
    "apply in its block": _CHANGES,
    # All groups; the organizations; the removals; all groups again, the organizations again, and the SSO connections.
    "offboard": [*_ALL_GROUPS, *[("ten", GROUPS)] * 2, *_ALL_GROUPS, *[("ten", GROUPS)] * 2],
    "review": [("one", 1), ("ten", MEMBERS)],
}
"""How many requests a job sends one after the other, and ten at a time, each of these when the one before has ended."""


def bound(job: str, latency: int, *, varying: bool) -> float:
    """The seconds that the requests of a job take when each begins as soon as one of the places is free."""
    latencies = job_server.latencies(latency) if varying else repeat(float(latency))
    now = 0.0
    for places, requests in PHASES[job]:
        free = [now] * (PLACES if places == "ten" else 1)
        for _ in range(requests):
            heapq.heapreplace(free, free[0] + next(latencies))
        now = max(free)
    return now / 1000


@contextmanager
def seconds_of(base_url: str, job: str) -> Iterator[Turn]:
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as directory:
        client = ours.async_client(base_url)
        runs = iter(range(1_000_000))

        async def measured() -> float:
            run = await JOBS[job](client, Path(directory, f"journal-{next(runs)}"))
            started = perf_counter()
            await run()
            return perf_counter() - started

        yield lambda: runner.run(measured())
        runner.run(client.aclose())


@contextmanager
def seconds_of_httpx(base_url: str, job: str) -> Iterator[Turn]:
    """The requests of a job, and nothing else."""

    async def send(client: httpx.AsyncClient) -> None:
        todo = list(VIEWERS)

        async def one_after_the_other() -> None:
            while todo:
                membership = todo.pop()
                response = await client.patch(
                    f"{base_url}/groups/{GROUP_ID}/memberships/{membership}?version=2025-11-05",
                    content=change_of_role(membership, role_id(1)),
                    headers=CHANGE_HEADERS,
                )
                response.raise_for_status()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(PLACES):
                tasks.create_task(one_after_the_other())

    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(headers=HEADERS, timeout=30)

        def turn() -> float:
            started = perf_counter()
            runner.run(send(client))
            return perf_counter() - started

        yield turn
        runner.run(client.aclose())


def against_bound(bench: Bench, job: str, *, varying: bool, side: Side = seconds_of) -> Outcome:
    with job_server.running() as server:
        base_url = server.base_url(
            MEMBERS,
            latency=f"{'x' if varying else ''}{bench.size.latency}",
            groups=GROUPS if job == "offboard" else 1,
        )
        best = bound(job, bench.size.latency, varying=varying)
        with bench.ours.side(side, base_url, job) as turn:
            taken = [turn() for _ in range(min(bench.size.rounds, 3))]
    return Outcome([seconds / best for seconds in taken], f"{min(taken):.3f} s at best / {best:.3f} s")


def _what(job: str, *, varying: bool) -> str:
    return f"{job}: seconds / its bound, answers after {'0 to 300' if varying else 50} ms"


def _row(number: str, job: str, *, varying: bool) -> None:
    what = _what(job, varying=varying)

    @row(number, what, at_most=1.10 if "block" in job else 1.05)
    def measure(bench: Bench) -> Outcome:
        return against_bound(bench, job, varying=varying)


for _number, _job in enumerate(JOBS):
    _row(f"22{chr(ord('a') + 2 * _number)}", _job, varying=False)
    _row(f"22{chr(ord('b') + 2 * _number)}", _job, varying=True)


def _httpx_row(number: str, *, varying: bool) -> None:
    what = _what("for comparison, the requests of update sent by httpx alone", varying=varying)

    @row(number, what)
    def measure(bench: Bench) -> Outcome:
        return against_bound(bench, "update", varying=varying, side=seconds_of_httpx)


_httpx_row("22o", varying=False)
_httpx_row("22p", varying=True)
