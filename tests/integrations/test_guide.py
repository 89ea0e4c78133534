"""The guide to test tools is true: its examples are tests, and they pass."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / ".github" / "guides" / "test-tools.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
TOOLS = {"pytest-httpx": "pytest_httpx", "vcrpy and pytest-recording": "vcr", "httpx2": "httpx2"}


@pytest.mark.parametrize("section", SECTIONS)
def test_example_passes(section: str, tmp_path: Path) -> None:
    tool = TOOLS.get(section)
    if tool is not None:  # those that are not installed for every Python
        pytest.importorskip(tool, reason=f"{tool} is not installed")
    (block,) = re.findall(r"^```(?:python|py)\n(.*?)^```$", SECTIONS[section], re.MULTILINE | re.DOTALL)
    (tmp_path / "test_example.py").write_text(block, encoding="utf-8")
    announced = entry_points(group="pytest11", name="groups_sdk")
    plugin = [] if announced else ["-p", "groups_sdk.testing._pytest_plugin"]
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
    ]
    done = subprocess.run(
        [*command, *plugin, "-o", f"pythonpath={ROOT}", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(rf"^{block.count('def test_')} passed", done.stdout, re.MULTILINE)


def test_every_example_is_run() -> None:
    assert len(SECTIONS) == TEXT.count("\n```") / 2
