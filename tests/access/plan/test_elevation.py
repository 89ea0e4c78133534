"""A role for a while, written into a file: what becomes of the row, and of all the rest of the file."""

from __future__ import annotations

import codecs
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.clock import set_time
from support.jobs import BOTH, NOWHERE, Jobs, changes_sent, role_id
from support.worlds import ABE, ABE_LOGIN, ROOT, group_of, member

from groups_sdk import (
    AmbiguousMatchError,
    FileAccessError,
    IncompleteListingError,
    InvalidArgumentError,
    MemberNotFoundError,
    Plan,
    Role,
    RoleChoiceError,
)
from groups_sdk.access import Elevation
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

EVE, BOB = "eve@mail.test", "bob@mail.test"
NOW = datetime(2026, 11, 5, 10, tzinfo=UTC)
END = "2026-11-05T14:00:00Z"


def acme() -> FakeSnyk:
    return group_of((EVE, "eve", "Group Viewer"), (BOB, "bob"), (ABE, ABE_LOGIN))


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, NOW)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "d.csv"


async def elevated(fake: FakeSnyk, path: Path, person: str = EVE, **options: Any) -> Elevation:
    options = {"role": "Group Admin", **({} if "until" in options else {"lasting": "4h"}), **options}
    async with fake.async_client() as client:
        made = await client.access.elevate(fake.group_id, person, path, **options)
    assert changes_sent(fake) == []
    return made


async def planned(fake: FakeSnyk, path: Path, **options: Any) -> Plan:
    async with fake.async_client() as client:
        return await client.access.plan(fake.group_id, path, **options)


def names(fake: FakeSnyk) -> dict[str, str]:
    return {"viewer": role_id(fake, "Group Viewer"), "member": role_id(fake, "Group Member")}


