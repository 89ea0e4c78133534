"""The page that `groups-sdk review --html` writes, in a real browser, with people in it who mean harm."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from loopback import served
from running import PATIENCE, call

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

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.title = ""
        self.elements: set[str] = set()
        self._in: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self._in.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
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


def dom(page: Path, profile: Path, *flags: str) -> Seen:
    """What the browser made of the page, once its scripts had run."""
    done = subprocess.run(
        [BROWSER, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    seen = Seen()
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


@pytest.mark.parametrize("scripts", ["on", "off"])
def test_page_shows_everybody_and_runs_nobody_s_script(page: Path, tmp_path: Path, scripts: str) -> None:
    flags = ["--blink-settings=scriptEnabled=false"] if scripts == "off" else []
    seen = dom(page, tmp_path / "profile", *flags)
    assert seen.title == "Access review of Engineering"
    assert not {"img", "iframe", "object", "embed", "link"} & seen.elements
    cells = {cell for row in seen.rows for cell in row}
    assert {"ada.0000@example.com", "niklaus.0035@example.com"} <= cells
    assert set(EVIL[:5]) <= cells
    assert len([row for row in seen.rows if any("@example.com" in cell for cell in row)]) == 36 + len(EVIL)


def test_page_s_own_script_sorts(page: Path, tmp_path: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert re.search(r"<meta http-equiv=.?Content-Security-Policy", html, re.IGNORECASE)
    seen = dom(page, tmp_path / "profile")
    without = dom(page, tmp_path / "profile", "--blink-settings=scriptEnabled=false")
    assert "button" in seen.elements - without.elements or seen.rows == without.rows
