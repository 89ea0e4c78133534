"""The environments that are measured in: a Python each, with what is installed for it, and a worker process in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.timing import Turn

TESTS = Path(__file__).parent.parent

Side = Callable[..., AbstractContextManager[Turn]]


class Environment:
    """One Python. Its worker process starts when it is first needed and runs until `close`."""

    def __init__(self, *command: str) -> None:
        self._command = command
        self._worker: subprocess.Popen[str] | None = None
        self._about: dict[str, Any] = {}

    @classmethod
    def current(cls) -> Environment:
        """That of the interpreter that runs now."""
        return cls(sys.executable)

    @classmethod
    def of(cls, python: str) -> Environment:
        """That of another interpreter, which sees nothing of this one's PYTHON* variables."""
        return cls(python, "-E")

    @property
    def packages(self) -> dict[str, str]:
        """The versions of the packages that matter and are installed."""
        self._start()
        packages: dict[str, str] = self._about["packages"]
        return packages

    @property
    def name(self) -> str:
        """Whether it has sniffio, which is what our environments differ in."""
        return "with sniffio" if "sniffio" in self.packages else "without sniffio"

    @property
    def description(self) -> str:
        versions = [f"{package} {version}" for package, version in self.packages.items()]
        return ", ".join([self._about["python"], *versions])

    @contextmanager
    def side(self, side: Side, *arguments: object) -> Iterator[Turn]:
        """Open a side in the worker process; what is yielded takes a turn there."""
        # By the function's name: a module of peers can be imported here, and what it needs only there.
        number = self._ask("open", f"{side.__module__}:{side.__name__}", arguments)
        yield lambda: self._ask("turn", number)
        self._ask("close", number)

    def figure(self, *arguments: object) -> float:
        """The number that a new process prints: a function of `processes`, by its name, and its arguments."""
        done = subprocess.run(
            [*self._command, "-m", "benchmarks.processes", *map(str, arguments)],
            cwd=TESTS,
            env=_variables(),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return float(done.stdout)

    def processor_time(self, *arguments: str) -> float:
        """The seconds of processor time that Python takes with these arguments, from its start to its end."""
        process = subprocess.Popen(
            [*self._command, *arguments],
            cwd=TESTS,
            env=_variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
        return usage.ru_utime + usage.ru_stime

    def close(self) -> None:
        """End the worker process. The next side gets a new one."""
        if self._worker is not None:
            with self._worker as worker:
                assert worker.stdin is not None
                worker.stdin.close()
                worker.wait(10)
            self._worker = None

    def _start(self) -> subprocess.Popen[str]:
        if self._worker is None:
            self._worker = subprocess.Popen(
                [*self._command, "-m", "benchmarks.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=TESTS,
                env=_variables(),
                text=True,
            )
            self._about = self._answer(self._worker)
        return self._worker

    def _ask(self, *command: object) -> Any:
        worker = self._start()
        assert worker.stdin is not None
        worker.stdin.write(json.dumps(command) + "\n")
        worker.stdin.flush()
        return self._answer(worker)

    def _answer(self, worker: subprocess.Popen[str]) -> Any:
        assert worker.stdout is not None
        line = worker.stdout.readline()
        if not line:
            raise RuntimeError(f"what {' '.join(self._command)} was measuring ended before its time")
        return json.loads(line)


def _variables() -> dict[str, str]:
    # What is installed is compiled: so be it here, where a machine's settings may be against it.
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
