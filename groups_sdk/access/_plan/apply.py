"""A plan, carried out: checked against the API, guarded, and noted in a journal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property

import anyio
import attrs

from groups_sdk.access._addresses import normalised
from groups_sdk.access._change_work import ChangeWork, Prepared, decided
from groups_sdk.access._evidence import State, membership_of, outcome_by_look, state_of
from groups_sdk.access._finding import Sought, look_at
from groups_sdk.access._guards import Guards, listed
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Status
from groups_sdk.access._people import Identity, SsoAccount
from groups_sdk.access._plan.conditions import require
from groups_sdk.access._plan.diff import removal_limit
from groups_sdk.access._plan.journal import Journal, JournalEntry
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._plan.until import shown_moment
from groups_sdk.access._roles import RoleIndex, is_uuid
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.errors import (
    GroupsError,
    IncompleteListingError,
    InvalidArgumentError,
    PlanError,
    StalePlanError,
)
from groups_sdk.models import Role, User

__all__ = ["PlanWork"]


class PlanWork(ChangeWork):
    """The changes of a plan. A journal makes it resumable: it says what this tool did, and the API how things are."""

    def __init__(
        self,
        client: Operations,
        plan: Plan,
        guards: Guards,
        *,
        cascade: bool | None,
        journal: str | os.PathLike[str] | None,
        expect_digest: str | None,
        max_age: timedelta | float | None,
        group_id: str | None,
        allow_unknown_roles: bool,
        strict: bool,
    ) -> None:
        _check_plan(client, plan, expect_digest, max_age, group_id)
        group_ids = [group.id for group in plan.groups] if plan.changes else []
        super().__init__(client, group_ids, guards, cascade=_cascade_of(plan, cascade))
        self._plan = _of_its_groups(plan)
        self._allow_unknown_roles = allow_unknown_roles
        self._strict = strict
        self._journal: Journal | None = None
        if journal is not None:
            every = [group.id for group in plan.groups]
            self._journal = Journal(
                journal, plan_digest=lambda: plan.digest, base_url=plan.base_url, group_ids=every
            )
        self._sso_users: dict[str, Mapping[str, SsoAccount]] = {}
        self._ended: set[str] = set()  # the keys of the changes that have their outcome
        self._held = {condition.change for condition in plan.conditions}

    def session(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self._journal is None else self._journal.session()

    async def before(self, items: Sequence[Change]) -> None:
        if self._journal is not None:
            await self._journal.begin(items, await self._organizations(items))

    async def after(self, outcome: Outcome) -> None:
        self._ended.add(outcome.change.key)
        if self._journal is not None:
            await self._journal.end(outcome)

    async def confirm(self, item: Change) -> None:
        if item.action is not Action.REMOVE and _is_over(self._plan):
            raise StalePlanError("a role that the plan gives has ended meanwhile; nothing was sent")
        for condition in self._plan.conditions if item.key in self._held else ():
            if condition.change == item.key:
                await require(self.client, condition, item)

    def _stages(self, todo: Sequence[Change]) -> list[list[Change]]:
        """What has a condition comes after all that has none: that may be what it waits for."""
        stages = super()._stages(todo)
        free = [[change for change in stage if change.key not in self._held] for stage in stages]
        held = [[change for change in stage if change.key in self._held] for stage in stages]
        return [*free, *held]

    async def _organizations(self, items: Sequence[Change]) -> dict[str, list[str]]:
        """The organizations that removals take too: nothing brings them back, but the journal can name them."""
        found: dict[str, list[str]] = {}

        async def note(change: Change, user_id: str) -> None:
            with suppress(GroupsError):  # they may not be read: the journal says that they are not known
                orgs = await self.client.list_org_memberships(change.group_id, user_id=user_id).collect()
                found[change.key] = [f"{m.org.name or m.org.id} ({m.role.name or m.role.id})" for m in orgs]

        async with anyio.create_task_group() as tasks:
            for change in items if self.cascade else ():
                if change.action is Action.REMOVE and change.user is not None and is_uuid(change.user.id):
                    tasks.start_soon(note, change, change.user.id)
        return found

    async def look(self, group_id: str) -> MemberListing:
        """A part of the group, where it shows all of these members as the plan has them; else everybody."""
        changes = [c for c in self._plan.changes if c.group_id == group_id and c.key not in self._ended]
        if not self._counts_members(changes):
            sought = self._sought(group_id, changes)
            if sought is not None:
                listing = await look_at(self.client, group_id, sought, members=self._members)
                known = (
                    c.action is Action.ADD or (c.membership_id or "").lower() in listing.by_membership
                    for c in changes
                )
                if not listing.partial or all(known):
                    return listing
        return await list_members(self.client, group_id)

    def _counts_members(self, changes: Sequence[Change]) -> bool:
        """Whether how many members there are decides how many may be removed."""
        removes = any(change.action is Action.REMOVE for change in changes)
        return removes and self._plan.max_removals is None and bool(self._plan.prune or self._plan.ended)

    def _sought(self, group_id: str, changes: Sequence[Change]) -> Sought | None:
        """What has to be seen for these changes; None where they name people or roles by something else than ids."""
        ids = [change.user.id if change.user else "" for change in changes]
        roles = [role for change in changes for role in (change.role, change.before) if role is not None]
        if not all(map(is_uuid, ids)):
            return None
        looked, guard = bool(self._todo), self.group_guards.get(group_id)
        people = {change.person: self._may_be_new(change) for change in changes}
        return Sought(
            people=[Identity(ids=(id_,)) for id_, is_new in people.items() if not is_new],
            perhaps=[Identity(ids=(id_,)) for id_, is_new in people.items() if is_new],
            others=self.guards.people,
            by_id=[] if looked else roles,
            admin_roles=self.guards.admin_roles,
            some_admin=not looked,  # that there is none is noted
            leaving=guard.leaving if guard else (),
        )

    def _may_be_new(self, change: Change) -> bool:
        """Whether that a filter does not find somebody is enough: a wrong answer is only a 409 then."""
        earlier = self._journal.earlier.get(change.key) if self._journal else None
        done = earlier is not None and _ended_well(earlier)
        return change.action is Action.ADD and not self._strict and not done

    @property
    def _members(self) -> int | None:
        """How many members the group had when the plan was made; None where that is not known of each group."""
        plan = self._plan
        mentioned = len(plan.unchanged) + len(plan.role_changes) + len(plan.removals)
        return plan.not_mentioned + mentioned if len(plan.groups) == 1 else None

    async def prepare(self) -> Prepared:
        for group_id in {change.group_id for change in self._plan.creates}:
            accounts, notes = await list_sso_accounts(self.client, group_id)
            self._sso_users[group_id] = {account.user.id.lower(): account for account in accounts}
            self.notes += notes
        return await super().prepare()

    @cached_property
    def _confirmed_earlier(self) -> RoleIndex:
        """The roles that the API has named in earlier runs: the changes since may have left one with nobody."""
        entries = self._journal.earlier.values() if self._journal else ()
        roles = (role for entry in entries for role in (entry.change.before, entry.change.role))
        return RoleIndex(role for role in roles if role is not None and role.name is not None)

    def decide(self) -> tuple[list[Outcome], list[Change]]:
        changes = self._as_the_api_says()
        self._check_removals()
        self._note_renamed_groups()
        outcomes: list[Outcome] = []
        todo: list[Change] = []
        for change in changes:
            outcome = self._settled(change)
            if outcome is None:
                todo.append(change)
            else:
                outcomes.append(outcome)
        self._check_words_of_creates({change.key for change in todo})
        self._refuse_stale([o.change for o in outcomes if o.status is Status.CHANGED_SINCE])
        return outcomes, todo

    def check_again(self, changes: Sequence[Change]) -> None:
        self._refuse_stale([c for c in changes if state_of(c, self.listings[c.group_id]) is State.OTHER])
        super().check_again(changes)

    def _refuse_stale(self, stale: Sequence[Change]) -> None:
        if stale and self._strict:
            raise StalePlanError(
                f"{len(stale)} members do not match the plan: {listed(stale)}; nothing was sent",
                entries=tuple(map(str, stale)),
            )

    def _check_words_of_creates(self, keys: set[str]) -> None:
        """Nobody is added whom the plan calls by the name of somebody protected, even if nobody confirms it."""
        for group_id, guard in self.group_guards.items():
            creates = [c for c in self._plan.creates if c.group_id == group_id and c.key in keys]
            guard.check_people(creates)

    def _as_the_api_says(self) -> list[Change]:
        """The changes of the plan, with people and roles named as the API names them.

        Raises `PlanError` where what the plan says of an id is not what the API says.
        """
        problems: list[str] = []
        changes: list[Change] = []
        for change in self._plan.changes:
            listing = self.listings[change.group_id]
            user = self._confirmed_user(change, listing, problems)
            role = self._confirmed_role(change, listing, problems)
            before = listing.roles.by_id(change.before.id) if change.before else None
            changes.append(
                attrs.evolve(change, user=user, role=role, before=before or _nameless(change.before))
            )
        if problems:
            raise PlanError(
                f"the plan does not match what the API says: {'; '.join(problems)}; nothing was sent",
                entries=tuple(problems),
            )
        return changes

    def _confirmed_role(self, change: Change, listing: MemberListing, problems: list[str]) -> Role | None:
        if change.role is None:
            return None
        known = listing.roles.by_id(change.role.id) or self._confirmed_earlier.by_id(change.role.id)
        said = change.role.name
        if known is None:
            if not self._allow_unknown_roles:
                problems.append(
                    f"{change}: no member has the role {change.role.id}, so its name cannot be checked "
                    "(allow_unknown_roles permits it)"
                )
            else:
                self.notes.append(f"no member has the role {change.role.id}, so its name cannot be checked")
            return Role(change.role.id)
        if said is not None and normalised(said) != normalised(known.name or ""):
            problems.append(f"{change}: the role {known.id} is named {known.name!r}, not {said!r}")
        return known

    def _confirmed_user(self, change: Change, listing: MemberListing, problems: list[str]) -> User | None:
        """The user of a change as the API describes them. A changed address is a note, another id is a problem."""
        said = change.user
        if change.action is Action.ADD:
            account = self._sso_users[change.group_id].get(change.person)
            member = listing.people.by_id(change.person)
            now = member.user if member else account.user if account else None
            if now is None:
                found = (
                    "was found by the user_id filter, nor among the SSO users"
                    if listing.partial
                    else "can be found"
                )
                self.notes.append(
                    f"nobody with the user id {change.person} {found}, so their name cannot be checked"
                )
                return User(said.id) if said else None
        else:
            membership = membership_of(change, listing)
            now = membership.user if membership and membership.user.id else said
        if said is not None and now is not None and now is not said:
            if said.id and now.id and said.id.lower() != now.id.lower():
                problems.append(f"{change}: the membership is that of the user {now.id}, not {said.id}")
            for name, old, new in (
                ("email", said.email, now.email),
                ("username", said.username, now.username),
            ):
                if old and normalised(old) != normalised(new or ""):
                    text = f"the user {now.id} has the {name} {new!r}, where the plan says {old!r}"
                    (problems if change.action is Action.ADD else self.notes).append(text)
        return now

    def _note_renamed_groups(self) -> None:
        for group in self._plan.groups if self._plan.changes else ():
            names = {m.group.name for m in self.listings[group.id].memberships if m.group.name}
            if group.name is not None and names and group.name not in names:
                self.notes.append(
                    f"the group {group.id} is named {sorted(names)[0]!r}, where the plan says {group.name!r}"
                )

    def _check_removals(self) -> None:
        """Raise `PlanError` when a plan would remove more members than it may, by pruning or because access ended."""
        for group in self._plan.groups if self._plan.prune or self._plan.ended else ():
            removals = [
                change for change in self._plan.removals if change.group_id.lower() == group.id.lower()
            ]
            limit = self._plan.max_removals
            if (
                limit is None and removals
            ):  # of the members that there were before an earlier run removed some
                listing = self.listings[group.id]
                gone = [change for change in removals if membership_of(change, listing) is None]
                limit = removal_limit(len(listing.memberships) + len(gone))
            if limit is not None and len(removals) > limit:
                raise PlanError(
                    f"the plan removes {len(removals)} members of {group.name or group.id}, more than {limit}",
                    entries=tuple(map(str, removals)),
                )

    def _settled(self, change: Change) -> Outcome | None:
        """The outcome of a change that is not to be sent: by what the journal says we did, and what the API shows."""
        listing = self.listings[change.group_id]
        by_look = outcome_by_look(change, listing)
        entry = None if self._journal is None else self._journal.earlier.get(change.key)
        if entry is None or not _ended_well(entry):
            return by_look
        if by_look is not None and by_look.status is Status.UNCHANGED:
            return attrs.evolve(by_look, status=entry.status or Status.UNCHANGED, earlier=True)
        if by_look is not None and isinstance(by_look.error, IncompleteListingError):
            return attrs.evolve(by_look, status=Status.UNKNOWN, earlier=True)
        error = StalePlanError("was as planned after an earlier run, but is not now; nothing was sent")
        return Outcome(change, Status.CHANGED_SINCE, error, sent=False, earlier=True)


def _ended_well(entry: JournalEntry) -> bool:
    return entry.status in (Status.APPLIED, Status.UNCHANGED)


def _nameless(role: Role | None) -> Role | None:
    return None if role is None else Role(role.id)


def _check_plan(
    client: Operations,
    plan: Plan,
    expect_digest: str | None,
    max_age: timedelta | float | None,
    group_id: str | None,
) -> None:
    """Raise `PlanError` unless this is the plan that is meant, for this API, and young enough."""
    if plan.base_url.rstrip("/") != client.base_url.rstrip("/"):
        raise PlanError(
            f"the plan is for {plan.base_url}, and this client for {client.base_url}; nothing was sent"
        )
    others = [
        group.id for group in plan.groups if group_id is not None and group.id.lower() != group_id.lower()
    ]
    if others:
        raise PlanError(f"the plan is for the group {others[0]}, not for {group_id}; nothing was sent")
    if plan.good_until is not None and _is_over(plan):
        raise PlanError(
            f"a role that the plan gives has ended ({shown_moment(plan.good_until)}): make the plan again; "
            "nothing was sent"
        )
    if expect_digest is not None and expect_digest.removeprefix("sha256:").strip().lower() != plan.digest:
        raise PlanError(
            f"the plan has the digest {plan.digest}, not {expect_digest}: it is not the one approved"
        )
    if max_age is not None:
        limit = max_age if isinstance(max_age, timedelta) else timedelta(seconds=max_age)
        age = datetime.now(UTC) - plan.made_at
        if age > limit:
            raise PlanError(
                f"the plan was made {_span(age)} ago, and max_age is {_span(limit)}; make the plan again"
            )
        if age < -timedelta(minutes=5):
            raise PlanError(
                f"the plan says that it was made at {plan.made_at.isoformat()}, which is in the future"
            )


def _of_its_groups(plan: Plan) -> Plan:
    """The plan, whose changes name their groups as the plan does: ids are the same in capitals."""
    spelled = {group.id for group in plan.groups}
    named = {id_.lower(): id_ for id_ in spelled}

    def same(changes: tuple[Change, ...]) -> tuple[Change, ...]:
        if all(change.group_id in spelled for change in changes):
            return changes
        return tuple(attrs.evolve(c, group_id=named.get(c.group_id.lower(), c.group_id)) for c in changes)

    return attrs.evolve(
        plan,
        creates=same(plan.creates),
        role_changes=same(plan.role_changes),
        removals=same(plan.removals),
    )


def _is_over(plan: Plan) -> bool:
    return plan.good_until is not None and plan.good_until <= datetime.now(UTC)


def _cascade_of(plan: Plan, cascade: bool | None) -> bool | None:
    if plan.cascade is not None:
        if cascade not in (None, plan.cascade):
            raise InvalidArgumentError(
                f"the plan was made with cascade={plan.cascade}: it can only be applied the same way"
            )
        return plan.cascade
    return decided(cascade) if plan.removals else cascade


def _span(span: timedelta) -> str:
    """A duration in words: 45 seconds, 3 minutes, 26 hours."""
    seconds = span.total_seconds()
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
