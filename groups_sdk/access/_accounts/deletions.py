"""The accounts of SSO users, deleted everywhere in Snyk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from functools import partial
from math import inf

import anyio
import anyio.to_thread
import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._public import set_module
from groups_sdk.access._accounts.guards import AccountGuards
from groups_sdk.access._accounts.look import (
    AccountsLook,
    SsoUserAccount,
    list_sso_users,
    look_at_accounts,
)
from groups_sdk.access._accounts.report import DeletionReport, DeletionResult, DeletionStatus
from groups_sdk.access._addresses import normalised
from groups_sdk.access._batches import AsyncBatches, OnProgress
from groups_sdk.access._guards import Guards, listed
from groups_sdk.access._offboarding.group_listings import OrgMemberships
from groups_sdk.access._offboarding.leftovers import Leftovers, Trace
from groups_sdk.access._offboarding.report import RemainingAccess, all_together
from groups_sdk.access._operations import Operations
from groups_sdk.access._outcomes import Action, Change, Outcome, Refusals, Status, counted, fatal, outcome_of
from groups_sdk.access._people import Identity, described, identity_of, key_of
from groups_sdk.access._plan.journal import Journal, JournalEntry, read_journal
from groups_sdk.access._tasks import for_each
from groups_sdk.errors import (
    ConflictError,
    GroupsError,
    IncompleteListingError,
    InvalidArgumentError,
    JournalError,
    NotFoundError,
    ProtectedMemberError,
    StalePlanError,
)
from groups_sdk.models import Group, GroupMembership, OrgMembership, User

__all__ = ["AsyncDeletions", "DeletionWork"]

_PAUSE = 10.0  # seconds after which somebody else may well have changed something
_LONG_RUN = 300.0  # seconds after which a run that goes on looks again
_NO_CONNECTION = (
    "an SSO connection that listed accounts is not listed any more, so it is not known whether they are gone"
)


class AsyncDeletions(AsyncBatches[Change, DeletionResult]):
    """Deletions of accounts: iterate it for what came of each, or `collect()` a report.

    It behaves as `AsyncChanges` does: nothing is sent before the first step, and `outcomes` has all results so far,
    whatever stopped the work. Only `collect()` looks a second time, at the end.

    Example:
        report = await client.access.delete_sso_users(group_id, "ada@example.com").collect()
        print(report)
    """

    def __init__(self, work: DeletionWork, *, concurrency: int, on_progress: OnProgress | None) -> None:
        super().__init__(work, name="delete_sso_users(...)", concurrency=concurrency, on_progress=on_progress)
        self._deletions = work

    def _count_outcomes(self) -> str:
        return counted(result.status for result in self.outcomes)

    async def collect(self) -> DeletionReport:
        """Delete the accounts that are left, look again, and return the report.

        What stops the work once it has begun, such as a 401, is in the report: what was not begun is "not_started",
        and `looked_again` is False when the second look did not go through. Where the accounts cannot be looked at to
        begin with, the error is raised.
        """
        await self.finish()
        await self._deletions.look_for_what_remains()
        return self.report()

    def report(self) -> DeletionReport:
        """The report of the results so far. What is not begun yet is "would_delete", what is under way "unknown"."""
        return self._deletions.report(self.outcomes)


class DeletionWork:
    """Finds the accounts and, unless it is a dry run, deletes them."""

    def __init__(
        self,
        client: Operations,
        group_id: str,
        people: str | Iterable[str | Identity],
        guards: Guards,
        *,
        dry_run: bool,
        accounts: int | None,
        allow_unreadable_groups: bool,
        journal: str | os.PathLike[str] | None,
        concurrency: int,
    ) -> None:
        self._group_id = arguments.uuid("group_id", group_id).lower()
        given = [people] if isinstance(people, str) else list(people)
        self._people = tuple(dict.fromkeys(map(identity_of, given)))
        if not self._people:
            raise InvalidArgumentError("give at least one person")
        if not isinstance(dry_run, bool):
            raise InvalidArgumentError(f"dry_run must be True or False; got {dry_run!r}")
        if not (accounts is None or (type(accounts) is int and accounts >= 1)):
            raise InvalidArgumentError(f"accounts must be a whole number of at least 1; got {accounts!r}")
        if not dry_run and accounts is None:
            raise InvalidArgumentError(
                "dry_run=False needs accounts=N, the number of accounts that you expect to be deleted"
            )
        self._client = client
        self._guards = guards
        self._dry_run = dry_run
        self._expected = accounts
        self._allow_unreadable = allow_unreadable_groups
        self._concurrency = concurrency
        self._journal_path = journal
        self._journal: Journal | None = None
        if journal is not None and not dry_run:
            self._journal = Journal(
                journal,
                plan_digest=self._digest(),
                base_url=client.base_url,
                group_ids=[self._group_id],
            )
        self._refusals = Refusals()
        self._looking = anyio.Lock()
        self._looked_at = -inf
        self._sent = False
        self._leftovers: Leftovers | None = None
        self._listed_still: list[RemainingAccess] = []
        self._looked_again = False
        self._look: AccountsLook | None = None
        self._account_guards: AccountGuards | None = None
        self._forget()

    def _forget(self) -> None:
        """Begin anew: a look that was cut off half-way must leave nothing behind."""
        self._accounts: dict[str, str] = {}  # for whom each account was found, by user id
        self._found: dict[str, DeletionResult] = {}  # before anything was sent, by user id
        self._listed_by: dict[str, frozenset[str]] = {}  # the connections that listed each, by user id
        self._todo: tuple[str, ...] = ()  # what is to be deleted, by user id
        self._begun: set[str] = set()  # of these
        self._outcomes: dict[str, Outcome] = {}  # by user id
        self._not_found: tuple[str, ...] = ()
        self._notes: list[str] = []

    def _digest(self) -> str:
        """What a journal of this work is known by."""
        people = sorted({*map(normalised, (name for p in self._people for name in (*p.ids, *p.names)))})
        document = json.dumps({"delete_sso_users": people, "group_id": self._group_id})
        return hashlib.sha256(document.encode()).hexdigest()

    @property
    def _now(self) -> AccountsLook:
        assert self._look is not None  # noqa: S101 - `prepare` has looked
        return self._look

    @property
    def _guarding(self) -> AccountGuards:
        assert self._account_guards is not None  # noqa: S101 - they are made with each look
        return self._account_guards

    def report(self, results: Sequence[DeletionResult]) -> DeletionReport:
        leftovers = self._leftovers
        told = {result.user.id.lower() for result in results}
        groups = self._look.groups.groups if self._look else {}
        everybody = all_together(self._people)
        return DeletionReport(
            group=groups.get(self._group_id, Group(self._group_id)),
            people=tuple(map(str, self._people)),
            dry_run=self._dry_run,
            groups=len(groups),
            results=(*results, *(self._so_far(id_) for id_ in self._todo if id_ not in told)),
            not_found=self._not_found,
            unreadable=tuple(
                RemainingAccess(groups[id_], everybody, f"cannot be checked: {error}")
                for id_, error in (self._look.groups.unreadable if self._look else {}).items()
            ),
            remaining=(*self._listed_still, *(leftovers.remaining if leftovers else ())),
            notes=(*dict.fromkeys(self._notes), *(leftovers.notes if leftovers else ())),
            looked_again=self._looked_again,
        )

    def _so_far(self, user_id: str) -> DeletionResult:
        """What is to be said of an account that has no result yet."""
        status = DeletionStatus.UNKNOWN if user_id in self._begun else DeletionStatus.WOULD_DELETE
        return attrs.evolve(self._found[user_id], status=status)

    async def prepare(self) -> tuple[list[DeletionResult], list[list[Change]]]:
        self._forget()
        entries = await self._earlier()
        await self._look_at_all(_account_of(entry) for entry in entries.values())
        if entries and not self._now.sso.connection_ids:
            raise IncompleteListingError(
                f"the group {self._group_id} has no SSO connection any more, so that it cannot be told which accounts "
                "of the journal are gone; nothing was sent"
            )
        self._find()
        results: list[DeletionResult] = []
        todo: list[Change] = []
        for id_, person in self._accounts.items():
            result = self._result_of_earlier(person, id_, entries.get(id_))
            if result is not None:
                results.append(result)
            else:
                todo.append(self._change(id_))
        self._guarding.check_people(todo)
        await self._describe(todo)
        refused = self._refused(todo)
        todo = [change for change in todo if change.key not in refused]
        if not self._dry_run:
            self._check_number(len(results), todo)
        results += [
            self._result(Outcome(change, Status.FAILED, error, sent=False))
            for change, error in refused.values()
        ]
        if self._dry_run:
            results += [self._found[change.person] for change in todo]
            todo = []
        mine = [change for change in todo if self._guarding.is_me(change)]
        others = [change for change in todo if change not in mine]
        self._todo = tuple(change.person for change in (*others, *mine))
        return results, [others, mine]  # whoever is gone deletes nobody else

    async def _earlier(self) -> dict[str, JournalEntry]:
        """What earlier runs have begun, by user id. A dry run reads the journal too, if there is one."""
        if self._journal is not None:
            entries: Iterable[JournalEntry] = self._journal.earlier.values()
        elif self._journal_path is not None and await anyio.Path(self._journal_path).exists():
            record = await anyio.to_thread.run_sync(partial(read_journal, self._journal_path, begun=False))
            if record is None:  # a run was cut off before it had begun anything
                return {}
            if record.plan_digest != self._digest():
                raise JournalError(
                    f"{os.fspath(self._journal_path)}: belongs to another plan: it is about other people"
                )
            entries = record.entries
        else:
            entries = ()
        return {entry.change.person: entry for entry in entries}

    async def _look_at_all(self, earlier: Iterable[SsoUserAccount] | None = None) -> None:
        known = self._now.earlier if earlier is None else earlier
        began = anyio.current_time()
        look = await look_at_accounts(self._client, self._group_id, known, concurrency=self._concurrency)
        before = None if earlier is not None else self._account_guards
        self._account_guards = AccountGuards(self._guards, look, before)
        self._look, self._looked_at = look, began

    def _find(self) -> None:
        """Find everybody's account. Raises `AmbiguousMatchError` when it is not certain whose is meant."""
        not_found: list[str] = []
        earlier = {key_of(account) for account in self._now.earlier}
        for person in self._people:
            account = self._now.find(person)
            key = "" if account is None else key_of(account)
            if key in self._now.sso.accounts or key in earlier:
                self._accounts.setdefault(key, str(person))
                continue
            not_found.append(str(person))
            if account is not None:
                self._notes.append(
                    f"{person}: {described(account)} is a member, but no SSO user of this group: this API deletes "
                    "accounts of SSO users only"
                )
        self._not_found = tuple(not_found)

    def _change(self, user_id: str) -> Change:
        account = self._now.sso.accounts[user_id]
        self._listed_by[user_id] = frozenset(account.connection_ids)
        return Change(action=Action.DELETE_ACCOUNT, group_id=self._group_id, user=account.user)

    def _result_of_earlier(self, person: str, id_: str, entry: JournalEntry | None) -> DeletionResult | None:
        """By what the journal says that we did, and what the API shows; None when it is (still) to be done."""
        if entry is None:
            return None
        user = entry.change.user or User(id_)
        if id_ in self._now.sso.accounts:
            if entry.status is not Status.APPLIED:
                return None
            error = StalePlanError("an earlier run deleted it, but it is there again; nothing was sent")
            return DeletionResult(
                person=person,
                status=DeletionStatus.CHANGED_SINCE,
                user=user,
                memberships=self._now.memberships_of(id_),
                error=error,
                earlier=True,
            )
        status = DeletionStatus.DELETED if entry.status is Status.APPLIED else DeletionStatus.GONE
        return DeletionResult(person=person, status=status, user=user, earlier=True)

    async def _describe(self, changes: Sequence[Change]) -> None:
        """Note what the accounts are members of. That organizations cannot be read does not keep anybody."""
        reader = OrgMemberships(self._client)

        async def describe(change: Change) -> None:
            person = self._accounts[change.person]
            memberships = self._now.memberships_of(change.person)
            orgs: list[OrgMembership] = []
            known = not self._now.groups.unreadable
            for member in memberships:
                below = await reader.read(member.group.id, member.user.id)
                if isinstance(below, GroupsError):
                    known = False
                    name = member.group.name or member.group.id
                    self._notes.append(
                        f"{name}: {person}: memberships of organizations cannot be read: {below}"
                    )
                else:
                    orgs += below
            self._found[change.person] = DeletionResult(
                person=person,
                status=DeletionStatus.WOULD_DELETE,
                user=change.user or User(change.person),
                memberships=memberships,
                org_memberships=tuple(orgs) if known else None,
            )

        await for_each(describe, changes, concurrency=self._concurrency)

    def _refused(self, todo: Sequence[Change]) -> dict[str, tuple[Change, GroupsError]]:
        """The accounts that must not be deleted, and why, by the key of the change."""
        reasons: dict[str, GroupsError] = dict(self._guarding.last_admins(todo))
        self._notes += self._guarding.notes
        unreadable = self._unreadable()
        if unreadable is not None:
            reasons = {change.key: reasons.get(change.key, unreadable) for change in todo}
        return {change.key: (change, reasons[change.key]) for change in todo if change.key in reasons}

    def _unreadable(self) -> IncompleteListingError | None:
        """Why nothing is deleted while it is not known what the accounts are members of."""
        unreadable = self._now.groups.unreadable
        if not unreadable or self._allow_unreadable:
            return None
        groups = self._now.groups.groups
        names = ", ".join(groups[id_].name or id_ for id_ in unreadable)
        return IncompleteListingError(
            f"not all members of these groups can be read, so it is not known what would be lost there: {names}; "
            "nothing was sent (allow_unreadable_groups permits it)"
        )

    def _check_number(self, earlier: int, todo: Sequence[Change]) -> None:
        """Raise what keeps all of it: groups that cannot be read, or another number of accounts than expected."""
        unreadable = self._unreadable()
        if unreadable is not None:
            raise unreadable
        number = earlier + len(todo)
        if number != self._expected:
            before = f" ({earlier} of them by an earlier run)" if earlier else ""
            what = f": {listed(todo)}" if todo else ""
            raise InvalidArgumentError(
                f"accounts={self._expected}, but {number} would be deleted{before}{what}; nothing was sent"
            )

    def session(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self._journal is None else self._journal.session()

    async def check(self, stage: Sequence[Change], *, paused: float, new_stage: bool) -> None:
        if paused > _PAUSE:
            await self._look_at_all()
            if not self._sent:
                self._guarding.check_people(stage)

    async def before(self, items: Sequence[Change]) -> None:
        if self._journal is not None:
            organizations: dict[str, list[str]] = {}
            for change in items:
                orgs = self._found[change.person].org_memberships
                if orgs is not None:
                    organizations[change.key] = [
                        f"{m.org.name or m.org.id} ({m.role.name or m.role.id})" for m in orgs
                    ]
            await self._journal.begin(items, organizations)

    async def perform(self, item: Change) -> DeletionResult:
        self._begun.add(item.person)
        return self._result(await self._perform(item))

    async def _perform(self, change: Change) -> Outcome:
        refusal = self._refusals.refusal(change)
        if refusal is not None:
            return Outcome(change, Status.NOT_STARTED, refusal, sent=False)
        try:
            async with self._looking:
                if anyio.current_time() - self._looked_at > _LONG_RUN:
                    await self._look_at_all()
        except GroupsError as error:
            return Outcome(change, Status.FAILED, error, sent=False)
        settled = self._settled(change)
        if settled is not None:
            return settled
        protection = self._guarding.begin(change)
        if protection is not None:
            return Outcome(change, Status.FAILED, protection, sent=False)
        outcome = await self._send(change)
        self._guarding.end(change, outcome.status)
        if outcome.error is not None:
            self._refusals.note(change, outcome.error)
        return outcome

    def _settled(self, change: Change) -> Outcome | None:
        """The outcome of what is not to be sent, by the last look; None when the account is to be deleted."""
        if change.person not in self._now.sso.accounts:
            if not self._listed_by[change.person] <= self._now.sso.connection_ids:
                return Outcome(change, Status.FAILED, IncompleteListingError(_NO_CONNECTION), sent=False)
            return Outcome(change, Status.UNCHANGED, sent=False)
        unreadable = self._unreadable()
        if unreadable is not None:
            return Outcome(change, Status.FAILED, unreadable, sent=False)
        shown = self._found[change.person].memberships
        if _access(shown) != _access(self._now.memberships_of(change.person)):
            stale = StalePlanError("its memberships have changed since they were shown; nothing was sent")
            return Outcome(change, Status.CHANGED_SINCE, stale, sent=False)
        return None

    async def _send(self, change: Change) -> Outcome:
        """Delete an account. Where the answer leaves it open whether it is gone, list the SSO users again."""
        self._sent = True
        connection_id = self._now.sso.accounts[change.person].connection_ids[0]
        try:
            await self._client.delete_sso_user(
                self._group_id, connection_id, change.person, accept_missing=False
            )
        except GroupsError as error:
            outcome = outcome_of(change, error)
            open_question = isinstance(error, ConflictError | NotFoundError)
            if (open_question or outcome.status is Status.UNKNOWN) and await self._is_gone(
                change, connection_id
            ):
                ours = outcome.status is Status.UNKNOWN
                return Outcome(change, Status.APPLIED if ours else Status.UNCHANGED, error)
            return outcome
        return Outcome(change, Status.APPLIED)

    async def _is_gone(self, change: Change, connection_id: str) -> bool:
        """Whether a listing proves it: the connection is there, and none of the connections has the user."""
        with suppress(GroupsError):
            sso = await list_sso_users(self._client, self._group_id)
            return connection_id in sso.connection_ids and change.person not in sso.accounts
        return False

    def interrupted(self, item: Change, error: Exception) -> DeletionResult:
        return self._result(Outcome(item, Status.UNKNOWN, error))

    def not_started(self, item: Change, error: Exception) -> DeletionResult:
        return self._result(Outcome(item, Status.NOT_STARTED, error, sent=False))

    def _result(self, outcome: Outcome) -> DeletionResult:
        self._outcomes[outcome.change.person] = outcome
        status = _STATUSES[outcome.status]
        if isinstance(outcome.error, ProtectedMemberError | IncompleteListingError) and not outcome.sent:
            status = DeletionStatus.REFUSED
        return attrs.evolve(self._found[outcome.change.person], status=status, error=outcome.error)

    async def after(self, outcome: DeletionResult) -> None:
        if self._journal is not None:
            await self._journal.end(self._outcomes[outcome.user.id.lower()])

    def fatal_error(self, outcome: DeletionResult) -> Exception | None:
        return fatal(outcome.error)

    async def look_for_what_remains(self) -> None:
        """Look at the SSO users and at every group a second time. A dry run has seen them just before."""
        self._looked_again = False
        if self._dry_run:
            return
        groups = self._now.groups.groups
        self._leftovers = leftovers = Leftovers(
            self._client, self._people, self._accounts, groups, concurrency=self._concurrency
        )
        self._listed_still = []
        try:
            await leftovers.look_at_memberships(self._traces())
            sso = await list_sso_users(self._client, self._group_id)
            self._listed_still = [
                RemainingAccess(groups[self._group_id], person, f"the account {id_} is still an SSO user")
                for id_, person in self._accounts.items()
                if id_ in sso.accounts
            ]
            if all(before <= sso.connection_ids for before in self._listed_by.values()):
                self._looked_again = True
            else:
                leftovers.notes.append(f"not everything could be checked: {_NO_CONNECTION}")
        except GroupsError as error:
            leftovers.notes.append(f"not everything could be checked: {error}")

    def _traces(self) -> list[Trace]:
        """Where organizations may still know the accounts."""
        return [
            Trace(member.group.id, id_, result.person, orgs_read=result.org_memberships is not None)
            for id_, result in self._found.items()
            for member in result.memberships
        ]


def _account_of(entry: JournalEntry) -> SsoUserAccount:
    return SsoUserAccount(entry.change.user or User(entry.change.person), ())


def _access(memberships: Iterable[GroupMembership]) -> set[tuple[str, str]]:
    return {(member.id.lower(), member.role.id.lower()) for member in memberships}


_STATUSES = {
    Status.APPLIED: DeletionStatus.DELETED,
    Status.UNCHANGED: DeletionStatus.GONE,
    Status.FAILED: DeletionStatus.FAILED,
    Status.UNKNOWN: DeletionStatus.UNKNOWN,
    Status.CHANGED_SINCE: DeletionStatus.CHANGED_SINCE,
    Status.NOT_STARTED: DeletionStatus.NOT_STARTED,
}


set_module("groups_sdk.access", globals(), ["AsyncDeletions"])
