"""One warning for each operation whose API version is deprecated, at the line of the program that called it."""

from __future__ import annotations

import inspect
import logging
import warnings
from contextvars import ContextVar
from datetime import datetime
from types import FrameType
from typing import cast

from groups_sdk._public import set_module
from groups_sdk._responses import ApiResponse
from groups_sdk._terminal import printable

__all__ = ["ApiDeprecationWarning", "collect", "describe", "show", "warn"]

logger: logging.Logger = logging.getLogger("groups_sdk")

# A warning points at the program, so frames of these packages are skipped.
_SKIPPED_PACKAGES = {"groups_sdk", "anyio", "asyncio", "trio"}
_SHOWN = 100  # characters of a version
_deferred: ContextVar[list[str] | None] = ContextVar("groups_sdk_deferred_warnings", default=None)


class ApiDeprecationWarning(FutureWarning):
    """Calls an API operation that is deprecated, or that stops working on a known date.

    Shown once for each operation of a client, at the line that made the call. It is never raised as an exception,
    because the API has already answered and the answer must not be lost: where a filter turns warnings into errors, it
    is logged to the logger `groups_sdk` instead.

    Example:
        warnings.simplefilter("ignore", ApiDeprecationWarning)
    """


def describe(response: ApiResponse) -> str | None:
    """The text of the warning that the `deprecation` and `sunset` headers call for; None when there is neither."""
    deprecated, ends = "deprecation" in response.headers, "sunset" in response.headers
    if not deprecated and not ends:
        return None
    version = printable(response.version_served or response.version_requested or "(unknown)", _SHOWN)
    facts = [f"is deprecated{_when('since', response.deprecation)}"] if deprecated else []
    facts += [f"stops working{_when('on', response.sunset)}"] if ends else []
    return f"{response.operation}: API version {version} {' and '.join(facts)}"


def _when(word: str, moment: datetime | None) -> str:
    return f" {word} {moment:%Y-%m-%d %H:%M %Z}" if moment else ""


def warn(text: str) -> None:
    """Show the warning now, or add it to the list that `collect` returned for this context."""
    collected = _deferred.get()
    if collected is None:
        show([text])
    else:
        collected.append(text)


def collect() -> list[str]:
    """A list to which later warnings of the current context are added, instead of being shown."""
    collected: list[str] = []
    _deferred.set(collected)
    return collected


def show(texts: list[str]) -> None:
    """Show warnings at the innermost line of this thread that is outside this package and the event loop.

    They are taken off the list one by one, so that an interrupt has none shown twice.
    """
    while texts:
        text = texts.pop(0)
        frame = _calling_frame()
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


def _calling_frame() -> FrameType:
    frame = cast("FrameType", inspect.currentframe())  # None only where Python keeps no frames
    while frame.f_back is not None and _package(frame) in _SKIPPED_PACKAGES:
        frame = frame.f_back
    return frame


def _package(frame: FrameType) -> str:
    name: str = frame.f_globals.get("__name__", "")
    return name.partition(".")[0]


set_module("groups_sdk", globals(), ["ApiDeprecationWarning"])
