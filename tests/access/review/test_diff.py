"""Who was added, removed and changed between two reviews."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from support.jobs import BOTH, Jobs, role_id
from support.reviews import HOSTILE, member, review, uid

from groups_sdk import (
    Group,
    InvalidArgumentError,
    Review,
    Role,
)
from groups_sdk.access import ReviewDiff, ReviewedMember
from groups_sdk.access._review.diff import compare
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


def test_who_was_added_removed_and_changed(tmp_path: Path) -> None:
    before = review(
        [
            member("1"),
            member("2"),
            member("3", login="password", orgs={"1": "2"}),
            member("4", orgs={"1": "2"}),
            member("5", orgs={}),
        ],
        orgs=True,
    )
    after = review(
        [
            member("2", role="Group Admin"),
            member("3", login="saml", orgs={"1": "3"}),
            member("4", orgs={"1": "2"}),
            member("5", orgs={}, again=True),
            member("6", name="New\x1b[2J", email="\u202enew@example.com"),
        ],
        orgs=True,
    )
    diff = after.diff(before)
    assert [m.membership.user.id for m in diff.added] == [uid("6")]
    assert [m.membership.user.id for m in diff.removed] == [uid("1")]
    assert {c.after.membership.user.id: c.what for c in diff.changed} == {
        uid("2"): ("role",),
        uid("3"): ("login_method", "org_memberships"),
        uid("5"): ("membership",),
    }
    assert str(diff).splitlines() == [
        "+ \\u202enew@example.com (Reader)",
        "- user1@example.com (Reader)",
        "~ user2@example.com: Reader -> Group Admin",
        "~ user3@example.com: login password -> saml; organizations Org 1 (2) -> Org 1 (3)",
        "~ user5@example.com: removed and added again",
        "1 added, 1 removed, 3 changed; organizations not compared for 1",
    ]
    assert [m.membership.user.id for m in diff.orgs_unknown] == [uid("2")]
    assert not diff.empty
    before.to_csv(tmp_path / "before.csv")
    assert [c.what for c in after.diff(str(tmp_path / "before.csv")).changed] == [
        ("role",),
        ("login_method",),
        ("membership",),
    ]
    assert after.diff(after).empty
    other = Review(Group(uid("2")), None, ())
    with pytest.raises(InvalidArgumentError, match="another group"):
        after.diff(other)


@BOTH
async def test_a_review_compares_itself_with_an_earlier_one(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        stream = await jobs("review", fake.group_id)
        earlier = await jobs.run(stream.collect)
        earlier.to_jsonl(tmp_path / "earlier.jsonl")
        first, second, *_ = fake.memberships(fake.group_id)
        await jobs.run(lambda: jobs._client.delete_membership(fake.group_id, first.id, cascade=True))
        await jobs.run(
            lambda: jobs._client.update_membership(
                fake.group_id, second.id, role_id=role_id(fake, "Group Admin")
            )
        )
        for given in (earlier, tmp_path / "earlier.jsonl"):
            diff = await jobs.run(lambda g=given: stream.diff(g))
            assert (len(diff.added), len(diff.removed), len(diff.changed)) == (0, 1, 1)
        with pytest.raises(InvalidArgumentError, match=r"\.jsonl or \.csv"):
            await jobs.run(lambda: stream.diff(tmp_path / "earlier.txt"))


def with_user(member: ReviewedMember, **texts: str | None) -> ReviewedMember:
    user = attrs.evolve(member.membership.user, **texts)
    return attrs.evolve(member, membership=attrs.evolve(member.membership, user=user))


@pytest.mark.parametrize("suffix", ["jsonl", "csv", None])
def test_changes_of_email_username_and_name_are_seen(suffix: str | None, tmp_path: Path) -> None:
    before = review([member("1"), member("2"), member("3"), member("4")])
    one, two, three, four = before.members
    after = review(
        [
            with_user(one, email="ada@new.test"),
            with_user(two, username="=cmd"),
            with_user(three, name=None),
            with_user(four, email="User4@example.com", username=None, name="Ada L."),
        ]
    )
    earlier: Review | Path = before
    if suffix is not None:
        getattr(before, f"to_{suffix}")(earlier := tmp_path / f"before.{suffix}")
    diff = after.diff(earlier)
    assert [change.what for change in diff.changed] == [
        ("email",),
        ("username",),
        ("name",),
        ("email", "username", "name"),
    ]
    assert str(diff).splitlines() == [
        "~ ada@new.test: email user1@example.com -> ada@new.test",
        "~ user2@example.com: username user2 -> =cmd",
        "~ user3@example.com: name Ada -> -",
        "~ User4@example.com: email user4@example.com -> User4@example.com; username user4 -> -; "
        "name Ada -> Ada L.",
        "0 added, 0 removed, 4 changed",
    ]


def test_escapes_of_a_csv_file_are_no_differences(tmp_path: Path) -> None:
    odd = [*HOSTILE, "", "'=1", "''@x", "a;=b", "line\r\n=2", " spaces ", "\t", "\ufeff", "\x00=1"]
    made = review(
        [
            with_user(member(str(number)), name=text, email=text or None, username=text, login_method=text)
            for number, text in enumerate(odd)
        ]
    )
    made.to_csv(tmp_path / "review.csv")
    assert made.diff(tmp_path / "review.csv") == ReviewDiff((), (), ())


def test_member_whose_user_the_api_leaves_out_is_neither_gone_nor_somebody_else() -> None:
    whole = review([member("1"), member("2")])
    nobody = with_user(whole.members[0], id="", email=None, username=None, name=None, login_method=None)
    left_out = review([nobody, whole.members[1]])
    for before, after in ((whole, left_out), (left_out, whole), (left_out, left_out)):
        assert after.diff(before).empty
    # Another user under the same membership is another person.
    other = review([with_user(whole.members[0], id=uid("8")), whole.members[1]])
    diff = other.diff(whole)
    assert (len(diff.added), len(diff.removed), len(diff.changed)) == (1, 1, 0)


def test_organizations_that_are_unknown_have_not_changed() -> None:
    known, unknown = (review([member("1", orgs=orgs)], orgs=True) for orgs in ({"1": "2"}, None))
    for before, after in ((known, unknown), (unknown, known)):
        diff = after.diff(before)
        assert diff.empty
        assert diff.orgs_unknown == after.members
    assert review([member("1", orgs={})], orgs=True).diff(known).changed[0].what == ("org_memberships",)
    assert review([member("1")]).diff(known).orgs_unknown == (), "nobody wanted to know"


def test_role_without_an_id_is_compared_by_name_and_ids_without_regard_to_case() -> None:
    before = review([member("1", role="abcdefghijk"), member("2")])
    one, two = before.members
    upper = attrs.evolve(one.membership, role=Role(one.membership.role.id.upper(), "renamed"))
    other = attrs.evolve(two.membership, role=Role("", "Reader"))
    after = review([attrs.evolve(one, membership=upper), attrs.evolve(two, membership=other)])
    assert [change.what for change in after.diff(before).changed] == [("role",)]
    assert after.diff(after).empty


@pytest.mark.parametrize("name", ["earlier.jsonl", "earlier.csv"])
def test_who_is_the_same_in_an_earlier_file_is_kept_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    now = review([member("1"), member("2", role="Group Admin"), member("4")])
    before = review([member("1"), member("2"), member("3")])
    path = tmp_path / name
    (before.to_csv if path.suffix == ".csv" else before.to_jsonl)(path)
    compared: list[Any] = []

    def kept(earlier: Any, later: Any, **options: Any) -> ReviewDiff:
        compared.append((earlier, later))
        return compare(earlier, later, **options)

    monkeypatch.setattr("groups_sdk.access._review.report.compare", kept)
    assert now.diff(path) == now.diff(before)
    (earlier, later), _ = compared
    assert earlier == before.members
    assert earlier[0] is later[0]
    assert earlier[1].membership.role is not later[1].membership.role


def test_a_membership_that_is_listed_again_under_another_user_is_that_of_somebody_added() -> None:
    again = attrs.evolve(
        member("2"), membership=attrs.evolve(member("2").membership, id=member("1").membership.id)
    )
    diff = review([member("1"), again]).diff(review([member("1")]))
    assert (diff.added, diff.removed, diff.changed) == ((again,), (), ())
