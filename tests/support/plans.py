"""Plans of the example group, and what happens between their making and their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from groups_sdk import Plan
from groups_sdk.testing import FakeSnyk

ADMINS = [f"ada.00{number}@example.com" for number in ("00", "12", "24")]
GRACE, ALAN, EDSGER = (f"{name}@example.com" for name in ("grace.0001", "alan.0002", "edsger.0003"))


async def planned(fake: FakeSnyk, desired: dict[str, str], *, prune: bool = False) -> Plan:
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, desired, prune=prune)
    fake._service.requests.clear()
    return plan


def keep_all(fake: FakeSnyk, **changed: str) -> dict[str, str]:
    """The state as it is, with changes by the first part of the email address; "" leaves somebody out."""
    desired = {m.user.email: m.role.name for m in fake.memberships(fake.group_id)}
    for name, role in changed.items():
        email = f"{name[:-4]}.{name[-4:]}@example.com"
        desired.pop(email, None)
        if role:
            desired[email] = role
    return desired


def change_role(name: str) -> Callable[[FakeSnyk, Any], None]:
    """What another admin does to a member."""

    def change(fake: FakeSnyk, member: Any) -> None:
        fake._state.change_role(member, next(role for role in fake.roles() if role.name == name))

    return change


class Meanwhile(httpx.AsyncBaseTransport):
    """Something happens between the look and the first write."""

    def __init__(self, fake: FakeSnyk, happens: Callable[[], object]) -> None:
        self._inner = fake.transport()
        self._happens: Callable[[], object] | None = happens

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and self._happens is not None:
            happens, self._happens = self._happens, None
            happens()
        return await self._inner.handle_async_request(request)
