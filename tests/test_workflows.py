"""What the forge runs: valid, pinned, with the least that it may do; and only sessions that nox has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.pages import ROOT

FORGE = ROOT / ".github"
WORKFLOWS = sorted((FORGE / "workflows").glob("*.yml"))
# What a job may do beyond reading the repository. Publishing and attesting prove who they are with a token of OIDC.
MAY = {
    ("release.yml", "attest"): {"id-token": "write", "attestations": "write"},
    ("release.yml", "publish"): {"id-token": "write"},
}


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def nox_sessions() -> set[str]:
    """The sessions of noxfile.py, with the Pythons of those that have several."""
    found: set[str] = set()
    values: dict[str, Any] = {}
    for node in ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PYTHONS":
            values["PYTHONS"] = ast.literal_eval(node.value)
        if isinstance(node, ast.FunctionDef) and "nox.session" in (
            decorators := " ".join(map(ast.unparse, node.decorator_list))
        ):
            found.add(node.name)
            if "python=PYTHONS)" in decorators:
                found |= {f"{node.name}-{python}" for python in values["PYTHONS"]}
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    lines = re.findall(r"^.*\buses:.*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == sum("uses" in step for step in steps(load(path))) > 0
    for line in lines:
        assert re.fullmatch(r" *(- )?uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_is_pinned_to_the_same_commit_everywhere() -> None:
    used = {step["uses"] for path in WORKFLOWS for step in steps(load(path)) if "uses" in step}
    assert len({use.partition("@")[0] for use in used}) == len(used)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_job_may_do_more_than_it_needs(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == MAY.get((path.name, name), {}), name
        assert job["timeout-minutes"] <= 120
    text = path.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_that_others_choose_is_written_into_a_command(path: Path) -> None:
    for step in steps(load(path)):
        assert set(re.findall(r"\$\{\{ *([\w.]+)", step.get("run", ""))) <= {
            "matrix.session",
            "matrix.python",
        }


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_sessions_that_it_runs_exist(path: Path) -> None:
    workflow = load(path)
    named: set[str] = set()
    for job in workflow["jobs"].values():
        named |= set(job.get("strategy", {}).get("matrix", {}).get("session", []))
        for step in job["steps"]:
            for arguments in re.findall(r"\bnox -s ([^\n]*)", step.get("run", "")):
                named |= set(arguments.partition(" -P ")[0].replace("${{ matrix.session }}", "").split())
    assert named
    assert named <= nox_sessions()


def test_what_was_never_seen_to_pass_fails_nothing_and_says_so() -> None:
    jobs = load(FORGE / "workflows" / "ci.yml")["jobs"]
    assert "continue-on-error" not in jobs["nox"]
    assert jobs["unseen"]["continue-on-error"] is True
    names = [row["name"] for row in jobs["unseen"]["strategy"]["matrix"]["include"]]
    assert names == ["Windows", "macOS", "Python 3.14"]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "Windows, macOS and Python 3.14 have jobs, but these have not been seen to pass yet." in readme


def test_a_release_is_published_only_after_it_was_built_and_attested() -> None:
    workflow = load(FORGE / "workflows" / "release.yml")
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 takes `on` for a truth value
    assert workflow["jobs"]["attest"]["needs"] == "build"
    assert workflow["jobs"]["publish"]["needs"] == "attest"
    assert workflow["jobs"]["publish"]["environment"] == "pypi"


def test_dependabot_watches_actions_and_packages() -> None:
    updates = load(FORGE / "dependabot.yml")["updates"]
    assert [update["package-ecosystem"] for update in updates] == ["github-actions", "pip"]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_the_forms_of_issues_warn_of_tokens(name: str) -> None:
    form = load(FORGE / "ISSUE_TEMPLATE" / f"{name}.yml")
    assert {"name", "description", "body"} <= form.keys()
    assert {part["type"] for part in form["body"]} <= {"markdown", "textarea", "input", "checkboxes"}
    ids = [part["id"] for part in form["body"] if part["type"] != "markdown"]
    assert len(ids) == len(set(ids))
    assert "paste a token" in str(form)
    assert name == "feature" or "whoami" in str(form)
