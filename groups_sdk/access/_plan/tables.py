"""Desired states as tables: CSV with whatever delimiter, and plain lists with one person a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from groups_sdk.access._csv_escaping import unescaped
from groups_sdk.access._plan.columns import Columns, known_headings
from groups_sdk.access._plan.rows import PERSON, Source
from groups_sdk.access._roles import is_uuid

__all__ = ["add_table", "delimiter_of", "has_known_heading"]

_HEADING = 10_000  # characters: less than what the csv module refuses
_SEPARATOR_LINE = re.compile(r'"?sep=([^\r\n"])"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


def has_known_heading(text: str, columns: Columns | None) -> bool:
    """Whether the text begins as a table does: with the delimiter, or with a heading that means something."""
    delimiter, skipped, body = delimiter_of(text, columns)
    return bool(skipped) or known_headings(_first_cells(body, delimiter), columns) > 0


def add_table(source: Source, text: str) -> None:
    """Add the rows of a table, or the people of a plain list."""
    delimiter, skipped, body = delimiter_of(text, source.columns)
    if not skipped and _is_list(_first_cells(body, delimiter), source.columns):
        _add_list(source, body, delimiter)
        return
    fields: dict[Any, int] = {}
    width = 0
    verbatim = False
    for where, cells in _lines(source, body, delimiter, skipped):
        if not fields:
            fields, verbatim = source.fields_of([cell.strip() for cell in cells], noun="column")
            width = len(cells)
        elif any(cell.strip() for cell in cells[width:]):
            source.problems.append(f"{where}: has {len(cells)} cells for {width} columns")
        else:
            row = {
                field: unescaped(cells[position]).strip()
                for field, position in fields.items()
                if position < len(cells)
            }
            source.add(where, row, verbatim=verbatim)
    if not fields and not source.problems:
        raise source.refuse(
            "there are no columns: the first line must name email (or username or user_id) and role"
        )


def _add_list(source: Source, body: str, delimiter: str) -> None:
    if source.role is None:
        raise source.refuse(
            "is a list of people without roles: say in role= which one they are all to have, or write a table with "
            "the columns email and role"
        )
    for where, cells in _lines(source, body, delimiter, 0):
        if any(cell.strip() for cell in cells[1:]):
            source.problems.append(
                f"{where}: has {len(cells)} cells, and the lines before have one person each"
            )
        else:
            source.add(where, {PERSON: unescaped(cells[0]).strip()})


def _lines(source: Source, body: str, delimiter: str, skipped: int) -> Iterator[tuple[str, list[str]]]:
    """The lines that are not blank, each with its number: that of the line where it begins."""
    lines = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    begins = skipped + 1
    try:
        for cells in lines:
            where, begins = f"line {begins}", skipped + lines.line_num + 1
            if any(cell.strip() for cell in cells):
                yield where, cells
    except csv.Error as error:
        source.problems.append(f"line {begins}: {error}")


def _is_list(cells: Sequence[str], columns: Columns | None) -> bool:
    """Whether a first line is a person already: an address or an id, and no heading."""
    people = [cell.strip() for cell in cells if cell.strip()]
    if columns or len(people) != 1 or known_headings(cells, None):
        return False
    return "@" in people[0] or is_uuid(people[0])


def delimiter_of(text: str, columns: Columns | None) -> tuple[str, int, str]:
    """The delimiter, how many lines come before the table, and the table."""
    said = _SEPARATOR_LINE.match(text)
    if said:
        return said[1], 1, text[said.end() :]

    def fitness(delimiter: str) -> tuple[int, int]:
        cells = _first_cells(text, delimiter)
        return known_headings(cells, columns), len(cells)

    return max(",;\t", key=fitness), 0, text  # programs choose it by country


def _first_cells(text: str, delimiter: str) -> list[str]:
    heading = next((line for line in io.StringIO(text, newline="") if line.strip()), "")[:_HEADING]
    return next(csv.reader([heading], delimiter=delimiter), [])
