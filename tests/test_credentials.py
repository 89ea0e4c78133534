"""Credentials show nothing, and access tokens are renewed once, in time."""

from __future__ import annotations

import traceback
from typing import Any

import anyio
import pytest
import trio.testing

from groups_sdk import (
    ApiToken,
    BearerToken,
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    GroupsError,
    OAuthClientCredentials,
)
from groups_sdk._credentials import Authenticator, Credentials, TokenGrant

SECRET = "s3cr3t-" + "value"


@pytest.mark.parametrize(
    "credentials", [ApiToken(SECRET), BearerToken(SECRET), OAuthClientCredentials("id", SECRET)]
)
def test_credentials_show_nothing(credentials: Credentials) -> None:
    assert SECRET not in repr(credentials)
    assert credentials.secrets() == (SECRET,)


@pytest.mark.parametrize(
    "wrong", ["", "  ", f"{SECRET}\n", f"{SECRET} x", f"{SECRET}é", f"{SECRET}\x00", 5, None]
)
def test_what_cannot_be_a_token_is_refused_without_showing_it(wrong: Any) -> None:
    for make in (
        ApiToken,
        BearerToken,
        lambda w: OAuthClientCredentials("id", w),
        lambda w: OAuthClientCredentials(w, "s"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make(wrong)
        own = caught.value.__traceback__
        while own is not None and "test_credentials.py" in own.tb_frame.f_code.co_filename:
            own = own.tb_next
        shown = "".join(
            traceback.TracebackException(type(caught.value), caught.value, own, capture_locals=True).format()
        )
        assert SECRET not in shown


def test_a_kind_of_credentials_must_tell_its_secrets() -> None:
    with pytest.raises(NotImplementedError):
        Credentials().secrets()


def test_static_tokens_are_sent_as_they_are() -> None:
    async def fetch(credentials: OAuthClientCredentials, deadline: float) -> TokenGrant:
        raise AssertionError

    for credentials, header in ((ApiToken("t"), "token t"), (BearerToken("b"), "Bearer b")):
        authenticator = Authenticator(credentials, fetch)
        assert authenticator.authorization == header
        assert authenticator.secrets() == credentials.secrets()
        assert anyio.run(authenticator.prepare, 0.0) is None
        assert not authenticator.reject(authenticator.generation)


def test_tokens_are_fetched_once_and_renewed_before_they_expire() -> None:
    async def main() -> None:
        fetched = 0
        outcome: list[TokenGrant | GroupsError] = []

        async def fetch(credentials: OAuthClientCredentials, deadline: float) -> TokenGrant | GroupsError:
            nonlocal fetched
            await anyio.sleep(1)
            if outcome:
                return outcome.pop()
            fetched += 1
            return TokenGrant(f"token-{fetched}", 3600)

        authenticator = Authenticator(OAuthClientCredentials("id", SECRET), fetch)
        outcome.append(GroupsError("down"))
        assert str(await authenticator.prepare(9e9)) == "down"
        async with anyio.create_task_group() as tasks:
            for _ in range(50):
                tasks.start_soon(authenticator.prepare, 9e9)
        assert (fetched, authenticator.authorization) == (1, "Bearer token-1")
        assert authenticator.secrets() == (SECRET, "token-1")
        assert "token-1" not in repr(authenticator.generation)
        await anyio.sleep(3500)
        await authenticator.prepare(9e9)
        assert fetched == 1
        await anyio.sleep(60)
        await authenticator.prepare(9e9)
        assert fetched == 2
        old = authenticator.generation
        assert authenticator.reject(old)
        await authenticator.prepare(9e9)
        assert fetched == 3
        assert authenticator.reject(old)  # somebody else's renewal counts: no further one
        await authenticator.prepare(9e9)
        assert fetched == 3

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


class Endpoint:
    """Where access tokens come from: counts what it is asked, and answers when `let` is set."""

    def __init__(self, lifetime: float = 3600) -> None:
        self.lifetime = lifetime
        self.failure: GroupsError | None = None
        self.asked: list[float] = []
        self.issued = 0
        self.inside = 0
        self.most_inside = 0
        self.let = anyio.Event()
        self.let.set()

    async def fetch(self, credentials: OAuthClientCredentials, deadline: float) -> TokenGrant | GroupsError:
        self.asked.append(deadline)
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

    def authenticator(self) -> Authenticator:
        return Authenticator(OAuthClientCredentials("id", SECRET), self.fetch)


@pytest.mark.anyio
async def test_fifty_callers_at_once_share_one_renewal() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    authenticator = endpoint.authenticator()
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(authenticator.prepare, 7.0)
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.asked, endpoint.issued, endpoint.most_inside) == ([7.0], 1, 1)
    assert authenticator.authorization == "Bearer access-1"


@pytest.mark.anyio
async def test_the_failure_of_a_renewal_reaches_all_who_waited_for_it_and_the_next_one_tries_again() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    endpoint.failure = ConnectionFailedError("refused", sent=True)
    authenticator = endpoint.authenticator()
    outcomes: list[GroupsError] = []

    async def prepare() -> None:
        outcome = await authenticator.prepare(9e9)
        assert isinstance(outcome, ConnectionFailedError)
        outcome.add_note("of this call only")
        outcome.sent = False
        outcomes.append(outcome)

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(prepare)
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert {(outcome.problem, tuple(outcome.__notes__)) for outcome in outcomes} == {
        ("refused", ("of this call only",))
    }
    assert (len(endpoint.asked), len(set(map(id, outcomes)))) == (1, 50)
    endpoint.failure = None
    assert await authenticator.prepare(9e9) is None
    assert authenticator.authorization == "Bearer access-1"


@pytest.mark.anyio
async def test_who_has_more_time_does_not_share_a_deadline_that_was_missed() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    late = endpoint.failure = DeadlineExceededError("too late", sent=False)
    authenticator = endpoint.authenticator()
    outcomes: list[GroupsError | None] = []

    async def prepare(deadline: float) -> None:
        outcomes.append(await authenticator.prepare(deadline))
        endpoint.failure = None

    async with anyio.create_task_group() as tasks:
        for deadline in (1.0, 2.0, 3.0):
            tasks.start_soon(prepare, deadline)
            await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.asked[0], len(endpoint.asked)) == (1.0, 2)
    assert outcomes == [late, None, None]


