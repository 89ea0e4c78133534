"""Plans carried out: checked, guarded, journalled, and resumed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest
from support.jobs import BOTH, NOWHERE, ONCE, Jobs, changes_sent, role_id, roles_of

from groups_sdk import (
    AsyncGroupsClient,
    ConflictError,
    InvalidArgumentError,
    JournalError,
    NotFoundError,
    Plan,
    ProtectedMemberError,
    ServerError,
    StalePlanError,
    Status,
)
from groups_sdk.access._plan import journal as journal_module
from groups_sdk.access._plan.journal import Journal
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ADMINS = [f"ada.00{number}@example.com" for number in ("00", "12", "24")]
GRACE, ALAN, EDSGER = (f"{name}@example.com" for name in ("grace.0001", "alan.0002", "edsger.0003"))


async def planned(fake: FakeSnyk, desired: dict[str, str], *, prune: bool = False) -> Plan:
    async with fake.async_client() as client:
        plan = await client.access.plan(fake.group_id, desired, prune=prune)
    fake._service.requests.clear()
    return plan


def keep_all(fake: FakeSnyk, **changed: str) -> dict[str, str]:
    """The state as it is, with changes by the first part of the email address; "" leaves somebody out."""
    desired = {m.user.email: m.role.name for m in fake.memberships(fake.group_id)}
    for name, role in changed.items():
        email = f"{name[:-4]}.{name[-4:]}@example.com"
        desired.pop(email, None)
        if role:
            desired[email] = role
    return desired


@BOTH
@pytest.mark.parametrize("collect", [True, False])
@pytest.mark.parametrize("journalled", [True, False])
async def test_a_plan_is_carried_out_and_a_second_time_changes_nothing(
    kind: str, collect: bool, journalled: bool, tmp_path: Path
) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user(email="stranger@example.com")
    desired = keep_all(fake, alan0002="Group Admin", grace0001="Group Viewer", edsger0003="")
    plan = await planned(fake, {**desired, stranger.id: "Group Viewer"}, prune=True)
    journal = tmp_path / "journal" if journalled else None
    async with Jobs(fake, kind) as jobs:
        changes = await jobs("apply", plan, journal=journal, cascade=True)
        assert fake.requests == []
        outcomes = await (jobs.run(changes.collect) if collect else jobs.all(changes))
        assert sorted(str(outcome) for outcome in outcomes) == [
            f"applied: add {stranger.id} as Group Viewer",
            f"applied: {ALAN}: Group Member -> Group Admin",
            f"applied: {GRACE}: Group Member -> Group Viewer",
            f"applied: remove {EDSGER} (Group Member)",
        ]
        assert roles_of(fake) == {**desired, "stranger@example.com": "Group Viewer"}
        writes = changes_sent(fake)
        assert len(writes) == 4
        again = await jobs.run((await jobs("apply", plan, journal=journal, cascade=True)).collect)
        assert changes_sent(fake) == writes
    assert {(o.status, o.earlier) for o in again} == {
        ("applied", True) if journalled else ("unchanged", False)
    }


async def test_new_admins_come_first_and_removals_last_and_oneself_at_the_very_end() -> None:
    fake = FakeSnyk.example(last_admin="refuse")
    me = ADMINS[0]
    plan = await planned(
        fake,
        keep_all(fake, ada0000="Group Viewer", ada0012="", ada0024="Group Viewer", alan0002="Group Admin"),
        prune=True,
    )
    async with fake.async_client() as client:
        changes = client.access.apply(plan, cascade=True, me=me.upper(), allow_self=True)
        assert {o.status for o in await changes.collect()} == {"applied"}
    by_id = {m.id: m.user.email for m in fake.memberships(fake.group_id)}
    assert [(method, by_id.get(name, "gone")) for method, name in changes_sent(fake)] == [
        ("PATCH", ALAN),
        ("PATCH", ADMINS[2]),
        ("DELETE", "gone"),
        ("PATCH", me),
    ]


@pytest.mark.parametrize("me", [ADMINS[0], ADMINS[0].upper(), "user id"])
async def test_ones_own_membership_is_not_touched_unless_told(me: str) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {ADMINS[0]: "Group Viewer", GRACE: "Group Viewer"})
    if me == "user id":
        me = fake.memberships(fake.group_id)[0].user.id
    async with fake.async_client() as client:
        with pytest.raises(ProtectedMemberError, match=r"your own membership: ada.0000.*allow_self"):
            await client.access.apply(plan, me=me).collect()
        assert changes_sent(fake) == []
        outcomes = await client.access.apply(plan, me="somebody@example.com").collect()
        assert {o.status for o in outcomes} == {"applied"}
        for wrong in ("ada", "", 7):
            with pytest.raises(InvalidArgumentError, match="me must"):
                client.access.apply(plan, me=wrong)  # type: ignore[arg-type]


async def test_the_last_admin_is_not_touched_unless_told() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, ada0000="Group Viewer", ada0012="", ada0024=""), prune=True)
    async with fake.async_client() as client:
        with pytest.raises(ProtectedMemberError, match="without an admin"):
            await client.access.apply(plan, cascade=True).collect()
        assert changes_sent(fake) == []
        outcomes = await client.access.apply(plan, cascade=True, allow_last_admin=True).collect()
    assert {o.status for o in outcomes} == {"applied"}
    assert "Group Admin" not in roles_of(fake).values()


async def test_when_the_new_admin_fails_the_last_old_one_stays() -> None:
    fake = FakeSnyk.example()
    plan = await planned(
        fake,
        keep_all(fake, alan0002="Group Admin", ada0000="Group Viewer", ada0012="Group Viewer", ada0024=""),
        prune=True,
    )
    fake.fail_next(status=403, method="PATCH")
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, cascade=True).collect()
    failed = [o for o in outcomes if o.status is Status.FAILED]
    assert len(failed) == 2
    protected = failed[1]
    assert isinstance(protected.error, ProtectedMemberError)
    assert not protected.sent
    assert list(roles_of(fake).values()).count("Group Admin") == 1


async def test_an_admin_whose_demotion_failed_counts_as_admin_still() -> None:
    fake = FakeSnyk.example()
    desired = dict.fromkeys(ADMINS, "Group Viewer") | {ALAN: "Group Admin"}
    plan = await planned(fake, desired)
    first, *_ = fake.memberships(fake.group_id)
    fake.fail_next(status=403, method="PATCH")  # the new admin, who comes first
    fake.fail_next(status=403, method="PATCH", path=first.id)
    async with fake.async_client() as client:
        outcomes = await client.access.apply(plan, concurrency=1).collect()
    assert [(o.change.user and o.change.user.email, o.status) for o in outcomes] == [
        (ALAN, "failed"),
        (ADMINS[0], "failed"),
        (ADMINS[1], "applied"),
        (ADMINS[2], "applied"),
    ]


async def test_a_role_that_is_given_by_id_counts_as_admin_by_its_name() -> None:
    fake = FakeSnyk.example()
    desired = {**dict.fromkeys(ADMINS, "Group Viewer"), ALAN: role_id(fake, "Group Admin")}
    plan = await planned(fake, desired)
    document = json.loads(plan.to_json())
    for change in document["role_changes"]:
        change["role"]["name"] = None
    plan = Plan.from_json(json.dumps(document))
    async with fake.async_client() as client:
        assert {o.status for o in await client.access.apply(plan).collect()} == {"applied"}
    assert roles_of(fake)[ALAN] == "Group Admin"


async def test_removals_need_a_decision_about_the_organizations_below() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=""), prune=True)
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match="cascade must be"):
            client.access.apply(plan)
        (outcome,) = await client.access.apply(plan, cascade=False).collect()
        assert isinstance(outcome.error, ConflictError), "they are in organizations still"
    harmless = await planned(fake, {GRACE: "Group Viewer"})
    async with fake.async_client() as client:
        assert [o.status for o in await client.access.apply(harmless).collect()] == ["applied"]
        assert await client.access.apply(await planned(fake, {})).collect() == []


# A group that has changed since the plan was made


def _role(name: str) -> Callable[[FakeSnyk, Any], None]:
    def change(fake: FakeSnyk, member: Any) -> None:
        fake._state.change_role(member, next(role for role in fake.roles() if role.name == name))

    return change


def _remove(fake: FakeSnyk, member: Any) -> None:
    fake._state.remove_membership(member)


def _replace(fake: FakeSnyk, member: Any) -> None:
    fake._state.remove_membership(member)
    fake.add_membership(fake.group_id, member.user.id, member.role.id)


@pytest.mark.parametrize(
    ("desired", "meanwhile", "status"),
    [
        ("Group Viewer", _role("Group Viewer"), "unchanged"),
        ("Group Viewer", _role("Group Admin"), "failed"),
        ("Group Viewer", _remove, "failed"),
        ("Group Viewer", _replace, "failed"),
        ("", _remove, "unchanged"),
        ("", _role("Group Admin"), "failed"),
        ("", _replace, "failed"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
async def test_a_member_who_is_not_as_the_plan_saw_them(
    desired: str, meanwhile: Callable[[FakeSnyk, Any], None], status: str, strict: bool
) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, keep_all(fake, grace0001=desired, alan0002="Group Viewer"), prune=True)
    meanwhile(fake, fake.memberships(fake.group_id)[1])
    async with fake.async_client() as client:
        changes = client.access.apply(plan, cascade=True, strict=strict)
        if strict and status == "failed":
            with pytest.raises(StalePlanError, match=r"1 of 2 members are not as the plan saw them.*grace"):
                await changes.collect()
            assert changes_sent(fake) == []
            return
        outcomes = {o.change.user.email: o for o in await changes.collect() if o.change.user}
    assert outcomes[ALAN].status is Status.APPLIED
    assert (outcomes[GRACE].status, outcomes[GRACE].sent) == (status, False)
    assert isinstance(outcomes[GRACE].error, StalePlanError) == (status == "failed")
    assert len(changes_sent(fake)) == 1


@pytest.mark.parametrize(("role", "status"), [("Group Viewer", "unchanged"), ("Group Member", "failed")])
async def test_somebody_who_was_added_meanwhile(role: str, status: str) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {stranger.id: "Group Viewer"})
    fake.add_membership(fake.group_id, stranger.id, role_id(fake, role))
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status == status
    assert changes_sent(fake) == []


class Meanwhile(httpx.AsyncBaseTransport):
    """Something happens between the look and the first write."""

    def __init__(self, fake: FakeSnyk, happens: Callable[[], object]) -> None:
        self._inner = fake.transport()
        self._happens: Callable[[], object] | None = happens

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.method != "GET" and self._happens is not None:
            happens, self._happens = self._happens, None
            happens()
        return await self._inner.handle_async_request(request)


@pytest.mark.parametrize(("role", "status"), [("Group Viewer", "unchanged"), ("Group Member", "failed")])
async def test_a_conflict_is_looked_into(role: str, status: str) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {stranger.id: "Group Viewer"})
    transport = Meanwhile(fake, lambda: fake.add_membership(fake.group_id, stranger.id, role_id(fake, role)))
    async with fake.async_client(transport=transport) as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status == status
    assert isinstance(outcome.error, ConflictError)


@BOTH
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("after", [True, False])
async def test_an_answer_that_leaves_it_open_is_looked_into(kind: str, method: str, after: bool) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    desired = keep_all(fake, grace0001="Group Viewer", alan0002="")
    plan = await planned(fake, {**desired, stranger.id: "Group Viewer"}, prune=True)
    fake.fail_next(status=500, method=method, after=after)
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        outcomes = await jobs.run((await jobs("apply", plan, cascade=True)).collect)
    open_one = next(o for o in outcomes if o.error is not None)
    assert isinstance(open_one.error, ServerError)
    assert open_one.status == ("applied" if after else "unknown"), "only what was seen counts as done"
    assert sum(o.status is Status.APPLIED for o in outcomes) == (3 if after else 2)


async def test_only_the_person_who_is_meant_is_looked_at() -> None:
    class Unfiltered(FakeSnyk):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            query = b"&".join(p for p in scope["query_string"].split(b"&") if not p.startswith(b"user_id"))
            await super().__call__({**scope, "query_string": query}, receive, send)

    fake = Unfiltered.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    fake.fail_next(status=500, method="PATCH", after=True)
    async with fake.async_client(retries=ONCE) as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status is Status.APPLIED


async def test_when_the_look_fails_too_it_stays_open() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    fake.fail_next(status=500, method="PATCH", after=True)
    transport = Meanwhile(fake, lambda: fake.fail_next(status=500, method="GET"))
    async with fake.async_client(transport=transport, retries=ONCE) as client:
        (outcome,) = await client.access.apply(plan).collect()
    assert outcome.status is Status.UNKNOWN


async def test_members_whose_user_the_api_leaves_out_are_told_by_their_membership() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    document = json.loads(plan.to_json())
    document["role_changes"][0]["user"] = {"id": "", "name": None}
    plan = Plan.from_json(json.dumps(document))
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan).collect()
        assert isinstance(outcome.error, StalePlanError), "now they have a user: it may be anybody"
        work = client.access.apply(plan)._work
        assert await work._is_as_wanted(plan.role_changes[0]) is False  # type: ignore[attr-defined]


async def test_a_group_that_is_gone_is_an_error_before_anything_is_sent() -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer"})
    other = FakeSnyk(seed=1)
    async with other.async_client() as client:
        with pytest.raises(NotFoundError):
            await client.access.apply(plan).collect()


# The journal


def entries(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


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
    assert (head["format"], head["plan"]) == ("groups_sdk.journal", plan.fingerprint)
    keys = [change.key for change in plan.changes]
    assert [(line.get("begin"), line.get("end"), line.get("status")) for line in lines] == [
        (keys[0], None, None),
        (None, keys[0], "applied"),
        (keys[1], None, None),
        (None, keys[1], "failed"),
    ]
    assert "403" in lines[3]["error"]
    assert [(name, len(then), then[-1].get("begin", "").endswith(name)) for name, then in seen] == [
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
        with pytest.raises(JournalError, match="another run has gone on"):
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
        assert [o.status for o in first] == ["applied", "failed", "failed"]
        assert len(entries(journal)) == 5, "what was left out is not in it"
        text = journal.read_text()
        last = json.dumps({"begin": plan.role_changes[2].key, "at": "now"})
        journal.write_text(f"{text}{last}\n")
        _role("Group Viewer")(
            fake, fake.memberships(fake.group_id)[3]
        )  # it had been applied when it was killed
        second = await jobs.run((await jobs("apply", plan, journal=journal)).collect)
    assert {(o.change.user.email, o.status, o.earlier) for o in second} == {
        (GRACE, "applied", True),
        (ALAN, "applied", False),
        (EDSGER, "applied", True),
    }
    assert entries(journal)[-3]["end"] == plan.role_changes[2].key
    assert len(changes_sent(fake)) == 3


async def test_a_create_that_was_under_way_is_ours_when_it_is_found(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    stranger = fake.add_user()
    plan = await planned(fake, {stranger.id: "Group Viewer"})
    journal = Journal(tmp_path / "journal", plan.fingerprint)
    with journal.opened():
        journal.begin([plan.creates[0].key])
    arrives_late = Meanwhile(
        fake, lambda: fake.add_membership(fake.group_id, stranger.id, role_id(fake, "Group Viewer"))
    )
    async with fake.async_client(transport=arrives_late) as client:
        (outcome,) = await client.access.apply(plan, journal=tmp_path / "journal").collect()
    assert (outcome.status, type(outcome.error)) == ("applied", ConflictError)
    async with fake.async_client() as client:
        (outcome,) = await client.access.apply(plan, journal=tmp_path / "journal").collect()
        assert (outcome.status, outcome.earlier) == ("applied", True)


HEAD = '{"format": "groups_sdk.journal", "version": 1, "plan": "%s", "at": "now"}\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HEAD % "other", "is the journal of another plan"),
        ('{"format": "groups_sdk.journal", "version": 9, "plan": "x"}\n', "has version 9"),
        ("email,role\nada@example.com,Reader\n", "is not a journal; it was not touched"),
        ("email,role", "is not a journal; it was not touched"),
        ('{"format": "else"}\n', "is not a journal"),
        (HEAD % "mine" + "rubbish\n", "line 2 is damaged"),
        (HEAD % "mine" + "[]\n", "line 2 is damaged"),
        (HEAD % "mine" + '{"end": "add:1", "status": "applied"}\n', "line 2 is damaged"),
        (HEAD % "mine" + '{"begin": "add:1"}\n{"end": "add:1"}\n', "line 3 is damaged"),
    ],
)
def test_a_file_that_is_no_journal_of_this_plan_is_refused_and_stays(
    content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "journal"
    path.write_text(content)
    with pytest.raises(JournalError, match=message), Journal(path, "mine").opened():
        pass
    assert path.read_text() == content


@pytest.mark.parametrize("cut", [0, 1, 20, 60, len(HEAD % "mine") - 1])
def test_a_journal_that_was_torn_at_its_head_begins_anew(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text((HEAD % "mine")[:cut])
    with Journal(path, "mine").opened():
        pass
    assert [entry["plan"] for entry in entries(path)] == ["mine"]


def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    whole = HEAD % "mine" + '{"begin": "add:1", "at": "now"}\n'
    for cut in range(1, 40):
        path.write_text(whole + '{"end": "add:1", "at": "now", "status": "applied"}\n'[:cut])
        journal = Journal(path, "mine")
        with journal.opened():
            journal.begin(["add:2"])
        assert (journal.begun, journal.ended) == ({"add:1"}, {})
        assert path.read_text().startswith(whole)
        assert [entry.get("begin") for entry in entries(path)] == [None, "add:1", "add:2"]


def test_a_journal_is_locked_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    code = (
        "import sys\nfrom groups_sdk.access._plan.journal import Journal\n"
        "with Journal(sys.argv[1], 'mine').opened():\n    print('open', flush=True)\n    sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(JournalError, match="in use by another process"), Journal(path, "mine").opened():
            pass
        other.kill()
    with Journal(path, "mine").opened():  # the lock ends with its process, however that ends
        pass


def test_elsewhere_the_lock_is_that_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []

    def locking(descriptor: int, mode: int, length: int) -> None:
        if taken:
            raise OSError("taken")
        taken.append((os.lseek(descriptor, 0, os.SEEK_CUR), length))

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr(journal_module, "sys", SimpleNamespace(platform="win32"))
    path = tmp_path / "journal"
    with Journal(path, "mine").opened():
        pass
    assert taken == [(0x7FFFFFFF, 1)]
    assert entries(path)[0]["plan"] == "mine"
    with pytest.raises(JournalError, match="in use"), Journal(path, "mine").opened():
        pass


def test_a_journal_that_cannot_be_opened_or_written_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(JournalError, match="cannot be opened: Is a directory"),
        Journal(tmp_path, "x").opened(),
    ):
        pass
    journal = Journal(tmp_path / "journal", "mine")
    with pytest.raises(RuntimeError, match="not open"):
        journal.begin(["add:1"])
    with journal.opened():
        whole = (tmp_path / "journal").read_bytes()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(JournalError, match="cannot be written: No space left"):
                journal.begin(["add:1"])
        assert (tmp_path / "journal").read_bytes() == whole, "no half line stays behind"
        journal.begin(["add:2"])


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
    assert [(o.status, o.earlier) for o in outcomes] == [("applied", True), ("applied", False)]
    assert len(changes_sent(fake)) == 2


async def test_the_preview_of_an_apply_writes_no_change(tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    plan = await planned(fake, {GRACE: "Group Viewer", NOWHERE: "Group Viewer"})
    async with fake.async_client() as client:
        changes = client.access.apply(plan)
        assert [change.key for change in await changes.preview()] == [change.key for change in plan.changes]
    assert changes_sent(fake) == []
    assert list(tmp_path.iterdir()) == []
