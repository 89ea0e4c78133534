"""The process that measures, started by `environments` with the Python of one environment.

What can be measured is a side: a context manager that gives a turn, a function that does the work once and returns how
long it took. This process reads commands from its standard input, a JSON list on each line, and answers with one line:

- `["open", "benchmarks.bare:list_async", [base_url, 5000]]` enters a side and takes a turn that does not count, which
  opens connections and fills caches. The answer is the side's number.
- `["turn", number]` takes a turn; the answer is what it measured.
- `["close", number]` leaves the side.

It ends when its input does. Before all that it says in one line which Python it is, and with which packages.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

# What the figures depend on: ours, and what the peers bring.
PACKAGES = [
    *("groups-sdk", "httpx", "httpcore", "h11", "anyio", "sniffio", "trio", "attrs", "cattrs", "orjson"),
    *("pydantic", "pysnyk", "requests", "openai", "httpx2", "httpcore2"),
]


def about() -> dict[str, object]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            pass
    return {"python": f"{platform.python_implementation()} {platform.python_version()}", "packages": found}


class Worker:
    def __init__(self) -> None:
        self._turns: list[Callable[[], float]] = []
        self._sides: list[ExitStack] = []

    def open(self, path: str, arguments: list[object]) -> int:
        module, _, name = path.partition(":")
        side = ExitStack()
        turn = side.enter_context(getattr(import_module(module), name)(*arguments))
        turn()
        self._sides.append(side)
        self._turns.append(turn)
        return len(self._turns) - 1

    def turn(self, number: int) -> float:
        gc.collect()
        return self._turns[number]()

    def close(self, number: int) -> None:
        self._sides[number].close()


def main() -> None:
    # Whatever else is printed here goes to standard error: the answers have standard output for themselves.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with answers:
        print(json.dumps(about()), file=answers, flush=True)
        worker = Worker()
        for line in sys.stdin:
            command, *arguments = json.loads(line)
            print(json.dumps(getattr(worker, command)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
