"""`python -m groups_sdk._codegen` writes the synchronous modules; `--check` fails when a committed one is stale."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from groups_sdk._codegen.generator import generate
from groups_sdk._codegen.rules import RULES, Rules

ROOT = Path(__file__).parent.parent.parent


def path_of(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def main(arguments: list[str], rules: Rules = RULES) -> int:
    if arguments not in ([], ["--check"]):
        print("usage: python -m groups_sdk._codegen [--check]", file=sys.stderr)
        return 2
    new = generate({module: path_of(module).read_text(encoding="utf-8") for module in rules.targets}, rules)
    texts = {path_of(module): text for module, text in new.items()}
    problems = [f"{path.name} has no source: delete it" for path in _present(texts) if path not in texts]
    for path, text in texts.items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        if not arguments:
            path.write_text(text, encoding="utf-8", newline="\n")
            continue
        diff = difflib.unified_diff(old.splitlines(True), text.splitlines(True), path.name, "generated anew")
        sys.stdout.writelines(diff)
        problems.append(f"{path.name} is stale: run python -m groups_sdk._codegen")
    print("".join(f"{problem}\n" for problem in problems), end="", file=sys.stderr)
    return 1 if problems else 0


def _present(texts: dict[Path, str]) -> list[Path]:
    """The modules beside the generated ones, with them."""
    folders = sorted({path.parent for path in texts})
    return [path for folder in folders for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
