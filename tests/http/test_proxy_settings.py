"""Which proxy a setting names, which hosts it is not for, and what is said of a setting that is wrong."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from groups_sdk import AsyncGroupsClient, ConfigurationError, GroupsClient, OAuthClientCredentials
from groups_sdk._http.environment import Setting
from groups_sdk._http.proxies import ProxyServer, environment_proxy, is_excluded, read_proxy
from groups_sdk.testing import FakeSnyk

API = httpx.URL("https://api.example/rest")
PASSWORD = "pa55-w0rd"

IN_LOWER_CASE_ONLY = pytest.mark.skipif(os.name == "nt", reason="variables of Windows have no case")


@pytest.fixture(autouse=True)
def httpcore(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that can do SOCKS, whichever is installed."""
    monkeypatch.setattr("importlib.metadata.version", {"httpcore": "1.0.3"}.__getitem__)


def shown(error: BaseException) -> str:
    """All that an error could tell, with the locals of each frame but the test's own."""
    assert error.__traceback__ is not None
    error = error.with_traceback(error.__traceback__.tb_next)
    whole = traceback.TracebackException.from_exception(error, capture_locals=True).format()
    return "".join([repr(error), *whole])


def refusal(make: Callable[..., object] = AsyncGroupsClient, **options: Any) -> str:
    """What is said of settings with a password in them, which is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        make(**{"token": "t0ken-s3cret", "base_url": str(API), **options})
    text = shown(caught.value)
    assert PASSWORD not in text
    assert "t0ken-s3cret" not in text
    return str(caught.value)


# The URL of a proxy


@pytest.mark.parametrize(
    ("text", "url", "credentials"),
    [
        ("http://proxy.example:8080", "http://proxy.example:8080", None),
        ("proxy.example:8080", "http://proxy.example:8080", None),
        (" HTTP://proxy.example:8080/ ", "http://proxy.example:8080", None),
        ("https://proxy.example", "https://proxy.example", None),
        ("http://proxy.example:/some/path", "http://proxy.example", None),
        ("http://[fd07::1]:8080", "http://[fd07::1]:8080", None),
        ("socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080", None),
        ("socks5h://ada:pw@127.0.0.1", "socks5h://127.0.0.1", ("ada", "pw")),
        ("http://ada:a%23b%40%C3%A9@proxy.example", "http://proxy.example", ("ada", "a#b@é")),
        ("http://corp\\ada:a:b@proxy.example", "http://proxy.example", ("corp\\ada", "a:b")),
        ("ada@proxy.example", "http://proxy.example", ("ada", "")),
        ("http://:pw@proxy.example", "http://proxy.example", ("", "pw")),
        ("http://@proxy.example", "http://proxy.example", None),
    ],
)
def test_urls_that_name_a_proxy(text: str, url: str, credentials: tuple[str, str] | None) -> None:
    assert read_proxy(Setting("HTTPS_PROXY", text)) == ProxyServer(url, "HTTPS_PROXY", credentials)


WRONG = {
    f"http://ada:{PASSWORD}#1@proxy.example:8080": "percent-encoded",
    f"http://ada:{PASSWORD}/1@proxy.example:8080": "percent-encoded",
    f"http://ada:{PASSWORD}?1@proxy.example:8080": "percent-encoded",
    f"http://ada:{PASSWORD}@1@proxy.example:8080": "percent-encoded",
    f"http://ada:{PASSWORD}%zz@proxy.example:8080": "percent-encoded",
    f"http://ada:{PASSWORD} 1@proxy.example:8080": "percent-encoded",
    f"ada:{PASSWORD}://@proxy.example:8080": "must begin with http://",
    f"http://ada:{PASSWORD}://@proxy.example:8080": "percent-encoded",
    f"http://ada:{PASSWORD}%ff@proxy.example:8080": "its host, user name or password is not valid",
    f"http://ada:{PASSWORD}": "malformed host or port",
    f"http://ada:{PASSWORD}@": "has no host",
    f"http://ada:{PASSWORD}@proxy.example:99999": "malformed host or port",
    f"http://ada:{PASSWORD}@proxy.example:0": "malformed host or port",
    f"http://ada:{PASSWORD}@proxy.example:http": "malformed host or port",
    f"http://ada:{PASSWORD}@proxy.example#1": "malformed host or port",
    f"http://ada:{PASSWORD}@[proxy]:1": "malformed host or port",
    f"http://ada:{PASSWORD}@999.1.1.1": "its host, user name or password is not valid in a URL",
    f"http://ada:{PASSWORD}@xn--a-ecp.ru": "its host, user name or password is not valid in a URL",
    f"socks4://ada:{PASSWORD}@proxy.example": "socks4:// is not supported; use socks5:// or http://",
    f"socks4a://ada:{PASSWORD}@proxy.example": "socks4a:// is not supported",
    f"socks://ada:{PASSWORD}@proxy.example": "socks:// is not supported",
    f"ftp://ada:{PASSWORD}@proxy.example": "must begin with http://, https://, socks5:// or socks5h://",
    f"socks5://ada:{PASSWORD}{'x' * 250}@proxy.example": "at most 255 bytes",
}


@pytest.mark.parametrize("text", WRONG)
def test_urls_that_name_no_proxy(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WRONG[text] in (said := refusal(proxy=text))
    assert said.startswith("proxy: ")
    assert refusal(GroupsClient, proxy=text) == said
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, text)
        assert refusal() == said.replace("proxy: ", f"{name}: ", 1)
        monkeypatch.delenv(name)


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_value_in_quotation_marks(quote: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", f"{quote}http://ada:{PASSWORD}@proxy.example{quote}")
    assert refusal() == "https_proxy: the value is in quotation marks; remove them"
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", f"{quote}localhost,api.example{quote}")
    assert refusal() == "NO_PROXY: the value is in quotation marks; remove them"


def test_a_proxy_that_is_no_string() -> None:
    assert refusal(proxy=httpx.URL(f"http://ada:{PASSWORD}@a.example")) == "proxy: must be a string, not URL"


def test_a_token_that_is_wrong_beside_a_password() -> None:
    assert "token" in refusal(token="", proxy=f"http://ada:{PASSWORD}@a.example", cert=("a", "b", PASSWORD))


def test_without_its_extra_socks_is_refused_where_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", f"socks5://ada:{PASSWORD}@127.0.0.1:1080")
    assert refusal().startswith("ALL_PROXY: SOCKS needs the extra `socks`: pip install 'groups-sdk[socks]'")
    assert AsyncGroupsClient("t0ken", base_url="http://127.0.0.1:1").base_url == "http://127.0.0.1:1/rest"
    assert FakeSnyk().async_client().base_url == "http://localhost/rest"
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert AsyncGroupsClient("t0ken", base_url=str(API)).base_url == str(API)


def test_an_httpcore_that_is_too_old_for_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", {"httpcore": "1.0.2"}.__getitem__)
    assert refusal(proxy="socks5://127.0.0.1").startswith("proxy: SOCKS needs the extra `socks`")


# The environment


@pytest.mark.parametrize(
    ("variables", "source"),
    [
        ({}, None),
        ({"HTTP_PROXY": "a", "http_proxy": "a", "FTP_PROXY": "a"}, None),
        ({"HTTP_PROXY": "a", "REQUEST_METHOD": "GET"}, None),
        ({"HTTPS_PROXY": "a", "REQUEST_METHOD": "GET"}, "HTTPS_PROXY"),
        ({"ALL_PROXY": "a"}, "ALL_PROXY"),
        ({"ALL_PROXY": "a", "all_proxy": "b"}, "all_proxy"),
        ({"HTTPS_PROXY": "a", "all_proxy": "b"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a", "https_proxy": "b"}, "https_proxy"),
        ({"HTTPS_PROXY": "a", "https_proxy": " "}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a", "NO_PROXY": "other.example"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a", "NO_PROXY": "api.example"}, None),
        ({"HTTPS_PROXY": "a", "NO_PROXY": "api.example", "no_proxy": "other.example"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "socks4://a", "NO_PROXY": "*"}, None),
    ],
)
@IN_LOWER_CASE_ONLY
def test_the_variable_that_names_the_proxy(
    variables: dict[str, str], source: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groups_sdk._http.proxies.getproxies", dict[str, str])  # nothing of the system's own
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    proxy = environment_proxy(API)
    assert (proxy and proxy.source) == source
    assert environment_proxy(httpx.URL("http://api.example")) is None


def test_without_variables_the_settings_of_the_system_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "groups_sdk._http.proxies.getproxies", lambda: {"https": f"http://ada:{PASSWORD}@proxy:x"}
    )
    monkeypatch.setattr("groups_sdk._http.proxies.proxy_bypass", "api.example".__eq__)
    assert environment_proxy(API) is None
    assert refusal(base_url="https://other.example").startswith("the system's proxy settings: has no host")


def test_the_token_url_has_a_proxy_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", "api.example:443,login.example:8443")

    def routes(token_url: str) -> list[bool]:
        credentials = OAuthClientCredentials("id", "secret", token_url=token_url)
        network = AsyncGroupsClient(credentials, base_url=str(API))._caller.pool._network
        assert network is not None
        return [network.proxy_for(httpx.URL(url)) is not None for url in (str(API), token_url)]

    assert routes("https://login.example/token") == [False, True]
    assert routes("https://login.example:8443/token") == [False, False]
    assert routes("https://api.example:8443/token") == [False, True]
    monkeypatch.setenv("HTTPS_PROXY", "socks4://proxy.example")
    assert routes("https://api.example/token") == [False, False]
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
        routes("https://login.example/token")


@pytest.mark.anyio
async def test_a_port_that_needs_no_proxy_beside_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    monkeypatch.setenv("NO_PROXY", "api.example:8443")
    credentials = OAuthClientCredentials("id", "secret", token_url="https://api.example:8443/token")
    async with AsyncGroupsClient(credentials, base_url=str(API)) as client:
        http = client._caller.pool.bind().http
        used = [http._transport_for_url(httpx.URL(url)) for url in (API, "https://api.example:8443/token")]
    assert used[0] is not http._transport
    assert used[1] is http._transport


@pytest.mark.parametrize(
    ("url", "no_proxy", "excluded"),
    [
        ("https://api.example", "", False),
        ("https://api.example", "*", True),
        ("https://api.example", "localhost, *", True),
        ("https://api.example", "localhost,::1,[::1]", False),
        ("https://localhost", "localhost,::1,[::1]", True),
        ("https://[::1]", "localhost,::1", True),
        ("https://[::1]", "[::1]", True),
        ("https://[::1]", "[::1]:443", True),
        ("https://[::1]", "[::1]:8443", False),
        ("https://[::1]", "[::2]", False),
        ("https://[fd07::1:2]", "fd07::/64", True),
        ("https://[fd07::1:2]", "[fd07::]/64", True),
        ("https://[fd08::1]", "fd07::/64", False),
        ("https://[fd07::1]", "10.0.0.0/8,example", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.9.9.9/8", True),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3", "10.1.2.3:8443", False),
        ("https://10.1.2.3:8443", "10.1.2.3:8443", True),
        ("https://10.1.2.3", "10.0.0.0/99,fd07::/999,10.*,2.3", False),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://api.example", "10.0.0.0/8 fd07::/64", False),
        ("https://api.eu.example", "example", True),
        ("https://api.eu.example", ".example", True),
        ("https://api.eu.example", "*.EU.example.", True),
        ("https://eu.example", ".eu.example", True),
        ("https://api.notexample", "example", False),
        ("https://api.example", "pi.example,.,*.,api,api.example.com", False),
        ("https://api.example", "other \t api.example", True),
        ("https://API.example.", "api.example", True),
        ("https://api.example", "api.example:443", True),
        ("https://api.example:8443", "api.example", True),
        ("https://api.example:8443", "api.example:443", False),
        ("https://api.example", "api.example:https", False),
        ("https://api.example", "https://api.example/", True),
        ("https://api.example", "all://api.example", True),
        ("https://api.example", "http://api.example", False),
        ("https://xn--bcher-kva.example", "bücher.example", True),
        ("https://xn--bcher-kva.example", "xn--bcher-kva.example", True),
    ],
)
def test_hosts_that_need_no_proxy(url: str, no_proxy: str, excluded: bool) -> None:
    assert is_excluded(httpx.URL(url), no_proxy) is excluded


# The arguments


@pytest.mark.parametrize("handed_in", ["transport", "http_client"])
@pytest.mark.parametrize("name", ["proxy", "verify", "cert"])
def test_connections_that_are_handed_in_are_set_up_by_their_owner(handed_in: str, name: str) -> None:
    value = {"transport": FakeSnyk().transport(), "http_client": httpx.AsyncClient()}[handed_in]
    said = refusal(**{handed_in: value, name: "proxy.pem"})
    assert said.startswith(f"{name}: these connections are made by the {handed_in}")


def test_a_proxy_may_not_read_what_is_not_encrypted_unless_that_is_said() -> None:
    options = {"base_url": "http://localhost:8000", "proxy": f"http://ada:{PASSWORD}@proxy.example"}
    assert "the proxy would read the token" in refusal(**options)
    credentials = OAuthClientCredentials("id", "secret", token_url="http://localhost:8000/token")
    assert "the proxy would read the token" in refusal(
        **{**options, "base_url": str(API), "token": credentials}
    )
    client = AsyncGroupsClient("t0ken", **options, allow_http=True)
    assert PASSWORD not in repr(vars(client._caller.pool))


def test_an_empty_proxy_is_none_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks4://proxy.example")
    network = AsyncGroupsClient("t0ken", base_url=str(API), proxy="")._caller.pool._network
    assert network is not None
    assert network.proxy_for(API) is None


def test_a_proxy_shows_nobody_its_password() -> None:
    proxy = read_proxy(Setting("proxy", f"socks5://ada-l:{PASSWORD}@127.0.0.1:1080"))
    handed_on = proxy.for_httpx(httpx.create_ssl_context())
    assert handed_on.raw_auth == (b"ada-l", PASSWORD.encode())
    for text in (repr(proxy), str(proxy), repr(handed_on.raw_auth)):
        assert "ada-l" not in text
        assert PASSWORD not in text
    assert read_proxy(Setting("proxy", "http://a")).for_httpx(httpx.create_ssl_context()).raw_auth is None
