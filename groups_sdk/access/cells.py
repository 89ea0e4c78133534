"""Cells of a CSV file that a spreadsheet takes for text, whatever is in them.

A spreadsheet takes a cell for a formula that begins with = + - @ or their full-width forms, a tab or a line break. A
separator in the midst of a cell may begin a new one, where the program splits at another character than ours. At each
such place an apostrophe is put in front; reading takes it away again, so that nothing is lost:
`unguarded(guarded(text)) == text` for any text.
"""

from __future__ import annotations

import re

__all__ = ["guarded", "unguarded"]

_DANGER = r"'*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]"  # apostrophes in front, so that taking one away is exact
_START = r"(?:\A|(?<=[;,|\t\r\n]))"
_MAYBE = re.compile(r"\A['=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]|[;,|\t\r\n]")
_UNSAFE = re.compile(rf"{_START}(?={_DANGER})")
_GUARD = re.compile(rf"{_START}'(?={_DANGER})")


def guarded(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet might see a formula begin."""
    return _UNSAFE.sub("'", text) if _MAYBE.search(text) else text  # most need no closer look


def unguarded(text: str) -> str:
    """The text that was guarded."""
    return _GUARD.sub("", text)
