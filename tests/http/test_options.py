"""The options of a client and of its copies: what is not given stays, and None is a value of its own."""

from __future__ import annotations

import inspect
from typing import Any

import anyio
import httpx
import pytest
from support import clock
from support.scripted import GROUP, ONE_GROUP, Script, client_for

from groups_sdk import (
    ApiResponse,
    AsyncGroupsClient,
    ConfigurationError,
    DeadlineExceededError,
    GroupsClient,
    RetryPolicy,
    ServerError,
    Wait,
)
from groups_sdk._http.options import UNSET

DOWN = (503, {})


def options(client: AsyncGroupsClient) -> Any:
    return client._caller.options


def test_what_is_not_given_keeps_its_value() -> None:
    policy = RetryPolicy(max_attempts=7)
    given: dict[str, Any] = {
        "timeout": 5,
        "deadline": 50,
        "retries": policy,
        "on_response": print,
        "on_wait": print,
    }
    client = client_for(Script((200, ONE_GROUP)), api_version="2024-10-15", **given)
    for name in (*given, "api_version"):
        copy = client.with_options(**{name: "2025-11-05" if name == "api_version" else given[name]})
        found = options(copy)
        assert (found.timeout, found.deadline, found.retries, found.on_response) == (5, 50, policy, print)
        assert found.waits.hook is print
        assert copy.api_version == ("2025-11-05" if name == "api_version" else "2024-10-15")
    assert options(client.with_options()) == options(client)


def test_none_means_what_it_means_when_a_client_is_made() -> None:
    client = client_for(Script((200, ONE_GROUP)), on_response=print, on_wait=print)
    bare = client.with_options(timeout=None, deadline=None, retries=None, on_response=None, on_wait=None)
    found = options(bare)
    assert (found.timeout, found.deadline, found.retries.max_attempts) == (None, None, 1)
    assert (found.on_response, found.waits) == (None, None)
    made = client_for(Script((200, ONE_GROUP)), timeout=None, deadline=None, retries=None)
    assert options(made) == found
    assert options(bare.with_options()) == found
    assert options(bare.with_options(timeout=3)).timeout == 3


@pytest.mark.parametrize("bad", [{"api_version": None}, {"retries": 3}, {"timeout": 0}, {"deadline": "5"}])
def test_options_that_are_not_valid_are_refused(bad: dict[str, Any]) -> None:
    client = client_for(Script((200, ONE_GROUP)))
    with pytest.raises(ConfigurationError, match=next(iter(bad))):
        client.with_options(**bad)


@pytest.mark.parametrize("cls", [AsyncGroupsClient, GroupsClient])
def test_the_default_of_each_option_reads_well(cls: type[AsyncGroupsClient | GroupsClient]) -> None:
    for parameter in list(inspect.signature(cls.with_options).parameters.values())[1:]:
        assert parameter.default is UNSET
        assert str(parameter).endswith("= UNSET")


@pytest.mark.anyio
async def test_a_call_without_a_bound_outlives_the_deadline_of_the_client() -> None:
    arrived = anyio.Event()

    async def slow(_: httpx.Request) -> tuple[int, Any]:
        arrived.set()
        await anyio.sleep(1000)
        return 200, ONE_GROUP

    async with client_for(Script(slow), timeout=10, deadline=20) as client:

        async def call(patient: bool) -> None:
            if patient:
                copy = client.with_options(timeout=None, deadline=None)
                assert (await copy.get_group(GROUP)).name == "Engineering"
            else:
                with pytest.raises(DeadlineExceededError):
                    await client.with_options(timeout=None).get_group(GROUP)

        for patient in (True, False):
            arrived = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(call, patient)
                await arrived.wait()
                clock.skip(1001)


@pytest.mark.anyio
async def test_no_retries_and_no_hooks() -> None:
    answers: list[ApiResponse] = []
    waits: list[Wait] = []
    script = Script(DOWN, (200, ONE_GROUP))
    async with client_for(script, on_response=answers.append, on_wait=waits.append) as client:
        with pytest.raises(ServerError) as caught:
            await client.with_options(retries=None).get_group(GROUP)
        assert caught.value.attempts == 1
        script.answers = [DOWN, (200, ONE_GROUP)]
        await client.with_options(on_response=None, on_wait=None).get_group(GROUP)
        assert (len(answers), waits) == (1, [])
        script.answers = [DOWN, (200, ONE_GROUP)]
        await client.get_group(GROUP)
        assert (len(answers), len(waits)) == (3, 1)
