"""Text that is safe to print on a terminal."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """The text with every control and invisible character escaped, so that it cannot play tricks on a terminal.

    Line breaks, escape sequences and characters that change the writing direction become `\\n`, `\\x1b`, `\\u202e`.

    Example:
        assert printable("a\\x1b[2Jb") == "a\\\\x1b[2Jb"
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