@BOTH
async def test_somebody_is_admin_for_a_while_and_then_what_they_were(
    kind: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = acme()
    viewer = role_id(fake, "Group Viewer")
    file.write_bytes(b"email,role\nroot@mail.test,Group Admin\n")
    async with Jobs(fake, kind) as jobs:
        made = await jobs("elevate", fake.group_id, EVE.upper(), file, role="group admin", lasting="4h")
        assert made == Elevation(
            path=str(file),
            group_id=fake.group_id,
            user=made.user,
            role=Role(role_id(fake, "Group Admin"), "Group Admin"),
            then=Role(role_id(fake, "Group Viewer"), "Group Viewer"),
            until=NOW + timedelta(hours=4),
            notes=(
                "nobody else has the role Group Viewer: the plan that gives it back is refused, unless one has it by "
                "then, or apply gets allow_unknown_roles",
            ),
        )
        assert str(made).endswith(
            "d.csv: eve@mail.test: Group Admin until 2026-11-05 14:00 UTC, then Group Viewer"
        )
        assert file.read_text() == (
            "email,role,until,then,then_id\n"
            "root@mail.test,Group Admin,,,\n"
            f"eve@mail.test,Group Admin,{END},Group Viewer,{names(fake)['viewer']}\n"
        )
        for moment, changes in (
            (NOW, ["eve@mail.test: Group Viewer -> Group Admin"]),
            (NOW + timedelta(hours=4, seconds=-1), []),
            (
                NOW + timedelta(hours=4),
                [f"eve@mail.test: Group Admin -> {viewer} (name not known)"],
            ),
            (NOW + timedelta(hours=5), []),
        ):
            set_time(monkeypatch, moment)
            plan = await jobs("plan", fake.group_id, file)
            assert [str(change) for change in plan.changes] == changes
            work = await jobs("apply", plan, allow_unknown_roles=True)
            assert [str(o.status) for o in await jobs.run(work.collect)] == ["applied"] * len(changes)


@pytest.mark.parametrize(
    ("options", "written", "end"),
    [
        ({"lasting": "P1D"}, "2026-11-06T10:00:00Z", NOW + timedelta(days=1)),
        ({"lasting": timedelta(minutes=90)}, "2026-11-05T11:30:00Z", NOW + timedelta(minutes=90)),
        ({"lasting": timedelta.max}, "9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
        ({"until": "2028-02-29"}, "2028-02-29", datetime(2028, 3, 1, tzinfo=UTC)),
        ({"until": date(2026, 11, 5)}, "2026-11-05", datetime(2026, 11, 6, tzinfo=UTC)),
        ({"until": "2026-11-05 12:00+01:00"}, "2026-11-05T11:00:00Z", NOW + timedelta(hours=1)),
        ({"until": NOW + timedelta(microseconds=1)}, "2026-11-05T10:00:00.000001Z", NOW + timedelta(microseconds=1)),
    ],
)  # fmt: skip
async def test_the_end_is_written_as_a_moment_or_as_a_date(
    options: dict[str, Any], written: str, end: datetime, file: Path
) -> None:
    file.write_text("email,role\n")
    made = await elevated(acme(), file, **options, **({"lasting": None} if "until" in options else {}))
    assert (made.until, file.read_text().splitlines()[1].split(",")[2]) == (end, written)


async def test_a_part_of_a_second_is_no_loss(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_time(monkeypatch, NOW + timedelta(microseconds=1))
    file.write_text("email,role\n")
    assert (await elevated(acme(), file)).until == NOW + timedelta(hours=4, seconds=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lasting": None}, "give either lasting .* or until"),
        ({"until": "2027-01-01", "lasting": "4h"}, "give either lasting .* or until"),
        ({"lasting": "soon"}, "lasting must be a duration"),
        ({"until": "2026-11-05T10:00:00Z"}, "until must be in the future; 2026-11-05 10:00 UTC is past"),
        ({"until": "2026-11-04"}, "until must be in the future"),
        ({"until": "4h"}, "until is the duration '4h'"),
        ({"role": " "}, "a role must be a name"),
        ({"person": "a b"}, "person: 'a b' is not an email address"),
        ({"file_format": "xml"}, "file_format must be one of"),
        ({"path": 7}, "path must be the path of a file; got int"),
        ({"path": "d.xlsx"}, "d.xlsx: "),
        ({"path": "missing.csv"}, "missing.csv: cannot be read"),
        ({"group_id": "x"}, "group_id must be a UUID"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_sent(
    options: dict[str, Any], message: str, file: Path
) -> None:
    fake = acme()
    file.write_text("email,role\n")
    given = {"group_id": fake.group_id, "person": EVE, "path": file, "role": "Group Admin", **options}
    given = {"lasting": None if "until" in options else "4h", **given}
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError, match=message):
            await client.access.elevate(**given)
    assert (len(fake.requests), file.read_text()) == (0, "email,role\n")


async def test_the_person_is_found_for_certain(file: Path) -> None:
    fake = acme()
    twin = fake.add_user(email=EVE, username="eve.second")
    file.write_text("email,role\n")
    with pytest.raises(MemberNotFoundError, match=r"'nobody@mail\.test' is not a member of the group"):
        await elevated(fake, file, "nobody@mail.test")
    with pytest.raises(RoleChoiceError, match="no member has a role named 'Group Owner'"):
        await elevated(fake, file, role="Group Owner")
    fake.add_membership(fake.group_id, twin.id, role_id(fake, "Group Member"))
    with pytest.raises(AmbiguousMatchError):
        await elevated(fake, file)
    with pytest.raises(InvalidArgumentError, match=r"d\.csv: its columns cannot say exactly who eve@mail"):
        await elevated(fake, file, "eve")
    assert file.read_text() == "email,role\n"
    file.write_text(f"email,role\n{EVE},Group Member\n")
    with pytest.raises(AmbiguousMatchError, match="line 2: 2 accounts are called"):
        await elevated(fake, file, "eve")
    file.write_text(f"user_id,email,role\n{twin.id},{EVE},Group Member\n")
    assert (await elevated(fake, file, "eve")).user.username == "eve"


async def test_one_who_only_may_be_it_is_not_taken_for_it(file: Path) -> None:
    fake = acme()
    listing: Any

    async def counted(items: Any) -> Any:
        return [attrs.evolve(m, group_membership_count=9) for m in items]

    file.write_text("email,role,user_id\n")
    async with fake.async_client() as client:
        listing = client.list_memberships
        client.list_memberships = lambda *a, **o: listing(*a, **o).mapped(counted)  # type: ignore[method-assign]
        for who in (EVE, NOWHERE, "nobody@mail.test"):
            with pytest.raises(IncompleteListingError, match="the API counts 5 more"):
                await client.access.elevate(fake.group_id, who, file, role="Group Admin", lasting="4h")
        eve = member(fake, EVE).user.id
        await client.access.elevate(fake.group_id, eve, file, role="Group Admin", lasting="4h")


async def test_a_row_that_may_mean_several_others_does_not_matter(file: Path) -> None:
    fake = acme()
    twin = fake.add_user(email=BOB, username="bob.second")
    fake.add_membership(fake.group_id, twin.id, role_id(fake, "Group Member"))
    file.write_text(f"email,role\n{BOB},Group Member\n")
    await elevated(fake, file)
    assert file.read_text().splitlines()[1] == f"{BOB},Group Member,,,"


# The row that is there


async def test_the_role_of_a_row_comes_back(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = acme()
    file.write_text(f"email,role\n{EVE},Group Member\n{BOB},Group Member\n")
    made = await elevated(fake, file)
    assert made.then is not None
    assert made.then.name == "Group Member"
    assert made.notes == (
        "line 2 gave them the role Group Member, which they get back; they have Group Viewer",
    )
    assert file.read_text().splitlines()[1:] == [
        f"{EVE},Group Admin,{END},Group Member,{names(fake)['member']}",
        f"{BOB},Group Member,,,",
    ]
    longer = await elevated(fake, file, lasting="5h")
    assert (longer.then, longer.notes) == (made.then, ())
    assert file.read_text().splitlines()[1] == (
        f"{EVE},Group Admin,2026-11-05T15:00:00Z,Group Member,{names(fake)['member']}"
    )
    for options in ({"lasting": "5h"}, {"lasting": "1h"}, {"lasting": "9h", "role": "Group Viewer"}):
        with pytest.raises(
            InvalidArgumentError, match=r"line 2 gives them the role Group Admin until 2026-11-05 15"
        ):
            await elevated(fake, file, **options)
    set_time(monkeypatch, NOW + timedelta(hours=5))  # over: the row says what comes after
    again = await elevated(fake, file, role="Group Viewer")
    assert (again.then, again.until) == (made.then, NOW + timedelta(hours=9))
    set_time(monkeypatch, NOW + timedelta(hours=9))
    with pytest.raises(
        InvalidArgumentError, match="line 2 gives them the role Group Member already, without an end"
    ):
        await elevated(fake, file, role="Group Member")


async def test_a_removal_that_comes_after_stays_one(file: Path) -> None:
    fake = acme()
    file.write_text(f"email,role,until,then\n{EVE},Group Owner,2026-11-01,remove\n")
    made = await elevated(fake, file)
    assert (made.then, str(made)[-12:]) == (None, "then removed")
    assert file.read_text() == f"email,role,until,then,then_id\n{EVE},Group Admin,{END},remove,\n"


async def test_nobody_gets_for_a_while_what_they_have_anyway(file: Path) -> None:
    fake = acme()
    file.write_text(f"email,role\n{BOB},Group Admin\n")
    with pytest.raises(
        InvalidArgumentError, match=r"d\.csv: root@mail\.test .* has the role Group Admin already"
    ):
        await elevated(fake, file, ROOT)
    with pytest.raises(
        InvalidArgumentError, match="line 2 gives them the role Group Admin already, without an end"
    ):
        await elevated(fake, file, BOB)
    file.write_text(f"email,role\n{BOB},Group Owner\n")
    with pytest.raises(RoleChoiceError, match=r"d\.csv: line 2: no member has a role named 'Group Owner'"):
        await elevated(fake, file, BOB)
    eve = member(fake, EVE).user.id
    file.write_text(f"email,user_id,role\n{EVE},,Group Viewer\n,{eve},Group Viewer\n")
    with pytest.raises(InvalidArgumentError, match=r"line 2 and line 3 are both about eve@mail\.test"):
        await elevated(fake, file)


async def test_a_role_that_the_api_does_not_tell_cannot_come_back(file: Path) -> None:
    fake = acme()
    file.write_text("email,role\n")
    eve = member(fake, EVE).id

    async def without_role(items: Any) -> Any:
        return [attrs.evolve(m, role=Role("")) if m.id == eve else m for m in items]

    async with fake.async_client() as client:
        listing = client.list_memberships
        client.list_memberships = lambda *a, **o: listing(*a, **o).mapped(without_role)  # type: ignore[method-assign]
        with pytest.raises(InvalidArgumentError, match=r"the API does not tell the role of eve@mail\.test"):
            await client.access.elevate(fake.group_id, EVE, file, role="Group Admin", lasting="4h")


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("email,role,role_id", "eve@mail.test,Group Admin,"),
        ("email,role_name", "eve@mail.test,Group Admin"),
        ("email,role_id", "eve@mail.test,{admin}"),
        ("username,role_name,role", "eve,Group Admin,Group Admin"),
        ("membership_id,role", "{membership},Group Admin"),
        ("user_id,email,username,role", "{user},eve@mail.test,eve,Group Admin"),
        ("email,role,group", "eve@mail.test,Group Admin,{group}"),
        ("email,role,group_name", "eve@mail.test,Group Admin,{group}"),
        ("email,role,group_name,group_id", "eve@mail.test,Group Admin,Acme,{group}"),
        ("email,group,role,group_id", "eve@mail.test,Acme,Group Admin,{group}"),
    ],
)
async def test_a_new_row_fills_the_columns_that_there_are(heading: str, row: str, file: Path) -> None:
    fake = acme()
    file.write_text(f"{heading}\n")
    await elevated(fake, file)
    eve = member(fake, EVE)
    wanted = row.format(
        admin=role_id(fake, "Group Admin"), membership=eve.id, user=eve.user.id, group=fake.group_id
    )
    assert file.read_text().splitlines()[1] == f"{wanted},{END},Group Viewer,{names(fake)['viewer']}"
    assert len((await planned(fake, file)).role_changes) == 1


@pytest.mark.parametrize("columns", ["role", "role_id,role", "role_name", "role_id"])
async def test_a_role_of_two_of_a_name_goes_by_its_id(columns: str, file: Path) -> None:
    fake = acme()
    second = fake.add_role("Group Admin")
    fake.add_membership(fake.group_id, fake.add_user().id, second.id)
    file.write_text(f"email,{columns}\n")
    made = await elevated(fake, file, role=second.id)
    assert made.role.id == second.id
    assert second.id in file.read_text()
    assert [c.role.id for c in (await planned(fake, file)).role_changes if c.role] == [second.id]


async def test_other_groups_are_others(file: Path) -> None:
    fake = acme()
    other = fake.add_group("Beta")
    text = (
        f"email,role,group\n{EVE},Group Member,Beta\n{EVE},Group Viewer,acme\n{BOB},Group Member,{other.id}\n"
    )
    file.write_text(text)
    await elevated(fake, file)
    assert file.read_text().splitlines()[2].startswith(f"{EVE},Group Admin,acme,{END},")
    assert file.read_text().splitlines()[1] == f"{EVE},Group Member,Beta,,,"


# The rest of the file


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'sep=;\r\n"E-Mail";"Rolle";"Team"\r\n\r\n"root@mail.test";"Group Admin";"a;b"\r\n',
            'sep=;\r\n"E-Mail";"Rolle";"Team";"until";"then";"then_id"\r\n\r\n"root@mail.test";"Group Admin";"a;b"'
            ";;;\r\n"
            '"eve@mail.test";"Group Admin";"";"{end}";"Group Viewer";"{viewer}"\r\n',
        ),
        (
            'Team\tE-Mail\tRolle\n\t\t\n"x\ny"\troot@mail.test\tGroup Admin\t\t\nz\teve@mail.test\tGroup Viewer\n',
            'Team\tE-Mail\tRolle\tuntil\tthen\tthen_id\n\t\t\n"x\ny"\troot@mail.test\tGroup Admin\t\t\t\n'
            "z\teve@mail.test\tGroup Admin\t{end}\tGroup Viewer\t{viewer}\n",
        ),
        (
            "E-Mail,then,Rolle,expires\nroot@mail.test,,Group Admin\nbob@mail.test,,Group Member,",
            "E-Mail,then,Rolle,expires,then_id\nroot@mail.test,,Group Admin,,\nbob@mail.test,,Group Member,,\n"
            "eve@mail.test,Group Viewer,Group Admin,{end},{viewer}\n",
        ),
        (
            "E-Mail,Rolle,until,then,then_id\rroot@mail.test,Group Admin\r",
            "E-Mail,Rolle,until,then,then_id\rroot@mail.test,Group Admin\r"
            "eve@mail.test,Group Admin,{end},Group Viewer,{viewer}\r",
        ),
        (
            "E-Mail,Rolle",
            "E-Mail,Rolle,until,then,then_id\neve@mail.test,Group Admin,{end},Group Viewer,{viewer}\n",
        ),
    ],
)
async def test_a_table_keeps_its_form(before: str, after: str, file: Path) -> None:
    fake = acme()
    file.write_bytes(before.encode())
    await elevated(fake, file, columns={"role": "Rolle"}, email_column="E-Mail")
    assert file.read_bytes().decode() == after.format(end=END, viewer=names(fake)["viewer"])


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"", "cp1252"),
    ],
)
async def test_a_file_keeps_its_encoding(mark: bytes, encoding: str, file: Path) -> None:
    fake = acme()
    file.write_bytes(mark + "email,role,Büro\n".encode(encoding))
    made = await elevated(fake, file)
    data = file.read_bytes()
    assert data.startswith(mark)
    assert data.removeprefix(mark).decode(encoding).startswith("email,role,Büro,until,then,then_id\neve@")
    assert any("cp1252" in note for note in made.notes) is (encoding == "cp1252")


