"""`-` in place of a file: standard input and standard output."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from groups_sdk.cli._exit_codes import CommandError

__all__ = ["STREAM", "read_once", "read_stdin"]

STREAM = Path("-")


class _Content(io.BytesIO):
    """What was read, under the name of where it came from."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def read_once(path: Path) -> io.BytesIO:
    """All that is in a file, or on standard input for `-`: a pipe has it only once, and a file may change."""
    return read_stdin() if path == STREAM else _Content(path.read_bytes(), str(path))


def read_stdin() -> io.BytesIO:
    """All that comes on standard input, as a file in memory. Raises `CommandError` when that is a terminal."""
    if sys.stdin.isatty():
        raise CommandError("- reads standard input, but nothing is piped into it")
    return _Content(sys.stdin.buffer.read(), "<stdin>")
