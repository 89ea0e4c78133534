"""Access tokens are fetched once, renewed in time, and never shown."""

from __future__ import annotations

from functools import partial

import anyio
import httpx
import pytest
import trio.testing
from support import clock

from groups_sdk import (
    ApiToken,
    AsyncGroupsClient,
    BearerToken,
    ConnectionFailedError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    OAuthClientCredentials,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    UnauthorizedError,
)
from groups_sdk._http.access_tokens import AccessTokens, TokenGrant

SECRET = "s3cr3t-" + "value"


def test_static_tokens_are_sent_as_they_are() -> None:
    async def fetch(credentials: OAuthClientCredentials) -> TokenGrant:
        raise AssertionError

    for credentials, header in ((ApiToken("t"), "token t"), (BearerToken("b"), "Bearer b")):
        tokens = AccessTokens(credentials)
        assert tokens.authorization == header
        assert tokens.secrets() == credentials.secrets()
        assert anyio.run(tokens.ensure, fetch, None) is None
        assert not tokens.renewable


def test_tokens_are_fetched_once_and_renewed_before_they_expire() -> None:
    async def main() -> None:
        fetched = 0
        outcome: list[TokenGrant | GroupsError] = []

        async def fetch(credentials: OAuthClientCredentials) -> TokenGrant | GroupsError:
            nonlocal fetched
            await anyio.sleep(1)
            if outcome:
                return outcome.pop()
            fetched += 1
            return TokenGrant(f"token-{fetched}", 3600)

        tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
        ensure = partial(tokens.ensure, fetch, None)
        outcome.append(GroupsError("down"))
        assert str(await ensure()) == "down"
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(ensure)
        assert (fetched, tokens.authorization) == (1, "Bearer token-1")
        assert tokens.secrets() == (SECRET, "token-1")
        assert "token-1" not in repr(tokens.current)
        await anyio.sleep(3500)
        await ensure()
        assert fetched == 1
        await anyio.sleep(60)
        await ensure()
        assert fetched == 2
        old = tokens.current
        await tokens.reject(old)
        await ensure()
        assert fetched == 3
        await tokens.reject(old)  # somebody else's renewal counts: no further one
        await ensure()
        assert fetched == 3

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


