"""`python -m groups_sdk demo`: the main job of the SDK on a Groups API in memory, async and sync."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterable, Sequence
from itertools import count

from groups_sdk._client import AsyncGroupsClient
from groups_sdk._pagination import Page
from groups_sdk._sync.client import GroupsClient
from groups_sdk._terminal import printable
from groups_sdk.cli._text_table import MEMBERSHIP_COLUMNS, membership_row, table
from groups_sdk.errors import NotFoundError
from groups_sdk.models import Group, GroupMembership, OrgMembership, Role
from groups_sdk.testing import FakeSnyk

__all__ = ["run"]

_WIDTH = 80
_ADMIN = "Group Admin"


def run() -> None:
    """Print the demo. It needs no account and no network, and leaves nothing behind."""
    _say("This is groups_sdk against FakeSnyk, a Groups API in memory: no account, no network.")
    _chapter("ASYNC: async with AsyncGroupsClient() as client")
    asyncio.run(_tour_async())
    _chapter("SYNC: with GroupsClient() as client, the same calls without await")
    _tour_sync()
    _chapter("DONE")
    _say(
        "Next: set SNYK_TOKEN (and SNYK_API, outside of SNYK-US-01) and run `python -m groups_sdk "
        "memberships GROUP_ID` for your own group, or go on with the quickstart in README.md."
    )


async def _tour_async() -> None:
    async with FakeSnyk.example().async_client() as client:
        await _tour(client)


async def _tour(client: AsyncGroupsClient) -> None:
    _step("client.list_groups()")
    groups = await client.list_groups().collect()
    _show_groups(groups)
    group_id = groups[0].id

    _step("await client.get_group(group_id)")
    _show_group(await client.get_group(group_id))

    _step("client.list_memberships(group_id, limit=10).pages()")
    members: list[GroupMembership] = []
    number = count(1)
    async for page in client.list_memberships(group_id, limit=10).pages():
        _show_page(next(number), page)
        members += page.items

    member, role = _role_change(members)
    _step("await client.update_membership(group_id, membership_id, role_id=role_id)")
    await client.update_membership(group_id, member.id, role_id=role.id)
    after = await client.list_memberships(group_id, user_id=member.user.id).first()
    _show_change(member, after)

    leaver = _leaver(members)
    _step("await client.delete_membership(group_id, membership_id, cascade=True)")
    before = await client.list_org_memberships(group_id, user_id=leaver.user.id).collect()
    await client.delete_membership(group_id, leaver.id, cascade=True)
    left = await client.list_org_memberships(group_id, user_id=leaver.user.id).collect()
    _show_removal(leaver, before, left)

    _step("the same membership again: errors say what, where and which request")
    try:
        await client.update_membership(group_id, leaver.id, role_id=role.id)
    except NotFoundError as error:
        _show_error(error)


def _tour_sync() -> None:
    with FakeSnyk.example().client() as client:
        _tour_again(client)


def _tour_again(client: GroupsClient) -> None:
    _step("client.list_groups()")
    groups = client.list_groups().collect()
    _show_groups(groups)
    group_id = groups[0].id

    _step("client.get_group(group_id)")
    _show_group(client.get_group(group_id))

    _step("client.list_memberships(group_id, limit=10).pages()")
    members: list[GroupMembership] = []
    for number, page in enumerate(client.list_memberships(group_id, limit=10).pages(), 1):
        _show_page(number, page)
        members += page.items

    member, role = _role_change(members)
    _step("client.update_membership(group_id, membership_id, role_id=role_id)")
    client.update_membership(group_id, member.id, role_id=role.id)
    _show_change(member, client.list_memberships(group_id, user_id=member.user.id).first())

    leaver = _leaver(members)
    _step("client.delete_membership(group_id, membership_id, cascade=True)")
    before = client.list_org_memberships(group_id, user_id=leaver.user.id).collect()
    client.delete_membership(group_id, leaver.id, cascade=True)
    left = client.list_org_memberships(group_id, user_id=leaver.user.id).collect()
    _show_removal(leaver, before, left)

    _step("the same membership again: errors say what, where and which request")
    try:
        client.update_membership(group_id, leaver.id, role_id=role.id)
    except NotFoundError as error:
        _show_error(error)


def _role_change(members: Sequence[GroupMembership]) -> tuple[GroupMembership, Role]:
    """The last admin of the listing, and the role of somebody who is none."""
    admin = [m for m in members if m.role.name == _ADMIN][-1]
    return admin, next(m.role for m in members if m.role.name != _ADMIN)


def _leaver(members: Sequence[GroupMembership]) -> GroupMembership:
    """The first member that is no admin."""
    return next(m for m in members if m.role.name != _ADMIN)


def _say(text: str) -> None:
    print(textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _chapter(title: str) -> None:
    print(f"\n{title}\n{'=' * len(title)}")


def _step(call: str) -> None:
    print(f"\n> {call}")


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"  {line}")


def _show_groups(groups: Sequence[Group]) -> None:
    _show(table(("ID", "NAME"), [(group.id, group.name or "-") for group in groups], width=_WIDTH - 2))


def _show_group(group: Group) -> None:
    since = group.created_at.date() if group.created_at else "-"
    _show(
        [
            printable(f"{group.name}, slug {group.slug}, created {since}"),
            printable(f"tenant {group.tenant_id}"),
        ]
    )


def _show_page(number: int, page: Page[GroupMembership]) -> None:
    _show(table(MEMBERSHIP_COLUMNS, map(membership_row, page.items), width=_WIDTH - 2))
    follows = "another one follows" if page.next_cursor else "the last one"
    print(f"  -- page {number}: {len(page.items)} memberships, {follows}")


def _show_change(before: GroupMembership, after: GroupMembership | None) -> None:
    role = after.role.name if after else None
    _show([printable(f"{before.user.email}: {before.role.name} -> {role}")])


def _show_removal(
    leaver: GroupMembership, before: Sequence[OrgMembership], left: Sequence[OrgMembership]
) -> None:
    _show(
        [
            printable(f"{leaver.user.email} is out of the group"),
            printable(
                f"org memberships before: {', '.join(m.org.name or m.org.id for m in before) or 'none'}"
            ),
            f"org memberships now: {len(left)}",
        ]
    )


def _show_error(error: NotFoundError) -> None:
    _show(textwrap.wrap(printable(f"{type(error).__name__}: {error}"), _WIDTH - 2, break_on_hyphens=False))
