"""Texts of others in Markdown, as GitHub and GitLab show it, and tables of them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groups_sdk._terminal import printable

__all__ = ["code", "folded_list", "folded_table"]

_BACKTICKS = re.compile("`+")
_PIPE = "&#124;"  # outside of a code span: in one, it would divide the cells of a table


def code(text: str) -> str:
    """The text as a code span, which shows it as it is: no mention, link, image, HTML or emphasis comes of it.

    Line breaks, control and invisible characters are escaped as `\\n`, `\\x1b`, `\\u202e`. An empty text is "-".

    Example:
        assert code("@ada|<b>") == "`@ada`&#124;`<b>`"
    """
    return _PIPE.join(_span(part) if part else "" for part in printable(text).split("|")) or "-"


def _span(text: str) -> str:
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    # One space on either side is taken away again; it keeps backticks apart from the fence.
    padding = " " if text.strip(" ") and (text[0] in "` " or text[-1] in "` ") else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def folded_table(heads: Sequence[str], rows: Sequence[Sequence[str]], shown: int) -> list[str]:
    """The lines of a table; the rows after the first `shown` in a block that is folded up. The cells are Markdown."""
    lines = _table(heads, rows[:shown])
    return [*lines, *_folded(_table(heads, rows[shown:]), len(rows) - shown)]


def folded_list(items: Sequence[str], shown: int) -> list[str]:
    """The lines of a list; the items after the first `shown` in a block that is folded up. The items are Markdown."""
    lines = [f"- {item}" for item in items]
    return [*lines[:shown], *_folded(lines[shown:], len(lines) - shown)]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _folded(lines: Sequence[str], count: int) -> list[str]:
    if count <= 0:
        return []
    return ["", "<details>", f"<summary>{count:,} more</summary>", "", *lines, "", "</details>"]
