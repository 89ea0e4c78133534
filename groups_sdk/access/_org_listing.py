"""The organizations of one person, and whether all of them were listed."""

from __future__ import annotations

from groups_sdk.access._operations import Operations
from groups_sdk.errors import IncompleteListingError
from groups_sdk.models import OrgMembership

__all__ = ["list_orgs"]


async def list_orgs(client: Operations, group_id: str, user_id: str) -> tuple[OrgMembership, ...]:
    """Raises `IncompleteListingError` where the API counts more than it lists."""
    found: list[OrgMembership] = []
    counted = 0.0
    async for page in client.list_org_memberships(group_id, user_id=user_id).pages():
        found += page.items
        count = page.meta.get("org_membership_count")
        counted = max(counted, count) if isinstance(count, int | float) else counted
    if counted > len(found):
        raise IncompleteListingError(
            f"the API counts {counted:g} of the memberships of organizations of the user {user_id}, "
            f"and lists {len(found)}"
        )
    return tuple(found)
