"""The commands that change: what they send, what they ask before, and what they say of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.hanging import Hanging
from support.loopback import served
from support.running import FAKE_NOTE, PATIENCE, Done, at_terminal, call, start

from groups_sdk.cli import _changing as changing
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE, ALAN = "ada.0000@example.com", "grace.0001@example.com", "alan.0002@example.com"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Call:
    return lambda *arguments: call(capsys, *arguments)


def roles(fake: FakeSnyk, group_id: str | None = None) -> dict[str, str]:
    return {m.user.email: m.role.name for m in fake.memberships(group_id or fake.group_id)}


def changes(fake: FakeSnyk) -> list[str]:
    return [request.method for request in fake.requests if request.method != "GET"]


def test_set_role_changes_those_that_need_it(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("set-role", "Group Member", ADA, GRACE, "ada.0000", "-g", "Engineering", "--yes")
    assert (done.code, done.err) == (0, f"  {ADA}: Group Admin -> Group Member\n")
    assert {(o["email"], o["status"], o["role_before"], o["role"]) for o in done.objects} == {
        (ADA, "applied", "Group Admin", "Group Member"),
        (GRACE, "unchanged", "Group Member", "Group Member"),
    }
    assert roles(fake)[ADA] == "Group Member"
    assert changes(fake) == ["PATCH"]


def test_set_role_that_changes_nothing_asks_nothing(fake: FakeSnyk, group_id: str) -> None:
    screen = at_terminal("set-role", "Group Member", GRACE, "-g", group_id)
    assert screen.code == 0
    assert "[y/N]" not in screen.text
    assert "unchanged" in screen.text
    assert changes(fake) == []


def test_set_role_refuses_a_role_that_nobody_has_with_the_choices(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    done = cli("set-role", "Emperor", ADA, "-g", group_id, "--yes")
    assert (done.code, done.out) == (2, "")
    for role in ("Group Admin", "Group Member", "Group Viewer"):
        assert role in done.err
    assert changes(fake) == []


@pytest.mark.parametrize(
    "command",
    [["set-role", "Group Viewer", ADA, "nobody@example.com"], ["remove", ADA, "nobody", "--cascade"]],
)
def test_one_who_is_no_member_keeps_all_from_being_changed(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str]
) -> None:
    done = cli(*command, "-g", group_id, "--yes")
    assert (done.code, done.out) == (4, "")
    assert "is no member of" in done.err
    assert changes(fake) == []


def test_member_who_left_since_they_were_found_is_not_added_again(
    fake: FakeSnyk, group_id: str, cli: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = changing._members

    def leave(*arguments: object) -> object:
        members = found(*arguments)  # type: ignore[arg-type] # as they came
        with fake.client() as client:
            client.delete_membership(group_id, members[0].id, cascade=True)
        return members

    monkeypatch.setattr(changing, "_members", leave)
    done = cli("set-role", "Group Viewer", ADA, "-g", group_id, "--yes")
    assert (done.code, done.out) == (1, "")
    assert "has left the group meanwhile: nothing was changed" in done.err
    assert changes(fake) == ["DELETE"]


@pytest.mark.parametrize(
    "command",
    [
        ["set-role", "Group Viewer", ADA],
        ["remove", ADA, "--cascade"],
        ["offboard", ADA, "--cascade"],
    ],
)
def test_change_that_nobody_can_confirm_is_refused_before_anything_is_sent(
    fake: FakeSnyk, cli: Call, command: list[str]
) -> None:
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "groups-sdk: error: there is no terminal to confirm this on: give --yes, or --dry-run to see what it does\n"
    )
    assert not fake.requests


@pytest.mark.parametrize("command", [["remove", ADA], ["offboard", ADA]])
def test_removal_wants_the_organizations_to_be_thought_of(
    fake: FakeSnyk, cli: Call, command: list[str]
) -> None:
    done = cli(*command, "--yes")
    assert (done.code, done.out) == (2, "")
    assert "--cascade" in done.err
    assert "--no-cascade" in done.err
    assert not fake.requests


@pytest.mark.parametrize(
    ("command", "shown", "answer"),
    [
        (
            ["set-role", "Group Viewer", ADA, "-g", "Engineering"],
            f"{ADA}: Group Admin -> Group Viewer",
            "n\n",
        ),
        (
            ["remove", ADA, "-g", "Engineering", "--cascade"],
            f"remove {ADA} (Group Admin), and from Payments",
            "\n",
        ),
        (["remove", ADA, "-g", "Engineering", "--no-cascade"], f"remove {ADA} (Group Admin)\r\n", "\x04"),
        (
            ["offboard", ADA, "--cascade"],
            "Engineering: would remove (Group Admin), organizations: Payments",
            "yes?\n",
        ),
    ],
)
def test_prompt_says_what_will_happen_and_anything_but_yes_is_no(
    fake: FakeSnyk, command: list[str], shown: str, answer: str
) -> None:
    screen = at_terminal(*command, type_in={"[y/N]": answer})
    assert screen.code == 1
    assert shown in screen.text.partition("[y/N]")[0]
    assert "not confirmed: nothing was changed" in screen.text
    assert changes(fake) == []


def test_interrupt_at_the_prompt_is_no(fake: FakeSnyk) -> None:
    sent = []

    def interrupt(text: str, process: int) -> str | None:
        if "[y/N]" in text and not sent:
            sent.append(process)
            os.kill(process, signal.SIGINT)
            return "\n"  # Python sees a signal that comes in the moment before it waits for a line after that line
        return None

    screen = at_terminal("set-role", "Group Viewer", ADA, "-g", "Engineering", at_text=interrupt)
    assert screen.code == 130
    assert screen.plain.rstrip().endswith("interrupted")
    assert changes(fake) == []


def test_prompt_that_is_answered_with_yes_lets_it_happen(fake: FakeSnyk) -> None:
    screen = at_terminal("set-role", "Group Viewer", ADA, "-g", "Engineering", type_in={"[y/N]": "y\n"})
    assert screen.code == 0
    assert "Make 1 change in Engineering? [y/N]" in screen.plain
    assert "STATUS" in screen.plain
    assert "applied" in screen.plain
    assert roles(fake)[ADA] == "Group Viewer"


@pytest.mark.parametrize(
    "command",
    [["set-role", "Group Viewer", ADA], ["remove", ADA, "--cascade"], ["remove", ADA, "--no-cascade"]],
)
def test_dry_run_says_what_would_be_done_and_does_nothing(
    fake: FakeSnyk, group_id: str, cli: Call, command: list[str]
) -> None:
    done = cli(*command, "-g", group_id, "--dry-run")
    assert done.code == 0
    (pending,) = done.objects
    assert (pending["email"], pending["role_before"]) == (ADA, "Group Admin")
    assert done.err.endswith("dry run: nothing was changed\n")
    assert changes(fake) == []


@pytest.mark.parametrize("dry", ["--dry-run", "--yes"])
def test_last_admin_is_kept_unless_told(fake: FakeSnyk, group_id: str, cli: Call, dry: str) -> None:
    admins = [email for email, role in roles(fake).items() if role == "Group Admin"]
    done = cli("remove", *admins, "-g", group_id, "--cascade", dry)
    assert (done.code, done.out) == (2, "")
    assert "--allow-last-admin" in done.err
    assert changes(fake) == []
    done = cli("remove", *admins, "-g", group_id, "--cascade", dry, "--allow-last-admin")
    assert done.code == 0
    assert changes(fake) == ([] if dry == "--dry-run" else ["DELETE"] * 3)


def test_one_is_kept_from_locking_oneself_out_unless_told(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    command = ["set-role", "Group Viewer", ADA, GRACE, "-g", group_id, "--yes", "--me", ADA.upper()]
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert "--allow-self" in done.err
    assert changes(fake) == []
    assert cli(*command, "--allow-self").code == 0
    assert changes(fake) == ["PATCH"] * 2


def test_remove_takes_people_out(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("remove", GRACE, ALAN, "-g", group_id, "--cascade", "-y", "-o", "csv")
    assert done.code == 0
    assert done.out.count("applied") == 2
    assert not {GRACE, ALAN} & roles(fake).keys()


def test_organizations_that_may_not_be_listed_are_said_to_be(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    fake.fail_next(status=403, path="org_memberships")
    done = cli("remove", GRACE, "-g", group_id, "--cascade", "--dry-run")
    assert f"remove {GRACE} (Group Member), and from organizations below that may not be listed\n" in done.err


def test_some_that_fail_are_exit_code_1_and_the_others_are_done(
    fake: FakeSnyk, group_id: str, cli: Call
) -> None:
    fake.fail_next(status=403, method="PATCH")
    done = cli("set-role", "Group Viewer", GRACE, ALAN, "-g", group_id, "-y", "--concurrency", "1")
    assert done.code == 1
    failed, applied = done.objects
    assert (failed["status"], applied["status"]) == ("failed", "applied")
    assert failed["request_id"]
    assert failed["request_id"] in failed["error"]
    assert done.err.endswith("of 2 changes 1 failed\n")


@pytest.mark.parametrize(("status", "code"), [(403, 3), (401, 3), (404, 4), (400, 1)])
def test_all_that_fail_for_one_reason_have_its_exit_code(
    fake: FakeSnyk, group_id: str, cli: Call, status: int, code: int
) -> None:
    fake.fail_next(status=status, method="PATCH", times=2)
    done = cli("set-role", "Group Viewer", GRACE, ALAN, "-g", group_id, "-y")
    assert done.code == code
    assert done.err.endswith("of 2 changes 2 failed\n")


def test_outcome_that_nobody_knows_is_said_to_be_unknown(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    fake.fail_next(status=501, method="DELETE")
    done = cli("remove", GRACE, "-g", group_id, "--cascade", "-y")
    assert done.code == 1
    assert done.objects[0]["status"] == "unknown"
    assert done.err.endswith("of 1 change 1 may have been applied: look before you go on\n")


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    path = tmp_path / "desired.csv"
    path.write_text(f"email,role\n{ADA},Group Viewer\n{GRACE},Group Viewer\nnobody@example.com,Group Admin\n")
    return path


def test_plan_shows_what_would_change_and_changes_nothing(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path
) -> None:
    done = cli("plan", str(desired), "-g", group_id, "-o", "table")
    assert (done.code, done.err) == (0, "")
    assert f"~ {ADA}: Group Admin -> Group Viewer" in done.out
    assert "nobody@example.com" in done.out
    done = cli("plan", str(desired), "-g", group_id)
    assert [o["email"] for o in done.objects] == [ADA, GRACE]
    assert done.err.startswith("nobody@example.com cannot be added as Group Admin: ")
    assert json.loads(cli("plan", str(desired), "-g", group_id, "-o", "json").out)["format"]
    assert changes(fake) == []


def test_plan_says_what_there_is_to_remark(fake: FakeSnyk, group_id: str, cli: Call, desired: Path) -> None:
    fake.fail_next(status=403, path="sso_connections")
    done = cli("plan", str(desired), "-g", group_id)
    assert done.code == 0
    assert done.err.count("\n") == 2


def test_plan_that_is_saved_is_applied_and_applied_only_once(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    assert cli("plan", str(desired), "-g", group_id, "--save", str(plan)).code == 0
    done = cli("apply", str(plan), "--dry-run")
    assert [o["email"] for o in done.objects] == [ADA, GRACE]
    assert not (tmp_path / "plan.json.journal").exists()
    done = cli("apply", str(plan), "--yes")
    assert (done.code, [o["status"] for o in done.objects]) == (0, ["applied", "applied"])
    assert (tmp_path / "plan.json.journal").exists()
    assert cli("apply", str(plan), "--dry-run").out == ""
    again = cli("apply", str(plan), "--yes")
    assert (again.code, [(o["status"], o["earlier"]) for o in again.objects]) == (0, [("applied", True)] * 2)
    other = cli("apply", str(plan), "--yes", "--journal", str(tmp_path / "other"))
    assert [o["status"] for o in other.objects] == ["unchanged", "unchanged"]
    assert changes(fake) == ["PATCH", "PATCH"]


def test_plan_with_removals_wants_the_organizations_to_be_thought_of(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    desired, plan = tmp_path / "desired.json", tmp_path / "plan.json"
    desired.write_text(json.dumps({m.user.email: m.role.name for m in fake.memberships(group_id)[1:]}))
    assert cli("plan", str(desired), "-g", group_id, "--prune", "--save", str(plan)).code == 0
    asked = len(fake.requests)
    done = cli("apply", str(plan), "--yes")
    assert (done.code, done.out) == (2, "")
    assert "--no-cascade" in done.err
    assert len(fake.requests) == asked
    assert cli("apply", str(plan), "--yes", "--cascade").code == 0
    assert ADA not in roles(fake)


def test_plan_that_is_stale_is_not_applied(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    assert cli("plan", str(desired), "-g", group_id, "--save", str(plan)).code == 0
    assert cli("remove", ADA, "-g", group_id, "--cascade", "--yes").code == 0
    done = cli("apply", str(plan), "--yes", "--strict")
    assert (done.code, done.out) == (1, "")
    assert ADA in done.err
    done = cli("apply", str(plan), "--yes")
    assert done.code == 1
    assert {(o["email"], o["status"]) for o in done.objects} == {(ADA, "failed"), (GRACE, "applied")}


@pytest.mark.parametrize(
    ("text", "words"), [("{}", "format"), ("email,role\n", "JSON"), (None, "does not exist")]
)
def test_plan_that_is_none_is_wrong_usage(
    fake: FakeSnyk, cli: Call, tmp_path: Path, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / "plan.json").write_text(text)
    done = cli("apply", str(tmp_path / "plan.json"), "--yes")
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not fake.requests


def test_plan_that_cannot_be_saved_is_one_line(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path
) -> None:
    done = cli("plan", str(desired), "-g", group_id, "--save", str(desired / "x"))
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith(f"Not a directory: {desired}/x\n")


def test_plans_of_the_example_in_memory_leave_no_journal(tmp_path: Path, cli: Call, desired: Path) -> None:
    plan = tmp_path / "plan.json"
    assert cli("plan", str(desired), "--fake", "--save", str(plan)).code == 0
    for _ in range(2):
        done = cli("apply", str(plan), "--fake", "--yes")
        assert [o["status"] for o in done.objects] == ["applied", "applied"]
        assert done.err.startswith(FAKE_NOTE)
    assert {path.name for path in tmp_path.iterdir()} == {"desired.csv", "plan.json"}


def test_offboarding_removes_a_person_from_every_group(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA.upper(), "--cascade", "--yes")
    assert done.code == 0
    assert {o["group"]: o["status"] for o in done.objects} == {
        "Engineering": "removed",
        "Research": "removed",
        "Security Champions": "not member",
    }
    assert not [group for group in fake.groups() if ADA in roles(fake, group.id)]


def test_offboarding_runs_dry(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", ADA, "--no-cascade", "--dry-run")
    assert done.code == 0
    assert {o["group"]: o["status"] for o in done.objects} == {
        "Engineering": "would remove",
        "Research": "would remove",
        "Security Champions": "not member",
    }
    assert done.err == "dry run: nothing was changed\n"
    assert changes(fake) == []


def test_offboarding_of_somebody_who_is_nowhere_is_not_found(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", "nobody@example.com", "--cascade", "--yes")
    assert done.code == 4
    assert {o["status"] for o in done.objects} == {"not member"}
    assert "is a member of no group that the token sees" in done.err


def test_offboarding_says_which_groups_nobody_may_read(fake: FakeSnyk, cli: Call) -> None:
    fake.fail_next(status=403, path=f"{fake.groups()[2].id}/memberships", times=9)
    done = cli("offboard", "nobody@example.com", "--cascade", "--yes")
    assert done.code == 1
    assert [o["status"] for o in done.objects if o["group"] == "Security Champions"] == ["unreadable"]


def test_offboarding_needs_an_address(fake: FakeSnyk, cli: Call) -> None:
    done = cli("offboard", "ada", "--cascade", "--yes")
    assert (done.code, done.out) == (2, "")
    assert not fake.requests


def interrupted(service: Hanging, waiting: int, *arguments: str) -> Done:
    process = start(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        for _ in range(waiting):
            service.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return Done(process.returncode, out.decode(), err.decode())


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hanging]:
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    return lambda method, answered: Hanging(FakeSnyk.example(), method, answered=answered)


def test_interrupt_leaves_no_change_without_its_outcome(
    hanging: Callable[..., Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hanging("PATCH", 1)
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        people = [member.user.email for member in service.app.memberships(service.app.group_id)[1:5]]
        done = interrupted(
            service, 2, "set-role", "Group Admin", *people, "-g", "Engineering", "--yes", "--concurrency", "2"
        )
    assert done.code == 130
    assert sorted(o["status"] for o in done.objects) == ["applied", "unknown", "unknown"]
    assert done.err.splitlines()[-2:] == ["stopped: 1 change not begun", "interrupted"]


def test_interrupted_apply_goes_on_where_it_was(
    hanging: Callable[..., Hanging], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Call
) -> None:
    service = hanging("PATCH", 1)
    fake = service.app
    desired, plan = tmp_path / "desired.json", tmp_path / "plan.json"
    people = [member.user.email for member in fake.memberships(fake.group_id)[1:4]]
    desired.write_text(json.dumps(dict.fromkeys(people, "Group Admin")))
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        assert cli("plan", str(desired), "-g", "Engineering", "--save", str(plan)).code == 0
        done = interrupted(service, 1, "apply", str(plan), "--yes", "--concurrency", "1")
    assert done.code == 130
    assert [o["status"] for o in done.objects] == ["applied", "unknown"]
    assert changes(fake) == ["PATCH"]
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        done = cli("apply", str(plan), "--yes")
    assert done.code == 0
    assert [(o["status"], o["earlier"]) for o in done.objects] == [
        ("applied", True),
        ("applied", False),
        ("applied", False),
    ]
    assert changes(fake) == ["PATCH"] * 3


def test_interrupted_offboarding_says_what_came_of_each_group(
    hanging: Callable[..., Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hanging("DELETE", 1)
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        done = interrupted(service, 1, "offboard", ADA, "--cascade", "--yes", "--concurrency", "1")
    assert done.code == 130
    assert sorted(o["status"] for o in done.objects if o["status"] != "not member") == ["removed", "unknown"]
    assert done.err.endswith("interrupted\n")


def test_interrupted_look_sends_no_change(
    hanging: Callable[..., Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = hanging("GET", 2)
    with served(service) as url:
        monkeypatch.setenv("SNYK_API", url)
        done = interrupted(service, 1, "offboard", ADA, "--cascade", "--yes", "--concurrency", "1")
    assert (done.code, done.out) == (130, "")
    assert changes(service.app) == []


def test_change_of_the_example_says_that_it_is_lost(cli: Call) -> None:
    done = cli("set-role", "Group Viewer", ADA, "--fake", "--yes")
    assert done.code == 0
    assert done.err == f"{FAKE_NOTE}  {ADA}: Group Admin -> Group Viewer\n"
    assert done.objects[0]["status"] == "applied"
