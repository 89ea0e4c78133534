"""The proxy for a host, from the `proxy` argument or from the environment, whose variables are read as curl does.

Plain http never goes through a proxy of the environment: it would read what is not encrypted.
"""

from __future__ import annotations

import base64
import re
import ssl
from ipaddress import ip_address, ip_network
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import attrs

from groups_sdk._http.environment import Setting, variable
from groups_sdk._http.library import URL, InvalidURL, Proxy
from groups_sdk.errors import ConfigurationError

__all__ = ["ProxyServer", "environment_proxy", "is_excluded", "read_proxy"]

_SCHEMES = ("http", "https", "socks5", "socks5h")
_MUST_BE_ENCODED = re.compile(r"[/?#@\[\]\s\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")
_ADDRESS = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/?#\[\]\\\x00-\x1f\x7f]+)(?::(?P<port>[0-9]{0,5}))?(?:/.*)?"
)
_BRACKETS = re.compile(r"\[(?P<address>[^\]]*)\](?P<prefix>/[0-9]+)?(?::(?P<port>[0-9]+))?")


class _Hidden(bytes):
    """Part of a proxy's credentials. httpcore writes those for SOCKS into its debug log, with `repr`."""

    def __repr__(self) -> str:
        return "b'***'"


class _Proxy(Proxy):
    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        auth = super().raw_auth
        return auth and (_Hidden(auth[0]), _Hidden(auth[1]))


@attrs.frozen
class ProxyServer:
    """A proxy, without its user name and password, and the argument or variable that names it."""

    url: str
    source: str
    _credentials: tuple[str, str] | None = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        source = "the argument proxy" if self.source == "proxy" else self.source
        return f"the proxy {self.url} (from {source})"

    @property
    def scheme(self) -> str:
        return self.url.partition(":")[0]

    @property
    def has_credentials(self) -> bool:
        """Whether a user name and password are sent to it."""
        return self._credentials is not None

    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be logged or shown."""
        if self._credentials is None:
            return ()
        both = ":".join(self._credentials)
        encoded = base64.b64encode(both.encode()).decode()
        return tuple(text for text in (encoded, both, *self._credentials) if text)

    def for_httpx(self, tls: ssl.SSLContext) -> Proxy:
        """The same for a transport of httpx. `tls` is for the connection to a proxy that speaks https itself."""
        context = tls if self.scheme == "https" else None
        return _Proxy(self.url, auth=self._credentials, ssl_context=context)


def read_proxy(setting: Setting) -> ProxyServer:
    """The proxy that a URL names. Raises `ConfigurationError` when it cannot be used, without showing the URL."""
    found = _read(setting)
    if isinstance(found, str):
        raise ConfigurationError(f"{setting.source}: {found}")
    return found


def environment_proxy(url: URL) -> ProxyServer | None:
    """The proxy that the environment names for a URL; None when the connection goes straight to its host.

    https_proxy comes first, then all_proxy, each in lower case and then in upper case; without any of them, the
    settings of Windows or macOS count. HTTP_PROXY is for plain http, and so is never looked at. Raises
    `ConfigurationError` when the proxy is needed and cannot be used.
    """
    if url.scheme != "https":
        return None
    setting = variable("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    if setting is None:
        setting = _system_setting()
        if setting is None or proxy_bypass(url.host):
            return None
    excluded = variable("no_proxy", "NO_PROXY")
    if excluded is not None and is_excluded(url, excluded.text):
        return None
    return read_proxy(setting)


def _system_setting() -> Setting | None:
    text = getproxies().get("https")
    return Setting("the system's proxy settings", text) if text else None


def is_excluded(url: URL, no_proxy: str) -> bool:
    """Whether a host is in a list such as NO_PROXY has.

    Entries stand between commas or blanks: a host name, which covers the names below it too, with or without `.` or
    `*.` in front; an IP address, an IPv6 one in brackets or not; a network such as 10.0.0.0/8 or fd07::/64; `*` for
    all. A port may follow. What is none of these covers nothing.
    """
    names = {name.lower().rstrip(".") for name in (url.host, url.raw_host.decode("ascii"))}
    entries = re.split(r"[\s,]+", no_proxy.lower())
    return any(_covers(entry, name, url.port or 443) for entry in entries for name in names)


def _covers(entry: str, host: str, port: int) -> bool:
    scheme, separator, rest = entry.rpartition("://")
    if separator:
        if scheme not in ("https", "all"):
            return False
        entry = rest.partition("/")[0]
    if entry == "*":
        return True
    if match := _BRACKETS.fullmatch(entry):
        entry, own_port = match["address"] + (match["prefix"] or ""), match["port"]
    elif entry.count(":") == 1:
        entry, _, own_port = entry.partition(":")
    else:
        own_port = None
    if own_port is not None and own_port != str(port):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        name = entry.removeprefix("*").strip(".") if entry.startswith("*.") else entry.strip(".")
        return name != "" and f".{host}".endswith(f".{name}")
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:  # a host name
        return False


def _read(setting: Setting) -> ProxyServer | str:
    """The proxy, or what is wrong with its URL."""
    scheme, separator, rest = setting.text.strip().rpartition("://")
    scheme = scheme.lower() if separator else "http"
    if scheme in ("socks", "socks4", "socks4a"):
        return f"{scheme}:// is not supported; use socks5:// or http://"
    userinfo, _, address = rest.rpartition("@")
    if _MUST_BE_ENCODED.search(userinfo) or "@" in scheme or "/" in scheme:
        return (
            "its user name or password contains a character that must be percent-encoded: "
            "% as %25, # as %23, / as %2F, ? as %3F, @ as %40"
        )
    if scheme not in _SCHEMES:
        return "must begin with http://, https://, socks5:// or socks5h://"
    parts = _ADDRESS.fullmatch(address)
    if not parts or (parts["port"] and not 1 <= int(parts["port"]) <= 65535):
        return "has no host, or a malformed host or port; write it as http://proxy.example.com:8080"
    url = f"{scheme}://{parts['host']}" + (f":{parts['port']}" if parts["port"] else "")
    try:
        _ = URL(url).host
        user, _, password = (unquote(part, errors="strict") for part in userinfo.partition(":"))
    except (InvalidURL, ValueError):  # idna's error and that of characters that are not UTF-8
        return "its host, user name or password is not valid in a URL"
    if scheme.startswith("socks"):
        if not _can_use_socks():
            return (
                "SOCKS needs the extra `socks`: pip install 'groups-sdk[socks]'; or use a proxy with http://"
            )
        if max(len(user.encode()), len(password.encode())) > 255:
            return "a user name or password for SOCKS has at most 255 bytes"
    return ProxyServer(url, setting.source, (user, password) if user or password else None)


def _can_use_socks() -> bool:
    """Whether what the extra `socks` asks for is installed."""
    from importlib.metadata import version  # takes long to import
    from importlib.util import find_spec

    release = [int(number) for number in re.findall("[0-9]+", version("httpcore"))]
    return find_spec("socksio") is not None and release >= [1, 0, 3]
