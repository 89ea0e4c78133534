"""How much of what is drawn at random is tried: all of it, or with `RANDOM_SHARE=0.1` in the environment a tenth.

Only seeds, examples of hypothesis and the seconds of what runs against the clock are shared out. All else always runs.
"""

from __future__ import annotations

import os

SHARE = float(os.environ.get("RANDOM_SHARE", "1"))


def share(whole: int, *, least: int = 1) -> int:
    """That part of so many seeds, examples or seconds which is tried here, and never less than `least`."""
    return min(whole, max(least, round(whole * SHARE)))
