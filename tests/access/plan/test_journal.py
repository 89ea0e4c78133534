"""The journal of an apply: what is in it, who may write it, and what comes of files that are damaged or full."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groups_sdk import JournalError, Role, Status, User
from groups_sdk._terminal import printable
from groups_sdk.access import Action, Change, Outcome
from groups_sdk.access._plan import journal_file
from groups_sdk.access._plan.journal import Journal, JournalEntry, read_journal

pytestmark = pytest.mark.anyio

GROUP, OTHER_GROUP = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
PLAN: dict[str, Any] = {
    "plan_digest": "abc",
    "base_url": "https://api.example/rest",
    "group_ids": [GROUP, OTHER_GROUP],
}
ADMIN, VIEWER = Role("r-admin", "Group Admin"), Role("r-viewer", " Group  Viewer ")
ADA = User("u-ada", "Ada \udc80", "ada@login.test", "ada@mail.test", "saml")
ADD = Change(action=Action.ADD, group_id=GROUP, user=ADA, role=VIEWER)
PROMOTE = Change(
    action=Action.SET_ROLE, group_id=GROUP, membership_id="m-1", user=User("u-1"), before=VIEWER, role=ADMIN
)
REMOVE = Change(action=Action.REMOVE, group_id=OTHER_GROUP, membership_id="m-2", user=User(""), before=ADMIN)
ALL = [ADD, PROMOTE, REMOVE]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def write(path: Path, *steps: Change | Outcome) -> Journal:
    """A session in which changes begin and outcomes come."""
    journal = Journal(path, **PLAN)
    async with journal.session():
        for step in steps:
            await (journal.begin([step]) if isinstance(step, Change) else journal.end(step))
    return journal


async def reopened(path: Path) -> dict[str, tuple[bool, Status | None]]:
    journal = await write(path)
    return {key: (entry.begun, entry.status) for key, entry in journal.earlier.items()}


# What is in it


async def test_it_has_the_whole_change_before_and_after(path: Path) -> None:
    started = datetime.now(UTC)
    journal = Journal(path, **PLAN)
    async with journal.session():
        assert journal.earlier == {}
        await journal.begin([ADD, PROMOTE])
        await journal.begin([])
        await journal.begin([REMOVE])
        await journal.end(Outcome(ADD, Status.APPLIED), membership_id="m-new")
        await journal.end(Outcome(PROMOTE, Status.FAILED, OSError("no\nway")))
    assert journal.earlier == {}, "what earlier runs wrote"
    record = read_journal(path)
    assert (record.plan_digest, record.base_url) == ("abc", "https://api.example/rest")
    assert record.group_ids == (GROUP, OTHER_GROUP)
    assert [entry.change for entry in record.entries] == ALL
    assert [(e.begun, e.status, e.error, e.membership_id) for e in record.entries] == [
        (True, Status.APPLIED, None, "m-new"),
        (True, Status.FAILED, "no\nway", None),
        (True, None, None, None),
    ]
    assert all(started <= entry.at <= datetime.now(UTC) for entry in record.entries)
    header, first, *_ = lines(path)
    assert (header["format"], header["version"]) == ("groups_sdk.journal", 2)
    assert first["change"] == {
        "action": "add",
        "group_id": GROUP,
        "membership_id": None,
        "user": {
            "id": "u-ada",
            "name": "Ada \udc80",
            "username": "ada@login.test",
            "email": "ada@mail.test",
            "login_method": "saml",
        },
        "before": None,
        "role": {"id": "r-viewer", "name": " Group  Viewer "},
    }


async def test_a_second_run_reads_what_the_first_one_wrote(path: Path) -> None:
    await write(path, ADD, Outcome(ADD, Status.APPLIED), PROMOTE)
    again = Journal(path, **PLAN | {"group_ids": (OTHER_GROUP.upper(), GROUP)})
    assert again.earlier == {}, "it was not opened yet"
    async with again.session():
        assert {k: e.status for k, e in again.earlier.items()} == {ADD.key: Status.APPLIED, PROMOTE.key: None}
        await again.end(Outcome(PROMOTE, Status.UNCHANGED))
        assert again.earlier[PROMOTE.key].status is None, "as it was read"
    with pytest.raises(TypeError):
        again.earlier["x"] = again.earlier[ADD.key]  # type: ignore[index]
    assert await reopened(path) == {ADD.key: (True, Status.APPLIED), PROMOTE.key: (True, Status.UNCHANGED)}


async def test_one_person_in_two_groups_is_two_changes(path: Path) -> None:
    there = Change(action=Action.ADD, group_id=OTHER_GROUP, user=ADA, role=VIEWER)
    await write(path, ADD, Outcome(ADD, Status.APPLIED), there)
    assert await reopened(path) == {ADD.key: (True, Status.APPLIED), there.key: (True, None)}


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.APPLIED])
async def test_what_was_not_applied_may_begin_again_and_only_the_last_time_counts(
    path: Path, status: Status
) -> None:
    await write(path, ADD, Outcome(ADD, status, OSError("x")), PROMOTE)
    assert (await reopened(path))[ADD.key] == (True, status)
    await write(path, ADD)
    assert (await reopened(path))[ADD.key] == (True, None)
    assert [entry.change for entry in read_journal(path).entries] == [PROMOTE, ADD], "by their last begin"
    assert read_journal(path).entries[1].error is None


@pytest.mark.parametrize("status", list(Status))
async def test_what_was_applied_stays_applied(path: Path, status: Status) -> None:
    await write(path, ADD, Outcome(ADD, Status.APPLIED))
    whole = path.read_bytes()
    await write(path, Outcome(ADD, status))
    assert path.read_bytes() == whole
    with pytest.raises(
        JournalError, match=r"journal: cannot record this: add ada@mail\.test .*applied already"
    ):
        await write(path, ADD)
    assert path.read_bytes() == whole


async def test_what_was_never_begun_is_noted_as_such(path: Path) -> None:
    await write(path, Outcome(ADD, Status.UNCHANGED), Outcome(PROMOTE, Status.NOT_STARTED))
    assert await reopened(path) == {ADD.key: (False, Status.UNCHANGED)}, "not started: nothing to remember"
    await write(path, PROMOTE, Outcome(PROMOTE, Status.NOT_STARTED))
    assert (await reopened(path))[PROMOTE.key] == (True, Status.NOT_STARTED)
    await write(path, REMOVE, Outcome(REMOVE, Status.FAILED))
    await write(path, Outcome(REMOVE, Status.NOT_STARTED))
    assert (await reopened(path))[REMOVE.key] == (True, Status.FAILED), "what was done last"


@pytest.mark.parametrize(
    ("first", "begun"),
    [(Status.FAILED, False), (Status.NOT_STARTED, False), (Status.UNKNOWN, True), (None, True)],
)
async def test_whether_we_may_have_done_it_is_known_later(
    path: Path, first: Status | None, begun: bool
) -> None:
    await write(path, ADD, *([] if first is None else [Outcome(ADD, first)]))
    await write(path, Outcome(ADD, Status.UNCHANGED))
    assert await reopened(path) == {ADD.key: (begun, Status.UNCHANGED)}


async def test_a_change_of_another_group_is_not_noted(path: Path) -> None:
    stranger = Change(action=Action.REMOVE, group_id="g", membership_id="m")
    with pytest.raises(JournalError, match=r"remove m: is about the group g, which is not the plan's"):
        await write(path, stranger)
    assert await reopened(path) == {}


async def test_a_change_of_which_little_is_known(path: Path) -> None:
    bare = Change(action=Action.REMOVE, group_id=GROUP, membership_id="m")
    await write(path, bare)
    assert [entry.change for entry in read_journal(path).entries] == [bare]


# Whose it is


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"plan_digest": "xyz"}, "another plan: its digest is abc, this plan's xyz"),
        (
            {"base_url": "https://b/rest"},
            "another API: its base URL is https://api.example/rest, this one's https",
        ),
        ({"group_ids": [GROUP]}, f"other groups: it is for {GROUP}, {OTHER_GROUP}, this plan for {GROUP}$"),
    ],
)
async def test_the_journal_of_something_else_is_refused_and_stays(
    path: Path, other: dict[str, Any], message: str
) -> None:
    await write(path, ADD)
    whole = path.read_bytes()
    journal = Journal(path, **PLAN | other)
    for _ in range(2):  # not the first time only
        with pytest.raises(JournalError, match=f"journal: belongs to {message}"):
            async with journal.session():
                pytest.fail("it was opened")
    assert path.read_bytes() == whole


HEADER = {"format": "groups_sdk.journal", "version": 2, "plan_digest": "abc", "base_url": "", "group_ids": []}
OLD = '{"format": "groups_sdk.journal", "version": 1, "plan": "abc", "at": "2025"}\n'
OLDER = (
    r"was written by an older version of groups_sdk \(format 1\): finish it with that version, or start a new"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (OLD, OLDER),
        (OLD + '{"begin": "add:1"}\n', OLDER),
        (OLD[:-1], OLDER),
        (
            json.dumps(HEADER | {"version": 3}) + "\n",
            r"was written by another version of groups_sdk \(format 3, this one reads 2",
        ),
        (
            json.dumps(HEADER | {"version": None}) + "\n",
            r"was written by another version of groups_sdk \(format None",
        ),
        (json.dumps(HEADER | {"plan_digest": 7}) + "\n", "line 1 is damaged"),
        (json.dumps(HEADER | {"group_ids": [7]}) + "\n", "line 1 is damaged"),
        ("email,role\nada@example.com,Reader\n", "is not a journal; it was not touched"),
        ("email,role", "is not a journal; it was not touched"),
        ('{"format": "else"}\n', "is not a journal; it was not touched"),
        ("[1]\n", "is not a journal"),
        ("[" * 100_000 + "\n", "is not a journal"),
    ],
)
async def test_a_file_that_is_no_journal_of_this_format_is_refused_and_stays(
    path: Path, content: str, message: str
) -> None:
    path.write_text(content)
    with pytest.raises(JournalError, match=f"^{path}: {message}"):
        await write(path)
    with pytest.raises(JournalError, match=f"^{path}: {message}"):
        read_journal(path)
    assert path.read_text() == content


# Damage


def begin_of(**spoilt: Any) -> dict[str, Any]:
    change = {
        "action": "add",
        "group_id": GROUP,
        "membership_id": None,
        "user": {"id": "u"},
        "before": None,
        "role": None,
    }
    line = {"event": "begin", "at": "2025-11-05T10:00:00+00:00", "change": change | spoilt.pop("change", {})}
    return line | spoilt


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "[]",
        "\x00\x00",
        json.dumps(begin_of(event="began")),
        json.dumps(begin_of(event="began", status="applied")),
        json.dumps(begin_of(event="end")),
        json.dumps(begin_of(event="end", status="done")),
        json.dumps(begin_of(event="end", status="applied", error=7)),
        json.dumps(begin_of(at="yesterday")),
        json.dumps(begin_of(change={"action": "promote"})),
        json.dumps(begin_of(change={"group_id": "g"})),
        json.dumps(begin_of(change={"group_id": None})),
        json.dumps(begin_of(change={"user": "u"})),
        json.dumps(begin_of(change={"role": {"name": "Group Admin"}})),
    ],
)
async def test_a_damaged_line_is_named_and_nothing_is_done(path: Path, damaged: str) -> None:
    await write(path, ADD)
    good = json.dumps(begin_of())
    path.write_text(f"{path.read_text()}{good}\n{damaged}\n{good}\n")
    whole = path.read_bytes()
    with pytest.raises(JournalError, match=f"^{path}: line 4 is damaged; nothing was done$"):
        await write(path)
    with pytest.raises(JournalError, match="line 4 is damaged"):
        read_journal(path)
    assert path.read_bytes() == whole


async def test_a_begin_after_the_change_was_applied_is_damage(path: Path) -> None:
    await write(path, ADD, Outcome(ADD, Status.APPLIED))
    _, begin, _ = path.read_text().splitlines()
    path.write_text(f"{path.read_text()}{begin}\n")
    with pytest.raises(JournalError, match="line 4 is damaged"):
        read_journal(path)


CHANGES = st.builds(
    Change,
    action=st.sampled_from(Action),
    group_id=st.sampled_from([GROUP, OTHER_GROUP.upper()]),
    membership_id=st.none() | st.text(max_size=3),
    user=st.none() | st.builds(User, st.text(max_size=2), st.none() | st.text(), email=st.none() | st.text()),
    before=st.none() | st.builds(Role, st.text(max_size=3), st.none() | st.text(max_size=3)),
    role=st.none() | st.builds(Role, st.text(max_size=3), st.none() | st.text(max_size=3)),
)
STEPS = st.lists(
    CHANGES | st.builds(Outcome, CHANGES, st.sampled_from(Status), st.none() | st.builds(OSError, st.text())),
    max_size=6,
)


@given(steps=STEPS, data=st.data())
def test_a_last_line_that_is_torn_does_not_count(steps: list[Change | Outcome], data: st.DataObject) -> None:
    async def run() -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder, "journal")
            seen: list[tuple[int, tuple[JournalEntry, ...]]] = []  # how long the file was, and what it said
            journal = Journal(path, **PLAN)
            async with journal.session():
                for step in [None, *steps]:
                    try:
                        if isinstance(step, Change):
                            await journal.begin([step])
                        elif step is not None:
                            await journal.end(step)
                    except JournalError:
                        assert isinstance(step, Change), "it was applied already"
                    seen.append((path.stat().st_size, read_journal(path).entries))
            content = path.read_bytes()
            cut = data.draw(st.integers(0, len(content)))
            path.write_bytes(content[:cut])
            whole = [(size, entries) for size, entries in seen if size <= cut]
            resumed = await write(path)
            if whole:
                size, entries = whole[-1]
                assert tuple(resumed.earlier.values()) == entries == read_journal(path).entries
                assert path.read_bytes() == content[:size]
            else:
                assert resumed.earlier == {}
                assert len(lines(path)) == 1

    anyio.run(run)


async def test_without_a_whole_line_there_is_nothing_to_read(path: Path) -> None:
    path.write_text('{"format": "groups_sdk')
    with pytest.raises(JournalError, match="has no complete line yet: nothing was started"):
        read_journal(path)
    path.unlink()
    with pytest.raises(JournalError, match=f"^{path}: cannot be read: No such file"):
        read_journal(path)


async def test_reading_does_not_mind_a_line_that_is_being_written(path: Path) -> None:
    journal = Journal(path, **PLAN)
    async with journal.session():
        await journal.begin([ADD])
        with path.open("a") as file:
            file.write('{"event": "en')
        assert [entry.change for entry in read_journal(path).entries] == [ADD]
        assert path.read_text().endswith('"en'), "nothing was changed"


# Between sessions, and beside others


async def test_it_is_closed_between_sessions_and_notices_others(path: Path) -> None:
    journal = await write(path, ADD)
    with pytest.raises(RuntimeError, match="not open"):
        await journal.begin([PROMOTE])
    async with journal.session():
        with pytest.raises(RuntimeError, match="open already"):
            async with journal.session():
                pass
        await journal.end(Outcome(ADD, Status.FAILED))
    await write(path, PROMOTE)
    for _ in range(2):
        with pytest.raises(JournalError, match="another run has continued with this journal in the meantime"):
            async with journal.session():
                pass


async def test_it_cannot_be_written_before_it_was_opened(path: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await Journal(path, **PLAN).begin([ADD])
    with pytest.raises(RuntimeError, match="not open"):
        journal_file.JournalFile(path).append(b"x")
    assert not path.exists()


async def test_two_sessions_that_begin_at_once_do_not_close_each_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)
    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            async with journal.session():
                await journal.begin([ADD])
                await journal.end(Outcome(ADD, Status.APPLIED))

        tasks.start_soon(work)
        await slow.wait()
        with pytest.raises(RuntimeError, match="open already"):
            async with journal.session():
                pass
        slow.go.set()
    assert await reopened(path) == {ADD.key: (True, Status.APPLIED)}


async def test_the_same_length_is_not_the_same_journal(path: Path) -> None:
    journal = await write(path, ADD)
    path.write_text(path.read_text().replace("ada@mail", "eve@mail"))
    with pytest.raises(JournalError, match="another run has continued"):
        async with journal.session():
            pass


async def test_a_journal_that_was_removed_is_not_begun_anew(path: Path) -> None:
    journal = await write(path, ADD)
    path.unlink()
    with pytest.raises(JournalError, match="cannot be opened: No such file"):
        async with journal.session():
            pass
    assert not path.exists()


async def test_a_file_that_is_replaced_while_it_is_locked_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(file: Any, operation: int) -> None:
        path.unlink()

    def replaced(file: Any, operation: int) -> None:
        path.unlink()
        path.write_text("")

    for meanwhile in (removed, replaced):
        monkeypatch.setattr(fcntl, "flock", meanwhile)
        with pytest.raises(JournalError, match="was removed or replaced just now"):
            await write(path)


HOLD = f"""
import sys, anyio
from groups_sdk.access._plan.journal import Journal
async def main():
    journal = Journal(sys.argv[1], **{PLAN!r})
    async with journal.session():
        print("open", flush=True)
        sys.stdin.read()
