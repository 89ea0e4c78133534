"""A review as an Excel workbook, read back by another library: all of it is text, and all of it is there."""

from __future__ import annotations

import stat
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from support.jobs import BOTH, Jobs
from support.reviews import GROUP, HOSTILE, member, review, uid

from groups_sdk import ConfigurationError, FileAccessError, InvalidArgumentError, Review
from groups_sdk.access._csv_escaping import escaped
from groups_sdk.access._review import xlsx
from groups_sdk.testing import FakeSnyk


def sheets(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    workbook = openpyxl.load_workbook(path)
    kinds = {cell.data_type for sheet in workbook for row in sheet.iter_rows() for cell in row if cell.value}
    assert kinds == {"s"}, "every cell is text"
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in workbook}


def test_members_totals_and_differences_are_there(tmp_path: Path) -> None:
    path = tmp_path / "review.xlsx"
    earlier = review([member("1"), member("2", orgs={}), member("3"), member("4", orgs={})], orgs=True)
    later = attrs.evolve(
        review(
            [member("1", role="Group Admin", orgs={"1": "2"}), member("2"), member("4", orgs={}), member("5")]
        ),
        org_memberships=True,
        reviewed_at=datetime(2025, 12, 5, tzinfo=UTC),
        base_url="https://api.snyk.io/rest",
        api_version="2025-11-05",
    )
    later.to_xlsx(path, since=earlier, prepared_by="Ada", sign_off=True)
    found = sheets(path)
    assert list(found) == ["Members", "Totals", "Differences"]

    head, *rows = found["Members"]
    assert head[4:8] == ("email", "name", "username", "role")
    assert head[-4:] == ("organizations", "decision", "reviewer", "comment")
    assert [row[4] for row in rows] == [f"user{n}@example.com" for n in (1, 2, 4, 5)]
    assert [row[12] for row in rows] == ["Org 1 (2)", "unknown", None, "unknown"]
    assert {row[13:] for row in rows} == {(None, None, None)}

    totals = dict(found["Totals"])
    assert found["Totals"][0] == ("Access review of Payments, 2025-12-05", None)
    wanted = {"Prepared by": "Ada", "API": "https://api.snyk.io/rest", "API version": "2025-11-05"}
    wanted |= {"Reviewed": "2025-12-05 00:00 UTC", "Members": "4", "Admins": "1", "Group Admin": "1"}
    wanted |= {
        "Since the review of": "2025-11-05 00:00 UTC",
        "Members then": "4",
        "Added": "1",
        "Removed": "1",
    }
    wanted |= {"Changed": "1", "Organizations not compared": "2", "Signature": None}
    wanted |= {"Cells cut because they are too long for a workbook": "0"}
    assert {name: totals[name] for name in wanted} == wanted
    assert [row for row in found["Totals"] if row[0] == "Sum"] == [("Sum", "4")] * 4

    head, *rows = found["Differences"]
    assert head[0] == "change"
    assert [(row[0], row[3], row[7]) for row in rows] == [
        ("added", "user5@example.com", None),
        ("removed", "user3@example.com", None),
        ("changed", "user1@example.com", "Reader -> Group Admin"),
        ("organizations not compared", "user1@example.com", None),
        ("organizations not compared", "user2@example.com", None),
    ]


def test_nothing_is_asked_for_and_nothing_more_is_there(tmp_path: Path) -> None:
    review([]).to_xlsx(tmp_path / "review.xlsx")
    found = sheets(tmp_path / "review.xlsx")
    assert list(found) == ["Members", "Totals"]
    assert found["Members"][0][-1] == "member_since"
    assert len(found["Members"]) == 1
    assert dict(found["Totals"])["Prepared by"] == "not given"
    assert not {"Signature", "Sign-off", "Added"} & set(dict(found["Totals"]))


def test_hostile_names_are_text_as_in_the_csv_and_nothing_can_be_clicked(tmp_path: Path) -> None:
    path = tmp_path / "review.xlsx"
    names = [
        *HOSTILE,
        "http://example.com/",
        "mailto:a@example.com",
        "_x0041_",
        "=1+1",
        "@SUM(1)",
        "\ufffe",
        "{=1}",
    ]
    made = review([member(str(number), name) for number, name in enumerate(names)])
    made.to_xlsx(path, prepared_by="=1+1")
    found = sheets(path)
    cells = {unescape(row[5]) for row in found["Members"][1:]}
    assert cells == {escaped(name).encode("utf-8", "replace").decode() for name in names}
    assert dict(found["Totals"])["Prepared by"] == "'=1+1"
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert not [name for name, data in parts.items() if b"<f>" in data or b"<hyperlink" in data]


