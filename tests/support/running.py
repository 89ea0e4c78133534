"""Ways to run the command line: as a program, as a fork, in this process, and at a pseudo-terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from groups_sdk.cli import main
from support.forking import Forked
from support.hanging import Hanging

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-W", "error", "-m", "groups_sdk"]
NOBODY = "00000000-0000-4000-8000-000000000000"
FAKE_NOTE = "--fake: this is an example in memory; changes to it are lost at the end\n"
PATIENCE = 120  # seconds; what takes longer hangs


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


@attrs.frozen
class Done:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def run(*arguments: str, input: str = "") -> Done:
    """Run it in a process of its own, whose streams are no terminals; stdin is empty unless there is input."""
    return _ended(arguments, input=input)


def _ended(
    arguments: Sequence[str], *, input: str = "", meanwhile: Callable[[Forked], object] = lambda _: None
) -> Done:
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        stdin.write(input.encode())
        stdin.seek(0)
        streams = [file.fileno() for file in (stdin, out, err)]
        process = Forked(arguments, streams, env=os.environ, cwd=ROOT)
        try:
            meanwhile(process)
            code = process.wait(PATIENCE)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return Done(code, out.read().decode(), err.read().decode())


def program(*arguments: str) -> Done:
    """Run it through its real entry point. Its streams are pipes; stdin is empty."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start it."""
    return subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, **options)


def interrupted(service: Hanging, waiting: int, *arguments: str) -> Done:
    """Start it, and interrupt it when that many of its requests wait for an answer."""

    def interrupt(process: Forked) -> None:
        for _ in range(waiting):
            service.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGINT)

    return _ended(arguments, meanwhile=interrupt)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Done:
    """Run it in this process, its streams being no terminals."""
    code = main(list(arguments))
    captured = capsys.readouterr()
    return Done(code, captured.out, captured.err)


@attrs.frozen
class Screen:
    """What was seen at a terminal, and what went into pipes instead."""

    code: int
    text: str
    piped: str

    @property
    def plain(self) -> str:
        """Without colours and movements of the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text).replace("\r\n", "\n")


def _started(
    arguments: Sequence[str],
    streams: tuple[int, int, int],
    env: Mapping[str, str],
    cwd: Path,
    command: Sequence[str] | None,
) -> Forked | subprocess.Popen[bytes]:
    if command is None:
        return Forked(arguments, streams, env=env, cwd=cwd)
    stdin, stdout, stderr = streams
    return subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        start_new_session=True,
    )


def at_terminal(
    *arguments: str,
    type_in: Mapping[str, str] | None = None,
    stdout: bool = True,
    stderr: bool = True,
    env: Mapping[str, str] | None = None,
    at_text: Callable[[str, int], str | None] | None = None,
    command: Sequence[str] | None = None,
    cwd: Path = ROOT,
) -> Screen:
    """Run it, or another program, at a pseudo-terminal of 100 columns, or with stdout or stderr in a pipe instead.

    `type_in` maps what is shown to what is then typed; `at_text` gets all that is shown so far and the process's
    number, and may say what is to be typed.
    """
    main_end, terminal = pty.openpty()
    reading, writing = os.pipe()
    waiting = dict(type_in or {})
    streams = (terminal, terminal if stdout else writing, terminal if stderr else writing)
    environment = {**os.environ, "COLUMNS": "100", **(env or {})}
    process = _started(arguments, streams, environment, cwd, command)
    os.close(terminal)
    os.close(writing)
    seen = b""
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        while True:
            try:
                chunk = os.read(main_end, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not chunk:
                break
            seen += chunk
            if at_text is not None and (typed := at_text(seen.decode(errors="replace"), process.pid)):
                os.write(main_end, typed.encode())
            for shown in [shown for shown in waiting if shown.encode() in seen]:
                os.write(main_end, waiting.pop(shown).encode())
        with os.fdopen(reading, "rb") as pipe:
            piped = pipe.read()
        code = process.wait(PATIENCE)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
        os.close(main_end)
    assert not waiting, f"never shown: {list(waiting)}; but {seen!r}"
    return Screen(code, seen.decode(), piped.decode())
