"""FakeSnyk is strict where the API is known to be: methods, media types, encodings, cursors, limits for each caller."""

from __future__ import annotations

import gc
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import clock
from support.hanging import TimingOut
from support.loopback import served

from groups_sdk import GroupsClient, RequestTimeoutError, RetryPolicy
from groups_sdk.testing import FakeSnyk

V = "version=2025-11-05"
KIND = "application/vnd.api+json"
ONCE = RetryPolicy(max_attempts=1)
SORTS = (None, "username", "user_display_name", "email", "login_method", "role_name")


@pytest.fixture
def fake() -> FakeSnyk:
    return FakeSnyk.example()


@pytest.fixture
async def http(fake: FakeSnyk, anyio_backend: object) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"token {fake.TOKEN}"}
    async with httpx.AsyncClient(
        transport=fake.transport(), base_url="http://fake/rest", headers=headers
    ) as client:
        yield client


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "PUT", "PURGE", "get"])
async def test_other_methods_are_told_which_there_are(
    http: httpx.AsyncClient, fake: FakeSnyk, method: str
) -> None:
    # httpx writes methods in upper case; what is no method is none of ours in any case
    async def ask(path: str) -> httpx.Response:
        request = http.build_request("GET", path)
        request.method = method
        return await http.send(request)

    response = await ask(f"/groups/{fake.group_id}/memberships?{V}")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")
    assert (response.content == b"") is (method == "HEAD")
    assert (await ask(f"/groups/{fake.group_id}/memberships/x?{V}")).headers["allow"] == "PATCH, DELETE"
    assert (await ask("/nothing")).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (KIND, 200),
        ("*/*", 200),
        ("application/*", 200),
        ("Application/VND.api+json", 200),
        (f"text/html, {KIND};q=0.5", 200),
        ("", 200),
        ("application/json", 406),
        ("text/html", 406),
        (f"{KIND};q=0", 406),
        (f"{KIND};q=0.00, text/html", 406),
    ],
)
async def test_who_does_not_take_the_answer_gets_none(
    http: httpx.AsyncClient, accept: str, status: int
) -> None:
    response = await http.get(f"/groups?{V}", headers={"accept": accept})
    assert response.status_code == status
    assert response.headers["content-type"] == KIND


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("content_type", "status"),
    [(KIND, 400), (f"{KIND}; charset=utf-8", 400), (KIND.upper(), 400), ("application/json", 415), ("", 415)],
)
async def test_a_body_has_one_media_type(
    http: httpx.AsyncClient, fake: FakeSnyk, content_type: str, status: int
) -> None:
    url = f"/groups/{fake.group_id}/memberships?{V}"
    response = await http.post(url, content=b"{}", headers={"content-type": content_type})
    assert response.status_code == status


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("email=", 400),
        ("username=", 400),
        ("role_name=", 400),
        ("user_id=", 400),
        ("sort_by=", 400),
        ("limit=", 400),
        ("limit=010", 400),
        ("limit=%D9%A1%D9%A0", 400),  # ten in Arabic digits
        ("starting_after=", 400),
        ("include_group_membership_count=", 400),
        ("=x", 400),
        ("email=a&email=a", 400),
        ("email=a&%65mail=b", 400),
        ("email=%ff", 400),
        ("%ff=1", 400),
        ("email=%00", 200),
        ("email=%F0%9F%A6%8A", 200),
        (f"email={'x' * 50_000}", 200),
        (f"{'x' * 50_000}=1", 400),
    ],
)
async def test_queries_are_read_strictly(
    http: httpx.AsyncClient, fake: FakeSnyk, query: str, status: int
) -> None:
    response = await http.get(f"/groups/{fake.group_id}/memberships?{V}&{query}")
    assert response.status_code == status
    if status == 200:
        assert response.json()["data"] == []


@pytest.mark.anyio
async def test_bytes_that_no_url_may_have_are_read_as_if_escaped(fake: FakeSnyk) -> None:
    ada = fake.add_user(username="ada#1\u00e9")
    role = next(role for role in fake.roles() if role.kind == "group_role")
    fake.add_membership(fake.group_id, ada.id, role.id)
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/rest/groups/{fake.group_id}/memberships",
        "query_string": f"{V}&username=ada#1\u00e9".encode(),
        "headers": [(b"authorization", f"token {fake.TOKEN}".encode())],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await fake(scope, receive, send)
    assert [m["relationships"]["user"]["data"]["id"] for m in json.loads(sent[1]["body"])["data"]] == [ada.id]


