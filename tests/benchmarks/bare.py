"""The bare sides, in our own environments: the loops that people write with httpx and orjson alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import orjson

from benchmarks import timing
from benchmarks.server import (
    CHANGE_HEADERS,
    FIRST_PAGE,
    GROUP,
    HEADERS,
    MEMBERSHIP,
    MEMBERSHIP_ID,
    ROLE_ID,
    change_of_role,
)
from benchmarks.timing import Turn

CHANGE = change_of_role(MEMBERSHIP_ID, ROLE_ID)


async def list_dicts(client: httpx.AsyncClient, base_url: str) -> int:
    count = 0
    link: str | None = FIRST_PAGE
    while link:
        response = await client.get(base_url + link)
        response.raise_for_status()
        document = orjson.loads(response.content)
        for _ in document["data"]:
            count += 1
        link = document["links"].get("next")
    return count


def get_group(client: httpx.Client, base_url: str) -> object:
    response = client.get(base_url + GROUP)
    response.raise_for_status()
    return orjson.loads(response.content)["data"]


@contextmanager
def list_async(base_url: str, members: int) -> Iterator[Turn]:
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(headers=HEADERS)
        yield lambda: timing.listing(lambda: runner.run(list_dicts(client, base_url)), members)
        runner.run(client.aclose())


@contextmanager
def list_sync(base_url: str, members: int) -> Iterator[Turn]:
    with httpx.Client(headers=HEADERS) as client:

        def list_members() -> int:
            count = 0
            link: str | None = FIRST_PAGE
            while link:
                response = client.get(base_url + link)
                response.raise_for_status()
                document = orjson.loads(response.content)
                for _ in document["data"]:
                    count += 1
                link = document["links"].get("next")
            return count

        yield lambda: timing.listing(list_members, members)


@contextmanager
def get_group_sync(base_url: str, count: int) -> Iterator[Turn]:
    with httpx.Client(headers=HEADERS) as client:
        yield lambda: timing.calls(lambda: get_group(client, base_url), count)


@contextmanager
def get_group_on_threads(base_url: str, threads: int, count: int) -> Iterator[Turn]:
    with httpx.Client(headers=HEADERS) as client, ThreadPoolExecutor(threads) as pool:
        yield lambda: timing.calls_on_threads(pool, threads, lambda: get_group(client, base_url), count)


@contextmanager
def change_roles(base_url: str, workers: int, changes: int) -> Iterator[Turn]:
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(headers=HEADERS)

        async def change() -> None:
            response = await client.patch(base_url + MEMBERSHIP, content=CHANGE, headers=CHANGE_HEADERS)
            response.raise_for_status()

        yield lambda: runner.run(timing.calls_by_workers(workers, change, changes))
        runner.run(client.aclose())


@contextmanager
def build_clients(count: int) -> Iterator[Turn]:
    yield lambda: timing.building(lambda: httpx.AsyncClient(headers=HEADERS), count)
