"""The public classes as types that pydantic knows."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Generic, TypeVar

import attrs
import jsonschema_rs
import pytest
from support.examples import EXAMPLES, MEMBERSHIP, PAGE, REMOVAL

from groups_sdk import Group, GroupMembership, Page, RequestTimeoutError, User
from groups_sdk._serialization import Document
from groups_sdk.access import Outcome, Plan, Status

pydantic = pytest.importorskip("pydantic", minversion="2.9", reason="the models need no pydantic")
NAMED = [pytest.param(example, id=type(example).__name__) for example in EXAMPLES]


def adapter(type_: Any) -> Any:
    return pydantic.TypeAdapter(type_)


@pytest.mark.parametrize("example", NAMED)
def test_every_class_is_validated_written_and_described(example: Any) -> None:
    types = adapter(type(example))
    assert types.validate_python(example) is example
    document = json.loads(types.dump_json(example))
    assert document == example.to_dict() == types.dump_python(example)
    assert types.validate_json(json.dumps(document)) == example
    for mode in ("validation", "serialization"):
        schema = types.json_schema(mode=mode)
        assert schema["title"] == type(example).__name__
        assert schema["description"]
        assert schema["properties"].keys() == document.keys()
        jsonschema_rs.validator_for(schema).validate(document)
        assert not jsonschema_rs.is_valid(schema, {**document, "unknown": 1})


def test_the_schema_says_formats_choices_and_what_is_required() -> None:
    schema = adapter(Outcome).json_schema()
    assert schema["required"] == ["change", "status"]
    assert schema["$defs"]["Change"]["properties"]["action"] == {"$ref": "#/$defs/Action"}
    assert schema["$defs"]["Action"]["enum"] == ["add", "set_role", "remove", "delete_account"]
    error, nothing = schema["properties"]["error"]["anyOf"]
    assert nothing == {"type": "null"}
    assert error["required"] == ["type", "message", "status_code", "request_id", "maybe_applied", "applied"]
    membership = adapter(GroupMembership).json_schema()
    assert membership["properties"]["created_at"]["anyOf"] == [
        {"format": "date-time", "type": "string"},
        {"type": "null"},
    ]
    assert membership["properties"]["user"] == {"$ref": "#/$defs/User"}
    plan = adapter(Plan).json_schema()
    assert plan["properties"]["format"]["const"] == "groups_sdk.plan"
    assert "max_removals" not in plan["required"]


def test_what_is_wrong_is_a_validation_error_that_names_the_path() -> None:
    with pytest.raises(
        pydantic.ValidationError, match=r"Value error, GroupMembership: user\.email: must be a string"
    ):
        adapter(GroupMembership).validate_python({**MEMBERSHIP.to_dict(), "user": {"id": "u", "email": 3}})


def test_they_are_fields_of_models() -> None:
    class Ticket(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        member: GroupMembership
        outcomes: list[Outcome]
        groups: dict[str, Group] | None = None

    late = RequestTimeoutError("late", operation="deleteGroupMembership", method="DELETE")
    ticket = Ticket(
        member=MEMBERSHIP, outcomes=[Outcome(REMOVAL, Status.UNKNOWN, late)], groups={"a": Group("g")}
    )
    assert ticket.member is MEMBERSHIP
    again = Ticket.model_validate_json(ticket.model_dump_json())
    assert again == ticket
    assert again.outcomes[0].error.maybe_applied
    assert set(Ticket.model_json_schema()["$defs"]) >= {
        "GroupMembership",
        "Outcome",
        "Change",
        "Group",
        "User",
    }


def test_pages_of_different_items_have_schemas_of_their_own() -> None:
    class Both(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        members: Page[GroupMembership]
        groups: Page[Group]
        anything: Page  # type: ignore[type-arg]

    both = Both(members=PAGE, groups=Page([Group("g")], None, None, {}), anything=Page([3], None, None, {}))
    assert Both.model_validate_json(both.model_dump_json()) == both
    pages = {name: s for name, s in Both.model_json_schema()["$defs"].items() if name.startswith("Page")}
    assert pages["Page_GroupMembership_"]["properties"]["items"]["items"] == {
        "$ref": "#/$defs/GroupMembership"
    }
    assert pages["Page_Group_"]["properties"]["items"]["items"] == {"$ref": "#/$defs/Group"}
    assert pages["Page"]["properties"]["items"]["items"] == {}
    with pytest.raises(pydantic.ValidationError, match=r"Page: items\[0\].created_at: is missing"):
        Both.model_validate_json(both.model_dump_json().replace('"created_at"', '"x"'))


def test_errors_in_lists_are_dicts_too() -> None:
    T = TypeVar("T")

    @attrs.frozen
    class Report(Document, Generic[T]):
        """A report."""

        problems: tuple[RequestTimeoutError, ...]
        user: User
        error: RequestTimeoutError

    schema = adapter(Report).json_schema()
    assert schema["properties"]["problems"]["items"]["required"][0] == "type"
    assert schema["properties"]["error"]["type"] == "object"


def test_nothing_imports_pydantic_unless_it_asks() -> None:
    code = (
        "import sys, groups_sdk.access; groups_sdk.User('u').to_dict(); groups_sdk.User.from_dict({'id': 'u'})\n"
        "assert not {'pydantic', 'pydantic_core'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
