"""What the generated classes share."""

from __future__ import annotations

from typing import Self

from groups_sdk._portal import Portal
from groups_sdk._twins import SyncClient


class Client:
    """Stands in for an asynchronous client."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"Async{self.name}"

    async def aclose(self) -> None:
        raise AssertionError("nobody has used it")

    def detached(self) -> Self:
        return self


def test_a_copy_is_made_anew_once_its_portal_has_another_client() -> None:
    made: list[str] = []

    def derive(client: Client) -> Client:
        made.append(client.name)
        return Client(f"{client.name} with options")

    portal = Portal(Client("Parent"))
    copy = SyncClient(portal, derive)
    assert [repr(copy), repr(copy)] == ["Parent with options"] * 2
    portal.target = Client("Child")  # as in a forked child
    assert [repr(copy), repr(copy)] == ["Child with options"] * 2
    assert made == ["Parent", "Child"]
    copy.close()
    assert portal.refusal is None, "a copy shares the connections, and closes none"
