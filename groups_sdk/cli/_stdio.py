"""stdout and stderr that cannot fail."""

from __future__ import annotations

import io
import os
import sys

__all__ = ["abandon_stdout", "complain", "forgive_encodings"]


def forgive_encodings() -> None:
    """A terminal without Unicode must not end a listing half-way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(prog: str, line: str) -> None:
    """One line on stderr."""
    print(f"{prog}: error: {line}", file=sys.stderr)


def abandon_stdout() -> None:
    """What is still buffered must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
