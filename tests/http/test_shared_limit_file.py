"""A rate limit that is shared in a file: what counts, what else may be at that path, and what others do meanwhile."""

from __future__ import annotations

import errno
import math
import os
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from groups_sdk import ConfigurationError, RateLimit
from groups_sdk._http import shared_limit_file
from groups_sdk._http.shared_limit_file import HEADER, FileStore, open_store
from groups_sdk._http.shared_store import StoreUnavailable, Verdict

LIMIT = RateLimit(per_second=2, per_minute=4)
MANY = RateLimit(per_second=10_000, per_minute=10_000)
ME, OTHER = b"m" * 16, b"o" * 16
BLOCK = 32 + 2048 * 8


class Clock:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "limit"


Make = Callable[..., FileStore]


@pytest.fixture
def store(path: Path, clock: Clock) -> Make:
    def make(principal: bytes = ME, **options: Any) -> FileStore:
        return FileStore(str(path), principal, clock=clock, **options)

    return make


def send(store: FileStore, limit: RateLimit = LIMIT) -> float:
    """The seconds to wait; with 0, one request was sent and answered."""
    verdict = store.take(limit)
    if verdict.ticket is not None:
        store.end(verdict.ticket)
    return verdict.wait


def test_processes_that_name_the_same_file_keep_to_the_limit_together(store: Make, clock: Clock) -> None:
    first, second = store(), store()
    assert [send(first), send(second), send(first), send(second)] == [0, 0, 1, 1]
    clock.now += 1
    assert [send(second), send(second)] == [0, 0]
    clock.now += 1
    assert [send(first), send(second)] == [58, 58]
    clock.now += 58
    assert [send(first), send(first), send(first)] == [0, 0, 1]


def test_each_keeps_to_its_own_limit_and_counts_what_the_others_send(store: Make, clock: Clock) -> None:
    modest, usual = store(), store()
    for _ in range(4):
        assert send(usual, RateLimit(per_second=9, per_minute=9)) == 0
    assert send(modest, RateLimit(per_second=3, per_minute=9)) == 1
    clock.now += 1
    assert send(modest, RateLimit(per_second=3, per_minute=4)) == 59
    assert send(modest, RateLimit(per_second=3, per_minute=5)) == 0


def test_each_principal_counts_apart(store: Make) -> None:
    mine, other = store(ME), store(OTHER)
    assert [send(mine), send(mine), send(mine), send(other), send(other), send(other)] == [0, 0, 1, 0, 0, 1]
    mine.hold(30)
    assert other.take(MANY).ticket is not None


def test_what_is_under_way_counts_as_sent_now_until_it_has_ended(store: Make, clock: Clock) -> None:
    limit = RateLimit(per_second=2, per_minute=9)
    first, second = store(), store()
    tickets = [first.take(limit).ticket, first.take(limit).ticket]
    clock.now += 30
    assert second.take(limit) == Verdict(wait=1)
    first.end(tickets[0])
    assert second.take(limit) == Verdict(wait=1)
    clock.now += 1
    assert second.take(limit).ticket is not None
    assert second.take(limit) == Verdict(wait=1)


def test_what_a_killed_process_had_under_way_counts_for_a_minute(store: Make, clock: Clock) -> None:
    ticket = store().take(LIMIT).ticket
    store().take(LIMIT)
    clock.now += 59.9
    assert store().take(LIMIT).wait == pytest.approx(0.1)
    clock.now += 0.1
    again = [store().take(LIMIT).ticket, store().take(LIMIT).ticket]
    store().end(ticket)  # a late answer: its place is another one's now
    assert store().take(LIMIT) == Verdict(wait=1)
    assert ticket not in again


def test_what_a_killed_process_had_under_way_is_waited_for_no_longer_than_that(
    store: Make, clock: Clock
) -> None:
    for _ in range(4):
        store().take(RateLimit(per_second=9, per_minute=4))
        clock.now += 10
    assert store().take(RateLimit(per_second=9, per_minute=4)) == Verdict(wait=20)


