"""What is said when no answer comes: where to, why, and what became of the change."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest
from support.running import Done

from groups_sdk import errors
from groups_sdk.cli._network import network_problem
from groups_sdk.testing import FakeSnyk

HOST = "api.snyk.io"
CHECK = "Check the network, the proxy and --region."


def failed(cause: BaseException | None, **given: object) -> errors.ConnectionFailedError:
    error = errors.ConnectionFailedError("ConnectError: whatever", **{"method": "GET", **given})  # type: ignore[arg-type]
    error.__cause__ = cause
    return error


def chained(cause: BaseException) -> BaseException:
    error = OSError("all attempts failed")
    error.__context__ = ExceptionGroup("several", [ValueError(), cause])  # type: ignore[list-item]
    cause.__cause__ = error  # a circle must not be followed for ever
    return error


UNTRUSTED = ssl.SSLCertVerificationError("x")
UNTRUSTED.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "name not found"),
        (chained(ConnectionRefusedError(111, "x")), "connection refused"),
        (UNTRUSTED, "its certificate is not trusted: self-signed certificate"),
        (ValueError("x"), "ConnectError: whatever"),
        (None, "ConnectError: whatever"),
    ],
)
def test_cause_is_said_in_plain_words(cause: BaseException | None, words: str) -> None:
    assert network_problem(failed(cause), HOST) == f"Cannot reach {HOST}: {words}. {CHECK}"


def test_attempts_and_the_fate_of_a_change_are_said() -> None:
    read = failed(None, attempts=4)
    assert "(4 attempts)" in network_problem(read, HOST)
    write = failed(None, method="DELETE", maybe_applied=True)
    assert network_problem(write, HOST).endswith("The change may have been applied: look.")
    write = failed(None, method="DELETE")
    assert network_problem(write, HOST).endswith("The change was not applied.")


def test_time_that_ran_out_names_the_option() -> None:
    slow = errors.RequestTimeoutError("no answer", method="GET")
    assert network_problem(slow, HOST) == f"{HOST} did not answer in time. --timeout allows more time."
    over = errors.DeadlineExceededError("300 s", method="GET", attempts=2)
    assert network_problem(over, HOST) == (
        f"{HOST} did not answer in time (2 attempts): 300 s. --deadline allows more time."
    )


def test_api_that_is_not_there_is_said_by_name(
    cli: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # nobody listens there
        port = unused.getsockname()[1]
        done = cli("groups", "--base-url", f"http://127.0.0.1:{port}", "--deadline", "0.5")
    assert (done.code, done.out) == (7, "")
    assert done.err.startswith("groups-sdk: error: ")
    assert "127.0.0.1" in done.err