anyio.run(main)
"""


@pytest.fixture
def start() -> Any:
    """Start a program in another process; it is killed in the end."""
    started: list[subprocess.Popen[str]] = []

    def begin(code: str, path: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


async def test_two_processes_do_not_write_one_journal(path: Path, start: Any) -> None:
    other = start(HOLD, path)
    assert other.stdout.readline() == "open\n"
    with pytest.raises(JournalError, match=f"^{path}: is in use by another run of groups_sdk$"):
        await write(path)
    other.kill()
    other.wait()
    await write(path)  # the lock ends with its process, however that ends


KILLED = f"""
import os, signal, sys, anyio
from groups_sdk import User
from groups_sdk.access import Action, Change
from groups_sdk.access._plan.journal import Journal
async def main():
    journal = Journal(sys.argv[1], **{PLAN!r})
    async with journal.session():
        await journal.begin([
            Change(action=Action.REMOVE, group_id={GROUP!r}, membership_id=str(n), user=User("u")) for n in range(3)
        ])
        os.kill(os.getpid(), signal.SIGKILL)
anyio.run(main)
"""


async def test_a_process_that_is_killed_between_begin_and_end_leaves_what_it_began(
    path: Path, start: Any
) -> None:
    process = start(KILLED, path)
    assert process.wait(120) == -signal.SIGKILL
    assert await reopened(path) == {f"remove:{n}": (True, None) for n in range(3)}
    assert [entry.change.user for entry in read_journal(path).entries] == [User("u")] * 3


# Tasks


async def test_many_at_once_are_written_one_after_the_other(path: Path) -> None:
    changes = [
        Change(action=Action.REMOVE, group_id=GROUP, membership_id=f"m{n}", user=User("u" * 50))
        for n in range(40)
    ]
    journal = Journal(path, **PLAN)

    async def one(change: Change) -> None:
        await journal.begin([change])
        await journal.end(Outcome(change, Status.APPLIED))

    async with journal.session(), anyio.create_task_group() as tasks:
        for change in changes:
            tasks.start_soon(one, change)
    assert await reopened(path) == {change.key: (True, Status.APPLIED) for change in changes}


class Slow:
    """`os.fsync` that waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered, self.go = threading.Event(), threading.Event()
        self.threads: set[int] = set()
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor: int) -> None:
        self.threads.add(threading.get_ident())
        self.entered.set()
        assert self.go.wait(60)
        self._fsync(descriptor)

    async def wait(self) -> None:
        await anyio.to_thread.run_sync(self.entered.wait, 60)


