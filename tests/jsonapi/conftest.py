"""Shared by the tests of documents and errors: both parsers."""

from __future__ import annotations

import orjson
import pytest

from groups_sdk._jsonapi import parsing


@pytest.fixture(params=["orjson", "json"])
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything holds with the extra `speed` and without it."""
    parse = orjson.loads if request.param == "orjson" else parsing.parse_plainly
    monkeypatch.setattr(parsing, "_loads", parse)
