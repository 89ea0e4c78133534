"""FakeSnyk keeps the API's rules, whoever asks: here httpx alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.extent import share

from groups_sdk.testing import FakeSnyk

V = "version=2025-11-05"
JSON_API = {"content-type": "application/vnd.api+json"}


@pytest.fixture
def fake() -> FakeSnyk:
    return FakeSnyk.example()


def http_for(fake: FakeSnyk, token: str | None = None) -> httpx.AsyncClient:
    headers = {"authorization": f"token {token or fake.TOKEN}"}
    return httpx.AsyncClient(transport=fake.transport(), base_url="http://fake", headers=headers)


@pytest.fixture
async def http(fake: FakeSnyk, anyio_backend: object) -> AsyncIterator[httpx.AsyncClient]:
    async with http_for(fake) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("target", "status", "source"),
    [
        (f"/rest/groups?{V}", 200, None),
        ("/rest/groups", 400, {"parameter": "version"}),
        ("/rest/groups?version=yesterday", 400, {"parameter": "version"}),
        ("/rest/groups?version=2025-02-30", 400, {"parameter": "version"}),
        ("/rest/groups?version=2999-01-01", 400, {"parameter": "version"}),
        ("/rest/groups?version=2019-01-01", 404, None),
        ("/rest/groups?version=2025-11-05~beta", 404, None),
        ("/rest/groups?version=2024-01-01~beta", 200, None),
        ("/rest/groups?version=beta", 200, None),
        (f"/rest/groups?{V}&{V}", 400, {"parameter": "version"}),
        (f"/rest/groups?{V}&colour=red", 400, {"parameter": "colour"}),
        (f"/rest/groups?{V}&limit=5", 400, {"parameter": "limit"}),
        (f"/rest/groups?{V}&limit=15", 400, {"parameter": "limit"}),
        (f"/rest/groups?{V}&limit=x", 400, {"parameter": "limit"}),
        (f"/rest/groups?{V}&limit=110", 400, {"parameter": "limit"}),
        (f"/rest/groups?{V}&starting_after=v1.%21", 400, {"parameter": "starting_after"}),
        (f"/rest/groups?{V}&starting_after=x", 400, {"parameter": "starting_after"}),
        (f"/rest/groups?{V}&starting_after=v1.W10%3D", 400, {"parameter": "starting_after"}),
        (f"/rest/groups?{V}&starting_after=v1.eA%3D%3D&ending_before=x", 400, {"parameter": "ending_before"}),
        (f"/rest/groups/x?{V}", 400, {"parameter": "group_id"}),
        (f"/rest/groups/99999999-9999-4999-8999-999999999999?{V}", 404, None),
        (f"/rest/GROUP/memberships?{V}&sort_by=name", 400, {"parameter": "sort_by"}),
        (f"/rest/GROUP/memberships?{V}&sort_order=asc", 400, {"parameter": "sort_order"}),
        (
            f"/rest/GROUP/memberships?{V}&include_group_membership_count=True",
            400,
            {"parameter": "include_group_membership_count"},
        ),
        (f"/rest/GROUP/org_memberships?{V}", 400, {"parameter": "user_id"}),
        (f"/rest/GROUP/sso_connections/99999999-9999-4999-8999-999999999999/users?{V}", 404, None),
        (f"/groups?{V}", 404, None),
        (f"/rest/nothing?{V}", 404, None),
        ("/", 404, None),
    ],
)
async def test_reads_are_checked(
    http: httpx.AsyncClient, fake: FakeSnyk, target: str, status: int, source: dict[str, str] | None
) -> None:
    response = await http.get(target.replace("GROUP", f"groups/{fake.group_id}"))
    assert response.status_code == status
    assert response.headers["snyk-request-id"] == fake.requests[-1].request_id
    if status >= 400:
        (entry,) = response.json()["errors"]
        assert entry["status"] == str(status)
        assert entry.get("source") == source


def role_body(membership_id: str, role_id: str) -> Any:
    role = {"data": {"id": role_id, "type": "group_role"}}
    return {"data": {"id": membership_id, "type": "group_membership", "relationships": {"role": role}}}


@pytest.mark.anyio
async def test_bodies_are_checked(http: httpx.AsyncClient, fake: FakeSnyk) -> None:
    member, other = fake.memberships(fake.group_id)[:2]
    url = f"/rest/groups/{fake.group_id}/memberships/{member.id}?{V}"
    org_role = next(role for role in fake.roles() if role.kind == "org_role")
    good = role_body(member.id, other.role.id)

    async def patch(body: Any, headers: dict[str, str] = JSON_API) -> tuple[int, str | None]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await http.patch(url, content=content, headers=headers)
        entry = response.json()["errors"][0] if response.content else {}
        return response.status_code, entry.get("source", {}).get("pointer")

    assert await patch(b"{") == (400, "/")
    assert await patch(b"[" * 100_000) == (400, "/")
    assert await patch([]) == (400, "/")
    assert await patch({}) == (400, "/data")
    assert await patch({"data": {**good["data"], "extra": 1}}) == (400, "/data")
    assert await patch({"data": {**good["data"], "id": other.id}}) == (400, "/data/id")
    assert await patch({"data": {**good["data"], "type": "user"}}) == (400, "/data/type")
    assert await patch(role_body(member.id, "x")) == (400, "/data/relationships/role/data/id")
    assert await patch(role_body(member.id, org_role.id)) == (404, "/data/relationships/role/data/id")
    assert await patch(good, {"content-type": "text/plain"}) == (415, None)
    assert await patch(b" " * (1024 * 1024 + 1)) == (413, None)
    assert await patch(good) == (204, None)
    assert (await http.put(url)).status_code == 405

    relationships = {
        "group": {"data": {"id": fake.groups()[1].id, "type": "group"}},
        "user": {"data": {"id": member.user.id, "type": "user"}},
        "role": {"data": {"id": other.role.id, "type": "group_role"}},
    }
    where = f"/rest/groups/{fake.group_id}/memberships?{V}"
    body = {"data": {"type": "group_membership", "relationships": relationships}}

    async def post() -> httpx.Response:
        return await http.post(where, content=json.dumps(body), headers=JSON_API)

    assert (await post()).status_code == 400  # the group of the body is not that of the path
    relationships["group"]["data"]["id"] = fake.group_id
    assert (await post()).status_code == 409
    relationships["user"]["data"]["id"] = fake.group_id
    assert (await post()).status_code == 404
    relationships["user"]["data"]["id"] = fake.add_user(login_method=None).id
    created = await post()
    assert created.status_code == 201
    assert created.headers["location"].endswith(created.json()["data"]["id"])
    assert "login_method" not in created.json()["data"]["relationships"]["user"]["data"]["attributes"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("choice", "status", "left"),
    [("conflict", 409, True), ("keep_orgs", 204, True), ("remove_orgs", 204, False)],
)
async def test_a_removal_without_cascade_is_a_choice(choice: Any, status: int, left: bool) -> None:
    fake = FakeSnyk.example(delete_without_cascade=choice)
    member = fake.memberships(fake.group_id)[0]
    async with http_for(fake) as http:
        response = await http.delete(f"/rest/groups/{fake.group_id}/memberships/{member.id}?{V}")
    assert response.status_code == status
    assert bool(fake.org_memberships(fake.group_id, member.user.id)) is left


@pytest.mark.anyio
@pytest.mark.parametrize("choice", ["allow", "refuse"])
async def test_the_last_admin_is_a_choice(choice: Any) -> None:
    fake = FakeSnyk(last_admin=choice)
    group = fake.add_group()
    admin, viewer = fake.add_role("Group Admin"), fake.add_role("Group Viewer")
    member = fake.add_membership(group.id, fake.add_user().id, admin.id)
    url = f"/rest/groups/{group.id}/memberships/{member.id}?{V}"
    async with http_for(fake) as http:
        body = json.dumps(role_body(member.id, viewer.id))
        demoted = await http.patch(url, content=body, headers=JSON_API)
        removed = await http.delete(url)
    assert (demoted.status_code, removed.status_code) == ((204, 204) if choice == "allow" else (409, 409))


@pytest.mark.anyio
@pytest.mark.parametrize(("choice", "status"), [("forbidden", 403), ("not_found", 404)])
async def test_reading_without_permission_is_a_choice(choice: Any, status: int) -> None:
    fake = FakeSnyk.example(no_access=choice)
    fake.add_token("weak", permissions=[])
    async with http_for(fake, "weak") as http:
        assert (await http.get(f"/rest/groups?{V}")).status_code == 200
        assert (await http.get(f"/rest/groups/{fake.group_id}?{V}")).status_code == status
        url = f"/rest/groups/{fake.group_id}/memberships/{fake.group_id}?{V}"
        assert (await http.delete(url)).status_code == 403


@pytest.mark.anyio
async def test_limits_versions_and_lifecycle_headers() -> None:
    now = 0.0
    fake = FakeSnyk.example(
        rate_limit=2,
        clock=lambda: now,
        deprecation="2026-01-01T00:00:00Z",
        sunset="2027-01-01",
        retired_before=date(2023, 1, 1),
    )
    async with http_for(fake) as http:
        first = await http.get(f"/rest/groups?{V}")
        assert first.headers["snyk-version-lifecycle-stage"] == "deprecated"
        assert (first.headers["deprecation"], first.headers["sunset"]) == (
            "2026-01-01T00:00:00Z",
            "2027-01-01",
        )
        assert (await http.get("/rest/groups?version=2022-12-31")).status_code == 410
        now = 20.0
        refused = await http.get(f"/rest/groups?{V}")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == refused.headers["x-ratelimit-reset"] == "40"
        now = 60.0
        assert (await http.get(f"/rest/groups?{V}")).status_code == 200


@pytest.mark.anyio
async def test_access_tokens_are_granted_and_expire(fake: FakeSnyk) -> None:
    fake.add_oauth_client("id", "s3cret-value", token_lifetime=60)
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "s3cret-value"}
    async with httpx.AsyncClient(transport=fake.transport(), base_url="http://fake") as http:
        assert (await http.get("/oauth2/token")).status_code == 405
        assert (await http.post("/oauth2/token", json=form)).json()["error"] == "invalid_request"
        wrong = await http.post("/oauth2/token", data={**form, "grant_type": "password"})
        assert wrong.json()["error"] == "unsupported_grant_type"
        stranger = await http.post("/oauth2/token", data={**form, "client_id": "x"})
        assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_client")
        granted = (await http.post("/oauth2/token", data=form)).json()
        assert granted["expires_in"] == 60
        headers = {"authorization": f"Bearer {granted['access_token']}"}
        assert (await http.get(f"/rest/groups?{V}", headers=headers)).status_code == 200
        fake.expire_access_tokens()
        assert (await http.get(f"/rest/groups?{V}", headers=headers)).status_code == 401
    assert "s3cret-value" not in repr(fake.requests)
    assert granted["access_token"] not in repr(fake.requests)


@pytest.mark.anyio
async def test_failures_on_demand(http: httpx.AsyncClient, fake: FakeSnyk) -> None:
    url = f"/rest/groups?{V}"
    fake.fail_next(status=503, times=2, headers={"Retry-After": "7"})
    for _ in range(2):
        response = await http.get(url)
        assert (response.status_code, response.headers["retry-after"]) == (503, "7")
        assert response.json()["errors"][0]["code"] == "SNYK-9999"
    assert (await http.get(url)).status_code == 200
    fake.fail_next(status=500, body="<h1>no</h1>", method="DELETE")
    fake.fail_next(status=418, body=b"tea", path="/memberships")
    fake.fail_next(status=302)
    assert (await http.get(url)).status_code == 302
    assert (await http.get(f"/rest/groups/{fake.group_id}/memberships?{V}")).text == "tea"
    assert (await http.delete(f"/rest/groups/{fake.group_id}/memberships/x?{V}")).text == "<h1>no</h1>"
    assert [r.status for r in fake.requests] == [503, 503, 200, 302, 418, 500]
    assert all(r.headers["authorization"] == "token ***" for r in fake.requests)
    assert fake.TOKEN not in repr(fake.requests)


def test_builders_and_reading_back() -> None:
    fake = FakeSnyk(seed=1, record_limit=0)
    group = fake.add_group("A B")
    role = fake.add_role("Group Member")
    user = fake.add_user(name="Zoë Ünal", email="z@example.com", username="zoe", login_method="saml")
    fake.add_membership(group.id, user.id, role.id)
    with pytest.raises(ValueError, match="already"):
        fake.add_membership(group.id, user.id, role.id)
    with pytest.raises(KeyError):
        fake.add_membership(group.id, "nobody", role.id)
    connection = fake.add_sso_connection(group.id)
    fake.add_sso_user(connection.id, user.id, strategy="indirect")
    assert [m.user.name for m in fake.memberships(group.id)] == ["Zoë Ünal"]
    assert fake.sso_connections(group.id) == [connection]
    assert fake.users() == [user]
    assert FakeSnyk(seed=1).add_group().id == group.id != FakeSnyk(seed=2).add_group().id
    with fake.client() as client:
        assert client.get_group(group.id).slug == "a-b"
    assert fake.requests == []


def test_ten_thousand_members_and_their_pages() -> None:
    fake = FakeSnyk.with_members(10_000)
    with fake.client(rate_limit=None) as client:
        assert len({m.id for m in client.list_memberships(fake.group_id, sort_by="username")}) == 10_000


@pytest.mark.anyio
async def test_other_scopes_are_refused_and_lifespan_is_answered(fake: FakeSnyk) -> None:
    sent: list[Any] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Any:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await fake({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(RuntimeError, match="HTTP only"):
        await fake({"type": "websocket"}, receive, send)
    await fake({"type": "http"}, receive, send)  # the caller has gone
    assert len(sent) == 2


@settings(max_examples=share(300))
@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT"]),
    path=st.one_of(
        st.text(max_size=30).map(lambda text: "/" + text),
        st.lists(
            st.sampled_from(["rest", "groups", "GROUP", "memberships", "sso_connections", "users", "x", ""])
        ).map(lambda parts: "/" + "/".join(parts)),
    ),
    query=st.one_of(
        st.text(max_size=40), st.just(V), st.text(max_size=20).map(lambda t: f"{V}&starting_after=v1.{t}")
    ),
    body=st.one_of(
        st.binary(max_size=50),
        st.recursive(
            st.none() | st.text(max_size=5),
            lambda inner: st.dictionaries(
                st.sampled_from(["data", "id", "type", "relationships", "role", "user", "group"]),
                inner,
                max_size=4,
            ),
            max_leaves=8,
        ).map(lambda d: json.dumps(d).encode()),
    ),
)
def test_nothing_that_is_sent_breaks_it(method: str, path: str, query: str, body: bytes) -> None:
    fake = FUZZED
    raw = path.replace("GROUP", fake.group_id).encode("utf-8", "surrogatepass")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": raw,
        "query_string": query.encode("utf-8", "surrogatepass"),
        "headers": [
            (b"authorization", f"token {fake.TOKEN}".encode()),
            (b"content-type", b"application/json"),
        ],
    }
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    async def ask() -> None:
        await fake(scope, receive, send)

    anyio.run(ask)
    assert statuses
    assert statuses[0] < 500


FUZZED = FakeSnyk.example()


def test_the_fixture_is_an_example(fake_snyk: FakeSnyk) -> None:
    assert len(fake_snyk.memberships(fake_snyk.group_id)) == 36


def test_the_pytest_plugin_costs_nothing_until_it_is_used() -> None:
    code = (
        "import sys, groups_sdk.testing._pytest_plugin\n"
        "assert not {'httpx', 'cattrs', 'attrs', 'anyio.from_thread', 'groups_sdk.testing._fake'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.anyio
async def test_a_record_is_served_otherwise_than_it_is_kept(http: httpx.AsyncClient, fake: FakeSnyk) -> None:
    kept, other = fake.memberships(fake.group_id)[:2]
    url = f"/rest/groups/{fake.group_id}/memberships?{V}&email={kept.user.email}"
    before = (await http.get(url)).json()["data"][0]
    fake.alter_record(kept.id.upper(), "attributes.created_at", 5)
    fake.alter_record(kept.id, "relationships.user.data.attributes")
    fake.alter_record(kept.id, "relationships.user.data.attributes.email", "lost: nothing is around it")
    fake.alter_record(kept.id, "nowhere.at.all", 1)
    fake.alter_record(other.id, "id", "not asked for")
    (served,) = (await http.get(url)).json()["data"]
    del before["relationships"]["user"]["data"]["attributes"]
    assert served == {**before, "attributes": {"created_at": 5}}
    assert fake.memberships(fake.group_id)[0].user.email == kept.user.email
    fake.alter_record(fake.group_id, "attributes.name")
    assert "name" not in (await http.get(f"/rest/groups/{fake.group_id}?{V}")).json()["data"]["attributes"]
