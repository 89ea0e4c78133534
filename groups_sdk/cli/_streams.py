"""`-` in place of a file: standard input and standard output."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from groups_sdk.cli._exit_codes import CommandError

__all__ = ["STREAM", "read_stdin"]

STREAM = Path("-")


class _StandardInput(io.BytesIO):
    name = "<stdin>"


def read_stdin() -> io.BytesIO:
    """All that comes on standard input, as a file in memory. Raises `CommandError` when that is a terminal."""
    if sys.stdin.isatty():
        raise CommandError("- reads standard input, but nothing is piped into it")
    return _StandardInput(sys.stdin.buffer.read())
