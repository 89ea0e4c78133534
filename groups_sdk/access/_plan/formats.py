"""The formats of a desired state: as its file is named, or as its content begins."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from groups_sdk.access._plan.columns import Columns, is_row
from groups_sdk.access._plan.tables import has_known_heading
from groups_sdk.errors import InvalidArgumentError

__all__ = ["FileFormat", "checked_format", "format_of_name", "format_of_text"]

FileFormat: TypeAlias = Literal["csv", "json", "jsonl", "yaml"]
"""What is in a file: a table (`csv`, also with tabs or semicolons, or a plain list of people), or documents."""

_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)
_SUFFIXES: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_YAML = re.compile(r"---|%YAML\b|-(?:\s|\Z)|[^,;\t]+:(?:\s|\Z)")


def checked_format(file_format: object) -> FileFormat | None:
    """The format that was given, or None. Raises `InvalidArgumentError` when it is not one of the four."""
    if file_format is None or file_format in _FORMATS:
        return file_format
    raise InvalidArgumentError(f"file_format must be one of {', '.join(_FORMATS)}; got {file_format!r}")


def format_of_name(name: str) -> FileFormat | None:
    """The format by the suffix of a name; None for a name without one, such as "<stdin>".

    Raises `InvalidArgumentError` for the suffix of something else.
    """
    suffix = Path(name).suffix.lower()
    if suffix and suffix not in _SUFFIXES:
        raise InvalidArgumentError(
            f"{name}: the name must end in {', '.join(_SUFFIXES)}, or file_format must say what it is"
        )
    return _SUFFIXES.get(suffix)


def format_of_text(text: str, name: str, columns: Columns | None, *, one_role: bool) -> FileFormat:
    """The format of a text that nothing else tells.

    - It begins with { or [: JSON; or JSON lines, when its first line is a whole object and more lines follow, or when
      its only line is an object whose keys are those of a row ("email" and "role").
    - Its first line that is neither blank nor a comment begins with "---" or "- ", or has a key with a colon, and has
      no heading that is known ("email", "role"): YAML.
    - Anything else: CSV, or a plain list of people.

    A text of another kind cannot be read as the one that it is taken for, or says the same there. Raises
    `InvalidArgumentError` when it is empty.
    """
    content = text.strip()
    if not content:
        raise InvalidArgumentError(f"{name}: is empty")
    if content[0] in "{[":
        return _json_or_lines(content, columns, one_role=one_role)
    if has_known_heading(text, columns):
        return "csv"
    lines = (line.strip() for line in content.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return "yaml" if _YAML.match(first) else "csv"


def _json_or_lines(content: str, columns: Columns | None, *, one_role: bool) -> FileFormat:
    first, *more = content.split("\n", 1)
    try:
        thing = json.loads(first)
    except (ValueError, RecursionError):
        return "json"
    if not isinstance(thing, dict):
        return "json"
    return "jsonl" if more or is_row(thing, columns, one_role=one_role) else "json"
