"""Sentry sees the calls of both clients; no token ever, and no email address where it is set up as the guide shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from groups_sdk.testing import FakeSnyk

pytest.importorskip("sentry_sdk", reason="needs the dependency group integrations")

TESTS = Path(__file__).parent.parent


class Report:
    """What a program sent to Sentry."""

    def __init__(self, how: str) -> None:
        program = TESTS / "integrations" / "sentry_program.py"
        path = {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
        done = subprocess.run([sys.executable, program, how], capture_output=True, text=True, env=path)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        self.traces: list[str] = report["traces"]
        sent: list[dict[str, Any]] = report["sent"]
        self.text = done.stdout
        self.events = [item for item in sent if item["type"] == "event"]
        self.transactions = {item["transaction"]: item for item in sent if item["type"] == "transaction"}

    @property
    def breadcrumbs(self) -> list[dict[str, Any]]:
        return [crumb for event in self.events for crumb in event["breadcrumbs"]["values"]]

    def frames(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each frame in each traceback, with the name of its package."""
        for event in self.events:
            for error in event["exception"]["values"]:
                for frame in error.get("stacktrace", {"frames": []})["frames"]:
                    yield frame["module"].partition(".")[0], frame


@pytest.fixture(scope="module")
def by_default() -> Report:
    return Report("default")


@pytest.fixture(scope="module")
def as_in_the_guide() -> Report:
    return Report("guide")


def test_every_attempt_is_a_span_of_the_transaction_and_the_server_gets_the_trace(by_default: Report) -> None:
    assert set(by_default.transactions) == {"synchronous", "asynchronous"}
    seen = []
    for transaction in by_default.transactions.values():
        spans = [span for span in transaction["spans"] if span["op"] == "http.client"]
        assert [span["data"]["http.response.status_code"] for span in spans] == [503, 200, 404]
        seen += [f"{span['trace_id']}-{span['span_id']}-1" for span in spans]
    assert by_default.traces == seen


def test_errors_are_events_with_a_breadcrumb_for_every_attempt(by_default: Report) -> None:
    kinds = [event["exception"]["values"][-1]["type"] for event in by_default.events]
    assert kinds == ["NotFoundError"] * 2 + ["ConnectionFailedError"] * 2 + ["CancelledError"]
    first = by_default.events[0]["breadcrumbs"]["values"]
    crumbs = [crumb for crumb in first if crumb["category"] == "httplib"]
    assert [crumb["data"]["http.response.status_code"] for crumb in crumbs] == [503, 200, 404]


def test_by_default_sentry_gets_the_address_from_httpx(by_default: Report) -> None:
    assert {crumb["category"] for crumb in by_default.breadcrumbs if "grace" in str(crumb)} == {
        "httplib",
        "httpx",
    }
    assert all("grace" in str(transaction["spans"]) for transaction in by_default.transactions.values())


def test_no_local_variable_has_the_address_or_a_token_in_it(by_default: Report) -> None:
    packages = set()
    for package, frame in by_default.frames():
        if package in ("groups_sdk", "httpx", "httpcore"):
            packages.add(package)
            assert "grace" not in str(frame["vars"]), frame
    assert packages >= {"groups_sdk"}
    assert FakeSnyk.TOKEN not in by_default.text


def test_set_up_as_in_the_guide_sentry_gets_no_address_and_no_token(
    as_in_the_guide: Report, by_default: Report
) -> None:
    assert len(as_in_the_guide.events) == len(by_default.events)
    assert len(as_in_the_guide.transactions) == 2
    assert "[email address]" in as_in_the_guide.text
    shown = as_in_the_guide.text.replace("%40", "@")
    assert [secret for secret in ("grace@", FakeSnyk.TOKEN) if secret in shown] == []
    assert not any("vars" in frame for _, frame in as_in_the_guide.frames())
