"""What an error's body says, in whatever form it comes: JSON:API, other JSON, a gateway's HTML, plain text."""

from __future__ import annotations

import re
from html import unescape
from typing import Any, Final

from groups_sdk._jsonapi import parsing
from groups_sdk.errors import ErrorObject

__all__ = ["decode_errors"]

_CHARACTERS_KEPT: Final = 500
_ENTRIES_KEPT: Final = 100
_TEXT_READ: Final = 16 * 1024

_TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
_UNSEEN = re.compile(r"<(script|style)\b.*?(?:</\1[^>]*>?|\Z)|<!--.*?(?:-->|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[a-z/!?][^>]*>?", re.IGNORECASE)


def decode_errors(content: bytes) -> tuple[ErrorObject, ...]:
    """What an error's body says, entry by entry; empty when it says nothing. Never raises.

    Texts are cut after 500 characters and free of control characters.

    Example:
        errors = decode_errors(b'{"errors": [{"status": "404", "detail": "no such group"}]}')
    """
    try:
        document = parsing.parse(content)
    except (ValueError, RecursionError):
        detail = _text_of(content[:_TEXT_READ].decode("utf-8", "replace"))
        return (ErrorObject(detail=detail),) if detail else ()
    return _entries(document.get("errors") if type(document) is dict else document) or _entries(document)


def _entries(value: Any) -> tuple[ErrorObject, ...]:
    entries = value[:_ENTRIES_KEPT] if type(value) is list else [value]
    objects = (_error_object(entry) for entry in entries)
    return tuple(entry for entry in objects if entry != ErrorObject())


def _error_object(entry: Any) -> ErrorObject:
    if type(entry) is str:
        return ErrorObject(detail=_plain(entry))
    if type(entry) is not dict:
        return ErrorObject()
    code, title = _first(entry, "code", "errorRef"), _first(entry, "title")
    detail = _first(entry, "detail", "details", "message", "error_description")
    word = _first(entry, "error")  # next to a message or a description it is the kind of error
    if detail is None:
        detail = word
    elif code is None:
        code = word
    elif title is None:
        title = word
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
    """The first of the members that is there and says something."""
    if type(entry) is dict:
        for name in names:
            value = entry.get(name)
            if type(value) is int:
                return str(value)
            if type(value) is str and (text := _plain(value)):
                return text
    return None


def _text_of(page: str) -> str | None:
    """The title of a page of HTML, or its words; any other text as it is."""
    title = _TITLE.search(page)
    text = (title[1].strip() if title else "") or _TAG.sub(" ", _UNSEEN.sub(" ", page))
    # Cut before the entities are read: Python refuses to read numbers with thousands of digits.
    return _plain(unescape(" ".join(text.split())[:_CHARACTERS_KEPT]))


def _plain(text: str) -> str | None:
    """The text without control characters and line breaks, and not too long; None when nothing is left."""
    printable = (character if character.isprintable() else " " for character in text[: 4 * _CHARACTERS_KEPT])
    words = " ".join("".join(printable).split())
    return (words if len(words) <= _CHARACTERS_KEPT else f"{words[:_CHARACTERS_KEPT]}...") or None
