"""Which account takes the place of which: by a mapping, from a file or a program, or by a rule for a whole domain."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from groups_sdk.access._addresses import normalised
from groups_sdk.access._listing import MemberListing
from groups_sdk.access._lookalikes import skeleton
from groups_sdk.access._people import Identity, described, identity_of
from groups_sdk.access._plan.formats import FileFormat, checked_format, format_of_name, format_of_text
from groups_sdk.access._plan.objects import add_document, add_json, add_json_lines, add_objects, add_yaml
from groups_sdk.access._plan.rows import PERSON, Source
from groups_sdk.access._plan.tables import add_table
from groups_sdk.access._reading import OpenFile, is_open_file, name_of, read_text
from groups_sdk.errors import InvalidArgumentError

__all__ = ["Domains", "Mapped", "Pair", "domains_of", "pairs_by_domain", "read_mapping"]

Mapped: TypeAlias = Mapping[str, str] | Iterable[Mapping[str, str]] | str | os.PathLike[str] | OpenFile
"""New accounts by old ones, rows such as `{"old": ..., "new": ...}`, or a file with either: its path, or the file
itself when it is open."""

_READERS = {"csv": add_table, "json": add_json, "jsonl": add_json_lines, "yaml": add_yaml}
_HEADINGS = {
    "old": ("old", "oldemail", "oldaddress", "oldusername", "from"),
    "new": ("new", "newemail", "newaddress", "newusername", "to"),
}
_SHOWN = 10


@attrs.frozen
class Pair:
    """One person: the account that they have had, and the one that takes its place. `where` names it in messages."""

    where: str
    old: Identity
    new: Identity


@attrs.frozen
class Domains:
    """The domain of the old addresses, and that of the new ones."""

    old: str
    new: str


@attrs.define
class _MappingSource(Source):
    """The rows of a mapping: each has an old account and a new one."""

    pairs: list[Pair] = attrs.field(factory=list)

    def fields_of(self, headings: Sequence[str], *, noun: str) -> tuple[dict[Any, int], bool]:
        found: dict[Any, int] = {}
        for field, names in _HEADINGS.items():
            fitting = [n for n, heading in enumerate(headings) if _plain(heading) in names]
            if len(fitting) != 1:
                problem = f"several {noun}s name" if fitting else f"no {noun} names"
                listed = ", ".join(repr(heading.strip()) for heading in headings[:_SHOWN])
                raise self.refuse(
                    f"{problem} the {field} account: call it {field!r}; there are {listed or 'none'}"
                )
            found[field] = fitting[0]
        self.ignore([heading for n, heading in enumerate(headings) if n not in found.values()], noun=noun)
        return found, False

    def add(
        self, where: str, cells: Mapping[Any, Any], group: str | None = None, *, verbatim: bool = False
    ) -> None:
        if group is not None:
            self.problems.append(f"{where}: a mapping is for one group, and has no sections")
            return
        if isinstance(cells.get(PERSON), str) and _plain(cells[PERSON]) in _HEADINGS:
            self.problems.append(f"{where}: is one row: put it into a list, [{{...}}]")
            return
        given = {"old": cells.get("old", cells.get(PERSON)), "new": cells.get("new", cells.get("role"))}
        try:
            old, new = (_account(given[name], name, where) for name in ("old", "new"))
        except InvalidArgumentError as error:
            self.problems.append(f"{where}: {error}")
            return
        self.pairs.append(Pair(where, old, new))


def _account(given: object, name: str, where: str) -> Identity:
    if given is None or given == "":
        raise InvalidArgumentError(f"the {name} account is missing")
    return identity_of(given, f"the {name} account", where)


def read_mapping(
    mapping: Mapped, *, file_format: FileFormat | None = None
) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The pairs of a mapping, and notes for the user.

    Raises `InvalidArgumentError`, which names the rows that are not valid, and `ConfigurationError` for YAML without
    PyYAML.
    """
    file_format = checked_format(file_format)
    if isinstance(mapping, str | os.PathLike) or is_open_file(mapping):
        source = _MappingSource(name_of(mapping))
        text, note = read_text(mapping)
        source.notes += [note] if note else []
        columns = {name: name for name in _HEADINGS}
        file_format = file_format or format_of_name(source.name)
        file_format = file_format or format_of_text(text, source.name, columns, one_role=False)
        _READERS[file_format](source, text)
    elif file_format is not None:
        raise InvalidArgumentError("file_format is for files only")
    else:
        source = _MappingSource("mapping")
        if isinstance(mapping, Mapping):
            add_document(source, mapping)
        elif isinstance(mapping, Iterable) and not isinstance(mapping, bytes | bytearray):
            add_objects(source, mapping)
        else:
            raise InvalidArgumentError(
                f"mapping must be a mapping, rows, a path or an open file; got {type(mapping).__name__}"
            )
    problems = [*source.problems, *_twice(source.pairs)]
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise source.refuse("; ".join(problems[:_SHOWN]) + more)
    if not source.pairs:
        raise source.refuse("there is nobody in it")
    return tuple(source.pairs), source.all_notes()


def _twice(pairs: Iterable[Pair]) -> Iterable[str]:
    """What is wrong where an account is named more than once."""
    seen: dict[str, str] = {}
    for pair in pairs:
        for identity in (pair.old, pair.new):
            key = normalised(str(identity))
            first = seen.setdefault(key, pair.where)
            if identity is pair.new and key == normalised(str(pair.old)):
                yield f"{pair.where}: {identity} is both the old and the new account"
            elif first != pair.where:
                yield f"{pair.where}: {identity} is already in {first}"


def _plain(heading: str) -> str:
    return re.sub(r"[\s_.-]+", "", heading).lower()


# By domain


def domains_of(from_domain: object, to_domain: object) -> Domains:
    """The domains of a rule. Raises `InvalidArgumentError` where one is no domain, or both are the same."""
    old, new = (
        _domain(domain, name) for domain, name in ((from_domain, "from_domain"), (to_domain, "to_domain"))
    )
    if normalised(old) == normalised(new):
        raise InvalidArgumentError(f"from_domain and to_domain are the same: {old!r}")
    return Domains(old, new)


def _domain(domain: object, name: str) -> str:
    text = domain.strip().removeprefix("@") if isinstance(domain, str) else ""
    if not text or re.search(r"[@*\s/,;<>]|^\.|\.$|\.\.", text):
        raise InvalidArgumentError(f"{name} must be a whole domain, such as 'example.com'; got {domain!r}")
    return text


def pairs_by_domain(listing: MemberListing, domains: Domains) -> tuple[list[Pair], list[str]]:
    """Whoever has an address of exactly the old domain, with the same address in the new one; and notes."""
    pairs: list[Pair] = []
    notes: list[str] = []
    for member in listing.people:
        names = dict.fromkeys(name.strip() for name in (member.user.email, member.user.username) if name)
        old = tuple(name for name in names if normalised(_domain_in(name)) == normalised(domains.old))
        if old:
            new = tuple(f"{name.rpartition('@')[0]}@{domains.new}" for name in old)
            distinct = {normalised(name): name for name in new}
            pairs.append(Pair(described(member), Identity(names=old), Identity(names=(*distinct.values(),))))
        elif any(skeleton(_domain_in(name)) == skeleton(domains.old) for name in names):
            notes.append(
                f"{described(member)} is left alone: the domain of the address only looks like {domains.old}"
            )
    return pairs, notes


def _domain_in(name: str) -> str:
    return name.rpartition("@")[2] if "@" in name else ""
