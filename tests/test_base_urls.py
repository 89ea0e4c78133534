"""Regions, and the base URL for whatever address of the API somebody has at hand."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.tracebacks import lines_with_locals

from groups_sdk import ConfigurationError, Region
from groups_sdk._base_urls import normalise_base_url

TOKEN = "7e5f1a1c-0000-4000-8000-5ec2e75ec2e7"
US_01 = "https://api.snyk.io/rest"
EU_01 = "https://api.eu.snyk.io/rest"


class TestRegion:
    @pytest.mark.parametrize(
        ("name", "base_url"),
        [
            ("SNYK-US-01", "https://api.snyk.io/rest"),
            ("SNYK-US-02", "https://api.us.snyk.io/rest"),
            ("SNYK-EU-01", "https://api.eu.snyk.io/rest"),
            ("SNYK-AU-01", "https://api.au.snyk.io/rest"),
            ("SNYK-GOV-01", "https://api.snykgov.io/rest"),
        ],
    )
    def test_is_found_by_name_in_any_case(self, name: str, base_url: str) -> None:
        assert Region(name) is Region(name.lower()) is Region(name.title())
        assert Region(name).base_url == base_url
        assert normalise_base_url(base_url) == base_url

    @pytest.mark.parametrize("name", ["", "EU", "SNYK-EU-01 ", "SNYK-EU-01\n", 7, None, []])
    def test_anything_else_is_no_region(self, name: Any) -> None:
        with pytest.raises(ValueError, match="is not a valid Region"):
            Region(name)


class TestNormaliseBaseUrl:
    @pytest.mark.parametrize(
        ("url", "normalised"),
        [
            ("https://api.snyk.io", US_01),
            ("https://api.snyk.io/", US_01),
            ("https://api.snyk.io//", US_01),
            ("https://api.snyk.io/v1", US_01),
            ("https://api.snyk.io/v1/", US_01),
            ("https://api.snyk.io/rest", US_01),
            ("https://api.snyk.io/rest//", US_01),
            ("https://api.snyk.io/rest/v1", US_01),
            ("https://api.snyk.io/api/v1", US_01),
            ("https://app.snyk.io", US_01),
            ("https://snyk.io/api/v1", US_01),
            ("HTTPS://App.EU.Snyk.IO/api", EU_01),
            ("https://app.us.snyk.io/v1", "https://api.us.snyk.io/rest"),
            ("https://app.snykgov.io", "https://api.snykgov.io/rest"),
            ("https://app.eu.snyk.io:8443/rest", "https://api.eu.snyk.io:8443/rest"),
            ("https://api.snyk.io:0443", "https://api.snyk.io:443/rest"),
            ("https://api.snyk.io:", US_01),
            ("https://tenant.snyk.io", "https://tenant.snyk.io/rest"),
            ("https://app.example.com", "https://app.example.com/rest"),
            ("https://app.notsnyk.io", "https://app.notsnyk.io/rest"),
            ("https://app.snyk.io.example.com", "https://app.snyk.io.example.com/rest"),
            ("https://Example.com/Gateway/snyk/v1/", "https://example.com/Gateway/snyk/rest"),
            ("https://example.com/api", "https://example.com/api/rest"),
            ("https://example.com/rested", "https://example.com/rested/rest"),
            ("https://example.com/a@b;c=%20", "https://example.com/a@b;c=%20/rest"),
            ("https://192.0.2.7:8443", "https://192.0.2.7:8443/rest"),
            ("https://[2001:DB8:0::1]:8443/rest", "https://[2001:db8::1]:8443/rest"),
        ],
    )
    def test_leads_to_the_rest_api(self, url: str, normalised: str) -> None:
        assert normalise_base_url(url) == normalised

    @pytest.mark.parametrize(
        ("url", "normalised"),
        [
            ("https://app.eu.snyk.io/org/mine/projects", EU_01),
            ("https://app.snyk.io/group/11111111-2222-3333-4444-555555555555/settings", US_01),
            ("https://app.snyk.io/invite/link/x", US_01),
            ("https://app.snykgov.io/org/x", "https://api.snykgov.io/rest"),
            ("https://app.tenant.snyk.io/org/x", "https://api.tenant.snyk.io/rest"),
            ("https://snyk.io/org/x", US_01),
            ("https://eu.snyk.io/api", EU_01),
            ("https://eu.snyk.io/api/v1/", EU_01),
            ("https://au.snyk.io/group/x", "https://api.au.snyk.io/rest"),
            ("https://us.snyk.io", "https://api.us.snyk.io/rest"),
            ("https://snykgov.io", "https://api.snykgov.io/rest"),
            ("https://api.eu.snyk.io/rest/groups", EU_01),
            ("https://api.eu.snyk.io/rest/groups/11111111-2222-3333-4444-555555555555/memberships", EU_01),
            ("https://api.eu.snyk.io/v1/org/x", EU_01),
            ("https://api.eu.snyk.io/hidden", EU_01),
            ("https://api.eu.snyk.io/hidden/groups", EU_01),
            ("https://api.eu.snyk.io//rest//", EU_01),
            ("https://api.tenant.snyk.io/rest/groups", "https://api.tenant.snyk.io/rest"),
            ("https://tenant.snyk.io/api/v1", "https://tenant.snyk.io/rest"),
        ],
    )
    def test_is_found_for_any_address_of_snyk(self, url: str, normalised: str) -> None:
        assert normalise_base_url(url) == normalised

    @pytest.mark.parametrize(
        ("url", "example"),
        [
            ("https://api.eu.snyk.io/org/mine", EU_01),
            ("https://api.snyk.io/gateway/rest", US_01),
            ("https://api.snyk.io/restful", US_01),
            ("https://api.snyk.io/REST", US_01),
            ("https://api.snyk.io/../rest", US_01),
            ("https://api.snyk.io/%72est", US_01),
            ("https://snyk.io/product", US_01),
            ("https://eu.snyk.io/blog", EU_01),
            ("https://www.snyk.io", EU_01),
            ("https://docs.snyk.io/rest", EU_01),
            ("https://tenant.snyk.io/org/mine", EU_01),
            ("https://api.tenant.snyk.io/org/mine", EU_01),
        ],
    )
    def test_is_not_guessed_for_an_address_of_snyk_that_is_not_clear(self, url: str, example: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            normalise_base_url(url)
        assert str(caught.value) == (
            f"base URL: it is not clear which API this address means; use a URL such as {example}"
        )

    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "LocalHost:8000",
            "fake.localhost",
            "127.0.0.1:80",
            "127.9.9.9",
            "[::1]",
            "[0:0::1]:8000",
        ],
    )
    def test_plain_http_is_for_this_machine(self, host: str) -> None:
        assert normalise_base_url(f"http://{host}").startswith("http://")

    @pytest.mark.parametrize(
        "host",
        [
            "api.snyk.io",
            "localhost.example.com",
            "notlocalhost",
            "128.0.0.1",
            "127.0.0.1.example.com",
            "0.0.0.0",
            "[::]",
            "[::2]",
            "[::ffff:192.0.2.1]",
        ],
    )
    def test_plain_http_to_another_machine_must_be_allowed(self, host: str) -> None:
        with pytest.raises(
            ConfigurationError, match=r"base URL: plain http would send the token unencrypted"
        ):
            normalise_base_url(f"http://{host}")
        assert normalise_base_url(f"http://{host}", allow_http=True).startswith("http://")

    @pytest.mark.parametrize(
        ("url", "why"),
        [
            ("", "must begin with https://"),
            ("api.snyk.io", "must begin with https://"),
            ("api.snyk.io:443", "must begin with https://"),
            ("//api.snyk.io", "must begin with https://"),
            ("https:/api.snyk.io", "must begin with https://"),
            ("ftp://api.snyk.io", "must begin with https://"),
            ("xhttps://api.snyk.io", "must begin with https://"),
            ("file:///etc/passwd", "must begin with https://"),
            ("https://", "no host"),
            ("https:///rest", "no host"),
            ("https://:443", "no host"),
            ("https://user@api.snyk.io", "user name or password"),
            ("https://user:pass@api.snyk.io", "user name or password"),
            ("https://@api.snyk.io", "user name or password"),
            ("https://api.snyk.io@example.com", "user name or password"),
            ("https://api.snyk.io/rest?version=1", "query or fragment"),
            ("https://api.snyk.io/rest?", "query or fragment"),
            ("https://api.snyk.io/#", "query or fragment"),
            ("https://api.snyk.io#@example.com", "query or fragment"),
            (" https://api.snyk.io", "whitespace"),
            ("https://api.snyk.io\n", "whitespace"),
            ("https://api.sn\tyk.io", "whitespace"),
            ("https://api.snyk.io/a b", "whitespace"),
            ("https://api.snyk.io\x00", "whitespace"),
            ("https://api.snyk.io\\@example.com", "must be percent-encoded"),
            ("https://\u0430pi.snyk.io", "must be percent-encoded"),
            ("https://api.snyk.io:port", "malformed host or port"),
            ("https://api.snyk.io:80:80", "malformed host or port"),
            ("https://api.snyk.io:-1", "malformed host or port"),
            ("https://::1", "no host"),
            ("https://[::1", "malformed host or port"),
            ("https://[::1]x", "malformed host or port"),
            ("https://[fe80::1%25eth0]", "malformed host or port"),
            ("https://api.snyk.io:0", "outside 1 to 65535"),
            ("https://api.snyk.io:65536", "outside 1 to 65535"),
            ("https://api.snyk.io:" + "9" * 5000, "outside 1 to 65535"),
            ("https://[]", "malformed IP address"),
            ("https://[1::2::3]", "malformed IP address"),
            ("https://127.1", "malformed IP address"),
            ("https://2130706433", "malformed IP address"),
            ("https://256.0.0.1", "malformed IP address"),
            ("https://api..snyk.io", "malformed host"),
            ("https://api.snyk.io.", "malformed host"),
            ("https://.snyk.io", "malformed host"),
            ("https://-api.snyk.io", "malformed host"),
            ("https://api%2esnyk.io", "malformed host"),
            ("https://" + "a" * 64 + ".io", "malformed host"),
            ("https://" + "a." * 127 + "io", "malformed host"),
            (None, "must be a string, not NoneType"),
            (b"https://api.snyk.io", "must be a string, not bytes"),
        ],
    )
    def test_anything_else_is_refused_with_the_reason(self, url: Any, why: str) -> None:
        with pytest.raises(ConfigurationError, match=f"^base URL: .*{why}"):
            normalise_base_url(url, allow_http=True)

    def test_a_refusal_shows_no_password(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            normalise_base_url(f"https://user:{TOKEN}@api.snyk.io")
        assert TOKEN not in lines_with_locals(caught.value)

    @given(
        url=st.one_of(
            st.text(),
            st.builds(
                "{}://{}{}{}".format,
                st.sampled_from(["http", "https", "HTTPS", "ftp", ""]),
                st.one_of(
                    st.sampled_from(["api.snyk.io", "app.EU.snyk.io", "snyk.io", "[::1]", "LOCALHOST"]),
                    st.from_regex(r"[a-zA-Z0-9._:\[\]@%-]{0,20}", fullmatch=True),
                    st.ip_addresses(v=4).map(str),
                    st.ip_addresses(v=6).map("[{}]".format),
                ),
                st.one_of(st.just(""), st.integers(-1, 70000).map(":{}".format)),
                st.lists(
                    st.sampled_from(["/", "/v1", "/rest", "/api", "/org", "/x", "/..", "?", "#", "%"])
                ).map("".join),
            ),
        ),
        allow_http=st.booleans(),
    )
    @example(url="https://api.snyk.io/rest/rest/v1//", allow_http=False)
    def test_gives_a_url_that_stays_as_it_is_or_says_no(self, url: str, allow_http: bool) -> None:
        try:
            normalised = normalise_base_url(url, allow_http=allow_http)
        except ConfigurationError:
            return
        assert normalise_base_url(normalised, allow_http=allow_http) == normalised
        assert normalised.endswith("/rest")
        parts, seen_by_httpx = urlsplit(normalised), httpx.URL(normalised)
        assert parts.scheme in ("https", "http")
        assert parts.hostname == seen_by_httpx.raw_host.decode()
        assert (parts.username, parts.query, parts.fragment, seen_by_httpx.userinfo) == (None, "", "", b"")
