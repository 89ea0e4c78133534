"""schemathesis holds FakeSnyk to the contract: data that fits, data that does not, and walks along the links.

A document cannot say which ids there are, that an id of the body is that of the path, or which cursors were given out.
`at_home` puts that right in what was generated, wherever it is well-formed; what is malformed stays as it is.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from support.extent import share
from support.openapi import DOCUMENT

from groups_sdk.testing import FakeSnyk
from groups_sdk.testing._documents import encode_cursor

SEED = 20251105
UUID = re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DATE = re.compile("[0-9]{4}-[01][0-9]-(0[1-9]|[12][0-9]|3[01])(~[a-z-]+)?")
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

        self._known = self._ids()

    def _ids(self) -> set[str]:
        fake = self.fake
        return {
            record.id
            for records in (fake.groups(), fake.users(), fake.roles(), fake.memberships(fake.group_id))
            for record in records
        } | {self.connection.id}

    def knows(self, id_: str) -> bool:
        """Whether the id is, or was, of something."""
        return id_ in self._known or id_ in self._ids()

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


def unknown_id(value: Any) -> bool:
    return well_formed(value, UUID) and not STAGE.knows(value)


def at_home(case: Any) -> None:
    """Most ids are of something that there is; those of body and path agree; cursors are of their listing."""
    case.body = deepcopy(case.body)  # generated cases share theirs
    there = case.path_parameters
    for name, value in there.items():
        if unknown_id(value) and value[0] != "f":  # one in sixteen stays a stranger
            there[name] = STAGE.id_for(name)
    query = case.query
    if well_formed(query.get("version"), DATE):
        query["version"] = "2025-11-05"  # nor which days there are, and which of them are to come
    if unknown_id(query.get("user_id")):
        query["user_id"] = STAGE.member.user.id
    cursors = [name for name in ("starting_after", "ending_before") if well_formed(query.get(name), CURSOR)]
    for name in cursors[1:]:
        del query[name]  # a document cannot say that one excludes the other
    for name in cursors[:1]:
        listing = LISTINGS[case.operation.definition.raw["operationId"]]
        if well_formed(query.get("sort_by"), re.compile("[a-z_]+")):
            listing += f" {query['sort_by']} {query.get('sort_order', 'DESC')}"
        query[name] = encode_cursor(("", 3), listing)
    bring_home(case.body, there)


def bring_home(body: Any, there: dict[str, Any]) -> None:
    if not isinstance(body, dict) or not isinstance(data := body.get("data"), dict):
        return
    if well_formed(data.get("id"), UUID) and well_formed(there["membership_id"], UUID):
        data["id"] = there["membership_id"]
    relationships = data.get("relationships")
    for name in ("group", "user", "role"):
        related = relationships.get(name) if isinstance(relationships, dict) else None
        linkage = related.get("data") if isinstance(related, dict) else None
        if not isinstance(linkage, dict) or not well_formed(linkage.get("id"), UUID):
            continue
        if name != "group" and unknown_id(linkage["id"]):
            linkage["id"] = STAGE.id_for(name)
        elif name == "group" and well_formed(there["group_id"], UUID):
            linkage["id"] = there["group_id"]


@SCHEMA.parametrize()
@settings(
    max_examples=share(8, least=3),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_fake_answers_as_the_contract_says(case: Any) -> None:
    STAGE.reset()
    at_home(case)
    case.call_and_validate(headers=TOKEN)


class Walks(SCHEMA.as_state_machine()):  # type: ignore[misc]  # made at run time
    """Walks along the document's links: what one answer gives is what the next request uses."""

    def setup(self) -> None:
        STAGE.reset()

    def before_call(self, case: Any) -> None:
        at_home(case)

    def get_call_kwargs(self, case: Any) -> dict[str, Any]:
        return {"headers": TOKEN}


TestWalks = Walks.TestCase
TestWalks.settings = settings(
    max_examples=share(15, least=5),
    stateful_step_count=6,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
