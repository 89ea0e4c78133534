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
from support.forking import write_script
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
MERGED = "5" * 40
MERGED_AT = "2026-03-02T12:00:00Z"
PATH = ".github/workflows/snyk-group.yml"
_GH = f"""#!{sys.executable} -IS
import json, pathlib, subprocess, sys
kept, arguments = pathlib.Path(__file__).parent / "forge.json", sys.argv[1:]
forge = json.loads(kept.read_text())
if arguments[:3] == ["api", "--method", "POST"]:
    fields = dict(pair.split("=", 1) for pair in arguments[6::2])
    assert arguments[4] == "--silent" and arguments[3] == "repos/acme/snyk/statuses/{SHA}", arguments
    made = {{"id": len(forge["statuses"]) + 1, "created_at": "2026-03-01T12:00:00Z"}}
    forge["statuses"].insert(0, {{**fields, **made, "creator": {{"login": "github-actions[bot]"}}}})
    kept.write_text(json.dumps(forge))
    sys.exit()
*_, address, option, query = (argument for argument in arguments if argument != "--paginate")
assert arguments[0] == "api" and option == "--jq", arguments
kind, _, name = address.removeprefix("repos/acme/snyk/").partition("/")
if kind == "commits":
    assert name == "{SHA}/statuses?per_page=100" and "--paginate" in arguments, arguments
    answer = forge["statuses"]
elif kind == "actions":
    answer = forge["runs"][name.removeprefix("runs/")]
else:
    path, _, ref = name.partition("?ref=")
    assert (kind, path) == ("contents", "snyk/members.csv"), arguments
    if ref not in forge["files"]:
        sys.exit("gh: Not Found (HTTP 404)")
    answer = {{"sha": forge["files"][ref]}}
sys.exit(subprocess.run(["jq", "-r", query], input=json.dumps(answer), text=True).returncode)
"""
_PYTHON = """#!/bin/sh
if [ "$1 $2 $3" = "-m pip install" ]; then exit 0; fi
exec "$(dirname "$0")/groups-sdk" "$@"
"""


@attrs.define
class Runner:
    """A repository with the file, and what runs leave: outputs, artifacts and summaries."""

    fake: FakeSnyk
    url: str
    folder: Path
    run: int = 0
    attempt: int = 1
    broken: str = ""  # the action that fails
    artifacts: dict[tuple[int, str], Path] = attrs.field(factory=dict)
    outputs: dict[str, str] = attrs.field(factory=dict)
    summary: str = ""
    output: str = ""

    @property
    def file(self) -> Path:
        return self.folder / "repository" / "snyk" / "members.csv"

    @property
    def forge(self) -> dict[str, Any]:
        """What GitHub knows: statuses, the newest first, runs by number, and the file's blob at commits."""
        return dict(json.loads((self.folder / "bin" / "forge.json").read_text()))

    def know(self, **known: Any) -> None:
        (self.folder / "bin" / "forge.json").write_text(json.dumps({**self.forge, **known}))

    def publish(self, digest: str, run: int, **changed: Any) -> None:
        """Add a status, the newest."""
        status = {**self.forge["statuses"][0], "id": 99, "description": digest, **changed}
        status["target_url"] = f"https://github.test/acme/snyk/actions/runs/{run}"
        self.know(statuses=[status, *self.forge["statuses"]])

    def do(self, name: str, *, run: int | None = None, attempt: int = 1) -> int:
        """Run a job in a workspace of its own. Returns the code of the step that failed, or 0."""
        self.run = self.run + 1 if run is None else run
        self.attempt = attempt
        known = {"path": PATH, "head_sha": SHA, "event": "pull_request"}
        self.know(runs={str(self.run): known, **self.forge["runs"]})
        workspace = self.folder / f"{name}-{len(list(self.folder.iterdir()))}"
        workspace.mkdir()
        self.summary = self.output = ""
        code = 0
        for step in JOBS[name]["steps"]:
            condition = step.get("if")
            assert condition in (None, "always()", "github.run_attempt > 1")
            if (code and condition != "always()") or (condition and "attempt" in condition and attempt == 1):
                continue
            failed = self._use(step, workspace) if "uses" in step else self._shell(step, workspace)
            if not step.get("continue-on-error"):
                code = code or failed
        return code

    def _use(self, step: dict[str, Any], workspace: Path) -> int:
        action, given = step["uses"].partition("@")[0], step.get("with", {})
        if self.broken and self.broken in given.values():
            return 1
        if action == "actions/checkout":
            shutil.copytree(self.folder / "repository", workspace, dirs_exist_ok=True)
        elif action == "actions/upload-artifact":
            source = workspace / given["path"]
            if not source.exists():
                return int(given["if-no-files-found"] == "error")
            name = self._value(given["name"])
            assert name == "plan" or (self.run, name) not in self.artifacts, "a name is taken once"
            kept = self.folder / "artifacts" / f"{self.run}-{name}"
            kept.parent.mkdir(exist_ok=True)
            shutil.copy(source, kept)
            self.artifacts[self.run, name] = kept
        elif action == "actions/download-artifact":
            if "pattern" in given:  # each to a folder of its own name
                assert given["pattern"] == "journal-*"
                for (run, name), file in self.artifacts.items():
                    if run == self.run and name.startswith("journal-"):
                        (workspace / given["path"] / name).mkdir(parents=True)
                        shutil.copy(file, workspace / given["path"] / name / "plan.json.journal")
                return 0
            kept_as = self.artifacts.get((int(self._value(given["run-id"])), given["name"]))
            if kept_as is None:
                return 1
            shutil.copy(kept_as, workspace / "plan.json")
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
                "GITHUB_WORKFLOW_REF": f"acme/snyk/{PATH}@refs/heads/main",
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
            "github.event.pull_request.merge_commit_sha": MERGED,
            "github.event.pull_request.merged_at": MERGED_AT,
            "github.run_attempt": str(self.attempt),
            **{f"{place}.outputs.{name}": value for name, value in self.outputs.items() for place in _PLACES},
        }
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values[found[1]], str(text))


