"""An answer of the API: status, headers, body, and how many attempts and seconds it took."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import attrs

from groups_sdk._public import set_module
from groups_sdk._terminal import printable

__all__ = ["ApiResponse", "Headers"]


class Headers(Mapping[str, str]):
    """Response headers: a read-only mapping with case-insensitive names.

    The values of a header that came several times are joined with ", ". They are as they came, but for the secrets of
    the client: where a gateway repeats the token, there is `***` in its place.

    Example:
        assert Headers([("Content-Type", "text/html")])["content-type"] == "text/html"
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
        return printable(f"Headers({self._values})")


def parse_http_date(value: str) -> datetime | None:
    """An HTTP date (`Tue, 01 Sep 2026 00:00:00 GMT`) as an aware datetime; None when it is not one."""
    try:
        return _aware(parsedate_to_datetime(value))
    except (ValueError, OverflowError):  # the latter when a number is too large for a date
        return None


def _parse_date(value: str | None) -> datetime | None:
    """An ISO date or date-time, an HTTP date, or `@` and seconds, as an aware datetime; None for anything else."""
    if value is None:
        return None
    try:
        if value.startswith("@"):
            return datetime.fromtimestamp(int(value[1:]), UTC)
        return _aware(datetime.fromisoformat(value))
    except ValueError:
        return parse_http_date(value)
    except (OverflowError, OSError):
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@attrs.frozen(eq=False)
class ApiResponse:
    """The API's answer to one call, as `on_response`, `client.request` and `page.response` give it.

    `content` is the body as bytes, decompressed. `operation` is the API's operation id. `attempts` is the number of
    requests that were sent, the last one included. `elapsed` is the time in seconds from the start of the first
    attempt to the end of the answer, waits included.

    Example:
        response = await client.request("GET", "/self")
        print(response.status_code, response.headers["content-type"], response.json())
    """

    status_code: int
    headers: Headers = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    operation: str
    attempts: int = 1
    elapsed: float = 0.0

    @property
    def request_id(self) -> str | None:
        """The id of the request that Snyk support asks for (header `snyk-request-id`); None when there is none."""
        return self.headers.get("snyk-request-id")

    @property
    def version_requested(self) -> str | None:
        """The API version that the request asked for, such as "2025-11-05"; None when the API did not say."""
        return self.headers.get("snyk-version-requested")

    @property
    def version_served(self) -> str | None:
        """The API version that answered: the newest one up to the requested version; None when the API did not say."""
        return self.headers.get("snyk-version-served")

    @property
    def lifecycle_stage(self) -> str | None:
        """The stage of that version: "wip", "experimental", "beta", "ga", "deprecated" or "sunset"; or None."""
        return self.headers.get("snyk-version-lifecycle-stage")

    @property
    def deprecation(self) -> datetime | None:
        """When that version was or will be deprecated, with a time zone; None when the API names no date."""
        return _parse_date(self.headers.get("deprecation"))

    @property
    def sunset(self) -> datetime | None:
        """When that version stops working, with a time zone; None when the API names no date."""
        return _parse_date(self.headers.get("sunset"))

    def json(self) -> Any:
        """The body parsed as JSON; None when it is empty. Raises `ValueError` when it is not JSON."""
        try:
            return json.loads(self.content) if self.content else None
        except RecursionError:
            raise ValueError("the body is nested too deeply") from None


set_module("groups_sdk", globals(), __all__)
