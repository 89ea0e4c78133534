"""Whatever the API's filters compare, outcomes are those of a listing of everybody; and when filters are given up."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from support.jobs import NOWHERE
from support.worlds import ROOT, group_of, member

from groups_sdk import GroupsClient, GroupsError, IncompleteListingError, NotFoundError
from groups_sdk.access import Changes
from groups_sdk.access._filtered_looks import looks_for
from groups_sdk.access._people import Identity
from groups_sdk.testing import FakeSnyk
from groups_sdk.testing._state import Listing, MembershipRecord

Compare = Callable[[str, str], bool]
PADDING = 310  # members besides: listing everybody takes more requests than a few filters


def letters(text: str) -> str:
    return re.sub("[^a-z0-9@.]", "", text.lower())


COMPARING: dict[str, Compare] = {
    "exactly": lambda value, asked: value == asked,
    "without case": lambda value, asked: value.lower() == asked.lower(),
    "by substring": lambda value, asked: asked.lower() in value.lower(),
    "only the letters that it knows": lambda value, asked: letters(value) == letters(asked),
    "nothing: it finds nobody": lambda value, asked: False,
    "nothing: it finds everybody": lambda value, asked: True,
}


def comparing(fake: FakeSnyk, compare: Compare) -> FakeSnyk:
    """The fake, with filters that compare in that way."""
    state: Any = fake._state
    plain = state.memberships_by

    def memberships_of(
        group_id: str, email: str | None, user_id: str | None, username: str | None
    ) -> list[MembershipRecord]:
        return [
            m
            for m in state.memberships[group_id]
            if email is None or compare(m.user.email, email)
            if user_id is None or compare(m.user.id, user_id)
            if username is None or compare(m.user.username, username)
        ]

    def memberships_by(group_id: str, role_name: str | None, sort_by: str | None) -> Any:
        if role_name is None:
            return plain(group_id, None, sort_by)
        found = [m for m in state.memberships[group_id] if compare(m.role.name, role_name)]
        return Listing(found, lambda m: ("", m.sequence))

    state.memberships_of, state.memberships_by = memberships_of, memberships_by
    return fake


@pytest.fixture(scope="module")
def fake() -> FakeSnyk:
    """Everybody who could be taken for somebody else. Nothing is changed in it: the jobs only look."""
    fake = group_of(
        ("second@mail.test", "second", "Group Admin"),
        ("ada@mail.test", "ada"),
        ("eve@mail.test", "eve"),
        ("ada@mail.test.example", "ada@mail.test.example"),
        ("twin@mail.test", "twin1"),
        ("twin@mail.test", "twin2"),
        ("x@mail.test", "x"),
        ("other@mail.test", "x@mail.test"),
        ("ADA.B@mail.test", "ada.b1"),
        ("ada.b@mail.test", "ada.b2"),
        ("\u017fteve@mail.test", "impostor"),
        ("vic@mail.test", "vic", "Group Viewer"),
    )
    roles = {role.name: role for role in fake.roles()}
    for name in ("Group Viewer Plus", "Group Admin Assistant"):
        fake.add_membership(fake.group_id, fake.add_user().id, fake.add_role(name).id)
    for _ in range(PADDING):
        fake.add_membership(fake.group_id, fake.add_user().id, roles["Group Viewer"].id)
    last = fake.add_user(email="last@mail.test", username="last")
    fake.add_membership(fake.group_id, last.id, fake.add_role("group viewer").id)
    return fake


def found(email: str) -> Callable[[GroupsClient, FakeSnyk], object]:
    def look(client: GroupsClient, fake: FakeSnyk) -> object:
        membership = client.access.find_membership(fake.group_id, email)
        return membership and (membership.user.username, membership.role.name)

    return look


def changes(**options: Any) -> Callable[[GroupsClient, FakeSnyk], object]:
    def look(client: GroupsClient, fake: FakeSnyk) -> object:
        return shown(client.access.update_memberships(fake.group_id, **options))

    return look


def removals(*people: str, **options: Any) -> Callable[[GroupsClient, FakeSnyk], object]:
    def look(client: GroupsClient, fake: FakeSnyk) -> object:
        ids = [member(fake, email).user.id for email in people]
        return shown(client.access.delete_memberships(fake.group_id, ids, cascade=True, **options))

    return look


def planned(client: GroupsClient, fake: FakeSnyk) -> object:
    plan = client.access.plan(fake.group_id, {"ada@mail.test": "Group Viewer Plus"})
    return shown(client.access.apply(plan))


def shown(work: Changes) -> list[str]:
    """What would be done, and what came of the rest."""
    pending = [str(change) for change in work.preview()]
    return [*pending, *(f"{outcome.status}: {type(outcome.error).__name__}" for outcome in work.outcomes)]


LOOKS: dict[str, tuple[Callable[[GroupsClient, FakeSnyk], object], object]] = {
    "one": (found("ada@mail.test"), ("ada", "Group Member")),
    "a username": (found("eve"), ("eve", "Group Member")),
    "nobody": (found("nobody@mail.test"), None),
    "a display name": (found("Shown-ada"), None),
    "one email on two accounts": (found("twin@mail.test"), "AmbiguousMatchError"),
    "somebody else's username": (found("x@mail.test"), "AmbiguousMatchError"),
    "two spellings": (found("ADA.B@mail.test"), "AmbiguousMatchError"),
    "a look-alike": (found("steve@mail.test"), "AmbiguousMatchError"),
    "a role": (
        changes(changes={"ada@mail.test": "Group Viewer"}),
        ["ada@mail.test: Group Member -> Group Viewer"],
    ),
    "a role of another spelling": (
        changes(changes={"ada@mail.test": "group viewer"}),
        ["ada@mail.test: Group Member -> group viewer"],
    ),
    "a role that nobody has": (changes(changes={"ada@mail.test": "Owner"}), "RoleChoiceError"),
    "no member": (
        changes(changes={"nobody@mail.test": "Group Viewer"}),
        ["failed: MemberNotFoundError"],
    ),
    "an admin": (
        changes(changes={ROOT: "Group Viewer"}, me="second@mail.test"),
        ["root@mail.test: Group Admin -> Group Viewer"],
    ),
    "all admins": (
        changes(changes={ROOT: "Group Viewer", "second@mail.test": "Group Viewer"}),
        "ProtectedMemberError",
    ),
    "oneself": (
        changes(changes={"ada@mail.test": "Group Viewer"}, me="ADA@mail.test"),
        "ProtectedMemberError",
    ),
    "an admin role that nobody has": (
        changes(changes={"ada@mail.test": "Group Viewer"}, admin_roles=["Owner"]),
        "ProtectedMemberError",
    ),
    "a removal": (removals("ada@mail.test"), ["remove ada@mail.test (Group Member)"]),
    "a removal of all admins": (removals(ROOT, "second@mail.test"), "ProtectedMemberError"),
    "a removal of one who is protected": (
        removals("ada@mail.test", protect=["ada@mail.test"]),
        "ProtectedMemberError",
    ),
    "a plan": (planned, ["ada@mail.test: Group Member -> Group Viewer Plus"]),
}


@pytest.mark.unmeasured
@pytest.mark.parametrize("how", COMPARING)
def test_the_outcomes_are_the_same_whatever_filters_compare(how: str, fake: FakeSnyk) -> None:
    plain = vars(fake._state).copy()
    comparing(fake, COMPARING[how])
    outcomes: dict[str, object] = {}
    try:
        with fake.client(rate_limit=None) as client:
            for name, (look, _) in LOOKS.items():
                try:
                    outcomes[name] = look(client, fake)
                except GroupsError as error:
                    outcomes[name] = type(error).__name__
    finally:
        vars(fake._state).clear()
        vars(fake._state).update(plain)
    assert outcomes == {name: expected for name, (_, expected) in LOOKS.items()}


def spent(fake: FakeSnyk, look: Callable[[GroupsClient], object]) -> int:
    before = len(fake.requests)
    with fake.client(rate_limit=None) as client:
        look(client)
    return len(fake.requests) - before


def test_a_filter_that_lets_everybody_through_is_given_up_after_a_page() -> None:
    fake = comparing(FakeSnyk.with_members(350), COMPARING["nothing: it finds everybody"])
    person = fake.memberships(fake.group_id)[300].user.email
    assert spent(fake, lambda client: client.access.find_membership(fake.group_id, person)) == 1 + 4


def test_a_count_of_those_who_were_found_is_no_count_of_the_group() -> None:
    """Where the API counts what the filter has found, a listing of everybody is given up after its first page."""
    fake = FakeSnyk.with_members(350)
    some = fake.memberships(fake.group_id)[1].user

    def look(client: GroupsClient) -> None:
        asynchronous: Any = client.access._async._client
        listing = asynchronous.list_memberships

        async def counted(items: Any) -> Any:
            return [attrs.evolve(item, group_membership_count=len(items)) for item in items]

        def list_memberships(group_id: str, **options: Any) -> Any:
            found = listing(group_id, **options)
            return found.mapped(counted) if {"email", "username", "user_id"} & {*options} else found

        asynchronous.list_memberships = list_memberships
        found = client.access.find_membership(fake.group_id, some.email)
        assert found is not None
        assert found.user.id == some.id

    assert spent(fake, look) == 1 + 1 + 1, "the email, a page of the listing, the username"


def test_spellings_are_all_asked_for_unless_the_filter_has_shown_that_it_ignores_case() -> None:
    fake = FakeSnyk.with_members(350)
    upper = fake.memberships(fake.group_id)[1].user.email.upper()
    assert spent(fake, lambda client: client.access.find_membership(fake.group_id, upper)) == 1 + 2
    assert looks_for(Identity(ids=("7",), names=("Ada@x", "ada@x", "ada"))) == 1 + 4 + 2 + 1


def test_an_empty_page_of_a_filter_is_not_its_end() -> None:
    fake = FakeSnyk.with_members(350)
    person = fake.memberships(fake.group_id)[1].user.id
    fake.twist_next_page("empty")
    assert spent(fake, lambda client: client.access.find_membership(fake.group_id, person)) == 2


def test_whether_more_have_a_role_is_told_by_the_cursor_and_not_by_the_length_of_the_page(
    fake: FakeSnyk,
) -> None:
    """Pages of 50: the role of just this name is that of the last member, many pages on."""
    plain = vars(fake._state).copy()
    comparing(fake, COMPARING["without case"])
    try:
        with fake.client(rate_limit=None) as client:
            asynchronous: Any = client.access._async._client
            listing = asynchronous.list_memberships
            asynchronous.list_memberships = lambda group_id, **o: listing(group_id, **{**o, "limit": 50})
            changes = client.access.update_memberships(fake.group_id, {"ada@mail.test": "group viewer"})
            assert shown(changes) == ["ada@mail.test: Group Member -> group viewer"]
    finally:
        vars(fake._state).clear()
        vars(fake._state).update(plain)


@pytest.mark.parametrize("status", [400, 404])
def test_a_filter_that_is_refused_is_given_up(fake: FakeSnyk, status: int) -> None:
    ada = member(fake, "ada@mail.test").user.id
    with fake.client(rate_limit=None) as client:
        asynchronous: Any = client.access._async._client
        listing = asynchronous.list_memberships
        refused: list[str] = []

        def list_memberships(group_id: str, **options: Any) -> Any:
            if refused[-1] in options:
                fake.fail_next(status=status)
            return listing(group_id, **options)

        asynchronous.list_memberships = list_memberships
        for name in ("user_id", "role_name"):
            refused.append(name)
            work = client.access.delete_memberships(fake.group_id, [ada], cascade=True)
            assert shown(work) == ["remove ada@mail.test (Group Member)"]
        with pytest.raises(NotFoundError):
            client.access.find_membership(NOWHERE, "ada@mail.test")


def test_the_other_admin_must_be_listed_with_the_id_of_the_membership(fake: FakeSnyk) -> None:
    ada = member(fake, "ada@mail.test").user.id
    with fake.client(rate_limit=None) as client:
        asynchronous: Any = client.access._async._client
        listing = asynchronous.list_memberships

        async def nameless(items: Any) -> Any:
            return [attrs.evolve(m, id="") if m.role.name == "Group Admin" else m for m in items]

        asynchronous.list_memberships = lambda *args, **options: listing(*args, **options).mapped(nameless)
        with pytest.raises(IncompleteListingError, match="listed without its id"):
            client.access.delete_memberships(fake.group_id, [ada], cascade=True).preview()
