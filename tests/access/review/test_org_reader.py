"""The organizations of members: whose failure is whose, and what ends it all."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from support.reviews import GROUP, uid

from groups_sdk import (
    ApiError,
    AsyncPaginator,
    BadRequestError,
    ClientClosedError,
    DecodeError,
    ErrorObject,
    ForbiddenError,
    GoneError,
    GroupMembership,
    GroupsError,
    NotFoundError,
    OrgMembership,
    Page,
    PaginationError,
    RateLimitedError,
    RequestTimeoutError,
    Role,
    ServerError,
    UnauthorizedError,
    User,
)
from groups_sdk._pages import FetchedPage
from groups_sdk._responses import ApiResponse, Headers
from groups_sdk.access._review.org_reader import OrgReader

pytestmark = pytest.mark.anyio

MEMBERS = [
    GroupMembership(uid(f"5{n}"), datetime(2025, 1, 1, tzinfo=UTC), User(uid(str(n))), Role(uid("7")), GROUP)
    for n in range(9)
]


class Client:
    """Stands in for a client: nobody is in an organization, and asking for some ends with an error."""

    def __init__(self, number: int, error: Exception) -> None:
        self.error = error
        self.broken = uid(str(number))
        self.asked: list[str] = []

    def list_org_memberships(self, group_id: str, *, user_id: str) -> AsyncPaginator[OrgMembership]:
        async def fetch(**cursors: Any) -> FetchedPage[OrgMembership]:
            self.asked.append(user_id)
            if user_id == self.broken:
                raise self.error
            response = ApiResponse(200, Headers(), b"", "listGroupUserOrgMemberships")
            return FetchedPage.decoded(Page([], None, None, {}, response))

        return AsyncPaginator(fetch)


def reader(client: Client, concurrency: int = 1) -> OrgReader:
    return OrgReader(client, GROUP.id, concurrency=concurrency)  # type: ignore[arg-type] # all that it needs


@pytest.mark.parametrize("concurrency", [1, 4, 20])
@pytest.mark.parametrize(
    "error",
    [
        ServerError(status_code=500),
        NotFoundError(status_code=404),
        BadRequestError(status_code=400),
        RequestTimeoutError("no answer", maybe_applied=True),
        DecodeError("not JSON", operation="listGroupUserOrgMemberships"),
        PaginationError("a cursor came twice"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_failure_of_one_is_that_one_s(error: GroupsError, concurrency: int) -> None:
    client = Client(3, error)
    found = await reader(client, concurrency).read(MEMBERS)
    assert found == [((), None)] * 3 + [(None, error)] + [((), None)] * 5
    assert error.__traceback__ is None, "it would keep the frames of the call"
    assert sorted(client.asked) == [member.user.id for member in MEMBERS]


async def test_of_nobody_there_is_nothing_to_read() -> None:
    client = Client(0, ServerError(status_code=500))
    assert await reader(client).read([]) == []
    assert client.asked == []


async def test_after_a_missing_permission_nothing_more_is_sent() -> None:
    client = Client(3, ForbiddenError(status_code=403))
    orgs = reader(client)
    assert await orgs.read(MEMBERS) == [((), None)] * 3 + [(None, client.error)] * 6
    assert await orgs.read(MEMBERS[:2]) == [(None, client.error)] * 2
    assert len(client.asked) == 4


async def test_member_without_a_user_id_cannot_be_asked_for() -> None:
    client = Client(3, ServerError(status_code=500))
    nobody = GroupMembership(uid("5"), MEMBERS[0].created_at, User(""), Role(uid("7")), GROUP)
    assert await reader(client).read([nobody, MEMBERS[0]]) == [(None, None), ((), None)]
    assert client.asked == [MEMBERS[0].user.id]


@pytest.mark.parametrize(
    "error",
    [
        UnauthorizedError(status_code=401),
        GoneError(status_code=410),
        RateLimitedError(status_code=429),
        ServerError(status_code=503, errors=(ErrorObject(), ErrorObject(code="SNYK-0099"))),
        ClientClosedError("closed"),
        ApiError(status_code=400, path="/oauth2/token"),
        DecodeError("not JSON", operation="oauth2Token"),
        ZeroDivisionError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_is_not_about_one_member_is_raised_as_it_is(error: Exception) -> None:
    error.__cause__ = cause = OSError("the reason")
    client = Client(3, error)
    with pytest.raises(type(error)) as caught:
        await reader(client).read(MEMBERS)
    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert len(client.asked) == 4


async def test_an_empty_listing_that_the_count_contradicts_is_not_believed() -> None:
    class Counting(Client):
        def list_org_memberships(self, group_id: str, *, user_id: str) -> AsyncPaginator[OrgMembership]:
            async def fetch(**cursors: Any) -> FetchedPage[OrgMembership]:
                count = {uid("1"): 2, uid("2"): "many"}.get(user_id, 0)
                response = ApiResponse(200, Headers(), b"", "listGroupUserOrgMemberships")
                return FetchedPage.decoded(Page([], None, None, {"org_membership_count": count}, response))

            return AsyncPaginator(fetch)

    nobody, counted, odd = await OrgReader(
        Counting(9, ServerError(status_code=500)), GROUP.id, concurrency=1
    ).read(MEMBERS[:3])
    assert nobody == odd == ((), None)
    assert counted[0] is None
    assert str(counted[1]) == "the API counts 2 of their memberships of organizations, and lists none"


class SlowClient:
    """Stands in for a client that answers about the user of a number once that is allowed."""

    def __init__(self) -> None:
        self.answers: defaultdict[int, anyio.Event] = defaultdict(anyio.Event)
        self.errors: dict[int, Exception] = {}
        self.begun: set[int] = set()
        self.under_way: set[int] = set()

    def list_org_memberships(self, group_id: str, *, user_id: str) -> AsyncPaginator[OrgMembership]:
        number = int(user_id.partition("-")[0])

        async def fetch(**cursors: Any) -> FetchedPage[OrgMembership]:
            self.begun.add(number)
            self.under_way.add(number)
            try:
                await self.answers[number].wait()
            finally:
                self.under_way.remove(number)
            if number in self.errors:
                raise self.errors[number]
            response = ApiResponse(200, Headers(), b"", "listGroupUserOrgMemberships")
            return FetchedPage.decoded(Page([], None, None, {}, response))

        return AsyncPaginator(fetch)

    async def after(self, *answers: int) -> set[int]:
        """Who is asked for when these have been answered and everything waits."""
        for number in answers:
            self.answers[number].set()
        await anyio.wait_all_tasks_blocked()
        return set(self.under_way)


async def test_the_next_read_takes_the_places_that_the_first_leaves_free() -> None:
    client = SlowClient()
    orgs = OrgReader(client, GROUP.id, concurrency=2)  # type: ignore[arg-type] # all that it needs
    async with anyio.create_task_group() as tasks:
        for members in (MEMBERS[:3], MEMBERS[3:5], MEMBERS[5:6]):
            tasks.start_soon(orgs.read, members)
            await anyio.wait_all_tasks_blocked()
        assert await client.after() == {0, 1}
        assert await client.after(1) == {0, 2}
        assert await client.after(2) == {0, 3}
        assert await client.after(3) == {0, 4}
        assert await client.after(4) == {0, 5}
        assert await client.after(5) == {0}
        assert await client.after(0) == set()


async def test_what_is_fatal_in_one_read_lets_none_begin_anybody_else() -> None:
    client = SlowClient()
    orgs = OrgReader(client, GROUP.id, concurrency=2)  # type: ignore[arg-type] # all that it needs
    error = client.errors[2] = UnauthorizedError(status_code=401)

    async def fail(members: list[GroupMembership]) -> None:
        with pytest.raises(UnauthorizedError) as caught:
            await orgs.read(members)
        assert caught.value is error

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fail, MEMBERS[1:3])
        assert await client.after() == {1, 2}
        tasks.start_soon(fail, MEMBERS[3:6])
        assert await client.after(1) == {2, 3}
        client.answers[2].set()
    assert client.under_way == set()
    assert client.begun == {1, 2, 3}
    client.answers[6].set()
    assert await orgs.read(MEMBERS[6:7]) == [((), None)], "which can be tried again"
