"""What the two clients do, against a Groups API in memory: one suite for both."""

from __future__ import annotations

import inspect
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from datetime import date
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from groups_sdk import (
    AsyncGroupsClient,
    BadRequestError,
    ConfigurationError,
    ConflictError,
    DecodeError,
    ForbiddenError,
    GoneError,
    GroupsClient,
    InvalidArgumentError,
    NotFoundError,
    OAuthClientCredentials,
    PaginationError,
    RetryPolicy,
    ServerError,
    UnauthorizedError,
)
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

AT_ONCE = RetryPolicy(backoff_base=0.0)
NOWHERE = "99999999-9999-4999-8999-999999999999"


class Either:
    """Either client under one asynchronous face: the synchronous one runs in a worker thread."""

    def __init__(self, client: AsyncGroupsClient | GroupsClient) -> None:
        self._client = client

    async def __call__(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method; of a listing, all items."""
        if isinstance(self._client, AsyncGroupsClient):
            result = getattr(self._client, name)(*args, **options)
            return await (result if inspect.iscoroutine(result) else result.collect())
        return await anyio.to_thread.run_sync(partial(self._blocking, name, *args, **options))

    def _blocking(self, name: str, *args: Any, **options: Any) -> Any:
        result = getattr(self._client, name)(*args, **options)
        return result.collect() if hasattr(result, "collect") else result

    async def pages(self, name: str, *args: Any, **options: Any) -> list[Any]:
        listing = getattr(self._client, name)(*args, **options)
        if isinstance(self._client, AsyncGroupsClient):
            return [page async for page in listing.pages()]
        return await anyio.to_thread.run_sync(lambda: list(listing.pages()))

    def listing(self, name: str, *args: Any, **options: Any) -> Any:
        return getattr(self._client, name)(*args, **options)

    async def collected(self, listing: Any) -> list[Any]:
        if isinstance(self._client, AsyncGroupsClient):
            return list(await listing.collect())
        return list(await anyio.to_thread.run_sync(listing.collect))

    async def iterated(self, name: str, *args: Any, **options: Any) -> list[Any]:
        listing = getattr(self._client, name)(*args, **options)
        if isinstance(self._client, AsyncGroupsClient):
            return [item async for item in listing]
        return await anyio.to_thread.run_sync(lambda: list(listing))


@pytest.fixture
def fake() -> FakeSnyk:
    return FakeSnyk.example()


@pytest.fixture(params=["async", "sync"])
async def client(
    request: pytest.FixtureRequest, fake: FakeSnyk, anyio_backend: object
) -> AsyncIterator[Either]:
    if request.param == "async":
        async with fake.async_client(retries=AT_ONCE) as client:
            yield Either(client)
    else:
        with fake.client(retries=AT_ONCE) as sync_client:
            yield Either(sync_client)


async def test_groups_are_listed_and_read(client: Either, fake: FakeSnyk) -> None:
    groups = await client("list_groups")
    assert [g.name for g in groups] == ["Engineering", "Research", "Security Champions"]
    assert groups[0].created_at is None
    group = await client("get_group", fake.group_id)
    assert (group.id, group.name, group.slug) == (fake.group_id, "Engineering", "engineering")
    assert group.created_at.tzinfo is not None
    assert None not in (group.tenant_id, group.avatar_url, group.logo_url, group.updated_at)


@pytest.mark.parametrize("link_form", ["string", "object", "absolute"])
@pytest.mark.parametrize("links", ["mixed", "with_rest", "without_rest"])
async def test_every_member_is_listed_once_whatever_the_links_look_like(link_form: Any, links: Any) -> None:
    fake = FakeSnyk.example(link_form=link_form, links=links)
    async with fake.async_client() as c:
        for limit in (10, 20, 100):
            ids = [m.id async for m in c.list_memberships(fake.group_id, limit=limit)]
            assert ids == [m.id for m in fake.memberships(fake.group_id)]
    with fake.client() as sync:
        assert len(list(sync.list_memberships(fake.group_id, limit=10))) == 36
    assert all(request.path.startswith("/rest/groups") for request in fake.requests)


@pytest.mark.parametrize("sort_by", ["username", "user_display_name", "email", "login_method", "role_name"])
@pytest.mark.parametrize("sort_order", ["ASC", "DESC", None])
async def test_sorting(client: Either, fake: FakeSnyk, sort_by: str, sort_order: str | None) -> None:
    members = await client.iterated(
        "list_memberships", fake.group_id, sort_by=sort_by, sort_order=sort_order, limit=10
    )
    keys = {
        "username": lambda m: m.user.username,
        "user_display_name": lambda m: m.user.name,
        "email": lambda m: m.user.email,
        "login_method": lambda m: m.user.login_method,
        "role_name": lambda m: m.role.name,
    }
    found = [keys[sort_by](m) for m in members]
    assert found == sorted(found, reverse=sort_order != "ASC")
    assert len({m.id for m in members}) == 36


async def test_filters(client: Either, fake: FakeSnyk) -> None:
    everyone = await client("list_memberships", fake.group_id)
    one = everyone[7]
    for name, value in (
        ("email", one.user.email),
        ("user_id", one.user.id),
        ("username", one.user.username),
    ):
        assert await client("list_memberships", fake.group_id, **{name: value}) == [one]
    admins = await client("list_memberships", fake.group_id, role_name="Group Admin")
    assert [m.id for m in admins] == [m.id for m in everyone if m.role.name == "Group Admin"]
    assert await client("list_memberships", fake.group_id, email="nobody@example.com") == []


async def test_the_count_comes_when_it_is_asked_for(client: Either, fake: FakeSnyk) -> None:
    members = await client("list_memberships", fake.group_id, include_group_membership_count=True)
    assert {m.group_membership_count for m in members} == {36}
    assert {m.group_membership_count for m in await client("list_memberships", fake.group_id)} == {None}


async def test_a_listing_resumes_from_a_cursor_and_goes_backwards(client: Either, fake: FakeSnyk) -> None:
    ids = [m.id for m in fake.memberships(fake.group_id)]
    pages = await client.pages("list_memberships", fake.group_id, limit=10)
    assert [len(page.items) for page in pages] == [10, 10, 10, 6]
    rest = await client("list_memberships", fake.group_id, limit=10, starting_after=pages[1].next_cursor)
    assert [m.id for m in rest] == ids[20:]
    back = await client("list_memberships", fake.group_id, limit=10, ending_before=pages[2].prev_cursor)
    assert [m.id for m in back] == ids[:20][::-1]
    assert pages[0].response.version_served == "2025-11-05"
    assert pages[0].response.lifecycle_stage == "ga"
    assert pages[0].response.request_id


async def test_an_empty_page_with_a_next_one_is_not_the_end(client: Either, fake: FakeSnyk) -> None:
    fake.twist_next_page("empty")
    assert len(await client.iterated("list_memberships", fake.group_id, limit=10)) == 36


async def test_a_page_that_leads_to_itself_is_an_error_and_not_for_ever(
    client: Either, fake: FakeSnyk
) -> None:
    fake.twist_next_page("self")
    with pytest.raises(PaginationError, match="no cursor"):
        await client("list_memberships", fake.group_id, limit=10)
    start = (await client.pages("list_memberships", fake.group_id, limit=10))[0].next_cursor
    fake.twist_next_page("self")
    with pytest.raises(PaginationError, match="second time"):
        await client("list_memberships", fake.group_id, limit=10, starting_after=start)


async def test_a_first_page_with_room_left_that_leads_to_itself_is_the_end(
    client: Either, fake: FakeSnyk
) -> None:
    fake.twist_next_page("self")
    assert len(await client("list_memberships", fake.group_id)) == 36


LISTINGS = {
    "list_groups": lambda fake: ((), fake.groups()[1].id, "attributes"),
    "list_memberships": lambda fake: (
        (fake.group_id,),
        fake.memberships(fake.group_id)[1].id,
        "relationships.role.data",
    ),
    "list_org_memberships": lambda fake: (
        (fake.group_id,),
        fake.org_memberships(fake.group_id, fake.users()[0].id)[0].id,
        "relationships",
    ),
    "list_sso_connections": lambda fake: (
        (fake.group_id,),
        fake.sso_connections(fake.group_id)[0].id,
        "attributes.name",
    ),
    "list_sso_users": lambda fake: (
        (fake.group_id, fake.sso_connections(fake.group_id)[0].id),
        fake.sso_users(fake.sso_connections(fake.group_id)[0].id)[1].user.id,
        "attributes.active",
    ),
}


@pytest.mark.parametrize("name", LISTINGS)
async def test_one_odd_record_costs_one_record(
    client: Either, fake: FakeSnyk, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    ids, broken, place = LISTINGS[name](fake)
    options = {"user_id": fake.users()[0].id} if name == "list_org_memberships" else {}
    whole = await client(name, *ids, **options)
    fake.alter_record(broken, place, ["secret"])
    with pytest.raises(DecodeError, match="on_decode_error='skip' leaves out") as caught:
        await client(name, *ids, **options)
    assert (caught.value.record_id, caught.value.in_record, caught.value.cursor) == (broken, True, None)
    assert f"the record '{broken}' on the first page" in str(caught.value)
    assert caplog.records == []
    (page,) = await client.pages(name, *ids, **options, on_decode_error="skip")
    assert list(page.items) == [item for item in whole if item.id != broken]
    (problem,) = page.problems
    assert (problem.id, problem.path) == (broken, caught.value.path)
    assert problem.message == caught.value.problem
    assert "secret" in str(problem.data)
    assert "secret" not in f"{problem} {problem!r} {page!r}"
    (logged,) = caplog.records
    assert (logged.name, logged.levelname) == ("groups_sdk", "WARNING")
    assert broken in logged.getMessage()
    assert "secret" not in logged.getMessage()


async def test_a_listing_has_the_problems_of_its_latest_iteration(client: Either, fake: FakeSnyk) -> None:
    for number in (3, 17):
        fake.alter_record(fake.memberships(fake.group_id)[number].id, "relationships.user.data.id", 5)
    listing = client.listing("list_memberships", fake.group_id, limit=10, on_decode_error="skip")
    assert listing.problems == ()
    for _ in range(2):
        assert len(await client.collected(listing)) == 34
        assert [problem.path for problem in listing.problems] == [
            "data[3].relationships.user.data.id",
            "data[7].relationships.user.data.id",
        ]
    assert listing.problems[0].cursor is None
    start = listing.problems[1].cursor
    (again, *_) = await client.pages(
        "list_memberships", fake.group_id, limit=10, starting_after=start, on_decode_error="skip"
    )
    assert again.problems == listing.problems[1:]


async def test_the_first_item_is_that_of_a_later_page_where_all_are_broken(
    client: Either, fake: FakeSnyk
) -> None:
    members = fake.memberships(fake.group_id)
    for membership in members[:10]:
        fake.alter_record(membership.id, "relationships.user.data.id", 5)
    found = await client.iterated("list_memberships", fake.group_id, limit=10, on_decode_error="skip")
    assert [item.id for item in found] == [membership.id for membership in members[10:]]


async def test_what_to_do_with_odd_records_is_checked_at_once(client: Either) -> None:
    for wrong in ("ignore", None, True):
        with pytest.raises(InvalidArgumentError, match="on_decode_error must be raise or skip"):
            client.listing("list_groups", on_decode_error=wrong)


async def test_a_page_that_is_broken_as_a_whole_is_an_error_all_the_same(
    client: Either, fake: FakeSnyk
) -> None:
    for body in ({"data": 5}, [], b"<html></html>"):
        fake.fail_next(status=200, body=body)
        with pytest.raises(DecodeError) as caught:
            await client("list_groups", on_decode_error="skip")
        assert not caught.value.in_record


async def test_a_byte_order_mark_in_front_of_an_answer(client: Either, fake: FakeSnyk) -> None:
    fake.fail_next(status=200, body=b'\xef\xbb\xbf{"data": [], "links": {"next": ""}}')
    assert await client("list_groups") == []


async def test_no_links_is_the_end(client: Either, fake: FakeSnyk) -> None:
    fake.twist_next_page("no_links")
    assert len(await client("list_memberships", fake.group_id, limit=10)) == 10


async def test_a_role_changes(client: Either, fake: FakeSnyk) -> None:
    members = await client("list_memberships", fake.group_id)
    admin, other = members[0], members[1]
    assert admin.role != other.role
    assert await client("update_membership", fake.group_id, other.id, role_id=admin.role.id) is None
    (now,) = await client("list_memberships", fake.group_id, user_id=other.user.id)
    assert now.role == admin.role


async def test_a_removal_wants_cascade_where_there_are_organizations(client: Either, fake: FakeSnyk) -> None:
    member = (await client("list_memberships", fake.group_id))[0]
    with pytest.raises(ConflictError, match="cascade"):
        await client("delete_membership", fake.group_id, member.id)
    with pytest.raises(ConflictError):
        await client("delete_membership", fake.group_id, member.id, cascade=False)
    assert fake.org_memberships(fake.group_id, member.user.id)
    await client("delete_membership", fake.group_id, member.id, cascade=True)
    assert not fake.org_memberships(fake.group_id, member.user.id)
    assert member.id not in {m.id for m in fake.memberships(fake.group_id)}
    with pytest.raises(NotFoundError) as caught:
        await client("delete_membership", fake.group_id, member.id, cascade=True)
    assert caught.value.request_id == fake.requests[-1].request_id
    assert (caught.value.method, caught.value.code) == ("DELETE", "SNYK-OPENAPI-0004")
    assert caught.value.path.endswith(member.id)


async def test_a_member_is_created_once(client: Either, fake: FakeSnyk) -> None:
    user, role = fake.add_user(), fake.roles()[0]
    created = await client("create_membership", fake.group_id, user_id=user.id, role_id=role.id)
    assert (created.user.email, created.role.name, created.group.id) == (user.email, role.name, fake.group_id)
    with pytest.raises(ConflictError):
        await client("create_membership", fake.group_id, user_id=user.id, role_id=role.id)


async def test_org_memberships(client: Either, fake: FakeSnyk) -> None:
    user_id = fake.org_memberships(fake.group_id)[1].user.id
    mine = await client("list_org_memberships", fake.group_id, user_id=user_id)
    assert [m.id for m in mine] == [m.id for m in fake.org_memberships(fake.group_id, user_id)]
    assert all(m.org.name and m.role.name and m.user.id == user_id for m in mine)
    one = mine[0]
    filtered = await client(
        "list_org_memberships", fake.group_id, user_id=user_id, org_name=one.org.name, role_name=one.role.name
    )
    assert filtered == [one]
    (page,) = await client.pages("list_org_memberships", fake.group_id, user_id=user_id)
    assert page.meta == {"org_membership_count": len(mine)}


async def test_sso(client: Either, fake: FakeSnyk) -> None:
    (connection,) = await client("list_sso_connections", fake.group_id)
    assert connection.name == "Example Okta"
    fake.add_sso_connection(fake.groups()[1].id, "Elsewhere")
    users = await client("list_sso_users", fake.group_id, connection.id, limit=10)
    assert [u.id for u in users] == [u.user.id for u in fake.sso_users(connection.id)]
    assert users[0].membership_strategy == "direct"
    assert users[0].membership_created_at is not None
    await client("delete_sso_user", fake.group_id, connection.id, users[0].id)
    assert users[0].id not in {u.id for u in fake.users()}
    with pytest.raises(NotFoundError):
        await client("delete_sso_user", fake.group_id, connection.id, users[0].id)


async def test_the_escape_hatch(client: Either, fake: FakeSnyk) -> None:
    response = await client("request", "GET", f"/groups/{fake.group_id}")
    assert response.json()["data"]["attributes"]["name"] == "Engineering"
    with pytest.raises(BadRequestError, match="colour"):
        await client("request", "GET", "/groups", params={"colour": "red"})


async def test_a_membership_of_another_group_is_not_found(client: Either, fake: FakeSnyk) -> None:
    other = fake.groups()[1]
    member = fake.memberships(fake.group_id)[1]
    with pytest.raises(NotFoundError):
        await client("update_membership", other.id, member.id, role_id=member.role.id)
    with pytest.raises(NotFoundError):
        await client("get_group", NOWHERE)


async def test_a_passing_failure_is_not_noticed_and_a_lasting_one_is_told(
    client: Either, fake: FakeSnyk
) -> None:
    fake.fail_next(status=502, body="<html><title>Bad Gateway</title></html>", times=2)
    assert (await client("get_group", fake.group_id)).name == "Engineering"
    fake.fail_next(status=502, body="<html><title>Bad Gateway</title></html>", times=4)
    with pytest.raises(ServerError, match="Bad Gateway") as caught:
        await client("get_group", fake.group_id)
    assert caught.value.attempts == 4


async def test_a_removal_whose_answer_was_lost_is_not_reported_as_missing(
    client: Either, fake: FakeSnyk
) -> None:
    member = fake.memberships(fake.group_id)[0]
    fake.fail_next(status=504, after=True, method="DELETE")
    await client("delete_membership", fake.group_id, member.id, cascade=True)
    assert [r.status for r in fake.requests] == [504, 404]


async def test_a_creation_whose_answer_was_lost_is_not_repeated(client: Either, fake: FakeSnyk) -> None:
    user, role = fake.add_user(), fake.roles()[0]
    fake.fail_next(status=504, after=True)
    with pytest.raises(ServerError) as caught:
        await client("create_membership", fake.group_id, user_id=user.id, role_id=role.id)
    assert caught.value.maybe_applied
    assert len(fake.requests) == 1


async def test_an_answer_that_makes_no_sense_is_told_with_its_place(client: Either, fake: FakeSnyk) -> None:
    fake.fail_next(status=200, body={"data": [{"id": NOWHERE, "type": "group", "attributes": {"name": 5}}]})
    with pytest.raises(DecodeError) as caught:
        await client("list_groups")
    assert caught.value.path == "data[0].attributes.name"
    assert caught.value.operation == "listGroups"
    assert caught.value.request_id == fake.requests[-1].request_id


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_permissions_tokens_and_versions(kind: str) -> None:
    fake = FakeSnyk.example(retired_before=date(2022, 1, 1))
    fake.add_token("reader", permissions=["group.membership.read"], groups=[fake.group_id])
    fake.add_oauth_client("id", "secret")
    make: Any = fake.async_client if kind == "async" else fake.client

    async def run(call: Any, **options: Any) -> Any:
        client = make(**options)
        if kind == "async":
            async with client:
                return await call(Either(client))
        with client:
            return await call(Either(client))

    member = fake.memberships(fake.group_id)[0]
    assert len(await run(lambda c: c("list_memberships", fake.group_id), token="reader")) == 36
    with pytest.raises(ForbiddenError, match=r"group\.membership\.delete"):
        await run(lambda c: c("delete_membership", fake.group_id, member.id), token="reader")
    with pytest.raises(NotFoundError):
        await run(lambda c: c("list_memberships", fake.groups()[1].id), token="reader")
    with pytest.raises(UnauthorizedError):
        await run(lambda c: c("list_groups"), token="stranger")
    assert await run(lambda c: c("list_groups"), token=OAuthClientCredentials("id", "secret"))
    with pytest.raises(UnauthorizedError, match="no such client"):
        await run(lambda c: c("list_groups"), token=OAuthClientCredentials("id", "wrong"))
    with pytest.raises(GoneError):
        await run(lambda c: c("list_groups"), api_version="2021-12-01")
    with pytest.raises(BadRequestError, match="future"):
        await run(lambda c: c("list_groups"), api_version="2999-01-01")


async def test_a_rate_limit_is_waited_out() -> None:
    now = 0.0
    fake = FakeSnyk.example(rate_limit=2, clock=lambda: now)

    def forward(_: object) -> None:
        nonlocal now
        now += 60

    patient = RetryPolicy(backoff_base=0.0, max_wait=120, on_retry=forward)
    async with fake.async_client(retries=patient, rate_limit=None, deadline=30) as client:
        await client.get_group(fake.group_id)
        await client.get_group(fake.group_id)
        with pytest.raises(Exception, match="deadline"):
            await client.get_group(fake.group_id)
    assert fake.requests[-1].status == 429


def test_both_clients_have_the_same_methods_with_the_same_parameters() -> None:
    def public(cls: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(value).parameters)
            for name, value in inspect.getmembers(cls, inspect.isfunction)
            if not name.startswith("_") and name not in ("aclose", "close", "detached")
        }

    assert public(AsyncGroupsClient) == public(GroupsClient)
    assert [*inspect.signature(AsyncGroupsClient).parameters, "backend", "backend_options"] == [
        *inspect.signature(GroupsClient).parameters
    ]


async def test_a_detached_client_has_connections_of_its_own(fake: FakeSnyk) -> None:
    async with fake.async_client() as client, client.detached() as other:
        assert client.base_url == other.base_url == "http://localhost/rest"
        await other.get_group(fake.group_id)
        await other.aclose()
        assert (await client.get_group(fake.group_id)).id == fake.group_id
    with fake.client() as sync:
        assert sync.base_url == "http://localhost/rest"
        assert (sync.api_version, client.api_version) == ("2025-11-05", "2025-11-05")


async def test_a_fake_can_be_reached_through_an_http_client_of_yours(fake: FakeSnyk) -> None:
    async with httpx.AsyncClient(transport=fake.transport()) as mine:
        async with fake.async_client(http_client=mine) as client:
            assert (await client.get_group(fake.group_id)).id == fake.group_id


def test_a_client_that_could_not_be_set_up_shows_no_token() -> None:
    for make in (AsyncGroupsClient, GroupsClient):
        with pytest.raises(ConfigurationError) as caught:
            make("s3cr3t" + "-token", region="SNYK-XX-99")
        assert caught.value.__traceback__ is not None
        error = caught.value.with_traceback(caught.value.__traceback__.tb_next)
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "s3cr3t-token" not in shown
        assert "not set up" in shown or make is GroupsClient


def test_without_orjson_the_standard_library_reads_the_same() -> None:
    code = (
        "import sys; sys.modules['orjson'] = None\n"
        "from groups_sdk._jsonapi import parsing\n"
        "assert parsing._loads is parsing.parse_plainly\n"
        "from groups_sdk.testing import FakeSnyk\n"
        "fake = FakeSnyk.example()\n"
        "with fake.client() as client: assert len(client.list_memberships(fake.group_id).collect()) == 36\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.anyio
async def test_the_log_of_problems_is_bounded_and_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    token = "0a1b2c3d-1111-2222-3333-444455556666"
    odd = {"type": "group", "attributes": {"name": 5}}

    def answer(_: httpx.Request) -> httpx.Response:
        records = [{**odd, "id": token}, {**odd, "id": "x" * 100_000}, *[{**odd, "id": "y"}] * 10]
        return httpx.Response(200, json={"data": records, "links": {}})

    async with AsyncGroupsClient(token, transport=httpx.MockTransport(answer)) as client:
        await client.list_groups(on_decode_error="skip").collect()
    (message,) = caplog.messages
    assert token not in message
    assert message.endswith("; and 2 more")
    assert len(message) < 3000
