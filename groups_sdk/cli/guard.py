"""What is the same for every command: streams that cannot fail, and ends that a script can read."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable

from groups_sdk.cli.exits import FAILED, INTERRUPTED, CommandError, explain
from groups_sdk.errors import GroupsError

__all__ = ["complain", "forgive_encodings", "run"]


def forgive_encodings() -> None:
    """A terminal without Unicode must not end a listing half-way."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def complain(prog: str, line: str) -> None:
    """One line on stderr."""
    print(f"{prog}: error: {line}", file=sys.stderr)


def run(work: Callable[[], int], *, prog: str, needs: str, debug: bool = False) -> int:
    """Do the work and return its exit code, or that of the error that it met, which gets its line on stderr."""
    try:
        code = work()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has gone. What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (CommandError, GroupsError, OSError) as error:
        if debug:
            traceback.print_exc()  # without the locals, which may be anybody's secrets
        code, line = explain(error, needs)
        complain(prog, line)
    return code
