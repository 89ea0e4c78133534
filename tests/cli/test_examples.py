"""Every command line in the help, the README and the guides works as it stands, with --fake behind it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support import pages
from support.forking import write_script
from support.pages import command_lines
from support.running import Screen, at_terminal

from groups_sdk.cli._app import app
from groups_sdk.cli._catalog import COMMANDS
from groups_sdk.cli._command import Command

README = command_lines(pages.README)
PAGES = [line for page in pages.PAGES for line in command_lines(page)]


def of_help(name: str) -> list[str]:
    command = app.get_command(None, name)  # type: ignore[arg-type]
    return list(command.examples) if isinstance(command, Command) else []


HELP = [example for name in COMMANDS for example in of_help(name)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files that the examples speak of are, and a plan with something to do."""
    folder = tmp_path_factory.mktemp("examples")
    script = folder / "bin" / "groups-sdk"
    script.parent.mkdir()
    write_script(script)
    (folder / "leavers.txt").write_text("grace.0001@example.com\nalan.0002@example.com\n")
    (folder / "wanted.csv").write_text("email,role\ngrace.0001@example.com,Group Viewer\n")
    (folder / "accounts.csv").write_text("old,new\ndonald.0005@example.com,grace.0001@example.com\n")
    (folder / "hygiene.json").write_text('{"findings": {"sso_deactivated": "remove"}, "cascade": true}\n')
    (folder / "hygiene.yaml").write_text(next(pages.blocks(pages.GUIDES / "hygiene.md", "yaml")).text)
    assert run(folder, "groups-sdk plan wanted.csv --save plan.json").code == 0
    assert run(folder, "groups-sdk hygiene --policy hygiene.json --save cleanup.json").code == 0
    assert run(folder, "groups-sdk review --jsonl 2025-11.jsonl").code == 0
    assert run(folder, "groups-sdk export desired.csv").code == 0
    return folder


def run(folder: Path, line: str) -> Screen:
    """A line as it stands, in a shell at a terminal, with --fake behind each command. Questions are answered."""
    line = re.sub(r"(groups-sdk [^|>]*[^|> ])", r"\1 --fake", line)
    return at_terminal(
        "-c",
        line,
        command=["sh"],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        at_text=lambda text, _: "y\n" if text.endswith("[y/N] ") else None,
    )


@pytest.mark.parametrize("line", dict.fromkeys([*PAGES, *HELP]))
def test_command_line_works_as_it_stands(folder: Path, line: str) -> None:
    screen = run(folder, line)
    assert screen.code == 0, screen.plain


def test_every_command_but_these_has_an_example() -> None:
    assert {name for name in COMMANDS if not of_help(name)} == {
        "memberships",
        "undo",
        "fake",
        "demo",
        "completion",
    }


def test_readme_has_one_screen_of_them() -> None:
    assert 5 <= len(README) <= 12


def test_readme_shows_what_its_first_command_prints(folder: Path) -> None:
    text = pages.README.read_text(encoding="utf-8")
    shown = text.partition("groups-sdk review --fake\n```\n\n```\n")[2].partition("\n...\n```")[0]
    printed = "\n".join(line.rstrip() for line in run(folder, "groups-sdk review").plain.splitlines())
    assert shown.startswith("Engineering: ")
    assert shown in printed
