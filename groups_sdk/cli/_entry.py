"""`groups-sdk` and `python -m groups_sdk`: the whole command line, or what there is of it without its extra."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from groups_sdk.cli._exit_codes import FAILED
from groups_sdk.cli._stdio import forgive_encodings

__all__ = ["main"]

_EXTRA = ("click", "rich")


def main(argv: Sequence[str] | None = None, *, prog: str = "groups-sdk") -> int:
    """Run a command and return its exit code. `argv` is `sys.argv[1:]` unless given.

    Raises `SystemExit` for `--version`, and without the extra for `--help` and wrong usage too, as argparse does.

    Example:
        raise SystemExit(main(["demo"]))
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    if sys.stdout is None:
        print(f"{prog}: error: standard output is closed; nothing was done", file=sys.stderr)
        return FAILED
    forgive_encodings()
    arguments = sys.argv[1:] if argv is None else list(argv)
    if all(map(find_spec, _EXTRA)):
        from groups_sdk.cli._app import run
    else:
        from groups_sdk.cli._basic import run
    return run(arguments, prog)
