"""What the guide to telemetry shows does what it says: no address in traces, and metrics of calls."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.pages import example

from groups_sdk import RetryPolicy
from groups_sdk.testing import FakeSnyk

TESTS = Path(__file__).parent.parent
TWICE = RetryPolicy(max_attempts=2, backoff_base=0)
BEGINNING = """
    from support.pages import example
    from support.loopback import served
    from groups_sdk import GroupsClient
    from groups_sdk.testing import FakeSnyk
    fake = FakeSnyk.example()
    """
TRACED = """
    exec(example("telemetry.md", "ConsoleSpanExporter"))
    if private:
        exec(example("telemetry.md", "hide_query"))
    else:
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
        HTTPXClientInstrumentor().instrument()
    with served(fake) as url, GroupsClient(fake.TOKEN, base_url=url) as client:
        client.list_memberships(fake.group_id, email="ada@example.com").collect()
    provider.shutdown()
    """
MEASURED = """
    import os
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    group_id = fake.group_id
    with served(fake) as url:
        os.environ |= {"SNYK_TOKEN": fake.TOKEN, "SNYK_API": url}
        exec(example("telemetry.md", "create_histogram"))
    print(reader.get_metrics_data().to_json())
    """


def run(script: str, **env: str) -> str:
    """The output of a program in a process of its own: providers can be set only once in each."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]), **env},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.unmeasured
@pytest.mark.parametrize(("semantics", "names"), [("", ["http.url"]), ("http/dup", ["http.url", "url.full"])])
def test_spans_of_httpx_have_no_address_in_them_with_the_hook(semantics: str, names: list[str]) -> None:
    setting = {"OTEL_SEMCONV_STABILITY_OPT_IN": semantics}
    by_default = run(f"{BEGINNING}private = False{TRACED}".replace("\n    ", "\n"), **setting)
    private = run(f"{BEGINNING}private = True{TRACED}".replace("\n    ", "\n"), **setting)
    assert "email=ada%40example.com" in by_default
    assert "ada@" not in private
    assert "ada%40" not in private
    for shown in (by_default, private):
        assert FakeSnyk.TOKEN not in shown
        assert '"name": "listGroupMemberships"' in shown
    for name in names:
        assert f'"{name}": "http://127.0.0.1' in private


def test_the_metrics_of_opentelemetry_count_calls() -> None:
    printed = run(f"{BEGINNING}{MEASURED}".replace("\n    ", "\n"))
    for part in (
        '"name": "snyk.call.duration"',
        '"rpc.method": "getGroup"',
        '"groups_sdk.outcome": "success"',
    ):
        assert part in printed


def test_the_counters_of_prometheus_count_calls_and_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    class Metric:
        """A counter or histogram with labels, as prometheus_client has them."""

        def __init__(self, name: str, text: str, labels: list[str]) -> None:
            self.names, self.values = labels, dict[tuple[str, ...], float]()

        def labels(self, *values: str) -> Metric:
            assert len(values) == len(self.names)
            self.key = values
            return self

        def inc(self, amount: float = 1) -> None:
            self.values[self.key] = self.values.get(self.key, 0) + amount

        observe = inc

    prometheus: Any = ModuleType("prometheus_client")
    prometheus.Counter = prometheus.Histogram = Metric
    monkeypatch.setitem(sys.modules, "prometheus_client", prometheus)
    names: dict[str, Any] = {}
    exec(example("telemetry.md", "prometheus_client"), names)
    fake = FakeSnyk.example()
    with fake.client(on_call=names["count"], retries=TWICE) as client:
        fake.fail_next(status=503)
        client.get_group(fake.group_id)
        client.list_groups().first()
    assert names["CALLS"].values == {("getGroup", "success", "200"): 1, ("listGroups", "success", "200"): 1}
    assert names["RETRIES"].values == {("getGroup", "503"): 1}
    assert names["SECONDS"].values.keys() == {("getGroup",), ("listGroups",)}
    assert names["WAITED"].values.keys() == {("rate_limit",), ("connection",), ("retry",)}
