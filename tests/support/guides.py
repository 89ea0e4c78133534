"""The examples of a guide."""

from __future__ import annotations

import re
from pathlib import Path

_GUIDES = Path(__file__).parent.parent.parent / ".github" / "guides"


def example(guide: str, part: str) -> str:
    """The one block of Python in a guide that has `part` in it, as its readers copy it."""
    text = (_GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```py(?:thon)?\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if part in block]
    return str(block)
