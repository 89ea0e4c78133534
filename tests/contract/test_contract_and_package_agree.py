"""The contract's operations and their parameters are those of the package: neither can change alone."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from support.openapi import OPERATIONS, parameters, resolve

from groups_sdk import AsyncGroupsClient, GroupsClient
from groups_sdk import _arguments as arguments
from groups_sdk import _operations as operations
from groups_sdk._operations import Operation
from groups_sdk.testing._rules import RULES

DECLARED = {value.name: value for value in vars(operations).values() if isinstance(value, Operation)}
del DECLARED[operations.TOKEN_REQUEST.name]  # which is none of the Groups API's
METHODS = {
    found[1]: name
    for name, member in vars(AsyncGroupsClient).items()
    if (found := re.search(r"\((\w+)(?:\)|;)", (inspect.getdoc(member) or "").partition("\n")[0]))
    and not name.startswith("_")
    and inspect.isfunction(member)
}
BY_NAME = {operation["operationId"]: (where, operation) for where, operation in OPERATIONS.items()}


def permissions(text: str) -> set[str]:
    return set(re.findall(r"\bgroup(?:\.[a-z]+)+", text.partition("Example:")[0]))


def names_of_body(operation: dict[str, Any]) -> set[str]:
    """The ids that a request's document relates to each other, by their names as arguments."""
    if "requestBody" not in operation:
        return set()
    (content,) = operation["requestBody"]["content"].values()
    data = resolve(content["schema"])["properties"]["data"]
    return {f"{name}_id" for name in data["properties"]["relationships"]["properties"]}


def test_the_operations_are_the_same() -> None:
    assert BY_NAME.keys() == DECLARED.keys() == METHODS.keys() == {rule.name for rule in RULES}
    assert {name: where for name, (where, _) in BY_NAME.items()} == {
        operation.name: (operation.method, operation.path) for operation in DECLARED.values()
    }


@pytest.mark.parametrize("name", BY_NAME)
def test_ids_of_the_path_are_declared(name: str) -> None:
    (_, path), operation = BY_NAME[name]
    assert list(parameters(operation, "path")) == re.findall(r"{(\w+)}", path)


@pytest.mark.parametrize("client", [AsyncGroupsClient, GroupsClient])
@pytest.mark.parametrize("name", BY_NAME)
def test_parameters_are_the_arguments(name: str, client: Any) -> None:
    _, operation = BY_NAME[name]
    query = parameters(operation, "query")
    assert query.pop("version")["required"]
    needed = {*parameters(operation, "path"), *names_of_body(operation)}
    wanted = dict.fromkeys(needed, True) | {name: parameter["required"] for name, parameter in query.items()}
    signature = inspect.signature(getattr(client, METHODS[name])).parameters.values()
    # What becomes of a 404, or of a record that is not understood, is the package's own question.
    own = ("self", "accept_missing", "on_decode_error")
    arguments = [p for p in signature if p.name not in own]
    assert wanted == {p.name: p.default is p.empty for p in arguments}


@pytest.mark.parametrize("name", BY_NAME)
def test_permissions_are_those_of_docstring_and_fake(name: str) -> None:
    _, operation = BY_NAME[name]
    wanted = permissions(operation["description"])
    assert permissions(inspect.getdoc(getattr(AsyncGroupsClient, METHODS[name])) or "") == wanted
    (rule,) = [rule for rule in RULES if rule.name == name]
    assert set(rule.permissions) == wanted
    assert {*rule.parameters, "version"} == parameters(operation, "query").keys()


def test_only_creation_is_not_idempotent() -> None:
    assert [o.name for o in DECLARED.values() if not o.idempotent] == ["createGroupMembership"]


def test_allowed_values_are_the_same() -> None:
    query = parameters(BY_NAME["listGroupMemberships"][1], "query")
    assert tuple(query["sort_by"]["schema"]["enum"]) == arguments.SORT_COLUMNS
    assert tuple(query["sort_order"]["schema"]["enum"]) == arguments.SORT_ORDERS
    limit = query["limit"]["schema"]
    sizes = range(limit["minimum"], limit["maximum"] + 1, limit["multipleOf"])
    assert [size for size in range(-10, 211) if allowed(size)] == list(sizes)


def allowed(size: int) -> bool:
    try:
        return bool(arguments.limit(size))
    except ValueError:
        return False
