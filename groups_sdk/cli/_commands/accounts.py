"""`groups-sdk delete-sso-users`: the accounts of SSO users, deleted everywhere in Snyk."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._confirm import confirm_number, list_steps
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, FAILED, NOT_FOUND, CommandError
from groups_sdk.cli._guards import CHANGE_OPTIONS, guards
from groups_sdk.cli._output import counted, note, print_records
from groups_sdk.cli._parameters import GROUP_OPTION, Argument, Option, existing_file, new_file
from groups_sdk.cli._records import DELETIONS
from groups_sdk.cli._streams import read_once
from groups_sdk.cli._targets import group_named
from groups_sdk.cli._wording import with_options
from groups_sdk.errors import GroupsError

if TYPE_CHECKING:
    from groups_sdk._sync.deletions import Deletions
    from groups_sdk.access import DeletionReport

__all__ = ["delete_sso_users"]

_ACCOUNTS_NEEDED = (
    "--yes alone deletes no account: add --accounts N, the number of accounts that you expect to be deleted, "
    "or --dry-run to look first"
)
_NO_TERMINAL = (
    "Cannot ask for the number of accounts here (no terminal). Add --yes --accounts N, where N is the number of "
    "accounts that you expect to be deleted, or --dry-run to look first."
)


@command(
    "delete-sso-users",
    Argument("people", "Email, username or user id. Several can be given.", metavar="[PERSON...]", nargs=-1),
    GROUP_OPTION,
    Option(
        "--file",
        metavar="FILE",
        type=existing_file(dash=True),
        help="More people: one on each line or, in a table, in the column user_id, email or username; - for standard "
        "input.",
    ),
    Option(
        "--accounts",
        type=click.IntRange(min=1),
        metavar="N",
        help="The number of accounts that you expect to be deleted. With another number, nothing is. --yes needs it.",
    ),
    Option(
        "--allow-unreadable-groups",
        is_flag=True,
        help="Delete although the members of some groups cannot be read, so that it is not known what is lost there.",
    ),
    Option(
        "--journal",
        metavar="FILE",
        type=new_file(),
        help="Every deletion is recorded there before and after it is sent, so that the same command can continue "
        "after an interruption. Accounts that it has begun count for --accounts.",
    ),
    *CHANGE_OPTIONS,
    details="""The people are looked for among the users of the group's SSO connections. What each account is a member
