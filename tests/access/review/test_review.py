"""The access review: members as they come, totals, files, and what has changed since."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.jobs import BOTH, ONCE, Jobs, role_id

from groups_sdk import (
    AsyncPaginator,
    ForbiddenError,
    Group,
    GroupMembership,
    InvalidArgumentError,
    Org,
    OrgMembership,
    Page,
    Progress,
    Review,
    Role,
    ServerError,
    User,
)
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk.access import AsyncAccess, ReviewedMember
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</td></tr></table><h1>pwned</h1>",
    "&lt;b&gt; &amp;",
    "\u202egpj.exe",
    "=cmd|' /C calc'!A1",
    "</script><script>alert(1)</script>",
    "<!-- -->]]>",
    "a\x00b\x1b[2J\u2028",
    "\ud800lone",
]


@BOTH
async def test_members_stream_and_the_whole_has_totals(kind: str) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        assert fake.requests == []
        members = await jobs.all(stream)
        review = await jobs.run(stream.collect)
    assert tuple(members) == review.members
    totals = review.totals
    assert (totals.members, totals.admins, totals.not_on_sso, totals.login_not_told) == (36, 3, 14, 0)
    assert (totals.in_no_org, totals.orgs_not_told, review.in_no_org) == (None, None, None)
    assert dict(totals.by_role) == {"Group Member": 27, "Group Viewer": 6, "Group Admin": 3}
    assert dict(totals.by_login_method) == {"saml": 22, "github": 7, "password": 7}
    assert dict(totals.by_joining_month) == {"2023-01": 36}
    assert {m.membership.user.email for m in review.admins} == {
        "ada.0000@example.com",
        "ada.0012@example.com",
        "ada.0024@example.com",
    }
    assert len(review.not_on_sso) == 14
    assert review.group == Group(fake.group_id, "Engineering")
    assert all(member.org_memberships is None and member.in_no_org is None for member in members)


@BOTH
async def test_organizations_are_fanned_out_and_who_is_in_none_is_told(kind: str) -> None:
    fake = FakeSnyk.example()
    told: list[Progress] = []
    async with Jobs(fake, kind) as jobs:
        review = await jobs.run(
            (await jobs("review", fake.group_id, org_memberships=True, on_progress=told.append)).collect
        )
    assert review.totals.in_no_org == 6
    assert review.totals.orgs_not_told == 0
    assert len(review.in_no_org) == 6
    for member in review.members:
        expected = [o.org.name for o in fake.org_memberships(fake.group_id, member.membership.user.id)]
        assert [o.org.name for o in member.org_memberships] == expected
    assert [(p.done, p.total) for p in told] == [(36, 36)]


async def test_no_more_than_that_many_look_ups_at_a_time_and_the_order_stays() -> None:
    fake = FakeSnyk.with_members(120)
    async with fake.async_client() as client:
        stream = client.access.review(fake.group_id, org_memberships=True, concurrency=3)
        members = [member.membership.id async for member in stream]
    assert members == [m.id for m in fake.memberships(fake.group_id)]
    assert len(fake.requests) == 122


async def test_who_has_left_meanwhile_is_not_told_and_a_missing_permission_is_an_error() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=404, path="org_memberships")
    async with fake.async_client() as client:
        review = await client.access.review(fake.group_id, org_memberships=True).collect()
        assert review.totals.orgs_not_told == 1
        review.to_html(page := io.StringIO())
        assert page.getvalue().count("<td>not told</td>") == 1
        fake.add_token("half", permissions=["group.membership.read"])
    async with fake.async_client(token="half") as client:
        with pytest.raises(ForbiddenError, match=r"group\.org\.list"):
            await client.access.review(fake.group_id, org_memberships=True).collect()


class Nameless(FakeSnyk):
    """Which leaves the user out of its memberships, as the specification lets it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def stripped(message: Any) -> None:
            if message.get("body"):
                document = json.loads(message["body"])
                for item in document["data"]:
                    item["relationships"].pop("user")
                message = {**message, "body": json.dumps(document).encode()}
            elif "headers" in message:
                message["headers"] = [h for h in message["headers"] if h[0] != b"content-length"]
            await send(message)

        await super().__call__(scope, receive, stripped)


async def test_users_that_the_api_leaves_out_do_not_end_a_review(tmp_path: Path) -> None:
    fake = Nameless.example()
    async with fake.async_client() as client:
        review = await client.access.review(fake.group_id, org_memberships=True).collect()
    assert (review.totals.login_not_told, review.totals.orgs_not_told) == (36, 36)
    assert {member.sso for member in review.members} == {None}
    for kind in ("csv", "jsonl", "html"):
        getattr(review, f"to_{kind}")(tmp_path / f"review.{kind}")
    assert Review.read(tmp_path / "review.jsonl") == review
    assert review.diff(tmp_path / "review.csv").empty


