"""README and guides are true: examples run, against FakeSnyk on a real socket, and tables match the code."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import re
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest
from support import inner_pytest
from support.loopback import served
from support.pages import PAGES, README, ROOT, Block, blocks, guide, section

import groups_sdk
from groups_sdk import AsyncGroupsClient, Region, errors
from groups_sdk.access import Access
from groups_sdk.cli import _exit_codes as exit_codes
from groups_sdk.cli._catalog import COMMANDS
from groups_sdk.testing import FakeSnyk

TEXT = README.read_text(encoding="utf-8")
BLOCKS = [pytest.param(block, id=block.name) for page in PAGES for block in blocks(page, "python")]
PLAIN = [param for param in BLOCKS if "def test_" not in param.values[0].text]  # type: ignore[union-attr]
TESTS = [param for param in BLOCKS if param not in PLAIN]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the README says that its reader has: a token and a region in the environment, and some ids."""
    fake = FakeSnyk.example()
    admin, member, *_ = fake.memberships(fake.group_id)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    loggers = [logging.getLogger(name) for name in ("groups_sdk", "httpx")]
    levels = [logger.level for logger in loggers]
    with served(fake) as url, warnings.catch_warnings():
        monkeypatch.setenv("SNYK_API", url)
        yield {
            "group_id": fake.group_id,
            "membership_id": member.id,
            "user_id": member.user.id,
            "role_id": admin.role.id,
        }
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.parametrize("block", PLAIN)
def test_example_runs(block: Block, names: dict[str, str]) -> None:
    code = compile(block.in_place, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    example = FunctionType(code, {"__name__": "readme", **names})
    outcome = example()
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


@pytest.mark.parametrize("block", TESTS)
def test_example_tests_pass(block: Block, tmp_path: Path) -> None:
    printed = inner_pytest.passed(block.in_place, tmp_path, plugins=["anyio", "respx"])
    assert re.search(rf"^{block.text.count('def test_')} passed", printed, re.MULTILINE)


def test_two_commands_stand_before_everything_else() -> None:
    top = TEXT.partition("\n## ")[0]
    assert re.findall(r"^```sh\n(.*?)\n```$", top, re.MULTILINE | re.DOTALL) == [
        'python -m pip install ".[cli]" && groups-sdk review --fake',
        "python -m pip install nox && nox",
    ]


def test_readme_can_be_read_in_ten_minutes() -> None:
    assert len(TEXT.splitlines()) <= 350


def test_configuration_table_has_every_argument_with_its_default() -> None:
    table = guide("configuration.md").partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|.*?\| (.*?) \|", table, re.MULTILINE)
    stated = {name: default for cells, default in rows for name in re.findall(r"`(\w+)`", cells)}
    parameters = dict(inspect.signature(AsyncGroupsClient).parameters)
    assert stated.keys() == parameters.keys()
    settled_elsewhere = {"token", "base_url", "region", "transport", "http_client"}
    for name in stated.keys() - settled_elsewhere:
        default = parameters[name].default
        assert stated[name].replace('"', "'") == f"`{default!r}`", name


def test_tables_of_regions_have_every_region() -> None:
    for table in (
        section(TEXT, "### Regions"),
        section(guide("configuration.md"), "## Credentials and regions"),
    ):
        rows = dict(re.findall(r"^\| `(SNYK-\S+)` \| `(\S+)`", table, re.MULTILINE))
        assert rows == {region.value: region.base_url for region in Region}


def test_table_of_extras_has_every_extra() -> None:
    table = TEXT.partition("| extra | adds |")[2].partition("\n\n")[0]
    named = re.findall(r"`([\w-]+)`", "".join(re.findall(r"^\|(.*?)\|", table, re.MULTILINE)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(named) == sorted(project["optional-dependencies"])


def test_error_tree_has_every_error() -> None:
    tree = guide("errors.md").partition("\n## ")[0]
    assert set(re.findall(r"^[│├└─ ]*(\w+Error)\b", tree, re.MULTILINE)) >= set(errors.__all__) - {
        "ErrorObject"
    }


def test_every_operation_is_named() -> None:
    operations = {
        name
        for name, member in vars(groups_sdk.GroupsClient).items()
        if callable(member) and not name.startswith("_")
    }
    assert {name for name in operations - {"close", "with_options"} if f"`{name}`" not in TEXT} == set()


def test_every_job_has_its_place_in_the_guide() -> None:
    jobs = {name for name in vars(Access) if not name.startswith("_")}
    assert {name for name in jobs if not re.search(rf"\b{name}\(", guide("jobs.md"))} == set()


def test_every_command_and_exit_code_is_named() -> None:
    text = guide("command-line.md")
    named = set(re.findall(r"[`, ]`([a-z-]+)(?: [^`]*)?`", text)) | set(
        re.findall(r"^\| `([a-z-]+)", text, re.M)
    )
    assert {*COMMANDS} <= named
    stated = re.findall(r"^\| (\d+) \|", section(text, "## Exit codes"), re.MULTILINE)
    assert [int(code) for code in stated] == [*exit_codes.SUMMARY]
