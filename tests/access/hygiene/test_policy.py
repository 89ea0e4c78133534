"""Policies: what a file says, and every place in it that is wrong."""

from __future__ import annotations

import io
import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from support import pages

from groups_sdk import ConfigurationError, InvalidArgumentError
from groups_sdk.access import HygieneAction, HygieneCheck, HygieneExemption, HygienePolicy, HygieneRule

GUIDE = next(pages.blocks(pages.GUIDES / "hygiene.md", "yaml")).text
IN_GUIDE = HygienePolicy(
    {
        HygieneCheck.SSO_DEACTIVATED: HygieneRule(HygieneAction.REMOVE),
        HygieneCheck.NOT_ON_SSO: HygieneRule(HygieneAction.SET_ROLE, "Group Viewer"),
        HygieneCheck.SHARED_ADDRESS: HygieneRule(HygieneAction.REPORT),
    },
    (
        HygieneExemption(
            "alan.0014@example.com",
            date(2099, 12, 31),
            (HygieneCheck.NOT_ON_SSO,),
            "service account of the build",
        ),
        HygieneExemption("ada.0024@example.com"),
    ),
    cascade=True,
)
FINDINGS = {"not_on_sso": "remove"}


def problem_of(document: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        HygienePolicy.from_dict(document)
    return str(caught.value)


@pytest.mark.parametrize("name", ["hygiene.yaml", "hygiene.yml", "hygiene"])
def test_the_example_of_the_guide_is_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(GUIDE)
    assert HygienePolicy.read(path) == IN_GUIDE
    with path.open() as file:
        assert HygienePolicy.read(file) == IN_GUIDE


@pytest.mark.parametrize("name", ["hygiene.json", "policy"])
def test_json_says_the_same(name: str, tmp_path: Path) -> None:
    document = {
        "findings": {
            "sso_deactivated": "remove",
            "not_on_sso": {"set_role": " Group Viewer "},
            "shared_address": "report",
        },
        "exempt": [
            {
                "person": "alan.0014@example.com",
                "until": "2099-12-31",
                "findings": ["not_on_sso"],
                "reason": "service account of the build",
            },
            {"person": "ada.0024@example.com"},
        ],
        "cascade": True,
    }
    path = tmp_path / name
    path.write_text(json.dumps(document))
    assert HygienePolicy.read(path) == HygienePolicy.from_dict(document) == IN_GUIDE


def test_a_date_may_be_one_already() -> None:
    document = {"findings": FINDINGS, "exempt": ({"person": "ada", "until": date(2026, 1, 2)},)}
    assert HygienePolicy.from_dict(document).exempt[0].until == date(2026, 1, 2)
    document["exempt"] = ({"person": "ada", "until": datetime(2026, 1, 2)},)
    assert "entry 1: until: must be a date" in problem_of(document)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], 'must be an object with "findings"'),
        ({}, "findings: must give at least one of not_on_sso, "),
        ({"findings": []}, "findings: must give at least one of "),
        ({"findings": FINDINGS, "exemt": []}, "has the unknown key 'exemt' (is exempt meant?)"),
        ({"findings": FINDINGS, "zzz": 1}, "has the unknown key 'zzz'; known are findings, exempt, cascade"),
        (
            {"findings": {"not_on_sos": "remove"}},
            "findings: 'not_on_sos' is no finding (is not_on_sso meant?)",
        ),
        ({"findings": {7: "remove"}}, "findings: 7 is no finding; known are not_on_sso, "),
        (
            {"findings": {"not_on_sso": "delete"}},
            "findings.not_on_sso: must be remove, report or {set_role: ROLE}",
        ),
        ({"findings": {"not_on_sso": None}}, "findings.not_on_sso: must be remove, report or"),
        (
            {"findings": {"not_on_sso": "set_role"}},
            "findings.not_on_sso: must say which role: {set_role: ROLE}",
        ),
        (
            {"findings": {"not_on_sso": {"set_role": 7}}},
            "set_role must be the name or the id of a role; got 7",
        ),
        (
            {"findings": {"not_on_sso": {"set_role": " "}}},
            "set_role must be the name or the id of a role; got ' '",
        ),
        ({"findings": {"not_on_sso": {"set_role": "x", "y": 1}}}, "findings.not_on_sso: must be remove"),
        ({"findings": {"sole_role": "remove"}}, "findings.sole_role: can only be reported"),
        ({"findings": FINDINGS, "cascade": "yes"}, "cascade: must be true or false; got 'yes'"),
        ({"findings": FINDINGS, "exempt": {}}, "exempt: must be a list"),
        ({"findings": FINDINGS, "exempt": ["ada"]}, 'exempt, entry 1: must be an object with "person"'),
        ({"findings": FINDINGS, "exempt": [{}]}, 'exempt, entry 1: has no "person"'),
        ({"findings": FINDINGS, "exempt": [{"person": 7}]}, "exempt, entry 1: person: "),
        (
            {"findings": FINDINGS, "exempt": [{"person": "a b"}]},
            "exempt, entry 1: person: 'a b' is not an email",
        ),
        (
            {"findings": FINDINGS, "exempt": [{"person": "ada", "untill": "2026-01-02"}]},
            "exempt, entry 1: has the unknown key 'untill' (is until meant?)",
        ),
        (
            {"findings": FINDINGS, "exempt": [{"person": "ada", "until": "2026-02-30"}]},
            "exempt, entry 1: until: must be a date such as 2026-06-30; got '2026-02-30'",
        ),
        (
            {"findings": FINDINGS, "exempt": [{"person": "ada", "until": "20260102"}]},
            "exempt, entry 1: until: must be a date",
        ),
        ({"findings": FINDINGS, "exempt": [{"person": "ada", "until": 2026}]}, "until: must be a date"),
        (
            {"findings": FINDINGS, "exempt": [{"person": "ada", "findings": ["sole"]}]},
            "exempt, entry 1: findings: 'sole' is no finding (is sole_role meant?)",
        ),
        ({"findings": FINDINGS, "exempt": [{"person": "ada", "findings": "x"}]}, "findings: must be a list"),
        (
            {"findings": FINDINGS, "exempt": [{"person": "ada", "findings": []}]},
            "findings: is empty: leave it out",
        ),
        ({"findings": FINDINGS, "exempt": [{"person": "ada", "reason": 7}]}, "reason: must be text; got 7"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(document: Any, problem: str) -> None:
    said = problem_of(document)
    assert said.startswith("the policy: ")
    assert problem in said


def test_everything_that_is_wrong_is_named_at_once() -> None:
    said = problem_of({"findings": {}, "exempt": [{"person": "ada", "until": "soon"}] * 12, "cascade": 1})
    assert said.count("until: must be a date") == 9
    assert said.endswith("; and 4 more")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("p.yaml", "findings:\n  not_on_sso: remove\n  not_on_sso: report\n", "line 3: has the key 'not_on_sso' twice"),
        ("p.yaml", "findings:\n  on: remove\n", "line 2: a key must be text; got True"),
        ("p.yaml", "findings: {not_on_sso: remove\n", "is not YAML: line 2: "),
        ("p.yaml", "findings: \x85\x1b", "is not "),
        ("p.yaml", "", 'must be an object with "findings"'),
        ("p.yaml", "a: 1\n---\nb: 2\n", "is not YAML: "),
        ("p.yaml", "- &a [*a]\n", 'must be an object with "findings"'),
        ("p.yaml", "findings: &a {not_on_sso: *a}\n", "is not YAML: line 1: "),
        ("p.yaml", "exempt:\n- person: ada\n  until: 2026-02-30\nfindings: {in_no_org: remove}\n",
         "exempt, entry 1: until: must be a date such as 2026-06-30; got '2026-02-30'"),
        ("p.json", '{"findings": {"in_no_org": "remove", "in_no_org": "report"}}', "has the key 'in_no_org' twice"),
        ("p.json", "findings: {}", "is not JSON: "),
        ("p", "{'findings'", "is not JSON: "),
        ("p.json", "[" * 100_000, "is not JSON: "),
        ("p.yaml", "[" * 100_000, "is not YAML: "),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_is_named(name: str, text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidArgumentError) as caught:
        HygienePolicy.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)


