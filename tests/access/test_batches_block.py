"""Work inside `async with`: it goes on beside its consumer, and leaving the block ends it in good order."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from support import clock
from support.batches import Numbers, batches, done
from support.jobs import BOTH, Jobs, changes_sent

from groups_sdk import ClientClosedError
from groups_sdk.access._batches import AsyncBatches
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


class Held(Numbers):
    """Some numbers are held until `release` is set."""

    def __init__(self, *stages: list[int], held: set[int], **options: Any) -> None:
        super().__init__(*stages, **options)
        self.held = held
        self.release = anyio.Event()
        self.most = 0

    async def perform(self, item: int) -> tuple[int, str]:
        self.most = max(self.most, len(self.performed) + 1 - len(self.ended))
        outcome = await super().perform(item)
        if item in self.held:
            await self.release.wait()
        return outcome


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


async def test_one_that_is_slow_holds_no_other_place_up() -> None:
    work = Held(list(range(300)), held={3})
    seen = []
    async with batches(work, concurrency=10) as bulk:
        async for outcome in bulk:
            seen.append(outcome)
            if len(seen) == 299:
                assert {*seen} == done(*range(300)) - done(3), "the other nine places did all the others"
                work.release.set()
    assert {*seen} == done(*range(300))
    assert work.most == 10


async def test_stages_and_outcomes_that_needed_nothing_come_as_they_do_without_the_block() -> None:
    work = Numbers([1, 2], [], [3], [4, 5], done=[7, 8])
    async with batches(work) as bulk:
        seen = [outcome async for outcome in bulk]
        assert [outcome async for outcome in bulk] == seen, "again, it hands out the same"
    assert seen[:2] == [(7, "skipped"), (8, "skipped")]
    assert [{*seen[2:4]}, seen[4:5], {*seen[5:]}] == [done(1, 2), [(3, "done")], done(4, 5)]
    assert [(stage, new) for stage, _, new in work.checks] == [([1, 2], True), ([3], True), ([4, 5], True)]
    assert work.sessions == 0


async def test_leaving_early_ends_what_is_under_way_and_begins_nothing_else() -> None:
    work = Held(list(range(100)), held={5})
    async with batches(work, concurrency=10) as bulk:
        async for outcome in bulk:
            assert outcome in done(*range(100))
            await settled()
            work.release.set()
            break
    assert 10 <= len(work.performed) <= 20, "no more than twice the number of places"
    assert {*bulk.outcomes} == done(*work.performed)
    assert all(("after", outcome) in work.log for outcome in bulk.outcomes)
    assert len(bulk.pending) == 100 - len(bulk.outcomes)
    assert {*await bulk.finish()} == done(*range(100))
    assert sorted(work.performed) == list(range(100))


async def test_what_nobody_takes_holds_the_work_up() -> None:
    work = Numbers(list(range(100)))
    async with batches(work, concurrency=4) as bulk:
        outcomes = aiter(bulk)
        await anext(outcomes)
        await settled()
        before = len(work.performed)
        assert before <= 1 + 2 * 4
        for _ in range(4):
            await anext(outcomes)
        await settled()
        assert before < len(work.performed) <= 5 + 2 * 4
    assert len(bulk.outcomes) == len(work.performed)


async def test_steps_in_the_block_are_those_without_it() -> None:
    work = Numbers([1, 2, 3, 4, 5, 6, 7])
    async with batches(work) as bulk:
        for _ in range(3):
            assert await bulk.step()
        assert {*bulk.outcomes} == done(1, 2, 3, 4, 5, 6, 7)
        assert await bulk.step() is False


async def test_finishing_in_the_block_goes_on_with_what_was_begun() -> None:
    work = Numbers([1, 2, 3, 4, 5, 6, 7])
    async with batches(work) as bulk:
        async for _ in bulk:
            break
        with pytest.raises(RuntimeError, match="already running"):
            await bulk.step()
        assert {*await bulk.finish()} == done(1, 2, 3, 4, 5, 6, 7)
    assert sorted(work.performed) == [1, 2, 3, 4, 5, 6, 7]


async def test_after_a_long_look_at_an_outcome_the_work_may_look_again() -> None:
    work = Numbers(list(range(20)))
    async with batches(work, concurrency=2) as bulk:
        outcomes = aiter(bulk)
        await anext(outcomes)
        await settled()
        began, checks = len(work.performed), len(work.checks)  # a short wait for the consumer is a check, too
        clock.skip(60)
        await anyio.sleep(30)
        async for _ in outcomes:
            pass
    assert work.checks[0] == (list(range(20)), 0.0, True)
    items, paused, new_stage = work.checks.pop(checks)
    assert (items, paused >= 60, new_stage) == (list(range(began, 20)), True, False)
    assert all(paused < 30 for _, paused, _ in work.checks)


async def test_an_error_comes_plain_and_once_after_the_outcomes_before_it() -> None:
    work = Numbers([1, 2, 3, 4])
    work.errors = {2: ZeroDivisionError("what")}
    seen = []
    async with batches(work, concurrency=1) as bulk:
        outcomes = aiter(bulk)
        with pytest.raises(ZeroDivisionError):
            while True:
                seen.append(await anext(outcomes))
        assert seen == [(1, "done"), (2, "ZeroDivisionError")]
        assert [outcome async for outcome in outcomes] == [(3, "done"), (4, "done")]


async def test_a_look_that_fails_is_raised_and_looked_again() -> None:
    work = Numbers([1])
    work.fails = {"prepare": [OSError("no")]}
    async with batches(work) as bulk:
        with pytest.raises(OSError, match="no"):
            await bulk.finish()
        assert await bulk.finish() == [(1, "done")]


async def test_an_error_that_nobody_has_seen_is_raised_when_the_block_is_left() -> None:
    work = Held([1, 2], held={2})
    with pytest.raises(OSError, match="full"):
        async with batches(work) as bulk:
            async for _ in bulk:
                break
            work.fails = {"after": [OSError("full")]}
            work.release.set()
    assert {*bulk.outcomes} == done(1, 2)


async def test_an_error_of_the_block_is_told_of_that_of_the_work() -> None:
    work = Held([1, 2], held={2})
    with pytest.raises(KeyError) as caught:
        async with batches(work) as bulk:
            async for _ in bulk:
                work.fails = {"after": [OSError("full")]}
                work.release.set()
                raise KeyError("mine")
    assert caught.value.__notes__ == ["The work of the block ended with an error: OSError('full')"]
    assert {*bulk.outcomes} == done(1, 2)


class Stop(BaseException):
    pass


async def test_what_ends_the_program_comes_out_of_the_block_as_itself() -> None:
    work = Held([1, 2, 3], held={2})
    work.errors = {2: Stop()}

    async def perform(item: int) -> tuple[int, str]:
        if item == 2:
            await work.release.wait()
        return await Numbers.perform(work, item)

    work.perform = perform  # type: ignore[method-assign]
    with pytest.raises(Stop):
        async with batches(work, concurrency=2) as bulk:
            async for _ in bulk:
                work.release.set()
                raise KeyError("mine")
    assert (2, "InterruptedChangeError") in bulk.outcomes


@pytest.mark.parametrize("inside", [True, False])
async def test_a_cancelled_block_loses_nothing(inside: bool) -> None:
    work = Numbers(list(range(1, 10)))
    work.gates = {2, 3}
    bulk = batches(work)
    with anyio.CancelScope() as scope:
        work.on_wait = lambda: scope.cancel() if inside and work.waiting == {2, 3} else None
        async with bulk:
            async for _ in bulk:
                if not inside:
                    break
            scope.cancel()
    assert scope.cancelled_caught
    assert {(2, "InterruptedChangeError"), (3, "InterruptedChangeError")} <= {*bulk.outcomes}
    assert len(bulk.outcomes) == len(work.performed)
    assert len(bulk.outcomes) + len(bulk.pending) == 9
    assert all(("after", outcome) in work.log for outcome in bulk.outcomes)
    work.gates = set()
    await bulk.finish()
    assert sorted(work.performed) == list(range(1, 10))


async def test_ctrl_c_in_the_block_cuts_off_what_is_under_way() -> None:
    work = Numbers([1, 2, 3])
    work.gates = {2}
    with pytest.raises(KeyboardInterrupt):
        async with batches(work, concurrency=2) as bulk:
            async for _ in bulk:
                raise KeyboardInterrupt
    assert (2, "InterruptedChangeError") in bulk.outcomes


async def test_a_consumer_in_another_task_is_told_that_the_block_was_left() -> None:
    work = Numbers([1])
    work.prepare = anyio.sleep_forever  # type: ignore[method-assign,assignment]

    async def consume(bulk: AsyncBatches[int, Any]) -> None:
        with pytest.raises(RuntimeError, match="the with block in which this work runs has ended"):
            await anext(aiter(bulk))

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            async with batches(work) as bulk:
                tasks.start_soon(consume, bulk)
                await settled()
                scope.cancel()
    assert (bulk.outcomes, bulk.pending) == ((), ())


async def test_a_block_is_entered_once_at_a_time() -> None:
    work = Numbers([1, 2])
    async with batches(work, concurrency=1) as bulk:
        with pytest.raises(RuntimeError, match="entered already"):
            async with bulk:
                pass
        async for _ in bulk:
            break
    async with bulk:
        assert [outcome async for outcome in bulk] == [(1, "done"), (2, "done")]


async def test_a_forked_process_does_not_wait_for_the_work_of_its_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with batches(Numbers([1])) as bulk:
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            with pytest.raises(ClientClosedError, match="forked inside this block"):
                await anext(aiter(bulk))
        await bulk.finish()


async def test_a_hook_that_ends_the_program_ends_the_work_of_the_block() -> None:
    def enough(_: Any) -> None:
        raise SystemExit(3)

    async with batches(Numbers([1, 2, 3]), on_progress=enough) as bulk:
        with pytest.raises(SystemExit):
            await bulk.finish()
        bulk._on_progress = None
        assert len(await bulk.finish()) == 3


@BOTH
@pytest.mark.parametrize("job", ["delete_memberships", "offboard"])
async def test_the_jobs_of_both_clients_go_on_inside_the_block(kind: str, job: str) -> None:
    fake = FakeSnyk.example() if job == "offboard" else FakeSnyk.with_members(60)
    ids = [member.id for member in fake.memberships(fake.group_id)[1:51]]
    arguments: dict[str, Callable[[Jobs], Any]] = {
        "offboard": lambda jobs: jobs(job, "ada.0000@example.com", cascade=True, dry_run=False),
        "delete_memberships": lambda jobs: jobs(job, fake.group_id, ids, cascade=True, concurrency=5),
    }
    async with Jobs(fake, kind) as jobs:
        work = await arguments[job](jobs)
        seen = await jobs.block(work)
    assert seen == list(work.outcomes)
    assert len(seen) == work.total
    assert f"{work.total} of {work.total} done (" in repr(work)
    if job == "delete_memberships":
        assert {target for _, target in changes_sent(fake)} == set(ids)


@BOTH
async def test_leaving_the_block_early_loses_nothing_with_either_client(kind: str) -> None:
    fake = FakeSnyk.with_members(60)
    ids = [member.id for member in fake.memberships(fake.group_id)[1:51]]
    async with Jobs(fake, kind) as jobs:
        work = await jobs("delete_memberships", fake.group_id, ids, cascade=True, concurrency=5)
        (first,) = await jobs.block(work, limit=1)
        assert (len(work.outcomes), str(first.status)) == (len(changes_sent(fake)), "applied")
        assert len(work.outcomes) <= 10
        assert len(work.outcomes) + len(work.pending) == 50
        text = (
            f"{len(work.outcomes)} of 50 done ({len(work.outcomes)} applied), {len(work.pending)} not begun"
        )
        name = "AsyncChanges" if kind == "async" else "Changes"
        assert repr(work) == str(work) == f"<{name}: {text}>"
        assert len(await jobs.run(work.collect)) == 50
    assert len(changes_sent(fake)) == 50


async def test_its_text_says_how_far_the_work_is() -> None:
    work = Held([1, 2, 3, 4, 5], held={2})
    bulk = batches(work, concurrency=2)
    assert repr(bulk) == "<AsyncBatches: not begun>"
    async with bulk:
        async for _ in bulk:
            await settled()
            text = str(bulk)
            work.release.set()
            break
    assert text == "<AsyncBatches: 3 of 5 done, 1 under way, 1 not begun>"
    assert repr(bulk) == "<AsyncBatches: 4 of 5 done, 1 not begun>"


@pytest.mark.parametrize("kind", ["async_client", "client"])
async def test_work_that_is_never_run_warns_once(kind: str) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, {})
    access = getattr(fake, kind)().access
    jobs: dict[str, Callable[[], Any]] = {
        "update_memberships": lambda: access.update_memberships(fake.group_id, {}),
        "delete_memberships": lambda: access.delete_memberships(fake.group_id, [], cascade=True),
        "offboard": lambda: access.offboard("ada.0000@example.com", cascade=True),
        "apply": lambda: access.apply(plan),
    }
    for name, make in jobs.items():
        with pytest.warns(ResourceWarning) as warned:
            make()
            gc.collect()
        assert [str(w.message) for w in warned] == [f"{name}(...) was never run: use collect() or iterate it"]


async def test_a_preview_is_use_enough() -> None:
    bulk = batches(Numbers([1]))
    await bulk.preview()
    del bulk
    gc.collect()  # a warning would be an error here