async def begin_one_and_then_two_together(
    journal: Journal, begin: Callable[[Change], Awaitable[None]], slow: Slow
) -> None:
    async with journal.session(), anyio.create_task_group() as tasks:
        tasks.start_soon(begin, ADD)
        await slow.wait()
        for change in (PROMOTE, REMOVE):
            tasks.start_soon(begin, change)
        while len(journal._waiting) < 2:
            await anyio.lowlevel.checkpoint()
        slow.go.set()


async def test_nothing_is_written_before_the_disk_has_what_came_first(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)
    inside = 0
    flush = slow.__call__

    def counted(descriptor: int) -> None:
        nonlocal inside
        inside += 1
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    async with journal.session(), anyio.create_task_group() as tasks:
        tasks.start_soon(journal.begin, [ADD])
        await slow.wait()
        tasks.start_soon(journal.begin, [PROMOTE])
        with anyio.fail_after(60):
            while not journal._lock.statistics().tasks_waiting and inside < 2:
                await anyio.sleep(0.001)
        assert inside == 1
        slow.go.set()
    assert list(await reopened(path)) == [ADD.key, PROMOTE.key]


async def test_what_waits_for_the_disk_is_written_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)
    counted: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: (counted.append(descriptor), slow(descriptor)))
    async with journal.session(), anyio.create_task_group() as tasks:
        tasks.start_soon(journal.begin, [ADD])
        await slow.wait()
        for change in (PROMOTE, REMOVE):
            tasks.start_soon(journal.begin, [change])
        while len(journal._waiting) < 2:
            await anyio.lowlevel.checkpoint()
        slow.go.set()
    assert len(counted) == 2
    assert set(await reopened(path)) == {ADD.key, PROMOTE.key, REMOVE.key}


