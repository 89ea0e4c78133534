"""`migrate`, `copy-role` and `hand-over`: plans that are shown and saved, and applied like any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.jobs import changes_sent, roles_of
from support.running import Done

from groups_sdk.access import Plan
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE, ALAN, DONALD = (
    f"{name}@example.com" for name in ("ada.0000", "grace.0001", "alan.0002", "donald.0005")
)
GRACE13 = "grace.0013@example.com"  # in an organization in which ALAN is not


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.csv"
    path.write_text(f"old,new\n{DONALD},{GRACE}\n")
    return path


def test_a_migration_is_shown_saved_and_applied(
    fake: FakeSnyk, group_id: str, cli: Call, accounts: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    done = cli("migrate", str(accounts), "-g", group_id, "--cascade", "--save", str(plan), "-o", "table")
    assert done.code == 0
    assert done.out.splitlines()[1].split()[:3] == [DONALD, GRACE, "same_role"]
    assert f"- remove {DONALD} (Group Member), only while {GRACE} has the role Group Member" in done.out
    assert changes_sent(fake) == []
    assert cli("apply", str(plan), "--yes").code == 0
    assert DONALD not in roles_of(fake)
    done = cli("migrate", str(accounts), "-g", group_id)
    assert (done.code, [person["state"] for person in done.objects]) == (0, ["done"])


def test_who_is_left_is_told_with_an_exit_code(
    fake: FakeSnyk, group_id: str, cli: Call, accounts: Path
) -> None:
    with accounts.open("a") as file:
        file.write(f"{GRACE13},{ALAN}\n{ADA},new@example.com\n")
    done = cli("migrate", str(accounts), "-g", group_id)
    assert done.code == 1
    assert [(p["old"], p["state"], p["removes_old"]) for p in done.objects] == [
        (DONALD, "same_role", True),
        (GRACE13, "same_role", False),
        (ADA, "waiting", False),
    ]
    assert done.objects[1]["lost_orgs"] == "Web Shop (Org Collaborator)"
    assert "(--allow-lost-orgs permits it): Web Shop" in done.objects[1]["problem"]
    assert "new@example.com cannot be added as Group Admin: nobody is known" in done.err
    assert "(--allow-lost-orgs permits it)" in done.err
    document = json.loads(cli("migrate", str(accounts), "-g", group_id, "-o", "json").out)
    assert len(Plan.from_dict(document).removals) == 1
    for option in (["--allow-lost-orgs"], ["--allow-lost-orgs-of", GRACE13]):
        done = cli("migrate", str(accounts), "-g", group_id, *option)
        assert [p["removes_old"] for p in done.objects] == [True, True, False]


def test_organizations_that_cannot_be_read_are_unknown(
    fake: FakeSnyk, group_id: str, cli: Call, accounts: Path
) -> None:
    fake.fail_next(status=403, path="org_memberships")
    done = cli("migrate", str(accounts), "-g", group_id)
    assert (done.code, [p["lost_orgs"] for p in done.objects]) == (1, ["unknown"])


def test_differences_have_an_exit_code_where_that_is_wanted(
    fake: FakeSnyk, group_id: str, cli: Call, accounts: Path
) -> None:
    assert cli("migrate", str(accounts), "-g", group_id, "--exit-code").code == 5
    assert cli("copy-role", ADA, GRACE, "-g", group_id, "--exit-code").code == 5


def test_a_migration_goes_by_domain(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("migrate", "--from", "example.com", "--to", "new.test", "-g", group_id)
    assert (done.code, len(done.objects)) == (1, 36)
    assert {person["new"].partition("@")[2] for person in done.objects} == {"new.test"}
    done = cli("migrate", "--from", "old.test", "--to", "new.test", "-g", group_id, "-o", "table")
    assert done.code == 0
    assert "no member has an address in old.test" in done.out
    assert "OLD" not in done.out


@pytest.mark.parametrize(
    "arguments",
    [[], ["--from", "old.test"], ["--to", "new.test"], ["FILE", "--from", "old.test", "--to", "new.test"]],
)
def test_who_is_to_move_must_be_said_in_one_way(
    fake: FakeSnyk, cli: Call, accounts: Path, arguments: list[str]
) -> None:
    done = cli("migrate", *(str(accounts) if a == "FILE" else a for a in arguments))
    assert done.code == 2
    assert "give either FILE, or --from and --to" in done.err


def test_what_is_wrong_is_said_in_the_words_of_the_command_line(
    fake: FakeSnyk, group_id: str, cli: Call, accounts: Path
) -> None:
    done = cli("migrate", "--from", "a@b", "--to", "new.test", "-g", group_id)
    assert (done.code, "--from must be a whole domain" in done.err) == (2, True)
    done = cli("migrate", str(accounts), "-g", group_id, "--allow-lost-orgs-of", "nobody@x.test")
    assert "--allow-lost-orgs-of names 'nobody@x.test'" in done.err
    accounts.write_text(f"old,new\n{DONALD},{ADA}\n")
    done = cli("migrate", str(accounts), "-g", group_id)
    assert "--on-different-role says which one counts" in done.err


def test_a_role_is_copied(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    done = cli("copy-role", ADA, GRACE, "-g", group_id, "--save", str(plan))
    assert done.code == 0
    assert [(o["action"], o["email"], o["role"]) for o in done.objects] == [
        ("set_role", GRACE, "Group Admin")
    ]
    assert cli("apply", str(plan), "--yes").code == 0
    assert roles_of(fake)[GRACE] == roles_of(fake)[ADA] == "Group Admin"
    assert cli("copy-role", ADA, "new@example.com", "-g", group_id).code == 1
    assert cli("copy-role", "new@example.com", ADA, "-g", group_id).code == 4


def test_a_role_is_handed_over(fake: FakeSnyk, group_id: str, cli: Call, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    give = ["hand-over", ADA, GRACE, "-g", group_id]
    assert cli(*give).code == 2
    done = cli(*give, "--role-after", "Group Viewer", "--save", str(plan))
    assert done.code == 0
    assert cli("apply", str(plan), "--yes").code == 0
    assert (roles_of(fake)[GRACE], roles_of(fake)[ADA]) == ("Group Admin", "Group Viewer")
    done = cli(*give, "--role-after", "Group Viewer")
    assert (done.code, "there is nothing to hand over" in done.err) == (2, True)
