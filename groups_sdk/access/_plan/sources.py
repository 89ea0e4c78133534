"""The rows of a desired state, from whatever it is written in: a file, an open file, rows, a mapping."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from groups_sdk.access._plan.columns import Columns
from groups_sdk.access._plan.formats import FileFormat, checked_format, format_of_name, format_of_text
from groups_sdk.access._plan.objects import add_document, add_json, add_json_lines, add_objects, add_yaml
from groups_sdk.access._plan.rows import Source
from groups_sdk.access._plan.tables import add_table
from groups_sdk.access._reading import OpenFile, ReadableFile, is_open_file, name_of, read_text
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Role

__all__ = ["Desired", "read_source"]

Desired: TypeAlias = (
    Mapping[str, Any] | Iterable[Mapping[str, Any]] | Iterable[str] | str | os.PathLike[str] | OpenFile
)
"""Roles by person, rows such as `{"email": ..., "role": ...}`, people who all get one role, or a file with either: its
path, or the file itself when it is open."""

_READERS = {"csv": add_table, "json": add_json, "jsonl": add_json_lines, "yaml": add_yaml}


def read_source(
    desired: Desired,
    *,
    columns: Columns | None = None,
    role: str | Role | None = None,
    file_format: FileFormat | None = None,
) -> Source:
    """The rows of a desired state.

    Raises `InvalidArgumentError` for what cannot be read at all, or is something else, and `ConfigurationError` for
    YAML without PyYAML. Single rows that cannot be read are the `problems` of what is returned.
    """
    file_format = checked_format(file_format)
    if isinstance(desired, str | os.PathLike) or is_open_file(desired):
        return _from_file(desired, columns, role, file_format)
    if file_format is not None:
        raise InvalidArgumentError("file_format is for files only")
    source = Source("desired", columns, role)
    if isinstance(desired, Mapping):
        add_document(source, desired)
    elif isinstance(desired, Iterable) and not isinstance(desired, bytes | bytearray):
        add_objects(source, desired)
    else:
        raise InvalidArgumentError(
            f"desired must be a mapping, rows, a path or an open file; got {type(desired).__name__}"
        )
    return source


def _from_file(
    file: ReadableFile, columns: Columns | None, role: str | Role | None, file_format: FileFormat | None
) -> Source:
    source = Source(name_of(file), columns, role)
    file_format = file_format or format_of_name(source.name)
    text, note = read_text(file)
    if note is not None:
        source.notes.append(note)
    if file_format is None:
        file_format = format_of_text(text, source.name, columns, one_role=role is not None)
    _READERS[file_format](source, text)
    return source
