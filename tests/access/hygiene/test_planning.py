"""What a policy makes of a report: only what is proven, and nothing of those who are exempt or guarded."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import attrs
import pytest
from support.reviews import GROUP, uid

from groups_sdk import (
    AmbiguousMatchError,
    GroupMembership,
    IncompleteListingError,
    InvalidArgumentError,
    MemberNotFoundError,
    PlanError,
    ProtectedMemberError,
    Role,
    RoleChoiceError,
    User,
)
from groups_sdk.access import (
    HygieneCheck,
    HygieneFinding,
    HygienePolicy,
    HygieneReport,
    HygieneUnknown,
    Plan,
)

NOT_ON_SSO, SSO_DEACTIVATED, IN_NO_ORG, SHARED_ADDRESS, SOLE_ROLE = HygieneCheck
ADMIN, MEMBER, VIEWER = (
    Role(uid("a1"), "Group Admin"),
    Role(uid("a2"), "Group Member"),
    Role(uid("a3"), "Group Viewer"),
)
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TODAY = date(2026, 1, 2)


def member(number: int, role: Role = MEMBER, login: str | None = "github", **user: Any) -> GroupMembership:
    given = {"email": f"m{number}@mail.test", "username": f"m{number}", **user}
    account = User(given.pop("id", uid(str(number))), login_method=login, **given)
    return GroupMembership(uid(f"5{number}"), THEN, account, role, GROUP)


BOSS = member(1, ADMIN, "saml")
ADA, KIM, GRACE = member(2), member(3), member(4, VIEWER)
OTHERS = [member(number, login="saml") for number in range(20, 40)]


def finding(check: HygieneCheck, *people: GroupMembership, hint: bool = False) -> HygieneFinding:
    return HygieneFinding(check, people, f"seen by {check}", hint)


def report(
    *findings: HygieneFinding, members: list[GroupMembership] | None = None, **options: Any
) -> HygieneReport:
    everybody = [BOSS, ADA, KIM, GRACE, *OTHERS] if members is None else members
    return HygieneReport(
        **{
            "group": GROUP,
            "looked_at": THEN,
            "base_url": "https://api.example",
            "members": tuple(everybody),
            "findings": findings,
            "org_memberships": True,
            "sso_login_methods": ("saml",),
            **options,
        }
    )


def policy(rules: dict[str, Any], *exempt: dict[str, Any], **options: Any) -> HygienePolicy:
    return HygienePolicy.from_dict({"findings": rules, "exempt": exempt, **options})


def planned(made: Plan) -> list[str]:
    return [str(change) for change in made.changes]


def notes(made: Plan) -> str:
    return "\n".join(made.notes)


REMOVE_ALL = policy({"not_on_sso": "remove", "sso_deactivated": "remove", "in_no_org": "remove"})
REMOVE = policy({"not_on_sso": "remove"})


def test_findings_become_removals_and_roles_with_their_evidence() -> None:
    rules = policy({"not_on_sso": {"set_role": "group viewer"}, "sso_deactivated": "remove"}, cascade=True)
    looked = report(
        finding(NOT_ON_SSO, ADA),
        finding(NOT_ON_SSO, GRACE),
        finding(SSO_DEACTIVATED, KIM),
        finding(IN_NO_ORG, BOSS),
    )
    made = looked.plan(rules, max_removals=1)
    assert planned(made) == [
        "m2@mail.test: Group Member -> Group Viewer",
        "remove m3@mail.test (Group Member)",
    ]
    assert [change.user for change in made.unchanged] == [GRACE.user]
    assert (made.made_at, made.base_url, made.cascade, made.max_removals) == (
        THEN,
        "https://api.example",
        True,
        1,
    )
    assert made.notes == (
        "m2@mail.test: Group Member -> Group Viewer: not_on_sso: seen by not_on_sso",
        "remove m3@mail.test (Group Member): sso_deactivated: seen by sso_deactivated",
    )
    assert made.not_mentioned == 21
    assert Plan.from_json(made.to_json()) == made


def test_what_no_rule_names_is_only_reported() -> None:
    looked = report(finding(NOT_ON_SSO, ADA), finding(SOLE_ROLE, BOSS))
    for rules in ({"sso_deactivated": "remove"}, {"not_on_sso": "report", "sole_role": "report"}):
        made = looked.plan(policy(rules))
        assert (made.changes, made.notes) == ((), ())


def test_a_hint_and_what_is_not_known_are_never_planned() -> None:
    looked = report(
        finding(SSO_DEACTIVATED, ADA, hint=True),
        unknown=(
            HygieneUnknown(SSO_DEACTIVATED, "403", failed=True),
            HygieneUnknown(SOLE_ROLE, "not said", 2),
        ),
    )
    made = looked.plan(policy({"sso_deactivated": "remove"}))
    assert made.changes == ()
    assert notes(made).startswith(
        "not planned, because it is not proven: sso_deactivated: hint: m2@mail.test"
    )
    assert "not planned, because it is not known: sso_deactivated: 403" in notes(made)
    assert "not said" not in notes(made)


@pytest.mark.parametrize("gap", [{"missing": 1}, {"unreadable": ("the record 'x', at data[0]: odd",)}])
def test_nothing_is_planned_of_a_listing_with_a_gap(gap: dict[str, Any]) -> None:
    looked = report(finding(NOT_ON_SSO, ADA), **gap)
    with pytest.raises(IncompleteListingError, match=r"^nothing is planned for Payments: "):
        looked.plan(REMOVE)
    assert looked.plan(policy({"not_on_sso": "report"})).changes == ()


def test_nobody_is_taken_for_being_in_no_organization_when_nobody_looked() -> None:
    with pytest.raises(PlanError, match=r"org_memberships=True$"):
        report(org_memberships=False).plan(policy({"in_no_org": "remove"}))


# Several findings of one member


def test_a_removal_goes_before_a_role_and_the_first_rule_before_the_others() -> None:
    looked = report(finding(NOT_ON_SSO, ADA), finding(SSO_DEACTIVATED, ADA), finding(IN_NO_ORG, ADA))
    to_viewer, to_member = {"set_role": "Group Viewer"}, {"set_role": MEMBER.id}
    for rules in (
        {"not_on_sso": to_viewer, "sso_deactivated": "remove", "in_no_org": to_member},
        {"sso_deactivated": "remove", "not_on_sso": to_viewer},
    ):
        assert planned(looked.plan(policy(rules))) == ["remove m2@mail.test (Group Member)"]
    made = looked.plan(policy({"not_on_sso": to_viewer, "in_no_org": to_member}))
    assert planned(made) == ["m2@mail.test: Group Member -> Group Viewer"]
    assert len(made.notes) == 2
    made = looked.plan(policy({"in_no_org": to_member, "not_on_sso": to_viewer}))
    assert (made.changes, len(made.unchanged)) == ((), 1)


# Several accounts under one address

SHARED = policy({"shared_address": "remove"})


def test_of_several_accounts_those_without_sso_go() -> None:
    twin = member(7, login="saml", email="m2@mail.test")
    looked = report(finding(SHARED_ADDRESS, ADA, twin), members=[BOSS, ADA, twin, *OTHERS])
    assert planned(looked.plan(SHARED)) == ["remove m2@mail.test (Group Member)"]
    made = looked.plan(SHARED)
    assert made.removals[0].user == ADA.user
    (condition,) = made.conditions
    assert (condition.change, condition.user, condition.role) == (made.removals[0].key, twin.user, MEMBER)
    assert Plan.from_json(made.to_json()) == made


def test_who_goes_for_another_reason_too_goes_whatever_becomes_of_the_other_account() -> None:
    twin = member(7, login="saml", email="m2@mail.test")
    looked = report(
        finding(NOT_ON_SSO, ADA), finding(SHARED_ADDRESS, ADA, twin), members=[BOSS, ADA, twin, *OTHERS]
    )
    made = looked.plan(policy({"not_on_sso": "remove", "shared_address": "remove"}))
    assert ([change.user for change in made.removals], made.conditions) == ([ADA.user], ())


def test_all_accounts_stay_while_it_is_not_known_which_are_deactivated() -> None:
    twin = member(7, login="saml", email="m2@mail.test")
    unknown = HygieneUnknown(SSO_DEACTIVATED, "403: forbidden")
    looked = report(finding(SHARED_ADDRESS, ADA, twin), members=[BOSS, ADA, twin], unknown=(unknown,))
    made = looked.plan(SHARED)
    assert made.changes == ()
    assert notes(made).startswith("not planned, because the account that should stay may be deactivated (403")


@pytest.mark.parametrize(
    "twin",
    [
        member(7, login="saml", email="m2@mail.test", id=""),
        member(7, Role(""), login="saml", email="m2@mail.test"),
    ],
)
def test_an_account_that_cannot_be_looked_at_again_is_none_that_stays(twin: GroupMembership) -> None:
    looked = report(finding(SHARED_ADDRESS, ADA, twin), members=[BOSS, ADA, twin, *OTHERS])
    made = looked.plan(SHARED)
    assert made.changes == ()
    assert "it is not clear which account should stay" in notes(made)


@pytest.mark.parametrize("logins", [("github", "github"), ("saml", "saml"), ("saml", None, "github")])
def test_where_it_is_not_clear_which_account_should_stay_all_do(logins: tuple[str | None, ...]) -> None:
    accounts = [member(7 + n, login=login, email="x@mail.test") for n, login in enumerate(logins)]
    looked = report(finding(SHARED_ADDRESS, *accounts), members=[BOSS, *accounts])
    made = looked.plan(SHARED)
    assert made.changes == ()
    assert notes(made).startswith(
        "not planned, because it is not clear which account should stay: x@mail.test"
    )


@pytest.mark.parametrize("hint", [True, False])
def test_an_account_that_may_be_deactivated_or_goes_is_none_that_stays(hint: bool) -> None:
    twin = member(7, login="saml", email="m2@mail.test")
    looked = report(
        finding(SHARED_ADDRESS, ADA, twin),
        finding(SSO_DEACTIVATED, twin, hint=hint),
        members=[BOSS, ADA, twin, *OTHERS],
    )
    assert looked.plan(SHARED).changes == ()
    looked = attrs.evolve(looked, findings=(finding(SHARED_ADDRESS, ADA, twin), finding(IN_NO_ORG, twin)))
    made = looked.plan(policy({"shared_address": "remove", "in_no_org": "remove"}))
    assert [change.user for change in made.removals] == [twin.user]


# Who stays

EVERYBODY = report(finding(NOT_ON_SSO, ADA), finding(SSO_DEACTIVATED, ADA), finding(NOT_ON_SSO, KIM))


@pytest.mark.parametrize("person", ["M2@mail.test", "m2", ADA.user.id, ADA.id])
def test_who_is_exempt_stays_for_the_findings_that_it_is_for(person: str) -> None:
    rules = {"not_on_sso": "remove", "sso_deactivated": {"set_role": "Group Viewer"}}
    made = EVERYBODY.plan(policy(rules, {"person": person}))
    assert planned(made) == ["remove m3@mail.test (Group Member)"]
    assert "m2@mail.test / m2" in made.notes[0]
    assert made.notes[0].endswith("stays as they are (not_on_sso): exempt")
    exempt = {"person": person, "findings": ["not_on_sso"], "until": "2026-01-02", "reason": "build"}
    made = EVERYBODY.plan(policy(rules, exempt), today=TODAY)
    assert planned(made) == [
        "m2@mail.test: Group Member -> Group Viewer",
        "remove m3@mail.test (Group Member)",
    ]
    assert made.notes[0].endswith("stays as they are (not_on_sso): exempt until 2026-01-02: build")


def test_an_exemption_ends() -> None:
    rules = policy({"not_on_sso": "remove"}, {"person": "m2@mail.test", "until": "2026-01-01"})
    made = EVERYBODY.plan(rules, today=TODAY)
    assert len(made.removals) == 2
    assert made.notes[0] == "the exemption of 'm2@mail.test' ended on 2026-01-01 and no longer counts"
    assert len(EVERYBODY.plan(rules, today=date(2026, 1, 1)).removals) == 1
    assert len(EVERYBODY.plan(rules).removals) == 2, "that day is over"


def test_several_accounts_under_an_exempt_name_are_all_exempt() -> None:
    twin = member(7, email="m2@mail.test")
    looked = report(finding(NOT_ON_SSO, ADA), finding(NOT_ON_SSO, twin), members=[BOSS, ADA, twin, *OTHERS])
    assert looked.plan(policy({"not_on_sso": "remove"}, {"person": "m2@mail.test"})).changes == ()


def test_who_is_exempt_and_nobody_is_a_note() -> None:
    made = EVERYBODY.plan(policy({"not_on_sso": "remove"}, {"person": "m99@mail.test"}))
    assert len(made.removals) == 2
    assert made.notes[0] == (
        "the policy exempts 'm99@mail.test', who is not a member of Payments: check the spelling"
    )


def test_who_only_looks_like_the_exempt_one_is_an_error() -> None:
    with pytest.raises(AmbiguousMatchError, match="only looks like"):
        EVERYBODY.plan(policy({"not_on_sso": "remove"}, {"person": "\u043c2@mail.test"}))


def test_who_is_protected_or_me_stays() -> None:
    made = EVERYBODY.plan(REMOVE, me="m2@mail.test", protect=["m3", "nobody@mail.test"])
    assert made.changes == ()
    assert "(not_on_sso): it is your own membership" in notes(made)
    assert "(not_on_sso): protected" in notes(made)
    assert "protect names 'nobody@mail.test', who is not a member of Payments: check the spelling" in notes(
        made
    )
    assert len(EVERYBODY.plan(REMOVE, me="m2@mail.test", allow_self=True).removals) == 2


def test_a_me_or_admin_roles_that_nobody_is_are_errors() -> None:
    with pytest.raises(MemberNotFoundError):
        EVERYBODY.plan(REMOVE, me="nobody@mail.test")
    with pytest.raises(ProtectedMemberError, match="check the spelling of admin_roles"):
        EVERYBODY.plan(REMOVE, admin_roles=["Grup Admin"])


@pytest.mark.parametrize("guarded", [{"protect": ["x@mail.test"]}, {"exempt": "x@mail.test"}])
def test_who_goes_by_no_name_may_be_the_one_who_was_not_found(guarded: dict[str, Any]) -> None:
    nameless = member(7, email=None, username="")
    looked = report(finding(NOT_ON_SSO, nameless), members=[BOSS, nameless, *OTHERS])
    assert len(looked.plan(REMOVE).removals) == 1
    exempt = [{"person": guarded["exempt"]}] if "exempt" in guarded else []
    rules = policy({"not_on_sso": "remove"}, *exempt)
    made = looked.plan(rules, protect=guarded.get("protect", ()))
    assert made.changes == ()
    assert "they go by no name, and may be somebody who is exempt or protected" in notes(made)


@pytest.mark.parametrize("odd", [{"user": User("")}, {"id": ""}])
def test_who_is_hardly_known_stays(odd: dict[str, Any]) -> None:
    somebody = attrs.evolve(ADA, **odd)
    looked = report(finding(NOT_ON_SSO, somebody), members=[BOSS, somebody, *OTHERS])
    made = looked.plan(REMOVE)
    assert made.changes == ()
    assert notes(made).endswith("(not_on_sso): too little is known about them")


# Admins


@pytest.mark.parametrize("action", ["remove", {"set_role": "Group Viewer"}])
def test_where_no_admin_would_be_left_all_admins_stay(action: Any) -> None:
    second = member(8, ADMIN)
    looked = report(
        *(finding(NOT_ON_SSO, one) for one in (BOSS, second, ADA)),
        members=[BOSS, second, ADA, GRACE, *OTHERS],
    )
    made = looked.plan(policy({"not_on_sso": action}))
    assert [change.user for change in made.changes] == [ADA.user]
    assert notes(made).count("the group would be left without an admin (allow_last_admin permits it)") == 2
    assert len(looked.plan(policy({"not_on_sso": action}), allow_last_admin=True).changes) == 3
    looked = attrs.evolve(looked, findings=looked.findings[1:])
    assert len(looked.plan(policy({"not_on_sso": action})).changes) == 2


def test_no_policy_makes_admins() -> None:
    with pytest.raises(InvalidArgumentError, match="would make admins: set_role is 'group admin'"):
        EVERYBODY.plan(policy({"in_no_org": {"set_role": "group admin"}}))
    with pytest.raises(InvalidArgumentError, match="would make admins"):
        EVERYBODY.plan(policy({"in_no_org": {"set_role": "Group Viewer"}}), admin_roles=["Group Viewer"])


def test_a_role_that_nobody_has_is_an_error_before_anything_is_planned() -> None:
    with pytest.raises(RoleChoiceError, match="no member has a role named 'Group Veiwer'"):
        report().plan(policy({"not_on_sso": {"set_role": "Group Veiwer"}}))


# How many


def test_no_more_are_removed_than_may_be() -> None:
    people = [member(number) for number in range(50, 54)]
    looked = report(*(finding(NOT_ON_SSO, one) for one in people), members=[BOSS, *people])
    with pytest.raises(
        PlanError, match=r"4 of the 5 members of Payments .* more than 3: .* max_removals=4"
    ) as caught:
        looked.plan(REMOVE)
    assert len(caught.value.entries) == 4
    assert len(looked.plan(REMOVE, max_removals=4).removals) == 4
    with pytest.raises(PlanError):
        looked.plan(REMOVE, max_removals=0)


@pytest.mark.parametrize("limit", [-1, True, 2.0])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="max_removals must be a whole number of at least 0"):
        report().plan(REMOVE, max_removals=limit)


def test_the_group_may_have_no_name() -> None:
    looked = report(missing=1, group=attrs.evolve(GROUP, name=None))
    with pytest.raises(IncompleteListingError, match=GROUP.id):
        looked.plan(REMOVE)