async def test_what_counts_as_single_sign_on_can_be_said() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        review = await client.access.review(fake.group_id, sso_login_methods={" SAML ", "GitHub"}).collect()
        assert review.totals.not_on_sso == 7
        for bad in (
            {"sso_login_methods": "saml"},
            {"concurrency": 0},
            {"concurrency": True},
        ):
            with pytest.raises(InvalidArgumentError):
                client.access.review(fake.group_id, **bad)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError):
            client.access.review("x")


@BOTH
@pytest.mark.parametrize("orgs", [True, False])
async def test_json_lines_lose_nothing_and_csv_what_it_says(kind: str, orgs: bool, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id, org_memberships=orgs)
        review = await jobs.run(stream.collect)
        for suffix in ("csv", "jsonl", "html"):
            path = tmp_path / f"review.{suffix}"
            totals = await jobs.run(lambda s=suffix, p=path: getattr(stream, f"to_{s}")(p))
            assert totals == review.totals
    read = Review.read(str(tmp_path / "review.jsonl"))
    assert (read.group, read.members, read.org_memberships) == (review.group, review.members, orgs)
    assert abs(read.reviewed_at - review.reviewed_at) < timedelta(hours=1)
    from_csv = Review.read(tmp_path / "review.csv")
    assert from_csv.members == tuple(ReviewedMember(m.membership, m.sso) for m in review.members)
    assert (from_csv.group, from_csv.reviewed_at, from_csv.org_memberships) == (review.group, None, False)
    assert {path.name for path in tmp_path.iterdir()} >= {"review.csv", "review.jsonl", "review.html"}
    assert not list(tmp_path.glob("*.part"))
    again = io.StringIO()
    review.to_jsonl(again)
    again.seek(0)
    assert Review.from_jsonl(again) == review


async def test_a_review_of_nobody_has_its_files_too(tmp_path: Path) -> None:
    fake = FakeSnyk()
    group = fake.add_group("Empty")
    async with fake.async_client() as client:
        stream = client.access.review(group.id)
        for kind in ("csv", "jsonl", "html"):
            assert (await getattr(stream, f"to_{kind}")(tmp_path / f"r.{kind}")).members == 0
    assert Review.read(tmp_path / "r.jsonl").members == ()
    assert Review.read(tmp_path / "r.csv").members == ()
    assert Review.read(tmp_path / "r.csv").diff(Review.read(tmp_path / "r.csv")).empty


@BOTH
@pytest.mark.parametrize("kind_of_file", ["csv", "jsonl", "html"])
async def test_a_review_that_fails_half_way_leaves_the_file_as_it_was(
    kind: str, kind_of_file: str, tmp_path: Path
) -> None:
    fake = FakeSnyk.with_members(250)
    path = tmp_path / "review"
    path.write_text("of last month", encoding="utf-8")
    fake.fail_next(status=500, path="/memberships", times=1)
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        stream = await jobs("review", fake.group_id)
        with pytest.raises(ServerError):
            await jobs.run(lambda: getattr(stream, f"to_{kind_of_file}")(path))
    assert path.read_text(encoding="utf-8") == "of last month"
    assert list(tmp_path.iterdir()) == [path]


class FailingAtSecondPage(FakeSnyk):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if b"starting_after" in scope["query_string"]:
            self.fail_next(status=500)
        await super().__call__(scope, receive, send)


@BOTH
async def test_a_failure_at_the_second_page_leaves_no_part_behind(kind: str, tmp_path: Path) -> None:
    fake = FailingAtSecondPage.with_members(250)
    opened = io.StringIO()
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        stream = await jobs("review", fake.group_id)
        with pytest.raises(ServerError) as caught:
            await jobs.run(lambda: stream.to_jsonl(tmp_path / "r.jsonl"))
        assert not hasattr(caught.value, "__notes__"), "a review cannot be resumed at a cursor"
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(ServerError):
            await jobs.run(lambda: stream.to_jsonl(opened))
    opened.seek(0)
    with pytest.raises(InvalidArgumentError, match="not all there"):
        Review.from_jsonl(opened)


def test_something_that_is_no_file_is_written_to_as_it_stands(tmp_path: Path) -> None:
    read, write = os.pipe()
    review([member("1")]).to_csv(f"/dev/fd/{write}")
    os.close(write)
    with os.fdopen(read, newline="") as pipe:
        assert len(list(csv.reader(pipe))) == 2


# Reviews made by hand


def uid(number: str) -> str:
    return f"{number:0>8}-0000-4000-8000-000000000000"


