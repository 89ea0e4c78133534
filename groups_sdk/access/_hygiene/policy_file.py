"""Policies as they are written: YAML or JSON, read strictly. Every place that is wrong is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from groups_sdk.access._hygiene.findings import HygieneCheck
from groups_sdk.access._hygiene.policy import HygieneAction, HygieneExemption, HygienePolicy, HygieneRule
from groups_sdk.access._plan.objects import imported_yaml
from groups_sdk.access._reading import ReadableFile, name_of, read_text
from groups_sdk.errors import InvalidArgumentError

__all__ = ["policy_of", "read_policy"]

_KEYS = ("findings", "exempt", "cascade")
_EXEMPTION = ("person", "until", "findings", "reason")
_ACTIONS = "remove, report or {set_role: ROLE}"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHOWN = 10


def read_policy(file: ReadableFile) -> HygienePolicy:
    name = name_of(file)
    text, _ = read_text(file)
    if Path(name).suffix.lower() == ".json" or text.lstrip().startswith("{"):
        return policy_of(_from_json(text, name), name)
    return policy_of(_from_yaml(text, name), name)


def policy_of(document: Any, source: str) -> HygienePolicy:
    """The policy that a document says. Raises `InvalidArgumentError` with all that is wrong."""
    reader = _PolicyReader()
    rules, exempt, cascade = reader.policy(document)
    if reader.problems:
        more = f"; and {len(reader.problems) - _SHOWN} more" if len(reader.problems) > _SHOWN else ""
        raise InvalidArgumentError(f"{source}: {'; '.join(reader.problems[:_SHOWN])}{more}")
    return HygienePolicy(rules, exempt, cascade)


class _PolicyReader:
    """Reads a document, and notes what is wrong in it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def policy(
        self, document: Any
    ) -> tuple[dict[HygieneCheck, HygieneRule], tuple[HygieneExemption, ...], bool | None]:
        rules: dict[HygieneCheck, HygieneRule] = {}
        if not isinstance(document, Mapping):
            self._wrong("", 'must be an object with "findings"')
            return rules, (), None
        self._check_keys("", document, _KEYS)
        findings = document.get("findings")
        if not isinstance(findings, Mapping) or not findings:
            self._wrong(
                "findings", f"must give at least one of {', '.join(HygieneCheck)} an action: {_ACTIONS}"
            )
        else:
            for key, value in findings.items():
                check, rule = self._check("findings", key), self._rule(f"findings.{key}", value)
                if check is HygieneCheck.SOLE_ROLE and rule is not None and rule.changes:
                    self._wrong(f"findings.{key}", "can only be reported")
                elif check is not None and rule is not None:
                    rules[check] = rule
        entries = document.get("exempt", [])
        if not isinstance(entries, list | tuple):
            self._wrong("exempt", "must be a list")
            entries = []
        exempt = [
            self._exemption(f"exempt, entry {number}", entry) for number, entry in enumerate(entries, 1)
        ]
        cascade = document.get("cascade")
        if cascade is not None and not isinstance(cascade, bool):
            self._wrong("cascade", f"must be true or false; got {cascade!r}")
            cascade = None
        return rules, tuple(entry for entry in exempt if entry is not None), cascade

    def _rule(self, where: str, value: Any) -> HygieneRule | None:
        if value in ("remove", "report"):
            return HygieneRule(HygieneAction(value))
        if isinstance(value, Mapping) and list(value) == ["set_role"]:
            role = value["set_role"]
            if isinstance(role, str) and role.strip():
                return HygieneRule(HygieneAction.SET_ROLE, role.strip())
            self._wrong(where, f"set_role must be the name or the id of a role; got {role!r}")
        elif value == "set_role":
            self._wrong(where, "must say which role: {set_role: ROLE}")
        else:
            self._wrong(where, f"must be {_ACTIONS}; got {value!r}")
        return None

    def _exemption(self, where: str, entry: Any) -> HygieneExemption | None:
        if not isinstance(entry, Mapping):
            self._wrong(where, 'must be an object with "person"')
            return None
        before = len(self.problems)
        self._check_keys(where, entry, _EXEMPTION)
        until, named = self._date(f"{where}: until", entry.get("until")), entry.get("findings", [])
        if not isinstance(named, list | tuple):
            self._wrong(f"{where}: findings", "must be a list")
            named = []
        elif "findings" in entry and not named:
            self._wrong(f"{where}: findings", "is empty: leave it out for all of them")
        checks = [self._check(f"{where}: findings", name) for name in named]
        reason = entry.get("reason")
        if reason is not None and not isinstance(reason, str):
            self._wrong(f"{where}: reason", f"must be text; got {reason!r}")
        if entry.get("person") is None:
            self._wrong(where, 'has no "person"')
        if len(self.problems) > before:
            return None
        try:
            return HygieneExemption(entry["person"], until, tuple(filter(None, checks)), reason)
        except InvalidArgumentError as error:
            self._wrong(f"{where}: person", str(error).removeprefix("exempt: "))
            return None

    def _date(self, where: str, value: Any) -> date | None:
        if value is None:
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            if isinstance(value, str) and _DATE.fullmatch(value.strip()):
                return date.fromisoformat(value.strip())
        except ValueError:
            pass  # no day of the calendar
        self._wrong(where, f"must be a date such as 2026-06-30; got {value!r}")
        return None

    def _check(self, where: str, name: Any) -> HygieneCheck | None:
        if isinstance(name, str) and name in set(HygieneCheck):
            return HygieneCheck(name)
        self._wrong(where, f"{name!r} is no finding{_meant(name, HygieneCheck)}")
        return None

    def _check_keys(self, where: str, entry: Mapping[Any, Any], known: Iterable[str]) -> None:
        for key in entry:
            if key not in known:
                self._wrong(where, f"has the unknown key {key!r}{_meant(key, known)}")

    def _wrong(self, where: str, problem: str) -> None:
        self.problems.append(f"{where}: {problem}" if where else problem)


