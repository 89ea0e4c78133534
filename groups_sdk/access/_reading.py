"""Text files in the encodings that people's programs write."""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from groups_sdk.errors import InvalidArgumentError

__all__ = ["read_text"]

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")


def read_text(path: str | os.PathLike[str]) -> tuple[str, str | None]:
    """The text of a file, and a note when its encoding is a guess.

    It is UTF-8, with a byte order mark or without, or UTF-16 or UTF-32 with one. What is not UTF-8, but could be
    cp1252 (Excel's "CSV" on a Western Windows), is taken for it, with the note. Raises `InvalidArgumentError` when the
    file cannot be read or is no text.

    Example:
        text, note = read_text("desired.csv")
    """
    name = os.fspath(path)
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidArgumentError(f"{name}: cannot be read: {reason}") from None
    encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    try:
        text, note = data.decode(encoding or "utf-8"), None
    except UnicodeDecodeError:
        if encoding is not None:
            raise InvalidArgumentError(
                f"{name}: is damaged: it begins as {encoding.removesuffix('-sig').upper()} text, and is not"
            ) from None
        text, note = _as_cp1252(data, name)
    if "\x00" in text or (note and _NO_TEXT.search(text)):
        raise InvalidArgumentError(f"{name}: is not a text file, or in an unusual encoding; save it as UTF-8")
    return text, note


def _as_cp1252(data: bytes, name: str) -> tuple[str, str]:
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise InvalidArgumentError(
            f"{name}: is not UTF-8 text; save it as UTF-8 (in Excel: CSV UTF-8)"
        ) from None
    return text, f"{name} was taken for cp1252, since it is not UTF-8: save it as UTF-8 if names look wrong"
