"""The page of a review in a real browser, with people in it who mean harm: on the screen, printed, without scripts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from support.browser import CHROMIUM, Browser, Tab, started
from support.reviews import GROUP, member

from groups_sdk import Group, Review
from groups_sdk.access import ReviewedMember

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}")

EVIL = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "\"onmouseover=\"document.title='owned'",
    "'></td></table><svg onload=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "</style><style>*{display:none}</style>",
    "javascript:document.title='owned'",
    "\u202eevil\u0000\x1b[2J",
    "--><!--<style>*{display:none}</style>",
]
COUNT = 250 + len(EVIL)  # more than two bodies of a table
# What a person sees: the rows of all members, as texts of cells, that are not hidden.
ROWS = """[...document.querySelectorAll("#members tbody tr")]
  .filter(row => row.checkVisibility({contentVisibilityAuto: false}))
  .map(row => [...row.cells].map(cell => cell.textContent))"""
AT_LAST = "await new Promise(done => requestAnimationFrame(() => setTimeout(done)));"


def people() -> list[ReviewedMember]:
    named = [
        member(
            str(number),
            name=f"Person {number:03}",
            role="Group Viewer",
            login="saml" if number % 3 else "github",
        )
        for number in range(250)
    ]
    named[17] = member("17", name="Jos\u00e9 Lovelace", role="Group Admin", email="jose@example.com")
    evil = [
        member(str(1000 + number), name=name, role=name, login=name, email=name)
        for number, name in enumerate(EVIL)
    ]
    return [*named, *evil]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as running:
        yield running


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "review.html"
    group = Group(GROUP.id, f"Payments {EVIL[5]} {EVIL[0]}")
    made = Review(group, datetime(2025, 11, 5, 10, tzinfo=UTC), tuple(people()))
    made.to_html(path, prepared_by=EVIL[0], since=Review(group, None, made.members[5:]), sign_off=True)
    return path


@pytest.fixture
def tab(browser: Browser, path: Path) -> Tab:
    tab = browser.tab()
    tab.open(path)
    return tab


def rows(tab: Tab) -> list[list[str]]:
    seen: list[list[str]] = tab.evaluate(ROWS)
    return seen


def text(tab: Tab, selector: str) -> str:
    return str(tab.evaluate(f"document.querySelector({selector!r}).textContent"))


def harmless(tab: Tab, path: Path) -> None:
    assert tab.evaluate("document.title").startswith("Access review of Payments </style>")
    assert (
        tab.evaluate("document.querySelectorAll('img, svg[onload], h1 *:not(bdi), [onmouseover]').length")
        == 0
    )
    assert tab.evaluate("document.scripts.length") == 1
    assert tab.loaded_urls() == [path.as_uri()]
    shown = {cell for row in rows(tab) for cell in row}
    assert set(EVIL[:7]) <= shown
    assert "\\u202eevil\\x00\\x1b[2J" in shown


def test_a_search_and_filters_show_the_members_that_fit(tab: Tab, path: Path) -> None:
    harmless(tab, path)
    assert len(rows(tab)) == COUNT
    assert text(tab, ".count") == f"All {COUNT} members"
    tab.evaluate("document.querySelector('.filters input').focus()")
    tab.type("jose LOVE")
    assert [row[0] for row in rows(tab)] == ["Jos\u00e9 Lovelace"]
    assert text(tab, ".count") == f"1 of {COUNT} members (search: jose LOVE)"
    tab.evaluate(f"(async () => {{ document.querySelector('.filters button').click(); {AT_LAST} }})()")
    assert len(rows(tab)) == COUNT

    choose = """(() => { const select = document.querySelector("[name='NAME']"); select.value = VALUE;
      select.dispatchEvent(new Event("input", {bubbles: true})); })()"""
    tab.evaluate(choose.replace("NAME", "Login method").replace("VALUE", "'github'"))
    github = rows(tab)
    assert {row[4] for row in github} == {"github"}
    assert len(github) == 84
    tab.evaluate(choose.replace("NAME", "SSO").replace("VALUE", "'yes'"))
    assert rows(tab) == []
    assert text(tab, ".count") == f"0 of {COUNT} members (Login method: github, SSO: yes)"
    tab.evaluate(f"(async () => {{ document.querySelector('.filters').reset(); {AT_LAST} }})()")
    tab.evaluate(choose.replace("NAME", "Role").replace("VALUE", repr(EVIL[0])))
    assert [row[3] for row in rows(tab)] == [EVIL[0]]

    tab.send("Emulation.setEmulatedMedia", media="print")
    assert [row[3] for row in rows(tab)] == [EVIL[0]], "what is printed is what was filtered, and says so"
    assert tab.evaluate("document.querySelector('.count').checkVisibility()") is True
    assert tab.evaluate("document.querySelector('.filters').checkVisibility()") is False
    assert text(tab, ".count") == f"1 of {COUNT} members (Role: {EVIL[0]})"


def test_columns_sort_and_the_page_says_how(tab: Tab) -> None:
    assert rows(tab)[0][3] == "Group Admin"
    assert text(tab, ".order") == "admins first, then by email address"
    click = "document.querySelectorAll('#members th button')[0].click()"
    tab.evaluate(click)
    ours = [row[0] for row in rows(tab) if row[0].startswith("Person")]
    assert ours == sorted(ours)
    assert len(rows(tab)) == COUNT
    assert text(tab, ".order") == "by Name, ascending"
    tab.evaluate(click)
    assert [row[0] for row in rows(tab) if row[0].startswith("Person")] == ours[::-1]
    assert text(tab, ".order") == "by Name, descending"


def test_the_header_stays_in_view_and_is_as_wide_as_the_columns(tab: Tab) -> None:
    tops: dict[str, Any] = tab.evaluate(
        f"""(async () => {{
          const rows = document.querySelectorAll("#members tbody tr");
          rows[200].scrollIntoView(); {AT_LAST} {AT_LAST}
          const head = document.querySelector("#members thead tr");
          const lefts = row => [...row.cells].map(cell => Math.round(cell.getBoundingClientRect().left));
          return {{head: head.getBoundingClientRect().top, scrolled: scrollY,
                   lefts: lefts(head), below: lefts(rows[200])}};
        }})()"""
    )
    assert tops["scrolled"] > 1000
    assert tops["head"] == 0
    assert tops["lefts"] == tops["below"]
    assert len(tops["lefts"]) == 10


def test_without_scripts_everything_is_there_to_read(browser: Browser, path: Path) -> None:
    tab = browser.tab()
    tab.open(path, scripts=False)
    harmless(tab, path)
    assert len(rows(tab)) == COUNT
    assert tab.evaluate("document.querySelector('.filters').checkVisibility()") is False
    assert tab.evaluate("document.querySelectorAll('th button').length") == 0
    assert text(tab, ".order") == "admins first, then by email address"


def test_the_policy_of_the_page_is_what_stops_a_script(browser: Browser, path: Path) -> None:
    page = path.with_name("changed.html")
    script = "<script>document.body.dataset.owned = 'yes'</script>"
    html = path.read_text(encoding="utf-8")
    owned = []
    for changed in (html, html.replace('http-equiv="Content-Security-Policy"', "")):
        page.write_text(changed.replace("</body>", f"{script}</body>"), encoding="utf-8")
        tab = browser.tab()
        tab.open(page)
        owned.append(tab.evaluate("document.body.dataset.owned === 'yes'"))
    assert owned == [False, True]


def test_the_print_is_in_landscape_with_all_columns_and_page_numbers(tab: Tab) -> None:
    pages = PdfReader(io.BytesIO(tab.pdf())).pages
    texts = [page.extract_text() for page in pages]
    assert all(page.mediabox.width > page.mediabox.height for page in pages)
    assert len(pages) < 20
    for number, printed in enumerate(texts, 1):
        assert f"Page {number} of {len(pages)}" in printed
        assert "Reviewed: 2025-11-05 10:00 UTC" in printed
        assert "Group Payments </style>" in printed
    lists = [printed for printed in texts if "Person 1" in printed]
    assert len(lists) > 4
    for printed in lists:
        assert "Name Email Username Role" in printed
    everybody = " ".join(texts[-4:])
    for heading in ("Member since", "SSO", "Decision", "Reviewer", "Comment", "Signature"):
        assert heading in everybody.replace("\n", " ")
    edges = [edge for page in pages for edge in left_edges(page)]
    assert 0 < min(edges) < max(edges) < float(pages[0].mediabox.width) - 20


def left_edges(page: Any) -> list[float]:
    """Where on the paper the texts of a page begin."""
    edges: list[float] = []

    def visit(text: str, outer: list[float], inner: list[float], *_: object) -> None:
        if text.strip():
            edges.append(outer[0] * inner[4] + outer[2] * inner[5] + outer[4])

    page.extract_text(visitor_text=visit)
    return edges