def _meant(name: Any, known: Iterable[str]) -> str:
    """What may have been meant; else what there is."""
    choices = list(map(str, known))
    alike = get_close_matches(str(name), choices, n=1)
    return f" (is {alike[0]} meant?)" if alike else f"; known are {', '.join(choices)}"


class _TwiceError(ValueError):
    """An object has a key twice."""


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(f"has the key {key!r} twice")
        found[key] = value
    return found


def _from_json(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _TwiceError as error:
        raise InvalidArgumentError(f"{name}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{name}: is not JSON: {error}") from None


def _from_yaml(text: str, name: str) -> Any:
    """Dates stay text, so that one that is none is named with its place."""
    yaml: Any = imported_yaml(name)

    def constructed(loader: Any, node: Any) -> dict[Any, Any]:
        pairs: list[tuple[Any, Any]] = []
        for key_node, value_node in node.value:
            line = f"line {key_node.start_mark.line + 1}"
            key = loader.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise InvalidArgumentError(f"{name}: {line}: a key must be text; got {key!r}")
            if any(key == known for known, _ in pairs):
                raise InvalidArgumentError(f"{name}: {line}: has the key {key!r} twice")
            pairs.append((key, loader.construct_object(value_node, deep=True)))
        return dict(pairs)

    try:
        loader = yaml.SafeLoader(text)
        loader.yaml_constructors = {
            **loader.yaml_constructors,
            "tag:yaml.org,2002:map": constructed,
            "tag:yaml.org,2002:timestamp": yaml.SafeLoader.construct_yaml_str,
        }
        return loader.get_single_data()
    except InvalidArgumentError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = (
            getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be understood"
        )
        raise InvalidArgumentError(f"{name}: is not YAML: {line}{problem}") from None
