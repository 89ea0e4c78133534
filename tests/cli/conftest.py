"""Shared by the tests of the command line: an example on a socket, and nothing of the terminal's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from support.hanging import Hanging
from support.loopback import served
from support.running import Done, call

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


@pytest.fixture
def listing(fake: FakeSnyk) -> Callable[[], dict[str, Any]]:
    """The answer to a listing of all members, to be spoiled."""

    def ask() -> dict[str, Any]:
        answer = httpx.get(
            f"{os.environ['SNYK_API']}/rest/groups/{fake.group_id}/memberships",
            params={"version": "2025-11-05", "limit": "100", "include_group_membership_count": "true"},
            headers={"Authorization": f"token {FakeSnyk.TOKEN}"},
        )
        document: dict[str, Any] = answer.raise_for_status().json()
        return document

    return ask


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """A command, run in this process."""
    return lambda *arguments: call(capsys, *arguments)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Hanging]:
    """An example that stops to answer: to be served."""
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    return lambda method, answered: Hanging(FakeSnyk.example(), method, answered=answered)
