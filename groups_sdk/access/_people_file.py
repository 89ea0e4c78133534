"""A file of people: one a line, or a column of a table."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from groups_sdk.access._csv_escaping import unescaped
from groups_sdk.access._reading import read_text
from groups_sdk.errors import InvalidArgumentError

__all__ = ["read_people"]

_COLUMNS = ("user_id", "email", "username")  # the surest first


def read_people(path: str | os.PathLike[str]) -> list[str]:
    """The people that a file names: in a CSV file the column user_id, email or username, else one person a line.

    Raises `InvalidArgumentError` when it cannot be read, names nobody, or a row of a table does not say whom it means.
    """
    file = Path(path)
    text, _ = read_text(file)
    if file.suffix.lower() == ".csv":
        people = _column(file, text)
    else:
        people = [line.strip() for line in text.splitlines() if line.strip()]
    if not people:
        raise InvalidArgumentError(f"{file}: names nobody")
    return people


def _column(file: Path, text: str) -> list[str]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # programs choose it by country
    try:
        headings, *rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)
        ]
    except (csv.Error, ValueError):  # ValueError: there is no row at all
        raise InvalidArgumentError(f"{file}: is no table with a line of headings") from None
    known = [heading.strip().lower() for heading in headings]
    positions = [known.index(name) for name in _COLUMNS if name in known]
    if not positions:
        raise InvalidArgumentError(
            f"{file}: none of its columns is called {', '.join(_COLUMNS[:-1])} or {_COLUMNS[-1]}"
        )
    people: list[str] = []
    for number, row in enumerate(rows, 1):
        cells = [unescaped(row[position]).strip() for position in positions if position < len(row)]
        person = next(filter(None, cells), None)
        if person is None:
            raise InvalidArgumentError(f"{file}: row {number} names nobody")
        people.append(person)
    return people
