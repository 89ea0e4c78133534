"""What the commands show of each thing: the columns of their tables, which are the keys of their JSON and CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groups_sdk._arguments import UUID
from groups_sdk.cli._output import Column
from groups_sdk.cli._wording import with_options
from groups_sdk.errors import ApiError
from groups_sdk.models import Group, GroupMembership, OrgMembership, Role, SsoConnection, SsoUser, User

if TYPE_CHECKING:
    from groups_sdk.access import (
        Change,
        DeletionResult,
        Elevation,
        HygieneFinding,
        MigratedPerson,
        OffboardingResult,
        Outcome,
        ReviewDiff,
        ReviewedMember,
        RoleCount,
    )

    Difference = tuple[str, ReviewedMember | None, ReviewedMember | None]

__all__ = [
    "DELETIONS",
    "DIFFERENCES",
    "FINDINGS",
    "ELEVATION",
    "GROUP",
    "GROUPS",
    "MEMBER",
    "MEMBERS",
    "MIGRATED",
    "OFFBOARDING",
    "ORG_MEMBERSHIPS",
    "OUTCOMES",
    "PENDING",
    "REVIEWED",
    "ROLES",
    "SSO_CONNECTIONS",
    "SSO_USERS",
    "differences",
]

GROUPS: list[Column[Group]] = [
    Column("id", "ID", lambda group: group.id),
    Column("name", "NAME", lambda group: group.name),
]

GROUP: list[Column[Group]] = [
    *GROUPS,
    Column("slug", "SLUG", lambda group: group.slug),
    Column("created_at", "CREATED", lambda group: group.created_at),
    Column("updated_at", "UPDATED", lambda group: group.updated_at),
    Column("tenant_id", "TENANT", lambda group: group.tenant_id),
    Column("avatar_url", None, lambda group: group.avatar_url),
    Column("logo_url", None, lambda group: group.logo_url),
]

MEMBERS: list[Column[GroupMembership]] = [
    Column("email", "EMAIL", lambda member: member.user.email),
    Column("name", "NAME", lambda member: member.user.name),
    Column("username", None, lambda member: member.user.username),
    Column("role", "ROLE", lambda member: member.role.name),
    Column("login_method", "LOGIN", lambda member: member.user.login_method),
    Column("member_since", "SINCE", lambda member: member.created_at),
    Column("user_id", None, lambda member: member.user.id),
    Column("role_id", None, lambda member: member.role.id),
    Column("membership_id", None, lambda member: member.id),
]

MEMBER: list[Column[GroupMembership]] = [
    Column("email", "EMAIL", lambda member: member.user.email),
    Column("name", "NAME", lambda member: member.user.name),
    Column("username", "USERNAME", lambda member: member.user.username),
    Column("role", "ROLE", lambda member: member.role.name),
    Column("login_method", "LOGIN", lambda member: member.user.login_method),
    Column("member_since", "SINCE", lambda member: member.created_at),
    Column("user_id", "USER ID", lambda member: member.user.id),
    Column("role_id", "ROLE ID", lambda member: member.role.id),
    Column("membership_id", "MEMBERSHIP ID", lambda member: member.id),
]

ORG_MEMBERSHIPS: list[Column[OrgMembership]] = [
    Column("org", "ORG", lambda membership: membership.org.name),
    Column("role", "ROLE", lambda membership: membership.role.name),
    Column("member_since", "SINCE", lambda membership: membership.created_at),
    Column("org_id", "ORG ID", lambda membership: membership.org.id),
    Column("role_id", None, lambda membership: membership.role.id),
    Column("membership_id", None, lambda membership: membership.id),
]

SSO_CONNECTIONS: list[Column[SsoConnection]] = [
    Column("id", "ID", lambda connection: connection.id),
    Column("name", "NAME", lambda connection: connection.name),
]

SSO_USERS: list[Column[tuple[SsoConnection, SsoUser]]] = [
    Column("email", "EMAIL", lambda pair: pair[1].email),
    Column("name", "NAME", lambda pair: pair[1].name),
    Column("username", None, lambda pair: pair[1].username),
    Column("active", "ACTIVE", lambda pair: pair[1].active),
    Column("membership_strategy", "STRATEGY", lambda pair: pair[1].membership_strategy),
    Column("member_since", "SINCE", lambda pair: pair[1].membership_created_at),
    Column("connection", "CONNECTION", lambda pair: pair[0].name),
    Column("user_id", None, lambda pair: pair[1].id),
    Column("connection_id", None, lambda pair: pair[0].id),
]

ROLES: list[Column[RoleCount]] = [
    Column("role", "ROLE", lambda count: count.role.name),
    Column("members", "MEMBERS", lambda count: count.members),
    Column("role_id", "ID", lambda count: count.role.id),
]


def _problem(error: Exception | None) -> str | None:
    return None if error is None else with_options(str(error))


def _request_id(error: Exception | None) -> str | None:
    return error.request_id if isinstance(error, ApiError) else None


_NO_ROLE = Role("")
_NO_USER = User("")


def _user(change: Change) -> User:
    return change.user or User("")


def _membership_id(change: Change) -> str | None:
    given = change.membership_id
    return given if given is not None and UUID.fullmatch(given) else None


def _who(change: Change) -> str | None:
    """The email address; for somebody who was not found, what was given for them."""
    if change.user is None and _membership_id(change) is None:
        return change.membership_id
    return _user(change).email


PENDING: list[Column[Change]] = [
    Column("action", "ACTION", lambda change: str(change.action)),
    Column("email", "EMAIL", lambda change: _user(change).email),
    Column("role_before", "ROLE", lambda change: (change.before or _NO_ROLE).name),
    Column("role", "NEW ROLE", lambda change: (change.role or _NO_ROLE).name),
    Column("user_id", None, lambda change: _user(change).id or None),
    Column("membership_id", None, lambda change: change.membership_id),
    Column("role_id", None, lambda change: (change.role or _NO_ROLE).id or None),
    Column("group_id", None, lambda change: change.group_id),
]

OUTCOMES: list[Column[Outcome]] = [
    Column("status", "STATUS", lambda outcome: str(outcome.status)),
    Column("change", "CHANGE", lambda outcome: str(outcome.change)),
    Column("action", None, lambda outcome: str(outcome.change.action)),
    Column("email", None, lambda outcome: _who(outcome.change)),
    Column("role_before", None, lambda outcome: (outcome.change.before or _NO_ROLE).name),
    Column("role", None, lambda outcome: (outcome.change.role or _NO_ROLE).name),
    Column("earlier", None, lambda outcome: outcome.earlier),
    Column("error", "ERROR", lambda outcome: _problem(outcome.error)),
    Column("request_id", None, lambda outcome: _request_id(outcome.error)),
    Column("user_id", None, lambda outcome: _user(outcome.change).id or None),
    Column("membership_id", None, lambda outcome: _membership_id(outcome.change)),
    Column("group_id", None, lambda outcome: outcome.change.group_id),
]

MIGRATED: list[Column[MigratedPerson]] = [
    Column("old", "OLD", lambda person: person.old),
    Column("new", "NEW", lambda person: person.new),
    Column("state", "STATE", lambda person: str(person.state)),
    Column("role", "ROLE", lambda person: (person.role or _NO_ROLE).name),
    Column("new_role", "NEW ROLE", lambda person: (person.new_role or _NO_ROLE).name),
    Column("login_method", None, lambda person: (person.new_user or _NO_USER).login_method),
    Column("lost_orgs", "LOST ORGS", lambda person: _lost_orgs(person)),
    Column("removes_old", "REMOVES OLD", lambda person: person.removes_old),
    Column("problem", None, lambda person: None if person.problem is None else with_options(person.problem)),
    Column("old_user_id", None, lambda person: (person.old_user or _NO_USER).id or None),
    Column("new_user_id", None, lambda person: (person.new_user or _NO_USER).id or None),
]


def _lost_orgs(person: MigratedPerson) -> str | None:
    if person.lost_orgs is None:
        return "unknown"
    return (
        "; ".join(f"{m.org.name or m.org.id} ({m.role.name or m.role.id})" for m in person.lost_orgs) or None
    )


ELEVATION: list[Column[Elevation]] = [
    Column("file", None, lambda made: made.path),
    Column("email", None, lambda made: made.user.email),
    Column("role", None, lambda made: made.role.name),
    Column("until", None, lambda made: made.until),
    Column("then", None, lambda made: made.then.name if made.then else "remove"),
    Column("user_id", None, lambda made: made.user.id),
    Column("role_id", None, lambda made: made.role.id),
    Column("then_id", None, lambda made: made.then.id if made.then else None),
    Column("group_id", None, lambda made: made.group_id),
]

OFFBOARDING: list[Column[OffboardingResult]] = [
    Column("group", "GROUP", lambda result: result.group.name),
    Column("person", "PERSON", lambda result: result.person),
    Column("email", None, lambda result: result.membership.user.email if result.membership else None),
    Column("status", "STATUS", lambda result: str(result.status)),
    Column("role", "ROLE", lambda result: result.membership.role.name if result.membership else None),
    Column("orgs", "ORGS", lambda result: _orgs(result)),
    Column("earlier", None, lambda result: result.earlier),
    Column("error", "ERROR", lambda result: _problem(result.error)),
    Column("request_id", None, lambda result: _request_id(result.error)),
    Column("user_id", None, lambda result: result.membership.user.id or None if result.membership else None),
    Column("membership_id", None, lambda result: result.membership.id if result.membership else None),
    Column("group_id", None, lambda result: result.group.id),
]


def _orgs(result: OffboardingResult) -> str | None:
    if result.org_memberships is None:
        return None
    return ", ".join(membership.org.name or membership.org.id for membership in result.org_memberships)


def _of_person(column: Column[GroupMembership]) -> Column[tuple[HygieneFinding, GroupMembership]]:
    return Column(column.key, column.head, lambda pair: column.value(pair[1]))


FINDINGS: list[Column[tuple[HygieneFinding, GroupMembership]]] = [
    Column("finding", "FINDING", lambda pair: str(pair[0].check)),
    Column("hint", None, lambda pair: pair[0].hint),
    Column("evidence", "EVIDENCE", lambda pair: pair[0].evidence),
    Column("not_known", None, lambda pair: "; ".join(pair[0].not_known) or None),
    *map(_of_person, MEMBERS),
]


DELETIONS: list[Column[DeletionResult]] = [
    Column("person", "PERSON", lambda result: result.person),
    Column("email", "EMAIL", lambda result: result.user.email),
    Column("status", "STATUS", lambda result: str(result.status)),
    Column("groups", "MEMBER OF", lambda result: _groups_of(result)),
    Column("orgs", "ORGS", lambda result: _orgs_below(result)),
    Column("earlier", None, lambda result: result.earlier),
    Column("error", "ERROR", lambda result: _problem(result.error)),
    Column("request_id", None, lambda result: _request_id(result.error)),
    Column("username", None, lambda result: result.user.username),
    Column("name", None, lambda result: result.user.name),
    Column("user_id", None, lambda result: result.user.id),
]


def _groups_of(result: DeletionResult) -> str:
    return ", ".join(f"{m.group.name or m.group.id} ({m.role.name or m.role.id})" for m in result.memberships)


def _orgs_below(result: DeletionResult) -> str | None:
    if result.org_memberships is None:
        return None
    return ", ".join(membership.org.name or membership.org.id for membership in result.org_memberships)


def _of_membership(column: Column[GroupMembership]) -> Column[ReviewedMember]:
    return Column(column.key, column.head, lambda member: column.value(member.membership))


REVIEWED: list[Column[ReviewedMember]] = [
    *map(_of_membership, MEMBERS),
    Column("sso", None, lambda member: member.sso),
    Column("organizations", None, lambda member: _orgs_of(member)),
    Column("org_error", None, lambda member: None if member.org_error is None else str(member.org_error)),
]


def _orgs_of(member: ReviewedMember) -> str | None:
    if member.org_memberships is None:
        return None
    return "; ".join(f"{m.org.name} ({m.role.name})" for m in member.org_memberships)


def differences(diff: ReviewDiff) -> list[Difference]:
    """What is different, with how it was before and how it is now."""
    found: list[Difference] = [("added", None, member) for member in diff.added]
    found += [("removed", member, None) for member in diff.removed]
    found += [(f"changed {' and '.join(c.what)}", c.before, c.after) for c in diff.changed]
    return found


def _either(difference: Difference) -> GroupMembership:
    _, before, after = difference
    member = after or before
    assert member is not None  # noqa: S101 - a difference has one of them
    return member.membership


def _role_of(member: ReviewedMember | None) -> str | None:
    return None if member is None else member.membership.role.name


def _user_of(member: ReviewedMember | None) -> User:
    return _NO_USER if member is None else member.membership.user


DIFFERENCES: list[Column[Difference]] = [
    Column("difference", "DIFFERENCE", lambda difference: difference[0]),
    Column("email", "EMAIL", lambda difference: _either(difference).user.email),
    Column("role_before", "ROLE BEFORE", lambda difference: _role_of(difference[1])),
    Column("role", "ROLE", lambda difference: _role_of(difference[2])),
    Column("login_method_before", None, lambda difference: _user_of(difference[1]).login_method),
    Column("login_method", None, lambda difference: _user_of(difference[2]).login_method),
    Column("email_before", None, lambda difference: _user_of(difference[1]).email),
    Column("username_before", None, lambda difference: _user_of(difference[1]).username),
    Column("username", None, lambda difference: _user_of(difference[2]).username),
    Column("name_before", None, lambda difference: _user_of(difference[1]).name),
    Column("name", None, lambda difference: _user_of(difference[2]).name),
    Column("user_id", None, lambda difference: _either(difference).user.id),
    Column("membership_id", None, lambda difference: _either(difference).id),
]
