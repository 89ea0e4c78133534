"""The journal of an apply: a line before each change and one after it, so that a run that was killed can be resumed.

It says what this package did, not how things are: that the API says. All work with the file is done in threads, one
piece after the other, and to its end: a task that is cancelled meanwhile loses no line. Between two sessions the file
is closed; while it is open it is locked against other runs.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Literal, overload

import anyio
import attrs

from groups_sdk.access._outcomes import Change, Outcome, Status
from groups_sdk.access._plan.journal_file import JournalFile, read_whole
from groups_sdk.access._plan.journal_lines import (
    Entries,
    Header,
    JournalEntry,
    begin_lines,
    end_line,
    parse_journal,
    parse_line,
)
from groups_sdk.access._threads import run_to_end
from groups_sdk.errors import InvalidArgumentError, JournalError

__all__ = ["Journal", "JournalEntry", "JournalRecord", "read_journal"]


class Journal:
    """The journal of one plan, at a path. A symbolic link is followed; a new file can be read by its owner only.

    Every method raises `JournalError`, which names the path: the file is that of another plan, is in use, is damaged,
    or cannot be opened, locked or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, plan_digest: str, base_url: str, group_ids: Sequence[str]
    ) -> None:
        self._header = Header(plan_digest, base_url, tuple(group_ids))
        self._file = JournalFile(path)
        self._entries = Entries(self._header)
        self._earlier: Mapping[str, JournalEntry] = MappingProxyType({})
        self._known = False  # the file is this plan's, and its lines were read
        self._one_at_a_time: anyio.CapacityLimiter | None = None  # there is one while a session lasts

    @property
    def earlier(self) -> Mapping[str, JournalEntry]:
        """What earlier runs wrote, by `Change.key`: as it was read when the file was first opened."""
        return self._earlier

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[None]:
        """Hold the file, locked. The first time its lines are read, and a new one gets its header."""
        if self._one_at_a_time is not None:
            raise RuntimeError("the journal is open already")
        self._one_at_a_time = anyio.CapacityLimiter(1)
        try:
            await self._run(self._open)
            yield
        finally:
            try:
                await self._run(self._file.close)
            finally:
                self._one_at_a_time = None

    async def begin(
        self, changes: Sequence[Change], organizations: Mapping[str, Sequence[str]] = MappingProxyType({})
    ) -> None:
        """Note that these changes are about to be sent. When it returns, the disk has it.

        `organizations` are those that a removal takes too, as text, by `Change.key`.
        """
        await self._run(lambda: self._append(begin_lines(changes, organizations)) if changes else None)

    async def end(self, outcome: Outcome, *, membership_id: str | None = None) -> None:
        """Note what came of a change, with the id of the new membership when somebody was added.

        Nothing is written where there is nothing to remember: of what an earlier run has applied, that stays so; and
        what was neither begun nor started leaves no trace.
        """
        await self._run(lambda: self._end(outcome, membership_id))

    async def _run(self, func: Callable[[], None]) -> None:
        if self._one_at_a_time is None:
            raise RuntimeError("the journal is not open")
        await run_to_end(func, self._one_at_a_time)

    def _open(self) -> None:
        self._file.open(known=self._known)
        if not self._known:
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

    def _end(self, outcome: Outcome, membership_id: str | None) -> None:
        change = outcome.change
        vain = outcome.status is Status.NOT_STARTED and not self._entries.is_open(change)
        if not vain and not self._entries.is_applied(change):
            self._append([end_line(outcome, membership_id)])

    def _append(self, texts: Sequence[bytes]) -> None:
        """Write what can be read again, and nothing else."""
        try:
            lines = [parse_line(text) for text in texts]
            for line in lines:
                self._entries.check(line)
        except InvalidArgumentError as error:
            raise JournalError(f"{self._file.path}: cannot record this: {error}") from None
        self._file.append(b"".join(texts))
        for line in lines:
            self._entries.add(line)


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
