"""Shared by the tests of the command line: an example on a socket, and nothing of the terminal's own settings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.loopback import served

from groups_sdk.testing import FakeSnyk


@pytest.fixture(autouse=True)
def no_settings_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHONUNBUFFERED", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSnyk]:
    """An example on a socket, with token and address in the environment."""
    fake = FakeSnyk.example()
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
        yield fake


@pytest.fixture
def group_id(fake: FakeSnyk) -> str:
    return fake.group_id
