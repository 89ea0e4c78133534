"""Text of others that is safe to print: on a terminal, in a log, in the message of an error."""

from __future__ import annotations

import re

__all__ = ["printable"]

# What Python calls printable and nobody sees: joiners, fillers, variation selectors, a blank of Braille.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def printable(text: str, limit: int | None = None) -> str:
    """The text with every control and invisible character escaped, so that it cannot play tricks on whoever reads it.

    Line breaks, escape sequences, characters that change the writing direction and characters without a width become
    `\\n`, `\\x1b`, `\\u202e`, `\\u200b`. Of a text that is longer than `limit` only so many characters are left.

    Example:
        assert printable("a\\x1b[2Jb") == "a\\\\x1b[2Jb"
    """
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}..."
    if text.isprintable() and (text.isascii() or not _UNSEEN.search(text)):
        return text
    return "".join(c if c.isprintable() and not _UNSEEN.match(c) else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
