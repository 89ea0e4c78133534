"""What commands print on stdout: a table for people, JSON, JSONL or CSV for programs.

Nothing that the API says can move a terminal's cursor, be taken for markup, or start a spreadsheet's formula. JSON
and JSONL lose nothing: they escape what is not printable in their own way.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

import attrs

from groups_sdk._terminal import printable
from groups_sdk.cli._text_table import table

__all__ = [
    "Column",
    "Output",
    "chosen",
    "counted",
    "csv_cell",
    "json_text",
    "keep_line_ends",
    "note",
    "print_record",
    "print_records",
    "print_table",
    "record",
    "say",
    "stdout_is_terminal",
]

T = TypeVar("T")

Value = str | int | bool | datetime | None


class Output(StrEnum):
    """The forms of output."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@attrs.frozen
class Column(Generic[T]):
    """One member of a record. `key` is its name for programs and `head` that in tables; None keeps it out of them."""

    key: str
    head: str | None
    value: Callable[[T], Value]
    style: str = ""


def chosen(output: Output | None) -> Output:
    """What the user asked for; else a table for a terminal and JSONL for a pipe."""
    return output or (Output.TABLE if stdout_is_terminal() else Output.JSONL)


def stdout_is_terminal() -> bool:
    """Whether somebody reads along."""
    return sys.stdout.isatty()


def print_records(
    columns: Sequence[Column[T]], rows: Sequence[T], output: Output | None, *, noun: str = ""
) -> None:
    """Print all records. In tables their number follows, with its `noun`.

    Example:
        print_records(MEMBERS, members, None, noun="member")
    """
    form = chosen(output)
    if form is Output.TABLE:
        shown = [column for column in columns if column.head is not None]
        cells = [[_cell(column.value(row)) for column in shown] for row in rows]
        print_table([column.head or "" for column in shown], cells, [column.style for column in shown])
        if noun:
            say(f"\n{counted(len(rows), noun)}")
    elif form is Output.CSV:
        import csv

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(column.key for column in columns)
        writer.writerows([csv_cell(_text(column.value(row))) for column in columns] for row in rows)
    else:
        objects = (record(columns, row) for row in rows)
        if form is Output.JSON:
            say(json_text(list(objects), indent=2))
        else:
            for thing in objects:
                say(json_text(thing))


def print_record(columns: Sequence[Column[T]], row: T, output: Output | None) -> None:
    """Print one record: a line for each of its members in a table, one object in JSON."""
    form = chosen(output)
    if form is Output.TABLE:
        fields = [(column.head, _cell(column.value(row))) for column in columns if column.head is not None]
        print_table(["FIELD", "VALUE"], fields, ["bold", ""])
    elif form is Output.JSON:
        say(json_text(record(columns, row), indent=2))
    else:
        print_records(columns, [row], form)


def record(columns: Sequence[Column[T]], row: T) -> dict[str, Any]:
    """One record, as JSON has it."""
    return {column.key: _plain(column.value(row)) for column in columns}


def say(line: str) -> None:
    """One line on stdout. What is not known to be harmless must have gone through `printable` before."""
    print(line)


def keep_line_ends() -> None:
    """Have stdout write line ends as they are: CSV has its own."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(newline="")


def note(text: str) -> None:
    """One line on stderr."""
    print(printable(text), file=sys.stderr)


def counted(number: int, noun: str) -> str:
    """The number with its noun, in the plural where it takes one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def json_text(thing: Any, *, indent: int | None = None) -> str:
    """JSON in which every character that is not printable is escaped: it reads back as it was."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    text = json.dumps(thing, indent=indent, ensure_ascii=not encoding.startswith("utf"))
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, and that has no character that is not printable."""
    from groups_sdk.access._csv_escaping import escaped

    return escaped(printable(text))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str]) -> None:
    """Print a table of texts: on a terminal to its width and in colours, elsewhere as plain aligned text."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        for line in table(heads, rows):
            say(line)
        return
    shown = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for head, style in zip(heads, styles, strict=True):
        shown.add_column(head, style=style, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(printable(cell)) for cell in row))
    console.print(shown)


def _cell(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.date().isoformat() if isinstance(value, datetime) else "-" if value is None else str(value)


def _plain(value: Value) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(_plain(value))
