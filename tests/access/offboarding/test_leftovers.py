"""The second look of an offboarding: what it reports as left, and when it reports that nothing is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from support.jobs import BOTH, ONCE, Jobs, changes_sent, role_id

from groups_sdk.access import OffboardingReport
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

LEAVER = "leaver@mail.test"


def world(**options: Any) -> FakeSnyk:
    """Two groups with an admin each, and one who is to go: with an organization below, and an account of SSO."""
    fake = FakeSnyk(**options)
    roles = [fake.add_role(name) for name in ("Group Admin", "Group Member")]
    users = [fake.add_user(), fake.add_user(email=LEAVER)]
    for name in ("A", "B"):
        group = fake.add_group(name)
        for user, role in zip(users, roles, strict=True):
            fake.add_membership(group.id, user.id, role.id)
    fake.group_id = fake.groups()[0].id
    org = fake.add_org(fake.group_id, "Payments")
    fake.add_org_membership(org.id, users[1].id, fake.add_role("Org Admin", kind="org_role").id)
    fake.add_sso_user(fake.add_sso_connection(fake.group_id, "Okta").id, users[1].id)
    return fake


async def offboard(fake: FakeSnyk, person: Any = LEAVER, **options: Any) -> OffboardingReport:
    client_options = {name: options.pop(name) for name in ("transport", "retries") if name in options}
    async with fake.async_client(**client_options) as client:
        options = {"cascade": True, "dry_run": False, **options}
        return await client.access.offboard(person, **options).collect()


@BOTH
@pytest.mark.parametrize("dry_run", [True, False])
async def test_sso_users_are_reported_with_the_call_that_would_delete_them(kind: str, dry_run: bool) -> None:
    fake = world()
    (connection,) = fake.sso_connections(fake.group_id)
    user = fake.users()[1]
    twin = fake.add_user(email=LEAVER.upper(), username="twin")  # no member: signs in by SSO only
    fake.add_sso_user(connection.id, twin.id)
    fake.add_sso_user(connection.id, fake.add_user().id)
    async with Jobs(fake, kind) as jobs:
        work = await jobs("offboard", LEAVER, cascade=True, dry_run=dry_run)
        report = await jobs.run(work.collect)
    assert [access.person for access in report.sso_users] == [LEAVER, LEAVER]
    for account, access in zip((user, twin), report.sso_users, strict=True):
        assert access.text == (
            f"can sign in by SSO as {account.email}; "
            f"delete_sso_user({fake.group_id!r}, {connection.id!r}, {account.id!r}) would delete the account"
        )
        assert f"  ! remains: A: {LEAVER}: can sign in by SSO" in str(report)
    assert len(fake.sso_users(connection.id)) == 3, "no account is deleted"
    assert report.complete is not dry_run
    if dry_run:
        assert changes_sent(fake) == []


@pytest.mark.parametrize("person", ["user id", "nobody"])
async def test_an_sso_user_who_is_no_member_is_found_too(person: str) -> None:
    fake = world()
    (connection,) = fake.sso_connections(fake.group_id)
    ghost = fake.add_user(email="ghost@mail.test")
    fake.add_sso_user(connection.id, ghost.id)
    report = await offboard(fake, ghost.id if person == "user id" else ghost.email)
    assert len(report.sso_users) == 1
    assert not report.complete
    assert len(report.not_found) == 1


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize("path", ["/sso_connections", "/users"])
async def test_sso_users_that_cannot_be_listed_are_a_note(status: int, path: str) -> None:
    fake = world()
    fake.fail_next(status=status, path=path, times=100)
    report = await offboard(fake, retries=ONCE)
    assert report.sso_users == ()
    assert any(note.startswith("A: ") and "SSO users" in note for note in report.notes)
    assert report.complete, "of access that is left"


async def test_a_401_while_sso_is_looked_at_loses_nothing() -> None:
    fake = world()
    fake.fail_next(status=401, path="/sso_connections", times=100)
    report = await offboard(fake)
    assert [result.status for result in report.results] == ["removed", "removed"]
    assert report.looked_again
    assert any("not everything could be checked" in note for note in report.notes)


@BOTH
@pytest.mark.parametrize("cascade", [True, False])
async def test_memberships_of_organizations_that_stay_are_reported(kind: str, cascade: bool) -> None:
    fake = world(delete_without_cascade="keep_orgs")
    async with Jobs(fake, kind) as jobs:
        if cascade:  # somebody is faster: they go without the organizations
            work = await jobs("offboard", LEAVER, cascade=True, dry_run=False)
            await jobs.run(work.preview)
            fake._state.remove_membership(fake.memberships(fake.group_id)[1])
        else:
            work = await jobs("offboard", LEAVER, cascade=False, dry_run=False)
        report = await jobs.run(work.collect)
    assert {result.status.value for result in report.results} <= {"removed", "not_member"}
    (left,) = report.remaining
    assert (left.group.name, left.person) == ("A", LEAVER)
    assert "is a member of the organization Payments, as Org Admin" in left.text
    assert not report.complete
    assert f"  ! remains: A: {LEAVER}: is a member of the organization Payments" in str(report)


class Meanwhile(httpx.AsyncBaseTransport):
    """The fake; when a removal has been carried out, something else happens, once."""

    def __init__(self, fake: FakeSnyk, event: Any) -> None:
        self._inner = fake.transport()
        self._event = event

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method == "DELETE" and self._event is not None:
            event, self._event = self._event, None
            event()
        return response


async def test_another_account_of_the_address_that_comes_meanwhile_is_seen() -> None:
    fake = world()

    def come() -> None:
        other = fake.add_user(email=LEAVER, username="another")
        fake.add_membership(fake.groups()[1].id, other.id, role_id(fake, "Group Member"))

    report = await offboard(fake, transport=Meanwhile(fake, come))
    assert [result.status for result in report.results] == ["removed", "removed"]
    assert [str(access) for access in report.remaining] == [
        f"B: {LEAVER}: is a member of the group, with the role Group Member"
    ]
    assert not report.complete


async def test_a_group_that_comes_meanwhile_is_looked_at() -> None:
    fake = world()

    def come() -> None:
        group = fake.add_group("New")
        fake.add_membership(group.id, fake.users()[1].id, role_id(fake, "Group Admin"))

    report = await offboard(fake, transport=Meanwhile(fake, come))
    assert [access.group.name for access in report.remaining] == ["New"]
    assert report.groups == 3
    assert not report.complete


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_group_that_cannot_be_looked_at_again_is_not_complete(status: int) -> None:
    fake = world()
    fail = {"status": status, "path": f"{fake.group_id}/memberships", "times": 100, "method": "GET"}
    report = await offboard(fake, transport=Meanwhile(fake, lambda: fake.fail_next(**fail)), retries=ONCE)
    assert [result.status for result in report.results] == ["removed", "removed"]
    (left,) = report.remaining
    assert left.group.name == "A"
    assert "cannot be checked" in left.text
    assert not report.complete


@pytest.mark.parametrize(
    ("status", "body", "complete"),
    [(404, None, True), (404, "<html>not found</html>", False), (403, None, False), (500, None, False)],
)
async def test_a_404_for_the_organizations_counts_only_where_they_were_read_before(
    status: int, body: str | None, complete: bool
) -> None:
    fake = world()
    fail: dict[str, Any] = {"status": status, "body": body, "path": "org_memberships", "times": 100}
    report = await offboard(fake, transport=Meanwhile(fake, lambda: fake.fail_next(**fail)), retries=ONCE)
    assert [result.status for result in report.results] == ["removed", "removed"]
    assert report.complete is complete
    assert all("memberships of organizations cannot be checked" in a.text for a in report.remaining)

    fake = world()
    fake.fail_next(**fail)
    assert not (await offboard(fake, retries=ONCE)).complete


async def test_a_member_without_a_user_id_is_not_removed() -> None:
    fake = world()
    member = fake.memberships(fake.group_id)[1]
    blank = fake.add_user(email=LEAVER)
    object.__setattr__(blank, "id", "")
    object.__setattr__(member, "user", blank)
    fake._state.members[fake.group_id, ""] = member.id
    report = await offboard(fake, member.id)
    assert [(r.group.name, r.status.value) for r in report.results] == [("A", "unreadable")]
    assert not report.complete
    assert member in fake.memberships(fake.group_id)