class Endpoint:
    """Where access tokens come from: counts what it is asked, and answers when `let` is set."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.lifetime = lifetime
        self.failure: GroupsError | None = None
        self.asked: list[object] = []
        self.issued = 0
        self.inside = 0
        self.most_inside = 0
        self.let = anyio.Event()
        self.let.set()

    async def fetch(self, credentials: OAuthClientCredentials, *, who: object) -> TokenGrant | GroupsError:
        self.asked.append(who)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            await self.let.wait()
            if self.failure:
                return self.failure
        finally:
            self.inside -= 1
        self.issued += 1
        return TokenGrant(f"access-{self.issued}", self.lifetime)

    async def ensure(
        self, tokens: AccessTokens, who: object = None, options: object = None
    ) -> GroupsError | None:
        return await tokens.ensure(partial(self.fetch, who=who), options)


@pytest.mark.anyio
async def test_fifty_callers_at_once_share_one_renewal() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(endpoint.ensure, tokens, 7.0)
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.asked, endpoint.issued, endpoint.most_inside) == ([7.0], 1, 1)
    assert tokens.authorization == "Bearer access-1"


@pytest.mark.anyio
async def test_the_failure_of_a_renewal_reaches_all_who_waited_for_it_and_the_next_one_tries_again() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    endpoint.failure = ConnectionFailedError("refused", maybe_applied=True)
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    outcomes: list[GroupsError] = []

    async def prepare() -> None:
        outcome = await endpoint.ensure(tokens)
        assert outcome is not None
        outcomes.append(outcome)

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(prepare)
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert outcomes == [endpoint.failure] * 50
    assert len(endpoint.asked) == 1
    endpoint.failure = None
    assert await endpoint.ensure(tokens) is None
    assert tokens.authorization == "Bearer access-1"


@pytest.mark.anyio
async def test_who_has_more_time_does_not_share_a_deadline_that_was_missed() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    late = endpoint.failure = DeadlineExceededError("too late", maybe_applied=False)
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    outcomes: list[GroupsError | None] = []

    async def prepare(deadline: float) -> None:
        outcomes.append(await endpoint.ensure(tokens, deadline))
        endpoint.failure = None

    async with anyio.create_task_group() as tasks:
        for deadline in (1.0, 2.0, 3.0):
            tasks.start_soon(prepare, deadline)
            await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.asked[0], len(endpoint.asked)) == (1.0, 2)
    assert outcomes == [late, None, None]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "shared"),
    [
        (ConnectionFailedError("refused", maybe_applied=False), False),
        (UnauthorizedError(status_code=401), True),
        (DecodeError("it is not JSON"), True),
    ],
    ids=["connection", "status", "answer"],
)
async def test_with_other_options_only_what_the_api_said_is_shared(
    failure: GroupsError, shared: bool
) -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    endpoint.failure = failure
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    async with anyio.create_task_group() as tasks:
        for options in ("impatient", "patient"):
            tasks.start_soon(endpoint.ensure, tokens, options, options)
            await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert endpoint.asked == (["impatient"] if shared else ["impatient", "patient"])


@pytest.mark.anyio
async def test_a_token_that_is_good_for_no_time_at_all_serves_all_who_wait_for_it() -> None:
    endpoint = Endpoint(lifetime=0)
    endpoint.let = anyio.Event()
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(endpoint.ensure, tokens)
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.issued, endpoint.most_inside) == (1, 1)


@pytest.mark.anyio
async def test_when_the_one_who_renews_is_cancelled_the_next_one_renews() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    first = anyio.CancelScope()

    async def cancelled() -> None:
        with first:
            await endpoint.ensure(tokens, 1.0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(endpoint.ensure, tokens, 2.0)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.asked, endpoint.issued) == ([1.0, 2.0], 1)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("lifetime", "renewed_after"), [(3600, 3540), (120, 60), (100, 50), (10, 5), (4, 5), (0, 5)]
)
async def test_renewal_comes_a_minute_before_expiry_or_at_half_of_a_short_life(
    monkeypatch: pytest.MonkeyPatch, lifetime: float, renewed_after: float
) -> None:
    now = 1000.0
    monkeypatch.setattr("groups_sdk._http.access_tokens.anyio.current_time", lambda: now)
    endpoint = Endpoint(lifetime)
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    await endpoint.ensure(tokens)
    now += renewed_after - 0.001
    await endpoint.ensure(tokens)
    assert endpoint.issued == 1
    now += 0.001
    await endpoint.ensure(tokens)
    assert endpoint.issued == 2


@pytest.mark.anyio
async def test_a_request_that_was_prepared_before_a_rejection_still_has_a_token_and_may_be_repeated() -> None:
    endpoint = Endpoint()
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    await endpoint.ensure(tokens)
    await tokens.reject(tokens.current)  # by another request, while this one waits for its turn
    assert tokens.authorization == "Bearer access-1"
    await tokens.reject(tokens.current)
    await endpoint.ensure(tokens)
    assert (endpoint.issued, tokens.authorization) == (2, "Bearer access-2")


@pytest.mark.anyio
async def test_a_token_is_kept_secret_after_its_rejection_and_its_renewal() -> None:
    endpoint = Endpoint()
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    await endpoint.ensure(tokens)
    await tokens.reject(tokens.current)
    assert "access-1" in tokens.secrets()
    await endpoint.ensure(tokens)
    assert tokens.secrets() == (SECRET, "access-1", "access-2")


@pytest.mark.anyio
async def test_access_tokens_show_no_secret() -> None:
    endpoint = Endpoint()
    tokens = AccessTokens(OAuthClientCredentials("id", SECRET))
    await endpoint.ensure(tokens)
    assert "access-1" not in repr(tokens) + repr(tokens.current)
    assert SECRET not in repr(tokens) + str(OAuthClientCredentials("id", SECRET))


def test_the_token_request_has_the_fields_of_the_client_credentials_grant() -> None:
    credentials = OAuthClientCredentials("id", SECRET, token_url="https://example.com/oauth2/token")
    assert credentials.form() == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": SECRET,
    }
    assert credentials.token_url == "https://example.com/oauth2/token"
    assert OAuthClientCredentials("id", SECRET).token_url is None


class TokenEndpoint(httpx.AsyncBaseTransport):
    """Answers token requests with a status, or never; every other request with one group."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.token_requests = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/token":
            self.token_requests += 1
            if self.status is None:
                clock.skip(60)
                await anyio.sleep_forever()
            return httpx.Response(self.status or 500, json={})
        return httpx.Response(200, json={})


@pytest.mark.anyio
async def test_a_copy_with_other_retries_asks_for_access_tokens_with_these() -> None:
    endpoint = TokenEndpoint(503)
    credentials = OAuthClientCredentials("id", SECRET)
    patient = RetryPolicy(max_attempts=3, backoff_base=0)
    async with AsyncGroupsClient(credentials, transport=endpoint, retries=patient) as client:
        copy = client.with_options(retries=RetryPolicy(max_attempts=1))
        with pytest.raises(ServerError):
            await copy.list_groups().first()
        assert endpoint.token_requests == 1
        with pytest.raises(ServerError):
            await client.list_groups().first()
        assert endpoint.token_requests == 4


@pytest.mark.anyio
async def test_a_copy_with_another_timeout_asks_for_access_tokens_with_that() -> None:
    endpoint = TokenEndpoint(None)
    once = RetryPolicy(max_attempts=1)
    async with AsyncGroupsClient(
        OAuthClientCredentials("id", SECRET), transport=endpoint, retries=once, timeout=None, deadline=None
    ) as client:
        with pytest.raises(RequestTimeoutError, match="within the timeout of"):
            await client.with_options(timeout=60).list_groups().first()
    assert endpoint.token_requests == 1
