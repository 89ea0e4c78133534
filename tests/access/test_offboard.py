"""One person, out of every group that the token sees."""

from __future__ import annotations

from typing import Any

import anyio
import httpx
import pytest
from support.jobs import BOTH, ONCE, Jobs, changes_sent, role_id

from groups_sdk import (
    AmbiguousMatchError,
    ClientClosedError,
    ForbiddenError,
    InterruptedChangeError,
    InvalidArgumentError,
    NotFoundError,
    Progress,
    ProtectedMemberError,
    ServerError,
    UnauthorizedError,
)
from groups_sdk.access import OffboardingStatus
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ADA, GRACE, TONY = (f"{name}@example.com" for name in ("ada.0000", "grace.0001", "ken.0007"))


def still_in(fake: FakeSnyk, email: str) -> list[str]:
    return [
        group.name for group in fake.groups() for m in fake.memberships(group.id) if m.user.email == email
    ]


@BOTH
async def test_a_dry_run_tells_what_would_go_and_a_wet_one_does_it(kind: str) -> None:
    fake = FakeSnyk.example()
    told: list[Progress] = []
    async with Jobs(fake, kind) as jobs:
        report = await jobs.run((await jobs("offboard", ADA.upper(), cascade=True)).collect)
        assert changes_sent(fake) == []
        assert (report.dry_run, report.cascade, report.found, report.complete) == (True, True, True, True)
        assert {(r.group.name, r.status) for r in report.groups} == {
            ("Engineering", "would_remove"),
            ("Research", "would_remove"),
            ("Security Champions", "not_member"),
        }
        (engineering,) = (r for r in report.groups if r.group.name == "Engineering")
        assert [o.org.name for o in engineering.org_memberships] == ["Payments"]
        assert (
            "  Engineering: would remove (Group Admin), organizations: Payments" in str(report).splitlines()
        )
        assert str(report).splitlines()[-1] == "  not a member of 1 of 3 groups"

        work = await jobs("offboard", ADA, cascade=True, dry_run=False, on_progress=told.append)
        results = await jobs.all(work)
        assert sorted(r.status for r in results) == ["not_member", "removed", "removed"]
        assert work.report().of(OffboardingStatus.REMOVED) == tuple(
            r for r in results if r.status == "removed"
        )
        assert still_in(fake, ADA) == []
        assert fake.org_memberships(fake.group_id, engineering.membership.user.id) == []
        assert [(p.done, p.total) for p in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]

        again = await jobs.run((await jobs("offboard", ADA, cascade=True, dry_run=False)).collect)
        assert not again.found
        assert again.complete


@BOTH
@pytest.mark.parametrize("dry_run", [True, False])
async def test_the_last_admin_stays_unless_told(kind: str, dry_run: bool) -> None:
    fake = FakeSnyk.example()
    research = fake.groups()[1]
    membership = next(m for m in fake.memberships(research.id) if m.user.email == ADA)
    fake._state.change_role(membership, next(role for role in fake.roles() if role.name == "Group Admin"))
    async with Jobs(fake, kind) as jobs:
        report = await jobs.run((await jobs("offboard", ADA, cascade=True, dry_run=dry_run)).collect)
        (refused,) = report.of(OffboardingStatus.REFUSED)
        assert refused.group.name == "Research"
        assert isinstance(refused.error, ProtectedMemberError)
        assert not report.complete
        assert still_in(fake, ADA) == (["Engineering", "Research"] if dry_run else ["Research"])
        told = await jobs.run(
            (await jobs("offboard", ADA, cascade=True, dry_run=False, allow_last_admin=True)).collect
        )
        assert told.complete
        assert still_in(fake, ADA) == []


@pytest.mark.parametrize("status", [403, 404])
async def test_groups_that_may_not_be_read_are_reported(status: int) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=status, path=f"/groups/{fake.group_id}/memberships")
    async with fake.async_client() as client:
        report = await client.access.offboard(ADA, cascade=True, dry_run=False).collect()
    (unreadable,) = report.of(OffboardingStatus.UNREADABLE)
    assert unreadable.group.name == "Engineering"
    assert isinstance(unreadable.error, ForbiddenError | NotFoundError)
    assert not report.complete
    assert f"Engineering: unreadable: GET /groups/{fake.group_id}/memberships: {status}" in str(report)
    assert still_in(fake, ADA) == ["Engineering"]


