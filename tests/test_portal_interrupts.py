"""Interrupts at every place of a synchronous call, forks at every moment of one, and the end of its event loop.

Each scenario runs in a process of its own: `python test_portal_interrupts.py SCENARIO BACKEND`. It tries everything in
random order, as far as it gets in `PORTAL_TEST_SECONDS` (6 when that is not set, and 2 where only a share of what is
random is tried), and prints how far.
"""

from __future__ import annotations

import asyncio
import dis
import faulthandler
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import anyio
import pytest
import trio
from support.extent import share

from groups_sdk import ClientClosedError
from groups_sdk._portal import Portal

SECONDS = float(os.environ.get("PORTAL_TEST_SECONDS") or share(6, least=2))
PATIENCE = 30  # seconds, in pauses that were slept; what takes longer hangs
FOREVER = 3600.0  # seconds
ROOT = Path(__file__).parent.parent


class Target:
    """The least that a portal needs of an asynchronous client."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def detached(self) -> Target:
        return Target()


class Work:
    """What a call does, or what is held. Counts how often it began and ended."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.began = 0
        self.ended = 0

    async def __call__(self) -> str:
        async with self:
            await anyio.sleep(self.seconds)
            return "done"

    async def __aenter__(self) -> None:
        self.began += 1

    async def __aexit__(self, *exc_info: object) -> None:
        self.ended += 1


