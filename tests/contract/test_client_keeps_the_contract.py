"""Both clients send what the contract allows, whatever they are asked for, and FakeSnyk answers accordingly."""

from __future__ import annotations

from itertools import islice
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.extent import share
from support.openapi import DOCUMENT, OPERATIONS, departures

from groups_sdk import ApiError, RetryPolicy
from groups_sdk._arguments import SORT_COLUMNS, SORT_ORDERS
from groups_sdk.testing import FakeSnyk

ONCE = RetryPolicy(max_attempts=1)
Call = tuple[str, tuple[str, ...], dict[str, Any]]


class Witness(httpx.AsyncBaseTransport):
    """A transport to a fake that notes what departs from the contract on the way there and back."""

    def __init__(self, fake: FakeSnyk) -> None:
        self._inner = fake.transport()
        self.departures: list[str] = []
        self.seen: set[int] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        response = await self._inner.handle_async_request(request)
        await response.aread()
        self.departures += departures(request, response)
        self.seen.add(response.status_code)
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)


FAKE = FakeSnyk.example()
MEMBERSHIPS = FAKE.memberships(FAKE.group_id)
(CONNECTION,) = FAKE.sso_connections(FAKE.group_id)


def ids_of(*known: str) -> st.SearchStrategy[str]:
    """An id of something that there is, as it is or in upper case, or of nothing."""
    there = st.sampled_from(known)
    return st.one_of(there, there.map(str.upper), st.uuids().map(str))


groups = ids_of(*(group.id for group in FAKE.groups()[:2]))
memberships = ids_of(*(membership.id for membership in MEMBERSHIPS[:6]))
members = ids_of(*(membership.user.id for membership in MEMBERSHIPS[:6]))
roles = ids_of(*(role.id for role in FAKE.roles()))
connections = ids_of(CONNECTION.id)
sso_users = ids_of(*(record.user.id for record in FAKE.sso_users(CONNECTION.id)[:6]))
filters = st.one_of(
    st.sampled_from(["Group Admin", "ada.0000@example.com", "ada.0000", "a+b&c=d%20#?é \n", "\x00"]),
    st.text(min_size=1).filter(str.strip),
)
cursors = st.from_regex(DOCUMENT["components"]["schemas"]["Cursor"]["pattern"], fullmatch=True)
page = {"limit": st.sampled_from(range(10, 101, 10))}
from_cursor = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"starting_after": cursors}),
    st.fixed_dictionaries({"ending_before": cursors}),
)


def calls(
    name: str, ids_: list[st.SearchStrategy[str]], required: Any, optional: Any
) -> st.SearchStrategy[Call]:
    return st.tuples(st.just(name), st.tuples(*ids_), st.fixed_dictionaries(required, optional=optional))


def listings(
    name: str, ids_: list[st.SearchStrategy[str]], required: Any, optional: Any
) -> st.SearchStrategy[Call]:
    return st.builds(
        lambda call, cursor: (call[0], call[1], {**call[2], **cursor}),
        calls(name, ids_, required, optional | page),
        from_cursor,
    )


MEMBERSHIP_FILTERS = {
    "email": filters,
    "user_id": members,
    "username": filters,
    "role_name": filters,
    "sort_by": st.sampled_from(SORT_COLUMNS),
    "sort_order": st.sampled_from(SORT_ORDERS),
    "include_group_membership_count": st.booleans(),
}
CALLS = {
    "listGroups": listings("list_groups", [], {}, {}),
    "getGroup": calls("get_group", [groups], {}, {}),
    "listGroupMemberships": listings("list_memberships", [groups], {}, MEMBERSHIP_FILTERS),
    "updateGroupUserMembership": calls("update_membership", [groups, memberships], {"role_id": roles}, {}),
    "deleteGroupMembership": calls(
        "delete_membership", [groups, memberships], {}, {"cascade": st.booleans()}
    ),
    "createGroupMembership": calls("create_membership", [groups], {"user_id": members, "role_id": roles}, {}),
    "listGroupUserOrgMemberships": listings(
        "list_org_memberships", [groups], {"user_id": members}, {"org_name": filters, "role_name": filters}
    ),
    "listGroupSsoConnections": listings("list_sso_connections", [groups], {}, {}),
    "listGroupSsoConnectionUsers": listings("list_sso_users", [groups, connections], {}, {}),
    "deleteUser": calls("delete_sso_user", [groups, connections, sso_users], {}, {}),
}
WORLDS = st.fixed_dictionaries(
    {
        "link_form": st.sampled_from(["string", "object", "absolute"]),
        "links": st.sampled_from(["mixed", "with_rest", "without_rest"]),
        "deprecation": st.sampled_from([None, "2026-01-01T00:00:00Z"]),
        "sunset": st.sampled_from([None, "2027-01-01", "2027-01-01T00:00:00Z"]),
        "delete_without_cascade": st.sampled_from(["conflict", "keep_orgs", "remove_orgs"]),
    }
)


