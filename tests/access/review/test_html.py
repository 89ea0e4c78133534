"""A review as a page: nothing that people call themselves gets out of its cell."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import attrs
import pytest
from support.reviews import GROUP, HOSTILE, hostile, member, review

from groups_sdk import Group, GroupsError, InvalidArgumentError, Review, __version__
from groups_sdk.testing import FakeSnyk


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


def page_of(made: Review, **options: Any) -> str:
    made.to_html(file := io.StringIO(), **options)
    return file.getvalue()


def section(page: str, anchor: str) -> str:
    return page.partition(f'<section id="{anchor}">')[2].partition("</section>")[0]


def test_the_page_is_sorted_and_has_its_sections_and_sums_without_scripts() -> None:
    members = [
        member("3", role="Group Admin", email="z@example.com"),
        member("1", email="B@example.com"),
        member("2", email="a@example.com", login="password"),
        member("4", email="c@example.com", login=None),
    ]
    page = page_of(review(members))
    everybody = section(page, "members")
    emails = ("z@example.com", "a@example.com", "B@example.com", "c@example.com")
    order = [everybody.index(f"<td>{email}</td>") for email in emails]
    assert order == sorted(order)
    assert 'Sorted: <span class="order">admins first, then by email address</span>' in everybody
    assert "<h2>Admins (1)</h2>" in (admins := section(page, "admins"))
    assert [email in admins for email in emails] == [True, False, False, False]
    assert "<h2>Not on SSO (1)</h2>" in (others := section(page, "not-on-sso"))
    assert [email in others for email in emails] == [False, True, False, False]
    assert "Not listed here: 1 whose login method is unknown." in others
    assert page.count("<rect ") == 2 + 3 + 3 + 4
    assert page.count("<tfoot><tr><td>Sum</td><td>4</td>") == 4
    assert "Members 4 = by role 4 = by login method 4 = by SSO 4 = by joining month 4" in page
    assert "<dt>Not on SSO</dt><dd>1</dd>" in page
    assert "In no organization" not in page
    assert 'id="changes"' not in page
    assert "Decision" not in page


def test_a_review_of_nobody_has_a_page() -> None:
    page = page_of(review([], orgs=True))
    assert "<dt>Members</dt><dd>0</dd>" in page
    assert section(page, "admins").endswith("<p>None.</p>\n")


def test_the_page_says_what_it_is_a_report_of() -> None:
    page = page_of(Review(Group("g"), None, ()))
    assert "<title>Access review of g</title>" in page
    facts = {"Group": "not known", "Group id": "g", "Reviewed": "not known", "Prepared by": "not given"}
    facts |= {"API": "not known", "API version": "not known", "Made with": f"groups_sdk {__version__}"}
    facts |= {"Login methods that count as SSO": "none that a member has"}
    facts |= {"Organizations": "not part of this review"}
    assert not [f for f in facts.items() if "<dt>{}</dt><dd><bdi>{}</bdi></dd>".format(*f) not in page]

    paris = timezone(timedelta(hours=1))
    made = Review(
        GROUP, datetime(2025, 11, 6, tzinfo=paris), (member("1", orgs={}),), True, "https://x/rest", "v9"
    )
    page = page_of(made, prepared_by="Ada <ada@example.com>")
    facts = {"Group": "Payments", "Reviewed": "2025-11-05 23:00 UTC", "Organizations": "included"}
    facts |= {"Prepared by": "Ada &lt;ada@example.com&gt;", "API": "https://x/rest", "API version": "v9"}
    facts |= {"Login methods that count as SSO": "saml"}
    assert not [f for f in facts.items() if "<dt>{}</dt><dd><bdi>{}</bdi></dd>".format(*f) not in page]
    assert "<title>Access review of Payments, 2025-11-05</title>" in page


def test_the_page_says_why_organizations_are_not_known() -> None:
    failed = [
        attrs.evolve(member(str(number)), org_error=GroupsError(f"{code}: <no>"))
        for number, code in enumerate((403, 403, 500, 502))
    ]
    said = "included, but not known for {}: 403: &lt;no&gt; (2); 500: &lt;no&gt; (1); 502: &lt;no&gt; (1)"
    made = review(failed, orgs=True)
    assert f"<bdi>{said.format(4)}</bdi>" in page_of(made)
    made = review([*failed, member("7")], orgs=True)
    assert f"<bdi>{said.format(5)}; more reasons: 1</bdi>" in page_of(made)
    made = review([member("7")], orgs=True)
    assert "not known for 1: the API does not name the user (1)" in page_of(made)


def test_more_than_two_years_of_months_are_folded_into_years() -> None:
    def joined(months: int) -> Review:
        since = [datetime(2020 + number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(months)]
        made = [
            attrs.evolve(m, membership=attrs.evolve(m.membership, created_at=moment))
            for moment, m in zip(since, [member("1")] * months, strict=True)
        ]
        return review(made)

    assert "<h3>By joining month</h3>" in page_of(joined(24))
    page = page_of(joined(25))
    assert "By joining month" not in page
    years = {2020: 12, 2021: 12, 2022: 1}
    assert all(f"<tr><td>{year}</td><td>{count}</td>" in page for year, count in years.items())


def test_what_changed_since_an_earlier_review_is_a_section() -> None:
    earlier = review([member("1"), member("2"), member("3"), member("4")], orgs=True)
    later = attrs.evolve(
        review([member("1"), member("3", role="Group Admin"), member("4"), member("5")], orgs=True),
        reviewed_at=datetime(2025, 12, 5, tzinfo=UTC),
    )
    page = page_of(later, since=earlier)
    assert "<h2>What changed since the review of 2025-11-05 00:00 UTC</h2>" in section(page, "changes")
    said = "4 members then. 1 added, 1 removed, 1 changed; organizations not compared for 3."
    assert said in section(page, "changes")
    assert "user5@example.com" in section(page, "added")
    assert "user2@example.com" in section(page, "removed")
    assert "<td>Reader -&gt; Group Admin</td>" in section(page, "changed")
    page = page_of(later, since=later)
    assert "0 added, 0 removed, 0 changed" in section(page, "changes")
    assert not [name for name in ("added", "removed", "changed") if section(page, name)]
    assert "not known" in section(page_of(later, since=Review(GROUP, None, ())), "changes")


def test_there_is_room_for_decisions_and_a_signature_when_asked_for() -> None:
    page = page_of(review([member("1", role="Group Admin", orgs={})], orgs=True), sign_off=True)
    heads = "".join(
        f'<th scope="col">{name}</th>' for name in ("Organizations", "Decision", "Reviewer", "Comment")
    )
    assert f"{heads}</tr>" in section(page, "members")
    assert "<td></td><td></td><td></td></tr>" in section(page, "members")
    assert "Decision" not in section(page, "admins"), "one decision for each member"
    assert page.count("<span>Signature</span>") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prepared_by": " "}, "prepared_by must be a string that is not blank"),
        ({"prepared_by": 7}, "prepared_by must be a string"),
        ({"since": Review(Group("other"), None, ())}, "the earlier review is of another group, other"),
        (
            {"since": Review(GROUP, datetime(2026, 1, 1), ())},
            "since must be an earlier review: it was made at 2026-01-01 00:00 UTC, this one at 2025-11-05 00:00 UTC",
        ),
    ],
)
@pytest.mark.parametrize("form", ["html", "xlsx"])
def test_what_no_report_can_be_made_with_is_refused(
    form: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        getattr(review([]), f"to_{form}")(tmp_path / "report", **options)
    assert list(tmp_path.iterdir()) == []


def test_no_name_of_a_group_gets_out_of_the_style() -> None:
    name = '"; } </style><script>alert(1)</script> \\ \u202e é' + 100 * "x"
    page = page_of(Review(Group("g", name), None, ()))
    style = page.rpartition("<style>")[2].partition("</style>")[0]
    footer = style.partition('@bottom-left { content: "')[2].partition('"')[0]
    assert re.fullmatch(r"(?:[A-Za-z0-9]|\\[0-9a-f]+ )+", footer)
    text = re.sub(r"\\([0-9a-f]+) ", lambda code: chr(int(code[1], 16)), footer)
    assert text == f"Group {name}".replace("\u202e", "\\u202e")[:77] + "..."
    assert page.count("<script>") == 1


def test_a_large_group_is_sorted_and_counted_as_a_whole() -> None:
    members = [
        member(str(n * 7919 % 250), role="Group Admin" if n % 50 == 0 else "Reader") for n in range(250)
    ]
    page = page_of(review(members))
    everybody = page.partition('<section id="members">')[2]
    emails = [text.partition("</td>")[0] for text in everybody.split("<td>user")[1:]][::2]
    by_name = sorted((not m.is_admin, m.membership.user.email or "") for m in members)
    assert [f"user{email}" for email in emails] == [email for _, email in by_name]
    assert "<td>Group Admin</td><td>5</td>" in page


@pytest.mark.anyio
async def test_a_page_that_is_cancelled_on_the_way_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeSnyk.example()
    path = tmp_path / "review.html"
    path.write_text("what was there")
    with anyio.CancelScope() as scope:

        def lines(report: Any) -> Iterator[str]:
            for number in range(1_000):
                if number == 100:
                    anyio.from_thread.run_sync(scope.cancel)
                yield "a line\n"

        monkeypatch.setattr("groups_sdk.access._review.html.html_lines", lines)
        async with fake.async_client() as client:
            await client.access.review(fake.group_id).to_html(path)
    assert scope.cancelled_caught
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [
        ("review.html", "what was there")
    ]
