"""`python -m groups_sdk._codegen` writes the synchronous modules; `--check` fails when a committed one is stale."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

from groups_sdk._codegen.generator import generate

ROOT = Path(__file__).parent.parent.parent
HOMES = {
    "groups_sdk._client": "groups_sdk._sync.client",
    "groups_sdk.access._facade": "groups_sdk._sync.access",
}


def path_of(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def main(arguments: list[str], homes: Mapping[str, str] = HOMES) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python -m groups_sdk._codegen [--check]", file=sys.stderr)
        return 2
    new = generate({module: path_of(module).read_text(encoding="utf-8") for module in homes}, homes)
    stale = 0
    for target, text in ((path_of(module), text) for module, text in new.items()):
        old = target.read_text(encoding="utf-8") if target.exists() else ""
        if old == text:
            continue
        if not arguments:
            target.write_text(text, encoding="utf-8", newline="\n")
            continue
        stale = 1
        diff = difflib.unified_diff(
            old.splitlines(True), text.splitlines(True), target.name, "generated anew"
        )
        sys.stdout.writelines(diff)
        print(f"{target.name} is stale: run python -m groups_sdk._codegen", file=sys.stderr)
    return stale


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
