"""Credentials show nothing, say what they are, and refuse what cannot be a secret."""

from __future__ import annotations

import pickle
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.tokens import LOGIN_KEY, cli_login, jwt, pat, write_cli_file
from support.tracebacks import lines_with_locals

from groups_sdk import (
    ApiToken,
    BearerToken,
    ConfigurationError,
    OAuthClientCredentials,
    SnykCliCredentials,
)
from groups_sdk._credentials import Credentials
from groups_sdk._snyk_cli import CliLogin

SECRET = "s3cr3t-" + "value"
TEN = datetime(2025, 11, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "credentials", [ApiToken(SECRET), BearerToken(SECRET), OAuthClientCredentials("id", SECRET)]
)
def test_credentials_show_nothing(credentials: Credentials) -> None:
    assert SECRET not in repr(credentials)
    assert credentials.secrets() == (SECRET,)


@pytest.mark.parametrize(
    "wrong", ["", "  ", f"{SECRET}\n", f"{SECRET} x", f"{SECRET}é", f"{SECRET}\x00", 5, None]
)
def test_what_cannot_be_a_token_is_refused_without_showing_it(wrong: Any) -> None:
    for make in (
        ApiToken,
        BearerToken,
        lambda w: OAuthClientCredentials("id", w),
        lambda w: OAuthClientCredentials(w, "s"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make(wrong)
        own = caught.value.__traceback__
        while own is not None and "test_credentials.py" in own.tb_frame.f_code.co_filename:
            own = own.tb_next
        shown = "".join(
            traceback.TracebackException(type(caught.value), caught.value, own, capture_locals=True).format()
        )
        assert SECRET not in shown


def test_a_kind_of_credentials_must_tell_its_secrets() -> None:
    with pytest.raises(NotImplementedError):
        Credentials().secrets()
    with pytest.raises(NotImplementedError):
        _ = Credentials().kind
    assert Credentials().expires_at is None


@pytest.fixture
def cli_file(tmp_path: Path) -> Path:
    """Where the Snyk CLI keeps its file."""
    return tmp_path / "config" / "configstore" / "snyk.json"


def log_in(file: Path, token: str, **options: Any) -> None:
    write_cli_file(file, **{LOGIN_KEY: cli_login(token, **options)})


@pytest.mark.parametrize(
    ("credentials", "kind", "expires_at"),
    [
        (ApiToken(SECRET), "API token", None),
        (ApiToken(pat("api.eu.snyk.io")), "personal access token", None),
        (ApiToken(pat("api.eu.snyk.io", kind="snyk_sat")), "personal access token", None),
        (BearerToken(SECRET), "OAuth access token", None),
        (BearerToken(jwt(exp=TEN.timestamp())), "OAuth access token", TEN),
        (OAuthClientCredentials("id", SECRET), "OAuth client credentials", None),
    ],
)
def test_credentials_say_what_they_are_and_when_they_expire(
    credentials: Credentials, kind: str, expires_at: datetime | None
) -> None:
    assert (credentials.kind, credentials.expires_at) == (kind, expires_at)


class TestSnykCliCredentials:
    def test_are_the_login_in_the_file_of_the_cli(self, cli_file: Path, tmp_path: Path) -> None:
        log_in(cli_file, SECRET, expiry="2999-11-05T10:00:00Z")
        elsewhere = tmp_path / "other.json"
        log_in(elsewhere, f"{SECRET}-2")
        for credentials, token in (
            (SnykCliCredentials(), SECRET),
            (SnykCliCredentials(str(elsewhere)), f"{SECRET}-2"),
            (SnykCliCredentials(elsewhere), f"{SECRET}-2"),
        ):
            assert credentials.secrets() == (token,)
            assert credentials.kind == "Snyk CLI login"
            assert repr(credentials) == "SnykCliCredentials(***)"
            pickled = pickle.dumps(credentials)
            assert SECRET.encode() not in pickled
            assert pickle.loads(pickled).secrets() == (token,)  # it is read from the file again
        assert SnykCliCredentials().expires_at == TEN.replace(year=2999)

    def test_are_refused_when_nobody_has_logged_in(self, cli_file: Path) -> None:
        with pytest.raises(ConfigurationError) as caught:
            SnykCliCredentials()
        assert (
            str(caught.value) == f"There is no login of `snyk auth` in {cli_file}. Run `snyk auth` to log in."
        )

    def test_are_refused_without_a_home_directory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def homeless() -> Path:
            raise RuntimeError("Could not determine home directory.")

        monkeypatch.setattr(Path, "home", homeless)
        monkeypatch.delenv("HOME")
        monkeypatch.delenv("XDG_CONFIG_HOME")
        with pytest.raises(ConfigurationError, match="no home directory"):
            SnykCliCredentials()

    def test_are_refused_when_they_have_expired(self, cli_file: Path) -> None:
        log_in(cli_file, SECRET, expiry="2025-11-05T12:00:00+02:00")
        with pytest.raises(ConfigurationError) as caught:
            SnykCliCredentials()
        assert str(caught.value) == (
            f"The login of `snyk auth` in {cli_file} expired at 2025-11-05 10:00 UTC by this machine's clock. "
            "Run `snyk auth` to log in again."
        )
        assert SECRET not in lines_with_locals(caught.value)

    def test_read_again_are_what_the_file_has_by_then(self, cli_file: Path) -> None:
        log_in(cli_file, jwt(sub="me", aud="https://api.snyk.io", jti="1"))
        credentials = SnykCliCredentials()
        (first,) = credentials.secrets()
        second = jwt(sub="me", aud="https://api.snyk.io", jti="2")
        log_in(cli_file, second)
        found = credentials.read_again(first)
        assert isinstance(found, CliLogin)
        assert found.access_token == second
        assert credentials.secrets() == (first,)

    @pytest.mark.parametrize(
        ("token", "options", "advice"),
        [
            ("me", {"expires_in": timedelta(hours=-1)}, "expired at "),
            ("me", {}, "Snyk does not accept the login"),
            ("you", {}, "another person's or region's"),
            ("eu", {}, "another person's or region's"),
            ("opaque", {}, "another person's or region's"),
            ("", {}, "no access_token"),
        ],
    )
    def test_read_again_say_what_to_do_where_no_other_login_can_be_used(
        self, cli_file: Path, token: str, options: dict[str, Any], advice: str
    ) -> None:
        tokens = {
            "me": jwt(sub="me", aud="https://api.snyk.io"),
            "you": jwt(sub="you", aud="https://api.snyk.io"),
            "eu": jwt(sub="me", aud="https://api.eu.snyk.io"),
        }
        log_in(cli_file, tokens["me"])
        credentials = SnykCliCredentials()
        log_in(cli_file, tokens.get(token, token), **options)
        found = credentials.read_again(tokens["me"])
        assert isinstance(found, str)
        assert advice in found
        assert str(cli_file) in found

    def test_read_again_look_into_the_same_file_wherever_the_cli_keeps_another(
        self, cli_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = (jwt(sub="ada", aud="https://api.snyk.io", jti=number) for number in range(2))
        log_in(cli_file, first)
        credentials = SnykCliCredentials()
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
        log_in(cli_file, second)
        assert isinstance(credentials.read_again(first), CliLogin)
        cli_file.unlink()
        assert credentials.read_again(first) == (
            f"There is no login of `snyk auth` in {cli_file}. Run `snyk auth` to log in."
        )

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (SECRET, f"{SECRET}-2"),
            (jwt(aud="https://api.snyk.io", jti=1), jwt(aud="https://api.snyk.io", jti=2)),
            (jwt(sub="ada", jti=1), jwt(sub="ada", jti=2)),
            (jwt(sub="ada", aud="https://api.snyk.io"), jwt(sub="eve", aud="https://api.snyk.io")),
        ],
    )
    def test_do_not_take_a_login_that_may_be_another_person_s(
        self, cli_file: Path, first: str, second: str
    ) -> None:
        log_in(cli_file, first)
        credentials = SnykCliCredentials()
        log_in(cli_file, second)
        assert "may be another person's or region's now" in str(credentials.read_again(first))

    def test_change_nothing_in_the_file(self, cli_file: Path) -> None:
        log_in(cli_file, SECRET)
        before = cli_file.read_bytes()
        SnykCliCredentials().read_again(SECRET)
        assert cli_file.read_bytes() == before
