"""An offboarding with a journal: interrupted, killed, and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from support.jobs import BOTH, ONCE, Jobs, changes_sent, role_id
from support.loopback import served

from groups_sdk import AmbiguousMatchError, IncompleteListingError, JournalError, StalePlanError
from groups_sdk.access import OffboardingStatus
from groups_sdk.access._outcomes import Action, Change, Outcome, Status
from groups_sdk.access._plan.journal import Journal, read_journal
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


def groups_of(*names: str) -> FakeSnyk:
    """Groups with one admin and one member who is to go."""
    fake = FakeSnyk()
    admin, member = (fake.add_role(name) for name in ("Group Admin", "Group Member"))
    stays, goes = fake.add_user(), fake.add_user(email="leaver@mail.test")
    for name in names:
        group = fake.add_group(name)
        fake.add_membership(group.id, stays.id, admin.id)
        fake.add_membership(group.id, goes.id, member.id)
        org = fake.add_org(group.id, f"Below {name}")
        fake.add_org_membership(org.id, goes.id, fake.add_role("Collaborator", kind="org_role").id)
    fake.group_id = fake.groups()[0].id
    return fake


def leaver(fake: FakeSnyk, group: int) -> Any:
    return next(m for m in fake.memberships(fake.groups()[group].id) if m.user.email == "leaver@mail.test")


def by_group(results: Any) -> dict[str, tuple[str, bool]]:
    return {result.group.name: (result.status.value, result.earlier) for result in results}


@BOTH
async def test_what_an_earlier_run_did_is_removed_and_not_done_again(kind: str, tmp_path: Path) -> None:
    fake = groups_of("A", "B", "C")
    journal = tmp_path / "journal"
    options = {"cascade": True, "dry_run": False, "journal": journal, "concurrency": 1}
    async with Jobs(fake, kind) as jobs:
        first = await jobs("offboard", "leaver@mail.test", **options)
        assert len(await jobs.all(first, limit=2)) == 2
        assert len(changes_sent(fake)) == 2
        report = await jobs.run((await jobs("offboard", "<Leaver@mail.test>", **options)).collect)
        assert by_group(report.results) == {
            "A": ("removed", True),
            "B": ("removed", True),
            "C": ("removed", False),
        }
        assert report.complete
        assert "  A: Leaver@mail.test: removed by an earlier run" in str(report).splitlines()
        again = await jobs.run((await jobs("offboard", "leaver@mail.test", **options)).collect)
        assert set(by_group(again.results).values()) == {("removed", True)}
        assert again.complete, "the journal knows who was meant"
    assert len(changes_sent(fake)) == 3
    records = read_journal(journal)
    assert [entry.status for entry in records.entries] == [Status.APPLIED] * 3
    assert records.entries[0].organizations == ("Below A (Collaborator)",)


async def test_organizations_that_a_removal_leaves_are_not_noted_as_taken(tmp_path: Path) -> None:
    fake = groups_of("A")
    fake._service.behaviour = attrs.evolve(fake._service.behaviour, delete_without_cascade="keep_orgs")
    async with fake.async_client() as client:
        report = await client.access.offboard(
            "leaver@mail.test", cascade=False, dry_run=False, journal=tmp_path / "journal"
        ).collect()
    assert [result.status for result in report.results] == ["removed"]
    assert [access.group.name for access in report.remaining] == ["A"]
    assert [entry.organizations for entry in read_journal(tmp_path / "journal").entries] == [None]


async def test_a_dry_run_leaves_the_journal_alone(tmp_path: Path) -> None:
    fake = groups_of("A")
    async with fake.async_client() as client:
        work = client.access.offboard("leaver@mail.test", cascade=True, journal=tmp_path / "journal")
        await work.collect()
    assert not (tmp_path / "journal").exists()


async def test_the_journal_of_other_people_or_another_cascade_is_refused(tmp_path: Path) -> None:
    fake = groups_of("A")
    options: dict[str, Any] = {"dry_run": False, "journal": tmp_path / "journal"}
    async with fake.async_client() as client:
        offboard = client.access.offboard
        await offboard(["leaver@mail.test", "x@mail.test"], cascade=True, **options).collect()
        sent = len(fake.requests)
        for people, cascade in (("leaver@mail.test", True), (["x@mail.test", "LEAVER@mail.test"], False)):
            with pytest.raises(JournalError, match="another"):
                await offboard(people, cascade=cascade, **options).collect()
        assert len(fake.requests) == sent
        await offboard(["X@mail.test", "LEAVER@mail.test"], cascade=True, **options).collect()


@BOTH
async def test_who_was_added_again_since_is_left_alone_with_that_journal(kind: str, tmp_path: Path) -> None:
    fake = groups_of("A", "B")
    options = {"cascade": True, "dry_run": False, "journal": tmp_path / "journal"}
    async with Jobs(fake, kind) as jobs:
        user = leaver(fake, 0).user
        assert (await jobs.run((await jobs("offboard", user.id, **options)).collect)).complete
        fake.add_membership(fake.groups()[0].id, user.id, role_id(fake, "Group Member"))
        report = await jobs.run((await jobs("offboard", user.id, **options)).collect)
        assert by_group(report.results) == {"A": ("changed_since", False), "B": ("removed", True)}
        (since,) = report.of(OffboardingStatus.CHANGED_SINCE)
        assert isinstance(since.error, StalePlanError)
        assert not report.complete
        assert [access.group.name for access in report.remaining] == ["A"]
        assert len(changes_sent(fake)) == 2
        leaver(fake, 0)
        assert (
            await jobs.run((await jobs("offboard", user.id, cascade=True, dry_run=False)).collect)
        ).complete


async def test_somebody_provisioned_anew_under_the_address_is_not_taken_for_the_one_who_left(
    tmp_path: Path,
) -> None:
    fake = groups_of("A")
    options: dict[str, Any] = {"cascade": True, "dry_run": False, "journal": tmp_path / "journal"}
    async with fake.async_client() as client:
        old = leaver(fake, 0).user
        await client.access.offboard("leaver@mail.test", **options).collect()
        anew = fake.add_user(email="leaver@mail.test", username="anew")
        fake.add_membership(fake.group_id, anew.id, role_id(fake, "Group Member"))
        with pytest.raises(AmbiguousMatchError) as raised:
            await client.access.offboard("leaver@mail.test", **options).collect()
        assert old.id in str(raised.value)
        assert anew.id in str(raised.value)
    assert leaver(fake, 0).user is anew


async def written(path: Path, fake: FakeSnyk, group: int, status: Status | None, membership_id: str) -> None:
    """The journal of an earlier run that came to this with the leaver in a group."""
    member = leaver(fake, group)
    async with fake.async_client() as client:
        work = client.access.offboard("leaver@mail.test", cascade=True, dry_run=False)
        (change,) = [c for c in await work.preview() if c.group_id == member.group_id]
        journal = Journal(
            path,
            plan_digest=work._offboarding._digest(),
            base_url=client.base_url,
            group_ids=(),
        )
    change = Change(
        action=Action.REMOVE,
        group_id=change.group_id,
        membership_id=membership_id,
        user=change.user,
        before=change.before,
    )
    async with journal.session():
        await journal.begin([change])
        if status is not None:
            await journal.end(Outcome(change, status))


@pytest.mark.parametrize(
    ("status", "now", "expected"),
    [
        (Status.APPLIED, "gone", ("removed", True)),
        (Status.UNCHANGED, "gone", ("not_member", False)),
        (Status.FAILED, "gone", ("not_member", False)),
        (Status.UNKNOWN, "gone", ("not_member", False)),
        (None, "gone", ("not_member", False)),
        (Status.APPLIED, "member", ("changed_since", False)),
        (Status.UNCHANGED, "member", ("changed_since", False)),
        (Status.FAILED, "member", ("removed", False)),
        (Status.UNKNOWN, "member", ("removed", False)),
        (None, "member", ("removed", False)),
        (Status.APPLIED, "added again", ("changed_since", False)),
        (Status.CHANGED_SINCE, "added again", ("changed_since", False)),
        (None, "added again", ("changed_since", False)),
        (Status.APPLIED, "unreadable", ("unknown", False)),
        (None, "unreadable", ("unknown", False)),
        (Status.FAILED, "unreadable", None),
        (Status.NOT_STARTED, "unreadable", None),
    ],
)
async def test_what_the_journal_says_and_what_the_api_shows(
    status: Status | None, now: str, expected: tuple[str, bool] | None, tmp_path: Path
) -> None:
    fake = groups_of("A", "B")
    member = leaver(fake, 0)
    other = "12345678-1234-4234-8234-123456789abc"
    path = tmp_path / "journal"
    await written(path, fake, 0, status, other if now == "added again" else member.id)
    if now in ("gone", "unreadable"):
        fake._state.remove_membership(member)
        for below in fake.org_memberships(member.group_id):
            fake._state.org_memberships[member.group_id].remove(below.id)
    if now == "unreadable":
        fake.fail_next(status=403, path=f"{member.group_id}/memberships", times=100)
    async with fake.async_client(retries=ONCE) as client:
        report = await client.access.offboard(
            "leaver@mail.test", cascade=True, dry_run=False, journal=path
        ).collect()
    of_a = [r for r in report.results if r.group.name == "A" and r.status.value != "unreadable"]
    assert [(r.status.value, r.earlier) for r in of_a] == ([expected] if expected else [])
    assert {r.person for r in of_a} <= {"leaver@mail.test"}
    assert by_group(report.results)["B"] == ("removed", False)
    sent = [target for _, target in changes_sent(fake)]
    assert sent.count(member.id) == (1 if expected == ("removed", False) else 0)
    assert report.complete is (now == "gone" or expected == ("removed", False))
    if expected and expected[0] == "unknown":
        assert isinstance(of_a[0].error, IncompleteListingError)


async def test_a_group_that_is_out_of_sight_since_is_not_forgotten(tmp_path: Path) -> None:
    fake = groups_of("A", "B")
    await written(tmp_path / "journal", fake, 0, Status.APPLIED, leaver(fake, 0).id)
    fake.add_token("less", groups=[fake.groups()[1].id])
    async with fake.async_client(token="less") as client:
        report = await client.access.offboard(
            "leaver@mail.test", cascade=True, dry_run=False, journal=tmp_path / "journal"
        ).collect()
    assert {(r.group.id, r.status.value) for r in report.results} == {
        (fake.groups()[0].id, "unknown"),
        (fake.groups()[0].id, "unreadable"),
        (fake.groups()[1].id, "removed"),
    }
    assert not report.complete


CHILD = """
import json, sys
from groups_sdk import GroupsClient
with GroupsClient(user_agent=f"run-{sys.argv[1]}") as client:
    work = client.access.offboard(
        ["leaver@mail.test"], cascade=True, dry_run=False, journal="journal", concurrency=2
    )
    report = work.collect()
