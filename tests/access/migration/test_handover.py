"""A role copied to somebody, and handed over: the other one has it first, whatever goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.jobs import BOTH, NOWHERE, ONCE, Jobs, changes_sent, role_id, roles_of
from support.worlds import ROOT, group_of, member

from groups_sdk import (
    AmbiguousMatchError,
    GroupsError,
    IncompleteListingError,
    InvalidArgumentError,
    MemberNotFoundError,
    Plan,
    ProtectedMemberError,
    RoleChoiceError,
    Status,
)
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

EVE, BOB = "eve@mail.test", "bob@mail.test"


def group(*, admins: int = 1) -> FakeSnyk:
    """An admin, root; and others, of whom more are admins where that is wanted."""
    others = [(f"admin{n}@mail.test", f"admin{n}", "Group Admin") for n in range(1, admins)]
    return group_of((EVE, "eve"), (BOB, "bob", "Group Viewer"), *others)


def add_sso_user(fake: FakeSnyk, email: str = "new@mail.test") -> str:
    connections = fake.sso_connections(fake.group_id) or [fake.add_sso_connection(fake.group_id)]
    user = fake.add_user(email=email, username=email)
    fake.add_sso_user(connections[0].id, user.id)
    return user.id


@BOTH
async def test_a_role_is_copied_to_a_member(kind: str) -> None:
    fake = group()
    async with Jobs(fake, kind) as jobs:
        plan = await jobs("plan_copy", fake.group_id, ROOT.upper(), "eve")
        assert changes_sent(fake) == []
        assert [*map(str, plan.changes)] == [f"{EVE}: Group Member -> Group Admin"]
        assert (plan.not_mentioned, plan.conditions) == (1, ())
        await jobs.run((await jobs("apply", plan)).collect)
        assert roles_of(fake) == {ROOT: "Group Admin", EVE: "Group Admin", BOB: "Group Viewer"}
        again = await jobs("plan_copy", fake.group_id, ROOT, EVE)
        assert (again.changes, len(again.unchanged)) == ((), 1)


async def test_who_signs_in_by_sso_is_added() -> None:
    fake = group()
    new = add_sso_user(fake)
    async with fake.async_client() as client:
        plan = await client.access.plan_copy(fake.group_id, EVE, "New@mail.test")
        assert [*map(str, plan.creates)] == ["add new@mail.test as Group Member"]
        assert plan.creates[0].person == new
        assert plan.not_mentioned == 2
        await client.access.apply(plan).collect()
    assert roles_of(fake)["new@mail.test"] == "Group Member"


@pytest.mark.parametrize("job", ["plan_copy", "plan_handover"])
async def test_for_who_is_not_known_nothing_is_planned(job: str) -> None:
    fake = group()
    options = {} if job == "plan_copy" else {"role_after": "Group Viewer"}
    async with fake.async_client() as client:
        plan: Plan = await getattr(client.access, job)(fake.group_id, ROOT, "nobody@mail.test", **options)
        assert plan.changes == ()
        (missing,) = plan.not_in_snyk
        assert (missing.who, missing.role) == ("nobody@mail.test", "Group Admin")
        assert missing.reason == "no member and no visible SSO user of this group has this name"
        fake.alter_record(member(fake, EVE).id, "relationships.user.data.attributes.email", None)
        fake.alter_record(member(fake, EVE).id, "relationships.user.data.attributes.username", None)
        plan = await getattr(client.access, job)(fake.group_id, ROOT, "nobody@mail.test", **options)
        assert "without an email address" in plan.not_in_snyk[0].reason


async def test_who_is_not_certain_is_refused() -> None:
    fake = group_of((EVE, "eve"), (EVE, "eve2"), (BOB, "bob"))
    async with fake.async_client() as client:
        for pair in ((EVE, BOB), (BOB, EVE), (BOB, "\u0435ve@mail.test")):
            with pytest.raises(AmbiguousMatchError):
                await client.access.plan_copy(fake.group_id, *pair)
        with pytest.raises(InvalidArgumentError, match=r"are the same account: bob@mail\.test"):
            await client.access.plan_copy(fake.group_id, BOB, "bob")
        with pytest.raises(MemberNotFoundError, match=r"x@mail\.test is not a member of the group Acme"):
            await client.access.plan_copy(fake.group_id, "x@mail.test", BOB)
        with pytest.raises(InvalidArgumentError, match="group_id must be a UUID"):
            await client.access.plan_copy("x", EVE, BOB)
        fake.alter_record(member(fake, BOB).id, "relationships.user.data.id", "odd")
        with pytest.raises(InvalidArgumentError, match="is listed without a user id"):
            await client.access.plan_copy(fake.group_id, BOB, ROOT)


async def test_of_an_incomplete_listing_nobody_is_said_to_be_no_member() -> None:
    fake = group()
    async with fake.async_client() as client:
        fake.alter_record(member(fake, EVE).id, "relationships.user.data.attributes.email", None)
        fake.alter_record(member(fake, EVE).id, "relationships.user.data.attributes.username", None)
        with pytest.raises(IncompleteListingError, match="without an email address"):
            await client.access.plan_copy(fake.group_id, "x@mail.test", BOB)


@BOTH
async def test_a_role_is_handed_over_and_the_other_one_has_it_first(kind: str) -> None:
    fake = group()
    async with Jobs(fake, kind) as jobs:
        plan = await jobs("plan_handover", fake.group_id, ROOT, EVE, role_after="Group Viewer")
        assert "-> Group Viewer, only while eve@mail.test has the role Group Admin" in str(plan)
        plan = Plan.from_json(plan.to_json())
        outcomes = await jobs.run((await jobs("apply", plan)).collect)
        assert {outcome.status for outcome in outcomes} == {Status.APPLIED}
    assert roles_of(fake) == {ROOT: "Group Viewer", EVE: "Group Admin", BOB: "Group Viewer"}
    assert [name for _, name in changes_sent(fake)] == [member(fake, EVE).id, member(fake, ROOT).id]


async def test_an_ordinary_role_waits_for_the_other_one_as_well() -> None:
    fake = group()
    async with fake.async_client(retries=ONCE) as client:
        plan = await client.access.plan_handover(fake.group_id, EVE, BOB, role_after="Group Viewer")
        fake.fail_next(status=500, method="PATCH")
        outcomes = await client.access.apply(plan).collect()
        assert [outcome.status for outcome in outcomes] == [Status.UNKNOWN, Status.FAILED]
        assert "bob@mail.test has the role Group Viewer, not Group Member" in str(outcomes[1])
        assert roles_of(fake)[EVE] == "Group Member"


async def test_who_has_the_role_already_needs_no_change() -> None:
    fake = group(admins=2)
    async with fake.async_client() as client:
        plan = await client.access.plan_handover(
            fake.group_id, ROOT, "admin1", role_after=role_id(fake, "Group Viewer")
        )
        assert [*map(str, plan.changes)] == [f"{ROOT}: Group Admin -> Group Viewer"]
        fake._state.remove_membership(member(fake, "admin1@mail.test"))
        with pytest.raises(ProtectedMemberError):
            await client.access.apply(plan).collect()
        (outcome,) = await client.access.apply(plan, allow_last_admin=True).collect()
        assert (outcome.status, outcome.sent) == (Status.FAILED, False)
        assert "admin1@mail.test is not seen to be a member" in str(outcome)


async def test_a_role_afterwards_that_makes_no_sense_is_refused() -> None:
    fake = group()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match="there is nothing to hand over"):
            await client.access.plan_handover(fake.group_id, ROOT, EVE, role_after="group admin")
        with pytest.raises(RoleChoiceError, match="no member has a role named 'Owner'"):
            await client.access.plan_handover(fake.group_id, ROOT, EVE, role_after="Owner")
        for wrong in ("", None):
            with pytest.raises(InvalidArgumentError, match="a role must be"):
                await client.access.plan_handover(fake.group_id, ROOT, EVE, role_after=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgumentError, match="from_person"):
            await client.access.plan_handover(fake.group_id, "", EVE, role_after=NOWHERE)


async def test_nothing_is_handed_to_whom_the_sso_has_deactivated_or_who_may_be_somebody_else() -> None:
    fake = group()
    connection = fake.add_sso_connection(fake.group_id)
    fake.add_sso_user(connection.id, fake.add_user(email="gone@mail.test").id, active=False)
    new = add_sso_user(fake)
    hidden = fake.add_sso_connection(fake.group_id, "Two")
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match=r"the SSO user gone@mail\.test .* is deactivated"):
            await client.access.plan_handover(
                fake.group_id, ROOT, "gone@mail.test", role_after="Group Viewer"
            )
        fake.fail_next(status=403, path=f"sso_connections/{hidden.id}")
        with pytest.raises(InvalidArgumentError, match="give the user id of the one you mean"):
            await client.access.plan_copy(fake.group_id, EVE, "new@mail.test")
        fake.fail_next(status=403, path=f"sso_connections/{hidden.id}")
        plan = await client.access.plan_copy(fake.group_id, EVE, new)
        assert [*map(str, plan.creates)] == ["add new@mail.test as Group Member"]


async def test_a_role_that_the_api_does_not_tell_is_not_handed_over() -> None:
    fake = group()
    fake.alter_record(member(fake, EVE).id, "relationships.role")
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match=r"the API does not tell the role of eve@mail\.test"):
            await client.access.plan_copy(fake.group_id, EVE, BOB)


class _Killed(BaseException):
    pass


class _Watched(FakeSnyk):
    """Counts the admins after every request, and lets something happen to one of them."""

    def watch(self, number: int, what: str) -> None:
        self.counts = [self._admins()]
        self._number, self._what = number, what

    def _admins(self) -> int:
        return sum(m.role.name == "Group Admin" for m in self.memberships(self.group_id))

    def _handle(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Any:
        hit = len(self.counts) == self._number
        try:
            if hit and self._what == "killed before":
                raise _Killed
            if hit and self._what == "lost":
                self.fail_next(status=502, body="<html>", after=True)
            elif hit and self._what.isdigit():
                self.fail_next(status=int(self._what))
            reply = super()._handle(method, path, query, headers, body)
            if hit and self._what == "killed after":
                raise _Killed
            return reply
        finally:
            self.counts.append(self._admins())


def watched(*, new: bool) -> _Watched:
    fake = _Watched()
    fake.group_id = fake.add_group("Acme").id
    fake.watch(0, "")
    roles = {name: fake.add_role(name).id for name in ("Group Admin", "Group Member")}
    users = {name: fake.add_user(email=f"{name}@mail.test", username=name).id for name in ("root", "eve")}
    fake.add_membership(fake.group_id, users["root"], roles["Group Admin"])
    for number in range(2):
        other = fake.add_user(email=f"other{number}@mail.test")
        fake.add_membership(fake.group_id, other.id, roles["Group Member"])
    if new:
        fake.add_sso_user(fake.add_sso_connection(fake.group_id).id, users["eve"])
    else:
        fake.add_membership(fake.group_id, users["eve"], roles["Group Member"])
    return fake


@pytest.mark.unmeasured
@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("what", ["killed before", "killed after", "lost", "403", "404", "409", "500", "401"])
async def test_there_is_an_admin_after_every_request_whatever_happens_to_one(
    what: str, new: bool, tmp_path: Path
) -> None:
    number = 0
    while True:
        number += 1
        fake = watched(new=new)
        journal = tmp_path / f"{number}"
        async with fake.async_client(retries=ONCE) as client:
            plan = await client.access.plan_handover(fake.group_id, ROOT, EVE, role_after="Group Member")
            fake.watch(number, what)
            try:
                await client.access.apply(plan, journal=journal).collect()
            except (_Killed, GroupsError, BaseExceptionGroup):
                pass
            requests = len(fake.counts) - 1
            assert min(fake.counts) >= 1, (number, fake.counts)
        fake.watch(0, "")
        async with fake.async_client(retries=ONCE) as client:  # once more, and nothing happens
            outcomes = await client.access.apply(plan, journal=journal).collect()
            assert min(fake.counts) >= 1, (number, fake.counts)
            assert {outcome.status for outcome in outcomes} <= {Status.APPLIED, Status.UNCHANGED}
        assert roles_of(fake)[ROOT] == "Group Member"
        assert roles_of(fake)[EVE] == "Group Admin"
        if number > requests:
            assert number > 4
            return
