"""What a request must be like: its query, its document, its cursors. What is not is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, NoReturn

from groups_sdk._arguments import UUID
from groups_sdk.testing import _documents as documents
from groups_sdk.testing._documents import Document
from groups_sdk.testing._state import SORT_KEYS, Key

SORT_COLUMNS = tuple(column for column in SORT_KEYS if column is not None)
CODES = {
    400: "SNYK-OPENAPI-0001",
    401: "SNYK-OPENAPI-0007",
    403: "SNYK-OPENAPI-0002",
    404: "SNYK-OPENAPI-0004",
    405: "SNYK-OPENAPI-0005",
    406: "SNYK-OPENAPI-0003",
    409: "SNYK-0003",
    410: "SNYK-0003",
    413: "SNYK-OPENAPI-0006",
    415: "SNYK-OPENAPI-0008",
    429: "SNYK-0001",
    500: "SNYK-9999",
    503: "SNYK-9999",
    504: "SNYK-0004",
}
_SHOWN = 50


class Refusal(Exception):
    """A request that the API answers with an error."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        parameter: str | None = None,
        pointer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status: int = status
        self.detail: str = detail
        self.code: str = CODES[status]
        self.headers: Mapping[str, str] = headers or {}
        self.source: Document | None = {"parameter": parameter[:_SHOWN]} if parameter else None
        if pointer:
            self.source = {"pointer": pointer}


# The query


def known_once(pairs: Collection[tuple[str, str]], known: Collection[str], operation: str) -> dict[str, str]:
    """The parameters by name: each is known, and there once."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise Refusal(400, "a query parameter is repeated", parameter=name)
        if name not in known:
            raise Refusal(400, f"{name[:_SHOWN]} is not a query parameter of {operation}", parameter=name)
        found[name] = value
    return found


def text(query: Mapping[str, str], name: str) -> str | None:
    """A filter."""
    value = query.get(name)
    if value == "":
        raise Refusal(400, f"{name} must not be empty", parameter=name)
    return value


def choice(query: Mapping[str, str], name: str, allowed: Collection[str]) -> str | None:
    """One of the allowed values."""
    value = query.get(name)
    if value is not None and value not in allowed:
        raise Refusal(400, f"{name} must be one of {', '.join(allowed)}", parameter=name)
    return value


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean, which is written in lower case."""
    return choice(query, name, ("true", "false")) == "true"


def limit(query: Mapping[str, str]) -> int:
    """The size of a page."""
    value = query.get("limit", "10")
    size = int(value) if re.fullmatch(r"[1-9][0-9]{1,2}", value) else 0
    if not 10 <= size <= 100 or size % 10:
        raise Refusal(400, "limit must be a multiple of 10 from 10 to 100", parameter="limit")
    return size


def cursor(query: Mapping[str, str], listing: str) -> tuple[Key | None, bool]:
    """Where a page begins, and whether it lies in front of that place. A cursor is good for its own listing only."""
    names = [name for name in ("starting_after", "ending_before") if name in query]
    if len(names) == 2:
        raise Refusal(400, "starting_after and ending_before exclude each other", parameter="ending_before")
    for name in names:
        key = documents.decode_cursor(query[name], listing)
        if key is None:
            raise Refusal(400, f"{name} is not a cursor of this listing", parameter=name)
        return key, name == "ending_before"
    return None, False


# The body


def document(body: bytes) -> Document:
    """The request's document, which has `data` and nothing else."""
    try:
        value = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON", pointer="/") from None
    return _only(value, "", ("data",))


def member(parent: Document, pointer: str, name: str, allowed: Collection[str] | None) -> Document:
    """An object of the document, with no members but the allowed ones; None: with any."""
    return _only(parent.get(name), f"{pointer}/{name}", allowed)


def constant(parent: Document, pointer: str, name: str, value: str) -> None:
    """A string that can only be this one."""
    if parent.get(name) != value:
        raise Refusal(400, f"{name} must be {value}", pointer=f"{pointer}/{name}")


def uuid(parent: Document, pointer: str, name: str) -> str:
    """An id, in lower case."""
    value = parent.get(name)
    if type(value) is not str or not UUID.fullmatch(value):
        raise Refusal(400, f"{name} must be a UUID", pointer=f"{pointer}/{name}")
    return value.lower()


def related(relationships: Document, name: str, type_: str) -> str:
    """The id of a related resource of this type."""
    pointer = f"/data/relationships/{name}"
    linkage = member(
        member(relationships, "/data/relationships", name, ("data",)), pointer, "data", ("id", "type")
    )
    constant(linkage, f"{pointer}/data", "type", type_)
    return uuid(linkage, f"{pointer}/data", "id")


def _only(value: Any, pointer: str, allowed: Collection[str] | None) -> Document:
    if type(value) is not dict:
        raise Refusal(400, "an object is required here", pointer=pointer or "/")
    for name in value:
        if allowed is not None and name not in allowed:
            raise Refusal(400, f"{name[:_SHOWN]} is not a known member", pointer=pointer or "/")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
