"""Bodies of error responses to `ErrorObject`s: JSON:API, other JSON, a gateway's HTML, plain text."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final

from groups_sdk._jsonapi import parsing
from groups_sdk.errors import ErrorObject

__all__ = ["decode_errors", "is_error_document"]

_CHARACTERS_KEPT: Final = 500
_ENTRIES_KEPT: Final = 100
_TEXT_READ: Final = 16 * 1024

_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_INVISIBLE = re.compile(
    r"<(script|style)\b.*?(?:</\1[^>]*>?|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[a-z/!?][^>]*>?", re.IGNORECASE)


def decode_errors(content: bytes) -> tuple[ErrorObject, ...]:
    """The errors that a body describes, at most 100; empty when it describes none. Never raises.

    Texts are cut after 500 characters, and are otherwise as they came: `str(error)` escapes what is not printable.

    Example:
        errors = decode_errors(b'{"errors": [{"status": "404", "detail": "no such group"}]}')
    """
    try:
        document = parsing.parse(content)
    except (ValueError, RecursionError):
        detail = _text_of(content[:_TEXT_READ].decode("utf-8", "replace"))
        return (ErrorObject(detail=detail),) if detail else ()
    return _entries(document.get("errors") if type(document) is dict else document) or _entries(document)


def is_error_document(content: bytes) -> bool:
    """Whether a body is a JSON:API error document as the API writes them, not a gateway's page or JSON. Never raises.

    That is an object whose `errors` are objects with at least a `status` and a `detail`.

    Example:
        is_error_document(b'{"errors": [{"status": "404", "detail": "no such group"}]}')  # True
    """
    try:
        document = parsing.parse(content)
    except (ValueError, RecursionError):
        return False
    errors = document.get("errors") if type(document) is dict else None
    return type(errors) is list and bool(errors) and all(map(_is_error_object, errors))


def _is_error_object(entry: Any) -> bool:
    return type(entry) is dict and all(type(entry.get(name)) is str for name in ("status", "detail"))


def _entries(value: Any) -> tuple[ErrorObject, ...]:
    entries = value[:_ENTRIES_KEPT] if type(value) is list else [value]
    objects = (_error_object(entry) for entry in entries)
    return tuple(entry for entry in objects if entry != ErrorObject())


def _error_object(entry: Any) -> ErrorObject:
    if type(entry) is str:
        return ErrorObject(detail=_cut(entry))
    if type(entry) is not dict:
        return ErrorObject()
    code, title = _first(entry, "code", "errorRef"), _first(entry, "title")
    detail = _first(entry, "detail", "details", "message", "error_description")
    error = _first(entry, "error")  # the kind of error where there is a message too, otherwise the message
    if detail is None:
        detail = error
    elif code is None:
        code = error
    elif title is None:
        title = error
    links = entry.get("links")
    about = links.get("about") if type(links) is dict else None
    return ErrorObject(
        status=_first(entry, "status"),
        code=code,
        title=title,
        detail=detail,
        id=_first(entry, "id"),
        pointer=_first(entry.get("source"), "pointer"),
        parameter=_first(entry.get("source"), "parameter"),
        about=_first(about, "href") or _first(links, "about"),
        meta=entry.get("meta"),
    )


def _first(entry: Any, *names: str) -> str | None:
    """The first of these members that is a string with something in it, or an integer."""
    if type(entry) is dict:
        for name in names:
            value = entry.get(name)
            if type(value) is int:
                return str(value)
            if type(value) is str and (text := _cut(value)):
                return text
    return None


def _text_of(page: str) -> str | None:
    """The title of an HTML page, or else its visible text; any other text as it is."""
    title = _TITLE.search(page)
    text = (title[1].strip() if title else "") or _TAG.sub(" ", _INVISIBLE.sub(" ", page))
    # Cut before unescape, which raises ValueError on a numeric entity of thousands of digits.
    return _cut(" ".join(unescape(" ".join(text.split())[:_CHARACTERS_KEPT]).split()))


def _cut(text: str) -> str | None:
    """The beginning of the text; None when it is blank."""
    if not text.strip():
        return None
    return text if len(text) <= _CHARACTERS_KEPT else f"{text[:_CHARACTERS_KEPT]}..."
