"""The most frequent problems of connections, in words that are the same on every system and event loop."""

from __future__ import annotations

import socket

import httpx
import pytest

from groups_sdk._http.connection_errors import explain

URL = httpx.URL("https://api.snyk.io/rest")


def failed(*causes: BaseException) -> httpx.ConnectError:
    """As httpx fails: each cause is that of the one before."""
    error = httpx.ConnectError("whatever")
    link: BaseException = error
    for cause in causes:
        link.__cause__ = cause
        link = cause
    return error


REFUSED = (ConnectionRefusedError(111, "x"), ConnectionRefusedError(61, "y"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (failed(OSError("x"), socket.gaierror(-2, "Name or service not known")), "name not found"),
        (failed(OSError("all attempts failed"), REFUSED[0]), "connection refused"),
        (failed(OSError("all attempts failed"), ExceptionGroup("x", REFUSED)), "connection refused"),
        (failed(ExceptionGroup("x", [REFUSED[0], TimeoutError()])), "ConnectError: whatever"),
        (failed(), "ConnectError: whatever"),
    ],
)
def test_problem_is_said_in_plain_words(error: httpx.ConnectError, words: str) -> None:
    assert explain(error, URL, None, connected=False, secrets=()) == words
