"""What a file is: by its name, by what is said, by its content. A wrong guess is an error, never another person."""

from __future__ import annotations

import codecs
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.extent import share

from groups_sdk import InvalidArgumentError
from groups_sdk.access._plan.desired import DesiredState, read_desired
from groups_sdk.access._plan.formats import format_of_text

ROW = {"email": "a@x.com", "role": "R"}
GROUP = "7c8d3b62-0a3d-4a1e-9a55-0d6f2ec0a6b1"
MEANT = [(("a@x.com",), "R")]


def people(state: DesiredState) -> list[tuple[tuple[str, ...], Any]]:
    return [(member.names, member.role) for member in state.members]


CONTENTS = [
    ("csv", "email,role\na@x.com,R\n"),
    ("csv", "\n\nRole;Mail\nR;a@x.com\n"),
    ("csv", 'sep=|\n"email"|"role"\na@x.com|R\n'),
    ("csv", "Name: first,email,role\nAda,a@x.com,R\n"),
    ("json", '{"a@x.com": "R"}'),
    ("json", ' \n{\n "a@x.com": "R"\n}\n'),
    ("json", json.dumps([ROW], indent=1)),
    ("json", json.dumps([ROW])),
    ("jsonl", json.dumps(ROW)),
    ("jsonl", json.dumps(ROW) + "\r\n\r\n"),
    ("yaml", "a@x.com: R\n"),
    ("yaml", '"a@x.com": "R"'),
    ("yaml", "# who is in\n\n---\na@x.com: R\n"),
    ("yaml", "- email: a@x.com\n  role: R\n"),
    ("yaml", "-\n  email: a@x.com\n  role: R\n"),
    ("yaml", "%YAML 1.1\n---\na@x.com: R\n"),
]


@pytest.mark.parametrize(("file_format", "content"), CONTENTS)
def test_a_stream_without_a_name_is_known_by_its_content(
    file_format: Any, content: str, tmp_path: Path
) -> None:
    assert format_of_text(content, "x", None, one_role=False) == file_format
    nameless = tmp_path / "desired"
    nameless.write_text(content)
    for file in (io.StringIO(content), io.BytesIO(content.encode()), nameless):
        assert people(read_desired(file)) == MEANT
    for file in (io.StringIO(content), nameless):
        assert people(read_desired(file, file_format=file_format)) == MEANT


@pytest.mark.parametrize(
    ("file_format", "content"),
    [
        ("csv", "a@x.com\n"),
        ("yaml", "- a@x.com\n"),
        ("json", '["a@x.com"]'),
        ("jsonl", '{"email": "a@x.com"}'),
    ],
)
def test_lists_are_known_too(file_format: str, content: str) -> None:
    assert format_of_text(content, "x", None, one_role=True) == file_format
    assert people(read_desired(io.StringIO(content), role="R")) == MEANT


def test_the_heading_that_was_named_tells_a_table(tmp_path: Path) -> None:
    table = "Adresse: privat,Rolle\na@x.com,R\n"
    columns = {"email": "Adresse: privat", "role": "Rolle"}
    assert people(read_desired(io.StringIO(table), columns=columns)) == MEANT
    line = '{"Adresse": "a@x.com", "Rolle": "R"}'
    assert people(read_desired(io.StringIO(line), columns={"email": "Adresse", "role": "Rolle"})) == MEANT


def test_columns_that_are_not_valid_are_named_whatever_the_file_is() -> None:
    for content in (CONTENTS[0][1], json.dumps(ROW), json.dumps(ROW) + "\n" + json.dumps(ROW)):
        with pytest.raises(InvalidArgumentError, match="columns: the heading of email must be text; got 1"):
            read_desired(io.StringIO(content), columns={"email": 1})  # type: ignore[dict-item] # the point


