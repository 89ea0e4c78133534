"""The rows of a desired state, from whatever it is written in: CSV, JSON, YAML, the files of a review, a mapping."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from groups_sdk.access._csv_escaping import unescaped
from groups_sdk.access._plan.columns import Columns, known_headings, meaning_of
from groups_sdk.access._reading import read_text
from groups_sdk.access._review import files
from groups_sdk.errors import ConfigurationError, InvalidArgumentError

__all__ = ["Desired", "Row", "Source", "imported_yaml", "read_source"]

Desired = Mapping[str, Any] | Iterable[Mapping[str, Any]] | str | os.PathLike[str]
"""Roles by person, rows such as `{"email": ..., "role": ...}`, or the path of a file with either."""

_HEADING = 10_000  # characters: less than what the csv module refuses
PERSON = "person"  # the key of a mapping: any identifier

_SEPARATOR_LINE = re.compile(r'"?sep=([^\r\n"])"?[ \t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_EXPECTED = (
    'expected an object that gives each person a role, a list of objects with "email" and "role", or '
    '{"groups": {...}} with one of these for each group'
)


@attrs.frozen
class Row:
    """One row as it was written. `where` names it in errors.

    `cells` are by field, and `group` is that of the section around it. `verbatim` rows are what the API said of
    people: their names are taken as they are.
    """

    where: str
    cells: Mapping[str, Any]
    group: str | None = None
    verbatim: bool = False


@attrs.define
class Source:
    """The rows, what to call their source, notes for the user, and the rows that could not be read."""

    name: str
    rows: list[Row] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)
    problems: list[str] = attrs.field(factory=list)


def read_source(desired: Desired, columns: Columns | None = None) -> Source:
    """The rows of a desired state.

    Raises `InvalidArgumentError` for what cannot be read at all, or is something else, and `ConfigurationError` for
    YAML without PyYAML. Single rows that cannot be read are the `problems` of what is returned.
    """
    if isinstance(desired, str | os.PathLike):
        return _from_file(Path(desired), columns)
    source = Source("desired")
    if isinstance(desired, Mapping):
        _add_document(source, desired, columns)
    elif isinstance(desired, Iterable) and not isinstance(desired, bytes | bytearray):
        _add_objects(source, list(desired), columns)
    else:
        raise InvalidArgumentError(f"desired must be a mapping, rows or a path; got {type(desired).__name__}")
    return source


def _from_file(path: Path, columns: Columns | None) -> Source:
    source = Source(str(path))
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        _refuse_columns(columns, source)
        _add_review(source, path)
        return source
    if suffix not in (".csv", ".tsv", ".txt", ".json", ".yaml", ".yml"):
        raise InvalidArgumentError(
            f"{path}: the name must end in .csv, .tsv, .txt, .json, .yaml, .yml or, for a review, .jsonl"
        )
    text, note = read_text(path)
    if note is not None:
        source.notes.append(note)
    if suffix in (".csv", ".tsv", ".txt"):
        _add_table(source, text, columns)
    else:
        document = _json(text, source) if suffix == ".json" else _yaml(text, source)
        _add_document(source, document, columns)
    return source


# CSV


def _add_table(source: Source, text: str, columns: Columns | None) -> None:
    delimiter, skipped, body = _delimiter(text, columns)
    lines = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, strict=True)
    fields: dict[Any, int] = {}
    width = 0
    verbatim = False
    begins = skipped + 1
    try:
        for cells in lines:
            where, begins = f"line {begins}", skipped + lines.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not fields:
                headings = [cell.strip() for cell in cells]
                with _naming(source):
                    fields, notes = meaning_of(headings, columns)
                source.notes += notes
                width = len(cells)
                verbatim = set(files.COLUMNS) <= set(headings)
                continue
            if any(cell.strip() for cell in cells[width:]):
                source.problems.append(f"{where}: has {len(cells)} cells for {width} columns")
                continue
            row: dict[str, Any] = {
                field: unescaped(cells[position]).strip()
                for field, position in fields.items()
                if position < len(cells)
            }
            source.rows.append(Row(where, row, verbatim=verbatim))
    except csv.Error as error:
        source.problems.append(f"line {begins}: {error}")
    if not fields and not source.problems:
        raise InvalidArgumentError(
            f"{source.name}: there are no columns: the first line must name email (or username or user_id) and role"
        )


def _delimiter(text: str, columns: Columns | None) -> tuple[str, int, str]:
    """The delimiter, how many lines come before the table, and the table."""
    said = _SEPARATOR_LINE.match(text)
    if said:
        return said[1], 1, text[said.end() :]
    heading = next((line for line in io.StringIO(text, newline="") if line.strip()), "")[:_HEADING]

    def fitness(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([heading], delimiter=delimiter), [])
        return known_headings(cells, columns), len(cells)

    return max(",;\t", key=fitness), 0, text  # programs choose it by country


@contextmanager
def _naming(source: Source) -> Generator[None, None, None]:
    """Put the source's name in front of what is wrong with all of it."""
    try:
        yield
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{source.name}: {error}") from None