async def test_what_the_disk_cannot_take_together_is_written_one_by_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)

    def full(descriptor: int) -> None:
        slow(descriptor)
        if path.read_bytes().count(b'"event"') > 2:
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    failed: list[Change] = []

    async def begin(change: Change) -> None:
        try:
            await journal.begin([change])
        except JournalError as error:
            assert "no space left" in str(error)
            failed.append(change)

    await begin_one_and_then_two_together(journal, begin, slow)
    (missing,) = failed
    monkeypatch.undo()
    assert set(await reopened(path)) == {ADD.key, PROMOTE.key, REMOVE.key} - {missing.key}


async def test_what_fails_as_nobody_expects_is_taken_for_written_by_nobody(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)

    def broken(descriptor: int) -> None:
        first = not slow.entered.is_set()
        slow(descriptor)
        if not first:
            raise ZeroDivisionError

    monkeypatch.setattr(os, "fsync", broken)
    errors: list[type[Exception]] = []

    async def begin(change: Change) -> None:
        try:
            await journal.begin([change])
        except (ZeroDivisionError, JournalError) as error:
            errors.append(type(error))

    await begin_one_and_then_two_together(journal, begin, slow)
    assert errors == [ZeroDivisionError, JournalError]


async def test_a_scope_that_is_cancelled_meanwhile_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)
    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            async with journal.session():
                await journal.begin([ADD])
                await journal.end(Outcome(ADD, Status.UNKNOWN))
                await anyio.sleep_forever()

        tasks.start_soon(work)
        await slow.wait()
        tasks.cancel_scope.cancel()
        slow.go.set()
    assert await reopened(path) == {ADD.key: (True, Status.UNKNOWN)}
    assert threading.get_ident() not in slow.threads


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_asyncio_task_that_is_cancelled_meanwhile_closes_the_file_only_then(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path)
    slow = Slow(monkeypatch)

    async def work() -> None:
        async with journal.session():
            await journal.begin([ADD])

    task = asyncio.create_task(work())
    await slow.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    slow.go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await reopened(path) == {ADD.key: (True, None)}