def test_the_bytes_of_a_stream_follow_the_rules_of_files() -> None:
    text = "email,role\nå@x.com,R\n"
    for data in (codecs.BOM_UTF8 + text.encode(), codecs.BOM_UTF16_LE + text.encode("utf-16-le")):
        wrapped = io.TextIOWrapper(io.BytesIO(data), encoding="ascii")
        assert people(read_desired(wrapped)) == [(("å@x.com",), "R")]
    state = read_desired(io.TextIOWrapper(io.BytesIO(text.encode("cp1252"))))
    assert (people(state), len(state.notes)) == ([(("å@x.com",), "R")], 1)


def test_an_open_file_goes_by_its_name_and_by_what_is_said_before_that(tmp_path: Path) -> None:
    path = tmp_path / "desired.yaml"
    path.write_text("[{email: a@x.com, role: R}]")
    with path.open() as file:
        state = read_desired(file)
    assert (people(state), state.source) == (MEANT, str(path))
    path = tmp_path / "people.export"
    path.write_text("email,role\na@x.com,R\n")
    assert people(read_desired(path, file_format="csv")) == MEANT
    with pytest.raises(
        InvalidArgumentError, match=r"export: the name must end in .*, or file_format must say"
    ):
        read_desired(path)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "the open file: is empty"),
        (" \n", {}, "the open file: is empty"),
        ("{a@x.com: R}", {}, "is not JSON"),
        ("[email],role\na@x.com,R\n", {}, "is not JSON"),
        ('["a@x.com"]\n["b@x.com"]\n', {"role": "R"}, "is not JSON: Extra data"),
        ('{"a@x.com": "R"}\n{"b@x.com": "R"}\n', {}, "no key names the person or the role"),
        ("email: a@x.com\nrole: R\n", {}, "is one row: put it into a list"),
        ("Name: x,Adresse\na,a@x.com\n", {"role": "R"}, "is not YAML"),
        ("Ada: x\nBob: y\n", {"role": "R"}, "gives each person a role, and role= gives"),
        ("Ada: a@x.com\n", {"file_format": "csv", "role": "R"}, "line 1: 'Ada: a@x.com' is not an email"),
        ("ada\nbob\n", {"role": "R"}, "no column names the person: there are 'ada'"),
        (json.dumps(ROW), {"file_format": "json"}, "is one row: put it into a list"),
        ('{"email": "a@x.com"}', {"file_format": "json", "role": "R"}, "is one row: put it into a list"),
        ("x", {"file_format": "xlsx"}, "file_format must be one of csv, json, jsonl, yaml; got 'xlsx'"),
        ("x", {"file_format": ["csv"]}, "file_format must be one of"),
    ],
)
def test_what_is_not_what_it_looks_like_is_refused(
    content: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read_desired(io.StringIO(content), **options)


def test_what_is_no_file_has_no_format() -> None:
    with pytest.raises(InvalidArgumentError, match="file_format is for files only"):
        read_desired([ROW], file_format="csv")


NAMES = st.sampled_from(["a@x.com", "b@x.com", "email", "role", "R", "mail", "groups", "members", GROUP])
DOCUMENTS = st.one_of(
    st.dictionaries(NAMES, NAMES, max_size=3),
    st.lists(st.one_of(NAMES, st.dictionaries(NAMES, NAMES, max_size=3)), max_size=3),
)
LINES = st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=4)


def _written(thing: Any) -> dict[str, str]:
    return {
        "json": json.dumps(thing),
        "jsonl": "\n".join(map(json.dumps, thing if isinstance(thing, list) else [thing])),
    }


@given(
    st.one_of(DOCUMENTS.map(_written), LINES.map(lambda ls: {"csv": "\n".join(map(",".join, ls))})),
    st.booleans(),
)
@settings(deadline=None, max_examples=share(400))
def test_a_guess_names_the_same_people_or_nobody(written: dict[str, str], one_role: bool) -> None:
    options: dict[str, Any] = {"role": "R"} if one_role else {}
    for file_format, content in written.items():
        try:
            guessed = people(read_desired(io.StringIO(content), **options))
        except InvalidArgumentError:
            continue
        try:
            said = people(read_desired(io.StringIO(content), file_format=file_format, **options))  # type: ignore[arg-type]
        except InvalidArgumentError:
            continue  # it is not what it is said to be
        assert guessed == said
