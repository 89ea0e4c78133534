"""Work on numbers, for tests of the engine that does work."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio

from groups_sdk.access._batches import AsyncBatches


class Numbers:
    """Work on numbers: each outcome is a pair of the number and a word. What waits at `gates` waits for good."""

    def __init__(self, *stages: list[int], done: Sequence[int] = ()) -> None:
        self.stages = stages
        self.done = done
        self.log: list[tuple[str, Any]] = []
        self.checks: list[tuple[list[int], float, bool]] = []
        self.sessions = 0
        self.gates: set[int] = set()
        self.waiting: set[int] = set()
        self.errors: dict[int, BaseException] = {}
        self.fails: dict[str, list[Exception]] = {}
        self.stop_at: int | None = None
        self.at_once: int | None = None
        self.on_wait: Callable[[], object] = lambda: None

    def _fail(self, where: str) -> None:
        if self.fails.get(where):
            raise self.fails[where].pop(0)

    async def prepare(self) -> tuple[list[tuple[int, str]], list[list[int]]]:
        await anyio.lowlevel.checkpoint()
        self._fail("prepare")
        return [(n, "skipped") for n in self.done], [list(stage) for stage in self.stages]

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[None]:
        await anyio.lowlevel.checkpoint()
        self.sessions += 1
        try:
            yield
        finally:
            await anyio.lowlevel.checkpoint()
            self.sessions -= 1

    async def check(self, stage: Sequence[int], *, paused: float, new_stage: bool) -> None:
        await anyio.lowlevel.checkpoint()
        assert self.sessions == 1
        self._fail("check")
        self.checks.append((list(stage), paused, new_stage))

    async def before(self, items: Sequence[int]) -> None:
        await anyio.lowlevel.checkpoint()
        assert self.sessions == 1
        self._fail("before")
        self.log.append(("before", list(items)))

    async def perform(self, item: int) -> tuple[int, str]:
        self.log.append(("perform", item))
        if item == self.at_once:
            return item, "done"
        await anyio.lowlevel.checkpoint()
        if item in self.gates:
            self.waiting.add(item)
            self.on_wait()
            await anyio.sleep_forever()
        if item in self.errors:
            raise self.errors[item]
        return item, "done"

    def interrupted(self, item: int, error: Exception) -> tuple[int, str]:
        return item, type(error).__name__

    def not_started(self, item: int, error: Exception) -> tuple[int, str]:
        return item, f"not started: {error}"

    async def after(self, outcome: tuple[int, str]) -> None:
        await anyio.lowlevel.checkpoint()
        assert self.sessions == 1
        self.log.append(("after", outcome))
        self._fail("after")

    def fatal_error(self, outcome: tuple[int, str]) -> Exception | None:
        return OSError("stop") if outcome == (self.stop_at, "done") else None

    @property
    def ended(self) -> list[tuple[int, str]]:
        return [value for word, value in self.log if word == "after"]

    @property
    def performed(self) -> list[int]:
        return [value for word, value in self.log if word == "perform"]


def batches(work: Numbers, **options: Any) -> AsyncBatches[int, tuple[int, str]]:
    return AsyncBatches(work, **{"concurrency": 3, **options})


def done(*numbers: int) -> set[tuple[int, str]]:
    return {(number, "done") for number in numbers}
