"""The pages that users read, the README and the guides, and the examples in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
GUIDES = ROOT / ".github" / "guides"
PAGES = [README, *sorted(GUIDES.glob("*.md"))]


@attrs.frozen
class Block:
    """A fenced block: its page, the line that it begins at, and what is in it."""

    page: Path
    line: int
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.name}-line-{self.line}"

    @property
    def in_place(self) -> str:
        """The text behind as many line breaks as make tracebacks name the page's own lines."""
        return "\n" * (self.line - 1) + self.text


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The blocks that begin with exactly this language; one with anything behind it is another test's."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(page, text.count("\n", 0, found.start(1)) + 1, found[1])


def command_lines(page: Path) -> list[str]:
    """The lines of shell blocks that run `groups-sdk`, without their comments."""
    lines = [line for block in blocks(page, "sh") for line in block.text.splitlines()]
    return [line.partition("  #")[0].strip() for line in lines if line.startswith("groups-sdk ")]


def guide(name: str) -> str:
    """The text of a guide."""
    return (GUIDES / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands below a heading, to the next one of the same level."""
    level = heading.partition(" ")[0]
    return text.partition(f"\n{heading}\n")[2].partition(f"\n{level} ")[0]


def recipe(guide: str, language: str) -> ModuleType:
    """The only block of a guide in that language, such as "python fastapi", as a module."""
    page = GUIDES / guide
    (block,) = blocks(page, language)
    module = ModuleType(f"recipe_{language.replace(' ', '_').replace('-', '_')}")
    exec(compile(block.in_place, str(page), "exec"), module.__dict__)
    return module


def example(guide: str, part: str) -> str:
    """The only block of Python in a guide that has `part` in it."""
    page = GUIDES / guide
    found = [block for language in ("py", "python") for block in blocks(page, language) if part in block.text]
    (block,) = found
    return block.in_place