@pytest.mark.anyio
async def test_ids_have_no_case(http: httpx.AsyncClient, fake: FakeSnyk) -> None:
    member = fake.memberships(fake.group_id)[0]
    fake.add_token("narrow", groups=[fake.group_id.upper()])
    headers = {"authorization": "token narrow"}
    path = f"/groups/{fake.group_id.upper()}"
    assert (await http.get(f"{path}?{V}", headers=headers)).status_code == 200
    found = await http.get(f"{path}/memberships?{V}&user_id={member.user.id.upper()}")
    assert [item["id"] for item in found.json()["data"]] == [member.id]
    below = await http.get(f"{path}/org_memberships?{V}&user_id={member.user.id.upper()}")
    assert len(below.json()["data"]) == len(fake.org_memberships(fake.group_id, member.user.id)) > 0
    response = await http.delete(f"{path}/memberships/{member.id.upper()}?{V}&cascade=true")
    assert response.status_code == 204
    assert member not in fake.memberships(fake.group_id)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"\xef\xbb\xbf{}",
        '{"data": {}}'.encode("utf-16"),
        b'{"data": NaN}',
        b'{"data": ' + b"9" * 10_000 + b"}",
        b"",
    ],
)
async def test_what_is_not_json_is_refused(http: httpx.AsyncClient, fake: FakeSnyk, body: bytes) -> None:
    url = f"/groups/{fake.group_id}/memberships?{V}"
    response = await http.post(url, content=body, headers={"content-type": KIND})
    assert response.status_code == 400
    assert response.json()["errors"][0]["source"] == {"pointer": "/"}


@pytest.mark.anyio
async def test_no_object_of_a_body_may_have_more_members(http: httpx.AsyncClient, fake: FakeSnyk) -> None:
    member = fake.memberships(fake.group_id)[0]
    role = {"data": {"id": member.role.id, "type": "group_role"}}
    change = {"id": member.id, "type": "group_membership", "relationships": {"role": role}}
    creation = {
        "type": "group_membership",
        "relationships": {
            "role": role,
            "group": {"data": {"id": fake.group_id, "type": "group"}},
            "user": {"data": {"id": fake.add_user().id, "type": "user"}},
        },
    }
    url = f"/groups/{fake.group_id}/memberships"

    def objects(value: Any) -> list[dict[str, Any]]:
        return [value, *(o for v in value.values() for o in objects(v))] if isinstance(value, dict) else []

    for method, target, data in (("PATCH", f"{url}/{member.id}", change), ("POST", url, creation)):
        body = {"data": data}

        async def status(method: str = method, target: str = target, body: Any = body) -> int:
            headers = {"content-type": KIND}
            response = await http.request(method, f"{target}?{V}", content=json.dumps(body), headers=headers)
            return response.status_code

        assert len(objects(body)) in (5, 9)
        for each in objects(body):
            each["surprise"] = 1
            assert await status() == 400
            del each["surprise"]
        assert await status() in (201, 204)
    change["attributes"] = {}
    assert (
        await http.patch(f"{url}/{member.id}?{V}", json={"data": change}, headers={"content-type": KIND})
    ).status_code == 204
    change["attributes"] = 1
    assert (
        await http.patch(f"{url}/{member.id}?{V}", json={"data": change}, headers={"content-type": KIND})
    ).status_code == 400


@pytest.mark.anyio
async def test_a_cursor_is_good_for_its_own_order_only(fake: FakeSnyk) -> None:
    async with fake.async_client(retries=ONCE) as client:

        async def follows(cursor: str, **options: Any) -> bool:
            try:
                await client.list_memberships(fake.group_id, starting_after=cursor, **options).first()
            except Exception as error:
                assert "starting_after is not a cursor of this listing" in str(error)
                return False
            return True

        default = await anext(client.list_memberships(fake.group_id, limit=10).pages())
        by_email = await anext(client.list_memberships(fake.group_id, limit=10, sort_by="email").pages())
        assert default.next_cursor is not None
        assert by_email.next_cursor is not None
        assert await follows(default.next_cursor)
        assert await follows(default.next_cursor, role_name="Group Member")
        assert await follows(by_email.next_cursor, sort_by="email")
        assert await follows(by_email.next_cursor, sort_by="email", sort_order="DESC")
        assert not await follows(default.next_cursor, sort_by="email")
        assert not await follows(by_email.next_cursor)
        assert not await follows(by_email.next_cursor, sort_by="email", sort_order="ASC")
        assert not await follows(by_email.next_cursor, sort_by="username")
        with pytest.raises(Exception, match="not a cursor of this listing"):
            await client.list_groups(starting_after=default.next_cursor).first()


