"""Profiles: named accounts in a file of the user. A profile says where its token is, and never holds one.

    [production]
    region = "SNYK-EU-01"
    group = "Engineering"
    token_env = "SNYK_TOKEN_PRODUCTION"

    [sandbox]
    base_url = "https://api.example.com/rest"
    token_command = ["pass", "show", "snyk/sandbox"]

The file is `groups-sdk/profiles.toml` in `$XDG_CONFIG_HOME` or `~/.config`, or in `%APPDATA%` on Windows.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import attrs

from groups_sdk.cli._exit_codes import CommandError

__all__ = ["Profile", "profiles_path", "read_profile"]

_KEYS = ("region", "base_url", "group", "token_env", "token_command", "token_snyk_cli")
_SOURCES = ("token_env", "token_command", "token_snyk_cli")


@attrs.frozen
class Profile:
    """A named account: where its token is, where its API is, and the group that is meant when none is given."""

    name: str
    region: str | None = None
    base_url: str | None = None
    group: str | None = None
    token_env: str | None = None
    token_command: tuple[str, ...] = ()
    token_snyk_cli: bool = False

    @property
    def token_source(self) -> str | None:
        """Where the token is, in words; None where it is looked for as without a profile."""
        if self.token_env is not None:
            return f"{self.token_env} (profile {self.name})"
        if self.token_command:
            return f"the command {self.token_command[0]!r} (profile {self.name})"
        return f"the Snyk CLI's file (profile {self.name})" if self.token_snyk_cli else None

    def read_token(self) -> str | None:
        """The token from the variable or the command; None where the profile names neither.

        Raises `CommandError` when there is none.
        """
        if self.token_env is not None:
            token = os.environ.get(self.token_env, "").strip()
            if not token:
                raise CommandError(f"profile {self.name}: the variable {self.token_env} is not set")
            return token
        if self.token_command:
            return self._run_command()
        return None

    def _run_command(self) -> str:
        command = self.token_command[0]
        try:
            done = subprocess.run(self.token_command, stdout=subprocess.PIPE, check=False)  # noqa: S603 - no shell
        except OSError as error:
            raise CommandError(
                f"profile {self.name}: the command {command!r} cannot be run: {error.strerror or error}"
            ) from None
        if done.returncode:
            raise CommandError(
                f"profile {self.name}: the command {command!r} failed with exit code {done.returncode}"
            )
        token = done.stdout.decode(errors="replace").strip()
        if not token:
            raise CommandError(f"profile {self.name}: the command {command!r} printed no token")
        return token


def profiles_path() -> Path:
    """The file of the profiles, which may not exist."""
    configured = os.environ.get("XDG_CONFIG_HOME", "").strip()
    if not configured and sys.platform == "win32":  # pragma: no cover - another operating system
        configured = os.environ.get("APPDATA", "").strip()
    folder = Path(configured)  # a relative one is to be ignored
    return (folder if folder.is_absolute() else Path.home() / ".config") / "groups-sdk" / "profiles.toml"


def read_profile(name: str) -> Profile:
    """The profile of that name. Raises `CommandError` when there is none, or when it is not valid.

    Example:
        profile = read_profile("production")
    """
    path = profiles_path()
    profiles = _read(path)
    section = profiles.get(name)
    if not isinstance(section, dict):
        names = ", ".join(key for key, value in profiles.items() if isinstance(value, dict)) or "none"
        raise CommandError(f"there is no profile {name!r} in {path}; its profiles are: {names}")
    return _profile(name, section, f"profile {name} in {path}")


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.is_fifo():
            raise CommandError(f"{path} is a named pipe")
        with path.open("rb") as file:
            if not all(map(_is_ours, (os.fstat(file.fileno()), path.parent.stat()))):
                raise CommandError(
                    f"{path} can be written by others, who could then run commands as you: chmod go-w it"
                )
            return tomllib.load(file)
    except FileNotFoundError:
        raise CommandError(f"there are no profiles: {path} does not exist") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problem = str(error)  # a line and a column, no text of the file
    raise CommandError(f"{path} is not valid TOML: {problem}")


def _is_ours(status: os.stat_result) -> bool:
    """Whether nobody else can write to a file or folder."""
    return os.name != "posix" or (status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022)


def _profile(name: str, section: dict[str, Any], where: str) -> Profile:
    for key in section:
        if key in _KEYS:
            continue
        if key in ("token", "api_token", "password", "secret"):
            raise CommandError(
                f"{where}: a profile never holds a token. Delete {key!r}, and say where the token is: token_env, "
                "token_command or token_snyk_cli"
            )
        from difflib import get_close_matches

        close = get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"the keys are {', '.join(_KEYS)}"
        raise CommandError(f"{where}: {key!r} is not known; {hint}")
    for key in ("region", "base_url", "group", "token_env"):
        if key in section and not (isinstance(section[key], str) and section[key].strip()):
            raise CommandError(f"{where}: {key} must be a string")
    command = section.get("token_command", [])
    if "token_command" in section and not (
        isinstance(command, list) and command and all(isinstance(word, str) and word for word in command)
    ):
        raise CommandError(
            f'{where}: token_command must be a list of strings, such as ["pass", "show", "snyk"]; no shell is used'
        )
    if not isinstance(section.get("token_snyk_cli", False), bool):
        raise CommandError(f"{where}: token_snyk_cli must be true or false")
    sources = [key for key in _SOURCES if section.get(key)]
    if len(sources) > 1:
        raise CommandError(f"{where}: give one of {' and '.join(sources)}")
    if "region" in section and "base_url" in section:
        raise CommandError(f"{where}: give one of region and base_url")
    values: dict[str, Any] = {**section, "token_command": tuple(command)}
    return Profile(name, **values)
