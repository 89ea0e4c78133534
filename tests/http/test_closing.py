"""Closing a client: what it ends, what it leaves open, and what an unclosed one says."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import anyio
import httpx
import pytest
from support.scripted import (
    GROUP,
    MEMBER,
    ONE_GROUP,
    TOKEN,
    Script,
    client_for,
)

from groups_sdk import (
    AsyncGroupsClient,
    ClientClosedError,
    RetryPolicy,
)


@pytest.mark.anyio
async def test_closing_twice_is_fine_and_use_after_is_refused() -> None:
    client = client_for(Script((200, ONE_GROUP)))
    await client.get_group(GROUP)
    await client.aclose()
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await client.get_group(GROUP)


@pytest.mark.anyio
async def test_closing_a_copy_leaves_the_client_open() -> None:
    async with client_for(Script((200, ONE_GROUP))) as client:
        async with client.with_options(timeout=50, api_version="2024-10-15") as copy:
            await copy.get_group(GROUP)
        await client.get_group(GROUP)


@pytest.mark.anyio
async def test_a_call_under_way_when_the_client_closes_says_so() -> None:
    client: AsyncGroupsClient

    async def close(_: httpx.Request) -> Exception:
        await client.aclose()
        return httpx.ReadError("closed")

    client = client_for(Script(close))
    with pytest.raises(ClientClosedError, match="may have been applied") as caught:
        await client.delete_membership(GROUP, MEMBER)
    assert caught.value.maybe_applied
    client = client_for(Script(close))
    with pytest.raises(ClientClosedError, match=r"the client was closed while this call ran$") as caught:
        await client.get_group(GROUP)
    assert not caught.value.maybe_applied


@pytest.mark.anyio
async def test_a_client_of_yours_is_used_and_left_open() -> None:
    script = Script((200, ONE_GROUP))
    async with httpx.AsyncClient(transport=script) as mine:
        async with AsyncGroupsClient(TOKEN, http_client=mine) as client:
            await client.get_group(GROUP)
        assert not mine.is_closed
    assert len(script.requests) == 1


def test_an_unclosed_client_warns_once() -> None:
    client = client_for(Script((200, ONE_GROUP)))
    anyio.run(client.get_group, GROUP)
    with pytest.warns(ResourceWarning, match="unclosed client") as warned:
        del client
        gc.collect()
    assert len(warned) == 1


@pytest.mark.anyio
async def test_a_client_of_yours_that_you_closed_is_told_and_not_used() -> None:
    mine = httpx.AsyncClient(transport=Script((200, ONE_GROUP)))
    await mine.aclose()
    async with AsyncGroupsClient(TOKEN, http_client=mine) as client:
        with pytest.raises(ClientClosedError, match="it was not applied"):
            await client.delete_membership(GROUP, MEMBER)


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_host_name_that_is_not_looked_up_any_more_is_the_end_of_the_program(
    attempts: int, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """In a real program: tests/test_portal_processes.py."""
    asked = 0

    async def look_up(*_: Any, **__: Any) -> list[Any]:
        nonlocal asked
        asked += 1
        if asked == attempts:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")
        return [(2, 1, 6, "", ("127.0.0.1", unused_tcp_port))]

    async def call() -> None:
        url = f"http://localhost:{unused_tcp_port}/rest"
        async with AsyncGroupsClient(TOKEN, base_url=url, retries=RetryPolicy(backoff_base=0)) as client:
            with pytest.raises(ClientClosedError, match="the program is ending") as caught:
                await client.delete_membership(GROUP, MEMBER)
        assert ("; nothing was sent" in str(caught.value)) is (attempts == 1)
        assert str(caught.value).endswith("; it was not applied")
        assert not caught.value.maybe_applied

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", look_up)
    asyncio.run(call())
    assert asked == attempts
