"""The options of a client's calls."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, TypeVar

import attrs

from groups_sdk._hooks import check_hook
from groups_sdk._http.call_summary import OnCall
from groups_sdk._http.observers import WaitObserver
from groups_sdk._http.retries import RetryPolicy
from groups_sdk._responses import ApiResponse
from groups_sdk.errors import ConfigurationError

__all__ = ["UNSET", "CallOptions", "Unset", "given"]

T = TypeVar("T")


class Unset(Enum):
    """The type of `UNSET`: an option that is not given keeps its value, while None is a value of its own."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return self.name


UNSET: Final = Unset.UNSET


def given(value: T | Unset, otherwise: T) -> T:
    """The value, or the other one when it was not given."""
    return otherwise if isinstance(value, Unset) else value


@attrs.frozen(kw_only=True)
class CallOptions:
    """What may differ between the copies of a client."""

    api_version: str
    timeout: float | None
    deadline: float | None
    retries: RetryPolicy
    on_response: Callable[[ApiResponse], object] | None
    on_call: OnCall | None
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
        if not isinstance(self.retries, RetryPolicy):
            raise ConfigurationError(f"retries must be a RetryPolicy, or None; got {self.retries!r}")
        check_hook("on_response", self.on_response, ConfigurationError)
        check_hook("on_call", self.on_call, ConfigurationError)
        check_hook("on_wait", self.waits and self.waits.hook, ConfigurationError)
        if type(self.max_response_bytes) is not int or self.max_response_bytes < 1:
            raise ConfigurationError(
                f"max_response_bytes must be a whole number above 0; got {self.max_response_bytes!r}"
            )
        if not self.user_agent.isascii() or not self.user_agent.isprintable():
            raise ConfigurationError(f"user_agent must be printable ASCII; got {self.user_agent!r}")
