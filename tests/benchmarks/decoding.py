"""Row 2: what a page costs once its bytes are there; and how long the largest one holds up the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from statistics import median
from time import perf_counter
from unittest import mock

import anyio
import httpx
import orjson

from benchmarks.environments import Side
from benchmarks.measuring import Bench, Outcome, row, take_turns, times
from benchmarks.server import GROUP_ID, page, some_pages
from benchmarks.timing import Turn
from groups_sdk import AsyncGroupsClient, DecodeError, GroupMembership
from groups_sdk._jsonapi import open_page, parsing
from groups_sdk._responses import ApiResponse, Headers


@contextmanager
def decode() -> Iterator[Turn]:
    pages = [page(data, 0, 2) for data in some_pages()]
    responses = [ApiResponse(200, Headers(), content, "list") for content in pages]

    def turn() -> float:
        started = perf_counter()
        for response in responses:
            open_page(response, GroupMembership).decode()
        return (perf_counter() - started) / len(responses)

    yield turn


@contextmanager
def decode_without_orjson() -> Iterator[Turn]:
    with decode() as turn:

        def without_orjson() -> float:
            with mock.patch.object(parsing, "parse", parsing.parse_plainly):
                return turn()

        yield without_orjson


@contextmanager
def parse() -> Iterator[Turn]:
    pages = [page(data, 0, 2) for data in some_pages()]

    def turn() -> float:
        started = perf_counter()
        for content in pages:
            orjson.loads(content)
        return (perf_counter() - started) / len(pages)

    yield turn


def compared(bench: Bench, first: Side, second: Side) -> Outcome:
    with bench.ours.side(first) as one, bench.ours.side(second) as other:
        return times(take_turns(one, other, bench.size.rounds * bench.size.few_turns), "us a page", 1e6)


@row("2a", "decode one page to models / orjson.loads of it", at_most=2.6)
def decoding_against_parsing(bench: Bench) -> Outcome:
    return compared(bench, decode, parse)


@row("2b", "decode one page without orjson / with it")
def decoding_without_orjson(bench: Bench) -> Outcome:
    return compared(bench, decode_without_orjson, decode)


def largest_page(size: int) -> bytes:
    """A page of as many memberships as fit into so many bytes."""
    members = some_pages(1)[0][1:-1]
    content = page(b"[%s]" % b",".join([members] * (size // (len(members) + 1) - 1)), 0, 1)
    return content + b" " * (size - len(content))


def nested(size: int) -> bytes:
    """What takes longest to parse for its size: empty objects, none of which is a membership."""
    return b'{"data":[%s{}]}' % (b"{}," * ((size - 14) // 3))


@contextmanager
def pause(make: str, size: int, parser: str) -> Iterator[Turn]:
    """The longest time for which nothing else runs while a client reads an answer."""
    content = {"page": largest_page, "nested": nested}[make](size)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))

    async def longest() -> float:
        gap = 0.0

        async def watch() -> None:
            nonlocal gap
            seen = perf_counter()
            while True:
                await anyio.sleep(0)
                gap, seen = max(gap, perf_counter() - seen), perf_counter()

        async with AsyncGroupsClient("a-token", transport=transport) as client:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                await anyio.sleep(0)
                with suppress(DecodeError):  # an empty object is no membership
                    await anext(client.list_memberships(GROUP_ID).pages())
                await anyio.sleep(0)
                tasks.cancel_scope.cancel()
        return gap

    def turn() -> float:
        with mock.patch.object(parsing, "parse", getattr(parsing, parser)):
            return anyio.run(longest)

    yield turn


def longest_pause(bench: Bench, make: str) -> Outcome:
    """In milliseconds, with orjson; the absolute figures say what it is without."""
    with (
        bench.ours.side(pause, make, bench.size.answer, "parse") as fast,
        bench.ours.side(pause, make, bench.size.answer, "parse_plainly") as plain,
    ):
        pairs = take_turns(fast, plain, bench.size.rounds)
    figures, without = ([1e3 * figure for figure in side] for side in zip(*pairs, strict=True))
    return Outcome(figures, f"{median(figures):.0f} ms with orjson, {median(without):.0f} ms without")


@row("2c", "ms for which a page of 8 MiB (the limit) holds up the event loop")
def largest_page_pauses(bench: Bench) -> Outcome:
    return longest_pause(bench, "page")


@row("2d", "ms for which 8 MiB of empty objects hold up the event loop")
def nested_pauses(bench: Bench) -> Outcome:
    return longest_pause(bench, "nested")
