"""`groups-sdk offboard`: people, out of every group that the token sees."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._command import command
from groups_sdk.cli._confirm import confirm, list_steps, require_somebody
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE, FAILED, NOT_FOUND, CommandError
from groups_sdk.cli._guards import CHANGE_OPTIONS, guards
from groups_sdk.cli._output import counted, note, print_records
from groups_sdk.cli._parameters import (
    CASCADE,
    CASCADE_NEEDED,
    Argument,
    Option,
    existing_file,
    new_file,
)
from groups_sdk.cli._records import OFFBOARDING
from groups_sdk.cli._streams import read_once
from groups_sdk.cli._wording import with_options
from groups_sdk.errors import GroupsError

if TYPE_CHECKING:
    from groups_sdk._sync.offboarding import Offboarding
    from groups_sdk.access import OffboardingReport, OffboardingResult

__all__ = ["offboard"]


@command(
    "offboard",
    Argument(
        "people",
        "Email, username or user id. Several can be given.",
        metavar="[PERSON...]",
        nargs=-1,
    ),
    Option(
        "--file",
        metavar="FILE",
        type=existing_file(dash=True),
        help="More people: one on each line or, in a table, in the column user_id, email or username; - for standard "
        "input.",
    ),
    Option(
        "--all-accounts",
        is_flag=True,
        help="Remove all accounts of a person. Without it, a person with several accounts is refused.",
    ),
    Option(
        "--journal",
        metavar="FILE",
        type=new_file(),
        help="Every removal is recorded there before and after it is sent, so that the same command can continue after "
        "an interruption.",
    ),
    CASCADE,
    *CHANGE_OPTIONS,
    details="""It works on all groups, whatever SNYK_GROUP_ID and the profile say. Afterwards it looks again, and lists
what access is left. Exit code 0 only when everybody was found and removed, and nothing is left; with --dry-run, when
everybody was found and would be removed. 4 when nobody was found.""",
    examples=(
        "groups-sdk offboard grace.0001@example.com --cascade",
        "groups-sdk offboard --file leavers.txt --cascade --journal leavers.journal",
    ),
)
def offboard(
    connection: Connection,
    people: tuple[str, ...],
    file: Path | None,
    *,
    all_accounts: bool,
    journal: Path | None,
    cascade: bool | None,
    concurrency: int,
    yes: bool,
    dry_run: bool,
    **given: Any,
) -> int:
    from groups_sdk.access import OffboardingStatus
    from groups_sdk.access._writing import check_writable

    if cascade is None:
        raise CommandError(CASCADE_NEEDED)
    everybody = [*people, *_read(file)]
    if not everybody:
        raise CommandError("give a PERSON, or --file")
    require_somebody(yes=yes, dry_run=dry_run)
    if journal is not None and not dry_run and not journal.exists():
        check_writable(journal)

    def job(*, dry: bool) -> tuple[Offboarding, progress.ProgressReporter]:
        reporter = progress.ProgressReporter()
        work = connection.client.access.offboard(
            everybody,
            cascade=cascade,
            dry_run=dry,
            all_accounts=all_accounts,
            journal=journal,
            **guards(given),
            concurrency=concurrency,
            on_progress=reporter,
        )
        return work, reporter

    resumed = journal is not None and journal.exists()
    # Where nobody is asked, what was seen needs no second look; but a new journal is made only when there is work.
    at_once = yes and not dry_run and (journal is None or resumed)
    work, reporter = job(dry=not at_once)
    with progress.bar("groups"):
        if at_once:
            work.preview()
        else:
            list(work)
    report = work.report()
    going = report.of(OffboardingStatus.WOULD_REMOVE)
    if dry_run:
        list_steps([str(result) for result in going])
        note("dry run: nothing was changed")
    if not dry_run and (going or resumed):
        whom = everybody[0] if len(everybody) == 1 else f"{len(everybody):,} people"
        below = "and from the organizations below" if cascade else "but not from the organizations below"
        question = f"Remove {whom}: {counted(len(going), 'membership')} of groups, {below}?"
        confirm(question, _steps(report), yes=yes)
        if not at_once:
            work, reporter = job(dry=False)
            _require_shown(work, going)
        report = _run(connection, work, reporter)
    else:
        with progress.bar("groups"):
            report = work.collect()
    print_records(OFFBOARDING, report.results, connection.options.output, noun="result")
    for line in _rest(report):
        note(with_options(line))
    return _code(report)


def _read(file: Path | None) -> Sequence[Any]:
    from groups_sdk.access._people_file import read_people

    return () if file is None else read_people(read_once(file))


def _require_shown(work: Offboarding, shown: Sequence[OffboardingResult]) -> None:
    """Raise `CommandError` when more would be removed than was shown: somebody was added to a group meanwhile."""
    memberships = {result.membership.id for result in shown if result.membership is not None}
    with progress.bar("looking"):
        unseen = [change for change in work.preview() if change.membership_id not in memberships]
    if unseen:
        listed = "; ".join(map(str, unseen))
        raise CommandError(
            f"there is more to remove than was shown: {listed}; nothing was changed, try again", FAILED
        )


def _run(connection: Connection, work: Offboarding, reporter: progress.ProgressReporter) -> OffboardingReport:
    """Remove what was shown, and print what came of it so far when something stops that."""
    from groups_sdk.access import OffboardingStatus

    try:
        with reporter.shown_as("memberships", requests_each=1):
            return work.collect()
    except BaseException as error:
        print_records(OFFBOARDING, work.outcomes, connection.options.output)
        note(_stopped(work))
        gone = (OffboardingStatus.REMOVED, OffboardingStatus.UNKNOWN)
        if isinstance(error, GroupsError) and any(result.status in gone for result in work.outcomes):
            raise CommandError(with_options(str(error)), FAILED) from error  # no longer "nothing was changed"
        raise


def _stopped(work: Offboarding) -> str:
    """How far the work was when something stopped it, and how to go on."""
    from groups_sdk.access import OffboardingStatus

    unknown = sum(result.status is OffboardingStatus.UNKNOWN for result in work.outcomes)
    done = sum(result.status is OffboardingStatus.REMOVED for result in work.outcomes)
    uncertain = f", {unknown} uncertain (may have been removed)" if unknown else ""
    return (
        f"stopped: {done} removed{uncertain}, {len(work.pending)} not started. "
        "Run the same command again to do the rest"
    )


def _steps(report: OffboardingReport) -> list[str]:
    return [*map(str, report.results), *_missing(report)]


def _missing(report: OffboardingReport) -> list[str]:
    return [f"{person}: not found in any of {counted(report.groups, 'group')}" for person in report.not_found]


def _rest(report: OffboardingReport) -> list[str]:
    """What the results do not say: who was not found, what is left, and what could not be looked at."""
    lines: list[str] = []
    if report.found:
        others = report.groups - len({result.group.id for result in report.results})
        lines.append(f"not a member of {others} of {counted(report.groups, 'group')}")
    lines += _missing(report)
    lines += [f"remains: {remaining}" for remaining in (*report.remaining, *report.sso_users)]
    return [*lines, *report.notes]


def _code(report: OffboardingReport) -> int:
    from groups_sdk.access import OffboardingStatus

    if report.complete:
        return DONE
    if not report.found:
        return FAILED if report.of(OffboardingStatus.UNREADABLE) else NOT_FOUND
    foreseen = report.of(OffboardingStatus.WOULD_REMOVE)
    return DONE if not report.not_found and len(foreseen) == len(report.results) else FAILED
