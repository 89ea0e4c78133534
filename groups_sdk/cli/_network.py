"""What to say when no answer came: in words of the person at the terminal, not of a library."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from groups_sdk.errors import DeadlineExceededError, RequestTimeoutError, TransportError

__all__ = ["network_problem"]


def network_problem(error: TransportError, host: str) -> str:
    """What went wrong on the way to `host`, what became of the change, and what to check.

    Example:
        line = network_problem(error, "api.snyk.io")
    """
    tries = "" if error.attempts == 1 else f" ({error.attempts} attempts)"
    if isinstance(error, DeadlineExceededError):
        text = f"{host} did not answer in time{tries}: {error.problem}. --deadline allows more time."
    elif isinstance(error, RequestTimeoutError):
        text = f"{host} did not answer in time{tries}. --timeout allows more time."
    else:
        text = f"Cannot reach {host}: {_cause(error)}{tries}. Check the network, the proxy and --region."
    if error.method == "GET":
        return text
    fate = "The change may have been applied: look." if error.maybe_applied else "The change was not applied."
    return f"{text} {fate}"


def _cause(error: TransportError) -> str:
    for cause in _chain(error):
        if isinstance(cause, socket.gaierror):
            return "name not found"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
    return error.problem


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, those of a group included."""
    todo: list[BaseException | None] = [error]
    seen: set[int] = set()
    while todo:
        cause = todo.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            todo.extend(cause.exceptions)
        todo += [cause.__context__, cause.__cause__]
