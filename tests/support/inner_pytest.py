"""pytest in a process of its own, with the plugins that are named: to load all that are installed takes seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from support.stalling import PATIENCE

ROOT = Path(__file__).parent.parent.parent


def passed(text: str, folder: Path, *options: str, plugins: Sequence[str], paths: Sequence[Path] = ()) -> str:
    """Run these tests in that folder, and return what pytest printed. They pass, without a warning.

    `plugins` are names of their entry points; the package's own, with `fake_snyk`, is always there.
    """
    (folder / "test_example.py").write_text(text, encoding="utf-8")
    installed = entry_points(group="pytest11", name="groups_sdk")
    own = "groups_sdk" if installed else "groups_sdk.testing._pytest_plugin"
    loaded = [argument for plugin in (own, *plugins) for argument in ("-p", plugin)]
    found_in = " ".join(map(str, (ROOT, *paths)))
    options = ("-o", f"pythonpath={found_in}", *options, "--rootdir", str(folder))
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *loaded,
            *options,
            ".",
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
