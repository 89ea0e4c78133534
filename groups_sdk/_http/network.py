"""The way from a client to the hosts that it sends to: straight or through a proxy, and with whom it trusts."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from groups_sdk._http.environment import Setting
from groups_sdk._http.library import (
    URL,
    AsyncClient,
    AsyncHTTPTransport,
    InvalidURL,
    Limits,
    ProxyError,
    Request,
    Response,
)
from groups_sdk._http.proxies import ProxyServer, environment_proxy, read_proxy
from groups_sdk._http.tls import ClientCertificate, Tls, resolve_tls
from groups_sdk._settings import Settings
from groups_sdk.errors import ConfigurationError

__all__ = ["Network", "read_urls", "resolve_network"]


@attrs.frozen
class Network:
    """How connections are made: TLS, and the proxy for each origin, if any. A client and its copies share it."""

    tls: Tls
    _proxies: Mapping[str, ProxyServer | None]

    def proxy_for(self, url: URL) -> ProxyServer | None:
        """The proxy that requests to a URL go through; None where they go straight to its host."""
        return self._proxies.get(_origin(url))

    def connect(self, max_connections: int) -> AsyncClient:
        """A client of httpx that keeps up to `max_connections` connections open."""
        tls = self.tls.context()
        # Never contended: our own slots stand in front, since a contended httpcore pool does not survive
        # cancellation (https://github.com/encode/httpcore/issues/1093).
        limits = Limits(max_connections=None, max_keepalive_connections=max_connections)
        # Origins without a proxy are in it too: what httpx goes by matches the other ports of a host as well.
        through = {
            origin: _transport(proxy, self.tls, limits) if proxy else None
            for origin, proxy in self._proxies.items()
        }
        return AsyncClient(
            verify=tls,
            limits=limits,
            timeout=None,
            mounts=through,
            trust_env=False,  # it was read when the client was made
        )


def resolve_network(
    settings: Settings,
    proxy: Setting | None,
    verify: object,
    cert: ClientCertificate | None,
    *,
    allow_http: bool,
    handed_in: Mapping[str, object],
) -> Network | None:
    """What the arguments say, or else the environment, which is read here and never again.

    `handed_in` are the arguments that bring connections of their own: where there is one, the result is None, and no
    other argument may say how to connect. Raises `ConfigurationError` when a setting that is needed is not valid.
    """
    owner = next((name for name, value in handed_in.items() if value is not None), None)
    if owner is not None:
        given = {"proxy": proxy, "verify": verify, "cert": cert}
        if names := [name for name, value in given.items() if value is not None]:
            raise ConfigurationError(
                f"{' and '.join(names)}: these connections are made by the {owner}, so set it up with what you "
                f"need, such as httpx.AsyncClient(proxy=..., verify=...); or leave {owner} out"
            )
        return None
    urls = read_urls(settings)
    tls = resolve_tls(verify, cert, needed=any(url.scheme == "https" for url in urls))
    if proxy is None:
        return Network(tls, {_origin(url): environment_proxy(url) for url in urls})
    if proxy.text == "":
        return Network(tls, {})
    server = read_proxy(proxy)
    if not allow_http and any(url.scheme == "http" for url in urls):
        raise ConfigurationError(
            "proxy: with plain http, the proxy would read the token; use https://, or allow_http=True"
        )
    return Network(tls, dict.fromkeys(map(_origin, urls), server))


def read_urls(settings: Settings) -> list[URL]:
    """The URLs that requests go to: the base URL first. Raises `ConfigurationError` when there is no such host."""
    token_url = getattr(settings.credentials, "token_url", None)
    try:
        urls = [URL(url) for url in (settings.base_url, token_url) if url]
        for url in urls:
            _ = url.host
    except (InvalidURL, ValueError) as error:  # idna's error is a ValueError
        raise ConfigurationError(f"the host is not valid in a URL: {error}") from None
    return urls


def _origin(url: URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _transport(proxy: ProxyServer, tls: Tls, limits: Limits) -> AsyncHTTPTransport:
    kind = _SocksTransport if proxy.scheme.startswith("socks") else AsyncHTTPTransport
    return kind(
        verify=tls.context(), trust_env=False, limits=limits, proxy=proxy.for_httpx(tls.proxy_context())
    )


class _SocksTransport(AsyncHTTPTransport):
    """Through a SOCKS proxy. What is not SOCKS, httpcore's reader meets with exceptions that are not httpx's."""

    async def handle_async_request(self, request: Request) -> Response:
        from socksio.exceptions import SOCKSError

        try:
            return await super().handle_async_request(request)
        except (SOCKSError, AssertionError):
            problem = "its answer is not SOCKS"
        raise ProxyError(problem)
