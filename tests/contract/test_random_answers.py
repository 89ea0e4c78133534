"""Whatever answer the contract allows is understood: every operation, by either client, with answers made at random."""

from __future__ import annotations

import inspect
import json
from typing import Any

import anyio
import httpx
import pytest
from support.openapi import MEDIA_TYPE, OPERATIONS, Answers, conforms, resolve

from groups_sdk import AsyncGroupsClient, DecodeError, GroupsClient

ID = "331ede0a-de94-456f-b788-166caeca58bf"
SEEDS = range(36)  # 10 operations, two clients: 720 calls
CALLS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "listGroups": ("list_groups", (), {}),
    "getGroup": ("get_group", (ID,), {}),
    "listGroupMemberships": ("list_memberships", (ID,), {"include_group_membership_count": True}),
    "updateGroupUserMembership": ("update_membership", (ID, ID), {"role_id": ID}),
    "deleteGroupMembership": ("delete_membership", (ID, ID), {}),
    "createGroupMembership": ("create_membership", (ID,), {"user_id": ID, "role_id": ID}),
    "listGroupUserOrgMemberships": ("list_org_memberships", (ID,), {"user_id": ID}),
    "listGroupSsoConnections": ("list_sso_connections", (ID,), {}),
    "listGroupSsoConnectionUsers": ("list_sso_users", (ID, ID), {}),
    "deleteUser": ("delete_sso_user", (ID, ID, ID), {}),
}
BY_NAME = {operation["operationId"]: operation for operation in OPERATIONS.values()}


class Service(httpx.AsyncBaseTransport):
    """Gives one answer to everything."""

    def __init__(self) -> None:
        self.status = 204
        self.document: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.document is None:
            return httpx.Response(self.status)
        headers = {"content-type": MEDIA_TYPE}
        return httpx.Response(self.status, headers=headers, content=json.dumps(self.document).encode())

    def answer_at_random(self, name: str, seed: object) -> None:
        """Answer a call of this operation as the contract says of its success."""
        (status,) = (status for status in BY_NAME[name]["responses"] if status.startswith("2"))
        self.status, self.document = int(status), None
        answer = resolve(BY_NAME[name]["responses"][status])
        if "content" in answer:
            schema = answer["content"][MEDIA_TYPE]["schema"]
            self.document = Answers(f"{name} {seed}").of(schema)
            assert conforms(self.document, schema) == []


async def ask(client: AsyncGroupsClient, name: str) -> Any:
    """What a call gives: of a listing, the first page."""
    method, ids, options = CALLS[name]
    made = getattr(client, method)(*ids, **options)
    return await (made if inspect.iscoroutine(made) else anext(made.pages()))


def ask_sync(client: GroupsClient, name: str) -> Any:
    method, ids, options = CALLS[name]
    made = getattr(client, method)(*ids, **options)
    return next(made.pages()) if hasattr(made, "pages") else made


def check(given: Any, document: Any) -> None:
    """Nothing was left out."""
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        assert len(given.items) == len(document["data"])
        assert given.problems == ()
    elif document is not None:
        assert given.id == document.get("data", {}).get("id", "")


def test_all_operations_are_called() -> None:
    assert CALLS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", CALLS)
def test_an_asynchronous_client_understands_all_answers(name: str) -> None:
    async def run() -> None:
        service = Service()
        async with AsyncGroupsClient("t", transport=service, rate_limit=None) as client:
            for seed in SEEDS:
                service.answer_at_random(name, seed)
                check(await ask(client, name), service.document)

    anyio.run(run)


@pytest.mark.parametrize("name", CALLS)
def test_a_synchronous_client_understands_all_answers(name: str) -> None:
    service = Service()
    with GroupsClient("t", transport=service, rate_limit=None) as client:
        for seed in SEEDS:
            service.answer_at_random(name, f"sync {seed}")
            check(ask_sync(client, name), service.document)


def test_what_the_contract_does_not_allow_is_told_with_its_place() -> None:
    service = Service()
    service.status = 200
    service.document = {"data": [{"id": ID}, {"id": ID, "relationships": {"user": {"data": {"id": 5}}}}]}
    with GroupsClient("t", transport=service) as client, pytest.raises(DecodeError) as caught:
        ask_sync(client, "listGroupMemberships")
    assert caught.value.path == "data[1].relationships.user.data.id"
    assert f"the record '{ID}' on the first page" in str(caught.value)