@pytest.mark.anyio
async def test_a_token_that_is_good_for_no_time_at_all_serves_the_one_who_fetched_it() -> None:
    endpoint = Endpoint(lifetime=0)
    endpoint.let = anyio.Event()
    authenticator = endpoint.authenticator()
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(authenticator.prepare, 9e9)
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.issued, endpoint.most_inside) == (3, 1)


@pytest.mark.anyio
async def test_when_the_one_who_renews_is_cancelled_the_next_one_renews() -> None:
    endpoint = Endpoint()
    endpoint.let = anyio.Event()
    authenticator = endpoint.authenticator()
    first = anyio.CancelScope()

    async def cancelled() -> None:
        with first:
            await authenticator.prepare(1.0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(authenticator.prepare, 2.0)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        endpoint.let.set()
    assert (endpoint.asked, endpoint.issued) == ([1.0, 2.0], 1)


@pytest.mark.anyio
@pytest.mark.parametrize(("lifetime", "renewed_after"), [(3600, 3540), (120, 60), (100, 50), (10, 5)])
async def test_renewal_comes_a_minute_before_expiry_or_at_half_of_a_short_life(
    monkeypatch: pytest.MonkeyPatch, lifetime: float, renewed_after: float
) -> None:
    now = 1000.0
    monkeypatch.setattr("groups_sdk._credentials.anyio.current_time", lambda: now)
    endpoint = Endpoint(lifetime)
    authenticator = endpoint.authenticator()
    await authenticator.prepare(9e9)
    now += renewed_after - 0.001
    await authenticator.prepare(9e9)
    assert endpoint.issued == 1
    now += 0.001
    await authenticator.prepare(9e9)
    assert endpoint.issued == 2


@pytest.mark.anyio
async def test_a_request_that_was_prepared_before_a_rejection_still_has_a_token_and_may_be_repeated() -> None:
    endpoint = Endpoint()
    authenticator = endpoint.authenticator()
    await authenticator.prepare(9e9)
    assert authenticator.reject(
        authenticator.generation
    )  # by another request, while this one waits for its turn
    assert authenticator.authorization == "Bearer access-1"
    assert authenticator.reject(authenticator.generation)
    await authenticator.prepare(9e9)
    assert (endpoint.issued, authenticator.authorization) == (2, "Bearer access-2")


@pytest.mark.anyio
async def test_a_token_is_kept_secret_after_its_rejection_and_its_renewal() -> None:
    authenticator = Endpoint().authenticator()
    await authenticator.prepare(9e9)
    authenticator.reject(authenticator.generation)
    assert "access-1" in authenticator.secrets()
    await authenticator.prepare(9e9)
    assert authenticator.secrets() == (SECRET, "access-1", "access-2")


@pytest.mark.anyio
async def test_an_authenticator_shows_no_secret() -> None:
    authenticator = Endpoint().authenticator()
    await authenticator.prepare(9e9)
    assert "access-1" not in repr(authenticator) + repr(authenticator.generation)
    assert SECRET not in repr(authenticator) + str(OAuthClientCredentials("id", SECRET))


def test_without_a_token_there_is_nothing_to_reject() -> None:
    authenticator = Endpoint().authenticator()
    assert not authenticator.reject(authenticator.generation)


def test_the_token_request_has_the_fields_of_the_client_credentials_grant() -> None:
    credentials = OAuthClientCredentials("id", SECRET, token_url="https://example.com/oauth2/token")
    assert credentials.form() == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": SECRET,
    }
    assert credentials.token_url == "https://example.com/oauth2/token"
    assert OAuthClientCredentials("id", SECRET).token_url is None
