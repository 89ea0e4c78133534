"""A migration: the people whose old accounts give way to new ones, and the plan of what can be done now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Literal, TypeAlias, get_args

import anyio.to_thread
import attrs

from groups_sdk import _arguments as arguments
from groups_sdk.access._addresses import normalised
from groups_sdk.access._change_work import decided
from groups_sdk.access._migration.accounts import Accounts, list_accounts
from groups_sdk.access._migration.mapping import (
    Domains,
    Mapped,
    Pair,
    domains_of,
    pairs_by_domain,
    read_mapping,
)
from groups_sdk.access._migration.report import MigratedPerson, Migration, MigrationState
from groups_sdk.access._offboarding.group_listings import OrgMemberships
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._people import Account, described, key_of
from groups_sdk.access._plan.conditions import Condition, lost_orgs, named_orgs
from groups_sdk.access._plan.formats import FileFormat
from groups_sdk.access._plan.plan import NotInSnyk, Plan
from groups_sdk.access._roles import is_uuid, same_role
from groups_sdk.access._tasks import for_each
from groups_sdk.errors import AmbiguousMatchError, GroupsError, InvalidArgumentError
from groups_sdk.models import Group, GroupMembership, OrgMembership, Role

__all__ = ["OnDifferentRole", "make_migration"]

OnDifferentRole: TypeAlias = Literal["report", "copy", "keep"]
"""What becomes of a person whose new account has another role than the old one."""

_READS = 10  # people whose organizations are read at a time
_ROLE_TEXT = (
    "the new account has the role {new}, and the old one {old}: on_different_role says which one counts"
)

Orgs: TypeAlias = tuple[OrgMembership, ...] | GroupsError


@attrs.define
class _Person:
    """One person while it is found out how their accounts are."""

    pair: Pair
    old: GroupMembership | None = None
    new: Account | None = None
    problem: str | None = None  # why it is not certain who is meant
    lost: Orgs = ()

    @property
    def keys(self) -> set[str]:
        return {key_of(account) for account in (self.old, self.new) if account is not None}


async def make_migration(
    client: Operations,
    group_id: str,
    mapping: Mapped | None,
    *,
    from_domain: str | None,
    to_domain: str | None,
    on_different_role: OnDifferentRole,
    allow_lost_orgs: bool | Collection[str],
    cascade: bool | None,
    file_format: FileFormat | None,
) -> Migration:
    arguments.uuid("group_id", group_id)
    if cascade is not None:
        decided(cascade)
    if on_different_role not in get_args(OnDifferentRole):
        choices = ", ".join(get_args(OnDifferentRole))
        raise InvalidArgumentError(f"on_different_role must be one of {choices}; got {on_different_role!r}")
    allowed = _Allowed(allow_lost_orgs)
    rule, pairs, notes = await _given(mapping, from_domain, to_domain, file_format)
    group = await client.get_group(group_id)
    accounts = await list_accounts(client, group_id)
    if rule is not None:
        found, remarks = pairs_by_domain(accounts.listing, rule)
        pairs = tuple(found)
        notes += remarks
        if not found:
            notes.append(f"no member has an address in {rule.old}")
    if accounts.listing.name_gap is not None:
        notes.append(f"an old account may be one that was not recognised: {accounts.listing.name_gap}")
    people = _matched(pairs, accounts)
    await _read_organizations(client, people, accounts)
    planning = _Planning(group, accounts, on_different_role, allowed)
    entries = tuple(planning.decide(person) for person in people)
    notes += [*accounts.notes, *planning.notes, *allowed.unused()]
    now = datetime.now(UTC).replace(microsecond=0)
    return Migration(people=entries, plan=planning.plan(client.base_url, now, cascade, notes))


async def _given(
    mapping: Mapped | None, from_domain: str | None, to_domain: str | None, file_format: FileFormat | None
) -> tuple[Domains | None, tuple[Pair, ...], list[str]]:
    """The rule, or the pairs of the mapping; and notes."""
    if (mapping is None) == (from_domain is None and to_domain is None):
        raise InvalidArgumentError("give either a mapping, or from_domain and to_domain")
    if mapping is None:
        if file_format is not None:
            raise InvalidArgumentError("file_format is for files only")
        return domains_of(from_domain, to_domain), (), []
    pairs, notes = await anyio.to_thread.run_sync(partial(read_mapping, mapping, file_format=file_format))
    return None, pairs, [*notes]


class _Allowed:
    """Whose old memberships may go although organizations are lost with them."""

    def __init__(self, given: object) -> None:
        self._everybody = given is True
        self._names: set[str] = set()
        self._unused: dict[str, str] = {}
        if isinstance(given, bool):
            return
        if isinstance(given, str) or not isinstance(given, Collection):
            raise InvalidArgumentError("allow_lost_orgs must be True, False or a collection of people")
        for person in given:
            if not isinstance(person, str):
                raise InvalidArgumentError(f"allow_lost_orgs names people by text; got {person!r}")
            self._unused[normalised(person)] = person
        self._names = {*self._unused}

    def includes(self, person: _Person) -> bool:
        user = person.old.user if person.old else None
        known = (user.id, user.email, user.username) if user else ()
        texts = {normalised(text) for text in (*person.pair.old.names, *person.pair.old.ids, *known) if text}
        for text in texts:
            self._unused.pop(text, None)
        return self._everybody or bool(texts & self._names)

    def unused(self) -> list[str]:
        return [
            f"allow_lost_orgs names {name!r}, but no old account goes by that"
            for name in self._unused.values()
        ]


def _matched(pairs: Sequence[Pair], accounts: Accounts) -> list[_Person]:
    """The accounts of each person. Where one account is that of several people, it is certain of none of them."""
    people = [_Person(pair) for pair in pairs]
    for person in people:
        try:
            person.old = accounts.member(person.pair.old)
            person.new = accounts.anybody(person.pair.new)
        except AmbiguousMatchError as error:
            person.problem = str(error)
            continue
        if person.old is not None and not is_uuid(person.old.user.id):
            person.problem = f"{described(person.old)} is listed without a user id"
        elif person.old is not None and person.new is not None and not is_uuid(person.new.user.id):
            person.problem = f"{described(person.new)} is listed without a user id"
        elif person.old is not None and not is_uuid(person.old.role.id):
            person.problem = f"the API does not tell the role of {described(person.old)}"
        elif person.old is not None and person.new is not None and key_of(person.old) != key_of(person.new):
            person.problem = accounts.refusal(person.new, person.pair.new)
        elif person.old is None and person.new is not None and accounts.listing.name_gap is not None:
            person.problem = (
                f"the old account may be one that was not recognised: {accounts.listing.name_gap}"
            )
    counts = Counter(key for person in people for key in person.keys)
    for person in people:
        shared = [account for account in (person.old, person.new) if account and counts[key_of(account)] > 1]
        if shared and person.problem is None:
            person.problem = f"{described(shared[0])} is an account of somebody else in this migration, too"
    return people


async def _read_organizations(client: Operations, people: Sequence[_Person], accounts: Accounts) -> None:
    """What the old account of each has below the group, and the new one does not have."""
    reader = OrgMemberships(client)
    group_id = accounts.listing.group_id

    async def read(person: _Person) -> None:
        if person.old is None or person.new is None or person.problem is not None or len(person.keys) < 2:
            return
        before = await reader.read(group_id, person.old.user.id)
        if isinstance(before, GroupsError) or not before:
            person.lost = before
            return
        after = await reader.read(group_id, person.new.user.id)
        person.lost = after if isinstance(after, GroupsError) else lost_orgs(before, after)

    await for_each(read, people, concurrency=_READS)


class _Planning:
    """Decides for one person after the other, and collects the changes."""

    def __init__(
        self, group: Group, accounts: Accounts, on_different_role: OnDifferentRole, allowed: _Allowed
    ) -> None:
        self._group = group
        self._accounts = accounts
        self._on_different_role = on_different_role
        self._allowed = allowed
        self._given: list[Change] = []
        self._removals: list[Change] = []
        self._conditions: list[Condition] = []
        self._not_in_snyk: list[NotInSnyk] = []
        self._touched: set[str] = set()
        self.notes: list[str] = []

    def decide(self, person: _Person) -> MigratedPerson:
        allowed = self._allowed.includes(person)
        old, new = person.old, person.new
        member = self._accounts.membership(new) if new is not None else None
        state = self._state(person, member)
        entry = MigratedPerson(
            old=str(person.pair.old),
            new=str(person.pair.new),
            state=state,
            old_user=old.user if old else None,
            new_user=new.user if new else None,
            role=old.role if old else None,
            new_role=member.role if member else None,
            lost_orgs=None if isinstance(person.lost, GroupsError) else person.lost,
            problem=self._problem(state, person),
        )
        if old is not None and new is not None and state in _BOTH_KNOWN:
            entry = self._change(entry, person, old, new, member, allowed=allowed)
        elif state is MigrationState.WAITING and old is not None:
            self._touched.add(key_of(old))
            self._not_in_snyk.append(
                NotInSnyk(
                    who=entry.new,
                    role=old.role.name or old.role.id,
                    reason=entry.problem or "",
                    group_id=self._group.id,
                )
            )
        if entry.problem is not None and state is not MigrationState.WAITING:
            self.notes.append(f"{entry.old} -> {entry.new}: {entry.problem}")
        return entry

    def _state(self, person: _Person, member: GroupMembership | None) -> MigrationState:
        if person.problem is not None:
            return MigrationState.UNCERTAIN
        if person.old is None:
            return MigrationState.DONE if member is not None else MigrationState.NOT_FOUND
        if person.new is None:
            return MigrationState.WAITING
        if key_of(person.new) == key_of(person.old):
            return MigrationState.DONE
        if member is None:
            return MigrationState.KNOWN
        same = same_role(person.old.role, member.role)
        return MigrationState.SAME_ROLE if same else MigrationState.DIFFERENT_ROLE

    def _problem(self, state: MigrationState, person: _Person) -> str | None:
        if state is MigrationState.UNCERTAIN:
            return person.problem
        if state is MigrationState.NOT_FOUND:
            return "neither account is a member of the group: check the spelling"
        if state is MigrationState.WAITING:
            unseen = "; ".join(self._accounts.notes)
            reason = "nobody is known by this address: they have to log in with it first"
            return f"{reason} ({unseen})" if unseen else reason
        return None

    def _change(
        self,
        entry: MigratedPerson,
        person: _Person,
        old: GroupMembership,
        new: Account,
        member: GroupMembership | None,
        *,
        allowed: bool,
    ) -> MigratedPerson:
        """Give the new account its role. End the old membership if nothing is lost with it, or that is allowed."""
        self._touched |= person.keys
        role = old.role
        if member is not None and not same_role(member.role, old.role):
            if self._on_different_role == "report":
                text = _ROLE_TEXT.format(new=_named(member.role), old=_named(old.role))
                return attrs.evolve(entry, problem=text)
            if self._on_different_role == "keep":
                role = member.role
        self._given.append(self._accounts.give(new, role))
        lost = person.lost
        if not allowed and (isinstance(lost, GroupsError) or lost):
            return attrs.evolve(entry, problem=_stays(lost))
        removal = Change(
            action=Action.REMOVE,
            group_id=self._group.id,
            membership_id=old.id,
            user=old.user,
            before=old.role,
        )
        self._removals.append(removal)
        may_go = None if isinstance(lost, GroupsError) else tuple(dict.fromkeys(m.org.id for m in lost))
        if isinstance(lost, GroupsError):
            self.notes.append(
                f"{removal}: it is not known which organizations are lost with it, and that was allowed: {lost}"
            )
        elif lost:
            self.notes.append(f"{removal}: organizations are lost with it: {named_orgs(lost)}")
        self._conditions.append(Condition(change=removal.key, user=new.user, role=role, lost_orgs=may_go))
        return attrs.evolve(entry, removes_old=True)

    def plan(self, base_url: str, now: datetime, cascade: bool | None, notes: Sequence[str]) -> Plan:
        updates = [change for change in self._given if change.action is Action.SET_ROLE]
        members = self._accounts.listing.memberships
        return Plan(
            groups=(Group(id=self._group.id, name=self._group.name),),
            base_url=base_url,
            made_at=now,
            cascade=cascade,
            creates=tuple(change for change in self._given if change.action is Action.ADD),
            role_changes=tuple(change for change in updates if not same_role(change.before, change.role)),
            removals=tuple(self._removals),
            unchanged=tuple(change for change in updates if same_role(change.before, change.role)),
            not_in_snyk=tuple(self._not_in_snyk),
            not_mentioned=sum(key_of(member) not in self._touched for member in members),
            notes=tuple(notes),
            conditions=tuple(self._conditions),
        )


_BOTH_KNOWN = (MigrationState.SAME_ROLE, MigrationState.DIFFERENT_ROLE, MigrationState.KNOWN)


def _stays(lost: Orgs) -> str:
    if isinstance(lost, GroupsError):
        return (
            "the old membership stays, because the organizations of the accounts cannot be compared "
            f"(allow_lost_orgs permits it): {lost}"
        )
    return (
        "the old membership stays, because the new account is not in these organizations, or has another role "
        f"there (allow_lost_orgs permits it): {named_orgs(lost)}"
    )


def _named(role: Role) -> str:
    return role.name or role.id