def member(
    number: str,
    name: str | None = "Ada",
    role: str = "Reader",
    login: str | None = "saml",
    orgs: dict[str, str] | None = None,
    email: str | None = None,
    again: bool = False,
) -> ReviewedMember:
    user = User(uid(number), name, f"user{number}", email or f"user{number}@example.com", login)
    since = datetime(2025, int(number) % 12 + 1, 3, 4, 5, 6, 789000, tzinfo=UTC)
    below = orgs and tuple(
        OrgMembership(uid("7"), None, User(user.id, name), Role(uid(r), r), Org(uid(o), f"Org {o}"))
        for o, r in orgs.items()
    )
    return ReviewedMember(
        GroupMembership(
            uid(f"9{number}" if again else f"5{number}"), since, user, Role(uid(str(len(role))), role), GROUP
        ),
        None if login is None else login == "saml",
        below if orgs is not None else None,
    )


GROUP = Group(uid("1"), "Payments")


def review(members: list[ReviewedMember], orgs: bool = False) -> Review:
    return Review(GROUP, datetime(2025, 11, 5, tzinfo=UTC), tuple(members), orgs)


def test_who_came_who_went_and_who_changed(tmp_path: Path) -> None:
    before = review(
        [
            member("1"),
            member("2"),
            member("3", login="password", orgs={"1": "2"}),
            member("4", orgs={"1": "2"}),
            member("5", orgs={}),
        ],
        orgs=True,
    )
    after = review(
        [
            member("2", role="Group Admin"),
            member("3", login="saml", orgs={"1": "3"}),
            member("4", orgs={"1": "2"}),
            member("5", orgs={}, again=True),
            member("6", name="New\x1b[2J", email="\u202enew@example.com"),
        ],
        orgs=True,
    )
    diff = after.diff(before)
    assert [m.membership.user.id for m in diff.came] == [uid("6")]
    assert [m.membership.user.id for m in diff.went] == [uid("1")]
    assert {c.after.membership.user.id: c.what for c in diff.changed} == {
        uid("2"): ("role",),
        uid("3"): ("login_method", "org_memberships"),
        uid("5"): ("membership",),
    }
    assert str(diff).splitlines() == [
        "+ \\u202enew@example.com (Reader)",
        "- user1@example.com (Reader)",
        "~ user2@example.com: Reader -> Group Admin",
        "~ user3@example.com: login password -> saml; organizations Org 1 (2) -> Org 1 (3)",
        "~ user5@example.com: went and came back",
        "1 came, 1 went, 3 changed",
    ]
    assert not diff.empty
    before.to_csv(tmp_path / "before.csv")
    assert [c.what for c in after.diff(str(tmp_path / "before.csv")).changed] == [
        ("role",),
        ("login_method",),
        ("membership",),
    ]
    assert after.diff(after).empty
    other = Review(Group(uid("2")), None, ())
    with pytest.raises(InvalidArgumentError, match="another group"):
        after.diff(other)