def test_a_text_too_long_for_a_cell_is_cut_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "review.xlsx"
    names = ["x" * 32_767, "y" * 32_768, "z" + "\U0001f600" * 17_000]
    review([member(str(n), name) for n, name in enumerate(names)]).to_xlsx(path)
    found = sheets(path)
    fits, cut, pairs = (row[5] for row in found["Members"][1:])
    assert fits == names[0]
    note = " [cut: 32,768 characters]"
    assert cut == "y" * (32_767 - len(note)) + note
    assert pairs.endswith("\U0001f600 [cut: 34,001 characters]")
    assert max(len(text.encode("utf-16-le")) // 2 for text in (cut, pairs)) <= 32_767
    assert dict(found["Totals"])["Cells cut because they are too long for a workbook"] == "2"


def test_more_members_than_a_sheet_has_rows_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 4)
    path = tmp_path / "review.xlsx"
    three = [member(str(number)) for number in range(3)]
    review(three).to_xlsx(path)
    path.unlink()
    with pytest.raises(InvalidArgumentError, match=r"no room for 4 rows .* only for 3: write CSV instead"):
        review([*three, member("4")]).to_xlsx(path)
    with pytest.raises(InvalidArgumentError, match="no room for 6 rows"):
        review(three).to_xlsx(path, since=review([member(str(number)) for number in (4, 5, 6)]))
    assert list(tmp_path.iterdir()) == []


def test_the_workbook_is_whole_or_not_there_and_its_owner_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "review.xlsx"
    review([member("1")]).to_xlsx(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()

    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xlsx, "escaped", full)
    with pytest.raises(FileAccessError, match=r"review\.xlsx: cannot be written: .*No space left"):
        review([member("2")]).to_xlsx(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileAccessError, match="cannot be written: No such file"):
        review([]).to_xlsx(str(tmp_path / "none" / "review.xlsx"))


@pytest.mark.anyio
@BOTH
async def test_a_stream_writes_one_too_and_says_which_api_it_asked(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    path = tmp_path / "review.xlsx"
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        earlier = await jobs.run(stream.collect)
        options: dict[str, Any] = {"since": earlier, "prepared_by": "Ada", "sign_off": True}
        assert (await jobs.run(lambda: stream.to_xlsx(path, **options))) == earlier.totals
        await jobs.run(lambda: stream.to_html(tmp_path / "review.html", **options))
        await jobs.run(lambda: stream.to_jsonl(tmp_path / "review.jsonl"))
    totals = dict(sheets(path)["Totals"])
    assert (totals["API"], totals["API version"]) == ("http://localhost/rest", "2025-11-05")
    assert (earlier.base_url, earlier.api_version) == ("http://localhost/rest", "2025-11-05")
    read = Review.read(tmp_path / "review.jsonl")
    assert (read.base_url, read.api_version) == ("http://localhost/rest", "2025-11-05")
    page = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert "<bdi>http://localhost/rest</bdi>" in page
    assert "<bdi>Ada</bdi>" in page
    assert 'id="changes"' in page
    assert "Decision" in page


@pytest.mark.anyio
@BOTH
async def test_what_is_missing_or_wrong_is_said_before_anything_is_sent(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeSnyk.example()
    other = attrs.evolve(review([]), group=attrs.evolve(GROUP, id=uid("8")))
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        for form in ("html", "xlsx"):
            write = getattr(stream, f"to_{form}")
            with pytest.raises(InvalidArgumentError, match="another group"):
                await jobs.run(lambda write=write: write(tmp_path / "r", since=other))
            with pytest.raises(InvalidArgumentError, match="prepared_by"):
                await jobs.run(lambda write=write: write(tmp_path / "r", prepared_by=""))
        monkeypatch.setitem(sys.modules, "xlsxwriter", None)
        with pytest.raises(ConfigurationError, match=r'r\.xlsx: .*: pip install "groups-sdk\[xlsx\]"'):
            await jobs.run(lambda: stream.to_xlsx(tmp_path / "r.xlsx"))
        assert fake.requests == []
    with pytest.raises(ConfigurationError, match=r"groups-sdk\[xlsx\]"):
        review([]).to_xlsx(tmp_path / "r.xlsx")
    assert list(tmp_path.iterdir()) == []
