"""A review as CSV and JSON lines, written and read back."""

from __future__ import annotations

import csv
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.jobs import BOTH, ONCE, Jobs
from support.reviews import HOSTILE, hostile, member, review, uid

from groups_sdk import (
    InvalidArgumentError,
    Review,
    ServerError,
)
from groups_sdk.access import ReviewedMember
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


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
    with pytest.raises(InvalidArgumentError, match="not a complete review"):
        Review.from_jsonl(opened)


def test_something_that_is_no_file_is_written_to_as_it_stands(tmp_path: Path) -> None:
    read, write = os.pipe()
    review([member("1")]).to_csv(f"/dev/fd/{write}")
    os.close(write)
    with os.fdopen(read, newline="") as pipe:
        assert len(list(csv.reader(pipe))) == 2


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


def _lines(made: Review) -> list[str]:
    made.to_jsonl(file := io.StringIO())
    return file.getvalue().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [], "not a complete review"),
        (lambda lines: lines[:-1], "not a complete review"),
        (lambda lines: [*lines[:1], *lines[2:]], "not a complete review"),
        (lambda lines: lines[1:], "not a document in the format"),
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
        (lambda text: "", "has no column email, group, group_id, "),
        (lambda text: text.replace("membership_id", "id"), "has no column membership_id"),
        (lambda text: text.replace(",yes,", ","), "line 2: has more or fewer cells"),
        (lambda text: text + "x,y\r\n", "line 4: has more or fewer cells"),
        (lambda text: text.replace("2025-", "year-", 1), "must be a date"),
        (lambda text: text.replace(",yes,", ',"yes"x,', 1), "is not CSV"),
        (lambda text: text + text.splitlines()[1].replace(uid("1"), uid("2")), "about a different group"),
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
