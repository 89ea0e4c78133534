"""What the report of an offboarding says, and how it reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from groups_sdk import Group, GroupMembership, Org, OrgMembership, Role, User
from groups_sdk.access import OffboardingReport, OffboardingResult, OffboardingStatus, RemainingAccess

AT = datetime(2025, 11, 5, tzinfo=UTC)
ENGINEERING = Group("1", "Engineering")


def member(**user: Any) -> GroupMembership:
    return GroupMembership("5", AT, User("9", **user), Role("7"), ENGINEERING)


def report(**fields: Any) -> OffboardingReport:
    default: dict[str, Any] = {
        "people": ("ada@mail.test",),
        "dry_run": False,
        "cascade": True,
        "groups": 3,
        "results": (),
    }
    return OffboardingReport(**{**default, **fields})


def test_a_result_says_who_where_and_what_and_why() -> None:
    status = OffboardingStatus
    org = OrgMembership("4", AT, User("9"), Role("6", "Org Admin"), Org("3"))
    results = [
        OffboardingResult(ENGINEERING, "9", status.REMOVED, member(email="ada@mail.test"), (org,)),
        OffboardingResult(Group("2"), "ada", status.NOT_STARTED, member(username="ada"), (), OSError("no")),
        OffboardingResult(ENGINEERING, "ada", status.REMOVED, None, None, OSError("no"), earlier=True),
        OffboardingResult(ENGINEERING, "9", status.NOT_MEMBER, member(), error=OSError("no")),
        OffboardingResult(ENGINEERING, "\x1b[2J", status.UNREADABLE, error=OSError("\x07")),
    ]
    assert list(map(str, results)) == [
        "Engineering: ada@mail.test (7): removed, organizations: 3",
        "2: ada (7): not started: no",
        "Engineering: ada: removed by an earlier run",
        "Engineering: 9 (7): not member",
        "Engineering: \\x1b[2J: unreadable: \\x07",
    ]


def test_what_cannot_be_read_and_what_remains_come_after_what_was_done() -> None:
    unreadable = OffboardingResult(Group("2", "Research"), "ada@mail.test", OffboardingStatus.UNREADABLE)
    removed = OffboardingResult(ENGINEERING, "ada@mail.test", OffboardingStatus.REMOVED, member())
    left = RemainingAccess(Group("2", "Research"), "ada@mail.test", "cannot be checked: no")
    sso = RemainingAccess(ENGINEERING, "ada@mail.test", "can sign in by SSO")
    made = report(results=(unreadable, removed), remaining=(left,), sso_users=(sso,), notes=("a note",))
    assert str(made).splitlines() == [
        "Offboarding of ada@mail.test (with the organizations below)",
        "  Engineering: ada@mail.test (7): removed",
        "  ! Research: ada@mail.test: unreadable",
        "  not a member of 1 of 3 groups",
        "  ! remains: Research: ada@mail.test: cannot be checked: no",
        "  ! remains: Engineering: ada@mail.test: can sign in by SSO",
        "  ! a note",
    ]


def test_a_report_of_nothing_yet_claims_nothing() -> None:
    made = report(groups=0, dry_run=True, cascade=False)
    assert not made.complete
    assert str(made) == (
        "Offboarding of ada@mail.test (without the organizations below; a dry run: nothing was removed)"
    )


def test_it_is_complete_when_everybody_was_found_and_a_second_look_finds_nothing() -> None:
    assert report(looked_again=True).complete
    assert not report(looked_again=False).complete
    assert not report(looked_again=True, not_found=("ada@mail.test",)).complete
    assert not report(looked_again=True, remaining=(RemainingAccess(ENGINEERING, "a", "b"),)).complete


def test_somebody_is_found_when_not_everybody_is_missing() -> None:
    assert report(people=("a", "b"), not_found=("a",)).found
    assert not report(people=("a", "b"), not_found=("a", "b")).found
