"""`plan`, `apply`, `undo` and `export`: from a file to a group, and back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.hanging import Hanging
from support.jobs import changes_sent, role_id, roles_of
from support.loopback import served
from support.running import FAKE_NOTE, PATIENCE, Done, at_terminal, interrupted, run, start

from groups_sdk.access import Action, Change, Outcome, Plan, Status
from groups_sdk.access import _batches as batches
from groups_sdk.cli import _run_changes as run_changes
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE, ALAN = "ada.0000@example.com", "grace.0001@example.com", "alan.0002@example.com"
NOBODY = "nobody@example.com"
OTHER_ROLE = "99999999-9999-4999-8999-999999999999"


def methods(fake: FakeSnyk) -> list[str]:
    return [method for method, _ in changes_sent(fake)]


@pytest.fixture
def desired(tmp_path: Path) -> Path:
    path = tmp_path / "desired.csv"
    path.write_text(f"email,role\n{ADA},Group Viewer\n{GRACE},Group Viewer\n{NOBODY},Group Admin\n")
    return path


@pytest.fixture
def saved(fake: FakeSnyk, group_id: str, cli: Call, desired: Path, tmp_path: Path) -> Path:
    """A plan with two changes of roles."""
    plan = tmp_path / "plan.json"
    assert cli("plan", str(desired), "-g", group_id, "--save", str(plan)).code == 1  # nobody is unknown
    return plan


def read(plan: Path) -> Plan:
    return Plan.from_json(plan.read_text())


def edit(plan: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(plan.read_text())
    change(document)
    plan.write_text(json.dumps(document))


# plan


def test_plan_shows_what_would_change_and_changes_nothing(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path
) -> None:
    done = cli("plan", str(desired), "-g", group_id, "-o", "table")
    assert (done.code, done.err) == (1, "")
    assert f"~ {ADA}: Group Admin -> Group Viewer" in done.out
    assert NOBODY in done.out
    done = cli("plan", str(desired), "-g", group_id)
    assert [(o["action"], o["email"]) for o in done.objects] == [
        ("set_role", ADA),
        ("set_role", GRACE),
        ("cannot_add", NOBODY),
    ]
    assert done.objects[2]["reason"]
    assert done.err.startswith(f"{NOBODY} cannot be added as Group Admin: ")
    assert json.loads(cli("plan", str(desired), "-g", group_id, "-o", "json").out)["format"]
    assert changes_sent(fake) == []


@pytest.mark.parametrize("form", ["table", "json", "jsonl", "csv"])
def test_plan_tells_its_digest(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path, tmp_path: Path, form: str
) -> None:
    plan = tmp_path / "plan.json"
    done = cli("plan", str(desired), "-g", group_id, "--save", str(plan), "-o", form)
    told = done.out if form == "table" else done.err
    digest = f"digest {read(plan).digest}\n"
    assert told.endswith(digest if form == "table" else f"{digest}{plan}: {read(plan).summary()}\n")


def test_plan_says_what_there_is_to_remark(fake: FakeSnyk, group_id: str, cli: Call, desired: Path) -> None:
    fake.fail_next(status=403, path="sso_connections")
    done = cli("plan", str(desired), "-g", group_id)
    assert done.code == 1
    assert done.err.count("\n") == 3
    assert "SSO" in done.err.splitlines()[1]


def test_plan_can_be_read_by_its_owner_only(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_plan_that_cannot_be_saved_is_one_line(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path
) -> None:
    done = cli("plan", str(desired), "-g", group_id, "--save", str(desired / "x"))
    assert (done.code, done.out) == (1, "")
    assert done.err == f"groups-sdk: error: {desired}/x: cannot be written: Not a directory\n"


def test_columns_of_the_file_can_be_said(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    file = tmp_path / "mitglieder.csv"
    file.write_text(f"Postfach;Rolle = neu\n{ADA};Group Viewer\n")
    done = cli("plan", str(file), "-g", group_id)
    assert (done.code, done.out) == (2, "")
    assert "--column" in done.err
    done = cli(
        "plan", str(file), "-g", group_id, "--column", "email=Postfach", "--column", "role=Rolle = neu"
    )
    assert (done.code, [o["email"] for o in done.objects]) == (0, [ADA])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["role"], "must be FIELD=HEADING"),
        (["=Rolle"], "must be FIELD=HEADING"),
        (["role= "], "must be FIELD=HEADING"),
        (["role=Rolle", "role=Role"], "gives role twice"),
        (["age=Alter"], "is not one of"),
    ],
)
def test_column_that_says_nothing_is_refused(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path, given: list[str], words: str
) -> None:
    options = [word for column in given for word in ("--column", column)]
    done = cli("plan", str(desired), "-g", group_id, *options)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert not fake.requests


def test_file_says_its_groups(fake: FakeSnyk, cli: Call, tmp_path: Path) -> None:
    file, plan = tmp_path / "desired.csv", tmp_path / "plan.json"
    research = fake.groups()[1]
    fake.add_membership(research.id, fake.add_user().id, role_id(fake, "Group Viewer"))
    file.write_text(f"group,email,role\nEngineering,{ADA},Group Viewer\nResearch,{ADA},Group Viewer\n")
    assert cli("plan", str(file), "--save", str(plan)).code == 0
    assert {group.name for group in read(plan).groups} == {"Engineering", "Research"}
    assert cli("plan", str(file), "-g", "Research").code == 2
    done = cli("apply", str(plan), "--yes")
    assert (done.code, [o["status"] for o in done.objects]) == (0, ["applied"] * 2)
    assert [roles_of(fake, group.id)[ADA] for group in fake.groups()[:2]] == ["Group Viewer"] * 2


def test_file_that_says_no_group_wants_one(fake: FakeSnyk, cli: Call, desired: Path, tmp_path: Path) -> None:
    done = cli("plan", str(desired))
    assert (done.code, done.out) == (2, "")
    assert "choose a group with --group: Engineering (" in done.err
    mixed = tmp_path / "mixed.csv"
    mixed.write_text(f"group,email,role\nEngineering,{ADA},Group Viewer\n,{GRACE},Group Viewer\n")
    assert cli("plan", str(mixed)).code == 2
    done = cli("plan", str(mixed), "-g", "Engineering")
    assert (done.code, len(done.objects)) == (0, 2)


def write_others(fake: FakeSnyk, path: Path, gone: int) -> None:
    """A desired state of all but the first members."""
    path.write_text(json.dumps({m.user.email: m.role.name for m in fake.memberships(fake.group_id)[gone:]}))


def test_pruning_is_limited(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    desired = tmp_path / "desired.json"
    write_others(fake, desired, 4)
    done = cli("plan", str(desired), "-g", group_id, "--prune")
    assert (done.code, done.out) == (2, "")
    assert "give --max-removals 4" in done.err
    done = cli("plan", str(desired), "-g", group_id, "--prune", "--max-removals", "4")
    assert (done.code, len(done.objects)) == (0, 4)
    assert cli("plan", str(desired), "-g", group_id, "--prune", "--max-removals", "-1").code == 2


def test_nobody_is_pruned_while_somebody_is_unresolved(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path, tmp_path: Path
) -> None:
    command = ["plan", str(desired), "-g", group_id, "--prune", "--max-removals", "40"]
    done = cli(*command)
    assert (done.code, done.out) == (2, "")
    assert f"{NOBODY}; correct them, or name them in --allow-unresolved" in done.err
    plan = tmp_path / "plan.json"
    done = cli(*command, "--allow-unresolved", NOBODY, "--save", str(plan), "-o", "table")
    assert done.code == 1
    assert f"members are removed although these were not found: {NOBODY}" in done.out
    assert read(plan).allow_unresolved == (NOBODY,)


def test_nobody_is_pruned_who_is_protected(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    desired = tmp_path / "desired.json"
    write_others(fake, desired, 2)
    done = cli("plan", str(desired), "-g", group_id, "--prune", "--protect", ADA, "--protect", ALAN)
    assert (done.code, [o["email"] for o in done.objects]) == (0, [GRACE])
    assert "is not mentioned, and stays: protected" in done.err


def test_nobody_is_pruned_while_members_are_not_listed(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, listing: Callable[[], dict[str, Any]]
) -> None:
    desired = tmp_path / "desired.json"
    write_others(fake, desired, 1)
    document = listing()
    del document["data"][-1]
    fake.fail_next(status=200, body=document, path="/memberships")
    done = cli("plan", str(desired), "-g", group_id, "--prune")
    assert (done.code, done.out) == (1, "")
    assert "no members of Engineering are removed: the API counts 1 more" in done.err


# apply


def test_plan_that_is_saved_is_applied_and_applied_only_once(
    fake: FakeSnyk, cli: Call, saved: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "plan.json.journal"
    done = cli("apply", str(saved), "--dry-run")
    assert [o["email"] for o in done.objects] == [ADA, GRACE]
    assert not journal.exists()
    done = cli("apply", str(saved), "--yes")
    assert (done.code, [o["status"] for o in done.objects]) == (0, ["applied", "applied"])
    assert journal.exists()
    assert cli("apply", str(saved), "--dry-run").out == ""
    again = cli("apply", str(saved), "--yes")
    assert (again.code, [(o["status"], o["earlier"]) for o in again.objects]) == (0, [("applied", True)] * 2)
    other = cli("apply", str(saved), "--yes", "--journal", str(tmp_path / "other"))
    assert [o["status"] for o in other.objects] == ["unchanged", "unchanged"]
    assert methods(fake) == ["PATCH", "PATCH"]


def test_plan_with_removals_wants_the_organizations_to_be_thought_of(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    desired, plan = tmp_path / "desired.json", tmp_path / "plan.json"
    write_others(fake, desired, 1)
    assert cli("plan", str(desired), "-g", group_id, "--prune", "--save", str(plan)).code == 0
    asked = len(fake.requests)
    done = cli("apply", str(plan), "--yes")
    assert (done.code, done.out) == (2, "")
    assert "--no-cascade" in done.err
    assert len(fake.requests) == asked
    assert cli("apply", str(plan), "--yes", "--cascade").code == 0
    assert ADA not in roles_of(fake)


@pytest.mark.parametrize("option", ["--cascade", "--no-cascade"])
def test_plan_says_itself_what_becomes_of_the_organizations(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, option: str
) -> None:
    desired, plan = tmp_path / "desired.json", tmp_path / "plan.json"
    write_others(fake, desired, 1)
    assert cli("plan", str(desired), "-g", group_id, "--prune", option, "--save", str(plan)).code == 0
    other = {"--cascade": "--no-cascade", "--no-cascade": "--cascade"}[option]
    done = cli("apply", str(plan), "--yes", other)
    assert (done.code, done.out) == (2, "")
    assert f"the plan was made with {option}" in done.err
    assert cli("apply", str(plan), "--dry-run").code == 0
    assert changes_sent(fake) == []


def test_apply_asks_with_the_name_of_the_group(fake: FakeSnyk, saved: Path) -> None:
    screen = at_terminal("apply", str(saved), type_in={"[y/N]": "n\n"}, env={"COLUMNS": "200"})
    assert "Make 2 changes in Engineering? [y/N]" in screen.plain
    assert "where the plan says" not in screen.plain
    assert changes_sent(fake) == []


def test_apply_shows_what_the_api_says(fake: FakeSnyk, cli: Call, saved: Path) -> None:
    edit(saved, lambda document: document["groups"][0].update(name="Sandbox"))
    edit(saved, lambda document: document["role_changes"][0]["user"].update(email="eve@example.com"))
    edit(saved, lambda document: document["role_changes"][0]["before"].update(name="Group Guest"))
    screen = at_terminal("apply", str(saved), type_in={"[y/N]": "n\n"}, env={"COLUMNS": "200"})
    before = screen.plain.partition("[y/N]")[0]
    assert "Make 2 changes in Engineering?" in before
    assert "is named 'Engineering', where the plan says 'Sandbox'" in before
    assert f"has the email '{ADA}', where the plan says 'eve@example.com'" in before
    assert f"  {ADA}: Group Admin -> Group Viewer\n" in before
    assert "Guest" not in before
    assert f"digest {read(saved).digest}" in before
    assert changes_sent(fake) == []


def test_role_that_the_api_names_otherwise_is_refused(fake: FakeSnyk, cli: Call, saved: Path) -> None:
    edit(saved, lambda document: document["role_changes"][1]["role"].update(id=role_id(fake, "Group Admin")))
    done = cli("apply", str(saved), "--yes")
    assert (done.code, done.out) == (2, "")
    assert "is named 'Group Admin', not 'Group Viewer'" in done.err
    assert changes_sent(fake) == []


def test_role_that_nobody_has_must_be_permitted(fake: FakeSnyk, cli: Call, saved: Path) -> None:
    unheld = fake.add_role("Group Guest")
    edit(
        saved, lambda document: document["role_changes"][1]["role"].update(id=unheld.id, name="Group Viewer")
    )
    done = cli("apply", str(saved), "--yes")
    assert (done.code, done.out) == (2, "")
    assert "(--allow-unknown-roles permits it)" in done.err
    done = cli("apply", str(saved), "--yes", "--allow-unknown-roles")
    assert done.code == 0
    assert "its name cannot be checked" in done.err.partition("  ")[0]
    assert f"  {GRACE}: Group Member -> {unheld.id} (name not known)\n" in done.err


def test_plan_that_is_another_than_the_approved_one_is_refused(
    fake: FakeSnyk, cli: Call, saved: Path
) -> None:
    digest = read(saved).digest
    asked = len(fake.requests)
    done = cli("apply", str(saved), "--yes", "--expect", digest[:-1] + ("0" if digest[-1] != "0" else "1"))
    assert (done.code, done.out) == (2, "")
    assert digest in done.err
    assert len(fake.requests) == asked
    assert cli("apply", str(saved), "--yes", "--expect", digest).code == 0


@pytest.mark.parametrize(("age", "limit"), [(100, "90m"), (25 * 60, "24h"), (73 * 60, "3d"), (2, "61s")])
def test_plan_that_is_too_old_is_refused(
    fake: FakeSnyk, cli: Call, saved: Path, age: int, limit: str
) -> None:
    made = datetime.now(UTC) - timedelta(minutes=age)
    edit(saved, lambda document: document.update(made_at=made.isoformat()))
    done = cli("apply", str(saved), "--yes", "--max-age", limit)
    assert (done.code, done.out) == (2, "")
    assert "make the plan again" in done.err
    assert changes_sent(fake) == []
    assert cli("apply", str(saved), "--dry-run", "--max-age", "4d").code == 0


@pytest.mark.parametrize("age", ["", "90", "h", "1.5h", "-1h", "2 weeks", "1h30m", "9999999999d"])
def test_age_that_says_no_time_is_refused(fake: FakeSnyk, cli: Call, saved: Path, age: str) -> None:
    done = cli("apply", str(saved), "--yes", f"--max-age={age}")
    assert (done.code, done.out) == (2, "")
    assert "such as 90m, 24h or 3d" in done.err
    assert changes_sent(fake) == []


def test_plan_for_another_group_is_refused(fake: FakeSnyk, group_id: str, cli: Call, saved: Path) -> None:
    done = cli("apply", str(saved), "--yes", "--group", "Research")
    assert (done.code, done.out) == (2, "")
    assert f"the plan is for the group {group_id}" in done.err
    assert changes_sent(fake) == []
    assert cli("apply", str(saved), "--yes", "--group", "Engineering").code == 0


def test_plan_for_another_api_is_refused(fake: FakeSnyk, cli: Call, saved: Path) -> None:
    edit(saved, lambda document: document.update(base_url="https://api.snyk.io/rest"))
    asked = len(fake.requests)
    done = cli("apply", str(saved), "--yes")
    assert (done.code, done.out) == (2, "")
    assert "https://api.snyk.io/rest" in done.err
    assert len(fake.requests) == asked


@pytest.mark.parametrize(
    ("option", "code"), [(["--me", GRACE], 2), (["--protect", GRACE], 2), (["--me", NOBODY], 4)]
)
def test_apply_is_guarded(fake: FakeSnyk, cli: Call, saved: Path, option: list[str], code: int) -> None:
    done = cli("apply", str(saved), "--yes", *option)
    assert (done.code, done.out) == (code, "")
    assert option[1] in done.err
    assert changes_sent(fake) == []


def test_roles_that_count_as_admin_can_be_said(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    desired, plan = tmp_path / "desired.json", tmp_path / "plan.json"
    viewers = [email for email, role in roles_of(fake).items() if role == "Group Viewer"]
    desired.write_text(json.dumps(dict.fromkeys(viewers, "Group Member")))
    assert cli("plan", str(desired), "-g", group_id, "--save", str(plan)).code == 0
    done = cli("apply", str(plan), "--yes", "--admin-role", "Group Viewer")
    assert (done.code, done.out) == (2, "")
    assert "--allow-last-admin" in done.err
    assert cli("apply", str(plan), "--yes").code == 0


def test_plan_that_is_stale_is_not_applied(fake: FakeSnyk, group_id: str, cli: Call, saved: Path) -> None:
    assert cli("remove", ADA, "-g", group_id, "--cascade", "--yes").code == 0
    done = cli("apply", str(saved), "--yes", "--strict")
    assert (done.code, done.out) == (1, "")
    assert ADA in done.err
    assert cli("apply", str(saved), "--dry-run").code == 1
    done = cli("apply", str(saved), "--yes")
    assert done.code == 1
    assert {(o["email"], o["status"]) for o in done.objects} == {(ADA, "changed_since"), (GRACE, "applied")}


def test_what_was_applied_and_is_so_no_more_is_not_claimed(
    fake: FakeSnyk, group_id: str, cli: Call, saved: Path
) -> None:
    assert cli("apply", str(saved), "--yes").code == 0
    assert cli("set-role", "Group Admin", GRACE, "-g", group_id, "--yes").code == 0
    done = cli("apply", str(saved), "--yes")
    assert done.code == 1
    assert {(o["email"], o["status"]) for o in done.objects} == {(ADA, "applied"), (GRACE, "changed_since")}


def test_error_after_the_first_change_does_not_say_that_nothing_was_changed(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desired, plan = tmp_path / "desired.json", tmp_path / "plan.json"
    desired.write_text(json.dumps({GRACE: "Group Admin", ADA: "Group Member"}))
    assert cli("plan", str(desired), "-g", group_id, "--save", str(plan)).code == 0

    def confirm(*_: object, **__: object) -> None:  # the next listing is the one before admins are demoted
        fake.fail_next(status=403, method="GET", path="/memberships")

    monkeypatch.setattr(batches, "_since", lambda moment: 0.0)
    monkeypatch.setattr(run_changes, "confirm", confirm)
    done = cli("apply", str(plan), "--yes")
    assert done.code == 1
    assert [(o["email"], o["status"]) for o in done.objects] == [(GRACE, "applied")]
    assert "1 not started. Run the same command again to do the rest\n" in done.err
    assert "403" in done.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "format"),
        ('{"format": "groups_sdk.plan", "version": 1}', "make the plan again"),
        ("email,role\n", "JSON"),
        ("\udcff\udc81", "not UTF-8"),
        (None, "does not exist"),
    ],
)
def test_plan_that_is_none_is_wrong_usage(
    fake: FakeSnyk, cli: Call, tmp_path: Path, text: str | None, words: str
) -> None:
    plan = tmp_path / "plan.json"
    if text is not None:
        plan.write_bytes(os.fsencode(text))
    for command in (["apply", str(plan), "--yes"], ["undo", str(plan)]):
        done = cli(*command)
        assert (done.code, done.out) == (2, "")
        assert words in done.err
    assert not fake.requests


def test_plans_of_the_example_in_memory_leave_no_journal(tmp_path: Path, cli: Call, desired: Path) -> None:
    plan = tmp_path / "plan.json"
    assert cli("plan", str(desired), "--fake", "--save", str(plan)).code == 1
    for _ in range(2):
        done = cli("apply", str(plan), "--fake", "--yes")
        assert [o["status"] for o in done.objects] == ["applied", "applied"]
        assert done.err.startswith(FAKE_NOTE)
    assert {path.name for path in tmp_path.iterdir()} == {"desired.csv", "plan.json"}


def test_interrupted_apply_goes_on_where_it_was(
    hanging: Callable[[str, int], Hanging], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cli: Call
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
        assert methods(fake) == ["PATCH"]
        service.left = 100
        done = cli("apply", str(plan), "--yes")
    assert done.code == 0
    assert [(o["status"], o["earlier"]) for o in done.objects] == [
        ("applied", True),
        ("applied", False),
        ("applied", False),
    ]
    assert methods(fake) == ["PATCH"] * 3


# undo


def test_undo_shows_the_plan_that_puts_back_and_apply_does_it(
    fake: FakeSnyk, cli: Call, saved: Path, tmp_path: Path
) -> None:
    before = roles_of(fake)
    back = tmp_path / "undo.json"
    assert cli("apply", str(saved), "--yes").code == 0
    sent = len(changes_sent(fake))
    done = cli("undo", str(saved), "--save", str(back), "--allow-admins")
    assert (done.code, [(o["email"], o["role"]) for o in done.objects]) == (
        0,
        [(ADA, "Group Admin"), (GRACE, "Group Member")],
    )
    assert done.err == f"digest {read(back).digest}\n{back}: 2 changes: 2 set_role\n"
    assert len(changes_sent(fake)) == sent
    assert stat.S_IMODE(back.stat().st_mode) == 0o600
    assert cli("apply", str(back), "--yes").code == 0
    assert roles_of(fake) == before


def test_undo_makes_nobody_an_admin_unless_told(fake: FakeSnyk, cli: Call, saved: Path) -> None:
    assert cli("apply", str(saved), "--yes").code == 0
    done = cli("undo", str(saved), "-o", "table")
    assert (done.code, done.err) == (0, "")
    assert f"~ {GRACE}: Group Viewer -> Group Member" in done.out
    assert "would make an admin (--allow-admins permits it)" in done.out
    assert "1 change: 1 set_role" in done.out
    done = cli("undo", str(saved), "--admin-role", "Group Member")
    assert [o["email"] for o in done.objects] == [ADA]


def test_undo_reads_another_journal(fake: FakeSnyk, cli: Call, saved: Path, tmp_path: Path) -> None:
    done = cli("undo", str(saved))
    assert (done.code, done.out) == (1, "")
    assert f"{saved}.journal" in done.err
    journal = tmp_path / "journal"
    assert cli("apply", str(saved), "--yes", "--journal", str(journal)).code == 0
    assert cli("undo", str(saved)).code == 1
    done = cli("undo", str(saved), "--journal", str(journal))
    assert (done.code, [o["email"] for o in done.objects]) == (0, [GRACE])


# export


@pytest.mark.parametrize("name", ["members.csv", "members.json", "members.jsonl", "members.yaml"])
def test_export_is_a_desired_state_that_changes_nothing(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    done = cli("export", str(file), "-g", "Engineering")
    assert (done.code, done.out, done.err) == (0, "", f"{file}: 36 members\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = cli("plan", str(file), "-g", group_id, "--prune")
    assert (done.code, done.out) == (0, "")


def test_export_says_who_is_not_in_the_file(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, listing: Callable[[], dict[str, Any]]
) -> None:
    document = listing()
    document["data"][0]["relationships"]["user"]["data"]["id"] = ""
    fake.fail_next(status=200, body=document, path="/memberships")
    done = cli("export", str(tmp_path / "members.csv"), "-g", group_id)
    assert (done.code, done.out) == (0, "")
    assert "1 of " in done.err
    assert "are not in the file" in done.err


@pytest.mark.parametrize(("name", "code"), [("members.txt", 2), ("missing/members.csv", 1)])
def test_export_that_cannot_be_written_is_one_line(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, name: str, code: int
) -> None:
    done = cli("export", str(tmp_path / name), "-g", group_id)
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert str(tmp_path / name) in done.err


# Exit codes, pipes, pull requests


def test_differences_have_an_exit_code_of_their_own(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file = tmp_path / "desired.csv"
    file.write_text(f"email,role\n{ADA},Group Viewer\n")
    assert cli("plan", str(file), "-g", group_id).code == 0
    assert cli("plan", str(file), "-g", group_id, "--exit-code").code == 5
    file.write_text(f"email,role\n{ADA},Group Viewer\nnobody@example.com,Group Viewer\n")
    assert cli("plan", str(file), "-g", group_id, "--exit-code").code == 1
    file.write_text(f"email,role\n{ADA},Group Admin\n")
    assert cli("plan", str(file), "-g", group_id, "--exit-code").code == 0


def test_who_cannot_be_planned_is_on_stdout_in_every_form(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path
) -> None:
    for form in ("table", "json", "jsonl", "csv", "markdown"):
        done = cli("plan", str(desired), "-g", group_id, "-o", form)
        assert (done.code, NOBODY in done.out) == (1, True)


def test_plan_for_a_pull_request_is_markdown(fake: FakeSnyk, group_id: str, cli: Call, desired: Path) -> None:
    done = cli("plan", str(desired), "-g", group_id, "-o", "markdown")
    assert done.out.startswith("#")
    assert f"`{ADA}`" in done.out
    assert done.out.endswith("\n")
    assert done.err == ""


def test_list_of_addresses_takes_its_role_from_an_option(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file = tmp_path / "people.txt"
    file.write_text(f"{ADA}\n{GRACE}\n")
    done = cli("plan", str(file), "-g", group_id, "--role", "Group Viewer")
    assert (done.code, [(o["email"], o["role"]) for o in done.objects]) == (
        0,
        [(ADA, "Group Viewer"), (GRACE, "Group Viewer")],
    )
    table = tmp_path / "table.csv"
    table.write_text(f"Postfach;role\n{ADA};Group Viewer\n")
    done = cli("plan", str(table), "-g", group_id, "--email-column", "Postfach")
    assert [o["email"] for o in done.objects] == [ADA]


def test_export_plan_and_apply_in_a_pipe(fake: FakeSnyk, group_id: str, tmp_path: Path) -> None:
    exported = run("export", "-", "-g", group_id)
    assert (exported.code, exported.err) == (0, "")
    text = exported.out.replace("Group Viewer", "Group Member")
    role_ids = {m.role.name: m.role.id for m in fake.memberships(group_id)}
    text = text.replace(role_ids["Group Viewer"], role_ids["Group Member"])
    made = run("plan", "-", "-g", group_id, "-o", "json", input=text)
    assert made.code == 0
    refused = run("apply", "-", "--yes", input=made.out)
    assert (refused.code, "--journal" in refused.err) == (2, True)
    assert run("apply", "-", "--dry-run", input=made.out).code == 0
    done = run("apply", "-", "--yes", "--journal", str(tmp_path / "j"), input=made.out)
    assert (done.code, [o["status"] for o in done.objects]) == (0, ["applied"] * 6)
    assert "Group Viewer" not in {m.role.name for m in fake.memberships(group_id)}
    assert json.loads(run("export", "-", "-g", group_id, "--format", "json").out)


def test_file_on_standard_input_can_say_its_groups(fake: FakeSnyk) -> None:
    done = run("plan", "-", "--format", "csv", input=f"group,email,role\nEngineering,{ADA},Group Viewer\n")
    assert (done.code, [o["email"] for o in done.objects]) == (0, [ADA])


def test_standard_input_of_a_person_is_not_waited_for() -> None:
    screen = at_terminal("plan", "-", "--fake")
    assert screen.code == 2
    assert "nothing is piped into it" in screen.plain


def test_plan_that_cannot_be_saved_is_said_before_anything_is_sent(
    fake: FakeSnyk, group_id: str, cli: Call, desired: Path, saved: Path
) -> None:
    before = len(fake.requests)
    assert cli("plan", str(desired), "-g", group_id, "--save", "/nowhere/plan.json").code == 1
    assert cli("apply", str(saved), "--yes", "--journal", "/nowhere/j").code == 1
    assert cli("export", "/nowhere/x.csv", "-g", group_id).code == 1
    assert len(fake.requests) == before


def test_finished_plan_says_that_it_is_finished(fake: FakeSnyk, cli: Call, saved: Path) -> None:
    assert cli("apply", str(saved), "--yes").code == 0
    done = cli("apply", str(saved), "--yes")
    assert done.code == 0
    assert done.err.endswith(
        "finished already: an earlier run did all 2 changes; nothing has changed since\n"
    )
    ada = next(m for m in fake.memberships(fake.group_id) if m.user.email == ADA)
    with fake.client() as client:
        client.update_membership(fake.group_id, ada.id, role_id=role_id(fake, "Group Member"))
    done = cli("apply", str(saved), "--yes")
    assert done.code == 1
    assert (
        "finished already: an earlier run did all 2 changes; 1 changed by somebody else since\n" in done.err
    )


def test_nothing_to_do_is_said(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("set-role", "Group Admin", ADA, "-g", group_id, "--yes")
    assert done.code == 0
    assert done.err.endswith("nothing to do: everything is already as wanted\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are those of POSIX")
def test_named_pipe_is_read_once(fake: FakeSnyk, tmp_path: Path) -> None:
    pipe = tmp_path / "desired.csv"
    os.mkfifo(pipe)
    process = start("plan", str(pipe), "-g", "Engineering", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipe.write_text(f"email,role\n{ADA},Group Viewer\n")
    out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, [json.loads(line)["email"] for line in out.splitlines()]) == (0, [ADA])


def test_desired_state_of_nobody_is_said(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("email,role\n")
    done = cli("plan", str(file), "-g", group_id)
    assert (done.code, done.err.splitlines()[0]) == (0, f"{file} lists nobody")


def test_names_in_a_plan_are_not_taken_for_arguments(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    user = fake.add_user(username="allow_self", email="allow_self@example.com")
    fake.add_membership(group_id, user.id, role_id(fake, "Group Viewer"))
    file = tmp_path / "d.csv"
    file.write_text("email,role\nallow_self@example.com,Group Member\n")
    done = cli("plan", str(file), "-g", group_id, "-o", "table")
    assert "~ allow_self@example.com: Group Viewer -> Group Member" in done.out


def test_plan_that_is_none_is_named(fake: FakeSnyk, cli: Call, desired: Path) -> None:
    done = cli("apply", str(desired), "--yes")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"groups-sdk: error: {desired}: is not JSON")


def test_export_of_another_group_is_refused(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    assert cli("export", str(file), "-g", group_id).code == 0
    done = cli("plan", str(file), "-g", "Research")
    assert (done.code, done.out) == (2, "")
    assert cli("plan", str(file)).code == 0  # the file says its group


def test_role_can_be_edited_in_an_export(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    file = tmp_path / "members.csv"
    assert cli("export", str(file), "-g", group_id).code == 0
    file.write_text(file.read_text(encoding="utf-8-sig").replace("Group Viewer", "Group Member"))
    done = cli("plan", str(file))
    assert (done.code, {o["role"] for o in done.objects}, len(done.objects)) == (0, {"Group Member"}, 6)


def test_apply_of_a_removal_names_the_organizations(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file, plan = tmp_path / "d.json", tmp_path / "plan.json"
    write_others(fake, file, gone=1)
    assert cli("plan", str(file), "-g", group_id, "--prune", "--cascade", "--save", str(plan)).code == 0
    done = cli("apply", str(plan), "--dry-run")
    assert f"remove {ADA} (Group Admin), and from Payments" in done.err


def test_export_at_a_terminal_cannot_touch_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSnyk.example()
    user = fake.add_user(username="red", email="red@example.com")
    fake.add_membership(fake.group_id, user.id, fake.add_role("\x1b[31mRed\x1b]0;x\x07").id)
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        screen = at_terminal("export", "-", "-g", fake.group_id, stderr=False)
    assert "\x1b[31m" not in screen.text
    assert "red@example.com" in screen.text


def test_plan_at_a_terminal_says_what_comes_next(
    fake: FakeSnyk, group_id: str, desired: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    shown = at_terminal("plan", str(desired), "-g", group_id).plain
    assert shown.endswith("Nothing is saved: add --save FILE, for apply\n")
    shown = at_terminal("plan", str(desired), "-g", group_id, "--save", str(plan)).plain
    assert f"To make these changes: groups-sdk apply {plan}" in shown.replace("\n", "")


def test_notes_of_a_plan_are_in_its_table(fake: FakeSnyk, group_id: str, cli: Call, desired: Path) -> None:
    fake.fail_next(status=403, path="sso_connections")
    done = cli("plan", str(desired), "-g", group_id, "-o", "table")
    assert "SSO" in done.out


def test_plan_without_changes_has_nothing_to_do(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file, plan = tmp_path / "d.csv", tmp_path / "plan.json"
    file.write_text(f"email,role\n{ADA},Group Admin\n")
    assert cli("plan", str(file), "-g", group_id, "--save", str(plan)).code == 0
    done = cli("apply", str(plan), "--yes")
    assert (done.code, done.out) == (0, "")
    assert done.err.endswith("nothing to do\n")


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.FAILED, Status.NOT_STARTED])
def test_what_an_earlier_run_left_open_is_not_said_to_be_done(
    capsys: pytest.CaptureFixture[str], status: Status
) -> None:
    change = Change(action=Action.REMOVE, group_id=NOBODY)
    done = Outcome(change, Status.APPLIED, earlier=True)
    run_changes._say_finished([done, Outcome(change, status, earlier=True)])
    assert capsys.readouterr().err == ""
    run_changes._say_finished([done])
    assert "finished already: an earlier run did all 1 change;" in capsys.readouterr().err


# Access that ends


def test_elevate_writes_the_file_and_plan_shows_what_ends(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file = tmp_path / "desired.csv"
    file.write_text(f"Postfach;Rolle\n{ADA};Group Admin\n")
    columns = ["--column", "email=Postfach", "--column", "role=Rolle"]
    done = cli(
        "elevate",
        GRACE,
        str(file),
        "--role",
        "Group Admin",
        "--for",
        "4h",
        "-g",
        group_id,
        *columns,
        "-o",
        "table",
    )
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{file}: {GRACE}: Group Admin until 20")
    assert done.out.endswith(" UTC, then Group Member\n")
    header, _, row = file.read_text().splitlines()
    assert header == "Postfach;Rolle;until;then;then_id"
    assert row.startswith(f"{GRACE};Group Admin;20")
    assert changes_sent(fake) == []
    done = cli(
        "elevate",
        GRACE,
        str(file),
        "--role",
        "Group Admin",
        "--until",
        "2999-12-31",
        "-g",
        group_id,
        *columns,
    )
    (made,) = done.objects
    assert (made["until"], made["then"], made["email"]) == (
        "3000-01-01T00:00:00+00:00",
        "Group Member",
        GRACE,
    )
    file.write_text(
        file.read_text().replace("Group Viewer", "remove") + f"{ALAN};Group Admin;2026-01-01;remove;\n"
    )
    done = cli("plan", str(file), "-g", group_id, *columns, "--ending-within", "52000w")
    assert (done.code, [(o["action"], o["email"]) for o in done.objects]) == (
        0,
        [("set_role", GRACE), ("remove", ALAN)],
    )
    assert done.err.splitlines()[:2] == [
        f"ended: {ALAN}: Group Admin until 2026-01-02 00:00 UTC, then removed",
        f"ends: {GRACE}: Group Admin until 3000-01-01 00:00 UTC, then Group Member",
    ]
    for form in ("table", "markdown"):
        out = cli("plan", str(file), "-g", group_id, *columns, "--ending-within", "52000w", "-o", form).out
        assert "1 ended by " in out
        assert "1 to end by " in out


def test_elevate_says_what_else_there_is_to_know(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path
) -> None:
    file = tmp_path / "desired.json"
    file.write_text(json.dumps([{"email": GRACE, "role": "Group Viewer"}]))
    done = cli(
        "elevate", GRACE, str(file), "--role", role_id(fake, "Group Admin"), "--for", "P1D", "-g", group_id
    )
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert done.err.startswith("entry 1 gave them the role Group Viewer, which they get back")


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        ([], "say how long with --for 4h, or when it ends with --until 2026-12-31", 2),
        (["--for", "4h", "--until", "2999-12-31"], "say how long with --for 4h", 2),
        (["--for", "soon"], "error: --for must be a duration such as 4h", 2),
        (["--until", "2020-12-31"], "error: --until must be in the future", 2),
        (["--until", "31.12.2999"], "error: --until is '31.12.2999': write a date", 2),
        (
            ["--for", "4h", "--format", "yaml"],
            "YAML is not edited, because its comments would be lost: add - {",
            2,
        ),
    ],
)
def test_elevate_refuses_in_the_words_of_the_command_line(
    fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path, arguments: list[str], message: str, code: int
) -> None:
    file = tmp_path / "desired"
    text = "[]" if "yaml" in arguments else f"email,role\n{ADA},Group Admin\n"
    file.write_text(text)
    done = cli("elevate", GRACE, str(file), "--role", "Group Admin", "-g", group_id, *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert file.read_text() == text
    done = cli("plan", str(file), "-g", group_id, "--role", "Group Admin", "--ending-within", "soon")
    assert done.code == 2


def test_elevate_says_at_a_terminal_what_to_do_next(tmp_path: Path) -> None:
    (tmp_path / "desired.csv").write_text(f"email,role\n{ADA},Group Admin\n")
    screen = at_terminal(
        "elevate", GRACE, "desired.csv", "--role", "Group Admin", "--for", "4h", "--fake", cwd=tmp_path
    )
    assert screen.code == 0
    assert "Nobody's access is changed yet: groups-sdk plan desired.csv" in screen.plain
