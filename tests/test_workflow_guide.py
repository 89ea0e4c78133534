"""The workflow of the guide to GitHub Actions: each of its commands is run, against an example of the API.

Steps run as a runner runs them: with bash, the step's environment, and files for outputs and the summary. Actions are
stood in for: artifacts are kept in a folder, `gh` is a script that keeps statuses, and pip installs nothing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from support import pages
from support.jobs import changes_sent, roles_of
from support.loopback import served
from support.running import ROOT

from groups_sdk.access._plan.journal import read_journal
from groups_sdk.testing import FakeSnyk

(BLOCK,) = pages.blocks(pages.GUIDES / "github-actions.md", "yaml")
WORKFLOW: dict[Any, Any] = yaml.safe_load(BLOCK.text)
JOBS: dict[str, Any] = WORKFLOW["jobs"]
GRACE, ALAN = "grace.0001@example.com", "alan.0002@example.com"
SHA = "4" * 40
_GH = f"""#!{sys.executable}
import json, pathlib, sys
kept, arguments = pathlib.Path(__file__).parent / "statuses.json", sys.argv[1:]
statuses = json.loads(kept.read_text()) if kept.exists() else {{}}
if arguments[:3] == ["api", "--method", "POST"]:
    fields = dict(pair.split("=", 1) for pair in arguments[6::2])
    assert arguments[4] == "--silent" and arguments[3] == "repos/acme/snyk/statuses/{SHA}", arguments
    kept.write_text(json.dumps({{fields["context"]: fields}}))
else:
    assert arguments[:2] == ["api", "repos/acme/snyk/commits/{SHA}/status"] and arguments[2] == "--jq", arguments
    for status in statuses.values():
        print(status["description"], status["target_url"].split("/")[-1])
