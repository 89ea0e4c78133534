"""`python -m groups_sdk`: the demo, and memberships as a table."""

from __future__ import annotations

from groups_sdk.cli.entry import main

raise SystemExit(main())
