"""The span of OpenTelemetry that each call is: when, with what in it, whose child and whose parent."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import anyio
import httpx
import pytest
from opentelemetry import context, trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler
from opentelemetry.trace import SpanKind, StatusCode
from support.loopback import served
from support.scripted import AT_ONCE, GROUP, OAUTH, ONE_GROUP, TOKEN, Script, client_for

from groups_sdk import AsyncGroupsClient, GroupsClient, NotFoundError, RetryPolicy, ServerError
from groups_sdk.testing import FakeSnyk

FOUND = (200, ONE_GROUP, {"snyk-request-id": "r-1"})
GRANT = (200, {"access_token": "issued-5d41402a", "expires_in": 3600})
ADDRESS = "grace@example.com"


class Traced:
    """Has the program's tracing set up, and collects its spans in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.exporter = InMemorySpanExporter()
        self.provider = self.set_up()

    def set_up(self, sampler: Sampler | None = None) -> TracerProvider:
        """Another provider: a program can set one only once."""
        provider = TracerProvider(sampler=sampler)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self._monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
        return provider

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def own(self) -> list[ReadableSpan]:
        """Those of this package."""
        return [span for span in self.spans if scope_of(span) == "groups_sdk"]


def scope_of(span: ReadableSpan) -> str:
    assert span.instrumentation_scope is not None
    return span.instrumentation_scope.name


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    traced = Traced(monkeypatch)
    yield traced
    traced.provider.shutdown()


# What is in a span


@pytest.mark.anyio
async def test_a_call_is_one_span_however_many_attempts_it_takes(traced: Traced) -> None:
    script = Script(503, httpx.ConnectError("refused"), FOUND)
    async with client_for(script, retries=AT_ONCE) as client:
        await client.get_group(GROUP)
    (span,) = traced.spans
    assert (span.name, span.kind, span.status.status_code) == ("getGroup", SpanKind.CLIENT, StatusCode.UNSET)
    attributes = dict(span.attributes or {})
    kinds = ("rate_limit", "connection", "retry", "access_token")
    seconds = [attributes.pop(f"groups_sdk.{kind}_wait") for kind in kinds]
    assert all(isinstance(value, float) and value >= 0 for value in seconds)
    assert attributes == {
        "rpc.system.name": "snyk_rest",
        "rpc.method": "getGroup",
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.template": "/groups/{group_id}",
        "server.address": "api.snyk.io",
        "server.port": 443,
        "snyk.api_version": client.api_version,
        "snyk.request_id": "r-1",
        "groups_sdk.outcome": "success",
        "groups_sdk.attempts": 3,
        "groups_sdk.retry_reasons": ("503", "ConnectionFailedError"),
    }


@pytest.mark.anyio
async def test_a_call_that_fails_says_with_what_and_nothing_of_the_text(traced: Traced) -> None:
    detail = {"errors": [{"status": "404", "detail": f"no such member: {ADDRESS}", "title": ADDRESS}]}
    once = RetryPolicy(max_attempts=1)
    async with client_for(Script((404, detail), httpx.ConnectError(ADDRESS)), retries=once) as client:
        for _ in range(2):
            with pytest.raises(Exception):
                await client.request("GET", f"/orgs/1/members/{ADDRESS}", params={"email": ADDRESS})
    answered, unanswered = traced.spans
    for span, error_type, status in (
        (answered, "NotFoundError", 404),
        (unanswered, "ConnectionFailedError", None),
    ):
        attributes = span.attributes or {}
        assert (span.name, attributes["url.template"]) == (
            "GET /orgs/{id}/members/{id}",
            "/orgs/{id}/members/{id}",
        )
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
        assert attributes["error.type"] == error_type
        assert attributes.get("http.response.status_code") == status
        assert span.events == ()
        assert "grace" not in span.to_json()
        assert TOKEN not in span.to_json()


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_is_no_error(traced: Traced) -> None:
    async def hang(_: httpx.Request) -> Any:
        await anyio.sleep_forever()

    async with client_for(Script(hang)) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.get_group, GROUP)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    (span,) = traced.spans
    assert (span.attributes or {})["groups_sdk.outcome"] == "cancelled"
    assert "error.type" not in (span.attributes or {})
    assert span.status.status_code is StatusCode.UNSET


@pytest.mark.anyio
async def test_the_request_for_an_access_token_is_a_child_of_the_call_that_needs_it(traced: Traced) -> None:
    async with client_for(Script(GRANT, FOUND), token=OAUTH) as client:
        await client.get_group(GROUP)
    request, call = traced.spans
    assert (request.name, call.name) == ("oauth2Token", "getGroup")
    assert request.parent is not None
    assert request.parent.span_id == call.context.span_id
    shown = request.to_json() + call.to_json()
    assert not [secret for secret in ("issued", *OAUTH.secrets()) if secret in shown]


@pytest.mark.anyio
async def test_the_port_is_that_of_the_address(traced: Traced) -> None:
    for base_url, host, port in (
        ("http://localhost:8080/rest", "localhost", 8080),
        ("http://127.0.0.1/rest", "127.0.0.1", 80),
    ):
        async with client_for(Script(FOUND), base_url=base_url) as client:
            await client.get_group(GROUP)
        attributes = traced.spans[-1].attributes or {}
        assert (attributes["server.address"], attributes["server.port"]) == (host, port)


# Parents and children


