"""Changes from the look at them to their outcomes: nothing that was begun is left without one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from groups_sdk._arguments import UUID
from groups_sdk.access import Change, Changes, Outcome, Status
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._confirm import confirm, list_steps
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, FAILED, CommandError
from groups_sdk.cli._explain import code_of
from groups_sdk.cli._output import counted, note, print_records
from groups_sdk.cli._records import OUTCOMES, PENDING
from groups_sdk.cli._wording import with_options
from groups_sdk.errors import ForbiddenError, GroupsError, NotFoundError

__all__ = ["organizations_that_go", "run_changes"]


_NOT_DONE = {
    Status.FAILED: "failed",
    Status.CHANGED_SINCE: "changed by somebody else since",
    Status.NOT_STARTED: "not started",
}


_ONCE_DONE = (Status.APPLIED, Status.UNCHANGED, Status.CHANGED_SINCE)


def run_changes(
    connection: Connection,
    where: Callable[[], str],
    changes: Changes,
    reporter: progress.ProgressReporter,
    describe: Callable[[Change], str] = str,
    *,
    yes: bool,
    dry_run: bool,
) -> int:
    """Look, show what would be done, ask, do it, and print what came of it. Returns the exit code.

    `where` names the groups in the question, and is called only when it is asked. Outcomes are printed whatever happens
    meanwhile.
    """
    output = connection.options.output
    with progress.bar("looking"):
        pending = changes.preview()
    steps = [describe(change) for change in pending]
    refused = [outcome for outcome in changes.outcomes if outcome.status in (*_NOT_DONE, Status.UNKNOWN)]
    noted = _say_notes(changes.notes)
    if dry_run:
        list_steps([*steps, *map(str, changes.outcomes)])
        print_records(PENDING, pending, output, noun="change")
        code = _code(refused, of=len(pending) + len(changes.outcomes))
        note("dry run: nothing was changed")
        return code
    if pending:
        question = "" if yes else f"Make {counted(len(pending), 'change')} in {where()}?"
        confirm(question, [*steps, *map(str, refused)], yes=yes)
    try:
        with reporter.shown_as("changes", requests_each=1):
            changes.collect()
    except BaseException as error:
        print_records(OUTCOMES, changes.outcomes, output)
        note(_stopped(changes))
        if isinstance(error, GroupsError) and any(outcome.sent for outcome in changes.outcomes):
            raise CommandError(with_options(str(error)), FAILED) from error  # no longer "nothing was changed"
        raise
    _say_notes(changes.notes[noted:])
    print_records(OUTCOMES, changes.outcomes, output, noun="outcome")
    if not pending:
        _say_finished(changes.outcomes)
    return _code(changes.outcomes, of=len(changes.outcomes))


def _stopped(changes: Changes) -> str:
    """How far the work was when something stopped it, and how to go on."""
    done = sum(outcome.status in (Status.APPLIED, Status.UNCHANGED) for outcome in changes.outcomes)
    unknown = sum(outcome.status is Status.UNKNOWN for outcome in changes.outcomes)
    failed = len(changes.outcomes) - done - unknown
    words = [f"{done} done"]
    words += [f"{unknown} uncertain (may have been applied)"] if unknown else []
    words += [f"{failed} not done"] if failed else []
    words.append(f"{len(changes.pending)} not started")
    return f"stopped: {', '.join(words)}. Run the same command again to do the rest"


def _say_finished(outcomes: Sequence[Outcome]) -> None:
    """Say that there was nothing left to do, and whether earlier runs have done it."""
    earlier = sum(outcome.earlier for outcome in outcomes)
    since = sum(outcome.status is Status.CHANGED_SINCE for outcome in outcomes)
    if not outcomes:
        note("nothing to do")
    elif earlier == len(outcomes) and all(outcome.status in _ONCE_DONE for outcome in outcomes):
        rest = f"; {since} changed by somebody else since" if since else "; nothing has changed since"
        note(f"finished already: an earlier run did all {counted(earlier, 'change')}{rest}")
    elif all(outcome.status is Status.UNCHANGED for outcome in outcomes):
        note("nothing to do: everything is already as wanted")


def _code(outcomes: Sequence[Outcome], *, of: int) -> int:
    """Whether all is well, `of` so many changes. Where nothing is, and for one reason, the code of that reason."""
    failed = [outcome.error for outcome in outcomes if outcome.status in _NOT_DONE]
    unknown = sum(outcome.status is Status.UNKNOWN for outcome in outcomes)
    if not failed and not unknown:
        return DONE
    counts = ((sum(o.status is status for o in outcomes), word) for status, word in _NOT_DONE.items())
    words = [f"{count} {word}" for count, word in counts if count]
    words += [f"{unknown} may have been applied (check before you continue)"] if unknown else []
    note(f"{', '.join(words)}, of {counted(of, 'change')}")
    codes = {code_of(error) for error in failed}
    return codes.pop() if len(failed) == of and len(codes) == 1 else FAILED


def organizations_that_go(connection: Connection, change: Change) -> str:
    """What a removal with cascade takes from a member besides, to be put behind its description."""
    if change.user is None or not UUID.fullmatch(change.user.id):
        return ", and from organizations below that are not known"
    try:
        orgs = connection.client.list_org_memberships(change.group_id, user_id=change.user.id).collect()
    except (ForbiddenError, NotFoundError):
        return ", and from organizations below that may not be listed"
    names = ", ".join(membership.org.name or membership.org.id for membership in orgs)
    return f", and from {names}" if names else ""


def _say_notes(notes: Iterable[str]) -> int:
    """Say them all on stderr, and return how many there are."""
    said = [*notes]
    for text in said:
        note(with_options(text))
    return len(said)
