"""The Snyk CLI's file: the token and endpoint that were configured there, and the login of `snyk auth`.

The file is only read. The CLI renews its login with a refresh token that works once: whoever else used it would log
the person out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import attrs

from groups_sdk._sources import Environment, Setting, convert, json_object, secret_problem
from groups_sdk._tokens import jwt_expiry
from groups_sdk.errors import ConfigurationError

__all__ = ["CliFile", "CliLogin"]

_LOGIN_KEYS = ("INTERNAL_OAUTH_TOKEN_STORAGE", "internal_oauth_token_storage")


@attrs.frozen
class CliLogin:
    """The login of `snyk auth`: an access token and its expiry, where that is known."""

    access_token: str = attrs.field(repr=False)
    expires_at: datetime | None

    @property
    def expired_at(self) -> datetime | None:
        """When it expired; None while it is good, or when its expiry is not known."""
        moment = self.expires_at
        return moment if moment is not None and moment <= datetime.now(UTC) else None


class CliFile:
    """The file `configstore/snyk.json`, which is read on first use. A missing file counts as empty."""

    def __init__(self, environment: Environment, path: Path | None = None) -> None:
        self._environment = environment
        self._path = path

    @cached_property
    def path(self) -> Path | None:
        """The path of the file, which may not exist; None when there is no home directory."""
        if self._path:
            return self._path
        configured, home = self._environment.get("XDG_CONFIG_HOME"), self._environment.get("HOME")
        if configured:
            folder = Path(configured.text)
        else:
            try:
                folder = (Path(home.text) if home else Path.home()) / ".config"
            except RuntimeError:
                return None
        return folder / "configstore" / "snyk.json"

    def __str__(self) -> str:
        return str(self.path or "the Snyk CLI's file (there is no home directory)")

    def get(self, key: str) -> Setting | None:
        """The text of a key; None when it is missing or blank."""
        value = self._members.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            return Setting(f"{key!r} in {self}", value) if value.strip() else None
        kind = type(value).__name__
        del value
        raise ConfigurationError(f"{key!r} in {self}: must be a string, not {kind}")

    @property
    def has_login(self) -> bool:
        """Whether anybody has logged in with `snyk auth`."""
        return any(str(self._members.get(key) or "").strip() for key in _LOGIN_KEYS)

    def login(self) -> CliLogin:
        """The login of `snyk auth`, which may have expired.

        Raises `ConfigurationError` when there is none, or it cannot be understood.
        """
        setting = next((found for key in _LOGIN_KEYS if (found := self.get(key))), None)
        if setting is None:
            raise ConfigurationError(
                f"There is no login of `snyk auth` in {self}. Run `snyk auth` to log in."
            )
        return convert(setting, _read_login)

    @cached_property
    def _members(self) -> Mapping[str, object]:
        found = _read_object(self.path)
        if isinstance(found, str):
            raise ConfigurationError(
                f"{self}: {found}. Repair it, or set both a token (token= or SNYK_TOKEN) and the address of the API "
                "(region=, base_url= or SNYK_API), so that it is not needed."
            )
        return found


def _read_object(path: Path | None) -> dict[str, object] | str:
    """The JSON object in a file, empty when there is no file; or the text of what is wrong with the file."""
    if path is None:
        return {}
    try:
        if path.is_fifo():
            return "is a named pipe"  # which would be waited for
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or 'not a path'})"
    members = json_object(content)
    return "is not a JSON object" if members is None else members


def _read_login(text: str) -> CliLogin:
    members = json_object(text)
    if members is None:
        raise ConfigurationError("is not a JSON object. Run `snyk auth` to log in again.")
    token, expiry = members.get("access_token"), members.get("expiry")
    if not isinstance(token, str) or secret_problem("access_token", token):
        raise ConfigurationError(
            "has no access_token in it that can be used. Run `snyk auth` to log in again."
        )
    return CliLogin(token, jwt_expiry(token) if expiry is None else _read_expiry(expiry))


def _read_expiry(value: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        if moment.tzinfo is None:
            raise ValueError
        return None if moment.year == 1 else moment.astimezone(UTC)  # year 1: the CLI does not know it either
    except (ValueError, OverflowError):
        raise ConfigurationError(
            "has an expiry in it that is not a date and time. Run `snyk auth` to log in again."
        ) from None
