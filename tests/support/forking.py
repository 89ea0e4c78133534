"""Commands in processes of their own that begin at once: forks of one that has imported everything.

Python takes a second of processor time to import what a command needs. A process that is forked has its streams,
terminal, environment, signals and end to itself as any other, but finds all of it imported.
"""

from __future__ import annotations

import atexit
import gc
import io
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PROG = "python -m groups_sdk"
_IMPORTED = (  # besides the commands
    "anyio._backends._asyncio",
    "groups_sdk._sync.access",
    "groups_sdk._sync.client",
    "groups_sdk.access._facade",
    "groups_sdk.cli._app",
    "groups_sdk.testing._fake",
    "rich.progress",
    "rich.table",
    "yaml",
)
_LENGTH = 8  # digits of the length of a request
_SCRIPT = """#!{python} -IS
import json, os, socket, sys
request = json.dumps({{"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({address!r})
    socket.send_fds(connection, [b"%0{length}d" % len(request)], [0, 1, 2])
    connection.sendall(request)
    answers = connection.makefile()
    answers.readline()
    sys.exit(int(answers.readline()))
"""


class Forked:
    """A command that runs: what tests need of `subprocess.Popen`."""

    def __init__(
        self, arguments: Sequence[str], streams: Sequence[int], *, env: Mapping[str, str], cwd: Path
    ) -> None:
        request = json.dumps({"arguments": arguments, "cwd": str(cwd), "env": dict(env)}).encode()
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(_address())
        socket.send_fds(self._connection, [b"%0*d" % (_LENGTH, len(request))], list(streams))
        self._connection.sendall(request)
        self._answers = self._connection.makefile()
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("groups-sdk", timeout)
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def write_script(path: Path) -> None:
    """Write a program for scripts of a shell, which runs commands as `groups-sdk` does.

    It also runs a program behind `-c` as Python does.
    """
    path.write_text(_SCRIPT.format(python=sys.executable, address=_address(), length=_LENGTH))
    path.chmod(0o700)


@cache
def _address() -> str:
    """The socket of the process that forks, which is started when it is first needed."""
    folder = tempfile.mkdtemp()
    address = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", __file__, address],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as stdout:
        assert stdout.readline() == b"ready\n"

    def end() -> None:
        process.kill()
        process.wait()
        shutil.rmtree(folder)

    atexit.register(end)
    return address


# What follows runs in the process that forks, and in its forks.


def _serve(address: str) -> Any:
    """Fork for each request. Returns in the processes of the commands only, with the request."""
    parent = os.getppid()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        listener.settimeout(5)
        print("ready", flush=True)
        while os.getppid() == parent:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with suppress(ChildProcessError):  # those that have ended, so that their processor time counts
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork():
                connection.close()
                continue
            listener.close()
            request = _received(connection)
            if (command := os.fork()) == 0:
                connection.close()
                return request
            for stream in request["streams"]:
                os.close(stream)
            connection.sendall(b"%d\n" % command)
            code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            connection.sendall(b"%d\n" % code)
            os._exit(0)
    os._exit(0)


def _received(connection: socket.socket) -> Any:
    connection.settimeout(None)
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH, 3)
    with connection.makefile("rb") as rest:
        return {**json.loads(rest.read(int(head))), "streams": streams}


def _begin(request: Any) -> None:
    """Make this the process that was asked for."""
    os.setsid()
    for number, stream in enumerate(request["streams"]):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the process ends
    sys.stdout = _text(1)
    sys.stderr = _text(2)
    sys.stderr.reconfigure(errors="backslashreplace", line_buffering=True)


def _text(number: int) -> io.TextIOWrapper:
    stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the process ends
    assert isinstance(stream, io.TextIOWrapper)
    return stream


if __name__ == "__main__":
    from groups_sdk.cli import main
    from groups_sdk.cli._catalog import COMMANDS

    commands = {f"groups_sdk.cli._commands.{entry.module}" for entry in COMMANDS.values()}
    for module in (*_IMPORTED, *commands):
        import_module(module)
    gc.freeze()
    request = _serve(sys.argv[1])
    _begin(request)
    if request["arguments"][:1] == ["-c"]:
        sys.exit(exec(request["arguments"][1], {"__name__": "__main__"}))
    sys.exit(main(request["arguments"], prog=PROG))
