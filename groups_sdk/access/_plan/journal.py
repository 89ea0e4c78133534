"""The journal of an apply: a line before each change and one after it, so that a run that was killed can be resumed.

JSON lines. The first names the plan by its fingerprint. `begin` is written and flushed to the disk before a change is
sent, `end` when its outcome is known. A change with a `begin` and no `end` may have been applied. A last line that is
torn was never acted upon: it is cut off.

Between two steps the file is closed. While it is open it is locked against other processes, and a step refuses to go
on when somebody else has written to it meanwhile.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from groups_sdk.errors import JournalError

__all__ = ["Journal"]

FORMAT = "groups_sdk.journal"
VERSION = 1


class Journal:
    """The journal of one plan, at a path. `ended` and `begun` are what was read from it when it was first opened."""

    def __init__(self, path: str | os.PathLike[str], fingerprint: str) -> None:
        self._path = Path(path)
        self._fingerprint = fingerprint
        self._file: IO[bytes] | None = None
        self._size: int | None = None
        self.begun: set[str] = set()
        self.ended: dict[str, dict[str, Any]] = {}

    @contextmanager
    def opened(self) -> Generator[None, None, None]:
        """Hold the file, locked. The first time its lines are read, and a new one gets its first line."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise JournalError(f"{self._path}: cannot be opened: {error.strerror or error}") from None
        with open(descriptor, "r+b", buffering=0) as file:
            _lock(file, self._path)
            size = file.seek(0, os.SEEK_END)
            self._file = file
            try:
                if self._size is None:
                    self._read()
                elif size != self._size:
                    raise JournalError(f"{self._path}: another run has gone on with this journal meanwhile")
                yield
            finally:
                self._file = None

    def begin(self, keys: Iterable[str]) -> None:
        """Note that these changes are about to be sent."""
        self._append([{"begin": key, "at": _now()} for key in keys])

    def end(self, key: str, status: str, **more: Any) -> None:
        """Note what came of a change."""
        self._append([{"end": key, "at": _now(), "status": status, **more}])

    def _read(self) -> None:
        file = self._held()
        file.seek(0)
        whole, newline, torn = file.read().rpartition(b"\n")
        lines = whole.split(b"\n") if newline else []
        if not lines:
            if not _HEADER.startswith(torn[: len(_HEADER)]):
                raise JournalError(f"{self._path}: is not a journal; it was not touched")
            file.truncate(0)
            self._append([{"format": FORMAT, "version": VERSION, "plan": self._fingerprint, "at": _now()}])
            _flush_directory(self._path.parent)
            return
        header = _entry(lines[0])
        if header.get("format") != FORMAT:
            raise JournalError(f"{self._path}: is not a journal; it was not touched")
        if header.get("version") != VERSION:
            raise JournalError(
                f"{self._path}: has version {header.get('version')} of its format, not {VERSION}"
            )
        if header.get("plan") != self._fingerprint:
            raise JournalError(f"{self._path}: is the journal of another plan")
        for number, line in enumerate(lines[1:], 2):
            entry = _entry(line)
            begun, ended = entry.get("begin"), entry.get("end")
            if isinstance(begun, str):
                self.begun.add(begun)
                self.ended.pop(begun, None)
            elif isinstance(ended, str) and ended in self.begun and isinstance(entry.get("status"), str):
                self.ended[ended] = entry
            else:
                raise JournalError(f"{self._path}: line {number} is damaged")
        file.truncate(len(whole) + 1)
        self._size = file.seek(0, os.SEEK_END)

    def _append(self, entries: list[dict[str, Any]]) -> None:
        """Write lines and wait until the disk has them: without a pause in which a cancellation could come."""
        file = self._held()
        data = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
        start = file.seek(0, os.SEEK_END)
        try:
            written = 0
            while written < len(data):
                written += file.write(data[written:])
            os.fsync(file.fileno())
        except OSError as error:
            file.truncate(start)  # a full disk: what comes next must not stand behind half a line
            raise JournalError(f"{self._path}: cannot be written: {error.strerror or error}") from None
        self._size = start + len(data)

    def _held(self) -> IO[bytes]:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        return self._file


_HEADER = json.dumps({"format": FORMAT, "version": VERSION, "plan": ""}).removesuffix('"}').encode()


def _entry(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _lock(file: IO[bytes], path: Path) -> None:
    """Lock the file until it is closed or its process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(
                0x7FFFFFFF
            )  # a byte beyond the end: the lock must not stand in the way of our own reading
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise JournalError(f"{path}: is in use by another process") from None


def _flush_directory(path: Path) -> None:
    """Have the disk know the new file's name too, where directories can be flushed."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
