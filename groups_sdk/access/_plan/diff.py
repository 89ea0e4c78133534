"""What would have to change in one or more groups for them to be as desired."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import anyio.to_thread
import attrs

from groups_sdk import _arguments as arguments
from groups_sdk.access._addresses import normalised
from groups_sdk.access._broken_records import reading
from groups_sdk.access._change_work import decided
from groups_sdk.access._guards import unprotected
from groups_sdk.access._listing import MemberListing, list_members
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._people import Identity, PeopleIndex, SsoAccount, described, identity_of, key_of
from groups_sdk.access._plan.desired import DesiredMember, DesiredState, read_desired
from groups_sdk.access._plan.endings import Ending
from groups_sdk.access._plan.formats import FileFormat
from groups_sdk.access._plan.plan import NotInSnyk, Plan
from groups_sdk.access._plan.sources import Desired
from groups_sdk.access._plan.until import REMOVE, after, as_duration
from groups_sdk.access._roles import same_role
from groups_sdk.access._sso import list_sso_accounts
from groups_sdk.errors import (
    AmbiguousMatchError,
    IncompleteListingError,
    InvalidArgumentError,
    PlanError,
    RoleChoiceError,
)
from groups_sdk.models import Group, GroupMembership, Role, User

__all__ = ["Clock", "Matching", "Pruning", "make_plan", "removal_limit"]

_SHOWN = 10


@attrs.frozen
class Clock:
    """The moment that a plan goes by, and the one by which what ends is shown."""

    now: datetime
    ending_by: datetime | None

    def is_over(self, row: DesiredMember) -> bool:
        return row.until is not None and row.until <= self.now

    def ends_soon(self, row: DesiredMember) -> bool:
        return row.until is not None and self.ending_by is not None and self.now < row.until <= self.ending_by


@attrs.frozen(kw_only=True)
class Pruning:
    """Whether members who are not mentioned are to be removed, and what keeps that in bounds."""

    prune: bool
    cascade: bool | None
    max_removals: int | None
    allow_unresolved: tuple[str, ...]
    protect: tuple[Identity, ...]


async def make_plan(
    client: Operations,
    group_id: str | None,
    desired: Desired,
    *,
    prune: bool,
    cascade: bool | None,
    max_removals: int | None,
    allow_unresolved: Iterable[str],
    protect: Iterable[str],
    columns: Mapping[str, str] | None,
    email_column: str | None,
    role: str | Role | None,
    file_format: FileFormat | None,
    ending_within: timedelta | str | None,
) -> Plan:
    soon = None if ending_within is None else as_duration(ending_within, "ending_within")
    if group_id is not None:
        arguments.uuid("group_id", group_id)
    if cascade is not None:
        decided(cascade)
    if max_removals is not None and (type(max_removals) is not int or max_removals < 0):
        raise InvalidArgumentError(f"max_removals must be a whole number of at least 0; got {max_removals!r}")
    pruning = Pruning(
        prune=prune,
        cascade=cascade,
        max_removals=max_removals,
        allow_unresolved=_people("allow_unresolved", allow_unresolved),
        protect=tuple(identity_of(person, "protect") for person in _people("protect", protect)),
    )
    read = partial(
        read_desired,
        desired,
        columns=columns,
        email_column=email_column,
        role=role,
        file_format=file_format,
    )
    state = await anyio.to_thread.run_sync(read)
    if prune and not state.members:
        raise InvalidArgumentError(f"{state.source} lists nobody: prune=True would remove every member")
    wanted = await _by_group(client, group_id, state)
    now = datetime.now(UTC).replace(microsecond=0)
    clock = Clock(now, None if soon is None else after(now, soon))
    parts = [await _plan_of_group(client, id_, rows, pruning, state, clock) for id_, rows in wanted.items()]
    unused = _unused(pruning.allow_unresolved, [missing for part in parts for missing in part.not_in_snyk])
    return _joined(client.base_url, parts, [*state.notes, *unused], pruning, clock)


def removal_limit(members: int) -> int:
    """How many members a plan that prunes may remove, unless told otherwise: a tenth, from 3 to 50."""
    return min(max(3, members // 10), 50)


def _people(argument: str, people: Iterable[str]) -> tuple[str, ...]:
    if isinstance(people, str):
        raise InvalidArgumentError(f"{argument} must be a collection of people, not one person")
    return tuple(people)


async def _by_group(
    client: Operations, group_id: str | None, state: DesiredState
) -> dict[str, list[DesiredMember]]:
    """The rows of each group. A row without a group belongs to `group_id`."""
    wanted: dict[str, list[DesiredMember]] = {} if group_id is None else {group_id.lower(): []}
    names: dict[str, str] = {}
    groups: list[Group] | None = None
    for row in state.members:
        if row.group is None:
            if group_id is None:
                raise InvalidArgumentError(f"{state.source}: {row.where}: no group is given")
            id_ = group_id
        elif arguments.UUID.fullmatch(row.group):
            id_ = row.group
        else:
            if groups is None:
                with reading("groups"):
                    groups = await client.list_groups().collect()
            id_ = names.setdefault(row.group, _group_named(row, groups))
        if group_id is not None and id_.lower() != group_id.lower():
            raise InvalidArgumentError(
                f"{state.source}: {row.where}: is for the group {row.group!r}, not {group_id}"
            )
        wanted.setdefault(id_.lower(), []).append(row)
    return wanted


def _group_named(row: DesiredMember, groups: Sequence[Group]) -> str:
    found = [group for group in groups if normalised(group.name or "") == normalised(row.group or "")]
    if len(found) == 1:
        return found[0].id
    listed = ", ".join(f"{group.name} ({group.id})" for group in found or groups)
    problem = "several groups have the name" if found else "there is no group named"
    raise InvalidArgumentError(f"{row.where}: {problem} {row.group!r}: {listed}")


async def _plan_of_group(
    client: Operations,
    group_id: str,
    rows: Sequence[DesiredMember],
    pruning: Pruning,
    state: DesiredState,
    clock: Clock,
) -> Plan:
    group = await client.get_group(group_id)
    matching = Matching(group, await list_members(client, group_id), state, clock)
    for row in rows:
        matching.match(row)
    if matching.missing or matching.renamed:
        accounts, notes = await list_sso_accounts(client, group_id)
        matching.match_sso_users(PeopleIndex(accounts), complete=not notes)
        matching.notes += notes
    matching.refuse_problems()
    return matching.plan(pruning)


class Matching:
    """The rows of one group, put beside its members."""

    def __init__(self, group: Group, listing: MemberListing, state: DesiredState, clock: Clock) -> None:
        self._group = group
        self._clock = clock
        self._listing = listing
        self._source = state.source
        self._partial = state.partial
        self._wanted: dict[str, tuple[DesiredMember, Change]] = {}  # by person
        self._problems: list[str] = []
        self._matches: list[GroupMembership] = []
        self._not_in_snyk: list[tuple[DesiredMember, NotInSnyk]] = []
        self._ended: list[Ending] = []
        self._ending: list[Ending] = []
        self._uncertain = False
        self._by_user_id = True
        self.missing: list[
            tuple[DesiredMember, Role | None]
        ] = []  # with no role, where they are to be removed
        self.renamed: list[tuple[DesiredMember, GroupMembership]] = []  # found by id only
        self.notes: list[str] = []

    def match(self, row: DesiredMember) -> None:
        try:
            role = self._wanted_role(row)
            member = self._listing.people.find(_identity(row))
        except AmbiguousMatchError as error:
            self._note_uncertain(error)
            return
        except RoleChoiceError as error:
            raise RoleChoiceError(f"{row.where}: {error}", choices=error.choices) from None
        self._by_user_id = self._by_user_id and bool(row.ids)
        if member is None:
            self.missing.append((row, role))
        else:
            self._want_role(row, member, role)
            goes_by = {normalised(name) for name in (member.user.email, member.user.username) if name}
            if row.ids and row.names and goes_by.isdisjoint(map(normalised, row.names)):
                self.renamed.append((row, member))

    def match_sso_users(self, users: PeopleIndex[SsoAccount], *, complete: bool = True) -> None:
        """Look for those who are no members among the users of the group's SSO connections."""
        for row, role in self.missing:
            try:
                found = users.all_of(_identity(row))
            except AmbiguousMatchError as error:
                self._note_uncertain(error)
                continue
            user = (
                found[0].user if len(found) == 1 else User(id=row.ids[0]) if row.ids and not found else None
            )
            member = self._listing.people.by_id(user.id) if user else None
            if member is not None and role is None and not row.ids and not complete:
                self.notes.append(
                    f"{row.where}: the access of {row.who} has ended, and nobody is removed: only the SSO knows "
                    f"{described(member)} by this name, and another SSO user, who cannot be seen, may have it too"
                )
            elif member is not None:  # under another address
                self._want_role(row, member, role)
            elif role is None:
                gap = self._listing.name_gap if row.names else self._listing.gap
                if len(found) > 1:
                    self.notes.append(
                        f"{row.where}: the access of {row.who} has ended, and nobody is removed: several users have "
                        f"this name; give the user id of the one you mean: {'; '.join(map(described, found))}"
                    )
                elif gap:
                    self.notes.append(
                        f"{row.where}: {row.who}, whose access has ended, was not found, but {gap}"
                    )
            elif user is not None:
                self._want(row, self._change(Action.ADD, user, role=role))
            else:
                self._not_in_snyk.append((row, self._unresolved(row, role, found)))
        for row, member in self.renamed:
            theirs = users.all_of(Identity(names=row.names), lookalikes=False)
            others = [described(account) for account in theirs if key_of(account) != key_of(member)]
            known = f"{row.where}: the id belongs to {described(member)}"
            if others:
                self._note_uncertain(
                    AmbiguousMatchError(
                        f"{known}, and the name belongs to {'; '.join(others)}", matches=(member,)
                    )
                )
            else:
                self.notes.append(f"{known}, who is not called {row.who!r}")

    def _note_uncertain(self, error: AmbiguousMatchError) -> None:
        self._uncertain = True
        self._problems.append(str(error))
        self._matches += error.matches

    def _unresolved(self, row: DesiredMember, role: Role, found: Sequence[SsoAccount]) -> NotInSnyk:
        if found:
            listed = "; ".join(map(described, found))
            reason = f"several users have this name; give the user id of the one you mean: {listed}"
        elif self._listing.name_gap:
            reason = f"nobody with this name was found, but {self._listing.name_gap}"
        else:
            reason = "no member and no visible SSO user of this group has this name"
        return NotInSnyk(who=row.who, role=role.name or role.id, reason=reason, group_id=self._group.id)

    def _wanted_role(self, row: DesiredMember) -> Role | None:
        """The role that they are to have now; None when their access has ended with their removal.

        The role afterwards is looked up before the end already, so that a mistake in it is seen in time. The one before
        need not be there any more: it may have been nobody else's.
        """
        over = self._clock.is_over(row)
        role = None if over else self._role(row.role, row.role_name, "role")
        then = None
        if row.then is not None and row.then != REMOVE:
            then = self._role(row.then, row.then_name, "then")
            if same_role(role, then):
                raise RoleChoiceError("then is the same role: access that does not end needs no until")
        self._note_ending(row, role, then)
        return then if over else role

    def _role(self, given: str | Role, name: str | None, field: str) -> Role:
        role = self._listing.roles.resolve(given)
        if name is not None and role.name and normalised(role.name) != normalised(name):
            raise RoleChoiceError(
                f"the {'role' if field == 'role' else 'role in then'} is {name!r}, but {field}_id is the id of "
                f"{role.name!r}; change both, or leave {field}_id empty",
                choices=(role,),
            )
        return role

    def _note_ending(self, row: DesiredMember, role: Role | None, then: Role | None) -> None:
        soon = self._clock.ends_soon(row)
        if row.until is None or not (soon or self._clock.is_over(row)):
            return
        known = role or self._listing.roles.by_id(row.role if isinstance(row.role, str) else row.role.id)
        name = (known and (known.name or known.id)) or row.role_name
        given = row.role if isinstance(row.role, str) else row.role.name or row.role.id
        ending = Ending(
            who=row.who,
            role=name or given,
            then=None if then is None else then.name or row.then_name or then.id,
            until=row.until,
            group_id=self._group.id,
        )
        (self._ending if soon else self._ended).append(ending)

    def _want_role(self, row: DesiredMember, member: GroupMembership, role: Role | None) -> None:
        action = Action.REMOVE if role is None else Action.SET_ROLE
        self._want(row, self._change(action, member.user, member, role))

    def _want(self, row: DesiredMember, change: Change) -> None:
        other = self._wanted.get(change.person)
        if other is not None:
            self._problems.append(f"{row.where}: {row.who} is the same person as in {other[0].where}")
        else:
            self._wanted[change.person] = row, change

    def _change(
        self, action: Action, user: User, member: GroupMembership | None = None, role: Role | None = None
    ) -> Change:
        return Change(
            action=action,
            group_id=self._group.id,
            membership_id=member.id if member else None,
            user=user,
            before=member.role if member else None,
            role=role,
        )

    def refuse_problems(self) -> None:
        """Raise `AmbiguousMatchError` when it is not certain whom rows mean, else `InvalidArgumentError`."""
        if self._problems:
            more = f"; and {len(self._problems) - _SHOWN} more" if len(self._problems) > _SHOWN else ""
            text = f"{self._source}: {'; '.join(self._problems[:_SHOWN])}{more}"
            if self._uncertain:
                raise AmbiguousMatchError(text, matches=tuple(self._matches))
            raise InvalidArgumentError(text)

    def plan(self, pruning: Pruning) -> Plan:
        changes = [change for _, change in self._wanted.values()]
        updates = [change for change in changes if change.action is Action.SET_ROLE]
        others = [m for m in self._listing.memberships if key_of(m) not in self._wanted]
        ended = [(row, change) for row, change in self._wanted.values() if change.action is Action.REMOVE]
        protected = self._protected(pruning) if pruning.prune or ended else set[str]()
        pruned = self._pruned(others, pruning, protected) if pruning.prune else []
        removals = [*self._after_the_end(ended, protected), *pruned]
        self._refuse_too_many(removals, pruning)
        return Plan(
            groups=(Group(id=self._group.id, name=self._group.name),),
            base_url="",
            made_at=self._clock.now,
            creates=tuple(change for change in changes if change.action is Action.ADD),
            role_changes=tuple(change for change in updates if not same_role(change.before, change.role)),
            removals=tuple(removals),
            unchanged=tuple(change for change in updates if same_role(change.before, change.role)),
            not_in_snyk=tuple(missing for _, missing in self._not_in_snyk),
            not_mentioned=len(others) - len(pruned),
            notes=tuple(self.notes),
            ended=tuple(self._ended),
            ending=tuple(self._ending),
            good_until=self._good_until(),
        )

    def _good_until(self) -> datetime | None:
        """When the first role ends that the plan would give."""
        ends = [
            row.until
            for row, change in self._wanted.values()
            if row.until is not None
            and not self._clock.is_over(row)
            and not same_role(change.before, change.role)
        ]
        return min(ends, default=None)

    def _protected(self, pruning: Pruning) -> set[str]:
        """Whom no plan removes."""
        protected: set[str] = set()
        for person in pruning.protect:
            found = {key_of(member) for member in self._listing.people.all_of(person)}
            protected |= found
            if not found:
                self.notes.append(f"{unprotected(person)} {self._name}: check the spelling")
        return protected

    def _after_the_end(
        self, ended: Sequence[tuple[DesiredMember, Change]], protected: set[str]
    ) -> list[Change]:
        """The removals of those whose access has ended. Refused where a name may be somebody else's too."""
        by_name = [str(change) for row, change in ended if not row.ids]
        if by_name and self._listing.missing:
            raise IncompleteListingError(
                f"the access of some members of {self._name} has ended, and they are not removed, because another may "
                f"have the same name ({'; '.join(by_name[:_SHOWN])}): {self._listing.gap}"
            )
        removals: list[Change] = []
        for row, change in ended:
            if change.person in protected:
                self.notes.append(f"the access of {row.who} has ended, and they stay: protected")
            else:
                removals.append(change)
        return removals

    def _refuse_too_many(self, removals: Sequence[Change], pruning: Pruning) -> None:
        members = len(self._listing.memberships)
        limit = removal_limit(members) if pruning.max_removals is None else pruning.max_removals
        if len(removals) > limit:
            raise PlanError(
                f"{len(removals)} of the {members} members of {self._name} would be removed, more than {limit}: "
                f"if you want that, give max_removals={len(removals)}",
                entries=tuple(map(str, removals)),
            )

    @property
    def _name(self) -> str:
        return self._group.name or self._group.id

    def _pruned(
        self, others: Sequence[GroupMembership], pruning: Pruning, protected: set[str]
    ) -> list[Change]:
        """The members to be pruned. Refused where something about the group or the desired state is not known."""
        name = self._name
        allowed = set(map(normalised, pruning.allow_unresolved))
        unresolved = [
            row.who
            for row, _ in self._not_in_snyk
            if not allowed & {normalised(text) for text in (*row.names, *row.ids)}
        ]
        if unresolved:
            raise PlanError(
                f"no members of {name} are removed, because it is not known who these people are: "
                f"{', '.join(unresolved)}; correct them, or name them in allow_unresolved",
                entries=tuple(unresolved),
            )
        if self._listing.missing:
            raise IncompleteListingError(f"no members of {name} are removed: {self._listing.gap}")
        removals: list[Change] = []
        for member in others:
            if key_of(member) in protected:
                self.notes.append(f"{described(member)} is not mentioned, and stays: protected")
            elif not member.user.id or not (member.user.email or member.user.username or self._by_user_id):
                self.notes.append(
                    f"{described(member)} is not mentioned, and stays: too little is known about them"
                )
            else:
                removals.append(self._change(Action.REMOVE, member.user, member))
        if removals and self._partial:
            raise PlanError(
                f"{self._source} is a listing of members and may not have all of them: "
                f"{len(removals)} of the {len(self._listing.memberships)} members of {name} are not in it, and they "
                "are not removed. To prune, use a file from an export or a review",
                entries=tuple(map(str, removals)),
            )
        return removals


