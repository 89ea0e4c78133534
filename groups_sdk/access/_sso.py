"""The users who sign in to a group by SSO: among them are those who can be added to it."""

from __future__ import annotations

from groups_sdk.access._broken_records import reading
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import SsoAccount
from groups_sdk.errors import ForbiddenError, NotFoundError
from groups_sdk.models import User

__all__ = ["SsoAccounts", "list_sso_accounts", "read_sso_accounts"]

SsoAccounts = dict[str, dict[str, SsoAccount]]
"""The users by the id of their connection, and by their own."""


async def read_sso_accounts(client: Operations, group_id: str, found: SsoAccounts) -> None:
    """Put the users of all SSO connections of the group into `found`, as far as it comes. Raises what stops it."""
    with reading(f"SSO users of the group {group_id}"):
        async for connection in client.list_sso_connections(group_id):
            accounts = found.setdefault(connection.id, {})
            async for user in client.list_sso_users(group_id, connection.id):
                known = User(id=user.id, name=user.name, username=user.username, email=user.email)
                accounts[user.id.lower()] = SsoAccount(known, connection.id, active=user.active)


async def list_sso_accounts(client: Operations, group_id: str) -> tuple[list[SsoAccount], list[str]]:
    """The users of the group's SSO connections, and notes about those that may not be read."""
    found: SsoAccounts = {}
    notes: list[str] = []
    try:
        await read_sso_accounts(client, group_id, found)
    except (ForbiddenError, NotFoundError) as error:
        notes.append(f"not all SSO users of the group can be seen: {error}")
    return [account for accounts in found.values() for account in accounts.values()], notes
