"""The rate limit of a command: the API's own, which it may share with other programs."""

from __future__ import annotations

import os

from groups_sdk._http.rate_limit import RateLimit
from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.errors import ConfigurationError

__all__ = ["rate_limit"]

_VARIABLE = "SNYK_GROUPS_SHARED_LIMIT"


def rate_limit(shared: str | None) -> RateLimit:
    """Shared where the option `--shared-limit`, or else the environment, says so. Raises `CommandError`."""
    source, place = "--shared-limit", shared
    if place is None:
        source, place = _VARIABLE, os.environ.get(_VARIABLE, "").strip() or None
    try:
        return RateLimit(shared=place)
    except ConfigurationError as error:
        problem = str(error).removeprefix("shared ")
    raise CommandError(f"{source} {problem}")