def comes(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true while one can be patient. Pauses are counted: a machine that stood still is not late."""
    for _ in range(1000):
        if condition():
            return True
        time.sleep(0.001)
    for _ in range(PATIENCE * 10):
        if condition():
            return True
        time.sleep(0.1)
    return False


def wait_until(condition: Callable[[], bool], what: str) -> None:
    assert comes(condition), f"not within {PATIENCE} s: {what}"


def in_time(rounds: int) -> Iterator[int]:
    """The numbers below `rounds` in random order, as many of them as there is time for."""
    give_up = time.monotonic() + SECONDS
    tried = 0
    for number in random.Random(0).sample(range(rounds), rounds):
        if time.monotonic() > give_up:
            break
        yield number
        tried += 1
    print(f"tried {tried} of {rounds}", flush=True)


# Interrupts

# CPython looks for signals at the beginning of a function, after a call of one, and when it jumps backwards.
LOOKS_AFTER = {"RESUME", "RESUME_CHECK", "CALL", "CALL_KW", "CALL_FUNCTION_EX"}
LOOKS_BEFORE = {"JUMP_BACKWARD"}


@cache
def places(code: CodeType) -> set[int]:
    """The offsets of the instructions before which CPython looks for signals."""
    instructions = list(dis.get_instructions(code))
    after = {following.offset for before, following in pairwise(instructions) if before.opname in LOOKS_AFTER}
    return after | {instruction.offset for instruction in instructions if instruction.opname in LOOKS_BEFORE}


class Interrupt:
    """Raises `KeyboardInterrupt` at one place of what runs in its block, counted from 0."""

    def __init__(self, place: int | None = None) -> None:
        self.place = place
        self.passed = 0
        self.raised_in: str | None = None

    def __enter__(self) -> Interrupt:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *exc_info: object) -> None:
        sys.settrace(None)

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if self.raised_in is not None or frame.f_code is Interrupt.__exit__.__code__:
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        if event == "opcode" and frame.f_lasti in places(frame.f_code):
            if self.passed == self.place:
                self.raised_in = f"{frame.f_code.co_qualname}, line {frame.f_lineno}"
                raise KeyboardInterrupt
            self.passed += 1
        return self._trace


def interrupt_everywhere(
    backend: str, act: Callable[[Portal[Target]], object], work: Work, *, anew: bool = False
) -> None:
    """Interrupt `act` at each of its places: its caller sees that, the work ends, and the client stays usable.

    `anew` has each of them happen to a client, and an event loop, that nobody has used before.
    """
    gc.disable()  # an interrupt in a finaliser is printed by Python, and gone
    for _ in range(2):  # the first time only switches the events on, from Python 3.12
        door = Portal(Target(), backend=backend)
        if not anew:
            door.call(Work())
        with Interrupt() as none:
            act(door)
        door.close()
    door = Portal(Target(), backend=backend)
    door.call(Work())
    if work.seconds:
        work.seconds = FOREVER  # what is not cancelled now does not end
    for place in in_time(none.passed):
        if anew:
            door.close()
            door = Portal(Target(), backend=backend)
        interrupted = False
        interrupt = Interrupt(place)
        try:
            with interrupt:
                act(door)
        except KeyboardInterrupt:
            interrupted = True
        where = interrupt.raised_in
        assert interrupted == (where is not None), f"the interrupt in {where} was lost"
        wait_until(lambda: work.began == work.ended, f"the work ends after an interrupt in {where}")
        answers: list[str] = []
        neighbour = threading.Thread(target=lambda: answers.append(door.call(Work())), daemon=True)  # noqa: B023
        neighbour.start()
        comes(lambda: not neighbour.is_alive())  # noqa: B023
        assert answers == ["done"], f"the client is of no use after an interrupt in {where}"
    door.close()
    wait_until(lambda: threading.active_count() == 1, "all threads end")


def interrupts_in_a_call(backend: str) -> None:
    interrupt_everywhere(backend, lambda door: door.call(work), work := Work())


def interrupts_in_a_call_that_waits(backend: str) -> None:
    interrupt_everywhere(backend, lambda door: door.call(work), work := Work(seconds=0.3))


def interrupts_in_the_first_call(backend: str) -> None:
    interrupt_everywhere(backend, lambda door: door.call(work), work := Work(), anew=True)


def interrupts_in_a_held_block(backend: str) -> None:
    def act(door: Portal[Target]) -> None:
        with door.hold(work):
            pass

    interrupt_everywhere(backend, act, work := Work())


# Forks


def exit_code(child: int) -> int:
    """The exit code of a child. One that hangs shows its stacks, and is ended."""
    status: list[int] = []

    def ended() -> bool:
        process, how = os.waitpid(child, os.WNOHANG)
        status.extend([how] * (process == child))
        return process == child

    if not comes(ended):
        os.kill(child, signal.SIGTERM)
        wait_until(ended, "a child that hangs is ended")
    return os.waitstatus_to_exitcode(status[0])


def fork_at_every_moment(backend: str, *, anew: bool) -> None:
    """Fork in a signal handler: the call of the parent returns, and in the child it ends and another one works."""
    work = Work(0.0003)
    parent = os.getpid()
    children: list[int] = []

    def fork(*_: object) -> None:
        if child := os.fork():
            children.append(child)
        else:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)  # it must not fork
            faulthandler.register(signal.SIGTERM, chain=True)  # shows all stacks, and ends it

    signal.signal(signal.SIGALRM, fork)
    door = Portal(Target(), backend=backend)
    door.call(work)
    for number in in_time(600):
        if anew:
            door.close()
            door = Portal(Target(), backend=backend)
        signal.setitimer(signal.ITIMER_REAL, 3e-6 * (number + 1))
        try:
            answer = door.call(work)
        except ClientClosedError:
            answer = "ended"
        if os.getpid() != parent:
            try:
                os._exit(0 if door.call(work) == "done" else 1)
            finally:
                os._exit(2)
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert answer == "done"
        while children:
            code = exit_code(children.pop())
            assert code == 0, f"a child forked {3 * number + 3} microseconds after the call began: {code}"
    door.close()


def forks_in_a_call(backend: str) -> None:
    fork_at_every_moment(backend, anew=False)


def forks_in_the_first_call(backend: str) -> None:
    fork_at_every_moment(backend, anew=True)


# The end of the loop


async def end_the_loop() -> None:
    def leave() -> None:
        raise SystemExit

    try:
        asyncio.get_running_loop().call_soon(leave)
    except RuntimeError:
        trio.lowlevel.current_trio_token().run_sync_soon(leave)
    await anyio.sleep_forever()


def the_loop_ends_under_eight_threads(backend: str) -> None:
    """Every call ends, with its result or with a `ClientClosedError`."""

    def use(door: Portal[Target], outcomes: Counter[str]) -> None:
        while True:
            try:
                outcomes[door.call(work)] += 1
            except ClientClosedError:
                outcomes["closed"] += 1
                return

    work = Work()
    for _ in in_time(100):
        outcomes: Counter[str] = Counter()
        door = Portal(Target(), backend=backend)
        door.call(work)
        threads = [threading.Thread(target=use, args=[door, outcomes], daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        with pytest.raises(ClientClosedError):
            door.call(end_the_loop)
        for thread in threads:
            wait_until(lambda: not thread.is_alive(), "a call of an ended loop ends")  # noqa: B023
        assert outcomes.keys() <= {"done", "closed"}
        assert outcomes["closed"] == 8
        door.close()
    wait_until(lambda: threading.active_count() == 1, "all threads end")


SCENARIOS = [
    interrupts_in_a_call,
    interrupts_in_a_call_that_waits,
    interrupts_in_the_first_call,
    interrupts_in_a_held_block,
    forks_in_a_call,
    forks_in_the_first_call,
    the_loop_ends_under_eight_threads,
]


@pytest.mark.unmeasured
@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals to a process, and forks, are those of POSIX")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_nothing_hangs_and_nothing_is_lost(scenario: Callable[[str], None], backend: str) -> None:
    # Without coverage: an interrupt in the midst of its code leaves its lock held.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, __file__, scenario.__name__, backend],
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS + 8 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr


if __name__ == "__main__":
    faulthandler.dump_traceback_later(SECONDS + 7 * PATIENCE, exit=True)
    warnings.simplefilter("ignore")
    {scenario.__name__: scenario for scenario in SCENARIOS}[sys.argv[1]](sys.argv[2])
