"""People, out of every group that the token sees."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

import attrs

from groups_sdk._public import set_module
from groups_sdk.access._addresses import normalised
from groups_sdk.access._batches import AsyncBatches, OnProgress
from groups_sdk.access._broken_records import has_unreadable_record
from groups_sdk.access._change_work import decided
from groups_sdk.access._evidence import membership_of
from groups_sdk.access._guards import Guards
from groups_sdk.access._offboarding.group_listings import GroupListings, OrgMemberships, list_every_group
from groups_sdk.access._offboarding.leftovers import Leftovers, Trace
from groups_sdk.access._offboarding.removals import AccountRemovals
from groups_sdk.access._offboarding.report import (
    OffboardingReport,
    OffboardingResult,
    OffboardingStatus,
    all_together,
)
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Change, Outcome, Status, counted, fatal
from groups_sdk.access._people import Account, Identity, PeopleIndex, identity_of, key_of, the_one
from groups_sdk.access._plan.journal import Journal, JournalEntry
from groups_sdk.access._tasks import for_each
from groups_sdk.errors import (
    GroupsError,
    IncompleteListingError,
    InvalidArgumentError,
    ProtectedMemberError,
    StalePlanError,
)
from groups_sdk.models import Group, User

__all__ = ["AsyncOffboarding", "OffboardingWork"]


class AsyncOffboarding(AsyncBatches[Change, OffboardingResult]):
    """People, out of every group: iterate it for what came of each membership, or `collect()` a report.

    It behaves as `AsyncChanges` does: nothing is sent before the first step, and `outcomes` has all results so far,
    whatever stopped the work. Only `collect()` looks a second time, at the end.

    Example:
        report = await client.access.offboard("ada@example.com", cascade=True).collect()
        print(report)
    """

    def __init__(self, work: OffboardingWork, *, concurrency: int, on_progress: OnProgress | None) -> None:
        super().__init__(work, name="offboard(...)", concurrency=concurrency, on_progress=on_progress)
        self._offboarding = work

    def _count_outcomes(self) -> str:
        return counted(result.status for result in self.outcomes)

    async def collect(self) -> OffboardingReport:
        """Remove everybody from the groups that are left, look again, and return the report.

        What stops the work once it has begun, such as a 401, is in the report: what was not begun is "not_started",
        and `looked_again` is False when the second look did not go through, and where nobody was found, for whom
        there is none. Where the groups cannot be read to begin with, the error is raised.
        """
        await self.finish()
        await self._offboarding.look_for_what_remains()
        return self.report()

    def report(self) -> OffboardingReport:
        """The report of the results so far. What is not begun yet is "would_remove", what is under way "unknown"."""
        return self._offboarding.report(self.outcomes)


class OffboardingWork:
    """Finds the people in every group and, unless it is a dry run, removes them."""

    def __init__(
        self,
        client: Operations,
        people: str | Iterable[str | Identity],
        guards: Guards,
        *,
        cascade: bool,
        dry_run: bool,
        all_accounts: bool,
        journal: str | os.PathLike[str] | None,
        concurrency: int,
    ) -> None:
        given = [people] if isinstance(people, str) else list(people)
        self._people = tuple(dict.fromkeys(map(identity_of, given)))
        if not self._people:
            raise InvalidArgumentError("give at least one person")
        if not isinstance(dry_run, bool):
            raise InvalidArgumentError(f"dry_run must be True or False; got {dry_run!r}")
        self._client = client
        self._cascade = decided(cascade)
        self._dry_run = dry_run
        self._all_accounts = all_accounts
        self._concurrency = concurrency
        self._guards = guards
        self._journal: Journal | None = None
        if journal is not None and not dry_run:
            self._journal = Journal(
                journal, plan_digest=self._digest(), base_url=client.base_url, group_ids=()
            )
        self._forget()
        self._leftovers: Leftovers | None = None
        self._looked_again = False

    def _forget(self) -> None:
        """Begin anew: a look that was cut off half-way must leave nothing behind."""
        self._removals = AccountRemovals(self._client, self._guards, cascade=self._cascade)
        self._groups: dict[str, Group] = {}
        self._accounts: dict[str, str] = {}  # for whom each account was found, by its key
        self._not_found: tuple[str, ...] = ()
        self._found: dict[str, OffboardingResult] = {}  # before anything was sent, by membership id
        self._todo: tuple[str, ...] = ()  # what is to be removed, by membership id
        self._begun: set[str] = set()  # of these
        self._outcomes: dict[str, Outcome] = {}  # by membership id
        self._traces: list[Trace] = []
        self._notes: list[str] = []

    def _digest(self) -> str:
        """What a journal of this work is known by."""
        people = sorted({*map(normalised, (name for p in self._people for name in (*p.ids, *p.names)))})
        document = json.dumps({"offboard": people, "cascade": self._cascade})
        return hashlib.sha256(document.encode()).hexdigest()

    def report(self, results: Sequence[OffboardingResult]) -> OffboardingReport:
        leftovers = self._leftovers
        told = {result.membership.id.lower() for result in results if result.membership is not None}
        return OffboardingReport(
            people=tuple(map(str, self._people)),
            dry_run=self._dry_run,
            cascade=self._cascade,
            groups=len(self._groups),
            results=(*results, *(self._so_far(id_) for id_ in self._todo if id_ not in told)),
            not_found=self._not_found,
            remaining=tuple(leftovers.remaining) if leftovers else (),
            sso_users=tuple(leftovers.sso_users) if leftovers else (),
            notes=(*self._notes, *self._removals.notes, *(leftovers.notes if leftovers else ())),
            looked_again=self._looked_again,
        )

    def _so_far(self, membership_id: str) -> OffboardingResult:
        """What is to be said of a membership that has no result yet."""
        begun = membership_id in self._begun
        status = OffboardingStatus.UNKNOWN if begun else OffboardingStatus.WOULD_REMOVE
        return attrs.evolve(self._found[membership_id], status=status)

    async def prepare(self) -> tuple[list[OffboardingResult], list[list[Change]]]:
        self._forget()
        earlier = [*self._journal.earlier.values()] if self._journal else []
        known = [Group(entry.change.group_id) for entry in earlier]
        look = await self._look(known)
        self._groups = look.groups
        self._removals.begin_with(look)
        self._find([*look.memberships, *map(_account_of, earlier)])
        if self._not_found:
            look.unreadable.update(_nameless(look))
        results = self._results_of_earlier(earlier, look)
        refused, stages = self._removals.prepared()
        todo = [change for stage in stages for change in stage]
        await self._describe([*(outcome.change for outcome in refused), *todo])
        results += map(self._result, refused)
        if self._dry_run:
            results += [self._found[_id(change)] for change in todo]
            stages = []
        everybody = all_together(self._people)
        results += [
            OffboardingResult(self._groups[id_], everybody, OffboardingStatus.UNREADABLE, error=error)
            for id_, error in look.unreadable.items()
        ]
        self._todo = tuple(_id(change) for stage in stages for change in stage)
        return results, stages

    async def _look(self, known: Sequence[Group]) -> GroupListings:
        """All groups. Raises `IncompleteListingError` where a record cannot be understood: it may be about anybody."""
        try:
            look = await list_every_group(self._client, also=known, concurrency=self._concurrency)
            broken = [error for error in look.unreadable.values() if has_unreadable_record(error)]
            if broken:
                raise broken[0]
        except IncompleteListingError as error:
            raise IncompleteListingError(f"{error}; nothing was sent") from error.__cause__
        return look

    def _find(self, accounts: Iterable[Account]) -> None:
        """Find everybody, in all groups at once. Raises `AmbiguousMatchError` when it is not certain who is meant."""
        index = PeopleIndex(accounts)
        not_found: list[str] = []
        for person in self._people:
            # A membership that is listed without its user may be anybody's: its group is unreadable.
            found = [account for account in index.all_of(person) if account.user.id]
            if not self._all_accounts:
                the_one(found, person)
            for account in found:
                self._accounts.setdefault(key_of(account), str(person))
            if not found:
                not_found.append(str(person))
        self._not_found = tuple(not_found)
        self._removals.accounts = self._accounts

    def _results_of_earlier(
        self, earlier: Iterable[JournalEntry], look: GroupListings
    ) -> list[OffboardingResult]:
        """What came of removals in earlier runs. Those who were added again since are left alone."""
        results: list[OffboardingResult] = []
        for entry in earlier:
            change = entry.change
            result = self._result_of_earlier(entry, look)
            if result is not None:
                results.append(result)
                self._removals.left_alone.add((change.group_id, change.person))
                orgs_read = entry.organizations is not None
                self._traces.append(Trace(result.group.id, change.person, result.person, orgs_read))
        return results

    def _result_of_earlier(self, entry: JournalEntry, look: GroupListings) -> OffboardingResult | None:
        """By what the journal says that we did, and what the API shows; None when it is (still) to be done."""
        change = entry.change
        group = self._groups[change.group_id]
        person = self._accounts.get(change.person, change.person)
        listing = look.listings.get(change.group_id)
        now = membership_of(change, listing) if listing is not None else None
        if now is not None:
            ended_well = entry.status in (Status.APPLIED, Status.UNCHANGED)
            if now.id.lower() == _id(change) and not ended_well:
                return None
            stale = StalePlanError(
                "removed after an earlier run began, but a member again now; nothing was sent"
            )
            return OffboardingResult(group, person, OffboardingStatus.CHANGED_SINCE, now, error=stale)
        if change.group_id in look.unreadable:
            if entry.status in (Status.FAILED, Status.NOT_STARTED):
                return None
            why = look.unreadable[change.group_id]
            unsure = IncompleteListingError(f"may have been removed by an earlier run, but now: {why}")
            return OffboardingResult(group, person, OffboardingStatus.UNKNOWN, error=unsure)
        if entry.status is Status.APPLIED:
            return OffboardingResult(group, person, OffboardingStatus.REMOVED, earlier=True)
        return OffboardingResult(group, person, OffboardingStatus.NOT_MEMBER)

    async def _describe(self, changes: Sequence[Change]) -> None:
        """Note who was found, with their organizations. That these cannot be read does not keep anybody."""
        reader = OrgMemberships(self._client)

        async def describe(change: Change) -> None:
            group, person = self._groups[change.group_id], self._accounts[change.person]
            member = self._removals.listings[group.id].by_membership[_id(change)]
            orgs = await reader.read(group.id, member.user.id)
            known = None if isinstance(orgs, GroupsError) else orgs
            if isinstance(orgs, GroupsError):
                name = group.name or group.id
                self._notes.append(f"{name}: {person}: memberships of organizations cannot be read: {orgs}")
            self._found[_id(change)] = OffboardingResult(
                group, person, OffboardingStatus.WOULD_REMOVE, member, known
            )
            self._traces.append(Trace(group.id, member.user.id, person, orgs_read=known is not None))

        await for_each(describe, changes, concurrency=self._concurrency)

    def session(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self._journal is None else self._journal.session()

    async def check(self, stage: Sequence[Change], *, paused: float, new_stage: bool) -> None:
        await self._removals.check(stage, paused=paused, new_stage=new_stage)

    async def before(self, items: Sequence[Change]) -> None:
        if self._journal is not None:
            organizations: dict[str, list[str]] = {}
            for change in items:
                orgs = self._found[_id(change)].org_memberships
                if self._cascade and orgs is not None:
                    organizations[change.key] = [
                        f"{m.org.name or m.org.id} ({m.role.name or m.role.id})" for m in orgs
                    ]
            await self._journal.begin(items, organizations)

    async def perform(self, item: Change) -> OffboardingResult:
        self._begun.add(_id(item))
        return self._result(await self._removals.perform(item))

    def interrupted(self, item: Change, error: Exception) -> OffboardingResult:
        return self._result(self._removals.interrupted(item, error))

    def not_started(self, item: Change, error: Exception) -> OffboardingResult:
        return self._result(self._removals.not_started(item, error))

    def _result(self, outcome: Outcome) -> OffboardingResult:
        self._outcomes[_id(outcome.change)] = outcome
        status = _STATUSES[outcome.status]
        if isinstance(outcome.error, ProtectedMemberError):
            status = OffboardingStatus.REFUSED
        elif isinstance(outcome.error, IncompleteListingError):
            status = OffboardingStatus.UNREADABLE
        return attrs.evolve(self._found[_id(outcome.change)], status=status, error=outcome.error)

    async def after(self, outcome: OffboardingResult) -> None:
        if self._journal is not None and outcome.membership is not None:
            await self._journal.end(self._outcomes[outcome.membership.id.lower()])

    def fatal_error(self, outcome: OffboardingResult) -> Exception | None:
        return fatal(outcome.error)

    async def look_for_what_remains(self) -> None:
        """Look at every group a second time; in a dry run, for accounts that can sign in by SSO only."""
        self._looked_again = False
        self._leftovers = leftovers = Leftovers(
            self._client, self._people, self._accounts, self._groups, concurrency=self._concurrency
        )
        try:
            if not self._dry_run and self._accounts:  # nobody was found: there is nothing to be sure of
                await leftovers.look_at_memberships(self._traces)
                self._groups = leftovers.groups
                self._looked_again = True
            await leftovers.look_at_sso()
        except GroupsError as error:
            leftovers.notes.append(f"not everything could be checked: {error}")


def _nameless(look: GroupListings) -> dict[str, GroupsError]:
    """The groups with members who go by no name: somebody who was not found may be one of them."""
    return {
        id_: IncompleteListingError(f"the listing of the group {id_} is not complete: {listing.name_gap}")
        for id_, listing in look.listings.items()
        if listing.nameless and id_ not in look.unreadable
    }


@attrs.frozen
class _EarlierAccount:
    """Somebody whose removal an earlier run has begun: they may be in no group any more."""

    id: str
    user: User


def _account_of(entry: JournalEntry) -> Account:
    return _EarlierAccount(_id(entry.change), entry.change.user or User(""))


def _id(change: Change) -> str:
    return (change.membership_id or "").lower()


_STATUSES = {
    Status.APPLIED: OffboardingStatus.REMOVED,
    Status.UNCHANGED: OffboardingStatus.NOT_MEMBER,
    Status.FAILED: OffboardingStatus.FAILED,
    Status.UNKNOWN: OffboardingStatus.UNKNOWN,
    Status.CHANGED_SINCE: OffboardingStatus.CHANGED_SINCE,
    Status.NOT_STARTED: OffboardingStatus.NOT_STARTED,
}


set_module("groups_sdk.access", globals(), ["AsyncOffboarding"])
