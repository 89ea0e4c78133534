"""`whoami`, and what every command connects as: option, then profile, then environment, then the Snyk CLI's file."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from support.running import FAKE_NOTE, Done
from support.tokens import LOGIN_KEY, cli_login, jwt, write_cli_file

from groups_sdk._http.shared_limit_file import FileStore
from groups_sdk._http.shared_store import StoreUnavailable
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
EXPIRES = 4_102_444_800  # 2100-01-01


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of configuration."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def write_profiles(config: Path, text: str) -> None:
    path = config / "groups-sdk" / "profiles.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)


def test_token_of_the_environment(fake: FakeSnyk, cli: Call) -> None:
    done = cli("whoami")
    assert (done.code, done.err) == (0, "")
    (identity,) = done.objects
    assert FakeSnyk.TOKEN not in done.out
    assert identity.pop("base_url").startswith("http://127.0.0.1:")
    assert identity == {
        "credentials": "API token",
        "credentials_from": "SNYK_TOKEN",
        "expires_at": None,
        "base_url_from": "SNYK_API",
        "region": None,
        "groups": [{"id": group.id, "name": group.name} for group in fake.groups()],
    }


@pytest.mark.usefixtures("fake")
def test_each_form_has_it_all(cli: Call) -> None:
    table = cli("whoami", "-o", "table").out
    assert "Credentials  API token, from SNYK_TOKEN\n" in table
    assert "Region       none (own URL)\n" in table
    assert "Expires      not known\n" in table
    assert table.endswith("\n3 groups\n")
    (row,) = csv.DictReader(io.StringIO(cli("whoami", "-o", "csv").out))
    assert row["groups"].startswith("Engineering (")
    assert json.loads(cli("whoami", "-o", "json").out)["groups"][0]["name"] == "Engineering"


def test_example_in_memory(cli: Call) -> None:
    done = cli("whoami", "--fake")
    assert (done.code, done.err) == (0, FAKE_NOTE)
    assert done.objects[0]["credentials_from"] == "--fake"
    assert len(done.objects[0]["groups"]) == 3


def test_refused_token_is_named_all_the_same(
    fake: FakeSnyk, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNYK_TOKEN", "wrong-token-5ec2e7")
    for form, words in (("jsonl", '"groups": null'), ("table", "from SNYK_TOKEN"), ("csv", "SNYK_TOKEN")):
        done = cli("whoami", "-o", form)
        assert done.code == 3
        assert words in done.out
        assert "`groups-sdk whoami` shows which token was used." in done.err
        assert "wrong-token-5ec2e7" not in done.out + done.err


def test_login_of_the_snyk_cli_is_used_and_its_region_and_expiry_are_known(
    fake: FakeSnyk, cli: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SNYK_TOKEN")
    token = jwt(aud="https://api.eu.snyk.io", exp=EXPIRES)
    fake.add_token(token, scheme="bearer")
    file = write_cli_file(
        config / "configstore" / "snyk.json", **{LOGIN_KEY: cli_login(token, expiry="2100-01-01T00:00:00Z")}
    )
    done = cli("whoami")
    assert (done.code, done.err) == (0, "")
    identity = done.objects[0]
    assert identity["credentials"] == "Snyk CLI login"
    assert str(file) in identity["credentials_from"]
    assert identity["expires_at"] == "2100-01-01T00:00:00+00:00"
    assert "2100-01-01 00:00 UTC" in cli("whoami", "-o", "table").out


def test_login_that_has_expired_says_what_to_run(
    fake: FakeSnyk, cli: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SNYK_TOKEN")
    token = jwt(aud="https://api.snyk.io")
    write_cli_file(
        config / "configstore" / "snyk.json", **{LOGIN_KEY: cli_login(token, expires_in=-timedelta(hours=1))}
    )
    done = cli("groups")
    assert (done.code, done.out) == (2, "")
    assert "expired" in done.err
    assert "snyk auth" in done.err
    assert not fake.requests


def test_nothing_found_says_where_it_looked(cli: Call, config: Path) -> None:
    done = cli("groups")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(
        "groups-sdk: error: No token found. Set SNYK_TOKEN, or run `snyk auth`. Looked in: "
    )


def test_profile_says_where_the_token_is_and_what_is_meant(
    fake: FakeSnyk, cli: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.add_token("of-the-profile", groups=[fake.groups()[1].id])
    monkeypatch.setenv("MINE", "of-the-profile")
    monkeypatch.setenv("SNYK_GROUP_ID", "Engineering")
    url = os.environ["SNYK_API"]
    write_profiles(config, f'[lab]\nbase_url = "{url}"\ntoken_env = "MINE"\ngroup = "Research"\n')
    monkeypatch.setenv("SNYK_API", "https://meant-for-another-token.example")
    assert cli("show", "--profile", "lab").objects[0]["name"] == "Research"
    monkeypatch.setenv("SNYK_GROUPS_PROFILE", "lab")
    identity = cli("whoami").objects[0]
    assert identity["credentials_from"] == "MINE (profile lab)"
    assert [group["name"] for group in identity["groups"]] == ["Research"]
    assert cli("show", "Nowhere").err.startswith("groups-sdk: error: there is no group 'Nowhere'. ")
    assert cli("show", "--fake").objects[0]["name"] == "Engineering"


def test_address_of_a_profile_goes_before_the_environment_and_behind_an_option(
    fake: FakeSnyk, cli: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profiles(config, '[lab]\nregion = "SNYK-EU-01"\n[own]\nbase_url = "http://127.0.0.1:9"\n')
    assert (
        "api.eu.snyk.io"
        in cli("whoami", "--profile", "lab", "--proxy", "http://127.0.0.1:1", "--deadline", "0.1").out
    )
    elsewhere = cli("whoami", "--profile", "own", "--deadline", "0.1")
    assert (elsewhere.code, elsewhere.objects[0]["base_url_from"]) == (7, "profile own")
    done = cli("whoami", "--profile", "own", "--base-url", os.environ["SNYK_API"])
    assert (done.code, done.objects[0]["base_url_from"]) == (0, "--base-url")


def test_profile_of_the_snyk_cli_s_file_takes_no_other_token(fake: FakeSnyk, cli: Call, config: Path) -> None:
    fake.add_token("of-the-file", groups=[fake.groups()[1].id])
    file = write_cli_file(
        config / "configstore" / "snyk.json", api="of-the-file", endpoint=os.environ["SNYK_API"]
    )
    write_profiles(config, "[person]\ntoken_snyk_cli = true\n")
    identity = cli("whoami", "--profile", "person").objects[0]
    assert identity["credentials_from"] == "the Snyk CLI's file (profile person)"
    assert str(file) in identity["base_url_from"]
    assert [group["name"] for group in identity["groups"]] == ["Research"], "it is the token of the file"


@pytest.mark.usefixtures("fake")
def test_what_is_wrong_with_the_connection_is_said_in_options(cli: Call, tmp_path: Path) -> None:
    nothing = tmp_path / "empty.pem"
    nothing.touch()
    for arguments, words in (
        (["--client-key", str(nothing)], "--client-key needs --client-cert"),
        (["--base-url", "https://x.example/?q=1"], "error: --base-url: must not contain a query"),
        (["--base-url", "https://x.example", "--ca-file", str(nothing)], "error: --ca-file: "),
        (["--base-url", "https://x.example", "--client-cert", str(nothing)], "error: --client-cert: "),
        (["--base-url", "https://x.example", "--proxy", "ftp://x"], "error: --proxy: "),
        (
            ["--shared-limit", "http://x"],
            "error: --shared-limit must be the path of a file, or a URL that begins",
        ),
        (["--shared-limit", str(tmp_path)], f"error: {tmp_path}: cannot be used for a shared rate limit: "),
        (["--profile", "nope"], "there are no profiles"),
    ):
        done = cli("groups", *arguments)
        assert (done.code, done.out) == (2, "")
        assert words in done.err


def done_without(cli: Call, place: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command says that works, though its limit cannot be shared."""

    def fail(*_: object) -> None:
        raise StoreUnavailable("it is full")

    with monkeypatch.context() as patch:
        patch.setattr(FileStore, "take", fail)
        done = cli("groups", "--shared-limit", str(place))
    assert done.code == 0
    return done.err


