"""An apply and its journal: what an earlier run did, and how things are now."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support.jobs import BOTH, Jobs, changes_sent, role_id
from support.plans import ALAN, EDSGER, GRACE, Meanwhile, change_role, keep_all, planned

from groups_sdk import AsyncGroupsClient, JournalError, Plan
from groups_sdk.access import Change
from groups_sdk.access._plan.journal import Journal
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def begin(plan: Plan, path: Path, change: Change) -> None:
    """What a run that was killed leaves behind."""
    ids = [group.id for group in plan.groups]
    journal = Journal(path, plan_digest=plan.digest, base_url=plan.base_url, group_ids=ids)
    async with journal.session():
        await journal.begin([change])


async def test_each_change_has_a_line_before_and_one_after_it(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    journal = tmp_path / "journal"
    seen: list[tuple[str, list[dict[str, Any]]]] = []

    class Watching(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method != "GET":
                seen.append((request.url.path.rpartition("/")[2], entries(journal)))
            return await fake.transport().handle_async_request(request)

    plan = await planned(fake, {GRACE: "Group Viewer", ALAN: "Group Viewer"})
    fake.fail_next(status=403, method="PATCH", path=plan.role_changes[1].membership_id)
    async with AsyncGroupsClient(
        FakeSnyk.TOKEN, base_url="http://localhost/rest", transport=Watching()
    ) as client:
        await client.access.apply(plan, journal=journal, concurrency=1).collect()
    head, *lines = entries(journal)
    assert (head["format"], head["plan_digest"]) == ("groups_sdk.journal", plan.digest)
    keys = [change.key for change in plan.changes]
    ids = [change.membership_id for change in plan.changes]
    assert [(line["event"], line["change"]["membership_id"], line.get("status")) for line in lines] == [
        ("begin", ids[0], None),
        ("end", ids[0], "applied"),
        ("begin", ids[1], None),
        ("end", ids[1], "failed"),
    ]
    assert "403" in lines[3]["error"]
    assert [(name, len(then), then[-1]["change"]["membership_id"] == name) for name, then in seen] == [
        (keys[0].partition(":")[2], 2, True),
        (keys[1].partition(":")[2], 4, True),
    ]
    assert FakeSnyk.TOKEN not in journal.read_text()
    assert journal.stat().st_mode & 0o077 == 0


async def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, dict.fromkeys(list(keep_all(fake))[1:12], "Group Viewer"))
    journal = tmp_path / "journal"
    async with fake.async_client() as client:
        steps = aiter(client.access.apply(plan, journal=journal, concurrency=3))
        for _ in range(4):
            await anext(steps)
        assert len(changes_sent(fake)) == 6
        changes = client.access.apply(plan, journal=journal)
        outcomes = await changes.collect()
        assert len(changes_sent(fake)) == len(plan.changes)
        assert [o.earlier for o in outcomes].count(True) == 6
        assert {o.status for o in outcomes} == {"applied"}
        with pytest.raises(JournalError, match="another run has continued"):
            async for _ in steps:
                pass


@BOTH
async def test_what_failed_is_tried_again_and_what_may_have_been_done_is_looked_up(
    kind: str, tmp_path: Path
) -> None:
    fake = FakeSnyk.example()
    journal = tmp_path / "journal"
    plan = await planned(fake, dict.fromkeys([GRACE, ALAN, EDSGER], "Group Viewer"))
    fake.fail_next(status=401, method="PATCH", path=plan.role_changes[1].membership_id)
    async with Jobs(fake, kind) as jobs:
        first = await jobs.run((await jobs("apply", plan, journal=journal, concurrency=1)).collect)
        assert [o.status for o in first] == ["applied", "failed", "not_started"]
        assert len(entries(journal)) == 5, "what was left out is not in it"
        await begin(plan, journal, plan.role_changes[2])
        change_role("Group Viewer")(fake, fake.memberships(fake.group_id)[3])  # by whom, nobody knows
        second = await jobs.run((await jobs("apply", plan, journal=journal)).collect)
    assert {(o.change.user.email, o.status, o.earlier) for o in second} == {
        (GRACE, "applied", True),
        (ALAN, "applied", False),
        (EDSGER, "unchanged", False),
    }
    assert len(changes_sent(fake)) == 3


@pytest.mark.parametrize("late", [True, False])
async def test_a_create_that_was_under_way_and_is_found_is_unchanged(late: bool, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {stranger.id: "Group Viewer"})
    await begin(plan, tmp_path / "journal", plan.creates[0])

    def arrives() -> None:
        fake.add_membership(fake.group_id, stranger.id, role_id(fake, "Group Viewer"))

    if not late:
        arrives()
    transport = Meanwhile(fake, arrives) if late else fake.transport()
    async with fake.async_client(transport=transport) as client:
        (outcome,) = await client.access.apply(plan, journal=tmp_path / "journal").collect()
    assert outcome.status == "unchanged", "whose work it is, nobody knows"


@pytest.mark.parametrize("earlier", ["applied", "unchanged"])
async def test_what_was_as_wanted_and_is_not_now_has_changed_since(earlier: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    if earlier == "unchanged":
        change_role("Group Viewer")(fake, fake.memberships(fake.group_id)[1])
    journal = tmp_path / "journal"
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan, journal=journal).collect()
        assert outcome.status == earlier
        if earlier == "unchanged":  # nothing was sent, and the journal has nothing to say
            return
        for role in ("Group Admin", "Group Member"):  # promoted, or put back
            change_role(role)(fake, fake.memberships(fake.group_id)[1])
            (outcome,) = await client.access.apply(plan, journal=journal).collect()
            assert (outcome.status, outcome.earlier, outcome.sent) == ("changed_since", True, False)
    assert len(changes_sent(fake)) == 1


async def test_a_member_who_was_removed_and_is_there_again_has_changed_since(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    grace, journal = fake.memberships(fake.group_id)[1], tmp_path / "journal"
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan, journal=journal, cascade=True).collect()
        assert outcome.status == "applied"
        fake.add_membership(fake.group_id, grace.user.id, grace.role.id)
        (outcome,) = await client.access.apply(plan, journal=journal, cascade=True).collect()
        assert (outcome.status, outcome.earlier) == ("changed_since", True)
    assert grace.user.email in {m.user.email for m in fake.memberships(fake.group_id)}


async def test_what_was_applied_and_cannot_be_seen_is_unknown(tmp_path: Path) -> None:
    fake = FakeSnyk.with_members(150)
    last = fake.memberships(fake.group_id)[140]
    plan = await planned(fake, {last.user.email: "Group Admin"})
    async with fake.async_client() as client:
        await client.access.apply(plan, journal=tmp_path / "journal").collect()
        fake.twist_next_page("no_links")
        (outcome,) = await client.access.apply(plan, journal=tmp_path / "journal").collect()
    assert (outcome.status, outcome.earlier, outcome.sent) == ("unknown", True, False)
    assert len(changes_sent(fake)) == 1


async def test_a_role_that_the_last_run_took_from_its_only_holder_is_still_known(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    only = fake.add_role("Auditor")
    grace, alan = fake.memberships(fake.group_id)[1:3]
    fake._state.change_role(grace, only)
    plan = await planned(fake, {GRACE: "Group Viewer", ALAN: "Auditor"})
    fake.fail_next(status=409, method="PATCH", path=alan.id)
    journal = tmp_path / "journal"
    async with fake.async_client() as client:
        first = await client.access.apply(plan, journal=journal).collect()
        assert sorted(o.status for o in first) == ["applied", "failed"]
        second = await client.access.apply(plan, journal=journal).collect()
    assert [o.status for o in second] == ["applied"] * 2


async def test_the_journal_names_the_organizations_that_a_removal_takes(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001="", alan0002=""), prune=True)
    grace, alan = fake.memberships(fake.group_id)[1:3]
    orgs = [m.org.name for m in fake.org_memberships(fake.group_id, grace.user.id)]
    async with fake.async_client() as client:
        await client.access.apply(plan, journal=tmp_path / "journal", cascade=True).collect()
    noted = {
        line["change"]["membership_id"]: line["organizations"]
        for line in entries(tmp_path / "journal")[1:]
        if line["event"] == "begin"
    }
    assert [text.partition(" (")[0] for text in noted[grace.id]] == orgs
    assert noted.keys() == {grace.id, alan.id}


async def test_organizations_that_may_not_be_read_are_not_known(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    permissions = ["group.membership.read", "group.membership.delete"]
    fake.add_token("half", permissions=permissions)
    async with fake.async_client(token="half") as client:
        (outcome,) = await client.access.apply(plan, journal=tmp_path / "journal", cascade=True).collect()
    assert outcome.status == "applied"
    assert entries(tmp_path / "journal")[1]["organizations"] is None


async def test_a_journal_that_is_full_stops_the_work_without_losing_an_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, dict.fromkeys([GRACE, ALAN, EDSGER], "Group Viewer"))
    flushed = 0
    fsync = os.fsync

    def full(descriptor: int) -> None:
        nonlocal flushed
        flushed += 1
        if flushed == 5:  # head, its directory, begin, end, begin
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    async with fake.async_client() as client:
        changes = client.access.apply(plan, journal=tmp_path / "journal", concurrency=1)
        with pytest.raises(JournalError, match="No space left"):
            await changes.collect()
        assert [o.status for o in changes.outcomes] == ["applied"]
        assert len(changes_sent(fake)) == 1, "what could not be noted was not sent"
        assert [o.status for o in await changes.collect()] == ["applied"] * 3


async def test_a_cancelled_apply_notes_what_nobody_knows(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    journal = tmp_path / "journal"
    plan = await planned(fake, dict.fromkeys([GRACE, ALAN], "Group Viewer"))
    with anyio.CancelScope() as scope:

        class Hanging(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                response = await fake.transport().handle_async_request(request)
                if request.method == "PATCH":
                    scope.cancel()
                    await anyio.sleep_forever()
                return response

        async with fake.async_client(transport=Hanging()) as client:
            changes = client.access.apply(plan, journal=journal, concurrency=1)
            await changes.collect()
    assert scope.cancelled_caught
    assert [o.status for o in changes.outcomes] == ["unknown"]
    assert entries(journal)[-1]["status"] == "unknown"
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, journal=journal).collect()
    assert [(o.status, o.earlier) for o in outcomes] == [("unchanged", False), ("applied", False)]
    assert len(changes_sent(fake)) == 2


async def test_a_plan_that_prunes_all_it_may_can_be_resumed(tmp_path: Path) -> None:
    fake = FakeSnyk.with_members(40)
    members = fake.memberships(fake.group_id)
    plan = await planned(fake, {m.user.email: m.role.name for m in members[:36]}, prune=True)
    assert len(plan.removals) == 4, "a tenth"
    fake.fail_next(status=401, method="DELETE", path=plan.removals[1].membership_id)
    async with fake.async_client() as client:
        for statuses in (["applied", "failed", "not_started", "not_started"], ["applied"] * 4):
            changes = client.access.apply(plan, journal=tmp_path / "journal", cascade=True, concurrency=1)
            assert [o.status for o in await changes.collect()] == statuses
    assert len(fake.memberships(fake.group_id)) == 36
