"""What is seen from outside: log lines, warnings of deprecation, and the spans of OpenTelemetry."""

from __future__ import annotations

import asyncio
import inspect
import logging
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator

import anyio
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Tracer
from support.loopback import served

from groups_sdk import (
    ApiDeprecationWarning,
    AsyncGroupsClient,
    GroupsClient,
    GroupsError,
    NotFoundError,
    RetryPolicy,
)
from groups_sdk.testing import FakeSnyk

AT_ONCE = RetryPolicy(max_attempts=2, backoff_base=0.0)
ENDING = {"deprecation": "2026-01-02T00:00:00Z", "sunset": "2026-09-01"}


def here() -> int:
    """The number of the line that calls this."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


# Log lines


@pytest.mark.anyio
async def test_a_call_leaves_one_line_and_each_retry_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeSnyk.example()
    with caplog.at_level(logging.DEBUG, "groups_sdk"):
        async with fake.async_client(retries=AT_ONCE) as client:
            fake.fail_next(status=503)
            await client.list_memberships(fake.group_id, email="nobody@example.com").collect()
    retry, call = [record for record in caplog.records if record.name == "groups_sdk"]
    ids = [request.request_id for request in fake.requests]
    assert (retry.levelname, call.levelname) == ("WARNING", "DEBUG")
    assert retry.getMessage() == (
        f"listGroupMemberships: attempt 1 failed (503 SNYK-9999, request id {ids[0]}); next in 0.0 s"
    )
    assert call.getMessage().startswith("GET /groups/{group_id}/memberships -> 200, attempts 2, ")
    assert call.getMessage().endswith(f" ms, request id {ids[1]}")
    assert "nobody" not in caplog.text
    assert fake.group_id not in caplog.text


@pytest.mark.anyio
async def test_a_call_that_fails_leaves_its_line_too(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeSnyk.example()
    with caplog.at_level(logging.DEBUG, "groups_sdk"):
        async with fake.async_client(retries=AT_ONCE) as client:
            with pytest.raises(NotFoundError):
                await client.get_group("00000000-0000-4000-8000-000000000000")
        async with AsyncGroupsClient("t0ken", base_url="http://127.0.0.1:1", retries=AT_ONCE) as client:
            with pytest.raises(GroupsError):
                await client.list_groups().first()
    answered, retry, unanswered = [record for record in caplog.records if record.name == "groups_sdk"]
    assert answered.getMessage().startswith("GET /groups/{group_id} -> 404 SNYK-OPENAPI-0004, attempts 1, ")
    assert "attempt 1 failed (ConnectionFailedError, request id None)" in retry.getMessage()
    assert unanswered.getMessage().startswith("GET /groups -> ConnectionFailedError, attempts 2, ")


@pytest.mark.anyio
async def test_the_path_of_a_call_without_a_method_is_logged_without_ids(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake = FakeSnyk.example()
    with caplog.at_level(logging.DEBUG, "groups_sdk"):
        async with fake.async_client(retries=AT_ONCE) as client:
            for path in (f"/groups/{fake.group_id}", "/orgs/17/members/grace%40example.com"):
                with pytest.raises(GroupsError):
                    await client.request("GET", path, params={"email": "grace@example.com"})
    assert "GET /groups/{id} -> 400" in caplog.text
    assert "GET /orgs/{id}/members/{id} -> 404" in caplog.text
    assert "grace" not in caplog.text
    assert fake.group_id not in caplog.text


# Warnings of deprecation


def test_a_deprecated_operation_is_told_once_at_the_line_of_an_asynchronous_caller() -> None:
    async def main(fake: FakeSnyk) -> list[int]:
        lines = []
        async with fake.async_client() as client:
            await client.get_group(fake.group_id)
            lines.append(here() - 1)
            async for _ in client.list_memberships(fake.group_id, limit=10):
                pass
            lines.append(here() - 2)
            await client.with_options(deadline=50).get_group(fake.group_id)
        return lines

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        lines = asyncio.run(main(FakeSnyk.example(**ENDING)))
    assert [(w.category, w.filename, w.lineno) for w in seen] == [
        (ApiDeprecationWarning, __file__, line) for line in lines
    ]
    assert [str(w.message) for w in seen] == [
        f"{operation}: API version 2025-11-05 is deprecated since 2026-01-02 00:00 UTC"
        " and stops working on 2026-09-01 00:00 UTC"
        for operation in ("getGroup", "listGroupMemberships")
    ]


def test_a_deprecated_operation_is_told_once_at_the_line_of_a_synchronous_caller() -> None:
    fake = FakeSnyk.example(**ENDING)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with fake.client() as client:
            client.get_group(fake.group_id)
            lines = [here() - 1]
            for _ in client.list_memberships(fake.group_id, limit=10):
                pass
            lines.append(here() - 2)
            with pytest.raises(NotFoundError):
                client.delete_membership(fake.group_id, fake.group_id)
            lines.append(here() - 1)
            client.get_group(fake.group_id)
    assert [(w.category, w.filename, w.lineno) for w in seen] == [
        (ApiDeprecationWarning, __file__, line) for line in lines
    ]


def test_a_call_in_a_task_of_its_own_is_told_where_the_event_loop_was_started() -> None:
    async def main(fake: FakeSnyk) -> None:
        async with fake.async_client() as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.get_group, fake.group_id)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        asyncio.run(main(FakeSnyk.example(**ENDING)))
        line = here() - 1
    assert [(w.filename, w.lineno) for w in seen] == [(__file__, line)]


def test_a_call_in_a_thread_without_a_line_of_the_program_is_told_all_the_same() -> None:
    fake = FakeSnyk.example(**ENDING)
    with warnings.catch_warnings(record=True) as seen, fake.client() as client:
        warnings.simplefilter("always")
        thread = threading.Thread(target=client.get_group, args=[fake.group_id])
        thread.start()
        thread.join()
    assert [w.category for w in seen] == [ApiDeprecationWarning]


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"deprecation": "@1767312000"}, r"is deprecated since 2026-01-02 00:00 UTC$"),
        ({"deprecation": "soon"}, r"is deprecated$"),
        ({"sunset": "Tue, 01 Sep 2026 00:00:00 GMT"}, r"stops working on 2026-09-01 00:00 UTC$"),
    ],
)
def test_whichever_header_comes_is_told_in_whatever_form(headers: dict[str, str], message: str) -> None:
    fake = FakeSnyk.example(**headers)
    with fake.client() as client, pytest.warns(ApiDeprecationWarning, match=message):
        client.list_groups().first()


def test_a_version_that_nobody_named_is_said_to_be_unknown() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=204, headers={"sunset": "2026-09-01"})
    with fake.client() as client, pytest.warns(ApiDeprecationWarning, match=r"version \(unknown\)"):
        client.delete_membership(fake.group_id, fake.group_id)


def test_a_filter_that_makes_errors_of_warnings_costs_no_outcome(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeSnyk.example(**ENDING)
    member = fake.memberships(fake.group_id)[0]
    with fake.client() as client:  # warnings are errors in these tests
        client.delete_membership(fake.group_id, member.id, cascade=True)
        assert len(client.list_memberships(fake.group_id).collect()) == 35
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [text.partition(":")[0] for text in told] == ["deleteGroupMembership", "listGroupMemberships"]


def test_the_warning_is_shown_by_default_with_the_line_of_the_program() -> None:
    script = textwrap.dedent(
        """
        from groups_sdk.testing import FakeSnyk
        fake = FakeSnyk.example(deprecation="2026-01-02")
        with fake.client() as client:
            client.get_group(fake.group_id)  # here
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.startswith("<string>:5: ApiDeprecationWarning: getGroup: ")
    assert done.stderr.count("ApiDeprecationWarning") == 1


