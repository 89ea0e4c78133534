"""Hygiene of one group: what is read, and the report of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime

from groups_sdk import _arguments as arguments
from groups_sdk._hooks import check_hook
from groups_sdk.access._addresses import normalised
from groups_sdk.access._hygiene import checks
from groups_sdk.access._hygiene.findings import HygieneFinding, HygieneUnknown
from groups_sdk.access._hygiene.report import HygieneReport
from groups_sdk.access._hygiene.sources import read_members, read_organizations, read_sso_users
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Progress
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Group

__all__ = ["look_at_hygiene"]


async def look_at_hygiene(
    client: Operations,
    group_id: str,
    *,
    org_memberships: bool,
    sso_login_methods: Collection[str],
    concurrency: int,
    on_progress: Callable[[Progress], object] | None,
) -> HygieneReport:
    arguments.uuid("group_id", group_id)
    if isinstance(sso_login_methods, str):
        raise InvalidArgumentError("sso_login_methods must be a collection of strings, not one string")
    if type(concurrency) is not int or concurrency < 1:
        raise InvalidArgumentError(f"concurrency must be a whole number of at least 1; got {concurrency!r}")
    check_hook("on_progress", on_progress, InvalidArgumentError)
    methods = tuple(sorted(set(map(normalised, sso_login_methods))))
    looked_at = datetime.now(UTC).replace(microsecond=0)
    members = await read_members(client, group_id)
    sso = await read_sso_users(client, group_id)
    found: list[HygieneFinding | HygieneUnknown] = []
    found += checks.not_on_sso(members, methods)
    found += checks.deactivated(members, sso)
    if org_memberships:
        orgs = await read_organizations(
            client, group_id, members.memberships, concurrency=concurrency, on_progress=on_progress
        )
        found += checks.in_no_org(members, orgs)
    found += checks.shared_addresses(members)
    found += checks.sole_roles(members)
    named = next((m.group.name for m in members.memberships if m.group.id and m.group.name), None)
    return HygieneReport(
        group=Group(id=group_id, name=named),
        looked_at=looked_at,
        base_url=client.base_url,
        members=members.memberships,
        findings=tuple(one for one in found if isinstance(one, HygieneFinding)),
        unknown=tuple(one for one in found if isinstance(one, HygieneUnknown)),
        missing=members.missing,
        unreadable=tuple(map(str, members.unreadable)),
        org_memberships=org_memberships,
        sso_login_methods=methods,
    )