@pytest.mark.anyio
async def test_each_caller_has_a_limit_of_its_own() -> None:
    fake = FakeSnyk.example(rate_limit=2, clock=lambda: 0.0)
    fake.add_token("one", user_id="ada")
    fake.add_token("two", user_id="ada")
    fake.add_token("three")
    fake.add_oauth_client("id", "secret")
    form = {"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}
    async with httpx.AsyncClient(transport=fake.transport(), base_url="http://fake") as http:
        granted = [(await http.post("/oauth2/token", data=form)).json()["access_token"] for _ in range(2)]

        async def statuses(*tokens: str) -> list[int]:
            return [
                (await http.get(f"/rest/groups?{V}", headers={"authorization": token})).status_code
                for token in tokens
            ]

        assert await statuses("token one", "token two", "token one") == [200, 200, 429]
        assert await statuses("token three", "token three", "token three") == [200, 200, 429]
        assert await statuses(*(f"Bearer {token}" for token in (*granted, granted[0]))) == [200, 200, 429]
        assert await statuses("token wrong", "token wrong", "token wrong") == [401, 401, 401]


@pytest.mark.anyio
async def test_each_service_account_has_a_lifetime_of_its_own() -> None:
    fake = FakeSnyk()
    fake.add_oauth_client("short", "secret", token_lifetime=60)
    fake.add_oauth_client("long", "secret", token_lifetime=600)
    async with httpx.AsyncClient(transport=fake.transport(), base_url="http://fake") as http:
        for account, lifetime in (("short", 60), ("long", 600)):
            form = {"grant_type": "client_credentials", "client_id": account, "client_secret": "secret"}
            assert (await http.post("/oauth2/token", data=form)).json()["expires_in"] == lifetime


@pytest.mark.anyio
@pytest.mark.parametrize("sort_by", [None, "email"])
@pytest.mark.parametrize("twists", [1, 3])
async def test_an_empty_page_loses_nothing(fake: FakeSnyk, sort_by: str | None, twists: int) -> None:
    async with fake.async_client() as client:

        async def ids(**options: Any) -> list[str]:
            listing = client.list_memberships(fake.group_id, sort_by=sort_by, limit=10, **options)
            pages = listing.pages()
            page = await anext(pages)
            found = [[m.id for m in page.items]]
            for _ in range(twists):
                fake.twist_next_page("empty")
            async for page in pages:
                found.append([m.id for m in page.items])
            return [
                id_ for page_ids in (found[::-1] if "ending_before" in options else found) for id_ in page_ids
            ]

        whole = [m.id async for m in client.list_memberships(fake.group_id, sort_by=sort_by)]
        assert await ids() == whole
        *_, last = [
            p async for p in client.list_memberships(fake.group_id, sort_by=sort_by, limit=10).pages()
        ]
        backwards = await ids(ending_before=last.prev_cursor)
        assert backwards == whole[: len(whole) - len(last.items)]
        fake.twist_next_page("empty")  # the very first page
        assert [m.id async for m in client.list_memberships(fake.group_id, sort_by=sort_by)] == whole
        fake.twist_next_page("empty")
        assert len(await client.list_groups().collect()) == 3


@pytest.mark.anyio
async def test_a_request_can_be_left_hanging(fake: FakeSnyk) -> None:
    member = fake.memberships(fake.group_id)[1]
    transport = httpx.ASGITransport(app=TimingOut(fake, 30))
    async with fake.async_client(transport=transport, retries=ONCE, timeout=30) as client:
        fake.hang_next(method="GET", path="/memberships", times=2)
        for _ in range(2):
            with pytest.raises(RequestTimeoutError):
                await client.list_memberships(fake.group_id).first()
        assert await client.list_memberships(fake.group_id).first() is not None
        fake.hang_next()
        with pytest.raises(RequestTimeoutError):
            await client.delete_membership(fake.group_id, member.id, cascade=True)
        assert member in fake.memberships(fake.group_id)
        fake.hang_next(after=True)
        with pytest.raises(RequestTimeoutError):
            await client.delete_membership(fake.group_id, member.id, cascade=True)
        assert member not in fake.memberships(fake.group_id)
    assert [request.status for request in fake.requests] == [0, 0, 200, 0, 0]


@pytest.mark.anyio
async def test_a_hanging_request_ends_when_its_caller_hangs_up(fake: FakeSnyk) -> None:
    ended = anyio.Event()
    arrived = anyio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def watched() -> Any:
            message = await receive()
            arrived.set()
            return message

        await fake(scope, watched, send)
        ended.set()

    fake.hang_next()
    messages = [{"type": "http.request"}, {"type": "http.request"}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        raise AssertionError("it was to say nothing")

    scope = {"type": "http", "method": "GET", "path": "/rest/groups", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert ended.is_set()
    assert messages == []


def test_hanging_over_a_socket_ends_with_the_clients_timeout(fake: FakeSnyk) -> None:
    fake.hang_next()
    loop = clock.options("asyncio")
    with served(TimingOut(fake, 30)) as url:
        with GroupsClient(fake.TOKEN, base_url=url, retries=ONCE, timeout=30, backend_options=loop) as client:
            with pytest.raises(RequestTimeoutError):
                client.list_groups().first()
            assert [request.status for request in fake.requests] == [0]
            assert client.list_groups().first() is not None
    # the server has ended, so it does not wait for that request any longer


def page_of(client: GroupsClient, fake: FakeSnyk, **options: Any) -> list[str]:
    return [m.id for m in client.list_memberships(fake.group_id, **options)]


def sorted_ids(fake: FakeSnyk, sort_by: str | None, role_name: str | None) -> list[str]:
    """What a listing has to be, sorted here and now."""
    text = {
        None: lambda m: "",
        "username": lambda m: m.user.username,
        "user_display_name": lambda m: m.user.name,
        "email": lambda m: m.user.email,
        "login_method": lambda m: m.user.login_method or "",
        "role_name": lambda m: m.role.name,
    }[sort_by]
    kept = [m for m in fake.memberships(fake.group_id) if role_name in (None, m.role.name)]
    ordered = sorted(kept, key=lambda m: (text(m), m.sequence), reverse=sort_by is not None)
    return [m.id for m in ordered]


@pytest.mark.unmeasured
@settings(max_examples=12)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "change", "remove", "remove user"]), st.integers(0, 40), st.integers(0, 2)
        ),
        max_size=12,
    )
)
def test_listings_that_were_looked_at_follow_every_change(steps: list[tuple[str, int, int]]) -> None:
    fake = FakeSnyk.example(record_limit=0)
    roles = [role for role in fake.roles() if role.kind == "group_role"]
    (connection,) = fake.sso_connections(fake.group_id)
    views = [(sort_by, role) for sort_by in SORTS for role in (None, *(r.name for r in roles))]
    with fake.client(rate_limit=None) as client:
        for sort_by, role in views:  # from here on they are kept
            page_of(client, fake, sort_by=sort_by, role_name=role)
        for kind, number, which in steps:
            members = fake.memberships(fake.group_id)
            member = members[number % len(members)]
            if kind == "add":
                client.create_membership(fake.group_id, user_id=fake.add_user().id, role_id=roles[which].id)
            elif kind == "change":
                client.update_membership(fake.group_id, member.id, role_id=roles[which].id)
            elif kind == "remove":
                client.delete_membership(fake.group_id, member.id, cascade=True)
            elif members := [record.user.id for record in fake.sso_users(connection.id)]:
                client.delete_sso_user(fake.group_id, connection.id, members[number % len(members)])
        for sort_by, role in views:
            assert page_of(client, fake, sort_by=sort_by, role_name=role) == sorted_ids(fake, sort_by, role)
        for member in fake.memberships(fake.group_id)[:5]:
            user = member.user
            assert page_of(client, fake, email=user.email.upper()) == [member.id]
            assert page_of(client, fake, username=user.username) == [member.id]
            assert page_of(client, fake, user_id=user.id, email=user.email, username=user.username) == [
                member.id
            ]
            assert page_of(client, fake, user_id=user.id, role_name=member.role.name) == [member.id]
            assert page_of(client, fake, user_id=user.id, role_name="Nobody") == []
            assert page_of(client, fake, user_id=user.id, username="nobody") == []
        assert page_of(client, fake, role_name="Nobody") == []
        assert page_of(client, fake, email="nobody") == []


def test_records_are_for_reading(fake: FakeSnyk) -> None:
    member = fake.memberships(fake.group_id)[0]
    with pytest.raises(AttributeError):
        member.role = fake.roles()[1]  # type: ignore[misc]
    with pytest.raises(AttributeError):
        member.user.email = "x"  # type: ignore[misc]


@pytest.mark.parametrize("collecting", [True, False])
def test_many_members_leave_the_garbage_collector_as_it_was(collecting: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        FakeSnyk.with_members(10)
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()
