"""What the documentation is made of: the public modules, and the Markdown pages that are read on the forge."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    "groups_sdk",
    "groups_sdk.errors",
    "groups_sdk.models",
    "groups_sdk.access",
    "groups_sdk.testing",
    "groups_sdk.cli",
]
_PROJECT = ["CHANGELOG.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md", ".github/SUPPORT.md"]

_FENCE = re.compile(r"^(```+)[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\((?![a-z]+:)([^)#\s]*)(#[^)\s]*)?\)")
_EXAMPLE = re.compile(r"^Example:\n((?: {4}.*\n?|\n(?= {4}))+)", re.MULTILINE)


def pages() -> dict[Path, str]:
    """Each Markdown page, and the name that it has in the reference."""
    guides = sorted((ROOT / ".github" / "guides").glob("*.md"))
    named = {path: f"guides.{path.stem}" for path in guides}
    return {
        ROOT / "README.md": "guides",
        **named,
        **{ROOT / name: f"guides.{Path(name).stem.lower()}" for name in _PROJECT},
    }


def prose(text: str) -> str:
    """Markdown without blocks of code and comments, with as many lines."""
    for pattern in (_FENCE, _COMMENT):
        text = pattern.sub(lambda found: "\n" * found[0].count("\n"), text)
    return text


def code_spans(text: str) -> list[str]:
    """What stands between backticks in a text."""
    return [span.strip("`") for span in _CODE.findall(prose(text))]


def links(text: str) -> list[tuple[str, str]]:
    """The links of Markdown to files and places in them, not to sites: path and anchor, each of which may be empty."""
    return [(path, anchor[1:]) for path, anchor in _LINK.findall(_CODE.sub("", prose(text)))]


def anchors(text: str) -> set[str]:
    """The anchors of Markdown's headings, as forges make them."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = 0
        while (anchor := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(anchor)
    return found


def page_for_reference(path: Path) -> str:
    """A page's Markdown with its links to other pages as links within the reference, and plain fences."""
    names = pages()
    depth = names[path].count(".")

    def link(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        name = names.get((path.parent / target).resolve()) if target else None
        return f"]({'../' * depth}{name.replace('.', '/')}.html{anchor})" if name else found[0]

    text = _LINK.sub(link, path.read_text(encoding="utf-8"))
    return re.sub(r"^```(\w+) .*$", r"```\1", text, flags=re.MULTILINE)


def docstring_for_reference(docstring: str) -> str:
    """A docstring with its example as a block of code, which `help()` shows without fences."""

    def fenced(found: re.Match[str]) -> str:
        code = re.sub(r"^ {4}", "", found[1].rstrip(), flags=re.MULTILINE)
        return f"Example:\n\n```python\n{code}\n```\n"

    return _EXAMPLE.sub(fenced, docstring)
