"""A program that ddtrace watches, for `test_ddtrace.py`: prints its spans as JSON. No agent is there, nor needed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import ddtrace
from ddtrace.trace import Span, TraceFilter, tracer
from support.loopback import served
from support.pages import example

from groups_sdk import AsyncGroupsClient, GroupsClient, RetryPolicy
from groups_sdk.testing import FakeSnyk

ADDRESS = "grace@example.com"
TWICE = RetryPolicy(max_attempts=2, backoff_base=0)

spans: list[dict[str, Any]] = []


class Collect(TraceFilter):
    def process_trace(self, trace: list[Span]) -> None:
        """Keep the spans, and give none of them to the writer."""
        for span in trace:
            tags = {**span.get_tags(), **span.get_metrics()}
            spans.append({"name": span.name, "resource": span.resource, "tags": tags})
            spans[-1] |= {"id": span.span_id, "parent": span.parent_id}


async def call_asynchronously(fake: FakeSnyk, url: str) -> None:
    async with AsyncGroupsClient(fake.TOKEN, base_url=url, retries=TWICE) as client:
        fake.fail_next(status=503)
        await client.list_memberships(fake.group_id, email=ADDRESS).collect()


def main() -> None:
    tracer.configure(trace_processors=[Collect()])
    ddtrace.patch(httpx=True)
    exec(example("telemetry.md", "ddtrace.opentelemetry"), {})
    fake = FakeSnyk.example()
    with served(fake) as url:
        with tracer.trace("synchronous"), GroupsClient(fake.TOKEN, base_url=url, retries=TWICE) as client:
            fake.fail_next(status=503)
            client.list_memberships(fake.group_id, email=ADDRESS).collect()
        with tracer.trace("asynchronous"):
            asyncio.run(call_asynchronously(fake, url))
        parents = [request.headers.get("x-datadog-parent-id") for request in fake.requests]
    print(json.dumps({"spans": spans, "parents": parents}))


if __name__ == "__main__":
    main()