@BOTH
async def test_a_review_compares_itself_with_an_earlier_one(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        earlier = await jobs.run(stream.collect)
        earlier.to_jsonl(tmp_path / "earlier.jsonl")
        first, second, *_ = fake.memberships(fake.group_id)
        await jobs.run(lambda: jobs._client.delete_membership(fake.group_id, first.id, cascade=True))
        await jobs.run(
            lambda: jobs._client.update_membership(
                fake.group_id, second.id, role_id=role_id(fake, "Group Admin")
            )
        )
        for given in (earlier, tmp_path / "earlier.jsonl"):
            diff = await jobs.run(lambda g=given: stream.diff(g))
            assert (len(diff.came), len(diff.went), len(diff.changed)) == (0, 1, 1)
        with pytest.raises(InvalidArgumentError, match=r"\.jsonl or \.csv"):
            await jobs.run(lambda: stream.diff(tmp_path / "earlier.txt"))


# Hostile names


def hostile() -> Review:
    return review(
        [
            member(str(number), name, role=name, login=name, email=name, orgs={"1": "2"})
            for number, name in enumerate(HOSTILE)
        ],
        orgs=True,
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


def test_no_cell_of_the_csv_is_a_formula_and_all_are_read_back(tmp_path: Path) -> None:
    made = hostile()
    path = tmp_path / "review.csv"
    made.to_csv(path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "spreadsheets take it for UTF-8 then"
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r\n")]
    assert "'=cmd|' /C calc'!A1" in cells
    names = [m.membership.user.name for m in Review.from_csv(path).members]
    assert names == [name.encode("utf-8", "replace").decode() for name in HOSTILE]
    made.to_jsonl(tmp_path / "review.jsonl")
    assert Review.read(tmp_path / "review.jsonl") == made


# Files that will not do


def _lines(made: Review) -> list[str]:
    made.to_jsonl(file := io.StringIO())
    return file.getvalue().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "not all there"),
        (lambda lines: lines[:-1], "not all there"),
        (lambda lines: [*lines[:1], *lines[2:]], "not all there"),
        (lambda lines: lines[1:], "no document of the format"),
        (lambda lines: ["[1]\n"], "line 1: must be an object"),
        (lambda lines: ["{\n"], "line 1: is not JSON"),
        (lambda lines: [lines[0].replace('"version": 1', '"version": 2')], "has version 2"),
        (
            lambda lines: [lines[0], lines[1].replace('"id": ', '"di": ', 1), *lines[2:]],
            r"line 2\.id: must be",
        ),
        (lambda lines: [lines[0], lines[1].replace("2025", "year"), *lines[2:]], "must be a date"),
        (lambda lines: [lines[0], lines[1].replace('"sso": true', '"sso": 1'), *lines[2:]], "sso: must be"),
    ],
)
def test_a_file_that_is_no_whole_review_is_refused(change: Any, message: str) -> None:
    lines = _lines(review([member("1"), member("2", orgs={"1": "2"})]))
    with pytest.raises(InvalidArgumentError, match=message):
        Review.from_jsonl(io.StringIO("".join(change(lines))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "columns .* miss"),
        (lambda text: text.replace("membership_id", "id"), "columns membership_id miss"),
        (lambda text: text.replace(",yes,", ","), "line 2: has not as many cells"),
        (lambda text: text + "x,y\r\n", "line 4: has not as many cells"),
        (lambda text: text.replace("2025-", "year-", 1), "must be a date"),
        (lambda text: text.replace(",yes,", ',"yes"x,', 1), "is not CSV"),
        (lambda text: text + text.splitlines()[1].replace(uid("1"), uid("2")), "of another group"),
    ],
)
def test_a_csv_file_that_is_no_review_is_refused(change: Any, message: str) -> None:
    review([member("1"), member("2")]).to_csv(file := io.StringIO(newline=""))
    with pytest.raises(InvalidArgumentError, match=message):
        Review.from_csv(io.StringIO(change(file.getvalue()), newline=""))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"gone\.jsonl: cannot be read"):
        Review.read(tmp_path / "gone.jsonl")
    (tmp_path / "latin.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidArgumentError, match=r"latin\.csv: is not UTF-8"):
        Review.read(tmp_path / "latin.csv")


def test_a_date_without_a_zone_is_utc() -> None:
    lines = _lines(review([member("1")]))
    lines[0] = lines[0].replace("+00:00", "")
    assert Review.from_jsonl(io.StringIO("".join(lines))) == review([member("1")])


# Large groups


class Endless:
    """Stands in for a client: pages of members that are made as they are asked for. Notes the memory meanwhile."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.blocks: list[int] = []
        self.resident: list[int] = []

    def list_memberships(self, group_id: str, **_: Any) -> Any:
        response = ApiResponse(200, Headers(), b"", "listGroupMemberships")
        role, since = Role(uid("3"), "Reader"), datetime(2025, 11, 5, tzinfo=UTC)

        async def fetch(*, starting_after: str | None, ending_before: str | None) -> Page[GroupMembership]:
            start = int(starting_after or 0)
            if start % 1_000 == 0:
                self.blocks.append(sys.getallocatedblocks())
                self.resident.append(resident_bytes())
            users = [
                User(f"id-{n}", f"Name {n}", f"user{n}", f"{n}@example.com")
                for n in range(start, start + 100)
            ]
            items = [GroupMembership(f"m-{user.id}", since, user, role, GROUP) for user in users]
            following = str(start + 100) if start + 100 < self.count else None
            return Page(items, following, None, {}, response)

        return AsyncPaginator(fetch)


def resident_bytes() -> int:
    """The memory that this process has, where the system says so."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_hundred_thousand_members_are_written_in_constant_memory(kind: str, tmp_path: Path) -> None:
    client = Endless(100_000)
    access = AsyncAccess(client)  # type: ignore[arg-type] # the one operation that it needs
    totals = anyio.run(getattr(access.review(uid("1")), f"to_{kind}"), tmp_path / "review")
    assert totals.members == 100_000
    settled = 5  # samples: 5,000 members
    grown = client.blocks[-1] - client.blocks[settled]
    # Keeping the members would take five objects for each, and more than 40 MB. A cursor for each page is kept.
    assert grown < 5_000, f"{grown} objects more after 94,000 members more"
    assert client.resident[-1] - client.resident[settled] < 8_000_000


def test_the_jobs_cost_an_import_of_the_package_nothing() -> None:
    code = "import sys, groups_sdk._client; assert not [m for m in sys.modules if m.startswith('groups_sdk.access')]"
    subprocess.run([sys.executable, "-c", code], check=True)
