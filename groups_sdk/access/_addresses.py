"""Email addresses and usernames as people write them down, and when two of them are the same."""

from __future__ import annotations

import re
import string
import unicodedata
from urllib.parse import unquote

from groups_sdk.errors import InvalidArgumentError

__all__ = ["normalised", "read_address"]

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NAMED = re.compile(r"([^<>]*)<([^<>]*)>")
_MAILTO = re.compile(r"mailto:([^?]*)(?:\?.*)?", re.IGNORECASE)
_SHOWN = 80


def normalised(name: str) -> str:
    """The form in which two addresses or usernames are compared: trimmed, with ASCII letters in lower case.

    Nothing else is made equal: letters beyond ASCII, Unicode forms and look-alikes may be other people's.

    Example:
        assert normalised(" Ada@Example.com ") == "ada@example.com"
    """
    name = name.strip(string.whitespace)
    return name.lower() if name.isascii() else name.translate(_LOWER)


def read_address(text: str) -> str:
    """The email address or username that a text means: `Ada <a@b>`, `<a@b>` and `mailto:a@b` mean a@b.

    Any other text means itself, trimmed. Raises `InvalidArgumentError` for an empty one, one with control characters
    or white space in it, and one with two addresses.

    Example:
        assert read_address("Ada Lovelace <ada@example.com>") == "ada@example.com"
    """
    given = text.strip()
    address = given
    named = _NAMED.fullmatch(given)
    if named:
        address = named[2].strip()
        name = named[1].strip().strip("\"'").strip()
        if "@" in name and normalised(name) != normalised(address):
            raise _refused(given, "has two addresses")
    mailto = _MAILTO.fullmatch(address)
    if mailto:
        address = unquote(mailto[1]).strip()
    if (named or mailto) and "@" not in address:
        raise _refused(given, "has no address in it")
    if not address:
        raise InvalidArgumentError("the email address or username is empty")
    if any(c.isspace() or _is_control(c) or c in "<>" for c in address):
        raise _refused(given, "is not an email address or a username")
    if address.count("@") > 1 and ("," in address or ";" in address):
        raise _refused(given, "has two addresses")
    return address


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"


def _refused(text: str, reason: str) -> InvalidArgumentError:
    shown = repr(text)
    return InvalidArgumentError(f"{shown if len(shown) <= _SHOWN else shown[:_SHOWN] + '...'} {reason}")