of, in every group that you can see, is shown first; then you are asked to type the number of accounts. Deleted accounts
are gone from all of Snyk, not only from this group, nothing brings them back, and their owners are emailed. To remove
people from groups, use offboard. Exit code 0 only when everybody was found and deleted; with --dry-run, when everybody
was found and would be deleted. 4 when nobody was found.""",
    examples=("groups-sdk delete-sso-users grace.0001@example.com --dry-run",),
)
def delete_sso_users(
    connection: Connection,
    people: tuple[str, ...],
    group: str | None,
    file: Path | None,
    *,
    accounts: int | None,
    allow_unreadable_groups: bool,
    journal: Path | None,
    concurrency: int,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> int:
    from groups_sdk.access import DeletionStatus
    from groups_sdk.access._people_file import read_people
    from groups_sdk.access._writing import check_writable

    # A row of a table may say more of a person than a text does.
    everybody: list[Any] = [*people, *(() if file is None else read_people(read_once(file)))]
    if not everybody:
        raise CommandError("give a PERSON, or --file")
    _require_number(accounts, yes=yes, dry_run=dry_run)
    if journal is not None and not dry_run and not journal.exists():
        check_writable(journal)
    target = group_named(connection, group)

    def job(number: int | None) -> tuple[Deletions, progress.ProgressReporter]:
        reporter = progress.ProgressReporter()
        work = connection.client.access.delete_sso_users(
            target.id,
            everybody,
            dry_run=number is None,
            accounts=number,
            allow_unreadable_groups=allow_unreadable_groups,
            journal=journal,
            **guards(given),
            concurrency=concurrency,
            on_progress=reporter,
        )
        return work, reporter

    work, _ = job(None)
    with progress.bar("groups"):
        report = work.collect()
    going = report.of(DeletionStatus.WOULD_DELETE)
    if accounts is not None and accounts != report.accounts:
        list_steps(_steps(report))
        raise CommandError(
            f"--accounts is {accounts}, but {counted(report.accounts, 'account')} would be deleted; "
            "nothing was changed"
        )
    if dry_run:
        list_steps(_steps(report))
        note("dry run: nothing was changed")
    elif going or any(result.earlier for result in report.results):  # of these nobody has looked what is left
        if going:
            list_steps(_steps(report))
            if not yes:
                confirm_number(_question(len(going)), len(going))
        report = _run(*job(report.accounts), connection, report)
    print_records(DELETIONS, report.results, connection.options.output, noun="account")
    for line in _rest(report):
        note(with_options(line))
    return _code(report)


def _require_number(accounts: int | None, *, yes: bool, dry_run: bool) -> None:
    """Raise `CommandError` when nobody could say how many accounts are meant. To be called before anything is sent."""
    if dry_run:
        return
    if yes and accounts is None:
        raise CommandError(_ACCOUNTS_NEEDED)
    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CommandError(_NO_TERMINAL)


def _question(number: int) -> str:
    what = "this account" if number == 1 else f"these {number} accounts"
    whom = "its owner is" if number == 1 else "their owners are"
    return (
        f"Delete {what} from all of Snyk? Nothing brings {'it' if number == 1 else 'them'} back, and {whom} "
        "emailed. Type the number of accounts to delete:"
    )


def _run(
    work: Deletions, reporter: progress.ProgressReporter, connection: Connection, shown: DeletionReport
) -> DeletionReport:
    """Delete what was shown, and print what came of it so far when something stops that.

    Raises `CommandError` when an account, or what it is a member of, is not what was shown.
    """
    from groups_sdk.access import DeletionStatus

    with progress.bar("looking"):
        work.preview()
    if _access(work.report()) != _access(shown):
        raise CommandError(
            "the accounts or their memberships have changed since they were shown; nothing was changed, try again",
            FAILED,
        )
    try:
        with reporter.shown_as("accounts", requests_each=1):
            return work.collect()
    except BaseException as error:
        print_records(DELETIONS, work.outcomes, connection.options.output)
        note(_stopped(work))
        gone = (DeletionStatus.DELETED, DeletionStatus.UNKNOWN)
        if isinstance(error, GroupsError) and any(result.status in gone for result in work.outcomes):
            raise CommandError(with_options(str(error)), FAILED) from error  # no longer "nothing was changed"
        raise


def _access(report: DeletionReport) -> set[tuple[str, str, str]]:
    """The accounts that would be deleted, with each of their memberships and its role."""
    from groups_sdk.access import DeletionStatus

    return {
        (result.user.id.lower(), membership_id, role_id)
        for result in report.of(DeletionStatus.WOULD_DELETE)
        for membership_id, role_id in [("", ""), *((m.id, m.role.id) for m in result.memberships)]
    }


def _stopped(work: Deletions) -> str:
    """How far the work was when something stopped it, and how to go on."""
    from groups_sdk.access import DeletionStatus

    unknown = sum(result.status is DeletionStatus.UNKNOWN for result in work.outcomes)
    done = sum(result.status is DeletionStatus.DELETED for result in work.outcomes)
    uncertain = f", {unknown} uncertain (may have been deleted)" if unknown else ""
    return (
        f"stopped: {done} deleted{uncertain}, {len(work.pending)} not started. "
        "With a --journal, run the same command again to do the rest; without one, look first"
    )


def _steps(report: DeletionReport) -> list[str]:
    return [
        *(with_options(str(result)) for result in report.results),
        *_missing(report),
        *map(str, report.unreadable),
    ]


def _missing(report: DeletionReport) -> list[str]:
    where = report.group.name or report.group.id
    return [f"{person}: not found among the SSO users of {where}" for person in report.not_found]


def _rest(report: DeletionReport) -> Sequence[str]:
    """What the results do not say: who was not found, what is left, and what could not be looked at."""
    remaining = [f"remains: {access}" for access in report.remaining]
    return [*_missing(report), *map(str, report.unreadable), *remaining, *report.notes]


def _code(report: DeletionReport) -> int:
    from groups_sdk.access import DeletionStatus

    if report.complete:
        return DONE
    if not report.results:
        return NOT_FOUND
    fine = (DeletionStatus.WOULD_DELETE, DeletionStatus.DELETED, DeletionStatus.GONE)
    foreseen = report.dry_run and all(result.status in fine for result in report.results)
    return DONE if foreseen and not report.not_found else FAILED
