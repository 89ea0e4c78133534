"""A review as a page: nothing that people call themselves gets out of its cell."""

from __future__ import annotations

import io
from html.parser import HTMLParser

from support.reviews import GROUP, HOSTILE, hostile, member, review

from groups_sdk import (
    Review,
)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of cells and scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.cells: list[str] = []
        self.scripts: list[str] = []
        self._into: list[str] | None = None
        self.comments = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.update((tag, name) for name, _ in attrs or [("", "")])
        if tag in ("td", "script"):
            self._into = self.cells if tag == "td" else self.scripts
            self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "script"):
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def test_no_name_becomes_an_element_an_attribute_or_a_script_of_the_page() -> None:
    pages = {}
    for name, made in (("hostile", hostile()), ("tame", review([member("0", orgs={"1": "2"})], orgs=True))):
        made.to_html(file := io.StringIO())
        pages[name] = file.getvalue()
    hostile_page, tame = Elements(), Elements()
    hostile_page.feed(pages["hostile"])
    tame.feed(pages["tame"])
    # An attribute of ours that the tame page has no use for: the warning colour
    assert hostile_page.found - tame.found <= {("td", "class")}
    assert not [name for _, name in hostile_page.found if name.startswith("on") or name == "href"]
    assert hostile_page.scripts == tame.scripts
    assert len(hostile_page.scripts) == 1
    assert hostile_page.comments == 0
    assert HOSTILE[0] in hostile_page.cells, "it is there as text"
    assert "\\u202egpj.exe" in hostile_page.cells
    assert not set("\u202e\x00\x1b\u2028") & set(pages["hostile"])
    pages["hostile"].encode()


def test_the_page_allows_itself_nothing_but_its_own_style_and_script() -> None:
    review([member("1")]).to_html(file := io.StringIO())
    page = file.getvalue()
    policy = page.partition('http-equiv="Content-Security-Policy" content="')[2].partition('"')[0]
    assert policy.startswith("default-src &#x27;none&#x27;")
    assert "unsafe" not in policy
    assert not [word for word in ("http://", "https://", "src=", "@import", "url(") if word in page]


def test_the_page_is_sorted_and_has_its_charts_without_scripts() -> None:
    members = [
        member("3", role="Group Admin", email="z@example.com"),
        member("1", email="B@example.com"),
        member("2", email="a@example.com", login="password"),
    ]
    review(members).to_html(file := io.StringIO())
    page = file.getvalue()
    order = [
        page.index(f"<bdi>{email}</bdi>") for email in ("z@example.com", "a@example.com", "B@example.com")
    ]
    assert order == sorted(order)
    assert page.count("<rect ") == 2 + 2 + 3
    assert "<dt>Not on SSO</dt><dd>1</dd>" in page
    assert "In no organization" not in page
    review([], orgs=True).to_html(file := io.StringIO())
    assert "<dt>Members</dt><dd>0</dd>" in file.getvalue()
    Review(GROUP, None, ()).to_html(file := io.StringIO())
    assert "reviewed at an unknown time" in file.getvalue()
