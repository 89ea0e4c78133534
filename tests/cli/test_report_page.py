"""The page that `groups-sdk review --html` writes, in a real browser, with people in it who mean harm."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.loopback import served
from support.running import PATIENCE, call

from groups_sdk.testing import FakeSnyk

BROWSER = Path("/usr/bin/chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
EVIL = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "'></td></table><svg onload=document.title='owned'>",
    "</script><script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    "\u202eevil\u0000\x1b[2J",
    "--><!--<style>*{display:none}</style>",
]

pytestmark = pytest.mark.skipif(not BROWSER.exists(), reason="there is no /usr/bin/chromium")


class Seen(HTMLParser):
    """The title, and the texts of the cells of each row of the table's body."""

    def __init__(self, *, checked: bool) -> None:
        super().__init__()
        self.checked = checked
        self.rows: list[list[str]] = []
        self.title = ""
        self.elements: set[str] = set()
        self._in: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self._in.append(tag)
        assert not (self.checked and [name for name, _ in attrs if name.startswith("on")])
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "title" in self._in:
            self.title += data
        elif {"td", "th"} & set(self._in):
            self.rows[-1][-1] += data


def dom(page: Path, profile: Path, *, checked: bool = True) -> Seen:
    """What the browser made of the page, once its scripts had run."""
    done = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    seen = Seen(checked=checked)
    seen.feed(done.stdout.decode())
    return seen


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    fake = FakeSnyk.example()
    roles = [fake.memberships(fake.group_id)[0].role.id, fake.add_role(EVIL[0]).id]
    for number, name in enumerate(EVIL):
        user = fake.add_user(name=name, username=name, email=f"{name}@example.com", login_method=name)
        fake.add_membership(fake.group_id, user.id, roles[number % 2])
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        done = call(capsys, "review", fake.group_id, "--html", str(tmp_path / "review.html"))
    assert (done.code, done.err) == (0, "")
    return tmp_path / "review.html"


def rewritten(page: Path, old: str, new: str) -> Path:
    html = page.read_text(encoding="utf-8")
    changed = re.sub(old, new, html, count=1)
    assert changed != html
    other = page.with_name("rewritten.html")
    other.write_text(changed, encoding="utf-8")
    return other


@pytest.mark.parametrize("scripts", ["on", "off"])
def test_page_shows_everybody_and_runs_nobody_s_script(page: Path, tmp_path: Path, scripts: str) -> None:
    if scripts == "off":
        page = rewritten(page, r"script-src [^;]*;", "script-src 'none';")
    seen = dom(page, tmp_path / "profile")
    assert seen.title == "Access review of Engineering"
    assert ("button" in seen.elements) is (scripts == "on")
    assert not {"img", "iframe", "object", "embed", "link"} & seen.elements
    people = [row for row in seen.rows if any("@example.com" in cell for cell in row)]
    assert len(people) == 36 + len(EVIL)
    assert set(EVIL[:5]) <= {cell for row in people for cell in row}
    admins = [row[3] == "Group Admin" for row in people]
    assert admins == sorted(admins, reverse=True)  # they come first in the page as it stands


def test_browser_would_show_it_if_somebody_s_script_ran(tmp_path: Path) -> None:
    page = tmp_path / "open.html"
    page.write_text(f'<title>safe</title><p title="{EVIL[1]}">', encoding="utf-8")
    assert dom(page, tmp_path / "profile", checked=False).title == "owned"


def test_columns_sort_at_a_click(page: Path, tmp_path: Path) -> None:
    page = rewritten(page, r'<meta http-equiv="Content-Security-Policy"[^>]*>', "")
    click = "<script>document.querySelectorAll('.members th button')[0].click()</script>"
    names = [
        row[0]
        for row in dom(rewritten(page, "</body>", f"{click}</body>"), tmp_path / "profile").rows
        if any("@example.com" in cell for cell in row)
    ]
    assert names[-1] == "Tony Kim"
    ours = [name for name in names if name not in EVIL and "evil" not in name]
    assert ours == sorted(ours, key=lambda name: name.replace("í", "i"))
