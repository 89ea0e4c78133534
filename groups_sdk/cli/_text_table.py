"""Plain text tables for terminals and pipes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime

from groups_sdk._terminal import printable
from groups_sdk.models import GroupMembership

__all__ = ["MEMBERSHIP_COLUMNS", "membership_row", "table"]

_GAP = "  "
_CUT = "..."

MEMBERSHIP_COLUMNS = ("EMAIL", "NAME", "ROLE", "LOGIN", "SINCE")


def membership_row(membership: GroupMembership) -> tuple[str, ...]:
    """The cells of one membership, in the order of `MEMBERSHIP_COLUMNS`; "-" for what the API left out."""
    user = membership.user
    return tuple(
        _cell(value)
        for value in (user.email, user.name, membership.role.name, user.login_method, membership.created_at)
    )


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None) -> list[str]:
    """Lines of a table, the column heads first.

    With `width`, in terminal columns, the widest columns are narrowed until the lines fit, though none to
    less than its head; cells that do not fit end in "...". Without it nothing is cut. The cells are made
    `printable`.
    """
    lines = [tuple(columns), *(tuple(printable(cell) for cell in row) for row in rows)]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(columns))]
    if width is not None:
        room = width - len(_GAP) * (len(columns) - 1)
        least = [max(len(head), len(_CUT) + 1) for head in columns]
        while sum(widths) > room:
            spare = [have - need for have, need in zip(widths, least, strict=True)]
            if max(spare) <= 0:
                break
            widths[max(range(len(widths)), key=lambda i: (spare[i] > 0, widths[i]))] -= 1
    return [
        _GAP.join(_fitted(cell, cell_width) for cell, cell_width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _cell(value: str | datetime | None) -> str:
    return value.date().isoformat() if isinstance(value, datetime) else value or "-"


def _fitted(cell: str, width: int) -> str:
    """The cell, cut or filled up to be `width` terminal columns wide."""
    if _width(cell) > width:
        while _width(cell) > width - len(_CUT):
            cell = cell[:-1]
        cell += _CUT
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """How many terminal columns the text takes: two for wide characters, none for combining marks."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
