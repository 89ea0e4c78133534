"""How every command is run: with warnings and the log as lines on stderr, and an end that a script can read."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from groups_sdk._terminal import printable
from groups_sdk.cli._exit_codes import FAILED, INTERRUPTED, CommandError
from groups_sdk.cli._explain import explain
from groups_sdk.cli._stdio import abandon_stdout, complain
from groups_sdk.errors import GroupsError

_OWN_LINES = ("Traceback (", "  File ", "\nThe above exception", "\nDuring handling")  # of a traceback

__all__ = ["run"]


def run(
    work: Callable[[], int], *, prog: str, needs: str, host: Callable[[], str] = str, debug: bool = False
) -> int:
    """Do the work and return its exit code, or that of the error that it met, which gets its line on stderr.

    `host` tells where the requests went, for the error when no answer came.
    """
    try:
        with _notices(prog, debug=debug):
            code = work()
            sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()  # the reader, such as `head`, has gone
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except (CommandError, GroupsError, OSError) as error:
        if debug:
            for line in _traceback(error):
                print(line, file=sys.stderr)
        code, line = explain(error, needs, host() or "the API")
        complain(prog, line)
    return code


def _traceback(error: BaseException) -> Iterator[str]:
    """The lines of a traceback, without locals, which may be secrets. What an exception says is one line of it."""
    for part in traceback.TracebackException.from_exception(error).format():
        text = part.rstrip("\n")
        yield from map(printable, text.split("\n") if part.startswith(_OWN_LINES) else [text])


class _Formatter(logging.Formatter):
    """Lines of the log, which tracebacks may be among."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(printable, super().format(record).split("\n")))

    def formatException(self, ei: Any) -> str:
        return "\n".join(_traceback(ei[1]))


class _Shown(logging.Handler):
    """Shows what is logged, as warnings are shown."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())


@contextmanager
def _notices(prog: str, *, debug: bool) -> Generator[None, None, None]:
    """Warnings as one line each; the log in full for --debug, and otherwise only what it says of the rate limit."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"{prog}: warning: {printable(str(message))}", file=sys.stderr)

    logger = logging.getLogger("groups_sdk")
    handler = logging.StreamHandler() if debug else logging.NullHandler()
    handler.setFormatter(_Formatter("%(levelname)s:%(name)s:%(message)s"))
    shown = logging.NullHandler() if debug else _Shown(show)
    limit = logging.getLogger("groups_sdk.rate_limit")
    level = logger.level
    logger.addHandler(handler)
    limit.addHandler(shown)
    if debug:
        logger.setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            yield
    finally:
        limit.removeHandler(shown)
        logger.removeHandler(handler)
        logger.setLevel(level)
