"""What a traceback shows."""

from __future__ import annotations

import traceback
from pathlib import Path

_TESTS = Path(__file__).parent.parent


def lines_with_locals(error: BaseException) -> str:
    """The traceback as a tool that prints locals would show it, without the frames of the tests themselves."""
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in report.stack if _TESTS not in Path(frame.filename).parents]
    assert frames
    assert error.__cause__ is None
    assert error.__context__ is None
    return "".join([str(error), repr(error), *(str(frame.locals) for frame in frames)])
