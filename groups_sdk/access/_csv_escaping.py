"""Cells of CSV files that no spreadsheet takes for formulas, and their texts back."""

from __future__ import annotations

import re

__all__ = ["escaped", "unescaped"]

_DANGER = r"'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]"  # apostrophes in front, so that taking one away is exact
_START = r"(?:\A|(?<=[;,|\t\r\n]))"
_MAYBE = re.compile(r"\A['=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]|[;,|\t\r\n]")
_UNSAFE = re.compile(rf"{_START}(?={_DANGER})")
_ESCAPE = re.compile(rf"{_START}'(?={_DANGER})")


def escaped(text: str) -> str:
    """The text as a cell of a CSV file that a spreadsheet takes for text, whatever is in it.

    A spreadsheet takes a cell for a formula that begins with = + - @ or their full-width forms, a tab or a line
    break. A separator in the midst of a cell may begin a new one, where the program splits at another character than
    ours. At each such place an apostrophe is put in front, and `unescaped` takes it away again.
    """
    return _UNSAFE.sub("'", text) if _MAYBE.search(text) else text  # most need no closer look


def unescaped(text: str) -> str:
    """The text that was escaped: `unescaped(escaped(text)) == text` for any text."""
    return _ESCAPE.sub("", text)
