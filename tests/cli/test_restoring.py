"""`restore`: a plan that makes a group again what a review says it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.jobs import changes_sent, role_id, roles_of
from support.running import Done

from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
ADA, GRACE = "ada.0000@example.com", "grace.0001@example.com"


@pytest.fixture
def review(fake: FakeSnyk, cli: Call, tmp_path: Path) -> Path:
    path = tmp_path / "review.jsonl"
    assert cli("review", "Engineering", "--orgs", "--jsonl", str(path)).code == 0
    return path


def test_group_is_restored_with_apply(fake: FakeSnyk, cli: Call, review: Path, tmp_path: Path) -> None:
    before = roles_of(fake)
    assert cli("set-role", "Group Viewer", GRACE, "-g", "Engineering", "--yes").code == 0
    saved = tmp_path / "restore.json"
    done = cli("restore", str(review), "--save", str(saved))
    assert done.code == 0, "the group is that of the review"
    assert [(o["action"], o["email"], o["role"]) for o in done.objects] == [
        ("set_role", GRACE, "Group Member")
    ]
    assert cli("restore", str(review), "-g", "Engineering", "--exit-code").code == 5
    assert cli("apply", str(saved), "--yes").code == 0
    assert roles_of(fake) == before
    assert cli("restore", str(review), "--exit-code").code == 0


def test_what_does_not_come_back_is_said_and_is_no_success(
    fake: FakeSnyk, cli: Call, review: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    assert cli("offboard", GRACE, "--cascade", "--yes", "--journal", str(journal)).code == 0
    done = cli("restore", str(review), str(journal))
    assert done.code == 1
    assert [o["action"] for o in done.objects] == ["add"]
    assert f"not restored: {GRACE} / grace.0001" in done.err
    assert "without their memberships of organizations: Web Shop" in done.err
    assert "changed by somebody else" not in done.err
    markdown = cli("restore", str(review), str(journal), "-o", "markdown")
    assert "not restored: " in markdown.out


def test_options_are_those_of_plan_and_undo(fake: FakeSnyk, cli: Call, review: Path) -> None:
    assert cli("remove", ADA, "-g", "Engineering", "--cascade", "--yes").code == 0
    new = fake.add_user(email="new@mail.test")
    joined = fake.add_membership(fake.group_id, new.id, role_id(fake, "Group Member"))
    fake.alter_record(joined.id, "attributes.created_at", "2999-01-01T00:00:00Z")
    done = cli("restore", str(review))
    assert (done.code, done.out) == (1, "")
    assert "they would be an admin again, Group Admin (--allow-admins permits it)" in done.err
    done = cli("restore", str(review), "--allow-admins", "--prune", "--cascade")
    assert {(o["action"], o["email"]) for o in done.objects} == {("add", ADA), ("remove", "new@mail.test")}
    done = cli("restore", str(review), "--prune", "--cascade", "--protect", "new@mail.test")
    assert done.out == ""
    assert cli("restore", str(review), "--prune", "--max-removals", "0").code == 2
    assert "--max-removals 1" in cli("restore", str(review), "--prune", "--max-removals", "0").err


def test_review_of_another_group_or_none_is_refused(
    fake: FakeSnyk, cli: Call, review: Path, tmp_path: Path
) -> None:
    sent = len(changes_sent(fake))
    done = cli("restore", str(review), "-g", "Research")
    assert (done.code, done.out) == (2, "")
    assert "the review is of another group" in done.err
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert cli("restore", str(other)).code == 2
    assert cli("restore", str(review), str(other)).code == 1
    assert len(changes_sent(fake)) == sent
