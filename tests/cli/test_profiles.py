"""Profiles: where a token is, never a token; and what is wrong in the file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from groups_sdk.cli._exit_codes import CommandError
from groups_sdk.cli._profiles import Profile, profiles_path, read_profile


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "groups-sdk" / "profiles.toml"
    path.parent.mkdir(mode=0o700)
    return path


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_file_is_in_the_user_s_own_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    assert profiles_path() == Path("/home/ada/.config/groups-sdk/profiles.toml")


def test_profile_has_what_its_section_says(path: Path) -> None:
    write(
        path,
        '[one]\nregion = "SNYK-EU-01"\ngroup = "Engineering"\ntoken_env = "MINE"\n'
        '[two]\nbase_url = "https://x.example/rest"\ntoken_command = ["pass", "show", "my snyk"]\n'
        "[three]\ntoken_snyk_cli = true\n[four]\n",
    )
    assert read_profile("one") == Profile("one", region="SNYK-EU-01", group="Engineering", token_env="MINE")
    two = read_profile("two")
    assert two == Profile("two", base_url="https://x.example/rest", token_command=("pass", "show", "my snyk"))
    assert [read_profile(name).token_source for name in ("one", "two", "three", "four")] == [
        "MINE (profile one)",
        "the command 'pass' (profile two)",
        "the Snyk CLI's file (profile three)",
        None,
    ]
    assert read_profile("three").read_token() is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[p]\ntoken = "s3cret-value"', "a profile never holds a token"),
        ('[p]\nregoin = "SNYK-EU-01"', "did you mean 'region'?"),
        ('[p]\nxyzzy = "s3cret-value"', "the keys are region, base_url"),
        ("[p]\nregion = 1", "region must be a string"),
        ('[p]\ngroup = " "', "group must be a string"),
        ('[p]\ntoken_command = "echo s3cret-value"', "must be a list of strings"),
        ("[p]\ntoken_command = []", "must be a list of strings"),
        ("[p]\ntoken_command = [1]", "must be a list of strings"),
        ('[p]\ntoken_snyk_cli = "yes"', "must be true or false"),
        ('[p]\ntoken_env = "A"\ntoken_snyk_cli = true', "give one of token_env and token_snyk_cli"),
        ('[p]\nregion = "SNYK-EU-01"\nbase_url = "https://x"', "give one of region and base_url"),
        ("[p", "is not valid TOML"),
        ("p = 1", "there is no profile 'p'"),
        ("[q]\n[r]", "there is no profile 'p' in"),
        ("[q]\n[r]", "its profiles are: q, r"),
        ("", "its profiles are: none"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(path: Path, text: str, words: str) -> None:
    write(path, text)
    with pytest.raises(CommandError) as caught:
        read_profile("p")
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "s3cret-value" not in str(caught.value)


def test_file_that_is_no_text_is_said(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(CommandError, match="is not valid TOML"):
        read_profile("p")


def test_profiles_that_there_are_none_of_are_said(path: Path) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        read_profile("p")


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_file_that_others_can_write_is_not_read(path: Path) -> None:
    write(path, "[p]\n")
    path.chmod(0o622)
    with pytest.raises(CommandError, match="can be written by others"):
        read_profile("p")


def test_token_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile("p", token_env="MINE")
    with pytest.raises(CommandError, match="profile p: the variable MINE is not set"):
        profile.read_token()
    monkeypatch.setenv("MINE", " abc \n")
    assert profile.read_token() == "abc"


def test_token_is_what_a_command_prints_without_a_shell() -> None:
    code = "import sys; print(sys.argv[1])"
    assert Profile("p", token_command=(sys.executable, "-c", code, "$HOME;x")).read_token() == "$HOME;x"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("/nowhere/at-all",), "cannot be run: No such file"),
        ((sys.executable, "-c", "print('s3cret'); raise SystemExit(3)"), "failed with exit code 3"),
        ((sys.executable, "-c", ""), "printed no token"),
    ],
)
def test_command_that_gives_no_token_is_said(command: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError) as caught:
        Profile("p", token_command=command).read_token()
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_folder_that_others_can_write_to_is_not_trusted(path: Path) -> None:
    write(path, "[p]\n")
    path.parent.chmod(0o777)
    with pytest.raises(CommandError, match="can be written by others"):
        read_profile("p")


def test_folder_that_is_relative_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "here")
    monkeypatch.setenv("HOME", "/home/ada")
    assert profiles_path() == Path("/home/ada/.config/groups-sdk/profiles.toml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of POSIX")
def test_named_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(CommandError, match="is a named pipe"):
        read_profile("p")