@pytest.fixture
def instrumented(traced: Traced) -> Iterator[Traced]:
    """With spans of httpx's requests too."""
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument()
    yield traced
    instrumentor.uninstrument()


def assert_nested(traced: Traced, fake: FakeSnyk) -> None:
    """Outer span, then calls, then attempts, which the server sees as its parents."""
    spans = traced.spans
    outer = {span.context.span_id for span in spans if span.name == "outer"}
    calls = {span.context.span_id for span in traced.own()}
    attempts = [span for span in spans if span.context.span_id not in outer | calls]
    assert (len(outer), len(calls), len(attempts)) == (1, 4, 5)
    assert all(span.parent is not None and span.parent.span_id in outer for span in traced.own())
    assert all(span.parent is not None and span.parent.span_id in calls for span in attempts)
    sent = [request.headers["traceparent"].split("-")[2] for request in fake.requests]
    assert sorted(sent) == sorted(format(span.context.span_id, "016x") for span in attempts)
    assert fake.TOKEN not in "".join(span.to_json() for span in spans)


@pytest.mark.anyio
async def test_calls_are_children_of_the_callers_span_and_parents_of_their_attempts(
    instrumented: Traced,
) -> None:
    fake = FakeSnyk.example()
    tracer = trace.get_tracer("program")
    with served(fake) as url:
        async with AsyncGroupsClient(fake.TOKEN, base_url=url, retries=AT_ONCE) as client:
            with tracer.start_as_current_span("outer"):
                fake.fail_next(status=503)
                await client.get_group(fake.group_id)
                await client.list_memberships(fake.group_id, limit=20).collect()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(client.get_group, fake.group_id)
            assert not trace.get_current_span().get_span_context().is_valid
    assert_nested(instrumented, fake)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_so_are_those_of_the_synchronous_client(instrumented: Traced, backend: str) -> None:
    fake = FakeSnyk.example()
    tracer = trace.get_tracer("program")
    with served(fake) as url:
        with GroupsClient(fake.TOKEN, base_url=url, retries=AT_ONCE, backend=backend) as client:
            with tracer.start_as_current_span("outer"):
                fake.fail_next(status=503)
                client.get_group(fake.group_id)
                client.list_memberships(fake.group_id, limit=20).collect()
                with client.list_groups().read_ahead() as groups:
                    assert list(groups)
    assert_nested(instrumented, fake)


@pytest.mark.anyio
async def test_where_the_program_records_nothing_its_children_are_not_recorded_either(
    instrumented: Traced,
) -> None:
    instrumented.set_up(ParentBased(ALWAYS_OFF))
    async with AsyncGroupsClient(
        TOKEN, base_url="http://127.0.0.1:1", retries=RetryPolicy(max_attempts=1)
    ) as client:
        with pytest.raises(Exception):
            await client.get_group(GROUP)
    assert instrumented.spans == ()


# When there is none


@pytest.mark.anyio
async def test_there_is_no_span_where_tracing_is_suppressed_or_switched_off(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_for(Script(FOUND)) as client:
        token = context.attach(context.set_value("suppress_instrumentation", True))
        try:
            await client.get_group(GROUP)
        finally:
            context.detach(token)
        monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "requests, groups_sdk")
        traced.set_up()
        await client.get_group(GROUP)
        monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "")
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        traced.set_up()
        await client.get_group(GROUP)
        assert traced.spans == ()
        monkeypatch.delenv("OTEL_SDK_DISABLED")
        traced.set_up()
        await client.get_group(GROUP)
    assert len(traced.spans) == 1


@pytest.mark.anyio
async def test_there_is_no_span_where_no_tracing_was_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a span was started")

    monkeypatch.setattr(trace.ProxyTracerProvider, "get_tracer", refuse)
    async with client_for(Script(FOUND)) as client:
        await client.get_group(GROUP)


def test_a_program_that_does_not_trace_imports_nothing_for_it() -> None:
    script = textwrap.dedent(
        """
        import sys
        from groups_sdk.testing import FakeSnyk
        fake = FakeSnyk.example()
        with fake.client(on_call=print) as client:
            client.get_group(fake.group_id)
        assert not [name for name in sys.modules if name.startswith("opentelemetry")]
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "operation='getGroup'" in done.stdout


# What goes wrong in it


class Broken(SpanProcessor):
    def __init__(self, at: str) -> None:
        self.at = at

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        if self.at == "start":
            raise RuntimeError("broken processor")

    def on_end(self, span: ReadableSpan) -> None:
        if self.at == "end":
            raise RuntimeError("broken processor")


@pytest.mark.anyio
@pytest.mark.parametrize("at", ["start", "end"])
async def test_a_tracer_that_raises_costs_no_call_its_outcome(
    at: str, traced: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    traced.provider.add_span_processor(Broken(at))
    async with client_for(Script(FOUND, 404, 500), retries=RetryPolicy(max_attempts=1)) as client:
        assert (await client.get_group(GROUP)).id == GROUP
        with pytest.raises(NotFoundError):
            await client.get_group(GROUP)
        with pytest.raises(ServerError):
            await client.get_group(GROUP)
    told = [record.getMessage() for record in caplog.records if record.name == "groups_sdk"]
    assert told == [f"the span of getGroup could not be {at}ed"] * 3
    assert caplog.text.count("RuntimeError: broken processor") == 3
