"""Today's members as a desired state, read back: everybody is there, by user id and role id."""

from __future__ import annotations

import csv
import io
import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.extent import share

from groups_sdk import (
    ConfigurationError,
    FileAccessError,
    Group,
    GroupMembership,
    InvalidArgumentError,
    Role,
    User,
)
from groups_sdk.access._plan.desired import read_desired
from groups_sdk.access._plan.export import ExportResult, check_export, write_desired
from groups_sdk.access._roles import RoleIndex

SINCE = datetime(2025, 11, 5, tzinfo=UTC)
GROUP = "7c8d3b62-0a3d-4a1e-9a55-0d6f2ec0a6b1"
SUFFIXES = ("csv", "json", "jsonl", "yaml", "yml")


def uid(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def member(
    number: int,
    email: str | None = None,
    username: str | None = None,
    role: str | None = "Reader",
    *,
    user_id: str | None = None,
    role_id: str | None = None,
    group: str | None = "Payments",
) -> GroupMembership:
    return GroupMembership(
        uid(1000 + number),
        SINCE,
        User(uid(number) if user_id is None else user_id, "Ada", username, email),
        Role(uid(500) if role_id is None else role_id, role),
        Group(GROUP, group),
    )


def test_what_is_written_is_for_people_too(tmp_path: Path) -> None:
    members = [member(1, "ada@x.com", "ada"), member(2, None, None, None)]
    assert write_desired(tmp_path / "d.csv", members).notes == ()
    with (tmp_path / "d.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["email", "username", "user_id", "role", "role_id"],
            ["ada@x.com", "ada", uid(1), "Reader", ""],
            ["", "", uid(2), "", uid(500)],
        ]
    assert stat.S_IMODE((tmp_path / "d.csv").stat().st_mode) == 0o600
    write_desired(tmp_path / "d.json", members)
    assert json.loads((tmp_path / "d.json").read_text()) == [
        {"email": "ada@x.com", "username": "ada", "user_id": uid(1), "role": "Reader"},
        {"user_id": uid(2), "role_id": uid(500)},
    ]
    write_desired(tmp_path / "d.yaml", members[:1], groups=True)
    assert (tmp_path / "d.yaml").read_text() == (
        f"- email: ada@x.com\n  username: ada\n  user_id: {uid(1)}\n  role: Reader\n"
        f"  group: Payments\n  group_id: {GROUP}\n"
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("groups", [True, False])
@pytest.mark.parametrize("count", [0, 2])
def test_all_are_read_back(suffix: str, groups: bool, count: int, tmp_path: Path) -> None:
    members = [member(n, f"{n}@x.com", f"user{n}", role_id=uid(500 + n)) for n in range(count)]
    path = tmp_path / f"d.{suffix}"
    assert write_desired(path, members, groups=groups) == ExportResult(path=str(path), rows=count)
    read = read_desired(path)
    assert read.notes == ()
    assert [(m.ids, m.names, m.role, m.role_name, m.group) for m in read.members] == [
        ((uid(n),), (f"{n}@x.com", f"user{n}"), uid(500 + n), "Reader", GROUP if groups else None)
        for n in range(count)
    ]


ODD = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.text(st.sampled_from("=+-@\t\r\n\x00\x85\u2028\ufeff\u2400\ud800'\",;:#&*!|>%{}[] <>aA\u0130")),
    st.sampled_from(
        ["same@x.com", "SAME@x.com", "yes", "null", "1e3", "2026-01-02", "~", "<<", uid(7), "a@b,c@d"]
    ),
    st.sampled_from(
        ["mailto:a@b.com", "A <a@b.com>", "=cmd|' /C calc'!A1", 'a;"=1+1"', "x,'=y", " padded@x.com "]
    ),
)


@given(st.lists(st.tuples(ODD, ODD, ODD, st.integers(500, 502)), max_size=5), st.sampled_from(SUFFIXES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=share(300))
def test_everybody_is_identified_in_the_oddest_world(
    tmp_path: Path, people: list[tuple[str | None, str | None, str | None, int]], suffix: str
) -> None:
    members = [
        member(number, email, username, role, role_id=uid(role_id))
        for number, (email, username, role, role_id) in enumerate(people)
    ]
    path = tmp_path / f"d.{suffix}"
    write_desired(path, members)
    read = read_desired(path).members
    roles = RoleIndex(m.role for m in members)
    assert [(m.ids, roles.resolve(m.role).id) for m in read] == [((m.user.id,), m.role.id) for m in members]
    for written, found in zip(members, read, strict=True):
        known = {(written.user.email or "").strip(), (written.user.username or "").strip()}
        assert set(found.names) <= known, "what is compared later must be what the API says"
        if found.role_name is not None:
            assert found.role_name == (written.role.name or "").strip()


def test_who_cannot_be_written_is_named(tmp_path: Path) -> None:
    members = [
        member(1, "ada@x.com"),
        member(2, "nobody@x.com", user_id=""),
        member(3, None, "without a role", role_id=""),
        member(4, None, None, user_id=""),
        member(5, "two words@x.com", "Ada <ada@x.com>"),
        member(6, "no-at-sign", uid(9)),
        *(member(n, f"{n}@x.com", user_id="") for n in range(10, 14)),
    ]
    result = write_desired(tmp_path / "d.csv", members)
    assert str(result) == f"{tmp_path / 'd.csv'}: 3 members"
    assert result.notes == (
        "7 of 10 members are not in the file, because the API does not give their user id or role id: nobody@x.com, "
        f"without a role, {uid(1004)}, 10@x.com, 11@x.com, .... Pruning with this file would remove them",
        "4 emails or usernames that cannot be written to a file were left out; the user ids are in it",
    )
    read = read_desired(tmp_path / "d.csv").members
    assert [(m.ids, m.names) for m in read] == [
        ((uid(1),), ("ada@x.com",)),
        ((uid(5),), ()),
        ((uid(6),), ()),
    ]


def test_what_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        InvalidArgumentError,
        match=r"d\.xlsx: the name must end in \.csv, \.json, \.jsonl, \.yaml, \.yml, or file_fo",
    ):
        write_desired(tmp_path / "d.xlsx", [])
    for name in ("d", "d.tsv", "<stdout>"):
        with pytest.raises(InvalidArgumentError, match=r"file_format must say what to write"):
            check_export(tmp_path / name)
    with pytest.raises(InvalidArgumentError, match="the open file: the name must end in"):
        check_export(io.StringIO())
    with pytest.raises(InvalidArgumentError, match="file_format must be one of csv, json"):
        check_export(io.StringIO(), "txt")  # type: ignore[arg-type] # which is the point
    with pytest.raises(FileAccessError, match="No such file"):
        write_desired(tmp_path / "gone" / "d.csv", [])
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r"groups-sdk\[yaml\]"):
        write_desired(str(tmp_path / "d.yaml"), [])
    assert list(tmp_path.iterdir()) == []


def test_an_open_file_gets_the_text_in_one_piece_and_stays_open(tmp_path: Path) -> None:
    members = [member(1, "ada@x.com", "ada")]

    class Stream(io.StringIO):
        name = "<stdout>"
        pieces = 0

        def write(self, text: str) -> int:
            self.pieces += 1
            return super().write(text)

    stream = Stream(newline="")
    assert str(write_desired(stream, members, file_format="jsonl")) == "<stdout>: 1 member"
    assert json.loads(stream.getvalue())["user_id"] == uid(1)
    assert (stream.pieces, stream.closed) == (1, False)
    with (tmp_path / "d.csv").open("w", newline="") as file:
        assert write_desired(file, members).path == str(tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text().startswith("email,username,user_id"), (
        "no mark: the file is the user's"
    )
    write_desired(tmp_path / "list", members, file_format="csv")
    assert (tmp_path / "list").read_text(encoding="utf-8-sig") == (tmp_path / "d.csv").read_text()
