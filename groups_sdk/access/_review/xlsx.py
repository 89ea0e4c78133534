"""A review as an Excel workbook in which every cell is text."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from groups_sdk.access._csv_escaping import escaped
from groups_sdk.access._review.audit_report import (
    SIGN_OFF_COLUMNS,
    SIGNATURE_LINES,
    SORTED,
    AuditReport,
    Since,
    role_of,
)
from groups_sdk.access._review.files import cells_of, columns_of
from groups_sdk.access._review.member import ReviewedMember
from groups_sdk.access._writing import opened_to_write_bytes
from groups_sdk.errors import ConfigurationError, FileAccessError, InvalidArgumentError

__all__ = ["imported_xlsxwriter", "write_xlsx"]

MOST_ROWS = 1_048_576
MOST_CHARACTERS = 32_767  # of a cell, in UTF-16
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_WIDTHS = {
    "organizations": 50,
    "email": 34,
    "username": 34,
    "name": 24,
    "what_changed": 60,
    "comment": 40,
    "problem": 60,
}
_CHUNK = 1 << 20


def imported_xlsxwriter(path: str | os.PathLike[str]) -> ModuleType:
    """XlsxWriter, which is an extra. Raises `ConfigurationError` that says what to install."""
    try:
        return import_module("xlsxwriter")
    except ImportError:
        raise ConfigurationError(
            f'{os.fspath(path)}: Excel workbooks need the package XlsxWriter: pip install "groups-sdk[xlsx]"'
        ) from None


def write_xlsx(path: str | os.PathLike[str], report: AuditReport) -> None:
    """Write the workbook, whole or not at all.

    It is made in a directory of its own that only its owner can read, and that is gone afterwards: XlsxWriter keeps
    the rows in files until it has all of them.
    """
    xlsxwriter = imported_xlsxwriter(path)
    differences = list(_differences(report.since)) if report.since is not None else None
    for rows in (len(report.members), len(differences or ())):
        if rows >= MOST_ROWS:
            raise InvalidArgumentError(
                f"{os.fspath(path)}: a sheet has no room for {rows:,} rows below its headings, only for "
                f"{MOST_ROWS - 1:,}: write CSV instead"
            )
    with opened_to_write_bytes(path) as write, tempfile.TemporaryDirectory() as directory:
        made = Path(directory, "review.xlsx")
        try:
            with xlsxwriter.Workbook(str(made), {**_OPTIONS, "tmpdir": directory}) as workbook:
                _fill(_Sheets(workbook), report, differences)
        except (OSError, xlsxwriter.exceptions.FileCreateError) as error:
            raise FileAccessError(
                f"{os.fspath(path)}: cannot be written: {error}", path=os.fspath(path)
            ) from error
        with made.open("rb") as file:
            while chunk := file.read(_CHUNK):
                write(chunk)


def _fill(sheets: _Sheets, report: AuditReport, differences: list[list[str]] | None) -> None:
    orgs = report.org_memberships
    members, totals = sheets.add("Members"), sheets.add("Totals")
    columns = [*columns_of(org_memberships=orgs), *_sign_off_columns(report)]
    sheets.fill(members, columns, (cells_of(member, org_memberships=orgs) for member in report.members))
    if report.unreadable:
        unreadable = ([problem.id or "", problem.path, problem.message] for problem in report.unreadable)
        sheets.fill(sheets.add("Not readable"), _UNREADABLE_COLUMNS, unreadable)
    if differences is not None:
        sheets.fill(sheets.add("Differences"), _DIFFERENCE_COLUMNS, differences)
    totals.set_column(1, 1, 60)
    sheets.fill(totals, [report.title], _totals(sheets, report))


def _sign_off_columns(report: AuditReport) -> list[str]:
    return [column.lower() for column in SIGN_OFF_COLUMNS] if report.sign_off else []


def _totals(sheets: _Sheets, report: AuditReport) -> Iterator[list[str]]:
    """Written last: it says how many cells of the other sheets were cut."""
    yield from map(list, report.facts.items())
    yield ["Sorted", SORTED]
    yield ["Cells cut because they are too long for a workbook", str(sheets.cut)]
    yield []
    for name, figure in report.figures.items():
        yield [name, str(figure)]
    for title, counts in report.breakdowns.items():
        yield []
        yield [title, "Members"]
        for name, count in counts.items():
            yield [name, str(count)]
        yield ["Sum", str(sum(counts.values()))]
    if report.since is not None:
        diff = report.since.diff
        yield []
        yield ["Since the review of", report.since.reviewed]
        yield ["Members then", str(report.since.members)]
        yield ["Added", str(len(diff.added))]
        yield ["Removed", str(len(diff.removed))]
        yield ["Changed", str(len(diff.changed))]
        yield ["Organizations not compared", str(len(diff.orgs_unknown))]
        if diff.unreadable:
            yield ["Records not readable, and not compared", str(len(diff.unreadable))]
    if report.sign_off:
        yield []
        yield ["Sign-off", "I have reviewed the access listed in this report."]
        yield from ([line] for line in SIGNATURE_LINES)


_UNREADABLE_COLUMNS = ["id", "path", "problem"]
_DIFFERENCE_COLUMNS = [
    "change",
    "membership_id",
    "user_id",
    "email",
    "name",
    "username",
    "role",
    "what_changed",
]


def _differences(since: Since) -> Iterator[list[str]]:
    diff = since.diff
    yield from (_difference("added", member) for member in diff.added)
    yield from (_difference("removed", member) for member in diff.removed)
    yield from (_difference("changed", c.after, "; ".join(c.details)) for c in diff.changed)
    yield from (_difference("organizations not compared", member) for member in diff.orgs_unknown)


def _difference(change: str, member: ReviewedMember, details: str = "") -> list[str]:
    m = member.membership
    texts = (m.user.email, m.user.name, m.user.username)
    return [change, m.id, m.user.id, *(text or "" for text in texts), role_of(member), details]


class _Sheets:
    """The sheets of a workbook, written row by row, and how many cells had to be cut."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._bold = workbook.add_format({"bold": True})
        self.cut = 0

    def add(self, name: str) -> Any:
        """A new sheet behind the others."""
        sheet = self._workbook.add_worksheet(name)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer("&L&A&RPage &P of &N")
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        return sheet

    def fill(self, sheet: Any, columns: list[str], rows: Iterable[Iterable[str]]) -> None:
        """Write the rows below headings that stay in view and that rows can be filtered by."""
        number = 0
        for number, row in enumerate(itertools.chain([columns], rows)):
            for column, text in enumerate(row):
                if text:
                    sheet.write_string(number, column, self._cell(text), None if number else self._bold)
        for column, name in enumerate(columns):
            sheet.set_column(column, column, _WIDTHS.get(name, 20))
        sheet.freeze_panes(1, 0)
        if len(columns) > 1:  # not below a title
            sheet.autofilter(0, 0, number, len(columns) - 1)

    def _cell(self, text: str) -> str:
        """The text as the CSV has it, and cut where a cell is too small for it."""
        text = escaped(text).encode("utf-8", "replace").decode()
        if 2 * len(text) <= MOST_CHARACTERS:
            return text
        units = len(text.encode("utf-16-le")) // 2
        if units <= MOST_CHARACTERS:
            return text
        self.cut += 1
        note = f" [cut: {units:,} characters]"
        room = 2 * (MOST_CHARACTERS - len(note))
        return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + note
