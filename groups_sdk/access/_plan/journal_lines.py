"""What the lines of a journal say. No file is touched here.

The first line is the header: the format, and the plan by its digest, base URL and groups. A "begin" line is written
before a change is sent, an "end" line when its outcome is known; both carry the whole change. A change with a "begin"
and no "end" may have been applied. A last line without a line break was never acted upon: it does not count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from groups_sdk.access._change_documents import change_document, read_change
from groups_sdk.access._documents import Reader
from groups_sdk.access._outcomes import Change, Outcome, Status
from groups_sdk.errors import InvalidArgumentError, JournalError

__all__ = ["Entries", "Header", "JournalEntry", "begin_lines", "end_line", "parse_journal", "parse_line"]

FORMAT = "groups_sdk.journal"
VERSION = 2
_NOT_DONE = (Status.FAILED, Status.NOT_STARTED)


@attrs.frozen(kw_only=True)
class JournalEntry:
    """What a journal says of one change.

    `begun` is True when the change may have been sent, `status` what came of it: None when no end was written, so
    that it may have been applied. `error` is the text of the outcome's error, `membership_id` the new membership of a
    member that was added, where it is known. `organizations` are those that a removal was about to take as well, as
    text; None where they are not known. `at` is when it was begun or, when it never was, when it ended.
    """

    change: Change
    at: datetime
    begun: bool
    status: Status | None = None
    error: str | None = None
    membership_id: str | None = None
    organizations: tuple[str, ...] | None = None


@attrs.frozen
class Header:
    """The plan that a journal belongs to. Without `group_ids` it may be about any group."""

    plan_digest: str
    base_url: str
    group_ids: tuple[str, ...]

    def line(self) -> bytes:
        return _line(
            {
                "format": FORMAT,
                "version": VERSION,
                "plan_digest": self.plan_digest,
                "base_url": self.base_url,
                "group_ids": list(self.group_ids),
                "at": _now().isoformat(),
            }
        )

    def difference(self, found: Header) -> str | None:
        """In what a journal with the header `found` is not this plan's; None when it is."""
        if found.plan_digest != self.plan_digest:
            return (
                f"belongs to another plan: its digest is {found.plan_digest}, this plan's {self.plan_digest}"
            )
        if found.base_url != self.base_url:
            return f"belongs to another API: its base URL is {found.base_url}, this one's {self.base_url}"
        if _same_ids(found.group_ids) != _same_ids(self.group_ids):
            its, ours = ", ".join(found.group_ids), ", ".join(self.group_ids)
            return f"belongs to other groups: it is for {its}, this plan for {ours}"
        return None


@attrs.frozen(kw_only=True)
class Line:
    """A line after the header: a change is about to be sent (`status` is None), or it has its outcome."""

    change: Change
    at: datetime
    status: Status | None = None
    error: str | None = None
    membership_id: str | None = None
    organizations: tuple[str, ...] | None = None


class Entries:
    """What the lines say so far, by `Change.key`, in the order in which changes were last begun."""

    def __init__(self, header: Header) -> None:
        self._groups = _same_ids(header.group_ids)
        self.by_key: dict[str, JournalEntry] = {}

    def check(self, line: Line) -> None:
        """Raises `InvalidArgumentError` when the line cannot follow on what there is."""
        if self.is_applied(line.change):  # nothing that comes later can make that undone
            raise InvalidArgumentError(f"{line.change}: was applied already")
        if self._groups and line.change.group_id.lower() not in self._groups:
            raise InvalidArgumentError(
                f"{line.change}: is about the group {line.change.group_id}, which is not the plan's"
            )

    def add(self, line: Line) -> None:
        key = line.change.key
        if line.status is None:
            self.by_key.pop(key, None)
            self.by_key[key] = JournalEntry(
                change=line.change, at=line.at, begun=True, organizations=line.organizations
            )
            return
        before = self.by_key.get(key)
        self.by_key[key] = JournalEntry(
            change=line.change if before is None else before.change,
            at=line.at if before is None else before.at,
            begun=before is not None and before.begun and before.status not in _NOT_DONE,
            status=line.status,
            error=line.error,
            membership_id=line.membership_id,
            organizations=None if before is None else before.organizations,
        )

    def is_applied(self, change: Change) -> bool:
        entry = self.by_key.get(change.key)
        return entry is not None and entry.status is Status.APPLIED

    def is_open(self, change: Change) -> bool:
        """Whether it was begun, and has not ended."""
        entry = self.by_key.get(change.key)
        return entry is not None and entry.status is None