@pytest.mark.usefixtures("fake")
def test_a_shared_limit_is_named_by_the_option_or_the_environment(
    cli: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("groups", "--shared-limit", str(tmp_path / "option")).code == 0
    monkeypatch.setenv("SNYK_GROUPS_SHARED_LIMIT", str(tmp_path / "variable"))
    assert cli("groups").code == 0
    assert (tmp_path / "option").stat().st_size == (tmp_path / "variable").stat().st_size > 0
    assert done_without(cli, tmp_path / "variable", monkeypatch) == (
        f"groups-sdk: warning: the shared rate limit in {tmp_path / 'variable'} cannot be used (it is full): until it "
        "can, this client keeps to 40 requests a second and 405 a minute by itself\n"
    )
    monkeypatch.setenv("SNYK_GROUPS_SHARED_LIMIT", "ftp://somewhere")
    done = cli("groups")
    assert done.code == 2
    assert "error: SNYK_GROUPS_SHARED_LIMIT must be the path of a file" in done.err


@pytest.mark.parametrize("source", ["token_env", "token_command"])
def test_token_of_a_profile_does_not_go_to_an_address_meant_for_another(
    fake: FakeSnyk, cli: Call, config: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    value = '"MINE"' if source == "token_env" else '["echo", "of-the-profile"]'
    write_profiles(config, f"[own]\n{source} = {value}\n")
    write_cli_file(config / "configstore" / "snyk.json", endpoint=os.environ["SNYK_API"])
    monkeypatch.setenv("MINE", "of-the-profile")
    monkeypatch.setenv("SNYK_CFG_ENDPOINT", os.environ["SNYK_API"])
    done = cli("whoami", "--profile", "own", "--proxy", "http://127.0.0.1:1", "--deadline", "0.1")
    assert done.objects[0]["base_url"] == "https://api.snyk.io/rest"
    assert "of-the-profile" not in done.out + done.err
    assert not fake.requests


@pytest.mark.usefixtures("fake")
def test_profile_that_is_blank_is_not_the_default_account(cli: Call) -> None:
    done = cli("whoami", "--profile", " ")
    assert (done.code, done.out, done.err) == (2, "", "groups-sdk: error: --profile is empty\n")


@pytest.mark.usefixtures("fake")
def test_what_is_wrong_in_a_profile_names_the_profile(
    cli: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "a b")
    write_profiles(config, '[far]\nregion = "MARS"\n[odd]\ntoken_env = "MINE"\n')
    assert "profile far, region: " in cli("whoami", "--profile", "far").err
    assert "profile odd, token: " in cli("whoami", "--profile", "odd").err
