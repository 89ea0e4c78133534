"""The operations of a client that the jobs are built on. They know nothing else of it."""

from __future__ import annotations

from typing import Protocol

from groups_sdk._arguments import OnDecodeError
from groups_sdk._pagination import AsyncPaginator
from groups_sdk.models import Group, GroupMembership, OrgMembership, SsoConnection, SsoUser

__all__ = ["Operations"]


class Operations(Protocol):
    """What the jobs need of an `AsyncGroupsClient`, or of anything that stands in for one."""

    @property
    def base_url(self) -> str: ...

    @property
    def api_version(self) -> str: ...

    def list_groups(self) -> AsyncPaginator[Group]: ...

    async def get_group(self, group_id: str) -> Group: ...

    def list_memberships(
        self,
        group_id: str,
        *,
        email: str | None = None,
        user_id: str | None = None,
        username: str | None = None,
        role_name: str | None = None,
        include_group_membership_count: bool | None = None,
        on_decode_error: OnDecodeError = "raise",
    ) -> AsyncPaginator[GroupMembership]: ...

    async def update_membership(self, group_id: str, membership_id: str, *, role_id: str) -> None: ...

    async def delete_membership(
        self,
        group_id: str,
        membership_id: str,
        *,
        cascade: bool | None = None,
        accept_missing: bool = True,
    ) -> None: ...

    async def create_membership(self, group_id: str, *, user_id: str, role_id: str) -> GroupMembership: ...

    def list_org_memberships(self, group_id: str, *, user_id: str) -> AsyncPaginator[OrgMembership]: ...

    def list_sso_connections(self, group_id: str) -> AsyncPaginator[SsoConnection]: ...

    def list_sso_users(self, group_id: str, sso_id: str) -> AsyncPaginator[SsoUser]: ...

    async def delete_sso_user(
        self, group_id: str, sso_id: str, user_id: str, *, accept_missing: bool = True
    ) -> None: ...
