"""The guide to test tools is true: its examples are tests, and they pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import inner_pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / ".github" / "guides" / "test-tools.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
TOOLS = {"pytest-httpx": "pytest_httpx", "vcrpy and pytest-recording": "vcr", "httpx2": "httpx2"}
PLUGINS = {"respx": ["respx"], "pytest-httpx": ["pytest_httpx"], "pytest-socket": ["socket"]}


@pytest.mark.parametrize("section", SECTIONS)
def test_example_passes(section: str, tmp_path: Path) -> None:
    tool = TOOLS.get(section)
    if tool is not None:  # those that are not installed for every Python
        pytest.importorskip(tool, reason=f"{tool} is not installed")
    (block,) = re.findall(r"^```(?:python|py)\n(.*?)^```$", SECTIONS[section], re.MULTILINE | re.DOTALL)
    printed = inner_pytest.passed(block, tmp_path, plugins=PLUGINS.get(section, []))
    assert re.search(rf"^{block.count('def test_')} passed", printed, re.MULTILINE)


def test_every_example_is_run() -> None:
    assert len(SECTIONS) == TEXT.count("\n```") / 2
