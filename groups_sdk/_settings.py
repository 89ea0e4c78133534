"""Token, region, base URL and API version, from arguments, environment variables and the Snyk CLI's config file.

    token       token argument, SNYK_OAUTH_TOKEN, SNYK_TOKEN, "api" in the config file
    base URL    base_url or region argument, SNYK_API, "endpoint" in the config file, the region encoded in a
                personal access token, SNYK-US-01

For each setting the first source that is set wins, even when a personal access token belongs to another region. The
config file is `configstore/snyk.json` in `$XDG_CONFIG_HOME` or `~/.config`. It is only read when no earlier source in
the row is set.

Text that may contain a secret is passed around as `_Setting`, so that neither an error nor a traceback with locals
shows it.
"""

from __future__ import annotations

import base64
import enum
import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import urlsplit

import attrs

from groups_sdk._credentials import ApiToken, BearerToken, Credentials, OAuthClientCredentials
from groups_sdk._public import set_module
from groups_sdk.errors import ConfigurationError

__all__ = ["DEFAULT_API_VERSION", "Region", "Settings", "check_api_version", "normalise_base_url", "resolve"]

_T = TypeVar("_T")

DEFAULT_API_VERSION = "2025-11-05"

_STAGE = "(?:wip|work-in-progress|experimental|beta)"
_API_VERSION = re.compile(rf"{_STAGE}|[0-9]{{4}}-[01][0-9]-(?:0[1-9]|[12][0-9]|3[01])(?:~{_STAGE})?")

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_URL = re.compile(r"(?P<scheme>(?i:https?))://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]*\]|[^:\[\]]+)(?::(?P<port>[0-9]*))?")
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_SNYK_DOMAINS = ("snyk.io", "snykgov.io")


class Region(enum.StrEnum):
    """The Snyk region that an account belongs to. `Region("snyk-eu-01")` looks a region up by name, in any case.

    Example:
        assert Region("snyk-eu-01").base_url == "https://api.eu.snyk.io/rest"
    """

    US_01 = "SNYK-US-01"
    US_02 = "SNYK-US-02"
    EU_01 = "SNYK-EU-01"
    AU_01 = "SNYK-AU-01"
    GOV_01 = "SNYK-GOV-01"

    @property
    def base_url(self) -> str:
        """The base URL of the region's REST API, without a trailing slash."""
        return f"https://{_HOSTS[self]}/rest"

    @classmethod
    def _missing_(cls, value: object) -> Region | None:
        name = value.upper() if isinstance(value, str) else None
        return next((region for region in cls if region.value == name), None)


_HOSTS = {
    Region.US_01: "api.snyk.io",
    Region.US_02: "api.us.snyk.io",
    Region.EU_01: "api.eu.snyk.io",
    Region.AU_01: "api.au.snyk.io",
    Region.GOV_01: "api.snykgov.io",
}
_REGIONS = {host: region for region, host in _HOSTS.items()}


@attrs.frozen
class Settings:
    """What a client needs to know about the API: credentials, base URL (it ends in `/rest`) and API version."""

    credentials: Credentials
    base_url: str
    api_version: str


@attrs.frozen
class _Setting:
    """The text of a setting, which may contain a secret, and the source that it comes from."""

    source: str
    text: str = attrs.field(repr=False)


def _setting(source: str, text: str | None) -> _Setting | None:
    return None if text is None else _Setting(source, text)


def _convert(setting: _Setting, conversion: Callable[[str], _T]) -> _T:
    """Convert the text. An error is raised again with the source's name, and without the frames that hold the text."""
    try:
        return conversion(setting.text)
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"{setting.source}: {problem}")