async def test_what_the_encoding_cannot_carry_is_refused(file: Path) -> None:
    fake = group_of(("\u0105@mail.test", "eve", "Group Viewer"))
    file.write_bytes("email,role,Büro\n".encode("cp1252"))
    with pytest.raises(
        InvalidArgumentError, match=r"its encoding, cp1252, has no '\\u0105'; save it as UTF-8"
    ):
        await elevated(fake, file, "eve")
    assert file.read_bytes() == "email,role,Büro\n".encode("cp1252")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        (
            "d.json",
            '[\n  {ROOT},\n  {"email": "eve@mail.test", "n": 1.10, "role": "Group Viewer"},\n  {"n":1.10,BOB}\n]\n',
            '[\n  {ROOT},\n  {"email": "eve@mail.test", "n": 1.1, NEW},\n  {"n":1.10,BOB}\n]\n',
        ),
        (
            "d.json",
            '[\r\n\t{\r\n\t\t"mail": "root@mail.test",\r\n\t\t"role": "Group Admin"\r\n\t}\r\n]',
            '[\r\n\t{\r\n\t\t"mail": "root@mail.test",\r\n\t\t"role": "Group Admin"\r\n\t},\r\n\t{\r\n\t\t'
            '"mail": "eve@mail.test",\r\n\t\t"role": "Group Admin",\r\n\t\t"until": "END",\r\n\t\t'
            '"then": "Group Viewer",\r\n\t\t"then_id": "VIEWER"\r\n\t}\r\n]',
        ),
        ("d.json", "[{ROOT}]", '[{ROOT}, {"email": "eve@mail.test", NEW}]'),
        ("d.json", "[ ]", '[{"email": "eve@mail.test", "user_id": "USER", NEW}]'),
        (
            "d.json",
            '{"owner": "å", "groups": {"Beta": {"bob": "Group Member"}, " acme ": [\n{\n"email": "eve@mail.test",\n'
            '"role_id": "VIEWER"\n}, {"email": "åsa@x.test", "role_id": "VIEWER"}]}}',
            '{"owner": "å", "groups": {"Beta": {"bob": "Group Member"}, " acme ": [\n{\n  "email": "eve@mail.test",\n'
            '  "role_id": "ADMIN",\n  "until": "END",\n  "then": "Group Viewer",\n  "then_id": "VIEWER"\n}, '
            '{"email": "åsa@x.test", "role_id": "VIEWER"}]}}',
        ),
        (
            "d.json",
            '{"groups": {"Beta": [{"email": "eve@mail.test", "role": "Group Viewer"}], "GROUP": []}}',
            '{"groups": {"Beta": [{"email": "eve@mail.test", "role": "Group Viewer"}], "GROUP": ['
            '{"email": "eve@mail.test", "user_id": "USER", NEW}]}}',
        ),
        (
            "d.jsonl",
            '\n{ROOT}\r\n\r\n{"email": "eve@mail.test", "role": "Group Viewer", "role_id": "VIEWER"}',
            '\n{ROOT}\r\n\r\n{"email": "eve@mail.test", NEW}',
        ),
        ("d.jsonl", "{ROOT}\r\n{BOB}", '{ROOT}\r\n{BOB}\r\n{"email": "eve@mail.test", NEW}\r\n'),
        ("d", "{ROOT}", '{ROOT}\n{"email": "eve@mail.test", NEW}\n'),
        ("d.jsonl", "", '{"email": "eve@mail.test", "user_id": "USER", NEW}\n'),
    ],
)
async def test_json_keeps_its_form(name: str, before: str, after: str, tmp_path: Path) -> None:
    fake = acme()
    ids = {
        "VIEWER": names(fake)["viewer"],
        "ADMIN": role_id(fake, "Group Admin"),
        "USER": member(fake, EVE).user.id,
        "GROUP": fake.group_id,
        "END": END,
    }
    for text, meant in (
        ("{ROOT}", '{"email": "root@mail.test", "role": "Group Admin"}'),
        ("BOB", '"email": "bob@mail.test", "role": "Group Member"'),
        ("NEW", '"role": "Group Admin", "until": "END", "then": "Group Viewer", "then_id": "VIEWER"'),
        *((f'"{text}"', f'"{meant}"') for text, meant in ids.items()),
    ):
        before, after = before.replace(text, meant), after.replace(text, meant)
    path = tmp_path / name
    path.write_bytes(before.encode())
    await elevated(fake, path)
    assert path.read_bytes().decode() == after


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("d.json", '{"eve@mail.test": "Group Viewer"}', "gives each person a role, and a role has no room for its end"),
        ("d.json", '{"groups": {"Acme": {"bob@mail.test": "Group Member"}}}', "gives each person a role"),
        ("d.json", '{"groups": {"Acme": {"eve@mail.test": "Group Member"}}}', "gives each person a role"),
        ("d.json", '{"groups": {"Beta": []}}', "has no section for this group: add one with an empty list"),
        ("d.json", '{"members": [{"email": "eve@mail.test", "role": "Group Viewer"}]}', "is a review, which says how"),
        (
            "d.yaml",
            "- {email: root@mail.test, role: Group Admin}  # the boss\n",
            'YAML is not edited, because its comments would be lost: add - {"email": "eve@mail.test", ',
        ),
        (
            "d.yaml",
            "- {email: eve@mail.test, role: Group Viewer}\n",
            'would be lost: in entry 1, write what is in - {"role": "Group Admin", "until": "2026',
        ),
        ("d.csv", "email,role\nnobody,Group Admin\n", "d.csv: line 2: 'nobody' is not an email address"),
        ("d.csv", "eve@mail.test\n", "is a list of people without roles"),
    ],
)  # fmt: skip
async def test_what_cannot_be_edited_is_refused_and_stays(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidArgumentError) as caught:
        await elevated(acme(), path)
    assert message in str(caught.value)
    assert path.read_text() == text


