"""The users who sign in to a group by SSO: among them are those who can be added to it."""

from __future__ import annotations

from groups_sdk.access._broken_records import reading
from groups_sdk.access._operations import Operations
from groups_sdk.access._people import SsoAccount
from groups_sdk.errors import ForbiddenError, NotFoundError
from groups_sdk.models import User

__all__ = ["list_sso_accounts"]


async def list_sso_accounts(client: Operations, group_id: str) -> tuple[list[SsoAccount], list[str]]:
    """The users of the group's SSO connections, and notes about those that may not be read."""
    found: dict[tuple[str, str], SsoAccount] = {}
    try:
        with reading(f"SSO users of the group {group_id}"):
            async for connection in client.list_sso_connections(group_id):
                async for user in client.list_sso_users(group_id, connection.id):
                    known = User(id=user.id, name=user.name, username=user.username, email=user.email)
                    found[connection.id, user.id.lower()] = SsoAccount(known, connection.id)
    except (ForbiddenError, NotFoundError) as error:
        return list(found.values()), [f"not all SSO users of the group can be seen: {error}"]
    return list(found.values()), []
