"""A file of people: one a line, or a column of a table."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias, cast

from groups_sdk.access._csv_escaping import unescaped
from groups_sdk.access._people import Identity, identity_of
from groups_sdk.access._plan.columns import Field, field_named
from groups_sdk.access._reading import OpenFile, ReadableFile, is_open_file, name_of, read_text
from groups_sdk.errors import InvalidArgumentError

__all__ = ["People", "people_of", "read_people"]

People: TypeAlias = str | Iterable[str] | os.PathLike[str] | OpenFile
"""One person, several, or a file with them: its path as a `Path`, or the open file."""


_COLUMNS: tuple[Field, ...] = ("user_id", "email", "username")  # the surest first


def people_of(people: People) -> str | Iterable[str | Identity]:
    """One person, or several; those of a file, where one is given. A `str` is a person, not a path."""
    if isinstance(people, os.PathLike) or is_open_file(people):
        return read_people(people)
    return cast("str | Iterable[str | Identity]", people)


def read_people(file: ReadableFile) -> list[str | Identity]:
    """The people that a file names: in a table the columns user_id, email and username, else one person a line.

    All that a row says has to lead to the same person: a table that was sorted wrongly must not mean somebody else.

    It is a table when its name ends in .csv or its first line has one of these headings; the delimiter is a comma, a
    semicolon or a tab. In a .csv file the usual other headings count too, such as "Email Address". `file` is a path,
    or a file that is open.

    Raises `InvalidArgumentError` when it cannot be read, names nobody, or a row of a table does not say whom it means.
    """
    name = name_of(file)
    text, _ = read_text(file)
    if text.lstrip()[:1] in ("{", "["):
        raise InvalidArgumentError(
            f"{name}: expected one person per line, or a table with a column {_choices()}; this looks like JSON"
        )
    people: list[str | Identity]
    if Path(name).suffix.lower() == ".csv" or _positions(_first_line(text)):
        people = _column(name, text)
    else:
        people = [*filter(None, map(str.strip, text.splitlines()))]
    if not people:
        raise InvalidArgumentError(f"{name}: there is nobody in it")
    return people


def _column(name: str, text: str) -> list[str | Identity]:
    try:
        headings, *rows = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(_first_line(text)))
            if any(row)
        ]
    except (csv.Error, ValueError):  # ValueError: there is no row at all
        raise InvalidArgumentError(f"{name}: is not a table with a line of headings") from None
    fields = [field_named(heading) for heading in headings]
    positions = [fields.index(name) for name in _COLUMNS if name in fields]
    if not positions:
        raise InvalidArgumentError(f"{name}: none of its columns is called {_choices()}")
    people: list[str | Identity] = []
    for number, row in enumerate(rows, 1):
        cells = [unescaped(row[position]).strip() for position in positions if position < len(row)]
        said = list(dict.fromkeys(filter(None, cells)))
        if not said:
            raise InvalidArgumentError(f"{name}: row {number} has nobody in it")
        if len(said) == 1:
            people.append(said[0])
            continue
        parts = [identity_of(cell, f"{name}: row {number}") for cell in said]
        people.append(
            Identity(
                ids=tuple(id_ for part in parts for id_ in part.ids),
                names=tuple(text for part in parts for text in part.names),
                where=f"{name}: row {number}",
            )
        )
    return people


def _first_line(text: str) -> str:
    return next((line for line in io.StringIO(text, newline=None) if line.strip()), "")


def _delimiter(line: str) -> str:
    return max(",;\t", key=line.count)  # programs choose it by country


def _positions(line: str) -> list[int]:
    """Where the known headings are in a first line; none when it is a person already."""
    known = [cell.strip().strip('"').strip().lower() for cell in line.split(_delimiter(line))]
    return [known.index(name) for name in _COLUMNS if name in known]


def _choices() -> str:
    return f"{', '.join(_COLUMNS[:-1])} or {_COLUMNS[-1]}"
