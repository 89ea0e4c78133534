"""Datadog's tracer sees attempts and calls of both clients, and no email address where it is told not to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from groups_sdk.testing import FakeSnyk

# Not imported here: it changes the process that imports it.
pytestmark = pytest.mark.skipif(
    find_spec("ddtrace") is None, reason="needs the dependency group integrations"
)

TESTS = Path(__file__).parent.parent
QUIET = {"DD_REMOTE_CONFIGURATION_ENABLED": "false", "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false"}
SETTINGS = {"DD_TRACE_OTEL_ENABLED": "true"}
PRIVATE = {"DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING": "false"}  # as the guide says


def run(**settings: str) -> dict[str, Any]:
    program = TESTS / "integrations" / "ddtrace_program.py"
    env = {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]), **QUIET, **SETTINGS, **settings}
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def private() -> dict[str, Any]:
    return run(**PRIVATE)


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous"])
def test_attempts_are_below_their_call_which_is_below_the_callers_span(
    kind: str, private: dict[str, Any]
) -> None:
    (outer,) = [span for span in private["spans"] if span["name"] == kind]
    (call,) = [span for span in private["spans"] if span["parent"] == outer["id"]]
    attempts = [span for span in private["spans"] if span["parent"] == call["id"]]
    assert call["resource"] == "listGroupMemberships"
    assert call["tags"]["groups_sdk.attempts"] == 2
    assert [span["name"] for span in attempts] == ["http.request"] * 2
    assert [span["tags"]["http.status_code"] for span in attempts] == ["503", "200"]
    assert {str(span["id"]) for span in attempts} <= set(private["parents"])


def test_as_the_guide_says_no_address_and_no_token_is_shown(private: dict[str, Any]) -> None:
    shown = json.dumps(private).replace("%40", "@")
    assert [secret for secret in ("grace@", FakeSnyk.TOKEN) if secret in shown] == []


def test_by_default_the_address_is_in_the_url_and_no_token_is_anywhere() -> None:
    report = run()
    urls = [span["tags"]["http.url"] for span in report["spans"] if span["name"] == "http.request"]
    assert len(urls) == 4
    assert all("email=grace%40example.com" in url for url in urls)
    assert FakeSnyk.TOKEN not in json.dumps(report)