_PLACES = ("steps.approved", "needs.check")
_READS = ("group.read", "group.membership.read", "group.sso.read", "group.user.read")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    if shutil.which("jq") is None:
        pytest.skip("jq stands in for what is built into gh")
    fake = FakeSnyk.example()
    fake.add_token("reader", permissions=_READS)
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin" / "groups-sdk")
    for name, text in {"gh": _GH, "python": _PYTHON}.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o700)
    with served(fake) as url:
        made = Runner(fake, url, tmp_path)
        forge = {"statuses": [], "runs": {}, "files": {MERGED: "blob", "main": "blob"}}
        (tmp_path / "bin" / "forge.json").write_text(json.dumps(forge))
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
    (status,) = runner.forge["statuses"]
    assert status["context"] == "snyk-plan"
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
    journal = read_journal(runner.artifacts[runner.run, "journal-1"])
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
    assert runner.forge["statuses"] == []


def test_an_apply_that_failed_goes_on_with_its_journal(runner: Runner) -> None:
    edit(runner, GRACE, "Group Viewer")
    edit(runner, ALAN, None)
    assert runner.do("plan") == 0, runner.output
    assert runner.do("check") == 0, runner.output
    run = runner.run
    runner.fake.fail_next(status=403, method="DELETE")
    assert runner.do("apply", run=run) != 0
    sent = len(changes_sent(runner.fake))
    assert (run, "journal-1") in runner.artifacts, "it is kept whatever happened"
    first = runner.artifacts[run, "journal-1"].read_bytes()
    runner.broken = "journal-*"
    assert runner.do("apply", run=run, attempt=2) != 0
    runner.broken = ""
    assert len(changes_sent(runner.fake)) == sent, "without the journal nothing is done"
    assert (run, "journal-2") not in runner.artifacts
    assert runner.do("apply", run=run, attempt=3) == 0, runner.output
    assert runner.artifacts[run, "journal-1"].read_bytes() == first
    assert len(read_journal(runner.artifacts[run, "journal-3"]).entries) == 2
    assert len(changes_sent(runner.fake)) == sent + 1, "what was done is not done again"
    assert ALAN not in roles_of(runner.fake)


def test_the_newest_journal_is_gone_on_with(runner: Runner) -> None:
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    assert runner.do("check") == 0, runner.output
    run = runner.run
    assert runner.do("apply", run=run, attempt=1) == 0, runner.output
    for number in (2, 9):
        runner.artifacts[run, f"journal-{number}"] = runner.folder / "damaged"
    (runner.folder / "damaged").write_text("no journal\n")
    runner.artifacts[run, "journal-10"] = runner.artifacts[run, "journal-1"]
    assert runner.do("apply", run=run, attempt=11) == 0, runner.output
    assert len(changes_sent(runner.fake)) == 1


def test_an_attempt_before_which_nothing_was_applied_has_no_journal(runner: Runner) -> None:
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    assert runner.do("check") == 0, runner.output
    assert runner.do("apply", run=runner.run, attempt=2) == 0, runner.output
    assert roles_of(runner.fake)[GRACE] == "Group Viewer"


@pytest.mark.parametrize(
    "files", [{MERGED: "old", "main": "new"}, {MERGED: "old"}, {MERGED: "", "main": ""}, {}]
)
def test_what_a_later_merge_took_away_is_not_applied(runner: Runner, files: dict[str, str]) -> None:
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    assert runner.do("check") == 0, runner.output
    runner.know(files=files)
    for attempt in (1, 2):
        assert runner.do("apply", run=runner.run, attempt=attempt) != 0
    assert changes_sent(runner.fake) == []


@pytest.mark.parametrize(
    "status",
    [
        {"creator": {"login": "mallory"}},
        {"created_at": "2026-03-02T12:00:01Z"},
        {"context": "other"},
        {"created_at": "2026-02-28T12:00:00Z"},
    ],
)
def test_only_what_the_workflow_published_last_before_the_merge_counts(
    runner: Runner, status: dict[str, Any]
) -> None:
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    digest = runner.forge["statuses"][0]["description"]
    runner.publish("f" * 64, 7, **status)
    assert runner.do("check") == 0, runner.output
    assert runner.outputs == {"digest": digest, "run": "1"}


def test_of_two_plans_the_newest_counts(runner: Runner) -> None:
    assert runner.do("plan") == 0, runner.output
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    assert runner.do("check") == 0, runner.output
    assert runner.outputs == {"digest": runner.forge["statuses"][0]["description"], "run": "2"}


@pytest.mark.parametrize(
    "run", [{"path": ".github/workflows/other.yml"}, {"head_sha": "6" * 40}, {"event": "workflow_dispatch"}]
)
def test_a_plan_of_another_run_is_refused(runner: Runner, run: dict[str, str]) -> None:
    edit(runner, GRACE, "Group Viewer")
    assert runner.do("plan") == 0, runner.output
    runner.know(runs={"1": {**runner.forge["runs"]["1"], **run}})
    assert runner.do("check") != 0
    assert runner.outputs == {}


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
