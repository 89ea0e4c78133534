"""A change from the look at it to its outcomes: nothing that was begun is left without one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from groups_sdk._terminal import printable
from groups_sdk.access import Action, Change, Changes, Outcome, Plan, Status
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._confirm import confirm, list_steps
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exits import DONE, FAILED, explain
from groups_sdk.cli._output import counted, print_records
from groups_sdk.cli._records import OUTCOMES, PENDING
from groups_sdk.errors import ApiError, ForbiddenError, NotFoundError
from groups_sdk.models import Group, GroupMembership

__all__ = ["carry_out", "note", "organizations_that_go", "removal_of", "unchanged"]


def carry_out(
    connection: Connection,
    group: Group,
    changes: Changes,
    told: progress.Told,
    describe: Callable[[Change], str] = str,
    *,
    settled: Sequence[Outcome] = (),
    yes: bool,
    dry_run: bool,
) -> int:
    """Look, ask, do it, and print what came of it, whatever happens meanwhile. Returns the exit code.

    `settled` are outcomes of what needs no change.
    """
    output = connection.options.output
    with progress.bar("looking"):
        pending = changes.preview()
    steps = [describe(change) for change in pending]
    if dry_run:
        list_steps([*steps, *map(str, changes.outcomes)])
        print_records(PENDING, pending, output, noun="change")
        note("dry run: nothing was changed")
        return DONE
    if pending:
        confirm(f"Make {counted(len(pending), 'change')} in {group.name or group.id}?", steps, yes=yes)
    try:
        with told.shown_as("changes"):
            changes.collect()
    except BaseException:
        print_records(OUTCOMES, [*settled, *changes.outcomes], output)
        note(f"stopped: {counted(len(changes.pending), 'change')} not begun")
        raise
    outcomes = [*settled, *changes.outcomes]
    print_records(OUTCOMES, outcomes, output, noun="outcome")
    return _code(outcomes)


def _code(outcomes: Sequence[Outcome]) -> int:
    """Whether all is well. Where nothing is, and for one reason, the code of that reason."""
    failed = [outcome.error for outcome in outcomes if outcome.status is Status.FAILED]
    unknown = sum(outcome.status is Status.UNKNOWN for outcome in outcomes)
    if not failed and not unknown:
        return DONE
    words = [f"{len(failed)} failed"] if failed else []
    words += [f"{unknown} may have been applied: look before you go on"] if unknown else []
    note(f"of {counted(len(outcomes), 'change')} {', '.join(words)}")
    codes = {explain(error, "")[0] if isinstance(error, ApiError) else FAILED for error in failed}
    return codes.pop() if len(failed) == len(outcomes) and len(codes) == 1 else FAILED


def unchanged(plan: Plan) -> list[Outcome]:
    """Of those that are as they should be: that they are."""
    return [Outcome(change, Status.UNCHANGED, sent=False) for change in plan.stays]


def removal_of(group: Group, members: Sequence[GroupMembership]) -> Plan:
    """The plan that removes these members, as they are now."""
    removals = [
        Change(
            action=Action.REMOVE,
            group_id=group.id,
            membership_id=member.id,
            user=member.user,
            before=member.role,
        )
        for member in members
    ]
    return Plan(group=group, made_at=datetime.now(UTC), removals=tuple(removals))


def organizations_that_go(connection: Connection, group: Group, member: GroupMembership) -> str:
    """What a removal with cascade takes from a member besides, to be put behind its description."""
    try:
        orgs = connection.client.list_org_memberships(group.id, user_id=member.user.id).collect()
    except (ForbiddenError, NotFoundError):
        return ", and from organizations below that may not be listed"
    names = ", ".join(membership.org.name or membership.org.id for membership in orgs)
    return f", and from {names}" if names else ""


def note(text: str) -> None:
    """One line on stderr."""
    print(printable(text), file=sys.stderr)
