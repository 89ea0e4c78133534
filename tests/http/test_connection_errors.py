"""The most frequent problems of connections, in words that are the same on every system and event loop."""

from __future__ import annotations

import socket

import httpx
import pytest

from groups_sdk._http.attempt import _timed_out
from groups_sdk._http.connection_errors import explain
from groups_sdk._http.network import Network
from groups_sdk._http.proxies import ProxyServer
from groups_sdk._http.tls import resolve_tls

URL = httpx.URL("https://api.snyk.io/rest")
NETWORK = Network(resolve_tls(None, None, needed=False), {})


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


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            failed(socket.gaierror(-2, "x")),
            "check the name api.snyk.io in the base URL, the network, and whether a proxy is needed",
        ),
        (
            failed(REFUSED[0]),
            "check the base URL, and whether a firewall keeps api.snyk.io from answering or a proxy is needed",
        ),
        (
            httpx.ReadError("reset"),
            "try again; when it happens often, check the network and what is on the way, such as a firewall",
        ),
        (
            httpx.RemoteProtocolError("left"),
            "try again; when it happens often, check the network and what is on the way, such as a firewall",
        ),
    ],
)
def test_it_says_what_to_check(error: httpx.HTTPError, advice: str) -> None:
    assert explain(error, URL, NETWORK, connected=False, secrets=()).endswith(f" ({advice})")


def test_where_nothing_can_be_advised_nothing_is() -> None:
    assert (
        explain(httpx.DecodingError("odd"), URL, NETWORK, connected=True, secrets=()) == "DecodingError: odd"
    )


@pytest.mark.parametrize(
    ("sent", "proxy", "advice"),
    [
        (True, None, "raise `timeout`, or try again later"),
        (True, ProxyServer("http://proxy", "proxy"), "raise `timeout`, or try again later"),
        (False, None, "no connection to api in that time: check the network, and whether a proxy is needed"),
        (
            False,
            ProxyServer("http://proxy", "proxy"),
            "the proxy http://proxy (from the argument proxy) did not connect to api in that time: "
            "check it, or raise `timeout`",
        ),
    ],
)
def test_a_timeout_says_what_to_do(sent: bool, proxy: ProxyServer | None, advice: str) -> None:
    failure = _timed_out(30.0, "api", proxy, sent=sent)
    assert failure.problem == f"no answer within the timeout of 30 s ({advice})"
    assert failure.maybe_applied is sent
