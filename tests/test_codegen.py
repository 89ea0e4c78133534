"""The generator: what it writes is fresh, and what it has no rule for it refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from groups_sdk import client, sync_client
from groups_sdk._codegen import __main__ as command
from groups_sdk._codegen import generator
from groups_sdk._codegen.generator import GenerationError, generate

SOURCE = Path(client.__file__).read_text(encoding="utf-8")


def test_the_committed_client_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check"]) == 0, capsys.readouterr().out


def test_the_command_line_checks_it_too() -> None:
    subprocess.run([sys.executable, "-m", "groups_sdk._codegen", "--check"], check=True)


def test_a_stale_client_is_found_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "sync_client.py"
    monkeypatch.setattr(command, "TARGET", target)
    assert command.main(["--check"]) == 1
    target.write_text(
        Path(sync_client.__file__).read_text(encoding="utf-8").rstrip().rpartition("\n")[0] + "\n"
    )
    assert command.main(["--check"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("--- sync_client.py")
    assert "stale" in printed.err
    assert command.main([]) == 0
    assert command.main(["--check"]) == 0
    assert command.main(["--what"]) == 2


METHOD = '    async def get_group(self, group_id: str) -> Group:\n        """'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (METHOD, METHOD.replace('"""', '"x"\n        """'), None),
        ("    async def get_group(", "    @cache\n    async def get_group(", "no rule for decorators"),
        ("-> AsyncPaginator[Group]:", "-> Group:", "no rule for a method that returns Group"),
        (
            "    async def get_group(self, group_id: str) -> Group:",
            "    async def get_group(self, group_id: str) -> AsyncIterator[Group]:",
            "public asynchronous generator",
        ),
        (
            "    async def get_group(self, group_id: str)",
            "    async def get_group(self, *group_id: str)",
            "no rule for",
        ),
        (
            "class AsyncGroupsClient:",
            "class AsyncOther:\n    pass\nclass AsyncGroupsClient:",
            "no rule for this class",
        ),
        ("class AsyncGroupsClient:", "class _Private:\n    pass\nclass AsyncGroupsClient:", None),
        ("group = await client.get_group(group_id)", "group = anyio.run(client)", "'anyio' is left"),
        ("group = await client.get_group(group_id)", "group = = 1", "does not compile"),
        ("One group with all its details", "One group \\\\ with", "backslashes"),
        ("The client is safe to share between tasks of one event loop", "Share it", "nothing used"),
        (
            "        token: str | Credentials | None = None,\n",
            "        key: str,\n",
            "first parameter is not the token",
        ),
    ],
)
def test_what_has_no_rule_is_refused(old: str, new: str, message: str | None) -> None:
    assert old in SOURCE
    changed = SOURCE.replace(old, new, 1)
    if message is None:
        assert "def get_group" in generate(changed)
    else:
        with pytest.raises(GenerationError, match=re.escape(message)):
            generate(changed)


def test_a_method_without_docstring_is_refused() -> None:
    changed = re.sub(
        r'(async def get_group\(self, group_id: str\) -> Group:\n)\s+""".*?"""\n', r"\1", SOURCE, flags=re.S
    )
    with pytest.raises(GenerationError, match=r"get_group: no docstring"):
        generate(changed)


def test_a_failure_of_the_formatter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "RUFF", ["--no-such-option"])
    with pytest.raises(GenerationError, match="ruff failed"):
        generate(SOURCE)
