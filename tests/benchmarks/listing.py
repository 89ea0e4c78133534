"""Rows 1 and 3 to 6: large listings, from the first request to the last member.

In rows 1, 3 and 4 a round has twenty turns, and each lists a twentieth of the members.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

import httpx

from benchmarks import others
from benchmarks.measuring import Bench, Outcome, in_short_turns, outcome, row, speeds, take_turns
from benchmarks.server import GROUP_ID
from groups_sdk import AsyncGroupsClient, GroupsClient

TURNS = 20


def async_client(base_url: str) -> AsyncGroupsClient:
    return AsyncGroupsClient(others.TOKEN, base_url=base_url, rate_limit=None)


def sync_client(base_url: str) -> GroupsClient:
    return GroupsClient(others.TOKEN, base_url=base_url, rate_limit=None)


async def list_models(client: AsyncGroupsClient) -> int:
    count = 0
    async for _ in client.list_memberships(GROUP_ID):
        count += 1
    return count


def list_models_synchronously(client: GroupsClient) -> int:
    count = 0
    for _ in client.list_memberships(GROUP_ID):
        count += 1
    return count


def one_turn(bench: Bench) -> tuple[str, int]:
    """Where the listing of one turn is, and how many members it has."""
    pages = max(bench.size.pages // TURNS, 1)
    return bench.server.base_url(pages), pages * 100


def seconds(listing: Callable[[], int], members: int) -> float:
    started = perf_counter()
    count = listing()
    taken = perf_counter() - started
    assert count == members
    return taken


@row("1", "async: members a second, ours / httpx.AsyncClient, orjson and dicts", at_least=0.95)
def async_against_dicts(bench: Bench) -> Outcome:
    base_url, members = one_turn(bench)
    with asyncio.Runner() as runner:
        bare, ours = httpx.AsyncClient(headers=others.HEADERS), async_client(base_url)
        pairs = in_short_turns(
            lambda: seconds(lambda: runner.run(list_models(ours)), members),
            lambda: seconds(lambda: runner.run(others.list_dicts(bare, base_url)), members),
            bench.size.rounds,
            TURNS,
        )
        runner.run(ours.aclose())
        runner.run(bare.aclose())
    return speeds(pairs, members, "members/s")


@row("3", "sync: members a second / async, the same", at_least=0.90)
def sync_against_async(bench: Bench) -> Outcome:
    base_url, members = one_turn(bench)
    with asyncio.Runner() as runner, sync_client(base_url) as client:
        twin = async_client(base_url)
        pairs = in_short_turns(
            lambda: seconds(lambda: list_models_synchronously(client), members),
            lambda: seconds(lambda: runner.run(list_models(twin)), members),
            bench.size.rounds,
            TURNS,
        )
        runner.run(twin.aclose())
    return speeds(pairs, members, "members/s")


@row("4", "sync: members a second, ours / httpx.Client, orjson and pydantic", at_least=1.6)
def sync_against_pydantic(bench: Bench) -> Outcome:
    base_url, members = one_turn(bench)
    lister = others.pydantic_lister()
    with sync_client(base_url) as client, httpx.Client(headers=others.HEADERS) as bare:
        pairs = in_short_turns(
            lambda: seconds(lambda: list_models_synchronously(client), members),
            lambda: seconds(lambda: lister(bare, base_url), members),
            bench.size.rounds,
            TURNS,
        )
    return speeds(pairs, members, "members/s")


@row("5", "sync: time of pysnyk's get_rest_pages (dicts) / ours", at_least=2.0)
def pysnyk_against_sync(bench: Bench) -> Outcome:
    base_url, members = bench.server.base_url(bench.size.pages), bench.size.members
    lister = others.pysnyk_lister()
    with sync_client(base_url) as client:
        pairs = take_turns(
            lambda: seconds(lambda: lister(base_url), members),
            lambda: seconds(lambda: list_models_synchronously(client), members),
            bench.size.rounds,
        )
    return outcome(pairs, "s")


@row("6", "async, a fifth of the list: time of openai's client runtime / ours", at_least=15.0)
def openai_against_async(bench: Bench) -> Outcome:
    pages = max(bench.size.pages // 5, 1)  # it takes most of a minute for all of them
    base_url, members = bench.server.base_url(pages), pages * 100
    lister = others.openai_lister()
    with asyncio.Runner() as runner:
        client = async_client(base_url)
        pairs = take_turns(
            lambda: seconds(lambda: runner.run(lister(base_url)), members),
            lambda: seconds(lambda: runner.run(list_models(client)), members),
            bench.size.rounds,
        )
        runner.run(client.aclose())
    return outcome(pairs, "s")