# Documents


class _Pairs(list[tuple[Any, Any]]):
    """An object as it stands, with what it has twice."""


def _json(text: str, source: Source) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{source.name}: is not JSON: {error}") from None


def imported_yaml(name: str) -> ModuleType:
    """PyYAML, which is an extra. Raises `ConfigurationError` that says what to install."""
    try:
        return import_module("yaml")
    except ImportError:
        raise ConfigurationError(
            f'{name}: YAML needs the package PyYAML: pip install "groups-sdk[yaml]"'
        ) from None


def _yaml(text: str, source: Source) -> Any:
    yaml: Any = imported_yaml(source.name)
    try:
        loader = yaml.SafeLoader(text)
        loader.yaml_constructors = {**loader.yaml_constructors, "tag:yaml.org,2002:map": _yaml_pairs}
        return loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = (
            getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be understood"
        )
        raise InvalidArgumentError(f"{source.name}: is not YAML: {line}{problem}") from None


def _yaml_pairs(loader: Any, node: Any) -> _Pairs:
    return _Pairs(
        (loader.construct_object(key, deep=True), loader.construct_object(value, deep=True))
        for key, value in node.value
    )


def _add_document(source: Source, document: Any, columns: Columns | None) -> None:
    """Roles by person, a list of objects, or sections of these by group."""
    pairs = _pairs(document)
    if pairs is None:
        if not isinstance(document, list):
            raise InvalidArgumentError(f"{source.name}: {_EXPECTED}")
        _add_objects(source, document, columns)
        return
    if len(pairs) == 1 and pairs[0][0] == "groups" and (sections := _pairs(pairs[0][1])) is not None:
        for group, section in sections:
            if not isinstance(group, str) or not group.strip():
                source.problems.append("a group must be named by its name or id")
            else:
                _add_section(source, section, columns, group.strip())
        return
    _add_section(source, document, columns, None)


def _add_section(source: Source, section: Any, columns: Columns | None, group: str | None) -> None:
    pairs = _pairs(section)
    if pairs is None and isinstance(section, list):
        _add_objects(source, section, columns, group)
        return
    if pairs is None or any(isinstance(role, list | tuple | Mapping) for _, role in pairs):
        raise InvalidArgumentError(f"{source.name}: {_EXPECTED}")
    _refuse_columns(columns, source)
    for number, (person, role) in enumerate(pairs, 1):
        where = f"entry {number}" if isinstance(section, _Pairs) else repr(person)
        cells = {PERSON: person, "role": role}
        source.rows.append(Row(_in_group(group, where), cells, group))


def _add_objects(
    source: Source, entries: list[Any], columns: Columns | None, group: str | None = None
) -> None:
    """A list of objects, as a table whose headings are all of their keys."""
    objects: list[tuple[str, dict[str, Any]]] = []
    for number, entry in enumerate(entries, 1):
        where = _in_group(group, f"entry {number}")
        pairs = _pairs(entry)
        if pairs is None or not all(isinstance(key, str) for key, _ in pairs):
            source.problems.append(f'{where}: must be an object with "email" (or "user_id") and "role"')
            continue
        cells = dict(pairs)
        if len(cells) != len(pairs):
            source.problems.append(f"{where}: has one key twice")
            continue
        objects.append((where, cells))
    headings = list(dict.fromkeys(key for _, cells in objects for key in cells))
    if not headings:
        source.problems += [f"{where}: is empty" for where, _ in objects]
        return
    with _naming(source):
        fields, notes = meaning_of(headings, columns, noun="key")
    source.notes += [note for note in notes if note not in source.notes]
    for where, cells in objects:
        row: dict[str, Any] = {
            field: cells[headings[position]]
            for field, position in fields.items()
            if headings[position] in cells
        }
        source.rows.append(Row(where, row, group))


def _pairs(thing: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(thing, _Pairs):
        return thing
    return list(thing.items()) if isinstance(thing, Mapping) else None


def _in_group(group: str | None, where: str) -> str:
    return where if group is None else f"group {group!r}, {where}"


def _refuse_columns(columns: Columns | None, source: Source) -> None:
    if columns:
        raise InvalidArgumentError(f"{source.name}: columns is for tables and lists of objects only")


# Reviews


def _add_review(source: Source, path: Path) -> None:
    group, _, _, members = files.read_jsonl(path)
    for number, member in enumerate(members, 2):
        membership = member.membership
        cells = {
            "email": membership.user.email,
            "username": membership.user.username,
            "user_id": membership.user.id,
            "membership_id": membership.id,
            "role_id": membership.role.id,
            "role": membership.role.name,
        }
        source.rows.append(Row(f"line {number}", cells, group.id, verbatim=True))
