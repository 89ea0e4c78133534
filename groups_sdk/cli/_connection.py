"""From a command's options to an open client: the real API, or the example in memory."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._importing import import_httpx
from groups_sdk.cli._output import Output
from groups_sdk.cli._wording import with_options
from groups_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from groups_sdk._settings import Settings
    from groups_sdk._sync.client import GroupsClient
    from groups_sdk.cli._profiles import Profile
    from groups_sdk.testing import FakeSnyk

__all__ = ["Connection", "Options"]

_CLI_FILE_VARIABLES = ("HOME", "XDG_CONFIG_HOME")  # where the Snyk CLI's file is
_NO_FILE = Path(os.devnull) / "none"


@attrs.frozen
class Options:
    """What every command can be told. There is no token here: every user of the machine can read command lines."""

    output: Output | None = None
    fake: bool = False
    profile: str | None = None
    region: str | None = None
    base_url: str | None = None
    proxy: str | None = None
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    shared_limit: str | None = None
    timeout: float | None = None
    deadline: float | None = None
    debug: bool = False


class Connection:
    """What a command works with: its client, which is opened when it is first needed, and its options."""

    def __init__(self, options: Options) -> None:
        if options.client_key and not options.client_cert:
            raise CommandError("--client-key needs --client-cert")
        import_httpx()
        self.options = options
        self._opened: list[GroupsClient] = []

    @cached_property
    def profile(self) -> Profile | None:
        """The profile that was chosen, by option or by SNYK_GROUPS_PROFILE."""
        name = self.options.profile
        if name is not None and not name.strip():
            raise CommandError("--profile is empty")
        name = name or os.environ.get("SNYK_GROUPS_PROFILE", "").strip()
        if self.options.fake or not name:
            return None
        from groups_sdk.cli._profiles import read_profile

        return read_profile(name)

    @property
    def default_group(self) -> tuple[str, str] | None:
        """The group to work on where none is given, and where that is said; None when it is said nowhere."""
        if self.options.fake:
            return None
        if self.profile is not None and self.profile.group:
            return self.profile.group, f" (from profile {self.profile.name})"
        group = os.environ.get("SNYK_GROUP_ID", "").strip()
        return (group, " (from SNYK_GROUP_ID)") if group else None

    @cached_property
    def fake(self) -> FakeSnyk | None:
        """The example in memory, where the command shall work on that."""
        if not self.options.fake:
            return None
        from groups_sdk.testing import FakeSnyk

        print("--fake: this is an example in memory; changes to it are lost at the end", file=sys.stderr)
        return FakeSnyk.example()

    @cached_property
    def settings(self) -> Settings:
        """The credentials and the API, and in words where they come from: option, then profile, then environment."""
        from groups_sdk._settings import resolve

        options, profile = self.options, self.profile
        region, base_url = options.region, options.base_url
        if profile is None:
            return _named(resolve(region=region, base_url=base_url, snyk_cli_login=True), None, None)
        of_profile = not (region or base_url) and bool(profile.region or profile.base_url)
        if of_profile:
            region, base_url = profile.region, profile.base_url
        sources: dict[str, Any] = {}
        if profile.token_source is not None:  # no address that was meant for another token
            variables = _CLI_FILE_VARIABLES if profile.token_snyk_cli else ()
            sources["environ"] = {name: os.environ[name] for name in variables if name in os.environ}
            sources["config_path"] = None if profile.token_snyk_cli else _NO_FILE
        try:
            found = resolve(profile.read_token(), region, base_url, snyk_cli_login=True, **sources)
        except ConfigurationError as error:
            problem = str(error)
            for argument in ("region", "base_url", "token"):
                if argument == "token" or of_profile:
                    problem = problem.replace(f"{argument} argument:", f"profile {profile.name}, {argument}:")
            raise CommandError(with_options(problem)) from None
        return _named(found, profile.token_source, f"profile {profile.name}" if of_profile else None)

    @cached_property
    def client(self) -> GroupsClient:
        """The client; it is closed with the connection."""
        options = self.options
        limits = {"timeout": options.timeout, "deadline": options.deadline}
        given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
        given["on_wait"] = progress.observe_wait
        if self.fake is not None:
            client = self.fake.client(**given)
        else:
            from groups_sdk._sync.client import GroupsClient
            from groups_sdk.cli._rate_limit import rate_limit

            certificate = options.client_cert
            client = GroupsClient(
                self.settings.credentials,
                base_url=self.settings.base_url,
                proxy=options.proxy,
                verify=options.ca_file,
                cert=(certificate, options.client_key) if certificate and options.client_key else certificate,
                rate_limit=rate_limit(options.shared_limit),
                user_agent="groups_sdk-cli",
                **given,
            )
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


_SOURCES = {"region argument": "--region", "base_url argument": "--base-url"}


def _named(settings: Settings, credentials: str | None, address: str | None) -> Settings:
    """The settings with the words that a command line has for their sources."""
    source = settings.base_url_source
    return attrs.evolve(
        settings,
        credentials_source=credentials or settings.credentials_source,
        base_url_source=address or _SOURCES.get(source, source),
    )