async def test_a_review_in_lines_cannot_be_edited(tmp_path: Path) -> None:
    fake = acme()
    path = tmp_path / "r.jsonl"
    async with fake.async_client() as client:
        await client.access.review(fake.group_id).to_jsonl(path)
    before = path.read_text()
    with pytest.raises(InvalidArgumentError, match="is a review, which says how things were"):
        await elevated(fake, path)
    assert path.read_text() == before


async def test_a_link_is_followed_and_the_file_keeps_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "real.csv", tmp_path / "link.csv"
    file.write_text("email,role\n")
    file.chmod(0o640)
    os.symlink(file, link)
    made = await elevated(acme(), link)
    assert (made.path, link.is_symlink(), file.stat().st_mode & 0o777) == (str(link), True, 0o640)
    assert file.read_text().count("\n") == 2
    assert [*tmp_path.iterdir()] in ([file, link], [link, file])


@pytest.mark.parametrize("gone", [True, False])
async def test_what_somebody_else_writes_meanwhile_is_not_lost(gone: bool, file: Path) -> None:
    fake = acme()
    file.write_text("email,role\n")
    async with fake.async_client() as client:
        group = client.get_group

        async def meanwhile(group_id: str) -> Any:
            file.unlink() if gone else file.write_text("email,role\nroot@mail.test,Group Admin\n")
            return await group(group_id)

        client.get_group = meanwhile  # type: ignore[method-assign]
        with pytest.raises(
            FileAccessError, match=r"d\.csv: was changed by somebody else meanwhile; nothing was writ"
        ):
            await client.access.elevate(fake.group_id, EVE, file, role="Group Admin", lasting="4h")
    assert file.exists() is not gone


