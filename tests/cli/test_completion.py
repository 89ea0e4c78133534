"""Completion in the shell: of commands, options, regions and groups; silent when something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.running import COMMAND, ROOT, Done

from groups_sdk.testing import FakeSnyk

SCRIPT = Path(COMMAND[0]).with_name("groups-sdk")


def complete(*words: str, shell: str = "zsh") -> list[str]:
    """The words that complete the last one."""
    environment = {
        "_GROUPS_SDK_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(["groups-sdk", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [SCRIPT], capture_output=True, text=True, env={**os.environ, **environment}, cwd=ROOT, check=True
    )
    assert done.stderr == ""
    return done.stdout.splitlines()[1::3]  # type, word, help


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


def test_commands_options_and_regions_complete() -> None:
    assert complete("mem") == ["members", "memberships"]
    assert complete("members", "--out") == ["--output"]
    assert complete("members", "--output", "j") == ["json", "jsonl"]
    assert [word.upper() for word in complete("members", "--region", "snyk-e")] == ["SNYK-EU-01"]


@pytest.mark.usefixtures("fake")
def test_groups_complete_by_name_and_id(fake: FakeSnyk, group_id: str) -> None:
    assert complete("members", "eng") == ["Engineering"]
    assert complete("find", "ada", "--group", "Rese") == ["Research"]
    assert complete("show", group_id[:6]) == [group_id]
    fake.add_group("Twin")
    fake.add_group("Twin")
    assert complete("show", "Twi") == []
    assert complete("show", "--fake", "Eng") == ["Engineering"]


def test_groups_that_cannot_be_had_complete_nothing() -> None:
    assert complete("members", "--base-url", "http://127.0.0.1:1", "eng") == []