def resolve(
    token: str | Credentials | None = None,
    region: Region | str | None = None,
    base_url: str | None = None,
    api_version: str = DEFAULT_API_VERSION,
    *,
    allow_http: bool = False,
    environ: Mapping[str, str] | None = None,
    config_path: Path | None = None,
) -> Settings:
    """The settings for a client; the module's docstring lists the sources in the order in which they are used.

    A `token` that is a string is an API token or a personal access token, and so is SNYK_TOKEN. SNYK_OAUTH_TOKEN is an
    OAuth2 access token and takes precedence, as in the Snyk CLI. Give `region` or `base_url`, not both. `allow_http`
    permits plain http to other machines, which sends the token unencrypted. `environ` and `config_path` replace the
    environment of the process and the path of the config file.

    Raises `ConfigurationError` when there is no token, or when a setting is not valid.

    Example:
        settings = resolve("11111111-2222-3333-4444-555555555555", region="SNYK-EU-01")
        assert settings.base_url == "https://api.eu.snyk.io/rest"
    """
    given = token if isinstance(token, Credentials) else _setting("token argument", token)
    given_region = _setting("region", region)
    given_url = _setting("base_url", base_url)
    environment = _Environment(os.environ if environ is None else environ)
    del token, region, base_url, environ  # so that a traceback with locals shows no secret
    config = _CliConfig(environment, config_path)
    normalise = partial(_normalise, allow_http=allow_http)

    version = check_api_version(api_version)
    if given_url and given_region:
        raise ConfigurationError("give either region or base_url, not both")
    credentials = given if isinstance(given, Credentials) else _find_credentials(given, environment, config)
    if given_url:
        url = _convert(given_url, normalise)
    elif given_region:
        url = _convert(given_region, _region_named).base_url
    elif configured := environment.get("SNYK_API") or config.get("endpoint"):
        url = _convert(configured, normalise)
    else:
        url = (_own_region(credentials) or Region.US_01).base_url

    if isinstance(credentials, OAuthClientCredentials) and credentials.token_url is not None:
        _convert(_Setting("token_url", credentials.token_url), partial(_read_url, allow_http=allow_http))
    if isinstance(credentials, ApiToken) and urlsplit(url).hostname == _HOSTS[Region.GOV_01]:
        raise ConfigurationError(
            f"{Region.GOV_01} accepts OAuth only, no API tokens: "
            "pass a BearerToken or OAuthClientCredentials, or set SNYK_OAUTH_TOKEN"
        )
    return Settings(credentials=credentials, base_url=url, api_version=version)


def check_api_version(version: str) -> str:
    """The version itself, when it has a valid form: a date, a date with a stage, or a stage alone.

    Raises `ConfigurationError` for anything else; the message says what is valid.

    Example:
        assert check_api_version("2024-10-15~beta") == "2024-10-15~beta"
    """
    if not _matches(_API_VERSION, version):
        raise ConfigurationError(
            f"api_version: {_brief(version)} is not valid; use a date such as {DEFAULT_API_VERSION}, a date with a "
            f"stage such as {DEFAULT_API_VERSION}~beta, or a stage (wip, work-in-progress, experimental, beta)"
        )
    return version


def normalise_base_url(url: str, *, allow_http: bool = False) -> str:
    """The base URL of the REST API for any URL of a Snyk instance: lower-case scheme and host, `/rest` at the end.

    `/v1`, `/rest` and slashes at the end are removed, and the host of Snyk's web pages (`app.eu.snyk.io`, with or
    without `/api`) is replaced with that of its API. A port and any other path are kept. Plain http is only accepted
    for this machine (localhost, 127.0.0.0/8, ::1), unless `allow_http` is True.

    Raises `ConfigurationError` when the URL is not valid; the message says why.

    Example:
        assert normalise_base_url("https://app.eu.snyk.io/api/v1/") == "https://api.eu.snyk.io/rest"
    """
    setting = _Setting("base URL", url)
    del url
    return _convert(setting, partial(_normalise, allow_http=allow_http))


class _Environment:
    """The environment variables. A blank variable counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> _Setting | None:
        text = self._variables.get(name, "")
        return _Setting(name, text) if text.strip() else None


class _CliConfig:
    """The Snyk CLI's config file, which is read on first use. A missing file counts as empty."""

    def __init__(self, environment: _Environment, path: Path | None) -> None:
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

    def get(self, key: str) -> _Setting | None:
        value = self._members.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            return _Setting(f"{key!r} in {self.path}", value) if value.strip() else None
        kind = type(value).__name__
        del value
        raise ConfigurationError(f"{key!r} in {self.path}: must be a string, not {kind}")

    @cached_property
    def _members(self) -> Mapping[str, object]:
        found = _read_object(self.path)
        if isinstance(found, str):
            raise ConfigurationError(
                f"{self.path}: {found}; repair it, or set both a token (token argument, SNYK_TOKEN) "
                "and a region or base URL (region or base_url argument, SNYK_API), so that it is not read"
            )
        return found


def _read_object(path: Path | None) -> dict[str, object] | str:
    """The JSON object in a file, empty when there is no file; or the text of what is wrong with the file."""
    if path is None:
        return {}
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or 'not a path'})"
    members = _json_object(content)
    return "is not a JSON object" if members is None else members


def _json_object(content: bytes) -> dict[str, object] | None:
    try:
        document: object = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", document) if isinstance(document, dict) else None


