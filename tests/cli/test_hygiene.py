"""`hygiene`: what is wrong with the members, in every form, and the plan that a policy makes of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.jobs import role_id, roles_of
from support.running import Done

from groups_sdk import Plan
from groups_sdk.access import HygieneReport
from groups_sdk.testing import FakeSnyk

Call = Callable[..., Done]
DEACTIVATED = "margaret.0010@example.com"


@pytest.fixture
def policy(tmp_path: Path) -> Callable[..., str]:
    """A policy in a file, by its rules."""

    def write(rules: dict[str, object], **rest: object) -> str:
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"findings": rules, **rest}))
        return str(path)

    return write


def test_each_finding_has_a_line_for_programs(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    done = cli("hygiene", group_id)
    assert done.code == 0
    assert [one["finding"] for one in done.objects] == ["not_on_sso"] * 14 + ["sso_deactivated"]
    assert done.objects[-1]["email"] == DEACTIVATED
    assert done.objects[-1]["hint"] is False
    assert "36 members, 15 findings\n" in done.err
    assert len(cli("hygiene", group_id, "--orgs").objects) == 21


def test_csv_json_markdown_and_a_table_say_the_same(fake: FakeSnyk, group_id: str, cli: Call) -> None:
    rows = [*csv.DictReader(io.StringIO(cli("hygiene", group_id, "-o", "csv").out))]
    assert [row["email"] for row in rows if row["finding"] == "sso_deactivated"] == [DEACTIVATED]
    report = HygieneReport.from_json(cli("hygiene", group_id, "-o", "json").out)
    assert len(report.findings) == 15
    assert cli("hygiene", group_id, "-o", "markdown").out.startswith("## Hygiene of `Engineering`")
    table = cli("hygiene", group_id, "-o", "TABLE").out
    assert table.startswith(f"Hygiene of Engineering ({group_id})")
    assert table.endswith("36 members: 15 findings, 0 hints\n")


def test_a_plan_is_shown_saved_and_applied(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str], tmp_path: Path
) -> None:
    saved = tmp_path / "plan.json"
    rules = policy({"sso_deactivated": "remove"}, cascade=True)
    done = cli("hygiene", group_id, "--policy", rules, "--save", str(saved))
    assert done.code == 0
    assert [(one["action"], one["email"]) for one in done.objects] == [("remove", DEACTIVATED)]
    made = Plan.from_json(saved.read_text())
    assert f"digest {made.digest}\n" in done.err
    assert "sso_deactivated: the SSO user with this user id is deactivated" in done.err
    assert DEACTIVATED in roles_of(fake)
    assert cli("apply", str(saved), "--yes", "--expect", made.digest).code == 0
    assert DEACTIVATED not in roles_of(fake)


@pytest.mark.parametrize(("form", "report"), [("table", "Hygiene of"), ("markdown", "## Hygiene of")])
def test_people_see_the_report_before_the_plan(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str], form: str, report: str
) -> None:
    done = cli("hygiene", group_id, "--policy", policy({"sso_deactivated": "remove"}), "-o", form)
    first, _, second = done.out.partition("Plan for ")
    assert first.startswith(report)
    assert second.startswith("`Engineering`" if form == "markdown" else "Engineering")


def test_a_policy_that_speaks_of_organizations_looks_at_them(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str]
) -> None:
    done = cli("hygiene", group_id, "--policy", policy({"in_no_org": {"set_role": "Group Viewer"}}))
    assert len(done.objects) == 5


def test_the_exit_code_says_whether_there_is_anything(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str]
) -> None:
    assert cli("hygiene", group_id, "--exit-code").code == 5
    assert (
        cli("hygiene", group_id, "--exit-code", "--policy", policy({"sso_deactivated": "remove"})).code == 5
    )
    assert cli("hygiene", group_id, "--exit-code", "--policy", policy({"shared_address": "remove"})).code == 0
    calm = fake.add_group("Calm")
    for number in range(2):
        user = fake.add_user(login_method="saml", email=f"calm.{number}@mail.test")
        fake.add_membership(calm.id, user.id, role_id(fake, "Group Member"))
    assert cli("hygiene", "Calm", "--exit-code").code == 0


def test_what_cannot_be_read_is_said_and_takes_nobody_away(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str]
) -> None:
    fake.fail_next(status=403, path="sso_connections")
    done = cli("hygiene", group_id, "--exit-code")
    assert done.code == 1
    assert "sso_deactivated: not known: the SSO connections of the group cannot be read: " in done.err
    fake.fail_next(status=403, path="sso_connections")
    done = cli("hygiene", group_id, "--policy", policy({"sso_deactivated": "remove"}), "--exit-code")
    assert (done.code, done.objects) == (1, [])
    fake.alter_record(fake.memberships(group_id)[3].id, "relationships.user.data.attributes.email", 5)
    done = cli("hygiene", group_id)
    assert done.code == 1
    assert "not complete: 1 record of the listing could not be understood" in done.err
    done = cli("hygiene", group_id, "--policy", policy({"sso_deactivated": "remove"}))
    assert (done.code, done.out) == (1, "")
    assert "nothing is planned for Engineering" in done.err


def test_guards_and_limits_are_those_of_other_commands(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str]
) -> None:
    rules = policy({"sso_deactivated": "remove", "not_on_sso": "remove"})
    done = cli("hygiene", group_id, "--policy", rules)
    assert done.code == 2
    assert "15 of the 36 members of Engineering would be removed, more than 3" in done.err
    assert "give --max-removals 15" in done.err
    done = cli("hygiene", group_id, "--policy", rules, "--max-removals", "20", "--protect", DEACTIVATED)
    assert len(done.objects) == 14
    assert cli("hygiene", group_id, "--policy", rules, "--me", "nobody@example.com").code == 4


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--save", "plan.json"], "need --policy"),
        (["--max-removals", "3"], "need --policy"),
        (["--policy", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_usage_is_said(
    fake: FakeSnyk, group_id: str, cli: Call, arguments: list[str], problem: str
) -> None:
    done = cli("hygiene", group_id, *arguments)
    assert done.code == 2
    assert problem in done.err
    assert fake.requests == []


def test_a_policy_that_is_wrong_is_said_before_anything_is_sent(
    fake: FakeSnyk, group_id: str, cli: Call, policy: Callable[..., str]
) -> None:
    done = cli("hygiene", group_id, "--policy", policy({"not_on_sso": "delete"}))
    assert done.code == 2
    assert "policy.json: findings.not_on_sso: must be remove, report or {set_role: ROLE}" in done.err
    assert fake.requests == []
