"""Row 2: what a page costs once its bytes are there."""

from __future__ import annotations

from time import perf_counter
from unittest import mock

import orjson

from benchmarks.measuring import Bench, Outcome, Timed, outcome, row, take_turns
from benchmarks.server import page, some_pages
from groups_sdk import GroupMembership
from groups_sdk._jsonapi import decode_page, parsing
from groups_sdk._responses import ApiResponse, Headers


class _Decoding:
    def __init__(self, bench: Bench) -> None:
        self._pages = [page(data, 0, 2) for data in some_pages()]
        self._responses = [ApiResponse(200, Headers(), content, "list") for content in self._pages]
        self._rounds = bench.size.rounds * 4

    def decode(self) -> float:
        started = perf_counter()
        for response in self._responses:
            decode_page(response, GroupMembership)
        return (perf_counter() - started) / len(self._responses)

    def decode_without_orjson(self) -> float:
        with mock.patch.object(parsing, "parse", parsing.parse_plainly):
            return self.decode()

    def parse(self) -> float:
        started = perf_counter()
        for content in self._pages:
            orjson.loads(content)
        return (perf_counter() - started) / len(self._pages)

    def compared(self, first: Timed, second: Timed) -> Outcome:
        first(), second()
        return outcome(take_turns(first, second, self._rounds), "us a page", 1e6)


@row("2a", "decode one page to models / orjson.loads of it", at_most=3.0)
def decoding_against_parsing(bench: Bench) -> Outcome:
    decoding = _Decoding(bench)
    return decoding.compared(decoding.decode, decoding.parse)


@row("2b", "decode one page without the extra speed / with it")
def decoding_without_orjson(bench: Bench) -> Outcome:
    decoding = _Decoding(bench)
    return decoding.compared(decoding.decode_without_orjson, decoding.decode)
