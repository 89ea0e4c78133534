"""Files with personal data: whole or not there, for their owner only, and without falling for planted links."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from groups_sdk import FileAccessError
from groups_sdk._terminal import printable
from groups_sdk.access._writing import check_writable, opened_to_write


def write(path: Any, text: str = "new", **options: Any) -> None:
    with opened_to_write(path, **options) as writing:
        writing(text)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "new.csv", "å\r\n\ud800")
        write(str(tmp_path / "bom.csv"), "å", bom=True)
    finally:
        os.umask(before)
    assert (tmp_path / "new.csv").read_bytes() == "å\r\n?".encode()
    assert (tmp_path / "bom.csv").read_bytes() == "\ufeffå".encode()
    assert {mode_of(path) for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o400, 0o666])
def test_a_file_keeps_the_mode_that_it_had(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    path.write_text("old")
    path.chmod(mode)
    write(path)
    assert (path.read_text(), mode_of(path)) == ("new", mode)


def test_while_it_is_written_the_text_is_for_the_owner_only_and_under_another_name_each_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "open.csv"
    path.write_text("old")
    path.chmod(0o666)
    names = set()
    for _ in range(3):
        with opened_to_write(path) as writing:
            writing("new")
            (part,) = set(tmp_path.iterdir()) - {path}
            names.add(part.name)
            assert mode_of(part) == 0o600
            assert path.read_text() in ("old", "new")
    assert len(names) == 3


def test_what_fails_meanwhile_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kept.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        with opened_to_write(path) as writing:
            writing("half")
            raise KeyboardInterrupt
    with pytest.raises(OSError, match="of the caller"):
        with opened_to_write(path):
            raise OSError("of the caller")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_planted_at_the_name_of_the_part_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / ".guessed.part").symlink_to(victim)
    monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")
    with pytest.raises(FileAccessError, match=r"r\.csv: cannot be written: File exists"):
        write(tmp_path / "r.csv")
    assert victim.read_text() == "mine"
    assert (tmp_path / ".guessed.part").is_symlink()
    assert not (tmp_path / "r.csv").exists()


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_replaced_and_what_it_points_at_is_not_touched(there: bool, tmp_path: Path) -> None:
    victim, link = tmp_path / "victim", tmp_path / "r.csv"
    if there:
        victim.write_text("mine")
        victim.chmod(0o666)
    link.symlink_to(victim)
    write(link)
    assert (link.is_symlink(), link.read_text(), mode_of(link)) == (False, "new", 0o600)
    assert victim.read_text() == "mine" if there else not victim.exists()


def test_writers_on_one_path_do_not_break_each_other(tmp_path: Path) -> None:
    path = tmp_path / "shared.csv"
    texts = [str(number) * 100_000 for number in range(4)]
    begun = threading.Barrier(4)
    errors: list[BaseException] = []

    def one(text: str) -> None:
        try:
            with opened_to_write(path) as writing:
                writing(text[:50_000])
                begun.wait()  # all four have written half
                writing(text[50_000:])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_an_open_file_is_written_to_and_stays_open() -> None:
    file = io.StringIO()
    write(file, "a\ud800", bom=True)
    assert file.getvalue() == "a?"


@pytest.mark.parametrize(
    ("name", "to"),
    [
        *((name, to) for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1") for to in ("pipe", "file")),
        ("link", "pipe"),  # where standard output is a file, the link leads to a file, and is replaced
    ],
)
def test_standard_output_is_written_where_it_stands(name: str, to: str, tmp_path: Path) -> None:
    if name == "link":
        name = str(tmp_path / "link")
        os.symlink("/dev/stdout", name)
    code = (
        "import sys; from groups_sdk.access._writing import check_writable, opened_to_write\n"
        "print('before', flush=True)\n"
        f"with opened_to_write({name!r}, bom=True) as write: write('text\\n')\n"
        "print('after')"
    )
    out = tmp_path / "out"
    if to == "pipe":
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
        out.write_bytes(done.stdout)
    else:
        with out.open("w") as file:
            subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
    assert out.read_text() == "before\ntext\nafter\n"


def test_pipes_and_devices_are_opened_and_written(tmp_path: Path) -> None:
    write("/dev/null", "gone")
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    write(fifo, "through\n")
    reader.join()
    assert read == ["through\n"]
    assert fifo.is_fifo()
    reading, writing = os.pipe()
    os.close(reading)
    with pytest.raises(FileAccessError, match="Broken pipe"):
        write(f"/dev/fd/{writing}")
    os.close(writing)


def test_what_cannot_be_written_is_our_error_and_names_the_path(tmp_path: Path) -> None:
    for path, reason in {
        tmp_path / "gone" / "r.csv": "No such file or directory",
        tmp_path: "Is a directory",
        "/": "Is a directory",
        "": "No such file or directory",
        "a\x00b": ".*embedded null",
        tmp_path / ("x" * 300): "File name too long",
        "/dev/fd/987654": "Bad file descriptor",
    }.items():
        with pytest.raises(FileAccessError, match=f"cannot be written: {reason}") as caught:
            write(path)
        assert caught.value.path == str(path)
        assert str(caught.value).startswith(f"{printable(str(path))}: ")
        assert isinstance(caught.value.__cause__, OSError | ValueError)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(FileAccessError, match="symbolic links"):
        write(loop)
    with pytest.raises(FileAccessError, match="No space left on device"):
        write("/dev/full", "x" * 100)
    with pytest.raises(FileAccessError, match="No space left on device"):
        write("/dev/full", "x" * 1_000_000)
    with pytest.raises(FileAccessError, match="No space left on device"):
        with opened_to_write("/dev/full") as writing:
            for _ in range(100):
                writing("x" * 1_000)
    with pytest.raises(KeyError, match="of the caller"):
        with opened_to_write("/dev/full") as writing:
            writing("still in the buffer")
            raise KeyError("of the caller")


@pytest.mark.parametrize("step", ["open", "fsync", "replace", "fchmod"])
def test_a_failure_at_any_step_leaves_what_was_there(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.csv"
    path.write_text("old")

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, step, fail)
        with pytest.raises(FileAccessError, match=r"r\.csv: cannot be written: No space left on device"):
            write(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# Before anything is written


def test_what_can_be_written_is_said_so_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    there, link, planted = tmp_path / "there.csv", tmp_path / "link.csv", tmp_path / "planted.csv"
    there.write_text("old")
    there.chmod(0o400)
    link.symlink_to(there)
    planted.symlink_to(tmp_path / "nothing")
    before = sorted(tmp_path.iterdir())
    for path in (there, link, planted, tmp_path / "new.csv", str(tmp_path / "new.csv"), os.devnull):
        check_writable(path)
    assert (sorted(tmp_path.iterdir()), there.read_text()) == (before, "old")


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="the system has no such names")
def test_standard_streams_can_be_written_while_they_are_open(tmp_path: Path) -> None:
    check_writable("/dev/stdout")
    number = os.open(tmp_path, os.O_RDONLY)
    check_writable(f"/dev/fd/{number}")
    os.close(number)
    with pytest.raises(FileAccessError, match="Bad file descriptor"):
        check_writable(f"/dev/fd/{number}")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/new.csv", "No such file or directory"),
        ("file.csv/new.csv", "Not a directory"),
        (".", "Is a directory"),
        ("a\x00b", "null"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_cannot_be_written_is_said_before(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file.csv").write_text("")
    path = f"{tmp_path}/{name}"
    with pytest.raises(FileAccessError, match=f"cannot be written: .*{reason}") as caught:
        check_writable(path)
    assert caught.value.path == path
    with pytest.raises(FileAccessError, match="cannot be written"):
        write(path)
    with pytest.raises(FileAccessError, match="No such file"):
        check_writable("")


def test_a_directory_that_may_not_be_written_to_is_said_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")  # as the system does, but for root

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(FileAccessError, match=r"new\.csv: cannot be written: Permission denied"):
        check_writable(tmp_path / "new.csv")


def test_a_pipe_is_looked_at_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    check_writable(tmp_path / "pipe")  # opened, it would wait for somebody who reads
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FileAccessError, match="Permission denied"):
        check_writable(tmp_path / "pipe")


def test_an_encoding_that_cannot_carry_a_text_is_named() -> None:
    class Terminal(io.TextIOWrapper):
        name = "<stdout>"

    terminal = Terminal(io.BytesIO(), encoding="ascii")
    with pytest.raises(
        FileAccessError, match=r"<stdout>: cannot be written: its encoding, .*, has no '\\xe5'"
    ):
        write(terminal, "email\nåsa@x.com\n")
    terminal.flush()
    assert terminal.buffer.tell() == 0, "nothing of it was written"
