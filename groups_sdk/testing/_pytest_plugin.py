"""The fixture `fake_snyk`. Nothing else is imported until a test asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from groups_sdk.testing._fake import FakeSnyk


@pytest.fixture
def fake_snyk() -> FakeSnyk:
    """A Groups API in memory with an example organization in it: `FakeSnyk.example()`."""
    from groups_sdk.testing._fake import FakeSnyk

    return FakeSnyk.example()
