"""The file of a journal: opened, locked, read and appended to. Everything here blocks, and belongs into a thread."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import IO

from groups_sdk.errors import JournalError

__all__ = ["JournalFile", "read_whole"]

_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # a pipe that was put there meanwhile must not hold anybody up
_TAIL = 4096  # bytes


class JournalFile:
    """A file that one process at a time appends to, and that nobody else changes between two times that it is open."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: IO[bytes] | None = None
        self._left: tuple[object, ...] | None = None  # how the file was when it was last closed
        self._broken: str | None = None

    def open(self, *, known: bool) -> None:
        """Open the file and lock it. One that is `known` must be as it was left; any other is made if need be."""
        if self._broken is not None:
            raise JournalError(self._broken)
        flags = os.O_RDWR | _BINARY | _NO_WAITING | (0 if known else os.O_CREAT)
        file = open(_descriptor(self.path, flags, "opened"), "r+b", buffering=0)  # noqa: SIM115 - see close
        try:
            _lock(file, self.path)
            self._check_place(file)
            if known and self._look(file) != self._left:
                raise JournalError(
                    f"{self.path}: another run has continued with this journal in the meantime"
                )
        except BaseException:
            file.close()
            raise
        self._file = file

    def close(self) -> None:
        """Close the file, which unlocks it."""
        file, self._file = self._file, None
        if file is not None:
            with file:
                try:
                    self._left = self._look(file)
                except JournalError as error:
                    self._broken = str(error)

    def read(self) -> bytes:
        file = self._held()
        try:
            file.seek(0)
            return file.read()
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be read: {_why(error)}") from None

    def cut(self, size: int) -> None:
        """Leave the first `size` bytes."""
        file = self._held()
        try:
            file.truncate(size)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be written: {_why(error)}") from None

    def append(self, data: bytes, *, new: bool = False) -> None:
        """Write whole lines and wait until the disk has them; for a new file, until the disk has its name too."""
        if self._broken is not None:
            raise JournalError(self._broken)
        file = self._held()
        start = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
            if new:
                _flush_directory(self.path)
        except OSError as error:
            message = f"{self.path}: cannot be written: {_why(error)}"
            try:
                file.truncate(start)  # what comes next must not stand behind half a line
            except OSError:
                self._broken = message
            raise JournalError(message) from None

    def _held(self) -> IO[bytes]:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        return self._file

    def _check_place(self, file: IO[bytes]) -> None:
        """The lock is worth something only on the file that others find at this path."""
        try:
            same = os.path.samestat(os.fstat(file.fileno()), os.stat(self.path))
        except OSError:
            same = False
        if not same:
            raise JournalError(f"{self.path}: was removed or replaced just now; try again")

    def _look(self, file: IO[bytes]) -> tuple[object, ...]:
        """What tells the file as it is from the file as somebody else has left it."""
        try:
            status = os.fstat(file.fileno())
            file.seek(max(0, status.st_size - _TAIL))
            return status.st_dev, status.st_ino, status.st_size, file.read(_TAIL)
        except OSError as error:
            raise JournalError(f"{self.path}: cannot be read: {_why(error)}") from None


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """What is in a journal, without a lock. Raises `JournalError` when it cannot be read."""
    with open(_descriptor(Path(path), os.O_RDONLY | _BINARY | _NO_WAITING, "read"), "rb") as file:
        try:
            return file.read()
        except OSError as error:
            raise JournalError(f"{path}: cannot be read: {_why(error)}") from None


def _descriptor(path: Path, flags: int, purpose: str) -> int:
    """An open regular file; a symbolic link is followed, and anything else is not even opened."""
    try:
        if path.exists():
            _check_regular(path, path.stat().st_mode)
        descriptor = os.open(path, flags, 0o600)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise JournalError(f"{path}: cannot be {purpose}: {_why(error)}") from None
    try:
        _check_regular(path, os.fstat(descriptor).st_mode)
    except JournalError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise JournalError(f"{path}: is a directory; a journal must be a file")
    if not stat.S_ISREG(mode):
        raise JournalError(f"{path}: is not a regular file, so nothing could be resumed from it")


def _lock(file: IO[bytes], path: Path) -> None:
    """Lock the file until it is closed or its process ends, however it ends."""
    try:
        _lock_now(file)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise JournalError(f"{path}: is in use by another run of groups_sdk") from None
        raise JournalError(
            f"{path}: cannot be locked: {_why(error)}; some network file systems have no locks: "
            "put the journal on a local disk"
        ) from None


def _lock_now(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        file.seek(0x7FFFFFFF)  # far beyond the end: the lock must not stand in the way of our own reading
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _flush_directory(path: Path) -> None:
    """Have the disk know the new file's name too, where directories can be read and flushed."""
    if sys.platform != "win32":
        try:
            descriptor = os.open(path.resolve().parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EINVAL, errno.ENOTSUP):
                raise


def _why(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
