"""`python -m groups_sdk._codegen`: the committed modules are fresh, and it finds those that are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from groups_sdk._codegen import __main__ as command
from groups_sdk._codegen.rules import RULES

ROOT = command.ROOT
TARGETS = [target for target in RULES.targets.values() if target]


def texts(root: Path) -> dict[str, str]:
    paths = [root / command.path_of(target).relative_to(command.ROOT) for target in TARGETS]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the generated modules, empty, in a copy of what they are generated from.

    The generator takes seconds: what it would write stands in the committed modules, which the first test shows.
    """
    generated = {target: command.path_of(target).read_text(encoding="utf-8") for target in TARGETS}
    monkeypatch.setattr(command, "generate", lambda sources, rules: generated)
    for module in RULES.targets:
        copied = tmp_path / command.path_of(module).relative_to(command.ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_text(command.path_of(module).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    folder = tmp_path / "groups_sdk" / "_sync"
    folder.mkdir()
    (folder / "__init__.py").touch()
    return folder


def test_the_committed_modules_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "groups_sdk._codegen", "--check"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_missing_modules_are_found_and_written(copy: Path) -> None:
    assert command.main(["--check"]) == 1
    assert list(copy.iterdir()) == [copy / "__init__.py"]
    assert command.main([]) == 0
    assert texts(command.ROOT) == texts(ROOT)
    assert command.main(["--check"]) == 0


def test_a_missing_last_line_is_shown(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    target = copy / "access.py"
    lines = target.read_text(encoding="utf-8").splitlines(keepends=True)
    target.write_text("".join(lines[:-1]), encoding="utf-8")
    assert command.main(["--check"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("--- access.py\n+++ generated anew\n@@")
    assert printed.out.endswith(f"\n+{lines[-1]}")
    assert printed.err == "access.py is stale: run python -m groups_sdk._codegen\n"


def test_a_module_without_a_source_is_an_error(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    (copy / "old.py").write_text("", encoding="utf-8")
    for arguments in ([], ["--check"]):
        assert command.main(arguments) == 1
        assert capsys.readouterr().err == "old.py has no source: delete it\n"


def test_an_unknown_option_is_refused() -> None:
    assert command.main(["--what"]) == 2