def begin_lines(changes: Sequence[Change], organizations: Mapping[str, Sequence[str]]) -> list[bytes]:
    """One line for each change that is about to be sent. `organizations` are those that go too, by `Change.key`."""
    at = _now().isoformat()
    return [
        _line(
            {
                "event": "begin",
                "at": at,
                "change": change_document(change),
                "organizations": list(organizations[change.key]) if change.key in organizations else None,
            }
        )
        for change in changes
    ]


def end_line(outcome: Outcome, membership_id: str | None) -> bytes:
    """The line of a change that has its outcome."""
    return _line(
        {
            "event": "end",
            "at": _now().isoformat(),
            "status": outcome.status.value,
            "error": None if outcome.error is None else str(outcome.error),
            "membership_id": membership_id,
            "change": change_document(outcome.change),
        }
    )


def parse_line(text: bytes) -> Line:
    """Raises `InvalidArgumentError` when it is not one that this module made."""
    reader = Reader(_object(text), "the line")
    change, at = read_change(reader.inner("change")), reader.moment("at")
    event = reader.take("event", str)
    if event == "begin":
        orgs = reader.take("organizations", list, None)
        return Line(change=change, at=at, organizations=None if orgs is None else tuple(map(str, orgs)))
    status = reader.take("status", str)
    if event != "end" or status not in set(Status):
        raise InvalidArgumentError("the line says neither begin nor end")
    return Line(
        change=change,
        at=at,
        status=Status(status),
        error=reader.maybe("error"),
        membership_id=reader.maybe("membership_id"),
    )


def parse_journal(content: bytes, path: object) -> tuple[Header, Entries, int] | None:
    """The header, the entries, and how many bytes are whole lines. None when not even the first line is whole.

    Raises `JournalError` when this is no journal of this format, or a line is damaged.
    """
    whole, newline, torn = content.rpartition(b"\n")
    lines = whole.split(b"\n") if newline else []
    if not lines:
        if torn.startswith(_OLD_START):
            raise JournalError(_of_version(path, 1))
        if not _START.startswith(torn[: len(_START)]):
            raise JournalError(f"{path}: is not a journal; it was not touched")
        return None
    header = _header(lines[0], path)
    entries = Entries(header)
    for number, text in enumerate(lines[1:], 2):
        try:
            line = parse_line(text)
            entries.check(line)
            entries.add(line)
        except InvalidArgumentError:
            raise JournalError(f"{path}: line {number} is damaged; nothing was done") from None
    return header, entries, len(whole) + 1


def _header(line: bytes, path: object) -> Header:
    document = _object(line)
    if document.get("format") != FORMAT:
        raise JournalError(f"{path}: is not a journal; it was not touched")
    if document.get("version") != VERSION:
        raise JournalError(_of_version(path, document.get("version")))
    reader = Reader(document, "line 1")
    try:
        group_ids = reader.take("group_ids", list)
        header = Header(reader.take("plan_digest", str), reader.take("base_url", str), tuple(group_ids))
    except InvalidArgumentError:
        header = None
    if header is None or not all(type(group_id) is str for group_id in header.group_ids):
        raise JournalError(f"{path}: line 1 is damaged; nothing was done")
    return header


def _of_version(path: object, version: object) -> str:
    if type(version) is int and version < VERSION:
        return (
            f"{path}: was written by an older version of groups_sdk (format {version}): "
            "finish it with that version, or start a new journal"
        )
    return (
        f"{path}: was written by another version of groups_sdk (format {version}, this one reads {VERSION}): "
        "finish it with that version, or start a new journal"
    )


def _object(line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


def _same_ids(ids: Sequence[str]) -> frozenset[str]:
    return frozenset(id_.lower() for id_ in ids)


def _now() -> datetime:
    return datetime.now(UTC)


_START = json.dumps({"format": FORMAT, "version": VERSION, "plan_digest": ""}).removesuffix('"}').encode()
_OLD_START = json.dumps({"format": FORMAT, "version": 1})[:-1].encode()
