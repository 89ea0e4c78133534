"""Row 2: what a page costs once its bytes are there."""

from __future__ import annotations

from time import perf_counter

import orjson

from benchmarks.measuring import Bench, Outcome, outcome, row, take_turns
from benchmarks.server import page, some_pages
from groups_sdk import GroupMembership
from groups_sdk.jsonapi import decode_page
from groups_sdk.responses import ApiResponse, Headers


@row("2", "decode one page to models / orjson.loads of it", at_most=2.0)
def decoding_against_parsing(bench: Bench) -> Outcome:
    pages = [page(data, 0, 2) for data in some_pages(bench.size.rounds * 4)]
    responses = [ApiResponse(200, Headers(), content, "listGroupMemberships") for content in pages]

    def decode() -> float:
        started = perf_counter()
        for response in responses:
            decode_page(response, GroupMembership)
        return (perf_counter() - started) / len(responses)

    def parse() -> float:
        started = perf_counter()
        for content in pages:
            orjson.loads(content)
        return (perf_counter() - started) / len(pages)

    decode(), parse()
    return outcome(take_turns(decode, parse, bench.size.rounds * 4), "us a page", 1e6)
