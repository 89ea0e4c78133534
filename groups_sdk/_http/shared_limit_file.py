"""The requests of the processes of one machine, counted in a file that they lock in turn.

The file is opened, locked, and closed again for each request: so a process that is killed holds nobody up, a fork
shares nothing, and a file that was deleted is made anew. After the header come blocks of one size, each for one
principal, with a slot for each request of the last minute:

    header     32 bytes, see `HEADER`
    block      principal (16 bytes), when a hold was noted and until when it lasts, 2048 slots
    slot       the moment at which a request ended; its negative while it is under way, since that moment

Moments are 8-byte floats, seconds of `time.monotonic()`, which all processes of a machine share and which nobody sets.
It begins anew when the machine does: what seems to be to come was written before that, and does not count. A slot is
written at one stroke, so that nothing is ever written by half.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import struct
import sys
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import IO, NamedTuple, cast

from groups_sdk._http.rate_limit import MINUTE, RateLimit, least_wait
from groups_sdk._http.shared_store import PATIENCE, StoreUnavailable, Verdict
from groups_sdk.errors import ConfigurationError

__all__ = ["HEADER", "FileStore", "open_store"]

_OURS = b"groups_sdk rate limit "
HEADER = (_OURS + b"1\n").ljust(32, b"\0")
_SLOTS = 2048
_HEAD = struct.Struct("<16sdd")
_MOMENT = struct.Struct("<d")
_BLOCK = _HEAD.size + _SLOTS * _MOMENT.size
_LONGEST_HOLD = 3600.0  # seconds; the API asks for a minute at most
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)  # in /tmp anybody can put a link in the way
    | getattr(os, "O_NONBLOCK", 0)  # a pipe must not hold anybody up
)


class _Ticket(NamedTuple):
    """Where a request under way is noted, and as what: when it has ended somebody else's may be there."""

    place: int
    noted: bytes


class _Block:
    """One block as it was read, and where it is in the file."""

    def __init__(self, place: int, data: bytes, now: float) -> None:
        self.place = place
        self.principal, noted, until = _HEAD.unpack_from(data)
        self.held_until = until if noted <= now < until <= noted + _LONGEST_HOLD else 0.0
        self._slots = array("d")
        self._slots.frombytes(data[_HEAD.size :])
        if sys.byteorder == "big":  # pragma: no cover - the file is the same everywhere
            self._slots.byteswap()
        if not math.isfinite(sum(self._slots)):  # the file was damaged; it cannot be searched for a NaN
            self._slots = array("d", (moment if math.isfinite(moment) else 0.0 for moment in self._slots))
        oldest = max(now - MINUTE, 0.0)
        moments = sorted(self._slots)
        left, first = bisect_left(moments, -now), bisect_left(moments, -oldest)
        last, right = bisect_right(moments, oldest), bisect_right(moments, now)
        self.under_way = first - left
        self.oldest = -moments[first - 1] if self.under_way else math.inf  # when the first of them began
        self.ended = moments[last:right]
        over = moments[first:last] or moments[:left] or moments[right:]
        self._over = over[0] if over else None

    def free_place(self) -> int | None:
        """Where the file has a slot that no longer counts, or never did."""
        if self._over is None:
            return None
        return self.place + _HEAD.size + self._slots.index(self._over) * _MOMENT.size

    @property
    def idle(self) -> bool:
        """Whether nothing in it counts any more."""
        return not (self.held_until or self.ended or self.under_way)


