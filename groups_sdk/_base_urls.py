"""Regions, and the base URL of the API for whatever address of it somebody has at hand.

An address is checked strictly: the credentials are sent there.
"""

from __future__ import annotations

import enum
import re
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from groups_sdk._public import set_module
from groups_sdk._sources import Setting, brief, convert
from groups_sdk.errors import ConfigurationError

__all__ = ["REGIONS", "Region", "check_url", "normalise_base_url", "read_base_url", "read_region"]

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
_URL = re.compile(r"(?P<scheme>(?i:https?))://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]*\]|[^:\[\]]+)(?::(?P<port>[0-9]*))?")
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")

_SNYK_DOMAINS = ("snyk.io", "snykgov.io")
_API_PATHS = {"api", "hidden", "rest", "v1"}  # what paths of Snyk's APIs begin with
_WEB_PATHS = {"account", "group", "login", "manage", "org", "tenant"}  # and those of its web pages
_WEBSITES = {"docs", "learn", "security", "status", "support", "updates", "www"}  # hosts without an API


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
REGIONS: dict[str, Region] = {host: region for region, host in _HOSTS.items()}


def normalise_base_url(url: str, *, allow_http: bool = False) -> str:
    """The base URL of the REST API for any URL of a Snyk instance: lower-case scheme and host, `/rest` at the end.

    On Snyk's own hosts the address of a web page or of another API leads to the REST API of the same region. On other
    hosts `/v1`, `/rest` and slashes at the end are removed, and any other path is kept. A port is always kept. Plain
    http is only accepted for this machine (localhost, 127.0.0.0/8, ::1), unless `allow_http` is True.

    Raises `ConfigurationError` when the URL is not valid, or it is not clear which API it means; the message says why.

    Example:
        assert normalise_base_url("https://app.eu.snyk.io/api/v1/") == "https://api.eu.snyk.io/rest"
    """
    setting = Setting("base URL", url)
    del url
    return convert(setting, partial(read_base_url, allow_http=allow_http))


def read_region(name: str) -> Region:
    """The region of that name, in any case. Raises `ConfigurationError` that lists the regions."""
    try:
        return Region(name)
    except ValueError:
        raise ConfigurationError(
            f"{brief(name)} is not a region; choose one of {', '.join(Region)}"
        ) from None


def read_base_url(url: object, *, allow_http: bool) -> str:
    """What `normalise_base_url` does, for a URL whose source is known: errors do not name it."""
    scheme, host, port, path = check_url(url, allow_http=allow_http)
    is_snyk = f".{host}".endswith(tuple(f".{domain}" for domain in _SNYK_DOMAINS))
    host, path = (_snyk_api if is_snyk else _other_api)(host, path)
    return f"{scheme}://{host}{port}{path}"


def check_url(url: object, *, allow_http: bool) -> tuple[str, str, str, str]:
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


def _snyk_api(host: str, path: str) -> tuple[str, str]:
    """The host and path of the REST API for an address on one of Snyk's hosts."""
    first = next((segment for segment in path.split("/") if segment), None)
    label, _, domain = host.partition(".")
    paths = {None, *_API_PATHS}
    if label == "app":
        host, paths = f"api.{domain}", {first}  # whatever the page, it is one of that region
    elif (
        f"api.{host}" in REGIONS
    ):  # older addresses, such as https://snyk.io/api and https://eu.snyk.io/org/mine
        host, paths = f"api.{host}", paths | _WEB_PATHS
    if label in _WEBSITES or first not in paths:
        example = host if host in REGIONS else _HOSTS[Region.EU_01]
        raise ConfigurationError(
            f"it is not clear which API this address means; use a URL such as https://{example}/rest"
        )
    return host, "/rest"


def _other_api(host: str, path: str) -> tuple[str, str]:
    """The host and path of the REST API for an address on any other host."""
    segments = path.split("/")
    while segments and segments[-1] in ("", "v1", "rest"):
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


set_module("groups_sdk", globals(), ["Region"])