def _identity(row: DesiredMember) -> Identity:
    return Identity(ids=row.ids, names=row.names, where=row.where)


def _unused(allowed: Collection[str], missing: Sequence[NotInSnyk]) -> list[str]:
    text = {normalised(part) for one in missing for part in one.who.split(" / ")}
    return [
        f"allow_unresolved names {who!r}, but nobody of that name was left unresolved"
        for who in allowed
        if normalised(who) not in text
    ]


def _joined(
    base_url: str, parts: Sequence[Plan], notes: Sequence[str], pruning: Pruning, clock: Clock
) -> Plan:
    return Plan(
        groups=tuple(group for part in parts for group in part.groups),
        base_url=base_url,
        made_at=clock.now,
        prune=pruning.prune,
        cascade=pruning.cascade,
        max_removals=pruning.max_removals,
        allow_unresolved=pruning.allow_unresolved,
        creates=tuple(change for part in parts for change in part.creates),
        role_changes=tuple(change for part in parts for change in part.role_changes),
        removals=tuple(change for part in parts for change in part.removals),
        unchanged=tuple(change for part in parts for change in part.unchanged),
        not_in_snyk=tuple(missing for part in parts for missing in part.not_in_snyk),
        not_mentioned=sum(part.not_mentioned for part in parts),
        notes=(*notes, *(note for part in parts for note in part.notes)),
        ended=tuple(ending for part in parts for ending in part.ended),
        ending=tuple(ending for part in parts for ending in part.ending),
        ending_by=clock.ending_by,
        good_until=min((part.good_until for part in parts if part.good_until is not None), default=None),
    )
