"""What this package writes goes back into a plan as it is, and changes nothing: exports, reviews, listings."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.jobs import BOTH, Jobs
from support.worlds import ABE, ABE_LOGIN, ROOT, group_of, member

from groups_sdk import InvalidArgumentError, Plan, PlanError, Review
from groups_sdk.access._csv_escaping import escaped
from groups_sdk.cli._summary import print_document
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

TWIN = "twin@mail.test"


def world() -> FakeSnyk:
    """Members with names that files cannot say, two accounts under one address, and two roles of one name."""
    fake = group_of(
        (ABE, ABE_LOGIN),
        ("odd one <a@b.test>", '=cmd("x")'),
        (TWIN, "twin1"),
        (TWIN, "twin2", "Group Viewer"),
    )
    fake.add_membership(
        fake.group_id, fake.add_user(email="last@mail.test").id, fake.add_role("Group Member").id
    )
    return fake


def listed(fake: FakeSnyk) -> list[dict[str, Any]]:
    """The records of a listing, as the command `members` prints them."""
    return [
        {
            "email": m.user.email,
            "name": m.user.name,
            "username": m.user.username,
            "role": m.role.name,
            "login_method": None,
            "member_since": "2025-11-05T10:00:00+00:00",
            "user_id": m.user.id,
            "role_id": m.role.id,
            "membership_id": m.id,
        }
        for m in fake.memberships(fake.group_id)
    ]


def reviewed(fake: FakeSnyk) -> list[dict[str, Any]]:
    """The records of a review, as the command `review` prints them."""
    more = {"sso": None, "organizations": "Web (Admin)", "org_error": None}
    return [{**record, **more} for record in listed(fake)]


def as_csv(records: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(records[0])
    writer.writerows([escaped("" if v is None else str(v)) for v in record.values()] for record in records)
    return text.getvalue()


def as_json(records: list[dict[str, Any]]) -> str:
    return json.dumps(records, indent=2)


def as_lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


FORMS = {"csv": as_csv, "json": as_json, "jsonl": as_lines}


def document(fake: FakeSnyk, **changed: Any) -> str:
    """A review as one JSON document, as the command `review` prints it."""
    members = reviewed(fake)
    whole = {
        "group": {"id": fake.group_id, "name": "Acme"},
        "reviewed_at": "2025-11-05T10:00:00+00:00",
        "totals": {"members": len(members), "by_role": {"Group Admin": 1}},
        "members": members,
        "differences": [{"difference": "added", "email": "gone@mail.test", "role": "Group Admin"}],
        **changed,
    }
    return json.dumps(whole, indent=2)


async def planned(fake: FakeSnyk, file: Any, group: bool = True, **options: Any) -> Plan:
    async with fake.async_client() as client:
        return await client.access.plan(fake.group_id if group else None, file, **options)


def assert_empty(plan: Plan, members: int = 6) -> None:
    assert (plan.changes, plan.not_in_snyk, len(plan.unchanged), plan.notes) == ((), (), members, ())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("records", [listed, reviewed])
async def test_a_listing_of_everybody_changes_nothing(
    form: str, records: Callable[[FakeSnyk], list[dict[str, Any]]], tmp_path: Path
) -> None:
    fake = world()
    text = FORMS[form](records(fake))
    path = tmp_path / f"members.{form}"
    path.write_text(text)
    for file in (path, io.StringIO(text), io.StringIO(text)):
        assert_empty(await planned(fake, file, prune=True))


async def test_a_review_in_one_document_changes_nothing_and_knows_its_group(tmp_path: Path) -> None:
    fake = world()
    for text in (document(fake), document(fake, group=None, totals=None), document(fake, group={"id": " "})):
        assert_empty(await planned(fake, io.StringIO(text), prune=True))
    assert_empty(await planned(fake, io.StringIO(document(fake)), group=False))
    other = fake.add_group("Other")
    with pytest.raises(
        InvalidArgumentError, match=f"entry 1: is for the group '{fake.group_id}', not {other.id}"
    ):
        async with fake.async_client() as client:
            await client.access.plan(other.id, io.StringIO(document(fake)))


async def test_a_review_in_one_document_that_is_not_whole_is_refused() -> None:
    fake = world()
    for wrong in (document(fake, members=reviewed(fake)[:-1]), document(fake, totals={"members": "6"})):
        with pytest.raises(
            InvalidArgumentError, match=r"is not a complete review: it counts '?6'? members and lists"
        ):
            await planned(fake, io.StringIO(wrong))


@pytest.mark.parametrize("form", ["json", "yaml", "mapping", "jsonl", "csv"])
async def test_a_review_with_unreadable_records_is_refused_in_every_form(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = world()
    broken = fake.memberships(fake.group_id)[-1]
    fake.alter_record(broken.id, "attributes.created_at", "yesterday")
    async with fake.async_client() as client:
        review = await client.access.review(fake.group_id).collect()
    assert len(review.unreadable) == 1
    file = io.StringIO(newline="")
    desired: Any = file
    options: dict[str, Any] = {"file_format": form}
    if form in ("csv", "jsonl"):
        (review.to_csv if form == "csv" else review.to_jsonl)(file)
    else:
        print_document(review, None)
        file.write(text := capsys.readouterr().out)
        if form == "mapping":
            desired, options = json.loads(text), {}
    if form != "mapping":
        file.seek(0)
    fake.alter_record(broken.id, "attributes.created_at", "2025-11-05T10:00:00Z")
    with pytest.raises(InvalidArgumentError, match="the review could not read"):
        await planned(fake, desired, prune=True, cascade=True, **options)


@pytest.mark.parametrize(
    "changed", [{"unreadable": [{"id": "1"}]}, {"totals": {"unreadable": 2}}, {"unreadable": {"id": "1"}}]
)
async def test_a_review_that_counts_or_lists_unreadable_records_is_refused(changed: dict[str, Any]) -> None:
    fake = world()
    with pytest.raises(InvalidArgumentError, match="the review could not read"):
        await planned(fake, io.StringIO(document(fake, **changed)), prune=True)
    whole = document(fake, totals={"unreadable": 0}, unreadable=[])
    assert_empty(await planned(fake, io.StringIO(whole), prune=True))


@BOTH
@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "yaml"])
async def test_an_export_goes_back_by_path_and_by_stream(kind: str, form: str, tmp_path: Path) -> None:
    fake = world()
    path, stream = tmp_path / f"desired.{form}", io.StringIO(newline="")
    async with Jobs(fake, kind) as jobs:
        result = await jobs("export", fake.group_id, path)
        assert (result.path, result.rows) == (str(path), 6)
        result = await jobs("export", fake.group_id, stream, file_format=form)
        assert (result.path, result.rows, str(result)) == ("the open file", 6, "the open file: 6 members")
        assert stream.getvalue() == path.read_bytes().decode("utf-8-sig")
        for file in (path, io.StringIO(stream.getvalue(), newline=""), io.BytesIO(path.read_bytes())):
            plan = await jobs("plan", fake.group_id, file, prune=True)
            assert (plan.changes, plan.not_in_snyk, len(plan.unchanged), plan.notes) == ((), (), 6, ())


@pytest.mark.parametrize("form", ["csv", "jsonl"])
async def test_a_review_goes_back_by_stream(form: str, tmp_path: Path) -> None:
    fake = world()
    text = io.StringIO(newline="")
    async with fake.async_client() as client:
        review: Review = await client.access.review(fake.group_id).collect()
    (review.to_csv if form == "csv" else review.to_jsonl)(text)
    assert_empty(await planned(fake, io.StringIO(text.getvalue(), newline=""), group=False, prune=True))


# Listings of some members only


@pytest.mark.parametrize("form", FORMS)
async def test_a_listing_of_some_members_is_never_taken_for_everybody(form: str) -> None:
    fake = world()
    some = [record for record in listed(fake) if record["role"] != "Group Admin"]
    text = FORMS[form](some)
    with pytest.raises(
        PlanError, match=r"is a listing of members and may not have all of them: 1 of the 6 members of Acme"
    ) as caught:
        await planned(fake, io.StringIO(text), prune=True, max_removals=6)
    assert caught.value.entries == (f"remove {ROOT} (Group Admin)",)
    plan = await planned(fake, io.StringIO(text))
    assert (plan.changes, plan.not_mentioned) == ((), 1)


async def test_who_is_protected_stays_whatever_the_listing_says() -> None:
    fake = world()
    some = [record for record in listed(fake) if record["email"] != ROOT]
    plan = await planned(fake, io.StringIO(as_csv(some)), prune=True, protect=[ROOT])
    assert (plan.changes, plan.not_mentioned) == ((), 1)


async def test_a_review_that_was_edited_prunes(tmp_path: Path) -> None:
    fake = world()
    some = [record for record in reviewed(fake) if record["email"] != "last@mail.test"]
    plan = await planned(fake, io.StringIO(as_csv(some)), prune=True)
    assert [str(change) for change in plan.removals] == ["remove last@mail.test (Group Member)"]


async def test_a_listing_that_was_edited_sets_roles() -> None:
    fake = world()
    records = listed(fake)
    edited = next(record for record in records if record["email"] == ABE)
    edited |= {"role": "Group Viewer", "role_id": None}
    plan = await planned(fake, io.StringIO(as_json(records)))
    assert [str(change) for change in plan.changes] == [f"{ABE}: Group Member -> Group Viewer"]
    edited["role_id"] = member(fake, ABE).role.id
    with pytest.raises(
        InvalidArgumentError, match="entry 2: the role is 'Group Viewer', but role_id is the id of"
    ):
        await planned(fake, io.StringIO(as_json(records)))


# What is not known, in every form


def row_with(**more: str) -> list[dict[str, Any]]:
    return [{"email": ROOT, "role": "Group Admin"}, {"email": ABE, "role": "Group Member", **more}]


NESTED: dict[str, Callable[[list[dict[str, Any]]], str]] = {
    **FORMS,
    "sections": lambda rows: json.dumps({"groups": {"Acme": rows[:1], "acme": rows[1:]}}),
    "members": lambda rows: json.dumps({"members": rows}),
}


def complete(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]


@pytest.mark.parametrize("form", NESTED)
async def test_what_is_unknown_is_noted_once_and_near_misses_are_refused(form: str) -> None:
    fake = group_of((ABE, ABE_LOGIN))
    noun = "column" if form == "csv" else "key"
    rows = complete(row_with(team="x", shoe_size="43"))
    plan = await planned(fake, io.StringIO(NESTED[form](rows)))
    assert (plan.changes, plan.notes) == ((), (f"the {noun}s team, shoe_size were ignored",))
    for near, field in (("user_idd", "user_id"), ("grup", "group"), ("untill", "until")):
        with pytest.raises(
            InvalidArgumentError, match=f"the {noun} '{near}' is not known; is it the {field}"
        ):
            await planned(fake, io.StringIO(NESTED[form](complete(row_with(**{near: "x"})))))
    for reserved, near in (("action", "acton"), ("ensure", "ensures")):
        with pytest.raises(
            InvalidArgumentError, match=f"the {noun} {reserved!r} is not supported: remove it"
        ):
            await planned(fake, io.StringIO(NESTED[form](complete(row_with(**{reserved: "x"})))))
        with pytest.raises(
            InvalidArgumentError, match=f"the {noun} {near!r} is not known, and {reserved!r} is not supported"
        ):
            await planned(fake, io.StringIO(NESTED[form](complete(row_with(**{near: "x"})))))


@pytest.mark.parametrize("suffix", ["json", "yaml"])
async def test_what_is_unknown_beside_the_parts_of_a_document_follows_the_same_rule(
    suffix: str, tmp_path: Path
) -> None:
    fake = group_of((ABE, ABE_LOGIN))
    path = tmp_path / f"d.{suffix}"
    sections = {"Acme": {ABE: "Group Member"}}
    rows = [{"email": ABE, "role": "Group Member", "shoe": 43}]
    for beside, notes in (
        ({"groups": sections, "owner": "x"}, ("the key owner was ignored",)),
        ({"groups": {"Acme": rows}, "owner": "x", "v": 1}, ("the keys owner, v, shoe were ignored",)),
        ({"members": rows, "owner": "x"}, ("the keys owner, shoe were ignored",)),
    ):
        path.write_text(json.dumps(beside))
        plan = await planned(fake, path)
        assert (plan.changes, len(plan.unchanged), plan.notes) == ((), 1, notes)
    for wrong, message in (
        ({"groups": sections, "grousp": {}}, "the key 'grousp' is not known; is it 'groups'"),
        ({"members": rows, "membres": []}, "the key 'membres' is not known; is it 'members'"),
        ({"grups": sections}, "the key 'grups' is not known; is it 'groups'"),
        ({"member": rows}, "the key 'member' is not known; is it 'members'"),
        ({"groups": sections, ROOT: "Group Admin"}, "expected an object that gives each person a role"),
        ({"groups": sections, fake.group_id: {}}, "expected an object that gives each person a role"),
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(InvalidArgumentError, match=message):
            await planned(fake, path)
    path.write_text('{"groups": {"Acme": []}, "groups": {"Acme": []}}')
    with pytest.raises(InvalidArgumentError, match="has the same key twice"):
        await planned(fake, path)
