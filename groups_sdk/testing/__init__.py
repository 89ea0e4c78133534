"""For tests of code that uses this package: `FakeSnyk`, a Groups API in memory, and the pytest fixture `fake_snyk`.

fake = FakeSnyk.example()
with fake.client() as client:  # or: async with fake.async_client() as client
    assert client.list_groups().first() is not None

fake_snyk                                     the fixture: a `FakeSnyk.example()`, new for every test
fake.client(), fake.async_client()            clients of it, which need neither a token nor a network
fake.add_group(), add_user(), add_role(), add_membership(), ...     a group of your own
fake.fail_next(), hang_next()                 failures to come
fake.requests                                 what it was asked, and the status that it answered
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