async def make(client: Any, call: Call) -> None:
    name, ids_, options = call
    try:
        if name.startswith("list_"):
            pages = getattr(client, name)(*ids_, **options).pages()
            for _ in range(3):
                if await anext(pages, None) is None:
                    break
        else:
            await getattr(client, name)(*ids_, **options)
    except ApiError:
        pass  # an id of something else, or a cursor that nobody gave


def make_sync(client: Any, call: Call) -> None:
    name, ids_, options = call
    try:
        if name.startswith("list_"):
            list(islice(getattr(client, name)(*ids_, **options).pages(), 3))
        else:
            getattr(client, name)(*ids_, **options)
    except ApiError:
        pass


@pytest.mark.parametrize("operation", CALLS)
def test_requests_and_answers_are_as_the_contract_says(operation: str) -> None:
    seen: set[int] = set()

    @settings(max_examples=share(25, least=10))
    @given(WORLDS, st.lists(CALLS[operation], min_size=1, max_size=3))
    def check(options: dict[str, Any], made: list[Call]) -> None:
        async def walk(transport: httpx.AsyncBaseTransport) -> None:
            async with fake.async_client(transport=transport, retries=ONCE) as client:
                for call in made:
                    await make(client, call)

        for kind in ("async", "sync"):
            fake = FakeSnyk.example(**options)
            witness = Witness(fake)
            if kind == "async":
                anyio.run(walk, witness)
            else:
                with fake.client(transport=witness, retries=ONCE) as client:
                    for call in made:
                        make_sync(client, call)
            seen.update(witness.seen)
            assert witness.departures == []

    check()
    assert seen & {200, 201, 204}
    if operation != "listGroups":
        assert 404 in seen


def test_all_operations_are_asked_for() -> None:
    assert set(CALLS) == {operation["operationId"] for operation in OPERATIONS.values()}


@pytest.mark.anyio
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 406, 410, 429, 500, 503, 504])
async def test_errors_are_as_the_contract_says(status: int) -> None:
    fake = FakeSnyk.example()
    witness = Witness(fake)
    async with fake.async_client(transport=witness, retries=ONCE) as client:
        fake.fail_next(status=status, headers={"allow": "GET"})
        with pytest.raises(ApiError) as caught:
            await client.get_group(fake.group_id)
    assert caught.value.status_code == status
    assert witness.departures == []


@pytest.mark.anyio
@pytest.mark.parametrize("twist", ["empty", "self", "no_links"])
async def test_odd_pages_are_within_the_contract(twist: Any) -> None:
    fake = FakeSnyk.example()
    witness = Witness(fake)
    fake.twist_next_page(twist)
    async with fake.async_client(transport=witness) as client:
        await anext(client.list_memberships(fake.group_id, limit=10).pages())
    assert witness.departures == []


def exchange(method: str = "GET", url: str = "/groups?version=2025-11-05", **request: Any) -> list[str]:
    """What the witness would say of a request, and of a good answer to it."""
    headers = {"authorization": "token t", "accept": "application/vnd.api+json", **request.pop("headers", {})}
    sent = httpx.Request(method, f"http://fake/rest{url}", headers=headers, **request)
    served = {
        "snyk-request-id": "r",
        "snyk-version-requested": "2025-11-05",
        "snyk-version-served": "2025-11-05",
    }
    body = {"jsonapi": {"version": "1.0"}, "links": {}, "data": []}
    kind = {"content-type": "application/vnd.api+json", "snyk-version-lifecycle-stage": "ga"}
    return departures(sent, httpx.Response(200, headers={**served, **kind}, json=body))


def test_the_witness_has_nothing_to_say_of_what_is_right() -> None:
    assert exchange() == []


@pytest.mark.parametrize(
    ("said", "request_"),
    [
        ("there is no PUT /rest/groups", {"method": "PUT"}),
        ("there is no GET /rest/things", {"url": "/things?version=2025-11-05"}),
        ("version is missing", {"url": "/groups?limit=10"}),
        ("repeated", {"url": "/groups?version=2025-11-05&version=2025-11-05"}),
        ("no parameter colour", {"url": "/groups?version=2025-11-05&colour=red"}),
        ("limit", {"url": "/groups?version=2025-11-05&limit=15"}),
        ("limit", {"url": "/groups?version=2025-11-05&limit=010"}),
        ("starting_after", {"url": "/groups?version=2025-11-05&starting_after=x"}),
        ("group_id", {"url": "/groups/x/sso_connections?version=2025-11-05"}),
        ("no credentials", {"headers": {"authorization": "token"}}),
        ("accept", {"headers": {"accept": "text/html"}}),
        ("a body where none is wanted", {"content": b"{}"}),
    ],
)
def test_the_witness_speaks_up(said: str, request_: dict[str, Any]) -> None:
    (departure,) = exchange(**request_)
    assert said in departure
