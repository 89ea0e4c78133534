"""The desired state of a group, as people write it down: a mapping, a CSV file or a JSON file."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from groups_sdk.access import _roles as roles
from groups_sdk.access._csv_escaping import unescaped
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Role

__all__ = ["Desired", "Wish", "read_desired"]

Desired = Mapping[str, str | Role] | str | os.PathLike[str]

_SHOWN = 10
_COLUMNS = ("email", "user_id", "role")


@attrs.frozen
class Wish:
    """One desired member: by user id or by email, the latter without regard to case. `where` names the row."""

    where: str
    role: str | Role
    email: str | None = None
    user_id: str | None = None

    @property
    def who(self) -> str:
        return self.user_id or self.email or ""


def read_desired(desired: Desired) -> list[Wish]:
    """The wishes in their order. Everything that is wrong with them is told at once, row by row."""
    problems: list[str] = []
    if isinstance(desired, Mapping):
        source = "desired"
        rows: Iterable[_Row] = [(repr(who), None, who, role) for who, role in desired.items()]
    else:
        path = Path(desired)
        source = str(path)
        text = _text(path)
        match path.suffix.lower():
            case ".csv":
                rows = _csv_rows(text, source, problems)
            case ".json":
                rows = _json_rows(text, source, problems)
            case _:
                raise InvalidArgumentError(f"{source}: the name must end in .csv or .json")
    wishes: list[Wish] = []
    taken: dict[str, str] = {}
    for where, user_id, who, role in rows:
        try:
            wish = _wish(where, user_id, who, role)
        except InvalidArgumentError as error:
            problems.append(f"{where}: {error}")
            continue
        first = taken.setdefault(wish.who.casefold(), where)
        if first is not where:
            problems.append(f"{where}: {wish.who} was in {first} already")
        wishes.append(wish)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InvalidArgumentError(f"{source}: {'; '.join(problems[:_SHOWN])}{more}")
    return wishes


_Row = tuple[str, Any, Any, Any]  # where it is, user id, email or user id, role


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidArgumentError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise InvalidArgumentError(f"{path}: cannot be read: {error.strerror or error}") from None


def _wish(where: str, user_id: Any, who: Any, role: Any) -> Wish:
    role = roles.checked(role.strip() if isinstance(role, str) else role)
    given = user_id or who
    if not isinstance(given, str) or not given.strip():
        raise InvalidArgumentError("an email address or a user id is needed")
    given = given.strip()
    if roles.is_uuid(given):
        return Wish(where, role, user_id=given.lower())
    if user_id or "@" not in given or any(c.isspace() for c in given):
        kind = "a user id" if user_id else "an email address or a user id"
        raise InvalidArgumentError(f"{given!r} is not {kind}")
    return Wish(where, role, email=given)


def _csv_rows(text: str, source: str, problems: list[str]) -> Iterator[_Row]:
    heading = next((line for line in io.StringIO(text) if line.strip()), "")
    delimiter = max(",;\t", key=heading.count)  # spreadsheets choose it by country
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, source)
                continue
            where = f"line {reader.line_num}"
            if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                problems.append(f"{where}: has {len(cells)} cells for {len(columns)} columns")
                continue
            row = {name: unescaped(cell).strip() for name, cell in zip(columns, cells, strict=False)}
            yield where, row.get("user_id"), row.get("email"), row.get("role", "")
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: {error}")
    if columns is None:
        problems.append("there are no columns: the first line must name email or user_id, and role")


def _columns(cells: list[str], source: str) -> list[str]:
    columns = [cell.strip().lower().replace(" ", "_") for cell in cells]
    known = [name for name in columns if name in _COLUMNS]
    if "role" not in known or len(known) < 2 or len(set(known)) != len(known):
        raise InvalidArgumentError(
            f"{source}: the first line must name the columns email or user_id (or both) and role, each once; "
            f"it has {', '.join(columns)}"
        )
    return columns


def _json_rows(text: str, source: str, problems: list[str]) -> Iterator[_Row]:
    try:
        document = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{source}: is not JSON: {error}") from None
    if isinstance(document, _Pairs):
        for number, (who, role) in enumerate(document, 1):
            yield f"entry {number}", None, who, role
    elif isinstance(document, list):
        for number, entry in enumerate(document, 1):
            where = f"entry {number}"
            row = dict(entry) if isinstance(entry, _Pairs) else {}
            if not row or not row.keys() <= set(_COLUMNS) or len(row) != len(entry):
                problems.append(f"{where}: must be an object of email or user_id, and role, each once")
                continue
            yield where, row.get("user_id"), row.get("email"), row.get("role")
    else:
        problems.append("must be an object of roles by email or user id, or a list of objects")


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it stands, with what it has twice."""
