"""A report of hygiene, as people and programs read it."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from support.reviews import GROUP, HOSTILE, member

from groups_sdk import InvalidArgumentError
from groups_sdk.access import HygieneCheck, HygieneFinding, HygieneReport, HygieneUnknown

ADA = member("1", login="github").membership
REPORT = HygieneReport(
    group=GROUP,
    looked_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    base_url="https://api.example",
    members=(ADA,),
    findings=(
        HygieneFinding(HygieneCheck.NOT_ON_SSO, (ADA,), "the login method is 'github'"),
        HygieneFinding(HygieneCheck.SSO_DEACTIVATED, (ADA,), "by name", True, ("who it is", "more")),
    ),
    unknown=(
        HygieneUnknown(HygieneCheck.NOT_ON_SSO, "not told", 2),
        HygieneUnknown(HygieneCheck.SSO_DEACTIVATED, "403", failed=True),
    ),
    missing=1,
    unreadable=("a record without an id, at data[3]: an object is wanted",),
)


def test_a_report_in_words() -> None:
    who = f"user1@example.com / user1 / Ada (user id {ADA.user.id})"
    assert str(REPORT).splitlines() == [
        f"Hygiene of Payments ({GROUP.id}), looked at 2026-01-02 03:04 UTC",
        "  ! not complete: the API counts 1 more than the 1 members that it listed; 1 record of the listing could not "
        "be understood: a record without an id, at data[3]: an object is wanted",
        "not_on_sso: members who do not log in by SSO: 1",
        f"  {who}: the login method is 'github'",
        "  ? not known: not told: 2 members",
        "sso_deactivated: members whose SSO user is deactivated: 0, and hints: 1",
        f"  hint: {who}: by name (not known: who it is; more)",
        "  ? not known: 403",
        "in_no_org: not looked at, because organizations were not asked for",
        "shared_address: addresses of several accounts: 0",
        "sole_role: roles that one member alone has: 0",
        "1 member: 1 finding, 1 hint; 3 things not known",
    ]


def test_a_report_in_markdown() -> None:
    text = REPORT.to_markdown()
    assert text.startswith(f"## Hygiene of `Payments` (`{GROUP.id}`)\n\n**1 member: 1 finding, 1 hint;")
    assert "\nNot complete: `the API counts 1 more" in text
    assert "| `the login method is 'github'` | - |" in text
    assert "| hint: `by name` | `who it is`; `more` |" in text
    assert "- not known: `403`\n" in text
    calm = attrs.evolve(REPORT, findings=(), unknown=(), missing=0, unreadable=(), org_memberships=True)
    assert "Not complete" not in calm.to_markdown()
    assert "members in no organization: 0" in calm.to_markdown()


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_of_the_api_plays_tricks(text: str) -> None:
    named = attrs.evolve(ADA, user=attrs.evolve(ADA.user, email=text, login_method=text))
    hostile = attrs.evolve(
        REPORT,
        group=attrs.evolve(GROUP, name=text),
        findings=(HygieneFinding(HygieneCheck.NOT_ON_SSO, (named,), text),),
        unknown=(HygieneUnknown(HygieneCheck.NOT_ON_SSO, text),),
        unreadable=(text,),
    )
    for shown in (str(hostile), hostile.to_markdown()):
        assert all(character.isprintable() or character == "\n" for character in shown)
        assert len(shown.splitlines()) == len(shown.split("\n")) - shown.endswith("\n")


def test_a_report_is_kept_and_read_again() -> None:
    assert HygieneReport.from_json(REPORT.to_json()) == REPORT
    for text in ("{", "[]", "{}"):
        with pytest.raises(InvalidArgumentError):
            HygieneReport.from_json(text)


def test_it_is_complete_when_nothing_is_unknown() -> None:
    calm = attrs.evolve(REPORT, unknown=(), missing=0, unreadable=())
    assert calm.complete
    assert not attrs.evolve(calm, missing=1).complete
    assert not attrs.evolve(calm, unknown=REPORT.unknown).complete
    assert calm.of(HygieneCheck.SSO_DEACTIVATED, HygieneCheck.IN_NO_ORG) == REPORT.findings[1:]
