"""The journal of an apply: a line before each change and one after it, so that a run that was killed can be resumed.

It says what this package did, not how things are: that the API says. All work with the file is done in threads, one
piece after the other, and to its end: a task that is cancelled meanwhile loses no line. What is to be noted while the
disk is busy waits, and is then written together. Between two sessions the file is closed; while it is open it is locked
against other runs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import Literal, overload

import anyio
import anyio.to_thread
import attrs

from groups_sdk.access._outcomes import Change, Outcome, Status
from groups_sdk.access._plan.journal_file import JournalFile, read_whole
from groups_sdk.access._plan.journal_lines import (
    Entries,
    Header,
    JournalEntry,
    Line,
    begin_lines,
    end_line,
    parse_journal,
    parse_line,
)
from groups_sdk.access._threads import run_to_end, wait_to_end
from groups_sdk.errors import InvalidArgumentError, JournalError

__all__ = ["Journal", "JournalEntry", "JournalRecord", "read_journal"]


class Journal:
    """The journal of one plan, at a path. A symbolic link is followed; a new file can be read by its owner only.

    `plan_digest` may be a function, which is called in a thread. Every method raises `JournalError`, which names the
    path: the file is that of another plan, is in use, is damaged, or cannot be opened, locked or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        plan_digest: str | Callable[[], str],
        base_url: str,
        group_ids: Sequence[str],
    ) -> None:
        self._plan_digest = plan_digest
        self._header = Header("", base_url, tuple(group_ids))  # whose digest is known when the file is opened
        self._file = JournalFile(path)
        self._entries = Entries(self._header)
        self._earlier: Mapping[str, JournalEntry] = MappingProxyType({})
        self._known = False  # the file is this plan's, and its lines were read
        self._threads: anyio.CapacityLimiter | None = None  # there is one while a session lasts
        self._lock = anyio.Lock()
        self._waiting: list[_Note] = []
        self._writing = threading.Lock()  # a loop that ends may leave a thread behind

    @property
    def earlier(self) -> Mapping[str, JournalEntry]:
        """What earlier runs wrote, by `Change.key`: as it was read when the file was first opened."""
        return self._earlier

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[None]:
        """Hold the file, locked. The first time its lines are read, and a new one gets its header."""
        if self._threads is not None:
            raise RuntimeError("the journal is open already")
        threads = anyio.CapacityLimiter(1)  # of its own: it must not wait for what others do in threads
        self._threads = threads
        self._lock = anyio.Lock()
        try:
            await run_to_end(self._open, threads)
            yield
        finally:
            try:
                await run_to_end(self._file.close, threads)
            finally:
                self._threads = None

    async def begin(
        self, changes: Sequence[Change], organizations: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> None:
        """Note that these changes are about to be sent. When it returns, the disk has it.

        `organizations` are those that a removal takes too, as text, by `Change.key`.
        """
        if changes:
            await self._note(lambda: begin_lines(changes, organizations))

    async def end(self, outcome: Outcome, *, membership_id: str | None = None) -> None:
        """Note what came of a change, with the id of the new membership when somebody was added.

        Nothing is written where there is nothing to remember: of what an earlier run has applied, that stays so; and
        what was neither begun nor started leaves no trace.
        """
        await self._note(lambda: self._end_lines(outcome, membership_id))

    async def _note(self, lines: Callable[[], Sequence[bytes]]) -> None:
        """Have the disk know these lines. All that waits while it is busy is written together.

        No two of them that wait at the same time are about one change.
        """
        threads = self._threads
        if threads is None:
            raise RuntimeError("the journal is not open")
        note = _Note(lines)
        self._waiting.append(note)

        async def write() -> None:
            async with self._lock:
                if not note.done:  # nobody has written it on the way
                    notes, self._waiting = self._waiting, []
                    await anyio.to_thread.run_sync(partial(self._write, notes), limiter=threads)

        await wait_to_end(write)
        error, note.error = note.error, None
        if error is None and not note.done:
            error = JournalError(
                f"{self._file.path}: cannot be written: it was to be written with what failed"
            )
        if error is not None:
            try:
                raise error
            finally:
                del error  # which refers to this frame

    def _open(self) -> None:
        self._file.open(known=self._known)
        if not self._known:
            digest = self._plan_digest if isinstance(self._plan_digest, str) else self._plan_digest()
            self._header = attrs.evolve(self._header, plan_digest=digest)
            self._read()
            self._known = True

    def _read(self) -> None:
        found = parse_journal(self._file.read(), self._file.path)
        if found is None:
            self._file.cut(0)
            self._file.append(self._header.line(), new=True)
            return
        header, entries, size = found
        difference = self._header.difference(header)
        if difference is not None:
            raise JournalError(f"{self._file.path}: {difference}")
        self._file.cut(size)
        self._entries = entries
        self._earlier = MappingProxyType(dict(entries.by_key))

    def _end_lines(self, outcome: Outcome, membership_id: str | None) -> Sequence[bytes]:
        change = outcome.change
        vain = outcome.status is Status.NOT_STARTED and not self._entries.is_open(change)
        return [] if vain or self._entries.is_applied(change) else [end_line(outcome, membership_id)]

    def _write(self, notes: Sequence[_Note]) -> None:
        """Write what can be read again, and nothing else. What fails for all together is tried one by one."""
        with self._writing:
            for note in notes:
                self._prepare(note)
            good = [note for note in notes if note.error is None and note.texts]
            if not self._append(good) and len(good) > 1:
                for note in good:
                    note.error = None
                    self._append([note])
            for note in notes:
                note.done = True

    def _prepare(self, note: _Note) -> None:
        try:
            note.texts = note.make()
            note.lines = [parse_line(text) for text in note.texts]
            for line in note.lines:
                self._entries.check(line)
        except InvalidArgumentError as error:
            note.error = JournalError(f"{self._file.path}: cannot record this: {error}")

    def _append(self, notes: Sequence[_Note]) -> bool:
        """Whether the disk has them."""
        try:
            if notes:
                self._file.append(b"".join(text for note in notes for text in note.texts))
        except JournalError as error:
            for note in notes:
                note.error = error
            return False
        for note in notes:
            for line in note.lines:
                self._entries.add(line)
        return True


@attrs.define
class _Note:
    """Lines that somebody waits for: they are made and written by whoever gets to the file first."""

    make: Callable[[], Sequence[bytes]]
    texts: Sequence[bytes] = ()
    lines: Sequence[Line] = ()
    done: bool = False
    error: JournalError | None = None


@attrs.frozen(kw_only=True)
class JournalRecord:
    """What is in a journal: of which plan, and the changes in the order in which they were last begun."""

    plan_digest: str
    base_url: str
    group_ids: tuple[str, ...]
    entries: tuple[JournalEntry, ...]


@overload
def read_journal(path: str | os.PathLike[str], *, begun: Literal[True] = True) -> JournalRecord: ...
@overload
def read_journal(path: str | os.PathLike[str], *, begun: Literal[False]) -> JournalRecord | None: ...
def read_journal(path: str | os.PathLike[str], *, begun: bool = True) -> JournalRecord | None:
    """Read a journal, and change nothing; no lock is needed. It blocks.

    Raises `JournalError` when there is none at the path, it is damaged, or with `begun`
    it has no complete line.
    """
    found = parse_journal(read_whole(path), path)
    if found is None and not begun:
        return None
    if found is None:
        raise JournalError(f"{os.fspath(path)}: has no complete line yet: nothing was started")
    header, entries, _ = found
    return JournalRecord(
        plan_digest=header.plan_digest,
        base_url=header.base_url,
        group_ids=header.group_ids,
        entries=tuple(entries.by_key.values()),
    )
