"""From a command's options to an open client: the real API, or the example in memory."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._output import Output

if TYPE_CHECKING:
    from groups_sdk._sync.client import GroupsClient
    from groups_sdk.testing import FakeSnyk

__all__ = ["Connection", "Options"]


@attrs.frozen
class Options:
    """What every command can be told. There is no token here: every user of the machine can read command lines."""

    output: Output | None = None
    fake: bool = False
    region: str | None = None
    base_url: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    debug: bool = False


class Connection:
    """What a command works with: its client, which is opened when it is first needed, and its options."""

    def __init__(self, options: Options) -> None:
        if options.fake and (options.region or options.base_url):
            raise CommandError("--fake is in memory: it has neither --region nor --base-url")
        self.options = options
        self._opened: list[GroupsClient] = []

    @property
    def default_group(self) -> tuple[str, str] | None:
        """The group to work on where none is given, and where that is said; None when it is said nowhere."""
        group = os.environ.get("SNYK_GROUP_ID", "").strip()
        return None if self.options.fake or not group else (group, " (from SNYK_GROUP_ID)")

    @cached_property
    def fake(self) -> FakeSnyk | None:
        """The example in memory, where the command shall work on that."""
        if not self.options.fake:
            return None
        from groups_sdk.testing import FakeSnyk

        print("--fake: this is an example in memory; changes to it are lost at the end", file=sys.stderr)
        return FakeSnyk.example()

    @cached_property
    def client(self) -> GroupsClient:
        """The client; it is closed with the connection."""
        options = self.options
        given: dict[str, Any] = {"region": options.region, "base_url": options.base_url}
        given |= {
            name: value
            for name, value in (("timeout", options.timeout), ("deadline", options.deadline))
            if value is not None
        }
        if self.fake is not None:
            client = self.fake.client(**{name: value for name, value in given.items() if value is not None})
        else:
            from groups_sdk._sync.client import GroupsClient

            client = GroupsClient(user_agent="groups_sdk-cli", **given)
        self._opened.append(client)
        return client

    @property
    def host(self) -> str:
        """The host that requests go to; empty before the client is opened."""
        return urlsplit(self._opened[0].base_url).hostname or "" if self._opened else ""

    def close(self) -> None:
        """Close the client, if it was ever opened."""
        for client in self._opened:
            client.close()
