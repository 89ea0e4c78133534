"""What is said when no answer comes: where to, why, and what became of the change."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from support.running import Done

from groups_sdk import errors
from groups_sdk.cli._network import network_problem
from groups_sdk.testing import FakeSnyk

HOST = "api.snyk.io"
CHECK = "Check the network, the proxy and --region."


def test_cause_and_attempts_are_said() -> None:
    error = errors.ConnectionFailedError("name not found", attempts=4, method="GET")
    assert network_problem(error, HOST) == f"Cannot reach {HOST}: name not found (4 attempts). {CHECK}"


def test_fate_of_a_change_is_said() -> None:
    error = errors.ConnectionFailedError("x", method="DELETE", maybe_applied=True)
    assert network_problem(error, HOST).endswith(
        f"{CHECK} The change may have been applied: check before you continue."
    )
    error = errors.ConnectionFailedError("x", method="DELETE", maybe_applied=False)
    assert network_problem(error, HOST).endswith(f"{CHECK} The change was not applied.")


def test_time_that_ran_out_names_the_option() -> None:
    slow = errors.RequestTimeoutError("no answer", method="GET")
    assert network_problem(slow, HOST) == f"{HOST} did not answer in time. --timeout allows more time."
    over = errors.DeadlineExceededError(
        "300 s (raise `deadline`, or try again later)", method="GET", attempts=2
    )
    assert network_problem(over, HOST) == (
        f"{HOST} did not answer in time (2 attempts): 300 s. --deadline allows more time."
    )


def test_options_are_named_as_options() -> None:
    error = errors.ConnectionFailedError("x (pass the file as verify= or in SSL_CERT_FILE)", method="GET")
    assert "as --ca-file or in SSL_CERT_FILE" in network_problem(error, HOST)


def test_api_that_is_not_there_is_said_by_name(
    cli: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        port = unused.getsockname()[1]
        done = cli("groups", "--base-url", f"http://127.0.0.1:{port}")
    assert (done.code, done.out) == (7, "")
    assert done.err == (
        "groups-sdk: error: Cannot reach 127.0.0.1: connection refused (4 attempts). "
        "Check the network, the proxy and --region.\n"
    )
