"""Hooks are plain functions: an async one is refused, or at least never silently un-awaited."""

from __future__ import annotations

import asyncio
import functools
import gc
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from support.scripted import GROUP, ONE_GROUP, Script, client_for

from groups_sdk import ConfigurationError, InvalidArgumentError, RetryPolicy
from groups_sdk._hooks import call_hook
from groups_sdk.testing import FakeSnyk


async def hook(_: object) -> None: ...


async def stream(_: object) -> AsyncIterator[int]:
    yield 1


class WithAsyncCall:
    async def __call__(self, _: object) -> None: ...

    async def method(self, _: object) -> None: ...

    def plain(self, _: object) -> None: ...


ASYNC = [
    hook,
    stream,
    WithAsyncCall(),
    WithAsyncCall().method,
    functools.partial(hook),
    functools.partial(functools.partial(WithAsyncCall(), 1)),
    AsyncMock(),
]
PLAIN = [
    print,
    len,
    [].append,
    lambda _: None,
    functools.partial(print, 1),
    WithAsyncCall().plain,
    Mock(),
    str,
]
NO_FUNCTIONS = [5, "print", object()]
FAKE = FakeSnyk.example()
PLACES: list[tuple[Callable[[Any], object], str, type[Exception]]] = [
    (lambda hook: FAKE.async_client(on_response=hook), "on_response", ConfigurationError),
    (lambda hook: FAKE.client(on_response=hook), "on_response", ConfigurationError),
    (lambda hook: FAKE.async_client(on_wait=hook), "on_wait", ConfigurationError),
    (lambda hook: FAKE.async_client().with_options(on_wait=hook), "on_wait", ConfigurationError),
    (lambda hook: RetryPolicy(on_retry=hook), "on_retry", ConfigurationError),
    (
        lambda hook: FAKE.async_client().access.review(FAKE.group_id, on_progress=hook),
        "on_progress",
        InvalidArgumentError,
    ),
    (
        lambda hook: FAKE.async_client().access.delete_memberships(
            FAKE.group_id, [], cascade=True, on_progress=hook
        ),
        "on_progress",
        InvalidArgumentError,
    ),
    (
        lambda hook: FAKE.async_client().access.offboard("ada@example.com", cascade=True, on_progress=hook),
        "on_progress",
        InvalidArgumentError,
    ),
    (
        lambda hook: FAKE.async_client().access.delete_sso_users(
            FAKE.group_id, "ada@example.com", on_progress=hook
        ),
        "on_progress",
        InvalidArgumentError,
    ),
]


@pytest.mark.parametrize(("make", "name", "error"), PLACES)
@pytest.mark.filterwarnings("ignore:.* was never run:ResourceWarning")
def test_an_async_hook_is_refused_where_it_is_given(
    make: Callable[[Any], object], name: str, error: type[Exception]
) -> None:
    for given in ASYNC:
        with pytest.raises(error, match=f"{name} must be a plain function: it is not awaited"):
            make(given)
    for given in NO_FUNCTIONS:
        with pytest.raises(error, match=f"{name} must be a function, or None; got {type(given).__name__}"):
            make(given)
    for given in [*PLAIN, None]:
        make(given)
    gc.collect()


@pytest.mark.anyio
async def test_a_coroutine_that_a_hook_returns_is_told_and_closed(caplog: pytest.LogCaptureFixture) -> None:
    async with client_for(Script((200, ONE_GROUP)), on_response=lambda response: hook(response)) as client:
        assert (await client.get_group(GROUP)).name == "Engineering"
    gc.collect()  # a coroutine that was never awaited would be an error here
    assert "it returned a coroutine: hooks must be plain functions" in caplog.text


async def _task() -> None:
    call_hook(lambda _: tasks.append(asyncio.ensure_future(hook(_))), 1)
    call_hook(tasks.append, None)
    await tasks[0]


tasks: list[Any] = []


def test_a_hook_may_begin_a_task(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(_task())
    assert caplog.text == ""


class Sender:
    def __call__(self, key: str, argument: object) -> None:
        raise ValueError("boom")

    def __repr__(self) -> str:
        return "Sender(secret-key)"


def boom(key: str, argument: object) -> None:
    raise ValueError("boom")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (functools.partial(functools.partial(boom, "secret-key")), "boom"),
        (functools.partial(Sender(), "secret-key"), "Sender"),
        (functools.partial(Sender().__call__, "secret-key"), "Sender.__call__"),
    ],
)
def test_the_log_of_a_hook_that_fails_shows_its_name_only(
    given: Callable[[Any], object], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    call_hook(given, 1)
    assert caplog.messages == [f"the hook {__name__}.{name} failed"]
    assert "secret-key" not in caplog.text
