"""Today's members as a desired state: a file that says how things are, to edit and to plan from."""

import csv
import io
import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk.access._addresses import read_address
from groups_sdk.access._csv_escaping import escaped
from groups_sdk.access._plan.formats import FileFormat, checked_format
from groups_sdk.access._plan.objects import imported_yaml
from groups_sdk.access._roles import RoleIndex, is_uuid
from groups_sdk.access._writing import AnyFile, check_writable, opened_to_write
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import GroupMembership, Role

__all__ = ["ExportResult", "check_export", "goes_by_name", "readable_name", "write_desired"]

_COLUMNS = ("email", "username", "user_id", "role", "role_id")
_GROUP_COLUMNS = ("group", "group_id")
_SHOWN = 5
_PLAIN = re.compile(
    r"(?=.*[^\W\d_])\w[\w .,()&/+-]*(?<! )"
)  # a role name that reads back as it is in every format
_SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
}


@attrs.frozen(kw_only=True)
class ExportResult(Serializable):
    """What was written: `rows` members, to `path`. `notes` are about members who could not be written down.

    `path` is as it was given, or the name of the open file, such as "<stdout>". `str(result)` is a line such as
    "members.csv: 36 members".
    """

    path: str
    rows: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.rows:,} member{'' if self.rows == 1 else 's'}"


def check_export(file: AnyFile, file_format: FileFormat | None = None) -> FileFormat:
    """The format of an export, when there is nothing in the way of writing it.

    Raises `InvalidArgumentError` when neither the name nor `file_format` says the format, `ConfigurationError` for
    YAML without PyYAML, and `FileAccessError` when a path cannot be written.
    """
    name = _name(file)
    found = checked_format(file_format) or _SUFFIXES.get(Path(name).suffix.lower())
    if found is None:
        raise InvalidArgumentError(
            f"{name}: the name must end in {', '.join(_SUFFIXES)}, or file_format must say what to write"
        )
    if found == "yaml":
        imported_yaml(name)
    if isinstance(file, str | os.PathLike):
        check_writable(file)
    return found


def write_desired(
    file: AnyFile,
    members: Sequence[GroupMembership],
    *,
    groups: bool = False,
    file_format: FileFormat | None = None,
) -> ExportResult:
    """Write members as a desired state: CSV, JSON, JSON lines or YAML by the file's name, or as `file_format` says.

    The rows identify everybody by user id; emails and usernames stand beside it for people. Roles stand there by name,
    to be edited, and by id where several have the name or it cannot be read back.
    An email or username that a desired state cannot say (with white space in it, say) is left out. A member without
    a user id or a role id cannot be written: a note names them, as a plan with `prune` would remove them. With
    `groups` each row says its group.

    Raises what `check_export` raises, before anything is written.

    Example:
        result = write_desired("desired.csv", memberships)
    """
    text_of = _TEXTS[check_export(file, file_format)]
    rows: list[dict[str, str]] = []
    left_out: list[str] = []
    unsaid = 0
    roles = RoleIndex(member.role for member in members)
    for member in members:
        if not is_uuid(member.user.id) or not is_uuid(member.role.id):
            left_out.append(member.user.email or member.user.username or member.id)
            continue
        row = _row(member)
        if goes_by_name(member.role, roles):
            row["role_id"] = ""  # otherwise who edits the name would have to edit the id
        unsaid += sum(1 for field in ("email", "username") if getattr(member.user, field) and not row[field])
        rows.append(row if groups else {column: row[column] for column in _COLUMNS})
    text = text_of(rows, [*_COLUMNS, *(_GROUP_COLUMNS if groups else ())])
    with opened_to_write(file, bom=text_of is _csv_text) as write:
        write(text)
    notes: list[str] = []
    if left_out:
        listed = ", ".join(left_out[:_SHOWN]) + (", ..." if len(left_out) > _SHOWN else "")
        notes.append(
            f"{len(left_out)} of {len(members)} members are not in the file, because the API does not give their user "
            f"id or role id: {listed}. Pruning with this file would remove them"
        )
    if unsaid:
        notes.append(
            f"{unsaid} emails or usernames that cannot be written to a file were left out; the user ids are in it"
        )
    return ExportResult(path=_name(file), rows=len(rows), notes=tuple(notes))


def goes_by_name(role: Role, roles: RoleIndex) -> bool:
    """Whether the name of a role says which one it is, in every format, and reads back as it is."""
    name = _encodable(role.name)
    return bool(_PLAIN.fullmatch(name)) and not is_uuid(name) and roles.named(name) == [role]


def _name(file: AnyFile) -> str:
    if isinstance(file, str | os.PathLike):
        return os.fspath(file)
    name = getattr(file, "name", None)
    return name if isinstance(name, str) and name else "the open file"


def _row(member: GroupMembership) -> dict[str, str]:
    email = readable_name(member.user.email)
    return {
        "email": email if "@" in email else "",
        "username": readable_name(member.user.username),
        "user_id": member.user.id,
        "role": _encodable(member.role.name),
        "role_id": member.role.id,
        "group": _encodable(member.group.name),
        "group_id": member.group.id,
    }


def readable_name(name: str | None) -> str:
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


def _csv_text(rows: list[dict[str, str]], columns: list[str]) -> str:
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(columns)
    lines.writerows(map(escaped, (row[column] for column in columns)) for row in rows)
    return text.getvalue()


def _json_text(rows: list[dict[str, str]], _: list[str]) -> str:
    return json.dumps([_without_blanks(row) for row in rows], indent=2, ensure_ascii=False) + "\n"


def _json_lines(rows: list[dict[str, str]], _: list[str]) -> str:
    return "".join(json.dumps(_without_blanks(row), ensure_ascii=False) + "\n" for row in rows)


def _yaml_text(rows: list[dict[str, str]], _: list[str]) -> str:
    yaml: Any = imported_yaml("YAML")
    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})
    dumper.add_representer(str, _represent)
    text: str = yaml.dump(
        [_without_blanks(row) for row in rows],
        Dumper=dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=sys.maxsize,
    )
    return text


def _represent(dumper: Any, text: str) -> Any:
    """A scalar; in double quotes, with escapes, where PyYAML would fold an unusual line break."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


def _without_blanks(row: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in row.items() if text}


_TEXTS: Mapping[FileFormat, Callable[[list[dict[str, str]], list[str]], str]] = {
    "csv": _csv_text,
    "json": _json_text,
    "jsonl": _json_lines,
    "yaml": _yaml_text,
}


set_module("groups_sdk.access", globals(), ["ExportResult"])
