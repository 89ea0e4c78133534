"""Row 19: a review of 20,000 members as a page, in a headless Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from support.browser import Tab, started

from benchmarks.measuring import Bench, Outcome, row
from groups_sdk import Group, GroupMembership, Review, Role, User
from groups_sdk.access import ReviewedMember

GROUP = Group("00000001-0000-4000-8000-000000000000", "Engineering")
ROLES = ["Group Viewer", "Group Member", "Group Member", "Security Champion"]
LOGINS = ["saml", "saml", "saml", "github", "password"]
TYPED = "ada 1 lov"
KEYSTROKE = """(async () => {
  const search = document.querySelector(".filters input");
  search.value = TEXT;
  const began = performance.now();
  search.dispatchEvent(new Event("input", {bubbles: true}));
  return performance.now() - began;
})()"""


def review(members: int) -> Review:
    names = [
        f"{first} {last}" for first in ("Ada", "Grace", "Alan") for last in ("Lovelace", "Hopper", "Liskov")
    ]
    reviewed = []
    for number in range(members):
        name, login = names[number % len(names)], LOGINS[number % len(LOGINS)]
        role = ROLES[number % len(ROLES)] if number % 100 else "Group Admin"
        email = f"{name.replace(' ', '.').lower()}.{number:05}@example.com"
        user = User(f"user-{number}", name, email, email, login)
        since = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(hours=number)
        membership = GroupMembership(f"membership-{number}", since, user, Role(role, role), GROUP)
        reviewed.append(ReviewedMember(membership, login == "saml"))
    return Review(GROUP, datetime(2025, 11, 5, tzinfo=UTC), tuple(reviewed))


@contextmanager
def opened(members: int) -> Iterator[tuple[Tab, float]]:
    """The page in a browser that has shown another one before, and the seconds until it was there, and painted."""
    with tempfile.TemporaryDirectory() as directory, started() as browser:
        first, page = Path(directory, "first.html"), Path(directory, "review.html")
        review(1).to_html(first)
        review(members).to_html(page)
        tab = browser.tab()
        tab.open(first)
        began = perf_counter()
        tab.open(page)
        tab.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        yield tab, perf_counter() - began


@row("19a", "Chromium: seconds until the page of a review of 20,000 members is open", at_most=3, browser=True)
def opening(bench: Bench) -> Outcome:
    figures = []
    for _ in range(min(bench.size.rounds, 3)):
        with opened(bench.size.reviewed) as (_, seconds):
            figures.append(seconds)
    return Outcome(figures, f"{bench.size.reviewed:,} members")


@row("19b", "Chromium: ms of script for a keystroke in its search", at_most=100, browser=True)
def searching(bench: Bench) -> Outcome:
    figures = []
    with opened(bench.size.reviewed) as (tab, _):
        for length in range(1, len(TYPED) + 1):
            figures.append(tab.evaluate(KEYSTROKE.replace("TEXT", repr(TYPED[:length]))))
        count = tab.evaluate("document.querySelector('.count').textContent")
    return Outcome(figures, f"at the end: {count}")
