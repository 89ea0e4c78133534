"""The operations as data, and the requests that they become."""

from __future__ import annotations

import attrs
import pytest

from groups_sdk import _operations as operations
from groups_sdk._operations import Operation, wire

TABLE = [
    ("listGroups", "GET", "/groups"),
    ("getGroup", "GET", "/groups/{group_id}"),
    ("listGroupMemberships", "GET", "/groups/{group_id}/memberships"),
    ("updateGroupUserMembership", "PATCH", "/groups/{group_id}/memberships/{membership_id}"),
    ("deleteGroupMembership", "DELETE", "/groups/{group_id}/memberships/{membership_id}"),
    ("createGroupMembership", "POST", "/groups/{group_id}/memberships"),
    ("listGroupUserOrgMemberships", "GET", "/groups/{group_id}/org_memberships"),
    ("listGroupSsoConnections", "GET", "/groups/{group_id}/sso_connections"),
    ("listGroupSsoConnectionUsers", "GET", "/groups/{group_id}/sso_connections/{sso_id}/users"),
    ("deleteUser", "DELETE", "/groups/{group_id}/sso_connections/{sso_id}/users/{user_id}"),
]


def test_the_operations_are_those_of_the_api() -> None:
    known = [value for value in vars(operations).values() if isinstance(value, Operation)]
    known.remove(operations.TOKEN_REQUEST)
    assert sorted((o.name, o.method, o.path) for o in known) == sorted(TABLE)


def test_only_creating_must_not_be_sent_twice() -> None:
    known = [value for value in vars(operations).values() if isinstance(value, Operation)]
    assert [o.name for o in known if not o.idempotent] == ["createGroupMembership"]


def test_a_request_has_its_path_filled_in_and_no_parameter_that_is_none() -> None:
    request = operations.DELETE_SSO_USER.request(
        {"group_id": "g", "sso_id": "s", "user_id": "u"},
        {"a": None, "b": True, "c": False, "d": 0, "e": "x y"},
    )
    assert request.operation is operations.DELETE_SSO_USER
    assert request.path == "/groups/g/sso_connections/s/users/u"
    assert request.query == (("b", "true"), ("c", "false"), ("d", "0"), ("e", "x y"))
    assert request.content is None


def test_an_operation_without_ids_and_parameters_is_a_request_as_it_stands() -> None:
    request = operations.LIST_GROUPS.request(content=b"{}")
    assert (request.path, request.query, request.content) == ("/groups", (), b"{}")


def test_an_id_stays_within_its_segment_of_the_path() -> None:
    request = operations.UPDATE_MEMBERSHIP.request({"group_id": "a/../b?c#d", "membership_id": "{group_id}"})
    assert request.path == "/groups/a%2F..%2Fb%3Fc%23d/memberships/%7Bgroup_id%7D"


def test_a_request_shows_neither_filters_nor_body_in_its_repr() -> None:
    request = operations.LIST_MEMBERSHIPS.request(
        {"group_id": "g"}, {"email": "grace@example.com"}, b"private"
    )
    assert "grace" not in repr(request)
    assert "private" not in repr(request)


def test_requests_and_operations_are_immutable() -> None:
    for thing, name in ((operations.GET_GROUP, "method"), (operations.GET_GROUP.request(), "path")):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(thing, name, "DELETE")


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (1, "1"), (0, "0"), (100, "100"), ("True", "True")]
)
def test_parameters_are_written_as_the_api_reads_them(value: str | int | bool, text: str) -> None:
    assert wire(value) == text
