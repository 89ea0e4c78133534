"""What is printed: the same records as table, JSON, JSONL and CSV, whatever the API says in them."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, datetime

import pytest
from support.running import Terminal

from groups_sdk.access._csv_escaping import unescaped
from groups_sdk.cli._output import (
    Column,
    Output,
    counted,
    json_text,
    print_record,
    print_records,
)

NASTY = [
    "a\x1b[2Jb\x07c\r\nd\te",
    "[red]not markup[/red] :smile: [link=http://x]y[/link]",
    "\u202etxt.exe\u2069\u200b",
    "\ud800 alone",
    "=1+1",
    '@SUM(A1)", "x',
    "-2",
    "'quoted",
    "Zoë 東京 👩‍💻",
    "",
]
SINCE = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
COLUMNS: list[Column[str]] = [
    Column("name", "NAME", lambda text: text),
    Column("active", "ACTIVE", lambda text: len(text) > 3),
    Column("since", "SINCE", lambda _: SINCE),
    Column("nothing", "NOTHING", lambda _: None),
    Column("count", None, len),
]


@pytest.mark.parametrize("form", [Output.JSON, Output.JSONL])
def test_json_loses_nothing_and_has_nothing_unprintable(
    form: Output, capsys: pytest.CaptureFixture[str]
) -> None:
    print_records(COLUMNS, NASTY, form)
    text = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in text)
    read = json.loads(text) if form is Output.JSON else [json.loads(line) for line in text.splitlines()]
    assert [thing["name"] for thing in read] == NASTY
    assert read[0] == {
        "name": NASTY[0],
        "active": True,
        "since": "2024-02-29T23:59:00+00:00",
        "nothing": None,
        "count": len(NASTY[0]),
    }
    assert "Zoë 東京" in text


def test_json_is_ascii_where_the_stream_is(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    print_records(COLUMNS, NASTY, Output.JSON)
    assert [thing["name"] for thing in json.loads(raw.getvalue())] == NASTY


def test_json_escapes_what_is_beyond_the_first_plane() -> None:
    tag = "\U000e0041"  # invisible
    assert json_text(tag) == '"\\udb40\\udc41"'
    assert json.loads(json_text(tag)) == tag


def test_csv_starts_no_formula_and_has_nothing_unprintable(capsys: pytest.CaptureFixture[str]) -> None:
    print_records(COLUMNS, NASTY, Output.CSV)
    text = capsys.readouterr().out
    assert all(c.isprintable() or c == "\n" for c in text)
    head, *rows = csv.reader(io.StringIO(text))
    assert head == ["name", "active", "since", "nothing", "count"]
    assert rows[0][1:] == ["true", "2024-02-29T23:59:00+00:00", "", str(len(NASTY[0]))]
    assert rows[6][1] == "false"
    assert not [row for row in rows if row[0].startswith(("=", "+", "-", "@"))]
    assert [unescaped(row[0]) for row in rows[4:9]] == [*NASTY[4:8], "Zoë 東京 👩\\u200d💻"]


@pytest.mark.parametrize("terminal", [True, False])
def test_table_takes_no_name_for_markup_or_for_a_command_to_the_terminal(
    terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "stdout", stream := Terminal() if terminal else io.StringIO())
    print_records(COLUMNS, NASTY, Output.TABLE, noun="thing")
    text = stream.getvalue()
    if terminal:
        text = text.replace("\x1b[1m", "").replace("\x1b[0m", "")  # bold heads are no colour
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "[red]not markup[/red] :smile: [link=http://x]y[/link]" in text
    assert r"a\x1b[2Jb\x07c\r\nd\te" in text
    head = text.splitlines()[0]
    assert head.split() == ["NAME", "ACTIVE", "SINCE", "NOTHING"]
    assert text.endswith("\n10 things\n")


def test_record_is_a_field_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_record(COLUMNS, "-1", Output.TABLE)
    assert capsys.readouterr().out.splitlines() == [
        "FIELD    VALUE",
        "NAME     -1",
        "ACTIVE   no",
        "SINCE    2024-02-29",
        "NOTHING  -",
    ]


@pytest.mark.parametrize("form", [None, *Output])
def test_record_has_the_forms_of_records(form: Output | None, capsys: pytest.CaptureFixture[str]) -> None:
    print_record(COLUMNS, "text", form)
    text = capsys.readouterr().out
    if form in (None, Output.JSON, Output.JSONL):
        assert json.loads(text)["name"] == "text"
    if form in (None, Output.JSONL, Output.CSV):
        assert text.count("\n") == (2 if form is Output.CSV else 1)


def test_default_is_a_table_on_a_terminal_and_jsonl_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        print_records(COLUMNS, ["x"], None)
        texts.append(stream.getvalue())
    assert "NAME" in texts[0]
    assert json.loads(texts[1])["name"] == "x"


def test_numbers_have_their_noun() -> None:
    assert (counted(0, "thing"), counted(1, "thing"), counted(12345, "thing")) == (
        "0 things",
        "1 thing",
        "12,345 things",
    )
