"""`python -m groups_sdk._codegen` writes the synchronous client; `--check` fails when the committed one is stale."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from groups_sdk._codegen.generator import generate

ROOM = Path(__file__).parent.parent
SOURCES = {
    "groups_sdk.client": ROOM / "client.py",
    "groups_sdk.access.facade": ROOM / "access" / "facade.py",
}
TARGET = ROOM / "sync_client.py"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python -m groups_sdk._codegen [--check]", file=sys.stderr)
        return 2
    new = generate({module: path.read_text(encoding="utf-8") for module, path in SOURCES.items()})
    if not arguments:
        TARGET.write_text(new, encoding="utf-8", newline="\n")
        return 0
    old = TARGET.read_text(encoding="utf-8") if TARGET.exists() else ""
    if old == new:
        return 0
    diff = difflib.unified_diff(old.splitlines(True), new.splitlines(True), TARGET.name, "generated anew")
    sys.stdout.writelines(diff)
    print(f"{TARGET.name} is stale: run python -m groups_sdk._codegen", file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
