"""The review of a group as it comes: members, organizations, and what goes wrong meanwhile."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.jobs import BOTH, ONCE, Jobs
from support.reviews import GROUP, uid

from groups_sdk import (
    AsyncPaginator,
    ForbiddenError,
    GoneError,
    Group,
    GroupMembership,
    GroupsError,
    InvalidArgumentError,
    Page,
    Progress,
    Review,
    Role,
    ServerError,
    UnauthorizedError,
    User,
)
from groups_sdk._pages import FetchedPage
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk.access import AsyncAccess
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


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
    assert (totals.members, totals.admins, totals.not_on_sso, totals.login_method_unknown) == (36, 3, 14, 0)
    assert (totals.in_no_org, totals.orgs_unknown, review.in_no_org) == (None, None, None)
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
    assert review.totals.orgs_unknown == 0
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


class Waiting(FakeSnyk):
    """Which answers about the organizations of the first member once somebody of the third page is asked for."""

    third_page: anyio.Event

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("org_memberships"):
            first, later = (self.memberships(self.group_id)[index].user.id.encode() for index in (0, 200))
            if first in scope["query_string"]:
                await self.third_page.wait()
            elif later in scope["query_string"]:
                self.third_page.set()
        await super().__call__(scope, receive, send)


@pytest.mark.parametrize("kind", ["collect", "csv", "jsonl", "html"])
async def test_a_whole_review_does_not_wait_for_the_last_organizations_of_a_page(
    kind: str, tmp_path: Path
) -> None:
    fake = Waiting.with_members(250)
    fake.third_page = anyio.Event()
    async with fake.async_client() as client:
        stream = client.access.review(fake.group_id, org_memberships=True, concurrency=2)
        if kind == "collect":
            totals = (await stream.collect()).totals
        else:
            totals = await getattr(stream, f"to_{kind}")(tmp_path / "review")
    assert (totals.members, totals.orgs_unknown) == (250, 0)
    if kind == "jsonl":
        written = Review.from_jsonl(tmp_path / "review").members
        assert [m.membership.id for m in written] == [m.id for m in fake.memberships(fake.group_id)]


async def test_an_iterated_review_asks_for_nothing_that_nobody_has_come_to() -> None:
    fake = FakeSnyk.with_members(250)
    async with fake.async_client() as client:
        members = aiter(client.access.review(fake.group_id, org_memberships=True))
        await anext(members)
        assert len(fake.requests) == 101


class Refusing(FakeSnyk):
    """Which answers with a fault when it is asked for the organizations of one member."""

    user_id = ""
    status = 500
    code: str | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.user_id and self.user_id.encode() in scope["query_string"]:
            body = {"errors": [{"status": str(self.status), "detail": "no", "code": self.code}]}
            self.fail_next(status=self.status, path="org_memberships", body=body)
        await super().__call__(scope, receive, send)


@BOTH
async def test_organizations_that_cannot_be_read_are_recorded_and_the_review_goes_on(
    kind: str, tmp_path: Path
) -> None:
    fake = Refusing.with_members(130)
    broken = fake.memberships(fake.group_id)[120]
    fake.user_id = broken.user.id
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        stream = await jobs("review", fake.group_id, org_memberships=True)
        review = await jobs.run(stream.collect)
        for suffix in ("csv", "jsonl", "html"):
            path = tmp_path / f"review.{suffix}"
            assert await jobs.run(lambda s=suffix, p=path: getattr(stream, f"to_{s}")(p)) == review.totals
    (unknown,) = review.orgs_unknown
    assert unknown.membership.id == broken.id
    assert (unknown.org_memberships, unknown.in_no_org) == (None, None)
    assert isinstance(unknown.org_error, ServerError)
    assert (len(review.members), review.totals.orgs_unknown, review.totals.orgs_failed) == (130, 1, 1)
    assert "500: no" in str(Review.read(tmp_path / "review.jsonl").orgs_unknown[0].org_error)
    review.to_jsonl(tmp_path / "review.jsonl")
    assert Review.read(tmp_path / "review.jsonl") == review
    with (tmp_path / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [row["organizations"] for row in csv.DictReader(file)]
    assert (cells[120], cells.count("unknown")) == ("unknown", 1)
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert page.count('">unknown</td>') == 1
    assert "<dt>Organizations unknown</dt><dd>1</dd>" in page


@BOTH
async def test_missing_permission_for_organizations_is_asked_for_once_and_recorded_for_all(kind: str) -> None:
    fake = FakeSnyk.with_members(250)
    fake.add_token("half", permissions=["group.membership.read"])
    async with Jobs(fake, kind, token="half") as jobs:
        stream = await jobs("review", fake.group_id, org_memberships=True, concurrency=4)
        review = await jobs.run(stream.collect)
    assert (review.totals.members, review.totals.orgs_unknown, review.totals.orgs_failed) == (250, 250, 250)
    assert (review.totals.in_no_org, review.in_no_org) == (0, ())
    assert all(isinstance(member.org_error, ForbiddenError) for member in review.members)
    assert len([r for r in fake.requests if "org_memberships" in r.path]) <= 4  # those of the first moment
    assert len([r for r in fake.requests if r.path.endswith("/memberships")]) == 3


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(401, None, UnauthorizedError), (410, None, GoneError), (503, "SNYK-0099", ServerError)],
)
async def test_what_ends_every_request_ends_the_review(
    status: int, code: str | None, error: type[GroupsError], tmp_path: Path
) -> None:
    fake = Refusing.with_members(250)
    fake.user_id, fake.status, fake.code = fake.memberships(fake.group_id)[120].user.id, status, code
    async with fake.async_client(retries=ONCE) as client:
        with pytest.raises(error):
            await client.access.review(fake.group_id, org_memberships=True).to_jsonl(tmp_path / "r.jsonl")
    assert list(tmp_path.iterdir()) == []
    assert len(fake.requests) <= 2 + 120 + 10, "those under way at that moment"


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
    assert (review.totals.login_method_unknown, review.totals.orgs_unknown) == (36, 36)
    assert {member.sso for member in review.members} == {None}
    for kind in ("csv", "jsonl", "html"):
        getattr(review, f"to_{kind}")(tmp_path / f"review.{kind}")
    assert Review.read(tmp_path / "review.jsonl") == review
    assert review.diff(tmp_path / "review.csv").empty
    assert review.totals.orgs_failed == 0, "nobody could be asked for, so nothing failed"
    members = (tmp_path / "review.html").read_text(encoding="utf-8").partition('id="members"')[2]
    assert members.count("<td>unknown</td>") == 3 * 36, "login method, SSO, organizations"


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


class Endless:
    """Stands in for a client: pages of members that are made as they are asked for. Notes the memory meanwhile."""

    base_url, api_version = "https://api.snyk.io/rest", "2025-11-05"

    def __init__(self, count: int) -> None:
        self.count = count
        self.blocks: list[int] = []
        self.resident: list[int] = []

    def list_memberships(self, group_id: str, **_: Any) -> Any:
        response = ApiResponse(200, Headers(), b"", "listGroupMemberships")
        role, since = Role(uid("3"), "Reader"), datetime(2025, 11, 5, tzinfo=UTC)

        async def fetch(*, starting_after: str | None, **_: Any) -> FetchedPage[GroupMembership]:
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
            return FetchedPage.decoded(Page(items, following, None, {}, response))

        return AsyncPaginator(fetch)


def resident_bytes() -> int:
    """The memory that this process has, where the system says so."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


@pytest.mark.unmeasured
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_forty_thousand_members_are_written_in_constant_memory(kind: str, tmp_path: Path) -> None:
    client = Endless(40_000)
    access = AsyncAccess(client)  # type: ignore[arg-type] # the one operation that it needs
    totals = anyio.run(getattr(access.review(uid("1")), f"to_{kind}"), tmp_path / "review")
    assert totals.members == 40_000
    settled = 5  # samples: 5,000 members
    grown = client.blocks[-1] - client.blocks[settled]
    # Keeping the members would take five objects for each, and more than 14 MB. A cursor for each page is kept.
    assert grown < 5_000, f"{grown} objects more after 34,000 members more"
    assert client.resident[-1] - client.resident[settled] < 8_000_000


def test_the_jobs_cost_an_import_of_the_package_nothing() -> None:
    code = "import sys, groups_sdk._client; assert not [m for m in sys.modules if m.startswith('groups_sdk.access')]"
    subprocess.run([sys.executable, "-c", code], check=True)
