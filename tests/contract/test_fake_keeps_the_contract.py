"""schemathesis holds FakeSnyk to the contract: data that fits, data that does not, and walks along the links.

A document cannot say which ids there are, that an id of the body is that of the path, or which cursors were given out.
`at_home` puts that right in what was generated, wherever it is well-formed; what is malformed stays as it is.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
import schemathesis
from document import DOCUMENT
from hypothesis import HealthCheck, settings

from groups_sdk.testing import FakeSnyk
from groups_sdk.testing.documents import encode_cursor

SEED = 20251105
UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DATE = re.compile("[0-9]{4}-[01][0-9]-(0[1-9]|[12][0-9]|3[01])(~[a-z-]+)?")
IDS_OF_BODIES = ("group", "user", "role")
CURSOR = re.compile(r"v1\.[A-Za-z0-9+/]+={0,2}")
LISTINGS = {
    "listGroups": "groups",
    "listGroupMemberships": "memberships",
    "listGroupUserOrgMemberships": "org_memberships",
    "listGroupSsoConnections": "sso_connections",
    "listGroupSsoConnectionUsers": "sso_users",
}


class Stage:
    """The application under test: a new FakeSnyk for every example, always with the same ids in it."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.fake = fake = FakeSnyk.example()
        self.member = fake.memberships(fake.group_id)[0]
        self.stranger = fake.add_user()
        self.role = next(role for role in fake.roles() if role.kind == "group_role")
        (self.connection,) = fake.sso_connections(fake.group_id)
        self.sso_user = fake.sso_users(self.connection.id)[0].user

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.fake(scope, receive, send)

    def id_for(self, name: str) -> str:
        return {
            "group_id": self.fake.group_id,
            "membership_id": self.member.id,
            "sso_id": self.connection.id,
            "user_id": self.sso_user.id,
            "group": self.fake.group_id,
            "user": self.stranger.id,
            "role": self.role.id,
        }[name]


STAGE = Stage()
SCHEMA = schemathesis.openapi.from_dict(
    DOCUMENT,
    config=schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "base-url": "http://fake/rest",
            "generation": {"deterministic": True, "database": "none"},
            "phases": {"coverage": {"generate-duplicate-query-parameters": True}},
        }
    ),
)
SCHEMA.app = STAGE
TOKEN = {"Authorization": f"token {FakeSnyk.TOKEN}"}


def well_formed(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def at_home(case: Any) -> None:
    """Most ids are of something that there is; those of body and path agree; cursors are of their listing."""
    case.body = deepcopy(case.body)  # generated cases share theirs
    there = case.path_parameters
    for name, value in there.items():
        if well_formed(value, UUID) and value[0] != "f":  # one in sixteen stays a stranger
            there[name] = STAGE.id_for(name)
    query = case.query
    if well_formed(query.get("version"), DATE):
        query["version"] = "2025-11-05"  # nor which days there are, and which of them are to come
    if well_formed(query.get("user_id"), UUID):
        query["user_id"] = STAGE.member.user.id
    cursors = [name for name in ("starting_after", "ending_before") if well_formed(query.get(name), CURSOR)]
    for name in cursors[1:]:
        del query[name]  # a document cannot say that one excludes the other
    for name in cursors[:1]:
        listing = LISTINGS[case.operation.definition.raw["operationId"]]
        if well_formed(query.get("sort_by"), re.compile("[a-z_]+")):
            listing += f" {query['sort_by']} {query.get('sort_order', 'DESC')}"
        query[name] = encode_cursor(("", 3), listing)
    if isinstance(case.body, dict) and isinstance(data := case.body.get("data"), dict):
        if well_formed(data.get("id"), UUID) and well_formed(there["membership_id"], UUID):
            data["id"] = there["membership_id"]
        if isinstance(related := data.get("relationships"), dict):
            for name, relationship in related.items():
                linkage = relationship.get("data") if isinstance(relationship, dict) else None
                if isinstance(linkage, dict) and well_formed(linkage.get("id"), UUID) and name in IDS_OF_BODIES:
                    linkage["id"] = STAGE.id_for(name)


@SCHEMA.parametrize()
@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_fake_answers_as_the_contract_says(case: Any) -> None:
    STAGE.reset()
    at_home(case)
    case.call_and_validate(headers=TOKEN)
