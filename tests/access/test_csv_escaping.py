"""Cells that no spreadsheet takes for a formula, and that are read back as they were."""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk.access._csv_escaping import escaped, unescaped

DANGER = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
ODD = st.text(alphabet=st.sampled_from(f"{DANGER}';,|ab \"0\x00\x01\x7f\xa0\u200b\u2028\ufeff\u2400"))


@given(st.text())
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(ODD)
def test_any_odd_text_is_read_back_as_it_was(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(ODD)
def test_no_cell_begins_with_what_begins_a_formula(text: str) -> None:
    cell = escaped(text)
    assert not re.match(f" *[\x00\x01\x7f\xa0\u200b\u2028\ufeff ]*[{re.escape(DANGER)}]", cell)
    assert not re.search(rf"[;,|\t\r\n][\x00\x01\x7f\xa0\u200b\u2028\ufeff]*[{re.escape(DANGER)}]", cell)


@given(st.lists(st.lists(ODD, min_size=1), min_size=1))
def test_files_are_read_back_cell_by_cell(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(map(escaped, row) for row in rows)
    assert "\x00" not in file.getvalue()
    file.seek(0)
    assert [[unescaped(cell) for cell in row] for row in csv.reader(file, strict=True)] == rows


@given(st.lists(ODD, min_size=1, max_size=3), st.sampled_from(";|\t,"))
def test_no_formula_comes_of_splitting_at_another_character(row: list[str], delimiter: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow(map(escaped, row))
    file.seek(0)
    cells = [cell for row in csv.reader(file, delimiter=delimiter) for cell in row]
    assert not [cell for cell in cells if re.match("[-=+@\uff1d\uff0b\uff0d\uff20]", cell)]


def test_everything_invisible_counts() -> None:
    wanted = {"Cc", "Cf", "Zl", "Zp", "Zs"}
    for number in range(sys.maxunicode + 1):
        if unicodedata.category(chr(number)) in wanted:
            assert escaped(f"{chr(number)}=1").lstrip(" ").startswith("'"), hex(number)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49 30", "'+49 30"),
        ("'=1", "''=1"),
        ("'t Hooft", "'t Hooft"),
        ("Ada", "Ada"),
        ("", ""),
        ("a;=1", "a;'=1"),
        ("Doe, -John", "Doe, -John"),
        ("a@b.example", "a@b.example"),
        ("\x00=1", "'\u24000=1"),
        ("\x00Ada", "'\u24000Ada"),
        ("A\x00da", "A\u24000da"),
        ("A\u2400da", "A\u2400\u2400da"),
        ("\x1b[2J", "'\x1b[2J"),
        ("\u200b\ufeff =1", "'\u200b\ufeff =1"),
        ("\u200bAda", "\u200bAda"),
        ("  =1", "  '=1"),
        ('a;"=1+1"', 'a;\'"=1+1"'),
        ("x,'=y", "x,''=y"),
        ('"Ada" Lovelace', '"Ada" Lovelace'),
    ],
)
def test_only_what_needs_it_is_changed(text: str, cell: str) -> None:
    assert escaped(text) == cell
    assert unescaped(cell) == text


def test_a_text_of_many_kilobytes_takes_no_time_to_speak_of() -> None:
    for text in ('\t"' * 200_000, "\u200b" * 400_000, "'" * 400_000, ";'" * 200_000, " " * 400_000):
        assert unescaped(escaped(text)) == text
