"""Cells that no spreadsheet takes for a formula, and that are read back as they were."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk.access._csv_escaping import escaped, unescaped

DANGER = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


@given(st.text(alphabet=st.sampled_from(f"{DANGER}';,|ab \"")))
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert unescaped(escaped(text)) == text


@given(st.text(alphabet=st.sampled_from(f"{DANGER}';,|ab \"")))
def test_no_cell_begins_with_what_begins_a_formula(text: str) -> None:
    cell = escaped(text)
    assert not re.match(f"[{re.escape(DANGER)}]", cell)
    assert not re.search(rf"[;,|\t\r\n][{re.escape(DANGER)}]", cell)


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
    ],
)
def test_only_what_needs_it_is_changed(text: str, cell: str) -> None:
    assert escaped(text) == cell
