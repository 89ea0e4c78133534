"""`python -m groups_sdk`: the same as `groups-sdk`."""

from __future__ import annotations

from groups_sdk.cli import main

raise SystemExit(main(prog="python -m groups_sdk"))