# Files that will not do


async def test_a_new_one_is_for_its_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        await write(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    await write(path, ADD)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640, "its owner's wish"


async def test_a_symbolic_link_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(path)
    await write(link, ADD)
    assert link.is_symlink()
    assert list(await reopened(path)) == [ADD.key]
    null = tmp_path / "null"
    null.symlink_to("/dev/null")
    with pytest.raises(JournalError, match=f"^{null}: is not a regular file, so nothing could be resumed"):
        await write(null)


async def test_only_a_regular_file_can_be_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path, message in {
        Path("/dev/null"): "is not a regular file",
        pipe: "is not a regular file",
        tmp_path: "is a directory; a journal must be a file",
        tmp_path / "nowhere" / "journal": "cannot be (opened|read): No such file or directory",
        loop: "cannot be (opened|read): Too many levels of symbolic links",
        tmp_path / "nul\0": "cannot be (opened|read): .*embedded null",
    }.items():
        problem = f"^{re.escape(printable(str(path)))}: {message}"
        with pytest.raises(JournalError, match=problem):
            await write(path)
        with pytest.raises(JournalError, match=problem):
            read_journal(path)


async def test_a_pipe_that_is_put_there_at_the_last_moment_holds_nobody_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(path)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    with pytest.raises(JournalError, match="is not a regular file"):
        await write(path)
    with pytest.raises(JournalError, match="is not a regular file"):
        read_journal(path)


def failing(number: int) -> Callable[..., Any]:
    def fail(*args: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fail


async def test_a_file_that_may_not_be_read_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "open", failing(errno.EACCES))  # root may read everything
    for attempt in (lambda: write(path), lambda: anyio.to_thread.run_sync(read_journal, path)):
        with pytest.raises(JournalError, match=f"^{path}: cannot be (opened|read): Permission denied$"):
            await attempt()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP])
