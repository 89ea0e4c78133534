"""Row 30: memory that jobs on large groups need above what the process had before, each in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks import job_server
from benchmarks.measuring import Bench, Outcome, row

MIB = 2**20
FEW = 200  # members of the run that the process has its modules and caches from


def most_resident() -> int:
    """The most bytes that this process has had in use so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


async def plan_and_apply(base_url: str, members: int, directory: Path) -> None:
    """A new role for every viewer, and the journal of it."""
    from benchmarks.job_server import membership_id, role_id, role_of
    from benchmarks.ours import async_client
    from benchmarks.server import GROUP_ID

    async with async_client(base_url) as client:
        desired = {membership_id(n): role_id(1) for n in range(members) if role_of(n) == 2}
        plan = await client.access.plan(GROUP_ID, desired)
        del desired
        async with client.access.apply(plan, journal=directory / f"journal-{members}") as changes:
            async for outcome in changes:
                assert outcome.status == "applied"


async def diff(base_url: str, members: int, directory: Path) -> None:
    """Two reviews from their files. Making the files does not count: that keeps a page."""
    from benchmarks.ours import async_client
    from benchmarks.server import GROUP_ID
    from groups_sdk.access import Review

    paths = [directory / f"{members}-{number}.jsonl" for number in (1, 2)]
    async with async_client(base_url) as client:
        for path in paths:
            await client.access.review(GROUP_ID).to_jsonl(path)
    assert Review.read(paths[1]).diff(paths[0]).empty


async def html(base_url: str, members: int, directory: Path) -> None:
    from benchmarks.ours import async_client
    from benchmarks.server import GROUP_ID

    async with async_client(base_url) as client:
        await client.access.review(GROUP_ID).to_html(directory / f"{members}.html")


JOBS: dict[str, Callable[[str, int, Path], Awaitable[None]]] = {
    "plan_and_apply": plan_and_apply,
    "diff": diff,
    "html": html,
}


def memory_of_job(job: str, few: str, many: str, members: str) -> float:
    """By how many bytes the process grows at the most, after a run with a few members."""
    from benchmarks.processes import resident

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(JOBS[job](few, FEW, Path(directory)))  # type: ignore[arg-type]
        gc.collect()
        before = resident()
        asyncio.run(JOBS[job](many, int(members), Path(directory)))  # type: ignore[arg-type]
        # What the short run has needed for a moment is not counted as less than nothing.
        return max(most_resident() - before, 0)


def growth(bench: Bench, job: str, members: int) -> Outcome:
    with job_server.running() as server:
        few, many = (server.base_url(count) for count in (FEW, members))
        grown = [
            bench.ours.figure("memory_of_job", job, few, many, members) / MIB
            for _ in range(min(bench.size.rounds, 3))
        ]
    return Outcome(grown, f"{min(grown):.1f} to {max(grown):.1f} MiB")


@row("30a", "MiB that plan and apply of 20,000 members need, with a journal", at_most=60)
def memory_of_apply(bench: Bench) -> Outcome:
    return growth(bench, "plan_and_apply", bench.size.reviewed)


@row("30b", "MiB that the diff of two reviews of 100,000 from JSONL needs", at_most=100)
def memory_of_diff(bench: Bench) -> Outcome:
    return growth(bench, "diff", bench.size.collected)


@row("30c", "MiB that the review of 100,000 as HTML needs", at_most=100)
def memory_of_html(bench: Bench) -> Outcome:
    return growth(bench, "html", bench.size.collected)
