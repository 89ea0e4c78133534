"""The documentation: its links lead somewhere, it names only what is there, and its checks see what is broken."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from support.pages import PAGES, ROOT

DOCS = ROOT / ".github" / "docs"


def load(name: str) -> ModuleType:
    """A module of the folder of scripts, which is not on the path."""
    sys.path.insert(0, str(DOCS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(DOCS))


checks, sources, pypi_readme = load("checks"), load("sources"), load("pypi_readme")


def test_every_link_of_the_pages_leads_somewhere() -> None:
    assert set(PAGES) <= set(sources.pages())
    assert [*checks.broken_links()] == []


def test_pages_and_docstrings_name_nothing_that_is_not_there() -> None:
    assert len([*checks.docstrings()]) > 200
    assert [*checks.unknown_names()] == []


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("other.md", None),
        ("other.md#two-words-here", None),
        ("#a-page", None),
        ("https://example.com/x", None),
        ("gone.md", "page.md: gone.md does not exist"),
        ("other.md#three", "page.md: other.md#three has no such heading"),
        ("#nowhere", "page.md: #nowhere has no such heading"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str, problem: str | None) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        f"# A page\n\n`[no](link.md)` [text]({link})\n\n```\n[no](link.md)\n```\n", encoding="utf-8"
    )
    (tmp_path / "other.md").write_text("## Two `words`, here\n", encoding="utf-8")
    assert [*checks.broken_links_of(page)] == ([problem] if problem else [])


@pytest.mark.parametrize(
    "name",
    [
        "groups_sdk.access.Plan.to_json",
        "GroupsClient",
        "Plan.digest",
        "plan.not_in_snyk",
        "error.status_code",
        "client.access",
        "client.detached()",
        "groups_sdk.review",
        "collect(max_items=25)",
        "httpx.AsyncClient",
        "ResourceWarning",
        "some_argument",
        "two words",
    ],
)
def test_a_name_that_is_there_is_none_of_the_unknown(name: str) -> None:
    assert [*checks.unknown_names_of(f"See `{name}`.")] == []


@pytest.mark.parametrize(
    "name",
    [
        "groups_sdk.access.Plam",
        "groups_sdk.nothing",
        "GroupClient",
        "Plan.fingerprint",
        "plan.fingerprint",
        "client.get_groups()",
        "error.sent",
        "collect_all()",
    ],
)
def test_a_name_that_is_not_there_is_found(name: str) -> None:
    assert [*checks.unknown_names_of(f"See `{name}`.")] == [name]
    assert [*checks.unknown_names_of(f"```\n`{name}`\n```\n")] == []


def test_a_built_page_with_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<p id="x"><a href="b.html#y"><a href="#x"><a href="https://x">', "utf-8"
    )
    (tmp_path / "b.html").write_text('<p id="y"><a href="a.html#z"><a href="c.html">', "utf-8")
    assert [*checks.broken_pages(tmp_path)] == [
        "b.html: a.html#z is no place in that page",
        "b.html: c.html is no page",
    ]


def test_two_headings_of_the_same_words_have_two_anchors() -> None:
    assert sources.anchors("# One\n## One\n```sh\n# no heading\n```\n## It's [a link](x.md)!") == {
        "one",
        "one-1",
        "its-a-link",
    }


def test_links_between_pages_stay_links_in_the_reference() -> None:
    readme = sources.page_for_reference(ROOT / "README.md")
    assert "](guides/jobs.html#review-a-group)" in readme
    assert ".md)" not in sources.prose(readme)
    guide = sources.page_for_reference(ROOT / ".github" / "guides" / "command-line.md")
    assert "](../guides/configuration.html#credentials-and-regions)" in guide


def test_an_example_in_a_docstring_is_a_block_of_code() -> None:
    docstring = "What it does.\n\nExample:\n    if x:\n        y()\n\n    z()\n"
    assert sources.docstring_for_reference(docstring) == (
        "What it does.\n\nExample:\n\n```python\nif x:\n    y()\n\nz()\n```\n"
    )


def test_on_pypi_the_links_of_the_readme_are_absolute() -> None:
    text = "[a](x/y.md#z) [b](#here) [c](https://example.com)"
    assert pypi_readme.absolute(text, "https://forge.example/o/n/blob/v1/") == (
        "[a](https://forge.example/o/n/blob/v1/x/y.md#z) [b](#here) [c](https://example.com)"
    )
