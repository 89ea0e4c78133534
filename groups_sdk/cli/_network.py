"""What to say when no answer came: in words of the person at the terminal, not of a library."""

from __future__ import annotations

import re

from groups_sdk.cli._wording import with_options
from groups_sdk.errors import DeadlineExceededError, RequestTimeoutError, TransportError

__all__ = ["network_problem"]

# Advice for programs, in place of which the options are named here.
_FOR_PROGRAMS = r" \((?:raise `deadline`|check the base URL|check the name|try again; when)[^()]*\)$"


def network_problem(error: TransportError, host: str) -> str:
    """What went wrong on the way to `host`, what became of the change, and what to check.

    Example:
        line = network_problem(error, "api.snyk.io")
    """
    problem = re.sub(_FOR_PROGRAMS, "", error.problem)
    tries = "" if error.attempts == 1 else f" ({error.attempts} attempts)"
    if isinstance(error, DeadlineExceededError):
        text = f"{host} did not answer in time{tries}: {problem}. --deadline allows more time."
    elif isinstance(error, RequestTimeoutError):
        text = f"{host} did not answer in time{tries}. --timeout allows more time."
    else:
        text = (
            f"Cannot reach {host}: {with_options(problem)}{tries}. Check the network, the proxy and --region."
        )
    if error.method == "GET":
        return text
    fate = (
        "The change may have been applied: check before you continue."
        if error.maybe_applied
        else "The change was not applied."
    )
    return f"{text} {fate}"
