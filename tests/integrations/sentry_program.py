"""A program that reports to Sentry, for `test_sentry.py`: prints what it would send, as JSON.

With the argument "guide" Sentry is set up as the guide shows it, otherwise with its defaults. It runs in a process of
its own, since Sentry changes a process for good.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from functools import partial
from typing import Any

import httpx
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from support.loopback import served
from support.pages import example

from groups_sdk import AsyncGroupsClient, ConnectionFailedError, GroupsClient, GroupsError, RetryPolicy
from groups_sdk.testing import FakeSnyk

ADDRESS = "grace@example.com"
TWICE = RetryPolicy(max_attempts=2, backoff_base=0)

sent: list[dict[str, Any]] = []


class Collect(Transport):
    def capture_envelope(self, envelope: Envelope) -> None:
        sent.extend({"type": item.type, **(item.payload.json or {})} for item in envelope.items)


def set_up(how: str) -> None:
    options = {"dsn": "https://key@sentry.invalid/1", "transport": Collect, "traces_sample_rate": 1.0}
    if how == "guide":
        sentry_sdk.init = partial(sentry_sdk.init, **options)
        exec(example("telemetry.md", "sentry_sdk.init("), {})
    else:
        sentry_sdk.init(**options)


def call_synchronously(fake: FakeSnyk, url: str) -> None:
    with GroupsClient(fake.TOKEN, base_url=url, retries=TWICE) as client:
        fake.fail_next(status=503)
        client.list_memberships(fake.group_id, email=ADDRESS).collect()
        fake.fail_next(status=404, body=f"nobody is called {ADDRESS}")
        try:
            client.list_memberships(fake.group_id, email=ADDRESS).collect()
        except GroupsError as error:
            sentry_sdk.capture_exception(error)


async def call_asynchronously(fake: FakeSnyk, url: str) -> None:
    async with AsyncGroupsClient(fake.TOKEN, base_url=url, retries=TWICE) as client:
        fake.fail_next(status=503)
        await client.list_memberships(fake.group_id, email=ADDRESS).collect()
        fake.fail_next(status=404, body=f"nobody is called {ADDRESS}")
        try:
            await client.list_memberships(fake.group_id, email=ADDRESS).collect()
        except GroupsError as error:
            sentry_sdk.capture_exception(error)


class Broken(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError("a bug in a transport")


async def report_what_is_raised_within_httpx(fake: FakeSnyk, url: str) -> None:
    async with AsyncGroupsClient(fake.TOKEN, base_url=url, transport=Broken()) as client:
        for call in (
            client.list_memberships(fake.group_id, email=ADDRESS).collect,
            partial(client.request, "GET", "/orgs/17/members", params={"email": ADDRESS}),
        ):
            try:
                await call()
            except ConnectionFailedError as error:
                sentry_sdk.capture_exception(error)
    async with AsyncGroupsClient(fake.TOKEN, base_url=url) as client:
        fake.hang_next()
        task = asyncio.create_task(client.list_memberships(fake.group_id, email=ADDRESS).collect())
        known = len(fake.requests)
        while len(fake.requests) == known:
            await asyncio.sleep(0.01)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            sentry_sdk.capture_exception(error)


def main() -> None:
    logging.basicConfig(level=logging.INFO)
    set_up(sys.argv[1])
    fake = FakeSnyk.example()
    with served(fake) as url:
        with sentry_sdk.start_transaction(name="synchronous"):
            call_synchronously(fake, url)
        with sentry_sdk.start_transaction(name="asynchronous"):
            asyncio.run(call_asynchronously(fake, url))
        traces = [request.headers.get("sentry-trace", "") for request in fake.requests]
        asyncio.run(report_what_is_raised_within_httpx(fake, url))
    sentry_sdk.flush()
    print(json.dumps({"sent": sent, "traces": traces}))


if __name__ == "__main__":
    main()
