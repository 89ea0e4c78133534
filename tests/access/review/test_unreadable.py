"""A review reads past records that cannot be understood, and says everywhere that it is not complete."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.jobs import BOTH, Jobs
from support.reviews import GROUP, member, review, uid

from groups_sdk import DecodeError, DecodeProblem, InvalidArgumentError, Review
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

EMAIL = "relationships.user.data.attributes.email"
PROBLEM = "a string is wanted, and a number is there"
LOST = DecodeProblem(
    uid("52"), f"data[1].{EMAIL}", PROBLEM, None, {"id": uid("52"), "attributes": [5.5, None]}
)
NAMELESS = DecodeProblem(None, "data[2]", "an object is wanted, and a <b> is there", "v1.abc", "<b>")
INCOMPLETE = attrs.evolve(review([member("1"), member("3")]), unreadable=(LOST, NAMELESS))


@pytest.fixture
def fake() -> FakeSnyk:
    fake = FakeSnyk.example()
    for number in (1, 30):
        fake.alter_record(fake.memberships(fake.group_id)[number].id, EMAIL, 5)
    return fake


@BOTH
async def test_what_cannot_be_read_is_told(
    fake: FakeSnyk, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    ids = [fake.memberships(fake.group_id)[number].id for number in (1, 30)]
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        assert stream.unreadable == ()
        members = await jobs.all(stream)
        assert [problem.id for problem in stream.unreadable] == ids
        made = await jobs.run(stream.collect)
    assert len(members) == len(made.members) == made.totals.members == 34
    assert made.totals.unreadable == 2
    assert [(problem.id, problem.path, problem.message) for problem in made.unreadable] == [
        (ids[0], f"data[1].{EMAIL}", PROBLEM),
        (ids[1], f"data[30].{EMAIL}", PROBLEM),
    ]
    assert made.unreadable[0].data["relationships"]["user"]["data"]["attributes"]["email"] == 5
    assert ids[0] in caplog.text
    assert "Grace" not in caplog.text, "which is data"


@BOTH
@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_files_that_are_streamed_keep_it(fake: FakeSnyk, kind: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"review.{form}"
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        totals = await jobs.run(lambda: getattr(stream, f"to_{form}")(path))
    assert (totals.members, totals.unreadable) == (34, 2)
    again = Review.read(path)
    assert (len(again.members), again.totals.unreadable) == (34, 2)
    assert [problem.id for problem in again.unreadable] == [
        fake.memberships(fake.group_id)[number].id for number in (1, 30)
    ]
    assert again.unreadable[1].path == f"data[30].{EMAIL}"
    assert again.unreadable[1].message == PROBLEM


async def test_one_page_of_nothing_but_broken_records(tmp_path: Path) -> None:
    fake = FakeSnyk.with_members(10)
    for membership in fake.memberships(fake.group_id):
        fake.alter_record(membership.id, EMAIL, 5)
    async with fake.async_client() as client:
        totals = await client.access.review(fake.group_id).to_csv(tmp_path / "review.csv")
    assert (totals.members, totals.unreadable) == (0, 10)
    assert len(Review.read(tmp_path / "review.csv").unreadable) == 10


async def test_a_page_that_is_broken_as_a_whole_is_an_error() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=200, body={"data": {}})
    async with fake.async_client() as client:
        with pytest.raises(DecodeError):
            await client.access.review(fake.group_id).collect()


def test_json_lines_keep_all_of_it() -> None:
    text = io.StringIO()
    INCOMPLETE.to_jsonl(text)
    again = Review.from_jsonl(io.StringIO(text.getvalue()))
    assert again == INCOMPLETE
    assert json.loads(text.getvalue().splitlines()[-1])["unreadable"][0]["data"] == LOST.data
    assert "unreadable" not in _jsonl(review([member("1")]))


def _jsonl(made: Review) -> str:
    text = io.StringIO()
    made.to_jsonl(text)
    return text.getvalue()


def test_csv_has_a_row_for_each() -> None:
    text = io.StringIO(newline="")
    INCOMPLETE.to_csv(text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert [(row["membership_id"], row["role"], row["user_id"]) for row in rows[2:]] == [
        (LOST.id, "(could not be read)", ""),
        ("", "(could not be read)", ""),
    ]
    assert {row["group_id"] for row in rows} == {GROUP.id}
    again = Review.from_csv(io.StringIO(text.getvalue()))
    assert again.members == INCOMPLETE.members
    assert again.unreadable == tuple(
        attrs.evolve(problem, cursor=None, data=None) for problem in INCOMPLETE.unreadable
    )


def test_a_member_without_a_joining_date_is_written_and_read(tmp_path: Path) -> None:
    someone = member("1")
    undated = attrs.evolve(someone, membership=attrs.evolve(someone.membership, created_at=None))
    made = review([undated, member("2")])
    assert undated.joining_month == "unknown"
    assert made.totals.by_joining_month["unknown"] == 1
    for name in ("review.csv", "review.jsonl"):
        getattr(made, f"to_{name.partition('.')[2]}")(tmp_path / name)
        assert Review.read(tmp_path / name).members == made.members
    page = io.StringIO()
    made.to_html(page)
    assert "<td>unknown</td>" in page.getvalue()


def test_html_says_how_many_and_which() -> None:
    page = io.StringIO()
    INCOMPLETE.to_html(page, since=review([member("1"), member("2"), member("3")]))
    html = page.getvalue()
    assert "no: 2 of the records that the API listed could not be read" in html
    assert "Records that could not be read (2)" in html
    assert f"at {LOST.path}: {PROBLEM}" in html
    assert "&lt;b&gt; is there" in html
    assert "0 removed" in html
    assert "records that could not be read, and were not compared: 2" in html
    page = io.StringIO()
    review([member("1")]).to_html(page)
    assert "could not be read" not in page.getvalue().partition("<script>")[0]


def test_a_workbook_says_how_many_and_which(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter", reason="the extra xlsx")
    INCOMPLETE.to_xlsx(tmp_path / "review.xlsx", since=review([member("1"), member("2"), member("3")]))
    with zipfile.ZipFile(tmp_path / "review.xlsx") as file:
        assert 'name="Not readable"' in file.read("xl/workbook.xml").decode()
        texts = "".join(
            file.read(name).decode() for name in file.namelist() if "sheet" in name or "shared" in name
        )
    assert LOST.path in texts
    assert "Records not readable, and not compared" in texts
    assert "no: 2 of the records" in texts


@pytest.mark.parametrize("swapped", [False, True])
def test_who_could_not_be_read_is_neither_added_nor_removed(swapped: bool) -> None:
    whole = review([member("1"), member("2"), member("3")])
    diff = whole.diff(INCOMPLETE) if swapped else INCOMPLETE.diff(whole)
    assert (diff.added, diff.removed, diff.changed) == ((), (), ())
    assert diff.unreadable == INCOMPLETE.unreadable
    assert str(diff).endswith("; records that could not be read, and were not compared: 2")
    gone = review([member("3")])
    assert [m.membership.user.id for m in gone.diff(whole).removed] == [uid("1"), uid("2")]


@BOTH
@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_a_review_that_is_not_complete_is_no_desired_state(
    kind: str, form: str, tmp_path: Path
) -> None:
    fake = FakeSnyk.example()
    fake.alter_record(fake.memberships(fake.group_id)[1].id, EMAIL, 5)
    path: Any = tmp_path / f"review.{form}"
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        await jobs.run(lambda: getattr(stream, f"to_{form}")(path))
        with pytest.raises(InvalidArgumentError, match="the review could not read"):
            await jobs("plan", fake.group_id, path)