def test_a_fork_in_the_midst_of_a_step_keeps_nothing_locked(
    store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited = []
    write = shared_limit_file._write

    def forking(file: IO[bytes], place: int, data: bytes) -> None:
        inherited.append(os.dup(file.fileno()))  # as a child has it, which does not close it
        write(file, place, data)

    monkeypatch.setattr(shared_limit_file, "_write", forking)
    try:
        assert [send(store()), send(store(patience=0.0))] == [0, 0]
    finally:
        for descriptor in inherited:
            os.close(descriptor)


@pytest.mark.parametrize("damage", [math.nan, math.inf, -math.inf])
def test_a_damaged_file_is_mended(store: Make, path: Path, damage: float) -> None:
    fill(path, damage)
    assert [send(store()), send(store()), send(store())] == [0, 0, 1]


def test_a_hold_that_one_meets_holds_all_and_a_shorter_one_does_not_shorten_it(
    store: Make, clock: Clock
) -> None:
    store().hold(30)
    store().hold(10)
    assert store().take(LIMIT) == Verdict(wait=30, held=True)
    clock.now += 10
    store().hold(25)
    assert store().take(LIMIT) == Verdict(wait=25, held=True)
    clock.now += 25
    assert [send(store()), send(store())] == [0, 0]
    store().hold(0.5)
    assert store().take(LIMIT) == Verdict(wait=1)  # the limit takes longer than the hold
    store().hold(1e9)
    assert store().take(LIMIT) == Verdict(wait=3600, held=True)


def fill(path: Path, *slots: float, hold: tuple[float, float] = (0, 0)) -> None:
    """Have the file full of these, over and over."""
    moments = [slots[number % len(slots)] for number in range(2048)]
    path.write_bytes(HEADER + struct.pack("<16sdd2048d", ME, *hold, *moments))


@pytest.mark.parametrize("slots", [(4990.0,), (-4990.0,), (4990.0, -4990.0), (0.0,), (5.1,)])
def test_what_was_written_before_the_machine_began_anew_does_not_count(
    store: Make, clock: Clock, path: Path, slots: tuple[float, ...]
) -> None:
    fill(path, *slots, hold=(4980.0, 5040.0))
    clock.now = 5.0  # seconds since the start of the machine
    assert [send(store()), send(store()), send(store())] == [0, 0, 1]
    assert path.stat().st_size == len(HEADER) + BLOCK


def test_many_requests_take_more_room_which_is_used_again(store: Make, clock: Clock, path: Path) -> None:
    fill(path, 4990.0, -4990.0)
    assert [send(store(), MANY), send(store(), MANY)] == [0, 0]
    assert path.stat().st_size == len(HEADER) + 2 * BLOCK
    assert store().take(RateLimit(per_second=10_000, per_minute=2050)).wait == 50
    clock.now += 61
    assert send(store(OTHER)) == send(store(b"x" * 16)) == 0
    assert path.stat().st_size == len(HEADER) + 2 * BLOCK
    assert send(store()) == 0
    assert path.stat().st_size == len(HEADER) + 3 * BLOCK


def test_it_is_made_for_its_owner_only_and_holds_no_token(store: Make, path: Path) -> None:
    send(store())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(HEADER + ME)


def test_it_is_made_anew_when_it_was_deleted_even_while_it_was_being_locked(
    store: Make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [send(store()), send(store())] == [0, 0]
    right = shared_limit_file._lock_now
    removed = []

    def remove_first(file: IO[bytes]) -> bool:
        if not removed:
            path.unlink()
            removed.append(True)
        return right(file)

    monkeypatch.setattr(shared_limit_file, "_lock_now", remove_first)
    assert send(store()) == 0
    assert path.stat().st_size == len(HEADER) + BLOCK

    def replace(file: IO[bytes]) -> bool:
        path.unlink(missing_ok=True)
        return right(file)

    monkeypatch.setattr(shared_limit_file, "_lock_now", replace)
    with pytest.raises(StoreUnavailable, match="replaced all the time"):
        store(patience=-1).take(LIMIT)


def test_what_a_kill_left_half_written_is_ours_to_mend(store: Make, path: Path, clock: Clock) -> None:
    path.write_bytes(HEADER[:7])
    assert send(store()) == 0
    with path.open("ab") as file:
        file.write(b"o" * 100)  # of a block that was being added
    assert send(store(OTHER)) == 0
    assert path.stat().st_size == len(HEADER) + 2 * BLOCK
    with path.open("r+b") as file:
        file.seek(len(HEADER) + 32)
        file.write(struct.pack("<d", float("inf")))
    assert send(store()) == 0


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"[snyk]\ntoken = x\n", "it is another program's file; it was not changed"),
        (b"g", None),
        (HEADER.replace(b"1", b"2"), "another version of groups_sdk made it"),
    ],
)
def test_a_file_of_somebody_else_is_neither_used_nor_changed(
    store: Make, path: Path, content: bytes, problem: str | None
) -> None:
    path.write_bytes(content)
    if problem is None:
        store().check()
    else:
        with pytest.raises(ConfigurationError, match=f"^{path}: cannot be used .*{problem}"):
            store().check()
        with pytest.raises(StoreUnavailable, match=problem):
            store().take(LIMIT)
    assert path.read_bytes() == content


