"""Where each setting comes from, what it may be, and that no error shows a secret."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tokens import LOGIN_KEY, cli_login, jwt, pat, pat_of, write_cli_file
from support.tracebacks import lines_with_locals

from groups_sdk import GroupsClient
from groups_sdk._base_urls import Region
from groups_sdk._credentials import (
    ApiToken,
    BearerToken,
    Credentials,
    OAuthClientCredentials,
    SnykCliCredentials,
)
from groups_sdk._settings import DEFAULT_API_VERSION, Settings, check_api_version, resolve
from groups_sdk.errors import ConfigurationError

TOKEN = "7e5f1a1c-0000-4000-8000-5ec2e75ec2e7"
OTHER = "0d1ff0e2-0000-4000-8000-5ec2e75ec2e7"
US_01 = "https://api.snyk.io/rest"
EU_01 = "https://api.eu.snyk.io/rest"
EU_HOST = "api.eu.snyk.io"
HOME = "/nonexistent-home"


def secret(settings: Settings) -> tuple[type[Credentials], str]:
    return type(settings.credentials), settings.credentials.secrets()[0]


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    def write(content: object = None, *, raw: bytes | None = None) -> Path:
        path = tmp_path / "snyk.json"
        path.write_bytes(json.dumps(content).encode() if raw is None else raw)
        return path

    return write


@pytest.fixture
def no_file(tmp_path: Path) -> Path:
    return tmp_path / "absent.json"


class Forbidden(Mapping[str, str]):
    """An environment that nobody may look into."""

    def __getitem__(self, key: str) -> str:
        raise AssertionError(key)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def __len__(self) -> int:
        raise AssertionError


class TestApiVersion:
    @pytest.mark.parametrize(
        "version",
        [
            DEFAULT_API_VERSION,
            "2024-10-15~beta",
            "2024-10-15~wip",
            "2024-10-15~work-in-progress",
            "2024-10-31~experimental",
            "wip",
            "work-in-progress",
            "experimental",
            "beta",
        ],
    )
    def test_what_the_api_understands_passes_as_it_is(self, version: str) -> None:
        assert check_api_version(version) == version

    @pytest.mark.parametrize(
        "version",
        [
            "",
            "2025",
            "2025-11-5",
            "2025-11-05\n",
            " 2025-11-05",
            "2025-21-05",
            "2025-11-00",
            "2025-11-32",
            "2025-11-05~ga",
            "2025-11-05~",
            "2025-11-05beta",
            "BETA",
            "latest",
            "٢٠٢٥-11-05",
            None,
            20251105,
        ],
    )
    def test_anything_else_is_refused_and_the_choices_named(self, version: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"2025-11-05.*~beta"):
            check_api_version(version)

    def test_the_refusal_quotes_what_is_short_only(self) -> None:
        with pytest.raises(ConfigurationError, match="'2025-11-5' is not valid"):
            check_api_version("2025-11-5")
        with pytest.raises(ConfigurationError) as caught:
            check_api_version(TOKEN)
        assert TOKEN[:8] not in str(caught.value)


class TestToken:
    @pytest.mark.parametrize(
        ("argument", "environ", "content", "expected"),
        [
            (TOKEN, {"SNYK_OAUTH_TOKEN": OTHER, "SNYK_TOKEN": OTHER}, {"api": OTHER}, (ApiToken, TOKEN)),
            (ApiToken(TOKEN), {"SNYK_TOKEN": OTHER}, {"api": OTHER}, (ApiToken, TOKEN)),
            (BearerToken(TOKEN), {"SNYK_TOKEN": OTHER}, {"api": OTHER}, (BearerToken, TOKEN)),
            (OAuthClientCredentials("id", TOKEN), {}, {}, (OAuthClientCredentials, TOKEN)),
            (None, {"SNYK_OAUTH_TOKEN": TOKEN, "SNYK_TOKEN": OTHER}, {}, (BearerToken, TOKEN)),
            (None, {"SNYK_TOKEN": TOKEN}, {"api": OTHER}, (ApiToken, TOKEN)),
            (None, {"SNYK_OAUTH_TOKEN": "", "SNYK_TOKEN": TOKEN}, {}, (ApiToken, TOKEN)),
            (None, {"SNYK_OAUTH_TOKEN": " \n", "SNYK_TOKEN": " "}, {"api": TOKEN}, (ApiToken, TOKEN)),
            (None, {"SNYK_TOKEN": TOKEN, "SNYK_CFG_API": OTHER}, {}, (ApiToken, TOKEN)),
            (None, {"SNYK_TOKEN": " ", "SNYK_CFG_API": TOKEN}, {"api": OTHER}, (ApiToken, TOKEN)),
            (None, {"SNYK_CFG_API": ""}, {"api": TOKEN}, (ApiToken, TOKEN)),
            (None, {}, {"api": TOKEN}, (ApiToken, TOKEN)),
            (
                None,
                {"SNYK_OAUTH_CLIENT_ID": "id", "SNYK_OAUTH_CLIENT_SECRET": TOKEN, "SNYK_OAUTH_TOKEN": OTHER},
                {},
                (OAuthClientCredentials, TOKEN),
            ),
            (
                TOKEN,
                {"SNYK_OAUTH_CLIENT_ID": "id", "SNYK_OAUTH_CLIENT_SECRET": OTHER},
                {},
                (ApiToken, TOKEN),
            ),
            (
                None,
                {"SNYK_OAUTH_CLIENT_ID": " ", "SNYK_OAUTH_CLIENT_SECRET": "", "SNYK_OAUTH_TOKEN": TOKEN},
                {},
                (BearerToken, TOKEN),
            ),
        ],
    )
    def test_comes_from_the_first_source_that_has_one(
        self,
        config: Callable[..., Path],
        argument: str | Credentials | None,
        environ: dict[str, str],
        content: object,
        expected: object,
    ) -> None:
        settings = resolve(argument, environ=environ, config_path=config(content))
        assert secret(settings) == expected
        assert settings.base_url == US_01
        assert settings.api_version == DEFAULT_API_VERSION

    def test_given_as_credentials_stays_the_same_object(self, no_file: Path) -> None:
        credentials = BearerToken(TOKEN)
        assert resolve(credentials, environ={}, config_path=no_file).credentials is credentials

    @pytest.mark.parametrize(
        ("environ", "there", "missing"),
        [
            ({"SNYK_OAUTH_CLIENT_ID": TOKEN}, "ID", "SECRET"),
            ({"SNYK_OAUTH_CLIENT_SECRET": TOKEN}, "SECRET", "ID"),
            ({"SNYK_OAUTH_CLIENT_SECRET": TOKEN, "SNYK_OAUTH_CLIENT_ID": " "}, "SECRET", "ID"),
        ],
    )
    def test_half_of_client_credentials_is_an_error_that_names_the_other_half(
        self, no_file: Path, environ: dict[str, str], there: str, missing: str
    ) -> None:
        with pytest.raises(ConfigurationError) as caught:
            resolve(environ=environ | {"SNYK_TOKEN": OTHER}, config_path=no_file)
        message = (
            f"SNYK_OAUTH_CLIENT_{there} is set, but SNYK_OAUTH_CLIENT_{missing} is not. Set both, or neither."
        )
        assert str(caught.value) == message
        assert TOKEN not in lines_with_locals(caught.value)

    def test_client_credentials_that_cannot_be_sent_are_refused_by_name(self, no_file: Path) -> None:
        environ = {"SNYK_OAUTH_CLIENT_ID": OTHER, "SNYK_OAUTH_CLIENT_SECRET": f"{TOKEN} x"}
        with pytest.raises(
            ConfigurationError, match=r"^SNYK_OAUTH_CLIENT_ID and SNYK_OAUTH_CLIENT_SECRET: the client secret"
        ) as caught:
            resolve(environ=environ, config_path=no_file)
        assert TOKEN not in lines_with_locals(caught.value)

    def test_that_is_a_jwt_is_sent_as_an_oauth_access_token(self, config: Callable[..., Path]) -> None:
        token, empty = jwt(sub="me"), config({})
        expected = (BearerToken, token)
        assert secret(resolve(token, environ={}, config_path=empty)) == expected
        for name in ("SNYK_TOKEN", "SNYK_CFG_API", "SNYK_OAUTH_TOKEN"):
            assert secret(resolve(environ={name: token}, config_path=empty)) == expected
        assert secret(resolve(environ={}, config_path=config({"api": token}))) == expected
        given = ApiToken(token)  # said explicitly
        assert resolve(given, environ={}, config_path=empty).credentials is given

    @pytest.mark.parametrize("content", [{}, {"api": ""}, {"api": " \n"}, {"api": None}])
    def test_found_nowhere_says_where_it_was_looked_for(
        self, config: Callable[..., Path], content: object
    ) -> None:
        path = config(content)
        looked_in = f"SNYK_OAUTH_CLIENT_ID, SNYK_OAUTH_TOKEN, SNYK_TOKEN, SNYK_CFG_API, {path}"
        with pytest.raises(ConfigurationError) as caught:
            resolve(environ={"SNYK_TOKEN": ""}, config_path=path)
        assert str(caught.value) == (
            f"No token found. Pass token=, or set SNYK_TOKEN, or log in with the Snyk CLI. Looked in: {looked_in}"
        )
        with pytest.raises(ConfigurationError) as caught:
            resolve(environ={}, config_path=path, snyk_cli_login=True)
        assert str(caught.value) == (
            f"No token found. Set SNYK_TOKEN, or run `snyk auth`. Looked in: {looked_in}"
        )

    @pytest.mark.parametrize(
        "bad",
        [
            f"{TOKEN}\n",
            f"{TOKEN}\r\nX-Evil: 1",
            f" {TOKEN}",
            f"{TOKEN} x",
            f"{TOKEN}\x00",
            f"{TOKEN}é",
            f"{TOKEN}\udc80",
        ],
    )
    def test_that_no_header_can_carry_is_refused_with_its_source_and_never_shown(
        self, config: Callable[..., Path], bad: str
    ) -> None:
        empty, full = config({}), config({"api": bad})
        cases: list[tuple[str, Callable[[], object]]] = [
            ("token argument: ", lambda: resolve(bad, environ={}, config_path=empty)),
            ("SNYK_OAUTH_TOKEN: ", lambda: resolve(environ={"SNYK_OAUTH_TOKEN": bad}, config_path=empty)),
            ("SNYK_TOKEN: ", lambda: resolve(environ={"SNYK_TOKEN": bad}, config_path=empty)),
            (f"'api' in {full}: ", lambda: resolve(environ={}, config_path=full)),
        ]
        for source, call in cases:
            with pytest.raises(ConfigurationError) as caught:
                call()
            assert str(caught.value).startswith(source)
            assert TOKEN[:8] not in lines_with_locals(caught.value)

    @pytest.mark.parametrize("blank", ["", " ", "\n"])
    def test_that_is_blank_is_refused_as_an_argument(self, blank: str) -> None:
        with pytest.raises(ConfigurationError, match=r"token argument: .*empty"):
            resolve(blank, environ={"SNYK_TOKEN": TOKEN})

    def test_of_another_type_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="not bytes") as caught:
            resolve(cast("str", TOKEN.encode()), environ={})
        assert TOKEN not in lines_with_locals(caught.value)


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("arguments", "environ", "endpoint", "expected"),
        [
            ({"base_url": "https://a.example"}, {"SNYK_API": "https://b.example"}, "https://c.example", "a"),
            ({"region": "snyk-eu-01"}, {"SNYK_API": "https://b.example"}, "https://c.example", EU_01),
            ({"region": Region.EU_01}, {}, None, EU_01),
            ({}, {"SNYK_API": "https://b.example/v1/"}, "https://c.example", "b"),
            ({}, {"SNYK_API": "https://app.eu.snyk.io/api"}, None, EU_01),
            ({}, {"SNYK_API": " "}, "https://c.example", "c"),
            ({}, {"SNYK_API": "https://b.example", "SNYK_CFG_ENDPOINT": "https://d.example"}, None, "b"),
            ({}, {"SNYK_CFG_ENDPOINT": "https://d.example/v1"}, "https://c.example", "d"),
            ({}, {"SNYK_CFG_ENDPOINT": " "}, "https://c.example", "c"),
            ({}, {}, "https://c.example/rest", "c"),
            ({}, {}, "", US_01),
            ({}, {}, None, US_01),
        ],
    )
    def test_comes_from_the_first_source_that_has_one(
        self,
        config: Callable[..., Path],
        arguments: dict[str, Any],
        environ: dict[str, str],
        endpoint: str | None,
        expected: str,
    ) -> None:
        settings = resolve(TOKEN, **arguments, environ=environ, config_path=config({"endpoint": endpoint}))
        assert settings.base_url == (f"https://{expected}.example/rest" if len(expected) == 1 else expected)

    @pytest.mark.parametrize("region", [Region.US_01, "SNYK-US-01", "nowhere"])
    def test_and_region_together_are_refused(self, region: str) -> None:
        with pytest.raises(ConfigurationError, match="Give region or base_url, not both"):
            resolve(TOKEN, region, US_01, environ={})

    @pytest.mark.parametrize("name", ["", "EU", "SNYK-XX-01", TOKEN, cast("str", 7)])
    def test_of_an_unknown_region_is_refused_and_the_choices_named(self, name: str) -> None:
        with pytest.raises(
            ConfigurationError, match=r"^region argument: .*SNYK-US-01, SNYK-US-02, .*SNYK-GOV-01"
        ) as caught:
            resolve(OTHER, name, environ={})
        assert TOKEN not in lines_with_locals(caught.value)

    def test_that_is_unusable_is_refused_with_its_source_and_never_shown(
        self, config: Callable[..., Path]
    ) -> None:
        bad = f"https://user:{TOKEN}@api.snyk.io"
        empty, full = config({}), config({"endpoint": bad})
        cases: list[tuple[str, Callable[[], object]]] = [
            ("base_url argument: ", lambda: resolve(OTHER, None, bad, environ={}, config_path=empty)),
            (
                "SNYK_CFG_ENDPOINT: ",
                lambda: resolve(OTHER, environ={"SNYK_CFG_ENDPOINT": bad}, config_path=empty),
            ),
            ("SNYK_API: ", lambda: resolve(OTHER, environ={"SNYK_API": bad}, config_path=empty)),
            (f"'endpoint' in {full}: ", lambda: resolve(OTHER, environ={}, config_path=full)),
        ]
        for source, call in cases:
            with pytest.raises(ConfigurationError, match="user name or password") as caught:
                call()
            assert str(caught.value).startswith(source)
            report = lines_with_locals(caught.value)
            assert TOKEN not in report
            assert OTHER not in report

    def test_may_be_plain_http_to_another_machine_only_when_allowed(self, no_file: Path) -> None:
        environ = {"SNYK_API": "http://snyk.example"}
        with pytest.raises(ConfigurationError, match="SNYK_API: plain http"):
            resolve(TOKEN, environ=environ, config_path=no_file)
        allowed = resolve(TOKEN, allow_http=True, environ=environ, config_path=no_file)
        assert allowed.base_url == "http://snyk.example/rest"


class TestTokenUrl:
    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("http://id.example/token", "unencrypted"),
            ("http://127.0.0.1.example/token", "unencrypted"),
            ("ftp://id.example/token", "https"),
            ("id.example/token", "https"),
            ("https://id.example/to ken", "whitespace"),
            ("https://me:secret@id.example/token", "password"),
            ("https://id.example:70000/token", "port"),
            ("", "https"),
            (5, "not int"),
        ],
    )
    def test_that_would_not_do_for_a_secret_is_refused(self, url: Any, problem: str, no_file: Path) -> None:
        credentials = OAuthClientCredentials("id", TOKEN, token_url=url)
        with pytest.raises(ConfigurationError, match=rf"token_url: .*{problem}") as caught:
            resolve(credentials, environ={}, config_path=no_file)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("url", ["https://id.example/token", "http://localhost:8080/token"])
    def test_that_will_do_stays_as_it_is(self, url: str, no_file: Path) -> None:
        credentials = OAuthClientCredentials("id", TOKEN, token_url=url)
        assert resolve(credentials, environ={}, config_path=no_file).credentials is credentials
        assert credentials.token_url == url

    def test_of_another_machine_may_be_plain_http_when_that_is_allowed(self, no_file: Path) -> None:
        credentials = OAuthClientCredentials("id", TOKEN, token_url="http://id.example/token")
        resolve(credentials, allow_http=True, environ={}, config_path=no_file)


class TestPersonalAccessToken:
    @pytest.mark.parametrize("kind", ["snyk_uat", "snyk_sat"])
    @pytest.mark.parametrize("last", [False, True])
    @pytest.mark.parametrize("host", ["api.eu.snyk.io", "API.eu.snyk.io"])
    def test_names_its_region_when_nothing_else_does(
        self, no_file: Path, kind: str, last: bool, host: str
    ) -> None:
        token = pat(host, kind=kind, last=last)
        for given_token in (token, ApiToken(token)):
            assert resolve(given_token, environ={}, config_path=no_file).base_url == EU_01
        assert resolve(environ={"SNYK_TOKEN": token}, config_path=no_file).base_url == EU_01

    def test_yields_to_whatever_is_said_explicitly(self, config: Callable[..., Path]) -> None:
        token, empty = pat("api.eu.snyk.io"), config({})
        assert resolve(token, "SNYK-US-01", environ={}, config_path=empty).base_url == US_01
        assert resolve(token, None, US_01, environ={}, config_path=empty).base_url == US_01
        assert resolve(token, environ={"SNYK_API": US_01}, config_path=empty).base_url == US_01
        assert resolve(token, environ={}, config_path=config({"endpoint": US_01})).base_url == US_01

    @pytest.mark.parametrize("token", [pat(""), pat(None), pat_of(b"{}"), "snyk_uat.a.b", TOKEN])
    def test_that_names_no_host_is_one_of_the_default_region(self, no_file: Path, token: str) -> None:
        settings = resolve(token, environ={}, config_path=no_file)
        assert (settings.base_url, settings.base_url_source) == (US_01, "default")

    def test_is_looked_into_only_when_it_is_sent_as_one(self, no_file: Path) -> None:
        credentials = BearerToken(pat("api.eu.snyk.io"))
        assert resolve(credentials, environ={}, config_path=no_file).base_url == US_01


class TestOAuthAccessToken:
    @pytest.mark.parametrize("audience", ["https://api.eu.snyk.io", ["https://api.eu.snyk.io/rest"], EU_HOST])
    def test_names_its_region_when_nothing_else_does(self, no_file: Path, audience: object) -> None:
        token = jwt(aud=audience)
        for settings in (
            resolve(BearerToken(token), environ={}, config_path=no_file),
            resolve(environ={"SNYK_OAUTH_TOKEN": token}, config_path=no_file),
            resolve(environ={"SNYK_TOKEN": token}, config_path=no_file),
        ):
            assert (settings.base_url, settings.base_url_source) == (EU_01, "the OAuth access token")
        assert resolve(token, "SNYK-US-01", environ={}, config_path=no_file).base_url == US_01

    def test_for_several_hosts_is_for_the_one_that_is_snyk_s(self, no_file: Path) -> None:
        token = jwt(aud=["https://other.example", "https://api.eu.snyk.io"])
        assert resolve(token, environ={}, config_path=no_file).base_url == EU_01

    @pytest.mark.parametrize("token", [jwt(), jwt(aud=None), jwt(aud=[]), "opaque-token"])
    def test_without_an_audience_is_one_of_the_default_region(self, no_file: Path, token: str) -> None:
        settings = resolve(BearerToken(token), environ={}, config_path=no_file)
        assert (settings.base_url, settings.base_url_source) == (US_01, "default")

    def test_of_the_government_region_may_be_in_snyk_token(self, no_file: Path) -> None:
        environ = {"SNYK_TOKEN": jwt(aud="https://api.snykgov.io")}
        assert resolve(environ=environ, config_path=no_file).base_url == "https://api.snykgov.io/rest"


class TestTokenOfAnUnknownHost:
    TOKENS = (
        pat("api.tenant.example"),
        pat("api.eu.snyk.io.evil.example"),
        pat("evil.example/api.eu.snyk.io"),
        pat("api.eu.snyk.io@evil.example"),
        pat(["api.eu.snyk.io"]),
        pat("h" * 500),
        jwt(aud="https://api.tenant.example"),
        jwt(aud="https://api.tenant.snyk.io"),
        jwt(aud="https://api.eu.snyk.io@evil.example"),
        jwt(aud=["snyk"]),
    )

    @pytest.mark.parametrize("token", TOKENS)
    def test_is_sent_nowhere_until_somebody_says_where(self, config: Callable[..., Path], token: str) -> None:
        empty = config({})
        for source, call in (
            ("token argument", lambda: resolve(token, environ={}, config_path=empty)),
            ("SNYK_TOKEN", lambda: resolve(environ={"SNYK_TOKEN": token}, config_path=empty)),
        ):
            with pytest.raises(
                ConfigurationError, match=r"not a known host of Snyk's API.*base_url.*SNYK_API"
            ) as caught:
                call()
            assert str(caught.value).startswith(f"{source}: the ")
            assert token not in lines_with_locals(caught.value)
            assert len(str(caught.value)) < 300
        there = "https://api.tenant.example/rest"
        for settings in (
            resolve(token, None, there, environ={}, config_path=empty),
            resolve(token, environ={"SNYK_API": there}, config_path=empty),
            resolve(token, environ={"SNYK_CFG_ENDPOINT": there}, config_path=empty),
            resolve(token, environ={}, config_path=config({"endpoint": there})),
        ):
            assert settings.base_url == there

    def test_is_an_error_that_names_the_host_where_it_looks_like_one(self, no_file: Path) -> None:
        with pytest.raises(
            ConfigurationError, match=r"personal access token was issued for api\.tenant\.example, which"
        ):
            resolve(pat("api.tenant.example"), environ={}, config_path=no_file)
        with pytest.raises(ConfigurationError, match=r"OAuth access token was issued for a host, which"):
            resolve(jwt(aud="not a host\n"), environ={}, config_path=no_file)

    @given(
        token=st.one_of(
            st.binary().map(pat_of),
            st.dictionaries(st.sampled_from(["h", "j"]), st.one_of(st.text(), st.integers(), st.none())).map(
                lambda claims: pat_of(json.dumps(claims).encode())
            ),
            st.from_regex(r"snyk_[us]at(\.[!-~]{0,12}){0,5}", fullmatch=True),
            st.one_of(st.text(), st.lists(st.text())).map(lambda audience: jwt(aud=audience)),
        )
    )
    def test_never_leads_away_from_the_known_regions(self, token: str) -> None:
        try:
            settings = resolve(token, environ={"HOME": HOME})
        except ConfigurationError:
            return
        assert settings.base_url in {region.base_url for region in Region}


class TestGovernmentRegion:
    @pytest.mark.parametrize(
        ("arguments", "environ"),
        [
            ({"region": "SNYK-GOV-01"}, {}),
            ({"base_url": "https://api.snykgov.io:443/v1"}, {}),
            ({}, {"SNYK_API": "https://APP.snykgov.io/api"}),
        ],
    )
    def test_takes_oauth_only(
        self, no_file: Path, arguments: dict[str, Any], environ: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigurationError, match="SNYK-GOV-01 accepts OAuth only") as caught:
            resolve(TOKEN, **arguments, environ=environ, config_path=no_file)
        assert TOKEN not in lines_with_locals(caught.value)
        for credentials in (BearerToken(TOKEN), OAuthClientCredentials("id", TOKEN)):
            settings = resolve(credentials, **arguments, environ=environ, config_path=no_file)
            assert settings.base_url.startswith("https://api.snykgov.io")

    def test_named_by_a_personal_access_token_is_not_swapped_for_another(self, no_file: Path) -> None:
        with pytest.raises(ConfigurationError, match="OAuth only"):
            resolve(pat("api.snykgov.io"), environ={}, config_path=no_file)


class TestConfigFile:
    @pytest.mark.parametrize(
        ("environ", "folder"),
        [
            ({"XDG_CONFIG_HOME": "{tmp}/xdg", "HOME": "{tmp}/home"}, "xdg"),
            ({"XDG_CONFIG_HOME": " ", "HOME": "{tmp}/home"}, "home/.config"),
            ({"HOME": "{tmp}/home"}, "home/.config"),
        ],
    )
    def test_is_found_where_the_cli_keeps_it(
        self, tmp_path: Path, environ: dict[str, str], folder: str
    ) -> None:
        path = tmp_path / folder / "configstore" / "snyk.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"api": TOKEN, "endpoint": "https://api.eu.snyk.io", "org": "mine"}))
        environ = {name: value.format(tmp=tmp_path) for name, value in environ.items()}
        settings = resolve(environ=environ)
        assert (secret(settings), settings.base_url) == ((ApiToken, TOKEN), EU_01)

    def test_and_environment_are_the_process_s_own_by_default(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("XDG_CONFIG_HOME", "SNYK_API", "SNYK_OAUTH_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SNYK_TOKEN", TOKEN)
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        monkeypatch.delenv("HOME", raising=False)
        assert secret(resolve()) == (ApiToken, TOKEN)
        assert resolve().base_url == US_01
        (tmp_path / ".config" / "configstore").mkdir(parents=True)
        (tmp_path / ".config" / "configstore" / "snyk.json").write_text(
            '{"endpoint": "https://api.eu.snyk.io"}'
        )
        assert resolve().base_url == EU_01

    def test_is_not_looked_for_without_a_home_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", homeless)
        assert resolve(TOKEN, environ={}).base_url == US_01
        with pytest.raises(ConfigurationError, match="no home directory"):
            resolve(environ={})

    def test_is_not_touched_when_nothing_is_missing(self, config: Callable[..., Path]) -> None:
        broken = config(raw=b"{")
        assert resolve(TOKEN, "SNYK-EU-01", environ=Forbidden(), config_path=broken).base_url == EU_01
        assert resolve(TOKEN, None, EU_01, environ=Forbidden(), config_path=broken).base_url == EU_01
        environ = {"SNYK_TOKEN": TOKEN, "SNYK_API": EU_01}
        assert resolve(environ=environ, config_path=broken).base_url == EU_01

    def test_is_read_once(self, config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
        reads: list[Path] = []
        read_bytes = Path.read_bytes

        def counted(path: Path) -> bytes:
            reads.append(path)
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", counted)
        path = config({"api": TOKEN, "endpoint": EU_01})
        resolve(environ={}, config_path=path)
        assert reads == [path]

    def test_below_something_that_is_no_folder_is_a_missing_one(self, config: Callable[..., Path]) -> None:
        path = config({}) / "configstore" / "snyk.json"
        assert resolve(TOKEN, environ={}, config_path=path).base_url == US_01

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_may_have_been_written_by_another_editor(
        self, config: Callable[..., Path], encoding: str
    ) -> None:
        path = config(raw=json.dumps({"api": TOKEN}).encode(encoding))
        assert secret(resolve(environ={}, config_path=path)) == (ApiToken, TOKEN)

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            f'{{"api": "{TOKEN}"'.encode(),
            f'["{TOKEN}"]'.encode(),
            f'"{TOKEN}"'.encode(),
            TOKEN.encode() + b"\xff",
            b"[" * 100_000,
            b"null",
        ],
    )
    def test_that_is_not_a_json_object_is_refused_by_name_without_its_content(
        self, config: Callable[..., Path], raw: bytes
    ) -> None:
        path = config(raw=raw)
        for argument in (None, OTHER):  # the second needs the endpoint only
            with pytest.raises(ConfigurationError, match=r"is not a JSON object\. Repair it, or") as caught:
                resolve(argument, environ={}, config_path=path)
            assert str(path) in str(caught.value)
            assert TOKEN[:8] not in lines_with_locals(caught.value)

    @pytest.mark.parametrize("wrong", [7, True, [TOKEN], {"token": TOKEN}])
    def test_with_a_member_of_the_wrong_type_is_refused_when_the_member_counts(
        self, config: Callable[..., Path], wrong: object
    ) -> None:
        path = config({"api": wrong, "endpoint": EU_01})
        with pytest.raises(
            ConfigurationError, match=r"^'api' in .*snyk.json: must be a string, not"
        ) as caught:
            resolve(environ={}, config_path=path)
        assert TOKEN[:8] not in lines_with_locals(caught.value)
        assert resolve(TOKEN, environ={}, config_path=path).base_url == EU_01

        path = config({"api": TOKEN, "endpoint": wrong})
        with pytest.raises(ConfigurationError, match=r"^'endpoint' in .*snyk.json: must be a string, not"):
            resolve(environ={}, config_path=path)
        assert resolve(environ={}, region="SNYK-EU-01", config_path=path).base_url == EU_01

    def test_that_cannot_be_read_is_refused_by_name(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)") as caught:
            resolve(TOKEN, environ={}, config_path=tmp_path)
        assert str(tmp_path) in str(caught.value)
        with pytest.raises(ConfigurationError, match=r"cannot be read \(not a path\)"):
            resolve(TOKEN, environ={}, config_path=tmp_path / "nul\x00")


class TestSnykCliLogin:
    def test_is_used_only_where_it_is_asked_for_and_last(self, config: Callable[..., Path]) -> None:
        token = jwt(aud="https://api.eu.snyk.io")
        path = config({LOGIN_KEY: cli_login(token)})
        settings = resolve(environ={}, config_path=path, snyk_cli_login=True)
        assert secret(settings) == (SnykCliCredentials, token)
        assert settings.credentials_source == f"the login of `snyk auth` in {path}"
        assert (settings.base_url, settings.base_url_source) == (EU_01, "the Snyk CLI login")
        for environ in ({"SNYK_TOKEN": TOKEN}, {"SNYK_CFG_API": TOKEN}):
            found = resolve(environ=environ, config_path=path, snyk_cli_login=True)
            assert secret(found) == (ApiToken, TOKEN)
        path = config({LOGIN_KEY: cli_login(token), "api": TOKEN})
        assert secret(resolve(environ={}, config_path=path, snyk_cli_login=True)) == (ApiToken, TOKEN)

    def test_is_only_told_of_where_it_is_not_asked_for(self, config: Callable[..., Path]) -> None:
        for login in (cli_login(TOKEN), "malformed", {"access_token": TOKEN}):
            path = config({LOGIN_KEY: login})
            with pytest.raises(ConfigurationError, match="No token found") as caught:
                resolve(environ={}, config_path=path)
            hint = f"{path} (its login of `snyk auth` is only used when you pass SnykCliCredentials())"
            assert str(caught.value).endswith(hint)
            assert TOKEN not in lines_with_locals(caught.value)

    def test_that_has_expired_says_what_to_run(self, config: Callable[..., Path]) -> None:
        path = config({LOGIN_KEY: cli_login(TOKEN, expires_in=timedelta(minutes=-5))})
        with pytest.raises(ConfigurationError, match=r"expired at .*Run `snyk auth`") as caught:
            resolve(environ={}, config_path=path, snyk_cli_login=True)
        assert TOKEN not in lines_with_locals(caught.value)

    def test_of_an_unknown_host_is_sent_nowhere_until_somebody_says_where(
        self, config: Callable[..., Path]
    ) -> None:
        path = config({LOGIN_KEY: cli_login(jwt(aud="https://api.tenant.example"))})
        with pytest.raises(
            ConfigurationError, match=r"^the login of `snyk auth` in .*: the Snyk CLI login was issued for"
        ):
            resolve(environ={}, config_path=path, snyk_cli_login=True)
        there = "https://api.tenant.example"
        settings = resolve(None, None, there, environ={}, config_path=path, snyk_cli_login=True)
        assert settings.base_url == f"{there}/rest"

    def test_passed_by_the_library_s_user_is_used_too(self, tmp_path: Path) -> None:
        token = jwt(aud="https://api.eu.snyk.io")
        write_cli_file(tmp_path / "config" / "configstore" / "snyk.json", **{LOGIN_KEY: cli_login(token)})
        settings = resolve(SnykCliCredentials())
        assert (settings.base_url, settings.credentials_source) == (EU_01, "token argument")


EXPIRY = datetime(2999, 11, 5, 10, tzinfo=UTC)


class TestProvenance:
    @pytest.mark.parametrize(
        ("arguments", "environ", "content", "credentials_source", "base_url_source"),
        [
            ({"token": TOKEN, "region": "SNYK-EU-01"}, {}, {}, "token argument", "region argument"),
            ({"token": BearerToken(TOKEN), "base_url": EU_01}, {}, {}, "token argument", "base_url argument"),
            ({}, {"SNYK_TOKEN": TOKEN, "SNYK_API": EU_01}, {}, "SNYK_TOKEN", "SNYK_API"),
            ({}, {"SNYK_OAUTH_TOKEN": TOKEN}, {}, "SNYK_OAUTH_TOKEN", "default"),
            (
                {},
                {"SNYK_CFG_API": TOKEN, "SNYK_CFG_ENDPOINT": EU_01},
                {},
                "SNYK_CFG_API",
                "SNYK_CFG_ENDPOINT",
            ),
            ({}, {}, {"api": TOKEN, "endpoint": EU_01}, "'api' in {path}", "'endpoint' in {path}"),
            ({}, {"SNYK_TOKEN": pat(EU_HOST)}, {}, "SNYK_TOKEN", "the personal access token"),
            ({}, {"SNYK_TOKEN": jwt(aud=EU_HOST)}, {}, "SNYK_TOKEN", "the OAuth access token"),
            (
                {},
                {"SNYK_OAUTH_CLIENT_ID": "id", "SNYK_OAUTH_CLIENT_SECRET": TOKEN},
                {},
                "SNYK_OAUTH_CLIENT_ID and SNYK_OAUTH_CLIENT_SECRET",
                "default",
            ),
        ],
    )
    def test_is_told_in_words_without_a_secret(
        self,
        config: Callable[..., Path],
        arguments: dict[str, Any],
        environ: dict[str, str],
        content: object,
        credentials_source: str,
        base_url_source: str,
    ) -> None:
        path = config(content)
        settings = resolve(**arguments, environ=environ, config_path=path, snyk_cli_login=True)
        assert settings.credentials_source == credentials_source.format(path=path)
        assert settings.base_url_source == base_url_source.format(path=path)
        assert TOKEN not in repr(settings)

    @pytest.mark.parametrize(
        ("environ", "content", "kind", "expires_at"),
        [
            ({"SNYK_TOKEN": TOKEN}, {}, "API token", None),
            ({"SNYK_TOKEN": pat(EU_HOST)}, {}, "personal access token", None),
            ({"SNYK_TOKEN": jwt(exp=EXPIRY.timestamp())}, {}, "OAuth access token", EXPIRY),
            ({"SNYK_OAUTH_TOKEN": TOKEN}, {}, "OAuth access token", None),
            (
                {"SNYK_OAUTH_CLIENT_ID": "id", "SNYK_OAUTH_CLIENT_SECRET": TOKEN, "SNYK_API": EU_01},
                {},
                "OAuth client credentials",
                None,
            ),
            ({}, {LOGIN_KEY: cli_login(TOKEN, expiry=EXPIRY.isoformat())}, "Snyk CLI login", EXPIRY),
            (
                {"SNYK_API": "https://api.tenant.example"},
                {
                    LOGIN_KEY: cli_login(
                        jwt(aud="https://api.tenant.example", exp=1), expiry=EXPIRY.isoformat()
                    )
                },
                "Snyk CLI login",
                EXPIRY,
            ),
        ],
    )
    def test_goes_with_settings_that_a_client_can_be_made_of(
        self,
        config: Callable[..., Path],
        environ: dict[str, str],
        content: object,
        kind: str,
        expires_at: datetime | None,
    ) -> None:
        settings = resolve(environ=environ, config_path=config(content), snyk_cli_login=True)
        assert (settings.credentials.kind, settings.credentials.expires_at) == (kind, expires_at)
        with GroupsClient(settings.credentials, base_url=settings.base_url) as client:
            assert client.base_url == settings.base_url


class TestSecrecy:
    def test_no_traceback_shows_a_token_of_a_call_that_fails_for_another_reason(
        self, config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SNYK_TOKEN", TOKEN)
        monkeypatch.setattr(os, "environ", {**os.environ, "SNYK_TOKEN": TOKEN})
        path = config({"api": TOKEN, "endpoint": "ftp://x"})
        calls: list[Callable[[], object]] = [
            lambda: resolve(TOKEN, "nowhere", config_path=path),
            lambda: resolve(TOKEN, "SNYK-EU-01", EU_01, config_path=path),
            lambda: resolve(TOKEN, api_version="latest", config_path=path),
            lambda: resolve(TOKEN, "SNYK-GOV-01", config_path=path),
            lambda: resolve(config_path=path),
            lambda: resolve(environ={"SNYK_TOKEN": TOKEN}, config_path=path),
            lambda: resolve(environ={}, config_path=path),
        ]
        for call in calls:
            with pytest.raises(ConfigurationError) as caught:
                call()
            assert TOKEN[:8] not in lines_with_locals(caught.value)
            assert TOKEN.encode() not in pickle.dumps(caught.value)

    def test_settings_show_no_token_and_do_not_change(self, no_file: Path) -> None:
        settings = resolve(TOKEN, "SNYK-EU-01", api_version="beta", environ={}, config_path=no_file)
        assert TOKEN not in repr(settings)
        assert (settings.base_url, settings.api_version) == (EU_01, "beta")
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            settings.base_url = US_01  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # the point
