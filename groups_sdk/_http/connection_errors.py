"""What went wrong with a connection, in words that say what to check; and whether another attempt could help."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator

from groups_sdk._http.library import (
    URL,
    ConnectError,
    HttpLibrary,
    NetworkError,
    ProxyError,
    RemoteProtocolError,
)
from groups_sdk._http.network import Network
from groups_sdk._http.proxies import ProxyServer
from groups_sdk._http.redaction import redact

__all__ = ["explain", "is_lasting"]

_WRONG_NAME = (62, 64)  # OpenSSL's codes for a host name and an IP address that the certificate is not for
_WRONG_TIME = (9, 10)  # not valid yet, expired
_ABOUT_OUR_CERTIFICATE = re.compile(r"ALERT_(.*CERTIFICATE.*|UNKNOWN_CA|ACCESS_DENIED)")
_WRONG_PASSWORD = ("407", "Invalid username/password", "Requested ")  # as httpcore says it: HTTP, then SOCKS


def explain(
    error: Exception, url: URL, network: Network | None, *, connected: bool, secrets: tuple[str, ...]
) -> str:
    """What an exception of the HTTP library says, without secrets, and what to check.

    `network` is None for connections that are not our own; then nothing is known of their proxy and TLS. `connected`
    is whether a connection was opened, be it only to the proxy.
    """
    proxy = None if network is None else network.proxy_for(url)
    said = next((text for link in _chain(error) if (text := str(link))), "")
    hidden = secrets + (proxy.secrets() if proxy else ())
    problem = _in_words(error) or redact(f"{type(error).__name__}: {said}".rstrip(": "), hidden)
    advice = _advice(error, url, network, proxy, connected) if network else ""
    return f"{problem} ({advice})" if advice else problem


def _in_words(error: Exception) -> str:
    """The two most frequent problems, which every system and event loop says differently; empty for others."""
    for link in _chain(error):
        if isinstance(link, socket.gaierror):
            return "name not found"
        # One for each address that the name has.
        attempts = link.exceptions if isinstance(link, BaseExceptionGroup) else (link,)
        if all(isinstance(attempt, ConnectionRefusedError) for attempt in attempts):
            return "connection refused"
    return ""


def is_lasting(error: Exception, library: HttpLibrary) -> bool:
    """Whether another attempt would fail in the same way: because of the request, a certificate or a password."""
    if isinstance(error, library.errors_of_the_request):
        return True
    if isinstance(error, library.ProxyError):
        return str(error).startswith(_WRONG_PASSWORD)
    failure = _tls_failure(error)
    return isinstance(failure, ssl.SSLCertVerificationError) or _is_about_ours(failure)


def _advice(error: Exception, url: URL, network: Network, proxy: ProxyServer | None, connected: bool) -> str:
    failure = _tls_failure(error)
    if isinstance(failure, ssl.SSLCertVerificationError):
        return _certificate_advice(failure, url, network, proxy)
    if _is_about_ours(failure):
        if network.tls.certificate_shown:
            return "the server does not accept the client certificate: check the files in cert="
        return "the server asks for a client certificate: pass it as cert="
    if failure is not None and (failure.reason or "").endswith("HANDSHAKE_FAILURE"):
        return (
            "the server and the client do not agree on TLS, perhaps because it asks for a client certificate"
        )
    if proxy is None:
        return _plain_advice(error, url, failure)
    if isinstance(error, ProxyError):
        if not str(error).startswith(_WRONG_PASSWORD):
            return f"{proxy} does not connect to {url.host}: check whether it is allowed to"
        if proxy.has_credentials:
            return f"{proxy} does not accept the user name and password in its URL: check them"
        return f"{proxy} asks for a user name and password: add them to its URL"
    if failure is not None and proxy.scheme == "https":
        return f"{proxy} may not speak TLS itself: then its URL begins with http://"
    if isinstance(error, ConnectError) and not connected:
        return f"{proxy} cannot be reached: check its address, and whether it is running"
    return f"the connection goes through {proxy}"


def _plain_advice(error: Exception, url: URL, failure: ssl.SSLError | None) -> str:
    """What to check where nothing is known but that the connection failed."""
    if any(isinstance(link, socket.gaierror) for link in _chain(error)):
        return f"check the name {url.host} in the base URL, the network, and whether a proxy is needed"
    if isinstance(error, ConnectError) and failure is None:
        return (
            f"check the base URL, and whether a firewall keeps {url.host} from answering or a proxy is needed"
        )
    if isinstance(error, NetworkError | RemoteProtocolError):
        return (
            "try again; when it happens often, check the network and what is on the way, such as a firewall"
        )
    return ""


def _certificate_advice(
    failure: ssl.SSLCertVerificationError, url: URL, network: Network, proxy: ProxyServer | None
) -> str:
    way = f", and {proxy}" if proxy else ""
    if failure.verify_code in _WRONG_NAME:
        return f"the certificate is not for {url.host}: check the base URL{way}"
    if failure.verify_code in _WRONG_TIME:
        return "the certificate has expired or is not valid yet: check the clock of this machine"
    return (
        f"the trusted certificate authorities are {network.tls.authorities}: check them{way}; "
        "if a proxy or firewall opens encrypted connections, pass the certificate of its authority as verify= "
        "or name its file in SSL_CERT_FILE"
    )


def _tls_failure(error: Exception) -> ssl.SSLError | None:
    return next((link for link in _chain(error) if isinstance(link, ssl.SSLError)), None)


def _is_about_ours(failure: ssl.SSLError | None) -> bool:
    """Whether the server says that it does not accept, or misses, the client's own certificate."""
    return failure is not None and bool(_ABOUT_OUR_CERTIFICATE.search(failure.reason or ""))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
