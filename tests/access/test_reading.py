"""The text of paths and of open files: the bytes below are read where they can be had."""

from __future__ import annotations

import codecs
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groups_sdk import InvalidArgumentError
from groups_sdk.access._reading import name_of, read_text

PEOPLE = "åsa@example.com\n"
ENCODED = [
    PEOPLE.encode(),
    codecs.BOM_UTF8 + PEOPLE.encode(),
    codecs.BOM_UTF16_LE + PEOPLE.encode("utf-16-le"),
    codecs.BOM_UTF16_BE + PEOPLE.encode("utf-16-be"),
]


def opened(data: bytes, encoding: str = "ascii") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding=encoding)


@pytest.mark.parametrize("data", ENCODED)
def test_an_open_file_is_read_by_its_bytes_whatever_its_encoding_is_said_to_be(
    data: bytes, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_bytes(data)
    text = opened(data)
    with open(tmp_path / "people.csv", encoding="latin-1") as file:
        for source in (tmp_path / "people.csv", text, io.BytesIO(data), file):
            assert read_text(source) == (PEOPLE, None)
        assert not file.closed
        assert not text.closed


def test_cp1252_in_an_open_file_is_noted_with_its_name() -> None:
    text, note = read_text(opened(PEOPLE.encode("cp1252")))
    assert (text, "the open file is not UTF-8 and was read as cp1252" in (note or "")) == (PEOPLE, True)


def test_text_without_bytes_is_taken_as_it_is() -> None:
    assert read_text(io.StringIO("\ufeff" + PEOPLE)) == (PEOPLE, None)


def test_what_was_read_before_is_not_read_again_and_nothing_after_it_is_lost() -> None:
    first, rest = "first line\n", "b@x.com\n" * 5000
    for read_first in (io.TextIOWrapper.readline, next):
        file = opened((first + rest).encode())
        assert read_first(file) == first  # type: ignore[operator] # both take the file
        assert read_text(file)[0] == rest


def test_a_letter_that_was_read_in_part_is_not_cut() -> None:
    line = (
        "x" * 8190 + "\n"
    )  # text is read in chunks of 8192 bytes: the next letter has its first byte in this one
    file = io.TextIOWrapper(io.BytesIO((line + PEOPLE).encode()), encoding="utf-8")
    assert file.readline() == line
    assert read_text(file) == (PEOPLE, None)


def test_a_pipe_of_which_something_was_read_before_loses_nothing() -> None:
    first, rest = "first line\n", "å@x.com\n" * 10
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write((first + rest).encode())
    with open(reading, encoding="utf-8") as file:
        assert (file.readline(), read_text(file)) == (first, (rest, None))


def test_standard_input_is_read_by_its_bytes() -> None:
    code = (
        "import sys; from groups_sdk.access._reading import name_of, read_text\n"
        "assert (name_of(sys.stdin), read_text(sys.stdin)[0]) == ('<stdin>', '\\u00e5sa@example.com\\n')"
    )
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", code], input=ENCODED[2], env=environment, check=True)


class Nothing:
    """A pipe that has nothing yet, read without waiting."""

    def read(self) -> None:
        return None


def closed() -> io.StringIO:
    file = io.StringIO("a@x.com")
    file.close()
    return file


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (closed(), "the open file: cannot be read: I/O operation on closed file"),
        (Nothing(), "the open file: cannot be read: there is no text in it"),
        (io.StringIO("a\ud800@x.com"), "the open file: is not UTF-8 text"),
        (io.StringIO("a\x00@x.com"), "the open file: is not a text file"),
        (opened(b"\x81\xff"), "the open file: is not UTF-8 text; save it as UTF-8"),
        (opened(codecs.BOM_UTF16_LE + b"a"), "is damaged: it begins as UTF-16 text"),
    ],
)
def test_an_open_file_that_cannot_be_read_is_refused(file: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read_text(file)


def test_a_file_is_named_as_far_as_it_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("")
    with open(tmp_path / "d.csv") as named, open(os.dup(named.fileno())) as numbered:
        assert name_of(named) == str(tmp_path / "d.csv")
        assert name_of(numbered) == name_of(io.StringIO()) == "the open file"
    assert name_of(tmp_path / "d.csv") == name_of(str(tmp_path / "d.csv")) == str(tmp_path / "d.csv")
