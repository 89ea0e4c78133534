"""An answer of the API as it came: status, headers, body, and what it took to get it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from groups_sdk._public import set_module

__all__ = ["ApiResponse", "Headers"]


class Headers(Mapping[str, str]):
    """Response headers: a read-only mapping whose names compare without regard to case.

    A header that came several times is one value, joined with ", ".
    """

    __slots__ = ("_values",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, str] = {}
        for name, value in items:
            key = name.lower()
            values[key] = f"{values[key]}, {value}" if key in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values})"


def _moment(value: str | None) -> datetime | None:
    """A date, date-time, HTTP date or `@` and seconds as an aware datetime; None when in no known form."""
    if value is None:
        return None
    try:
        if value.startswith("@"):
            return datetime.fromtimestamp(int(value[1:]), UTC)
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):  # the latter for numbers beyond all dates
            return None
    except (OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@attrs.frozen(eq=False)
class ApiResponse:
    """One answered call.

    `attempts` counts the requests that it took, the successful one included; `elapsed` is the time in seconds from
    the first of them to the end of the answer, waits included. `operation` is the API's operation id.
    """

    status_code: int
    headers: Headers = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    operation: str
    attempts: int = 1
    elapsed: float = 0.0

    @property
    def request_id(self) -> str | None:
        """The id that Snyk's support asks for (`snyk-request-id`)."""
        return self.headers.get("snyk-request-id")

    @property
    def version_requested(self) -> str | None:
        """The API version that the request asked for."""
        return self.headers.get("snyk-version-requested")

    @property
    def version_served(self) -> str | None:
        """The API version that answered: the newest one not after the requested."""
        return self.headers.get("snyk-version-served")

    @property
    def lifecycle_stage(self) -> str | None:
        """The stage of the version that answered: wip, experimental, beta, ga, deprecated or sunset."""
        return self.headers.get("snyk-version-lifecycle-stage")

    @property
    def deprecation(self) -> datetime | None:
        """When the version that answered was, or will be, deprecated."""
        return _moment(self.headers.get("deprecation"))

    @property
    def sunset(self) -> datetime | None:
        """When the version that answered stops working."""
        return _moment(self.headers.get("sunset"))

    def json(self) -> Any:
        """The body, parsed as JSON; None when it is empty. Raises `ValueError` on a body that is not JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None


set_module("groups_sdk", globals(), __all__)
