"""The command line: `main` runs one command. Plain argparse and plain text unless the extra `cli` is installed."""

from __future__ import annotations

from groups_sdk.cli._entry import main

__all__ = ["main"]
