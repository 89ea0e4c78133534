"""The plan that makes a group again what a review says it was, as far as that can be done."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import anyio.to_thread
import attrs

from groups_sdk import _arguments as arguments
from groups_sdk.access._addresses import normalised
from groups_sdk.access._change_work import decided
from groups_sdk.access._guards import listed
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Status
from groups_sdk.access._people import (
    Account,
    Identity,
    PeopleIndex,
    SsoAccount,
    described,
    identity_of,
    key_of,
)
from groups_sdk.access._plan.desired import DesiredMember, DesiredState
from groups_sdk.access._plan.diff import Clock, Matching, Pruning
from groups_sdk.access._plan.journal import JournalEntry, read_journal
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._review.member import ReviewedMember
from groups_sdk.access._review.report import Review
from groups_sdk.access._roles import AdminRoles, is_uuid, same_role
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.errors import InvalidArgumentError, JournalError, PlanError
from groups_sdk.models import Group, GroupMembership, Role, User

__all__ = ["NOT_RESTORED", "make_restore"]

NOT_RESTORED = "not restored: "
"""How the notes begin that say what does not come back."""

_MAY_BE_DONE = (Status.APPLIED, Status.UNCHANGED, Status.UNKNOWN, None)


async def make_restore(
    client: Operations,
    group_id: str,
    review: Review | str | os.PathLike[str],
    journals: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    allow_admins: bool,
    admin_roles: Iterable[str | Role],
    prune: bool,
    cascade: bool | None,
    max_removals: int | None,
    protect: Iterable[str],
) -> Plan:
    arguments.uuid("group_id", group_id)
    if cascade is not None:
        decided(cascade)
    if max_removals is not None and (type(max_removals) is not int or max_removals < 0):
        raise InvalidArgumentError(f"max_removals must be a whole number of at least 0; got {max_removals!r}")
    if isinstance(protect, str):
        raise InvalidArgumentError("protect must be a collection of people, not one person")
    admins = AdminRoles(admin_roles)
    pruning = Pruning(
        prune=prune,
        cascade=cascade,
        max_removals=max_removals,
        allow_unresolved=(),
        protect=tuple(identity_of(person, "protect") for person in protect),
    )
    if not isinstance(review, Review):
        review = await anyio.to_thread.run_sync(Review.read, review)
    _check_review(client, group_id, review, prune=prune)
    paths = [journals] if isinstance(journals, str | os.PathLike) else [*journals]
    history = await anyio.to_thread.run_sync(partial(_read_journals, paths, client.base_url, review))
    group = await client.get_group(group_id)
    listing = await list_members(client, group_id)
    accounts, notes = await list_sso_accounts(client, group_id)
    restoring = _Restoring(group, listing, accounts, history, admins, allow_admins=allow_admins)
    for member in review.members:
        restoring.put_back(member)
    if prune:
        restoring.spare_members_before(review.reviewed_at)
    plan = restoring.plan(pruning)
    others = [
        change for change in plan.changes if change.person not in history.changed.get(group_id.lower(), ())
    ]
    if paths and others:
        notes.append(f"in none of the journals, so changed by somebody else: {listed(others)}")
    return attrs.evolve(
        plan,
        base_url=client.base_url,
        prune=prune,
        cascade=cascade,
        max_removals=max_removals,
        notes=(*_unreadable(review), *plan.notes, *notes),
    )


def _check_review(client: Operations, group_id: str, review: Review, *, prune: bool) -> None:
    """Raise what makes a review useless for this."""
    if review.group.id and review.group.id.lower() != group_id.lower():
        raise InvalidArgumentError(f"the review is of another group, {review.group.id}")
    if review.base_url is not None and review.base_url.rstrip("/") != client.base_url.rstrip("/"):
        raise PlanError(f"the review is of {review.base_url}, and this client for {client.base_url}")
    if not review.members:
        raise InvalidArgumentError("the review lists nobody: there is nothing to restore")
    roles: dict[str, str] = {}
    for member in review.members:
        then = member.membership
        if (
            then.user.id
            and roles.setdefault(then.user.id.lower(), then.role.id.lower()) != then.role.id.lower()
        ):
            raise InvalidArgumentError(f"the review lists {described(then)} twice, with different roles")
    nameless = sum(not member.membership.user.id for member in review.members)
    unknown = len(review.unreadable) + nameless
    if prune and unknown:
        raise PlanError(
            f"no members are removed, because the review does not say who {unknown} of its members are: "
            "leave out prune=True"
        )


def _unreadable(review: Review) -> list[str]:
    records = len(review.unreadable)
    return [f"{NOT_RESTORED}{records} members whose record the review could not read"] if records else []


@attrs.frozen
class _History:
    """What the journals say: whom they have changed, by group; organizations that went, by group and user; and the
    accounts that were deleted, with how the deletion ended.
    """

    changed: Mapping[str, set[str]]
    organizations: Mapping[tuple[str, str], tuple[str, ...]]
    deleted: Mapping[str, Status | None]


def _read_journals(paths: Sequence[str | os.PathLike[str]], base_url: str, review: Review) -> _History:
    """Raises `JournalError` for a journal that cannot be read, or is of another API."""
    entries: list[JournalEntry] = []
    for path in paths:
        record = read_journal(path)
        if record.base_url.rstrip("/") != base_url.rstrip("/"):
            raise JournalError(f"{os.fspath(path)}: is of {record.base_url}, and this client for {base_url}")
        entries += record.entries
    changed: dict[str, set[str]] = {}
    organizations: dict[tuple[str, str], tuple[str, ...]] = {}
    deleted: dict[str, Status | None] = {}
    for entry in sorted(entries, key=lambda entry: entry.at):
        change = entry.change
        since = review.reviewed_at is None or entry.at >= review.reviewed_at
        if not since or entry.status not in _MAY_BE_DONE:
            continue
        group_id = change.group_id.lower()
        if entry.status is not Status.UNCHANGED:
            changed.setdefault(group_id, set()).add(change.person)
        if change.action is Action.DELETE_ACCOUNT:
            deleted[change.person] = entry.status
        if entry.organizations:
            organizations[group_id, change.person] = entry.organizations
    return _History(changed, organizations, deleted)


class _Restoring:
    """The members of a review, put beside those of today."""

    def __init__(
        self,
        group: Group,
        listing: MemberListing,
        accounts: Sequence[SsoAccount],
        history: _History,
        admins: AdminRoles,
        *,
        allow_admins: bool,
    ) -> None:
        self._group = group
        self._listing = listing
        self._sso: PeopleIndex[SsoAccount] = PeopleIndex(accounts)
        self._everybody: PeopleIndex[Account] = PeopleIndex([*listing.memberships, *accounts])
        self._history = history
        self._admins = admins
        self._allow_admins = allow_admins
        self._rows: dict[str, DesiredMember] = {}  # by user id or membership id
        self._users: dict[str, User] = {}  # as the review names them
        self._spared: list[Identity] = []
        self._notes: list[str] = []

    def put_back(self, reviewed: ReviewedMember) -> None:
        """Want a member of the review as they were; or as they are now, with a note, where that cannot be."""
        then = reviewed.membership
        now = self._listing.people.by_id(then.user.id) if then.user.id else None
        if now is None:
            same = self._listing.by_membership.get(then.id.lower())
            if same is not None and not (then.user.id and same.user.id):  # else it is somebody else's now
                now = same
        if now is None:
            self._put_back_in(reviewed)
            return
        refusal = None if same_role(now.role, then.role) else self._role_refusal(then.role)
        if refusal is not None:
            self._not_restored(then, f"{refusal}; they stay {now.role.name or now.role.id}")
        self._want(now.user.id or now.id, then if refusal is None else now)
        if now.id.lower() != then.id.lower():
            self._note_organizations(reviewed, "were removed and added again since")

    def _put_back_in(self, reviewed: ReviewedMember) -> None:
        then = reviewed.membership
        refusal = self._refusal(then) or self._role_refusal(then.role)
        if refusal is not None:
            self._not_restored(then, refusal)
            return
        self._want(then.user.id, then)
        self._note_organizations(reviewed, "are added again")

    def _refusal(self, then: GroupMembership) -> str | None:
        """Why somebody who is no member now cannot be added; None when they can."""
        others = self._others(then.user)
        self._spared += [Identity(ids=(key_of(other),)) for other in others]  # whatever the reason is
        if not is_uuid(then.user.id):
            return "their user id is not known"
        if self._listing.gap is not None:
            return f"it is not known whether they are a member: {self._listing.gap}"
        known = self._sso.by_id(then.user.id) is not None
        if not known and then.user.id.lower() in self._history.deleted:
            status = self._history.deleted[then.user.id.lower()]
            was = "was deleted" if status in (Status.APPLIED, Status.UNCHANGED) else "may have been deleted"
            return f"the account {was}{_instead(others)}"
        if not known and others:
            return f"the account cannot be seen any more{_instead(others)}"
        return None

    def _others(self, user: User) -> list[Account]:
        """Other accounts that go by the address or the username of an account of the review."""
        found: dict[str, Account] = {}
        for name in filter(None, (user.email, user.username)):
            for account in self._everybody.all_of(Identity(names=(name,)), lookalikes=False):
                if key_of(account) != user.id.lower():
                    found[key_of(account)] = account
        return [*found.values()]

    def _role_refusal(self, role: Role) -> str | None:
        """Why nobody gets that role; None when they may."""
        if not is_uuid(role.id):
            return f"the review does not say the id of the role {role.name or '?'}"
        known = self._listing.roles.by_id(role.id)
        if (self._admins.include(role) or self._admins.include(known)) and not self._allow_admins:
            return f"they would be an admin again, {role.name or role.id} (allow_admins permits it)"
        if not (role.name or (known and known.name) or self._allow_admins) and self._admins.names:
            return f"the role {role.id} has no name, so they may be an admin again (allow_admins permits it)"
        return None

    def _want(self, id_: str, membership: GroupMembership) -> None:
        role = membership.role
        key = id_.lower()
        self._users[key] = membership.user
        self._rows[key] = DesiredMember(described(membership), role.id, ids=(key,))
        known = self._listing.roles.by_id(role.id)
        if known is None:
            self._once(
                f"nobody has the role {role.name or '?'} ({role.id}) any more, so its name cannot be checked: "
                "apply needs allow_unknown_roles"
            )
        elif role.name is not None and normalised(known.name or "") != normalised(role.name):
            self._once(f"the role {role.id} is named {known.name!r} now, and was {role.name!r}")

    def _note_organizations(self, reviewed: ReviewedMember, what: str) -> None:
        """Name the memberships of organizations that a removal has taken: this API cannot bring them back."""
        then = reviewed.membership
        if reviewed.org_memberships is not None:
            names = [
                f"{m.org.name or m.org.id} ({m.role.name or m.role.id})" for m in reviewed.org_memberships
            ]
        else:
            place = (self._group.id.lower(), then.user.id.lower())
            names = [*self._history.organizations.get(place, ("not known which, if any",))]
        if names:
            text = f"{described(then)}: they {what}, without their memberships of organizations"
            self._notes.append(f"{NOT_RESTORED}{text}: {', '.join(names)}")

    def _not_restored(self, then: GroupMembership, reason: str) -> None:
        role = then.role.name or then.role.id or "?"
        self._notes.append(f"{NOT_RESTORED}{described(then)} as {role}: {reason}")

    def _once(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)

    def spare_members_before(self, reviewed_at: datetime | None) -> None:
        """Keep those who were members before the review was made: it has left them out, so they did not come since."""
        for member in self._listing.memberships:
            since = member.created_at
            if reviewed_at and since and since < reviewed_at and key_of(member) not in self._rows:
                self._spared.append(Identity(ids=(key_of(member),)))
                self._notes.append(
                    f"{described(member)} is a member since {since.isoformat()}, before the review, which does not "
                    "list them: not removed"
                )

    def plan(self, pruning: Pruning) -> Plan:
        state = DesiredState(tuple(self._rows.values()), "the review")
        clock = Clock(datetime.now(UTC).replace(microsecond=0), None)
        matching = Matching(self._group, self._listing, state, clock)
        for row in state.members:
            matching.match(row)
        matching.match_sso_users(self._sso)
        matching.refuse_problems()
        spared = attrs.evolve(pruning, protect=(*pruning.protect, *self._seen(self._spared)))
        made = matching.plan(spared)
        creates = tuple(self._as_reviewed(change) for change in made.creates)
        return attrs.evolve(made, creates=creates, notes=(*self._notes, *made.notes))

    def _seen(self, people: Iterable[Identity]) -> list[Identity]:
        return [person for person in people if self._listing.people.all_of(person, lookalikes=False)]

    def _as_reviewed(self, change: Change) -> Change:
        """With the names of the review, for somebody of whom the API tells nothing now."""
        user = change.user
        if user is not None and user.email is None and user.username is None:
            return attrs.evolve(change, user=attrs.evolve(self._users[change.person], login_method=None))
        return change


def _instead(others: Sequence[Account]) -> str:
    if not others:
        return ""
    return f"; not the same account, and not added for it: {'; '.join(map(described, others))}"