# OpenTelemetry


@pytest.fixture
def spans() -> Iterator[tuple[Tracer, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        yield provider.get_tracer("test"), exporter
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_spans_of_requests_are_within_that_of_their_caller_and_show_no_token(
    kind: str, spans: tuple[Tracer, InMemorySpanExporter]
) -> None:
    tracer, exporter = spans
    fake = FakeSnyk.example()

    async def list_and_get(client: AsyncGroupsClient) -> None:
        with tracer.start_as_current_span("listing"):
            async for _ in client.list_memberships(fake.group_id, limit=20):
                pass
        with tracer.start_as_current_span("reading"):
            await client.get_group(fake.group_id)

    async def two_at_a_time(url: str) -> None:
        async with AsyncGroupsClient(fake.TOKEN, base_url=url) as client, anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(list_and_get, client)

    def one_after_the_other(url: str) -> None:
        with GroupsClient(fake.TOKEN, base_url=url) as client:
            for _ in range(2):
                with tracer.start_as_current_span("listing"):
                    client.list_memberships(fake.group_id, limit=20).collect()
                with tracer.start_as_current_span("reading"):
                    client.get_group(fake.group_id)

    with served(fake) as url:
        asyncio.run(two_at_a_time(url)) if kind == "async" else one_after_the_other(url)

    finished = exporter.get_finished_spans()
    outer = {span.context.span_id: span.name for span in finished if span.name in ("listing", "reading")}
    inner = [span for span in finished if span.context.span_id not in outer]
    assert len(outer) == 4
    assert len(inner) == 6
    assert all(span.parent is not None and span.parent.span_id in outer for span in inner)
    children = [span.parent.span_id for span in inner if span.parent]
    assert sorted(children.count(id_) for id_, name in outer.items() if name == "listing") == [2, 2]
    assert sorted(children.count(id_) for id_, name in outer.items() if name == "reading") == [1, 1]
    # The same trace reaches the server.
    sent = {request.headers["traceparent"].split("-")[2] for request in fake.requests}
    assert sent == {format(span.context.span_id, "016x") for span in inner}
    assert fake.TOKEN not in "".join(span.to_json() for span in finished)
