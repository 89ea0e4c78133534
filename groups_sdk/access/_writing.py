"""Files that are whole or not there, readable by their owner only, and safe to write where others can write too.

They hold names, addresses and roles. Only synchronous code: whoever has an event loop runs it in a thread.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from groups_sdk.errors import FileAccessError

__all__ = ["AnyFile", "check_writable", "opened_to_write", "opened_to_write_bytes"]

AnyFile = str | os.PathLike[str] | IO[str]
"""A path, or a text file that is open."""

_NEW = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_STANDARD_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d{1,9})")


@contextmanager
def opened_to_write(file: AnyFile, *, bom: bool = False) -> Generator[Callable[[str], object], None, None]:
    """Something to write text with, for a path or an open file. `bom` puts a byte order mark in front, in files only.

    A path gets its file when all has been written, and keeps what it had before when something fails meanwhile: a
    part of an access list is easily taken for the whole. The text is written to a new file of an unpredictable name
    in the same directory, flushed to the disk and moved into place, so that the last of several writers wins and
    its file is whole. A new file has the mode 0600, an existing one keeps its mode. A symbolic link to a file, or to
    nothing, is replaced by the file: what it points at is not touched, whoever made the link.

    Pipes, devices and `/dev/stdout` (or what a link to one of them leads to) are written to at once, and so is an
    open file, which stays open. A lone surrogate, which JSON can bring, has no form in UTF-8: it becomes "?".

    Raises `FileAccessError` when the path cannot be written, and when the encoding of an open file cannot carry a
    text. Other errors of an open file are passed on.

    Example:
        with opened_to_write("review.csv", bom=True) as write:
            write("email,role\\r\\n")
    """
    if not isinstance(file, str | os.PathLike):
        yield _writing_to_open(file)
        return
    text = partial(os.fdopen, mode="w", errors="replace", newline="")
    new = partial(text, encoding="utf-8-sig" if bom else "utf-8")
    with _opened_path(os.fspath(file), new=new, in_place=partial(text, encoding="utf-8")) as write:
        yield write


@contextmanager
def opened_to_write_bytes(
    path: str | os.PathLike[str],
) -> Generator[Callable[[bytes], object], None, None]:
    """Something to write bytes to a path with, in the manner of `opened_to_write`."""
    binary = partial(os.fdopen, mode="wb")
    with _opened_path(os.fspath(path), new=binary, in_place=binary) as write:
        yield write


@contextmanager
def _opened_path(
    path: str, *, new: Callable[[int], IO[Any]], in_place: Callable[[int], IO[Any]]
) -> Generator[Callable[[Any], object], None, None]:
    """`new` and `in_place` make streams of descriptors, of a new file and of what is written to as it stands."""
    descriptor = _opened_in_place(path)
    if descriptor is not None:
        stream = in_place(descriptor)
        with _closed_at_last(stream):
            yield _writing_to(stream, path)
            with _named(path):
                stream.close()
        return
    part = _part_of(path)
    with _named(path):
        descriptor = os.open(part, _NEW, 0o600)
    try:
        stream = new(descriptor)
        with _closed_at_last(stream):
            yield _writing_to(stream, path)
            with _named(path):
                _keep_mode(path, stream.fileno())
                stream.flush()
                os.fsync(stream.fileno())
                stream.close()
                os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise `FileAccessError` now for a path that `opened_to_write` could not write to later.

    The directory is missing or may not be written to, or the path is a directory, or a device or pipe that may not be
    written to. Nothing is left behind: in place of the file, an empty one of another name is made and removed again.

    Example:
        check_writable("review.csv")
    """
    name = os.fspath(path)
    with _named(name):
        standard = _standard_stream(name)
        if standard is not None:
            os.fstat(standard)
            return
        try:
            mode = os.stat(name).st_mode
        except FileNotFoundError:
            mode = stat.S_IFREG
        if stat.S_ISREG(mode):
            part = _part_of(name)
            os.close(os.open(part, _NEW, 0o600))
            os.unlink(part)
        elif stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not os.access(name, os.W_OK):  # not opened: a pipe would wait for its reader
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _part_of(path: str) -> str:
    """A new name in the same directory."""
    return str(Path(path).with_name(f".{secrets.token_hex(8)}.part")) if Path(path).name else path


def _standard_stream(path: str) -> int | None:
    """The descriptor that a path such as `/dev/stdout` stands for."""
    matched = _DESCRIPTOR.fullmatch(path)
    return int(matched[1]) if matched else _STANDARD_STREAMS.get(path)


def _opened_in_place(path: str) -> int | None:
    """A descriptor of what is written to as it stands: no regular file, and no place where there is nothing yet."""
    with _named(path):
        number = _standard_stream(path)
        if number is not None:
            return os.dup(number)  # opened by its name, a file behind it would be written from its beginning
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            return None
        return None if stat.S_ISREG(mode) else os.open(path, os.O_WRONLY | getattr(os, "O_NOCTTY", 0))


def _keep_mode(path: str, descriptor: int) -> None:
    """Give the new file the mode of the one that it replaces."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode) and hasattr(os, "fchmod"):  # Windows has no such modes
        os.fchmod(descriptor, mode & 0o777)


def _writing_to_open(file: IO[str]) -> Callable[[str], object]:
    def write(text: str) -> None:
        text = text.encode("utf-8", "replace").decode()
        try:
            file.write(text)
        except UnicodeEncodeError as error:
            name, missing = str(getattr(file, "name", "the open file")), error.object[error.start]
            raise FileAccessError(
                f"{name}: cannot be written: its encoding, {error.encoding}, has no {missing!a}; make it UTF-8",
                path=name,
            ) from error

    return write


def _writing_to(stream: IO[Any], path: str) -> Callable[[Any], object]:
    def write(data: Any) -> None:
        with _named(path):
            stream.write(data)

    return write


@contextmanager
def _closed_at_last(stream: IO[Any]) -> Generator[None, None, None]:
    """Close the stream whatever happens, without a second error for what could not be written before."""
    try:
        yield
    finally:
        try:
            stream.close()
        except OSError:
            pass  # either an error is on its way already, or all was written and closed before


@contextmanager
def _named(path: str) -> Generator[None, None, None]:
    """Give errors of the operating system the path that the caller knows."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise FileAccessError(f"{path}: cannot be written: {reason}", path=path) from error
