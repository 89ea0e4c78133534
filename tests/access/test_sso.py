"""The users who sign in to a group by SSO."""

from __future__ import annotations

import pytest
from support.jobs import ONCE

from groups_sdk import ServerError
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


def world() -> FakeSnyk:
    """A group with two connections, and somebody who is a user of both."""
    fake = FakeSnyk()
    fake.group_id = fake.add_group().id
    ada, grace = fake.add_user(email="ada@mail.test"), fake.add_user(email="grace@mail.test")
    okta, entra = (fake.add_sso_connection(fake.group_id, name) for name in ("Okta", "Entra ID"))
    for connection, user in ((okta, ada), (entra, ada), (entra, grace)):
        fake.add_sso_user(connection.id, user.id)
    return fake


async def test_the_users_of_all_connections_each_with_its_connection() -> None:
    fake = world()
    okta, entra = fake.sso_connections(fake.group_id)
    async with fake.async_client() as client:
        accounts, notes = await list_sso_accounts(client, fake.group_id)
    assert [(account.user.email, account.connection_id) for account in accounts] == [
        ("ada@mail.test", okta.id),
        ("ada@mail.test", entra.id),
        ("grace@mail.test", entra.id),
    ]
    assert notes == []


async def test_a_group_without_sso_has_none() -> None:
    fake = FakeSnyk()
    group = fake.add_group()
    async with fake.async_client() as client:
        assert await list_sso_accounts(client, group.id) == ([], [])


@pytest.mark.parametrize("status", [403, 404])
async def test_what_may_not_be_read_is_a_note_and_what_was_read_counts(status: int) -> None:
    fake = world()
    okta, entra = fake.sso_connections(fake.group_id)
    fake.fail_next(status=status, path=entra.id)
    async with fake.async_client() as client:
        accounts, notes = await list_sso_accounts(client, fake.group_id)
        assert [account.connection_id for account in accounts] == [okta.id]
        assert len(notes) == 1
        assert f"not all SSO users of the group can be seen: GET /groups/{fake.group_id}" in notes[0]
        fake.fail_next(status=status, path="sso_connections")
        accounts, notes = await list_sso_accounts(client, fake.group_id)
    assert (accounts, len(notes)) == ([], 1)


async def test_any_other_failure_is_raised() -> None:
    fake = world()
    fake.fail_next(status=500, path="/users")
    async with fake.async_client(retries=ONCE) as client:
        with pytest.raises(ServerError):
            await list_sso_accounts(client, fake.group_id)
