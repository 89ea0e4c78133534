"""Row 2: what a page costs once its bytes are there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from unittest import mock

import orjson

from benchmarks.environments import Side
from benchmarks.measuring import Bench, Outcome, row, take_turns, times
from benchmarks.server import page, some_pages
from benchmarks.timing import Turn
from groups_sdk import GroupMembership
from groups_sdk._jsonapi import decode_page, parsing
from groups_sdk._responses import ApiResponse, Headers


@contextmanager
def decode() -> Iterator[Turn]:
    pages = [page(data, 0, 2) for data in some_pages()]
    responses = [ApiResponse(200, Headers(), content, "list") for content in pages]

    def turn() -> float:
        started = perf_counter()
        for response in responses:
            decode_page(response, GroupMembership)
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
