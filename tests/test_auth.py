"""Credentials show nothing, and access tokens are renewed once, in time."""

from __future__ import annotations

import traceback
from typing import Any

import anyio
import pytest
import trio.testing

from groups_sdk import ApiToken, BearerToken, ConfigurationError, GroupsError, OAuthClientCredentials
from groups_sdk.auth import Authenticator, Credentials, TokenGrant

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
        while own is not None and "test_auth.py" in own.tb_frame.f_code.co_filename:
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
