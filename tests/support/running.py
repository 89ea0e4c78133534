"""Ways to run the command line: through its real entry point, in this process, and at a pseudo-terminal."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from groups_sdk.cli import main
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


def run(*arguments: str, env: Mapping[str, str] | None = None, input: str | None = None) -> Done:
    """Run it in a process of its own. Its streams are pipes; stdin is empty unless there is input."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        input=(input or "").encode(),
        timeout=PATIENCE,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def start(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start it."""
    return subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, **options)


def interrupted(service: Hanging, waiting: int, *arguments: str) -> Done:
    """Start it, and interrupt it when that many of its requests wait for an answer."""
    process = start(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for _ in range(waiting):
            service.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return Done(process.returncode, out.decode(), err.decode())


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


def at_terminal(
    *arguments: str,
    type_in: Mapping[str, str] | None = None,
    stdout: bool = True,
    stderr: bool = True,
    env: Mapping[str, str] | None = None,
    at_text: Callable[[str, int], str | None] | None = None,
    command: Sequence[str] = COMMAND,
    cwd: Path = ROOT,
) -> Screen:
    """Run it, or another command, at a pseudo-terminal of 100 columns, or with stdout or stderr in a pipe instead.

    `type_in` maps what is shown to what is then typed; `at_text` gets all that is shown so far and the process's
    number, and may say what is to be typed.
    """
    main_end, terminal = pty.openpty()
    reading, writing = os.pipe()
    waiting = dict(type_in or {})
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        stdin=terminal,
        stdout=terminal if stdout else writing,
        stderr=terminal if stderr else writing,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        start_new_session=True,
    )
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
