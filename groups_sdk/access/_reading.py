"""Text in the encodings that people's programs write, from a path or from an open file such as standard input."""

from __future__ import annotations

import codecs
import io
import os
import re
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeGuard

import attrs

from groups_sdk.errors import InvalidArgumentError

__all__ = ["OpenFile", "ReadableFile", "TextOfFile", "is_open_file", "name_of", "read_file", "read_text"]

OpenFile: TypeAlias = IO[str] | IO[bytes]
"""A file that is open for reading, in text or binary mode, such as `sys.stdin`."""

ReadableFile: TypeAlias = str | os.PathLike[str] | OpenFile

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMS = (
    (b"", "utf-8"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"", "cp1252"),
)
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")


def is_open_file(thing: object) -> TypeGuard[OpenFile]:
    """Whether something is an open file, and no path or collection."""
    return callable(getattr(thing, "read", None))


def name_of(file: ReadableFile) -> str:
    """The path, or what an open file is called: "<stdin>", or "the open file" when it has no name."""
    if isinstance(file, str | os.PathLike):
        return os.fspath(file)
    name = getattr(file, "name", None)
    return name if isinstance(name, str) and name else "the open file"


def read_text(file: ReadableFile) -> tuple[str, str | None]:
    """The text of a file, and a note when its encoding is a guess.

    It is UTF-8, with a byte order mark or without, or UTF-16 or UTF-32 with one. What is not UTF-8, but could be
    cp1252 (Excel's "CSV" on a Western Windows), is taken for it, with the note. The same holds for an open file, whose
    bytes are read where they can be had; one of which some text was read before goes on in its own encoding. It is
    left open. Raises `InvalidArgumentError` when the file cannot be read or is no text.

    Example:
        text, note = read_text("desired.csv")
    """
    name = name_of(file)
    return _text_of(_read(file, name), name)


@attrs.frozen
class TextOfFile:
    """The text of a file, a note when its encoding is a guess, and the bytes that it was read from."""

    name: str
    text: str
    note: str | None
    data: bytes

    def encoded(self, text: str) -> bytes:
        """Another text in the encoding of the file. Raises `InvalidArgumentError` when that cannot carry it."""
        mark, encoding = next(
            (mark, encoding)
            for mark, encoding in _FORMS
            if mark + self.text.encode(encoding, "ignore") == self.data
        )
        try:
            return mark + text.encode(encoding)
        except UnicodeEncodeError as error:
            raise InvalidArgumentError(
                f"{self.name}: its encoding, {encoding}, has no {error.object[error.start]!a}; save it as UTF-8"
            ) from None


def read_file(path: str | os.PathLike[str]) -> TextOfFile:
    """The text of a file that is to be written again. Raises what `read_text` raises."""
    name = name_of(path)
    data = _read(path, name)
    return TextOfFile(name, *_text_of(data, name), data)


def _read(file: ReadableFile, name: str) -> Any:
    try:
        return _content(file)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it, or a file that was closed
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidArgumentError(f"{name}: cannot be read: {reason}") from None


def _text_of(content: Any, name: str) -> tuple[str, str | None]:
    note: str | None = None
    if isinstance(content, str):
        text = content.removeprefix("\ufeff")
        if not text.isascii() and text.encode("utf-8", "ignore").decode() != text:
            raise InvalidArgumentError(f"{name}: is not UTF-8 text; save it as UTF-8 (in Excel: CSV UTF-8)")
    elif isinstance(content, bytes):
        text, note = _decoded(content, name)
    else:
        raise InvalidArgumentError(f"{name}: cannot be read: there is no text in it")
    if "\x00" in text or (note and _NO_TEXT.search(text)):
        raise InvalidArgumentError(f"{name}: is not a text file, or in an unusual encoding; save it as UTF-8")
    return text, note


def _content(file: ReadableFile) -> Any:
    if isinstance(file, str | os.PathLike):
        return Path(file).read_bytes()
    return file.buffer.read() if _is_untouched(file) else file.read()


def _is_untouched(file: OpenFile) -> TypeGuard[io.TextIOWrapper]:
    """Whether this is text above bytes of which nothing was read as text before: then the bytes are all there."""
    if not isinstance(file, io.TextIOWrapper):
        return False
    try:
        file.reconfigure(encoding=file.encoding, errors=file.errors)  # refused after the first text
    except OSError:
        return False
    return True


def _decoded(data: bytes, name: str) -> tuple[str, str | None]:
    encoding = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    try:
        return data.decode(encoding or "utf-8"), None
    except UnicodeDecodeError:
        if encoding is not None:
            raise InvalidArgumentError(
                f"{name}: is damaged: it begins as {encoding.removesuffix('-sig').upper()} text, but is not"
            ) from None
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        raise InvalidArgumentError(
            f"{name}: is not UTF-8 text; save it as UTF-8 (in Excel: CSV UTF-8)"
        ) from None
    return text, f"{name} is not UTF-8 and was read as cp1252; save it as UTF-8 if names look wrong"
