"""The options of a client's calls."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from groups_sdk._http.observers import WaitObserver
from groups_sdk._http.retries import RetryPolicy
from groups_sdk._responses import ApiResponse
from groups_sdk.errors import ConfigurationError

__all__ = ["CallOptions"]


@attrs.frozen(kw_only=True)
class CallOptions:
    """What may differ between the copies of a client."""

    api_version: str
    timeout: float | None
    deadline: float | None
    retries: RetryPolicy
    on_response: Callable[[ApiResponse], object] | None
    waits: WaitObserver | None
    user_agent: str
    max_response_bytes: int

    def __attrs_post_init__(self) -> None:
        for name in ("timeout", "deadline"):
            value = getattr(self, name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or not value > 0
            ):
                raise ConfigurationError(
                    f"{name} must be a number of seconds above 0, or None; got {value!r}"
                )
        if type(self.max_response_bytes) is not int or self.max_response_bytes < 1:
            raise ConfigurationError(
                f"max_response_bytes must be a whole number above 0; got {self.max_response_bytes!r}"
            )
        if not self.user_agent.isascii() or not self.user_agent.isprintable():
            raise ConfigurationError(f"user_agent must be printable ASCII; got {self.user_agent!r}")
