"""The login in the Snyk CLI's file: what is read from it, and what is refused without showing it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.tokens import LOGIN_KEY, cli_login, jwt, write_cli_file
from support.tracebacks import lines_with_locals

from groups_sdk import ConfigurationError
from groups_sdk._snyk_cli import CliFile
from groups_sdk._sources import Environment

TOKEN = "access-7e5f1a1c"
REFRESH = "refresh-5ec2e7"
TEN = datetime(2025, 11, 5, 10, tzinfo=UTC)


def file_with(tmp_path: Path, login: Any, key: str = LOGIN_KEY) -> CliFile:
    return CliFile(Environment({}), write_cli_file(tmp_path / "snyk.json", **{key: login}))


@pytest.mark.parametrize("key", [LOGIN_KEY, LOGIN_KEY.lower()])
def test_the_login_is_a_string_of_json(tmp_path: Path, key: str) -> None:
    file = file_with(tmp_path, cli_login(TOKEN, expiry="2025-11-05T12:00:00.714448+02:00"), key)
    assert file.has_login
    login = file.login()
    assert login.access_token == TOKEN
    assert login.expires_at == login.expired_at == TEN.replace(microsecond=714448)
    assert TOKEN not in repr(login)


@pytest.mark.parametrize(
    ("expiry", "expires_at"),
    [
        ("2025-11-05T10:00:00Z", TEN),
        ("2025-11-05T10:00:00.000000999Z", TEN),
        ("2025-11-05T03:00:00-07:00", TEN),
        ("0001-01-01T00:00:00Z", None),
        (None, None),
    ],
)
def test_the_expiry_is_read_as_the_cli_writes_it(
    tmp_path: Path, expiry: str | None, expires_at: datetime | None
) -> None:
    assert file_with(tmp_path, cli_login(TOKEN, expiry=expiry)).login().expires_at == expires_at


def test_without_an_expiry_that_of_the_token_counts(tmp_path: Path) -> None:
    token = jwt(exp=TEN.timestamp())
    assert file_with(tmp_path, cli_login(token, expiry=None)).login().expires_at == TEN
    assert file_with(tmp_path, json.dumps({"access_token": token})).login().expires_at == TEN


def test_a_login_expires_when_its_time_has_come(tmp_path: Path) -> None:
    assert file_with(tmp_path, cli_login(TOKEN, expires_in=timedelta(days=1))).login().expired_at is None
    assert file_with(tmp_path, cli_login(TOKEN, expires_in=timedelta(0))).login().expired_at is not None
    assert file_with(tmp_path, cli_login(TOKEN, expiry=None)).login().expired_at is None


@pytest.mark.parametrize(
    ("login", "problem"),
    [
        (f'{{"access_token": "{TOKEN}"', "is not a JSON object"),
        (f'["{TOKEN}"]', "is not a JSON object"),
        (TOKEN, "is not a JSON object"),
        (json.dumps({"refresh_token": REFRESH}), "no access_token"),
        (cli_login(None), "no access_token"),
        (cli_login([TOKEN]), "no access_token"),
        (cli_login(""), "no access_token"),
        (cli_login(f"{TOKEN}\n"), "no access_token"),
        (cli_login(TOKEN, expiry="soon"), "expiry"),
        (cli_login(TOKEN, expiry=""), "expiry"),
        (cli_login(TOKEN, expiry=1762336800), "expiry"),
        (cli_login(TOKEN, expiry="2025-11-05T10:00:00"), "expiry"),
        (cli_login(TOKEN, expiry="9999-12-31T23:59:59-01:00"), "expiry"),
        ({"access_token": TOKEN}, "must be a string, not dict"),
        ([TOKEN], "must be a string, not list"),
    ],
)
def test_a_login_that_is_malformed_is_refused_by_key_and_file_and_not_shown(
    tmp_path: Path, login: Any, problem: str
) -> None:
    file = file_with(tmp_path, login)
    assert file.has_login
    with pytest.raises(ConfigurationError, match=problem) as caught:
        file.login()
    assert str(caught.value).startswith(f"'{LOGIN_KEY}' in {tmp_path / 'snyk.json'}: ")
    shown = lines_with_locals(caught.value)
    assert TOKEN not in shown
    assert REFRESH not in shown


@pytest.mark.parametrize("login", [None, "", " \n"])
def test_a_login_that_is_blank_is_none(tmp_path: Path, login: str | None) -> None:
    file = file_with(tmp_path, login)
    assert not file.has_login
    with pytest.raises(
        ConfigurationError, match=r"There is no login of `snyk auth` in .*snyk.json. Run `snyk auth`"
    ):
        file.login()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of POSIX")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "snyk.json")
    with pytest.raises(ConfigurationError, match="is a named pipe"):
        CliFile(Environment({}), tmp_path / "snyk.json").get("api")
