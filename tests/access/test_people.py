"""Who is meant: one set of rules for every job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from groups_sdk import AmbiguousMatchError, Group, GroupMembership, InvalidArgumentError, Role, User
from groups_sdk.access._people import Identity, PeopleIndex, SsoAccount, identity_of

ANN, BOB, NEW = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abc")


def membership(
    user_id: str, email: str | None, username: str | None = None, id_: str = ""
) -> GroupMembership:
    return GroupMembership(
        id=id_ or user_id.replace("-0000-", "-1111-"),
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        user=User(user_id, name="Somebody", username=username, email=email),
        role=Role("r", "Group Member"),
        group=Group("g"),
    )


ANN_M = membership(ANN, "ann@mail.test", "ann@login.test")
BOB_M = membership(BOB, "bob@mail.test", "bob")


def names(*given: str) -> Identity:
    return Identity(names=given)


@pytest.mark.parametrize(
    "identity",
    [
        names("ann@mail.test"),
        names(" ANN@Mail.test"),
        names("ann@login.test"),
        names("ann@mail.test", "ann@login.test"),
        names("ann@mail.test", "ann@nowhere.test"),
        Identity(ids=(ANN,)),
        Identity(ids=(ANN.upper(),)),
        Identity(ids=(ANN_M.id,)),
        Identity(ids=(ANN,), names=("ann@mail.test",)),
        Identity(ids=(ANN,), names=("ann@old.test",)),
    ],
    ids=str,
)
def test_one_person_goes_by_email_username_and_ids(identity: Identity) -> None:
    assert PeopleIndex([ANN_M, BOB_M]).find(identity) is ANN_M


@pytest.mark.parametrize(
    "identity", [names("nobody@mail.test"), names("Somebody"), Identity(ids=(NEW,))], ids=str
)
def test_nobody_goes_by_a_display_name(identity: Identity) -> None:
    assert PeopleIndex([ANN_M, BOB_M]).find(identity) is None


@pytest.mark.parametrize(
    ("given", "theirs"),
    [
        ("steve@mail.test", "\u017fteve@mail.test"),
        ("strasse@mail.test", "stra\u00dfe@mail.test"),
        ("kim@mail.test", "\u212aim@mail.test"),
        ("ann@mail.test", "\u0430nn@mail.test"),
        ("\u00e5sa@mail.test", "\u00c5SA@mail.test"),
        ("a@ex\u00e4mple.test", "a@xn--exmple-cua.test"),
    ],
)
def test_a_look_alike_is_refused_with_both_spellings(given: str, theirs: str) -> None:
    impostor = membership(ANN, theirs, theirs)
    with pytest.raises(AmbiguousMatchError) as caught:
        PeopleIndex([impostor, BOB_M]).find(Identity(names=(given,), where="line 2"))
    assert ascii(given) in str(caught.value)
    assert str(caught.value).count(ascii(theirs)) == 1, "also where it is the email and the username"
    assert ANN in str(caught.value)
    assert str(caught.value).startswith("line 2: ")
    assert caught.value.matches == (impostor,)
    # Who has just this address is meant, whoever looks like them.
    same = membership(NEW, given.upper() if given.isascii() else given, "same")
    assert PeopleIndex([impostor, same]).find(names(given)) is same
    assert PeopleIndex([impostor]).all_of(names(given), lookalikes=False) == []


def test_identifiers_that_name_different_people_are_an_error_that_shows_both() -> None:
    for identity in (
        Identity(ids=(ANN,), names=("bob@mail.test",), where="line 7"),
        Identity(names=("ann@mail.test", "bob"), where="line 7"),
    ):
        with pytest.raises(
            AmbiguousMatchError, match=r"line 7: .*different people.*ann@mail.*bob@mail"
        ) as caught:
            PeopleIndex([ANN_M, BOB_M]).find(identity)
        assert set(caught.value.matches) == {ANN_M, BOB_M}


def test_an_old_user_id_with_the_address_of_somebody_provisioned_anew_is_an_error() -> None:
    with pytest.raises(AmbiguousMatchError, match=f"{NEW} is not the id .*ann@mail.test") as caught:
        PeopleIndex([ANN_M, BOB_M]).find(Identity(ids=(NEW,), names=("ann@mail.test",)))
    assert caught.value.matches == (ANN_M,)


def test_several_accounts_under_one_address_are_listed_by_user_id() -> None:
    twin = membership(NEW, "ANN@mail.test", "annie")
    index = PeopleIndex([ANN_M, twin, BOB_M])
    with pytest.raises(AmbiguousMatchError, match=rf"2 accounts .*{ANN}.*{NEW}") as caught:
        index.find(names("ann@mail.test"))
    assert set(caught.value.matches) == {ANN_M, twin}
    assert index.all_of(names("ann@mail.test")) == [ANN_M, twin]
    assert index.find(Identity(ids=(NEW,), names=("ann@mail.test",))) is twin, "the id settles it"
    assert index.find(names("ann@mail.test", "annie")) is twin, "so does a second name"
    crossed = membership(BOB, "bob@mail.test", "ann@mail.test")
    with pytest.raises(AmbiguousMatchError, match="2 accounts"):
        PeopleIndex([ANN_M, crossed]).find(names("ann@mail.test"))


def test_one_user_in_several_groups_is_one_account() -> None:
    elsewhere = membership(ANN, "ann@mail.test", id_=NEW)
    index = PeopleIndex([ANN_M, elsewhere])
    assert len(index) == 1
    assert list(index) == [ANN_M]
    assert index.find(Identity(ids=(NEW,))) is ANN_M, "found by either membership"


def test_a_membership_that_is_listed_twice_is_as_it_was_listed_last() -> None:
    promoted = attrs.evolve(ANN_M, role=Role("a", "Group Admin"))
    assert PeopleIndex([ANN_M, promoted]).find(names("ann@mail.test")) is promoted


def test_a_member_without_a_user_is_found_by_the_membership_only() -> None:
    bare = membership("", None, None, id_=NEW)
    index = PeopleIndex([bare, BOB_M])
    assert index.find(Identity(ids=(NEW,))) is bare
    assert index.by_id(NEW) is bare
    assert index.by_id(ANN) is None
    with pytest.raises(AmbiguousMatchError, match=r"Somebody \(membership id"):
        index.find(Identity(ids=(NEW, BOB)))


def test_sso_users_are_found_by_the_same_rules() -> None:
    account = SsoAccount(User(ANN, username="ann@login.test", email="ann@mail.test"), "connection")
    assert PeopleIndex([account]).find(names("ann@login.test")) is account
    assert PeopleIndex([account]).find(Identity(ids=(ANN,))) is account


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (f" {ANN.upper()} ", Identity(ids=(ANN,))),
        ("Ann <ann@mail.test>", names("ann@mail.test")),
        ("mailto:ann@mail.test", names("ann@mail.test")),
        (" bob ", names("bob")),
    ],
)
def test_what_one_text_means(text: str, identity: Identity) -> None:
    assert identity_of(text) == identity
    assert str(identity) in {ANN, "ann@mail.test", "bob"}


@pytest.mark.parametrize("bad", ["", "  ", "a\x00b", "two words", None, 7, User(ANN), '"x@y" <a@b>'])
def test_what_means_nobody_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^me"):
        identity_of(bad, "me")
