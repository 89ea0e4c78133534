"""For tests of code that uses this package: `FakeSnyk`, a Groups API in memory, and the pytest fixture `fake_snyk`.

fake = FakeSnyk.example()
with fake.client() as client:
    assert client.list_groups().first() is not None
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groups_sdk.testing._fake import FakeSnyk, RecordedRequest

__all__ = ["FakeSnyk", "RecordedRequest"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from groups_sdk.testing import _fake as fake  # on first use: the pytest plugin must cost nothing

    return getattr(fake, name)


def __dir__() -> list[str]:
    return __all__
