"""A review as a whole: whom to look at, and reading it from its file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from support.reviews import GROUP, member, review

from groups_sdk import InvalidArgumentError, NotFoundError, Review, ReviewTotals

MADE = review(
    [
        member("1", role="Group Admin", orgs={"1": "2"}),
        member("2", login="password", orgs={}),
        member("3", login=None),
        attrs.evolve(member("4"), org_error=NotFoundError(status_code=404)),
    ],
    orgs=True,
)


def test_whom_to_look_at_is_counted_and_listed() -> None:
    one, two, three, four = MADE.members
    assert (MADE.admins, MADE.not_on_sso, MADE.in_no_org, MADE.orgs_unknown) == (
        (one,),
        (two,),
        (two,),
        (three, four),
    )
    assert MADE.totals == ReviewTotals(
        members=4,
        admins=1,
        not_on_sso=1,
        login_method_unknown=1,
        in_no_org=1,
        orgs_unknown=2,
        orgs_failed=1,
        by_role={"Reader": 3, "Group Admin": 1},
        by_login_method={"saml": 2, "password": 1, "unknown": 1},
        by_joining_month={"2025-02": 1, "2025-03": 1, "2025-04": 1, "2025-05": 1},
    )


def test_nothing_is_said_of_organizations_that_nobody_asked_for() -> None:
    without = attrs.evolve(MADE, org_memberships=False)
    assert (without.in_no_org, without.orgs_unknown) == (None, None)
    totals = without.totals
    assert (totals.in_no_org, totals.orgs_unknown, totals.orgs_failed) == (None, None, None)


def test_name_of_a_file_says_how_to_read_it(tmp_path: Path) -> None:
    MADE.to_jsonl(tmp_path / "R.JSONL")
    MADE.to_csv(tmp_path / "r.csv")
    assert Review.read(tmp_path / "R.JSONL") == MADE
    assert Review.read(str(tmp_path / "r.csv")).totals.members == 4
    with pytest.raises(InvalidArgumentError, match=r"must end in \.jsonl or \.csv"):
        Review.read(tmp_path / "r.txt")


def test_review_from_before_organizations_could_fail_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    made = Review(GROUP, datetime(2025, 1, 1, tzinfo=UTC), MADE.members[:3], True)
    made.to_jsonl(path)
    path.write_text(path.read_text().replace(', "org_error": null', ""))
    assert Review.read(path) == made