"""
_PYTHON = f"""#!/bin/sh
if [ "$1 $2 $3" = "-m pip install" ]; then exit 0; fi
exec "{sys.executable}" "$@"
"""


@attrs.define
class Runner:
    """A repository with the file, and what runs leave: outputs, artifacts and summaries."""

    fake: FakeSnyk
    url: str
    folder: Path
    run: int = 0
    artifacts: dict[tuple[int, str], Path] = attrs.field(factory=dict)
    outputs: dict[str, str] = attrs.field(factory=dict)
    summary: str = ""
    output: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "repository" / "snyk" / "members.csv"

    def do(self, name: str, *, run: int | None = None) -> int:
        """Run a job in a workspace of its own. Returns the code of the step that failed, or 0."""
        self.run = self.run + 1 if run is None else run
        workspace = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        workspace.mkdir()
        self.summary = self.output = ""
        code = 0
        for step in JOBS[name]["steps"]:
            if code and step.get("if") != "always()":
                continue
            failed = self._use(step, workspace) if "uses" in step else self._shell(step, workspace)
            if not step.get("continue-on-error"):
                code = code or failed
        return code

    def _use(self, step: dict[str, Any], workspace: Path) -> int:
        action, given = step["uses"].partition("@")[0], step.get("with", {})
        if action == "actions/checkout":
            shutil.copytree(self.folder / "repository", workspace, dirs_exist_ok=True)
        elif action == "actions/upload-artifact":
            source = workspace / given["path"]
            if not source.exists():
                return int(given["if-no-files-found"] == "error")
            kept = self.folder / "artifacts" / f"{self.run}-{given['name']}"
            kept.parent.mkdir(exist_ok=True)
            shutil.copy(source, kept)
            self.artifacts[self.run, given["name"]] = kept
        elif action == "actions/download-artifact":
            run = int(self._value(given["run-id"])) if "run-id" in given else self.run
            kept_as = self.artifacts.get((run, given["name"]))
            if kept_as is None:
                return 1
            names = {"plan": "plan.json", "journal": "plan.json.journal"}
            shutil.copy(kept_as, workspace / names[given["name"]])
        else:
            assert action == "actions/setup-python"
        return 0

    def _shell(self, step: dict[str, Any], workspace: Path) -> int:
        assert "${{" not in step["run"], "expressions in a script let others put commands into it"
        summary, output = workspace / "summary", workspace / "output"
        summary.touch()
        output.touch()
        env = {name: self._value(value) for name, value in {**WORKFLOW["env"], **step.get("env", {})}.items()}
        script = workspace / "step.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=workspace,
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "HOME": str(self.folder),
                "GITHUB_STEP_SUMMARY": str(summary),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_REPOSITORY": "acme/snyk",
                "GITHUB_SERVER_URL": "https://github.test",
                "GITHUB_RUN_ID": str(self.run),
                **env,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.output += done.stdout + done.stderr
        self.summary += summary.read_text()
        summary.write_text("")
        self.outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done.returncode

    def _value(self, text: str) -> str:
        """What stands in place of an expression."""
        values = {
            "vars.SNYK_API": self.url,
            "vars.SNYK_GROUP_ID": self.fake.group_id,
            "vars.SNYK_PROTECTED": "ada.0000@example.com",
            "secrets.SNYK_READ_TOKEN": "reader",
            "secrets.SNYK_WRITE_TOKEN": FakeSnyk.TOKEN,
            "github.token": "forge",
            "github.event.pull_request.head.sha": SHA,
            **{f"{place}.outputs.{name}": value for name, value in self.outputs.items() for place in _PLACES},
        }
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], str(text))


_PLACES = ("steps.approved", "needs.check")
_READS = ("group.read", "group.membership.read", "group.sso.read", "group.user.read")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    fake = FakeSnyk.example()
    fake.add_token("reader", permissions=_READS)
    programs = {
        "gh": _GH,
        "python": _PYTHON,
        "groups-sdk": f'#!/bin/sh\nexec "{sys.executable}" -m groups_sdk "$@"\n',
    }
    (tmp_path / "bin").mkdir()
    for name, text in programs.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o700)
    with served(fake) as url:
        made = Runner(fake, url, tmp_path)
        made.file.parent.mkdir(parents=True)
        with fake.client() as client:
            client.access.export(fake.group_id, made.file)
        yield made


def edit(runner: Runner, email: str, role: str | None) -> None:
    """Give somebody another role in the file, or take them out of it."""
    heading, *lines = runner.file.read_text().splitlines()
    found = {line: line.split(",") for line in lines}
    roles = {name: next(r.id for r in runner.fake.roles() if r.name == name) for name in ("Group Viewer",)}
    user_id = next(u.id for u in runner.fake.users() if u.email == email)
    kept = [line for line in lines if user_id not in found[line]]
    if role is not None:
        (line,) = (line for line in lines if user_id in found[line])
        kept.append(line.replace("Group Member", role).replace(_role_id(runner, "Group Member"), roles[role]))
    runner.file.write_text("\n".join([heading, *kept]) + "\n")


def _role_id(runner: Runner, name: str) -> str:
    return next(role.id for role in runner.fake.roles() if role.name == name)


def test_the_plan_that_was_shown_is_applied_and_no_drift_is_left(runner: Runner) -> None:
    edit(runner, GRACE, "Group Viewer")
    edit(runner, ALAN, None)
    assert runner.do("plan") == 0, runner.output
    assert "| " in runner.summary
    assert GRACE in runner.summary
    status = json.loads((runner.folder / "bin" / "statuses.json").read_text())["snyk-plan"]
    assert status["description"] in runner.summary, "the pull request shows that digest"
    assert status["target_url"] == "https://github.test/acme/snyk/actions/runs/1"
    assert changes_sent(runner.fake) == []

    assert runner.do("check") == 0, runner.output
    assert runner.outputs == {"digest": status["description"], "run": "1"}
    assert f"{GRACE}: Group Member -> Group Viewer" in runner.summary
    assert changes_sent(runner.fake) == []

    assert runner.do("apply", run=runner.run) == 0, runner.output
    assert roles_of(runner.fake)[GRACE] == "Group Viewer"
    assert ALAN not in roles_of(runner.fake)
    journal = read_journal(runner.artifacts[runner.run, "journal"])
    assert journal.plan_digest == status["description"]
    assert runner.do("drift") == 0, runner.output

    edit(runner, "edsger.0003@example.com", "Group Viewer")
    assert runner.do("drift") == 5
    assert "edsger.0003@example.com" in runner.summary


def test_another_plan_than_the_one_that_was_shown_is_not_applied(runner: Runner) -> None:
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    plan = runner.artifacts[1, "plan"]
    plan.write_text(plan.read_text().replace('"prune": true', '"prune": false'))
    assert runner.do("check") == 2
    assert "it is not the one approved" in runner.summary
    assert runner.do("apply", run=runner.run) == 2
    assert changes_sent(runner.fake) == []


def test_without_a_plan_nothing_is_applied(runner: Runner) -> None:
    assert runner.do("check") != 0
    assert runner.outputs == {}


def test_what_cannot_be_planned_fails_the_check_and_is_shown(runner: Runner) -> None:
    runner.file.write_text("email,role\nnobody@mail.test,Group Member\n")
    assert runner.do("plan") != 0
    assert not runner.artifacts
    assert not (runner.folder / "bin" / "statuses.json").exists()


def test_an_apply_that_failed_goes_on_with_its_journal(runner: Runner) -> None:
    edit(runner, GRACE, "Group Viewer")
    edit(runner, ALAN, None)
    assert runner.do("plan") == 0, runner.output
    assert runner.do("check") == 0, runner.output
    run = runner.run
    runner.fake.fail_next(status=403, method="DELETE")
    assert runner.do("apply", run=run) != 0
    sent = len(changes_sent(runner.fake))
    assert (run, "journal") in runner.artifacts, "it is kept whatever happened"
    assert runner.do("apply", run=run) == 0, runner.output
    assert len(changes_sent(runner.fake)) == sent + 1, "what was done is not done again"
    assert ALAN not in roles_of(runner.fake)


def test_it_may_do_no_more_than_it_needs() -> None:
    assert WORKFLOW["permissions"] == {}
    with_the_write_token = [name for name, job in JOBS.items() if "SNYK_WRITE_TOKEN" in json.dumps(job)]
    assert with_the_write_token == ["apply"]
    assert JOBS["apply"]["environment"] == "snyk"
    assert JOBS["apply"]["concurrency"]["cancel-in-progress"] is False
    for name, job in JOBS.items():
        assert {*job["permissions"].values()} <= ({"read", "write"} if name == "plan" else {"read"})
    assert "pull_request_target" not in WORKFLOW[True]  # YAML takes `on` for a truth value
    for name in ("plan", "check"):
        assert "github.event.pull_request.head.repo.full_name == github.repository" in JOBS[name]["if"]


def test_actions_are_the_pinned_ones_of_this_repository() -> None:
    ours = "".join(path.read_text() for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")))
    used = re.findall(r"\buses: (\S+@.*)", BLOCK.text)
    assert len(used) == sum("uses" in step for job in JOBS.values() for step in job["steps"])
    for action in used:
        assert f"uses: {action}\n" in ours


def test_it_installs_this_version() -> None:
    from groups_sdk import __version__

    installed = {
        step["run"] for job in JOBS.values() for step in job["steps"] if "pip" in step.get("run", "")
    }
    assert installed == {f'python -m pip install "groups-sdk[cli]=={__version__}"'}
