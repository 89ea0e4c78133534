"""Desired states as JSON, JSON lines, YAML and Python objects: roles by person, lists, and sections by group."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from groups_sdk.access._plan.columns import is_row, refuse_near_misses
from groups_sdk.access._plan.rows import PERSON, Source
from groups_sdk.access._review import files
from groups_sdk.access._roles import is_uuid
from groups_sdk.errors import ConfigurationError

__all__ = ["add_document", "add_json", "add_json_lines", "add_objects", "add_yaml", "imported_yaml"]

_EXPECTED = (
    'expected an object that gives each person a role, a list of objects with "email" and "role", or '
    '{"groups": {...}} with one of these for each group'
)
# The parts of a document that has more than rows: sections by group, and a review with all that it found.
_SECTIONS = ("groups",)
_REVIEW = ("members", "group", "reviewed_at", "totals", "differences", "unreadable")


class _Pairs(list[tuple[Any, Any]]):
    """An object as it stands, with what it has twice."""


def add_json(source: Source, text: str) -> None:
    """Add what a JSON document says."""
    try:
        document = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise source.refuse(f"is not JSON: {error}") from None
    add_document(source, document)


def add_json_lines(source: Source, text: str) -> None:
    """Add the rows of JSON lines, or the members of a review, whose first line names its format."""
    lines = [(number, line) for number, line in enumerate(io.StringIO(text, newline=None), 1) if line.strip()]
    if lines and _is_review(lines[0][1]):
        _add_review(source, text)
        return
    entries: list[tuple[str, Any]] = []
    for number, line in lines:
        try:
            entries.append((f"line {number}", json.loads(line, object_pairs_hook=_Pairs)))
        except (ValueError, RecursionError) as error:
            source.problems.append(f"line {number}: is not JSON: {error}")
    _add_entries(source, entries, None)


def add_yaml(source: Source, text: str) -> None:
    """Add what a YAML document says."""
    yaml: Any = imported_yaml(source.name)
    try:
        loader = yaml.SafeLoader(text)
        loader.yaml_constructors = {**loader.yaml_constructors, "tag:yaml.org,2002:map": _yaml_pairs}
        document = loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = (
            getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be understood"
        )
        raise source.refuse(f"is not YAML: {line}{problem}") from None
    add_document(source, document)


def imported_yaml(name: str) -> ModuleType:
    """PyYAML, which is an extra. Raises `ConfigurationError` that says what to install."""
    try:
        return import_module("yaml")
    except ImportError:
        raise ConfigurationError(
            f'{name}: YAML needs the package PyYAML: pip install "groups-sdk[yaml]"'
        ) from None


def _yaml_pairs(loader: Any, node: Any) -> _Pairs:
    return _Pairs(
        (loader.construct_object(key, deep=True), loader.construct_object(value, deep=True))
        for key, value in node.value
    )


def add_document(source: Source, document: Any) -> None:
    """Add roles by person, a list of objects, sections of these by group, or a review."""
    pairs = _pairs(document)
    if pairs is None:
        if not isinstance(document, list):
            raise source.refuse(_EXPECTED)
        add_objects(source, document)
        return
    parts = dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else {}
    sections = _pairs(parts.get("groups"))
    if sections is not None:
        _ignore_others(source, pairs, _SECTIONS)
        for group, section in sections:
            if not isinstance(group, str) or not group.strip():
                source.problems.append("a group must be named by its name or id")
            else:
                _add_section(source, section, group.strip())
    elif isinstance(parts.get("members"), list):
        _ignore_others(source, pairs, _REVIEW)
        _add_members(source, parts)
    else:
        _add_section(source, document, None)


def add_objects(source: Source, entries: Iterable[Any], group: str | None = None) -> None:
    """Add a list of objects or, where everybody has one role, of people."""
    numbered = [(_in_group(group, f"entry {number}"), entry) for number, entry in enumerate(entries, 1)]
    _add_entries(source, numbered, group)


def _add_members(source: Source, parts: Mapping[str, Any]) -> None:
    """Add the members of a review that is one JSON document: all of them, or the review is not believed."""
    members = parts["members"]
    totals = dict(_pairs(parts.get("totals")) or ())
    counted = totals.get("members")
    if counted is not None and counted != len(members):
        raise source.refuse(
            f"is not a complete review: it counts {counted!r} members and lists {len(members)}; to edit who is in a "
            "group, use a file from an export"
        )
    if parts.get("unreadable") or totals.get("unreadable"):
        raise source.refuse(
            "the review could not read some of the records, which are not among its members; make a review that is "
            "complete"
        )
    group = dict(_pairs(parts.get("group")) or ()).get("id")
    add_objects(source, members, group if isinstance(group, str) and group.strip() else None)


def _ignore_others(source: Source, pairs: list[tuple[str, Any]], known: tuple[str, ...]) -> None:
    """Note what else is in a document. Refused where it may have been meant as one of its parts, or as a person."""
    keys = [key for key, _ in pairs]
    others = [key for key in keys if key not in known]
    if len(set(keys)) != len(keys):
        raise source.refuse("has the same key twice")
    if any("@" in key or is_uuid(key) for key in others):
        raise source.refuse(_EXPECTED)
    with source.naming():
        refuse_near_misses(others, known)
    source.ignore(others, noun="key")


def _add_section(source: Source, section: Any, group: str | None) -> None:
    pairs = _pairs(section)
    if pairs is None and isinstance(section, list):
        add_objects(source, section, group)
        return
    if pairs is None or any(isinstance(role, list | tuple | Mapping) for _, role in pairs):
        with source.naming():
            refuse_near_misses((str(key) for key, _ in pairs or ()), ("groups", "members"))
        raise source.refuse(_EXPECTED)
    if is_row((str(key) for key, _ in pairs), source.columns, one_role=source.role is not None):
        raise source.refuse("is one row: put it into a list, [{...}]")
    source.refuse_columns()
    if pairs:
        source.refuse_role("gives each person a role")
    for number, (person, role) in enumerate(pairs, 1):
        where = f"entry {number}" if isinstance(section, _Pairs) else repr(person)
        source.add(_in_group(group, where), {PERSON: person, "role": role}, group)


def _add_entries(source: Source, entries: list[tuple[str, Any]], group: str | None) -> None:
    """Add the entries of a list, as a table whose headings are all of their keys."""
    rows: list[tuple[str, dict[str, Any] | str]] = []
    for where, entry in entries:
        pairs = _pairs(entry)
        if isinstance(entry, str) and source.role is not None:
            rows.append((where, entry))
        elif pairs is None or not all(isinstance(key, str) for key, _ in pairs):
            hint = ", or role= must say the role of everybody" if isinstance(entry, str) else ""
            source.problems.append(f'{where}: must be an object with "email" (or "user_id") and "role"{hint}')
        elif len(dict(pairs)) != len(pairs):
            source.problems.append(f"{where}: has the same key twice")
        elif not pairs:
            source.problems.append(f"{where}: is empty")
        else:
            rows.append((where, dict(pairs)))
    headings = list(dict.fromkeys(key for _, cells in rows if isinstance(cells, dict) for key in cells))
    fields, verbatim = source.fields_of(headings, noun="key") if headings else ({}, False)
    if rows and not headings:
        source.refuse_columns()
    for where, cells in rows:
        if isinstance(cells, str):
            source.add(where, {PERSON: cells}, group)
            continue
        row = {
            field: cells[headings[position]]
            for field, position in fields.items()
            if headings[position] in cells
        }
        source.add(where, row, group, verbatim=verbatim)


def _pairs(thing: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(thing, _Pairs):
        return thing
    return list(thing.items()) if isinstance(thing, Mapping) else None


def _in_group(group: str | None, where: str) -> str:
    return where if group is None else f"group {group!r}, {where}"


# Reviews


class _NamedText(io.StringIO):
    """A text that is called by the name of the file that it is from."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def _is_review(line: str) -> bool:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(head, dict) and head.get("format") == files.FORMAT


def _add_review(source: Source, text: str) -> None:
    source.refuse_columns()
    source.refuse_role("is a review, which has the role of each member")
    group, _, members, _, _, _, unreadable = files.read_jsonl(_NamedText(text, source.name))
    for problem in unreadable:
        source.problems.append(f"the review could not read {problem}; make a review that is complete")
    for number, member in enumerate(members, 2):
        membership = member.membership
        cells = {
            "email": membership.user.email,
            "username": membership.user.username,
            "user_id": membership.user.id,
            "membership_id": membership.id,
            "role_id": membership.role.id,
            "role": membership.role.name,
        }
        source.add(f"line {number}", cells, group.id, verbatim=True)
