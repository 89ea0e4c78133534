"""One person's role for another one: a copy of it, or a hand-over, in which the other one has it first."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk.access import _roles as roles
from groups_sdk.access._migration.accounts import Accounts, list_accounts
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._people import Account, Identity, described, identity_of, key_of
from groups_sdk.access._plan.conditions import Condition
from groups_sdk.access._plan.plan import NotInSnyk, Plan
from groups_sdk.access._roles import same_role
from groups_sdk.errors import InvalidArgumentError, MemberNotFoundError
from groups_sdk.models import Group, GroupMembership, Role

__all__ = ["make_copy", "make_handover"]


@attrs.frozen
class _Two:
    """The member whose role it is about, and who is to have it: None where nobody is known by that name."""

    group: Group
    accounts: Accounts
    former: GroupMembership
    other: Account | None
    wanted: Identity


async def make_copy(client: Operations, group_id: str, from_person: str, to_person: str) -> Plan:
    two = await _find(client, group_id, from_person, to_person)
    return _plan(client, two, [])


async def make_handover(
    client: Operations, group_id: str, from_person: str, to_person: str, *, role_after: str | Role
) -> Plan:
    roles.checked(role_after)
    two = await _find(client, group_id, from_person, to_person)
    role = two.accounts.listing.roles.resolve(role_after)
    if same_role(role, two.former.role):
        raise InvalidArgumentError(
            f"{described(two.former)} has the role {role.name or role.id} already, which is to be the role "
            "afterwards: there is nothing to hand over"
        )
    change = Change(
        action=Action.SET_ROLE,
        group_id=two.group.id,
        membership_id=two.former.id,
        user=two.former.user,
        before=two.former.role,
        role=role,
    )
    return _plan(client, two, [change])


async def _find(client: Operations, group_id: str, from_person: str, to_person: str) -> _Two:
    arguments.uuid("group_id", group_id)
    identity, wanted = identity_of(from_person, "from_person"), identity_of(to_person, "to_person")
    group = await client.get_group(group_id)
    accounts = await list_accounts(client, group_id)
    former = accounts.member(identity)
    if former is None:
        accounts.listing.require_complete(by_name=bool(identity.names))
        raise MemberNotFoundError(f"{identity} is not a member of the group {group.name or group.id}")
    other = accounts.anybody(wanted)
    for account in (former, other):
        if account is not None and not roles.is_uuid(account.user.id):
            raise InvalidArgumentError(f"{described(account)} is listed without a user id")
    if not roles.is_uuid(former.role.id):
        raise InvalidArgumentError(f"the API does not tell the role of {described(former)}")
    refusal = None if other is None else accounts.refusal(other, wanted)
    if refusal is not None:
        raise InvalidArgumentError(refusal)
    if other is not None and key_of(other) == key_of(former):
        raise InvalidArgumentError(f"{identity} and {wanted} are the same account: {described(former)}")
    return _Two(Group(id=group.id, name=group.name), accounts, former, other, wanted)


def _plan(client: Operations, two: _Two, afterwards: list[Change]) -> Plan:
    """The plan in which the other one gets the role, and what comes after it waits for that."""
    role, listing = two.former.role, two.accounts.listing
    creates: list[Change] = []
    updates: list[Change] = []
    unchanged: list[Change] = []
    missing: list[NotInSnyk] = []
    conditions: list[Condition] = []
    touched = 1
    if two.other is None:
        gap = f", but {listing.name_gap}" if listing.name_gap else ""
        missing.append(
            NotInSnyk(
                who=str(two.wanted),
                role=role.name or role.id,
                reason=f"no member and no visible SSO user of this group has this name{gap}",
                group_id=two.group.id,
            )
        )
    else:
        change = two.accounts.give(two.other, role)
        touched += change.action is Action.SET_ROLE
        if change.action is Action.ADD:
            creates.append(change)
        else:
            (unchanged if same_role(change.before, role) else updates).append(change)
        updates += afterwards
        conditions = [
            Condition(change=later.key, user=two.other.user, role=role, lost_orgs=None)
            for later in afterwards
        ]
    return Plan(
        groups=(two.group,),
        base_url=client.base_url,
        made_at=datetime.now(UTC).replace(microsecond=0),
        creates=tuple(creates),
        role_changes=tuple(updates),
        unchanged=tuple(unchanged),
        not_in_snyk=tuple(missing),
        not_mentioned=len(listing.memberships) - touched,
        notes=tuple(two.accounts.notes),
        conditions=tuple(conditions),
    )
