"""Files of people: one a line, or the column of a table."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import Any

import pytest

from groups_sdk import InvalidArgumentError
from groups_sdk.access._people import Identity
from groups_sdk.access._people_file import people_of, read_people


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.txt", "ada@example.com\n\n  grace \n"),
        ("people", "\ufeffada@example.com\r\ngrace"),
        ("people.csv", "Email\nada@example.com\n\ngrace\n"),
        ("people.csv", "name,email\nAda,ada@example.com\nGrace,grace\n"),
        ("people.csv", 'name;username\n"Ada; of London";ada@example.com\nGrace;grace\n'),
        ("people.csv", "email\tuser_id\tname\n\tada@example.com\tAda\ngrace\t\tGrace\n"),
        ("people.csv", "username,email\nada@example.com,ada@example.com\ngrace\n"),
        ("people.txt", "Email;Name\nada@example.com;Ada\ngrace;Grace\n"),
        ("people", '\n"Email"\n"ada@example.com"\ngrace\n'),
    ],
)
def test_people_are_read(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", newline="")
    assert read_people(file) == ["ada@example.com", "grace"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("people.txt", " \n", "there is nobody in it"),
        ("people.csv", "email\n", "there is nobody in it"),
        ("people.csv", "", "is not a table"),
        ("people.csv", "name\nAda\n", "none of its columns is called user_id, email or username"),
        ("people.csv", "name,email\nAda,ada@example.com\nGrace,\n", "row 2 has nobody in it"),
        ("people.txt", "name,email\nAda,ada@example.com\nGrace,\n", "row 2 has nobody in it"),
        (
            "people.json",
            '["ada@example.com"]',
            "expected one person per line, .* user_id, email or username; this looks",
        ),
        ("people.txt", '\n{"email": "ada@example.com"}', "looks like JSON"),
    ],
)
def test_file_that_does_not_say_whom_it_means_is_refused(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        read_people(file)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["ada@example.com\ngrace\n", "name,email\r\nAda,ada@example.com\r\nG,grace\r\n"]
)
def test_an_open_file_is_a_list_or_a_table_as_it_begins(text: str) -> None:
    data = codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    for file in (
        io.StringIO(text, newline=""),
        io.BytesIO(data),
        io.TextIOWrapper(io.BytesIO(data), "ascii"),
    ):
        assert read_people(file) == people_of(file_again(file)) == ["ada@example.com", "grace"]


def file_again(file: Any) -> Any:
    file.seek(0)
    return file


def test_a_path_is_a_file_and_a_text_is_a_person(tmp_path: Path) -> None:
    (tmp_path / "people").write_text("ada@example.com")
    assert people_of(tmp_path / "people") == ["ada@example.com"]
    assert people_of(str(tmp_path / "people")) == str(tmp_path / "people")
    assert people_of(("ada", "grace")) == ("ada", "grace")
    with pytest.raises(InvalidArgumentError, match="the open file: there is nobody in it"):
        people_of(io.StringIO())


def test_headings_as_directories_write_them_are_known_in_a_table(tmp_path: Path) -> None:
    file = tmp_path / "leavers.csv"
    file.write_text("Display Name;Email Address\nAda;ada@x.com\n")
    assert read_people(file) == ["ada@x.com"]
    file.write_text("User Principal Name,mail\nada@x.com,ada.l@x.com\n")
    (ada,) = people_of(file)
    assert isinstance(ada, Identity)
    assert ada.names == ("ada.l@x.com", "ada@x.com")
    people = tmp_path / "leavers.txt"
    people.write_text("mail\nlogin\n")
    assert read_people(people) == ["mail", "login"], "outside of a table these are people"


def test_all_that_a_row_says_is_kept(tmp_path: Path) -> None:
    id_ = "11111111-1111-4111-8111-111111111111"
    file = tmp_path / "leavers.csv"
    file.write_text(f"email,user_id,username\nada@x.com,{id_.upper()},ada\ngrace@x.com,,\n")
    assert read_people(file) == [
        Identity(ids=(id_,), names=("ada@x.com", "ada"), where=f"{file}: row 1"),
        "grace@x.com",
    ]
