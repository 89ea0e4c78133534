"""What the API says of its own end, as one warning an operation, at the line of the program that called it."""

from __future__ import annotations

import logging
import sys
import warnings
from contextvars import Context, ContextVar
from datetime import datetime
from types import FrameType

from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse

__all__ = ["ApiDeprecationWarning", "collect", "defer", "describe", "show", "warn"]

logger: logging.Logger = logging.getLogger("groups_sdk")

# Frames of these stand between a call and the program that made it.
_PASSED_OVER = {"groups_sdk", "anyio", "asyncio", "trio"}
_deferred: ContextVar[list[str] | None] = ContextVar("groups_sdk_deferred_warnings", default=None)


class ApiDeprecationWarning(FutureWarning):
    """The API version that answered is, or will be, deprecated, or stops working at a known time.

    Shown once for each operation of a client. It is never raised, whatever the filters say: the call has been
    answered, and its outcome must not be lost. Where a filter turns it into an error, it is logged instead.

    Example:
        warnings.simplefilter("ignore", ApiDeprecationWarning)
    """


def describe(response: ApiResponse) -> str | None:
    """What the headers `deprecation` and `sunset` say, as a sentence; None when neither is there."""
    deprecated, ends = "deprecation" in response.headers, "sunset" in response.headers
    if not deprecated and not ends:
        return None
    version = response.version_served or response.version_requested
    said = [f"deprecated{_when('since', response.deprecation)}"] if deprecated else []
    said += [f"to stop working{_when('on', response.sunset)}"] if ends else []
    return f"{response.operation}: API version {version or '(unknown)'} is {' and '.join(said)}"


def _when(word: str, moment: datetime | None) -> str:
    return f" {word} {moment:%Y-%m-%d %H:%M %Z}" if moment else ""


def warn(text: str) -> None:
    """Show the warning, or leave that to the thread that waits for this call."""
    held = _deferred.get()
    if held is None:
        show([text])
    else:
        held.append(text)


def collect() -> list[str]:
    """Have warnings of what runs in this context, from now on, collected in the list that is returned."""
    held: list[str] = []
    _deferred.set(held)
    return held


def defer(context: Context) -> list[str]:
    """Have warnings of what runs in that context collected in the list that is returned."""
    return context.run(collect)


def show(texts: list[str]) -> None:
    """Show warnings at the innermost line of the calling thread that is neither ours nor an event loop's."""
    for text in texts:
        frame = _caller(sys._getframe())
        try:
            warnings.warn_explicit(
                text,
                ApiDeprecationWarning,
                frame.f_code.co_filename,
                frame.f_lineno,
                frame.f_globals.get("__name__", "<unknown>"),
                frame.f_globals.setdefault("__warningregistry__", {}),
            )
        except ApiDeprecationWarning:
            logger.warning("%s", text)


def _caller(frame: FrameType) -> FrameType:
    while frame.f_back is not None and _package(frame) in _PASSED_OVER:
        frame = frame.f_back
    return frame


def _package(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]


set_module("groups_sdk", globals(), ["ApiDeprecationWarning"])
