"""The jobs of either client under one asynchronous face, for tests that mean both."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import pytest

from groups_sdk import AsyncGroupsClient, GroupsClient, RetryPolicy
from groups_sdk.testing import FakeSnyk

AT_ONCE = RetryPolicy(backoff_base=0.0)
ONCE = RetryPolicy(max_attempts=1)
NOWHERE = "99999999-9999-4999-8999-999999999999"
BOTH = pytest.mark.parametrize("kind", ["async", "sync"])


class Jobs:
    """`await jobs("plan", group_id, {...})` calls a method of `client.access` of that kind."""

    def __init__(self, fake: FakeSnyk, kind: str, **options: Any) -> None:
        options = {"retries": AT_ONCE, **options}
        self.fake = fake
        self.group_id: str = fake.group_id
        self._client: AsyncGroupsClient | GroupsClient = (
            fake.async_client(**options) if kind == "async" else fake.client(**options)
        )

    async def __aenter__(self) -> Jobs:
        return self

    async def __aexit__(self, *_: object) -> None:
        if isinstance(self._client, AsyncGroupsClient):
            await self._client.aclose()
        else:
            await anyio.to_thread.run_sync(self._client.close)

    async def __call__(self, name: str, /, *args: Any, **options: Any) -> Any:
        """What the method returns; an object of work as it is."""
        return await self.run(partial(getattr(self._client.access, name), *args, **options))

    async def run(self, func: Callable[[], Any]) -> Any:
        """Something of the client, waited for."""
        if isinstance(self._client, AsyncGroupsClient):
            value = func()
            return await value if inspect.iscoroutine(value) else value
        return await anyio.to_thread.run_sync(func)

    async def all(self, work: Any, limit: int | None = None) -> list[Any]:
        """What iterating gives, or the first of it."""
        if not isinstance(self._client, AsyncGroupsClient):
            return await anyio.to_thread.run_sync(partial(_first, work, limit))
        found: list[Any] = []
        async for item in work:
            found.append(item)
            if len(found) == limit:
                break
        return found

    async def block(self, work: Any, limit: int | None = None) -> list[Any]:
        """The same, inside a block of the work."""
        if not isinstance(self._client, AsyncGroupsClient):
            return await anyio.to_thread.run_sync(partial(_first_in_block, work, limit))
        async with work:
            return await self.all(work, limit)


def _first_in_block(work: Any, limit: int | None) -> list[Any]:
    with work:
        return _first(work, limit)


def _first(work: Any, limit: int | None) -> list[Any]:
    found: list[Any] = []
    for item in work:
        found.append(item)
        if len(found) == limit:
            break
    return found


def changes_sent(fake: FakeSnyk) -> list[tuple[str, str]]:
    """The writes that the fake was asked for: method, and the last part of the path."""
    return [(r.method, r.path.rpartition("/")[2]) for r in fake.requests if r.method != "GET"]


def roles_of(fake: FakeSnyk, group_id: str | None = None) -> dict[str, str]:
    """The roles as they are now, by email address."""
    return {m.user.email: m.role.name for m in fake.memberships(group_id or fake.group_id)}


def role_id(fake: FakeSnyk, name: str) -> str:
    return next(role.id for role in fake.roles() if role.name == name)
