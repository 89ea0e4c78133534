"""Cells of CSV files that no spreadsheet takes for formulas, and their texts back."""

from __future__ import annotations

import re

__all__ = ["escaped", "unescaped"]

_BREAKS = r"\t\r\n"
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
# Spaces but " ", format characters, variation selectors, fillers: all that can stand in front without being seen.
_INVISIBLE = (
    r"\xa0\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd"
    r"\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_FORMULA = rf"=+\-@\uff1d\uff0b\uff0d\uff20{_BREAKS}"
_UNSEEN = rf"\"{_CONTROLS}{_INVISIBLE}"  # a quote, too: a program that splits `x,a;"=1"` at `;` takes it away
# Apostrophes come first, so that taking one away is exact. Nothing that begins a cell is in the midst of this.
_DANGER = rf"'*(?:[{_CONTROLS}]|(?:[{_UNSEEN}][{_UNSEEN}' ]*)?[{_FORMULA}])"
_START = rf"(?:\A *|(?<=[;,|{_BREAKS}]))"
_MAYBE = re.compile(rf"\A[ '{_FORMULA}{_UNSEEN}]|[;,|{_BREAKS}\x00\u2400]")
_UNSAFE = re.compile(rf"({_START})(?={_DANGER})")
_ESCAPE = re.compile(rf"({_START})'(?={_DANGER})")
_NUL = re.compile("[\x00\u2400]")
_VISIBLE_NUL = re.compile("\u2400([0\u2400])")


def escaped(text: str) -> str:
    """The text as a cell of a CSV file that a spreadsheet takes for text, whatever is in it.

    A spreadsheet takes a cell for a formula that begins with = + - @ or their full-width forms, a tab or a line
    break; some also when control or invisible characters, or spaces, come first. A separator in the midst of a cell
    may begin a new one, in quotes or without, where the program splits at another character than ours. At each such
    place an apostrophe is put in front, as it is before any other control character there. NUL, which not every
    program can read, becomes "\u24000", and a "\u2400" of the text is doubled. `unescaped` takes it all back.
    """
    if not _MAYBE.search(text):  # most need no closer look
        return text
    return _NUL.sub(
        lambda found: "\u24000" if found[0] == "\x00" else "\u2400\u2400", _UNSAFE.sub(r"\1'", text)
    )


def unescaped(text: str) -> str:
    """The text that was escaped: `unescaped(escaped(text)) == text` for any text."""
    return _ESCAPE.sub(r"\1", _VISIBLE_NUL.sub(lambda found: "\x00" if found[1] == "0" else "\u2400", text))
