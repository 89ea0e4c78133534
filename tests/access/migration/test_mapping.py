"""Mappings of old accounts to new ones, as they are written down, and the rule for a whole domain."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.worlds import group_of

from groups_sdk import ConfigurationError, InvalidArgumentError
from groups_sdk.access._listing import list_members
from groups_sdk.access._migration.mapping import Domains, domains_of, pairs_by_domain, read_mapping
from groups_sdk.access._people import Identity

ADA, NEW = "ada@old.test", "ada@new.test"
ID = "11111111-1111-4111-8111-111111111111"
PAIRS = [(ADA, NEW), ("bob@old.test", ID)]


def read(mapping: Any, **options: Any) -> list[tuple[str, str]]:
    pairs, _ = read_mapping(mapping, **options)
    return [(str(pair.old), str(pair.new)) for pair in pairs]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", f"old,new\n{ADA},{NEW}\n\nbob@old.test,{ID}\n"),
        ("m.tsv", f"Old Email\tNew Email\n{ADA}\t{NEW}\nbob@old.test\t{ID}\n"),
        ("m.csv", f"sep=;\nname;from;to\nAda;{ADA};{NEW}\nBob;bob@old.test;{ID}\n"),
        ("m.json", f'{{"{ADA}": "{NEW}", "bob@old.test": "{ID}"}}'),
        ("m.json", f'[{{"old": "{ADA}", "new": "{NEW}"}}, {{"old": "bob@old.test", "new": "{ID}"}}]'),
        ("m.jsonl", f'{{"old": "{ADA}", "new": "{NEW}"}}\n{{"old": "bob@old.test", "new": "{ID}"}}\n'),
        ("m.yaml", f"{ADA}: {NEW}\nbob@old.test: {ID}\n"),
        ("m.yml", f"- {{old: {ADA}, new: {NEW}}}\n- {{old: bob@old.test, new: {ID}}}\n"),
    ],
)
def test_a_mapping_is_read_from_files_of_all_formats(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    assert read(path) == read(str(path)) == PAIRS
    assert read(io.StringIO(text)) == PAIRS  # by its content
    file_format: Any = {"tsv": "csv", "yml": "yaml"}.get(name[2:], name[2:])
    assert read(io.BytesIO(text.encode()), file_format=file_format) == PAIRS


def test_a_mapping_is_read_from_objects() -> None:
    assert read({f"Ada <{ADA}>": f" {NEW} ", "bob@old.test": ID}) == PAIRS
    assert read([{"old": ADA, "new": NEW}, {"old": "bob@old.test", "new": ID}]) == PAIRS


def test_one_row_is_no_mapping() -> None:
    with pytest.raises(InvalidArgumentError, match=r"is one row: put it into a list"):
        read({"old": ADA, "new": NEW})


def test_other_columns_and_guesses_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(f"old,new,Büro\n{ADA},{NEW},Köln\n".encode("cp1252"))
    _, notes = read_mapping(path)
    assert "cp1252" in notes[0]
    assert notes[1] == "the column Büro was ignored"


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({}, "there is nobody in it"),
        ([], "there is nobody in it"),
        ({ADA: ADA.upper()}, "is both the old and the new account"),
        ({ADA: NEW, "bob@old.test": NEW}, "ada@new.test is already in 'ada@old.test'"),
        ({ADA: "bob@old.test", "bob@old.test": NEW}, "bob@old.test is already in 'ada@old.test'"),
        ([{"old": ADA, "new": NEW}, {"old": ADA, "new": ID}], "entry 2: ada@old.test is already in entry 1"),
        ({ADA: ""}, "'ada@old.test': the new account is missing"),
        ({ADA: None}, "the new account is missing"),
        ({ADA: 5}, "the new account must be an email address"),
        ({ADA: "a b"}, "the new account: 'a b' is not an email address"),
        ({5: NEW}, "the old account must be"),
        ([{"old": ADA}], "no key names the new account: call it 'new'; there are 'old'"),
        ([{"old": ADA, "new": NEW, "to": NEW}], "several keys name the new account"),
        ([{"email": ADA, "role": NEW}], "no key names the old account"),
        ([ADA], "must be an object"),
        ({"groups": {"g": {ADA: NEW}}}, "a mapping is for one group"),
        (b"old,new", "mapping must be a mapping, rows, a path or an open file; got bytes"),
        (7, "mapping must be"),
        ({f"a{n}@old.test": "" for n in range(12)}, "; and 2 more"),
    ],
)
def test_a_mapping_that_is_not_valid_is_refused(mapping: Any, problem: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        read_mapping(mapping)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("mapping")


def test_a_file_that_is_not_valid_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"{ADA},{NEW}\n")
    with pytest.raises(InvalidArgumentError, match=r"m\.csv: no column names the old account"):
        read_mapping(path)
    path.write_text(f"old,new\n{ADA},\n")
    with pytest.raises(InvalidArgumentError, match=r"m\.csv: line 2: the new account is missing"):
        read_mapping(path)
    with pytest.raises(InvalidArgumentError, match="file_format is for files only"):
        read_mapping({ADA: NEW}, file_format="csv")


def test_yaml_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ConfigurationError, match="PyYAML"):
        read_mapping(io.StringIO(f"{ADA}: {NEW}\n"), file_format="yaml")


@pytest.mark.parametrize(
    "domain", ["", " ", None, 5, "a@b.test", "*.test", "a b", ".test", "old.", "a..b", "a/b"]
)
def test_what_is_no_domain_is_refused(domain: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="from_domain must be a whole domain"):
        domains_of(domain, "new.test")
    with pytest.raises(InvalidArgumentError, match="to_domain must be a whole domain"):
        domains_of("old.test", domain)


def test_domains_are_compared_as_addresses_are() -> None:
    assert domains_of(" @Old.test", "new.test ") == Domains("Old.test", "new.test")
    with pytest.raises(InvalidArgumentError, match="are the same"):
        domains_of("old.test", "@OLD.test")


def test_exactly_the_domain_is_meant_and_what_looks_like_it_is_noted() -> None:
    fake = group_of(
        ("Ada@OLD.test", "ada"),
        ("bob@mail.test", "bob@old.test"),
        ("eve@old.test", "E.V@old.test"),
        ("same@old.test", "SAME@old.test"),
        ("sub@x.old.test", "sub@old.test.x"),
        ("almost@xold.test", "old.test"),
        ("fake@\u043eld.test", "fake"),
    )

    async def look() -> Any:
        async with fake.async_client() as client:
            return await list_members(client, fake.group_id)

    listing = anyio.run(look)
    pairs, notes = pairs_by_domain(listing, domains_of("old.test", "new.test"))
    assert [(pair.old, pair.new) for pair in pairs] == [
        (Identity(names=("Ada@OLD.test",)), Identity(names=("Ada@new.test",))),
        (Identity(names=("bob@old.test",)), Identity(names=("bob@new.test",))),
        (
            Identity(names=("eve@old.test", "E.V@old.test")),
            Identity(names=("eve@new.test", "E.V@new.test")),
        ),
        (Identity(names=("same@old.test", "SAME@old.test")), Identity(names=("SAME@new.test",))),
    ]
    (note,) = notes
    assert note.endswith("is left alone: the domain of the address only looks like old.test")
