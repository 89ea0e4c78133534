"""The surroundings of the recipes: FakeSnyk on a socket, which the environment names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.loopback import served

from groups_sdk.testing import FakeSnyk


@pytest.fixture
def snyk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSnyk]:
    fake = FakeSnyk.example()
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        yield fake
