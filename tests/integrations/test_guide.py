"""The guide to test tools is true: its examples with tools that not every Python gets are tests, and they pass.

`test_readme.py` runs the others.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import inner_pytest
from support.pages import GUIDES, blocks, example

# What is found in an example, and the plugins that it wants.
TOOLS = {"httpx_mock": ["pytest_httpx"], "vcr": [], "httpx2": []}


@pytest.mark.parametrize("tool", TOOLS)
def test_example_passes(tool: str, tmp_path: Path) -> None:
    module = "pytest_httpx" if tool == "httpx_mock" else tool
    pytest.importorskip(module, reason=f"{module} is not installed")
    block = example("test-tools.md", tool)
    printed = inner_pytest.passed(block, tmp_path, plugins=TOOLS[tool])
    assert re.search(rf"^{block.count('def test_')} passed", printed, re.MULTILINE)


def test_every_example_is_run() -> None:
    assert len(list(blocks(GUIDES / "test-tools.md", "py"))) == len(TOOLS)