async def test_where_there_are_no_locks_it_says_what_to_do(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with pytest.raises(JournalError, match=rf"^{path}: cannot be locked: .*put the journal on a local disk$"):
        await write(path)


async def test_elsewhere_the_lock_is_that_of_the_system(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[int, int]] = []

    def locking(descriptor: int, mode: int, length: int) -> None:
        if taken:
            raise OSError(errno.EDEADLK, "Resource deadlock avoided")
        taken.append((os.lseek(descriptor, 0, os.SEEK_CUR), length))

    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr(journal_file, "sys", SimpleNamespace(platform="win32"))
    await write(path, ADD)
    assert taken == [(0x7FFFFFFF, 1)]
    assert [entry.change for entry in read_journal(path).entries] == [ADD]
    with pytest.raises(JournalError, match="in use by another run"):
        await write(path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
async def test_a_folder_that_may_not_be_read_is_good_enough(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    opened = os.open

    def open_no_folder(name: Any, *args: Any) -> int:
        if Path(name) == path.parent:
            raise OSError(number, os.strerror(number))
        return opened(name, *args)

    monkeypatch.setattr(os, "open", open_no_folder)
    if number == errno.EACCES:
        await write(path, ADD)
        assert [entry.change for entry in read_journal(path).entries] == [ADD]
    else:
        with pytest.raises(JournalError, match="cannot be written: Input/output error"):
            await write(path)
        assert path.read_bytes() == b""


class Broken:
    """A file one of whose methods fails."""

    def __init__(self, file: Any, method: str) -> None:
        self._file, self._method = file, method

    def __getattr__(self, name: str) -> Any:
        return failing(errno.EIO) if name == self._method else getattr(self._file, name)

    def __enter__(self) -> Broken:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def spoil(patch: pytest.MonkeyPatch, method: str) -> None:
    """From now on this method of every file of a journal fails."""

    def spoilt(*args: Any, **options: Any) -> Broken:
        return Broken(open(*args, **options), method)

    patch.setattr(journal_file, "open", spoilt, raising=False)


@pytest.mark.parametrize(
    ("method", "message"),
    [("read", "cannot be read"), ("truncate", "cannot be written"), ("write", "cannot be written")],
)
async def test_a_disk_that_fails_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch, method: str, message: str
) -> None:
    journal = await write(path, ADD)
    with monkeypatch.context() as patch:
        spoil(patch, method)
        with pytest.raises(JournalError, match=f"^{path}: {message}: Input/output error"):
            await write(path, PROMOTE)
        if method == "read":
            with pytest.raises(JournalError, match="cannot be read: Input/output error"):
                read_journal(path)
            with pytest.raises(JournalError, match="cannot be read: Input/output error"):
                async with journal.session():
                    pass
    assert await reopened(path) == {ADD.key: (True, None)}


async def test_half_a_line_that_cannot_be_cut_off_ends_the_journal_of_this_run(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await write(path, ADD)
    with monkeypatch.context() as patch:
        spoil(patch, "truncate")
        async with journal.session():
            with monkeypatch.context() as full:
                full.setattr(os, "fsync", failing(errno.ENOSPC))
                with pytest.raises(JournalError, match="No space left"):
                    await journal.end(Outcome(ADD, Status.APPLIED))
            with pytest.raises(JournalError, match="No space left"):
                await journal.begin([PROMOTE])
    with pytest.raises(JournalError, match="No space left"):
        async with journal.session():
            pass
    assert await reopened(path) == {ADD.key: (True, Status.APPLIED)}, "that is what had been written"


async def test_a_file_that_cannot_be_looked_at_in_the_end_is_not_gone_on_with(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, **PLAN)
    async with journal.session():
        await journal.begin([ADD])
        monkeypatch.setattr(os, "fstat", failing(errno.EIO))
    monkeypatch.undo()
    with pytest.raises(JournalError, match="cannot be read: Input/output error"):
        async with journal.session():
            pass
    assert await reopened(path) == {ADD.key: (True, None)}


# A full disk

FULL = f"""
import sys, anyio
from groups_sdk import JournalError
from groups_sdk.access import Action, Change
from groups_sdk.access._plan.journal import Journal
async def main():
    journal = Journal(sys.argv[1], **{PLAN!r})
    written = 0
    try:
        async with journal.session():
            while True:
                await journal.begin([
                    Change(action=Action.REMOVE, group_id={GROUP!r}, membership_id=str(written + n)) for n in range(3)
                ])
                written += 3
    except JournalError as error:
        print(written, error, flush=True)
anyio.run(main)
"""


def check_full(path: Path, done: str, number: int) -> None:
    written, _, message = done.strip().partition(" ")
    assert message == f"{path}: cannot be written: {os.strerror(number)}"
    assert int(written) > 3
    keys = [entry.change.key for entry in read_journal(path).entries]
    assert keys == [f"remove:{n}" for n in range(int(written))], "what was noted, and no half line behind it"
    assert path.read_bytes().endswith(b"}\n")


def test_a_file_that_may_not_grow_keeps_what_was_written(path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    bare = {
        name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")
    }  # writes files too
    done = subprocess.run(
        [sys.executable, "-B", "-c", FULL, str(path)],
        env=bare,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
        timeout=120,
    )
    check_full(path, done.stdout, errno.EFBIG)


def test_a_disk_that_is_full_keeps_what_was_written(tmp_path: Path) -> None:
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    script = (
        'mount -t tmpfs -o size=16k tmpfs "$1" || exit 77; "$2" -B -c "$3" "$1/journal"; cp "$1/journal" "$4"'
    )
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", disk, sys.executable, FULL, kept],
            capture_output=True,
            text=True,
            timeout=120,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare on this system")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("a file system of one's own needs rights that are not there")
    check_full(kept, done.stdout.replace(str(disk / "journal"), str(kept)), errno.ENOSPC)


async def test_a_full_disk_at_the_very_first_line_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", failing(errno.ENOSPC))
        journal = Journal(path, **PLAN)
        with pytest.raises(JournalError, match=f"^{path}: cannot be written: No space left on device"):
            async with journal.session():
                pytest.fail("it was opened")
    assert path.read_bytes() == b""
    async with journal.session():
        await journal.begin([ADD])
    assert await reopened(path) == {ADD.key: (True, None)}