def make_directory(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def make_public(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (make_directory, "Is a directory"),
        (make_pipe, "it is not a regular file"),
        (make_link, "it is a symbolic link"),
        (make_public, "everybody may write to it; run `chmod o-w` on it"),
    ],
)
def test_what_is_no_file_of_ours_is_a_configuration_error(
    make: Callable[[Path], None], problem: str, path: Path
) -> None:
    make(path)
    with pytest.raises(ConfigurationError, match=problem):
        open_store(str(path), ME).check()
    assert not path.with_name("elsewhere").exists()


def test_where_there_is_no_directory_or_no_permission_the_system_says_why(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        open_store(str(path / "limit"), ME).check()

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(shared_limit_file.os, "open", refuse)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        open_store(str(path), ME).check()


def test_a_file_of_another_user_is_not_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.touch()
    owner = path.stat().st_uid
    if owner == 0:  # root's files are
        os.chown(path, 12345, -1)
    monkeypatch.setattr(shared_limit_file.os, "geteuid", lambda: owner + 1)
    with pytest.raises(ConfigurationError, match="it belongs to another user"):
        open_store(str(path), ME).check()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("r+b") as file:
        assert shared_limit_file._lock_now(file)
        yield


def test_a_process_that_never_unlocks_it_is_not_waited_for(store: Make, path: Path) -> None:
    send(store())
    with locked(path):
        with pytest.raises(StoreUnavailable, match="another process has kept it locked for 0 s"):
            store(patience=0).take(LIMIT)


def test_who_has_it_locked_is_waited_for(store: Make, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send(store())
    waiting = threading.Event()
    monkeypatch.setattr(shared_limit_file.time, "sleep", lambda _: waiting.set())
    waits: list[float] = []
    thread = threading.Thread(target=lambda: waits.append(send(store(patience=60))))
    with locked(path):
        thread.start()
        assert waiting.wait(60)
        assert not waits
    thread.join(60)
    assert waits == [0]


def test_a_system_without_locks_says_so(store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows locks in another way")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(StoreUnavailable, match="No locks available"):
        store().take(LIMIT)


def test_windows_locks_a_byte_far_beyond_the_end(store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    def locking(descriptor: int, mode: int, count: int) -> None:
        calls.append((mode, count))
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0x7FFFFFFF
        if len(calls) > 1:
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    system = SimpleNamespace(platform="win32", byteorder=sys.byteorder)
    monkeypatch.setattr(shared_limit_file, "sys", system)
    assert store().take(LIMIT).ticket is not None
    with pytest.raises(StoreUnavailable, match="another process has kept it locked"):
        store(patience=-1).take(LIMIT)
    assert calls == [(2, 1), (2, 1)]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk here")
def test_a_full_disk_is_said() -> None:
    with open("/dev/full", "r+b", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        shared_limit_file._write(full, 0, HEADER)

    class Short:
        def seek(self, _: int) -> None: ...

        def write(self, data: bytes) -> int:
            return len(data) - 1

    short: Any = Short()
    with pytest.raises(OSError, match="No space left"):
        shared_limit_file._write(short, 0, HEADER)


PROGRAM = """
import sys
from groups_sdk import RateLimit
from groups_sdk._http.shared_limit_file import open_store
store = open_store(sys.argv[1], b"m" * 16)
given = 0
while (ticket := store.take(RateLimit(per_minute=40)).ticket) is not None:
    given += 1
    store.end(ticket)
print(given, flush=True)
sys.stdin.read()
"""


def test_real_processes_keep_to_it_together_and_one_that_is_killed_holds_nobody_up(path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(path)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe) for _ in range(2)]
    try:
        given = [int(process.stdout.readline()) for process in running if process.stdout]
    finally:
        for process in running:
            process.kill()
            process.communicate()
    assert sum(given) == 40
    assert open_store(str(path), ME).take(RateLimit(per_minute=41)).ticket is not None