class FileStore:
    """A `SharedStore` in a file, for one principal."""

    def __init__(
        self,
        path: str,
        principal: bytes,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._path = path
        self._principal = principal
        self._clock = clock
        self._patience = patience

    def check(self) -> None:
        problem = None
        try:
            with self._opened() as file:
                self._read_header(file)
        except StoreUnavailable as error:
            problem = str(error)
        if problem is not None:
            raise ConfigurationError(f"{self._path}: cannot be used for a shared rate limit: {problem}")

    def take(self, limit: RateLimit) -> Verdict:
        with self._locked() as file:
            now = self._clock()
            mine = self._mine(file, now)
            held_until = max((block.held_until for block in mine), default=0.0)
            ended = sorted(moment for block in mine for moment in block.ended)
            under_way = sum(block.under_way for block in mine)
            oldest = min((block.oldest for block in mine), default=math.inf)
            wait = least_wait(limit, ended, under_way, now, oldest)
            if held_until > now + wait:
                return Verdict(wait=held_until - now, held=True)
            if wait > 0:
                return Verdict(wait=wait)
            places = (block.free_place() for block in mine)
            place = next((place for place in places if place is not None), None)
            if place is None:
                place = self._new_block(file, now) + _HEAD.size
            noted = _MOMENT.pack(-now)
            _write(file, place, noted)
            return Verdict(_Ticket(place, noted))

    def end(self, ticket: object) -> None:
        place, noted = cast("_Ticket", ticket)
        with self._locked() as file:
            file.seek(place)
            if file.read(_MOMENT.size) == noted:
                _write(file, place, _MOMENT.pack(self._clock()))

    def hold(self, seconds: float) -> None:
        with self._locked() as file:
            now = self._clock()
            until = now + min(seconds, _LONGEST_HOLD)
            mine = self._mine(file, now)
            place = mine[0].place if mine else self._new_block(file, now)
            if all(block.held_until < until for block in mine):
                _write(file, place, _HEAD.pack(self._principal, now, until))

    def close(self) -> None:
        """Nothing stays open between two requests."""

    def _mine(self, file: IO[bytes], now: float) -> list[_Block]:
        """The blocks of this principal."""
        blocks = _blocks(file)
        return [_Block(place, data, now) for place, data in blocks if data.startswith(self._principal)]

    def _new_block(self, file: IO[bytes], now: float) -> int:
        """Where a block of ours now is: one that nobody needs any more, or else at the end."""
        end = len(HEADER)
        for end, data in _blocks(file):
            if _Block(end, data, now).idle:
                break
            end += _BLOCK
        _write(file, end, _HEAD.pack(self._principal, 0.0, 0.0).ljust(_BLOCK, b"\0"))
        return end

    @contextmanager
    def _locked(self) -> Generator[IO[bytes]]:
        """The file, which others wait for meanwhile."""
        last_try = time.monotonic() + self._patience
        while True:
            with self._opened() as file:
                self._lock(file, last_try)
                if self._in_place(file):
                    try:
                        if self._read_header(file) < len(HEADER):
                            _write(file, 0, HEADER)
                        yield file
                    finally:
                        _unlock(file)
                    return
            if time.monotonic() > last_try:
                raise StoreUnavailable("it is replaced all the time")

    def _lock(self, file: IO[bytes], last_try: float) -> None:
        pause = 0.0002
        while not _lock_now(file):
            if time.monotonic() > last_try:
                raise StoreUnavailable(f"another process has kept it locked for {self._patience:g} s")
            time.sleep(pause)
            pause = min(2 * pause, 0.01)

    def _in_place(self, file: IO[bytes]) -> bool:
        """Whether others find the same file at the path: it may have been deleted before it was locked."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), os.stat(self._path))
        except FileNotFoundError:
            return False

    @contextmanager
    def _opened(self) -> Generator[IO[bytes]]:
        """The open file, closed afterwards. Whatever the system refuses is a `StoreUnavailable`."""
        problem = None
        try:
            with open(os.open(self._path, _FLAGS, 0o600), "r+b", buffering=0) as file:
                self._check_kind(os.fstat(file.fileno()))
                yield file
        except OSError as error:
            problem = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)
        if problem is not None:
            raise StoreUnavailable(problem)

    def _check_kind(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise StoreUnavailable("it is not a regular file")
        if sys.platform != "win32":
            if status.st_uid not in (0, os.geteuid()):
                raise StoreUnavailable("it belongs to another user; it must be yours, or root's")
            if status.st_mode & stat.S_IWOTH:
                raise StoreUnavailable("everybody may write to it; run `chmod o-w` on it")

    def _read_header(self, file: IO[bytes]) -> int:
        """How many bytes of the header are there. Raises `StoreUnavailable` when the file is not one of these."""
        file.seek(0)
        header = file.read(len(HEADER))
        if not HEADER.startswith(header):
            if header.startswith(_OURS):
                raise StoreUnavailable(
                    "another version of groups_sdk made it; name another file for this one"
                )
            raise StoreUnavailable("it is another program's file; it was not changed")
        return len(header)


def _blocks(file: IO[bytes]) -> Generator[tuple[int, bytes]]:
    """All blocks, with their places; not what a full disk or a kill cut short."""
    place = file.seek(len(HEADER))
    while len(data := file.read(_BLOCK)) == _BLOCK:
        yield place, data
        place += _BLOCK


def open_store(path: str, principal: bytes) -> FileStore:
    """The store in that file."""
    return FileStore(path, principal)


def _write(file: IO[bytes], place: int, data: bytes) -> None:
    file.seek(place)
    if file.write(data) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unlock(file: IO[bytes]) -> None:
    """Unlock it for every copy of the open file: a process that was forked meanwhile has one, and does not close it."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_UN)


def _lock_now(file: IO[bytes]) -> bool:
    """Lock the file until it is closed or its process ends, however it ends. False when it is locked already."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0x7FFFFFFF)  # far beyond the end: the lock must not stand in the way of reading
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True
