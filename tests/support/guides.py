"""The code blocks of the guides, which tests run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

GUIDES = Path(__file__).parents[2] / ".github" / "guides"


def blocks(guide: str, info: str) -> list[str]:
    """The blocks of a guide that begin with exactly that, such as "python fastapi"; tracebacks name its lines."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    found = re.finditer(rf"^```{re.escape(info)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return ["\n" * text[: block.start(1)].count("\n") + block[1] for block in found]


def recipe(guide: str, info: str) -> ModuleType:
    """The only block of that kind, as a module."""
    (block,) = blocks(guide, info)
    module = ModuleType(f"recipe_{info.replace(' ', '_').replace('-', '_')}")
    exec(compile(block, str(GUIDES / guide), "exec"), module.__dict__)
    return module


def example(guide: str, part: str) -> str:
    """The one block of Python in a guide that has `part` in it."""
    found = blocks(f"{guide}.md", "py") + blocks(f"{guide}.md", "python")
    (block,) = [block for block in found if part in block]
    return block