def _find_credentials(given: _Setting | None, environment: _Environment, config: _CliConfig) -> Credentials:
    if given:
        return _convert(given, ApiToken)
    if bearer := environment.get("SNYK_OAUTH_TOKEN"):
        return _convert(bearer, BearerToken)
    if found := environment.get("SNYK_TOKEN") or config.get("api"):
        return _convert(found, ApiToken)
    raise ConfigurationError(
        "no token: pass the token argument, set SNYK_TOKEN or SNYK_OAUTH_TOKEN, or configure the Snyk CLI; "
        f"there is no 'api' in {config.path or 'its config file, since there is no home directory'}"
    )


def _region_named(name: str) -> Region:
    try:
        return Region(name)
    except ValueError:
        raise ConfigurationError(
            f"{_brief(name)} is not a region; choose one of {', '.join(Region)}"
        ) from None


def _own_region(credentials: Credentials) -> Region | None:
    """The region that is encoded in a personal access token; None for other tokens and unknown hosts."""
    if not isinstance(credentials, ApiToken):
        return None
    kind, *parts = credentials.secrets()[0].split(".")
    if kind not in ("snyk_uat", "snyk_sat") or len(parts) != 3:
        return None
    # The host is in the part before the last, but some descriptions put it last. The other of the two is a
    # signature, which is never a JSON object, so that looking at both is safe.
    hosts = (_host_in(part) for part in parts[1:])
    return next((_REGIONS[host] for host in hosts if host in _REGIONS), None)


def _host_in(part: str) -> str | None:
    try:
        content = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    host = (_json_object(content) or {}).get("h")
    return host.lower() if isinstance(host, str) else None


def _normalise(url: object, *, allow_http: bool) -> str:
    scheme, host, port, path = _read_url(url, allow_http=allow_http)
    host, path = _rest_api(host, path)
    return f"{scheme}://{host}{port}{path}"


def _read_url(url: object, *, allow_http: bool) -> tuple[str, str, str, str]:
    """The scheme, host, port with its colon, and path of a URL that is safe to send secrets to."""
    if not isinstance(url, str):
        raise ConfigurationError(f"must be a string, not {type(url).__name__}")
    if not _URL_CHARACTERS.fullmatch(url):
        raise ConfigurationError("contains whitespace or another character that must be percent-encoded")
    parts = _URL.fullmatch(url)
    if not parts:
        raise ConfigurationError("must begin with https://")
    if "@" in parts["authority"]:
        raise ConfigurationError("must not contain a user name or password")
    if parts["rest"]:
        raise ConfigurationError("must not contain a query or fragment")
    if not parts["authority"].partition(":")[0]:
        raise ConfigurationError("has no host")
    authority = _AUTHORITY.fullmatch(parts["authority"].lower())
    if not authority:
        raise ConfigurationError("has a malformed host or port")
    scheme, host, port = parts["scheme"].lower(), authority["host"], authority["port"]
    if port and not (len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ConfigurationError("has a port outside 1 to 65535")
    host, is_loopback = _read_host(host)
    if scheme == "http" and not (is_loopback or allow_http):
        raise ConfigurationError(
            "plain http would send the token unencrypted to another machine; use https://"
        )
    return scheme, host, f":{int(port)}" if port else "", parts["path"]


def _rest_api(host: str, path: str) -> tuple[str, str]:
    """The host and path of the REST API for another address of the same Snyk instance."""
    endings = ["", "v1", "rest"]
    if f".{host}".endswith(tuple(f".{domain}" for domain in _SNYK_DOMAINS)):
        endings.append("api")  # older addresses: https://snyk.io/api, https://app.eu.snyk.io/api
        if host in _SNYK_DOMAINS:
            host = f"api.{host}"
        elif host.startswith("app."):
            host = f"api.{host.removeprefix('app.')}"
    segments = path.split("/")
    while segments and segments[-1] in endings:
        segments.pop()
    return host, "/".join([*segments, "rest"]) if segments else "/rest"


def _read_host(host: str) -> tuple[str, bool]:
    """The host, given in lower case, in its normal spelling, and whether it is this machine."""
    try:
        if host.startswith("["):
            address = IPv6Address(host[1:-1])
            return f"[{address}]", address == IPv6Address("::1")
        if host.rpartition(".")[2].isdigit():
            return host, IPv4Address(host).is_loopback
    except ValueError:
        raise ConfigurationError("has a malformed IP address as its host") from None
    if len(host) > 253 or not _HOST_NAME.fullmatch(host):
        raise ConfigurationError("has a malformed host")
    return host, f".{host}".endswith(".localhost")


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _brief(value: object) -> str:
    """The value for an error message, unless it is long enough to be a token that was passed by mistake."""
    text = repr(value)
    return text if len(text) <= 20 else "this value"


set_module("groups_sdk", globals(), ["Region"])
