"""Files as people and programs have them, from the file to the plan: the right person, or an error that says why."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

import pytest
from support.worlds import member

from groups_sdk import AmbiguousMatchError, InvalidArgumentError, Plan, RoleChoiceError
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ROOT, PLUS, ASA = "root@example.com", "plus+snyk@example.com", "åsa.öberg@exämple.com"
ADMIN = ("Group Member", "Group Admin")


def world() -> FakeSnyk:
    fake = FakeSnyk()
    group = fake.add_group("Acme")
    fake.group_id = group.id
    roles = {name: fake.add_role(name) for name in ("Group Admin", "Group Member")}
    for email, role in ((ROOT, "Group Member"), (PLUS, "Group Member"), (ASA, "Group Admin")):
        user = fake.add_user(name=email.split("@")[0].title(), username=email, email=email)
        fake.add_membership(group.id, user.id, roles[role].id)
    return fake


async def planned(tmp_path: Path, name: str, content: bytes | str, **options: Any) -> Plan:
    fake = options.pop("fake", None) or world()
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    async with fake.async_client() as client:
        return await client.access.plan(fake.group_id, path, **options)


def promoted(plan: Plan) -> list[str | None]:
    assert all((c.before.name, c.role.name) == ADMIN for c in plan.role_changes if c.before and c.role)
    assert plan.not_in_snyk == plan.creates == ()
    return [change.user.email for change in plan.role_changes if change.user]


@pytest.mark.parametrize(
    ("name", "content", "people", "notes"),
    [
        pytest.param(
            "windows.csv",
            "\ufeffEMAIL,Role\r\n Root@Example.com ,Group Admin\r\n,,\r\n\r\nPlus+Snyk@EXAMPLE.com,GROUP admin \r\n",
            [ROOT, PLUS],
            (),
            id="UTF-8 with a mark, blank rows, case and spaces",
        ),
        pytest.param(
            "unicode.csv",
            codecs.BOM_UTF16_LE
            + f"Email\tRole\r\n{ROOT}\tGroup Admin\r\n{ASA}\tGroup Admin\r\n".encode("utf-16-le"),
            [ROOT],
            (),
            id="UTF-16 with tabs",
        ),
        pytest.param("tabs.tsv", f"role\temail\nGroup Admin\t{ROOT}\n", [ROOT], (), id="tabs"),
        pytest.param(
            "address.csv",
            f"Role;E-mail address\nGroup Admin;{ROOT}\n",
            [ROOT],
            (),
            id="semicolons and a synonym",
        ),
        pytest.param(
            "directory.csv",
            f"Display name,User principal name,Mail,Role\nRoot,{ROOT},{ROOT},Group Admin\n",
            [ROOT],
            ("the column Display name was ignored",),
            id="Entra ID",
        ),
        pytest.param(
            "people.csv",
            '"login","lastName","email","status","role"\n'
            f'"{ROOT}","R","{ROOT}","ACTIVE","Group Admin"\n"{PLUS}","P","{PLUS}","STAGED","Group Admin"\n',
            [ROOT, PLUS],
            ("the columns lastName, status were ignored",),
            id="Okta",
        ),
        pytest.param("logins.csv", f"login,role\n{ROOT},Group Admin\n", [ROOT], (), id="nothing but a login"),
        pytest.param(
            "book.csv",
            f'email,role\n"Root, the <{ROOT}>",Group Admin\n',
            [ROOT],
            (),
            id="a name with the address",
        ),
    ],
)
async def test_a_file_is_read_as_it_is_meant(
    name: str, content: bytes | str, people: list[str], notes: tuple[str, ...], tmp_path: Path
) -> None:
    plan = await planned(tmp_path, name, content)
    assert (promoted(plan), plan.notes) == (people, notes)


async def test_text_of_a_western_excel_is_read_with_a_note(tmp_path: Path) -> None:
    plan = await planned(tmp_path, "excel.csv", f"role;email\nGroup Member;{ASA}\n".encode("cp1252"))
    assert [str(change) for change in plan.changes] == [f"{ASA}: Group Admin -> Group Member"]
    (note,) = plan.notes
    assert note.startswith(f"{tmp_path / 'excel.csv'} is not UTF-8 and was read as cp1252; save it as UTF-8")


async def test_an_export_of_a_script_goes_by_its_ids(tmp_path: Path) -> None:
    fake = world()
    root, admin = member(fake, ROOT).user.id, next(r.id for r in fake.roles() if r.name == "Group Admin")
    rows = "username,user_id,role_name,role_id\n{},{},{},{}\n"
    plan = await planned(tmp_path, "s.csv", rows.format(ROOT, root, "group admin", admin), fake=fake)
    assert promoted(plan) == [ROOT]
    with pytest.raises(
        RoleChoiceError, match=r"line 2: the role is 'Group Member', but role_id is the id of 'Group Admin'"
    ):
        await planned(tmp_path, "s.csv", rows.format(ROOT, root, "Group Member", admin), fake=fake)
    with pytest.raises(
        AmbiguousMatchError, match="line 2: the identifiers of this row name different people"
    ):
        await planned(tmp_path, "s.csv", rows.format(PLUS, root, "Group Admin", admin), fake=fake)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("leer.csv", f"email,role\n{ROOT},\n", "line 2: the role is empty"),
        (
            "leer.csv",
            f"email,role\n{ROOT}, \n{PLUS},\n",
            "line 2: the role is empty; line 3: the role is empty",
        ),
        (
            "liste.csv",
            f"E-Mail;Rolle;Abteilung\n{ROOT};Group Admin;IT\n",
            r"no column names the role: there are 'E-Mail', 'Rolle', 'Abteilung'\. .* columns={\"email\": \"E-Mail\"",
        ),
        (
            "liste.csv",
            f"Adresse,Funktion\n{ROOT},Group Admin\n",
            "no column names the person or the role: there are 'Adresse', 'Funktion'.*columns=",
        ),
    ],
)
async def test_a_file_that_does_not_say_it_is_refused_with_its_row_or_its_headings(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        await planned(tmp_path, name, content)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


async def test_the_file_of_another_tool_is_refused_without_what_is_in_it(tmp_path: Path) -> None:
    orgs = [{"orgName": "Payments", "collaborators": ["bob@old.test"]}]
    people = [{"userEmail": "ann@old.test", "role": "Group Admin"}]
    document = {"groups": [{"groupName": "Acme", "members": people, "orgs": orgs}]}
    with pytest.raises(InvalidArgumentError) as caught:
        await planned(tmp_path, "membership.json", json.dumps(document))
    text = str(caught.value)
    assert "expected an object that gives each person a role, a list of objects" in text
    assert not any(word in text for word in ("old.test", "[(", "_Pairs", "\n"))


# Lists without roles


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", f"{ROOT}\n\n  {PLUS.upper()} \n"),
        ("list.csv", f"\ufeffRoot <{ROOT}>\r\n{PLUS}\r\n"),
        ("list.csv", f"Email\n{ROOT}\n{PLUS}\n"),
        ("list.csv", f"name;Mail\nRoot;{ROOT}\nPlus;{PLUS}\n"),
        ("list.json", json.dumps([ROOT, {"email": PLUS}])),
        ("list.jsonl", f'{{"email": "{ROOT}"}}\n"{PLUS}"\n'),
        ("list.yaml", f"- {ROOT}\n- username: {PLUS}\n"),
    ],
)
async def test_everybody_on_a_list_gets_the_one_role(name: str, content: str, tmp_path: Path) -> None:
    assert promoted(await planned(tmp_path, name, content, role="group admin")) == [ROOT, PLUS]
    with pytest.raises(InvalidArgumentError, match="role="):
        await planned(tmp_path, name, content)


async def test_a_list_goes_by_ids_and_the_role_by_its_id_too(tmp_path: Path) -> None:
    fake = world()
    ids = [member(fake, email).user.id for email in (ROOT, PLUS)]
    admin = next(role for role in fake.roles() if role.name == "Group Admin")
    plan = await planned(tmp_path, "l.txt", "\n".join(ids), fake=fake, role=admin.id)
    assert promoted(plan) == [ROOT, PLUS]
    async with fake.async_client() as client:
        assert promoted(await client.access.plan(fake.group_id, [ROOT, PLUS], role=admin.id)) == [ROOT, PLUS]
        sections = {"groups": {fake.group_id: [ROOT]}}
        assert promoted(await client.access.plan(None, sections, role="Group Admin")) == [ROOT]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "d.csv",
            f"email,Role\n{ROOT},\n",
            "the column 'Role' says the role of each person, and role= gives one to",
        ),
        ("d.csv", f"email,role_id\n{ROOT},\n", "the column 'role_id' says the role of each person"),
        ("d.jsonl", f'{{"email": "{ROOT}", "role_name": "x"}}', "the key 'role_name' says the role"),
        (
            "d.json",
            f'{{"{ROOT}": "Group Member"}}',
            "gives each person a role, and role= gives one to everybody",
        ),
        ("d.yaml", f"groups:\n  Acme:\n    {ROOT}: x\n", "gives each person a role, and role= gives"),
        ("d.csv", f"email,rolle\n{ROOT},x\n", "the column 'rolle' is not known; is it the role"),
        ("d.txt", "grace\nada\n", "no column names the person: there are 'grace'"),
        ("d.txt", f"{ROOT}\n{PLUS},Plus\n", "line 2: has 2 cells, and the lines before have one person each"),
        ("d.txt", f"{ROOT}\ntwo words\n", "line 2: 'two words' is not an email address"),
        ("d.txt", f"{ROOT}\n{ROOT.upper()}\n", "line 2: ROOT@EXAMPLE.COM is already in line 1"),
        ("d.json", f'["{ROOT}", 7]', "entry 2: must be an object"),
    ],
)
async def test_a_list_with_one_role_that_is_no_list_is_refused(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        await planned(tmp_path, name, content, role="Group Admin")


@pytest.mark.parametrize("role", ["", " ", 7])
async def test_the_one_role_must_be_a_role(role: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="a role must be a name, an id or a Role"):
        await planned(tmp_path, "l.txt", ROOT, role=role)
    with pytest.raises(RoleChoiceError, match="line 1: no member has a role named 'Owner'"):
        await planned(tmp_path, "l.txt", ROOT, role="Owner")


# email_column


async def test_the_column_of_the_email_can_be_named_alone(tmp_path: Path) -> None:
    content = f"Mail,E-Mail,role\n{ROOT},other@example.com,Group Admin\n"
    with pytest.raises(InvalidArgumentError, match="both give the email"):
        await planned(tmp_path, "d.csv", content)
    for options in ({}, {"columns": {"email": "Mail"}}, {"columns": {"role": "role"}}):
        plan = await planned(tmp_path, "d.csv", content, email_column="Mail", **options)
        assert (promoted(plan), plan.notes) == ([ROOT], ("the column E-Mail was ignored",))
    plan = await planned(tmp_path, "d.csv", f"Post\n{ROOT}\n", email_column="Post", role="Group Admin")
    assert promoted(plan) == [ROOT]
    with pytest.raises(
        InvalidArgumentError, match=r"email_column is 'Mail', but columns says .* 'E-Mail': give one"
    ):
        await planned(tmp_path, "d.csv", content, email_column="Mail", columns={"email": "E-Mail"})
    for name, people in (("l.txt", ROOT), ("l.csv", f"{ROOT}\n"), ("l.json", f'["{ROOT}"]')):
        with pytest.raises(
            InvalidArgumentError, match=r"the column 'Mail' is not there|columns is for tables and"
        ):
            await planned(tmp_path, name, people, email_column="Mail", role="Group Admin")
    for wrong in ("", 7):
        with pytest.raises(InvalidArgumentError, match="email_column must be the heading of a column"):
            await planned(tmp_path, "d.csv", content, email_column=wrong)
