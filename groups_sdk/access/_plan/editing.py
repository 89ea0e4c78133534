"""One row of a file with a desired state, changed or added, while all else in the file stays as it is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from groups_sdk.access._csv_escaping import escaped
from groups_sdk.access._plan.columns import Columns, Field, meaning_of
from groups_sdk.access._plan.tables import delimiter_of
from groups_sdk.access._review.files import FORMAT
from groups_sdk.errors import InvalidArgumentError

__all__ = ["END_FIELDS", "CellsOf", "edited_json", "edited_json_lines", "edited_table"]

CellsOf: TypeAlias = Callable[[Collection[Field]], Mapping[Field, str]]
"""The cells of the row, of the fields that the file has. A cell that is "" is emptied."""

END_FIELDS: tuple[Field, ...] = ("until", "then", "then_id")  # columns that a file gets, where it has none
_FIRST: tuple[Field, ...] = ("email", "user_id", "role")  # the keys in a list that was empty
_REVIEW = "is a review, which says how things were: use a file from an export"
_BLANKS = re.compile(r"[ \t\r\n]*")
_decoder = json.JSONDecoder()


def edited_table(text: str, columns: Columns | None, row: int | None, cells_of: CellsOf) -> str:
    """The text of a table with its row of that number, counted from 0, changed; or with a new one at the end.

    Delimiter, line ends, order and other columns stay; where all headings are in quotation marks, new cells are too.
    """
    delimiter, _, body = delimiter_of(text, columns)
    lines = [*io.StringIO(body, newline="")]
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    records: list[tuple[str, list[str]]] = []
    begins = 0
    for cells in reader:
        records.append(("".join(lines[begins : reader.line_num]), cells))
        begins = reader.line_num
    heading = next(number for number, (_, cells) in enumerate(records) if _is_filled(cells))
    raw, headings = records[heading]
    fields, _ = meaning_of([cell.strip() for cell in headings], columns)
    added: list[Field] = [field for field in END_FIELDS if field not in fields]
    positions: dict[Field, int] = dict(fields)
    for number, field in enumerate(added):
        positions[field] = len(headings) + number
    quoted = raw.count('"') >= 2 * len(headings)
    values = {positions[field]: escaped(value) for field, value in cells_of(positions).items()}
    width = len(headings) + len(added)

    def line(cells: Sequence[str]) -> str:
        written = io.StringIO(newline="")
        csv.writer(
            written,
            delimiter=delimiter,
            quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL,
            lineterminator="\r\n",  # before Python 3.13, cells are quoted for the line breaks in this only
        ).writerow(cells)
        return written.getvalue().removesuffix("\r\n")

    def changed(cells: Sequence[str]) -> str:
        padded = [*cells, *[""] * width][:width]
        return line([values.get(position, cell) for position, cell in enumerate(padded)])

    def widened(raw: str, cells: Sequence[str]) -> str:
        if not added:
            return raw
        if len(cells) > len(headings):  # with empty cells at the end
            return line([*cells[: len(headings)], *[""] * len(added)])
        return raw + delimiter * (width - len(cells))

    found = [text[: len(text) - len(body)]]
    number = -1
    for position, (raw, cells) in enumerate(records):
        content = raw.rstrip("\r\n")
        end = raw[len(content) :]
        if position == heading:
            content = delimiter.join([content, *(f'"{field}"' if quoted else field for field in added)])
        elif position > heading and _is_filled(cells):
            number += 1
            content = changed(cells) if number == row else widened(content, cells)
        found.append(content + end)
    if row is None:
        end = records[heading][0][len(records[heading][0].rstrip("\r\n")) :] or "\n"
        found.append(("" if found[-1].endswith(("\r", "\n")) else end) + changed([]) + end)
    return "".join(found)


def _is_filled(cells: Sequence[str]) -> bool:
    return any(cell.strip() for cell in cells)


def edited_json_lines(text: str, columns: Columns | None, row: int | None, cells_of: CellsOf) -> str:
    """The text of JSON lines with its row of that number changed, or with a new one at the end."""
    lines = re.split(r"(\r\n|\r|\n)", text)
    filled = [number for number in range(0, len(lines), 2) if lines[number].strip()]
    entries = [json.loads(lines[number]) for number in filled]
    if entries and entries[0].get("format") == FORMAT:
        raise InvalidArgumentError(_REVIEW)
    if row is None:
        added = _dumped(_changed({}, entries, columns, cells_of), text, "", "")
        end = lines[1] if len(lines) > 1 else "\n"
        return text + ("" if not text or text.endswith(("\r", "\n")) else end) + added + end
    lines[filled[row]] = _dumped(_changed(entries[row], entries, columns, cells_of), text, "", "")
    return "".join(lines)


@attrs.frozen
class _Span:
    """A value in a JSON text, from `start` to `end`."""

    start: int
    end: int
    value: Any


@attrs.frozen
class _Section:
    """The rows of a list of objects; None where it is an object that gives people roles. `group` names its group."""

    group: str | None
    start: int
    end: int
    entries: list[_Span] | None
    rows: int


def edited_json(
    text: str, columns: Columns | None, row: int | None, cells_of: CellsOf, is_group: Callable[[str], bool]
) -> str:
    """The text of a JSON document with its row of that number changed, or with a new one in the list of its group.

    Raises `InvalidArgumentError` where there is no list of objects for it.
    """
    section, row = _section_of(row, [*_sections(text)], is_group)
    if section.entries is None:
        raise InvalidArgumentError(
            "gives each person a role, and a role has no room for its end: make it a list of objects such as "
            '{"email": ..., "role": ..., "until": ..., "then": ...}'
        )
    entries = [entry.value for entry in section.entries]
    if row is not None:
        span = section.entries[row]
        written = _dumped(
            _changed(span.value, entries, columns, cells_of), text, *_layout(text, span.start, span.end)
        )
        return text[: span.start] + written + text[span.end :]
    changed = _changed({}, entries, columns, cells_of)
    if not section.entries:
        return text[: section.start + 1] + _dumped(changed, text, "", "") + text[section.end - 1 :]
    first, last = section.entries[0], section.entries[-1]
    between = text[section.start + 1 : first.start] or " "
    written = _dumped(changed, text, *_layout(text, last.start, last.end))
    return f"{text[: last.end]},{between}{written}{text[last.end :]}"


def _section_of(
    row: int | None, sections: Sequence[_Section], is_group: Callable[[str], bool]
) -> tuple[_Section, int | None]:
    """The section of a row, and its number there; or the one that a new row belongs to."""
    for section in sections:
        if row is None:
            if section.group is None or is_group(section.group):
                return section, None
        elif row < section.rows:
            return section, row
        else:
            row -= section.rows
    raise InvalidArgumentError("has no section for this group: add one with an empty list")


def _sections(text: str) -> Iterator[_Section]:
    start = _after_blanks(text, 0)
    if text[start] == "[":
        yield _section(text, None, start)
        return
    members = dict(_members(text, start))
    groups = members.get("groups")
    if groups is None or not isinstance(groups.value, dict):
        if isinstance(members.get("members", _Span(0, 0, None)).value, list):
            raise InvalidArgumentError(_REVIEW)
        yield _section(text, None, start)
        return
    for group, span in _members(text, groups.start):
        yield _section(text, group.strip(), span.start)


def _section(text: str, group: str | None, start: int) -> _Section:
    value, end = _decoder.raw_decode(text, start)
    entries = [*_items(text, start)] if isinstance(value, list) else None
    return _Section(group, start, end, entries, len(value))


def _items(text: str, start: int) -> Iterator[_Span]:
    """The values in the list that begins there."""
    at = _after_blanks(text, start + 1)
    while text[at] != "]":
        value, end = _decoder.raw_decode(text, at)
        yield _Span(at, end, value)
        at = _after_blanks(text, end)
        at = _after_blanks(text, at + 1) if text[at] == "," else at


def _members(text: str, start: int) -> Iterator[tuple[str, _Span]]:
    """The members of the object that begins there."""
    at = _after_blanks(text, start + 1)
    while text[at] != "}":
        key, end = _decoder.raw_decode(text, at)
        at = _after_blanks(text, _after_blanks(text, end) + 1)  # after the colon
        value, end = _decoder.raw_decode(text, at)
        yield key, _Span(at, end, value)
        at = _after_blanks(text, end)
        at = _after_blanks(text, at + 1) if text[at] == "," else at


def _after_blanks(text: str, at: int) -> int:
    return at + len(_BLANKS.match(text, at)[0])  # type: ignore[index] # it matches nothing, too


def _changed(
    entry: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    columns: Columns | None,
    cells_of: CellsOf,
) -> dict[str, Any]:
    headings = list(dict.fromkeys(key for entry in entries for key in entry))
    fields = meaning_of(headings, columns, noun="key")[0] if headings else {}
    keys: dict[Field, str] = {field: headings[position] for field, position in fields.items()}
    keys = {**{field: field for field in (*([] if headings else _FIRST), *END_FIELDS)}, **keys}
    changed = dict(entry)
    for field, value in cells_of(keys).items():
        if value:
            changed[keys[field]] = value
        else:
            changed.pop(keys[field], None)
    return changed


def _layout(text: str, start: int, end: int) -> tuple[str, str]:
    """What stands in front of the lines of an object there, and how much further its members are in; "" on one line."""
    before = text[text.rfind("\n", 0, start) + 1 : start]
    margin = before[: len(before) - len(before.lstrip(" \t"))]
    inner = re.match(r"\{\r?\n([ \t]*)", text[start:end])
    return margin, (inner[1].removeprefix(margin) or "  ") if inner else ""


def _dumped(entry: Mapping[str, Any], text: str, margin: str, indent: str) -> str:
    written = json.dumps(entry, indent=indent or None, ensure_ascii=text.isascii())
    return written.replace("\n", ("\r\n" if "\r\n" in text else "\n") + margin)