@BOTH
async def test_a_failure_in_one_group_does_not_stop_the_others(kind: str) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=403, method="DELETE", path=fake.group_id)
    async with Jobs(fake, kind) as jobs:
        report = await jobs.run((await jobs("offboard", ADA, cascade=True, dry_run=False)).collect)
    assert {(r.group.name, r.status) for r in report.groups if r.membership} == {
        ("Engineering", "failed"),
        ("Research", "removed"),
    }


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ({"method": "DELETE", "status": 500, "after": True}, "unknown", ServerError),
        ({"method": "GET", "status": 500, "path": "org_memberships"}, "failed", ServerError),
        ({"method": "GET", "status": 403, "path": "org_memberships"}, "removed", None),
        ({"method": "GET", "status": 500, "path": "/memberships"}, "failed", ServerError),
    ],
)
async def test_what_each_fault_makes_of_a_group(fault: dict[str, Any], status: str, error: Any) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(**fault)
    async with fake.async_client(retries=ONCE) as client:
        report = await client.access.offboard(GRACE, cascade=True, dry_run=False).collect()
    (engineering,) = (r for r in report.groups if r.group.name == "Engineering")
    if status == "failed" and fault["path"] == "/memberships":
        assert [r.status for r in report.groups].count(OffboardingStatus.FAILED) == 1
        return
    assert engineering.status == status
    assert (type(engineering.error) if error else engineering.error) == error


async def test_a_401_leaves_the_rest_out() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=401, path="/memberships")
    async with fake.async_client() as client:
        report = await client.access.offboard(ADA, cascade=True, dry_run=False, concurrency=1).collect()
    assert [(r.status, type(r.error)) for r in report.groups] == [("failed", UnauthorizedError)] * 3
    assert changes_sent(fake) == []


async def test_a_client_that_is_closed_leaves_the_rest_out() -> None:
    fake = FakeSnyk.example()
    client = fake.async_client()
    work = client.access.offboard(ADA, cascade=True, dry_run=False, concurrency=1)
    async for _ in work:
        break
    await client.aclose()
    rest = (await work.collect()).groups[1:]
    assert [(r.status, type(r.error)) for r in rest] == [("failed", ClientClosedError)] * 2


async def test_two_people_with_one_address_are_not_guessed_at() -> None:
    fake = FakeSnyk.example()
    fake.add_membership(fake.group_id, fake.add_user(email=ADA).id, role_id(fake, "Group Member"))
    async with fake.async_client() as client:
        report = await client.access.offboard(ADA, cascade=True, dry_run=False).collect()
    (failed,) = report.of(OffboardingStatus.FAILED)
    assert isinstance(failed.error, AmbiguousMatchError)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_a_timeout_cuts_off_is_told(dry_run: bool) -> None:
    fake = FakeSnyk.example()
    with anyio.CancelScope() as scope:

        class Hanging(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                if request.url.path.endswith("memberships"):
                    scope.cancel()
                    await anyio.sleep_forever()
                return await fake.transport().handle_async_request(request)

        async with fake.async_client(transport=Hanging()) as client:
            work = client.access.offboard(ADA, cascade=True, dry_run=dry_run, concurrency=1)
            await work.collect()
    (result,) = work.report().groups
    assert result.status == ("failed" if dry_run else "unknown")
    assert isinstance(result.error, InterruptedChangeError)


@pytest.mark.parametrize(
    "bad",
    [
        {"email": "ada", "cascade": True},
        {"email": " ", "cascade": True},
        {"email": ADA, "cascade": None},
        {"email": ADA, "cascade": True, "dry_run": None},
        {"email": ADA, "cascade": True, "concurrency": 0},
    ],
)
async def test_bad_input_is_refused_before_anything_is_sent(bad: dict[str, Any]) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError):
            client.access.offboard(**bad)
    assert fake.requests == []