def test_a_file_that_is_not_there_and_yaml_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        HygienePolicy.read("nowhere.yaml")
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r"groups-sdk\[yaml\]"):
        HygienePolicy.read(io.StringIO("findings: {}"))


@pytest.mark.parametrize(
    ("action", "role"),
    [(HygieneAction.SET_ROLE, None), (HygieneAction.REMOVE, "x"), (HygieneAction.SET_ROLE, " ")],
)
def test_a_rule_that_makes_no_sense_is_refused(action: HygieneAction, role: str | None) -> None:
    with pytest.raises(InvalidArgumentError, match="role"):
        HygieneRule(action, role)


def test_parts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="sole_role can only be reported"):
        HygienePolicy({HygieneCheck.SOLE_ROLE: HygieneRule(HygieneAction.REMOVE)})
    with pytest.raises(InvalidArgumentError, match="exempt"):
        HygieneExemption("a b")
    assert not HygienePolicy({HygieneCheck.SOLE_ROLE: HygieneRule(HygieneAction.REPORT)}).changes
    assert not IN_GUIDE.acts_on(HygieneCheck.SHARED_ADDRESS)
    assert not IN_GUIDE.acts_on(HygieneCheck.IN_NO_ORG)
    assert IN_GUIDE.acts_on(HygieneCheck.NOT_ON_SSO)


def test_what_is_no_check_or_action_would_do_nothing_and_is_refused() -> None:
    rule = HygieneRule(HygieneAction.REMOVE)
    wrong: Any
    with pytest.raises(InvalidArgumentError, match=r"must be one of HygieneAction.REMOVE, .*got 'report'"):
        HygieneRule("report")  # type: ignore[arg-type]
    for wrong in ("not_on_ssso", 5):
        with pytest.raises(InvalidArgumentError, match="is no finding; known are not_on_sso, "):
            HygienePolicy({wrong: rule})
        with pytest.raises(InvalidArgumentError, match="is no finding; known are not_on_sso, "):
            HygieneExemption("ada@example.com", checks=(wrong,))
    with pytest.raises(
        InvalidArgumentError, match="checks of an exemption must be a tuple; got 'not_on_sso'"
    ):
        HygieneExemption("ada@example.com", checks="not_on_sso")  # type: ignore[arg-type]
    for wrong in ("2026-01-01", datetime(2026, 1, 1)):
        with pytest.raises(InvalidArgumentError, match="until of an exemption must be a date"):
            HygieneExemption("ada@example.com", wrong)
    assert HygienePolicy({"not_on_sso": rule}).acts_on(HygieneCheck.NOT_ON_SSO)  # type: ignore[dict-item]