print(json.dumps([[r.group.name, r.status, r.earlier] for r in report.results] + [report.complete]))
"""


class Deadly:
    """FakeSnyk, which kills its caller at a removal: before it is carried out, or before it is answered."""

    def __init__(self, fake: FakeSnyk, journal: Path) -> None:
        self.fake = fake
        self.journal = journal
        self.child: subprocess.Popen[str] | None = None
        self.run = 0
        self.left = 0  # removals until the next kill; negative: none
        self.after = False
        self.carried_out: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        agent = dict(scope["headers"])[b"user-agent"]
        if not agent.startswith(f"run-{self.run} ".encode()):
            return await _unheard(send)  # what is still on its way from a process that was killed gets lost
        if scope["method"] != "DELETE":
            return await self.fake(scope, receive, send)
        self.left -= 1
        deadly = self.left == 0
        if (
            deadly and self.run == 1
        ):  # the third of two at a time: one before it has ended, and is being noted
            while b'"status": "applied"' not in self.journal.read_bytes():
                await anyio.sleep(0.01)
        if self._is_dead():
            return await _unheard(send)
        if not deadly or self.after:
            held: list[Any] = []

            async def hold(message: Any) -> None:
                held.append(message)

            await self.fake(scope, receive, hold)
            self.carried_out[scope["path"]] += held[0]["status"] == 204
            if not deadly:
                for message in held:
                    await send(message)
                return None
        assert self.child is not None
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(60)
        return await _unheard(send)

    def _is_dead(self) -> bool:
        return self.child is None or self.child.poll() is not None


async def _unheard(send: Any) -> None:
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.unmeasured
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on this system")
def test_killed_and_gone_on_with_until_it_is_done(tmp_path: Path) -> None:
    fake = groups_of(*(f"Group {number}" for number in range(10)))
    deadly = Deadly(fake, tmp_path / "journal")
    out = ""
    with served(deadly) as url:
        environment = {**os.environ, "SNYK_API": url, "SNYK_TOKEN": FakeSnyk.TOKEN}
        kills = ((2, False), (3, True), (1, True), (2, False), (-1, False))
        for deadly.run, (deadly.left, deadly.after) in enumerate(kills):
            last = deadly.left < 0
            deadly.child = subprocess.Popen(
                [sys.executable, "-c", CHILD, str(deadly.run)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=tmp_path,
                env=environment,
            )
            out, err = deadly.child.communicate(timeout=120)
            assert deadly.child.returncode == (0 if last else -signal.SIGKILL), err
    *results, complete = json.loads(out)
    assert complete is True
    assert len(results) == 10
    assert {status for _, status, _ in results} <= {"removed", "not_member"}
    # What was done when the process was killed, and not noted yet: whose doing it was, nobody knows. It was one in the
    # first run, three in the second, of which one is noted, one in the third and one in the fourth.
    assert 1 <= sum(status == "not_member" for _, status, _ in results) <= 5
    assert any(earlier for _, _, earlier in results)
    assert any(not earlier and status == "removed" for _, status, earlier in results)
    assert len(deadly.carried_out) == 10
    assert set(deadly.carried_out.values()) == {1}, "nothing was done twice"
    for group in fake.groups():
        assert [m.role.name for m in fake.memberships(group.id)] == ["Group Admin"]
