"""The plan that puts back what an apply has changed, by its journal and by how things are now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial

import anyio.to_thread
import attrs

from groups_sdk.access._evidence import State, membership_of, state_of
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Status
from groups_sdk.access._people import described
from groups_sdk.access._plan.conditions import Condition
from groups_sdk.access._plan.journal import JournalEntry, read_journal
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._roles import AdminRoles, is_uuid, same_role
from groups_sdk.errors import JournalError, PlanError
from groups_sdk.models import Role

__all__ = ["make_undo"]

_MAY_BE_OURS = (Status.UNKNOWN, None)  # None: it was begun, and the journal has no end of it


async def make_undo(
    client: Operations,
    journal: str | os.PathLike[str],
    plan: Plan,
    *,
    allow_admins: bool,
    admin_roles: Iterable[str | Role],
) -> Plan:
    admins = AdminRoles(admin_roles)
    if plan.base_url.rstrip("/") != client.base_url.rstrip("/"):
        raise PlanError(f"the plan is for {plan.base_url}, and this client for {client.base_url}")
    record = await anyio.to_thread.run_sync(partial(read_journal, journal))
    if record.plan_digest != plan.digest:
        raise JournalError(f"{os.fspath(journal)}: is the journal of another plan")
    changes: list[Change] = []
    notes: list[str] = []
    listings: dict[str, MemberListing] = {}
    for entry in record.entries:
        if entry.status is not Status.APPLIED and entry.status not in _MAY_BE_OURS:
            continue
        group_id = entry.change.group_id
        if group_id not in listings:
            listings[group_id] = await list_members(client, group_id)
        if entry.status in _MAY_BE_OURS:
            if state_of(entry.change, listings[group_id]) is not State.AS_SEEN:
                notes.append(
                    f"not undone: {entry.change}: it is not known whether the apply made this change"
                )
            continue
        change = _reversed(entry, listings[group_id], notes)
        if change is not None and admins.include(change.role) and not allow_admins:
            notes.append(f"not undone: {change} would make an admin (allow_admins permits it)")
        elif change is not None:
            changes.append(change)
            if entry.organizations:
                listed = ", ".join(entry.organizations)
                notes.append(f"{change}: memberships of organizations are not restored: {listed}")
    return Plan(
        groups=plan.groups,
        base_url=plan.base_url,
        made_at=datetime.now(UTC).replace(microsecond=0),
        creates=tuple(change for change in changes if change.action is Action.ADD),
        role_changes=tuple(change for change in changes if change.action is Action.SET_ROLE),
        removals=tuple(change for change in changes if change.action is Action.REMOVE),
        notes=tuple(notes),
        conditions=tuple(_reversed_conditions(plan, changes)),
    )


def _reversed_conditions(plan: Plan, changes: Iterable[Change]) -> Iterator[Condition]:
    """What one account got before another one gave it up is taken from it only while the other one has it again."""
    gave_up = {change.key: change for change in plan.changes}
    for condition in plan.conditions:
        former = gave_up[condition.change]
        for change in changes:
            if (
                change.action is not Action.ADD
                and (change.group_id, change.person) == (former.group_id, condition.user.id.lower())
                and former.user is not None
                and former.before is not None
            ):
                yield Condition(change=change.key, user=former.user, role=former.before)


def _reversed(entry: JournalEntry, listing: MemberListing, notes: list[str]) -> Change | None:
    """What puts a change back that was made. None, with a note, where somebody has changed more since."""
    change = entry.change
    now = membership_of(change, listing)
    if change.action is Action.REMOVE:
        if now is not None:
            notes.append(f"not undone: {change}: {described(now)} is a member again")
            return None
        if listing.gap is not None:
            notes.append(f"not undone: {change}: it is not known whether they are a member: {listing.gap}")
            return None
        if change.user is None or not is_uuid(change.user.id) or change.before is None:
            notes.append(f"not undone: {change}: their user id is not known")
            return None
        return attrs.evolve(change, action=Action.ADD, membership_id=None, before=None, role=change.before)
    if now is None or not same_role(now.role, change.role):
        role = f"has the role {now.role.name or now.role.id}" if now else "is not listed as a member"
        notes.append(f"not undone: {change}: changed since: {role} now")
        return None
    if change.action is Action.ADD:
        return attrs.evolve(
            change, action=Action.REMOVE, membership_id=now.id, user=now.user, before=now.role, role=None
        )
    if change.before is None or now.id.lower() != (change.membership_id or "").lower():
        notes.append(f"not undone: {change}: it is a different membership now")
        return None
    return attrs.evolve(change, user=now.user, before=now.role, role=change.before)