async def test_a_role_whose_name_and_id_contradict_each_other_is_not_hidden(file: Path) -> None:
    fake = acme()
    text = f"email,role,role_id\n{EVE},Group Viewer,{names(fake)['member']}\n"
    file.write_text(text)
    with pytest.raises(
        InvalidArgumentError, match="names the role 'Group Viewer', but its id is that of 'Group Member'"
    ):
        await elevated(fake, file)
    assert file.read_text() == text


async def test_a_row_goes_by_the_name_that_the_sso_has_for_the_member(file: Path) -> None:
    fake = acme()
    eve = member(fake, EVE)
    fake.add_sso_user(fake.add_sso_connection(fake.group_id).id, eve.user.id)
    for name in ("email", "username"):
        fake.alter_record(eve.id, f"relationships.user.data.attributes.{name}", "changed@mail.test")
    file.write_text(f"email,role\n{EVE},Group Viewer\n")
    await elevated(fake, file, eve.user.id)
    assert file.read_text().splitlines()[1:] == [
        f"{EVE},Group Admin,{END},Group Viewer,{names(fake)['viewer']}"
    ]
    assert [str(change) for change in (await planned(fake, file)).changes] == [
        "changed@mail.test: Group Viewer -> Group Admin"
    ]


async def test_a_role_that_nobody_else_has_is_noted(file: Path) -> None:
    fake = acme()
    file.write_text("email,role\n")
    assert "nobody else has the role Group Viewer" in (await elevated(fake, file)).notes[0]
    file.write_text("email,role\n")
    assert (await elevated(fake, file, BOB)).notes == ()


@pytest.mark.parametrize("cell", ["one\ntwo", "one\r\ntwo", "one\n"])
async def test_a_cell_of_several_lines_stays_one(cell: str, file: Path) -> None:
    fake = acme()
    text = f'email,role,note\n{BOB},Group Member,"{cell}"\n'
    file.write_bytes(text.encode())
    await elevated(fake, file, BOB)
    assert f'"{cell}"'.encode() in file.read_bytes()
    assert len((await planned(fake, file)).ending) == 0
