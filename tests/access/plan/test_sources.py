"""Files as people have them, and what must come of each."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.extent import share

from groups_sdk import ConfigurationError, InvalidArgumentError
from groups_sdk.access._plan.desired import DesiredState, read_desired

ROLE = "602ac25b-f929-4a91-9f0a-ea68001d5229"
USER = "111b3025-829d-4eed-8dc3-78970722756e"
GROUP = "7c8d3b62-0a3d-4a1e-9a55-0d6f2ec0a6b1"


def read(tmp_path: Path, name: str, content: str | bytes, **options: Any) -> DesiredState:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_desired(path, **options)


def rows(state: DesiredState) -> list[tuple[Any, ...]]:
    return [(*member.names, *member.ids, member.role) for member in state.members]


# What programs write


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("excel.csv", b"\xef\xbb\xbfEmail,Role\r\nroot@example.com,Group Admin\r\n\r\n,,\r\n"),
        (
            "excel.txt",
            codecs.BOM_UTF16_LE + "email\trole\nroot@example.com\tGroup Admin\n".encode("utf-16-le"),
        ),
        ("big.csv", codecs.BOM_UTF16_BE + "email,role\nroot@example.com,Group Admin\n".encode("utf-16-be")),
        ("wide.csv", codecs.BOM_UTF32_LE + "email,role\nroot@example.com,Group Admin\n".encode("utf-32-le")),
        ("tabs.tsv", "email\trole\nroot@example.com\tGroup Admin\n"),
        ("SEMI.CSV", "Email Address;Role\nroot@example.com;Group Admin\n"),
        ("sep.csv", "sep=;\r\nemail;role\r\nroot@example.com;Group Admin\r\n"),
        ("sep.csv", '"SEP=|"\nemail|role\nroot@example.com|Group Admin\n'),
        ("mac.csv", "email,role\rroot@example.com,Group Admin\r"),
        ("order.csv", "role,E-Mail\nGroup Admin,root@example.com\n"),
        ("quoted.csv", '"Name, first";"email";role\n"Root, R";"root@example.com";Group Admin\n'),
        ("named.csv", 'email,role\n"Root <root@example.com>",Group Admin\n'),
        ("mailto.csv", "email,role\nmailto:root@example.com,Group Admin\n"),
        ("idp.csv", "User.Email,Role\nroot@example.com,Group Admin\n"),
        ("idp.csv", "userPrincipalName,displayName,role\nroot@example.com,Root <other@x.com>,Group Admin\n"),
        ("login.csv", "login,role\nroot@example.com,Group Admin\n"),
        ("trailing.csv", "email,role,\nroot@example.com,Group Admin,\n"),
        ("o.json", '{"root@example.com": "Group Admin"}'),
        ("o.json", b'\xef\xbb\xbf[{"email": "root@example.com", "role": "Group Admin"}]'),
        ("o.json", codecs.BOM_UTF16_LE + '{"root@example.com": "Group Admin"}'.encode("utf-16-le")),
        ("o.json", '[{"userEmail": "root@example.com", "roleName": "Group Admin"}]'),
        ("o.yaml", "root@example.com: Group Admin\n"),
        ("o.yml", "- email: root@example.com\n  role: Group Admin\n"),
        ("o.yml", "[{email: root@example.com, role: Group Admin}]"),
    ],
)
def test_each_way_to_write_it_down_means_the_same(name: str, content: str | bytes, tmp_path: Path) -> None:
    state = read(tmp_path, name, content)
    assert rows(state) == [("root@example.com", "Group Admin")]
    assert state.source == str(tmp_path / name)
    assert state.members[0].group is None


def test_email_and_login_are_both_names_of_the_person(tmp_path: Path) -> None:
    entra = "User principal name,Display name,Mail,Role\nroot@login.com,Root,root@example.com,Group Admin\n"
    state = read(tmp_path, "entra.csv", entra)
    assert rows(state) == [("root@example.com", "root@login.com", "Group Admin")]
    assert state.notes == ("the column Display name was ignored",)
    okta = (
        '"login","firstName","lastName","email","status","role"\n'
        '"Root@example.com","Root","R","root@example.com","ACTIVE","Group Admin"\n'
        '"plus@login.com","Plus","S","plus+snyk@example.com","ACTIVE","Group Member"\n'
    )
    state = read(tmp_path, "okta.csv", okta)
    assert rows(state) == [
        ("root@example.com", "Group Admin"),
        ("plus+snyk@example.com", "plus@login.com", "Group Member"),
    ]
    assert state.notes == ("the columns firstName, lastName, status were ignored",)
    state = read(tmp_path, "both.csv", "username,login,role\nroot,DOMAIN-root,Group Admin\n")
    assert (rows(state), state.notes) == ([("root", "Group Admin")], ("the column login was ignored",))


def test_text_of_a_western_windows_is_read_and_said_to_be(tmp_path: Path) -> None:
    state = read(tmp_path, "w.csv", "email;role\nåsa.öberg@exämple.com;Group Admin\n".encode("cp1252"))
    assert rows(state) == [("åsa.öberg@exämple.com", "Group Admin")]
    (note,) = state.notes
    assert "w.csv is not UTF-8 and was read as cp1252" in note


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"email,role\n\x81\xff,R\n", r"d\.csv: is not UTF-8 text; save it as UTF-8 \(in Excel: CSV UTF-8\)"),
        (b"PK\x03\x04\xff\xfe", "is not a text file"),
        ("email,role\n".encode("utf-16-le"), "is not a text file, or in an unusual encoding"),
        (codecs.BOM_UTF16_LE + b"a", "is damaged: it begins as UTF-16 text"),
        (codecs.BOM_UTF8 + b"\xff", "is damaged: it begins as UTF-8 text"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read(tmp_path, "d.csv", content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in {tmp_path / "gone.csv": "No such file", "a\x00b.csv": ".*null"}.items():
        with pytest.raises(InvalidArgumentError, match=f"csv: cannot be read: {reason}"):
            read_desired(path)
    with pytest.raises(
        InvalidArgumentError, match=r"d\.xlsx: the name must end in \.csv, .*, or file_format must say"
    ):
        read(tmp_path, "d.xlsx", "")


def test_rows_of_a_table_are_named_by_the_line_where_they_begin(tmp_path: Path) -> None:
    content = 'sep=,\n\nemail,role,notes\n\na@x.com,R,"two\nlines"\nb@x.com,R,\n'
    state = read(tmp_path, "d.csv", content)
    assert [member.where for member in state.members] == ["line 5", "line 7"]


# Which column is which


def test_a_heading_in_another_language_is_refused_and_can_be_said(tmp_path: Path) -> None:
    german = "E-Mail;Rolle\nroot@example.com;Group Admin\n"
    with pytest.raises(InvalidArgumentError) as caught:
        read(tmp_path, "german.csv", german)
    assert str(caught.value) == (
        f"{tmp_path / 'german.csv'}: no column names the role: there are 'E-Mail', 'Rolle'. Call them email (or "
        'username or user_id) and role, or say which is which: columns={"email": "E-Mail", "role": "..."}; '
        "or give everybody one role with role="
    )
    for columns in ({"email": "E-Mail", "role": "Rolle"}, {"role": "rolle"}):
        state = read(tmp_path, "german.csv", german, columns=columns)
        assert (rows(state), state.notes) == ([("root@example.com", "Group Admin")], ())
    turkish = "e.posta;rol;Mail\nroot@example.com;Group Admin;other@example.com\n"
    state = read(tmp_path, "tr.csv", turkish, columns={"email": "e.posta", "role": "rol"})
    assert (rows(state), state.notes) == (
        [("root@example.com", "Group Admin")],
        ("the column Mail was ignored",),
    )
    state = read(
        tmp_path,
        "logins.csv",
        "login;Konto;Role;Roles\nx;root;Group Admin;many\n",
        columns={"username": "Konto", "role": "Role"},
    )
    assert (rows(state), state.notes) == (
        [("root", "Group Admin")],
        ("the columns login, Roles were ignored",),
    )
    state = read(
        tmp_path, "keys.json", '[{"Konto": "root", "role": "Group Admin"}]', columns={"username": "Konto"}
    )
    assert rows(state) == [("root", "Group Admin")]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"mail": "Email"}, "columns: 'mail' is not one of email, username"),
        ({"email": 1}, "columns: the heading of email must be text; got 1"),
        ({"email": "Adresse"}, "the column 'Adresse' is not there; there are: 'Email', 'Role', 'Role'"),
        ({"role": "role"}, "the column 'role' is there more than once"),
    ],
)
def test_columns_that_are_not_there_are_named(columns: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read(tmp_path, "d.csv", "Email,Role,Role\n", columns=columns)


def test_columns_are_for_what_has_columns(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="columns is for tables and lists of objects only"):
        read(tmp_path, "d.json", '{"a@x.com": "R"}', columns={"role": "x"})
    with pytest.raises(InvalidArgumentError, match="columns is for tables"):
        read(tmp_path, "d.jsonl", '{"format": "groups_sdk.review"}', columns={"role": "x"})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", "", "there are no columns: the first line must name email"),
        ("d.csv", "\n,\n", "there are no columns"),
        (
            "d.csv",
            "root@example.com,Group Admin\n",
            "no column names the person or the role: there are 'root@ex",
        ),
        ("d.csv", "name,role\n", "no column names the person: there are 'name', 'role'"),
        ("d.csv", ",".join(f"c{n}" for n in range(14)), "'c11' and 2 more"),
        (
            "d.csv",
            "email,role,E-Mail\n",
            "the columns 'email' and 'E-Mail' both give the email; rename or remove",
        ),
        ("d.csv", "email,role,Mail\n", "both give the email"),
        ("d.csv", "email,role,prune\n", "the column 'prune' is not supported: remove it"),
        (
            "d.csv",
            "email,role,Valid Until,expires\n",
            "the columns 'Valid Until' and 'expires' both give the until",
        ),
        ("d.csv", "email,role,untill\n", "the column 'untill' is not known; is it the until"),
        ("d.csv", "email,role,expire\n", "the column 'expire' is not known; is it the until"),
        ("d.csv", "email,role,then_idd\n", "the column 'then_idd' is not known; is it the then_id"),
        (
            "d.csv",
            "email,role,Ablaufdatum\n",
            '\'Ablaufdatum\' may say when the access ends; if so, say it: columns={"until": "Ablaufdatum"}; otherw',
        ),
        ("d.csv", "email,role,Gültig bis\n", "the column 'Gültig bis' may say when"),
        ("d.csv", "user_id,role,emial\n", "the column 'emial' is not known; is it the email"),
        ("d.csv", "email,role,rolle_id\n", "the column 'rolle_id' is not known; is it the role_id"),
        ("d.json", '[{"email": "a@x.com", "role": "R", "untill": "2026"}]', "the key 'untill' is not known"),
        (
            "d.json",
            '[{"email": "a@x.com", "role": "R", "end_date": "2026"}]',
            "the key 'end_date' may say when",
        ),
        (
            "d.yaml",
            "[{mail: a@x.com, email: b@x.com, role: R}]",
            "the keys 'mail' and 'email' both give the email",
        ),
        (
            "d.json",
            '[{"email": "a@x.com", "rolle": "R"}]',
            "no key names the role: there are 'email', 'rolle'",
        ),
    ],
)
def test_headings_that_cannot_be_understood_are_named(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        read(tmp_path, name, content)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_what_is_ignored_is_said(tmp_path: Path) -> None:
    state = read(tmp_path, "d.csv", "email,role,Department,Shoe size,manager email\na@x.com,R,x,43,m@x.com\n")
    assert state.notes == ("the columns Department, Shoe size, manager email were ignored",)
    state = read(
        tmp_path, "d.json", '[{"email": "a@x.com", "role": "R"}, {"email": "b@x.com", "role": "R", "x": 1}]'
    )
    assert state.notes == ("the key x was ignored",)


# Documents


def test_sections_are_groups(tmp_path: Path) -> None:
    for name, content in {
        "d.json": f'{{"groups": {{"Payments": {{"a@x.com": "R"}}, "{GROUP}": [{{"email": "b@x.com", "role": "S"}}]}}}}',
        "d.yaml": f"groups:\n  Payments:\n    a@x.com: R\n  {GROUP}:\n  - email: b@x.com\n    role: S\n",
    }.items():
        state = read(tmp_path, name, content)
        assert rows(state) == [("a@x.com", "R"), ("b@x.com", "S")]
        assert [member.group for member in state.members] == ["Payments", GROUP]
        assert [member.where for member in state.members] == [
            "group 'Payments', entry 1",
            f"group '{GROUP}', entry 1",
        ]
    state = read_desired({"groups": {"Payments": {"a@x.com": "R"}}})
    assert [(m.group, m.where) for m in state.members] == [("Payments", "group 'Payments', 'a@x.com'")]
    assert rows(read_desired({"groups": "Group Admin"})) == [("groups", "Group Admin")], "somebody's username"
    with pytest.raises(InvalidArgumentError, match="a group must be named by its name or id"):
        read_desired({"groups": {" ": {"a@x.com": "R"}}})


EXPECTED = (
    'expected an object that gives each person a role, a list of objects with "email" and "role", or '
    '{"groups": {...}} with one of these for each group'
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "d.json",
            '{"groups": [{"groupName": "Acme", "members": [{"userEmail": "ann@old.test"}], "orgs": []}]}',
        ),
        ("d.json", '{"groups": {"Acme": "ann@old.test"}}'),
        ("d.json", '{"users": [{"email": "ann@old.test"}]}'),
        ("d.json", '{"ann@old.test": {"role": "R"}}'),
        ("d.json", "7"),
        ("d.json", '"ann@old.test"'),
        ("d.yaml", ""),
        ("d.yaml", "ann@old.test"),
        ("d.yaml", "users: [ann@old.test]"),
    ],
)
def test_the_file_of_another_tool_is_refused_in_one_sentence(name: str, content: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read(tmp_path, name, content)
    assert str(caught.value) == f"{tmp_path / name}: {EXPECTED}"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.json", "{", "is not JSON: "),
        ("d.json", "[" * 100_000, "is not JSON: "),
        ("d.json", '["a@x.com"]', r'entry 1: must be an object with "email" \(or "user_id"\) and "role"'),
        ("d.json", "[{}]", "entry 1: is empty"),
        (
            "d.json",
            '[{"email": "a@x.com", "email": "b@x.com", "role": "R"}]',
            "entry 1: has the same key twice",
        ),
        ("d.json", '{"a@x.com": "R", "A@x.com": "S"}', "entry 2: A@x.com is already in entry 1"),
        ("d.json", '{"a@x.com": "R", "a@x.com": "R"}', "entry 2: a@x.com is already in entry 1"),
        ("d.json", '{"a@x.com": 7}', "entry 1: the role must be text; got int"),
        ("d.json", '{"a@x.com": null}', "entry 1: the role is empty"),
        ("d.json", '[{"email": 7, "role": "R"}]', "entry 1: the email must be text; got int"),
        (
            "d.json",
            '[{"email": {"a": "a@x.com"}, "role": "R"}]',
            "entry 1: the email must be text; got more than one value",
        ),
        ("d.json", '[{"email": "a@x.com", "role": ["R"]}]', "the role must be text; got more than one"),
        ("d.yaml", "a@x.com: R\na@x.com: R\n", "entry 2: a@x.com is already in entry 1"),
        ("d.yaml", "- {email: a@x.com, email: b@x.com, role: R}", "entry 1: has the same key twice"),
        ("d.yaml", "a@x.com: yes\n", "entry 1: the role must be text; got bool"),
        ("d.yaml", "on: R\n", "entry 1: the person must be text; got bool"),
        ("d.yaml", "- {1: 2}\n", "entry 1: must be an object with"),
        ("d.yaml", "a@x.com: [R\n", "is not YAML: line 2: "),
        (
            "d.yaml",
            "a@x.com: !!python/object:os.system R\n",
            "is not YAML: line 1: could not determine a constr",
        ),
        ("d.yaml", "a@x.com: R\n---\nb@x.com: R\n", "is not YAML: line 2: but found another document"),
        ("d.yaml", "[" * 10_000, "is not YAML: it cannot be understood"),
        ("d.yaml", "a: \x07", "is not YAML: special characters are not allowed"),
        ("d.csv", 'email,role\n"a@x.com,R\n', "line 2: unexpected end of data"),
        ("d.csv", "email,role\na@x.com,R\nb@x.com,R,more\n", "line 3: has 3 cells for 2 columns"),
        ("d.csv", f"email,role\na@x.com,{'R' * 200_000}\n", "line 2: field larger than field limit"),
        ("d.csv", f"{'email' * 100_000},role\n", "line 1: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        read(tmp_path, name, content)


PIECES = [
    "email",
    "role",
    "user_id",
    USER,
    "a@x.com",
    "\n",
    ",",
    ";",
    '"',
    "sep=",
    "{",
    "}",
    "[",
    "]",
    ":",
    " ",
    "- ",
    "&a",
    "*a",
]


@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.sampled_from(PIECES), max_size=20).map(lambda pieces: "".join(pieces).encode()),
    ),
    st.sampled_from(["csv", "tsv", "json", "yaml", "jsonl"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=share(300))
def test_whatever_is_in_a_file_it_is_read_or_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    try:
        state = read(tmp_path, f"d.{suffix}", content)
    except InvalidArgumentError as error:
        assert str(error).startswith(str(tmp_path))
    else:
        assert all(member.who and member.role for member in state.members)


def test_yaml_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match=r'd\.yaml: YAML needs .* pip install "groups-sdk\[yaml\]"'):
        read(tmp_path, "d.yaml", "a@x.com: R\n")


def test_python_objects_are_read_as_files_are() -> None:
    state = read_desired([{"email": "a@x.com", "role": "R"}, {"user_id": USER.upper(), "role_id": ROLE}])
    assert rows(state) == [("a@x.com", "R"), (USER, ROLE)]
    assert (state.source, [member.where for member in state.members]) == ("desired", ["entry 1", "entry 2"])
    assert rows(read_desired({"email": a, "role": "R"} for a in ("a@x.com", "b@x.com"))) == [
        ("a@x.com", "R"),
        ("b@x.com", "R"),
    ]
    assert read_desired([]).members == read_desired({}).members == ()
    for wrong in (7, b"email,role", None):
        with pytest.raises(
            InvalidArgumentError, match="desired must be a mapping, rows, a path or an open file; got "
        ):
            read_desired(wrong)  # type: ignore[arg-type] # which is the point
