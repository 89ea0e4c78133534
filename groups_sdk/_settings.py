"""The settings of a client, from arguments, environment variables, the Snyk CLI's file, and the token itself.

    credentials    token argument; SNYK_OAUTH_CLIENT_ID with SNYK_OAUTH_CLIENT_SECRET; SNYK_OAUTH_TOKEN; SNYK_TOKEN;
                   SNYK_CFG_API; "api" in the file; where asked for, the login of `snyk auth` in the file
    base URL       base_url or region argument; SNYK_API; SNYK_CFG_ENDPOINT; "endpoint" in the file; the host that is
                   named in the token; SNYK-US-01

For each of the two the first source that is set wins. The file is read only when no earlier source in the row is set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import attrs

from groups_sdk._base_urls import REGIONS, Region, check_url, read_base_url, read_region
from groups_sdk._credentials import (
    ApiToken,
    BearerToken,
    Credentials,
    OAuthClientCredentials,
    SnykCliCredentials,
    read_token,
)
from groups_sdk._snyk_cli import CliFile
from groups_sdk._sources import Environment, Setting, brief, convert
from groups_sdk._tokens import jwt_hosts, personal_hosts
from groups_sdk.errors import ConfigurationError

__all__ = ["DEFAULT_API_VERSION", "Settings", "check_api_version", "resolve"]

DEFAULT_API_VERSION = "2025-11-05"

_STAGE = "(?:wip|work-in-progress|experimental|beta)"
_API_VERSION = re.compile(rf"{_STAGE}|[0-9]{{4}}-[01][0-9]-(?:0[1-9]|[12][0-9]|3[01])(?:~{_STAGE})?")
_SHOWABLE_HOST = re.compile(r"[a-z0-9.-]{1,100}")

_CLIENT_ID, _CLIENT_SECRET = "SNYK_OAUTH_CLIENT_ID", "SNYK_OAUTH_CLIENT_SECRET"


@attrs.frozen
class Settings:
    """What a client needs to know about the API: credentials, base URL (it ends in `/rest`) and API version.

    `credentials_source` and `base_url_source` say in words where the two come from, such as "SNYK_TOKEN" and "region
    argument". No secret is in them.
    """

    credentials: Credentials
    base_url: str
    api_version: str
    credentials_source: str
    base_url_source: str


def resolve(
    token: str | Credentials | None = None,
    region: Region | str | None = None,
    base_url: str | None = None,
    api_version: str = DEFAULT_API_VERSION,
    *,
    allow_http: bool = False,
    snyk_cli_login: bool = False,
    environ: Mapping[str, str] | None = None,
    config_path: Path | None = None,
) -> Settings:
    """The settings for a client; the module's docstring lists the sources in the order in which they are used.

    A `token` that is a string is an API token, a personal access token, or a JWT, which is sent as an OAuth access
    token; so are SNYK_TOKEN and the Snyk CLI's `api`. SNYK_OAUTH_TOKEN is an OAuth access token whatever it looks like.
    Give `region` or `base_url`, not both. `allow_http` permits plain http to other machines, which sends the token
    unencrypted. `snyk_cli_login` allows the login of `snyk auth` as the last source: for tools that a person runs.
    `environ` and `config_path` replace the environment of the process and the path of the Snyk CLI's file.

    Raises `ConfigurationError` when there is no token, or when a setting is not valid.

    Example:
        settings = resolve("11111111-2222-3333-4444-555555555555", region="SNYK-EU-01")
        assert settings.base_url == "https://api.eu.snyk.io/rest"
    """
    given = token if isinstance(token, Credentials) else _argument("token argument", token)
    given_region = _argument("region argument", region)
    given_url = _argument("base_url argument", base_url)
    environment = Environment(os.environ if environ is None else environ)
    del token, region, base_url, environ  # so that a traceback with locals shows no secret
    file = CliFile(environment, config_path)

    version = check_api_version(api_version)
    if given_url and given_region:
        raise ConfigurationError("Give region or base_url, not both.")
    if isinstance(given, Credentials):
        credentials, source = given, "token argument"
    else:
        credentials, source = _find_credentials(given, environment, file, snyk_cli_login)
    if given_region:
        url, url_source = convert(given_region, read_region).base_url, given_region.source
    elif address := given_url or _configured_url(environment, file):
        url, url_source = convert(address, partial(read_base_url, allow_http=allow_http)), address.source
    elif own := _own_region(credentials, source):
        url, url_source = own.base_url, f"the {credentials.kind}"
    else:
        url, url_source = Region.US_01.base_url, "default"

    if isinstance(credentials, OAuthClientCredentials) and credentials.token_url is not None:
        convert(Setting("token_url", credentials.token_url), partial(check_url, allow_http=allow_http))
    if isinstance(credentials, ApiToken) and REGIONS.get(urlsplit(url).hostname or "") is Region.GOV_01:
        raise ConfigurationError(
            f"{source}: {Region.GOV_01} accepts OAuth only, no API tokens. Pass OAuthClientCredentials or a "
            f"BearerToken, or set {_CLIENT_ID} and {_CLIENT_SECRET}, or SNYK_OAUTH_TOKEN."
        )
    return Settings(credentials, url, version, source, url_source)


def check_api_version(version: str) -> str:
    """The version itself, when it has a valid form: a date, a date with a stage, or a stage alone.

    Raises `ConfigurationError` for anything else; the message says what is valid.

    Example:
        assert check_api_version("2024-10-15~beta") == "2024-10-15~beta"
    """
    if not isinstance(version, str) or not _API_VERSION.fullmatch(version):
        raise ConfigurationError(
            f"api_version: {brief(version)} is not valid; use a date such as {DEFAULT_API_VERSION}, a date with a "
            f"stage such as {DEFAULT_API_VERSION}~beta, or a stage (wip, work-in-progress, experimental, beta)"
        )
    return version


def _argument(source: str, text: str | None) -> Setting | None:
    return None if text is None else Setting(source, text)


def _find_credentials(
    given: Setting | None, environment: Environment, file: CliFile, snyk_cli_login: bool
) -> tuple[Credentials, str]:
    """The credentials from the first source that is set, and that source."""
    if given:
        return convert(given, read_token), given.source
    if found := _client_credentials(environment):
        return found, f"{_CLIENT_ID} and {_CLIENT_SECRET}"
    if bearer := environment.get("SNYK_OAUTH_TOKEN"):
        return convert(bearer, BearerToken), bearer.source
    if text := environment.get("SNYK_TOKEN") or environment.get("SNYK_CFG_API") or file.get("api"):
        return convert(text, read_token), text.source
    if snyk_cli_login and file.has_login:
        return SnykCliCredentials(file.path), f"the login of `snyk auth` in {file}"
    advice = "Pass token=, or set SNYK_TOKEN, or log in with the Snyk CLI."
    unused = " (its login of `snyk auth` is only used when you pass SnykCliCredentials())"
    if snyk_cli_login:
        advice = "Set SNYK_TOKEN, or run `snyk auth`."
    raise ConfigurationError(
        f"No token found. {advice} Looked in: {_CLIENT_ID}, SNYK_OAUTH_TOKEN, SNYK_TOKEN, SNYK_CFG_API, "
        f"{file}{unused if file.has_login else ''}"
    )


def _client_credentials(environment: Environment) -> OAuthClientCredentials | None:
    client_id, secret = environment.get(_CLIENT_ID), environment.get(_CLIENT_SECRET)
    if client_id is None and secret is None:
        return None
    if client_id is None or secret is None:
        there, missing = (_CLIENT_SECRET, _CLIENT_ID) if secret else (_CLIENT_ID, _CLIENT_SECRET)
        raise ConfigurationError(f"{there} is set, but {missing} is not. Set both, or neither.")
    try:
        return OAuthClientCredentials(client_id.text, secret.text)
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"{_CLIENT_ID} and {_CLIENT_SECRET}: {problem}")


def _configured_url(environment: Environment, file: CliFile) -> Setting | None:
    return environment.get("SNYK_API") or environment.get("SNYK_CFG_ENDPOINT") or file.get("endpoint")


def _own_region(credentials: Credentials, source: str) -> Region | None:
    """The region of the host that is named in a token; None when none is.

    Raises `ConfigurationError` when that host is not known: the token must not go to another one by default.
    """
    match credentials:
        case ApiToken():
            hosts = personal_hosts(credentials.secrets()[0])
        case BearerToken() | SnykCliCredentials():
            hosts = jwt_hosts(credentials.secrets()[0])
        case _:
            return None
    known = [REGIONS[host] for host in hosts if host in REGIONS]
    if known or not hosts:
        return known[0] if known else None
    host = hosts[0] if _SHOWABLE_HOST.fullmatch(hosts[0]) else "a host"
    raise ConfigurationError(
        f"{source}: the {credentials.kind} was issued for {host}, which is not a known host of Snyk's API. "
        "If you trust it, give the address of its API as base_url or in SNYK_API, such as https://api.example.com/rest"
    )
