"""Today's members as a desired state: a file that says how things are, to edit and to plan from."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from groups_sdk.access._addresses import read_address
from groups_sdk.access._csv_escaping import escaped
from groups_sdk.access._plan.sources import imported_yaml
from groups_sdk.access._roles import is_uuid
from groups_sdk.access._writing import opened_to_write
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import GroupMembership

__all__ = ["write_desired"]

_COLUMNS = ("email", "username", "user_id", "role", "role_id")
_GROUP_COLUMNS = ("group", "group_id")
_SHOWN = 5


def write_desired(
    path: str | os.PathLike[str], members: Sequence[GroupMembership], *, groups: bool = False
) -> tuple[str, ...]:
    """Write members as a desired state: CSV, JSON or YAML by the path's suffix. Returns notes for the user.

    The rows identify everybody by user id and role id: emails, usernames and role names stand beside them for people.
    An email or username that a desired state cannot say (with white space in it, say) is left out. A member without
    a user id or a role id cannot be written: a note names them, as a plan with `prune` would remove them. With
    `groups` each row says its group.

    Raises `InvalidArgumentError` for another suffix, `ConfigurationError` for YAML without PyYAML, and
    `FileAccessError` when the path cannot be written.

    Example:
        notes = write_desired("desired.csv", memberships)
    """
    write_rows = _writer(path)
    rows: list[dict[str, str]] = []
    left_out: list[str] = []
    unsaid = 0
    for member in members:
        if not is_uuid(member.user.id) or not is_uuid(member.role.id):
            left_out.append(member.user.email or member.user.username or member.id)
            continue
        row = _row(member)
        unsaid += sum(1 for field in ("email", "username") if getattr(member.user, field) and not row[field])
        rows.append(row if groups else {column: row[column] for column in _COLUMNS})
    write_rows(rows, [*_COLUMNS, *(_GROUP_COLUMNS if groups else ())])
    notes: list[str] = []
    if left_out:
        listed = ", ".join(left_out[:_SHOWN]) + (", ..." if len(left_out) > _SHOWN else "")
        notes.append(
            f"{len(left_out)} of {len(members)} members are not in the file, since the API does not tell their user "
            f"id or role id: {listed}. A plan from it with prune would remove them"
        )
    if unsaid:
        notes.append(
            f"{unsaid} emails or usernames that a file cannot say were left out; the user ids are there"
        )
    return tuple(notes)


def _writer(path: str | os.PathLike[str]) -> Callable[[list[dict[str, str]], list[str]], None]:
    suffix = Path(path).suffix.lower()
    if suffix == ".csv":
        return lambda rows, columns: _write_csv(path, rows, columns)
    if suffix == ".json":
        return lambda rows, columns: _write_json(path, rows)
    if suffix in (".yaml", ".yml"):
        yaml = imported_yaml(os.fspath(path))
        return lambda rows, columns: _write_yaml(path, rows, yaml)
    raise InvalidArgumentError(f"{os.fspath(path)}: the name must end in .csv, .json, .yaml or .yml")


def _row(member: GroupMembership) -> dict[str, str]:
    email = _readable(member.user.email)
    return {
        "email": email if "@" in email else "",
        "username": _readable(member.user.username),
        "user_id": member.user.id,
        "role": _encodable(member.role.name),
        "role_id": member.role.id,
        "group": _encodable(member.group.name),
        "group_id": member.group.id,
    }


def _readable(name: str | None) -> str:
    """The name, where it is read back as it is; else ""."""
    text = _encodable(name).strip()
    try:
        return text if text and read_address(text) == text and not is_uuid(text) else ""
    except InvalidArgumentError:
        return ""


def _encodable(text: str | None) -> str:
    """The text, where UTF-8 can carry it: a lone surrogate, which JSON can bring, it cannot."""
    text = text or ""
    return text if text.encode("utf-8", "ignore").decode() == text else ""


def _write_csv(path: str | os.PathLike[str], rows: list[dict[str, str]], columns: list[str]) -> None:
    with opened_to_write(path, bom=True) as write:
        lines = csv.writer(_Sink(write))
        lines.writerow(columns)
        lines.writerows(map(escaped, (row[column] for column in columns)) for row in rows)


@attrs.frozen
class _Sink:
    write: Callable[[str], object]


def _write_json(path: str | os.PathLike[str], rows: list[dict[str, str]]) -> None:
    with opened_to_write(path) as write:
        write(json.dumps(_without_blanks(rows), indent=2, ensure_ascii=False) + "\n")


def _write_yaml(path: str | os.PathLike[str], rows: list[dict[str, str]], yaml: Any) -> None:
    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})
    dumper.add_representer(str, _represent)
    text = yaml.dump(
        _without_blanks(rows),
        Dumper=dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=sys.maxsize,
    )
    with opened_to_write(path) as write:
        write(text)


def _represent(dumper: Any, text: str) -> Any:
    """A scalar; in double quotes, with escapes, where PyYAML would fold an unusual line break."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


def _without_blanks(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: text for name, text in row.items() if text} for row in rows]
