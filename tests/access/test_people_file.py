"""Files of people: one a line, or the column of a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from groups_sdk import InvalidArgumentError
from groups_sdk.access._people_file import read_people


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people.txt", "ada@example.com\n\n  grace \n"),
        ("people", "\ufeffada@example.com\r\ngrace"),
        ("people.csv", "Email\nada@example.com\n\ngrace\n"),
        ("people.csv", "name,email\nAda,ada@example.com\nGrace,grace\n"),
        ("people.csv", 'name;username\n"Ada; of London";ada@example.com\nGrace;grace\n'),
        ("people.csv", "email\tuser_id\tname\nada@old.test\tada@example.com\tAda\ngrace\t\tGrace\n"),
        ("people.csv", "username,email\nada,ada@example.com\ngrace\n"),
    ],
)
def test_people_are_read(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", newline="")
    assert read_people(file) == ["ada@example.com", "grace"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("people.txt", " \n", "names nobody"),
        ("people.csv", "email\n", "names nobody"),
        ("people.csv", "", "is no table"),
        ("people.csv", "name\nAda\n", "none of its columns is called user_id, email or username"),
        ("people.csv", "name,email\nAda,ada@example.com\nGrace,\n", "row 2 names nobody"),
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
