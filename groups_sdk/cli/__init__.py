"""The command line: `main` runs one command and returns its exit code.

    groups-sdk review --fake             in a shell
    main(["review", "--fake"])           the same from Python

`groups-sdk --help` lists the commands and exit codes. Without the extra `cli`, two commands work, in plain text.
"""

from __future__ import annotations

from groups_sdk.cli._entry import main

__all__ = ["main"]
