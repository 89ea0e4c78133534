"""The exact request of each operation: method, path, query, headers, body."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from groups_sdk import ApiResponse, AsyncGroupsClient, GroupsClient, InvalidArgumentError, NotFoundError

G = "11111111-1111-4111-8111-111111111111"
M = "22222222-2222-4222-8222-222222222222"
R = "33333333-3333-4333-8333-333333333333"
U = "44444444-4444-4444-8444-444444444444"
S = "55555555-5555-4555-8555-555555555555"
BASE = "https://api.eu.snyk.io/rest"
EMPTY: dict[str, Any] = {"data": [], "links": {}, "jsonapi": {"version": "1.0"}}
GROUP = {
    "data": {
        "id": G,
        "type": "group",
        "attributes": {
            "name": "g",
            "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z",
        },
    }
}
MEMBERSHIP = {
    "data": {
        "id": M,
        "type": "group_membership",
        "attributes": {"created_at": "2024-01-01T00:00:00Z"},
        "relationships": {},
    }
}
FULL_LISTING = {
    "email": "a+b@x.io",
    "user_id": U,
    "username": "ä b",
    "role_name": "Group Admin",
    "sort_by": "email",
    "sort_order": "ASC",
    "include_group_membership_count": True,
    "limit": 20,
}

Call = Callable[[Any], Any]

CASES: list[tuple[str, Call, str, str, dict[str, str], Any, int, Any]] = [
    (
        "list_groups",
        lambda c: c.list_groups(limit=10).first(),
        "GET",
        "/groups",
        {"limit": "10"},
        None,
        200,
        EMPTY,
    ),
    (
        "list_groups cursor",
        lambda c: c.list_groups(starting_after="v1.a+/=").first(),
        "GET",
        "/groups",
        {"limit": "100", "starting_after": "v1.a+/="},
        None,
        200,
        EMPTY,
    ),
    ("get_group", lambda c: c.get_group(G), "GET", f"/groups/{G}", {}, None, 200, GROUP),
    (
        "list_memberships",
        lambda c: c.list_memberships(G).first(),
        "GET",
        f"/groups/{G}/memberships",
        {"limit": "100"},
        None,
        200,
        EMPTY,
    ),
    (
        "list_memberships full",
        lambda c: c.list_memberships(G, **FULL_LISTING, ending_before="v1.x").first(),
        "GET",
        f"/groups/{G}/memberships",
        {
            **{k: str(v) for k, v in FULL_LISTING.items()},
            "include_group_membership_count": "true",
            "ending_before": "v1.x",
        },
        None,
        200,
        EMPTY,
    ),
    (
        "update_membership",
        lambda c: c.update_membership(G, M, role_id=R),
        "PATCH",
        f"/groups/{G}/memberships/{M}",
        {},
        {
            "data": {
                "id": M,
                "type": "group_membership",
                "relationships": {"role": {"data": {"id": R, "type": "group_role"}}},
            }
        },
        204,
        None,
    ),
    (
        "delete_membership",
        lambda c: c.delete_membership(G, M),
        "DELETE",
        f"/groups/{G}/memberships/{M}",
        {},
        None,
        204,
        None,
    ),
    (
        "delete_membership cascade",
        lambda c: c.delete_membership(G, M, cascade=True),
        "DELETE",
        f"/groups/{G}/memberships/{M}",
        {"cascade": "true"},
        None,
        204,
        None,
    ),
    (
        "delete_membership no cascade",
        lambda c: c.delete_membership(G, M, cascade=False),
        "DELETE",
        f"/groups/{G}/memberships/{M}",
        {"cascade": "false"},
        None,
        204,
        None,
    ),
    (
        "create_membership",
        lambda c: c.create_membership(G, user_id=U, role_id=R),
        "POST",
        f"/groups/{G}/memberships",
        {},
        {
            "data": {
                "type": "group_membership",
                "relationships": {
                    "group": {"data": {"id": G, "type": "group"}},
                    "user": {"data": {"id": U, "type": "user"}},
                    "role": {"data": {"id": R, "type": "group_role"}},
                },
            }
        },
        201,
        MEMBERSHIP,
    ),
    (
        "list_org_memberships",
        lambda c: c.list_org_memberships(G, user_id=U, org_name="o", role_name="r").first(),
        "GET",
        f"/groups/{G}/org_memberships",
        {"user_id": U, "org_name": "o", "role_name": "r", "limit": "100"},
        None,
        200,
        EMPTY,
    ),
    (
        "list_sso_connections",
        lambda c: c.list_sso_connections(G).first(),
        "GET",
        f"/groups/{G}/sso_connections",
        {"limit": "100"},
        None,
        200,
        EMPTY,
    ),
    (
        "list_sso_users",
        lambda c: c.list_sso_users(G, S).first(),
        "GET",
        f"/groups/{G}/sso_connections/{S}/users",
        {"limit": "100"},
        None,
        200,
        EMPTY,
    ),
    (
        "delete_sso_user",
        lambda c: c.delete_sso_user(G, S, U),
        "DELETE",
        f"/groups/{G}/sso_connections/{S}/users/{U}",
        {},
        None,
        204,
        None,
    ),
    (
        "request",
        lambda c: c.request("POST", "/things/a%2Fb", params={"on": False, "n": 5, "none": None}, json=[1]),
        "POST",
        "/things/a%2Fb",
        {"on": "false", "n": "5"},
        [1],
        200,
        {},
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
async def test_each_operation_is_sent_as_documented(case: Any, kind: str) -> None:
    _, call, method, path, query, body, status, answer = case
    with respx.mock(assert_all_called=False) as router:
        route = router.route().mock(
            return_value=httpx.Response(status, json=answer) if answer is not None else httpx.Response(status)
        )
        if kind == "async":
            async with AsyncGroupsClient("a-token", region="SNYK-EU-01") as client:
                await call(client)
        else:
            with GroupsClient("a-token", region="snyk-eu-01") as client:
                call(client)
        assert route.call_count == 1
        request = route.calls.last.request
    assert request.method == method
    assert request.url.raw_path.decode().split("?")[0] == f"/rest{path}"
    assert request.url.host == "api.eu.snyk.io"
    assert sorted(request.url.params.multi_items()) == sorted({**query, "version": "2025-11-05"}.items())
    assert b"+" not in request.url.query  # a space is %20 and a plus %2B: no reader can mistake them
    assert request.headers["authorization"] == "token a-token"
    assert request.headers["accept"] == "application/vnd.api+json"
    if body is None:
        assert request.content == b""
        assert "content-type" not in request.headers
    else:
        assert json.loads(request.content) == body
        assert request.headers["content-type"] == "application/vnd.api+json"


BAD: list[tuple[str, Call, str]] = [
    ("group id", lambda c: c.get_group("x"), "group_id must be a UUID"),
    ("group id with a slash", lambda c: c.get_group(f"{G}/memberships"), "group_id"),
    ("group id with a line break", lambda c: c.get_group(f"{G}\n"), "group_id"),
    ("empty id", lambda c: c.delete_membership(G, ""), "membership_id"),
    ("id that is no string", lambda c: c.delete_membership(G, None), "membership_id"),
    ("empty role", lambda c: c.update_membership(G, M, role_id=""), "role_id"),
    ("cascade", lambda c: c.delete_membership(G, M, cascade="yes"), "cascade must be True, False or None"),
    ("role of a creation", lambda c: c.create_membership(G, user_id=U, role_id="admin"), "role_id"),
    ("user of a creation", lambda c: c.create_membership(G, user_id="u", role_id=R), "user_id"),
    ("sso id", lambda c: c.delete_sso_user(G, "s", U), "sso_id"),
    ("method", lambda c: c.request("TRACE", "/x"), "method must be one of"),
    ("path elsewhere", lambda c: c.request("GET", "//evil.example/x"), "path"),
    ("path up", lambda c: c.request("GET", "/../oauth2/token"), "path"),
    ("path up, encoded", lambda c: c.request("GET", "/%2E%2e/x"), "path"),
    ("path with a query", lambda c: c.request("GET", "/x?y=1"), "path"),
    ("absolute", lambda c: c.request("GET", "https://evil.example/"), "path"),
    ("json", lambda c: c.request("POST", "/x", json=object()), "json cannot be encoded"),
]
BAD_LISTINGS: list[tuple[str, Call, str]] = [
    ("limit 5", lambda c: c.list_groups(limit=5), "limit must be one of 10, 20"),
    ("limit 15", lambda c: c.list_memberships(G, limit=15), "limit"),
    ("limit 110", lambda c: c.list_sso_connections(G, limit=110), "limit"),
    ("limit text", lambda c: c.list_sso_users(G, S, limit="10"), "limit"),
    ("limit True", lambda c: c.list_groups(limit=True), "limit"),
    ("sort_by", lambda c: c.list_memberships(G, sort_by="name"), "sort_by must be one of username"),
    ("sort_order", lambda c: c.list_memberships(G, sort_order="asc"), "sort_order must be one of ASC, DESC"),
    ("empty filter", lambda c: c.list_memberships(G, email=" "), "email must be a string"),
    ("user filter", lambda c: c.list_memberships(G, user_id="u"), "user_id"),
    (
        "count",
        lambda c: c.list_memberships(G, include_group_membership_count=1),
        "include_group_membership_count",
    ),
    ("both cursors", lambda c: c.list_groups(starting_after="a", ending_before="b"), "not both"),
    ("empty cursor", lambda c: c.list_groups(starting_after=""), "starting_after"),
    ("org user", lambda c: c.list_org_memberships(G, user_id=""), "user_id"),
]


@pytest.mark.anyio
@pytest.mark.parametrize("case", BAD, ids=[case[0] for case in BAD])
async def test_bad_arguments_are_refused_before_anything_is_sent(case: Any) -> None:
    _, call, message = case
    with respx.mock(assert_all_called=False) as router:
        async with AsyncGroupsClient("a-token") as client:
            with pytest.raises(InvalidArgumentError, match=message):
                await call(client)
        with GroupsClient("a-token") as sync, pytest.raises(ValueError, match=message):
            call(sync)
        assert not router.calls


@pytest.mark.parametrize("case", BAD_LISTINGS, ids=[case[0] for case in BAD_LISTINGS])
def test_bad_arguments_of_a_listing_are_refused_at_the_call(case: Any) -> None:
    _, call, message = case
    with pytest.raises(InvalidArgumentError, match=message):
        call(AsyncGroupsClient("a-token"))
    with GroupsClient("a-token") as sync, pytest.raises(InvalidArgumentError, match=message):
        call(sync)


@pytest.mark.anyio
@pytest.mark.parametrize("text", ["x" * 70_000, "\ud800"], ids=["too long", "lone surrogate"])
async def test_what_no_url_can_hold_is_refused_before_anything_is_sent(text: str) -> None:
    with respx.mock(assert_all_called=False) as router:
        async with AsyncGroupsClient("a-token") as client:
            with pytest.raises(InvalidArgumentError, match="no URL can be made from the arguments"):
                await client.list_memberships(G, email=text).first()
        with GroupsClient("a-token") as sync:
            with pytest.raises(InvalidArgumentError, match="no URL can be made from the arguments"):
                sync.request("GET", "/x", params={"text": text})
        assert not router.calls


@pytest.mark.anyio
@pytest.mark.parametrize("using", ["httpcore", "httpx"])
async def test_respx_sees_the_calls_of_both_clients_in_each_of_its_modes(using: str) -> None:
    with respx.mock(using=using) as router:
        route = router.get(f"https://api.snyk.io/rest/groups/{G}")
        route.respond(json={"data": {"id": G, "type": "group", "attributes": {"name": "one"}}})
        async with AsyncGroupsClient("a-token") as client:
            assert (await client.get_group(G)).name == "one"
        with GroupsClient("a-token") as sync:
            assert sync.get_group(G).name == "one"
        assert route.call_count == 2


@pytest.mark.anyio
async def test_requests_go_through_a_client_of_httpx_where_tracing_tools_look_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[str] = []
    send = httpx.AsyncClient.send

    async def traced(client: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        sent.append(request.url.path)
        return await send(client, request, **options)

    monkeypatch.setattr(httpx.AsyncClient, "send", traced)
    with respx.mock() as router:
        router.get(f"https://api.snyk.io/rest/groups/{G}").respond(404)
        async with AsyncGroupsClient("a-token") as client:
            with pytest.raises(NotFoundError):
                await client.get_group(G)
    assert sent == [f"/rest/groups/{G}"]


@pytest.mark.anyio
async def test_the_escape_hatch_returns_the_answer() -> None:
    with respx.mock() as router:
        router.get(f"{BASE}/self", params={"version": "2024-10-15"}).mock(
            return_value=httpx.Response(200, json={"a": 1}, headers={"snyk-request-id": "r-1"})
        )
        async with AsyncGroupsClient("a-token", region="SNYK-EU-01") as client:
            response = await client.request("GET", "/self", params={"version": "2024-10-15"})
    assert isinstance(response, ApiResponse)
    assert response.json() == {"a": 1}
    assert response.request_id == "r-1"
