"""Files of a review are written in threads: the event loop goes on, and no thread outlives the call."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from support.jobs import BOTH, Jobs
from support.reviews import GROUP, member
from support.running import PATIENCE

from groups_sdk import Group, Review
from groups_sdk.access import ReviewedMember
from groups_sdk.access._review.files import Write
from groups_sdk.access._review.threaded_writer import ThreadedWriter
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

FORMS = pytest.mark.parametrize("form", ["csv", "jsonl", "html"])


class NotingFile(io.StringIO):
    """Notes which threads write to it."""

    def __init__(self) -> None:
        super().__init__(newline="")
        self.threads: set[str] = set()

    def write(self, text: str) -> int:
        self.threads.add(threading.current_thread().name)
        return super().write(text)


@FORMS
@BOTH
async def test_open_file_is_written_in_worker_threads(kind: str, form: str) -> None:
    fake = FakeSnyk.with_members(250)
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        file = NotingFile()
        totals = await jobs.run(lambda: getattr(stream, f"to_{form}")(file))
    assert totals.members == 250
    assert file.getvalue()
    assert not file.threads & {threading.current_thread().name, "groups_sdk"}, "which has the event loop"


@BOTH
async def test_earlier_review_is_read_in_a_thread(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeSnyk.example()
    threads: list[str] = []
    read = Review.read
    monkeypatch.setattr(
        Review, "read", lambda path: (threads.append(threading.current_thread().name), read(path))[1]
    )
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        await jobs.run(lambda: stream.to_jsonl(tmp_path / "earlier.jsonl"))
        assert (await jobs.run(lambda: stream.diff(tmp_path / "earlier.jsonl"))).empty
    assert len(threads) == 1
    assert not set(threads) & {threading.current_thread().name, "groups_sdk"}


class SlowWriter:
    """Writes a page when it may, as to a full pipe, and logs what becomes of its file."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.log: list[str] = []

    @contextmanager
    def open(self, group: Group) -> Generator[Write, None, None]:
        self.log.append(f"opened for {group.name}")
        try:
            yield self.write
        except BaseException:
            self.log.append("given up")
            raise
        self.log.append("closed")

    def write(self, members: Sequence[ReviewedMember] | Any, unreadable: Any = (), /) -> None:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        self.log.append(f"{len(members)} written")

    async def use(self) -> None:
        async with ThreadedWriter(self.open) as writer:
            await writer.write(GROUP, [member("1")])
            await writer.write(GROUP, [member("2"), member("3")])


async def test_event_loop_goes_on_while_a_page_is_written() -> None:
    slow = SlowWriter()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow.use)
        while not slow.begun.is_set():
            await anyio.lowlevel.checkpoint()
        slow.may_end.set()  # nobody could do that if the loop were waiting for it
    assert slow.log == ["opened for Payments", "1 written", "2 written", "closed"]


async def test_cancelled_writer_gives_up_when_its_page_is_written() -> None:
    slow = SlowWriter()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(slow.use)
        while not slow.begun.is_set():
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
        assert slow.log == ["opened for Payments"]
        slow.may_end.set()
    assert slow.log == ["opened for Payments", "1 written", "given up"]


def test_writer_in_a_cancelled_task_of_asyncio_gives_up_when_its_page_is_written() -> None:
    async def main() -> None:
        slow = SlowWriter()
        task = asyncio.create_task(slow.use())
        await asyncio.to_thread(slow.begun.wait, PATIENCE)
        for _ in range(3):  # impatient people cancel again
            task.cancel()
            for _ in range(10):
                await asyncio.sleep(0)
            assert not task.done()
        slow.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert slow.log == ["opened for Payments", "1 written", "given up"]

    asyncio.run(main())


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@BOTH
async def test_interrupted_write_leaves_no_part_of_a_file(kind: str, form: str, tmp_path: Path) -> None:
    """Closing the client ends the call, as Ctrl-C and a timeout do."""
    fake = FakeSnyk.with_members(250)
    path = tmp_path / "review"
    path.write_text("of last month", encoding="utf-8")
    failures: list[BaseException] = []

    def hang_from_the_second_page_on(progress: object) -> None:
        fake.hang_next(path="/memberships")

    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id, on_progress=hang_from_the_second_page_on)

        async def write() -> None:
            try:
                await jobs.run(lambda: getattr(stream, f"to_{form}")(path))
            except Exception as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(write)
            while not [request for request in fake.requests if request.status == 0]:
                await anyio.sleep(0.01)
            assert len(list(tmp_path.iterdir())) == 2, "the first page is written"
            await jobs.run(jobs._client.aclose if kind == "async" else jobs._client.close)  # type: ignore[union-attr]
    assert [type(failure).__name__ for failure in failures] == ["ClientClosedError"]
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text(encoding="utf-8") == "of last month"


async def test_threads_that_others_keep_busy_are_not_waited_for(tmp_path: Path) -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    before, limiter.total_tokens = limiter.total_tokens, 1
    may_end = threading.Event()
    fake = FakeSnyk.example()
    try:
        async with anyio.create_task_group() as tasks, fake.async_client() as client:
            tasks.start_soon(anyio.to_thread.run_sync, may_end.wait, PATIENCE)
            while not limiter.borrowed_tokens:
                await anyio.lowlevel.checkpoint()
            stream = client.access.review(fake.group_id)
            for form in ("csv", "jsonl", "html"):
                await getattr(stream, f"to_{form}")(tmp_path / form)
            assert (await stream.diff(await stream.collect())).empty
            may_end.set()
    finally:
        limiter.total_tokens = before
