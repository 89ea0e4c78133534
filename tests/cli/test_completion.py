"""Completion in the shell: of commands, options, regions and groups; silent when something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest
from support.running import COMMAND, ROOT, Done

from groups_sdk import Group
from groups_sdk.cli import _completing as completing
from groups_sdk.cli import main
from groups_sdk.testing import FakeSnyk

Complete = Callable[..., list[str]]
SCRIPT = Path(COMMAND[0]).with_name("groups-sdk")


def asked(words: Sequence[str], shell: str) -> dict[str, str]:
    """The variables by which a shell's script asks what completes the last word."""
    return {
        "_GROUPS_SDK_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(["groups-sdk", *words]),
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
    }


@pytest.fixture
def answer(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a shell's script is given."""

    def ask(*words: str, shell: str) -> str:
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
            for name, value in asked(words, shell).items():
                patch.setenv(name, value)
            main([])
        done = capsys.readouterr()
        assert (ended.value.code, done.err) == (0, "")
        return done.out

    return ask


@pytest.fixture
def complete(answer: Callable[..., str]) -> Callable[..., list[str]]:
    """The words that complete the last one."""
    return lambda *words: answer(*words, shell="zsh").splitlines()[1::3]  # type, word, help


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_is_printed(cli: Callable[..., Done], shell: str) -> None:
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("click asks bash for its version")
    done = cli("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert "_GROUPS_SDK_COMPLETE" in done.out


def test_other_shell_is_wrong_usage(cli: Callable[..., Done]) -> None:
    done = cli("completion", "tcsh")
    assert (done.code, done.out) == (2, "")
    assert "tcsh" in done.err


def test_the_installed_command_completes() -> None:
    env = {**os.environ, **asked(["members", "--out"], "bash")}
    done = subprocess.run([SCRIPT], capture_output=True, text=True, env=env, cwd=ROOT, check=True)
    assert (done.stdout, done.stderr) == ("plain,--output\n", "")


def test_commands_options_and_regions_complete(complete: Complete) -> None:
    assert complete("mem") == ["members", "memberships"]
    assert complete("members", "--out") == ["--output"]
    assert complete("members", "--output", "j") == ["json", "jsonl"]
    assert [word.upper() for word in complete("members", "--region", "snyk-e")] == ["SNYK-EU-01"]


@pytest.mark.usefixtures("fake")
def test_groups_complete_by_name_and_id(fake: FakeSnyk, group_id: str, complete: Complete) -> None:
    assert complete("members", "eng") == ["Engineering"]
    assert complete("find", "ada", "--group", "Rese") == ["Research"]
    assert complete("show", group_id[:6]) == [group_id]
    fake.add_group("Twin")
    fake.add_group("Twin")
    assert complete("show", "Twi") == []
    assert complete("show", "--fake", "Eng") == ["Engineering"]


def test_groups_that_cannot_be_had_complete_nothing(complete: Complete) -> None:
    assert complete("members", "--base-url", "http://127.0.0.1:1", "eng") == []


@pytest.mark.parametrize(
    "name", ["Prod$(touch owned)", "Acme Platform", "glob*", "x\ny,file", "\x1b[31mred", "-rf", "`id`", "a;b"]
)
def test_name_that_a_shell_would_do_something_with_is_completed_by_its_id(
    fake: FakeSnyk, answer: Callable[..., str], name: str
) -> None:
    group = fake.add_group(name)
    for shell in ("bash", "zsh", "fish"):
        shown = answer("show", group.id[:8], shell=shell)
        assert group.id in shown
        assert "\x1b" not in shown
        assert name not in answer("show", name[:3], shell=shell)


def test_command_for_a_token_is_not_run_while_a_line_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, complete: Complete
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    profiles = tmp_path / "groups-sdk" / "profiles.toml"
    profiles.parent.mkdir(mode=0o700)
    profiles.write_text(f'[p]\ntoken_command = ["touch", "{tmp_path}/ran"]\n')
    profiles.chmod(0o600)
    assert complete("show", "--profile", "p", "E") == []
    assert not (tmp_path / "ran").exists()


def test_groups_without_end_are_not_waited_for(fake: FakeSnyk, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(250):
        fake.add_group(f"Team{number}")
    monkeypatch.setattr(completing, "_SECONDS", 30.0)
    moments = iter([0.0, 1000.0])
    monkeypatch.setattr(completing, "monotonic", lambda: next(moments))
    with click.Context(click.Command("x")) as context:
        found = completing.complete_group(context, click.Argument(["x"]), "Team")
    assert 0 < len(found) <= 100


def test_id_that_is_no_plain_word_is_not_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completing, "_groups", lambda context: [Group("a$b", "Plain"), Group("x y", "x y")])
    with click.Context(click.Command("x")) as context:
        found = completing.complete_group(context, click.Argument(["x"]), "")
    assert [item.value for item in found] == ["Plain"]
